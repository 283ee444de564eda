package replication

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/supportbase/handoff/realtime"
)

const startTimeout = 10 * time.Second

// Confirmed says how far the delivered work is done: the end of the last transaction for which it and all before it
// are done, and whether nothing that was delivered is unfinished. It is called from Run's goroutine, also for
// Options.DrainTimeout after Run's context has ended, and must not block.
type Confirmed = func() (position realtime.Position, idle bool)

// session is one replication connection from its start to its end. Everything in it belongs to the goroutine of Run,
// except what the courier does in its own.
type session struct {
	conn      *replicationConn
	decoder   *decoder
	courier   *courier
	progress  progress
	confirmed Confirmed

	// given is the end of the last transaction that was queued for the courier, in this session or before it.
	given realtime.Position
	// mark is the position of the last thing that was read from the table: what the caller says it has settled up to that
	// is no place in the log.
	mark     *atomic.Uint64
	reached  reached
	counters *counters
	// interval is the longest time between two status updates; nextStatus is when the next one is due.
	interval   time.Duration
	nextStatus time.Time
	// heard is when the server last gave a sign of life; quiet is how long it may give none.
	heard time.Time
	quiet time.Duration
	pings pingCount
	// probe looks at the server from outside while nothing is read.
	probe probe
}

// start asks the server to stream from where the slot was confirmed.
func (s *session) start(ctx context.Context, slotName, publication string) error {
	startCtx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	err := pglogrepl.StartReplication(startCtx, s.conn.PgConn, quoteIdentifier(slotName), 0,
		pglogrepl.StartReplicationOptions{
			Mode:       pglogrepl.LogicalReplication,
			PluginArgs: []string{"proto_version '1'", "publication_names " + quoteLiteral(quoteIdentifier(publication))},
		})
	if sqlState(err) == stateObjectInUse {
		err = errSlotBusy
	}
	if err != nil {
		return fmt.Errorf("start replication from slot %s: %w", slotName, err)
	}
	s.heard = time.Now()
	return nil
}

func quoteIdentifier(name string) string {
	return pgx.Identifier{name}.Sanitize()
}

func quoteLiteral(text string) string {
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

// hold keeps the connection alive, without reading from it, until the recorder has queued what must come before the stream.
func (s *session) hold(ctx context.Context, opened <-chan error) error {
	for {
		if err := s.sendStatus(ctx); err != nil {
			return err
		}
		due := time.NewTimer(time.Until(s.nextStatus))
		select {
		case err := <-opened:
			due.Stop()
			s.heard = time.Now()
			if ctx.Err() != nil {
				return context.Cause(ctx) // err only says that it was interrupted
			}
			return err
		case <-ctx.Done():
			due.Stop()
			return context.Cause(ctx)
		case <-due.C:
		}
		s.heard = time.Now() // answers wait unread; their absence means nothing
		if s.probe.stopping(ctx) {
			return errServerStops
		}
	}
}

// run streams until the context ends or something breaks, and returns which.
func (s *session) run(ctx context.Context) error {
	for {
		if err := s.sendStatus(ctx); err != nil {
			return err
		}
		if err := s.readUntilStatusDue(ctx); err != nil {
			return err
		}
	}
}

// readUntilStatusDue handles messages as they come until the next status update is due (nil) or the stream ends.
func (s *session) readUntilStatusDue(ctx context.Context) error {
	due := s.nextStatus
	release, err := s.limitReads(ctx, due)
	if err != nil {
		return err
	}
	defer release()
	for {
		// The connection's own ReceiveMessage watches a context for each message, which costs more than decoding it.
		message, err := s.conn.Frontend().Receive()
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil // what has come of a message is kept for the next call
		case err != nil:
			return fmt.Errorf("receive from the replication connection: %w", err)
		}
		s.heard = time.Now()
		if err := s.handle(ctx, message); err != nil {
			return err
		}
		if s.nextStatus.Before(due) {
			return nil // work has begun after a time without: the rhythm is quicker from here
		}
	}
}

// limitReads lets reads wait until a moment, or until the context ends. The limit is lifted by release.
func (s *session) limitReads(ctx context.Context, until time.Time) (release func(), err error) {
	socket := s.conn.Conn()
	if err := socket.SetReadDeadline(until); err != nil {
		return nil, fmt.Errorf("limit reads: %w", err)
	}
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		_ = socket.SetReadDeadline(time.Unix(1, 0)) // a closed socket needs no waking
	})
	return func() {
		if !stop() {
			<-interrupted
		}
		_ = socket.SetReadDeadline(time.Time{}) // a closed socket says so when it is next used
	}, nil
}

