package worker_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
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

// database stands for both stores. Each call takes a millisecond of the bubble's clock.
type database struct {
	mu      sync.Mutex
	waiting map[string]int // project -> conversations that wait and find an agent
	batches []string       // project of each batch, in order
	limits  []int
	seen    []uint64
	boards  []string
	// positions are the projects whose visitors were told, in order.
	positions []string
	failing   int       // that many calls fail first
	skipped   int       // that many batches find a row locked by somebody else
	keptUntil time.Time // until then what waits is kept for somebody
	hang      bool      // batches block until their context ends
	busy      map[string]bool
	overlap   bool
}

func newDatabase() *database {
	return &database{waiting: map[string]int{}, busy: map[string]bool{}}
}

var errDown = errors.New("database is down")

func (d *database) enter(projectID string) (leave func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.overlap = d.overlap || d.busy[projectID]
	d.busy[projectID] = true
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.busy[projectID] = false
	}
}

func (d *database) AssignBatch(ctx context.Context, projectID string, xid uint64, limit int, _ assignment.Planner) (assignment.Batch, error) {
	defer d.enter(projectID)()
	if d.hang {
		<-ctx.Done()
		return assignment.Batch{}, ctx.Err()
	}
	pause(time.Millisecond)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.batches = append(d.batches, projectID)
	d.limits = append(d.limits, limit)
	d.seen = append(d.seen, xid)
	if d.failing > 0 {
		d.failing--
		return assignment.Batch{}, errDown
	}
	if d.skipped > 0 {
		d.skipped--
		return assignment.Batch{Skipped: true}, nil
	}
	if left := time.Until(d.keptUntil); left > 0 {
		return assignment.Batch{WakeAfter: left}, nil
	}
	count := min(limit, d.waiting[projectID])
	d.waiting[projectID] -= count
	return assignment.Batch{Locked: count, Assigned: count, More: d.waiting[projectID] > 0}, nil
}

// keep lets nothing be given out for so long.
func (d *database) keep(length time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keptUntil = time.Now().Add(length)
}

func (d *database) batchCount() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.batches)
}

func (d *database) WaitingProjects(context.Context) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failing > 0 {
		d.failing--
		return nil, errDown
	}
	var projects []string
	for project, count := range d.waiting {
		if count > 0 {
			projects = append(projects, project)
		}
	}
	return projects, nil
}

func (d *database) RefreshProjectState(_ context.Context, projectID string, _ uint64) error {
	pause(time.Millisecond)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.boards = append(d.boards, projectID)
	return nil
}

func (d *database) RefreshPositions(_ context.Context, projectID string, _ uint64) error {
	pause(time.Millisecond)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.positions = append(d.positions, projectID)
	return nil
}

func (d *database) toldPositions() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.positions)
}

func (d *database) toldBoards() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.boards)
}

func (d *database) add(project string, count int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting[project] += count
}

func (d *database) left(project string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.waiting[project]
}

// pause advances the bubble's clock.
func pause(duration time.Duration) { <-time.After(duration) }

