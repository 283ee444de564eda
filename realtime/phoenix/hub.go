package phoenix

import (
	"container/list"
	"fmt"
	"time"

	"github.com/supportbase/handoff/realtime"
)

// hub is the set of channels of one connection. It outlives the connection: pushes made while there is none wait in
// their channels. pool.mu guards it.
type hub struct {
	pool     *pool
	link     *link // nil while disconnected
	refs     uint64
	channels map[realtime.Topic]*channel
	// occupied and leaving count channels by state, see move.
	occupied int
	leaving  int
	// waiting are channels that want to join, longest waiting first.
	waiting []*channel
	// unused are joined channels with nothing to do, longest unused first.
	unused *list.List
	// heartbeatRef is the heartbeat that has no answer yet, zero when there is none.
	heartbeatRef uint64
	// emptySince is when the last channel went; zero while there are any.
	emptySince time.Time
}

func newHub(owner *pool) *hub {
	return &hub{
		pool: owner, channels: make(map[realtime.Topic]*channel), unused: list.New(), emptySince: time.Now(),
	}
}

// load is how many channels have a place or want one.
func (h *hub) load() int { return len(h.channels) }

// enqueue queues a call behind those of its topic.
func (h *hub) enqueue(topic realtime.Topic, added *call) {
	target, known := h.channels[topic]
	if !known {
		target = &channel{topic: topic}
		h.keep(target)
	}
	added.channel = target
	for i := range added.pushes {
		target.queue = append(target.queue, &added.pushes[i])
	}
	h.advance(target)
}

// adopt takes over a channel of another hub that is not joined.
func (h *hub) adopt(moved *channel) {
	moved.state = channelIdle
	h.keep(moved)
	h.advance(moved)
}

func (h *hub) keep(added *channel) {
	added.hub = h
	h.channels[added.topic] = added
	h.pool.homes[added.topic] = h
	h.emptySince = time.Time{}
}

func (h *hub) drop(gone *channel) {
	delete(h.channels, gone.topic)
	delete(h.pool.homes, gone.topic)
	if len(h.channels) == 0 {
		h.emptySince = time.Now()
	}
}

// attach begins to use a new connection.
func (h *hub) attach(opened *link) {
	h.pool.mu.Lock()
	defer h.pool.mu.Unlock()
	h.link = opened
	h.heartbeatRef = 0
	h.pool.counts.connects++
	for _, pending := range h.channels {
		h.advance(pending)
	}
	h.pool.admitAll()
}

// detach forgets the connection and fails every call, also those not sent yet: they would overtake the ones before them.
func (h *hub) detach(cause error) {
	h.pool.mu.Lock()
	defer h.pool.mu.Unlock()
	h.link = nil
	h.failAll(fmt.Errorf("%w: %w", ErrDisconnected, cause))
}

func (h *hub) failAll(err error) {
	for _, lost := range h.channels {
		lost.stopTimer()
		h.move(lost, channelIdle)
		lost.fail(err)
		h.drop(lost)
	}
	h.waiting = nil
}

// heartbeat sends the next heartbeat, or gives false when the last one has no answer.
func (h *hub) heartbeat() bool {
	h.pool.mu.Lock()
	defer h.pool.mu.Unlock()
	if h.heartbeatRef != 0 {
		return false
	}
	if h.link == nil {
		return true
	}
	h.heartbeatRef = h.nextRef()
	h.link.send(frame{ref: h.heartbeatRef, topic: heartbeatTopic, event: eventHeartbeat, payload: emptyPayload})
	return true
}

// leaveIdle leaves channels that nobody has used for a while, but never the last one of the last connection: Realtime
// closes a connection without any channel. It says whether the connection itself is not needed any more: then it is out
// of the pool, so that no topic comes to it while it is closed.
func (h *hub) leaveIdle() (spare bool) {
	h.pool.mu.Lock()
	defer h.pool.mu.Unlock()
	others := h.pool.othersConnected(h)
	for remaining := h.unused.Len(); remaining > 0; remaining-- {
		oldest := h.leastRecentlyUsed()
		if time.Since(oldest.usedAt) <= h.pool.options.IdleTimeout || !others && h.occupied-h.leaving <= 1 {
			break
		}
		h.leave(oldest)
	}
	spare = others && !h.emptySince.IsZero() && time.Since(h.emptySince) > h.pool.options.IdleTimeout
	if spare {
		h.pool.remove(h)
	}
	return spare
}

