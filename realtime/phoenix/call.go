package phoenix

import (
	"time"

	"github.com/supportbase/handoff/realtime"
)

type verdict int

const (
	verdictOpen verdict = iota
	verdictAcknowledged
	verdictRefused
)

// push is one message on its way.
type push struct {
	call    *call
	message realtime.Message
	// ref names the push on the wire; zero while it waits.
	ref     uint64
	verdict verdict
	reason  error
}

// call is one Publish or PublishAll: messages of one topic in their order. pool.mu guards it until done is closed.
type call struct {
	channel *channel
	pushes  []push
	// one is the room of pushes for the usual call.
	one [1]push
	// acknowledged counts the leading pushes that are.
	acknowledged int
	// startedAt is when the call was made, movedAt when something of it was last sent or acknowledged; zero before.
	startedAt time.Time
	movedAt   time.Time
	over      bool
	err       error
	done      chan struct{}
}

func newCall(messages []realtime.Message) *call {
	made := &call{startedAt: time.Now(), done: make(chan struct{})}
	made.pushes = made.one[:]
	if len(messages) > 1 {
		made.pushes = make([]push, len(messages))
	}
	for i := range messages {
		made.pushes[i] = push{call: made, message: messages[i]}
	}
	return made
}

// finish gives the call its end. Only the first end counts.
func (c *call) finish(err error) {
	if c.over {
		return
	}
	c.over, c.err = true, err
	close(c.done)
}

// settle ends the call when its leading pushes are all acknowledged, or when the first that is not was refused.
func (c *call) settle() {
	for c.acknowledged < len(c.pushes) && c.pushes[c.acknowledged].verdict == verdictAcknowledged {
		c.acknowledged++
	}
	if c.acknowledged == len(c.pushes) {
		c.finish(nil)
		return
	}
	if next := c.pushes[c.acknowledged]; next.verdict == verdictRefused {
		c.finish(next.reason)
	}
}

// overdue is how long the call may still wait; not positive when its time is over.
func (c *call) overdue(now time.Time, options Options) time.Duration {
	if c.movedAt.IsZero() {
		return options.JoinTimeout - now.Sub(c.startedAt)
	}
	return options.AckTimeout - now.Sub(c.movedAt)
}
