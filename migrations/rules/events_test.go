package rules_test

import (
	"encoding/json"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/realtime/broadcast"
)

// TestEventsBecomeMessages holds the two sides of the wire together: what the triggers write is what the bridge can send, and
// what it sends on a conversation's topic is what conversation_sync returns.
func TestEventsBecomeMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.everythingHappens(t)
	events := w.events(t)

	seen := make(map[realtime.Kind]bool)
	sent := make(map[int64]json.RawMessage)
	for _, event := range events {
		seen[event.Kind] = true
		messages, err := broadcast.Messages(event)
		require.NoError(t, err, event.Kind)
		for _, message := range messages {
			if message.Topic == realtime.ConversationTopic(id) && event.Seq > 0 {
				sent[event.Seq] = message.Payload
			}
		}
	}
	for _, kind := range realtime.Kinds() {
		assert.True(t, seen[kind], "no trigger wrote a %s event", kind)
	}

	synced := w.ann.must(t, "conversation_sync($1)", id)["events"].([]any)
	require.Len(t, synced, len(sent))
	for i, one := range synced {
		payload, err := json.Marshal(one.(map[string]any)["payload"])
		require.NoError(t, err)
		assert.JSONEq(t, string(sent[int64(i+1)]), string(payload))
	}
}

// everythingHappens makes at least one event of each kind and returns the visitor's conversation.
func (w *world) everythingHappens(t *testing.T) string {
	t.Helper()
	w.sarah.must(t, "set_agent_status($1, 'online')", w.project)
	id := w.conversation(t, w.ann)
	w.robot.must(t, "post_ai_message($1, 'Hello', 0.9, '[{\"url\": \"https://example.com\"}]', 'model')", id)
	w.ann.must(t, "send_message($1, 'A human, please', gen_random_uuid())", id)
	w.exec(t, `select handoff.refresh_positions($1)`, w.project)
	w.offering(t)
	w.offer(t, 1)
	w.sarah.must(t, "decline_offer($1, 'On the phone')", id)
	w.assign(t, id, w.sarah)
	w.sarah.must(t, "add_note($1, 'VIP')", id)
	w.exec(t, `update public.conversations set customer_presence = 'idle', customer_last_seen_at = now() where id = $1`, id)
	connection := uuid.NewString()
	w.sarah.must(t, "resolve_conversation($1)", id)
	w.sarah.must(t, "watch_conversation($1)", id)
	w.ann.must(t, "presence_enter($1, $2)", w.project, connection)
	w.ann.must(t, "presence_update($1, 'https://example.com/')", connection)
	w.ann.must(t, "presence_leave($1)", connection)
	w.ann.must(t, "rate_conversation($1, 5, 'Great')", id)
	w.ann.must(t, "send_message($1, 'One more thing')", id)
	w.exec(t, `update public.conversations set status = 'closed', close_reason = 'customer_inactive' where id = $1`, id)
	w.exec(t, `select handoff.refresh_project_state($1)`, w.project)
	return id
}

func (w *world) events(t *testing.T) []realtime.Event {
	t.Helper()
	rows, err := w.root.Query(t.Context(), `
		select id, 0::bigint, project_id::text, coalesce(conversation_id::text, ''), kind, seq, payload::text, created_at
		  from handoff.outbox order by xid, id`)
	require.NoError(t, err)
	events, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (realtime.Event, error) {
		var event realtime.Event
		var payload string
		err := row.Scan(&event.ID, new(int64), &event.ProjectID, &event.ConversationID, &event.Kind, &event.Seq, &payload, &event.CreatedAt)
		event.Payload = json.RawMessage(payload)
		return event, err
	})
	require.NoError(t, err)
	return events
}
