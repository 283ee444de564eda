package localtest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/postgres"
)

func TestMain(m *testing.M) { Main(m) }

func TestNew(t *testing.T) {
	t.Parallel()
	t.Run("looks like a Supabase project", func(t *testing.T) {
		t.Parallel()
		pool := New(t).Pool(t, "postgres")
		var user, auth string
		require.NoError(t, pool.QueryRow(t.Context(),
			"select current_user, to_regclass('auth.users')::text").Scan(&user, &auth))
		assert.Equal(t, "postgres", user)
		assert.Equal(t, "auth.users", auth)
	})
	t.Run("a test does not see what another wrote", func(t *testing.T) {
		t.Parallel()
		one, other := New(t), New(t)
		execute(t, one.URL("postgres"), "create table public.mine ()")
		execute(t, other.URL("postgres"), "create table public.mine ()")
	})
	t.Run("postgres owns the clone too", func(t *testing.T) {
		t.Parallel()
		execute(t, New(t).URL("postgres"), "create schema handoff")
	})
	t.Run("each login role can connect", func(t *testing.T) {
		t.Parallel()
		db := New(t)
		for _, role := range []string{"postgres", "authenticator", "supabase_admin", "supabase_auth_admin"} {
			execute(t, db.URL(role), "select 1")
		}
	})
	t.Run("the guard holds in clones", func(t *testing.T) {
		t.Parallel()
		db := New(t)
		if db.cluster.superuser() == "postgres" {
			t.Skip("superusers are not guarded, and this server's superuser is postgres")
		}
		conn, err := pgx.Connect(t.Context(), db.URL("postgres"))
		require.NoError(t, err)
		defer conn.Close(t.Context()) //nolint:errcheck // dropping the database ends it at the latest
		_, err = conn.Exec(t.Context(), "create table realtime.t ()")
		require.ErrorContains(t, err, "permission denied for schema realtime")
	})
}

func TestWithSetup(t *testing.T) {
	t.Parallel()
	var runs atomic.Int32
	table := WithSetup("table", func(ctx context.Context, url string) error {
		runs.Add(1)
		return run(ctx, url, "create table public.prepared as select 42 as n")
	})
	t.Run("runs once for all tests", func(t *testing.T) { //nolint:paralleltest // the group waits for its tests
		for range 3 {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				execute(t, New(t, table).URL("postgres"), "insert into public.prepared values (43)")
			})
		}
	})
	require.EqualValues(t, 1, runs.Load())
	t.Run("steps run in order", func(t *testing.T) {
		t.Parallel()
		row := WithSetup("row", func(ctx context.Context, url string) error {
			return run(ctx, url, "insert into public.prepared values (44)")
		})
		var rows int
		pool := New(t, table, row).Pool(t, "postgres")
		require.NoError(t, pool.QueryRow(t.Context(), "select count(*) from public.prepared").Scan(&rows))
		assert.Equal(t, 2, rows)
	})
	t.Run("a failure is told to each test", func(t *testing.T) {
		t.Parallel()
		refused := errors.New("refused")
		var wanted plan
		WithSetup("bad", func(context.Context, string) error { return refused })(&wanted)
		server, err := shared.get(t.Context())
		require.NoError(t, err)
		for range 2 {
			_, err := server.create(t.Context(), wanted)
			require.ErrorIs(t, err, refused)
			require.ErrorContains(t, err, `setup "bad"`)
		}
	})
}

func TestDrop(t *testing.T) {
	t.Parallel()
	server, err := shared.get(t.Context())
	require.NoError(t, err)
	t.Run("takes slots along, used and unused", func(t *testing.T) {
		t.Parallel()
		name, err := server.create(t.Context(), plan{})
		require.NoError(t, err)
		execute(t, server.url(name, "postgres"), "select pg_create_logical_replication_slot('idle_"+name+"', 'pgoutput')")
		conn := stream(t, server.url(name, "postgres"), "busy_"+name)
		require.NoError(t, server.drop(t.Context(), name))
		assert.Zero(t, count(t, server, "select count(*) from pg_replication_slots where database = $1", name))
		requireEnded(t, conn)
	})
	t.Run("ends sessions that a test left open", func(t *testing.T) {
		t.Parallel()
		name, err := server.create(t.Context(), plan{})
		require.NoError(t, err)
		conn, err := pgx.Connect(t.Context(), server.url(name, "authenticator"))
		require.NoError(t, err)
		defer conn.Close(t.Context()) //nolint:errcheck // ended by the server
		require.NoError(t, server.drop(t.Context(), name))
		assert.Zero(t, count(t, server, "select count(*) from pg_database where datname = $1", name))
	})
}

func TestServerOfSomebodyElse(t *testing.T) {
	own, err := shared.get(t.Context())
	require.NoError(t, err)
	if own.server == nil {
		t.Skip("the shared server is somebody else's already")
	}
	t.Setenv(serverVariable, own.url("postgres", postgres.Superuser))
	guest, err := newCluster(t.Context())
	require.NoError(t, err)
	guest.prefix = "guest_"
	require.Nil(t, guest.server)
	name, err := guest.create(t.Context(), plan{})
	require.NoError(t, err)
	execute(t, guest.url(name, "postgres"), "create table public.t ()")
	require.NoError(t, guest.drop(t.Context(), name))
	require.NoError(t, guest.close(t.Context()))
	assert.Zero(t, count(t, own, "select count(*) from pg_database where datname like $1", "guest_%"))
}

// stream starts reading from a new slot.
func stream(t *testing.T, url, slot string) *pgconn.PgConn {
	t.Helper()
	execute(t, url, "create publication ours")
	execute(t, url, "select pg_create_logical_replication_slot('"+slot+"', 'pgoutput')")
	conn, err := pgconn.Connect(t.Context(), url+"&replication=database")
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	require.NoError(t, pglogrepl.StartReplication(t.Context(), conn, slot, 0, pglogrepl.StartReplicationOptions{
		PluginArgs: []string{"proto_version '1'", "publication_names 'ours'"},
	}))
	return conn
}

// requireEnded reads what the server still sends, until it has ended the connection.
func requireEnded(t *testing.T, conn *pgconn.PgConn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), dropTimeout)
	defer cancel()
	for {
		if _, err := conn.ReceiveMessage(ctx); err != nil {
			require.NoError(t, ctx.Err())
			return
		}
	}
}

func execute(t *testing.T, url, statements string) {
	t.Helper()
	require.NoError(t, run(t.Context(), url, statements))
}

func run(ctx context.Context, url, statements string) error {
	conn, err := pgconn.Connect(ctx, url)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statements).ReadAll()
	return errors.Join(err, conn.Close(ctx))
}

func count(t *testing.T, server *cluster, query string, arguments ...any) int {
	t.Helper()
	var n int
	require.NoError(t, server.admin.QueryRow(t.Context(), query, arguments...).Scan(&n))
	return n
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		server, err := shared.get(b.Context())
		require.NoError(b, err)
		name, err := server.create(b.Context(), plan{})
		require.NoError(b, err)
		require.NoError(b, server.drop(b.Context(), name))
	}
}
