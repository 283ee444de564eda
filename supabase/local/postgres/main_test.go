package postgres

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// TestMain runs the tests, or one of the helper processes that tests start (see helper_test.go).
func TestMain(m *testing.M) {
	if dataDir := os.Getenv(helperVariable); dataDir != "" {
		os.Exit(runHelper(dataDir))
	}
	goleak.VerifyTestMain(m)
}

// patience bounds each wait for another process.
const patience = 30 * time.Second

// openDir is t.TempDir for the unprivileged user that runs the server for root; in memory where that is possible,
// because a durable cluster on a busy disk takes seconds to make.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(ephemeralParent(), "handoff-launcher-test-") //nolint:usetesting // t.TempDir is closed to other users
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	return filepath.Join(dir, "data")
}

func start(t *testing.T, opts Options) *Server {
	t.Helper()
	opts.AllowInstall = true
	server, err := Start(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { stop(t, server) })
	return server
}

func stop(t *testing.T, server *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	assert.NoError(t, server.Stop(ctx))
}

func query(t *testing.T, server *Server, text string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), server.URL("postgres", Superuser))
	require.NoError(t, err)
	defer conn.Close(t.Context()) //nolint:errcheck // the server is stopped after the test
	var value string
	require.NoError(t, conn.QueryRow(t.Context(), text).Scan(&value))
	return value
}

func execute(t *testing.T, url, statement string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), statement)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
}

func requireExited(t *testing.T, server *Server) {
	t.Helper()
	select {
	case <-server.Exited():
	case <-time.After(patience):
		require.Fail(t, "the server still runs")
	}
}

// requireGone waits until a process that is not our child is gone.
func requireGone(t *testing.T, pid int) {
	t.Helper()
	require.True(t, goneWithin(t.Context(), pid, patience), "process %d still runs", pid)
}
