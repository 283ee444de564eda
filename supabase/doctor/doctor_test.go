package doctor_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/doctor"
	"github.com/supportbase/handoff/supabase/local/auth"
	"github.com/supportbase/handoff/supabase/local/keys"
	"github.com/supportbase/handoff/supabase/local/localtest"
	"github.com/supportbase/handoff/supabase/local/postgres"
	"github.com/supportbase/handoff/supabase/local/schema"
)

func TestAHealthyProject(t *testing.T) {
	t.Parallel()
	healthy := newProject(t, nil)
	report := doctor.Examine(t.Context(), healthy.options)
	assert.True(t, report.Healthy())
	assert.GreaterOrEqual(t, report.Checks(), 25)
	// On a test server the log is kept without a limit; and no worker runs here.
	allowed := map[string]bool{"worker": true, "wal_keep_size": true}
	for _, one := range report.Findings {
		if !allowed[one.Check] {
			assert.Equal(t, doctor.OK, one.Severity, "%+v", one)
		}
	}
}

func TestTheDatabase(t *testing.T) {
	t.Parallel()

	t.Run("nobody answers", func(t *testing.T) {
		t.Parallel()
		lost := project{options: doctor.Options{DatabaseURL: "postgres://postgres:hunter2@127.0.0.1:1/postgres"}}
		lost.says(t, "database", doctor.Broken, "does not answer", "DATABASE_URL")
		assert.NotContains(t, fmt.Sprint(doctor.Examine(t.Context(), lost.options)), "hunter2")
		assert.Equal(t, doctor.Skipped, lost.found(t, "chat_counts")[0].Severity)
		assert.Equal(t, doctor.Skipped, lost.found(t, "realtime_socket")[0].Severity)
	})

	t.Run("the password is wrong", func(t *testing.T) {
		t.Parallel()
		address, err := url.Parse(localtest.New(t).URL("postgres"))
		require.NoError(t, err)
		address.User = url.UserPassword("postgres", "hunter2")
		project{options: doctor.Options{DatabaseURL: address.String()}}.
			says(t, "database", doctor.Broken, "refuses the user or password", "blocks an address")
	})

	t.Run("the tables are not there", func(t *testing.T) {
		t.Parallel()
		empty := project{options: doctor.Options{DatabaseURL: localtest.New(t).URL("postgres"), Slot: "none"}}
		empty.says(t, "migrations", doctor.Broken, "not there", "handoff migrate up")
	})

	t.Run("the tables are of another version", func(t *testing.T) {
		t.Parallel()
		old := newProject(t, nil)
		old.exec(t, `update handoff.schema_migrations set checksum = 'another' where name = '80_handoff'`)
		old.exec(t, `delete from handoff.schema_migrations where name = '91_positions'`)
		old.says(t, "migrations", doctor.Broken, "80_handoff (changed), 91_positions (pending)", "handoff migrate up")
	})

	t.Run("the clocks differ", func(t *testing.T) {
		t.Parallel()
		late := newProject(t, nil)
		late.options.Now = func() time.Time { return time.Now().Add(-time.Minute) }
		late.says(t, "clock_skew", doctor.Warning, "differ by 1m", "NTP")
	})

	t.Run("commits do not wait for the disk", func(t *testing.T) {
		t.Parallel()
		hasty := newProject(t, nil)
		hasty.exec(t, fmt.Sprintf(`alter database %s set synchronous_commit = off`, databaseOf(t, hasty)))
		hasty.says(t, "synchronous_commit", doctor.Warning, "is off", "set synchronous_commit = on")
	})
}

func databaseOf(t *testing.T, p project) string {
	t.Helper()
	address, err := url.Parse(p.options.DatabaseURL)
	require.NoError(t, err)
	return address.Path[1:]
}

// smallServer is a server of its own with these settings, and the engine in it.
func smallServer(t *testing.T, settings map[string]string) project {
	t.Helper()
	server, err := postgres.Start(t.Context(), postgres.Options{Ephemeral: true, Settings: settings})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Stop(t.Context())) })
	conn, err := pgx.Connect(t.Context(), server.URL("postgres", postgres.Superuser))
	require.NoError(t, err)
	require.NoError(t, schema.EnsureRoles(t.Context(), conn))
	require.NoError(t, schema.Bootstrap(t.Context(), conn))
	require.NoError(t, conn.Close(t.Context()))
	address := server.URL("postgres", "postgres")
	require.NoError(t, migrate(t.Context(), address))
	return project{
		options: doctor.Options{DatabaseURL: address, Slot: "handoff"}, superuser: server.URL("postgres", postgres.Superuser),
	}
}

