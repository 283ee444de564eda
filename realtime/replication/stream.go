package replication

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5"

	"github.com/supportbase/handoff/realtime"
)

const (
	// operatorDelay is the shortest wait after an error that a person must clear. Supabase bans an address that sends
	// wrong passwords quickly, and a missing privilege does not come back by asking often.
	operatorDelay = time.Minute

	firstRetry = 200 * time.Millisecond
	lastRetry  = 10 * time.Second
	// healthyAfter is how long a stream must have lived for the next failure to count as the first.
	healthyAfter = 5 * time.Second

	// standbyPoll is how often a standby looks whether the slot is free. It begins with standbyFirst, because a slot
	// that this process itself lost a moment ago frees at once.
	standbyFirst = 100 * time.Millisecond
	standbyPoll  = time.Second

	// quietTime is longer than the time a server may be busy decoding a large transaction without answering.
	quietTime = 2 * time.Minute
)

// Stream follows the outbox of one database. Its methods are safe for concurrent use; Run is called once.
type Stream struct {
	options       Options
	state         atomic.Int32
	counters      counters
	quiet         time.Duration
	probeInterval time.Duration
	recheck       time.Duration
}

// New makes a stream. Nothing happens before Run.
func New(options Options) *Stream {
	return &Stream{options: options.withDefaults(), quiet: quietTime, probeInterval: probeInterval, recheck: recheckInterval}
}

// State says what the stream is doing.
func (s *Stream) State() State {
	return State(s.state.Load())
}

func (s *Stream) setState(ctx context.Context, state State) {
	if s.state.Swap(int32(state)) == int32(state) {
		return
	}
	s.options.Logger.InfoContext(ctx, "replication state changed", slog.String("state", state.String()))
	s.options.OnState(state)
}

// Run delivers committed transactions until its context ends, and then returns nil. It makes the publication and the
// slot when they are missing, sends again from the table what a lost slot did not carry, stands by while another process
// leads, and reconnects for as long as it takes; an error that needs a person (NeedsOperator) is tried again at most
// once a minute.
//
// It returns an error when going on would be wrong: what the server sends cannot be decoded, deliver refused a
// transaction, the database was replaced, or the connection string is not valid. IsRetryable is false for these.
//
// deliver is called from one goroutine, in commit order; that goroutine has ended when Run returns. confirmed is called
// from Run's. See Deliver and Confirmed.
func (s *Stream) Run(ctx context.Context, deliver Deliver, confirmed Confirmed) error {
	defer s.setState(context.WithoutCancel(ctx), StateStopped)
	config, err := parseURL(s.options.URL)
	if err != nil {
		return err
	}
	pollConfig, err := parseURL(s.options.PollURL)
	if err != nil {
		return err
	}
	r := &runner{
		Stream: s, config: config, pollConfig: pollConfig, table: splitTable(s.options.Table), deliver: deliver, confirmed: confirmed,
		source: s.options.Source, polling: s.options.Source == SourcePoll,
		backoff: &backoff.ExponentialBackOff{
			InitialInterval: firstRetry, MaxInterval: lastRetry, Multiplier: 2, RandomizationFactor: 0.3,
		},
	}
	return r.loop(ctx)
}

// runner is what one Run knows across its attempts.
type runner struct {
	*Stream
	config     *pgx.ConnConfig
	pollConfig *pgx.ConnConfig
	table      tableName
	deliver    Deliver
	confirmed  Confirmed
	source     Source

	// polling says that the next attempt polls, pollReason why, and streamTried when streaming was last tried.
	polling     bool
	pollReason  string
	streamTried time.Time

	// lossReason is why the slot was lost, until what followed was sent again.
	lossReason string
	// mark is the last position that was given to something read from the table; see nextMark.
	mark atomic.Uint64
	// origin is the log that delivered belongs to; it is empty before the first connection.
	origin origin
	// delivered is the end of the last transaction that deliver took.
	delivered realtime.Position

	backoff  *backoff.ExponentialBackOff
	attempts int
}

func (r *runner) loop(ctx context.Context) error {
	for {
		started := time.Now()
		err := r.attemptEither(ctx)
		if !IsRetryable(err) {
			return err
		}
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the attempt ended because it was told to
		}
		if r.leading() && time.Since(started) > healthyAfter {
			r.backoff.Reset()
			r.attempts = 0
		}
		if r.turn(ctx, err) {
			continue
		}
		if !wait(ctx, r.afterFailure(ctx, err)) {
			return nil
		}
	}
}

