package forecast

import (
	"math"
	"slices"
	"time"
)

const (
	// budget bounds the work whatever the sizes of queue and team: plays times chats, waiting and running.
	budget = 100_000
	// fewestPlays and mostPlays bound the plays. With 100 the P90 is about three in a hundred off.
	fewestPlays, mostPlays = 100, 500
	// MostChats is how many chats of a queue are looked at. The rest is so far away that a range would say little.
	MostChats = 1000
)

// Waits returns the range of each waiting chat, in the order of state.Chats; those beyond MostChats are not known. It costs
// at most about budget steps of O(log slots) and leaves its argument unchanged.
func Waits(state State) []Range {
	ranges := make([]Range, len(state.Chats))
	state.Chats = state.Chats[:min(len(state.Chats), MostChats)]
	if len(state.Chats) == 0 || len(state.Agents) == 0 {
		return ranges
	}
	game := newGame(state)
	plays := min(max(budget/(len(state.Chats)+len(game.running)), fewestPlays), mostPlays)
	// One row a chat, one column a play: the columns of a chat are sorted in place.
	waits := make([]float32, len(state.Chats)*plays)
	for play := range plays {
		game.play(play, func(chat int, seconds float64) { waits[chat*plays+play] = float32(seconds) })
	}
	for chat := range state.Chats {
		row := waits[chat*plays : (chat+1)*plays]
		slices.Sort(row)
		ranges[chat] = rangeOf(row)
	}
	return ranges
}

// rangeOf reads the range from the sorted waits of one chat.
func rangeOf(sorted []float32) Range {
	p50, p90 := quantile(sorted, 0.5), quantile(sorted, 0.9)
	if math.IsInf(p90, 1) {
		return Range{}
	}
	return Range{Known: true, P50: duration(p50), P90: duration(p90)}
}

// quantile is the smallest wait that at least the share of the plays stayed within.
func quantile(sorted []float32, share float64) float64 {
	return float64(sorted[int(math.Ceil(share*float64(len(sorted))))-1])
}

func duration(seconds float64) time.Duration {
	return time.Duration(seconds * float64(time.Second))
}
