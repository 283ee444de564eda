package replication

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/supportbase/handoff/realtime"
)

const (
	// DefaultCheckpointInterval bounds what is sent twice after the loss of a slot.
	DefaultCheckpointInterval = 10 * time.Second
	// recorderPoll is how often the recorder looks whether what it waits for is confirmed.
	recorderPoll = 500 * time.Millisecond
)

// reached is how far the work is, as the goroutine of Run last heard: what was confirmed to the server, and what the caller
// says is settled. Both are positions; they are kept apart because what comes from the table has positions of its own.
type reached struct{ flushed, settled atomic.Uint64 }

// recorder keeps the checkpoint while this process streams. It has a goroutine and an ordinary connection of its own. First
// it sends again from the table what a lost slot did not carry; then, each interval, it notes how far the work is.
type recorder struct {
	*runner
	sql     *link
	courier *courier
	reached *reached
	cancel  context.CancelFunc
	done    chan struct{}
	// opened gets one result: when nil, everything that must come before the stream is in the courier's queue.
	opened chan error

	// leads says that the leader's lock is held, quiet that the notify trigger is off.
	leads, quiet bool
	// recorded is how many events had been delivered when the last recorded horizon was taken: as long as no more are, the
	// old horizon is as good, and an idle database is not written to.
	recorded uint64
}

func (r *runner) startRecorder(ctx context.Context, sql *link, to *courier, at *reached) *recorder {
	recorderCtx, cancel := context.WithCancel(ctx)
	rec := &recorder{
		runner: r, sql: sql, courier: to, reached: at, cancel: cancel,
		done: make(chan struct{}), opened: make(chan error, 1),
	}
	go func() {
		defer close(rec.done)
		rec.run(recorderCtx)
	}()
	return rec
}

// stop ends the goroutine and waits for it.
func (r *recorder) stop() {
	r.cancel()
	<-r.done
}

func (r *recorder) run(ctx context.Context) {
	begun, err := r.open(ctx)
	r.opened <- err
	if err != nil {
		return
	}
	if begun != nil && !r.endResend(ctx, *begun) {
		return
	}
	for r.tick(ctx) {
		if err := r.record(ctx); err != nil && ctx.Err() == nil {
			// The stream does not need the checkpoint as long as its slot lives, so it goes on.
			r.options.Logger.WarnContext(ctx, "checkpoint was not written, will be tried again", slog.Any("err", err))
			r.sql.drop(ctx)
			r.leads = false
		}
	}
}

func (r *recorder) tick(ctx context.Context) bool {
	return wait(ctx, r.options.CheckpointInterval)
}

// open notes that the slot exists and, when a slot was lost, sends again what the table has. It gives the resend, if there
// was one, as soon as all of it is queued: what the stream brings then stays behind it.
func (r *recorder) open(ctx context.Context) (*resend, error) {
	conn, err := r.sql.get(ctx)
	if err != nil {
		return nil, err
	}
	kept, err := loadCheckpoint(ctx, conn, r.options.Slot, &nothing)
	if err != nil {
		return nil, err
	}
	r.signal(ctx, conn)
	begun, err := r.resend(ctx, conn, kept, r.courier)
	if err != nil {
		return nil, err
	}
	return begun, noteSlotSeen(ctx, conn, r.options.Slot)
}

// signal tells processes that poll, or did, that a stream leads. Neither must be: at worst, events are sent twice
// or writers pay for a trigger that nobody needs, until the next checkpoint.
func (r *recorder) signal(ctx context.Context, conn *pgx.Conn) {
	if !r.leads {
		held, err := tryLeaderLock(ctx, conn, r.options.Slot)
		r.leads = held && err == nil
	}
	if !r.quiet {
		done, err := setNotify(ctx, conn, false)
		r.quiet = done && err == nil
	}
}

// endResend waits until what was sent again is settled and notes it. It reports false when ctx ended first.
func (r *recorder) endResend(ctx context.Context, done resend) bool {
	for {
		if !r.await(ctx, &r.reached.settled, done.mark) {
			return false
		}
		conn, err := r.sql.get(ctx)
		if err == nil {
			err = done.end(ctx, conn, r.options.Slot)
		}
		if err == nil {
			r.options.Logger.InfoContext(ctx, "what was sent again has arrived", slog.Int("events", done.events))
			return true
		}
		if ctx.Err() == nil {
			r.options.Logger.WarnContext(ctx, "end of the resend was not noted, will be tried again", slog.Any("err", err))
			r.sql.drop(ctx)
		}
		if !r.tick(ctx) {
			return false
		}
	}
}

