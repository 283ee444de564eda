package broadcast_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/realtime/broadcast"
)

// setupPipeline starts a bridge over a transport with a window.
func setupPipeline(t *testing.T, window int, behave func(context.Context, sent, int) error) (bundle, *fakePipeline) {
	t.Helper()
	var pipeline *fakePipeline
	made := setup(t, func(options *broadcast.Options, transport *fakeTransport) {
		transport.behave = behave
		pipeline = &fakePipeline{fakeTransport: transport}
		options.Transport, options.Window = pipeline, window
	})
	return made, pipeline
}

func TestBridgePipelines(t *testing.T) {
	t.Parallel()
	slow := func(context.Context, sent, int) error { <-time.After(time.Millisecond); return nil }

	t.Run("what waits for one topic, a window at a time", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made, pipeline := setupPipeline(t, 3, slow)
			for id := range int64(10) {
				deliver(t, made.bridge, commit(realtime.Position(id+1), status(id+1, "a")))
			}
			waitIdle(t, made.bridge)
			assert.Equal(t, []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, idsOn(pipeline.acknowledged(), "conversation:a"))
			assert.Equal(t, 3, slices.Max(pipeline.windows))
			assert.Zero(t, pipeline.overlaps)
			assert.Equal(t, realtime.Position(10), made.bridge.Confirmed())
		})
	})

	t.Run("confirms what went before a failure and sends the rest again", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made, pipeline := setupPipeline(t, 10, func(ctx context.Context, message sent, attempt int) error {
				if message.id == 3 && attempt == 1 {
					return errTransient
				}
				return slow(ctx, message, attempt)
			})
			deliver(t, made.bridge, commit(10, status(1, "a"), status(2, "a")), commit(20, status(3, "a")), commit(30, status(4, "a")))
			for made.bridge.Stats().Retried == 0 {
				synctest.Wait()
				<-time.After(time.Millisecond)
			}
			assert.Equal(t, realtime.Position(10), made.bridge.Confirmed())
			waitIdle(t, made.bridge)
			assert.Equal(t, []int64{1, 2, 3, 4}, idsOn(pipeline.acknowledged(), "conversation:a"))
			assert.Equal(t, realtime.Position(30), made.bridge.Confirmed())
		})
	})

	t.Run("parks the refused one in the middle alone", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made, pipeline := setupPipeline(t, 10, func(ctx context.Context, message sent, attempt int) error {
				if message.id == 3 {
					return refusal{}
				}
				return slow(ctx, message, attempt)
			})
			deliver(t, made.bridge, commit(10, status(1, "a"), status(2, "a"), status(3, "a"), status(4, "a"), unknown(5)))
			waitIdle(t, made.bridge)
			assert.Equal(t, []int64{1, 2, 4}, idsOn(pipeline.acknowledged(), "conversation:a"))
			require.Len(t, made.letters.all(), 2)
			assert.ElementsMatch(t, []int64{3, 5}, parkedIDs(made.letters))
			assert.Equal(t, realtime.Position(10), made.bridge.Confirmed())
		})
	})

	t.Run("tries what has failed alone", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made, pipeline := setupPipeline(t, 10, failTopic("conversation:a", 3))
			deliver(t, made.bridge, commit(10, status(1, "a"), status(2, "a"), status(3, "a")))
			waitIdle(t, made.bridge)
			assert.Equal(t, []int64{1, 2, 3}, idsOn(pipeline.acknowledged(), "conversation:a"))
			assert.Equal(t, []int{3, 2}, pipeline.windows[:2], "the first is retried without the others")
		})
	})

	t.Run("and still lets state coalesce behind it", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made, pipeline := setupPipeline(t, 10, slow)
			deliver(t, made.bridge, commit(10, queue(1)))
			synctest.Wait()
			deliver(t, made.bridge, commit(20, queue(2)), commit(30, queue(3)))
			waitIdle(t, made.bridge)
			assert.Equal(t, []int64{1, 3}, idsOn(pipeline.acknowledged(), "project:p:agents"))
			assert.Equal(t, realtime.Position(30), made.bridge.Confirmed())
		})
	})
}

func TestStats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		made := setup(t, func(_ *broadcast.Options, transport *fakeTransport) {
			transport.behave = func(context.Context, sent, int) error { <-time.After(3 * time.Millisecond); return nil }
		})
		committed := commit(10, status(1, "a"), status(2, "b"))
		committed.CommittedAt = time.Now().Add(-time.Millisecond)
		deliver(t, made.bridge, committed)
		waitIdle(t, made.bridge)
		stats := made.bridge.Stats()
		assert.Equal(t, uint64(1), stats.Transactions)
		assert.Equal(t, uint64(2), stats.Received)
		assert.Equal(t, uint64(2), stats.Published)
		assert.Equal(t, uint64(1), stats.ToDelivery.Count)
		assert.Equal(t, time.Millisecond, stats.ToDelivery.Sum)
		assert.Equal(t, uint64(2), stats.ToAcknowledgement.Count)
		assert.Equal(t, 6*time.Millisecond, stats.ToAcknowledgement.Sum)
		assert.Equal(t, 3200*time.Microsecond, stats.ToAcknowledgement.Quantile(0.5))
	})
}

func TestLatency(t *testing.T) {
	t.Parallel()
	bounds := broadcast.LatencyBounds()
	assert.Len(t, bounds, len(broadcast.Latency{}.Buckets)-1)
	assert.Equal(t, 100*time.Microsecond, bounds[0])
	assert.Zero(t, broadcast.Latency{}.Quantile(0.99))
	last := broadcast.Latency{Count: 1}
	last.Buckets[len(last.Buckets)-1] = 1
	assert.Equal(t, 2*bounds[len(bounds)-1], last.Quantile(0.5))
}