func TestReplication(t *testing.T) {
	t.Parallel()

	t.Run("the log is not logical", func(t *testing.T) {
		t.Parallel()
		plain := smallServer(t, map[string]string{"wal_level": "replica"})
		plain.says(t, "wal_level", doctor.Warning, "wal_level is replica", "wal_level = logical")
		plain.says(t, "replication", doctor.Warning, "the worker polls", "wal_level = logical")
	})

	t.Run("no slot and no sender is free, and little log is kept", func(t *testing.T) {
		t.Parallel()
		full := smallServer(t, map[string]string{"max_replication_slots": "1", "max_slot_wal_keep_size": "64MB"})
		conn, err := pgx.Connect(t.Context(), full.options.DatabaseURL)
		require.NoError(t, err)
		_, err = conn.Exec(t.Context(), `select pg_create_logical_replication_slot('somebody_else', 'pgoutput')`)
		require.NoError(t, err)
		require.NoError(t, conn.Close(t.Context()))
		full.says(t, "replication_slots", doctor.Warning, "0 of 1 replication slots are free: the worker can only poll", "max_replication_slots")
		full.says(t, "replication", doctor.Warning, "all replication slots", "Drop one")
		full.says(t, "wal_keep_size", doctor.Warning, "64 MB", "1GB")
	})

	t.Run("the publication has another content", func(t *testing.T) {
		t.Parallel()
		changed := newProject(t, nil)
		changed.exec(t, `drop publication handoff_outbox`)
		changed.exec(t, `create publication handoff_outbox for table public.messages`)
		changed.says(t, "replication", doctor.Broken, "publishes [public.messages]", "drop publication")
		changed.mends(t, "replication")
	})

	t.Run("the slot belongs to something else", func(t *testing.T) {
		t.Parallel()
		taken := newProject(t, nil)
		taken.exec(t, `select pg_create_logical_replication_slot($1, 'test_decoding')`, taken.options.Slot)
		taken.says(t, "replication", doctor.Broken, `"test_decoding"`, "another slot name")
	})

	t.Run("the slot has lost its log", func(t *testing.T) {
		t.Parallel()
		short := smallServer(t, map[string]string{"max_slot_wal_keep_size": "16MB", "min_wal_size": "32MB", "max_wal_size": "48MB"})
		conn, err := pgx.Connect(t.Context(), short.superuser)
		require.NoError(t, err)
		defer conn.Close(t.Context()) //nolint:errcheck // the server ends with the test
		_, err = conn.Exec(t.Context(), `select pg_create_logical_replication_slot('handoff', 'pgoutput')`)
		require.NoError(t, err)
		outgrow(t, conn)
		short.says(t, "slot", doctor.Warning, "lost log", "sends again")
	})
}

// outgrow fills segments of log until the server has taken away what the slot needs.
func outgrow(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	_, err := conn.Exec(t.Context(), `create table public.filler (content text)`)
	require.NoError(t, err)
	for range 40 {
		for _, statement := range []string{
			`insert into public.filler values ('')`, `select pg_switch_wal()`, `checkpoint`,
		} {
			_, err := conn.Exec(t.Context(), statement)
			require.NoError(t, err)
		}
		var status string
		require.NoError(t, conn.QueryRow(t.Context(), `select wal_status from pg_replication_slots where slot_name = 'handoff'`).Scan(&status))
		if status == "lost" {
			return
		}
	}
	t.Fatal("the slot kept its log")
}

