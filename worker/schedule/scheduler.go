package schedule

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/robfig/cron/v3"
)

// wakeDelay lies between Wake and the run: the write-ahead log tells of a commit a moment before other sessions see its
// rows, and what happens together is done together.
const wakeDelay = 250 * time.Millisecond

// Scheduler runs ticks. Create it with New, then Start, Wake, Stop. It is started once.
type Scheduler struct {
	logger *slog.Logger
	jobs   map[string]*job
	rhythm *cron.Cron

	running sync.WaitGroup
	// stopping ends the waiting for the next run, cancel the run in hand.
	stopping chan struct{}
	stopOnce sync.Once
	cancel   context.CancelFunc
}

// job is a tick with what wakes it. Both channels hold at most one: times that come while it runs coalesce.
type job struct {
	tick  Tick
	due   chan struct{}
	woken chan struct{}
	tally tally
}

// New returns a Scheduler that has not started. It panics when a tick lacks what it requires or shares its name.
func New(logger *slog.Logger, ticks ...Tick) *Scheduler {
	if logger == nil {
		panic("schedule: a logger is required")
	}
	scheduler := &Scheduler{
		logger: logger, jobs: make(map[string]*job), rhythm: cron.New(), stopping: make(chan struct{}),
	}
	for _, tick := range ticks {
		if _, taken := scheduler.jobs[tick.Name]; taken {
			panic("schedule: two ticks are named " + tick.Name)
		}
		scheduler.jobs[tick.Name] = &job{
			tick: tick.withDefaults(), due: make(chan struct{}, 1), woken: make(chan struct{}, 1),
		}
	}
	return scheduler
}

// Start begins to run the ticks. The context gives its values, not its end: call Stop.
func (s *Scheduler) Start(ctx context.Context) {
	workCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	for _, each := range s.jobs {
		s.rhythm.Schedule(each.tick, cron.FuncJob(func() { mark(each.due) }))
		s.running.Go(func() { s.serve(workCtx, each) })
	}
	s.rhythm.Start()
}

// Wake runs the tick of this name soon, as if its time had come. It never blocks; an unknown name is ignored.
func (s *Scheduler) Wake(name string) {
	if each, known := s.jobs[name]; known {
		mark(each.woken)
	}
}

// Stop begins no more runs and waits for those in hand. When ctx ends first they are cancelled, and their transactions
// rolled back. Stop may be called on a Scheduler that was not started, and again.
func (s *Scheduler) Stop(ctx context.Context) {
	s.rhythm.Stop()
	s.stopOnce.Do(func() { close(s.stopping) })
	if s.cancel == nil {
		return
	}
	defer s.cancel()
	unhook := context.AfterFunc(ctx, s.cancel)
	defer unhook()
	s.running.Wait()
}

func mark(channel chan struct{}) {
	select {
	case channel <- struct{}{}:
	default: // it is marked already
	}
}

func unmark(channel chan struct{}) {
	select {
	case <-channel:
	default:
	}
}

func (s *Scheduler) serve(ctx context.Context, each *job) {
	for begin := s.pause(each.tick.someJitter()); begin; begin = s.await(each) {
		s.run(ctx, each)
	}
}

// await returns when the job is to run; false: the scheduler stops.
func (s *Scheduler) await(each *job) bool {
	select {
	case <-each.due:
		return s.pause(0) // stopping comes first
	case <-each.woken:
		proceed := s.pause(wakeDelay)
		unmark(each.woken) // the run that begins now is for those as well
		return proceed
	case <-s.stopping:
		return false
	}
}

// pause waits; false: the scheduler stops.
func (s *Scheduler) pause(duration time.Duration) bool {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.stopping:
	}
	select {
	case <-s.stopping:
		return false
	default:
		return true
	}
}

func (s *Scheduler) run(ctx context.Context, each *job) {
	tick, began := each.tick, time.Now()
	handled, err := tick.run(ctx)
	each.tally.note(began, handled, err)
	switch {
	case ctx.Err() != nil:
		// Cancelled by Stop: what was not done is due at the next start.
	case err != nil:
		s.logger.WarnContext(ctx, "tick failed, comes again", "tick", tick.Name, "handled", handled, "err", err)
	case handled > 0:
		s.logger.DebugContext(ctx, "tick done", "tick", tick.Name, "handled", handled)
	}
}
