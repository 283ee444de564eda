package channels

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRate(t *testing.T) {
	t.Parallel()
	start := time.Unix(1_700_000_000, 0)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

	t.Run("is zero before anything happened", func(t *testing.T) {
		t.Parallel()
		require.Zero(t, newRate(1).average(start))
	})
	t.Run("does not count the bucket that is not over", func(t *testing.T) {
		t.Parallel()
		r := newRate(1)
		r.add(at(0), 1000)
		require.Zero(t, r.average(at(4)))
		require.InDelta(t, 200, r.average(at(5)), 0.001)
	})
	t.Run("is the mean of a minute", func(t *testing.T) {
		t.Parallel()
		r := newRate(1)
		for second := range 60 {
			r.add(at(second), 10)
		}
		require.InDelta(t, 10, r.average(at(60)), 0.001)
		require.InDelta(t, 5, r.average(at(90)), 0.001)
		require.Zero(t, r.average(at(120)))
	})
	t.Run("forgets everything after a long silence", func(t *testing.T) {
		t.Parallel()
		r := newRate(1)
		r.add(at(0), 1_000_000)
		require.Zero(t, r.average(at(3600)))
	})
	t.Run("reaches its limit with the mean and falls below it again", func(t *testing.T) {
		t.Parallel()
		r := newRate(100)
		r.add(at(0), 500)
		require.True(t, r.reached(at(5)))
		require.False(t, r.reached(at(10)))
	})
}

func TestLimitsDefaults(t *testing.T) {
	t.Parallel()

	t.Run("fields that are set stay", func(t *testing.T) {
		t.Parallel()
		got := Limits{Users: 3}.withDefaults()
		require.Equal(t, 3, got.Users)
		require.Equal(t, 100, got.ChannelsPerClient)
	})
	t.Run("Supabase's leave nothing to fill", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, SupabaseDefaults(), SupabaseDefaults().withDefaults())
	})
}
