package broadcast

import "time"

// longestHold bounds how long the slower way stands still. It then goes on for as long, whatever is asked.
const longestHold = time.Second

// hold is when the slower way stands still. Bridge.mu guards it.
type hold struct{ until, restsUntil time.Time }

// HoldSlow lets the slower way stand still while there is something more urgent to do with the same database, and ends that:
// Realtime asks the database about each message that it is sent over HTTP. It lasts for a second at most, and keeps back
// nothing for a topic that is joined.
func (b *Bridge) HoldSlow(on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if !on {
		b.held.until = now
		b.slowWork.Broadcast()
		return
	}
	if b.stopped || now.Before(b.held.restsUntil) {
		return
	}
	b.held = hold{until: now.Add(longestHold), restsUntil: now.Add(2 * longestHold)}
	time.AfterFunc(longestHold, b.endHold)
}

// endHold wakes the slower way. Under the lock: who has just looked and is about to wait must not miss it.
func (b *Bridge) endHold() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.slowWork.Broadcast()
}

// holds says whether the slower way stands still now.
func (h hold) holds() bool { return time.Now().Before(h.until) }
