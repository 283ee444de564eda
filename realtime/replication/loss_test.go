package replication_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime/replication"
	"github.com/supportbase/handoff/supabase/local/postgres"
)

// losses collects what OnSlotLost hears.
func losses(options *replication.Options) <-chan string {
	heard := make(chan string, 100)
	options.OnSlotLost = func(_ context.Context, reason string) error {
		heard <- reason
		return nil
	}
	return heard
}

func expectLoss(t *testing.T, heard <-chan string, says string) {
	t.Helper()
	select {
	case reason := <-heard:
		require.Contains(t, reason, says)
	case <-time.After(patience):
		require.FailNow(t, "no loss was reported")
	}
}

func TestAFirstStartIsNoLoss(t *testing.T) {
	t.Parallel()
	r := setup(t)
	options := r.options(t)
	heard := losses(&options)
	stream := follow(t, options, newSink())
	stream.await(t, replication.StateStreaming)
	stream.stop(t)
	follow(t, options, newSink()).await(t, replication.StateStreaming)
	require.Empty(t, heard)
}

// drop removes the slot as an upgrade of the platform does: without a word.
func (r *rig) drop(t *testing.T) {
	t.Helper()
	r.exec(t, "select pg_terminate_backend(active_pid, 5000) from pg_replication_slots where slot_name = $1 and active", r.slot)
	r.exec(t, "select pg_drop_replication_slot($1)", r.slot)
}

func TestAMissingSlotThatExistedIsALoss(t *testing.T) {
	t.Parallel()
	r := setup(t)
	first := follow(t, r.options(t), newSink())
	first.await(t, replication.StateStreaming)
	first.stop(t)
	r.drop(t)
	r.write(t, 1)
	options := r.options(t)
	heard := losses(&options)
	to := newSink()
	second := follow(t, options, to)
	second.await(t, replication.StateSlotLost)
	second.await(t, replication.StateResending)
	second.await(t, replication.StateStreaming)
	expectLoss(t, heard, "missing")
	to.expect(t, 1)
	r.write(t, 2)
	to.expect(t, 2)
}

func TestASlotThatDisappearsWhileStreamingIsALoss(t *testing.T) {
	t.Parallel()
	r := setup(t)
	options := r.options(t)
	heard := losses(&options)
	to := newSink()
	stream := follow(t, options, to)
	stream.await(t, replication.StateStreaming)
	r.drop(t)
	expectLoss(t, heard, "missing")
	stream.await(t, replication.StateStreaming)
	r.write(t, 1)
	to.expect(t, 1)
}

func TestASlotOlderThanItsPublicationIsReplaced(t *testing.T) {
	t.Parallel()
	r := setup(t)
	r.exec(t, "select pg_create_logical_replication_slot($1, 'pgoutput')", r.slot)
	r.write(t, 1) // the slot would have to decode this without a publication, which Postgres refuses
	options := r.options(t)
	heard := losses(&options)
	to := newSink()
	follow(t, options, to).await(t, replication.StateStreaming)
	expectLoss(t, heard, "publication")
	to.expect(t, 1)
	r.write(t, 2)
	to.expect(t, 2)
}

func TestALossThatCannotBeNotedLeavesThingsAsTheyAre(t *testing.T) {
	t.Parallel()
	r := setup(t)
	r.exec(t, "alter table handoff.worker_checkpoint rename to out_of_reach")
	stream := follow(t, r.options(t), newSink())
	stream.await(t, replication.StateWaitingForDatabase)
	stream.stop(t)
	require.Equal(t, "0", queryText(t, r.pool, "select count(*)::text from pg_replication_slots where slot_name = $1", r.slot))
}

func TestASlotThatTheServerInvalidatedIsReplaced(t *testing.T) {
	t.Parallel()
	server := ownServer(t, map[string]string{"max_slot_wal_keep_size": "1MB", "min_wal_size": "32MB", "max_wal_size": "32MB"})
	pool, err := pgxpool.New(t.Context(), server.URL("postgres", postgres.Superuser))
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	r := &rig{pool: pool, slot: "handoff"}
	options := replication.Options{
		URL: server.URL("postgres", postgres.Superuser), Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	stream := follow(t, options, newSink())
	stream.await(t, replication.StateStreaming)
	stream.stop(t)
	for range 4 {
		r.write(t, 1)
		r.exec(t, "select pg_switch_wal()")
	}
	r.exec(t, "checkpoint")
	require.Equal(t, "lost", queryText(t, pool, "select wal_status from pg_replication_slots"))

	heard := losses(&options)
	to := newSink()
	follow(t, options, to).await(t, replication.StateStreaming)
	expectLoss(t, heard, "removed log")
	to.expect(t, 1, 1, 1, 1)
	r.write(t, 2)
	to.expect(t, 2)
}
