package replication_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/realtime/replication"
)

func (r *rig) polling(t *testing.T) replication.Options {
	t.Helper()
	options := r.options(t)
	options.Source = replication.SourcePoll
	return options
}

// notifies tells whether the trigger that wakes a poller is on.
func (r *rig) notifies(t *testing.T) bool {
	t.Helper()
	return queryText(t, r.pool, "select tgenabled::text from pg_trigger where tgname = 'outbox_notify' and tgparentid = 0") != "D"
}

func TestPollGivesWhatCommits(t *testing.T) {
	t.Parallel()
	r := setup(t)
	to := newSink()
	stream := follow(t, r.polling(t), to)
	stream.await(t, replication.StatePolling)
	r.write(t, 1, 2)
	got := to.expect(t, 1, 2)
	require.Zero(t, got.Position)
	require.JSONEq(t, `{"n": 1}`, string(got.Events[0].Payload))
	require.Equal(t, project, got.Events[0].ProjectID)
	require.Empty(t, got.Events[0].ConversationID)
	require.WithinDuration(t, time.Now(), got.Events[0].CreatedAt, time.Minute)
	eventually(t, "notifications are on", func() bool { return r.notifies(t) })
	stream.stop(t)
	require.False(t, r.notifies(t), "nobody listens any more")
	require.Equal(t, "0", queryText(t, r.pool, "select count(*)::text from pg_replication_slots where slot_name = $1", r.slot))
}

func TestPollSendsNothingOfBeforeTheFirstStartAndNothingTwice(t *testing.T) {
	t.Parallel()
	r := setup(t)
	r.write(t, 1)
	to := newSink()
	stream := follow(t, r.polling(t), to)
	stream.await(t, replication.StatePolling)
	r.write(t, 2)
	to.expect(t, 2)
	awaitNoted(t, r, 2)
	stream.stop(t)
	r.write(t, 3)
	again := newSink()
	second := follow(t, r.polling(t), again)
	again.expect(t, 3)
	second.stop(t)
	require.Empty(t, again.arrived)
}

// awaitNoted waits until the delivery of an event is noted. What a stop cuts off before that may come again, and does on a
// busy machine.
func awaitNoted(t *testing.T, r *rig, seq int) {
	t.Helper()
	eventually(t, "the delivery is noted", func() bool {
		return r.column(t, fmt.Sprintf("(select pg_visible_in_snapshot(xid, horizon) from handoff.outbox where seq = %d)", seq)) == "true"
	})
}

func TestPollSendsAgainWhatWasNotSettled(t *testing.T) {
	t.Parallel()
	r := setup(t)
	to := newSink()
	options := r.polling(t)
	options.DrainTimeout = -1
	stream := follow(t, options, to)
	stream.await(t, replication.StatePolling)
	to.hold()
	r.write(t, 1)
	to.expect(t, 1)
	stream.stop(t)
	again := newSink()
	follow(t, r.polling(t), again)
	again.expect(t, 1)
}

// A has the older number and the later place in the conversation; a third transaction, older than both, still runs. A reader
// that takes what lies below the oldest running transaction would wait for it, and one that then catches up by numbers
// could give A before B.
func TestPollKeepsTheOrderOfAConversation(t *testing.T) {
	t.Parallel()
	r := setup(t)
	r.exec(t, conversationsSetup)
	to := newSink()
	stream := follow(t, r.polling(t), to)
	stream.await(t, replication.StatePolling)
	third, a, b := r.begin(t), r.begin(t), r.begin(t) // their numbers are in this order
	say(t, third, conversation(2))
	say(t, b, conversation(1))
	require.NoError(t, b.Commit(t.Context()))
	to.expect(t, 1)
	between := r.begin(t) // so that A lies below a running transaction and B above
	say(t, a, conversation(1))
	require.NoError(t, a.Commit(t.Context()))
	to.expect(t, 2)
	require.NoError(t, between.Rollback(t.Context()))
	require.NoError(t, third.Commit(t.Context()))
	got, _ := to.next(t)
	require.Equal(t, conversation(2), got.Events[0].ConversationID)
}

