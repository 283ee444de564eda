package channels

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"maps"
	"time"
)

// tracked is what one channel says of itself to its room.
type tracked struct {
	ref string
	// payload is the application's object with its keys sorted, to see whether it changes.
	payload []byte
	// meta is payload with the keys that Phoenix adds.
	meta json.RawMessage
}

// metas is one presence key's entry in presence_state and presence_diff.
type metas struct {
	Metas []json.RawMessage `json:"metas"`
}

// presenceDiff is the payload of presence_diff.
type presenceDiff struct {
	Joins  map[string]metas `json:"joins"`
	Leaves map[string]metas `json:"leaves"`
}

func entry(key string, meta json.RawMessage) map[string]metas {
	return map[string]metas{key: {Metas: []json.RawMessage{meta}}}
}

// newTracked makes the entry of a payload, which must be a JSON object. previous is nil for a channel that was not
// tracked.
func newTracked(fields map[string]any, payload []byte, previous *tracked) *tracked {
	entry := &tracked{ref: newPresenceRef(), payload: payload}
	meta := maps.Clone(fields)
	meta["phx_ref"] = entry.ref
	if previous != nil {
		meta["phx_ref_prev"] = previous.ref
	}
	entry.meta = mustMarshal(meta)
	return entry
}

// newPresenceRef returns a string that no other entry has, of the length that Phoenix's have.
func newPresenceRef() string {
	var random [12]byte
	_, _ = rand.Read(random[:]) // never fails: the runtime ends the program instead
	return base64.RawURLEncoding.EncodeToString(random[:])
}

// presenceFields decodes a track payload and returns it with its sorted form. Numbers stay as they were written. The
// result is nil when raw is not an object.
func presenceFields(raw json.RawMessage) (fields map[string]any, sorted []byte) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&fields); err != nil || fields == nil {
		return nil, nil
	}
	return fields, mustMarshal(fields)
}

// track sets what c says of itself and tells the room, and returns how many were told: nobody when nothing changed.
func (r *room) track(c *channel, fields map[string]any, sorted []byte) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	previous := c.tracked
	if !r.has(c) || previous != nil && bytes.Equal(previous.payload, sorted) {
		return 0
	}
	c.tracked = newTracked(fields, sorted, previous)
	diff := presenceDiff{Joins: entry(c.presenceKey, c.tracked.meta), Leaves: map[string]metas{}}
	if previous != nil {
		diff.Leaves = entry(c.presenceKey, previous.meta)
	} else {
		r.appear(c)
	}
	return r.announce(c.topic, diff)
}

// appear lists c under its key. The caller holds mu.
func (r *room) appear(c *channel) {
	if r.present == nil {
		r.present = make(map[string][]*channel)
	}
	r.present[c.presenceKey] = append(r.present[c.presenceKey], c)
}

// untrack removes what c says of itself and returns how many were told.
func (r *room) untrack(c *channel) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.depart(c)
}

// depart is untrack for callers that hold mu.
func (r *room) depart(c *channel) int {
	if c.tracked == nil {
		return 0
	}
	diff := presenceDiff{Joins: map[string]metas{}, Leaves: entry(c.presenceKey, c.tracked.meta)}
	c.tracked = nil
	r.vanish(c)
	return r.announce(c.topic, diff)
}

// vanish takes c off the list of its key. The caller holds mu.
func (r *room) vanish(c *channel) {
	others := r.present[c.presenceKey]
	for i, other := range others {
		if other == c {
			others = append(others[:i:i], others[i+1:]...)
			break
		}
	}
	if len(others) == 0 {
		delete(r.present, c.presenceKey)
		return
	}
	r.present[c.presenceKey] = others
}

// announce queues a presence_diff for every member that may hear of presence. The caller holds mu.
func (r *room) announce(topic string, diff presenceDiff) int {
	m := &message{topic: topic, event: eventPresenceDiff, payload: mustMarshal(diff)}
	delivered := 0
	for _, c := range r.members {
		if c.hearsPresence && c.deliver(m) {
			delivered++
		}
	}
	return delivered
}

// presenceState is the payload of presence_state. The caller holds mu.
func (r *room) presenceState() []byte {
	state := make(map[string]metas, len(r.present))
	for key, channels := range r.present {
		list := make([]json.RawMessage, 0, len(channels))
		for _, c := range channels {
			list = append(list, c.tracked.meta)
		}
		state[key] = metas{Metas: list}
	}
	return mustMarshal(state)
}

// callWindow allows so many calls in a window of time that begins with the first of them.
type callWindow struct {
	calls int
	ends  time.Time
}

const presenceWindow = 30 * time.Second

// take reports whether one more call is allowed at now, and counts it.
func (w *callWindow) take(now time.Time, limit int) bool {
	if now.After(w.ends) {
		w.calls, w.ends = 0, now.Add(presenceWindow)
	}
	if w.calls >= limit {
		return false
	}
	w.calls++
	return true
}
