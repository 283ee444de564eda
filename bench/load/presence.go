package main

import (
	"context"
	_ "embed" // what beats are compared with
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/bench/rig"
)

const (
	beatingAgents = 1000
	beaters       = 8
	// sweepExpired is how many of the leases have run out when the sweep comes.
	sweepExpired = 100
	sweepRounds  = 5
	sqlBeat      = "beat"
	loggedBeat   = "logged UPDATE"
	gatewayBeat  = "gateway: beat"
	gatewayPatch = "gateway: PATCH of a logged row"
	gatewayCall  = "gateway: rpc with a logged UPDATE"
	redisBeat    = "redis"
	sweepMillion = "sweep of 1000000"
)

//go:embed presence.sql
var presenceSQL string

// presence measures beats and sweeps, beside the logged row that most systems keep and beside Redis.
func presence(ctx context.Context, w *world) (*Report, error) {
	report := newReport("presence")
	var err error
	if report.Postgres, err = w.version(ctx); err != nil {
		return nil, err
	}
	people, err := w.beatingTeam(ctx)
	if err != nil {
		return nil, err
	}
	for _, part := range []struct {
		name    string
		measure func(context.Context, *Report, []rig.Person) error
	}{{"beats", w.beats}, {"gateway", w.gatewayBeats}, {"redis", redisBeats}, {"sweeps", w.sweeps}} {
		if w.part != "" && w.part != part.name {
			continue
		}
		if err := part.measure(ctx, report, people); err != nil {
			return nil, err
		}
	}
	presenceGoals(report)
	return report, nil
}

func presenceGoals(report *Report) {
	if ours := report.value(sqlBeat, "rate"); ours > 0 {
		report.goal("beats by SQL in PostgREST's transaction", "/s", ours,
			[]Anchor{{loggedBeat, report.value(loggedBeat, "rate")}, {redisBeat, report.value(redisBeat, "rate")}},
			aim{of: loggedBeat, least: 5, meaning: "at least 5x"})
		report.goal("log written by a beat", "bytes", report.value(sqlBeat, "log"),
			[]Anchor{{loggedBeat, report.value(loggedBeat, "log")}}, aim{most: 60, meaning: "at most 60"})
	}
	if ours := report.value(gatewayBeat, "rate"); ours > 0 {
		report.goal("beats through the gateway", "/s", ours,
			[]Anchor{{gatewayPatch, report.value(gatewayPatch, "rate")}, {gatewayCall, report.value(gatewayCall, "rate")}},
			aim{of: gatewayPatch}, aim{of: gatewayCall})
	}
	if ours := report.value(sweepMillion, "p50"); ours > 0 {
		report.goal("sweep of a million leases, 100 run out", "ms", ours, nil, aim{most: 20, meaning: "at most 20"})
	}
}

// beatingTeam makes a project of agents who have all entered.
func (w *world) beatingTeam(ctx context.Context) ([]rig.Person, error) {
	project, err := w.emptyProject(ctx)
	if err != nil {
		return nil, err
	}
	people, err := rig.Hire(ctx, w.owner, project, beatingAgents)
	if err != nil {
		return nil, err
	}
	if err := w.exec(ctx, presenceSQL); err != nil {
		return nil, err
	}
	if err := w.exec(ctx, `select public.bench_enter()`); err != nil {
		return nil, err
	}
	return people, w.exec(ctx, `vacuum analyze`)
}

func (w *world) emptyProject(ctx context.Context) (string, error) {
	var project string
	err := w.owner.QueryRow(ctx, `
		with owner as (
			insert into auth.users (id, aud, role, email)
			values (gen_random_uuid(), 'authenticated', 'authenticated', 'presence-' || gen_random_uuid() || '@example.com') returning id)
		insert into public.projects (user_id) select id from owner returning id::text`).Scan(&project)
	if err != nil {
		return "", fmt.Errorf("make a project: %w", err)
	}
	return project, nil
}

// beats runs closed loops of transactions as PostgREST makes them: begin, the role and the settings of the request, one call,
// commit, in one round trip. A moment that moves on stands for the half minute between two beats of one connection, which the
// loop does not wait for.
func (w *world) beats(ctx context.Context, report *Report, people []rig.Person) error {
	pool, err := w.standIn.Pool(ctx, "authenticator", beaters)
	if err != nil {
		return err
	}
	defer pool.Close()
	calls := []struct{ name, call string }{
		{sqlBeat, `select handoff.presence_heartbeat($1::uuid, 'active', 30, 0, null, now() + $2 * interval '30 seconds')`},
		{loggedBeat, `select public.bench_seen() where $1::uuid is not null and $2::integer is not null`},
	}
	for range 2 { // the second round counts: by then plans are made and pages are there
		for _, one := range calls {
			if err := w.beat(ctx, report, pool, one.name, one.call, people); err != nil {
				return err
			}
		}
	}
	report.relate(sqlBeat, loggedBeat)
	return nil
}

