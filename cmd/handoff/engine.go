package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/cmd/handoff/metrics"
	"github.com/supportbase/handoff/config"
	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/realtime/broadcast"
	"github.com/supportbase/handoff/realtime/replication"
	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/worker"
	"github.com/supportbase/handoff/worker/inactivity"
	"github.com/supportbase/handoff/worker/presence"
	"github.com/supportbase/handoff/worker/schedule"
)

// engine is the worker with everything it is wired to. One goroutine (stream) feeds the service, which reacts, and the
// bridge, which broadcasts; the slot's position follows the bridge.
type engine struct {
	settings config.Config
	logger   *slog.Logger

	pool      *pgxpool.Pool
	transport *transport
	bridge    *broadcast.Bridge
	service   *worker.Service
	mailer    *mailer
	clock     *schedule.Scheduler
	presence  *presence.Sweeper
	stream    *replication.Stream
	watch     *metrics.Server // nil while nothing is shown
	traces    tracing

	cancelStream context.CancelFunc
	cancelWork   context.CancelFunc
	failed       chan error // one result of the stream, when it ends
}

// startEngine connects and starts to work. When it returns an error nothing is left running. The context bounds the start
// alone; call stop.
func startEngine(ctx context.Context, settings config.Config, logger *slog.Logger) (*engine, error) {
	e := &engine{settings: settings, logger: logger, failed: make(chan error, 1)}
	if err := e.connect(ctx); err != nil {
		return nil, err
	}
	if err := e.wire(ctx); err != nil {
		e.pool.Close()
		return nil, err
	}
	if err := e.start(ctx); err != nil {
		e.hide(ctx)
		e.pool.Close()
		return nil, err
	}
	return e, nil
}

// connect checks the database in the order in which things go wrong: reachable, migrated, able to replicate.
func (e *engine) connect(ctx context.Context) error {
	pool, err := supabase.OpenPool(ctx, e.settings.Database.URL.Reveal(), e.settings.Database.MaxConnections)
	if err != nil {
		return err
	}
	err = checkSchema(ctx, pool, e.logger)
	if err == nil {
		err = replication.Check(ctx, e.streamOptions())
	}
	if err != nil {
		pool.Close()
		return err
	}
	e.pool = pool
	return nil
}

func (e *engine) streamOptions() replication.Options {
	return replication.Options{
		URL: e.settings.Database.ReplicationURL.Reveal(), PollURL: e.settings.Database.URL.Reveal(),
		Source: replication.Source(e.settings.Worker.Source), Slot: e.settings.Worker.Slot, Logger: e.logger,
		OnSlotLost: e.reconcile,
	}
}

// reconcile looks at what a lost slot would have told: the events come again from the outbox, but only those it still has.
func (e *engine) reconcile(ctx context.Context, _ string) error {
	return e.service.Reconcile(ctx)
}

func (e *engine) wire(ctx context.Context) (err error) {
	if e.traces, err = startTracing(ctx); err != nil {
		return err
	}
	if e.transport, err = newTransport(e.settings.Supabase, e.logger); err != nil {
		return err
	}
	e.bridge = broadcast.New(broadcast.Options{
		Transport: e.traces.transport(e.transport), DeadLetters: deadLetters{supabase.NewDeadLetters(e.pool)}, Logger: e.logger,
	})
	e.service = worker.New(worker.Options{
		Queue: e.traces.queue(supabase.NewQueue(e.pool)), Board: supabase.NewBoard(e.pool), Logger: e.logger,
		QueueInterval: e.settings.Worker.QueueInterval, OnDraining: e.bridge.HoldSlow,
	})
	if e.mailer, err = newMailer(e.settings, e.pool, e.logger); err != nil {
		return err
	}
	e.presence = presence.New(supabase.NewPresence(e.pool))
	e.clock = schedule.New(e.logger, append(inactivity.Ticks(supabase.NewClock(e.pool)), e.presence.Ticks()...)...)
	e.stream = replication.New(e.streamOptions())
	return nil
}

func (e *engine) start(ctx context.Context) error {
	if err := e.show(ctx); err != nil {
		return err
	}
	if err := e.service.Start(ctx); err != nil {
		return err
	}
	workCtx, cancelWork := context.WithCancel(context.WithoutCancel(ctx))
	if err := e.transport.Start(workCtx); err != nil {
		cancelWork()
		e.service.Stop(ctx)
		return err
	}
	e.bridge.Start(workCtx)
	streamCtx, cancelStream := context.WithCancel(workCtx)
	e.cancelWork, e.cancelStream = cancelWork, cancelStream
	go func() { e.failed <- e.stream.Run(streamCtx, e.deliver, e.confirmed) }()
	e.mailer.start(ctx)
	e.clock.Start(ctx)
	return nil
}

// deliver wakes the reactions first: they only mark projects as due, and the bridge may block while Realtime is away.
func (e *engine) deliver(ctx context.Context, transaction realtime.Transaction) error {
	spanCtx, span := e.traces.received(ctx, transaction)
	e.service.React(transaction)
	if inactivity.AgentLeft(transaction) {
		e.clock.Wake(inactivity.AgentsGone)
	}
	err := e.bridge.Deliver(spanCtx, transaction)
	finish(span, err)
	return err
}

func (e *engine) confirmed() (position realtime.Position, idle bool) {
	// Pending is asked first: what settles in between only makes the position newer than the answer.
	idle = e.bridge.Pending() == 0
	return e.bridge.Confirmed(), idle
}

// wait returns when the engine has ended on its own, or ctx has; nil for the latter.
func (e *engine) wait(ctx context.Context) error {
	select {
	case err := <-e.failed:
		e.failed <- nil // stop waits for it as well
		if err == nil {
			err = errors.New("the stream ended")
		}
		return err
	case <-ctx.Done():
		return nil
	}
}

// stop takes no more work, lets what is in hand finish within the grace, and releases everything.
func (e *engine) stop(ctx context.Context) {
	graceCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.settings.Worker.ShutdownGrace)
	defer cancel()
	// What still asks for the numbers may do so until the end: a scrape of the last moments explains a slow shutdown.
	defer e.hide(graceCtx)
	e.service.Stop(graceCtx)
	e.mailer.stop(graceCtx)
	e.clock.Stop(graceCtx)
	// The stream goes first: on its way out it confirms what the bridge has delivered, so the bridge still runs.
	e.cancelStream()
	<-e.failed
	if err := e.bridge.Stop(graceCtx); err != nil {
		e.logger.WarnContext(ctx, "broadcasts left for the next start", "err", err)
	}
	e.transport.Stop()
	e.cancelWork()
	e.pool.Close()
	if err := e.traces.stop(ctx); err != nil {
		e.logger.WarnContext(ctx, "traces were lost", "err", err)
	}
}

// deadLetters lets the bridge park messages in the database.
type deadLetters struct{ table *supabase.DeadLetters }

// Park keeps the message with its reason.
func (d deadLetters) Park(ctx context.Context, parked broadcast.Parked) error {
	return d.table.Keep(ctx, parked.Event, parked.Message, parked.Reason)
}
