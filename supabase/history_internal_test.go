package supabase

import (
	"context"
	"os"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/migrations"
	"github.com/supportbase/handoff/supabase/local/localtest"
	"github.com/supportbase/handoff/supabase/local/postgres"
)

// sizeVariable is how many conversations lie in the history, ten messages each: 100000 is a year of a large team.
const (
	sizeVariable = "HANDOFF_HISTORY"
	defaultSize  = 20_000
)

// What lies in the history's database. One project has nine tenths of it; somebody waits, chats and works there now.
const (
	busyProject = "00000000-0000-4000-8000-000000000001"
	sarah       = "00000000-0000-4000-9000-000000000001" // an agent there
	anna        = "00000000-0000-4000-a000-000000000001" // a visitor whose conversation waits
	waitingChat = "00000000-0000-4000-b000-000000000001" // hers
	activeChat  = "00000000-0000-4000-b000-000000000065" // with Sarah
	aiChat      = "00000000-0000-4000-b000-0000000000c9"
)

// historySQL fills the tables as their owner's superior, without triggers: a year is not lived through again. $1 is the size.
// The first hundred conversations wait, the second hundred have an agent, the third the AI; the rest is over.
var historySQL = []string{
	`set session_replication_role = replica`,
	`create or replace function pg_temp.uuid_of(kind text, n bigint) returns uuid language sql immutable as
	 $$ select ('00000000-0000-4000-' || kind || '000-' || lpad(to_hex(n), 12, '0'))::uuid $$`,
	`insert into public.projects (id, user_id, name)
	 select pg_temp.uuid_of('8', n), pg_temp.uuid_of('9', 1000 + n), 'project ' || n from generate_series(1, 100) as n`,
	`insert into auth.users (id, email, is_anonymous) select pg_temp.uuid_of('9', n), n || '@example.com', false from generate_series(1, 1200) as n`,
	`insert into public.handoff_settings (project_id, enabled, show_human_button)
	 select pg_temp.uuid_of('8', n), true, true from generate_series(1, 100) as n`,
	`insert into public.project_members (project_id, user_id, email, status, accepted_at)
	 select pg_temp.uuid_of('8', (n - 1) / 10 + 1), pg_temp.uuid_of('9', n), n || '@example.com', 'active', now() from generate_series(1, 1000) as n`,
	`insert into public.agent_availability (project_id, user_id, status, effective_status, max_concurrent_chats, current_chat_count)
	 select project_id, user_id, 'online', 'online', 20, case when project_id = pg_temp.uuid_of('8', 1) then 10 else 0 end from public.project_members`,
	`insert into auth.users (id, is_anonymous) select pg_temp.uuid_of('a', n), true from generate_series(1, SIZE) as n`,
	`insert into public.customers (id, project_id, visitor_id, email, first_seen_at, last_seen_at)
	 select pg_temp.uuid_of('c', n), pg_temp.uuid_of('8', case when n % 10 = 0 then n % 100 + 1 else 1 end), 'visitor ' || n, n || '@customer.example',
	        now() - (n::float8 / SIZE) * interval '365 days', now() - (n::float8 / SIZE) * interval '365 days' from generate_series(1, SIZE) as n`,
	`insert into public.conversations (id, project_id, customer_id, visitor_id, visitor_user_id, status, assigned_agent_id, queue_entered_at, waiting_since,
	        claimed_at, first_response_at, resolved_at, closed_at, close_reason, event_seq, created_at, last_message_at, handoff_triggered_at)
	 select pg_temp.uuid_of('b', n), pg_temp.uuid_of('8', case when n > 300 and n % 10 = 0 then n % 100 + 1 else 1 end), pg_temp.uuid_of('c', n),
	        'visitor ' || n, pg_temp.uuid_of('a', n),
	        case when n <= 100 then 'waiting' when n <= 200 then 'agent_active' when n <= 300 then 'ai_active' when n <= 400 then 'resolved' else 'closed' end,
	        case when n between 101 and 200 or n > 300 then pg_temp.uuid_of('9', (n - 1) % 10 + 1) end,
	        at, at, case when n between 101 and 200 or n > 300 then at + interval '1 minute' end, at + interval '2 minutes',
	        case when n > 300 and n % 3 > 0 then at + interval '8 minutes' end, case when n > 400 then at + interval '9 minutes' end,
	        case when n > 400 then 'customer' end, 12, at, at, at
	   from (select n, now() - interval '10 minutes' - (n::float8 / SIZE) * interval '365 days' as at from generate_series(1, SIZE) as n) as one`,
	`insert into public.messages (conversation_id, project_id, seq, sender_type, sender_id, content, created_at)
	 select chat.id, chat.project_id, seq, case when seq % 2 = 1 then 'customer' else 'ai' end, case when seq % 2 = 1 then chat.visitor_user_id end,
	        'message ' || seq, chat.created_at + seq * interval '10 seconds' from public.conversations as chat, generate_series(1, 10) as seq`,
	`insert into handoff.outbox (project_id, conversation_id, kind, seq, payload)
	 select message.project_id, message.conversation_id, 'message', message.seq, '{"message": {}}' from public.messages as message`,
	`insert into handoff.assignment_decisions (project_id, conversation_id, agent_id, strategy, decided_at, reason)
	 select chat.project_id, chat.id, chat.assigned_agent_id, 'balanced', chat.claimed_at, 'only_candidate'
	   from public.conversations as chat where chat.claimed_at is not null order by chat.claimed_at`,
	`insert into handoff.wait_promises (conversation_id, waiting_since, project_id, promised_at, position, wait_p50_seconds, wait_p90_seconds,
	        estimated_wait_minutes, outcome, ended_at)
	 select chat.id, chat.waiting_since, chat.project_id, chat.waiting_since, 1, 60, 120, 3, 'assigned', chat.claimed_at
	   from public.conversations as chat where chat.claimed_at is not null order by chat.claimed_at`,
	`insert into handoff.queue_positions (conversation_id, project_id, position, estimated_wait_minutes)
	 select id, project_id, 1, 1 from public.conversations where status = 'waiting'`,
}

// history is a database with a long past.
func history(t *testing.T) (db *localtest.Database, size int) {
	t.Helper()
	size = defaultSize
	if wanted, err := strconv.Atoi(os.Getenv(sizeVariable)); err == nil {
		size = wanted
	}
	db = localtest.New(t, localtest.WithSetup("migrations", applyAll))
	conn, err := pgx.Connect(t.Context(), db.URL(postgres.Superuser))
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) }()
	for _, statement := range historySQL {
		_, err := conn.Exec(t.Context(), sized(statement, size))
		require.NoError(t, err, statement)
	}
	_, err = conn.Exec(t.Context(), `vacuum (analyze)`)
	require.NoError(t, err)
	return db, size
}

func applyAll(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	_, err = migrations.Up(ctx, conn)
	return err
}
