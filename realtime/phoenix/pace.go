package phoenix

import "time"

// pace allows so many joins a second, with a burst of as many. hub.mu guards it.
type pace struct {
	perSecond float64
	budget    float64
	at        time.Time
}

func newPace(perSecond int) pace {
	return pace{perSecond: float64(perSecond), budget: float64(perSecond)}
}

// take uses up one join and gives zero, or gives how long to wait for the next.
func (p *pace) take(now time.Time) time.Duration {
	if !p.at.IsZero() {
		p.budget = min(p.perSecond, p.budget+now.Sub(p.at).Seconds()*p.perSecond)
	}
	p.at = now
	if p.budget >= 1 {
		p.budget--
		return 0
	}
	// One nanosecond more than the exact wait, so that rounding does not make the caller come a moment too early.
	return time.Duration((1-p.budget)/p.perSecond*float64(time.Second)) + 1
}
