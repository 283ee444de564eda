package simulation_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/supportbase/handoff/worker/assignment"
	"github.com/supportbase/handoff/worker/simulation"
)

// erlangC is the mean wait of M/M/c: Poisson arrivals, exponential handling times, so many slots, one queue.
func erlangC(perHour float64, handling time.Duration, slots int) time.Duration {
	load := perHour * handling.Hours()
	blocked := 1.0 // Erlang B by its recursion
	for slot := 1; slot <= slots; slot++ {
		blocked = load * blocked / (float64(slot) + load*blocked)
	}
	waits := blocked / (1 - load/float64(slots)*(1-blocked))
	return time.Duration(waits * float64(handling) / (float64(slots) - load))
}

func TestMeanWaitIsErlangs(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		perHour       float64
		agents, slots int
	}{
		"one agent, one chat at a time, 70% busy": {perHour: 8.4, agents: 1, slots: 1},
		"five agents, 80% busy":                   {perHour: 48, agents: 5, slots: 1},
		"four agents with three chats, 85% busy":  {perHour: 122.4, agents: 4, slots: 3},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const handling = 5 * time.Minute
			length := time.Duration(60_000 / test.perHour * float64(time.Hour))
			outcome := simulation.Sweep(simulation.Plan{
				Arrivals: simulation.Synthetic(simulation.Traffic{
					PerHour: []float64{test.perHour}, Length: length,
					Handling: simulation.Exponential(handling), Patience: simulation.Never(),
				}, 1),
				Strategies: []assignment.Strategy{assignment.Balanced}, Sizes: []int{test.agents}, Slots: test.slots, Length: length,
			})[0]
			theory := erlangC(test.perHour, handling, test.agents*test.slots).Seconds()
			t.Logf("mean wait %.1f s in %d chats, Erlang C says %.1f s; utilisation %.3f", outcome.Wait.Mean, outcome.Served, theory, outcome.Utilisation)
			assert.InEpsilon(t, theory, outcome.Wait.Mean, 0.06)
			assert.InEpsilon(t, test.perHour/12/float64(test.agents*test.slots), outcome.Utilisation, 0.02)
		})
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	minute := func(count int) time.Duration { return time.Duration(count) * time.Minute }
	waits := func(arrivals []simulation.Arrival, team ...simulation.Member) []time.Duration {
		var all []time.Duration
		for _, chat := range simulation.Run(simulation.Scenario{Arrivals: arrivals, Team: team}).Chats {
			all = append(all, chat.Wait)
		}
		return all
	}
	one := simulation.Member{ID: "a", Slots: 1}

	t.Run("serves in order of arrival", func(t *testing.T) {
		t.Parallel()
		got := waits([]simulation.Arrival{{Handling: minute(10)}, {At: minute(1), Handling: minute(5)}, {At: minute(2)}}, one)
		assert.Equal(t, []time.Duration{0, minute(9), minute(13)}, got)
	})

	t.Run("serves what is urgent first", func(t *testing.T) {
		t.Parallel()
		got := waits([]simulation.Arrival{{Handling: minute(10)}, {At: minute(1), Handling: minute(5)}, {At: minute(2), Priority: 1}}, one)
		assert.Equal(t, []time.Duration{0, minute(9), minute(8)}, got)
	})

	t.Run("lets go who has no more patience, and frees nothing by it", func(t *testing.T) {
		t.Parallel()
		result := simulation.Run(simulation.Scenario{
			Arrivals: []simulation.Arrival{{Handling: minute(10)}, {At: minute(1), Patience: minute(3)}, {At: minute(2), Patience: minute(20)}},
			Team:     []simulation.Member{one},
		})
		assert.True(t, result.Chats[1].Left)
		assert.Equal(t, minute(3), result.Chats[1].Wait)
		assert.Equal(t, minute(8), result.Chats[2].Wait)
		assert.Equal(t, 2, result.LongestQueue)
	})

	t.Run("gives a chat to who has the skills, and lets others pass it", func(t *testing.T) {
		t.Parallel()
		french := simulation.Member{ID: "b", Slots: 1, Skills: []string{"french"}}
		arrivals := []simulation.Arrival{
			{Handling: minute(1)}, {Handling: minute(10)}, {At: 1, Handling: minute(1), Skills: []string{"french"}}, {At: 2}, {At: 3, Skills: []string{"latin"}},
		}
		result := simulation.Run(simulation.Scenario{Arrivals: arrivals, Team: []simulation.Member{one, french}})
		assert.Equal(t, 1, result.Chats[2].Member)
		assert.Equal(t, 0, result.Chats[3].Member)
		assert.True(t, result.Chats[4].Left, "nobody ever could")
	})
}