func (r *runner) attemptEither(ctx context.Context) error {
	if r.polling {
		return r.poll(ctx)
	}
	r.streamTried = time.Now()
	return r.attempt(ctx)
}

// leading reports whether the attempt that has just ended got to its work.
func (r *runner) leading() bool {
	state := r.State()
	return state == StateStreaming || state == StatePolling
}

// afterFailure reports what went wrong and says how long to wait.
func (r *runner) afterFailure(ctx context.Context, err error) time.Duration {
	if errors.Is(err, errSlotBusy) || errors.Is(err, errRace) {
		return jittered(standbyFirst) // another process was quicker: the next attempt stands by
	}
	r.attempts++
	r.setState(ctx, StateWaitingForDatabase)
	delay := r.backoff.NextBackOff()
	level := slog.LevelWarn
	if NeedsOperator(err) {
		delay = operatorDelay + rand.N(operatorDelay/4) //nolint:gosec // spreads load, keeps no secret
		level = slog.LevelError
	}
	r.options.Logger.LogAttrs(ctx, level, "replication attempt ended",
		slog.Any("err", err), slog.Int("attempt", r.attempts), slog.Duration("retry_in", delay))
	return delay
}

// attempt goes from nothing to streaming and returns why that ended; never nil.
func (r *runner) attempt(ctx context.Context) error {
	sql := &link{config: r.config}
	defer sql.drop(ctx)
	from, err := r.prepare(ctx, sql)
	if err != nil {
		return err
	}
	conn, err := connectReplication(ctx, r.config)
	if err != nil {
		return err
	}
	defer closeReplication(ctx, conn.PgConn)
	if err := r.recognise(conn); err != nil {
		return err
	}
	return r.stream(ctx, conn, sql, from)
}

// recognise refuses a log in which what was delivered is not at the same place.
func (r *runner) recognise(conn *replicationConn) error {
	if r.origin == (origin{}) {
		r.origin = conn.origin
	}
	if conn.origin == r.origin && conn.end >= r.delivered {
		return nil
	}
	return &SetupError{
		Kind: ErrDatabaseReplaced,
		Detail: "its log does not continue the one read before, which reached " + r.delivered.String() +
			"; it ends at " + conn.end.String(),
		Remedy: "Start the process again",
	}
}

// stream runs one session.
func (r *runner) stream(ctx context.Context, conn *replicationConn, sql *link, from realtime.Position) error {
	sessionCtx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	s := &session{
		conn: conn, decoder: newDecoder(r.table), confirmed: r.confirmed,
		progress: progress{received: from, flushed: from},
		given:    r.delivered,
		mark:     &r.mark,
		counters: &r.counters,
		interval: statusInterval(r.options.StatusInterval, conn.senderTimeout),
		quiet:    r.quiet,
		probe:    probe{config: r.config, interval: r.probeInterval},
	}
	if err := s.start(ctx, r.options.Slot, r.options.Publication); err != nil {
		return err
	}
	s.courier = startCourier(sessionCtx, r.deliver, r.delivered, &r.counters, fail)
	recorder := r.startRecorder(sessionCtx, sql, s.courier, &s.reached)
	err := s.hold(sessionCtx, recorder.opened)
	if err == nil {
		r.setState(ctx, StateStreaming)
		r.pollReason = ""
		r.options.Logger.InfoContext(ctx, "streaming from the replication slot",
			slog.String("slot", r.options.Slot), slog.String("lsn", from.String()))
		err = s.run(sessionCtx)
	}
	recorder.stop()
	s.courier.stop()
	if ctx.Err() != nil && IsRetryable(err) {
		r.finish(ctx, s)
	}
	r.delivered = s.courier.position()
	return err
}

// finish says good-bye to the server. What goes wrong is logged only: the process ends as asked, and the next one may
// see some transactions again.
func (r *runner) finish(ctx context.Context, s *session) {
	if err := s.finish(context.WithoutCancel(ctx), r.options.DrainTimeout); err != nil {
		r.options.Logger.WarnContext(ctx, "last confirmation may not have arrived", slog.Any("err", err))
	}
}

// statusInterval keeps well under the silence that the server allows.
func statusInterval(wanted, senderTimeout time.Duration) time.Duration {
	if senderTimeout <= 0 {
		return wanted
	}
	return min(wanted, senderTimeout/3)
}

// wait reports false when the context ended first.
func wait(ctx context.Context, delay time.Duration) bool {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// jittered is a fifth more or less than delay, so that several standbys do not ask in step.
func jittered(delay time.Duration) time.Duration {
	return delay*4/5 + rand.N(delay*2/5) //nolint:gosec // spreads load, keeps no secret
}
