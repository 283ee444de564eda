package assignment_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/supportbase/handoff/worker/assignment"
)

func TestPlanTellsWhy(t *testing.T) {
	t.Parallel()
	ada := assignment.Agent{ID: "ada", FreeSlots: 2, LastAssignedAt: morning, IdleSince: morning}
	tests := map[string]struct {
		strategy assignment.Strategy
		chat     assignment.Chat
		other    assignment.Agent
		reason   assignment.Reason
		verdict  assignment.Verdict
	}{
		"more free slots": {
			other:  assignment.Agent{ID: "bob", FreeSlots: 1},
			reason: assignment.MostFreeSlots, verdict: assignment.FewerFreeSlots,
		},
		"assigned longer ago": {
			other:  assignment.Agent{ID: "bob", FreeSlots: 2, LastAssignedAt: morning.Add(time.Second)},
			reason: assignment.LongestSinceAssignment, verdict: assignment.AssignedLater,
		},
		"a smaller id": {
			other:  assignment.Agent{ID: "bob", FreeSlots: 2, LastAssignedAt: morning},
			reason: assignment.SmallestID, verdict: assignment.HigherID,
		},
		"its turn": {
			strategy: assignment.RoundRobin,
			other:    assignment.Agent{ID: "bob", FreeSlots: 9, LastAssignedAt: morning.Add(time.Second)},
			reason:   assignment.LongestSinceAssignment, verdict: assignment.AssignedLater,
		},
		"without a chat": {
			strategy: assignment.LongestIdle,
			other:    assignment.Agent{ID: "bob", FreeSlots: 9, Busy: true},
			reason:   assignment.WithoutChat, verdict: assignment.HasChats,
		},
		"idle for longer": {
			strategy: assignment.LongestIdle,
			other:    assignment.Agent{ID: "bob", FreeSlots: 9, IdleSince: morning.Add(time.Second)},
			reason:   assignment.IdleLongest, verdict: assignment.IdleShorter,
		},
		"preferred": {
			chat:   assignment.Chat{PreferredAgentID: "ada"},
			other:  assignment.Agent{ID: "bob", FreeSlots: 9},
			reason: assignment.Preferred, verdict: assignment.NotPreferred,
		},
		"the other gave it back": {
			chat:   assignment.Chat{AvoidedAgentID: "bob"},
			other:  assignment.Agent{ID: "bob", FreeSlots: 9},
			reason: assignment.OnlyCandidate, verdict: assignment.GaveItBack,
		},
		"the other lacks a skill": {
			chat:   assignment.Chat{RequiredSkills: []string{"french"}},
			other:  assignment.Agent{ID: "bob", FreeSlots: 9},
			reason: assignment.OnlyCandidate, verdict: assignment.LacksSkills,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			able := ada
			able.Skills = []string{"french"}
			plan := assignment.Plan(test.strategy, []assignment.Chat{test.chat}, []assignment.Agent{able, test.other})
			assert.Equal(t, []pair{{test.chat.ID, "ada"}}, pairs(plan))
			assert.Equal(t, test.reason, plan[0].Reason)
			assert.Equal(t, 1, plan[0].Position)
			assert.ElementsMatch(t, []assignment.Candidate{
				{ID: "ada", FreeSlots: 2, LastAssignedAt: morning, Verdict: assignment.Chosen},
				{ID: "bob", FreeSlots: test.other.FreeSlots, LastAssignedAt: test.other.LastAssignedAt, Verdict: test.verdict},
			}, plan[0].Candidates)
		})
	}
}

func TestPlanRecordsWhatItSaw(t *testing.T) {
	t.Parallel()

	t.Run("in the order of the strategy, with what the batch gave before", func(t *testing.T) {
		t.Parallel()
		plan := assignment.Plan(assignment.Balanced, chats("c1", "c2"), []assignment.Agent{{ID: "a", FreeSlots: 2}, {ID: "b", FreeSlots: 1}})
		assert.Equal(t, []assignment.Candidate{
			{ID: "b", FreeSlots: 1, Verdict: assignment.Chosen},
			{ID: "a", FreeSlots: 1, Turn: 1, Verdict: assignment.AssignedLater},
		}, plan[1].Candidates)
		assert.Equal(t, 2, plan[1].Position)
	})

	t.Run("at most 20 candidates of a large team, 3 in a large batch", func(t *testing.T) {
		t.Parallel()
		agents := make([]assignment.Agent, 100)
		for i := range agents {
			agents[i] = assignment.Agent{ID: fmt.Sprintf("agent-%03d", i), FreeSlots: 50}
		}
		assert.Len(t, assignment.Plan(assignment.Balanced, numbered(1), agents)[0].Candidates, 20)
		assert.Len(t, assignment.Plan(assignment.Balanced, numbered(1000), agents)[999].Candidates, 3)
	})

	t.Run("the chosen one among them exactly once, wherever in the order", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			strategy := rapid.SampledFrom(assignment.Strategies()).Draw(t, "strategy")
			agents := drawAgents(t)
			queue := drawChats(t, agents)
			for _, one := range assignment.Plan(strategy, queue, agents) {
				seen := map[string]assignment.Verdict{}
				for _, candidate := range one.Candidates {
					assert.NotContains(t, seen, candidate.ID)
					seen[candidate.ID] = candidate.Verdict
					assert.Equal(t, candidate.ID == one.AgentID, candidate.Verdict == assignment.Chosen)
				}
				assert.Contains(t, seen, one.AgentID)
			}
		})
	})
}
