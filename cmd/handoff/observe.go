package main

import (
	"context"
	"fmt"

	"github.com/supportbase/handoff/cmd/handoff/metrics"
	"github.com/supportbase/handoff/realtime/replication"
	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/worker/mail"
)

// show begins to answer at the address for metrics, if there is one.
func (e *engine) show(ctx context.Context) error {
	settings := e.settings.Metrics
	if settings.Address == "" {
		return nil
	}
	server, err := metrics.Start(ctx, metrics.Options{
		Address: settings.Address, Pprof: settings.Pprof, Sources: e.sources(), Ready: e.readiness, Logger: e.logger,
	})
	if err != nil {
		return err
	}
	e.watch = server
	e.logger.InfoContext(ctx, "metrics are shown", "address", server.Address(), "pprof", settings.Pprof)
	return nil
}

func (e *engine) hide(ctx context.Context) {
	if e.watch != nil {
		e.watch.Stop(ctx)
	}
}

func (e *engine) sources() metrics.Sources {
	return metrics.Sources{
		Version: version, Stream: e.stream.Stats, Bridge: e.bridge.Stats, Transport: e.transport.Failover.Stats,
		Realtime: e.transport.client.Stats, Worker: e.service.Stats, Clock: e.clock.Stats, Mail: e.mailer.stats,
		Presence: e.presence.Stats,
		Pool:     e.pool.Stat,
		Census: func(ctx context.Context) (supabase.Census, error) {
			return supabase.TakeCensus(ctx, e.pool, e.settings.Worker.Slot)
		},
	}
}

// readiness asks the database and looks at the stream. Realtime is only told: while it is away messages wait, and a worker
// taken out of service for that would help nobody.
func (e *engine) readiness(ctx context.Context) metrics.Readiness {
	state := e.stream.State()
	found := metrics.Readiness{State: state.String(), Realtime: e.transport.client.State().String(), Reasons: []string{}}
	if err := e.pool.Ping(ctx); err != nil {
		found.Reasons = append(found.Reasons, "the database does not answer")
	}
	switch state {
	case replication.StateStreaming, replication.StatePolling, replication.StateStandby:
	case replication.StateStarting, replication.StateWaitingForDatabase, replication.StateStopped, replication.StateResending,
		replication.StateSlotLost:
		found.Reasons = append(found.Reasons, fmt.Sprintf("the stream is %s, not streaming, polling or standby", state))
	}
	found.Ready = len(found.Reasons) == 0
	return found
}

func (m *mailer) stats() mail.Stats {
	if m.service == nil {
		return mail.Stats{}
	}
	return m.service.Stats()
}
