package broadcast_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/realtime/broadcast"
)

// Inside a synctest bubble, synctest.Wait returns when every goroutine waits for something, and time moves only then.

func TestBridgeDelivers(t *testing.T) {
	t.Parallel()

	t.Run("messages of one topic in commit order, one at a time", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := setup(t, func(_ *broadcast.Options, transport *fakeTransport) {
				transport.behave = func(context.Context, sent, int) error { <-time.After(time.Millisecond); return nil }
			})
			deliver(t, made.bridge, commit(10, status(1, "a"), status(2, "b")), commit(20, status(3, "a")), commit(30, status(4, "a")))
			waitIdle(t, made.bridge)
			assert.Equal(t, []int64{1, 3, 4}, idsOn(made.transport.acknowledged(), "conversation:a"))
			assert.Zero(t, made.transport.overlaps)
			assert.Equal(t, realtime.Position(30), made.bridge.Confirmed())
		})
	})

	t.Run("one topic's trouble does not hold up another", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := setup(t, func(_ *broadcast.Options, transport *fakeTransport) {
				transport.behave = failTopic("conversation:a", 1000)
			})
			deliver(t, made.bridge, commit(10, status(1, "a")), commit(20, status(2, "b")))
			synctest.Wait()
			assert.Equal(t, []int64{2}, idsOn(made.transport.acknowledged(), "conversation:b"))
			assert.Zero(t, made.bridge.Confirmed(), "the first transaction is open")
			assert.Equal(t, 1, made.bridge.Pending())
			assert.Equal(t, 1, made.bridge.Stats().FailingTopics)
		})
	})

	t.Run("no more topics at once than MaxInFlight", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := setup(t, func(options *broadcast.Options, transport *fakeTransport) {
				options.MaxInFlight = 2
				transport.behave = func(context.Context, sent, int) error { <-time.After(time.Millisecond); return nil }
			})
			deliver(t, made.bridge, commit(10, status(1, "a"), status(2, "b"), status(3, "c"), status(4, "d")))
			waitIdle(t, made.bridge)
			assert.Equal(t, 2, made.transport.maxBusy)
			assert.Len(t, made.transport.acknowledged(), 4)
		})
	})

	t.Run("a transaction without events confirms at once when nothing is open", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := setup(t, nil)
			deliver(t, made.bridge, commit(10))
			assert.Equal(t, realtime.Position(10), made.bridge.Confirmed())
			<-made.bridge.Progress()
		})
	})

	t.Run("a transaction without events waits for the one before it", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := setup(t, func(_ *broadcast.Options, transport *fakeTransport) {
				transport.behave = failTopic("conversation:a", 1)
			})
			deliver(t, made.bridge, commit(10, status(1, "a")), commit(20))
			synctest.Wait()
			assert.Zero(t, made.bridge.Confirmed())
			waitIdle(t, made.bridge)
			assert.Equal(t, realtime.Position(20), made.bridge.Confirmed())
		})
	})

	t.Run("the confirmed position never goes back", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := setup(t, nil)
			deliver(t, made.bridge, commit(50, status(1, "a")), commit(40, status(2, "a")), commit(30))
			waitIdle(t, made.bridge)
			assert.Equal(t, realtime.Position(50), made.bridge.Confirmed())
		})
	})
}

func TestBridgeRetries(t *testing.T) {
	t.Parallel()

	t.Run("for as long as an outage lasts, ever more slowly", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			made := setup(t, func(_ *broadcast.Options, transport *fakeTransport) {
				transport.behave = func(context.Context, sent, int) error {
					if time.Since(began) < time.Hour {
						return errTransient
					}
					return nil
				}
			})
			deliver(t, made.bridge, commit(10, status(1, "a")), commit(20, status(2, "a")))
			waitIdle(t, made.bridge)
			assert.Equal(t, []int64{1, 2}, idsOn(made.transport.acknowledged(), "conversation:a"))
			assert.Empty(t, made.letters.all())
			attempts := made.bridge.Stats().Retried
			assert.Less(t, attempts, uint64(900), "an hour at ten seconds each, half of it jitter")
			assert.Greater(t, attempts, uint64(300))
			assert.Zero(t, made.bridge.Stats().FailingTopics)
		})
	})

	t.Run("a transport that hangs is cut off after PublishTimeout", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := setup(t, func(_ *broadcast.Options, transport *fakeTransport) {
				transport.behave = func(ctx context.Context, _ sent, attempt int) error {
					if attempt > 1 {
						return nil
					}
					<-ctx.Done()
					return context.Cause(ctx)
				}
			})
			deliver(t, made.bridge, commit(10, status(1, "a")))
			waitIdle(t, made.bridge)
			assert.Len(t, made.transport.acknowledged(), 1)
		})
	})
}

