package assignment_test

import (
	"fmt"
	"slices"
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
		want   []pair
	}{
		"the agent with the most free slots gets the first chat": {
			chats:  chats("c1"),
			agents: []assignment.Agent{{ID: "a", FreeSlots: 1}, {ID: "b", FreeSlots: 3}},
			want:   []pair{{chat: "c1", agent: "b"}},
		},
		"among equals the one who waited longest": {
			chats: chats("c1"),
			agents: []assignment.Agent{
				{ID: "a", FreeSlots: 2, LastAssignedAt: morning.Add(time.Minute)},
				{ID: "b", FreeSlots: 2, LastAssignedAt: morning},
			},
			want: []pair{{chat: "c1", agent: "b"}},
		},
		"never assigned comes before assigned long ago": {
			chats: chats("c1"),
			agents: []assignment.Agent{
				{ID: "a", FreeSlots: 2, LastAssignedAt: morning.AddDate(-1, 0, 0)},
				{ID: "b", FreeSlots: 2},
			},
			want: []pair{{chat: "c1", agent: "b"}},
		},
		"a batch spreads and stops when all slots are taken": {
			chats:  chats("c1", "c2", "c3", "c4"),
			agents: []assignment.Agent{{ID: "a", FreeSlots: 2}, {ID: "b", FreeSlots: 1}},
			want: []pair{
				{chat: "c1", agent: "a"}, {chat: "c2", agent: "b"}, {chat: "c3", agent: "a"},
			},
		},
		"the preferred agent wins while a slot is free": {
			chats: []assignment.Chat{
				{ID: "c1", PreferredAgentID: "b"}, {ID: "c2", PreferredAgentID: "b"},
			},
			agents: []assignment.Agent{{ID: "a", FreeSlots: 5}, {ID: "b", FreeSlots: 1}},
			want:   []pair{{chat: "c1", agent: "b"}, {chat: "c2", agent: "a"}},
		},
		"who gave it back does not get it again, the next chat is not held up": {
			chats: []assignment.Chat{
				{ID: "c1", AvoidedAgentID: "b", PreferredAgentID: "b"}, {ID: "c2", AvoidedAgentID: "b"}, {ID: "c3"},
			},
			agents: []assignment.Agent{{ID: "a", FreeSlots: 1}, {ID: "b", FreeSlots: 5}},
			want:   []pair{{chat: "c1", agent: "a"}, {chat: "c3", agent: "b"}},
		},
		"a chat that asks for skills goes to who has all of them": {
			chats: []assignment.Chat{{ID: "c1", RequiredSkills: []string{"french", "billing"}}, {ID: "c2"}},
			agents: []assignment.Agent{
				{ID: "a", FreeSlots: 9, Skills: []string{"french"}},
				{ID: "b", FreeSlots: 1, Skills: []string{"billing", "french", "german"}},
			},
			want: []pair{{chat: "c1", agent: "b"}, {chat: "c2", agent: "a"}},
		},
		"a chat that nobody has the skills for holds up nobody": {
			chats:  []assignment.Chat{{ID: "c1", RequiredSkills: []string{"latin"}}, {ID: "c2"}},
			agents: []assignment.Agent{{ID: "a", FreeSlots: 1}},
			want:   []pair{{chat: "c2", agent: "a"}},
		},
		"the preferred agent without the skills is passed over": {
			chats: []assignment.Chat{{ID: "c1", PreferredAgentID: "a", RequiredSkills: []string{"french"}}},
			agents: []assignment.Agent{
				{ID: "a", FreeSlots: 9}, {ID: "b", FreeSlots: 1, Skills: []string{"french"}},
			},
			want: []pair{{chat: "c1", agent: "b"}},
		},
		"a chat that waits for its preferred agent goes to nobody else": {
			chats: []assignment.Chat{
				{ID: "c1", PreferredAgentID: "full", HoldsForPreferred: true}, {ID: "c2", PreferredAgentID: "gone"},
			},
			agents: []assignment.Agent{{ID: "a", FreeSlots: 9}},
			want:   []pair{{chat: "c2", agent: "a"}},
		},
		"nobody free, nothing planned": {
			chats:  chats("c1"),
			agents: []assignment.Agent{{ID: "a", FreeSlots: 0}, {ID: "b", FreeSlots: -2}},
			want:   []pair{},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, pairs(assignment.Plan(assignment.Balanced, test.chats, test.agents)))
		})
	}
}

