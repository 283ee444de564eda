package replication

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/supportbase/handoff/realtime"
)

const (
	// pollInterval is how often the table is read although no notification came.
	pollInterval = time.Second
	// recheckInterval is how often a process that polls looks whether it could stream, and a standby before it begins to
	// poll. A pooler takes such a question for a client that is not set up well, so it is not asked often.
	recheckInterval = time.Minute
	// drainNotifications bounds the look for notifications while deliver blocks: they must be taken from the connection, or
	// the server's queue of them fills and in the end refuses the writers' commits.
	drainNotifications = 5 * time.Millisecond
)

// poller reads the outbox as a table, for a database that cannot be streamed from. Each read gives what its snapshot shows
// beyond the one of the read before: each event once, those of a conversation in order (see snapshot), and a
// transaction that runs for hours holds back nothing but its own events.
//
// The goroutine of Run owns the connection; deliver is called by a courier, as with a stream.
type poller struct {
	*runner
	sql     *link
	courier *courier

	// seen is what has been queued, recorded how many events had been delivered when the last horizon was noted.
	seen     snapshot
	recorded uint64
	// pending is the horizon to be noted once its mark is settled; nil: none is under way.
	pending *horizonMark
	// due is when the next horizon is taken.
	due time.Time

	// notifies says that the trigger is on, nextSwitch when switching it is tried again.
	notifies   bool
	nextSwitch time.Time
	// looking says that a look whether streaming is possible is under way; streamable gets its answer.
	looking    bool
	streamable chan bool
	nextLook   time.Time
}

// horizonMark is a snapshot that is delivered once the caller has settled everything up to a mark.
type horizonMark struct {
	shows snapshot
	mark  realtime.Position
	// resent is set when this ends a resend.
	resent *resend
}

// poll goes from nothing to polling and returns why that ended; never nil.
func (r *runner) poll(ctx context.Context) error {
	sql := &link{config: r.pollConfig}
	defer sql.drop(ctx)
	conn, err := sql.get(ctx)
	if err != nil {
		return err
	}
	if err := r.awaitLeaderLock(ctx, conn); err != nil {
		return err
	}
	if r.source == SourceAuto && time.Since(r.streamTried) > r.recheck {
		return errMayStream // what kept this process from streaming may be long gone
	}
	pollCtx, fail := context.WithCancelCause(ctx)
	p := &poller{
		runner: r, sql: sql, due: time.Now().Add(r.options.CheckpointInterval),
		streamable: make(chan bool, 1), nextLook: time.Now().Add(r.recheck),
	}
	p.courier = startCourier(pollCtx, r.deliver, r.delivered, &r.counters, fail)
	err = p.run(pollCtx)
	p.finish(context.WithoutCancel(ctx))
	fail(nil)
	p.courier.stop()
	if p.looking {
		<-p.streamable
	}
	return err
}

// awaitLeaderLock stands by while another process leads.
func (r *runner) awaitLeaderLock(ctx context.Context, conn *pgx.Conn) error {
	for delay := standbyFirst; ; delay = min(2*delay, standbyPoll) {
		held, err := tryLeaderLock(ctx, conn, r.options.Slot)
		if held || err != nil {
			return err
		}
		r.setState(ctx, StateStandby)
		if !wait(ctx, jittered(delay)) {
			return context.Cause(ctx)
		}
	}
}

// run polls until something breaks, the context ends, or streaming is possible.
func (p *poller) run(ctx context.Context) error {
	if err := p.open(ctx); err != nil {
		return p.cause(ctx, err)
	}
	p.setState(ctx, StatePolling)
	for {
		if err := p.read(ctx); err != nil {
			return p.cause(ctx, err)
		}
		if err := p.record(ctx); err != nil {
			return p.cause(ctx, err)
		}
		p.switchNotify(ctx)
		if err := p.look(ctx); err != nil {
			return err
		}
		if err := p.rest(ctx); err != nil {
			return p.cause(ctx, err)
		}
	}
}

// cause prefers the reason for which the context ended: a query that it interrupted only says that it was.
func (p *poller) cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// open listens first and reads where the last leader stopped, so that nothing is between the two.
func (p *poller) open(ctx context.Context) error {
	conn := p.sql.conn
	kept, err := loadCheckpoint(ctx, conn, p.options.Slot, nil)
	if err != nil {
		return err
	}
	queryCtx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	if _, err := conn.Exec(queryCtx, "listen handoff_outbox"); err != nil {
		return queryError("listen for new events", err)
	}
	begun, err := p.resend(ctx, conn, kept, p.courier)
	if err != nil {
		return err
	}
	if begun != nil {
		p.seen = begun.shows
		p.pending = &horizonMark{shows: begun.shows, mark: begun.mark, resent: begun}
		return nil
	}
	if kept.resend() != nil { // nothing was to be sent again, so the horizon has moved
		kept, err = loadCheckpoint(ctx, conn, p.options.Slot, nil)
	}
	p.seen = kept.horizon
	return err
}

// read queues what is new.
func (p *poller) read(ctx context.Context) error {
	p.sql.notified = false
	read, err := readTable(ctx, p.sql.conn.PgConn(), p.table, since(p.seen))
	if err != nil {
		return err
	}
	if _, err := read.each(ctx, func(part realtime.Transaction) error { return p.give(ctx, part) }); err != nil {
		return err
	}
	p.seen = read.shows
	return nil
}