func TestBridgeParks(t *testing.T) {
	t.Parallel()

	t.Run("what Realtime refuses, and goes on", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := setup(t, func(_ *broadcast.Options, transport *fakeTransport) {
				transport.behave = func(_ context.Context, message sent, _ int) error {
					if message.id == 1 {
						return refusal{}
					}
					return nil
				}
			})
			deliver(t, made.bridge, commit(10, status(1, "a")), commit(20, status(2, "a")))
			waitIdle(t, made.bridge)
			require.Len(t, made.letters.all(), 1)
			parked := made.letters.all()[0]
			assert.Equal(t, int64(1), parked.Event.ID)
			assert.Equal(t, realtime.Topic("conversation:a"), parked.Message.Topic)
			assert.Contains(t, parked.Reason, "payload_size_exceeded")
			assert.Equal(t, []int64{2}, idsOn(made.transport.acknowledged(), "conversation:a"))
			assert.Equal(t, realtime.Position(20), made.bridge.Confirmed())
		})
	})

	t.Run("an event it cannot read", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := setup(t, nil)
			deliver(t, made.bridge, commit(10, unknown(1), status(2, "a")))
			waitIdle(t, made.bridge)
			require.Len(t, made.letters.all(), 1)
			assert.Contains(t, made.letters.all()[0].Reason, "unknown kind")
			assert.Empty(t, made.letters.all()[0].Message.Topic)
			assert.Equal(t, realtime.Position(10), made.bridge.Confirmed())
			assert.Equal(t, uint64(1), made.bridge.Stats().Parked)
		})
	})

	t.Run("again when parking fails, and confirms nothing before", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := setup(t, nil)
			made.letters.fails = 5
			deliver(t, made.bridge, commit(10, unknown(1)))
			synctest.Wait()
			assert.Zero(t, made.bridge.Confirmed())
			waitIdle(t, made.bridge)
			assert.Len(t, made.letters.all(), 1)
			assert.Equal(t, realtime.Position(10), made.bridge.Confirmed())
		})
	})

	t.Run("a poisonous message, but only while others get through", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := setup(t, func(options *broadcast.Options, transport *fakeTransport) {
				options.PoisonAttempts = 3
				transport.behave = failTopic("conversation:a", 1_000_000)
			})
			deliver(t, made.bridge, commit(10, status(1, "a")))
			<-time.After(time.Hour)
			require.Empty(t, made.letters.all(), "nothing else was tried in that hour")
			for id := range int64(3) {
				deliver(t, made.bridge, commit(realtime.Position(20+id), status(2+id, "b")))
				<-time.After(time.Minute)
			}
			require.Len(t, made.letters.all(), 1)
			assert.Contains(t, made.letters.all()[0].Reason, "given up after")
			waitIdle(t, made.bridge)
		})
	})
}

func TestBridgeCoalesces(t *testing.T) {
	t.Parallel()

	t.Run("state that was not tried yet", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := setup(t, func(_ *broadcast.Options, transport *fakeTransport) {
				transport.behave = failTopic("project:p:agents", 1)
			})
			deliver(t, made.bridge, commit(10, queue(1)))
			synctest.Wait() // 1 has been tried: it stays
			deliver(t, made.bridge, commit(20, queue(2)), commit(30, queue(3)), commit(40, queue(4)))
			assert.Equal(t, 4, made.bridge.Pending(), "what was replaced is still not confirmed")
			waitIdle(t, made.bridge)
			assert.Equal(t, []int64{1, 4}, idsOn(made.transport.acknowledged(), "project:p:agents"))
			assert.Equal(t, realtime.Position(40), made.bridge.Confirmed())
			assert.Equal(t, uint64(2), made.bridge.Stats().Coalesced)
			assert.Zero(t, made.bridge.Stats().PendingBytes)
		})
	})

	t.Run("and holds back the transaction of what it replaced", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			made := setup(t, func(_ *broadcast.Options, transport *fakeTransport) {
				transport.behave = func(_ context.Context, message sent, _ int) error {
					if message.topic == "project:p:agents" {
						<-release
					}
					return nil
				}
			})
			deliver(t, made.bridge, commit(10, queue(1)))
			synctest.Wait()
			deliver(t, made.bridge, commit(20, queue(2)), commit(30, status(3, "a"), queue(4)))
			release <- struct{}{}
			synctest.Wait()
			assert.Equal(t, realtime.Position(10), made.bridge.Confirmed(), "20 waits for message 4")
			release <- struct{}{}
			synctest.Wait()
			assert.Equal(t, realtime.Position(30), made.bridge.Confirmed())
		})
	})

	t.Run("at most so many that the stream can confirm", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := setup(t, func(_ *broadcast.Options, transport *fakeTransport) {
				transport.behave = failTopic("project:p:agents", 1)
			})
			for id := int64(1); id <= 1000; id++ {
				deliver(t, made.bridge, commit(realtime.Position(id), queue(id)))
				if id == 1 {
					synctest.Wait()
				}
			}
			waitIdle(t, made.bridge)
			assert.Equal(t, []int64{1, 257, 513, 769, 1000}, idsOn(made.transport.acknowledged(), "project:p:agents"))
			assert.Equal(t, realtime.Position(1000), made.bridge.Confirmed())
		})
	})
}

