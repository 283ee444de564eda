package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/supportbase/handoff/bench/rig"
	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/worker/assignment"
)

const (
	burstSize     = 10_000
	assignTimeout = 2 * time.Minute
	assignPoll    = 50 * time.Millisecond
	// anchorLimit bounds the burst of the anchor: one at a time, all of it would take minutes.
	anchorLimit = 20 * time.Second
)

// The database's own clock tells both commits, so neither a network nor a subscriber is in the numbers.
const commitToCommit = `
	select extract(epoch from pg_xact_commit_timestamp(assigned.xid::xid) - pg_xact_commit_timestamp(queued.xid::xid))::float8
	  from handoff.outbox as queued
	  join handoff.outbox as assigned on assigned.conversation_id = queued.conversation_id and assigned.kind = 'agent_assigned'
	 where queued.project_id = $1 and queued.kind = 'status_changed' and queued.payload ->> 'new_status' = 'waiting'`

var errNoClock = errors.New("the server does not keep commit times: its Postgres is not supervised")

// assign measures the way from the commit that makes a conversation wait to the commit that gives it to an agent, beside
// callers that assign one conversation at a time, each right after it began to wait.
func assign(ctx context.Context, w *world) (*Report, error) {
	report := newReport("assignment")
	var err error
	if report.Postgres, err = w.version(ctx); err != nil {
		return nil, err
	}
	if !w.standIn.Supervised() {
		return nil, errNoClock
	}
	for _, perSecond := range []int{10, 100, 1000} {
		for _, byWorker := range []bool{true, false} {
			if err := w.assignAtRate(ctx, report, perSecond, byWorker); err != nil {
				return nil, err
			}
		}
		report.relate(nameOf(true, perSecond), nameOf(false, perSecond))
	}
	for _, byWorker := range []bool{true, false} {
		if err := w.assignBurst(ctx, report, byWorker); err != nil {
			return nil, err
		}
	}
	report.relate(burstName(true), burstName(false))
	return report, nil
}

func who(byWorker bool) string {
	if byWorker {
		return "worker"
	}
	return "one at a time"
}

func nameOf(byWorker bool, perSecond int) string {
	return fmt.Sprintf("%s at %d/s", who(byWorker), perSecond)
}

func burstName(byWorker bool) string { return fmt.Sprintf("%s, burst of %d", who(byWorker), burstSize) }

// setWorker starts or stops the worker, whichever is needed.
func (w *world) setWorker(ctx context.Context, wanted bool) error {
	if !wanted {
		w.stopWorker()
		return nil
	}
	if w.worker != nil {
		return nil
	}
	return w.startWorker(ctx)
}

// office is a project of its own with enough agents, and conversations that are still with the AI.
func (w *world) office(ctx context.Context, conversations int) (projectID string, ids []string, err error) {
	projectID = uuid.NewString()
	err = w.exec(ctx, `insert into public.projects (id, user_id, name)
		select $1, id, 'Bench' from auth.users where email = 'owner@example.com'`, projectID)
	if err != nil {
		return "", nil, err
	}
	err = w.exec(ctx, `insert into public.handoff_settings (project_id, enabled, show_human_button) values ($1, true, true)`, projectID)
	if err != nil {
		return "", nil, err
	}
	agents := max(conversations/rig.MaxChats, 1) + 5
	if _, err := rig.Hire(ctx, w.owner, projectID, agents); err != nil {
		return "", nil, err
	}
	rows, err := w.owner.Query(ctx, `
		insert into public.conversations (project_id, visitor_id)
		select $1, 'bench-' || n from generate_series(1, $2::integer) as n returning id::text`, projectID, conversations)
	if err != nil {
		return "", nil, fmt.Errorf("make %d conversations: %w", conversations, err)
	}
	if ids, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		return "", nil, fmt.Errorf("make %d conversations: %w", conversations, err)
	}
	// What autovacuum would do a minute later.
	return projectID, ids, w.exec(ctx, `analyze public.conversations, public.agent_availability`)
}

