package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/supportbase/handoff/bench/rig"
)

const (
	idleSeconds    = 60               // every tick comes at least once
	idleStart      = 20 * time.Second // by then it has looked at everything once
	burstFloor     = 20_000           // a second
	burstTimesLoop = 20
	burstOfBound   = 0.5
	projectsWithin = 2
)

// bursts makes many conversations wait at once and measures how fast they get agents.
func (w *world) bursts(ctx context.Context, report *Report) error {
	found := map[string]float64{}
	for _, one := range w.contenders(true) {
		size, rounds := burstSize, burstRounds
		if !one.isOurs() {
			size, rounds = peerBurst, 1
		}
		rate, err := w.medianBurst(ctx, report, one, size, rounds)
		if err != nil {
			return fmt.Errorf("measure the burst of %s: %w", one.name, err)
		}
		found[one.name] = rate
	}
	for _, size := range []int{100, 1000} {
		if _, err := w.medianBurst(ctx, report, w.ours(), size, burstRounds); err != nil {
			return fmt.Errorf("measure a burst of %d: %w", size, err)
		}
	}
	for name, replica := range map[string]bool{boundName: true, triggersName: false} {
		rate, err := w.plainUpdates(ctx, replica)
		if err != nil {
			return err
		}
		found[name] = rate
		report.add(fmt.Sprintf("%s, burst of %d", name, burstSize), "assigned", rate, "/s")
	}
	var anchors []Anchor
	for _, name := range []string{sharing, loopName, riverName, graphile, boundName, triggersName} {
		anchors = append(anchors, Anchor{name, found[name]})
	}
	report.goal(fmt.Sprintf("burst of %d assigned", burstSize), "/s", found[ourselves], anchors,
		aim{least: burstFloor, meaning: "at least 20,000/s with all triggers"},
		aim{of: loopName, least: burstTimesLoop, meaning: "at least 20 times the loop"},
		aim{of: boundName, least: burstOfBound, meaning: "at least half the bound"})
	return nil
}

