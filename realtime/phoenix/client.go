package phoenix

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/supportbase/handoff/realtime"
)

// Client publishes to one project's Realtime: see the package comment. Make it with New, Start it once. Its methods
// are safe for concurrent use.
type Client struct {
	options Options
	// hub holds the channels of one connection. More connections would be more hubs, chosen by topic.
	hub    *hub
	state  atomic.Int32
	cancel context.CancelCauseFunc
	done   sync.WaitGroup
	// problem is the last trouble that was logged. Only the run goroutine uses it.
	problem string
}

// New makes a client. It panics without a logger; Start reports what is wrong with the settings.
func New(options Options) *Client {
	if options.Logger == nil {
		panic("phoenix: Options.Logger is nil")
	}
	options = options.withDefaults()
	return &Client{options: options, hub: newHub(options)}
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
	c.done.Go(func() { c.run(runCtx, endpoint) })
	return nil
}

// Stop closes the connection, fails what is waiting with ErrStopped, and returns when the client's goroutines have ended.
func (c *Client) Stop() {
	if c.cancel != nil {
		c.cancel(ErrStopped)
	}
	c.done.Wait()
}

// State is where the client stands at this moment.
func (c *Client) State() State { return State(c.state.Load()) }

// Publish sends a message and returns nil when Realtime has acknowledged it. See the package comment for what it waits
// for, the order of calls, and the errors. A call that ends because of ctx may or may not have been sent.
func (c *Client) Publish(ctx context.Context, message realtime.Message) error {
	payload, err := broadcastPayload(message)
	if err != nil {
		return err
	}
	waiting, err := c.hub.publish(message, payload)
	if err != nil {
		return fmt.Errorf("publish %s on %s: %w", message.Name, message.Topic, err)
	}
	if err := c.await(ctx, waiting); err != nil {
		return fmt.Errorf("publish %s on %s: %w", message.Name, message.Topic, err)
	}
	return nil
}

func (c *Client) await(ctx context.Context, waiting *push) error {
	timer := time.NewTimer(c.options.JoinTimeout)
	defer timer.Stop()
	sent := waiting.sent
	for {
		select {
		case err := <-waiting.done:
			return err
		case <-sent:
			sent = nil
			timer.Reset(c.options.AckTimeout)
		case <-timer.C:
			return c.hub.giveUp(waiting, ErrTimeout)
		case <-ctx.Done():
			return c.hub.giveUp(waiting, context.Cause(ctx))
		}
	}
}

// run connects, serves and reconnects until ctx ends.
func (c *Client) run(ctx context.Context, endpoint *url.URL) {
	pause := c.newBackoff()
	for ctx.Err() == nil {
		started := time.Now()
		err := c.session(ctx, endpoint)
		if ctx.Err() != nil {
			break
		}
		// A connection that lasted was healthy; one that is closed again and again right after it opened was not.
		if time.Since(started) > c.options.ReconnectMax {
			pause.Reset()
		}
		delay := c.pauseAfter(err, pause)
		c.report(ctx, err, delay)
		c.setState(StateDisconnected)
		wait(ctx, delay)
	}
	c.hub.stop()
	c.setState(StateDisconnected)
}

// session is one connection from dial to loss. Its error says why it ended.
func (c *Client) session(ctx context.Context, endpoint *url.URL) error {
	c.setState(StateConnecting)
	dialCtx, cancel := context.WithTimeout(ctx, c.options.DialTimeout)
	opened, err := openLink(dialCtx, endpoint, c.options.WriteTimeout, c.hub.receive)
	cancel()
	if err != nil {
		return err
	}
	opened.serve()
	c.hub.attach(opened)
	c.setState(StateConnected)
	c.options.Logger.InfoContext(ctx, "connected to realtime", "host", endpoint.Host)
	c.problem = ""
	err = c.beat(ctx, opened)
	opened.close("")
	c.hub.detach(err)
	return err
}

// beat sends heartbeats until the connection is lost, a heartbeat stays without an answer, or ctx ends.
func (c *Client) beat(ctx context.Context, opened *link) error {
	ticker := time.NewTicker(c.options.HeartbeatInterval)
	defer ticker.Stop()
	for {
		select {
		case <-opened.lost:
			return fmt.Errorf("realtime connection lost: %w", opened.cause)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
			if !c.hub.heartbeat() {
				return errors.New("realtime connection lost: heartbeat without an answer")
			}
			c.hub.leaveIdle()
		}
	}
}

func (c *Client) newBackoff() *backoff.ExponentialBackOff {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval = c.options.ReconnectMin
	pause.MaxInterval = c.options.ReconnectMax
	pause.Multiplier = 2
	return pause
}

func (c *Client) pauseAfter(err error, pause *backoff.ExponentialBackOff) time.Duration {
	var refused *connectError
	if errors.As(err, &refused) && refused.settled() {
		return c.options.RefusedInterval
	}
	return min(pause.NextBackOff(), c.options.ReconnectMax)
}

// report logs trouble when it is new: an outage is one line, not one for each attempt.
func (c *Client) report(ctx context.Context, err error, delay time.Duration) {
	problem, remedy := "unreachable", ""
	var refused *connectError
	if errors.As(err, &refused) {
		problem, remedy = refused.Error(), refused.remedy()
	}
	switch {
	case problem == c.problem:
		c.options.Logger.DebugContext(ctx, "realtime still unreachable", "err", err, "retry_in", delay)
	case remedy != "":
		c.options.Logger.ErrorContext(ctx, "realtime refuses the connection", "err", err, "remedy", remedy, "retry_in", delay)
	default:
		c.options.Logger.WarnContext(ctx, "no connection to realtime", "err", err, "retry_in", delay)
	}
	c.problem = problem
}

func (c *Client) setState(state State) {
	if State(c.state.Swap(int32(state))) != state {
		c.options.OnState(state)
	}
}

// wait returns after the delay, or earlier when ctx ends.
func wait(ctx context.Context, delay time.Duration) {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
