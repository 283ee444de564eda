package phoenix

import (
	"time"

	"github.com/supportbase/handoff/realtime"
)

// What a client takes of a project's limits when they are known, and never more than the last two. On each of Supabase's
// plans the limit of joins a second is that of messages, and connections are at least as many. A join costs Realtime more
// than a message over HTTP does, so many at once would slow down what they are to speed up.
const (
	joinsShare       = 0.4
	connectionsShare = 0.05
	mostJoins        = 200
	mostConnections  = 128
)

// mostJoining is how many joins may be under way before topics that have another way take that one. A Realtime with much to
// do takes its time for a join, and whoever waits for one sends nothing else: without this bound the joins that are to relieve
// the other way would take all who could use it, long before the pace of joins is used up.
const mostJoining = 16

// evictionFactor is how much longer than the pause between messages of a topic a channel must have been unused to make
// place for it: topics that all are used equally often would otherwise take each other's places without end.
const evictionFactor = 2

// LearnLimit tells the client of the project's limit of messages a second, as Realtime says it with its HTTP answers: the
// client then joins faster, and opens more connections when topics need them, than it dares to while it knows nothing.
// Options.JoinsPerSecond and Options.MaxConnections stay the least.
func (c *Client) LearnLimit(messagesPerSecond int) { c.pool.learn(float64(messagesPerSecond)) }

func (p *pool) learn(perSecond float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	joins := max(float64(p.options.JoinsPerSecond), min(joinsShare*perSecond, mostJoins))
	p.maxConnections = max(p.options.MaxConnections, int(min(connectionsShare*perSecond, mostConnections)))
	if joins != p.joins.ceiling {
		p.joins.setCeiling(joins, time.Now())
		p.admitAll()
	}
}

// AtOnce says whether a message for the topic would leave at once: its channel is joined.
func (c *Client) AtOnce(topic realtime.Topic) bool { return c.pool.atOnce(topic) }

func (p *pool) atOnce(topic realtime.Topic) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	home, known := p.homes[topic]
	return known && home.channels[topic].state == channelJoined
}

// Serves says whether a message for the topic would leave at once, or after one join, rather than wait for a place or for
// the pace of joins. lastUsed is when the topic had its last message, zero when that is not known: a stranger. Strangers
// join at no more than Options.JoinsPerSecond, whatever limit was learned, and only where there is a free place; for the
// others a channel is left that was unused for much longer than they. Nobody is sent for a join while many are under way.
// While there is no connection at all, the answer is yes: the message waits for that like every other. When all connections
// are full, asking opens another one; for strangers there are no more than Options.MaxConnections.
func (c *Client) Serves(topic realtime.Topic, lastUsed time.Time) bool {
	return c.pool.serves(topic, lastUsed, time.Now())
}

func (p *pool) serves(topic realtime.Topic, lastUsed, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if home, known := p.homes[topic]; known {
		state := home.channels[topic].state
		return state == channelJoined || state == channelJoining || home.link == nil
	}
	if !p.othersConnected(nil) {
		return true
	}
	stranger := lastUsed.IsZero()
	if p.joining >= mostJoining || p.joinTimer != nil || !p.joins.open(now) || stranger && !p.strangers.open(now) {
		return false
	}
	free, oldest := p.room(now)
	if free || stranger && len(p.hubs) >= p.options.MaxConnections {
		return free
	}
	p.grow()
	return !stranger && !p.growing() && now.Sub(oldest) > evictionFactor*now.Sub(lastUsed)
}

// room says whether a connection has a free place, and else since when the channel that nobody has used for longest was not.
func (p *pool) room(now time.Time) (free bool, oldest time.Time) {
	oldest = now
	for _, one := range p.hubs {
		if one.link == nil || len(one.waiting) > 0 {
			continue
		}
		if len(one.channels) < p.options.MaxChannels {
			return true, oldest
		}
		if idle := one.idleSince(); idle.Before(oldest) {
			oldest = idle
		}
	}
	return false, oldest
}
