package rules_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/worker/assignment"
)

// workerAssigns is one batch of the worker.
func (w *world) workerAssigns(t *testing.T) {
	t.Helper()
	batch, err := supabase.NewQueue(w.root).AssignBatch(t.Context(), w.project, 0, 10, assignment.Plan)
	require.NoError(t, err)
	require.Equal(t, assignment.Batch{Locked: 1, Assigned: 1}, batch)
}

// decisions is what explain_assignment tells the agent.
func (w *world) decisions(t *testing.T, conversation string) []map[string]any {
	t.Helper()
	var decisions []map[string]any
	for _, decision := range w.sarah.must(t, "explain_assignment($1)", conversation)["decisions"].([]any) {
		decisions = append(decisions, decision.(map[string]any))
	}
	return decisions
}

func (w *world) goOnline(t *testing.T, agents ...actor) {
	t.Helper()
	for _, agent := range agents {
		agent.must(t, "set_agent_status($1, 'online')", w.project)
	}
}

func TestExplainAssignment(t *testing.T) {
	t.Parallel()

	t.Run("the worker's choice, with who else was looked at and why not they", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.goOnline(t, w.sarah, w.mike)
		w.exec(t, `update public.agent_availability set max_concurrent_chats = 1 where user_id = $1`, w.mike.id)
		chat := w.waiting(t, w.ann)
		w.workerAssigns(t)

		decisions := w.decisions(t, chat)
		require.Len(t, decisions, 1)
		decision := decisions[0]
		assert.Equal(t, "Sarah", decision["agent"].(map[string]any)["name"])
		assert.Nil(t, decision["decided_by"])
		assert.Equal(t, "balanced", decision["strategy"])
		assert.Equal(t, "most_free_slots", decision["reason"])
		assert.Equal(t, "More free slots than anybody else who could take it.", decision["text"])
		assert.InDelta(t, 1, decision["queue_position"], 0)
		assert.Equal(t, []any{
			map[string]any{"id": w.sarah.id, "name": "Sarah", "free_slots": 5.0, "verdict": "chosen", "text": "Was chosen."},
			map[string]any{
				"id": w.mike.id, "name": "Mike", "free_slots": 1.0, "verdict": "fewer_free_slots", "text": "Had fewer free slots.",
			},
		}, decision["candidates"])
	})

	t.Run("every way to an agent, in order", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.goOnline(t, w.sarah, w.mike)
		chat := w.waiting(t, w.ann)
		w.exec(t, `update public.conversations set waiting_since = now() - interval '42 seconds' where id = $1`, chat)
		require.Equal(t, true, w.sarah.must(t, "claim_conversation($1)", chat)["success"])
		w.sarah.must(t, "transfer_conversation($1, $2)", chat, w.mike.id)
		w.mike.must(t, "resolve_conversation($1)", chat)
		w.ann.must(t, "send_message($1, 'One more thing')", chat)

		type step struct{ agent, by, strategy, text string }
		var steps []step
		for _, decision := range w.decisions(t, chat) {
			assert.Nil(t, decision["queue_position"])
			assert.Empty(t, decision["candidates"])
			one := step{agent: decision["agent"].(map[string]any)["name"].(string), strategy: decision["strategy"].(string), text: decision["text"].(string)}
			if by, known := decision["decided_by"].(map[string]any); known {
				one.by = by["name"].(string)
			}
			steps = append(steps, one)
		}
		assert.Equal(t, []step{
			{"Sarah", "Sarah", "claim", "The agent took it from the queue."},
			{"Mike", "Sarah", "transfer", "Another member of the team gave it to this agent."},
			{"Mike", "", "returning", "The agent had this conversation before and had a free slot."},
		}, steps)
		assert.InDelta(t, 42, w.decisions(t, chat)[0]["waited_seconds"], 1)
		assert.InDelta(t, 0, w.decisions(t, chat)[1]["waited_seconds"], 0)
	})

	t.Run("a chat taken over from the AI", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.goOnline(t, w.sarah)
		chat := w.conversation(t, w.ann)
		w.sarah.must(t, "take_over_conversation($1)", chat)
		assert.Equal(t, "take_over", w.decisions(t, chat)[0]["strategy"])
		assert.Equal(t, "The agent took it over from the AI.", w.decisions(t, chat)[0]["text"])
	})

	t.Run("nothing for a conversation that no agent has had", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		assert.Empty(t, w.decisions(t, w.conversation(t, w.ann)))
	})

	t.Run("a refused claim leaves nothing", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.goOnline(t, w.mike)
		chat := w.waiting(t, w.ann)
		require.Equal(t, false, w.sarah.must(t, "claim_conversation($1)", chat)["success"])
		assert.Empty(t, w.decisions(t, chat))
	})

	t.Run("not for its visitor", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		chat := w.conversation(t, w.ann)
		_, err := w.ann.rpc(t.Context(), "explain_assignment($1)", chat)
		refused(t, err, "PT404", "conversation_not_found")
	})
}

// TestReasonsHaveWords fails when the worker can record something that explain_assignment would show as a bare code.
func TestReasonsHaveWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, reason := range []assignment.Reason{
		assignment.Preferred, assignment.OnlyCandidate, assignment.FirstInOrder, assignment.MostFreeSlots,
		assignment.LongestSinceAssignment, assignment.WithoutChat, assignment.IdleLongest, assignment.SmallestID,
	} {
		for _, strategy := range assignment.Strategies() {
			words := read[string](t, w, `select handoff.assignment_reason($1, $2)`, string(strategy), string(reason))
			assert.Regexp(t, `^[A-Z].*\.$`, words, "%s of %s", reason, strategy)
		}
	}
	for _, verdict := range []assignment.Verdict{
		assignment.Chosen, assignment.LacksSkills, assignment.GaveItBack, assignment.NotPreferred, assignment.FewerFreeSlots,
		assignment.AssignedLater, assignment.HasChats, assignment.IdleShorter, assignment.HigherID,
	} {
		assert.Regexp(t, `^[A-Z].*\.$`, read[string](t, w, `select handoff.assignment_verdict($1)`, string(verdict)), verdict)
	}
}

func TestDecisionsAreKeptForThirtyDays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.goOnline(t, w.sarah)
	chat := w.waiting(t, w.ann)
	w.sarah.must(t, "claim_conversation($1)", chat)
	assert.Equal(t, 0, read[int](t, w, `select handoff.prune_decisions(now() + interval '29 days 23 hours')`))
	assert.Len(t, w.decisions(t, chat), 1)
	assert.Equal(t, 1, read[int](t, w, `select handoff.prune_decisions(now() + interval '30 days 1 hour')`))
	assert.Empty(t, w.decisions(t, chat))
}

func TestAgentsAreIdleSince(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.goOnline(t, w.sarah)
	chat := w.waiting(t, w.ann)
	w.exec(t, `update public.agent_availability set idle_since = '2026-01-01'`)
	idleSince := func() bool {
		return read[bool](t, w, `select idle_since > '2026-01-01' from public.agent_availability where user_id = $1`, w.sarah.id)
	}
	w.assign(t, chat, w.sarah)
	assert.False(t, idleSince(), "a new chat does not begin idleness")
	w.sarah.must(t, "resolve_conversation($1)", chat)
	assert.True(t, idleSince(), "the end of the last one does")
}
