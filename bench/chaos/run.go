package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/bench/rig"
)

const (
	demoProject = "00000000-0000-4000-8000-000000000001"
	agentCount  = 20
	// shortForm is below which length faults and pauses are the short ones.
	shortForm = 3 * time.Minute
	longKills = 50
	// shortKillEvery is the mean pause between kills in the short form.
	shortKillEvery = 5 * time.Second
	// pollShare is the part of the run in which the worker polls, when it can.
	pollShare = 0.25
	// quietFor is how long the subscriber may accept nothing before the run gives up on the rest.
	quietFor   = 40 * time.Second
	quietPoll  = 100 * time.Millisecond
	faultPause = 1500 * time.Millisecond

	castConnections  = 12
	adminConnections = 3
)

// sourceVariable chooses how the worker reads the outbox. The binary that knows it also recovers lost slots.
const sourceVariable = "HANDOFF_WORKER_SOURCE"

// options say what a run is like.
type options struct {
	binary        string
	length        time.Duration
	conversations int
	perSecond     int
	logPath       string
	only          string // name of the only fault; empty for all
}

// run is one run's state.
type run struct {
	options options
	logger  *slog.Logger
	log     io.Writer // what the children write
	began   time.Time

	standIn  *rig.StandIn
	admin    *pgxpool.Pool // superuser
	proxy    *proxy
	crew     *rig.Crew
	cast     *cast
	audience *audience
	recovers bool

	happened []happening
	polled   time.Duration
}

// happening is a line of the fault log.
type happening struct {
	at, took time.Duration
	name     string
	kind     faultKind
	err      error
	skipped  string
}

func (h happening) String() string {
	switch {
	case h.skipped != "":
		return fmt.Sprintf("%7.1fs  %-30s skipped: %s", h.at.Seconds(), h.name, h.skipped)
	case h.err != nil:
		return fmt.Sprintf("%7.1fs  %-30s FAILED after %.1fs: %v", h.at.Seconds(), h.name, h.took.Seconds(), h.err)
	default:
		return fmt.Sprintf("%7.1fs  %-30s %.1fs", h.at.Seconds(), h.name, h.took.Seconds())
	}
}

// span is how long something takes: its short form in a short run.
func (r *run) span(short, long time.Duration) time.Duration {
	if r.options.length < shortForm {
		return short
	}
	return long
}

func (r *run) conversations() []string {
	ids := make([]string, len(r.cast.chats))
	for i, one := range r.cast.chats {
		ids[i] = one.id
	}
	return ids
}

// prepare starts everything but the workers. What it started is ended by the returned function, also after an error.
func (r *run) prepare(ctx context.Context) (end func() error, err error) {
	var ends []func() error
	end = func() error {
		var errs []error
		for i := len(ends) - 1; i >= 0; i-- {
			errs = append(errs, ends[i]())
		}
		return errors.Join(errs...)
	}
	if r.standIn, err = rig.StartStandIn(ctx, r.options.binary, r.log); err != nil {
		return end, err
	}
	ends = append(ends, r.standIn.Stop)
	if r.proxy, err = startProxy(ctx, r.standIn.URL[len("http://"):]); err != nil {
		return end, err
	}
	ends = append(ends, r.proxy.close)
	pools, err := r.openPools(ctx)
	ends = append(ends, pools)
	if err != nil {
		return end, err
	}
	if err := r.gather(ctx); err != nil {
		return end, err
	}
	ends = append(ends, func() error { r.audience.leave(); return nil })
	r.crew = rig.NewCrew(r.options.binary, r.standIn.WorkerEnv(r.proxy.url()), r.log, r.logger)
	return end, nil
}

func (r *run) openPools(ctx context.Context) (end func() error, err error) {
	r.cast = &cast{url: r.standIn.URL}
	var opened []*pgxpool.Pool
	end = func() error {
		for _, pool := range opened {
			pool.Close()
		}
		return nil
	}
	for _, wanted := range []struct {
		pool        **pgxpool.Pool
		role        string
		connections int32
	}{
		{&r.admin, rig.Superuser, adminConnections},
		{&r.cast.owner, "postgres", castConnections},
		{&r.cast.api, "authenticator", castConnections},
	} {
		if *wanted.pool, err = r.standIn.Pool(ctx, wanted.role, wanted.connections); err != nil {
			return end, err
		}
		opened = append(opened, *wanted.pool)
	}
	return end, nil
}

// gather brings agents, visitors, their conversations and the subscriber.
func (r *run) gather(ctx context.Context) error {
	var err error
	if r.cast.agents, err = rig.Hire(ctx, r.cast.owner, demoProject, agentCount); err != nil {
		return err
	}
	if err := r.cast.openChats(ctx, demoProject, r.options.conversations); err != nil {
		return err
	}
	r.audience, err = seat(ctx, r.standIn, r.conversations(), r.log)
	return err
}

// play writes, breaks and kills until the time is up, and lets everything come to rest.
func (r *run) play(ctx context.Context) error {
	crewCtx, stopCrew := context.WithCancel(ctx)
	crewEnded := make(chan error, 1)
	r.crew.Want(1)
	go func() { crewEnded <- r.crew.Run(crewCtx) }()
	// What was committed before a worker ever ran is nobody's to deliver.
	err := awaitSlot(ctx, r)
	if err == nil {
		r.disturb(ctx)
		err = r.settle(ctx)
	}
	stopCrew()
	return errors.Join(err, <-crewEnded)
}

