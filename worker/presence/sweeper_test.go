package presence_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/supportbase/handoff/worker/presence"
	"github.com/supportbase/handoff/worker/schedule"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// store answers with what the test put there.
type store struct {
	sweeps  []presence.Sweep
	orphans int
	err     error
}

func (s *store) SweepPresence(context.Context, int) (presence.Sweep, error) {
	if s.err != nil {
		return presence.Sweep{}, s.err
	}
	next := s.sweeps[0]
	s.sweeps = s.sweeps[1:]
	return next, nil
}

func (s *store) CollectOrphans(context.Context, int) (int, error) { return s.orphans, s.err }

func tick(sweeper *presence.Sweeper, name string) schedule.Tick {
	for _, one := range sweeper.Ticks() {
		if one.Name == name {
			return one
		}
	}
	return schedule.Tick{}
}

func TestSweeper(t *testing.T) {
	t.Parallel()

	t.Run("sweeps every five seconds and collects orphans within the hour", func(t *testing.T) {
		t.Parallel()
		sweeper := presence.New(&store{})
		assert.Equal(t, 5*time.Second, tick(sweeper, "presence_sweep").Every)
		assert.Equal(t, time.Hour, tick(sweeper, "presence_orphans").Every)
	})

	t.Run("goes on while more is due, and counts what it did", func(t *testing.T) {
		t.Parallel()
		sweeper := presence.New(&store{sweeps: []presence.Sweep{
			{LookedAt: 10, Ended: 2, Suspected: 1, FirstBeatOnly: 1, More: true}, {LookedAt: 10, Ended: 3},
		}})
		work := tick(sweeper, "presence_sweep").Work
		handled, err := work(t.Context(), 10)
		require.NoError(t, err)
		assert.Equal(t, 10, handled)
		handled, err = work(t.Context(), 10)
		require.NoError(t, err)
		assert.Less(t, handled, 10, "the sweep said that nothing more is due")
		assert.Equal(t, presence.Stats{LookedAt: 20, Ended: 5, Suspected: 1, FirstBeatOnly: 1}, sweeper.Stats())
	})

	t.Run("a failed sweep counts nothing", func(t *testing.T) {
		t.Parallel()
		down := errors.New("down")
		sweeper := presence.New(&store{err: down})
		_, err := tick(sweeper, "presence_sweep").Work(t.Context(), 10)
		require.ErrorIs(t, err, down)
		assert.Zero(t, sweeper.Stats())
	})
}
