package main

import (
	"context"
	_ "embed" // what the peers call
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/supportbase/handoff/bench/gauge"
	"github.com/supportbase/handoff/bench/rig"
)

const (
	burstSize      = 10_000
	manyProjects   = 1000
	waitingInEach  = 10
	assignTimeout  = 2 * time.Minute
	assignPoll     = 50 * time.Millisecond
	assignSettle   = 500 * time.Millisecond
	burstRounds    = 3
	anchorLimit    = 15 * time.Second // bounds the burst of those who give out one at a time
	comparedAt     = 100              // a second: where our p50 is compared with the peers'
	peerBurst      = 1_000            // enough for the rate of those who give out one at a time
	boundName      = "plain UPDATE"
	triggersName   = "UPDATE with triggers"
	oneProjectName = "one project"
)

//go:embed assign.sql
var assignSQL string

// The database's own clock tells both commits, so neither a network nor a subscriber is in the numbers.
const commitToCommit = `
	select extract(epoch from pg_xact_commit_timestamp(assigned.xid::xid) - pg_xact_commit_timestamp(queued.xid::xid))::float8
	  from handoff.outbox as queued
	  join handoff.outbox as assigned on assigned.conversation_id = queued.conversation_id and assigned.kind = 'agent_assigned'
	 where queued.project_id = any ($1::uuid[]) and queued.kind = 'status_changed' and queued.payload ->> 'new_status' = 'waiting'`

var errNoClock = errors.New("the server does not keep commit times: its Postgres is not supervised")

// assign measures the way from the commit that makes a conversation wait to the commit that gives it to an agent, beside
// other ways to do the same in the same database, with all triggers.
func assign(ctx context.Context, w *world) (*Report, error) {
	report := newReport("assign")
	var err error
	if report.Postgres, err = w.version(ctx); err != nil {
		return nil, err
	}
	if !w.standIn.Supervised() {
		return nil, errNoClock
	}
	if err := w.exec(ctx, assignSQL); err != nil {
		return nil, err
	}
	for _, part := range []struct {
		name    string
		measure func(context.Context, *Report) error
	}{{"rates", w.rates}, {"bursts", w.bursts}, {"projects", w.projects}, {"idle", w.idle}} {
		if w.part != "" && w.part != part.name {
			report.leave(part.name, "not asked for")
			continue
		}
		if err := part.measure(ctx, report); err != nil {
			return report, err
		}
	}
	return report, nil
}

// rates measures every contender at each rate.
func (w *world) rates(ctx context.Context, report *Report) error {
	found := map[int]map[string]latencies{10: {}, comparedAt: {}, 1000: {}}
	for _, one := range w.contenders(false) {
		for _, perSecond := range []int{10, comparedAt, 1000} {
			err := w.while(ctx, one, func() (err error) {
				found[perSecond][one.name], err = w.atRate(ctx, report, one, perSecond)
				return err
			})
			if err != nil {
				return fmt.Errorf("measure %s at %d/s: %w", one.name, perSecond, err)
			}
		}
	}
	for _, perSecond := range []int{10, comparedAt, 1000} {
		report.rateGoals(perSecond, found[perSecond])
	}
	return nil
}

// latencies are percentiles in milliseconds.
type latencies struct{ p50, p99 float64 }

func (r *Report) rateGoals(perSecond int, found map[string]latencies) {
	var halves, most []Anchor
	for _, name := range []string{sharing, loopName, riverName, graphile} {
		halves = append(halves, Anchor{name, found[name].p50})
		most = append(most, Anchor{name, found[name].p99})
	}
	what := fmt.Sprintf("waiting to assigned at %d/s, ", perSecond)
	ours := found[ourselves]
	var aims []aim
	// The loop runs in the caller: it is no peer, it has nobody to wake.
	if best, some := smallest(halves[2:]); some && perSecond == comparedAt {
		aims = append(aims, aim{of: best.Name, most: 1, meaning: "p50 no worse than the best peer"})
	}
	r.goal(what+"p50", "ms", ours.p50, halves, aims...)
	r.goal(what+"p99", "ms", ours.p99, most)
}

// while starts the contender, measures and stops it.
func (w *world) while(ctx context.Context, one contender, measure func() error) error {
	if one.start != nil {
		stop, err := one.start(ctx)
		if err != nil {
			return fmt.Errorf("start %s: %w", one.name, err)
		}
		defer stop()
	}
	return measure()
}

func (w *world) atRate(ctx context.Context, report *Report, one contender, perSecond int) (latencies, error) {
	count := perSecond * w.seconds
	projectID, ids, err := w.office(ctx, count)
	if err != nil {
		return latencies{}, err
	}
	reached, err := gauge.Pace(ctx, perSecond, count, func(ctx context.Context, n int) error {
		err := pgx.BeginFunc(ctx, w.owner, func(tx pgx.Tx) error { return one.enqueue(ctx, tx, ids[n]) })
		if err != nil {
			return err
		}
		return one.after(ctx, projectID)
	})
	if err != nil {
		return latencies{}, err
	}
	assigned, err := w.awaitAssigned(ctx, []string{projectID}, assignTimeout)
	if err != nil {
		return latencies{}, err
	}
	what := fmt.Sprintf("%s at %d/s", one.name, perSecond)
	seconds, err := w.waits(ctx, projectID)
	if err != nil {
		return latencies{}, err
	}
	report.addLatencies(what, seconds)
	report.add(what, "queued", reached, "/s")
	report.add(what, "left waiting", float64(count-assigned), "conversations")
	return latencies{p50: report.value(what, "p50"), p99: report.value(what, "p99")}, nil
}

