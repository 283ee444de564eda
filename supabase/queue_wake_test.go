package supabase_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/worker"
	"github.com/supportbase/handoff/worker/assignment"
)

func TestAssignBatchTellsWhenToLookAgain(t *testing.T) {
	t.Parallel()

	t.Run("when the wait for a preferred agent is over", func(t *testing.T) {
		t.Parallel()
		w, _, _ := returning(t)
		assert.InDelta(t, time.Minute, w.wakeAfter(t), float64(30*time.Second))
		w.exec(t, `insert into public.handoff_settings (project_id, preferred_wait_seconds) select id, 600 from public.projects`)
		assert.InDelta(t, 10*time.Minute, w.wakeAfter(t), float64(time.Minute))
	})

	t.Run("when the two minutes after somebody gave it back are over", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		w.agent(t, 5)
		w.wait(t, 2)
		require.Equal(t, assignment.Batch{Locked: 2, Assigned: 2}, w.batch(t, 10))
		w.exec(t, `update public.conversations set status = 'waiting'`)
		w.exec(t, `update public.conversations set released_at = now() - interval '50 seconds' where visitor_id = 'visitor 2'`)
		assert.InDelta(t, 70*time.Second, w.wakeAfter(t), float64(15*time.Second), "the earliest of all")
	})

	t.Run("never when nothing is kept, or the time for it has passed", func(t *testing.T) {
		t.Parallel()
		w := newTeam(t)
		w.wait(t, 2)
		w.exec(t, `update public.conversations set preferred_agent_id = (select user_id from public.projects), waiting_since = now() - interval '1 hour'
		            where visitor_id = 'visitor 2'`)
		assert.Zero(t, w.wakeAfter(t))
	})
}

// wakeAfter is when a batch of the team's project says to look again.
func (w team) wakeAfter(t *testing.T) time.Duration {
	t.Helper()
	batch, err := supabase.NewQueue(w.pool).AssignBatch(t.Context(), w.project, 0, 10, assignment.Plan)
	require.NoError(t, err)
	return batch.WakeAfter
}

// watchedQueue tells of each batch that gave something out.
type watchedQueue struct {
	*supabase.Queue

	gave chan<- assignment.Batch
}

func (q watchedQueue) AssignBatch(ctx context.Context, projectID string, seenXID uint64, limit int, plan assignment.Planner) (assignment.Batch, error) {
	batch, err := q.Queue.AssignBatch(ctx, projectID, seenXID, limit, plan)
	if batch.Assigned > 0 {
		q.gave <- batch
	}
	return batch, err
}

// TestOffersRunOutOnTime: the only agent answers nothing. The offer ends to the moment, without any event.
func TestOffersRunOutOnTime(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	w.exec(t, `insert into public.handoff_settings (project_id, assignment_mode, offer_timeout_seconds) values ($1, 'offer', 5)`, w.project)
	w.agent(t, 1)
	w.wait(t, 1)
	gave := make(chan assignment.Batch, 2)
	service := worker.New(worker.Options{
		Queue: watchedQueue{supabase.NewQueue(w.pool), gave}, Board: supabase.NewBoard(w.pool),
		Logger: slog.New(slog.DiscardHandler), QueueInterval: time.Hour,
	})
	require.NoError(t, service.Start(t.Context()))
	defer service.Stop(t.Context())
	<-gave
	second := w.agent(t, 1)
	select {
	case <-gave:
	case <-time.After(30 * time.Second):
		require.Fail(t, "the offer is still open")
	}
	assert.Equal(t, 1, w.number(t, `select count(*) from handoff.offers where state = 'missed' and ended_at between expires_at and expires_at + interval '3 seconds'`))
	assert.Equal(t, 1, w.number(t, `select count(*) from handoff.offers where state = 'open' and agent_id = $1`, second))
}

// TestServiceWakesForTime: no event comes, and the fallback only after an hour.
func TestServiceWakesForTime(t *testing.T) {
	t.Parallel()
	w, _, other := returning(t)
	w.exec(t, `insert into public.handoff_settings (project_id, preferred_wait_seconds) select id, 2 from public.projects`)
	w.exec(t, `update public.conversations set waiting_since = now() where status = 'waiting'`)
	gave := make(chan assignment.Batch, 1)
	service := worker.New(worker.Options{
		Queue: watchedQueue{supabase.NewQueue(w.pool), gave}, Board: supabase.NewBoard(w.pool),
		Logger: slog.New(slog.DiscardHandler), QueueInterval: time.Hour,
	})
	require.NoError(t, service.Start(t.Context()))
	defer service.Stop(t.Context())
	select {
	case <-gave:
	case <-time.After(30 * time.Second):
		require.Fail(t, "the conversation still waits for its preferred agent")
	}
	assert.Equal(t, other, w.owner(t, "returning"))
	assert.Equal(t, 1, w.number(t, `select count(*) from public.conversations where visitor_id = 'returning' and claimed_at >= waiting_since + interval '2 seconds'`),
		"it was kept as long as the project says")
}
