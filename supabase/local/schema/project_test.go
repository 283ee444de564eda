package schema_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/postgres"
)

func roleClaims(t *testing.T, server *postgres.Server) {
	t.Helper()
	admin := connect(t, server, postgres.Superuser)
	t.Run("attributes are those of hosted", func(t *testing.T) {
		const attributes = `select format('super=%s login=%s createrole=%s replication=%s bypassrls=%s inherit=%s',
			rolsuper, rolcanlogin, rolcreaterole, rolreplication, rolbypassrls, rolinherit)
			from pg_roles where rolname = $1`
		assert.Equal(t, "super=f login=t createrole=t replication=t bypassrls=t inherit=t", value(t, admin, attributes, "postgres"))
		assert.Equal(t, "super=f login=f createrole=f replication=f bypassrls=t inherit=f", value(t, admin, attributes, "service_role"))
		assert.Equal(t, "super=f login=f createrole=f replication=f bypassrls=f inherit=f", value(t, admin, attributes, "anon"))
		assert.Equal(t, "super=f login=t createrole=f replication=f bypassrls=f inherit=f", value(t, admin, attributes, "authenticator"))
		assert.Equal(t, "super=t login=t createrole=t replication=t bypassrls=t inherit=t", value(t, admin, attributes, "supabase_admin"))
	})
	t.Run("authenticator may become each API role and nothing else", func(t *testing.T) {
		conn := connect(t, server, "authenticator")
		for _, role := range []string{"anon", "authenticated", "service_role"} {
			require.NoError(t, attempt(t, conn, "set local role "+role))
		}
		requireDenied(t, attempt(t, conn, "set local role postgres"), `permission denied to set role "postgres"`)
		assert.Equal(t, "8s", value(t, conn, "show statement_timeout"))
	})
	t.Run("postgres owns the database and schema public", func(t *testing.T) {
		assert.Equal(t, "postgres", value(t, admin,
			"select datdba::regrole::text from pg_database where datname = current_database()"))
		assert.Equal(t, "true", value(t, connect(t, server, "postgres"),
			"select has_schema_privilege('public', 'create')::text"))
	})
	t.Run("new tables are closed to the API roles", func(t *testing.T) {
		conn := connect(t, server, "postgres")
		requireDenied(t, attempt(t, conn, "create table public.t ()", "set local role authenticated", "select from public.t"),
			"permission denied for table t")
	})
	t.Run("text functions know every script", func(t *testing.T) {
		assert.Equal(t, "äöü привет", value(t, admin, "select lower('ÄÖÜ ПРИВЕТ')"))
		assert.Equal(t, "true", value(t, admin, `select ('schöne hilfe' ~* '\mHILFE\M' and 'ПОМОЩЬ' ~* '\mпомощь\M')::text`))
	})
}

func authClaims(t *testing.T, server *postgres.Server) {
	t.Helper()
	conn := connect(t, server, "authenticator")
	const subject = "8f3b2f0e-7c4f-4a52-9d0c-0c5f5f0f6a11"
	claims := `{"sub":"` + subject + `","role":"authenticated","email":"a@example.com","is_anonymous":true}`
	t.Run("functions read the claims of the request", func(t *testing.T) {
		tx := beginAs(t, conn, "authenticated", claims)
		assert.Equal(t, subject, one(t, tx, "select auth.uid()::text"))
		assert.Equal(t, "authenticated", one(t, tx, "select auth.role()"))
		assert.Equal(t, "a@example.com", one(t, tx, "select auth.email()"))
		assert.Equal(t, "true", one(t, tx, "select auth.jwt() ->> 'is_anonymous'"))
	})
	t.Run("functions answer null without claims, also after a request", func(t *testing.T) {
		tx := begin(t, conn, "set local role anon")
		assert.Equal(t, "true", one(t, tx, "select (auth.uid() is null and auth.role() is null and auth.jwt() is null)::text"))
	})
	t.Run("the single claim wins, as on hosted", func(t *testing.T) {
		tx := beginAs(t, conn, "anon", claims)
		one(t, tx, "select set_config('request.jwt.claim.role', 'older', true)")
		assert.Equal(t, "older", one(t, tx, "select auth.role()"))
	})
	t.Run("API roles see no tables of auth", func(t *testing.T) {
		for _, role := range []string{"anon", "authenticated", "service_role"} {
			requireDenied(t, attempt(t, conn, "set local role "+role, "select from auth.users"), "permission denied for table users")
		}
	})
	t.Run("deleting a user deletes the sessions", func(t *testing.T) {
		require.NoError(t, attempt(t, connect(t, server, "supabase_auth_admin"),
			"insert into auth.users (id) values ('"+subject+"')",
			"insert into auth.sessions (id, user_id) values (gen_random_uuid(), '"+subject+"')",
			"insert into auth.refresh_tokens (token, session_id) select 't', id from auth.sessions",
			"delete from auth.users",
			"do $$ begin assert not exists (select from auth.refresh_tokens); end $$"))
	})
}

