package broadcast

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/supportbase/handoff/realtime"
)

// batch is what a worker has in hand: leading deliveries of one lane. Each worker has one and uses it again and again.
type batch struct {
	lane       *lane
	deliveries []*delivery
	messages   []realtime.Message
}

// run is one worker: it takes the lane that has been ready longest and tries its leading deliveries once. A lane with more
// to send then goes to the back, so that a busy topic cannot starve the others.
func (b *Bridge) run(ctx context.Context, next func(*batch) bool) {
	inHand := new(batch)
	for next(inHand) {
		settled, err := b.attempt(ctx, inHand)
		report := b.finish(ctx, inHand, settled, err)
		// Logged without the lock: a slow log handler must not stop the other workers.
		report(ctx, b.options.Logger)
	}
}

// next blocks until a lane is ready and fills the batch from it. Lanes on the slower way are left to nextSlow. It gives
// false when the bridge is ending.
func (b *Bridge) next(into *batch) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		for !b.ending && len(b.ready) == 0 {
			b.work.Wait()
		}
		if b.ending {
			return false
		}
		first := shift(&b.ready)
		if b.router == nil || first.first().reason != "" || !b.router.Slow(first.topic) {
			b.take(first, into)
			return true
		}
		b.slow = append(b.slow, first)
		b.slowWork.Signal()
	}
}

// nextSlow is next for the slower way.
func (b *Bridge) nextSlow(into *batch) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for !b.ending && (len(b.slow) == 0 || b.held.holds()) {
		b.slowWork.Wait()
	}
	if b.ending {
		return false
	}
	b.take(shift(&b.slow), into)
	return true
}

// shift takes the first lane out of the line.
func shift(line *[]*lane) *lane {
	first := (*line)[0]
	(*line)[0] = nil // the array lives on behind the slice
	*line = (*line)[1:]
	return first
}

// take fills the batch from the lane.
func (b *Bridge) take(from *lane, into *batch) {
	into.lane = from
	into.deliveries = from.take(b.options.Window, into.deliveries[:0])
	into.messages = into.messages[:0]
	for _, taken := range into.deliveries {
		into.messages = append(into.messages, taken.message)
		if taken.attempts == 0 {
			taken.publishedThen = b.counts.published
		}
	}
	b.counts.busy++
}

// attempt tries the batch once. On an error, the first so many are settled and the error is about the next one.
func (b *Bridge) attempt(ctx context.Context, inHand *batch) (settled int, err error) {
	head := inHand.deliveries[0]
	if head.reason != "" {
		return 0, b.park(ctx, head)
	}
	ctx, cancel := context.WithTimeout(ctx, b.options.PublishTimeout)
	defer cancel()
	if len(inHand.messages) == 1 {
		err = b.options.Transport.Publish(ctx, head.message)
	} else {
		settled, err = b.pipeline.PublishAll(ctx, inHand.messages)
		settled = min(settled, len(inHand.messages)-1)
	}
	if err != nil {
		return settled, fmt.Errorf("publish event %d on %s: %w", inHand.deliveries[settled].event.ID, head.message.Topic, err)
	}
	return 0, nil
}

func (b *Bridge) park(ctx context.Context, head *delivery) error {
	ctx, cancel := context.WithTimeout(ctx, b.options.ParkTimeout)
	defer cancel()
	parked := Parked{Event: head.event, Message: head.message, Reason: head.reason}
	if err := b.options.DeadLetters.Park(ctx, parked); err != nil {
		return fmt.Errorf("park event %d: %w", head.event.ID, err)
	}
	return nil
}

type logFunc func(context.Context, *slog.Logger)

// finish takes the lane back from the worker and says what to log.
func (b *Bridge) finish(ctx context.Context, inHand *batch, settled int, err error) logFunc {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts.busy--
	defer b.noteDrained()
	if err == nil {
		settled = len(inHand.deliveries)
	}
	report := b.settle(inHand.lane, inHand.deliveries[:settled])
	switch {
	case err == nil:
		b.release(inHand.lane)
		return report
	case ctx.Err() != nil:
		// Cut off by the end of the bridge: what was in hand stays unsettled.
		inHand.lane.state = laneResting
		return report
	default:
		failed := inHand.deliveries[settled]
		failed.publishedThen += uint64(settled) // those were of its own topic
		return both(report, b.fail(inHand.lane, failed, err))
	}
}

// fail decides about the first delivery of the lane after its attempt went wrong.
func (b *Bridge) fail(topicLane *lane, head *delivery, err error) logFunc {
	switch {
	case head.reason == "" && isPermanent(err):
		head.reason = err.Error()
	case head.reason == "" && b.isPoison(head):
		head.reason = fmt.Sprintf("given up after %d attempts while other topics got through: %v", head.attempts+1, err)
	default:
		return b.rest(topicLane, head, err)
	}
	b.makeReady(topicLane)
	return logNothing
}

// settle counts the leading deliveries of the lane as done.
func (b *Bridge) settle(topicLane *lane, done []*delivery) logFunc {
	if len(done) == 0 {
		return logNothing
	}
	now, moved := time.Now(), false
	for _, one := range done {
		topicLane.first() // drops what was replaced
		topicLane.pop()
		moved = b.count(one, now) || moved
	}
	if moved {
		wake(b.progress)
	}
	wake(b.room)
	head, recovered := done[0], b.heal(topicLane)
	if head.reason == "" && !recovered {
		return logNothing
	}
	return func(ctx context.Context, logger *slog.Logger) {
		if head.reason != "" {
			logger.WarnContext(ctx, "broadcast parked", "event_id", head.event.ID, "kind", head.event.Kind,
				"topic", head.message.Topic, "reason", head.reason)
		}
		if recovered {
			logger.InfoContext(ctx, "broadcasts flow again", "attempts", head.attempts+1)
		}
	}
}

// count books one delivery as done and says whether the confirmed position moved.
func (b *Bridge) count(done *delivery, now time.Time) (moved bool) {
	if done.reason != "" {
		b.counts.parked++
	} else {
		b.counts.published++
		// The last one waiting is the delivery's own transaction; the others' messages were never sent.
		b.counts.toAcknowledgement.observe(now.Sub(done.waiting[len(done.waiting)-1].deliveredAt))
	}
	b.counts.pending -= len(done.waiting)
	b.counts.pendingBytes -= done.size()
	for _, transaction := range done.waiting {
		moved = b.ledger.settle(transaction) || moved
	}
	return moved
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

func both(first, second logFunc) logFunc {
	return func(ctx context.Context, logger *slog.Logger) {
		first(ctx, logger)
		second(ctx, logger)
	}
}