func start(t *testing.T, db *database) *worker.Service {
	t.Helper()
	service := worker.New(worker.Options{Queue: db, Board: db, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, service.Start(t.Context()))
	return service
}

func event(project string, kind realtime.Kind) realtime.Transaction {
	return realtime.Transaction{Events: []realtime.Event{{ProjectID: project, Kind: kind}}}
}

func TestServiceAssigns(t *testing.T) {
	t.Parallel()

	t.Run("what waits when it starts", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			db := newDatabase()
			db.add("a", 3)
			service := start(t, db)
			defer service.Stop(t.Context())
			pause(5 * time.Millisecond)
			assert.Zero(t, db.left("a"))
			pause(100 * time.Millisecond)
			assert.Equal(t, []string{"a"}, db.toldBoards())
		})
	})

	for _, kind := range []realtime.Kind{
		realtime.KindNewConversation, realtime.KindPresenceChange, realtime.KindStatusChanged,
		realtime.KindConversationUpdated, realtime.KindSettingsChanged, realtime.KindOfferEnded,
	} {
		t.Run("at once on "+string(kind), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				db := newDatabase()
				service := start(t, db)
				defer service.Stop(t.Context())
				db.add("a", 1)
				service.React(event("a", kind))
				pause(5 * time.Millisecond)
				assert.Zero(t, db.left("a"))
			})
		})
	}

	t.Run("not on a message", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			db := newDatabase()
			service := start(t, db)
			defer service.Stop(t.Context())
			service.React(event("a", realtime.KindMessage))
			pause(time.Second)
			assert.Empty(t, db.batches)
		})
	})

	changed := realtime.Event{ProjectID: "a", ConversationID: "c", Kind: realtime.KindStatusChanged}
	assigned := realtime.Event{ProjectID: "a", ConversationID: "c", Kind: realtime.KindAgentAssigned}
	elsewhere := realtime.Event{ProjectID: "a", ConversationID: "d", Kind: realtime.KindAgentAssigned}
	for name, test := range map[string]struct {
		events []realtime.Event
		looks  int
	}{
		"not when one was given to an agent, which every batch says":        {[]realtime.Event{changed, assigned}, 0},
		"at once when one was transferred: the agent before has a slot":     {[]realtime.Event{assigned}, 1},
		"at once when one left its agent and another was given to an agent": {[]realtime.Event{changed, elsewhere}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				db := newDatabase()
				service := start(t, db)
				defer service.Stop(t.Context())
				service.React(realtime.Transaction{Events: test.events})
				pause(time.Second)
				assert.Equal(t, test.looks, db.batchCount())
			})
		})
	}

	t.Run("within ten seconds when no event came", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			db := newDatabase()
			service := start(t, db)
			defer service.Stop(t.Context())
			db.add("a", 1)
			pause(10*time.Second + 5*time.Millisecond)
			assert.Zero(t, db.left("a"))
		})
	})

	t.Run("at the very moment when nobody is waited for any more", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			db := newDatabase()
			db.add("a", 1)
			db.keep(3 * time.Second)
			service := start(t, db)
			defer service.Stop(t.Context())
			pause(3*time.Second - time.Millisecond)
			assert.Equal(t, 1, db.left("a"))
			pause(3 * time.Millisecond)
			assert.Zero(t, db.left("a"))
			assert.Equal(t, 2, db.batchCount())
		})
	})

	t.Run("not at a moment that is no longer the next, nor after Stop", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			db := newDatabase()
			db.add("a", 1)
			db.keep(3 * time.Second)
			service := start(t, db)
			pause(time.Second)
			db.keep(5 * time.Second)
			service.React(event("a", realtime.KindSettingsChanged))
			pause(4 * time.Second)
			assert.Equal(t, 2, db.batchCount())
			service.Stop(t.Context())
			pause(time.Minute)
			assert.Equal(t, 2, db.batchCount())
		})
	})

	t.Run("when told that events may be missing", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			db := newDatabase()
			service := start(t, db)
			defer service.Stop(t.Context())
			db.add("a", 1)
			require.NoError(t, service.Reconcile(t.Context()))
			pause(5 * time.Millisecond)
			assert.Zero(t, db.left("a"))
		})
	})

	t.Run("a long queue in growing batches", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			db := newDatabase()
			db.add("a", 1500)
			service := start(t, db)
			defer service.Stop(t.Context())
			pause(20 * time.Millisecond)
			assert.Zero(t, db.left("a"))
			assert.Equal(t, []int{10, 40, 160, 640, 1000}, db.limits)
		})
	})
}

func TestServiceRuns(t *testing.T) {
	t.Parallel()

	t.Run("one at a time per project, marks coalesce, none is lost", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			db := newDatabase()
			service := start(t, db)
			defer service.Stop(t.Context())
			for range 100 {
				db.add("a", 1)
				service.React(event("a", realtime.KindNewConversation))
			}
			pause(20 * time.Millisecond)
			assert.Zero(t, db.left("a"))
			assert.False(t, db.overlap)
			assert.LessOrEqual(t, len(db.batches), 5)
		})
	})

	t.Run("again after a failure, with a growing pause", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			db := newDatabase()
			service := start(t, db)
			defer service.Stop(t.Context())
			db.add("a", 1)
			db.failing = 4
			service.React(event("a", realtime.KindNewConversation))
			pause(5 * time.Second)
			assert.Zero(t, db.left("a"))
			assert.Len(t, db.batches, 5)
		})
	})

	t.Run("again shortly after when a row was held by somebody else", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			db := newDatabase()
			service := start(t, db)
			defer service.Stop(t.Context())
			db.add("a", 1)
			db.skipped = 3
			service.React(event("a", realtime.KindNewConversation))
			pause(100 * time.Millisecond)
			assert.Zero(t, db.left("a"))
		})
	})

	t.Run("waits for the latest transaction that marked it", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			db := newDatabase()
			service := start(t, db)
			defer service.Stop(t.Context())
			for _, xid := range []uint64{7, 9, 8} {
				service.React(realtime.Transaction{Events: []realtime.Event{{ProjectID: "a", Kind: realtime.KindNewConversation, XID: xid}}})
			}
			pause(5 * time.Millisecond)
			synctest.Wait()
			assert.Equal(t, uint64(9), db.seen[len(db.seen)-1])
		})
	})

	t.Run("no more after Stop, and those in hand are cut off when the grace ends", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			db := newDatabase()
			service := start(t, db)
			db.hang = true
			service.React(event("a", realtime.KindNewConversation))
			pause(time.Millisecond)
			grace, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			began := time.Now()
			service.Stop(grace)
			assert.Equal(t, 3*time.Second, time.Since(began))
			service.React(event("b", realtime.KindNewConversation))
			pause(time.Minute)
			assert.Empty(t, db.batches)
		})
	})
}

