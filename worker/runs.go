package worker

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// retryAfter and retryAtMost bound the pause before a failed run is tried again; it doubles with each failure.
	retryAfter  = 100 * time.Millisecond
	retryAtMost = 10 * time.Second
)

// runs does one kind of work per project: at most one run of a project at a time, marks coalesce, a mark that comes
// during a run causes one more. Failed runs are repeated with a growing pause.
type runs struct {
	name   string
	work   work
	logger *slog.Logger
	// slots bounds how many projects run at once, so that no burst takes all database connections.
	slots chan struct{}
	// debounce is how long a marked project waits before its run, so that marks gather. Default 0.
	debounce time.Duration
	tally    tally
	// queued is how many projects wait for a slot.
	queued atomic.Int64

	mu      sync.Mutex
	ctx     context.Context //nolint:containedctx // the life of the runs, from start to stop
	cancel  context.CancelFunc
	due     map[string]*due
	running sync.WaitGroup
}

// work does one project. It must not decide before the transaction seenXID is visible to it: the write-ahead log can
// tell of a commit a moment before other sessions see its rows. Zero: no transaction to wait for.
type work = func(ctx context.Context, projectID string, seenXID uint64) error

// due is a project whose run is under way.
type due struct {
	// again says that it was marked since the run began.
	again bool
	// xid is the latest transaction that marked it.
	xid uint64
}

func newRuns(name string, atOnce int, logger *slog.Logger, work work) *runs {
	return &runs{
		name: name, work: work, logger: logger,
		slots: make(chan struct{}, atOnce), due: make(map[string]*due),
	}
}

func (r *runs) start(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
}

// stop waits for the runs in hand. When ctx ends first it cancels them and waits for that.
func (r *runs) stop(ctx context.Context) {
	r.mu.Lock()
	cancel := r.cancel
	r.ctx = nil // from now on marks are dropped: the next start looks at everything
	r.mu.Unlock()
	if cancel == nil {
		return
	}
	defer cancel()
	unhook := context.AfterFunc(ctx, cancel)
	defer unhook()
	r.running.Wait()
}

// mark makes the project due because of a transaction; zero for none. It never blocks.
func (r *runs) mark(projectID string, xid uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx == nil {
		return
	}
	if marked, busy := r.due[projectID]; busy {
		marked.again = true
		marked.xid = max(marked.xid, xid)
		return
	}
	r.due[projectID] = &due{xid: xid}
	r.running.Add(1)
	go r.drain(r.ctx, projectID)
}

func (r *runs) drain(ctx context.Context, projectID string) {
	defer r.running.Done()
	for pause := retryAfter; ; {
		sleep(ctx, r.debounce)
		err := r.runOnce(ctx, projectID)
		if err != nil && ctx.Err() == nil {
			r.logger.WarnContext(ctx, "run failed, will be repeated",
				"run", r.name, "project_id", projectID, "pause", pause.String(), "err", err)
			sleep(ctx, jitter(pause))
			pause = min(2*pause, retryAtMost)
			if ctx.Err() == nil {
				continue
			}
		}
		if r.finished(ctx, projectID) {
			return
		}
		pause = retryAfter
	}
}

func (r *runs) runOnce(ctx context.Context, projectID string) error {
	if err := r.acquire(ctx); err != nil {
		return err
	}
	defer func() { <-r.slots }()
	began := time.Now()
	err := r.work(ctx, projectID, r.begin(projectID))
	r.tally.note(time.Since(began), err)
	return err
}

// acquire waits for a slot.
func (r *runs) acquire(ctx context.Context) error {
	r.queued.Add(1)
	defer r.queued.Add(-1)
	select {
	case r.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// crowded says whether projects wait for a slot.
func (r *runs) crowded() bool { return r.queued.Load() > 0 }

// begin notes that a run looks at the database from now on, and returns the transaction that it must see.
func (r *runs) begin(projectID string) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	marked := r.due[projectID]
	marked.again = false
	return marked.xid
}

// finished says whether the project is done for now; if it was marked meanwhile it is not.
func (r *runs) finished(ctx context.Context, projectID string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.due[projectID].again && ctx.Err() == nil && r.ctx != nil {
		return false
	}
	delete(r.due, projectID)
	return true
}

func jitter(pause time.Duration) time.Duration {
	return pause/2 + rand.N(pause/2+1) //nolint:gosec // spreads retries, protects nothing
}

func sleep(ctx context.Context, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