func realtimeClaims(t *testing.T, server *postgres.Server) {
	t.Helper()
	conn := connect(t, server, "postgres")
	const count = "select count(*)::text from realtime.messages"
	t.Run("without a policy authenticated is refused", func(t *testing.T) {
		requireDenied(t, attempt(t, conn, "set local role authenticated",
			"insert into realtime.messages (topic, extension) values ('t', 'broadcast')"),
			`new row violates row-level security policy for table "messages"`)
	})
	t.Run("a policy opens a topic to read", func(t *testing.T) {
		tx := begin(t, conn, policy, "insert into realtime.messages (topic, extension) values ('room:1', 'broadcast')",
			"set local role authenticated")
		assert.Equal(t, "0", one(t, tx, count))
		one(t, tx, "select set_config('realtime.topic', 'room:1', true)")
		assert.Equal(t, "1", one(t, tx, count))
	})
	t.Run("send stores a message with an id", func(t *testing.T) {
		tx := begin(t, conn, `select realtime.send('{"a": 1}', 'greeting', 'room:1')`)
		assert.Equal(t, "room:1 greeting broadcast true", one(t, tx,
			"select concat_ws(' ', topic, event, extension, private::text) from realtime.messages where payload ->> 'id' = id::text"))
	})
	t.Run("send without permission only warns", func(t *testing.T) {
		tx := begin(t, conn, "set local role authenticated", `select realtime.send('{}', 'e', 't')`, "reset role")
		assert.Equal(t, "0", one(t, tx, count))
	})
	t.Run("send of a scalar only warns", func(t *testing.T) {
		tx := begin(t, conn, `select realtime.send('1', 'e', 't')`)
		assert.Equal(t, "0", one(t, tx, count))
	})
	t.Run("send_binary stores bytes", func(t *testing.T) {
		tx := begin(t, conn, `select realtime.send_binary('\x0102', 'e', 't', false)`)
		assert.Equal(t, `\x0102`, one(t, tx, "select binary_payload::text from realtime.messages where payload is null"))
	})
	t.Run("broadcast_changes works in a row trigger", func(t *testing.T) {
		tx := begin(t, conn, `create table public.notes (body text)`,
			`create function public.tell() returns trigger language plpgsql as $$ begin
				perform realtime.broadcast_changes('notes', tg_op, tg_op, tg_table_name, tg_table_schema, new, old); return null; end $$`,
			`create trigger tell after insert on public.notes for each row execute function public.tell()`,
			`insert into public.notes values ('hello')`)
		assert.Equal(t, "INSERT notes public hello", one(t, tx, `select concat_ws(' ', payload ->> 'operation',
			payload ->> 'table', payload ->> 'schema', payload #>> '{record,body}') from realtime.messages where topic = 'notes'`))
	})
	t.Run("the publication names the parent table", func(t *testing.T) {
		assert.Equal(t, "realtime.messages", value(t, conn, `select string_agg(prrelid::regclass::text, ',')
			from pg_publication_rel join pg_publication p on p.oid = prpubid where pubname = 'supabase_realtime_messages_publication'`))
	})
}

func partitionClaims(t *testing.T, server *postgres.Server) {
	t.Helper()
	admin := connect(t, server, postgres.Superuser)
	const partitions = `select string_agg(inhrelid::regclass::text, ' ' order by inhrelid::regclass::text)
		from pg_inherits where inhparent = 'realtime.messages'::regclass`
	tx := begin(t, admin, `insert into realtime.messages (topic, extension, inserted_at) values
			('late', 'broadcast', '2031-05-04 12:00'), ('old', 'broadcast', '2020-01-01')`,
		`select stand_in.maintain_partitions('2031-05-05')`)
	t.Run("yesterday to three days ahead, older ones dropped", func(t *testing.T) {
		assert.Equal(t, "realtime.messages_2031_05_04 realtime.messages_2031_05_05 realtime.messages_2031_05_06 "+
			"realtime.messages_2031_05_07 realtime.messages_2031_05_08 realtime.messages_default", one(t, tx, partitions))
	})
	t.Run("the default partition makes room", func(t *testing.T) {
		assert.Equal(t, "0", one(t, tx, "select count(*)::text from realtime.messages"))
	})
	t.Run("new partitions belong to Realtime", func(t *testing.T) {
		assert.Equal(t, "supabase_realtime_admin", one(t, tx,
			"select relowner::regrole::text from pg_class where relname = 'messages_2031_05_08'"))
	})
}

// begin opens a transaction that is rolled back when the test ends, and runs the statements in it.
func begin(t *testing.T, conn *pgx.Conn, statements ...string) pgx.Tx {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, tx.Rollback(contextOf(t))) })
	for _, statement := range statements {
		_, err := tx.Exec(t.Context(), statement)
		require.NoError(t, err, statement)
	}
	return tx
}

// beginAs is begin as PostgREST does it: role and claims for one transaction.
func beginAs(t *testing.T, conn *pgx.Conn, role, claims string) pgx.Tx {
	t.Helper()
	tx := begin(t, conn, "set local role "+role)
	one(t, tx, "select set_config('request.jwt.claims', '"+claims+"', true)")
	return tx
}

func one(t *testing.T, tx pgx.Tx, query string) string {
	t.Helper()
	var text string
	require.NoError(t, tx.QueryRow(t.Context(), query).Scan(&text), query)
	return text
}
