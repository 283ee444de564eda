package broadcast

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// run is one worker: it takes the lane that has been ready longest and tries its first delivery once. A lane with more
// to send then goes to the back, so that a busy topic cannot starve the others.
func (b *Bridge) run(ctx context.Context) {
	for {
		topicLane, head := b.next()
		if head == nil {
			return
		}
		err := b.attempt(ctx, head)
		b.finish(ctx, topicLane, head, err)
	}
}

// next blocks until a lane is ready. It gives nil when the bridge is ending.
func (b *Bridge) next() (*lane, *delivery) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for !b.ending && len(b.ready) == 0 {
		b.work.Wait()
	}
	if b.ending {
		return nil, nil
	}
	topicLane := b.ready[0]
	b.ready[0] = nil
	b.ready = b.ready[1:]
	head := topicLane.start()
	if head.attempts == 0 {
		head.publishedThen = b.counts.published
	}
	b.counts.busy++
	return topicLane, head
}

func (b *Bridge) attempt(ctx context.Context, head *delivery) error {
	if head.reason != "" {
		parkCtx, cancel := context.WithTimeout(ctx, b.options.ParkTimeout)
		defer cancel()
		parked := Parked{Event: head.event, Message: head.message, Reason: head.reason}
		if err := b.options.DeadLetters.Park(parkCtx, parked); err != nil {
			return fmt.Errorf("park event %d: %w", head.event.ID, err)
		}
		return nil
	}
	publishCtx, cancel := context.WithTimeout(ctx, b.options.PublishTimeout)
	defer cancel()
	if err := b.options.Transport.Publish(publishCtx, head.message); err != nil {
		return fmt.Errorf("publish event %d on %s: %w", head.event.ID, head.message.Topic, err)
	}
	return nil
}

// finish takes the lane back from the worker. What it decides is logged after the lock is released: a slow log handler
// must not stop the other workers.
func (b *Bridge) finish(ctx context.Context, topicLane *lane, head *delivery, err error) {
	if err != nil && ctx.Err() != nil {
		b.abandon(topicLane)
		return
	}
	report := b.decide(topicLane, head, err)
	report(ctx, b.options.Logger)
}

// abandon leaves a delivery whose attempt was cut off by the end of the bridge unsettled.
func (b *Bridge) abandon(topicLane *lane) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts.busy--
	topicLane.state = laneResting
	b.noteDrained()
}

type logFunc func(context.Context, *slog.Logger)

func (b *Bridge) decide(topicLane *lane, head *delivery, err error) logFunc {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts.busy--
	defer b.noteDrained()
	switch {
	case err == nil:
		return b.settle(topicLane, head)
	case head.reason == "" && isPermanent(err):
		head.reason = err.Error()
		b.makeReady(topicLane)
		return logNothing
	case head.reason == "" && b.isPoison(head):
		head.reason = fmt.Sprintf("given up after %d attempts while other topics got through: %v", head.attempts+1, err)
		b.makeReady(topicLane)
		return logNothing
	default:
		return b.rest(topicLane, head, err)
	}
}

// settle counts the first delivery of the lane as done.
func (b *Bridge) settle(topicLane *lane, head *delivery) logFunc {
	topicLane.pop()
	parked := head.reason != ""
	if parked {
		b.counts.parked++
	} else {
		b.counts.published++
	}
	b.counts.pending -= len(head.waiting)
	b.counts.pendingBytes -= head.size()
	moved := false
	for _, transaction := range head.waiting {
		moved = b.ledger.settle(transaction) || moved
	}
	if moved {
		wake(b.progress)
	}
	wake(b.room)
	recovered := b.heal(topicLane)
	b.release(topicLane)
	return func(ctx context.Context, logger *slog.Logger) {
		if parked {
			logger.WarnContext(ctx, "broadcast parked", "event_id", head.event.ID, "kind", head.event.Kind,
				"topic", head.message.Topic, "reason", head.reason)
		}
		if recovered {
			logger.InfoContext(ctx, "broadcasts flow again", "attempts", head.attempts+1)
		}
	}
}

// heal notes that the lane's trouble is over and says whether it was the last lane in trouble.
func (b *Bridge) heal(topicLane *lane) bool {
	if topicLane.retry == nil {
		return false
	}
	topicLane.retry = nil
	b.counts.failing--
	return b.counts.failing == 0
}

// release puts the lane back in line, or forgets it when it is empty.
func (b *Bridge) release(topicLane *lane) {
	if topicLane.first() != nil {
		b.makeReady(topicLane)
		return
	}
	topicLane.state = laneIdle
	delete(b.lanes, topicLane.topic)
}

// rest keeps the lane out of line for a while. Only the first lane in trouble is a warning: in an outage all are.
func (b *Bridge) rest(topicLane *lane, head *delivery, err error) logFunc {
	head.attempts++
	b.counts.retried++
	level := slog.LevelDebug
	if topicLane.retry == nil {
		topicLane.retry = b.newBackoff()
		b.counts.failing++
		if b.counts.failing == 1 {
			level = slog.LevelWarn
		}
	}
	topicLane.state = laneResting
	delay := min(topicLane.retry.NextBackOff(), b.options.RetryMax)
	time.AfterFunc(delay, func() { b.resume(topicLane) })
	return func(ctx context.Context, logger *slog.Logger) {
		logger.Log(ctx, level, "broadcast will be retried", "topic", topicLane.topic, "event_id", head.event.ID,
			"attempt", head.attempts, "delay", delay, "err", err)
	}
}

func (b *Bridge) newBackoff() *backoff.ExponentialBackOff {
	retry := backoff.NewExponentialBackOff()
	retry.InitialInterval = b.options.RetryMin
	retry.MaxInterval = b.options.RetryMax
	retry.Multiplier = 2
	return retry
}

// resume ends the rest of a lane. After Stop it does nothing: what rests then is left to the next start.
func (b *Bridge) resume(topicLane *lane) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.stopped {
		b.makeReady(topicLane)
	}
}

// isPoison counts a failure between which other topics got through, and says whether that has happened too often.
func (b *Bridge) isPoison(head *delivery) bool {
	if b.counts.published != head.publishedThen {
		head.overtaken++
		head.publishedThen = b.counts.published
	}
	return head.overtaken >= b.options.PoisonAttempts
}

// isPermanent asks the error itself, so that the bridge need not know the transports.
func isPermanent(err error) bool {
	var verdict interface{ Permanent() bool }
	return errors.As(err, &verdict) && verdict.Permanent()
}

func logNothing(context.Context, *slog.Logger) {}
