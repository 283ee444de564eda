package replication_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/realtime/replication"
)

func TestStreamGivesTransactionsInCommitOrder(t *testing.T) {
	t.Parallel()
	r := setup(t)
	to := newSink()
	follow(t, r.options(t), to).await(t, replication.StateStreaming)

	first, err := r.pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = first.Exec(t.Context(), insertEvent, project, 1)
	require.NoError(t, err)
	r.write(t, 2, 3) // commits before the one that began first
	_, err = first.Exec(t.Context(), insertEvent, project, 4)
	require.NoError(t, err)
	require.NoError(t, first.Commit(t.Context()))

	early := to.expect(t, 2, 3)
	late := to.expect(t, 1, 4)
	require.Less(t, early.Position, late.Position)
	require.False(t, late.CommittedAt.Before(early.CommittedAt))
}

func TestStreamGivesEventsWhole(t *testing.T) {
	t.Parallel()
	r := setup(t)
	to := newSink()
	follow(t, r.options(t), to).await(t, replication.StateStreaming)
	const conversation = "7b0c3c9e-3c0e-4a53-9b67-0a8f4c0f7a11"
	var want realtime.Event
	var payload string
	require.NoError(t, r.pool.QueryRow(t.Context(), `
		insert into handoff.outbox (project_id, conversation_id, kind, seq, payload)
		values ($1, $2, 'agent_assigned', 7, '{"agent": {"name": "Zoë \"Z\""}}')
		returning id, xid::text::bigint, project_id::text, conversation_id::text, kind, seq, payload::text, created_at`,
		project, conversation,
	).Scan(&want.ID, &want.XID, &want.ProjectID, &want.ConversationID, &want.Kind, &want.Seq, &payload, &want.CreatedAt))
	want.CreatedAt = want.CreatedAt.UTC()

	got, _ := to.next(t)
	require.Len(t, got.Events, 1)
	require.JSONEq(t, payload, string(got.Events[0].Payload))
	want.Payload = got.Events[0].Payload
	require.Equal(t, want, got.Events[0])
	require.WithinDuration(t, want.CreatedAt, got.CommittedAt, time.Minute)
}

func TestStreamIgnoresTheSessionDefaultsOfTheRole(t *testing.T) {
	t.Parallel()
	r := setup(t)
	r.exec(t, fmt.Sprintf(`alter database %s set datestyle = 'German'`, pgx.Identifier{r.db.Name}.Sanitize()))
	r.exec(t, fmt.Sprintf(`alter database %s set timezone = 'Asia/Kolkata'`, pgx.Identifier{r.db.Name}.Sanitize()))
	to := newSink()
	follow(t, r.options(t), to).await(t, replication.StateStreaming)
	r.write(t, 1)
	got := to.expect(t, 1)
	require.WithinDuration(t, got.CommittedAt, got.Events[0].CreatedAt, time.Minute)
}

func TestStreamShowsNothingThatDidNotCommit(t *testing.T) {
	t.Parallel()
	r := setup(t)
	to := newSink()
	follow(t, r.options(t), to).await(t, replication.StateStreaming)
	tx, err := r.pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), insertEvent, project, 1)
	require.NoError(t, err)
	require.NoError(t, tx.Rollback(t.Context()))
	r.exec(t, "insert into public.elsewhere values ('no event')")
	r.exec(t, "delete from handoff.outbox")
	r.write(t, 2)
	to.expect(t, 2)
}

func TestStreamGivesALargeTransactionInParts(t *testing.T) {
	t.Parallel()
	r := setup(t)
	to := newSink()
	follow(t, r.options(t), to).await(t, replication.StateStreaming)
	r.exec(t, `insert into handoff.outbox (project_id, kind, seq, payload)
		select $1, 'message', n, jsonb_build_object('n', n) from generate_series(1, 10000) n`, project)
	want := int64(1)
	for want <= 10_000 {
		got, seqs := to.next(t)
		require.LessOrEqual(t, len(seqs), 1000)
		for _, seq := range seqs {
			require.Equal(t, want, seq)
			want++
		}
		require.Zero(t, got.Position, "only the end of a transaction may confirm it")
	}
	end := r.walEnd(t)
	eventually(t, "the end is confirmed", func() bool { return r.confirmed(t) >= end })
}

