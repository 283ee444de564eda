package broadcast

import (
	"github.com/cenkalti/backoff/v5"

	"github.com/supportbase/handoff/realtime"
)

// maxAbsorbed is how many messages one state message may stand for. Without a limit, a count that changes faster than its
// lane empties would always go back to the end, and the transactions waiting for it would never be confirmed.
const maxAbsorbed = 256

// delivery is one message on its way, or one event on its way to the dead letters.
type delivery struct {
	event   realtime.Event
	message realtime.Message
	// reason is not empty when the delivery is to be parked instead of sent.
	reason string
	// waiting are the transactions that are open for this delivery: its own, and those of the messages it replaced.
	waiting  []*openTransaction
	replaced bool
	attempts int
	// overtaken counts the failures between which messages of other topics got through: see Options.PoisonAttempts.
	overtaken     int
	publishedThen uint64
}

// size is what the delivery holds in memory, near enough.
func (d *delivery) size() int {
	return len(d.event.Payload) + len(d.message.Payload)
}

type laneState int

const (
	// laneIdle: nothing to do. An idle lane is forgotten.
	laneIdle laneState = iota
	// laneReady: in Bridge.ready, waiting for a worker.
	laneReady
	// laneBusy: a worker has its leading deliveries in hand.
	laneBusy
	// laneResting: its first delivery failed; a timer makes it ready again.
	laneResting
)

// lane is the queue of one topic. Bridge.mu guards it.
type lane struct {
	topic realtime.Topic
	state laneState
	queue []*delivery
	// untried are the state messages in the queue that may still be replaced, by name.
	untried map[string]*delivery
	// retry is nil unless the last attempt failed.
	retry *backoff.ExponentialBackOff
}

// push queues a delivery and gives back the untried state message it replaces, or nil.
func (l *lane) push(added *delivery) *delivery {
	l.queue = append(l.queue, added)
	if added.reason != "" || !coalesces(added.message) {
		return nil
	}
	older := l.untried[added.message.Name]
	if l.untried == nil {
		l.untried = make(map[string]*delivery)
	}
	l.untried[added.message.Name] = added
	if older == nil || len(older.waiting) >= maxAbsorbed {
		return nil
	}
	added.waiting = append(older.waiting, added.waiting...)
	older.waiting, older.replaced = nil, true
	return older
}

// first is the delivery to work on, or nil when the lane is empty. Replaced ones are dropped on the way.
func (l *lane) first() *delivery {
	for len(l.queue) > 0 && l.queue[0].replaced {
		l.pop()
	}
	if len(l.queue) == 0 {
		return nil
	}
	return l.queue[0]
}

// take marks the leading deliveries, at most limit, as tried and appends them to into: from now on they may be on their
// way, so they cannot be replaced. What is to be parked, and what has failed before, is taken alone: the next after it must
// not be sent when it fails again.
func (l *lane) take(limit int, into []*delivery) []*delivery {
	l.state = laneBusy
	if head := l.first(); head.reason != "" || head.attempts > 0 {
		limit = 1
	}
	for _, next := range l.queue {
		if len(into) == limit || len(into) > 0 && next.reason != "" {
			break
		}
		if next.replaced {
			continue
		}
		if l.untried[next.message.Name] == next {
			delete(l.untried, next.message.Name)
		}
		into = append(into, next)
	}
	return into
}

func (l *lane) pop() {
	l.queue[0] = nil
	l.queue = l.queue[1:]
}