// disturb is the part of the run in which things go wrong.
func (r *run) disturb(ctx context.Context) {
	length := r.options.length - time.Since(r.began) - r.span(15*time.Second, time.Minute)
	playCtx, stop := context.WithCancel(ctx)
	var playing sync.WaitGroup
	playing.Go(func() { r.cast.play(playCtx, r.options.perSecond) })
	playing.Go(func() { r.killAtRandom(playCtx, length) })
	streamed := length
	if r.recovers {
		streamed = time.Duration(float64(length) * (1 - pollShare))
	}
	r.breakThings(ctx, streamed, nil)
	if r.recovers && ctx.Err() == nil {
		r.poll(ctx, length-streamed)
	}
	stop()
	playing.Wait()
}

// poll is the part in which the worker reads the outbox without a slot.
func (r *run) poll(ctx context.Context, length time.Duration) {
	began := time.Now()
	r.logger.InfoContext(ctx, "the worker polls from here on", "seconds", length.Seconds())
	r.crew.SwitchTo(sourceVariable + "=poll")
	r.breakThings(ctx, length, func(one fault) bool {
		return one.kind != ofSlot && one.name != "realtime_down"
	})
	r.polled = time.Since(began)
	r.crew.SwitchTo()
}

// breakThings lets faults happen one after the other, in a random order, until the time is up. With no filter each happens
// at least once, even if that takes longer.
func (r *run) breakThings(ctx context.Context, length time.Duration, filter func(fault) bool) {
	until := time.Now().Add(length)
	for first := filter == nil; first || time.Now().Before(until); first = false {
		deck := faults()
		rand.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		for _, one := range deck {
			if ctx.Err() != nil || !first && time.Now().After(until) {
				return
			}
			if (filter != nil && !filter(one)) || (r.options.only != "" && one.name != r.options.only) {
				continue
			}
			r.happen(ctx, one, first)
		}
		if rig.Pause(ctx, quietPoll) != nil {
			return
		}
	}
}

func (r *run) happen(ctx context.Context, one fault, first bool) {
	entry := happening{at: time.Since(r.began), name: one.name, kind: one.kind, skipped: one.without(r)}
	if entry.skipped != "" {
		if first {
			r.happened = append(r.happened, entry)
			r.logger.WarnContext(ctx, "fault skipped", "fault", one.name, "reason", entry.skipped)
		}
		return
	}
	r.logger.InfoContext(ctx, "fault begins", "fault", one.name)
	began := time.Now()
	entry.err = one.do(ctx, r)
	entry.took = time.Since(began)
	r.happened = append(r.happened, entry)
	if entry.err != nil {
		r.logger.ErrorContext(ctx, "fault could not be played", "fault", one.name, "err", entry.err)
	}
	_ = rig.Pause(ctx, rand.N(r.span(faultPause/3, faultPause*2))) //nolint:gosec // chance needs no secrecy
}

// killAtRandom kills workers until ctx ends, so often that a long run has longKills of them.
func (r *run) killAtRandom(ctx context.Context, length time.Duration) {
	every := r.span(shortKillEvery, length/(longKills+longKills/3)) // some find nobody to kill
	for rig.Pause(ctx, rand.N(2*every)) == nil {                    //nolint:gosec // chance needs no secrecy
		r.crew.KillOne()
	}
}

// settle waits until the subscriber has heard and accepted as many events as were committed, or has been quiet for too long.
func (r *run) settle(ctx context.Context) error {
	var want int
	err := rig.Poll(ctx, quietPoll, func() (bool, error) {
		err := r.cast.owner.QueryRow(ctx, `select count(*) from handoff.outbox where seq > 0`).Scan(&want)
		return err == nil, err
	})
	if err != nil {
		return fmt.Errorf("count what was committed: %w", err)
	}
	last, since := 0, time.Now()
	return rig.Poll(ctx, quietPoll, func() (bool, error) {
		// What the gap rule fetched early is still to be broadcast.
		progress := r.audience.now()
		now := min(progress.Accepted, progress.Heard)
		if now != last {
			last, since = now, time.Now()
		}
		return now >= want || time.Since(since) > quietFor, nil // the verdict says what is missing
	})
}

// assess ends the subscriber and compares.
func (r *run) assess(ctx context.Context) (verdict, error) {
	report, err := r.audience.finish(ctx)
	if err != nil {
		return verdict{}, err
	}
	outbox, err := readOutbox(ctx, r.cast.owner, r.conversations())
	if err != nil {
		return verdict{}, err
	}
	return judge(outbox, report), nil
}

// knows says whether the binary has the name in it: cheaper and surer than asking a version.
func knows(binary, name string) (bool, error) {
	text, err := os.ReadFile(binary) //nolint:gosec // the binary under test
	if err != nil {
		return false, fmt.Errorf("read the binary: %w", err)
	}
	return bytes.Contains(text, []byte(name)), nil
}
