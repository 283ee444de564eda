package broadcast_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/realtime/broadcast"
)

// fakePicky is a primary that serves what it is told to.
type fakePicky struct {
	*fakePipeline

	serves func(topic realtime.Topic, lastUsed time.Time) bool
}

func (f *fakePicky) AtOnce(topic realtime.Topic) bool { return f.serves(topic, time.Time{}) }

func (f *fakePicky) Serves(topic realtime.Topic, lastUsed time.Time) bool {
	return f.serves(topic, lastUsed)
}

// newPickyWays has a primary that is up and serves all topics but those named cold.
func newPickyWays() (ways, *fakePicky) {
	var picky *fakePicky
	made := newWays(func(options *broadcast.FailoverOptions) {
		pipeline, _ := options.Primary.(*fakePipeline)
		picky = &fakePicky{fakePipeline: pipeline, serves: func(topic realtime.Topic, _ time.Time) bool { return topic != "cold" }}
		options.Primary = picky
	})
	made.failover.SetPrimaryUp(true)
	return made, picky
}

func several(topic realtime.Topic, from, to int) []realtime.Message {
	var made []realtime.Message
	for id := from; id <= to; id++ {
		made = append(made, numbered(id, topic))
	}
	return made
}

func TestColdTopics(t *testing.T) {
	t.Parallel()

	t.Run("go over the secondary at once, the others over the primary", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made, _ := newPickyWays()
			require.NoError(t, made.failover.Publish(t.Context(), numbered(1, "cold")))
			require.NoError(t, made.failover.Publish(t.Context(), numbered(2, "warm")))
			assert.Equal(t, []int64{1}, idsOn(made.secondary.acknowledged(), "cold"))
			assert.Equal(t, []int64{2}, idsOn(made.primary.acknowledged(), "warm"))
			assert.Equal(t, broadcast.FailoverStats{Primary: 1, Secondary: 1, Cold: 1}, made.failover.Stats())
			assert.True(t, made.failover.Slow("cold"))
			assert.False(t, made.failover.Slow("warm"))
		})
	})

	t.Run("wait for the primary with a burst, which the secondary would take one by one", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made, _ := newPickyWays()
			taken, err := made.failover.PublishAll(t.Context(), several("cold", 1, 5))
			require.NoError(t, err)
			assert.Equal(t, 5, taken)
			assert.Len(t, made.primary.acknowledged(), 5)
		})
	})

	t.Run("go over the primary after all when the secondary fails, which then rests", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made, _ := newPickyWays()
			made.secondary.behave = func(_ context.Context, message sent, _ int) error {
				if message.id == 2 {
					return errTransient
				}
				return nil
			}
			taken, err := made.failover.PublishAll(t.Context(), several("cold", 1, 3))
			require.NoError(t, err)
			assert.Equal(t, 3, taken)
			assert.Equal(t, []int64{1}, idsOn(made.secondary.acknowledged(), "cold"))
			assert.Equal(t, []int64{2, 3}, idsOn(made.primary.acknowledged(), "cold"))

			require.NoError(t, made.failover.Publish(t.Context(), numbered(4, "cold")))
			assert.Equal(t, []int64{2, 3, 4}, idsOn(made.primary.acknowledged(), "cold"), "nothing is tried in vain for a while")
			<-time.After(time.Minute)
			require.NoError(t, made.failover.Publish(t.Context(), numbered(5, "cold")))
			assert.Equal(t, []int64{1, 5}, idsOn(made.secondary.acknowledged(), "cold"))
		})
	})

	t.Run("are refused for good by the secondary as by the primary", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made, _ := newPickyWays()
			made.secondary.behave = func(context.Context, sent, int) error { return refusal{} }
			require.ErrorAs(t, made.failover.Publish(t.Context(), numbered(1, "cold")), new(refusal))
			assert.Empty(t, made.primary.acknowledged())
		})
	})

	t.Run("are told to the primary with the time of their last use, so that it can make room", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made, picky := newPickyWays()
			picky.serves = func(_ realtime.Topic, lastUsed time.Time) bool {
				return !lastUsed.IsZero() && time.Since(lastUsed) == 3*time.Second
			}
			require.NoError(t, made.failover.Publish(t.Context(), numbered(1, "a")))
			<-time.After(3 * time.Second)
			require.NoError(t, made.failover.Publish(t.Context(), numbered(2, "a")))
			assert.Equal(t, []int64{1}, idsOn(made.secondary.acknowledged(), "a"))
			assert.Equal(t, []int64{2}, idsOn(made.primary.acknowledged(), "a"))
		})
	})

	t.Run("are remembered in bounded memory", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made, picky := newPickyWays()
			remembered := 0
			picky.serves = func(_ realtime.Topic, lastUsed time.Time) bool {
				if !lastUsed.IsZero() {
					remembered++
				}
				return false
			}
			for id := range 30_000 {
				require.NoError(t, made.failover.Publish(t.Context(), numbered(id, realtime.Topic(fmt.Sprint("t", id)))))
			}
			<-time.After(time.Second)
			for id := range 30_000 {
				require.NoError(t, made.failover.Publish(t.Context(), numbered(id, realtime.Topic(fmt.Sprint("t", 30_000-id)))))
			}
			assert.Positive(t, remembered)
			assert.Less(t, remembered, 20_000)
		})
	})
}

// router calls topics slow that begin with conversation:cold, and never gets them through.
type router struct{ *fakePipeline }

func (r router) Slow(topic realtime.Topic) bool {
	return strings.HasPrefix(string(topic), "conversation:cold")
}

func TestSlowTopicsKeepNobodyElseWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var transport *fakeTransport
		made := setup(t, func(options *broadcast.Options, fake *fakeTransport) {
			transport = fake
			transport.behave = func(ctx context.Context, message sent, attempt int) error {
				if strings.HasPrefix(string(message.topic), "conversation:cold") {
					return hang(ctx, message, attempt)
				}
				return nil
			}
			options.Transport, options.MaxInFlight, options.MaxSlow = router{&fakePipeline{fakeTransport: fake}}, 2, 3
		})
		for id := range int64(100) {
			deliver(t, made.bridge, commit(realtime.Position(id+1), status(id+1, fmt.Sprint("cold", id))))
		}
		deliver(t, made.bridge, commit(200, status(200, "warm")))
		synctest.Wait()
		assert.Equal(t, []int64{200}, idsOn(transport.acknowledged(), "conversation:warm"))
		assert.Len(t, transport.flying, 3, "as many as may be slow at once")
		assert.Equal(t, 100, made.bridge.Pending())
	})
}