// give queues a transaction for the courier. While the queue is full, notifications are taken in all the same.
func (p *poller) give(ctx context.Context, part realtime.Transaction) error {
	for i := range part.Events {
		p.counters.bytes.Add(uint64(len(part.Events[i].Payload)))
	}
	for {
		patience := time.NewTimer(pollInterval)
		taken, err := p.courier.put(ctx, parcel{Transaction: part}, patience.C)
		patience.Stop()
		if taken || err != nil {
			return err
		}
		for heard := true; heard; {
			if heard, err = p.listen(ctx, drainNotifications); err != nil {
				return err
			}
		}
	}
}

// rest waits for a notification, unless one has come during the read, or for the next read without one.
func (p *poller) rest(ctx context.Context) error {
	if p.sql.notified {
		return nil
	}
	_, err := p.listen(ctx, pollInterval)
	return err
}

// listen waits for a notification and reports whether one came.
func (p *poller) listen(ctx context.Context, patience time.Duration) (bool, error) {
	listenCtx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := p.sql.conn.PgConn().WaitForNotification(listenCtx)
	switch {
	case err == nil:
		return true, nil
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case listenCtx.Err() != nil:
		return false, nil
	default:
		return false, fmt.Errorf("wait for new events: %w", err)
	}
}

// record notes the horizon: a snapshot is marked when it is due, and noted when the caller has settled the mark.
func (p *poller) record(ctx context.Context) error {
	settled, _ := p.confirmed()
	if p.pending != nil && settled >= p.pending.mark {
		if err := p.note(ctx, *p.pending); err != nil {
			return err
		}
		p.pending = nil
	}
	delivered := p.counters.events.Load()
	if p.pending != nil || time.Now().Before(p.due) || delivered == p.recorded {
		return nil
	}
	p.due, p.recorded = time.Now().Add(p.options.CheckpointInterval), delivered
	p.pending = &horizonMark{shows: p.seen, mark: p.nextMark()}
	return p.give(ctx, realtime.Transaction{Position: p.pending.mark})
}

func (p *poller) note(ctx context.Context, reached horizonMark) error {
	if reached.resent != nil {
		return reached.resent.end(ctx, p.sql.conn, p.options.Slot)
	}
	return advance(ctx, p.sql.conn, p.options.Slot, reached.shows, 0)
}

// switchNotify puts the trigger on. Without it events are seen within pollInterval, so nothing depends on it.
func (p *poller) switchNotify(ctx context.Context) {
	if p.notifies || time.Now().Before(p.nextSwitch) {
		return
	}
	p.nextSwitch = time.Now().Add(p.recheck)
	done, err := setNotify(ctx, p.sql.conn, true)
	if err != nil {
		p.options.Logger.WarnContext(ctx, "notifications stay off, events are seen within a second", slog.Any("err", err))
	}
	p.notifies = done && err == nil
}

// look finds out now and then whether streaming is possible; then it returns errMayStream. It asks in a goroutine of its own:
// an address that swallows packets takes its time, and events must not wait for it.
func (p *poller) look(ctx context.Context) error {
	if p.source != SourceAuto {
		return nil
	}
	select {
	case possible := <-p.streamable:
		p.looking, p.nextLook = false, time.Now().Add(p.recheck)
		if possible {
			return errMayStream
		}
	default:
	}
	if !p.looking && !time.Now().Before(p.nextLook) {
		p.looking = true
		go func() { p.streamable <- checkStream(ctx, p.options) == nil }()
	}
	return nil
}

// finish notes what has arrived, if that is everything, and puts the trigger off. The lock is held until the connection
// closes, so the next leader puts the trigger on after this.
func (p *poller) finish(ctx context.Context) {
	if p.sql.conn == nil || p.sql.conn.IsClosed() {
		return
	}
	if p.unrecorded() && p.drain(ctx) {
		if err := p.note(ctx, horizonMark{shows: p.seen}); err != nil {
			p.options.Logger.WarnContext(ctx, "last checkpoint was not written", slog.Any("err", err))
		}
	}
	if _, err := setNotify(ctx, p.sql.conn, false); err != nil {
		p.options.Logger.WarnContext(ctx, "notifications may have stayed on", slog.Any("err", err))
	}
}

// drain reports whether all that was read is settled, waiting for it up to Options.DrainTimeout.
func (p *poller) drain(ctx context.Context) bool {
	drainCtx, cancel := context.WithTimeout(ctx, p.options.DrainTimeout)
	defer cancel()
	for {
		if p.courier.empty() {
			if _, idle := p.confirmed(); idle {
				return true
			}
		} else if p.courier.ended() {
			return false
		}
		if !wait(drainCtx, drainPoll) {
			return false
		}
	}
}

// unrecorded reports whether there is a horizon worth noting, and whether it may be: a resend ends with its own mark.
func (p *poller) unrecorded() bool {
	begun := p.seen.xmax > 0
	resending := p.pending != nil && p.pending.resent != nil
	return begun && !resending && (p.pending != nil || p.counters.events.Load() != p.recorded)
}
