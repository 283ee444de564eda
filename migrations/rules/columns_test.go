package rules_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestColumnsRefuse holds what a column may not hold, and by which name it is refused: domains and checks alike
// (docs/adr/0007-domains.md).
func TestColumnsRefuse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.conversation(t, w.ann)
	w.ann.must(t, "send_message($1, 'Hello')", id)
	for constraint, value := range map[string]string{
		"conversations_visitor_id_length":    `public.conversations set visitor_id = ''`,
		"conversations_customer_name_length": `public.conversations set customer_name = repeat('n', 201)`,
		"conversations_customer_presence":    `public.conversations set customer_presence = 'asleep'`,
		"conversations_customer_left_reason": `public.conversations set customer_left_reason = ''`,
		"conversations_priority":             `public.conversations set priority = 10`,
		"conversations_handoff_reason":       `public.conversations set handoff_reason = 'boredom'`,
		"conversations_close_reason":         `public.conversations set close_reason = repeat('r', 101)`,
		"conversations_tags":                 `public.conversations set tags = array_fill('t'::text, array[21])`,
		"conversations_required_skills":      `public.conversations set required_skills = array_fill('s'::text, array[21])`,
		"conversations_rating":               `public.conversations set satisfaction_rating = 6`,
		"conversations_source":               `public.conversations set source = 'fax'`,
		"conversations_metadata_is_object":   `public.conversations set metadata = '[]'`,
		"conversations_status":               `public.conversations set assigned_agent_id = visitor_user_id`,
		"messages_sender_type":               `public.messages set sender_type = 'ghost'`,
		"messages_content_length":            `public.messages set content = ''`,
		"messages_metadata_is_object":        `public.messages set metadata = '1'`,
		"outbox_payload_is_object":           `handoff.outbox set payload = '1'`,
	} {
		t.Run(constraint, func(t *testing.T) {
			t.Parallel()
			_, err := w.root.Exec(t.Context(), `update `+value)
			var refusal *pgconn.PgError
			require.ErrorAs(t, err, &refusal)
			assert.Equal(t, "23514", refusal.Code, refusal.Message)
			assert.Equal(t, constraint, refusal.ConstraintName)
		})
	}
}

// TestThereIsNoOtherStatus: what an insert gives is held by the check alone, where the guard refuses an update as an illegal move.
func TestThereIsNoOtherStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.root.Exec(t.Context(), `insert into public.conversations (project_id, visitor_id, status) values ($1, 'v', 'paused')`, w.project)
	var refusal *pgconn.PgError
	require.ErrorAs(t, err, &refusal)
	assert.Equal(t, "conversations_status", refusal.ConstraintName, refusal.Message)
}

// TestAProjectTakesItsMessages deletes a project: its messages refer to it through their conversations only.
func TestAProjectTakesItsMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ann.must(t, "send_message($1, 'Hello')", w.conversation(t, w.ann))
	require.Equal(t, 1, read[int](t, w, `select count(*) from public.messages where project_id = $1`, w.project))
	w.exec(t, `delete from public.projects where id = $1`, w.project)
	assert.Zero(t, read[int](t, w, `select count(*) from public.messages where project_id = $1`, w.project))
}
