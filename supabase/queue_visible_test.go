package supabase_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/worker/assignment"
)

// looks calls second when a connection is about to send its second batch of statements.
type looks struct {
	count  int
	second func()
}

func (l *looks) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	if l.count++; l.count == 2 {
		l.second()
	}
	return ctx
}

func (l *looks) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (l *looks) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}
func (l *looks) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData)     {}
func (l *looks) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

// The log tells of a commit just before other sessions are told: the batch looks again, it does not come back for it later.
func TestAssignBatchAwaitsTheCommitItWasToldOf(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	w.agent(t, 5)
	w.wait(t, 1)
	tx, err := w.pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }() // does nothing once it is committed
	var xid uint64
	require.NoError(t, tx.QueryRow(t.Context(), `select pg_current_xact_id()::text::bigint`).Scan(&xid))

	config, err := pgxpool.ParseConfig(w.db.URL("postgres"))
	require.NoError(t, err)
	config.MaxConns = 1
	config.ConnConfig.Tracer = &looks{second: func() { assert.NoError(t, tx.Commit(t.Context())) }}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)

	batch, err := supabase.NewQueue(pool).AssignBatch(t.Context(), w.project, xid, 10, assignment.Plan)
	require.NoError(t, err)
	assert.Equal(t, assignment.Batch{Locked: 1, Assigned: 1}, batch)
}
