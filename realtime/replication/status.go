package replication

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pglogrepl"

	"github.com/supportbase/handoff/realtime"
)

const (
	writeTimeout = 10 * time.Second
	// outstandingInterval is how often unfinished work is looked at again: a killed process has confirmed all but
	// about this much of what it finished.
	outstandingInterval = time.Second
	// drainPoll is how often work that was delivered before a shutdown is looked at.
	drainPoll = 10 * time.Millisecond
	// stopPings is how many times within stopPingsWithin a server asks for an answer when it shuts down and only
	// waits for the last confirmation. Otherwise it asks at most twice in its wal_sender_timeout.
	stopPings       = 20
	stopPingsWithin = time.Second
)

// sendStatus confirms what is done, asks the server for a sign of life, and sets the time of the next update. A server
// that has given no sign for the stream's quiet time is taken for gone.
func (s *session) sendStatus(ctx context.Context) error {
	if silence := time.Since(s.heard); silence > s.quiet {
		return fmt.Errorf("%w for %s", errServerQuiet, silence.Round(time.Second))
	}
	if err := s.confirm(ctx); err != nil {
		return err
	}
	wait := s.interval
	if s.progress.outstanding() || s.reached.settled.Load() < s.mark.Load() {
		wait = min(wait, outstandingInterval)
	}
	s.nextStatus = time.Now().Add(wait)
	return nil
}

// hasten brings the next status update forward because there is work to confirm now.
func (s *session) hasten() {
	if soon := time.Now().Add(outstandingInterval); soon.Before(s.nextStatus) {
		s.nextStatus = soon
	}
}

// confirm writes one status update.
func (s *session) confirm(ctx context.Context) error {
	flushed := s.progress.next(s.done())
	s.reached.flushed.Store(uint64(flushed))
	s.counters.confirmed.Store(uint64(flushed))
	update := pglogrepl.StandbyStatusUpdate{
		WALWritePosition: pglogrepl.LSN(s.progress.received),
		WALFlushPosition: pglogrepl.LSN(flushed),
		WALApplyPosition: pglogrepl.LSN(flushed),
		ReplyRequested:   true,
	}
	if flushed == 0 {
		update.WALWritePosition = 0 // pglogrepl would confirm the write position in place of a flush position of zero
	}
	socket := s.conn.Conn()
	if err := socket.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return fmt.Errorf("confirm %s: %w", flushed, err)
	}
	if err := pglogrepl.SendStandbyStatusUpdate(ctx, s.conn.PgConn, update); err != nil {
		return fmt.Errorf("confirm %s: %w", flushed, err)
	}
	return socket.SetWriteDeadline(time.Time{})
}

// done asks the caller how far it is. It counts as idle only if the courier's hands and the decoder's are empty too,
// and those are looked at first: what is delivered in between, the caller knows of.
func (s *session) done() (realtime.Position, bool) {
	empty := s.courier.position() >= s.given && !s.decoder.begun
	position, idle := s.confirmed()
	s.reached.settled.Store(uint64(position))
	if position <= realtime.Position(s.mark.Load()) {
		position = 0
	}
	return position, idle && empty
}

// finish ends the session in an orderly way: nothing more is delivered, what was delivered gets a moment to be done,
// and the server is told how far that is. When it returns without an error the slot is free.
func (s *session) finish(ctx context.Context, drainTimeout time.Duration) error {
	s.courier.stop()
	s.drain(ctx, drainTimeout)
	if err := s.confirm(ctx); err != nil {
		return err
	}
	if err := s.conn.Conn().SetDeadline(time.Now().Add(closeTimeout)); err != nil {
		return fmt.Errorf("end the stream: %w", err)
	}
	// The server answers after it has read the status update before it and let go of the slot.
	if _, err := pglogrepl.SendStandbyCopyDone(ctx, s.conn.PgConn); err != nil {
		return fmt.Errorf("end the stream: %w", err)
	}
	return nil
}

// drain waits until the caller has done what was delivered, or until the time is up.
func (s *session) drain(ctx context.Context, timeout time.Duration) {
	drainCtx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	poll := time.NewTicker(drainPoll)
	defer poll.Stop()
	for {
		position, idle := s.confirmed()
		if idle || position >= s.courier.position() {
			return
		}
		select {
		case <-poll.C:
		case <-drainCtx.Done():
			return
		}
	}
}

// pingCount notices a server that asks for an answer again as soon as it has one.
type pingCount struct {
	since time.Time
	count int
}

// add counts one request and reports whether they come too fast for a server that goes on working.
func (p *pingCount) add(now time.Time) bool {
	if now.Sub(p.since) > stopPingsWithin {
		*p = pingCount{since: now}
	}
	p.count++
	return p.count >= stopPings
}

func (p *pingCount) reset() {
	*p = pingCount{}
}
