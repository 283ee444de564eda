package worker

import (
	"sync"
	"time"
)

// alarms wake projects at the moment when time alone may have changed something: one timer a project, the last one set.
// Each batch of a project sets it anew, so nothing needs to be remembered: whoever starts looks at every waiting project.
type alarms struct {
	ring func(projectID string)

	mu     sync.Mutex
	timers map[string]*alarm
}

type alarm struct{ timer *time.Timer }

func newAlarms(ring func(projectID string)) *alarms {
	return &alarms{ring: ring, timers: make(map[string]*alarm)}
}

// set replaces the project's alarm; zero: it has none any more.
func (a *alarms) set(projectID string, after time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if pending, there := a.timers[projectID]; there {
		pending.timer.Stop()
		delete(a.timers, projectID)
	}
	if after <= 0 {
		return
	}
	next := &alarm{}
	next.timer = time.AfterFunc(after, func() {
		if a.rang(projectID, next) {
			a.ring(projectID)
		}
	})
	a.timers[projectID] = next
}

// rang forgets the alarm; false when another has taken its place meanwhile.
func (a *alarms) rang(projectID string, ringing *alarm) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.timers[projectID] != ringing {
		return false
	}
	delete(a.timers, projectID)
	return true
}

// clear stops all of them.
func (a *alarms) clear() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for projectID, pending := range a.timers {
		pending.timer.Stop()
		delete(a.timers, projectID)
	}
}