func TestTheSchema(t *testing.T) {
	t.Parallel()

	t.Run("every table of the migrations is looked at", func(t *testing.T) {
		t.Parallel()
		complete := newProject(t, nil)
		rows, err := complete.pool.Query(t.Context(), `
			select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and relname <> 'projects'`)
		require.NoError(t, err)
		tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		for _, table := range tables {
			complete.exec(t, `alter table public.`+table+` disable row level security`)
		}
		assert.Len(t, complete.found(t, "row_level_security"), len(tables), "ourTables lacks one of %v", tables)
	})

	t.Run("row level security is off", func(t *testing.T) {
		t.Parallel()
		open := newProject(t, nil)
		open.exec(t, `alter table public.messages disable row level security`)
		open.says(t, "row_level_security", doctor.Broken, "public.messages", "enable row level security")
		open.mends(t, "row_level_security")
	})

	t.Run("visitors without a sign-in may read a table", func(t *testing.T) {
		t.Parallel()
		open := newProject(t, nil)
		open.exec(t, `grant select on public.conversations to anon`)
		open.says(t, "privileges", doctor.Broken, "anon may use conversations", "revoke all on table conversations from anon")
		open.mends(t, "privileges")
	})

	t.Run("everybody may call a private function", func(t *testing.T) {
		t.Parallel()
		open := newProject(t, nil)
		open.exec(t, `grant execute on function handoff.chats_of(uuid, uuid) to public`)
		open.says(t, "privileges", doctor.Broken, "everybody may use handoff.chats_of", "revoke all on function")
		open.mends(t, "privileges")
	})

	t.Run("the policy of the private channels is missing", func(t *testing.T) {
		t.Parallel()
		deaf := newProject(t, nil)
		deaf.exec(t, `drop policy "Handoff: listen to your own topics" on realtime.messages`)
		deaf.says(t, "realtime_policies", doctor.Broken, "nobody hears anything", "--fix")
		deaf.mends(t, "realtime_policies")
	})

	t.Run("another policy lets everybody listen", func(t *testing.T) {
		t.Parallel()
		open := newProject(t, nil)
		_, err := open.owner.Exec(t.Context(), `create policy "open to all" on realtime.messages for select to authenticated using (true)`)
		require.NoError(t, err)
		open.says(t, "realtime_policies", doctor.Broken, "open to all", "Restrict")
	})
}

func TestAttachments(t *testing.T) {
	t.Parallel()

	t.Run("the bucket was made public, or a policy is gone", func(t *testing.T) {
		t.Parallel()
		open := newProject(t, nil)
		open.exec(t, `update storage.buckets set public = true`)
		open.exec(t, `drop policy "Handoff: add files where you can write" on storage.objects`)
		open.says(t, "attachments", doctor.Broken, "the bucket is public", "install_attachments")
		open.mends(t, "attachments")
	})

	t.Run("another policy lets everybody read", func(t *testing.T) {
		t.Parallel()
		open := newProject(t, nil)
		open.exec(t, `create policy "open to all" on storage.objects for select to authenticated using (true)`)
		open.says(t, "attachments", doctor.Broken, "open to all", "Restrict")
	})
}

func TestHealth(t *testing.T) {
	t.Parallel()

	t.Run("a count is wrong", func(t *testing.T) {
		t.Parallel()
		drifted := newProject(t, nil)
		drifted.agent(t)
		drifted.exec(t, `update public.agent_availability set current_chat_count = 3`)
		drifted.says(t, "chat_counts", doctor.Broken, "1 agents", "--fix")
		drifted.mends(t, "chat_counts")
	})

	t.Run("somebody waits while an agent is free, and no worker runs", func(t *testing.T) {
		t.Parallel()
		stuck := newProject(t, nil)
		projectID := stuck.agent(t)
		stuck.exec(t, `update public.agent_availability set status = 'online'`)
		stuck.exec(t, `insert into public.conversations (project_id, visitor_id) values ($1, 'v-1')`, projectID)
		stuck.exec(t, `update public.conversations set status = 'waiting', handoff_reason = 'button_click'`)
		stuck.exec(t, `alter table public.conversations disable trigger user`)
		stuck.exec(t, `update public.conversations set waiting_since = now() - interval '5 minutes'`)
		stuck.exec(t, `alter table public.conversations enable trigger user`)
		stuck.says(t, "queue", doctor.Broken, "1 conversations have waited", "Start the worker")
		stuck.says(t, "worker", doctor.Warning, "no worker is running", "handoff run")
	})

	t.Run("events are not delivered", func(t *testing.T) {
		t.Parallel()
		silent := newProject(t, nil)
		silent.exec(t, `insert into handoff.worker_checkpoint (slot, horizon) values ($1, pg_current_snapshot())`, silent.options.Slot)
		silent.exec(t, `insert into handoff.outbox (project_id, kind, payload, created_at)
			values ($1, 'queue_updated', '{}', now() - interval '2 minutes')`, uuid.NewString())
		silent.says(t, "outbox", doctor.Warning, "1 events", "Start the worker")
	})

	t.Run("Realtime refused messages", func(t *testing.T) {
		t.Parallel()
		refused := newProject(t, nil)
		refused.exec(t, `insert into handoff.broadcast_dead_letters (event_id, project_id, topic, event, payload, reason)
			values (1, $1, 'conversation:1', 'message', '{}', 'too large')`, uuid.NewString())
		refused.says(t, "dead_letters", doctor.Warning, "would not take 1", "handoff deadletters list")
	})
}

