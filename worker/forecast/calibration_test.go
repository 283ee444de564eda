package forecast_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/worker/assignment"
	"github.com/supportbase/handoff/worker/forecast"
	"github.com/supportbase/handoff/worker/simulation"
)

// TestWaitsAreCalibrated promises ranges in a simulated team whose truth is known, and holds them against what came. The
// team is played by the planner that serves real projects; the forecast is told what the worker could know at that moment.
func TestWaitsAreCalibrated(t *testing.T) {
	t.Parallel()
	worlds := map[string]struct {
		team  []simulation.Member
		perHr float64
		// spread is sigma of the log-normal handling times.
		spread, patience float64
	}{
		"four agents with three chats each, near their limit":    {team: members(4, 3), perHr: 98, spread: 0.8},
		"one agent with one chat at a time":                      {team: members(1, 1), perHr: 7, spread: 0.8},
		"twelve agents, handling times that differ a lot":        {team: members(12, 2), perHr: 190, spread: 1.2},
		"too few agents, and customers who leave after a while":  {team: members(3, 2), perHr: 70, spread: 0.8, patience: 25},
		"a third of the chats for the half who speak a language": {team: bilingual(members(6, 2)), perHr: 90, spread: 0.7},
	}
	for name, world := range worlds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(7, 11))
			skills := world.team[0].Skills
			arrivals := arrive(random, 4000, world.perHr, world.spread, world.patience, skills)
			promises := promise(t, world.team, arrivals)
			require.Greater(t, len(promises), 250, "enough to judge by")
			score := judge(promises)
			t.Logf("%d promises: P50 kept %.3f, P90 kept %.3f; mean absolute error %s, F001's formula %s",
				len(promises), score.p50, score.p90, score.off.Round(time.Second), score.baselineOff.Round(time.Second))
			assert.InDelta(t, 0.5, score.p50, 0.08)
			assert.InDelta(t, 0.9, score.p90, 0.05)
			assert.Less(t, score.off, score.baselineOff)
		})
	}
}

func members(count, slots int) []simulation.Member {
	team := make([]simulation.Member, count)
	for i := range team {
		team[i] = simulation.Member{ID: string(rune('a' + i)), Slots: slots}
	}
	return team
}

func bilingual(team []simulation.Member) []simulation.Member {
	for i := range team[:len(team)/2] {
		team[i].Skills = []string{"french"}
	}
	return team
}

// arrive draws Poisson arrivals with log-normal handling times of mean seven minutes.
func arrive(random *rand.Rand, count int, perHour, spread, patience float64, skills []string) []simulation.Arrival {
	arrivals := make([]simulation.Arrival, count)
	at := 0.0
	for i := range arrivals {
		at += random.ExpFloat64() * 3600 / perHour
		handling := 420 * math.Exp(spread*random.NormFloat64()-spread*spread/2)
		arrivals[i] = simulation.Arrival{
			At: seconds(at), Handling: seconds(handling), Patience: seconds(random.ExpFloat64() * patience * 60),
		}
		if i%3 == 0 {
			arrivals[i].Skills = skills
		}
	}
	return arrivals
}

func seconds(count float64) time.Duration { return time.Duration(count * float64(time.Second)) }

// promised is a range at the moment a chat began to wait, and how long it waited in the end.
type promised struct {
	forecast.Range

	chat     int
	baseline time.Duration
	actual   time.Duration
}

// promise plays the arrivals and forecasts each that has to wait. History is what was over before; those who left count no
// further: how long they would have waited, nobody knows.
func promise(t *testing.T, team []simulation.Member, arrivals []simulation.Arrival) []promised {
	t.Helper()
	var promises []promised
	patience := time.Duration(0)
	if arrivals[0].Patience > 0 {
		patience = 25 * time.Minute
	}
	result := simulation.Run(simulation.Scenario{
		Arrivals: arrivals, Team: team, Strategy: assignment.Balanced,
		Observe: func(moment simulation.Moment) {
			if moment.Chat < 1000 || moment.Chat%4 != 0 {
				return // the first thousand are history, and neighbours tell the same story
			}
			state := see(moment, team, arrivals)
			state.Patience = patience
			place := slices.Index(moment.Waiting(), moment.Chat)
			promises = append(promises, promised{
				Range: forecast.Waits(state)[place], chat: moment.Chat,
				baseline: baseline(place+1, state.Handling, len(team)),
			})
		},
	})
	kept := promises[:0]
	for _, one := range promises {
		if !result.Chats[one.chat].Left {
			one.actual = result.Chats[one.chat].Wait
			kept = append(kept, one)
		}
	}
	return kept
}

// see is the state as the worker would read it.
func see(moment simulation.Moment, team []simulation.Member, arrivals []simulation.Arrival) forecast.State {
	state := forecast.State{}
	for _, chat := range moment.Waiting() {
		state.Chats = append(state.Chats, forecast.Chat{RequiredSkills: arrivals[chat].Skills})
	}
	for i, ages := range moment.Ages() {
		state.Agents = append(state.Agents, forecast.Agent{
			ID: team[i].ID, Limit: team[i].Slots, Skills: team[i].Skills, Ages: ages,
		})
	}
	for _, earlier := range arrivals[max(moment.Chat-500, 0) : moment.Chat-100] {
		state.Handling = append(state.Handling, earlier.Handling)
	}
	return state
}

// baseline is F001 5.4.6: position x average handling time / online agents, in whole minutes.
func baseline(position int, handling []time.Duration, agents int) time.Duration {
	sum := time.Duration(0)
	for _, one := range handling {
		sum += one
	}
	minutes := math.Ceil(float64(position) * sum.Minutes() / float64(len(handling)) / float64(agents))
	return time.Duration(minutes) * time.Minute
}

type scored struct {
	p50, p90         float64
	off, baselineOff time.Duration
}

func judge(promises []promised) scored {
	var score scored
	for _, one := range promises {
		if one.actual <= one.P50 {
			score.p50++
		}
		if one.actual <= one.P90 {
			score.p90++
		}
		score.off += (one.actual - one.P50).Abs()
		score.baselineOff += (one.actual - one.baseline).Abs()
	}
	count := len(promises)
	score.p50, score.p90 = score.p50/float64(count), score.p90/float64(count)
	score.off, score.baselineOff = score.off/time.Duration(count), score.baselineOff/time.Duration(count)
	return score
}