func (w *world) beat(ctx context.Context, report *Report, pool *pgxpool.Pool, name, call string, people []rig.Person) error {
	earlier := report.rounds(name)
	return w.hammer(ctx, report, name, func(ctx context.Context, number int64) error {
		person := people[number%int64(len(people))]
		var batch pgx.Batch
		batch.Queue("begin")
		batch.Queue(requestSettings, person.Role, person.Claims())
		batch.Queue(call, person.ID, number/int64(len(people))+earlier)
		batch.Queue("commit")
		return pool.SendBatch(ctx, &batch).Close()
	})
}

// hammer runs act in a closed loop and notes how often a second, how many bytes of log each time and, where the system tells, how
// much processor time of Postgres.
func (w *world) hammer(ctx context.Context, report *Report, name string, act func(ctx context.Context, number int64) error) error {
	before, err := w.logPosition(ctx)
	if err != nil {
		return err
	}
	usedBefore := w.postgresTime()
	began := time.Now()
	count, err := closedLoop(ctx, time.Duration(w.seconds)*time.Second, act)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	took := time.Since(began)
	used := w.postgresTime() - usedBefore
	after, err := w.logPosition(ctx)
	if err != nil {
		return err
	}
	each := float64(max(count, 1))
	report.set(name, "rate", float64(count)/took.Seconds(), "/s")
	report.set(name, "log", float64(after-before)/each, "bytes")
	if usedBefore > 0 {
		report.set(name, "cpu of Postgres", used.Seconds()*1e6/each, "us")
	}
	return nil
}

// postgresTime is the processor time of Postgres with all of its sessions up to now; 0 where the system does not tell.
func (w *world) postgresTime() (sum time.Duration) {
	postmaster, err := w.standIn.PostgresPID()
	if err != nil {
		return 0
	}
	for _, pid := range family(postmaster) {
		if used, err := usageOf(pid); err == nil {
			sum += used.cpu
		}
	}
	return sum
}

// requestSettings are what PostgREST sets for a request, of the sizes it has with hosted Supabase.
const requestSettings = `
	select set_config('search_path', '"public", "extensions"', true), set_config('role', $1, true), set_config('request.jwt.claims', $2, true),
	       set_config('request.method', 'POST', true), set_config('request.path', '/rpc/presence_heartbeat', true),
	       set_config('request.headers', '{"user-agent": "Mozilla/5.0", "cf-connecting-ip": "203.0.113.7", "content-type": "application/json"}', true),
	       set_config('request.cookies', '{}', true)`

// rounds is how many half minutes the earlier measurement of the same name went through, generously.
func (r *Report) rounds(name string) int64 {
	if r.find(name, "rate") == nil {
		return 0
	}
	return 1000
}

// set replaces a measurement, or adds it.
func (r *Report) set(what, name string, value float64, unit string) {
	if one := r.find(what, name); one != nil {
		one.Value = value
		return
	}
	r.add(what, name, value, unit)
}

func (w *world) logPosition(ctx context.Context) (position int64, err error) {
	err = w.owner.QueryRow(ctx, `select (pg_current_wal_insert_lsn() - '0/0')::bigint`).Scan(&position)
	return position, err
}

// closedLoop calls do from several goroutines until the time is over, and says how often.
func closedLoop(ctx context.Context, lasting time.Duration, do func(ctx context.Context, number int64) error) (int64, error) {
	deadline := time.Now().Add(lasting)
	var next atomic.Int64
	failures := make([]error, beaters)
	var all sync.WaitGroup
	for i := range beaters {
		all.Go(func() {
			for time.Now().Before(deadline) && failures[i] == nil {
				failures[i] = do(ctx, next.Add(1)-1)
			}
		})
	}
	all.Wait()
	return next.Load(), errors.Join(failures...)
}

