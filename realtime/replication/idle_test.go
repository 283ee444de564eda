package replication_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime/replication"
)

// idleRounds is how often an hour without events tells the database how far the work is, at the default interval.
const idleRounds = int(time.Hour / replication.DefaultStatusInterval)

// An hour in which nothing happens that concerns the worker, while others write, with each interval 500 times shorter: the
// server is answered, the log of the others is let go, nothing piles up, and the next event arrives at once.
func TestAnIdleHour(t *testing.T) { //nolint:paralleltest // measures memory, so nothing else may run
	r := setup(t)
	r.exec(t, `do $$ begin execute format('alter database %I set wal_sender_timeout = 1000', current_database()); end $$`)
	options := r.options(t)
	options.StatusInterval = replication.DefaultStatusInterval / 500
	options.CheckpointInterval = replication.DefaultCheckpointInterval / 500
	to := newSink()
	stream := follow(t, options, to)
	stream.await(t, replication.StateStreaming)
	r.write(t, 1)
	to.expect(t, 1)
	walsender := func() string {
		return queryText(t, r.pool, "select active_pid::text from pg_replication_slots where slot_name = $1", r.slot)
	}
	connection, before, began := walsender(), heap(), time.Now()

	for round := range idleRounds {
		r.exec(t, "insert into public.elsewhere values (repeat('x', 10000))")
		if round%60 == 0 {
			end := r.walEnd(t)
			eventually(t, "the log of other tables is let go", func() bool { return r.confirmed(t) >= end })
		}
	}
	eventually(t, "the server would have hung up on a silent client", func() bool { return time.Since(began) > 2*time.Second })

	assert.Equal(t, connection, walsender(), "the connection was never lost")
	assert.Equal(t, replication.StateStreaming, stream.State())
	assert.Empty(t, stream.states, "the state has not changed")
	assert.Less(t, int64(heap())-int64(before), int64(2<<20), "nothing piles up")
	r.write(t, 2)
	to.expect(t, 2)
	stats := stream.Stats()
	assert.Equal(t, uint64(2), stats.Events)
	assert.Zero(t, stats.Losses)
}

// A transaction that stays open while others commit keeps none of them waiting, and arrives whole when it commits.
func TestALongTransactionStallsNobody(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]replication.Source{"streamed": replication.SourceStream, "polled": replication.SourcePoll} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := setup(t)
			options := r.options(t)
			options.Source = source
			to := newSink()
			stream := follow(t, options, to)
			eventually(t, "it leads", func() bool {
				return stream.State() == replication.StateStreaming || stream.State() == replication.StatePolling
			})
			long := r.begin(t)
			_, err := long.Exec(t.Context(), `insert into handoff.outbox (project_id, kind, seq, payload)
				select $1, 'message', n, '{}' from generate_series(10001, 20000) n`, project)
			require.NoError(t, err)

			for seq := range int64(50) {
				r.write(t, seq+1)
				tx := to.expect(t, seq+1)
				if source == replication.SourceStream {
					eventually(t, "it is confirmed, whatever stays open", func() bool { return r.confirmed(t) >= tx.Position })
				}
			}

			require.NoError(t, long.Commit(t.Context()))
			want := int64(10_001)
			for want <= 20_000 {
				_, seqs := to.next(t)
				for _, seq := range seqs {
					require.Equal(t, want, seq)
					want++
				}
			}
			r.write(t, 51)
			to.expect(t, 51)
		})
	}
}
