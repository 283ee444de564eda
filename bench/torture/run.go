package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/bench/rig"
	"github.com/supportbase/handoff/supabase/local/keys"
)

const (
	workerCount     = 4
	apiConnections  = 28
	ownConnections  = 6
	workerPool      = "HANDOFF_DATABASE_MAX_CONNECTIONS=6"
	slotVariable    = "HANDOFF_WORKER_SLOT"
	killEvery       = 2 * time.Second // mean pause between kills
	restartTimeout  = time.Minute
	settleTimeout   = 30 * time.Second
	settlePoll      = 50 * time.Millisecond
	reportEvery     = 10 * time.Second
	invariantsFile  = "migrations/rules/testdata/invariants.sql"
	alonePortion    = 0.25 // of the operations, at the end, with a single leader
	idleAllowed     = 10 * time.Second
	shownViolations = 5
)

var errNoClock = errors.New("the Postgres of this machine cannot be told to keep the times of commits")

// options say what a run is like.
type options struct {
	binary     string
	operations int
	perSecond  int
	logPath    string
	offers     bool // the project offers conversations instead of giving them
}

// run is one run's state.
type run struct {
	options options
	logger  *slog.Logger
	log     io.Writer
	began   time.Time

	standIn *rig.StandIn
	stage   *stage
	api     *pgxpool.Pool
	owner   *pgxpool.Pool
	crews   []*rig.Crew

	verdict    verdict
	violations []string // of the invariants, in words
}

// whole plays a run from nothing to nothing.
func (r *run) whole(ctx context.Context) (err error) {
	if r.options.binary, err = filepath.Abs(r.options.binary); err != nil {
		return fmt.Errorf("find the binary: %w", err)
	}
	if r.standIn, err = rig.StartStandIn(ctx, r.options.binary, r.log); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.keepServerLog(), r.standIn.Stop()) }()
	if !r.standIn.Supervised() {
		return errNoClock
	}
	if err := r.openPools(ctx); err != nil {
		return err
	}
	defer r.api.Close()
	defer r.owner.Close()
	if err := r.prepare(ctx); err != nil {
		return err
	}
	if err := r.play(ctx); err != nil {
		return err
	}
	return r.assess(ctx)
}

// keepServerLog saves what Postgres said when there were deadlocks: it names the statements.
func (r *run) keepServerLog() error {
	if r.deadlocks() == 0 {
		return nil
	}
	text, err := os.ReadFile(r.standIn.ServerLog())
	if err != nil {
		return fmt.Errorf("read what Postgres said: %w", err)
	}
	if err := os.WriteFile(r.options.logPath+".postgres", text, 0o644); err != nil { //nolint:gosec // a developer's log
		return fmt.Errorf("keep what Postgres said: %w", err)
	}
	return nil
}

func (r *run) openPools(ctx context.Context) (err error) {
	if r.api, err = r.standIn.Pool(ctx, "authenticator", apiConnections); err != nil {
		return err
	}
	if r.owner, err = r.standIn.Pool(ctx, "postgres", ownConnections); err != nil {
		r.api.Close()
	}
	return err
}

func (r *run) prepare(ctx context.Context) error {
	r.stage = &stage{
		ownerPool: r.owner, tally: newTally(),
		door: &door{
			api: r.api, url: r.standIn.URL, ring: keys.New(),
			http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: apiConnections}, Timeout: callTimeout},
		},
	}
	if err := r.stage.gather(ctx); err != nil {
		return err
	}
	if err := r.setMode(ctx, r.mode()); err != nil {
		return err
	}
	for n := range workerCount {
		env := append(r.standIn.WorkerEnv(r.standIn.URL), workerPool, ownSlot(n))
		r.crews = append(r.crews, rig.NewCrew(r.options.binary, env, r.log, r.logger))
	}
	return keepRecord(ctx, r.owner)
}

// mode is how the project hands out its queue.
func (r *run) mode() string {
	if r.options.offers {
		return "offer"
	}
	return "direct"
}

func (r *run) setMode(ctx context.Context, mode string) error {
	_, err := r.owner.Exec(ctx, `update public.handoff_settings set assignment_mode = $2, offer_timeout_seconds = 5 where project_id = $1`, demoProject, mode)
	if err != nil {
		return fmt.Errorf("set the mode of assignment: %w", err)
	}
	return nil
}

// ownSlot makes a worker a leader beside the others: who streams is who leads.
func ownSlot(n int) string { return slotVariable + "=torture_" + strconv.Itoa(n) }

// play lets people act and workers die: first all four lead at once, then one leads and three stand by.
func (r *run) play(ctx context.Context) error {
	crewCtx, stopCrews := context.WithCancel(ctx)
	ended := make(chan error, workerCount)
	for _, crew := range r.crews {
		crew.Want(1)
		go func() { ended <- crew.Run(crewCtx) }()
	}
	err := r.awaitLeaders(ctx, workerCount)
	if err == nil {
		err = r.disturb(ctx)
	}
	if err == nil {
		err = r.settle(ctx)
	}
	stopCrews()
	for range r.crews {
		err = errors.Join(err, <-ended)
	}
	return err
}

