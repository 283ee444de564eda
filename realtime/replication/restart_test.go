package replication_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime/replication"
	"github.com/supportbase/handoff/supabase/local/postgres"
)

// durableServer keeps its data over a stop.
func durableServer(t *testing.T) (server *postgres.Server, restart func()) {
	t.Helper()
	folder, err := os.MkdirTemp("", "handoff-replication-test-") //nolint:usetesting // t.TempDir is closed to other users
	require.NoError(t, err)
	require.NoError(t, os.Chmod(folder, 0o755)) // the server runs as another user
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(folder)) })
	options := postgres.Options{DataDir: filepath.Join(folder, "data")}
	stop := func() {
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		assert.NoError(t, server.Stop(stopCtx))
	}
	server, err = postgres.Start(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(func() { stop() })
	require.NoError(t, setupOutbox(t.Context(), server.URL("postgres", postgres.Superuser)))
	options.Port = server.Port()
	return server, func() {
		stop()
		server, err = postgres.Start(t.Context(), options)
		require.NoError(t, err)
	}
}

func TestARestartOfTheDatabaseLosesNothing(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]replication.Source{"streaming": replication.SourceStream, "polling": replication.SourcePoll} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, restart := durableServer(t)
			url := server.URL("postgres", postgres.Superuser)
			pool, err := pgxpool.New(t.Context(), url)
			require.NoError(t, err)
			t.Cleanup(pool.Close)
			r := &rig{pool: pool, slot: "handoff"}
			to := newSink()
			stream := follow(t, replication.Options{
				URL: url, Source: source, CheckpointInterval: 100 * time.Millisecond,
				Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
			}, to)
			leads := func() bool {
				return stream.State() == replication.StateStreaming || stream.State() == replication.StatePolling
			}
			eventually(t, "it leads", leads)
			r.write(t, 1)
			to.expect(t, 1)

			restart() // fast
			eventually(t, "the pool has noticed", func() bool { return pool.Ping(t.Context()) == nil })
			r.write(t, 2)
			expectAtLeastOnce(t, to, 2)

			// A backend that is killed takes the others with it, and the server recovers from its log: what a restart in
			// mode immediate does.
			kill(t, pool)
			eventually(t, "the server has recovered", func() bool { return pool.Ping(t.Context()) == nil })
			eventually(t, "an event is written", func() bool {
				_, err := pool.Exec(t.Context(), insertEvent, project, 3)
				return err == nil
			})
			expectAtLeastOnce(t, to, 3)
		})
	}
}

// kill ends a process of the server without a word and waits until the server has noticed.
func kill(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	conn, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	var pid int
	require.NoError(t, conn.QueryRow(t.Context(), "select pid from pg_stat_activity where backend_type = 'checkpointer'").Scan(&pid))
	checkpointer, err := os.FindProcess(pid)
	require.NoError(t, err)
	require.NoError(t, checkpointer.Kill())
	_, err = conn.Exec(t.Context(), "select pg_sleep(20)")
	require.Error(t, err)
}

// expectAtLeastOnce waits for an event and passes over those that come again.
func expectAtLeastOnce(t *testing.T, to *sink, want int64) {
	t.Helper()
	for {
		_, seqs := to.next(t)
		for _, seq := range seqs {
			require.LessOrEqual(t, seq, want)
			if seq == want {
				return
			}
		}
	}
}
