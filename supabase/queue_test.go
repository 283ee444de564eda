package supabase_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/worker/assignment"
)

const waitingCount = `select count(*) from public.conversations where status = 'waiting'`

func TestAssignBatch(t *testing.T) {
	t.Parallel()

	t.Run("serves by priority, then age, up to the limit", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		w.agent(t, 10)
		w.wait(t, 5)
		w.exec(t, `update public.conversations set priority = 5 where visitor_id = 'visitor 4'`)
		batch, err := supabase.NewQueue(w.pool).AssignBatch(t.Context(), w.project, 0, 3, assignment.Plan)
		require.NoError(t, err)
		assert.Equal(t, assignment.Batch{Locked: 3, Assigned: 3, More: true}, batch)
		var served []string
		require.NoError(t, w.pool.QueryRow(t.Context(),
			`select array_agg(visitor_id order by visitor_id) from public.conversations where status = 'agent_active'`).Scan(&served))
		assert.Equal(t, []string{"visitor 1", "visitor 2", "visitor 4"}, served)
	})

	t.Run("gives nothing to who is away or full, and leaves no transaction open", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		away := w.agent(t, 5)
		w.exec(t, `update public.agent_availability set status = 'away' where user_id = $1`, away)
		w.wait(t, 2)
		batch, err := supabase.NewQueue(w.pool).AssignBatch(t.Context(), w.project, 0, 10, assignment.Plan)
		require.NoError(t, err)
		assert.Equal(t, assignment.Batch{}, batch)
		assert.Zero(t, w.number(t, `select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`))
	})

	t.Run("says so when a waiting conversation was locked by somebody else", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		w.agent(t, 5)
		w.wait(t, 1)
		tx, err := w.pool.Begin(t.Context())
		require.NoError(t, err)
		_, err = tx.Exec(t.Context(), `select 1 from public.conversations for update`)
		require.NoError(t, err)
		batch, err := supabase.NewQueue(w.pool).AssignBatch(t.Context(), w.project, 0, 10, assignment.Plan)
		require.NoError(t, err)
		assert.Equal(t, assignment.Batch{Skipped: true}, batch)
		require.NoError(t, tx.Rollback(t.Context()))
		batch, err = supabase.NewQueue(w.pool).AssignBatch(t.Context(), w.project, 0, 10, assignment.Plan)
		require.NoError(t, err)
		assert.Equal(t, assignment.Batch{Locked: 1, Assigned: 1}, batch)
	})

	t.Run("does nothing before the transaction it was told of is visible", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		w.agent(t, 5)
		w.wait(t, 1)
		tx, err := w.pool.Begin(t.Context())
		require.NoError(t, err)
		var xid uint64
		require.NoError(t, tx.QueryRow(t.Context(), `select pg_current_xact_id()::text::bigint`).Scan(&xid))
		queue := supabase.NewQueue(w.pool)
		batch, err := queue.AssignBatch(t.Context(), w.project, xid, 10, assignment.Plan)
		require.NoError(t, err)
		assert.Equal(t, assignment.Batch{Skipped: true}, batch)
		require.NoError(t, tx.Commit(t.Context()))
		batch, err = queue.AssignBatch(t.Context(), w.project, xid, 10, assignment.Plan)
		require.NoError(t, err)
		assert.Equal(t, assignment.Batch{Locked: 1, Assigned: 1}, batch)
	})

	t.Run("does not wait for a transaction of another database's count", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		w.agent(t, 5)
		w.wait(t, 1)
		batch, err := supabase.NewQueue(w.pool).AssignBatch(t.Context(), w.project, 1<<40, 10, assignment.Plan)
		require.NoError(t, err)
		assert.Equal(t, assignment.Batch{Locked: 1, Assigned: 1}, batch)
	})

	t.Run("does not touch another project", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		w.agent(t, 5)
		w.wait(t, 2)
		batch, err := supabase.NewQueue(w.pool).AssignBatch(t.Context(), uuid.NewString(), 0, 10, assignment.Plan)
		require.NoError(t, err)
		assert.Equal(t, assignment.Batch{}, batch)
		projects, err := supabase.NewQueue(w.pool).WaitingProjects(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []string{w.project}, projects)
	})

	t.Run("eight workers at once never give a chat twice or an agent too many", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		for range 7 {
			w.agent(t, 9)
		}
		w.wait(t, 100)
		queue := supabase.NewQueue(w.pool)
		var group errgroup.Group
		for range 8 {
			group.Go(func() error { return drain(t.Context(), queue, w.project) })
		}
		require.NoError(t, group.Wait())
		assert.Equal(t, 100-7*9, w.number(t, waitingCount), "no slot stayed free while somebody waited")
		assert.Zero(t, w.number(t, `select count(*) from public.agent_availability where current_chat_count <> 9`))
		assert.Equal(t, 63, w.number(t, `select count(*) from handoff.outbox where kind = 'agent_assigned'`))
		assert.Equal(t, 63, w.number(t, `select count(distinct conversation_id) from handoff.outbox where kind = 'agent_assigned'`))
	})
}

// drain assigns until a batch that met nobody in its way assigned nothing.
func drain(ctx context.Context, queue *supabase.Queue, project string) error {
	for {
		batch, err := queue.AssignBatch(ctx, project, 0, 4, assignment.Plan)
		if err != nil || (batch.Assigned == 0 && !batch.Skipped) {
			return err
		}
	}
}

func TestAssignBatchAvoidsWhoGaveItBack(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	sender := w.agent(t, 5)
	w.wait(t, 1)
	require.Equal(t, assignment.Batch{Locked: 1, Assigned: 1}, w.batch(t, 10))
	w.exec(t, `update public.conversations set status = 'waiting'`)

	assert.Equal(t, assignment.Batch{}, w.batch(t, 10))

	w.exec(t, `update public.conversations set released_at = now() - interval '3 minutes'`)
	assert.Equal(t, assignment.Batch{Locked: 1, Assigned: 1}, w.batch(t, 10), "better than nobody after two minutes")
	assert.Equal(t, 1, w.number(t, `select count(*) from public.conversations where assigned_agent_id = $1`, sender))
}
