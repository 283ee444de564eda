package channels

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"time"
)

// channel is one topic that a socket has joined.
type channel struct {
	socket  *socket
	key     roomKey
	topic   string // with "realtime:"
	name    string // without
	joinRef ref
	// ack and self are the join's wishes for the client's own broadcasts.
	ack, self   bool
	presenceKey string
	// replayed are the ids of the messages that came with the join: their live copies are left out. Set before anybody
	// else knows the channel.
	replayed map[string]bool

	// identity is set by the socket's reader and read by the sweeper as well.
	identity atomic.Pointer[identity]
	// grants are what the policies have said since the last token. The socket's reader owns them.
	grants grants
	calls  callWindow

	// The room's lock guards what follows; room itself is set before anybody else knows the channel.
	room *room
	seat int // index in room.members
	// hearsBroadcasts and hearsPresence say what the room delivers to this channel.
	hearsBroadcasts, hearsPresence bool
	// tracked is nil while the client says nothing of itself.
	tracked *tracked
}

// deliver queues a message of the room. It returns false when the client cannot get it, or has it already.
func (c *channel) deliver(m *message) bool {
	if m.id != "" && c.replayed[m.id] {
		return false
	}
	f := m.frame(c.socket.encoding)
	return f != nil && c.socket.queue.push(f)
}

// receive handles a push on the joined topic. Pushes with a stale join_ref, or with none, count as well, but such a
// leave is meant for a channel that has been replaced.
func (c *channel) receive(ctx context.Context, p push) {
	switch p.event {
	case eventBroadcast:
		c.broadcast(ctx, p)
	case eventPresence:
		c.presence(ctx, p)
	case eventAccessToken:
		c.refresh(ctx, asString(asObject(p.payload)["access_token"]))
	case eventLeave:
		if p.joinRef == c.joinRef || p.joinRef == noRef {
			c.leave(p)
		}
	default:
		c.socket.server.events.add(time.Now(), 1) // no reply: Realtime counts it and says nothing
	}
}

func (c *channel) reply(p push, payload []byte) {
	c.socket.reply(c.joinRef, p.ref, c.topic, payload)
}

func (c *channel) acknowledge(p push, payload []byte) {
	if c.ack {
		c.reply(p, payload)
	}
}

// broadcast sends the client's message to the room. Without permission, or when it makes no sense, it is dropped
// without a word even if the client waits for an acknowledgement, as at Supabase.
func (c *channel) broadcast(ctx context.Context, p push) {
	if !c.may(ctx, broadcastExtension) {
		return
	}
	size := len(p.payload)
	if p.user != nil {
		size = len(p.user.payload)
	}
	if size > c.socket.server.options.MaxPayloadBytes {
		c.acknowledge(p, replyTooLarge)
		return
	}
	m := c.messageOf(p)
	if m == nil {
		return
	}
	except := c
	if c.self {
		except = nil
	}
	c.socket.server.send(c.room, m, except)
	c.acknowledge(p, replyOK)
}

func (c *channel) messageOf(p push) *message {
	if p.user != nil {
		return newUserBroadcast(c.topic, p.user)
	}
	object := asObject(p.payload)
	if object == nil {
		return nil
	}
	return newBroadcast(c.topic, object)
}

// presence handles track and untrack. Every call gets a reply, before the diff that it causes.
func (c *channel) presence(ctx context.Context, p push) {
	call := asObject(p.payload)
	name := asString(call["event"])
	if name == nil {
		c.reply(p, replyOK)
		return
	}
	if !c.calls.take(time.Now(), c.socket.server.options.Limits.PresenceCalls) {
		c.shutDown(tooManyPresenceCalls)
		return
	}
	switch strings.ToLower(*name) {
	case "track":
		c.track(ctx, p, call["payload"])
	case "untrack":
		c.reply(p, replyOK)
		c.socket.server.count(c.room, c.room.untrack(c))
	default:
		c.reply(p, replyError)
	}
}

func (c *channel) track(ctx context.Context, p push, payload json.RawMessage) {
	if !c.may(ctx, presenceExtension) {
		c.reply(p, replyError)
		return
	}
	if payload == nil {
		payload = json.RawMessage("{}")
	}
	fields, sorted := presenceFields(payload)
	switch {
	case fields == nil:
		c.reply(p, replyReason("Presence track payload must be a map"))
	case len(payload) > c.socket.server.options.MaxPayloadBytes:
		c.shutDown(trackTooLarge)
	case c.socket.server.presence.reached(time.Now()):
		c.shutDown(tooManyPresence)
	default:
		c.socket.server.presence.add(time.Now(), 1)
		c.hearPresence(ctx)
		c.reply(p, replyOK)
		c.socket.server.count(c.room, c.room.track(c, fields, sorted))
	}
}

// leave ends the channel at its client's wish.
func (c *channel) leave(p push) {
	c.reply(p, replyOK)
	if c.part() {
		c.writeClose()
	}
}

// part takes the channel out of its socket and its room and reports whether it was still there.
func (c *channel) part() bool {
	if !c.socket.detach(c) {
		return false
	}
	c.socket.server.changes.drop(c)
	c.socket.server.events.add(time.Now(), c.socket.server.hub.leave(c))
	return true
}

// shutDown ends the channel against its client's will: supabase-js does not join it again. The socket stays.
func (c *channel) shutDown(why string) {
	if !c.part() {
		return
	}
	c.system("system", "error", why)
	c.writeClose()
	c.socket.server.options.Logger.InfoContext(c.socket.ctx, "channel shut down", "topic", c.name, "reason", why)
}

func (c *channel) writeClose() {
	c.socket.write(c.joinRef, c.joinRef, c.topic, eventClose, []byte("{}"))
}

// system tells the client what happened to its channel.
func (c *channel) system(extension, status, text string) {
	c.socket.write(c.joinRef, noRef, c.topic, eventSystem, mustMarshal(struct {
		Extension string `json:"extension"`
		Status    string `json:"status"`
		Message   string `json:"message"`
		Channel   string `json:"channel"`
	}{extension, status, text, c.name}))
}
