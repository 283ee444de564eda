package rig

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

const (
	workerStopTimeout = 20 * time.Second
	// respawnPause keeps a worker that cannot start from being started in a tight loop.
	respawnPause = 300 * time.Millisecond
)

// Crew keeps a number of workers running, as a supervisor on a server would: one that ends is started again.
type Crew struct {
	binary string
	env    []string
	log    io.Writer
	logger *slog.Logger

	running sync.WaitGroup

	mu      sync.Mutex
	wanted  int
	extra   []string // environment of workers that are started from now on
	workers []*Process
	changed chan struct{} // closed and replaced when wanted or workers changed
	kills   int
	exits   int // workers that ended without being killed or stopped
	killed  map[*Process]bool
}

// NewCrew makes a crew of nobody: see Want and Run.
func NewCrew(binary string, env []string, log io.Writer, logger *slog.Logger) *Crew {
	return &Crew{
		binary: binary, env: env, log: log, logger: logger,
		changed: make(chan struct{}), killed: map[*Process]bool{},
	}
}

// Want says how many workers there shall be. Surplus ones are killed, and counted as kills.
func (c *Crew) Want(count int) {
	c.mu.Lock()
	c.wanted = count
	surplus := slices.Clone(c.workers[min(count, len(c.workers)):])
	c.signal()
	c.mu.Unlock()
	for _, worker := range surplus {
		c.kill(worker)
	}
}

// SwitchTo restarts every worker with other settings and leaves their number as it is.
func (c *Crew) SwitchTo(extra ...string) {
	c.mu.Lock()
	count := c.wanted
	c.extra = extra
	c.mu.Unlock()
	c.Want(0)
	c.Want(count)
}

// KillOne ends a running worker without warning, if there is one.
func (c *Crew) KillOne() {
	c.mu.Lock()
	workers := slices.Clone(c.workers)
	c.mu.Unlock()
	if len(workers) > 0 {
		c.kill(workers[rand.IntN(len(workers))]) //nolint:gosec // chance needs no secrecy
	}
}

func (c *Crew) kill(worker *Process) {
	c.mu.Lock()
	if slices.Contains(c.workers, worker) && !c.killed[worker] {
		c.killed[worker] = true
		c.kills++
	}
	c.mu.Unlock()
	worker.Kill()
}

func (c *Crew) signal() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Run starts workers until ctx ends, then stops those that run and waits for them.
func (c *Crew) Run(ctx context.Context) error {
	for {
		c.mu.Lock()
		missing, changed := c.wanted-len(c.workers), c.changed
		c.mu.Unlock()
		if missing > 0 && ctx.Err() == nil {
			if err := c.start(ctx); err != nil {
				return err
			}
			continue
		}
		select {
		case <-ctx.Done():
			c.stopAll()
			return nil
		case <-changed:
		}
	}
}

func (c *Crew) start(ctx context.Context) error {
	c.mu.Lock()
	env := slices.Concat(c.env, c.extra)
	c.mu.Unlock()
	worker, err := Start(ctx, Command{Name: "handoff run", Path: c.binary, Args: []string{"run"}, Env: env, Log: c.log})
	if err != nil {
		c.stopAll()
		return fmt.Errorf("start a worker: %w", err)
	}
	c.mu.Lock()
	c.workers = append(c.workers, worker)
	c.mu.Unlock()
	c.running.Go(func() { c.watch(ctx, worker) })
	return nil
}

// watch removes a worker that has ended. One that ended on its own is reported: a start while the database is away is
// expected to fail, a running worker is not.
func (c *Crew) watch(ctx context.Context, worker *Process) {
	<-worker.Exited()
	c.mu.Lock()
	onItsOwn := !c.killed[worker] && ctx.Err() == nil
	c.mu.Unlock()
	if onItsOwn {
		c.logger.WarnContext(ctx, "a worker ended on its own", "last_words", LastLine(worker.Output()))
		_ = Pause(ctx, respawnPause) // cut short only by the end of the run
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if onItsOwn {
		c.exits++
	}
	delete(c.killed, worker)
	c.workers = slices.DeleteFunc(c.workers, func(one *Process) bool { return one == worker })
	c.signal()
}

func (c *Crew) stopAll() {
	c.mu.Lock()
	workers := slices.Clone(c.workers)
	c.mu.Unlock()
	for _, worker := range workers {
		_ = worker.Stop(workerStopTimeout) // how it ended no longer matters
	}
	c.running.Wait()
}

// Counts tells how many workers were killed, and how many ended on their own.
func (c *Crew) Counts() (kills, exits int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kills, c.exits
}
