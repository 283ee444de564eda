package phoenix

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/supportbase/handoff/realtime"
)

// This file is what the hub says about membership of channels, and what it hears. hub.mu is held throughout, except
// at the doors: receive and the timers.

// join asks for the membership that the first waiting push needs.
func (h *hub) join(joining *channel) {
	h.move(joining, channelJoining)
	joining.private = joining.queue[0].message.Private
	joining.renew, joining.proven = false, false
	joining.complaint = ""
	joining.usedAt = time.Now()
	joining.joinRef = h.nextRef()
	h.link.send(frame{
		joinRef: joining.joinRef, ref: joining.joinRef, topic: wireTopic(joining.topic), event: eventJoin,
		payload: joinPayload(joining.private, h.pool.options.joinToken()),
	})
	h.bound(joining, h.joinTimedOut)
}

func (h *hub) leave(leaving *channel) {
	h.move(leaving, channelLeaving)
	leaving.leaveRef = h.nextRef()
	h.link.send(frame{
		joinRef: leaving.joinRef, ref: leaving.leaveRef, topic: wireTopic(leaving.topic), event: eventLeave,
		payload: emptyPayload,
	})
	h.bound(leaving, h.left)
}

// bound calls late, under the lock, unless the channel's state or membership has changed within JoinTimeout.
func (h *hub) bound(pending *channel, late func(*channel)) {
	pending.stopTimer()
	state, joinRef := pending.state, pending.joinRef
	pending.timer = time.AfterFunc(h.pool.options.JoinTimeout, func() {
		h.pool.mu.Lock()
		defer h.pool.mu.Unlock()
		if pending.state == state && pending.joinRef == joinRef {
			late(pending)
		}
	})
}

// joinTimedOut leaves the channel, in case Realtime has joined it and only the answer is missing.
func (h *hub) joinTimedOut(slow *channel) {
	slow.fail(fmt.Errorf("join channel: %w", ErrTimeout))
	h.leave(slow)
}

// left frees the channel's place. An answer to phx_leave that never comes ends here too.
func (h *hub) left(gone *channel) {
	gone.stopTimer()
	h.move(gone, channelIdle)
	gone.joinRef, gone.leaveRef = 0, 0
	h.advance(gone)
	h.admit()
}

// lose ends a membership from Realtime's side and fails what waits on it.
func (h *hub) lose(gone *channel, err error) {
	gone.fail(err)
	h.left(gone)
}

// receive takes a text frame from the link's reader.
func (h *hub) receive(from *link, data []byte) {
	incoming, err := decodeFrame(data)
	if err != nil {
		// Every frame that matters is an answer to one of ours; an unreadable one makes that one time out.
		return
	}
	h.pool.mu.Lock()
	defer h.pool.mu.Unlock()
	if from != h.link {
		return
	}
	if incoming.topic == heartbeatTopic {
		if incoming.ref == h.heartbeatRef {
			h.heartbeatRef = 0
		}
		return
	}
	if member := h.member(incoming.topic); member != nil {
		h.hear(member, incoming)
	}
}

func (h *hub) member(topic string) *channel {
	if len(topic) < len(topicPrefix) {
		return nil
	}
	return h.channels[realtime.Topic(topic[len(topicPrefix):])]
}

func (h *hub) hear(member *channel, incoming frame) {
	switch incoming.event {
	case eventReply:
		h.hearReply(member, incoming)
	case eventSystem:
		h.hearSystem(member, incoming)
	case eventClose, eventError:
		// One for an older membership follows each rejoin and means nothing.
		if member.joinRef != 0 && incoming.joinRef == member.joinRef {
			h.lose(member, fmt.Errorf("%w: channel closed (%s)", ErrDisconnected, closeReason(member, incoming)))
		}
	}
}

func closeReason(member *channel, incoming frame) string {
	if member.complaint != "" {
		return member.complaint
	}
	return incoming.event
}

// hearSystem keeps the text of an error; the phx_close after it has none.
func (h *hub) hearSystem(member *channel, incoming frame) {
	var system struct {
		Status  string `json:"status"`
		Message string `json:"message"`
	}
	if json.Unmarshal(incoming.payload, &system) == nil && system.Status == "error" {
		member.complaint = system.Message
		if system.Message == tooManyMessages && h.pool.pushes.refuse(time.Now()) {
			h.pool.counts.slowedPushes++
		}
	}
}

func (h *hub) hearReply(member *channel, incoming frame) {
	answer, err := decodeReply(incoming.payload)
	if err != nil {
		// As with an unreadable frame: whatever it answers times out.
		return
	}
	switch {
	case member.state == channelJoining && incoming.ref == member.joinRef:
		h.joined(member, answer)
	case member.state == channelLeaving && incoming.ref == member.leaveRef:
		h.left(member)
	default:
		h.hearVerdict(member, incoming.ref, answer)
	}
}

func (h *hub) joined(member *channel, answer reply) {
	if answer.ok() {
		h.pool.counts.joins++
		member.stopTimer()
		h.move(member, channelJoined)
		h.advance(member)
		return
	}
	reason := answer.reason()
	h.pool.counts.refusedJoins++
	if refusalCode(reason) == tooManyJoins && h.pool.joins.refuse(time.Now()) {
		h.pool.counts.slowedJoins++
	}
	if refusedForGood(reason) {
		h.lose(member, &RefusedError{Topic: member.topic, Reason: reason})
		return
	}
	h.lose(member, fmt.Errorf("join channel: %w: %s", ErrUnavailable, reason))
}

// hearVerdict takes the answer to a push.
func (h *hub) hearVerdict(member *channel, ref uint64, answer reply) {
	answered := member.answered(ref)
	if answered == nil {
		return
	}
	answered.call.movedAt = time.Now()
	switch {
	case answer.ok():
		h.pool.counts.acknowledged++
		member.proven = true
		answered.verdict = verdictAcknowledged
	case answer.reason() == unmatchedTopic:
		// Realtime has lost the membership without telling, so nothing sent on it can arrive.
		err := fmt.Errorf("%w: channel is not joined any more", ErrDisconnected)
		answered.call.finish(err)
		h.lose(member, err)
		return
	default:
		h.pool.counts.refused++
		answered.verdict = verdictRefused
		answered.reason = &RefusedError{Topic: member.topic, Reason: answer.reason()}
	}
	answered.call.settle()
	if answered.call.over {
		// What a call had behind a refused message is not waited for: its caller sends it again.
		member.forget(answered.call)
	}
	h.advance(member)
}
