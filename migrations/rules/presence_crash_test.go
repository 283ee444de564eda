package rules_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/postgres"
	"github.com/supportbase/handoff/supabase/local/schema"
)

// crashSessions are there when the database crashes; HANDOFF_CRASH_SESSIONS sets how many.
const crashSessions = 400

// The simulation once more, but the database really crashes: SIGQUIT while everybody is there. The next start recovers, and
// its unlogged tables are empty.
func TestPresenceCrash(t *testing.T) {
	t.Parallel()
	server := startOwnServer(t)
	s := newSimulation(t, server.world(t), countFrom(t, "HANDOFF_CRASH_SESSIONS", crashSessions))
	s.crash = func(t *testing.T, now time.Duration) {
		t.Helper()
		there := read[int](t, s.w, `select count(*) from handoff.presence_leases`)
		server.crash(t)
		s.w.root.Reset() // what was connected is not any more
		assert.Positive(t, there)
		assert.Zero(t, read[int](t, s.w, `select count(*) from handoff.presence_leases`), "the crash has emptied the leases")
		assert.Equal(t, there, read[int](t, s.w, `select count(*) from public.presence_sessions where left_at is null`), "and no session")
		// The worker's first sweep and the beats that could not get through all come at once.
		swept := make(chan error, 1)
		go func() {
			_, err := s.w.root.Exec(t.Context(), `select handoff.sweep_presence($1, 5000)`, s.begins.Add(now))
			swept <- err
		}()
		s.send(t, now)
		assert.NoError(t, <-swept)
	}
	s.play(t, "presence_crash")
}

// ownServer is a Postgres that this test may crash.
type ownServer struct {
	server *postgres.Server
	opts   postgres.Options
}

func startOwnServer(t *testing.T) *ownServer {
	t.Helper()
	folder, err := os.MkdirTemp("", "handoff-crash-") //nolint:usetesting // t.TempDir is closed to the user whom Postgres runs as
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	require.NoError(t, os.Chmod(folder, 0o755))
	// Processes that die lose nothing that they have written; only a machine would.
	o := &ownServer{opts: postgres.Options{DataDir: folder, AllowInstall: true, Settings: map[string]string{"fsync": "off"}}}
	o.start(t)
	o.opts.Port = o.server.Port()
	t.Cleanup(func() { assert.NoError(t, o.server.Stop(t.Context())) })
	return o
}

func (o *ownServer) start(t *testing.T) {
	t.Helper()
	server, err := postgres.Start(t.Context(), o.opts)
	require.NoError(t, err)
	o.server = server
}

// crash ends the server as a power cut would, and starts it again.
func (o *ownServer) crash(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(o.server.DataDir(), "cluster", "postmaster.pid"))
	require.NoError(t, err)
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(line)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, syscall.SIGQUIT))
	<-o.server.Exited()
	require.NoError(t, o.server.Stop(t.Context()))
	o.start(t)
}

// world is a project on this server.
func (o *ownServer) world(t *testing.T) *world {
	t.Helper()
	admin, err := pgx.Connect(t.Context(), o.server.URL("postgres", postgres.Superuser))
	require.NoError(t, err)
	require.NoError(t, schema.EnsureRoles(t.Context(), admin))
	require.NoError(t, schema.Bootstrap(t.Context(), admin))
	require.NoError(t, admin.Close(t.Context()))
	require.NoError(t, migrated(t.Context(), o.server.URL("postgres", "postgres")))
	w := &world{root: o.pool(t, "postgres"), api: o.pool(t, "authenticator")}
	w.settle(t)
	return w
}

func (o *ownServer) pool(t *testing.T, role string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), o.server.URL("postgres", role))
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}
