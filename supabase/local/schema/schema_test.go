package schema_test

import (
	"context"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/supportbase/handoff/supabase/local/postgres"
	"github.com/supportbase/handoff/supabase/local/schema"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// onEachServer runs the claims on the machine's own Postgres and on the one of npm, which is a newer major version.
func onEachServer(t *testing.T, claims func(t *testing.T, server *postgres.Server)) {
	t.Helper()
	for _, binaries := range []string{"", "npm"} {
		t.Run("binaries="+binaries, func(t *testing.T) {
			t.Parallel()
			claims(t, startServer(t, binaries))
		})
	}
}

// startServer starts a server whose database postgres looks like a Supabase project.
func startServer(t *testing.T, binaries string) *postgres.Server {
	t.Helper()
	server, err := postgres.Start(t.Context(), postgres.Options{Ephemeral: true, Binaries: binaries, AllowInstall: true})
	if binaries != "" && err != nil && os.Getenv("CI") == "" {
		t.Skipf("no server from npm: %v", err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Stop(contextOf(t))) })
	bootstrap(t, server)
	return server
}

func bootstrap(t *testing.T, server *postgres.Server) {
	t.Helper()
	conn := connect(t, server, postgres.Superuser)
	require.NoError(t, schema.EnsureRoles(t.Context(), conn))
	require.NoError(t, schema.Bootstrap(t.Context(), conn))
}

func connect(t *testing.T, server *postgres.Server, role string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), server.URL("postgres", role))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, conn.Close(contextOf(t))) })
	return conn
}

// attempt runs statements in a transaction that is rolled back, and returns the error of the last one.
func attempt(t *testing.T, conn *pgx.Conn, statements ...string) error {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	defer tx.Rollback(t.Context()) //nolint:errcheck // the connection is closed after the test anyway
	for _, statement := range statements[:len(statements)-1] {
		_, err := tx.Exec(t.Context(), statement)
		require.NoError(t, err, statement)
	}
	_, err = tx.Exec(t.Context(), statements[len(statements)-1])
	return err
}

func requireDenied(t *testing.T, err error, message string) {
	t.Helper()
	var refused *pgconn.PgError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "42501", refused.Code, refused.Message)
	require.Equal(t, message, refused.Message)
}

// contextOf is for clean-up: the test's own context has ended by then.
func contextOf(t *testing.T) context.Context {
	t.Helper()
	return context.WithoutCancel(t.Context())
}

// value returns the single value of a query as text.
func value(t *testing.T, conn *pgx.Conn, query string, arguments ...any) string {
	t.Helper()
	var text string
	require.NoError(t, conn.QueryRow(t.Context(), query, arguments...).Scan(&text), query)
	return text
}

func TestSchema(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, server *postgres.Server) {
		t.Helper()
		t.Run("repeats without harm", func(t *testing.T) { bootstrap(t, server) })
		t.Run("guard", func(t *testing.T) { guardClaims(t, server) })
		t.Run("roles", func(t *testing.T) { roleClaims(t, server) })
		t.Run("auth", func(t *testing.T) { authClaims(t, server) })
		t.Run("realtime", func(t *testing.T) { realtimeClaims(t, server) })
		t.Run("partitions", func(t *testing.T) { partitionClaims(t, server) })
	})
}