func TestPlanAsks(t *testing.T) {
	t.Parallel()
	team := []assignment.Agent{{ID: "a", FreeSlots: 1}, {ID: "b", FreeSlots: 2}, {ID: "c", FreeSlots: 3}}
	missed := func(again bool, round int, refusals ...assignment.Refusal) assignment.Asked {
		return assignment.Asked{Round: round, Again: again, Refusals: refusals}
	}
	tests := map[string]struct {
		chat  assignment.Chat
		want  string
		round int
	}{
		"who was never asked, by the strategy": {
			assignment.Chat{Asked: missed(false, 1, assignment.Refusal{AgentID: "c", Round: 1})}, "b", 1,
		},
		"nobody while the round rests": {
			assignment.Chat{Asked: missed(false, 1, assignment.Refusal{AgentID: "c", Round: 1}, assignment.Refusal{AgentID: "a", Round: 1},
				assignment.Refusal{AgentID: "b", Round: 1})}, "", 0,
		},
		"the oldest refusal first when another round may begin": {
			assignment.Chat{Asked: missed(true, 1, assignment.Refusal{AgentID: "a", Round: 1}, assignment.Refusal{AgentID: "c", Round: 1},
				assignment.Refusal{AgentID: "b", Round: 1})}, "a", 2,
		},
		"who was not asked in this round, without a rest": {
			assignment.Chat{Asked: missed(false, 2, assignment.Refusal{AgentID: "c", Round: 1}, assignment.Refusal{AgentID: "b", Round: 1},
				assignment.Refusal{AgentID: "a", Round: 2})}, "c", 2,
		},
		"who has joined since, even when another round may begin": {
			assignment.Chat{Asked: missed(true, 3, assignment.Refusal{AgentID: "c", Round: 3}, assignment.Refusal{AgentID: "b", Round: 3})}, "a", 3,
		},
		"the preferred agent, but not again": {
			assignment.Chat{PreferredAgentID: "b", HoldsForPreferred: true, Asked: missed(false, 1, assignment.Refusal{AgentID: "b", Round: 1})}, "c", 1,
		},
		"nobody while the preferred agent is waited for": {
			assignment.Chat{PreferredAgentID: "full", HoldsForPreferred: true, Asked: missed(true, 1, assignment.Refusal{AgentID: "b", Round: 1})}, "", 0,
		},
		"nobody who has just given it back": {
			assignment.Chat{AvoidedAgentID: "c", Asked: missed(false, 1, assignment.Refusal{AgentID: "b", Round: 1})}, "a", 1,
		},
		"who is not in the team any more is no matter": {
			assignment.Chat{Asked: missed(true, 1, assignment.Refusal{AgentID: "gone", Round: 1})}, "c", 1,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.chat.ID = "c1"
			plan := assignment.Plan(assignment.Balanced, []assignment.Chat{test.chat}, team)
			if test.want == "" {
				assert.Empty(t, plan)
				return
			}
			assert.Equal(t, []pair{{"c1", test.want}}, pairs(plan))
			assert.Equal(t, test.round, plan[0].Round)
		})
	}
}

func TestPlanEqualsOneAtATime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		strategy := rapid.SampledFrom(assignment.Strategies()).Draw(t, "strategy")
		agents := drawAgents(t)
		queue := drawChats(t, agents)
		assert.Equal(t, oneAtATime(strategy, queue, agents), pairs(assignment.Plan(strategy, queue, agents)))
	})
}