func TestRunKeepsEveryPromise(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		strategy := rapid.SampledFrom(assignment.Strategies()).Draw(t, "strategy")
		size, slots := rapid.IntRange(1, 4).Draw(t, "agents"), rapid.IntRange(1, 3).Draw(t, "slots")
		length := 4 * time.Hour
		arrivals := simulation.Synthetic(simulation.Traffic{
			PerHour: []float64{rapid.Float64Range(1, 60).Draw(t, "rate"), 10}, Length: length,
			Handling: simulation.LogNormal(7*time.Minute, 1), Patience: simulation.Exponential(20 * time.Minute),
		}, rapid.Uint64().Draw(t, "seed"))
		scenario := simulation.Scenario{Arrivals: arrivals, Team: simulation.Alike(size, slots), Strategy: strategy}
		result := simulation.Run(scenario)
		require.Equal(t, result, simulation.Run(scenario), "the same scenario, the same result")
		for _, chat := range result.Chats {
			require.NotEqual(t, chat.Left, chat.Member >= 0)
			require.LessOrEqual(t, chat.Wait, chat.Patience)
			require.LessOrEqual(t, running(result, chat.At+chat.Wait, chat.Member), slots)
		}
	})
}

// running is how many chats the member has at that moment.
func running(result simulation.Result, at time.Duration, member int) int {
	count := 0
	for _, chat := range result.Chats {
		begins := chat.At + chat.Wait
		if member >= 0 && chat.Member == member && begins <= at && at < begins+chat.Handling {
			count++
		}
	}
	return count
}

func TestMoreAgentsShortenWaits(t *testing.T) {
	t.Parallel()
	length := 24 * time.Hour
	outcomes := simulation.Sweep(simulation.Plan{
		Arrivals: simulation.Synthetic(simulation.Traffic{
			PerHour: []float64{20, 60}, Length: length, Handling: simulation.LogNormal(8*time.Minute, 0.9), Patience: simulation.Never(),
		}, 3),
		Strategies: assignment.Strategies(), Sizes: []int{2, 3, 4}, Slots: 3, Target: time.Minute, Length: length,
	})
	require.Len(t, outcomes, 9)
	for i, after := range outcomes[3:] {
		before := outcomes[i]
		assert.Less(t, after.Wait.Mean, before.Wait.Mean)
		assert.Greater(t, after.InTime, before.InTime)
		assert.Less(t, after.Utilisation, before.Utilisation)
	}
	for i := range 3 {
		same := outcomes[3*i : 3*i+3]
		assert.InDelta(t, same[0].Wait.Mean, same[2].Wait.Mean, 1e-9, "who takes a chat does not change how long it waited")
	}
}

func TestSyntheticFollowsTheHours(t *testing.T) {
	t.Parallel()
	arrivals := simulation.Synthetic(simulation.Traffic{
		PerHour: []float64{0, 30, 90}, Length: 3000 * time.Hour,
		Handling: simulation.LogNormal(6*time.Minute, 0.8), Patience: simulation.Sampled([]time.Duration{time.Minute}),
	}, 9)
	var counts [3]float64
	handling := 0.0
	for _, one := range arrivals {
		counts[int(one.At/time.Hour)%3]++
		handling += one.Handling.Minutes()
	}
	assert.Zero(t, counts[0])
	assert.InEpsilon(t, 30_000, counts[1], 0.03)
	assert.InEpsilon(t, 90_000, counts[2], 0.03)
	assert.InEpsilon(t, 6, handling/float64(len(arrivals)), 0.02)
	assert.True(t, slices.IsSortedFunc(arrivals, func(a, b simulation.Arrival) int { return int(math.Copysign(1, float64(a.At-b.At))) }))
}