// agent makes a project with one agent, who is its owner, and returns the project's id.
func (p project) agent(t *testing.T) string {
	t.Helper()
	var projectID, userID string
	require.NoError(t, p.owner.QueryRow(t.Context(),
		`insert into auth.users (id, email) values (gen_random_uuid(), 'owner@example.com') returning id`).Scan(&userID))
	require.NoError(t, p.pool.QueryRow(t.Context(),
		`insert into public.projects (user_id, name) values ($1, 'Test') returning id`, userID).Scan(&projectID))
	p.exec(t, `insert into public.handoff_settings (project_id, enabled) values ($1, true)`, projectID)
	p.exec(t, `select handoff.equip_agent($1, $2)`, projectID, userID)
	return projectID
}

func TestTheAPI(t *testing.T) {
	t.Parallel()

	t.Run("anonymous sign-ins are disabled", func(t *testing.T) {
		t.Parallel()
		closed := newProject(t, func(options *auth.Options) { options.DisableAnonymous = true })
		closed.says(t, "anonymous_sign_ins", doctor.Broken, "anonymous sign-ins are disabled", "enable_anonymous_sign_ins")
	})

	t.Run("the secret key is wrong", func(t *testing.T) {
		t.Parallel()
		wrong := newProject(t, nil)
		wrong.options.SecretKey = "sb_secret_hunter2"
		wrong.says(t, "secret_key", doctor.Broken, "HTTP 401", "has not been revoked")
		wrong.says(t, "realtime_socket", doctor.Broken, "Realtime takes no message", "SUPABASE_SECRET_KEY")
		assert.NotContains(t, fmt.Sprint(doctor.Examine(t.Context(), wrong.options)), "hunter2")
	})

	t.Run("the keys are mixed up", func(t *testing.T) {
		t.Parallel()
		mixed := newProject(t, nil)
		mixed.options.SecretKey, mixed.options.PublishableKey = keys.Publishable, keys.Secret
		mixed.says(t, "secret_key", doctor.Broken, "is a publishable key", "sb_secret_")
		mixed.says(t, "publishable_key", doctor.Broken, "whoever opens your page", "revoke that secret key")
	})

	t.Run("the functions are not exposed", func(t *testing.T) {
		t.Parallel()
		hidden := newProject(t, nil)
		hidden.exec(t, `alter function public.get_handoff_availability(uuid) rename to hidden`)
		hidden.exec(t, `notify pgrst, 'reload schema'`)
		require.Eventually(t, func() bool {
			return hidden.found(t, "functions")[0].Severity == doctor.Broken
		}, time.Minute, 50*time.Millisecond)
		hidden.says(t, "functions", doctor.Broken, "does not know our functions", "reload schema")
	})

	t.Run("Realtime is down", func(t *testing.T) {
		t.Parallel()
		down := newProject(t, nil).front(t, map[string]int{"/realtime": http.StatusBadGateway})
		down.says(t, "realtime_http", doctor.Warning, "HTTP 502", "Supabase's status page")
		down.says(t, "realtime_socket", doctor.Broken, "Realtime takes no message over a socket", "Realtime is enabled")
	})

	t.Run("nothing is there", func(t *testing.T) {
		t.Parallel()
		gone := newProject(t, nil)
		gone.options.SupabaseURL = "http://127.0.0.1:1"
		gone.says(t, "secret_key", doctor.Broken, "cannot be reached", "SUPABASE_URL")
		gone.says(t, "anonymous_sign_ins", doctor.Broken, "cannot be reached", "SUPABASE_URL")
	})
}