// begin opens a transaction and gives it its number.
func (r *rig) begin(t *testing.T) pgx.Tx {
	t.Helper()
	tx, err := r.pool.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }) // a slot of any database would wait for it
	_, err = tx.Exec(t.Context(), "select pg_current_xact_id()")
	require.NoError(t, err)
	return tx
}

func say(t *testing.T, tx pgx.Tx, conversation string) {
	t.Helper()
	_, err := tx.Exec(t.Context(), "select public.say($1)", conversation)
	require.NoError(t, err)
}

func TestPollUnderLoadLosesNothingAndKeepsOrder(t *testing.T) {
	t.Parallel()
	r := setup(t)
	r.exec(t, conversationsSetup)
	to := newAudience()
	first := followWith(t, r.polling(t), to.deliver, to.state)
	second := followWith(t, r.polling(t), to.deliver, to.state)
	eventually(t, "one leads and one stands by", func() bool {
		one, other := first.State(), second.State()
		return min(one, other) == replication.StateStandby && max(one, other) == replication.StatePolling
	})
	quiesce := r.talk(t)
	defer quiesce()
	for range 4 {
		heard := to.count()
		eventually(t, "events arrive", func() bool { return to.count() > heard+50 })
		r.exec(t, `select pg_terminate_backend(pid) from pg_locks
			where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())`)
	}
	quiesce()
	to.expectAll(t, r)
}

func (a *audience) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.events
}

func TestPollStandsByWhileAnotherProcessPolls(t *testing.T) {
	t.Parallel()
	r := setup(t)
	to := newSink()
	leader := follow(t, r.polling(t), to)
	leader.await(t, replication.StatePolling)
	standby := follow(t, r.polling(t), to)
	standby.await(t, replication.StateStandby)
	r.write(t, 1)
	to.expect(t, 1)
	awaitNoted(t, r, 1)
	leader.stop(t)
	standby.await(t, replication.StatePolling)
	r.write(t, 2)
	to.expect(t, 2)
}

func TestPollStandsByWhileAnotherProcessStreams(t *testing.T) {
	t.Parallel()
	r := setup(t)
	leader := follow(t, r.options(t), newSink())
	leader.await(t, replication.StateStreaming)
	standby := follow(t, r.polling(t), newSink())
	standby.await(t, replication.StateStandby)
	leader.stop(t)
	standby.await(t, replication.StatePolling)
}

func TestAutoPollsWhileReplicationIsRefusedAndStreamsAfterwards(t *testing.T) {
	t.Parallel()
	r := setup(t)
	admin := r.db.Pool(t, "supabase_admin")
	exec := func(sql string) {
		t.Helper()
		_, err := admin.Exec(t.Context(), strings.ReplaceAll(sql, "ROLE", "worker_"+r.db.Name))
		require.NoError(t, err)
	}
	exec("create role ROLE login password 's3cret'")
	t.Cleanup(func() {
		_, _ = admin.Exec(context.WithoutCancel(t.Context()), "drop owned by worker_"+r.db.Name)
		_, _ = admin.Exec(context.WithoutCancel(t.Context()), "drop role worker_"+r.db.Name)
	})
	exec("grant usage on schema handoff to ROLE")
	exec("grant select on handoff.outbox to ROLE")
	exec("grant select, insert, update on handoff.worker_checkpoint to ROLE")
	exec("grant execute on function handoff.set_notify(boolean) to ROLE")
	options := r.options(t)
	options.Source = replication.SourceAuto
	options.URL = withUser(t, options.URL, "worker_"+r.db.Name, "s3cret")
	require.NoError(t, replication.Check(t.Context(), options))

	states := make(chan replication.State, 1000)
	options.OnState = func(state replication.State) { states <- state }
	stream := replication.New(options)
	stream.SetRecheck(200 * time.Millisecond)
	to := newSink()
	running := start(t, stream, states, to.deliver, to.confirmed)
	running.await(t, replication.StatePolling)
	r.write(t, 1)
	to.expect(t, 1)

	r.exec(t, "create publication handoff_outbox for table handoff.outbox with (publish = 'insert', publish_via_partition_root = true)")
	exec("alter role ROLE replication")
	running.await(t, replication.StateStreaming)
	r.write(t, 2)
	got, seqs := to.next(t)
	require.Equal(t, []int64{2}, seqs, "what polling delivered is not sent again")
	require.Positive(t, got.Position)
	eventually(t, "notifications are off", func() bool { return !r.notifies(t) })
	eventually(t, "the stream confirms", func() bool { return r.confirmed(t) >= got.Position })
}

