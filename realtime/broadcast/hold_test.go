package broadcast_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime/broadcast"
)

// newHeld is a bridge whose slower way is held, and has an event of a cold and one of a warm topic.
func newHeld(t *testing.T) bundle {
	t.Helper()
	made := setup(t, func(options *broadcast.Options, fake *fakeTransport) {
		options.Transport = router{&fakePipeline{fakeTransport: fake}}
	})
	made.bridge.HoldSlow(true)
	deliver(t, made.bridge, commit(1, status(1, "cold")), commit(2, status(2, "warm")))
	synctest.Wait()
	return made
}

func TestHoldSlow(t *testing.T) {
	t.Parallel()

	t.Run("keeps back the slower way only, and lets it go on", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := newHeld(t)
			assert.Empty(t, idsOn(made.transport.acknowledged(), "conversation:cold"))
			assert.Equal(t, []int64{2}, idsOn(made.transport.acknowledged(), "conversation:warm"))
			made.bridge.HoldSlow(false)
			synctest.Wait()
			assert.Equal(t, []int64{1}, idsOn(made.transport.acknowledged(), "conversation:cold"))
		})
	})

	t.Run("lasts for a second at most, and not again at once, however often it is asked for", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := newHeld(t)
			for range 11 {
				<-time.After(100 * time.Millisecond)
				made.bridge.HoldSlow(true)
			}
			synctest.Wait()
			assert.Equal(t, []int64{1}, idsOn(made.transport.acknowledged(), "conversation:cold"))
			deliver(t, made.bridge, commit(3, status(3, "cold")))
			synctest.Wait()
			assert.Equal(t, []int64{1, 3}, idsOn(made.transport.acknowledged(), "conversation:cold"))
		})
	})

	t.Run("ends with the bridge", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			made := newHeld(t)
			began := time.Now()
			require.NoError(t, made.bridge.Stop(t.Context()))
			assert.Equal(t, []int64{1}, idsOn(made.transport.acknowledged(), "conversation:cold"))
			assert.Zero(t, time.Since(began))
		})
	})
}