func TestPlanLeavesNobodyIdle(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		strategy := rapid.SampledFrom(assignment.Strategies()).Draw(t, "strategy")
		agents := drawAgents(t)
		queue := drawChats(t, agents)
		given, load := map[string]bool{}, map[string]int{}
		for _, one := range assignment.Plan(strategy, queue, agents) {
			assert.False(t, given[one.ChatID], "%s was given out twice", one.ChatID)
			given[one.ChatID] = true
			load[one.AgentID]++
		}
		for _, agent := range agents {
			assert.LessOrEqual(t, load[agent.ID], max(agent.FreeSlots, 0), "%s was given too much", agent.ID)
			agent.FreeSlots -= load[agent.ID]
			for _, chat := range queue {
				assert.False(t, !given[chat.ID] && mayTake(agent, chat) && mayAsk(agent, chat), "%s waits although %s is free", chat.ID, agent.ID)
			}
		}
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
		for _, one := range assignment.Plan(assignment.Balanced, numbered(rapid.IntRange(0, 400).Draw(t, "chats")), agents) {
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

// pair is who got what.
type pair struct{ chat, agent string }

func pairs(plan []assignment.Assignment) []pair {
	given := make([]pair, len(plan))
	for i, one := range plan {
		given[i] = pair{one.ChatID, one.AgentID}
	}
	return given
}

// oneAtATime is F001 5.5.2 to the letter: sort, take the first who may take it, note the assignment, start again.
func oneAtATime(strategy assignment.Strategy, queue []assignment.Chat, agents []assignment.Agent) []pair {
	team := append([]assignment.Agent(nil), agents...)
	clock := morning.AddDate(1, 0, 0)
	plan := []pair{}
	for _, chat := range queue {
		sort.SliceStable(team, func(i, j int) bool { return chosenBefore(strategy, team[i], team[j]) })
		chosen := pick(team, chat)
		if chosen == nil {
			continue
		}
		clock = clock.Add(time.Millisecond)
		chosen.FreeSlots--
		chosen.LastAssignedAt = clock
		chosen.Busy = true
		plan = append(plan, pair{chat.ID, chosen.ID})
	}
	return plan
}

func chosenBefore(strategy assignment.Strategy, a, b assignment.Agent) bool {
	if strategy == assignment.LongestIdle {
		if a.Busy != b.Busy {
			return b.Busy
		}
		if !a.Busy && !a.IdleSince.Equal(b.IdleSince) {
			return a.IdleSince.Before(b.IdleSince)
		}
	}
	if strategy != assignment.RoundRobin && a.FreeSlots != b.FreeSlots {
		return a.FreeSlots > b.FreeSlots
	}
	if !a.LastAssignedAt.Equal(b.LastAssignedAt) {
		return a.LastAssignedAt.Before(b.LastAssignedAt)
	}
	return a.ID < b.ID
}

func pick(team []assignment.Agent, chat assignment.Chat) *assignment.Agent {
	for _, eligible := range []func(round int) bool{
		func(round int) bool { return round == 0 },
		func(round int) bool { return round < chat.Asked.Round },
		func(int) bool { return chat.Asked.Again },
	} {
		if chosen := pickAmong(team, chat, eligible); chosen != nil {
			return chosen
		}
	}
	return nil
}

// pickAmong looks at those whose last refusal was in a round that is eligible; zero: never asked.
func pickAmong(team []assignment.Agent, chat assignment.Chat, eligible func(round int) bool) *assignment.Agent {
	var first *assignment.Agent
	oldest := len(chat.Asked.Refusals)
	for i := range team {
		agent := &team[i]
		age := slices.IndexFunc(chat.Asked.Refusals, func(one assignment.Refusal) bool { return one.AgentID == agent.ID })
		if age < 0 && mayTake(*agent, chat) && eligible(0) {
			if agent.ID == chat.PreferredAgentID {
				return agent
			}
			if first == nil {
				first = agent
			}
		}
		if age >= 0 && age < oldest && mayTake(*agent, chat) && eligible(chat.Asked.Refusals[age].Round) {
			first, oldest = agent, age
		}
	}
	return first
}

func mayTake(agent assignment.Agent, chat assignment.Chat) bool {
	for _, skill := range chat.RequiredSkills {
		if !slices.Contains(agent.Skills, skill) {
			return false
		}
	}
	refused := slices.ContainsFunc(chat.Asked.Refusals, func(one assignment.Refusal) bool { return one.AgentID == chat.PreferredAgentID })
	holds := chat.HoldsForPreferred && chat.PreferredAgentID != "" && chat.PreferredAgentID != chat.AvoidedAgentID && !refused
	return agent.FreeSlots > 0 && agent.ID != chat.AvoidedAgentID && (!holds || agent.ID == chat.PreferredAgentID)
}

// mayAsk says whether the agent could be asked now.
func mayAsk(agent assignment.Agent, chat assignment.Chat) bool {
	return chat.Asked.Again || !slices.ContainsFunc(chat.Asked.Refusals, func(one assignment.Refusal) bool {
		return one.AgentID == agent.ID && one.Round >= chat.Asked.Round
	})
}

// drawAsked is that some of the team have refused the chat, in one of two rounds.
func drawAsked(t *rapid.T, agents []assignment.Agent) assignment.Asked {
	asked := assignment.Asked{Round: rapid.IntRange(1, 2).Draw(t, "round"), Again: rapid.Bool().Draw(t, "again")}
	for _, agent := range rapid.Permutation(agents).Draw(t, "asked")[:rapid.IntRange(0, len(agents)).Draw(t, "refusals")] {
		asked.Refusals = append(asked.Refusals, assignment.Refusal{
			AgentID: agent.ID, Round: rapid.IntRange(1, asked.Round).Draw(t, "refused in round"), Declined: rapid.Bool().Draw(t, "declined"),
		})
	}
	return asked
}

var skills = []string{"billing", "french", "german"}

func drawSkills(t *rapid.T, atMost int) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(skills), 0, atMost, rapid.ID).Draw(t, "skills")
}

