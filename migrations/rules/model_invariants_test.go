package rules_test

import (
	"context"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// asker is a connection, a pool or a transaction.
type asker interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// violations runs testdata/invariants.sql on the whole database.
func violations(t *testing.T, db asker) []string {
	t.Helper()
	query, err := os.ReadFile("testdata/invariants.sql")
	require.NoError(t, err)
	rows, err := db.Query(t.Context(), string(query))
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		var violation, subject, detail string
		err := row.Scan(&violation, &subject, &detail)
		return violation + ": " + detail, err
	})
	require.NoError(t, err)
	return found
}

func assertInvariants(t *testing.T, w *world) {
	t.Helper()
	assert.Empty(t, violations(t, w.root))
}

// TestInvariants breaks each of them behind the back of every trigger and sees it told.
func TestInvariants(t *testing.T) {
	t.Parallel()
	w := online(t)
	with := w.waiting(t, w.ann)
	w.sarah.must(t, "claim_conversation($1)", with)
	w.sarah.must(t, "send_message($1, 'Hello')", with)
	w.waiting(t, w.bob)
	require.Empty(t, violations(t, w.root))
	const nobody = "00000000-0000-4000-8000-000000000000"
	for sql, told := range map[string]string{
		`update public.agent_availability set current_chat_count = 2 where current_chat_count = 1`: "an agent's count differs from a recount: current_chat_count 2, agent_active conversations 1",
		`update public.agent_availability set offered_chat_count = 1 where current_chat_count = 1`: "an agent's count of offers differs from a recount: offered_chat_count 1, open offers 0",
		`update public.agent_availability set offered_chat_count = 1 where current_chat_count = 1;
		 insert into handoff.offers (conversation_id, project_id, agent_id, waiting_since, expires_at, strategy, reason)
		 select id, project_id, assigned_agent_id, waiting_since, now(), 'balanced', 'only_candidate'
		   from public.conversations where status = 'agent_active'`: "a conversation is offered that does not wait: agent_active",
		`insert into handoff.offers (conversation_id, project_id, agent_id, waiting_since, expires_at, strategy, reason)
		 select conversation.id, conversation.project_id, gen_random_uuid(), waiting_since, now(), 'balanced', 'only_candidate'
		   from public.conversations as conversation where status = 'waiting';
		 update handoff.offers set agent_id = '` + nobody + `'`: "a conversation is offered to somebody who is not online: " + nobody,
		`insert into handoff.offers (conversation_id, project_id, agent_id, waiting_since, expires_at, state, ended_at, strategy, reason)
		 select id, project_id, '` + nobody + `', waiting_since, now(), 'missed', now(), 'balanced', 'only_candidate'
		   from public.conversations cross join generate_series(1, 2) where status = 'waiting'`: "an agent was asked twice in one round: 2 refusals in round 1",
		`delete from public.agent_availability where current_chat_count = 1`:                                                         "conversations belong to somebody without an agent row: 1 conversations",
		`update public.conversations set handoff_triggered_at = null where status = 'waiting'`:                                       "a conversation lacks a time that its status needs: waiting",
		`update public.conversations set closed_at = now() where status = 'waiting'`:                                                 "a conversation that is not closed has a time of closing: waiting",
		`update public.conversations set satisfaction_rating = 5 where status = 'waiting'`:                                           "a conversation that no agent had is rated: waiting",
		`update public.customers set total_conversations = 7 where id = (select customer_id from public.conversations limit 1)`:      "a customer's number of conversations differs from a recount: total_conversations 7, conversations 1",
		`update public.conversations set event_seq = 9 where status = 'waiting'`:                                                     "the numbers of a conversation's events have a gap or repeat: 1 events, 1 to 1, event_seq 9",
		`delete from handoff.outbox where seq = 3`:                                                                                   "the numbers of a conversation's events have a gap or repeat: 3 events, 1 to 4, event_seq 4",
		`update handoff.outbox set kind = 'resolved' where kind = 'message'`:                                                         "a message has no event: number 4, event_seq 4",
		`update handoff.outbox set payload = payload || '{"new_status": "closed"}' where kind = 'status_changed' and seq = 2`:        "the last status told is not the status: told closed, is agent_active",
		`update handoff.outbox set payload = jsonb_set(payload, '{agent,id}', '"nobody"') where kind = 'agent_assigned' and seq = 3`: "the last agent told is not the owner: told nobody, is " + w.sarah.id,
		`alter table public.conversations drop constraint conversations_status;
		 update public.conversations set assigned_agent_id = '` + w.mike.id + `' where status = 'waiting'`: "a conversation's owner does not fit its status: waiting",
		`drop index public.conversations_one_open_per_visitor_idx;
		 insert into public.conversations (project_id, visitor_id, visitor_user_id) select project_id, 'v', visitor_user_id
		   from public.conversations where status = 'waiting'`: "a visitor has several open conversations: 2 in project " + w.project,
	} {
		t.Run(told, func(t *testing.T) {
			t.Parallel()
			conn, err := pgx.Connect(t.Context(), w.db.URL("supabase_admin"))
			require.NoError(t, err)
			defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
			tx, err := conn.Begin(t.Context())
			require.NoError(t, err)
			defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
			_, err = tx.Exec(t.Context(), `set local session_replication_role = replica`)
			require.NoError(t, err)
			_, err = tx.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
			require.NoError(t, err)
			assert.Equal(t, []string{told}, violations(t, tx))
		})
	}
}
