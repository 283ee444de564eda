package phoenix

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/supportbase/handoff/realtime"
)

// hub is the set of channels of one connection. It outlives the connection: pushes made while there is none wait in
// their channels. Every step runs under one mutex and none of them blocks; frames only join the link's queue.
type hub struct {
	options Options

	mu       sync.Mutex
	link     *link // nil while disconnected
	stopped  bool
	refs     uint64
	channels map[realtime.Topic]*channel
	// waiting are channels that want to join, longest waiting first.
	waiting []*channel
	joins   pace
	// joinTimer is set while admit waits for the pace of joins.
	joinTimer *time.Timer
	// heartbeatRef is the heartbeat that has no answer yet.
	heartbeatRef string
}

func newHub(options Options) *hub {
	return &hub{
		options:  options,
		channels: make(map[realtime.Topic]*channel),
		joins:    newPace(options.JoinsPerSecond),
	}
}

// publish queues a push. The order of calls for a topic is the order in which they get here.
func (h *hub) publish(message realtime.Message, payload []byte) (*push, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		return nil, ErrStopped
	}
	target, known := h.channels[message.Topic]
	if !known {
		target = &channel{topic: message.Topic, inFlight: make(map[string]*push)}
		h.channels[message.Topic] = target
	}
	added := &push{
		message: message,
		payload: payload,
		channel: target,
		sent:    make(chan struct{}),
		done:    make(chan error, 1),
	}
	target.queue = append(target.queue, added)
	h.advance(target)
	return added, nil
}

// giveUp ends a push whose caller waits no longer. When a verdict came at the same moment, it wins.
func (h *hub) giveUp(gone *push, reason error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	found, sent := gone.channel.forget(gone)
	if !found {
		return <-gone.done
	}
	if sent {
		gone.channel.renew = true
	}
	h.advance(gone.channel)
	if h.link == nil && errors.Is(reason, ErrTimeout) {
		return ErrDisconnected
	}
	return reason
}

// attach begins to use a new connection.
func (h *hub) attach(opened *link) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.link = opened
	h.heartbeatRef = ""
	for _, pending := range h.channels {
		h.advance(pending)
	}
}

// detach forgets the connection and fails every push, also those not sent yet: they would overtake the ones before them.
func (h *hub) detach(cause error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.link = nil
	h.failAll(fmt.Errorf("%w: %w", ErrDisconnected, cause))
}

// stop refuses pushes from now on and fails those that wait.
func (h *hub) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
	h.failAll(ErrStopped)
}

func (h *hub) failAll(err error) {
	for _, lost := range h.channels {
		lost.stopTimer()
		lost.state = channelIdle
		lost.fail(err)
	}
	clear(h.channels)
	h.waiting = nil
	if h.joinTimer != nil {
		h.joinTimer.Stop()
		h.joinTimer = nil
	}
}

// heartbeat sends the next heartbeat, or gives false when the last one has no answer.
func (h *hub) heartbeat() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.heartbeatRef != "" {
		return false
	}
	if h.link == nil {
		return true
	}
	h.heartbeatRef = h.nextRef()
	h.link.send(frame{ref: h.heartbeatRef, topic: heartbeatTopic, event: eventHeartbeat, payload: []byte("{}")})
	return true
}

// leaveIdle leaves channels that nobody has used for a while, but never the last one: Realtime closes a connection
// without any channel.
func (h *hub) leaveIdle() {
	h.mu.Lock()
	defer h.mu.Unlock()
	joined := 0
	for _, member := range h.channels {
		if member.state == channelJoined {
			joined++
		}
	}
	for _, member := range h.channels {
		if joined > 1 && member.unused() && time.Since(member.usedAt) > h.options.IdleTimeout {
			h.leave(member)
			joined--
		}
	}
}

// advance does whatever the channel can do now.
func (h *hub) advance(moved *channel) {
	switch moved.state {
	case channelIdle:
		if len(moved.queue) == 0 {
			delete(h.channels, moved.topic)
			return
		}
		if h.link != nil {
			moved.state = channelWaiting
			h.waiting = append(h.waiting, moved)
			h.admit()
		}
	case channelJoined:
		h.sendQueued(moved)
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
		next := moved.queue[0]
		moved.queue = moved.queue[1:]
		next.ref = h.nextRef()
		moved.inFlight[next.ref] = next
		moved.usedAt = time.Now()
		h.link.send(frame{
			joinRef: moved.joinRef, ref: next.ref,
			topic: wireTopic(moved.topic), event: eventBroadcast, payload: next.payload,
		})
		close(next.sent)
	}
}

// admit joins waiting channels as far as places and the pace of joins allow.
func (h *hub) admit() {
	for len(h.waiting) > 0 && h.link != nil {
		next := h.waiting[0]
		if len(next.queue) == 0 { // its callers have given up
			h.dropWaiting(next)
			continue
		}
		if !h.hasPlace() || !h.inPace() {
			return
		}
		h.waiting = h.waiting[1:]
		h.join(next)
	}
}

func (h *hub) dropWaiting(gone *channel) {
	h.waiting = h.waiting[1:]
	gone.state = channelIdle
	delete(h.channels, gone.topic)
}

// hasPlace says whether one more channel fits. If not, it starts to leave as many as are waiting; their leaving calls admit.
func (h *hub) hasPlace() bool {
	occupied, leaving := 0, 0
	for _, member := range h.channels {
		if member.occupies() {
			occupied++
		}
		if member.state == channelLeaving {
			leaving++
		}
	}
	if occupied < h.options.MaxChannels {
		return true
	}
	for ; leaving < len(h.waiting); leaving++ {
		oldest := h.leastRecentlyUsed()
		if oldest == nil {
			break
		}
		h.leave(oldest)
	}
	return false
}

// leastRecentlyUsed looks at every channel; there are at most MaxChannels joined, and evictions are rare beside pushes.
func (h *hub) leastRecentlyUsed() *channel {
	var oldest *channel
	for _, member := range h.channels {
		if member.unused() && (oldest == nil || member.usedAt.Before(oldest.usedAt)) {
			oldest = member
		}
	}
	return oldest
}

func (h *hub) inPace() bool {
	if h.joinTimer != nil {
		return false
	}
	delay := h.joins.take(time.Now())
	if delay == 0 {
		return true
	}
	h.joinTimer = time.AfterFunc(delay, h.resumeJoins)
	return false
}

func (h *hub) resumeJoins() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.joinTimer = nil
	h.admit()
}

func (h *hub) nextRef() string {
	h.refs++
	return strconv.FormatUint(h.refs, 10)
}