func drawAgents(t *rapid.T) []assignment.Agent {
	agents := make([]assignment.Agent, rapid.IntRange(0, 12).Draw(t, "agents"))
	for i := range agents {
		agents[i] = assignment.Agent{
			ID:        fmt.Sprintf("agent-%02d", i),
			FreeSlots: rapid.IntRange(-1, 6).Draw(t, "free"),
			Busy:      rapid.Bool().Draw(t, "busy"),
			IdleSince: morning.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "idle")) * time.Minute),
			Skills:    drawSkills(t, len(skills)),
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
			queue[i].HoldsForPreferred = rapid.Bool().Draw(t, "holds")
		}
		if len(agents) > 0 && rapid.IntRange(0, 3).Draw(t, "is avoided") == 0 {
			queue[i].AvoidedAgentID = rapid.SampledFrom(agents).Draw(t, "avoided").ID
		}
		if len(agents) > 0 && rapid.IntRange(0, 3).Draw(t, "is asked") == 0 {
			queue[i].Asked = drawAsked(t, agents)
		}
		if rapid.IntRange(0, 3).Draw(t, "has skills") == 0 {
			queue[i].RequiredSkills = drawSkills(t, 2)
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
	plain, skilled := numbered(1000), numbered(1000)
	for i := range skilled {
		skilled[i].RequiredSkills = []string{"french"}
	}
	for name, queue := range map[string][]assignment.Chat{"plain": plain, "all with skills": skilled} {
		b.Run(name, func(b *testing.B) {
			agents := make([]assignment.Agent, 250)
			for i := range agents {
				agents[i] = assignment.Agent{ID: fmt.Sprintf("agent-%03d", i), FreeSlots: 50, Skills: []string{"french"}}
			}
			for b.Loop() {
				assignment.Plan(assignment.Balanced, queue, agents)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(queue)), "ns/chat")
		})
	}
}
