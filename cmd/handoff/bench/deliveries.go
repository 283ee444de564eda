package bench

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/supportbase/handoff/bench/gauge"
	"github.com/supportbase/handoff/realtime"
)

// warmUp is one message of each way to each room: channels come into being, plans are made.
const warmUp = wayCount * rooms

// deliveries measures the ways in turn, message by message, so that what disturbs one disturbs all.
func (r *run) deliveries(ctx context.Context, report *Report) error {
	each := int(float64(r.PerSecond) * r.Length.Seconds())
	total := warmUp + wayCount*each
	heard, refused := gauge.NewArrivals(total), new(refusals)
	subscriber, err := gauge.Listen(ctx, r.SupabaseURL, r.SecretKey, r.topics(), heard.Hear)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRealtime, err)
	}
	defer subscriber.Close()
	ways := r.ways(refused)
	if err := r.probe(ctx, ways, heard); err != nil {
		return err
	}
	r.Progress(fmt.Sprintf("writing %d messages each way, %d a second, for %d s", each, r.PerSecond, wayCount*int(r.Length.Seconds())))
	report.Reached, err = gauge.Pace(ctx, r.PerSecond, wayCount*each, func(ctx context.Context, n int) error {
		return r.write(ctx, ways, heard, warmUp+n)
	})
	if err != nil {
		return err
	}
	heard.All(ctx, total, arrivalTimeout)
	for i, one := range ways {
		report.add(one.name, one.text, heard.LatenciesOf(warmUp+i, wayCount), each)
	}
	report.note(refused.line())
	return ctx.Err()
}

func (r *run) topics() []string {
	topics := make([]string, len(r.stage.rooms))
	for i, room := range r.stage.rooms {
		topics[i] = string(realtime.ConversationTopic(room))
	}
	return topics
}

// probe warms up, and finds out who does not answer: the way without a worker goes first.
func (r *run) probe(ctx context.Context, ways [wayCount]way, heard *gauge.Arrivals) error {
	r.Progress("waiting for the first messages")
	for _, first := range []struct {
		way     int
		missing error
	}{{overHTTP, ErrRealtime}, {worker, ErrNoWorker}} {
		if err := r.write(ctx, ways, heard, first.way); err != nil {
			return err
		}
		if heard.Await(ctx, first.way, arrivalTimeout) {
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%w: a message did not come within %s", first.missing, arrivalTimeout)
	}
	if err := r.write(ctx, ways, heard, send); err != nil {
		return err
	}
	_, err := gauge.Pace(ctx, r.PerSecond, warmUp-wayCount, func(ctx context.Context, n int) error {
		return r.write(ctx, ways, heard, wayCount+n)
	})
	if err != nil {
		return err
	}
	heard.All(ctx, warmUp, arrivalTimeout)
	return ctx.Err()
}

// write writes message n its way, to its room, in a transaction of its own, and notes the moment before the commit.
func (r *run) write(ctx context.Context, ways [wayCount]way, heard *gauge.Arrivals, n int) error {
	one, room, text := ways[n%wayCount], r.stage.rooms[n/wayCount%rooms], content(n)
	err := commitTimed(ctx, r.Pool, func() { heard.Commits(n) }, func(tx pgx.Tx) error { return one.write(ctx, tx, room, text) })
	if err != nil {
		return fmt.Errorf("write message %d (%s): %w", n, one.name, err)
	}
	return one.after(ctx, room, text)
}