func TestAutoPollsWhereTheDirectAddressCannotBeReached(t *testing.T) {
	t.Parallel()
	r := setup(t)
	network, direct := between(t, r.db.URL("postgres"), false)
	network.close()
	options := r.options(t)
	options.Source, options.URL, options.PollURL = replication.SourceAuto, direct, options.URL
	require.NoError(t, replication.Check(t.Context(), options))
	to := newSink()
	stream := follow(t, options, to)
	stream.await(t, replication.StatePolling)
	r.write(t, 1)
	to.expect(t, 1)
}

func TestCheckRefusesToPollWithoutTheMigrations(t *testing.T) {
	t.Parallel()
	r := setup(t)
	r.exec(t, "drop table handoff.worker_checkpoint")
	refuses(t, r.polling(t), replication.ErrNoTable, "handoff migrate up")
}

func TestStatsCountWhatPasses(t *testing.T) {
	t.Parallel()
	r := setup(t)
	to := newSink()
	stream := follow(t, r.options(t), to)
	stream.await(t, replication.StateStreaming)
	r.write(t, 1, 2)
	r.write(t, 3)
	to.expect(t, 1, 2)
	last := to.expect(t, 3)
	eventually(t, "the lag is gone", func() bool {
		stats := stream.Stats()
		return stats.Confirmed >= last.Position && stats.LagBytes() == 0
	})
	stats := stream.Stats()
	require.EqualValues(t, 3, stats.Events)
	require.EqualValues(t, 2, stats.Transactions)
	require.Equal(t, last.CommittedAt, stats.LastCommit)
	require.Positive(t, stats.Bytes)
	require.Zero(t, stats.Losses)
	require.Equal(t, replication.StateStreaming, stats.State)
}

func TestPollTakesInNotificationsWhileDeliverBlocks(t *testing.T) {
	t.Parallel()
	r := setup(t)
	release := make(chan struct{})
	to := newSink()
	stream := followWith(t, r.polling(t), func(ctx context.Context, tx realtime.Transaction) error {
		select {
		case <-release:
		case <-ctx.Done():
			return ctx.Err()
		}
		return to.deliver(ctx, tx)
	}, to.confirmed)
	stream.await(t, replication.StatePolling)
	for seq := range int64(60) { // more reads than the courier's queue holds
		r.write(t, seq)
	}
	close(release)
	want := int64(0)
	for want < 60 {
		_, seqs := to.next(t)
		for _, seq := range seqs {
			require.Equal(t, want, seq)
			want++
		}
	}
}

// A hundred thousand events of one transaction pass through without being in memory at once, however they are taken.
func TestAHugeTransactionNeedsLittleMemory(t *testing.T) { //nolint:paralleltest // measures memory, so nothing else may run
	for name, source := range map[string]replication.Source{"streamed": replication.SourceStream, "polled": replication.SourcePoll} {
		t.Run(name, func(t *testing.T) { //nolint:paralleltest // as above
			r := setup(t)
			options := r.options(t)
			options.Source = source
			const events = 100_000
			arrived, peak := 0, uint64(0)
			done := make(chan struct{})
			before := heap()
			stream := followWith(t, options, func(_ context.Context, tx realtime.Transaction) error {
				if arrived%20_000 < 1000 {
					peak = max(peak, heap())
				}
				if arrived += len(tx.Events); arrived == events {
					close(done)
				}
				return nil
			}, func() (realtime.Position, bool) { return 0, false })
			eventually(t, "it leads", func() bool {
				return stream.State() == replication.StateStreaming || stream.State() == replication.StatePolling
			})
			r.exec(t, `insert into handoff.outbox (project_id, kind, seq, payload)
				select $1, 'message', n, jsonb_build_object('text', repeat('x', 400)) from generate_series(1, $2) n`, project, events)
			select {
			case <-done:
			case <-time.After(patience):
				require.FailNow(t, "not all arrived")
			}
			require.Less(t, int64(peak)-int64(before), int64(24<<20), "the events alone are 40 MB and more")
		})
	}
}

// heap is what is in use after a collection.
func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
