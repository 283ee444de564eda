package metrics

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/worker"
	"github.com/supportbase/handoff/worker/mail"
	"github.com/supportbase/handoff/worker/presence"
	"github.com/supportbase/handoff/worker/schedule"
)

// This file is about what the worker does in the database, and what the database says of the service.

const (
	// censusTimeout bounds the count of one scrape.
	censusTimeout = 2 * time.Second
	// censusAge is how old a count may be: several scrapers cost the database no more than one.
	censusAge = 5 * time.Second
)

func ofWorker(read func() worker.Stats) part[worker.Stats] {
	type stats = worker.Stats
	return part[stats]{read: read, metrics: []metric[stats]{
		counter("handoff_assigned_conversations_total", "conversations", "Waiting conversations given to agents by this worker.", func(s stats) uint64 { return s.Assigned }),
		counter("handoff_assignment_skips_total", "batches", "Assignments put off for a moment because somebody else held the rows.", func(s stats) uint64 { return s.Skipped }),
		ofRuns(Entry{
			Name: "handoff_run_seconds", Type: typeSummary, Unit: "seconds",
			Help: "Runs for a project and how long they took: assignment, project_state, queue_positions.",
		}, func(one worker.RunStats, to sampler) { to.total(one.Count, one.Took, one.Name) }),
		ofRuns(Entry{
			Name: "handoff_run_failures_total", Type: typeCounter, Unit: "runs", Help: "Runs that failed; they come again.",
		}, func(one worker.RunStats, to sampler) { to.value(float64(one.Failed), one.Name) }),
		ofRuns(Entry{
			Name: "handoff_run_due_projects", Type: typeGauge, Unit: "projects", Help: "Projects with a run in hand or waiting for its turn.",
		}, func(one worker.RunStats, to sampler) { to.value(float64(one.Due), one.Name) }),
	}}
}

func ofRuns(entry Entry, write func(worker.RunStats, sampler)) metric[worker.Stats] {
	entry.Labels = []string{"run"}
	return made(entry, func(s worker.Stats, to sampler) {
		for _, one := range s.Runs {
			write(one, to)
		}
	})
}

func ofClock(read func() []schedule.Stats) part[[]schedule.Stats] {
	return part[[]schedule.Stats]{read: read, metrics: []metric[[]schedule.Stats]{
		ofTicks("handoff_tick_seconds", typeSummary, "seconds", "Runs of a tick of the clock and how long they took.",
			func(one schedule.Stats, to sampler) { to.total(one.Runs, one.Took, one.Name) }),
		ofTicks("handoff_tick_failures_total", typeCounter, "runs", "Runs of a tick that failed.",
			func(one schedule.Stats, to sampler) { to.value(float64(one.Failed), one.Name) }),
		ofTicks("handoff_tick_handled_total", typeCounter, "rows", "What the runs of a tick found to do.",
			func(one schedule.Stats, to sampler) { to.value(float64(one.Handled), one.Name) }),
		ofTicks("handoff_tick_interval_seconds", typeGauge, "seconds", "The rhythm of a tick.",
			func(one schedule.Stats, to sampler) { to.value(one.Every.Seconds(), one.Name) }),
		ofTicks("handoff_tick_last_success_timestamp_seconds", typeGauge, "Unix time", "When a tick last ended without an error; 0 before.",
			func(one schedule.Stats, to sampler) { to.value(unix(one.LastSuccess), one.Name) }),
	}}
}

func ofTicks(name, kind, unit, help string, write func(schedule.Stats, sampler)) metric[[]schedule.Stats] {
	entry := Entry{Name: name, Type: kind, Unit: unit, Labels: []string{"tick"}, Help: help}
	return made(entry, func(all []schedule.Stats, to sampler) {
		for _, one := range all {
			write(one, to)
		}
	})
}

func ofMail(read func() mail.Stats) part[mail.Stats] {
	return part[mail.Stats]{read: read, metrics: []metric[mail.Stats]{
		made(Entry{
			Name: "handoff_mail_attempts_total", Type: typeCounter, Unit: "mails", Labels: []string{"outcome"},
			Help: "Mails tried, by outcome: sent, failed (comes again) or given_up.",
		}, func(s mail.Stats, to sampler) {
			to.value(float64(s.Sent), "sent")
			to.value(float64(s.Failed-s.GivenUp), "failed")
			to.value(float64(s.GivenUp), "given_up")
		}),
	}}
}

