package assignment_test

import (
	"fmt"
	"sort"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/supportbase/handoff/worker/assignment"
)

var morning = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func TestPlanChoosesBalanced(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		chats  []assignment.Chat
		agents []assignment.Agent
		want   []assignment.Assignment
	}{
		"the agent with the most free slots gets the first chat": {
			chats:  chats("c1"),
			agents: []assignment.Agent{{ID: "a", FreeSlots: 1}, {ID: "b", FreeSlots: 3}},
			want:   []assignment.Assignment{{ChatID: "c1", AgentID: "b"}},
		},
		"among equals the one who waited longest": {
			chats: chats("c1"),
			agents: []assignment.Agent{
				{ID: "a", FreeSlots: 2, LastAssignedAt: morning.Add(time.Minute)},
				{ID: "b", FreeSlots: 2, LastAssignedAt: morning},
			},
			want: []assignment.Assignment{{ChatID: "c1", AgentID: "b"}},
		},
		"never assigned comes before assigned long ago": {
			chats: chats("c1"),
			agents: []assignment.Agent{
				{ID: "a", FreeSlots: 2, LastAssignedAt: morning.AddDate(-1, 0, 0)},
				{ID: "b", FreeSlots: 2},
			},
			want: []assignment.Assignment{{ChatID: "c1", AgentID: "b"}},
		},
		"a batch spreads and stops when all slots are taken": {
			chats:  chats("c1", "c2", "c3", "c4"),
			agents: []assignment.Agent{{ID: "a", FreeSlots: 2}, {ID: "b", FreeSlots: 1}},
			want: []assignment.Assignment{
				{ChatID: "c1", AgentID: "a"}, {ChatID: "c2", AgentID: "b"}, {ChatID: "c3", AgentID: "a"},
			},
		},
		"the preferred agent wins while a slot is free": {
			chats: []assignment.Chat{
				{ID: "c1", PreferredAgentID: "b"}, {ID: "c2", PreferredAgentID: "b"},
			},
			agents: []assignment.Agent{{ID: "a", FreeSlots: 5}, {ID: "b", FreeSlots: 1}},
			want:   []assignment.Assignment{{ChatID: "c1", AgentID: "b"}, {ChatID: "c2", AgentID: "a"}},
		},
		"who gave it back does not get it again, the next chat is not held up": {
			chats: []assignment.Chat{
				{ID: "c1", AvoidedAgentID: "b", PreferredAgentID: "b"}, {ID: "c2", AvoidedAgentID: "b"}, {ID: "c3"},
			},
			agents: []assignment.Agent{{ID: "a", FreeSlots: 1}, {ID: "b", FreeSlots: 5}},
			want:   []assignment.Assignment{{ChatID: "c1", AgentID: "a"}, {ChatID: "c3", AgentID: "b"}},
		},
		"nobody free, nothing planned": {
			chats:  chats("c1"),
			agents: []assignment.Agent{{ID: "a", FreeSlots: 0}, {ID: "b", FreeSlots: -2}},
			want:   []assignment.Assignment{},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, assignment.Plan(test.chats, test.agents))
		})
	}
}

func TestPlanEqualsOneAtATime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		agents := drawAgents(t)
		queue := drawChats(t, agents)
		assert.Equal(t, oneAtATime(queue, agents), assignment.Plan(queue, agents))
	})
}

func TestPlanKeepsEqualAgentsEqual(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 20).Draw(t, "agents")
		slots := rapid.IntRange(1, 50).Draw(t, "slots")
		agents := make([]assignment.Agent, size)
		for i := range agents {
			agents[i] = assignment.Agent{ID: fmt.Sprintf("agent-%02d", i), FreeSlots: slots}
		}
		given := map[string]int{}
		for _, one := range assignment.Plan(numbered(rapid.IntRange(0, 400).Draw(t, "chats")), agents) {
			given[one.AgentID]++
		}
		least, most := slots, 0
		for _, agent := range agents {
			least, most = min(least, given[agent.ID]), max(most, given[agent.ID])
		}
		assert.LessOrEqual(t, most-least, 1)
		assert.LessOrEqual(t, most, slots)
	})
}