func TestServiceTellsPositions(t *testing.T) {
	t.Parallel()

	t.Run("once for everything that moves a queue within a quarter of a second", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			db := newDatabase()
			service := start(t, db)
			defer service.Stop(t.Context())
			for _, kind := range []realtime.Kind{realtime.KindStatusChanged, realtime.KindPresenceChange, realtime.KindConversationUpdated} {
				service.React(event("a", kind))
				pause(50 * time.Millisecond)
			}
			service.React(event("b", realtime.KindStatusChanged))
			assert.Empty(t, db.toldPositions())
			pause(500 * time.Millisecond)
			assert.Equal(t, []string{"a", "b"}, db.toldPositions())
		})
	})

	t.Run("again for what comes during a run", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			db := newDatabase()
			service := start(t, db)
			defer service.Stop(t.Context())
			service.React(event("a", realtime.KindStatusChanged))
			pause(250*time.Millisecond + 500*time.Microsecond)
			service.React(event("a", realtime.KindStatusChanged))
			pause(time.Second)
			assert.Equal(t, []string{"a", "a"}, db.toldPositions())
		})
	})

	t.Run("not for what moves no queue", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			db := newDatabase()
			service := start(t, db)
			defer service.Stop(t.Context())
			for _, kind := range []realtime.Kind{realtime.KindMessage, realtime.KindQueuePosition, realtime.KindNoteAdded} {
				service.React(event("a", kind))
			}
			pause(time.Second)
			assert.Empty(t, db.toldPositions())
		})
	})

	t.Run("of every queue that waits when it starts", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			db := newDatabase()
			db.add("a", 1)
			service := start(t, db)
			defer service.Stop(t.Context())
			pause(time.Second)
			assert.Equal(t, []string{"a"}, db.toldPositions())
		})
	})
}

func TestServiceCountsAfterDraining(t *testing.T) {
	t.Parallel()

	t.Run("what is counted over a queue waits until the queue is drained", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			db := newDatabase()
			db.add("a", 30_000) // more than thirty batches, a millisecond each
			service := start(t, db)
			defer service.Stop(t.Context())
			pause(30 * time.Millisecond)
			counted := len(db.toldBoards())
			service.React(event("a", realtime.KindStatusChanged))
			pause(time.Second)
			assert.LessOrEqual(t, counted, 1, "at most the one that began before the first batch")
			assert.Zero(t, db.left("a"))
			assert.Greater(t, len(db.toldBoards()), counted)
		})
	})

	t.Run("and while so many projects wait that some have no turn yet", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			db := newDatabase()
			service := worker.New(worker.Options{Queue: db, Board: db, Logger: slog.New(slog.DiscardHandler), ProjectsAtOnce: 1})
			require.NoError(t, service.Start(t.Context()))
			defer service.Stop(t.Context())
			var events []realtime.Event
			for n := range 100 {
				project := strconv.Itoa(n)
				db.add(project, 1)
				events = append(events, realtime.Event{ProjectID: project, Kind: realtime.KindStatusChanged})
			}
			service.React(realtime.Transaction{Events: events})
			pause(90 * time.Millisecond) // a millisecond each
			assert.Empty(t, db.toldBoards())
			pause(time.Second)
			assert.Len(t, db.toldBoards(), 100)
		})
	})

	t.Run("but not for longer than three seconds", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			db := newDatabase()
			db.add("a", 5_000_000)
			service := start(t, db)
			defer service.Stop(t.Context())
			pause(30 * time.Millisecond)
			before := len(db.toldBoards())
			service.React(event("a", realtime.KindStatusChanged))
			pause(3100 * time.Millisecond)
			assert.Positive(t, db.left("a"))
			assert.Greater(t, len(db.toldBoards()), before)
		})
	})
}

func TestServiceStartFails(t *testing.T) {
	t.Parallel()
	db := newDatabase()
	db.failing = 1
	service := worker.New(worker.Options{Queue: db, Board: db, Logger: slog.New(slog.DiscardHandler)})
	require.ErrorIs(t, service.Start(t.Context()), errDown)
}
