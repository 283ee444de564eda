package phoenix

import "time"

// Stats is a look at a client, for metrics. Counts are since New.
type Stats struct {
	// Connections are those kept up, Connected those that are up.
	Connections int
	Connected   int
	// Channels are joined or being joined or left, Waiting want to join, InFlight are pushes without an answer.
	Channels int
	Waiting  int
	InFlight int
	// Connects counts connections made, Joins joins accepted, RefusedJoins joins refused, Evictions channels left to
	// make place for another.
	Connects     uint64
	Joins        uint64
	RefusedJoins uint64
	Evictions    uint64
	// Pushes counts messages sent, Acknowledged and Refused what Realtime said, Timeouts calls without an answer in time.
	Pushes       uint64
	Acknowledged uint64
	Refused      uint64
	Timeouts     uint64
	// SlowedJoins and SlowedMessages count how often Realtime's limits halved a pace; the paces are those of now.
	SlowedJoins       uint64
	SlowedMessages    uint64
	JoinsPerSecond    float64
	MessagesPerSecond float64
}

// counts are the numbers behind Stats. pool.mu guards them.
type counts struct {
	connects     uint64
	joins        uint64
	refusedJoins uint64
	evictions    uint64
	pushes       uint64
	acknowledged uint64
	refused      uint64
	timeouts     uint64
	slowedJoins  uint64
	slowedPushes uint64
	// rounds counts the rounds of admitAll.
	rounds int
}

// Stats gives the numbers of this moment.
func (c *Client) Stats() Stats { return c.pool.stats(time.Now()) }

// paces are the part of Stats that is had without a look at every channel.
func (p *pool) paces(now time.Time) (slowed uint64, joins, messages float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts.slowedJoins + p.counts.slowedPushes, p.joins.current(now), p.pushes.current(now)
}

func (p *pool) stats(now time.Time) Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	taken := Stats{
		Connections:       len(p.hubs),
		Connects:          p.counts.connects,
		Joins:             p.counts.joins,
		RefusedJoins:      p.counts.refusedJoins,
		Evictions:         p.counts.evictions,
		Pushes:            p.counts.pushes,
		Acknowledged:      p.counts.acknowledged,
		Refused:           p.counts.refused,
		Timeouts:          p.counts.timeouts,
		SlowedJoins:       p.counts.slowedJoins,
		SlowedMessages:    p.counts.slowedPushes,
		JoinsPerSecond:    p.joins.current(now),
		MessagesPerSecond: p.pushes.current(now),
	}
	for _, one := range p.hubs {
		taken.Channels += one.occupied
		taken.Waiting += len(one.waiting)
		if one.link != nil {
			taken.Connected++
		}
		for _, member := range one.channels {
			taken.InFlight += len(member.inFlight)
		}
	}
	return taken
}