func TestStreamReplaysWhatWasNotConfirmed(t *testing.T) {
	t.Parallel()
	r := setup(t)
	to := newSink()
	stream := follow(t, r.options(t), to)
	stream.await(t, replication.StateStreaming)
	r.write(t, 1)
	done := to.expect(t, 1)
	to.hold()
	r.write(t, 2)
	r.write(t, 3)
	to.expect(t, 2)
	to.expect(t, 3)
	stream.stop(t)
	require.Equal(t, done.Position, r.confirmed(t), "exactly what was done is confirmed")

	again := newSink()
	second := follow(t, r.options(t), again)
	again.expect(t, 2)
	again.expect(t, 3)
	second.stop(t)

	third := newSink()
	follow(t, r.options(t), third).await(t, replication.StateStreaming)
	r.write(t, 4)
	third.expect(t, 4)
}

func TestStreamWaitsAtItsEndForWorkInHand(t *testing.T) {
	t.Parallel()
	r := setup(t)
	to := newSink()
	to.hold()
	options := r.options(t)
	options.DrainTimeout = patience
	stream := follow(t, options, to)
	stream.await(t, replication.StateStreaming)
	r.write(t, 1)
	tx := to.expect(t, 1)
	stream.cancel()
	to.confirm(tx.Position)
	require.NoError(t, stream.ended(t))
	require.GreaterOrEqual(t, r.confirmed(t), tx.Position)
}

func TestStreamConfirmsTheLogOfOtherTablesWhenIdle(t *testing.T) {
	t.Parallel()
	r := setup(t)
	to := newSink()
	follow(t, r.options(t), to).await(t, replication.StateStreaming)
	r.exec(t, "insert into public.elsewhere select repeat('x', 1000) from generate_series(1, 1000)")
	end := r.walEnd(t)
	eventually(t, "confirmed follows", func() bool { return r.confirmed(t) >= end })
}

func TestStreamConfirmsWorkSoonWhateverTheInterval(t *testing.T) {
	t.Parallel()
	r := setup(t)
	options := r.options(t)
	options.StatusInterval = time.Hour
	to := newSink()
	follow(t, options, to).await(t, replication.StateStreaming)
	r.write(t, 1)
	tx := to.expect(t, 1)
	eventually(t, "confirmed about a second later", func() bool { return r.confirmed(t) >= tx.Position })
}

func TestStreamHoldsTheLogWhileWorkIsUnfinished(t *testing.T) {
	t.Parallel()
	r := setup(t)
	to := newSink()
	stream := follow(t, r.options(t), to)
	stream.await(t, replication.StateStreaming)
	r.write(t, 1)
	first := to.expect(t, 1)
	to.hold()
	r.write(t, 2)
	second := to.expect(t, 2)
	r.exec(t, "insert into public.elsewhere select repeat('x', 1000) from generate_series(1, 1000)")
	r.write(t, 3)
	third := to.expect(t, 3)
	eventually(t, "the first is confirmed", func() bool { return r.confirmed(t) >= first.Position })
	to.confirm(second.Position)
	eventually(t, "the second is confirmed", func() bool { return r.confirmed(t) >= second.Position })
	require.Less(t, r.confirmed(t), third.Position)
}

func TestStreamResumesAfterALostConnection(t *testing.T) {
	t.Parallel()
	r := setup(t)
	to := newSink()
	stream := follow(t, r.options(t), to)
	stream.await(t, replication.StateStreaming)
	to.hold() // nothing is confirmed any more, so the server sends everything again
	r.write(t, 1)
	to.expect(t, 1)
	r.exec(t, "select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = $1", r.slot)
	stream.await(t, replication.StateWaitingForDatabase)
	r.write(t, 2)
	stream.await(t, replication.StateStreaming)
	to.expect(t, 2) // and the first one is not delivered a second time by the same process
}

