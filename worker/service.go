package worker

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/worker/assignment"
)

// Queue gives waiting conversations to agents.
type Queue interface {
	// AssignBatch locks up to limit waiting conversations of the project, in the order of serving, and its agents with
	// free slots, lets plan decide, and writes the plan in the same transaction. Conversations and agents that somebody
	// else has locked are left out. When the transaction seenXID is not visible within some milliseconds, nothing is
	// done and the batch says Skipped.
	AssignBatch(ctx context.Context, projectID string, seenXID uint64, limit int, plan assignment.Planner) (assignment.Batch, error)
	// WaitingProjects lists the projects that have waiting conversations.
	WaitingProjects(ctx context.Context) ([]string, error)
}

// Board tells widgets and dashboards what is counted over a whole project.
type Board interface {
	// RefreshProjectState broadcasts queue length and availability of the project if they changed since the last time.
	// It waits until the transaction seenXID is visible.
	RefreshProjectState(ctx context.Context, projectID string, seenXID uint64) error
	// RefreshPositions tells each waiting visitor of the project their place in the queue if it changed since they were last
	// told. It waits until the transaction seenXID is visible.
	RefreshPositions(ctx context.Context, projectID string, seenXID uint64) error
}

// Options configure a Service. Queue, Board and Logger are required.
type Options struct {
	Queue  Queue
	Board  Board
	Logger *slog.Logger
	// QueueInterval is how often waiting conversations are looked for although no event said so (F001 5.4.4: 10 s, the
	// default). It is the safety net: it should never find anything to do.
	QueueInterval time.Duration
	// ProjectsAtOnce bounds how many projects are worked on at the same time. Default 4.
	ProjectsAtOnce int
	// OnDraining hears when the first long queue begins to be drained, and when the last one is. Optional, must not block.
	OnDraining func(draining bool)
}

const (
	defaultQueueInterval  = 10 * time.Second
	defaultProjectsAtOnce = 4
	// skippedPause is how long a row that another transaction held is given to become free.
	skippedPause = 20 * time.Millisecond
	// positionsDebounce is how long changes of a queue are gathered before its visitors are told: most are overtaken by then.
	positionsDebounce = 250 * time.Millisecond
	// boardsDebounce is the same for queue length and availability. Without it a busy project's are counted for each event.
	boardsDebounce = 50 * time.Millisecond
	// drainPoll and drainPatience are how often, and for how long, what is counted over a queue waits for the queue to be
	// drained: meanwhile each count is overtaken by the next batch, and takes the time of it.
	drainPoll     = 20 * time.Millisecond
	drainPatience = 3 * time.Second
	// queueScanTimeout bounds the look for projects with waiting conversations.
	queueScanTimeout = 5 * time.Second
)

// Service reacts to events and ticks. Create it with New, then Start, React, Stop.
type Service struct {
	options     Options
	assignments *runs
	boards      *runs
	paces       *paces
	alarms      *alarms
	positions   *runs
	ticks       *cron.Cron

	assigned, skipped atomic.Uint64
}

// New returns a Service that has not started. It panics when a required option is missing.
func New(options Options) *Service {
	if options.Queue == nil || options.Board == nil || options.Logger == nil {
		panic("worker: Options.Queue, Options.Board and Options.Logger are required")
	}
	if options.QueueInterval <= 0 {
		options.QueueInterval = defaultQueueInterval
	}
	if options.ProjectsAtOnce <= 0 {
		options.ProjectsAtOnce = defaultProjectsAtOnce
	}
	if options.OnDraining == nil {
		options.OnDraining = func(bool) {}
	}
	service := &Service{options: options, paces: newPaces(), ticks: cron.New()}
	service.assignments = newRuns("assignment", options.ProjectsAtOnce, options.Logger, service.assign)
	service.alarms = newAlarms(func(projectID string) { service.assignments.mark(projectID, 0) })
	service.boards = newRuns("project_state", options.ProjectsAtOnce, options.Logger, service.afterDraining(options.Board.RefreshProjectState))
	service.positions = newRuns("queue_positions", options.ProjectsAtOnce, options.Logger, service.afterDraining(options.Board.RefreshPositions))
	service.positions.debounce = positionsDebounce
	service.boards.debounce = boardsDebounce
	return service
}

// afterDraining lets the work wait while the project's queue is being drained, or so many projects have something to be given
// out that some wait for their turn; for at most drainPatience.
func (s *Service) afterDraining(work work) work {
	return func(ctx context.Context, projectID string, seenXID uint64) error {
		busy := func() bool { return s.paces.draining(projectID) || s.assignments.crowded() }
		for until := time.Now().Add(drainPatience); busy() && time.Now().Before(until) && ctx.Err() == nil; {
			sleep(ctx, drainPoll)
		}
		return work(ctx, projectID, seenXID)
	}
}

// Start begins to work: it looks at every project with waiting conversations, then at what React and the ticks mark.
// The database must answer, or Start returns the error and nothing runs.
func (s *Service) Start(ctx context.Context) error {
	s.assignments.start(ctx)
	s.boards.start(ctx)
	s.positions.start(ctx)
	if err := s.markWaiting(ctx); err != nil {
		s.stopRuns(ctx)
		return err
	}
	tickCtx := context.WithoutCancel(ctx)
	s.ticks.Schedule(cron.Every(s.options.QueueInterval), cron.FuncJob(func() { s.tick(tickCtx) }))
	s.ticks.Start()
	return nil
}

