package replication_test

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/realtime/replication"
	"github.com/supportbase/handoff/supabase/local/localtest"
)

// patience is how long a test waits for something that should come at once.
const patience = 20 * time.Second

const project = "00000000-0000-4000-8000-000000000001"

// outboxSetup makes the part of the schema that this package reads.
const outboxSetup = `
create schema handoff;
create table handoff.outbox (
  id bigint generated always as identity,
  bucket smallint not null default (extract(doy from now())::int % 7),
  xid xid8 not null default pg_current_xact_id(),
  project_id uuid not null,
  conversation_id uuid,
  kind text not null,
  seq bigint not null default 0,
  payload jsonb not null,
  created_at timestamptz not null default now(),
  primary key (xid, id, bucket)
) partition by list (bucket);
do $$ begin
  for day in 0..6 loop
    execute format('create table handoff.outbox_%s partition of handoff.outbox for values in (%s)', day, day);
  end loop;
end $$;
create table public.elsewhere (noise text);
do $$ begin
  if not exists (select from pg_roles where rolname = 'anon') then
    create role anon;
    create role authenticated;
  end if;
end $$;`

// checkpointFile makes the rest; it is the text that users get.
const checkpointFile = "../../migrations/sql/41_checkpoint.sql"

func setupOutbox(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, outboxSetup); err != nil {
		return err
	}
	checkpoint, err := os.ReadFile(checkpointFile)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, string(checkpoint))
	return err
}

// rig is a database with an outbox, and a slot name of its own: slots belong to the server, not to the database.
type rig struct {
	db   *localtest.Database
	pool *pgxpool.Pool
	slot string
}

func setup(t *testing.T) *rig {
	t.Helper()
	db := localtest.New(t, localtest.WithSetup("outbox", setupOutbox))
	return &rig{db: db, pool: db.Pool(t, "postgres"), slot: "slot_" + db.Name}
}

func (r *rig) options(t *testing.T) replication.Options {
	t.Helper()
	return replication.Options{
		URL: r.db.URL("postgres"), Slot: r.slot, StatusInterval: 200 * time.Millisecond,
		Source: replication.SourceStream, CheckpointInterval: 100 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
}

const insertEvent = `insert into handoff.outbox (project_id, kind, seq, payload) values ($1, 'message', $2, '{"n": 1}')`

// write commits one transaction with one event for each number.
func (r *rig) write(t *testing.T, seqs ...int64) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), r.pool, func(tx pgx.Tx) error {
		for _, seq := range seqs {
			if _, err := tx.Exec(t.Context(), insertEvent, project, seq); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
}

func (r *rig) exec(t *testing.T, sql string, values ...any) {
	t.Helper()
	_, err := r.pool.Exec(t.Context(), sql, values...)
	require.NoError(t, err)
}

func queryText(t *testing.T, pool *pgxpool.Pool, sql string, values ...any) string {
	t.Helper()
	var text string
	require.NoError(t, pool.QueryRow(t.Context(), sql, values...).Scan(&text))
	return text
}

// confirmed is how far Postgres knows the work to be done.
func (r *rig) confirmed(t *testing.T) realtime.Position {
	t.Helper()
	text := queryText(t, r.pool, "select confirmed_flush_lsn::text from pg_replication_slots where slot_name = $1", r.slot)
	position, err := realtime.ParsePosition(text)
	require.NoError(t, err)
	return position
}

// walEnd is how far the log reaches now.
func (r *rig) walEnd(t *testing.T) realtime.Position {
	t.Helper()
	position, err := realtime.ParsePosition(queryText(t, r.pool, "select pg_current_wal_flush_lsn()::text"))
	require.NoError(t, err)
	return position
}

// sink takes transactions as the bridge would. It confirms each at once unless held.
type sink struct {
	arrived chan realtime.Transaction

	mu   sync.Mutex
	last realtime.Position
	done realtime.Position
	held bool
	// unfinished are those that were taken since hold and not confirmed.
	unfinished int
}

func newSink() *sink {
	return &sink{arrived: make(chan realtime.Transaction, 10_000)}
}

// hold makes the sink take transactions without doing them, from now on.
func (s *sink) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = true
}

func (s *sink) confirm(upTo realtime.Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done, s.unfinished = upTo, 0
}

// release ends a hold and confirms all that was taken.
func (s *sink) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held, s.done, s.unfinished = false, s.last, 0
}

func (s *sink) deliver(_ context.Context, tx realtime.Transaction) error {
	s.mu.Lock()
	s.last = max(s.last, tx.Position)
	if s.held {
		s.unfinished++
	} else {
		s.done = max(s.done, tx.Position)
	}
	s.mu.Unlock()
	if len(tx.Events) > 0 {
		s.arrived <- tx
	}
	return nil
}

func (s *sink) confirmed() (realtime.Position, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done, s.done >= s.last && s.unfinished == 0
}

// next waits for one transaction and gives the numbers of its events.
func (s *sink) next(t *testing.T) (realtime.Transaction, []int64) {
	t.Helper()
	select {
	case tx := <-s.arrived:
		var seqs []int64
		for _, event := range tx.Events {
			seqs = append(seqs, event.Seq)
		}
		return tx, seqs
	case <-time.After(patience):
		require.FailNow(t, "no transaction arrived")
		return realtime.Transaction{}, nil
	}
}

func (s *sink) expect(t *testing.T, want ...int64) realtime.Transaction {
	t.Helper()
	tx, got := s.next(t)
	require.Equal(t, want, got)
	return tx
}

// running is a stream under test.
type running struct {
	*replication.Stream
	states chan replication.State
	result chan error
	cancel context.CancelFunc
}

type deliverFunc = func(context.Context, realtime.Transaction) error

// follow runs a stream until stop, or until the test ends.
func follow(t *testing.T, options replication.Options, to *sink) *running {
	t.Helper()
	return followWith(t, options, to.deliver, to.confirmed)
}

func followWith(t *testing.T, options replication.Options, deliver deliverFunc, confirmed replication.Confirmed) *running {
	t.Helper()
	states := make(chan replication.State, 1000)
	options.OnState = func(state replication.State) { states <- state }
	return start(t, replication.New(options), states, deliver, confirmed)
}

func start(t *testing.T, stream *replication.Stream, states chan replication.State, deliver deliverFunc, confirmed replication.Confirmed) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{Stream: stream, states: states, result: make(chan error, 1), cancel: cancel}
	go func() {
		err := stream.Run(ctx, deliver, confirmed)
		t.Logf("run returned: %v", err)
		r.result <- err
		close(r.result)
	}()
	t.Cleanup(func() {
		cancel()
		<-r.result
	})
	return r
}

// await waits until the stream enters a state.
func (r *running) await(t *testing.T, want replication.State) {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case state := <-r.states:
			if state == want {
				return
			}
		case err := <-r.result:
			require.FailNow(t, "the stream ended", "waiting for %s: %v", want, err)
		case <-deadline:
			require.FailNow(t, "state not reached", "waiting for %s, is %s", want, r.State())
		}
	}
}

// stop ends the stream in an orderly way.
func (r *running) stop(t *testing.T) {
	t.Helper()
	r.cancel()
	require.NoError(t, r.ended(t))
	require.Equal(t, replication.StateStopped, r.State())
}

// ended waits until Run has returned.
func (r *running) ended(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.result:
		return err
	case <-time.After(patience):
		require.FailNow(t, "the stream does not end")
		return nil
	}
}

// eventually is for what only a query can show.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	require.Eventually(t, holds, patience, 20*time.Millisecond, what)
}
