package channels

import (
	"hash/maphash"
	"sync"
)

// roomKey names a room. The public and the private room of a topic are strangers.
type roomKey struct {
	topic   string // with "realtime:"
	private bool
}

// room is the channels that have joined one topic. While it sends, it holds its lock: every member sees the messages
// in the same order.
type room struct {
	mu      sync.Mutex
	members []*channel
	// present lists who is tracked, by presence key. Nil until somebody is.
	present map[string][]*channel
}

// add makes c a member. The caller holds mu.
func (r *room) add(c *channel) {
	c.room, c.seat = r, len(r.members)
	r.members = append(r.members, c)
}

// remove ends c's membership and reports whether it was one. The caller holds mu.
func (r *room) remove(c *channel) bool {
	if !r.has(c) {
		return false
	}
	last := r.members[len(r.members)-1]
	r.members[c.seat], last.seat = last, c.seat
	r.members[len(r.members)-1] = nil
	r.members = r.members[:len(r.members)-1]
	return true
}

// has holds for members. The caller holds mu.
func (r *room) has(c *channel) bool {
	return c.seat < len(r.members) && r.members[c.seat] == c
}

// broadcast queues m for every member that may hear broadcasts, but not for except, and returns for how many.
func (r *room) broadcast(m *message, except *channel) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	delivered := 0
	for _, c := range r.members {
		if c != except && c.hearsBroadcasts && c.deliver(m) {
			delivered++
		}
	}
	return delivered
}

// listeners returns the members as they are now.
func (r *room) listeners() []*channel {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*channel(nil), r.members...)
}

// hub finds rooms. It is split so that joins of different topics seldom wait for each other.
type hub struct {
	seed   maphash.Seed
	shards [64]shard
}

type shard struct {
	mu    sync.RWMutex
	rooms map[roomKey]*room
}

func newHub() *hub {
	h := &hub{seed: maphash.MakeSeed()}
	for i := range h.shards {
		h.shards[i].rooms = make(map[roomKey]*room)
	}
	return h
}

func (h *hub) shard(key roomKey) *shard {
	return &h.shards[maphash.String(h.seed, key.topic)%uint64(len(h.shards))]
}

// find returns nil when nobody is there.
func (h *hub) find(key roomKey) *room {
	s := h.shard(key)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.rooms[key]
}

// join makes c a member of its room, which is made if needed. What welcome queues for c comes before any message of
// the room; the room is locked while it runs.
func (h *hub) join(c *channel, welcome func(*room)) {
	r := h.enter(c)
	defer r.mu.Unlock()
	welcome(r)
}

// enter returns the room locked: the lock passes from the shard to the room, or the room could be removed in between.
func (h *hub) enter(c *channel) *room {
	s := h.shard(c.key)
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[c.key]
	if r == nil {
		r = &room{}
		s.rooms[c.key] = r
	}
	r.mu.Lock()
	r.add(c)
	return r
}

// leave ends c's membership and its presence, and returns to how many others that was told. A second call does nothing.
func (h *hub) leave(c *channel) int {
	s := h.shard(c.key)
	s.mu.Lock()
	defer s.mu.Unlock()
	r := c.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.remove(c) {
		return 0
	}
	if len(r.members) == 0 && s.rooms[c.key] == r {
		delete(s.rooms, c.key)
	}
	return r.depart(c)
}
