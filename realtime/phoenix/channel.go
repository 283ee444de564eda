package phoenix

import (
	"container/list"
	"slices"
	"time"

	"github.com/supportbase/handoff/realtime"
)

type channelState int

const (
	// channelIdle: not joined and nothing to send. Idle channels are forgotten.
	channelIdle channelState = iota
	// channelWaiting: in hub.waiting, for a place and for the pace of joins.
	channelWaiting
	channelJoining
	channelJoined
	channelLeaving
)

// occupies says whether a channel in this state takes one of the connection's places.
func (s channelState) occupies() bool {
	return s == channelJoining || s == channelJoined || s == channelLeaving
}

// joins says whether a channel in this state is on its way to be joined.
func (s channelState) joins() bool { return s == channelWaiting || s == channelJoining }

// channel is one topic on one connection. pool.mu guards it.
type channel struct {
	hub   *hub
	topic realtime.Topic
	state channelState
	// private is how it was joined. Realtime keeps a public and a private room of one name apart.
	private bool
	// joinRef names this membership on the wire; answers that carry another one belong to an older membership.
	joinRef  uint64
	leaveRef uint64
	// queue are pushes not sent yet, inFlight those without an answer, both in order. Answers come in order too, so the one
	// that is looked for is at the front.
	queue    []*push
	inFlight []*push
	// proven says that this membership has had a push acknowledged. Until then pushes go one by one: Realtime decides with
	// the first whether the key may write, and when its database fails at that, it drops this one and takes the next.
	proven bool
	// held says that the channel waits in pool.held for the pace of messages.
	held bool
	// renew says that the membership must be given up before the next push: see the package comment on permissions.
	renew bool
	// complaint is the last system error Realtime sent for the channel; the phx_close that follows has no text.
	complaint string
	usedAt    time.Time
	// unusedAt is the channel's place in hub.unused, nil when it is in use.
	unusedAt *list.Element
	// timer bounds a join or a leave.
	timer *time.Timer
}

// unused says whether the channel could be left without anybody noticing.
func (c *channel) unused() bool {
	return c.state == channelJoined && len(c.queue) == 0 && len(c.inFlight) == 0
}

// outdated says whether the next push needs another membership than the one there is.
func (c *channel) outdated() bool {
	return c.renew || c.queue[0].message.Private != c.private
}

// fail gives every call that waits on the channel the same end.
func (c *channel) fail(err error) {
	for _, waiting := range c.inFlight {
		waiting.call.finish(err)
	}
	for _, waiting := range c.queue {
		waiting.call.finish(err)
	}
	c.queue, c.inFlight = nil, nil
}

// forget takes the pushes of a call out, wherever they are, and says whether one of them had been sent.
func (c *channel) forget(gone *call) (sent bool) {
	before := len(c.inFlight)
	belongs := func(one *push) bool { return one.call == gone }
	c.inFlight = slices.DeleteFunc(c.inFlight, belongs)
	c.queue = slices.DeleteFunc(c.queue, belongs)
	return len(c.inFlight) < before
}

// answered takes the push with that ref out of those in flight; nil when there is none.
func (c *channel) answered(ref uint64) *push {
	for i, waiting := range c.inFlight {
		if waiting.ref == ref {
			c.inFlight = slices.Delete(c.inFlight, i, i+1)
			return waiting
		}
	}
	return nil
}

func (c *channel) stopTimer() {
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
}
