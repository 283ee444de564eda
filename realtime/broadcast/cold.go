package broadcast

import (
	"time"

	"github.com/supportbase/handoff/realtime"
)

const (
	// coldBurst is how many messages of a topic at once are worth waiting for the primary: over the secondary they go one by
	// one.
	coldBurst = 4
	// coldRest is how long the secondary is left alone, but for outages of the primary, after it has failed.
	coldRest = 15 * time.Second
	// coldMemory is for how long it is remembered when a topic was used, and coldTopics of how many.
	coldMemory = 5 * time.Minute
	coldTopics = 20_000
)

// Picky is a primary that knows what it would keep waiting.
type Picky interface {
	Transport
	// AtOnce says whether a message of the topic would be sent without waiting for anything else.
	AtOnce(topic realtime.Topic) bool
	// Serves says whether a message of the topic would be sent soon. lastUsed is when the topic had its last message that
	// went the other way, zero when that is not known. Both are asked often and must not block.
	Serves(topic realtime.Topic, lastUsed time.Time) bool
}

// cold is about topics that the primary has no room for. Failover.mu guards all but picky.
type cold struct {
	picky Picky // nil when the primary is not
	// used is when a topic last went over the secondary for that reason.
	used map[realtime.Topic]time.Time
	// restsUntil is when the secondary may be tried again.
	restsUntil time.Time
}

func newCold(primary Transport) cold {
	picky, _ := primary.(Picky)
	return cold{picky: picky, used: make(map[realtime.Topic]time.Time)}
}

// Slow says whether messages of the topic go over the secondary now, or would wait for the primary to get ready. See Router.
func (f *Failover) Slow(topic realtime.Topic) bool {
	f.mu.Lock()
	away := f.out || time.Now().Before(f.troubled[topic].until)
	f.mu.Unlock()
	return away || f.cold.picky != nil && !f.cold.picky.AtOnce(topic)
}

// avoidsWaiting says whether the messages go over the secondary although the primary is there.
func (f *Failover) avoidsWaiting(messages []realtime.Message) bool {
	if f.cold.picky == nil || len(messages) > coldBurst {
		return false
	}
	topic := messages[0].Topic
	f.mu.Lock()
	usual := f.out || !f.up || time.Now().Before(f.cold.restsUntil)
	lastUsed := f.cold.used[topic]
	f.mu.Unlock()
	return !usual && !f.cold.picky.Serves(topic, lastUsed)
}

// noteCold books messages that went over the secondary so that they need not wait.
func (f *Failover) noteCold(topic realtime.Topic, acknowledged int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	f.counts.Cold += uint64(acknowledged) //nolint:gosec // a count
	if err != nil && !isPermanent(err) {
		f.cold.restsUntil = now.Add(coldRest)
	}
	if len(f.cold.used) >= coldTopics {
		f.cold.forget(now)
	}
	f.cold.used[topic] = now
}

// forget makes room: what is old goes, or else everything: it only costs some topics a later join.
func (c *cold) forget(now time.Time) {
	for topic, at := range c.used {
		if now.Sub(at) > coldMemory {
			delete(c.used, topic)
		}
	}
	if len(c.used) >= coldTopics {
		clear(c.used)
	}
}