func TestStreamKeepsTheConnectionWhileDeliverBlocks(t *testing.T) {
	t.Parallel()
	r := setup(t)
	options := r.options(t)
	options.URL += "&options=-c%20wal_sender_timeout%3D1s"
	options.StatusInterval = time.Minute // must be shortened by what the server says
	release := make(chan struct{})
	to := newSink()
	stream := followWith(t, options, func(ctx context.Context, tx realtime.Transaction) error {
		select {
		case <-release:
			return to.deliver(ctx, tx)
		case <-ctx.Done():
			return ctx.Err()
		}
	}, to.confirmed)
	stream.await(t, replication.StateStreaming)
	const more = 40 // than the courier's queue holds
	for seq := range int64(more) {
		r.write(t, seq)
	}
	pid := queryText(t, r.pool, "select active_pid::text from pg_replication_slots where slot_name = $1", r.slot)
	blocked := time.NewTimer(3 * time.Second)
	defer blocked.Stop()
	<-blocked.C // the claim is about time passing
	close(release)
	for seq := range int64(more) {
		to.expect(t, seq)
	}
	require.Equal(t, pid, queryText(t, r.pool, "select active_pid::text from pg_replication_slots where slot_name = $1", r.slot))
	require.Equal(t, replication.StateStreaming, stream.State())
}

func TestStreamStopsWhileDeliverBlocks(t *testing.T) {
	t.Parallel()
	r := setup(t)
	blocked := make(chan struct{}, 100)
	stream := followWith(t, r.options(t), func(ctx context.Context, _ realtime.Transaction) error {
		blocked <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}, func() (realtime.Position, bool) { return 0, true })
	stream.await(t, replication.StateStreaming)
	before := r.confirmed(t)
	r.write(t, 1)
	<-blocked
	stream.stop(t)
	require.GreaterOrEqual(t, r.confirmed(t), before)
	to := newSink()
	follow(t, r.options(t), to)
	to.expect(t, 1) // the caller called itself idle, yet what it never took is not confirmed
}

func TestStreamEndsWhenDeliverRefuses(t *testing.T) {
	t.Parallel()
	r := setup(t)
	refusal := errors.New("bridge is closed")
	stream := followWith(t, r.options(t),
		func(context.Context, realtime.Transaction) error { return refusal },
		func() (realtime.Position, bool) { return 0, true })
	stream.await(t, replication.StateStreaming)
	r.write(t, 1)
	err := stream.ended(t)
	require.ErrorIs(t, err, refusal)
	require.ErrorIs(t, err, replication.ErrDelivery)
	assert.False(t, replication.IsRetryable(err))
	require.Equal(t, replication.StateStopped, stream.State())
}

func TestStreamEndsOnAMessageItDoesNotKnow(t *testing.T) {
	t.Parallel()
	r := setup(t)
	to := newSink()
	stream := follow(t, r.options(t), to)
	stream.await(t, replication.StateStreaming)
	r.exec(t, "alter publication handoff_outbox add table public.elsewhere")
	r.exec(t, "insert into public.elsewhere values ('not an event')")
	err := stream.ended(t)
	require.ErrorIs(t, err, replication.ErrUndecodable)
	require.ErrorContains(t, err, "public.elsewhere")
}

func TestStreamDeliversEverythingUnderLoadAndDisconnects(t *testing.T) {
	t.Parallel()
	r := setup(t)
	to := newSink()
	stream := follow(t, r.options(t), to)
	stream.await(t, replication.StateStreaming)
	const writers, each = 4, 100
	failed := make(chan error, writers)
	for writer := range writers {
		go func() {
			for n := range each {
				if _, err := r.pool.Exec(t.Context(), insertEvent, project, writer*each+n); err != nil {
					failed <- err
					return
				}
				if n%40 == 20 {
					_, _ = r.pool.Exec(t.Context(), "select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = $1 and active", r.slot)
				}
			}
			failed <- nil
		}()
	}
	seen := make(map[int64]int)
	var last realtime.Position
	for len(seen) < writers*each {
		tx, seqs := to.next(t)
		require.Greater(t, tx.Position, last, "commit order, each once")
		last = tx.Position
		for _, seq := range seqs {
			seen[seq]++
		}
	}
	for range writers {
		require.NoError(t, <-failed)
	}
	for seq, times := range seen {
		require.Equal(t, 1, times, "event %d", seq)
	}
	eventually(t, "all is confirmed", func() bool { return r.confirmed(t) >= last })
}
