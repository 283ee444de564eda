package supabase_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase"
)

func TestBoardTellsPositions(t *testing.T) {
	t.Parallel()
	const told = `select count(*) from handoff.outbox where kind = 'queue_position'`
	w := newTeam(t)
	board := supabase.NewBoard(w.pool)
	w.agent(t, 2)
	w.wait(t, 3)
	for range 2 {
		require.NoError(t, board.RefreshPositions(t.Context(), w.project, 0))
	}
	assert.Equal(t, 3, w.number(t, told), "once each while nothing changes")

	tx, err := w.pool.Begin(t.Context())
	require.NoError(t, err)
	var xid uint64
	require.NoError(t, tx.QueryRow(t.Context(), `
		update public.conversations set priority = 9 where visitor_id = 'visitor 3'
		returning pg_current_xact_id()::text::bigint`).Scan(&xid))
	refreshed := make(chan error, 1)
	go func() { refreshed <- board.RefreshPositions(t.Context(), w.project, xid) }()
	require.NoError(t, tx.Commit(t.Context()))
	require.NoError(t, <-refreshed)
	assert.Equal(t, 6, w.number(t, told), "the transaction that it was told of is seen")

	w.exec(t, `delete from public.projects`)
	require.NoError(t, board.RefreshPositions(t.Context(), w.project, 0), "a project that is gone is no error")
}
