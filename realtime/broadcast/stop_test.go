package broadcast_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/realtime/broadcast"
)

func TestBridgeStops(t *testing.T) {
	t.Parallel()

	t.Run("after sending what can go", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := setup(t, func(_ *broadcast.Options, transport *fakeTransport) {
				transport.behave = func(context.Context, sent, int) error { <-time.After(time.Second); return nil }
			})
			deliver(t, made.bridge, commit(10, status(1, "a")), commit(20, status(2, "a")))
			require.NoError(t, made.bridge.Stop(t.Context()))
			assert.Equal(t, realtime.Position(20), made.bridge.Confirmed())
			require.ErrorIs(t, made.bridge.Deliver(t.Context(), commit(30)), broadcast.ErrStopped)
		})
	})

	t.Run("without waiting for what rests after a failure", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := setup(t, func(_ *broadcast.Options, transport *fakeTransport) {
				transport.behave = failTopic("conversation:a", 1_000_000)
			})
			deliver(t, made.bridge, commit(10, status(1, "a")), commit(20, status(2, "b")))
			synctest.Wait()
			began := time.Now()
			require.NoError(t, made.bridge.Stop(t.Context()))
			assert.Zero(t, time.Since(began))
			assert.Zero(t, made.bridge.Confirmed())
			assert.Equal(t, 1, made.bridge.Pending())
		})
	})

	t.Run("by cutting off what outlasts the grace", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := setup(t, func(_ *broadcast.Options, transport *fakeTransport) {
				transport.behave = func(ctx context.Context, _ sent, _ int) error { <-ctx.Done(); return context.Cause(ctx) }
			})
			deliver(t, made.bridge, commit(10, status(1, "a")))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err := made.bridge.Stop(ctx)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.ErrorContains(t, err, "1 messages pending")
			assert.Zero(t, made.bridge.Confirmed())
			assert.Empty(t, made.letters.all())
		})
	})

	t.Run("when the context of Start ends, and frees a blocked Deliver", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			transport := newTransport()
			transport.behave = failTopic("conversation:a", 1_000_000)
			bridge := broadcast.New(broadcast.Options{
				Transport: transport, DeadLetters: new(fakeLetters), Logger: discard(), MaxPending: 1,
			})
			ctx, cancel := context.WithCancel(t.Context())
			bridge.Start(ctx)
			deliver(t, bridge, commit(10, status(1, "a")))
			time.AfterFunc(time.Minute, cancel)
			require.ErrorIs(t, bridge.Deliver(t.Context(), commit(20, status(2, "a"))), broadcast.ErrStopped)
			require.NoError(t, bridge.Stop(t.Context()))
		})
	})
}
