package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/localtest"
)

// oldChats is a database with the engine and a table of chats from before, as F001 3.1 has it.
type oldChats struct {
	pool    *pgxpool.Pool
	env     map[string]string
	project string
	// clientURL is the connection that the API uses.
	clientURL string
}

// waitStep is how often a state of the database is looked at that nothing announces.
const waitStep = 20 * time.Millisecond

func newOldChats(t *testing.T) oldChats {
	t.Helper()
	db := localtest.New(t, localtest.WithSetup("migrations", applyMigrations))
	old := oldChats{pool: db.Pool(t, "postgres"), env: map[string]string{"DATABASE_URL": db.URL("postgres")}, clientURL: db.URL("authenticator")}
	_, err := db.Pool(t, "supabase_admin").Exec(t.Context(),
		`insert into auth.users (id, email) values ('11111111-1111-4111-8111-111111111111', 'owner@example.com')`)
	require.NoError(t, err)
	old.scan(t, &old.project, `insert into public.projects (user_id, name) values ('11111111-1111-4111-8111-111111111111', 'Old') returning id::text`)
	old.exec(t, `
		create table public.chat_sessions (
		  id uuid primary key default gen_random_uuid(), project_id uuid, visitor_id text, messages jsonb[], message_count integer,
		  source text, awaiting_email boolean, pending_question text, email_asked boolean, is_voice boolean,
		  voice_duration_seconds integer, created_at timestamptz, updated_at timestamptz, last_message_at timestamptz)`)
	return old
}

func (o oldChats) exec(t *testing.T, statement string, arguments ...any) {
	t.Helper()
	_, err := o.pool.Exec(t.Context(), statement, arguments...)
	require.NoError(t, err)
}

func (o oldChats) scan(t *testing.T, into any, query string, arguments ...any) {
	t.Helper()
	require.NoError(t, o.pool.QueryRow(t.Context(), query, arguments...).Scan(into), query)
}

func (o oldChats) count(t *testing.T, query string, arguments ...any) int {
	t.Helper()
	var count int
	o.scan(t, &count, query, arguments...)
	return count
}

// fill adds sessions of ten messages each, numbered ids, two visitors in five sessions.
func (o oldChats) fill(t *testing.T, sessions int) {
	t.Helper()
	o.exec(t, `
		insert into public.chat_sessions (id, project_id, visitor_id, messages, source, created_at, updated_at, last_message_at)
		select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, $1, 'v-' || n * 2 / 5,
		       array(select jsonb_build_object('role', case m % 2 when 1 then 'user' else 'assistant' end,
		                                       'content', format('message %s of session %s', m, n), 'sources', '["faq"]'::jsonb,
		                                       'timestamp', now() - interval '2 days' + m * interval '1 second')
		               from generate_series(1, 10) as m order by m),
		       'widget', now() - interval '2 days', now() - interval '2 days', now() - interval '2 days'
		  from generate_series(1, $2) as n`, o.project, sessions)
}

