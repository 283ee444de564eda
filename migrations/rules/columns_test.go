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
		"conversations_visitor_id_length":    `conversations set visitor_id = ''`,
		"conversations_customer_name_length": `conversations set customer_name = repeat('n', 201)`,
		"conversations_customer_presence":    `conversations set customer_presence = 'asleep'`,
		"conversations_customer_left_reason": `conversations set customer_left_reason = ''`,
		"conversations_priority":             `conversations set priority = 10`,
		"conversations_handoff_reason":       `conversations set handoff_reason = 'boredom'`,
		"conversations_close_reason":         `conversations set close_reason = repeat('r', 101)`,
		"conversations_tags":                 `conversations set tags = array_fill('t'::text, array[21])`,
		"conversations_required_skills":      `conversations set required_skills = array_fill('s'::text, array[21])`,
		"conversations_rating":               `conversations set satisfaction_rating = 6`,
		"conversations_source":               `conversations set source = 'fax'`,
		"conversations_metadata_is_object":   `conversations set metadata = '[]'`,
		"conversations_status":               `conversations set assigned_agent_id = visitor_user_id`,
		"messages_sender_type":               `messages set sender_type = 'ghost'`,
		"messages_content_length":            `messages set content = ''`,
		"messages_metadata_is_object":        `messages set metadata = '1'`,
	} {
		t.Run(constraint, func(t *testing.T) {
			t.Parallel()
			_, err := w.root.Exec(t.Context(), `update public.`+value)
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
