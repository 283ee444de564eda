package broadcast_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/realtime/broadcast"
)

type ways struct {
	failover  *broadcast.Failover
	primary   *fakeTransport
	secondary *fakeTransport
}

func newWays(adjust func(*broadcast.FailoverOptions)) ways {
	made := ways{primary: newTransport(), secondary: newTransport()}
	options := broadcast.FailoverOptions{
		Primary: &fakePipeline{fakeTransport: made.primary}, Secondary: made.secondary, Logger: discard(),
	}
	if adjust != nil {
		adjust(&options)
	}
	made.failover = broadcast.NewFailover(options)
	return made
}

func numbered(id int, topic realtime.Topic) realtime.Message {
	return realtime.Message{Topic: topic, Name: "n", Payload: []byte(`{"id":"` + strconv.Itoa(id) + `"}`)}
}

func hang(ctx context.Context, _ sent, _ int) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

func TestFailover(t *testing.T) {
	t.Parallel()

	t.Run("uses the primary while it is there", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := newWays(nil)
			made.failover.SetPrimaryUp(true)
			<-time.After(time.Hour)
			require.NoError(t, made.failover.Publish(t.Context(), numbered(1, "a")))
			assert.Len(t, made.primary.acknowledged(), 1)
			assert.Empty(t, made.secondary.acknowledged())
		})
	})

	t.Run("waits for a primary that is away for a moment, and no longer than that", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := newWays(nil)
			made.primary.behave = hang
			made.failover.SetPrimaryUp(true)
			made.failover.SetPrimaryUp(false)
			began := time.Now()
			require.NoError(t, made.failover.Publish(t.Context(), numbered(1, "a")))
			assert.Equal(t, broadcast.DefaultFailoverPatience, time.Since(began))
			require.NoError(t, made.failover.Publish(t.Context(), numbered(2, "a")))
			assert.Equal(t, broadcast.DefaultFailoverPatience, time.Since(began), "the second does not wait")
			assert.Len(t, made.secondary.acknowledged(), 2)
			assert.True(t, made.failover.Stats().Out)

			made.primary.behave = func(context.Context, sent, int) error { return nil }
			made.failover.SetPrimaryUp(true)
			require.NoError(t, made.failover.Publish(t.Context(), numbered(3, "a")))
			assert.Len(t, made.primary.acknowledged(), 1)
			assert.Equal(t, broadcast.FailoverStats{Primary: 1, Secondary: 2, Switches: 1}, made.failover.Stats())
		})
	})

	t.Run("uses the secondary when the primary never comes up", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := newWays(nil)
			made.primary.behave = hang
			require.NoError(t, made.failover.Publish(t.Context(), numbered(1, "a")))
			assert.Len(t, made.secondary.acknowledged(), 1)
		})
	})

	t.Run("a topic that fails twice takes a detour, others do not", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := newWays(nil)
			made.failover.SetPrimaryUp(true)
			made.primary.behave = failTopic("a", 3)
			require.ErrorIs(t, made.failover.Publish(t.Context(), numbered(1, "a")), errTransient)
			require.NoError(t, made.failover.Publish(t.Context(), numbered(1, "a")), "the second failure goes the other way at once")
			require.NoError(t, made.failover.Publish(t.Context(), numbered(2, "a")))
			require.NoError(t, made.failover.Publish(t.Context(), numbered(3, "b")))
			assert.Equal(t, []int64{1, 2}, idsOn(made.secondary.acknowledged(), "a"))
			assert.Equal(t, []int64{3}, idsOn(made.primary.acknowledged(), "b"))
			assert.Equal(t, 1, made.failover.Stats().Detours)

			<-time.After(broadcast.DefaultFailoverDetour)
			made.primary.behave = func(context.Context, sent, int) error { return nil }
			require.NoError(t, made.failover.Publish(t.Context(), numbered(4, "a")))
			assert.Equal(t, []int64{4}, idsOn(made.primary.acknowledged(), "a"))
		})
	})

	t.Run("what the primary refuses for good does not go the other way", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := newWays(nil)
			made.failover.SetPrimaryUp(true)
			made.primary.behave = func(context.Context, sent, int) error { return refusal{} }
			for range 3 {
				require.ErrorAs(t, made.failover.Publish(t.Context(), numbered(1, "a")), new(refusal))
			}
			assert.Empty(t, made.secondary.acknowledged())
		})
	})

	t.Run("what a window leaves over goes the other way, from the first that failed", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := newWays(func(options *broadcast.FailoverOptions) { options.Attempts = 1 })
			made.failover.SetPrimaryUp(true)
			made.primary.behave = func(_ context.Context, message sent, _ int) error {
				if message.id == 2 {
					return errTransient
				}
				return nil
			}
			taken, err := made.failover.PublishAll(t.Context(), []realtime.Message{numbered(1, "a"), numbered(2, "a"), numbered(3, "a")})
			require.NoError(t, err)
			assert.Equal(t, 3, taken)
			assert.Equal(t, []int64{1}, idsOn(made.primary.acknowledged(), "a"))
			assert.Equal(t, []int64{2, 3}, idsOn(made.secondary.acknowledged(), "a"))
		})
	})

	t.Run("the caller's own end is not taken for the primary's", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := newWays(nil)
			made.failover.SetPrimaryUp(true)
			made.primary.behave = hang
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			require.ErrorIs(t, made.failover.Publish(ctx, numbered(1, "a")), context.DeadlineExceeded)
			assert.Empty(t, made.secondary.acknowledged())
		})
	})
}