func ofPresence(read func() presence.Stats) part[presence.Stats] {
	type stats = presence.Stats
	return part[stats]{read: read, metrics: []metric[stats]{
		counter("handoff_presence_leases_examined_total", "leases", "Leases that this worker's sweeps looked at; most were renewed and put off.", func(s stats) uint64 { return s.LookedAt }),
		counter("handoff_presence_ended_total", "connections", "Connections that were closed or lost, ended by this worker's sweeps.", func(s stats) uint64 { return s.Ended }),
		counter("handoff_presence_suspected_total", "connections", "Agents' connections that missed one and a half beats.", func(s stats) uint64 { return s.Suspected }),
		counter("handoff_presence_first_beat_only_total", "connections", "Connections that were lost without a beat after the first: a client whose timer does not work.", func(s stats) uint64 { return s.FirstBeatOnly }),
	}}
}

func ofPool(read func() *pgxpool.Stat) part[*pgxpool.Stat] {
	type stats = *pgxpool.Stat
	return part[stats]{read: read, metrics: []metric[stats]{
		made(Entry{
			Name: "handoff_pool_connections", Type: typeGauge, Unit: "connections", Labels: []string{"state"},
			Help: "Connections of the pool: busy, idle, and max for how many there may be.",
		}, func(s stats, to sampler) {
			to.value(float64(s.AcquiredConns()), "busy")
			to.value(float64(s.IdleConns()), "idle")
			to.value(float64(s.MaxConns()), "max")
		}),
		made(Entry{
			Name: "handoff_pool_wait_seconds", Type: typeSummary, Unit: "seconds",
			Help: "How often a connection was asked for, and how long that took together.",
		}, func(s stats, to sampler) { to.total(uint64(s.AcquireCount()), s.AcquireDuration()) }), //nolint:gosec // a count
	}}
}

// counted is a census, or none because the database did not answer.
type counted struct {
	supabase.Census

	known bool
}

func ofCensus(read func() counted) part[counted] {
	return part[counted]{read: read, metrics: []metric[counted]{
		gauge("handoff_database_up", "0 or 1", "1 when the database answered within 2 seconds. The numbers below are missing when it did not.", func(c counted) float64 { return yes(c.known) }),
		known("handoff_waiting_conversations", "conversations", "Conversations that wait for an agent.", func(c counted) float64 { return float64(c.Waiting) }),
		known("handoff_longest_wait_seconds", "seconds", "How long the one that waits longest has waited.", func(c counted) float64 { return c.LongestWait.Seconds() }),
		known("handoff_active_conversations", "conversations", "Conversations that have an agent.", func(c counted) float64 { return float64(c.Active) }),
		known("handoff_agents_online", "agents", "Agents who take conversations now.", func(c counted) float64 { return float64(c.AgentsOnline) }),
		known("handoff_free_slots", "conversations", "How many more conversations the agents online could take.", func(c counted) float64 { return float64(c.FreeSlots) }),
		known("handoff_dead_letters", "messages", "Broadcasts given up: see `handoff deadletters list`.", func(c counted) float64 { return float64(c.DeadLetters) }),
		known("handoff_unsent_mail", "mails", "Mail that waits to be sent.", func(c counted) float64 { return float64(c.UnsentMail) }),
		known("handoff_slot_retained_bytes", "bytes", "Log that the database keeps for the slot, whoever streams. At its limit the slot is lost.", func(c counted) float64 { return float64(c.RetainedBytes) }),
		known("handoff_slot_lost", "0 or 1", "1 when the database has invalidated the slot and no worker has replaced it yet.", func(c counted) float64 { return yes(c.SlotLost) }),
	}}
}

// known is a gauge that is left out while the database does not answer: an old number would look like a new one.
func known(name, unit, help string, read func(counted) float64) metric[counted] {
	return made(Entry{Name: name, Type: typeGauge, Unit: unit, Help: help}, func(c counted, to sampler) {
		if c.known {
			to.value(read(c))
		}
	})
}

// recently keeps a census for censusAge, so that scrapes cost the database little, also a failed one.
func recently(ctx context.Context, count func(context.Context) (supabase.Census, error)) func() counted {
	var mu sync.Mutex
	var last counted
	var at time.Time
	return func() counted {
		mu.Lock()
		defer mu.Unlock()
		if !at.IsZero() && time.Since(at) < censusAge {
			return last
		}
		countCtx, cancel := context.WithTimeout(ctx, censusTimeout)
		defer cancel()
		taken, err := count(countCtx)
		last, at = counted{Census: taken, known: err == nil}, time.Now()
		return last
	}
}
