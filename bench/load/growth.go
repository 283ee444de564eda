package main

import (
	"context"
	_ "embed" // what fills the database
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/worker/assignment"
)

//go:embed growth.sql
var growthSQL string

const (
	growthRounds = 7
	// growthWithin is how many times what it costs with a thousand conversations a statement may cost with a hundred thousand;
	// below growthNoise nothing is told apart on a shared machine.
	growthWithin = 2.0
	growthNoise  = 3.0

	firstProject  = "00000000-0000-4000-8000-000000000001"
	firstAgent    = "00000000-0000-4000-9000-000000000001"
	lastVisitor   = "00000000-0000-4000-a000-000000000001"
	growthEarlier = "00000000-0000-4000-c000-000000000001"
)

// setting is the size of everything; one of the sizes grows.
type setting struct{ projects, agents, waiting, history int }

// curve is what grows, and what is asked at each size.
type curve struct {
	name, unit string
	sizes      []int
	with       func(size int) setting
	steps      []string
}

// curves are what F001 11.3 is asked about: what if there is more of it?
var curves = []curve{
	{
		name: "history", unit: "conversations that are over", sizes: []int{1000, 10_000, 100_000},
		with:  func(size int) setting { return setting{1, 20, 50, size} },
		steps: []string{stepAssign, stepPositions, stepStatus, stepInbox, stepClosed, stepTranscript, stepMessage, stepClock},
	},
	{
		name: "queue", unit: "conversations that wait", sizes: []int{10, 100, 1000, 10_000},
		with:  func(size int) setting { return setting{1, 20, size, 1000} },
		steps: []string{stepAssign, stepPositions, stepStatus, stepQueue, stepMessage, stepClock},
	},
	{
		name: "agents", unit: "agents of one project", sizes: []int{5, 50, 250},
		with:  func(size int) setting { return setting{1, size, 50, 1000} },
		steps: []string{stepAssign, stepPositions, stepStatus, stepInbox, stepTeam, stepClock},
	},
	{
		name: "projects", unit: "projects, ten agents and ten waiting each", sizes: []int{1, 30, 1000},
		with:  func(size int) setting { return setting{size, 10, 10, 1000} },
		steps: []string{stepAssign, stepPositions, stepStatus, stepInbox, stepWaiting, stepClock},
	},
}

// The statements, by the names of the lines.
const (
	stepAssign     = "assign one"
	stepPositions  = "positions, forecast"
	stepStatus     = "queue_status"
	stepInbox      = "inbox"
	stepQueue      = "inbox: queue"
	stepClosed     = "inbox: closed"
	stepTranscript = "transcript"
	stepMessage    = "send_message"
	stepTeam       = "list_agents"
	stepWaiting    = "who waits?"
	stepClock      = "one tick"
)

// growth measures what each hot statement costs as a project grows.
func growth(ctx context.Context, w *world) (*Report, error) {
	report := newReport("growth")
	root, err := w.standIn.Pool(ctx, "supabase_admin", 2)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if err := root.QueryRow(ctx, `show server_version`).Scan(&report.Postgres); err != nil {
		return nil, fmt.Errorf("ask for the version: %w", err)
	}
	if _, err := root.Exec(ctx, growthSQL); err != nil {
		return nil, fmt.Errorf("prepare to fill the database: %w", err)
	}
	grower := &grower{world: w, root: root, queue: supabase.NewQueue(w.owner), board: supabase.NewBoard(w.owner)}
	for _, one := range curves {
		if w.part != "" && w.part != one.name {
			continue
		}
		if err := grower.measure(ctx, one, report); err != nil {
			return nil, fmt.Errorf("measure %s: %w", one.name, err)
		}
	}
	historyGoals(report)
	return report, nil
}

func historyGoals(report *Report) {
	history := curves[0]
	first, last := history.sizes[0], history.sizes[len(history.sizes)-1]
	for _, step := range history.steps {
		most := report.value(growthPoint(history, last), step)
		if most == 0 {
			continue // not measured this time
		}
		least := report.value(growthPoint(history, first), step)
		report.goal(fmt.Sprintf("%s with %d in the history", step, last), "ms", most, []Anchor{{fmt.Sprintf("with %d", first), least}},
			aim{most: max(growthWithin*least, growthNoise), meaning: fmt.Sprintf("at most %.0f times, or %.0f ms", growthWithin, growthNoise)})
	}
}

func growthPoint(one curve, size int) string { return fmt.Sprintf("%s %d", one.name, size) }

// grower fills a database and asks.
type grower struct {
	*world

	root  *pgxpool.Pool
	queue *supabase.Queue
	board *supabase.Board
}