func (s *session) handle(ctx context.Context, message pgproto3.BackendMessage) error {
	switch message := message.(type) {
	case *pgproto3.CopyData:
		return s.handleCopyData(ctx, message.Data)
	case *pgproto3.ErrorResponse:
		return serverError(pgconn.ErrorResponseToPgError(message))
	case *pgproto3.CopyDone, *pgproto3.CommandComplete, *pgproto3.ReadyForQuery:
		return errServerEnded
	case *pgproto3.NoticeResponse, *pgproto3.ParameterStatus:
		return nil // news about the connection, not part of the stream
	default:
		return undecodable("message %T on the replication connection", message)
	}
}

// serverError says why the server ended the stream. A publication that did not exist yet where the log is being read
// can only be got past with a new slot.
func serverError(answer *pgconn.PgError) error {
	if answer.Code == stateUndefinedObject {
		return &SetupError{
			Kind: ErrPublication, Detail: "it did not exist yet when the log to be read was written", Cause: answer,
			Remedy: "Drop the replication slot; it is made again by itself",
		}
	}
	return fmt.Errorf("replication stream: %w", answer)
}

func (s *session) handleCopyData(ctx context.Context, data []byte) error {
	if len(data) == 0 {
		return undecodable("an empty message on the replication connection")
	}
	switch data[0] {
	case pglogrepl.PrimaryKeepaliveMessageByteID:
		return s.handleKeepalive(ctx, data[1:])
	case pglogrepl.XLogDataByteID:
		s.pings.reset()
		return s.handleXLogData(ctx, data[1:])
	default:
		return undecodable("message %q on the replication connection", data[0])
	}
}

// handleKeepalive notes how far the server has sent, and answers at once when asked to.
func (s *session) handleKeepalive(ctx context.Context, data []byte) error {
	keepalive, err := pglogrepl.ParsePrimaryKeepaliveMessage(data)
	if err != nil {
		return undecodable("keepalive: %w", err)
	}
	s.counters.serverEnd.Store(uint64(keepalive.ServerWALEnd))
	if !s.decoder.begun { // inside a transaction the position may lie past events that are still to come
		s.progress.read(realtime.Position(keepalive.ServerWALEnd))
	}
	if !keepalive.ReplyRequested {
		return nil
	}
	if s.pings.add(time.Now()) && s.progress.outstanding() {
		return errServerStops
	}
	return s.sendStatus(ctx)
}

func (s *session) handleXLogData(ctx context.Context, data []byte) error {
	chunk, err := pglogrepl.ParseXLogData(data)
	if err != nil {
		return undecodable("log data: %w", err)
	}
	s.counters.bytes.Add(uint64(len(data)))
	s.counters.serverEnd.Store(max(s.counters.serverEnd.Load(), uint64(chunk.ServerWALEnd)))
	tx, err := s.decoder.decode(chunk.WALData)
	if err != nil {
		return fmt.Errorf("log at %s: %w", realtime.Position(chunk.WALStart), err)
	}
	if tx == nil {
		return nil
	}
	s.hasten()
	if s.decoder.commitAt >= s.given { // else it was delivered before the connection was lost, and is only sent again
		if err := s.give(ctx, *tx); err != nil {
			return err
		}
	}
	s.progress.read(tx.Position)
	return nil
}

// give queues a transaction for the courier. While the queue is full nothing is read from the connection, so that the
// database keeps what follows, but status updates go on: the server would take silence for death. What the server says
// is not heard meanwhile, so whether it shuts down is found out by the probe.
func (s *session) give(ctx context.Context, tx realtime.Transaction) error {
	for {
		err := s.offer(ctx, tx)
		if !errors.Is(err, errStatusDue) {
			return err
		}
		s.heard = time.Now() // answers wait unread behind this transaction; their absence means nothing
		if err := s.sendStatus(ctx); err != nil {
			return err
		}
		if s.probe.stopping(ctx) {
			return errServerStops
		}
	}
}

// offer waits for a place in the courier's queue until the next status update is due.
func (s *session) offer(ctx context.Context, tx realtime.Transaction) error {
	next := parcel{Transaction: tx, end: tx.Position}
	taken, err := s.courier.tryPut(next), error(nil)
	if !taken {
		due := time.NewTimer(time.Until(s.nextStatus))
		defer due.Stop()
		taken, err = s.courier.put(ctx, next, due.C)
	}
	switch {
	case err != nil:
		return err
	case !taken:
		return errStatusDue
	}
	s.given = max(s.given, tx.Position) // all parts of a transaction but the last have none
	return nil
}
