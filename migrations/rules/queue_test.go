package rules_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestQueuePosition(t *testing.T) {
	t.Parallel()
	w := online(t)
	first := w.waiting(t, w.ann)
	second := w.waiting(t, w.bob)
	third := w.waiting(t, w.person(t, "", ""))
	position := func(visitor actor, id string) any { return visitor.must(t, "queue_status($1)", id)["queue_position"] }

	assert.InDelta(t, 1, position(w.ann, first), 0)
	assert.InDelta(t, 2, position(w.bob, second), 0)
	w.exec(t, `update public.conversations set priority = 5 where id = $1`, third)
	assert.InDelta(t, 2, position(w.ann, first), 0, "what is more urgent goes first")
	assert.InDelta(t, 3, position(w.bob, second), 0)
	w.assign(t, first, w.sarah)
	assert.InDelta(t, 2, position(w.bob, second), 0, "who is served is not counted")
	w.sarah.must(t, "transfer_conversation($1)", first)
	assert.InDelta(t, 2, position(w.ann, first), 0, "a chat that comes back keeps its age")
	assert.InDelta(t, 3, position(w.bob, second), 0)
}

func TestWaitEstimate(t *testing.T) {
	t.Parallel()
	w := online(t)
	id := w.waiting(t, w.ann)
	estimate := func() any { return w.ann.must(t, "queue_status($1)", id)["estimated_wait_minutes"] }

	assert.InDelta(t, 3, estimate(), 0, "1 x 5 minutes / 2 agents, rounded up, without any history")
	for _, minutes := range []int{10, 20} {
		handled := w.waiting(t, w.person(t, "", ""))
		w.assign(t, handled, w.sarah)
		w.sarah.must(t, "resolve_conversation($1)", handled)
		w.exec(t, `update public.conversations set claimed_at = resolved_at - $2 * interval '1 minute' where id = $1`, handled, minutes)
	}
	assert.InDelta(t, 8, estimate(), 0, "1 x 15 / 2")
	w.mike.must(t, "set_agent_status($1, 'away')", w.project)
	assert.InDelta(t, 15, estimate(), 0, "1 x 15 / 1")
	w.exec(t, `update public.conversations set resolved_at = now() - interval '8 days', claimed_at = now() - interval '9 days' where status = 'resolved'`)
	assert.InDelta(t, 5, estimate(), 0, "only seven days count")
	w.sarah.must(t, "set_agent_status($1, 'offline')", w.project)
	assert.InDelta(t, -1, estimate(), 0, "nobody is online")
}

func TestNothingIsLostWhileItMoves(t *testing.T) {
	t.Parallel()
	w := online(t)
	id := w.conversation(t, w.ann)
	w.robot.must(t, "post_ai_message($1, 'Hello', 0.9)", id)
	w.ann.must(t, "send_message($1, 'a human please')", id)
	w.ann.must(t, "send_message($1, 'while I wait')", id)
	w.assign(t, id, w.sarah)
	w.ann.must(t, "send_message($1, 'just assigned')", id)
	w.sarah.must(t, "transfer_conversation($1)", id)
	w.ann.must(t, "send_message($1, 'between agents')", id)
	w.assign(t, id, w.mike)
	transcript := read[[]string](t, w, `select array_agg(content order by seq) from public.messages where conversation_id = $1`, id)
	assert.Equal(t, []string{"Hello", "a human please", "while I wait", "just assigned", "between agents"}, transcript)
	assert.Equal(t, 5, w.mike.count(t, "messages"), "the agent sees all of it")
	assertNumbersHaveNoGap(t, w, id)
}
