package phoenix

import (
	"math"
	"time"
)

const (
	// throttleFloor is the slowest pace: one that went to zero would never learn that the trouble is over.
	throttleFloor = 1.0
	// throttleRecovery is how long a halved pace takes to double. Realtime judges by the mean of a minute.
	throttleRecovery = time.Minute
	// throttleSettle is how long after a halving further refusals say nothing new: they answer what was sent before it,
	// and Realtime counts in steps of five seconds.
	throttleSettle = 5 * time.Second
)

// throttle keeps a pace a second, with a burst of one second's worth. A refusal halves it, from what was really used;
// then it grows back to its ceiling. pool.mu guards it.
type throttle struct {
	ceiling float64
	// rate was the pace at since; it has grown from there.
	rate    float64
	since   time.Time
	budget  float64
	filled  time.Time
	refused time.Time
	used    usage
}

func newThrottle(perSecond int) throttle {
	ceiling := float64(perSecond)
	return throttle{ceiling: ceiling, rate: ceiling, budget: ceiling}
}

// current is the pace at a moment.
func (t *throttle) current(now time.Time) float64 {
	if t.rate >= t.ceiling {
		return t.ceiling
	}
	return min(t.ceiling, t.rate*math.Exp2(now.Sub(t.since).Seconds()/throttleRecovery.Seconds()))
}

// take uses up one and gives zero, or gives how long to wait for the next.
func (t *throttle) take(now time.Time) time.Duration {
	rate := t.current(now)
	if !t.filled.IsZero() {
		t.budget = min(rate, t.budget+now.Sub(t.filled).Seconds()*rate)
	}
	t.filled = now
	if t.budget >= 1 {
		t.budget--
		t.used.add(now)
		return 0
	}
	// One nanosecond more than the exact wait, so that rounding does not make the caller come a moment too early.
	return time.Duration((1-t.budget)/rate*float64(time.Second)) + 1
}

// open says whether take would give zero now.
func (t *throttle) open(now time.Time) bool {
	if t.filled.IsZero() {
		return t.budget >= 1
	}
	return t.budget+now.Sub(t.filled).Seconds()*t.current(now) >= 1
}

// setCeiling changes the highest pace. A pace that was halved goes on growing from where it is.
func (t *throttle) setCeiling(perSecond float64, now time.Time) {
	if rate := t.current(now); rate < t.ceiling {
		t.ceiling, t.rate, t.since = perSecond, min(rate, perSecond), now
		return
	}
	t.ceiling, t.rate = perSecond, perSecond
}

// refuse halves the pace and says whether it did.
func (t *throttle) refuse(now time.Time) bool {
	if !t.refused.IsZero() && now.Sub(t.refused) < throttleSettle {
		return false
	}
	t.refused = now
	t.rate = max(throttleFloor, min(t.current(now), t.used.perSecond(now))/2)
	t.since = now
	t.budget, t.filled = 0, now
	return true
}

// usage counts in whole seconds.
type usage struct {
	second         int64
	current, prior float64
}

func (u *usage) add(now time.Time) {
	u.advance(now)
	u.current++
}

// perSecond is the busier of this second and the one before it.
func (u *usage) perSecond(now time.Time) float64 {
	u.advance(now)
	return max(u.current, u.prior)
}

func (u *usage) advance(now time.Time) {
	second := now.Unix()
	switch second {
	case u.second:
	case u.second + 1:
		u.second, u.prior, u.current = second, u.current, 0
	default:
		u.second, u.prior, u.current = second, 0, 0
	}
}