// record takes a mark, waits until it is confirmed and notes it. One mark is under way at a time: under a load
// that never lets up a newer one would never be reached.
func (r *recorder) record(ctx context.Context) error {
	conn, err := r.sql.get(ctx)
	if err != nil {
		return err
	}
	r.signal(ctx, conn)
	delivered := r.counters.events.Load()
	if delivered == r.recorded {
		return nil
	}
	horizon, end, err := takeMark(ctx, conn)
	if err != nil || !r.await(ctx, &r.reached.flushed, end) {
		return err
	}
	if err := advance(ctx, conn, r.options.Slot, horizon, end); err != nil {
		return err
	}
	r.recorded = delivered
	return nil
}

// await reports false when ctx ended before the position was reached.
func (r *recorder) await(ctx context.Context, at *atomic.Uint64, want realtime.Position) bool {
	for realtime.Position(at.Load()) < want {
		if !wait(ctx, min(recorderPoll, r.options.CheckpointInterval)) {
			return false
		}
	}
	return true
}

// resend is what was sent again from the table and is to be noted once it has arrived.
type resend struct {
	shows  snapshot
	losses int64
	// mark is the position of its last transaction. The caller reports it as settled when all before it is, too.
	mark   realtime.Position
	events int
}

func (r resend) end(ctx context.Context, conn *pgx.Conn, slot string) error {
	return endResend(ctx, conn, slot, r.shows, r.losses)
}

// resend queues everything of the outbox that was not delivered when a slot was lost; nil if there is nothing. The snapshot it reads
// in is taken now, after the new slot began, so that nothing falls between the two; what is in both is sent twice.
func (r *runner) resend(ctx context.Context, conn *pgx.Conn, kept checkpoint, to *courier) (*resend, error) {
	from := kept.resend()
	if from == nil {
		return nil, nil
	}
	losses := kept.losses
	if kept.resendFrom == nil {
		noted, err := noteLoss(ctx, conn, r.options.Slot)
		if err != nil {
			return nil, err
		}
		losses = noted
	}
	r.setState(ctx, StateResending)
	read, err := readTable(ctx, conn.PgConn(), r.table, everything(*from, kept.now))
	if err != nil {
		return nil, err
	}
	events, err := read.each(ctx, func(part realtime.Transaction) error { return r.queueRead(ctx, to, part) })
	if err != nil {
		return nil, fmt.Errorf("send the outbox again: %w", err)
	}
	r.counters.resent.Add(uint64(events)) //nolint:gosec // a count
	if err := read.close(ctx); err != nil {
		return nil, queryError("end the read of the outbox", err)
	}
	if err := r.reportResend(ctx, kept.slotSeen, events); err != nil {
		return nil, err
	}
	done := &resend{shows: read.shows, losses: losses, events: events}
	if events == 0 {
		return nil, done.end(ctx, conn, r.options.Slot)
	}
	done.mark = r.nextMark()
	return done, r.queueRead(ctx, to, realtime.Transaction{Position: done.mark})
}

// reportResend lets the caller make good what no event tells. A first start is no loss.
func (r *runner) reportResend(ctx context.Context, lost bool, events int) error {
	if !lost {
		return nil
	}
	reason := orDefault(r.lossReason, reasonEarlier)
	r.options.Logger.InfoContext(ctx, "events were sent again from the table", slog.Int("events", events))
	if err := r.options.OnSlotLost(ctx, reason); err != nil {
		return fmt.Errorf("report the loss of replication slot %s: %w", r.options.Slot, err)
	}
	r.lossReason = ""
	return nil
}

func (r *runner) queueRead(ctx context.Context, to *courier, part realtime.Transaction) error {
	for i := range part.Events {
		r.counters.bytes.Add(uint64(len(part.Events[i].Payload)))
	}
	_, err := to.put(ctx, parcel{Transaction: part}, nil)
	return err
}

// nextMark gives a position for the end of something that was read from the table, so that the caller can say when it is
// settled. It lies above all that was delivered before and below all that is committed from now on: a commit takes more
// than one byte of log. It is never confirmed to the server.
func (r *runner) nextMark() realtime.Position {
	mark := max(r.delivered, realtime.Position(r.mark.Load())) + 1
	r.mark.Store(uint64(mark))
	return mark
}
