package forecast_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/supportbase/handoff/worker/forecast"
)

func TestWaits(t *testing.T) {
	t.Parallel()
	always := []time.Duration{5 * time.Minute}
	steady := slices.Repeat(always, 40) // every chat takes five minutes

	t.Run("is exact when every chat takes as long", func(t *testing.T) {
		t.Parallel()
		got := forecast.Waits(forecast.State{
			Chats:    make([]forecast.Chat, 3),
			Agents:   []forecast.Agent{{ID: "a", Limit: 2, Ages: []time.Duration{4 * time.Minute, time.Minute}}},
			Handling: steady,
		})
		assert.Equal(t, []forecast.Range{known(time.Minute), known(4 * time.Minute), known(6 * time.Minute)}, got)
	})

	t.Run("is nothing while a slot is free", func(t *testing.T) {
		t.Parallel()
		got := forecast.Waits(forecast.State{Chats: make([]forecast.Chat, 1), Agents: []forecast.Agent{{ID: "a", Limit: 1}}})
		assert.Equal(t, []forecast.Range{known(0)}, got)
	})

	t.Run("waits for the second end of an agent with one chat more than the limit", func(t *testing.T) {
		t.Parallel()
		got := forecast.Waits(forecast.State{
			Chats:    make([]forecast.Chat, 1),
			Agents:   []forecast.Agent{{ID: "a", Limit: 1, Ages: []time.Duration{4 * time.Minute, time.Minute}}},
			Handling: steady,
		})
		assert.Equal(t, []forecast.Range{known(4 * time.Minute)}, got)
	})

	t.Run("serves a chat that asks for skills by who has them, and lets others pass", func(t *testing.T) {
		t.Parallel()
		got := forecast.Waits(forecast.State{
			Chats: []forecast.Chat{{RequiredSkills: []string{"french"}}, {}, {RequiredSkills: []string{"latin"}}},
			Agents: []forecast.Agent{
				{ID: "a", Limit: 1, Ages: []time.Duration{4 * time.Minute}},
				{ID: "b", Limit: 1, Ages: []time.Duration{time.Minute}, Skills: []string{"german", "french"}},
			},
			Handling: steady,
		})
		assert.Equal(t, []forecast.Range{known(4 * time.Minute), known(time.Minute), {}}, got)
	})

	t.Run("keeps a chat for its preferred agent, then gives it to anybody", func(t *testing.T) {
		t.Parallel()
		agents := []forecast.Agent{{ID: "a", Limit: 5}, {ID: "b", Limit: 1, Ages: []time.Duration{3 * time.Minute}}}
		got := forecast.Waits(forecast.State{
			Chats: []forecast.Chat{
				{PreferredAgentID: "b", HoldsFor: time.Minute},
				{PreferredAgentID: "gone", HoldsFor: time.Minute},
				{AvoidedAgentID: "a", AvoidsFor: 90 * time.Second},
			},
			Agents: agents, Handling: steady,
		})
		assert.Equal(t, []forecast.Range{known(time.Minute), known(0), known(90 * time.Second)}, got)
	})

	t.Run("is not known without agents, nor beyond a thousand", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, []forecast.Range{{}}, forecast.Waits(forecast.State{Chats: make([]forecast.Chat, 1)}))
		long := forecast.Waits(forecast.State{
			Chats: make([]forecast.Chat, forecast.MostChats+1), Agents: []forecast.Agent{{ID: "a", Limit: 3}},
		})
		assert.True(t, long[forecast.MostChats-1].Known)
		assert.False(t, long[forecast.MostChats].Known)
	})

	t.Run("is shorter when those ahead lose patience", func(t *testing.T) {
		t.Parallel()
		state := drawn(20, 3)
		patient := forecast.Waits(state)
		state.Patience = 10 * time.Minute
		assert.Less(t, forecast.Waits(state)[19].P50, patient[19].P50)
	})
}

func known(wait time.Duration) forecast.Range {
	return forecast.Range{Known: true, P50: wait, P90: wait}
}

// drawn is a state with so many waiting chats and full agents.
func drawn(waiting, agents int) forecast.State {
	state := forecast.State{Chats: make([]forecast.Chat, waiting)}
	for i := range agents {
		state.Agents = append(state.Agents, forecast.Agent{
			ID: fmt.Sprintf("agent-%03d", i), Limit: 2,
			Ages: []time.Duration{time.Duration(i%7) * time.Minute, time.Duration(i%3) * time.Minute},
		})
	}
	return state
}

func TestWaitsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state := drawState(t)
		ranges := forecast.Waits(state)
		require.Equal(t, ranges, forecast.Waits(state), "the same state, the same answer")
		for i, one := range ranges {
			require.True(t, one.Known)
			require.LessOrEqual(t, one.P50, one.P90)
			require.GreaterOrEqual(t, one.P50, time.Duration(0))
			if i > 0 {
				require.GreaterOrEqual(t, one.P50, ranges[i-1].P50, "place %d before place %d", i+1, i)
				require.GreaterOrEqual(t, one.P90, ranges[i-1].P90, "place %d before place %d", i+1, i)
			}
		}
	})
}

func TestMoreAgentsNeverLengthenAWait(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state := drawState(t)
		before := forecast.Waits(state)
		state.Agents = append(state.Agents, drawAgent(t, len(state.Agents)))
		for i, after := range forecast.Waits(state) {
			require.LessOrEqual(t, after.P50, before[i].P50, "place %d", i+1)
			require.LessOrEqual(t, after.P90, before[i].P90, "place %d", i+1)
		}
	})
}

// drawState is a queue of chats that anybody may take.
func drawState(t *rapid.T) forecast.State {
	state := forecast.State{Chats: make([]forecast.Chat, rapid.IntRange(1, 40).Draw(t, "waiting"))}
	for i := range rapid.IntRange(1, 6).Draw(t, "agents") {
		state.Agents = append(state.Agents, drawAgent(t, i))
	}
	for range rapid.IntRange(0, 60).Draw(t, "handled") {
		state.Handling = append(state.Handling, drawMinutes(t, "handling"))
	}
	return state
}

func drawAgent(t *rapid.T, number int) forecast.Agent {
	agent := forecast.Agent{ID: fmt.Sprintf("agent-%02d", number), Limit: rapid.IntRange(1, 4).Draw(t, "limit")}
	for range rapid.IntRange(0, 5).Draw(t, "running") {
		agent.Ages = append(agent.Ages, drawMinutes(t, "age"))
	}
	return agent
}

func drawMinutes(t *rapid.T, name string) time.Duration {
	return time.Duration(rapid.IntRange(0, 3600).Draw(t, name)) * time.Second
}

func BenchmarkWaits(b *testing.B) {
	skilled := drawn(1000, 50)
	for i := range skilled.Chats {
		skilled.Chats[i].RequiredSkills = []string{[]string{"french", "german", "billing"}[i%3]}
	}
	for i := range skilled.Agents {
		skilled.Agents[i].Skills = []string{"french", "german", "billing"}[i%3:]
	}
	for name, state := range map[string]forecast.State{
		"1 waiting, 5 agents": drawn(1, 5), "1000 waiting, 50 agents": drawn(1000, 50), "1000 with skills, 50 agents": skilled,
		"50 waiting, 1000 agents": drawn(50, 1000),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				forecast.Waits(state)
			}
		})
	}
}