// oneAtATime is F001 5.5.2 to the letter: sort, take the first, note the assignment, start again.
func oneAtATime(queue []assignment.Chat, agents []assignment.Agent) []assignment.Assignment {
	team := append([]assignment.Agent(nil), agents...)
	clock := morning.AddDate(1, 0, 0)
	plan := []assignment.Assignment{}
	for _, chat := range queue {
		sort.SliceStable(team, func(i, j int) bool { return chosenBefore(team[i], team[j]) })
		chosen := pick(team, chat)
		if chosen == nil {
			continue
		}
		clock = clock.Add(time.Millisecond)
		chosen.FreeSlots--
		chosen.LastAssignedAt = clock
		plan = append(plan, assignment.Assignment{ChatID: chat.ID, AgentID: chosen.ID})
	}
	return plan
}

func chosenBefore(a, b assignment.Agent) bool {
	if a.FreeSlots != b.FreeSlots {
		return a.FreeSlots > b.FreeSlots
	}
	if !a.LastAssignedAt.Equal(b.LastAssignedAt) {
		return a.LastAssignedAt.Before(b.LastAssignedAt)
	}
	return a.ID < b.ID
}

func pick(team []assignment.Agent, chat assignment.Chat) *assignment.Agent {
	var first *assignment.Agent
	for i := range team {
		agent := &team[i]
		if agent.FreeSlots < 1 || agent.ID == chat.AvoidedAgentID {
			continue
		}
		if agent.ID == chat.PreferredAgentID {
			return agent
		}
		if first == nil {
			first = agent
		}
	}
	return first
}

func drawAgents(t *rapid.T) []assignment.Agent {
	agents := make([]assignment.Agent, rapid.IntRange(0, 12).Draw(t, "agents"))
	for i := range agents {
		agents[i] = assignment.Agent{
			ID:        fmt.Sprintf("agent-%02d", i),
			FreeSlots: rapid.IntRange(-1, 6).Draw(t, "free"),
		}
		if minutes := rapid.IntRange(0, 3).Draw(t, "last"); minutes > 0 {
			agents[i].LastAssignedAt = morning.Add(time.Duration(minutes) * time.Minute)
		}
	}
	return agents
}

func drawChats(t *rapid.T, agents []assignment.Agent) []assignment.Chat {
	queue := numbered(rapid.IntRange(0, 60).Draw(t, "chats"))
	for i := range queue {
		if len(agents) > 0 && rapid.IntRange(0, 3).Draw(t, "has preference") == 0 {
			queue[i].PreferredAgentID = rapid.SampledFrom(agents).Draw(t, "preferred").ID
		}
		if len(agents) > 0 && rapid.IntRange(0, 3).Draw(t, "is avoided") == 0 {
			queue[i].AvoidedAgentID = rapid.SampledFrom(agents).Draw(t, "avoided").ID
		}
	}
	return queue
}

func numbered(count int) []assignment.Chat {
	queue := make([]assignment.Chat, count)
	for i := range queue {
		queue[i].ID = fmt.Sprintf("chat-%04d", i)
	}
	return queue
}

func chats(ids ...string) []assignment.Chat {
	queue := make([]assignment.Chat, len(ids))
	for i, id := range ids {
		queue[i].ID = id
	}
	return queue
}

func BenchmarkPlan(b *testing.B) {
	agents := make([]assignment.Agent, 250)
	for i := range agents {
		agents[i] = assignment.Agent{ID: fmt.Sprintf("agent-%03d", i), FreeSlots: 50}
	}
	queue := numbered(1000)
	for b.Loop() {
		assignment.Plan(queue, agents)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(queue)), "ns/chat")
}