func sessionID(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

// run imports to the end and returns what was printed.
func (o oldChats) run(t *testing.T, exit int, arguments ...string) string {
	t.Helper()
	p := launch(t, o.env, append([]string{"import", "chat-sessions"}, arguments...)...)
	require.Equal(t, exit, p.exitCode(t), p.output.String())
	return p.output.String()
}

func TestImport(t *testing.T) {
	t.Parallel()

	t.Run("a dry run says what would happen and changes nothing", func(t *testing.T) {
		t.Parallel()
		old := newOldChats(t)
		old.fill(t, 30)
		assert.Contains(t, old.run(t, 0, "--dry-run", "--batch", "7"), "RESULT import=dry_run sessions=30 conversations=30 messages=300")
		assert.Zero(t, old.count(t, `select (select count(*) from public.conversations) + (select count(*) from handoff.imports)
			+ (select count(*) from public.customers)`))
	})

	t.Run("brings everything, tells nobody, and a second run finds nothing to do", func(t *testing.T) {
		t.Parallel()
		old := newOldChats(t)
		old.fill(t, 30)
		text := old.run(t, 0, "--batch", "7")
		assert.Contains(t, text, "RESULT import=ok sessions=30 conversations=30 messages=300")
		assert.Contains(t, text, "30  conversations with 300 messages compared with their sessions: equal")
		assert.Zero(t, old.count(t, `select count(*) from handoff.outbox`), "events")
		assert.Equal(t, 30, old.count(t, `select count(*) from public.conversations
			where status = 'closed' and close_reason = 'timeout' and event_seq = 10 and created_at < now() - interval '1 day'`))
		assert.Equal(t, 30, old.count(t, `select sum(total_conversations) from public.customers`), "counted for their customers")
		assert.Equal(t, 13, old.count(t, `select count(*) from public.customers`))
		assert.Equal(t, "message 3 of session 5", old.said(t, 5, 3))
		assert.Contains(t, old.run(t, 0), "RESULT import=ok sessions=30 conversations=0 messages=0")
	})

	t.Run("what came since is brought by another run, and conversations in use are left alone", func(t *testing.T) {
		t.Parallel()
		old := newOldChats(t)
		old.fill(t, 4)
		old.exec(t, `update public.chat_sessions set last_message_at = now()`)
		old.run(t, 0)
		more := `update public.chat_sessions set messages = messages || '{"role": "user", "content": "one more"}'::jsonb where id = any ($1)`
		old.exec(t, more, []string{sessionID(1), sessionID(2)})
		old.exec(t, `insert into public.messages (conversation_id, sender_type, content) values ($1, 'system', 'new life')`, sessionID(2))
		old.fill2(t, 5)
		text := old.run(t, 0)
		assert.Contains(t, text, "RESULT import=ok sessions=5 conversations=1 messages=11")
		assert.Contains(t, text, "1  conversations got further messages")
		assert.Contains(t, text, "1  sessions left alone: their conversations are in use here")
		assert.Equal(t, "one more", old.said(t, 1, 11))
		assert.Equal(t, "new life", old.said(t, 2, 11))
	})

	t.Run("odd entries are brought as far as they say something", func(t *testing.T) {
		t.Parallel()
		old := newOldChats(t)
		old.exec(t, `
			insert into public.chat_sessions (id, project_id, visitor_id, messages, source, created_at, last_message_at) values
			  ($1, $2, '', array[
			     '{"role": "user", "content": "dated in milliseconds", "timestamp": 1700000000000}', '{"role": "assistant", "content": ""}',
			     '{"role": "tool", "content": {"answer": 42}, "timestamp": "not a time"}', 'null', '"bare"',
			     '{"role": "user", "content": "wrong month", "timestamp": "2024-13-01T00:00:00Z"}']::jsonb[], 'telex', '2023-01-01', null),
			  ($3, $2, null, array[jsonb_build_object('role', 'user', 'content', repeat('ä', 25000))], null, null, null),
			  ($4, gen_random_uuid(), 'lost', array['{"role": "user", "content": "x"}'::jsonb], 'widget', now(), now()),
			  ($5, $2, 'silent', null, 'widget', now(), now())`,
			sessionID(1), old.project, sessionID(2), sessionID(3), sessionID(4))
		text := old.run(t, 0)
		assert.Contains(t, text, "RESULT import=ok sessions=4 conversations=3 messages=6")
		assert.Contains(t, text, "1  sessions left out: their project does not exist")
		assert.Contains(t, text, "3  entries left out: they say nothing")
		assert.Contains(t, text, "2  parts of entries longer than 10,000 characters")
		assert.Contains(t, text, "3  entries without a time")
		assert.Equal(t, `{"answer": 42}`, old.said(t, 1, 2))
		assert.Equal(t, 1, old.count(t, `select count(*) from public.messages where created_at = to_timestamp(1700000000)`))
		assert.Equal(t, 25000, old.count(t, `select sum(char_length(content)) from public.messages where conversation_id = $1`, sessionID(2)))
		assert.Equal(t, 1, old.count(t, `select count(*) from public.conversations where source = 'api' and metadata ->> 'source' = 'telex'`))
	})

	t.Run("refuses a table that is none of chat sessions", func(t *testing.T) {
		t.Parallel()
		old := newOldChats(t)
		for _, table := range []string{"public.nothing", "public.projects"} {
			text := refused(t, "no_chat_sessions", exitFailed, old.env, "import", "chat-sessions", "--table", table)
			assert.Contains(t, text, "--table schema.name")
		}
		refused(t, "usage", exitUsage, old.env, "import", "chat-sessions", "--batch", "0")
	})
}

func (o oldChats) said(t *testing.T, session, seq int) string {
	t.Helper()
	var content string
	o.scan(t, &content, `select content from public.messages where conversation_id = $1 and seq = $2`, sessionID(session), seq)
	return content
}

// fill2 adds one session with this number.
func (o oldChats) fill2(t *testing.T, n int) {
	t.Helper()
	o.exec(t, `insert into public.chat_sessions (id, project_id, visitor_id, messages, source, created_at, updated_at, last_message_at)
		select $1, project_id, visitor_id, messages[1:9] || messages[10], source, created_at, updated_at, last_message_at
		  from public.chat_sessions where id = $2`, sessionID(n), sessionID(3))
}

func TestImportSurvivesKills(t *testing.T) {
	t.Parallel()
	old := newOldChats(t)
	old.fill(t, 500)

	// A conversation that somebody is about to insert stops the import in the middle of a batch, wherever we like.
	for _, stop := range []int{130, 345} {
		blocker, err := old.pool.Begin(t.Context())
		require.NoError(t, err)
		_, err = blocker.Exec(t.Context(), `insert into public.conversations (id, project_id, visitor_id) values ($1, $2, 'x')`,
			sessionID(stop), old.project)
		require.NoError(t, err)
		p := launch(t, old.env, "import", "chat-sessions", "--batch", "20")
		require.Eventually(t, func() bool { return old.waiting(t) }, runTimeout, waitStep)

		second := launch(t, old.env, "import", "chat-sessions")
		assert.Equal(t, exitFailed, second.exitCode(t))
		assert.Contains(t, second.output.String(), "[import_running]")

		p.kill()
		require.NoError(t, blocker.Rollback(t.Context()))
		require.Eventually(t, func() bool { return !old.importing(t) }, runTimeout, waitStep)
		assert.Equal(t, (stop-1)/20*20, old.count(t, `select count(*) from public.conversations`), "whole batches, nothing half")
	}

	text := old.run(t, 0, "--batch", "50")
	assert.Contains(t, text, "going on after session "+sessionID(340))
	assert.Contains(t, text, "RESULT import=ok sessions=160 conversations=160 messages=1600")
	assert.Contains(t, text, "500  conversations with 5000 messages compared")
	assert.Equal(t, 500, old.count(t, `select sessions from handoff.imports`))
}

// waiting says whether an import waits for a lock.
func (o oldChats) waiting(t *testing.T) bool {
	t.Helper()
	return o.count(t, `select count(*) from pg_locks where not granted and locktype = 'transactionid'
		and pid in (select pid from pg_stat_activity where datname = current_database())`) > 0
}

// importing says whether a server process of an import is left.
func (o oldChats) importing(t *testing.T) bool {
	t.Helper()
	return o.count(t, `select count(*) from pg_locks where locktype = 'advisory' and granted
		and (classid::bigint << 32) | objid::bigint = hashtextextended('handoff import', 0)
		and database = (select oid from pg_database where datname = current_database())`) > 0
}

func TestRollbackView(t *testing.T) {
	t.Parallel()
	old := newOldChats(t)
	old.fill(t, 3)
	old.run(t, 0)
	rows, err := old.pool.Query(t.Context(), `
		select old.id::text from public.chat_sessions as old join handoff.chat_sessions as new using (id)
		 where to_jsonb(array(select message ->> 'content' from unnest(old.messages) as message))
		     = to_jsonb(array(select message ->> 'content' from unnest(new.messages) as message))
		   and old.messages[1] = new.messages[1] and new.message_count = 10 and old.visitor_id = new.visitor_id order by 1`)
	require.NoError(t, err)
	same, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	assert.Equal(t, []string{sessionID(1), sessionID(2), sessionID(3)}, same)
}

func TestClientsCannotImport(t *testing.T) {
	t.Parallel()
	old := newOldChats(t)
	old.fill(t, 1)
	old.exec(t, `update public.chat_sessions set last_message_at = now()`)
	old.run(t, 0)
	conn, err := pgx.Connect(t.Context(), old.clientURL)
	require.NoError(t, err)
	defer closeConn(t.Context(), conn)
	for _, statement := range []string{
		`set role service_role`, `set handoff.importing = 'on'`,
		`insert into public.messages (conversation_id, project_id, seq, sender_type, content) values ('` + sessionID(1) + `', '` + old.project + `', 99, 'system', 'x')`,
	} {
		_, err := conn.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	assert.Equal(t, "x", old.said(t, 1, 11), "numbered like every message")
	assert.Equal(t, 1, old.count(t, `select count(*) from handoff.outbox where kind = 'message'`), "and told")
}