func (g *grower) measure(ctx context.Context, one curve, report *Report) error {
	for _, size := range one.sizes {
		s := one.with(size)
		if _, err := g.root.Exec(ctx, `call bench.fill($1, $2, $3, $4)`, s.projects, s.agents, s.waiting, s.history); err != nil {
			return fmt.Errorf("fill the database: %w", err)
		}
		if _, err := g.root.Exec(ctx, `vacuum (analyze)`); err != nil {
			return fmt.Errorf("vacuum: %w", err)
		}
		for _, step := range one.steps {
			took, err := g.median(ctx, step, s)
			if err != nil {
				return fmt.Errorf("%s with %d: %w", step, size, err)
			}
			report.add(growthPoint(one, size), step, float64(took)/float64(time.Millisecond), "ms")
		}
	}
	return nil
}

// median asks again and again. The first rounds warm caches and plans and do not count.
func (g *grower) median(ctx context.Context, step string, s setting) (time.Duration, error) {
	const warm = 3
	var all []time.Duration
	for round := range growthRounds + warm {
		took, err := g.ask(ctx, step, s)
		if err != nil {
			return 0, err
		}
		if round >= warm {
			all = append(all, took)
		}
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}

func (g *grower) ask(ctx context.Context, step string, s setting) (time.Duration, error) {
	switch step {
	case stepAssign:
		return g.assignOne(ctx)
	case stepPositions:
		began := time.Now()
		err := g.board.RefreshPositions(ctx, firstProject, 0)
		return time.Since(began), err
	case stepWaiting:
		began := time.Now()
		_, err := g.queue.WaitingProjects(ctx)
		return time.Since(began), err
	}
	last := fmt.Sprintf("00000000-0000-4000-b000-%012x", s.waiting)
	asked := map[string]struct{ as, sql, about string }{
		stepStatus:     {lastVisitor, `select public.queue_status($1)`, last},
		stepInbox:      {firstAgent, `select public.inbox($1, 'all')`, firstProject},
		stepQueue:      {firstAgent, `select public.inbox($1, 'queue')`, firstProject},
		stepClosed:     {firstAgent, `select public.inbox($1, 'closed')`, firstProject},
		stepTeam:       {firstAgent, `select public.list_agents($1)`, firstProject},
		stepTranscript: {firstAgent, `select * from public.messages where conversation_id = $1 and seq > 0 order by seq limit 100`, growthEarlier},
		stepMessage:    {lastVisitor, `select public.send_message($1, 'hello')`, last},
		stepClock:      {"", clockTick, firstProject},
	}[step]
	return g.askAs(ctx, asked.as, asked.sql, asked.about)
}

// clockTick is what the clock does every 15 seconds, and once a minute.
const clockTick = `
	select handoff.warn_inactive(now() - interval '1 day', 100), handoff.close_inactive(now() - interval '1 day', 100),
	       handoff.tell_agents_gone(now(), 100), handoff.offer_requeue(now(), 100), handoff.time_out(now(), 100),
	       handoff.pass_edges(now(), 100), handoff.tell_closed(now(), 100)
	  from (select $1::text) as nobody`

func (g *grower) assignOne(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	batch, err := g.queue.AssignBatch(ctx, firstProject, 0, 1, assignment.Plan)
	took := time.Since(began)
	if err == nil && batch.Assigned != 1 {
		err = fmt.Errorf("%w: %d were assigned instead of one", errNoStat, batch.Assigned)
	}
	if err == nil {
		_, err = g.root.Exec(ctx, `call bench.unassign()`)
	}
	return took, err
}

// askAs asks as the person does through PostgREST, in a transaction that is rolled back; empty: as the worker.
func (g *grower) askAs(ctx context.Context, as, sql, about string) (took time.Duration, err error) {
	tx, err := g.owner.Begin(ctx)
	if err != nil {
		return 0, err
	}
	defer func() {
		if back := tx.Rollback(ctx); err == nil {
			err = back
		}
	}()
	if as != "" {
		if err := become(ctx, tx, as); err != nil {
			return 0, err
		}
	}
	began := time.Now()
	_, err = tx.Exec(ctx, sql, about)
	return time.Since(began), err
}

func become(ctx context.Context, tx pgx.Tx, person string) error {
	claims, err := json.Marshal(map[string]string{"role": "authenticated", "sub": person})
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `select set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true)`, string(claims))
	return err
}

// titled is a name as a title.
func titled(name string) string { return strings.ToUpper(name[:1]) + name[1:] }
