package phoenix

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// errSpare ends a connection that no topic needs any more.
var errSpare = errors.New("realtime connection is not needed")

// connection keeps one hub connected. Its run goroutine owns it.
type connection struct {
	client   *Client
	hub      *hub
	endpoint *url.URL
	// problem is the last trouble that was logged.
	problem string
	// slowed is how often the paces had been halved when that was last logged.
	slowed uint64
}

// run connects, serves and reconnects until ctx ends, or until it can be done without: the last connection is kept for
// ever, any other one that is lost or spare is given up, and a new one is opened when topics need it.
func (c *connection) run(ctx context.Context) {
	defer c.setState(StateDisconnected)
	pause := c.newBackoff()
	for ctx.Err() == nil {
		started := time.Now()
		err := c.session(ctx)
		if ctx.Err() != nil {
			break
		}
		if errors.Is(err, errSpare) || c.client.pool.retire(c.hub) {
			c.options().Logger.InfoContext(ctx, "one realtime connection fewer", "reason", err)
			return
		}
		// A connection that lasted was healthy; one that is closed again and again right after it opened was not.
		if time.Since(started) > c.options().ReconnectMax {
			pause.Reset()
		}
		delay := c.pauseAfter(err, pause)
		c.report(ctx, err, delay)
		c.setState(StateDisconnected)
		wait(ctx, delay)
	}
	c.client.pool.stop()
}

func (c *connection) options() *Options { return &c.client.options }

// session is one connection from dial to loss. Its error says why it ended.
func (c *connection) session(ctx context.Context) error {
	c.setState(StateConnecting)
	dialCtx, cancel := context.WithTimeout(ctx, c.client.pool.dialTimeout(c.hub))
	opened, err := openLink(dialCtx, c.endpoint, c.options().WriteTimeout, c.hub.receive)
	cancel()
	if err != nil {
		return err
	}
	opened.serve()
	c.hub.attach(opened)
	c.setState(StateConnected)
	c.options().Logger.InfoContext(ctx, "connected to realtime", "host", c.endpoint.Host)
	c.problem = ""
	err = c.beat(ctx, opened)
	opened.close("")
	c.hub.detach(err)
	return err
}

// beat sends heartbeats until the connection is lost, a heartbeat stays without an answer, or ctx ends.
func (c *connection) beat(ctx context.Context, opened *link) error {
	ticker := time.NewTicker(c.options().HeartbeatInterval)
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
			if c.hub.leaveIdle() {
				return errSpare
			}
			c.reportPace(ctx)
		}
	}
}

func (c *connection) newBackoff() *backoff.ExponentialBackOff {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval = c.options().ReconnectMin
	pause.MaxInterval = c.options().ReconnectMax
	pause.Multiplier = 2
	return pause
}

func (c *connection) pauseAfter(err error, pause *backoff.ExponentialBackOff) time.Duration {
	if refused, ok := errors.AsType[*connectError](err); ok && refused.settled() {
		return c.options().RefusedInterval
	}
	return min(pause.NextBackOff(), c.options().ReconnectMax)
}

// report logs trouble when it is new: an outage is one line, not one for each attempt.
func (c *connection) report(ctx context.Context, err error, delay time.Duration) {
	problem, remedy := "unreachable", ""
	if refused, ok := errors.AsType[*connectError](err); ok {
		problem, remedy = refused.Error(), refused.remedy()
	}
	logger := c.options().Logger
	switch {
	case problem == c.problem:
		logger.DebugContext(ctx, "realtime still unreachable", "err", err, "retry_in", delay)
	case remedy != "":
		logger.ErrorContext(ctx, "realtime refuses the connection", "err", err, "remedy", remedy, "retry_in", delay)
	default:
		logger.WarnContext(ctx, "no connection to realtime", "err", err, "retry_in", delay)
	}
	c.problem = problem
}

// reportPace logs, once a heartbeat, that Realtime's limits have slowed the client down.
func (c *connection) reportPace(ctx context.Context) {
	slowed, joins, messages := c.client.pool.paces(time.Now())
	if slowed != c.slowed {
		c.options().Logger.LogAttrs(ctx, slog.LevelWarn, "realtime's limits slow the broadcasts down",
			slog.Float64("messages_per_second", messages), slog.Float64("joins_per_second", joins))
	}
	c.slowed = slowed
}

func (c *connection) setState(state State) { c.client.note(c, state) }

// wait returns after the delay, or earlier when ctx ends.
func wait(ctx context.Context, delay time.Duration) {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
