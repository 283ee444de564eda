package replication_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/realtime/replication"
)

// conversationsSetup makes what events of conversations are ordered by: a number under a row lock.
const conversationsSetup = `
create table public.conversations (id uuid primary key, event_seq bigint not null default 0);
insert into public.conversations select format('00000000-0000-4000-9000-%s', lpad(n::text, 12, '0'))::uuid from generate_series(1, 20) n;
create function public.say(conversation uuid) returns bigint language sql as $$
  with locked as (update public.conversations set event_seq = event_seq + 1 where id = conversation returning id, event_seq)
  insert into handoff.outbox (project_id, conversation_id, kind, seq, payload)
  select '00000000-0000-4000-8000-000000000001', locked.id, 'message', locked.event_seq, '{"n": 1}' from locked
  returning seq
$$`

func conversation(n int) string {
	return fmt.Sprintf("00000000-0000-4000-9000-%012d", n)
}

// talk has some writers write to twenty conversations until the returned function is called.
func (r *rig) talk(t *testing.T) (quiesce func()) {
	t.Helper()
	var quiet atomic.Bool
	var writers sync.WaitGroup
	for writer := range 4 {
		writers.Go(func() {
			for n := writer; !quiet.Load(); n += 3 {
				_, err := r.pool.Exec(t.Context(), "select public.say($1)", conversation(1+n%20))
				assert.NoError(t, err)
			}
		})
	}
	return sync.OnceFunc(func() {
		quiet.Store(true)
		writers.Wait()
	})
}

// audience notes what arrived of each conversation and forgets what it has seen before, as clients do.
type audience struct {
	mu        sync.Mutex
	seen      map[int64]bool
	heard     map[string][]int64
	events    int
	confirmed realtime.Position
}

func newAudience() *audience {
	return &audience{seen: map[int64]bool{}, heard: map[string][]int64{}}
}

func (a *audience) deliver(_ context.Context, tx realtime.Transaction) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.confirmed = max(a.confirmed, tx.Position)
	for _, event := range tx.Events {
		a.events++
		if !a.seen[event.ID] {
			a.seen[event.ID] = true
			a.heard[event.ConversationID] = append(a.heard[event.ConversationID], event.Seq)
		}
	}
	return nil
}

func (a *audience) state() (realtime.Position, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.confirmed, true
}