func (r *run) awaitLeaders(ctx context.Context, count int) error {
	ctx, cancel := context.WithTimeout(ctx, restartTimeout)
	defer cancel()
	err := rig.Poll(ctx, settlePoll, func() (enough bool, err error) {
		err = r.owner.QueryRow(ctx, `select count(*) >= $1 from pg_replication_slots where active and slot_name like 'torture%'`, count).Scan(&enough)
		return enough, err
	})
	if err != nil {
		return fmt.Errorf("wait for %d workers that stream: %w", count, err)
	}
	return nil
}

func (r *run) disturb(ctx context.Context) error {
	together := int(float64(r.options.operations) * (1 - alonePortion))
	if err := r.act(ctx, together); err != nil {
		return err
	}
	r.logger.InfoContext(ctx, "from here on one worker leads and three stand by")
	for _, crew := range r.crews {
		crew.SwitchTo(slotVariable + "=torture_0")
	}
	if err := r.dropOldSlots(ctx); err != nil {
		return err
	}
	return r.act(ctx, r.options.operations)
}

// dropOldSlots lets go of the log that nobody reads any more.
func (r *run) dropOldSlots(ctx context.Context) error {
	admin, err := r.standIn.Pool(ctx, rig.Superuser, 1)
	if err != nil {
		return err
	}
	defer admin.Close()
	ctx, cancel := context.WithTimeout(ctx, restartTimeout)
	defer cancel()
	return rig.Poll(ctx, settlePoll, func() (bool, error) {
		var left int
		_, err := admin.Exec(ctx, `select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name like 'torture%' and slot_name <> 'torture_0' and not active`)
		if err == nil {
			err = admin.QueryRow(ctx, `select count(*) from pg_replication_slots where slot_name like 'torture%' and slot_name <> 'torture_0'`).Scan(&left)
		}
		return err == nil && left == 0, err
	})
}

// act plays until that many calls are answered, while workers are killed.
func (r *run) act(ctx context.Context, operations int) error {
	actCtx, stop := context.WithCancel(ctx)
	var killing sync.WaitGroup
	killing.Go(func() { r.kill(actCtx) })
	killing.Go(func() { r.tell(actCtx) })
	err := r.stage.play(ctx, operations, r.options.perSecond)
	stop()
	killing.Wait()
	if err != nil {
		return fmt.Errorf("act: %w", err)
	}
	return nil
}

func (r *run) kill(ctx context.Context) {
	for rig.Pause(ctx, rand.N(2*killEvery)) == nil { //nolint:gosec // chance needs no secrecy
		pick(r.crews...).KillOne()
	}
}

func (r *run) tell(ctx context.Context) {
	for rig.Pause(ctx, reportEvery) == nil {
		seen := r.stage.seen.Load()
		r.logger.InfoContext(ctx, "torture", "operations", r.stage.tally.total.Load(), "waiting", len(seen.waiting), "with_ai", len(seen.withAI))
	}
}

// settle waits until nobody waits who could be served, or it has taken too long: the verdict says which. Who waits for
// skills that nobody free has, waits on. Nobody is left to answer offers: what is still offered is given in the end.
func (r *run) settle(ctx context.Context) error {
	if err := r.setMode(ctx, "direct"); err != nil {
		return err
	}
	if err := r.awaitLeaders(ctx, 1); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	before, since := -1, time.Now()
	_ = rig.Poll(ctx, settlePoll, func() (bool, error) {
		if err := r.stage.look(ctx); err != nil {
			return false, err
		}
		if now := len(r.stage.seen.Load().waiting); now != before {
			before, since = now, time.Now()
		}
		return before == 0 || time.Since(since) > settleTimeout/2, nil
	})
	return nil
}

// assess reads the record, now that nobody writes, and judges it.
func (r *run) assess(ctx context.Context) error {
	record, err := readRecord(ctx, r.owner, demoProject, r.stage.answers)
	if err != nil {
		return err
	}
	r.verdict = judge(record, r.stage.answers)
	invariants, err := os.ReadFile(invariantsFile)
	if err != nil {
		return fmt.Errorf("read what must always be true: %w", err)
	}
	r.violations, err = list[string](ctx, r.owner, "select concat_ws(': ', violation, subject, detail) from ("+string(invariants)[:len(invariants)-2]+") as found")
	return err
}

// grade is what is wrong with the run, nil for nothing.
func (r *run) grade() error {
	var errs []error
	if !r.verdict.ok() {
		errs = append(errs, errors.New("the record shows violations"))
	}
	if len(r.violations) > 0 {
		errs = append(errs, fmt.Errorf("the database violates its invariants, for example: %v", r.violations[:min(len(r.violations), shownViolations)]))
	}
	if longest := r.verdict.idleAt(1); longest > idleAllowed && !r.options.offers {
		errs = append(errs, fmt.Errorf("a conversation waited %s although somebody could have taken it", longest))
	}
	if r.stage.tally.deadlocks > 0 {
		errs = append(errs, fmt.Errorf("%d deadlocks", r.stage.tally.deadlocks))
	}
	if len(r.stage.tally.broken) > 0 {
		errs = append(errs, errors.New("calls were not answered"))
	}
	return errors.Join(errs...)
}