func (w *world) medianBurst(ctx context.Context, report *Report, one contender, size, rounds int) (float64, error) {
	var rates []float64
	for range rounds {
		err := w.while(ctx, one, func() error {
			rate, err := w.burstOf(ctx, one, 1, size)
			rates = append(rates, rate)
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	slices.Sort(rates)
	rate := rates[(len(rates)-1)/2]
	report.add(fmt.Sprintf("%s, burst of %d", one.name, size), "assigned", rate, "/s")
	return rate, nil
}

// burstOf makes that many projects with that many conversations each wait in one transaction and returns how many a second
// got an agent, from that commit to the last one.
func (w *world) burstOf(ctx context.Context, one contender, projectCount, conversations int) (float64, error) {
	projects, err := w.offices(ctx, projectCount, conversations)
	if err != nil {
		return 0, err
	}
	if err := w.checkpoint(ctx); err != nil {
		return 0, err
	}
	if err := rig.Pause(ctx, assignSettle); err != nil { // the worker has other things to say about new projects
		return 0, err
	}
	err = pgx.BeginFunc(ctx, w.owner, func(tx pgx.Tx) error {
		for _, projectID := range projects {
			if err := one.enqueueAll(ctx, tx, projectID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	if err := one.after(ctx, projects[0]); err != nil {
		return 0, err
	}
	limit := assignTimeout
	if !one.isOurs() {
		limit = anchorLimit
	}
	assigned, err := w.awaitAssigned(ctx, projects, limit)
	if err != nil {
		return 0, err
	}
	waits, err := w.waits(ctx, projects...)
	if err != nil || len(waits) == 0 {
		return 0, err
	}
	return float64(assigned) / slices.Max(waits).Seconds(), nil
}

// plainUpdates is what Postgres itself needs to write the same rows in one statement: without any trigger, which is the bound,
// or with all of them, and without deciding anything.
func (w *world) plainUpdates(ctx context.Context, withoutTriggers bool) (float64, error) {
	admin, err := w.standIn.Pool(ctx, rig.Superuser, 1)
	if err != nil {
		return 0, err
	}
	defer admin.Close()
	var rates []float64
	for range burstRounds {
		projects, err := w.offices(ctx, 1, burstSize)
		if err != nil {
			return 0, err
		}
		// Known to wait when the statement is planned, or each may be joined with each.
		if err := errors.Join(w.exec(ctx, waitAll, projects[0]), w.exec(ctx, `analyze public.conversations`)); err != nil {
			return 0, err
		}
		if err := w.checkpoint(ctx); err != nil {
			return 0, err
		}
		took, err := timeUpdate(ctx, admin, projects[0], withoutTriggers)
		if err != nil {
			return 0, err
		}
		rates = append(rates, burstSize/took.Seconds())
	}
	slices.Sort(rates)
	return rates[(len(rates)-1)/2], nil
}

// checkpoint keeps a background writer from falling into a measurement.
func (w *world) checkpoint(ctx context.Context) error {
	admin, err := w.standIn.Pool(ctx, rig.Superuser, 1)
	if err != nil {
		return err
	}
	defer admin.Close()
	if _, err := admin.Exec(ctx, `checkpoint`); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

const updateAll = `
	update public.conversations as conversation
	   set status = 'agent_active', assigned_agent_id = planned.agent_id, claimed_at = now()
	  from (select id, (select array_agg(user_id) from public.agent_availability where project_id = $1)[1 + (row_number() over ()) / 50] as agent_id
	          from public.conversations where project_id = $1) as planned
	 where conversation.id = planned.id and conversation.status = 'waiting'`

func timeUpdate(ctx context.Context, admin interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}, projectID string, withoutTriggers bool,
) (time.Duration, error) {
	var took time.Duration
	err := pgx.BeginFunc(ctx, admin, func(tx pgx.Tx) error {
		if withoutTriggers {
			if _, err := tx.Exec(ctx, `set local session_replication_role = replica`); err != nil {
				return err
			}
		}
		began := time.Now()
		defer func() { took = time.Since(began) }()
		_, err := tx.Exec(ctx, updateAll, projectID)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("update all at once: %w", err)
	}
	return took, nil
}

// projects is whether many small queues are served as fast as a long one.
func (w *world) projects(ctx context.Context, report *Report) error {
	one, err := w.burstOfProjects(ctx, 1, manyProjects*waitingInEach)
	if err != nil {
		return err
	}
	many, err := w.burstOfProjects(ctx, manyProjects, waitingInEach)
	if err != nil {
		return err
	}
	report.add("one project of 10000", "assigned", one, "/s")
	report.add("1000 projects of 10", "assigned", many, "/s")
	report.goal("1,000 projects of 10 waiting", "/s", many, []Anchor{{oneProjectName, one}},
		aim{of: oneProjectName, least: 1.0 / projectsWithin, meaning: "within twice of one project with 10,000"})
	return nil
}

func (w *world) burstOfProjects(ctx context.Context, count, conversations int) (rate float64, err error) {
	ours := w.ours()
	err = w.while(ctx, ours, func() error {
		rate, err = w.burstOf(ctx, ours, count, conversations)
		return err
	})
	return rate, err
}

// idle is what the worker costs while nothing happens: transactions of the whole database with it and without it.
func (w *world) idle(ctx context.Context, report *Report) error {
	if err := w.stopVacuuming(ctx); err != nil {
		return err
	}
	without, err := w.transactions(ctx)
	if err != nil {
		return err
	}
	ours := w.ours()
	return w.while(ctx, ours, func() error {
		if err := rig.Pause(ctx, idleStart); err != nil {
			return err
		}
		before, err := usageOf(w.worker.PID())
		if err != nil {
			report.leave("idle", err.Error())
			return nil
		}
		with, err := w.transactions(ctx)
		if err != nil {
			return err
		}
		after, err := usageOf(w.worker.PID())
		if err != nil {
			return err
		}
		cpu := 100 * (after.cpu - before.cpu).Seconds() / idleSeconds
		report.add("idle worker", "transactions", max(with-without, 0), "/s")
		report.add("idle worker", "cpu", cpu, "%")
		report.goal("idle: transactions", "/s", max(with-without, 0), []Anchor{{"without the worker", without}}, aim{most: 1, meaning: "under 1/s"})
		report.goal("idle: CPU of the worker", "%", cpu, nil, aim{most: 1, meaning: "under 1%"})
		return nil
	})
}

// stopVacuuming keeps autovacuum's transactions out of the count.
func (w *world) stopVacuuming(ctx context.Context) error {
	admin, err := w.standIn.Pool(ctx, "supabase_admin", 1)
	if err != nil {
		return err
	}
	defer admin.Close()
	for _, statement := range []string{`alter system set autovacuum = off`, `select pg_reload_conf()`} {
		if _, err := admin.Exec(ctx, statement); err != nil {
			return fmt.Errorf("stop autovacuum: %w", err)
		}
	}
	return nil
}

// transactions is how many a second the database sees.
func (w *world) transactions(ctx context.Context) (float64, error) {
	count := func() (total int64, err error) {
		err = w.owner.QueryRow(ctx, `select xact_commit + xact_rollback from pg_stat_database where datname = current_database()`).Scan(&total)
		return total, err
	}
	before, err := count()
	if err != nil {
		return 0, fmt.Errorf("count transactions: %w", err)
	}
	if err := rig.Pause(ctx, idleSeconds*time.Second); err != nil {
		return 0, err
	}
	after, err := count()
	if err != nil {
		return 0, fmt.Errorf("count transactions: %w", err)
	}
	return float64(after-before) / idleSeconds, nil
}
