package phoenix

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestThrottle(t *testing.T) {
	t.Parallel()

	t.Run("allows a burst and then the rate", func(t *testing.T) {
		t.Parallel()
		limited, now := newThrottle(2), time.Now()
		assert.Zero(t, limited.take(now))
		assert.Zero(t, limited.take(now))
		delay := limited.take(now)
		assert.InDelta(t, 500*time.Millisecond, delay, float64(time.Millisecond))
		assert.Zero(t, limited.take(now.Add(delay)), "whoever waited as told is let through")
		assert.NotZero(t, limited.take(now.Add(delay)))
		assert.Zero(t, limited.take(now.Add(time.Hour)))
		assert.Zero(t, limited.take(now.Add(time.Hour)))
		assert.NotZero(t, limited.take(now.Add(time.Hour)), "idle time saves up one burst, not more")
	})

	t.Run("a refusal halves what was used, once, and it doubles in a minute", func(t *testing.T) {
		t.Parallel()
		limited, now := newThrottle(10_000), time.Unix(1_000_000, 0)
		for range 200 {
			assert.Zero(t, limited.take(now))
		}
		assert.True(t, limited.refuse(now))
		assert.False(t, limited.refuse(now.Add(time.Second)), "it answers what was sent before")
		assert.InDelta(t, 100, limited.current(now), 0.1)
		assert.NotZero(t, limited.take(now), "what was saved up is gone")
		assert.InDelta(t, 200, limited.current(now.Add(time.Minute)), 0.1)
		assert.InDelta(t, 10_000, limited.current(now.Add(time.Hour)), 0.1)
	})

	t.Run("is never so slow that nothing gets through", func(t *testing.T) {
		t.Parallel()
		limited, now := newThrottle(100), time.Unix(1_000_000, 0)
		for range 50 {
			now = now.Add(throttleSettle)
			assert.True(t, limited.refuse(now))
		}
		assert.Zero(t, limited.take(now.Add(time.Second+1)))
	})
}

// TestThrottleKeepsItsPace draws times and refusals. Never more than a second's worth at once and the pace after it passes.
func TestThrottleKeepsItsPace(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		ceiling := rapid.IntRange(1, 1000).Draw(rt, "ceiling")
		limited, now := newThrottle(ceiling), time.Unix(1_000_000, 0)
		began, taken := now, 0
		for range rapid.IntRange(1, 200).Draw(rt, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 200).Draw(rt, "pause")) * time.Millisecond)
			if rapid.IntRange(0, 20).Draw(rt, "refused") == 0 {
				limited.refuse(now)
			}
			delay := limited.take(now)
			if delay == 0 {
				taken++
			}
			if delay < 0 || delay > time.Second+1 {
				rt.Fatalf("told to wait %s", delay)
			}
			if current := limited.current(now); current < throttleFloor || current > float64(ceiling) {
				rt.Fatalf("pace is %f of at most %d", current, ceiling)
			}
		}
		if allowed := float64(ceiling)*(now.Sub(began).Seconds()+1) + 1; float64(taken) > allowed {
			rt.Fatalf("%d let through, %f allowed", taken, allowed)
		}
	})
}

func TestThrottleCeiling(t *testing.T) {
	t.Parallel()

	t.Run("a higher one counts at once", func(t *testing.T) {
		t.Parallel()
		limited, now := newThrottle(2), time.Unix(1_000_000, 0)
		limited.setCeiling(100, now)
		assert.InDelta(t, 100, limited.current(now), 0.1)
	})

	t.Run("a pace that was halved goes on growing from where it is", func(t *testing.T) {
		t.Parallel()
		limited, now := newThrottle(40), time.Unix(1_000_000, 0)
		for range 20 {
			assert.Zero(t, limited.take(now))
		}
		assert.True(t, limited.refuse(now))
		limited.setCeiling(1000, now)
		assert.InDelta(t, 10, limited.current(now), 0.1)
		assert.InDelta(t, 20, limited.current(now.Add(time.Minute)), 0.1)
		assert.InDelta(t, 1000, limited.current(now.Add(time.Hour)), 0.1)
	})

	t.Run("a lower one counts for a halved pace too", func(t *testing.T) {
		t.Parallel()
		limited, now := newThrottle(1000), time.Unix(1_000_000, 0)
		for range 400 {
			assert.Zero(t, limited.take(now))
		}
		assert.True(t, limited.refuse(now))
		limited.setCeiling(40, now)
		assert.InDelta(t, 40, limited.current(now), 0.1)
	})

	t.Run("open says what take would, and takes nothing", func(t *testing.T) {
		t.Parallel()
		limited, now := newThrottle(1), time.Unix(1_000_000, 0)
		assert.True(t, limited.open(now))
		assert.True(t, limited.open(now))
		assert.Zero(t, limited.take(now))
		assert.False(t, limited.open(now))
		assert.True(t, limited.open(now.Add(time.Second)))
	})
}
