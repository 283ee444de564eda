package broadcast_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/realtime/broadcast"
)

// A large transaction comes in parts, of which only the last has a position, and what is read from the outbox as a table ends
// with an empty transaction that has one.
func TestPartsConfirmNothingBeforeTheirEnd(t *testing.T) {
	t.Parallel()
	held := make(chan struct{})
	parts := setup(t, func(_ *broadcast.Options, transport *fakeTransport) {
		transport.behave = func(ctx context.Context, message sent, _ int) error {
			if message.id != 2 {
				return nil
			}
			select {
			case <-held:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	deliver(t, parts.bridge,
		commit(0, status(1, "a")), commit(0, status(2, "b")), commit(0, status(3, "c")), commit(700))
	require.Eventually(t, func() bool { return len(parts.transport.acknowledged()) >= 2 }, 10*time.Second, time.Millisecond)
	require.Zero(t, parts.bridge.Confirmed())
	close(held)
	waitIdle(t, parts.bridge)
	require.Equal(t, realtime.Position(700), parts.bridge.Confirmed())
}
