package simulation

import (
	"math"
	"slices"
	"time"

	"github.com/supportbase/handoff/worker/assignment"
)

// Summary is what a team did with the arrivals.
type Summary struct {
	Strategy assignment.Strategy `json:"strategy"`
	Agents   int                 `json:"agents"`
	Slots    int                 `json:"slots"`

	Arrived int `json:"arrived"`
	Served  int `json:"served"`
	// Left are those whose patience ended first.
	Left      int     `json:"left"`
	LeftShare float64 `json:"left_share"`

	// Wait is that of the served.
	Wait Waits `json:"wait_seconds"`
	// InTime is the share of all who arrived that got an agent within the target.
	InTime float64 `json:"in_time"`
	// Utilisation is the share of the team's slots that was taken.
	Utilisation  float64 `json:"utilisation"`
	LongestQueue int     `json:"longest_queue"`
	// Fewest and Most are how many chats the agents with the fewest and the most of them had.
	Fewest int `json:"fewest_chats"`
	Most   int `json:"most_chats"`
}

// Waits are in seconds.
type Waits struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	Max  float64 `json:"max"`
}

// summarise reads a result. Length is for how long the team was there, unless it had to stay longer.
func summarise(scenario Scenario, result Result, target, length time.Duration) Summary {
	s := Summary{
		Strategy: scenario.Strategy, Agents: len(scenario.Team), Arrived: len(result.Chats), LongestQueue: result.LongestQueue,
	}
	waits, each := make([]float64, 0, len(result.Chats)), make([]int, len(scenario.Team))
	inTime := 0
	for _, chat := range result.Chats {
		if chat.Left {
			s.Left++
			continue
		}
		each[chat.Member]++
		waits = append(waits, chat.Wait.Seconds())
		if chat.Wait <= target {
			inTime++
		}
	}
	s.Served, s.Wait = len(waits), waitsOf(waits)
	s.Fewest, s.Most = slices.Min(each), slices.Max(each)
	if s.Arrived > 0 {
		s.LeftShare, s.InTime = float64(s.Left)/float64(s.Arrived), float64(inTime)/float64(s.Arrived)
	}
	s.Utilisation, s.Slots = utilisation(scenario.Team, result, length)
	return s
}

func utilisation(team []Member, result Result, length time.Duration) (share float64, slots int) {
	busy := time.Duration(0)
	for i, member := range team {
		busy += result.Busy[i]
		slots += member.Slots
	}
	return busy.Seconds() / (float64(slots) * max(length, result.Ended).Seconds()), slots
}

func waitsOf(waits []float64) Waits {
	if len(waits) == 0 {
		return Waits{}
	}
	slices.Sort(waits)
	sum := 0.0
	for _, one := range waits {
		sum += one
	}
	at := func(share float64) float64 { return waits[int(math.Ceil(share*float64(len(waits))))-1] }
	return Waits{Mean: sum / float64(len(waits)), P50: at(0.5), P90: at(0.9), P99: at(0.99), Max: waits[len(waits)-1]}
}