// sweeps measures one sweep that finds a hundred customers gone among so many connections, and one that finds nobody gone and
// five thousand leases to put off, which is what a sweep mostly does.
func (w *world) sweeps(ctx context.Context, report *Report, _ []rig.Person) error {
	if err := w.exec(ctx, `truncate handoff.presence_leases; update public.presence_sessions set left_at = now(), leave_reason = 'left' where left_at is null`); err != nil {
		return err
	}
	filled := 0
	for _, size := range []int{10_000, 100_000, 1_000_000} {
		if err := w.fillLeases(ctx, size-filled); err != nil {
			return err
		}
		filled = size
		if err := w.sweepRounds(ctx, report, size); err != nil {
			return err
		}
	}
	return w.exec(ctx, `truncate handoff.presence_leases`)
}

func (w *world) fillLeases(ctx context.Context, count int) error {
	if _, err := w.owner.Exec(ctx, `select public.bench_fill($1)`, count); err != nil {
		return fmt.Errorf("fill in %d leases: %w", count, err)
	}
	return w.exec(ctx, `vacuum analyze handoff.presence_leases`)
}

func (w *world) sweepRounds(ctx context.Context, report *Report, size int) error {
	var gone, putOff []time.Duration
	for range sweepRounds {
		if err := w.abandon(ctx); err != nil {
			return err
		}
		took, err := w.sweepOnce(ctx, sweepExpired, sweepExpired)
		if err != nil {
			return err
		}
		gone = append(gone, took)
		if err := w.exec(ctx, fmt.Sprintf(`
			update handoff.presence_leases set bucket = 1 where connection_id in (
				select connection_id from handoff.presence_leases tablesample system (%g) limit 5000)`, min(100, 100*6000/float64(size)*1.5))); err != nil {
			return err
		}
		if took, err = w.sweepOnce(ctx, 0, 0); err != nil {
			return err
		}
		putOff = append(putOff, took)
	}
	report.addLatencies(fmt.Sprintf("sweep of %d", size), gone)
	report.addLatencies(fmt.Sprintf("sweep of %d, 5000 to put off", size), putOff)
	return nil
}

// abandon makes a hundred customers with a waiting chat each whose lease has run out.
func (w *world) abandon(ctx context.Context) error {
	visitors, err := rig.Visitors(ctx, w.owner, sweepExpired)
	if err != nil {
		return err
	}
	project, err := w.emptyProject(ctx)
	if err != nil {
		return err
	}
	for _, visitor := range visitors {
		if _, err := w.owner.Exec(ctx, `insert into public.conversations (project_id, visitor_id, visitor_user_id, customer_presence, customer_last_seen_at)
			values ($1, $2::text, $2::uuid, 'online', now())`, project, visitor.ID); err != nil {
			return fmt.Errorf("begin a chat: %w", err)
		}
		if _, err := w.owner.Exec(ctx, `insert into public.presence_sessions (project_id, connection_id, role, user_id, client_id, floor_seconds, remain_seconds)
			values ($1, gen_random_uuid(), 'customer', $2::uuid, $2::text, 30, 15)`, project, visitor.ID); err != nil {
			return fmt.Errorf("begin a session: %w", err)
		}
	}
	_, err = w.owner.Exec(ctx, `insert into handoff.presence_leases
		select lease.* from public.presence_sessions as session
		 cross join lateral handoff.restored_lease(session, now() - interval '10 minutes') as lease
		 where session.project_id = $1 and session.left_at is null`, project)
	if err != nil {
		return fmt.Errorf("let the leases run out: %w", err)
	}
	return w.exec(ctx, `insert into handoff.presence_marker (postmaster_started, serving_since) values (pg_postmaster_start_time(), now() - interval '1 day')
		on conflict (only_row) do update set serving_since = excluded.serving_since`)
}

// sweepOnce returns how long one sweep took; it must end between least and most connections.
func (w *world) sweepOnce(ctx context.Context, least, most int) (time.Duration, error) {
	var done struct {
		LookedAt int `json:"looked_at"`
		Ended    int `json:"ended"`
	}
	began := time.Now()
	if err := w.owner.QueryRow(ctx, `select handoff.sweep_presence(now(), 5001)`).Scan(&done); err != nil {
		return 0, fmt.Errorf("sweep: %w", err)
	}
	took := time.Since(began)
	if done.Ended < least || done.Ended > most {
		return 0, fmt.Errorf("%w: it looked at %d and ended %d", errSweep, done.LookedAt, done.Ended)
	}
	return took, nil
}

var errSweep = errors.New("the sweep did not find what was there")
