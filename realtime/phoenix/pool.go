package phoenix

import (
	"slices"
	"sync"
	"time"

	"github.com/supportbase/handoff/realtime"
)

// growPause is how long after a connection that could not be opened beside others the next is tried.
const growPause = 15 * time.Second

// growTimeout is how long a connection beside others may take to open. Realtime sleeps 2 s before it refuses one.
const growTimeout = 5 * time.Second

// pool spreads topics over connections. A topic stays on its connection for as long as it has a channel there, so
// everything about one topic goes over one socket. One mutex guards the pool, its hubs and their channels: every step
// under it is short and none blocks.
type pool struct {
	options Options
	// open starts a connection for a hub. It is nil until the client is started.
	open func(*hub)

	mu      sync.Mutex
	stopped bool
	hubs    []*hub
	homes   map[realtime.Topic]*hub
	joins   throttle
	pushes  throttle
	// joining is how many channels are on their way to be joined.
	joining int
	// strangers is what joins of topics that were not used before leave to one another: see Client.Serves.
	strangers throttle
	// joinTimer and pushTimer are set while somebody waits for a pace.
	joinTimer *time.Timer
	pushTimer *time.Timer
	// held are channels that wait for the pace of messages, longest waiting first.
	held []*channel
	// maxConnections is Options.MaxConnections, or more when the project's limits are known to allow it.
	maxConnections int
	// growAfter is when another connection may be opened.
	growAfter time.Time
	counts    counts
}

func newPool(options Options) *pool {
	made := &pool{
		options:        options,
		homes:          make(map[realtime.Topic]*hub),
		joins:          newThrottle(options.JoinsPerSecond),
		strangers:      newThrottle(options.JoinsPerSecond),
		pushes:         newThrottle(options.MessagesPerSecond),
		maxConnections: options.MaxConnections,
	}
	made.hubs = []*hub{newHub(made)}
	return made
}

// begin opens the connections of the hubs there are, and lets more be opened.
func (p *pool) begin(open func(*hub)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = open
	for _, existing := range p.hubs {
		open(existing)
	}
}

// publish queues a call. The order of calls for a topic is the order in which they get here.
func (p *pool) publish(started *call) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return ErrStopped
	}
	topic := started.pushes[0].message.Topic
	home, known := p.homes[topic]
	if !known {
		home = p.choose()
	}
	home.enqueue(topic, started)
	return nil
}

// giveUp ends a call whose caller waits no longer. When it ended at the same moment, that end counts.
func (p *pool) giveUp(gone *call, reason error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if gone.over {
		return
	}
	if reason == ErrTimeout { //nolint:errorlint // the caller's own word, not an error that came up
		p.counts.timeouts++
		if gone.channel.hub.link == nil {
			reason = ErrDisconnected
		}
	}
	gone.finish(reason)
	if gone.channel.forget(gone) {
		gone.channel.renew = true
	}
	gone.channel.hub.advance(gone.channel)
}

// overdue is how long the call may still wait.
func (p *pool) overdue(waiting *call) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return waiting.overdue(time.Now(), p.options)
}

// choose gives the connection for a topic that has none: the first with a place, else a new one, else the one where the
// fewest wait for a place, and of those the one with the channel that nobody has used for longest.
func (p *pool) choose() *hub {
	if spare := p.spare(); spare != nil {
		return spare
	}
	return slices.MinFunc(p.hubs, func(a, b *hub) int {
		if a.load() != b.load() {
			return a.load() - b.load()
		}
		return a.idleSince().Compare(b.idleSince())
	})
}

// spare gives a connection with a place, opening one if need be; nil when there can be none. Connected ones come first.
func (p *pool) spare() *hub {
	var connecting *hub
	for _, candidate := range p.hubs {
		if len(candidate.channels) >= p.options.MaxChannels {
			continue
		}
		if candidate.link != nil {
			return candidate
		}
		connecting = candidate
	}
	if connecting != nil {
		return connecting
	}
	return p.grow()
}

// grow opens another connection, one at a time.
func (p *pool) grow() *hub {
	if len(p.hubs) >= p.maxConnections || p.stopped || p.open == nil || time.Now().Before(p.growAfter) {
		return nil
	}
	for _, existing := range p.hubs {
		if existing.link == nil {
			return nil
		}
	}
	added := newHub(p)
	p.hubs = append(p.hubs, added)
	p.open(added)
	return added
}

// growing says whether the next connection, or one after it, is on its way: it will ask every hub again.
func (p *pool) growing() bool {
	return len(p.hubs) < p.maxConnections &&
		slices.ContainsFunc(p.hubs, func(one *hub) bool { return one.link == nil })
}

// dialTimeout is how long a hub's connection may take to open. One that is added must not keep topics waiting that could
// have a place elsewhere.
func (p *pool) dialTimeout(dialing *hub) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.othersConnected(dialing) {
		return min(p.options.DialTimeout, growTimeout)
	}
	return p.options.DialTimeout
}

// retire takes a hub that has lost its connection out of the pool, unless no other is connected. Its channels, which
// are not joined, move to another one.
func (p *pool) retire(gone *hub) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped || !p.othersConnected(gone) {
		return false
	}
	p.growAfter = time.Now().Add(growPause)
	p.remove(gone)
	for _, homeless := range gone.channels {
		p.choose().adopt(homeless)
	}
	p.admitAll()
	return true
}

func (p *pool) remove(gone *hub) {
	p.hubs = slices.DeleteFunc(p.hubs, func(one *hub) bool { return one == gone })
}

func (p *pool) othersConnected(than *hub) bool {
	return slices.ContainsFunc(p.hubs, func(one *hub) bool { return one != than && one.link != nil })
}

// stop refuses calls from now on and fails those that wait.
func (p *pool) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	for _, existing := range p.hubs {
		existing.failAll(ErrStopped)
	}
	for _, timer := range []*time.Timer{p.joinTimer, p.pushTimer} {
		if timer != nil {
			timer.Stop()
		}
	}
}

// mayJoin says whether the pace allows a join now. If not, every hub is asked again when it does.
func (p *pool) mayJoin() bool {
	if p.joinTimer != nil {
		return false
	}
	now := time.Now()
	delay := p.joins.take(now)
	if delay == 0 {
		p.strangers.take(now)
		return true
	}
	p.joinTimer = time.AfterFunc(delay, p.resumeJoins)
	return false
}

func (p *pool) resumeJoins() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.joinTimer = nil
	p.admitAll()
}

// admitAll begins with another hub each time, so that the joins of one do not keep those of the others out.
func (p *pool) admitAll() {
	if p.stopped {
		return
	}
	p.counts.rounds++
	hubs := slices.Clone(p.hubs) // admit may add one
	for i := range hubs {
		hubs[(p.counts.rounds+i)%len(hubs)].admit()
	}
}

// mayPush says whether the pace allows a push now. If not, the channel is called again when it does.
func (p *pool) mayPush(asking *channel) bool {
	if asking.held {
		return false
	}
	if p.pushTimer == nil {
		delay := p.pushes.take(time.Now())
		if delay == 0 {
			return true
		}
		p.pushTimer = time.AfterFunc(delay, p.resumePushes)
	}
	asking.held = true
	p.held = append(p.held, asking)
	return false
}

func (p *pool) resumePushes() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pushTimer = nil
	for len(p.held) > 0 && p.pushTimer == nil {
		next := p.held[0]
		p.held = p.held[1:]
		next.held = false
		// In any other state it has been left or lost meanwhile, and asks again when it is joined.
		if next.state == channelJoined {
			next.hub.advance(next)
		}
	}
}
