package worker_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/worker"
	"github.com/supportbase/handoff/worker/assignment"
)

// pacedQueue gives out everything that waits; how long a batch takes depends on its size.
type pacedQueue struct {
	takes func(limit int) time.Duration

	mu      sync.Mutex
	waiting map[string]int
	limits  []int
	order   []string
}

func (q *pacedQueue) AssignBatch(_ context.Context, projectID string, _ uint64, limit int, _ assignment.Planner) (assignment.Batch, error) {
	pause(q.takes(limit))
	q.mu.Lock()
	defer q.mu.Unlock()
	count := min(limit, q.waiting[projectID])
	q.waiting[projectID] -= count
	q.limits = append(q.limits, limit)
	q.order = append(q.order, projectID)
	return assignment.Batch{Locked: count, Assigned: count, More: q.waiting[projectID] > 0}, nil
}

func (q *pacedQueue) WaitingProjects(context.Context) ([]string, error) { return nil, nil }

// startPaced starts a service that works on one project at a time.
func startPaced(t *testing.T, queue *pacedQueue) *worker.Service {
	t.Helper()
	service := worker.New(worker.Options{
		Queue: queue, Board: newDatabase(), Logger: slog.New(slog.DiscardHandler), ProjectsAtOnce: 1, QueueInterval: time.Hour,
	})
	require.NoError(t, service.Start(t.Context()))
	return service
}

// slowLater is a database that is quick with small batches and has trouble with larger ones.
func slowLater(limit int) time.Duration {
	if limit < 50 {
		return time.Millisecond
	}
	return 401 * time.Millisecond
}

func TestBatchSize(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		waiting int
		takes   func(limit int) time.Duration
		want    []int
	}{
		"grows to a thousand while batches are quick": {
			4000, func(int) time.Duration { return 99 * time.Millisecond }, []int{10, 40, 160, 640, 1000, 1000, 1000, 1000},
		},
		"stays when a batch takes its time": {
			30, func(int) time.Duration { return 200 * time.Millisecond }, []int{10, 10, 10},
		},
		"shrinks to fifty when batches are slow: smaller ones take hardly less time": {
			480, slowLater, []int{10, 40, 160, 80, 50, 50, 50, 50},
		},
		"settles where a batch is neither": {
			690, func(limit int) time.Duration { return time.Duration(limit) * time.Millisecond }, []int{10, 40, 160, 160, 160, 160},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				queue := &pacedQueue{takes: test.takes, waiting: map[string]int{"a": test.waiting}}
				service := startPaced(t, queue)
				defer service.Stop(t.Context())
				service.React(event("a", realtime.KindNewConversation))
				pause(time.Minute)
				synctest.Wait()
				assert.Equal(t, test.want, queue.limits)
			})
		})
	}

	t.Run("begins small again once the queue is drained", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			queue := &pacedQueue{takes: func(int) time.Duration { return time.Millisecond }, waiting: map[string]int{"a": 30}}
			service := startPaced(t, queue)
			defer service.Stop(t.Context())
			for range 2 {
				service.React(event("a", realtime.KindNewConversation))
				pause(time.Second)
			}
			synctest.Wait()
			assert.Equal(t, []int{10, 40, 10}, queue.limits)
		})
	})
}

func TestALongQueueDelaysAnotherProjectByOneBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const slow = 150 * time.Millisecond
		queue := &pacedQueue{takes: func(int) time.Duration { return slow }, waiting: map[string]int{"noisy": 10_000}}
		service := startPaced(t, queue)
		defer service.Stop(t.Context())
		service.React(event("noisy", realtime.KindNewConversation))
		pause(10*slow + slow/2)

		queue.mu.Lock()
		queue.waiting["quiet"] = 1
		before := len(queue.order)
		queue.mu.Unlock()
		service.React(event("quiet", realtime.KindNewConversation))
		pause(slow/2 + slow + time.Millisecond)

		queue.mu.Lock()
		defer queue.mu.Unlock()
		assert.Zero(t, queue.waiting["quiet"])
		assert.Equal(t, []string{"noisy", "quiet"}, queue.order[before:], "the batch in hand, and then the other project")
		assert.Positive(t, queue.waiting["noisy"])
	})
}

func TestOnDraining(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queue := &pacedQueue{takes: func(int) time.Duration { return time.Millisecond }, waiting: map[string]int{"a": 30, "b": 12, "c": 10}}
		var heard []bool
		service := worker.New(worker.Options{
			Queue: queue, Board: newDatabase(), Logger: slog.New(slog.DiscardHandler), ProjectsAtOnce: 1, QueueInterval: time.Hour,
			OnDraining: func(draining bool) { heard = append(heard, draining) },
		})
		require.NoError(t, service.Start(t.Context()))
		defer service.Stop(t.Context())
		service.React(event("c", realtime.KindNewConversation))
		pause(time.Second)
		synctest.Wait()
		assert.Empty(t, heard, "one batch was enough")
		service.React(event("a", realtime.KindNewConversation))
		service.React(event("b", realtime.KindNewConversation))
		pause(time.Second)
		synctest.Wait()
		assert.Equal(t, []bool{true, false}, heard, "once for both")
		assert.Len(t, queue.limits, 5)
	})
}