// What is asked while the others work must cost them nothing: whether anybody waits is the first entry of an index.
const (
	anyWaiting    = `select exists (select from public.conversations where project_id = any ($1::uuid[]) and status = 'waiting')`
	countAssigned = `select count(*) from public.conversations where project_id = any ($1::uuid[]) and status = 'agent_active'`
)

// awaitAssigned waits until nobody waits; how many have agents then, or when the time is up, is a result.
func (w *world) awaitAssigned(ctx context.Context, projects []string, limit time.Duration) (assigned int, err error) {
	waitCtx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err = rig.Poll(waitCtx, assignPoll, func() (bool, error) {
		var waiting bool
		err := w.owner.QueryRow(waitCtx, anyWaiting, projects).Scan(&waiting)
		return err == nil && !waiting, err
	})
	if err != nil && (!errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil) {
		return 0, err
	}
	if err := w.owner.QueryRow(ctx, countAssigned, projects).Scan(&assigned); err != nil {
		return 0, fmt.Errorf("count who was given out: %w", err)
	}
	return assigned, nil
}

func (w *world) waits(ctx context.Context, projects ...string) ([]time.Duration, error) {
	rows, err := w.owner.Query(ctx, commitToCommit, projects)
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

// office is a project of its own with enough agents, and conversations that are still with the AI.
func (w *world) office(ctx context.Context, conversations int) (projectID string, ids []string, err error) {
	projects, err := w.offices(ctx, 1, conversations)
	if err != nil {
		return "", nil, err
	}
	err = pgx.BeginFunc(ctx, w.owner, func(tx pgx.Tx) error {
		ids, err = conversationsOf(ctx, tx, projects[0])
		return err
	})
	return projects[0], ids, err
}

// What offices need, each a statement for all of them.
const (
	makeProjects = `
		insert into public.projects (id, user_id, name)
		select gen_random_uuid(), account.id, 'Bench ' || n
		  from auth.users as account, generate_series(1, $1::integer) as n
		 where account.email = 'owner@example.com' returning id::text`
	makeSettings = `
		insert into public.handoff_settings (project_id, enabled, show_human_button, inactivity_timeout_minutes)
		select id, true, true, 1440 from unnest($1::uuid[]) as id
		on conflict (project_id) do update set inactivity_timeout_minutes = 1440`
	makeAccounts = `
		insert into auth.users (id, aud, role, email, is_anonymous)
		select gen_random_uuid(), 'authenticated', 'authenticated', 'bench-' || gen_random_uuid() || '@example.com', false
		  from generate_series(1, $1::integer) as n returning id::text`
	makeMembers = `
		insert into public.project_members (project_id, user_id, email, status, invited_by, accepted_at, max_concurrent_chats)
		select project.id, account.id, account.email, 'active', project.user_id, now(), $3
		  from (select id, user_id, row_number() over () as place from public.projects where id = any ($1::uuid[])) as project
		  join (select id, email, row_number() over () as place from auth.users where id = any ($2::uuid[])) as account
		    on (account.place - 1) / $4 = project.place - 1`
	setOnline         = `update public.agent_availability set status = 'online', auto_offline_enabled = false where project_id = any ($1::uuid[])`
	makeConversations = `
		insert into public.conversations (project_id, visitor_id)
		select id, 'bench-' || n from unnest($1::uuid[]) as id, generate_series(1, $2::integer) as n`
)

// offices makes projects, each with that many conversations and agents enough for them, all online.
func (w *world) offices(ctx context.Context, count, conversations int) ([]string, error) {
	projects, err := w.texts(ctx, makeProjects, count)
	if err != nil {
		return nil, err
	}
	agents := max(conversations/rig.MaxChats, 1)
	if conversations > rig.MaxChats {
		agents += 5
	}
	accounts, err := w.texts(ctx, makeAccounts, count*agents)
	if err != nil {
		return nil, err
	}
	return projects, errors.Join(
		w.exec(ctx, makeSettings, projects),
		w.exec(ctx, makeMembers, projects, accounts, rig.MaxChats, agents),
		w.exec(ctx, setOnline, projects),
		w.exec(ctx, makeConversations, projects, conversations),
		// What autovacuum would do a minute later.
		w.exec(ctx, `analyze public.conversations, public.agent_availability, public.project_members`),
	)
}

func (w *world) texts(ctx context.Context, query string, values ...any) ([]string, error) {
	rows, err := w.owner.Query(ctx, query, values...)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	return found, nil
}
