package worker

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
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
	work   func(ctx context.Context, projectID string) error
	logger *slog.Logger
	// slots bounds how many projects run at once, so that no burst takes all database connections.
	slots chan struct{}

	mu      sync.Mutex
	ctx     context.Context //nolint:containedctx // the life of the runs, from start to stop
	cancel  context.CancelFunc
	due     map[string]bool // project -> marked again since its run began
	running sync.WaitGroup
}

func newRuns(name string, atOnce int, logger *slog.Logger, work func(ctx context.Context, projectID string) error) *runs {
	return &runs{
		name: name, work: work, logger: logger,
		slots: make(chan struct{}, atOnce), due: make(map[string]bool),
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

// mark makes the project due. It never blocks.
func (r *runs) mark(projectID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx == nil {
		return
	}
	if _, busy := r.due[projectID]; busy {
		r.due[projectID] = true
		return
	}
	r.due[projectID] = false
	r.running.Add(1)
	go r.drain(r.ctx, projectID)
}

func (r *runs) drain(ctx context.Context, projectID string) {
	defer r.running.Done()
	for pause := retryAfter; ; {
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
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
		return r.work(ctx, projectID)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// finished says whether the project is done for now; if it was marked meanwhile it is not.
func (r *runs) finished(ctx context.Context, projectID string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.due[projectID] && ctx.Err() == nil && r.ctx != nil {
		r.due[projectID] = false
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