// expectAll asserts that exactly what is in the outbox arrived, in order.
func (a *audience) expectAll(t *testing.T, r *rig) {
	t.Helper()
	want := map[string][]int64{}
	rows, err := r.pool.Query(t.Context(), "select conversation_id::text, seq from handoff.outbox order by seq")
	require.NoError(t, err)
	var id string
	var seq int64
	_, err = pgx.ForEachRow(rows, []any{&id, &seq}, func() error {
		want[id] = append(want[id], seq)
		return nil
	})
	require.NoError(t, err)
	total, err := pgx.CollectExactlyOneRow(must(r.pool.Query(t.Context(), "select count(*)::int from handoff.outbox")), pgx.RowTo[int])
	require.NoError(t, err)
	eventually(t, "everything arrives", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return len(a.seen) == total
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	require.Equal(t, want, a.heard)
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// column is one column of the checkpoint as text; "" for null.
func (r *rig) column(t *testing.T, name string) string {
	t.Helper()
	return queryText(t, r.pool, "select coalesce((select ("+name+")::text from handoff.worker_checkpoint where slot = $1), '')", r.slot)
}

func TestASlotDroppedUnderLoadLosesNothing(t *testing.T) {
	t.Parallel()
	r := setup(t)
	r.exec(t, conversationsSetup)
	to := newAudience()
	stream := followWith(t, r.options(t), to.deliver, to.state)
	stream.await(t, replication.StateStreaming)
	quiesce := r.talk(t)
	defer quiesce()
	for range 4 {
		before := r.column(t, "horizon")
		eventually(t, "a checkpoint is written", func() bool { return r.column(t, "horizon") != before })
		// While the slot is in use again quickly it cannot be dropped: then the connection is ended once more.
		eventually(t, "the slot is dropped", func() bool {
			_, err := r.pool.Exec(t.Context(), `select pg_terminate_backend(active_pid, 5000) from pg_replication_slots where slot_name = $1 and active`, r.slot)
			if err == nil {
				_, err = r.pool.Exec(t.Context(), "select pg_drop_replication_slot($1)", r.slot)
			}
			return err == nil
		})
		stream.await(t, replication.StateResending)
		stream.await(t, replication.StateStreaming)
	}
	quiesce()
	to.expectAll(t, r)
	eventually(t, "the resend ends", func() bool { return r.column(t, "resend_from") == "" })
	require.EqualValues(t, 4, stream.Stats().Losses)
}

var errKilled = errors.New("killed")

func TestAResendThatIsKilledBeginsAgain(t *testing.T) {
	t.Parallel()
	for _, survives := range []int{0, 1, 2, 3} {
		t.Run(fmt.Sprintf("after %d parts", survives), func(t *testing.T) {
			t.Parallel()
			r := setup(t)
			first := follow(t, r.options(t), newSink())
			first.await(t, replication.StateStreaming)
			first.stop(t)
			r.drop(t)
			r.exec(t, `insert into handoff.outbox (project_id, kind, seq, payload)
				select $1, 'message', n, '{"n": 1}' from generate_series(1, 1200) n`, project)

			parts := 0
			killed := followWith(t, r.options(t), func(context.Context, realtime.Transaction) error {
				if parts++; parts > survives {
					return errKilled
				}
				return nil
			}, func() (realtime.Position, bool) { return 0, false })
			require.ErrorIs(t, killed.ended(t), errKilled)
			require.NotEmpty(t, r.column(t, "resend_from"))

			to := newSink()
			follow(t, r.options(t), to)
			var got []int64
			for len(got) < 1200 {
				_, seqs := to.next(t)
				got = append(got, seqs...)
			}
			require.True(t, slices.IsSorted(got))
			require.EqualValues(t, 1200, got[1199])
			eventually(t, "the resend ends", func() bool { return r.column(t, "resend_from") == "" })
		})
	}
}

func TestAResendLastsUntilItIsSettled(t *testing.T) {
	t.Parallel()
	r := setup(t)
	first := follow(t, r.options(t), newSink())
	first.await(t, replication.StateStreaming)
	first.stop(t)
	r.drop(t)
	r.write(t, 1)
	to := newSink()
	to.hold()
	second := follow(t, r.options(t), to)
	second.await(t, replication.StateStreaming)
	to.expect(t, 1)
	r.write(t, 2)
	last := to.expect(t, 2)
	horizon := r.column(t, "horizon")
	require.NotEmpty(t, r.column(t, "resend_from"))

	to.confirm(last.Position)
	eventually(t, "the resend ends", func() bool { return r.column(t, "resend_from") == "" })
	require.NotEqual(t, horizon, r.column(t, "horizon"))
}

func TestALossDuringAResendIsMadeGoodToo(t *testing.T) {
	t.Parallel()
	r := setup(t)
	first := follow(t, r.options(t), newSink())
	first.await(t, replication.StateStreaming)
	first.stop(t)
	r.drop(t)
	r.write(t, 1)
	to := newSink()
	to.hold()
	second := follow(t, r.options(t), to)
	second.await(t, replication.StateStreaming)
	to.expect(t, 1)
	second.stop(t)
	r.drop(t)
	r.write(t, 2)
	again := newSink()
	follow(t, r.options(t), again)
	again.expect(t, 1, 2)
	require.Equal(t, "3", r.column(t, "losses"), "the first start is one")
}

// lockedText is a log that is read while it is written.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedText) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestTheEndOfAResendDoesNotClearALossThatWasNotedMeanwhile(t *testing.T) {
	t.Parallel()
	r := setup(t)
	first := follow(t, r.options(t), newSink())
	first.await(t, replication.StateStreaming)
	first.stop(t)
	r.drop(t)
	r.write(t, 1)
	to := newSink()
	to.hold()
	options := r.options(t)
	var logged lockedText
	options.Logger = slog.New(slog.NewTextHandler(&logged, nil))
	second := follow(t, options, to)
	second.await(t, replication.StateStreaming)
	to.expect(t, 1)
	// Another process finds the slot gone, which this one has not noticed, and notes that.
	r.exec(t, "update handoff.worker_checkpoint set losses = losses + 1")
	to.release()
	eventually(t, "the resend has arrived", func() bool { return strings.Contains(logged.String(), "has arrived") })
	require.NotEmpty(t, r.column(t, "resend_from"))
}

// The younger transaction writes first in the conversation, so the order of their numbers is not that of the events.
func TestAResendKeepsTheOrderOfAConversation(t *testing.T) {
	t.Parallel()
	r := setup(t)
	r.exec(t, conversationsSetup)
	first := follow(t, r.options(t), newSink())
	first.await(t, replication.StateStreaming)
	first.stop(t)
	r.drop(t)
	older, younger := r.begin(t), r.begin(t)
	say(t, younger, conversation(1))
	require.NoError(t, younger.Commit(t.Context()))
	say(t, older, conversation(1))
	require.NoError(t, older.Commit(t.Context()))
	to := newSink()
	follow(t, r.options(t), to)
	to.expect(t, 1, 2)
}

func TestTheHorizonIsWhatIsConfirmed(t *testing.T) {
	t.Parallel()
	r := setup(t)
	to := newSink()
	stream := follow(t, r.options(t), to)
	stream.await(t, replication.StateStreaming)
	first := r.column(t, "horizon")
	r.write(t, 1)
	to.expect(t, 1)
	eventually(t, "the horizon moves", func() bool { return r.column(t, "horizon") != first })

	to.hold()
	r.write(t, 2)
	pending := to.expect(t, 2)
	visible := "(select bool_and(pg_visible_in_snapshot(xid, horizon)) from handoff.outbox)"
	intervals := time.NewTimer(500 * time.Millisecond)
	defer intervals.Stop()
	<-intervals.C // the claim is that nothing happens in this time
	require.Equal(t, "false", r.column(t, visible))
	to.confirm(pending.Position)
	eventually(t, "the horizon moves", func() bool { return r.column(t, visible) == "true" })
	require.LessOrEqual(t, pending.Position, must(realtime.ParsePosition(r.column(t, "confirmed"))))
}

func TestAnIdleDatabaseIsNotWrittenTo(t *testing.T) {
	t.Parallel()
	r := setup(t)
	to := newSink()
	stream := follow(t, r.options(t), to)
	stream.await(t, replication.StateStreaming)
	r.write(t, 1)
	to.expect(t, 1)
	eventually(t, "the horizon shows all", func() bool {
		return r.column(t, "(select bool_and(pg_visible_in_snapshot(xid, horizon)) from handoff.outbox)") == "true"
	})
	stable := func() string { return r.column(t, "ctid") }
	before := stable()
	intervals := time.NewTimer(500 * time.Millisecond)
	defer intervals.Stop()
	<-intervals.C // the claim is that nothing happens in this time
	require.Equal(t, before, stable())
}

// A transaction that runs for long must hold back neither the others nor the horizon, and must not be lost itself although
// its number is old when it commits.
func TestALongTransactionHoldsNothingBackAndIsNotLost(t *testing.T) {
	t.Parallel()
	r := setup(t)
	to := newSink()
	stream := follow(t, r.options(t), to)
	stream.await(t, replication.StateStreaming)
	long := r.begin(t)
	_, err := long.Exec(t.Context(), insertEvent, project, 1)
	require.NoError(t, err)
	for seq := range int64(3) {
		r.write(t, 10+seq)
		to.expect(t, 10+seq)
	}
	eventually(t, "the horizon passes it", func() bool {
		return r.column(t, "pg_snapshot_xmax(horizon) > horizon_xid") == "true" &&
			r.column(t, "(select bool_and(pg_visible_in_snapshot(xid, horizon)) from handoff.outbox)") == "true"
	})
	stream.stop(t)
	r.drop(t)
	require.NoError(t, long.Commit(t.Context()))
	again := newSink()
	follow(t, r.options(t), again)
	again.expect(t, 1) // and nothing of what was delivered
	r.write(t, 20)
	again.expect(t, 20)
}

// A project that was paused comes back from a dump: its rows keep their numbers, the server counts from the beginning.
func TestARestoreFromADumpLosesNothing(t *testing.T) {
	t.Parallel()
	r := setup(t)
	to := newSink()
	stream := follow(t, r.options(t), to)
	stream.await(t, replication.StateStreaming)
	stream.stop(t)
	r.drop(t)
	r.exec(t, "update handoff.worker_checkpoint set horizon = '900000000000:900000000000:'")
	r.exec(t, `insert into handoff.outbox (project_id, kind, seq, payload, xid) values
		($1, 'message', 1, '{}', '899999999999'), ($1, 'message', 2, '{}', '900000000001')`, project)
	r.write(t, 3)
	again := newSink()
	follow(t, r.options(t), again)
	again.expect(t, 2, 3)
	eventually(t, "the horizon is of this server", func() bool {
		return r.column(t, "pg_snapshot_xmax(horizon) <= pg_snapshot_xmax(pg_current_snapshot())") == "true"
	})
}