// move changes a channel's state and keeps the counts and the list of unused channels right.
func (h *hub) move(moved *channel, to channelState) {
	if moved.state.occupies() {
		h.occupied--
	}
	if moved.state == channelLeaving {
		h.leaving--
	}
	if moved.state.joins() {
		h.pool.joining--
	}
	if to.joins() {
		h.pool.joining++
	}
	moved.state = to
	if to.occupies() {
		h.occupied++
	}
	if to == channelLeaving {
		h.leaving++
	}
	h.noteUse(moved)
}

// noteUse puts the channel into the list of unused ones or takes it out.
func (h *hub) noteUse(looked *channel) {
	switch unused := looked.unused(); {
	case unused && looked.unusedAt == nil:
		looked.unusedAt = h.unused.PushBack(looked)
	case !unused && looked.unusedAt != nil:
		h.unused.Remove(looked.unusedAt)
		looked.unusedAt = nil
	}
}

// advance does whatever the channel can do now.
func (h *hub) advance(moved *channel) {
	switch moved.state {
	case channelIdle:
		if len(moved.queue) == 0 {
			h.drop(moved)
			return
		}
		if h.link != nil {
			h.move(moved, channelWaiting)
			h.waiting = append(h.waiting, moved)
			h.admit()
		}
	case channelJoined:
		h.sendQueued(moved)
		h.noteUse(moved)
		if moved.unused() && len(h.waiting) > 0 {
			h.admit()
		}
	case channelWaiting, channelJoining, channelLeaving:
		// The queue is looked at again when that step is over.
	}
}

func (h *hub) sendQueued(moved *channel) {
	for len(moved.queue) > 0 {
		if moved.outdated() {
			if len(moved.inFlight) == 0 {
				h.leave(moved)
			}
			return
		}
		if !moved.proven && len(moved.inFlight) > 0 || !h.pool.mayPush(moved) {
			return
		}
		next := moved.queue[0]
		moved.queue = moved.queue[1:]
		h.send(moved, next)
	}
}

func (h *hub) send(moved *channel, next *push) {
	next.ref = h.nextRef()
	moved.inFlight = append(moved.inFlight, next)
	moved.usedAt = time.Now()
	next.call.movedAt = moved.usedAt
	h.pool.counts.pushes++
	h.link.sendBroadcast(moved, next)
}

// admit joins waiting channels as far as places and the pace of joins allow. Those without a place here go to another
// connection when one has a place, or can be opened; only when there will be none, others are left for them.
func (h *hub) admit() {
	for len(h.waiting) > 0 && h.link != nil {
		next := h.waiting[0]
		if len(next.queue) == 0 { // its callers have given up
			h.waiting = h.waiting[1:]
			h.move(next, channelIdle)
			h.drop(next)
			continue
		}
		if h.occupied >= h.pool.options.MaxChannels {
			if h.emigrate(next) {
				continue
			}
			if !h.pool.growing() {
				h.makePlace()
			}
			return
		}
		if !h.pool.mayJoin() {
			return
		}
		h.waiting = h.waiting[1:]
		h.join(next)
	}
}

// emigrate moves the first waiting channel to a connection with a place.
func (h *hub) emigrate(next *channel) bool {
	other := h.pool.spare()
	if other == nil || other == h {
		return false
	}
	h.waiting = h.waiting[1:]
	h.move(next, channelIdle)
	h.drop(next)
	other.adopt(next)
	return true
}

// makePlace starts to leave as many channels as are waiting, longest unused first; their leaving calls admit.
func (h *hub) makePlace() {
	for h.leaving < len(h.waiting) {
		oldest := h.leastRecentlyUsed()
		if oldest == nil {
			return
		}
		h.pool.counts.evictions++
		h.leave(oldest)
	}
}

// leastRecentlyUsed is nil when every channel is in use.
func (h *hub) leastRecentlyUsed() *channel {
	front := h.unused.Front()
	if front == nil {
		return nil
	}
	oldest, _ := front.Value.(*channel)
	return oldest
}

// idleSince is when the channel that nobody has used for longest was used; now when every one is in use.
func (h *hub) idleSince() time.Time {
	if oldest := h.leastRecentlyUsed(); oldest != nil {
		return oldest.usedAt
	}
	return time.Now()
}

func (h *hub) nextRef() uint64 {
	h.refs++
	return h.refs
}