// Stop takes no more work and waits for what is in hand. When ctx ends first, that is cancelled and its transactions
// are rolled back.
func (s *Service) Stop(ctx context.Context) {
	select {
	case <-s.ticks.Stop().Done():
	case <-ctx.Done():
	}
	s.stopRuns(ctx)
}

func (s *Service) stopRuns(ctx context.Context) {
	s.assignments.stop(ctx)
	s.alarms.clear()
	s.boards.stop(ctx)
	s.positions.stop(ctx)
}

// React marks the projects that the events concern. It never blocks.
func (s *Service) React(transaction realtime.Transaction) {
	for i, event := range transaction.Events {
		if freesOrAdds(transaction.Events, i) {
			s.assignments.mark(event.ProjectID, event.XID)
		}
		if changesBoard(event.Kind) {
			s.boards.mark(event.ProjectID, event.XID)
		}
		if movesQueue(event.Kind) {
			s.positions.mark(event.ProjectID, event.XID)
		}
	}
}

// freesOrAdds says whether after an event a waiting conversation may find an agent: something entered the queue, an
// agent became available or got a higher limit, a conversation left its agent or asks for fewer skills, an offer
// was not taken, or the rules of the project changed. What was only given to an agent does neither: else each batch would
// cause another one.
func freesOrAdds(events []realtime.Event, i int) bool {
	switch events[i].Kind {
	case realtime.KindNewConversation, realtime.KindPresenceChange, realtime.KindConversationUpdated,
		realtime.KindSettingsChanged, realtime.KindOfferEnded:
		return true
	case realtime.KindStatusChanged:
		return i+1 == len(events) || !isOneMove(events[i], events[i+1])
	case realtime.KindAgentAssigned: // on its own it is a transfer: the agent before has a slot again
		return i == 0 || !isOneMove(events[i-1], events[i])
	default:
		return false
	}
}

// isOneMove says whether a conversation got an agent by leaving another state. A transaction that arrives in parts may have
// the two events in different ones; then they cause a look too many.
func isOneMove(changed, assigned realtime.Event) bool {
	return changed.Kind == realtime.KindStatusChanged && assigned.Kind == realtime.KindAgentAssigned &&
		changed.ConversationID == assigned.ConversationID
}

// changesBoard says whether such an event may change queue length or availability.
func changesBoard(kind realtime.Kind) bool {
	return kind == realtime.KindStatusChanged || kind == realtime.KindPresenceChange || kind == realtime.KindSettingsChanged
}

// movesQueue says whether such an event may change places in the queue or estimates: the queue itself, its order, or how
// many serve it.
func movesQueue(kind realtime.Kind) bool {
	return kind == realtime.KindStatusChanged || kind == realtime.KindPresenceChange || kind == realtime.KindConversationUpdated
}

// Reconcile looks at every project with waiting conversations, as Start does. It is for the caller who may have missed
// events. It returns an error when the database did not answer; then nothing was marked.
func (s *Service) Reconcile(ctx context.Context) error {
	scanCtx, cancel := context.WithTimeout(ctx, queueScanTimeout)
	defer cancel()
	return s.markWaiting(scanCtx)
}

func (s *Service) tick(ctx context.Context) {
	if err := s.Reconcile(ctx); err != nil {
		// The next tick tries again; until then events still wake the runs.
		s.options.Logger.WarnContext(ctx, "queue fallback failed", "err", err)
	}
}

func (s *Service) markWaiting(ctx context.Context) error {
	projects, err := s.options.Queue.WaitingProjects(ctx)
	if err != nil {
		return fmt.Errorf("list projects with waiting conversations: %w", err)
	}
	for _, projectID := range projects {
		s.assignments.mark(projectID, 0)
		s.boards.mark(projectID, 0)
		s.positions.mark(projectID, 0)
	}
	return nil
}

// assign gives out one batch of the project's queue. While more might be given out it marks the project again instead of
// going on: between two batches other projects get their turn, so that a long queue delays nobody by more than a batch.
func (s *Service) assign(ctx context.Context, projectID string, seenXID uint64) error {
	limit := s.paces.limit(projectID)
	began := time.Now()
	batch, err := s.options.Queue.AssignBatch(ctx, projectID, seenXID, limit, assignment.Plan)
	if err != nil {
		return fmt.Errorf("assign conversations of project %s: %w", projectID, err)
	}
	s.assigned.Add(uint64(batch.Assigned)) //nolint:gosec // a count
	if batch.Assigned > 0 {
		s.options.Logger.DebugContext(ctx, "conversations assigned", "project_id", projectID, "count", batch.Assigned)
	}
	s.alarms.set(projectID, batch.WakeAfter)
	switch {
	case batch.Skipped:
		s.skipped.Add(1)
		sleep(ctx, jitter(skippedPause))
	case batch.More && batch.Assigned > 0:
		if s.paces.took(projectID, limit, time.Since(began)) {
			s.options.OnDraining(true)
		}
	default:
		if s.paces.forget(projectID) {
			s.options.OnDraining(false)
		}
		return nil
	}
	s.assignments.mark(projectID, seenXID)
	return nil
}