func TestBridgeBounds(t *testing.T) {
	t.Parallel()

	t.Run("Deliver blocks at MaxPending until something is settled", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := setup(t, func(options *broadcast.Options, transport *fakeTransport) {
				options.MaxPending = 2
				transport.behave = func(context.Context, sent, int) error { <-time.After(time.Minute); return nil }
			})
			deliver(t, made.bridge, commit(10, status(1, "a"), status(2, "a")))
			began := time.Now()
			deliver(t, made.bridge, commit(20, status(3, "a")))
			assert.Equal(t, time.Minute, time.Since(began))
			waitIdle(t, made.bridge)
		})
	})

	t.Run("and at MaxPendingBytes", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := setup(t, func(options *broadcast.Options, transport *fakeTransport) {
				options.MaxPendingBytes = 10
				transport.behave = func(context.Context, sent, int) error { <-time.After(time.Minute); return nil }
			})
			deliver(t, made.bridge, commit(10, status(1, "a")))
			began := time.Now()
			deliver(t, made.bridge, commit(20, status(2, "b")))
			assert.Equal(t, time.Minute, time.Since(began))
			waitIdle(t, made.bridge)
		})
	})

	t.Run("a transaction larger than the bound is taken when nothing else is pending", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := setup(t, func(options *broadcast.Options, _ *fakeTransport) { options.MaxPending = 2 })
			deliver(t, made.bridge, commit(10, status(1, "a"), status(2, "a"), status(3, "a")))
			waitIdle(t, made.bridge)
			assert.Len(t, made.transport.acknowledged(), 3)
		})
	})

	t.Run("a blocked Deliver ends with its context and has queued nothing", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := setup(t, func(options *broadcast.Options, transport *fakeTransport) {
				options.MaxPending = 1
				transport.behave = failTopic("conversation:a", 1_000_000)
			})
			deliver(t, made.bridge, commit(10, status(1, "a")))
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			require.ErrorIs(t, made.bridge.Deliver(ctx, commit(20, status(2, "b"))), context.DeadlineExceeded)
			assert.Equal(t, 1, made.bridge.Pending())
		})
	})
}

func TestNewPanicsOnMissingParts(t *testing.T) {
	t.Parallel()
	complete := broadcast.Options{Transport: newTransport(), DeadLetters: new(fakeLetters), Logger: discard()}
	for _, drop := range []func(*broadcast.Options){
		func(o *broadcast.Options) { o.Transport = nil },
		func(o *broadcast.Options) { o.DeadLetters = nil },
		func(o *broadcast.Options) { o.Logger = nil },
	} {
		options := complete
		drop(&options)
		assert.Panics(t, func() { broadcast.New(options) })
	}
}

func failTopic(topic realtime.Topic, times int) func(context.Context, sent, int) error {
	return func(_ context.Context, message sent, attempt int) error {
		if message.topic == topic && attempt <= times {
			return errors.Join(errTransient)
		}
		return nil
	}
}

func idsOn(messages []sent, topic realtime.Topic) []int64 {
	var ids []int64
	for _, message := range messages {
		if message.topic == topic {
			ids = append(ids, message.id)
		}
	}
	return ids
}

// waitIdle lets time pass until nothing is pending. Progress wakes it; the deadline is on the bubble's clock.
func waitIdle(t *testing.T, bridge *broadcast.Bridge) {
	t.Helper()
	deadline := time.After(24 * time.Hour)
	for bridge.Pending() > 0 {
		select {
		case <-bridge.Progress():
		case <-deadline:
			require.FailNow(t, "messages are still pending", "%+v", bridge.Stats())
		}
	}
}