func TestNewFailoverPanicsOnMissingParts(t *testing.T) {
	t.Parallel()
	assert.Panics(t, func() { broadcast.NewFailover(broadcast.FailoverOptions{Primary: newTransport(), Logger: discard()}) })
}

// outage is one change of the primary.
type outage struct {
	after time.Duration
	up    bool
}

// TestFailoverKeepsOrder runs a bridge over two ways that fail at random, with a primary that comes and goes and at
// times has no room. Everything arrives, first arrivals are in order, and no topic is ever on both ways at once.
func TestFailoverKeepsOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		outages := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) outage {
			return outage{time.Duration(rapid.IntRange(1, 12_000).Draw(rt, "after")) * time.Millisecond, rapid.Bool().Draw(rt, "up")}
		}), 0, 12).Draw(rt, "outages")
		failing := rapid.SliceOfN(rapid.IntRange(0, 9), 1, 60).Draw(rt, "failing")
		var broken error
		synctest.Test(t, func(t *testing.T) { broken = runOutages(t, outages, failing) })
		if broken != nil {
			rt.Fatalf("%v", broken)
		}
	})
}

func runOutages(t *testing.T, outages []outage, failing []int) error {
	t.Helper()
	const messages = 60
	road := &road{failing: failing, flying: make(map[realtime.Topic]int), arrived: make(map[realtime.Topic][]int64)}
	primary, secondary := newTransport(), newTransport()
	primary.behave, secondary.behave = road.travel, road.travel
	picky := &fakePicky{fakePipeline: &fakePipeline{fakeTransport: primary}, serves: road.serves}
	failover := broadcast.NewFailover(broadcast.FailoverOptions{Primary: picky, Secondary: secondary, Logger: discard()})
	made := setup(t, func(options *broadcast.Options, _ *fakeTransport) { options.Transport = failover })
	for id := range int64(messages) {
		conversation := string(rune('a' + id%3))
		deliver(t, made.bridge, commit(realtime.Position(id+1), status(id+1, conversation)))
	}
	for _, change := range outages {
		<-time.After(change.after)
		failover.SetPrimaryUp(change.up)
	}
	waitIdle(t, made.bridge)
	road.mu.Lock()
	defer road.mu.Unlock()
	for topic, ids := range road.arrived {
		if first := firstArrivals(ids); !slices.IsSorted(first) || len(first) != messages/3 {
			return fmt.Errorf("on %s arrived %v", topic, ids)
		}
	}
	return road.broken
}

// road is what both ways have in common: it fails at random, before or after the message has arrived.
type road struct {
	mu      sync.Mutex
	failing []int
	used    int
	flying  map[realtime.Topic]int
	arrived map[realtime.Topic][]int64
	broken  error
}

// serves turns away about half of the time, by the same dice.
func (r *road) serves(realtime.Topic, time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failing[r.used%len(r.failing)]%2 == 0
}

func (r *road) travel(ctx context.Context, message sent, _ int) error {
	r.mu.Lock()
	r.flying[message.topic]++
	if r.flying[message.topic] > 1 {
		r.broken = errors.New("a topic was on both ways at once")
	}
	dice := 9
	if r.used < len(r.failing)*3 {
		dice = r.failing[r.used%len(r.failing)]
	}
	r.used++
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.flying[message.topic]--
	}()
	select {
	case <-time.After(time.Duration(dice) * 300 * time.Millisecond):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if dice == 0 {
		return errTransient
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.arrived[message.topic] = append(r.arrived[message.topic], message.id)
	if dice == 1 {
		return errTransient
	}
	return nil
}