func (w *world) assignAtRate(ctx context.Context, report *Report, perSecond int, byWorker bool) error {
	if err := w.setWorker(ctx, byWorker); err != nil {
		return err
	}
	count := perSecond * w.seconds
	projectID, ids, err := w.office(ctx, count)
	if err != nil {
		return err
	}
	queue := supabase.NewQueue(w.owner)
	reached, err := pace(ctx, perSecond, count, func(ctx context.Context, n int) error {
		if err := w.exec(ctx, `select handoff.enqueue($1, 'button_click')`, ids[n]); err != nil || byWorker {
			return err
		}
		_, err := queue.AssignBatch(ctx, projectID, 0, 1, assignment.Plan)
		return err
	})
	if err != nil {
		return err
	}
	assigned, err := w.awaitAssigned(ctx, projectID, count, byWorker)
	if err != nil {
		return err
	}
	what := nameOf(byWorker, perSecond)
	latencies, err := w.latencies(ctx, projectID)
	if err != nil {
		return err
	}
	report.addLatencies(what, latencies)
	report.add(what, "queued", reached, "/s")
	report.add(what, "left waiting", float64(count-assigned), "conversations")
	return nil
}

// awaitAssigned waits for the worker. Callers that assign have done what they do when they return.
func (w *world) awaitAssigned(ctx context.Context, projectID string, count int, byWorker bool) (assigned int, err error) {
	waitCtx, cancel := context.WithTimeout(ctx, assignTimeout)
	defer cancel()
	err = rig.Poll(waitCtx, assignPoll, func() (bool, error) {
		err := w.owner.QueryRow(ctx, `select count(*) from public.conversations where project_id = $1 and status = 'agent_active'`, projectID).
			Scan(&assigned)
		return err == nil && (assigned >= count || !byWorker), err
	})
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil // how many are left is a result
	}
	return assigned, err
}

func (w *world) latencies(ctx context.Context, projectID string) ([]time.Duration, error) {
	rows, err := w.owner.Query(ctx, commitToCommit, projectID)
	if err != nil {
		return nil, fmt.Errorf("read commit times: %w", err)
	}
	seconds, err := pgx.CollectRows(rows, pgx.RowTo[float64])
	if err != nil {
		return nil, fmt.Errorf("read commit times: %w", err)
	}
	found := make([]time.Duration, len(seconds))
	for i, one := range seconds {
		found[i] = time.Duration(one * float64(time.Second))
	}
	return found, nil
}

// assignBurst makes burstSize conversations wait at once and measures until the last has an agent.
func (w *world) assignBurst(ctx context.Context, report *Report, byWorker bool) error {
	if err := w.setWorker(ctx, byWorker); err != nil {
		return err
	}
	projectID, _, err := w.office(ctx, burstSize)
	if err != nil {
		return err
	}
	if err := w.exec(ctx, `update public.conversations set status = 'waiting', handoff_reason = 'button_click' where project_id = $1`, projectID); err != nil {
		return err
	}
	if !byWorker {
		if err := w.assignSingly(ctx, projectID); err != nil {
			return err
		}
	}
	assigned, err := w.awaitAssigned(ctx, projectID, burstSize, byWorker)
	if err != nil {
		return err
	}
	var last float64
	err = w.owner.QueryRow(ctx, `select coalesce(max(seconds), 0) from (`+commitToCommit+`) as times (seconds)`, projectID).Scan(&last)
	if err != nil {
		return fmt.Errorf("read commit times: %w", err)
	}
	report.add(burstName(byWorker), "last after", last, "s")
	report.add(burstName(byWorker), "assigned", float64(assigned)/last, "/s")
	return nil
}

// assignSingly gives one conversation after the other to an agent for as long as anchorLimit.
func (w *world) assignSingly(ctx context.Context, projectID string) error {
	queue, until := supabase.NewQueue(w.owner), time.Now().Add(anchorLimit)
	for time.Now().Before(until) {
		batch, err := queue.AssignBatch(ctx, projectID, 0, 1, assignment.Plan)
		if err != nil {
			return err
		}
		if batch.Assigned == 0 {
			return nil
		}
	}
	return nil
}
