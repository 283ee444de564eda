package rules_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/localtest"
)

// readColumn reads the first column of a query.
func readColumn(t *testing.T, conn *pgx.Conn, query string, args ...any) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), query, args...)
	require.NoError(t, err)
	values, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return values
}

// scratch undoes whatever fn does to the database, inside an open transaction too.
func scratch(t *testing.T, conn *pgx.Conn, fn func()) {
	t.Helper()
	begin, undo := "begin", "rollback"
	if conn.PgConn().TxStatus() == 'T' {
		begin, undo = "savepoint scratch", "rollback to savepoint scratch; release savepoint scratch"
	}
	_, err := conn.Exec(t.Context(), begin)
	require.NoError(t, err)
	defer func() {
		_, err := conn.PgConn().Exec(context.WithoutCancel(t.Context()), undo).ReadAll()
		assert.NoError(t, err)
	}()
	fn()
}

func connectAs(t *testing.T, db *localtest.Database, role string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.URL(role))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}
