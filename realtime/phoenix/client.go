package phoenix

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/supportbase/handoff/realtime"
)

// errTopics is a mistake of the caller, not of the message.
var errTopics = errors.New("messages of several topics in one call")

// Client publishes to one project's Realtime: see the package comment. Make it with New, Start it once. Its methods
// are safe for concurrent use.
type Client struct {
	options Options
	pool    *pool
	cancel  context.CancelCauseFunc
	done    sync.WaitGroup
	state   atomic.Int32

	statesMu sync.Mutex
	states   map[*connection]State
}

// New makes a client. It panics without a logger; Start reports what is wrong with the settings.
func New(options Options) *Client {
	if options.Logger == nil {
		panic("phoenix: Options.Logger is nil")
	}
	options = options.withDefaults()
	return &Client{options: options, pool: newPool(options), states: make(map[*connection]State)}
}

// Start begins to connect and returns at once: Realtime need not be there yet. It fails only on an unusable URL or key.
// The client runs until ctx ends or Stop is called.
func (c *Client) Start(ctx context.Context) error {
	endpoint, err := c.options.endpoint()
	if err != nil {
		return err
	}
	runCtx, cancel := context.WithCancelCause(ctx)
	c.cancel = cancel
	c.pool.begin(func(added *hub) {
		kept := &connection{client: c, hub: added, endpoint: endpoint}
		c.done.Go(func() { kept.run(runCtx) })
	})
	return nil
}

// Stop closes the connections, fails what is waiting with ErrStopped, and returns when the client's goroutines have ended.
func (c *Client) Stop() {
	c.pool.stop() // from here on no connection is added
	if c.cancel != nil {
		c.cancel(ErrStopped)
	}
	c.done.Wait()
}

// State is where the client stands at this moment: connected while one of its connections is.
func (c *Client) State() State { return State(c.state.Load()) }

// Publish sends a message and returns nil when Realtime has acknowledged it. See the package comment for what it waits
// for, the order of calls, and the errors. A call that ends because of ctx may or may not have been sent.
func (c *Client) Publish(ctx context.Context, message realtime.Message) error {
	_, err := c.PublishAll(ctx, []realtime.Message{message})
	return err
}

// PublishAll sends messages of one topic, one behind the other without waiting for acknowledgements in between, and
// returns when all have been acknowledged. On an error the first so many were; the one after them is what the error is
// about, and those behind it may or may not have been sent: send them again, in the same order.
func (c *Client) PublishAll(ctx context.Context, messages []realtime.Message) (acknowledged int, err error) {
	if len(messages) == 0 {
		return 0, nil
	}
	good, refused := sendable(messages)
	if good > 0 {
		acknowledged, err = c.publish(ctx, messages[:good])
	}
	if err == nil {
		err = refused
	}
	if err != nil {
		failed := messages[acknowledged]
		return acknowledged, fmt.Errorf("publish %s on %s: %w", failed.Name, failed.Topic, err)
	}
	return acknowledged, nil
}

// sendable counts the leading messages that can be sent, and says why the next one cannot.
func sendable(messages []realtime.Message) (count int, refused error) {
	for i, message := range messages {
		if message.Topic != messages[0].Topic {
			return i, errTopics
		}
		if err := checkMessage(message); err != nil {
			return i, err
		}
	}
	return len(messages), nil
}

func (c *Client) publish(ctx context.Context, messages []realtime.Message) (acknowledged int, err error) {
	started := newCall(messages)
	if err := c.pool.publish(started); err != nil {
		return 0, err
	}
	c.await(ctx, started)
	return started.acknowledged, started.err
}

// await returns when the call is over.
func (c *Client) await(ctx context.Context, started *call) {
	timer := time.NewTimer(min(c.options.JoinTimeout, c.options.AckTimeout))
	defer timer.Stop()
	for {
		select {
		case <-started.done:
			return
		case <-timer.C:
			remaining := c.pool.overdue(started)
			if remaining > 0 {
				timer.Reset(remaining)
				continue
			}
			c.pool.giveUp(started, ErrTimeout)
		case <-ctx.Done():
			c.pool.giveUp(started, context.Cause(ctx))
		}
		<-started.done
		return
	}
}

// note keeps the state of each connection and tells of changes of the client's.
func (c *Client) note(changed *connection, state State) {
	c.statesMu.Lock()
	defer c.statesMu.Unlock()
	if state == StateDisconnected {
		delete(c.states, changed)
	} else {
		c.states[changed] = state
	}
	best := StateDisconnected
	for _, one := range c.states {
		best = max(best, one)
	}
	if State(c.state.Swap(int32(best))) != best {
		c.options.OnState(best)
	}
}
