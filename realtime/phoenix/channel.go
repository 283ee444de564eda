package phoenix

import (
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

// channel is one topic on the hub's connection. hub.mu guards it.
type channel struct {
	topic realtime.Topic
	state channelState
	// private is how it was joined. Realtime keeps a public and a private room of one name apart.
	private bool
	// joinRef names this membership on the wire; answers that carry another one belong to an older membership.
	joinRef  string
	leaveRef string
	// queue are pushes not sent yet, inFlight those without an answer, by ref.
	queue    []*push
	inFlight map[string]*push
	// renew says that the membership must be given up before the next push: see the package comment on permissions.
	renew bool
	// complaint is the last system error Realtime sent for the channel; the phx_close that follows has no text.
	complaint string
	usedAt    time.Time
	// timer bounds a join or a leave.
	timer *time.Timer
}

// push is one Publish call.
type push struct {
	message realtime.Message
	payload []byte
	channel *channel
	ref     string
	// sent is closed when the push has been handed to the connection, done gets the verdict, at most once.
	sent chan struct{}
	done chan error
}

// occupies says whether the channel takes one of the connection's places.
func (c *channel) occupies() bool {
	return c.state == channelJoining || c.state == channelJoined || c.state == channelLeaving
}

// unused says whether the channel could be left without anybody noticing.
func (c *channel) unused() bool {
	return c.state == channelJoined && len(c.queue) == 0 && len(c.inFlight) == 0
}

// outdated says whether the next push needs another membership than the one there is.
func (c *channel) outdated() bool {
	return c.renew || c.queue[0].message.Private != c.private
}

// fail gives every push that waits on the channel the same verdict.
func (c *channel) fail(err error) {
	for _, waiting := range c.inFlight {
		waiting.done <- err
	}
	for _, waiting := range c.queue {
		waiting.done <- err
	}
	c.queue = nil
	clear(c.inFlight)
}

// forget takes a push out, wherever it is. It says whether the push was still waiting, and whether it had been sent.
func (c *channel) forget(gone *push) (found, sent bool) {
	if gone.ref != "" && c.inFlight[gone.ref] == gone {
		delete(c.inFlight, gone.ref)
		return true, true
	}
	for i, queued := range c.queue {
		if queued == gone {
			c.queue = append(c.queue[:i], c.queue[i+1:]...)
			return true, false
		}
	}
	return false, false
}

func (c *channel) stopTimer() {
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
}
