package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/bench/gauge"
	"github.com/supportbase/handoff/realtime"
)

const (
	// mostChats is the highest limit that an agent can have; the project has one agent.
	mostChats = 50
	// warmHandoffs bring the agent's channel into being.
	warmHandoffs = 2
	// A conversation that gets an agent is news on several topics: so that plans with few messages a second are not at their
	// limit, handoffs are as many times rarer than events.
	handoffsRarer = 5
)

// handoffCount is how many conversations are handed off, those of the warm-up included.
func (r *run) handoffCount() int {
	return min(warmHandoffs+int(float64(r.PerSecond)*r.Length.Seconds()), mostChats)
}

// handoffs measures from the commit that makes a conversation wait to the event that tells its agent.
func (r *run) handoffs(ctx context.Context, report *Report) error {
	count, perSecond := len(r.stage.queue), max(1, r.PerSecond/handoffsRarer)
	heard := gauge.NewArrivals(count)
	topic := string(realtime.AgentTopic(r.stage.account))
	subscriber, err := gauge.Listen(ctx, r.SupabaseURL, r.SecretKey, []string{topic}, heard.Hear)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRealtime, err)
	}
	defer subscriber.Close()
	r.Progress(fmt.Sprintf("handing off %d conversations, %d a second", count, perSecond))
	for n := range warmHandoffs {
		if err := r.handOff(ctx, heard, n); err != nil {
			return err
		}
		heard.Await(ctx, n, arrivalTimeout) // what does not come is missing below
	}
	_, err = gauge.Pace(ctx, perSecond, count-warmHandoffs, func(ctx context.Context, n int) error {
		return r.handOff(ctx, heard, warmHandoffs+n)
	})
	if err != nil {
		return err
	}
	heard.All(ctx, count, arrivalTimeout)
	report.add("waiting_to_assigned", "handoff: waiting to assigned, at the agent's socket", heard.Latencies(warmHandoffs), count-warmHandoffs)
	return ctx.Err()
}

func (r *run) handOff(ctx context.Context, heard *gauge.Arrivals, n int) error {
	err := commitTimed(ctx, r.Pool, func() { heard.Commits(n) }, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `select handoff.enqueue($1, 'button_click')`, r.stage.queue[n])
		return err
	})
	if err != nil {
		return fmt.Errorf("hand off conversation %d: %w", n, err)
	}
	return nil
}

// commitTimed runs write in a transaction and tells the moment before the commit is sent.
func commitTimed(ctx context.Context, pool *pgxpool.Pool, commits func(), write func(tx pgx.Tx) error) error {
	tx, err := pool.Begin(ctx)
	if err != nil {
		return err
	}
	if err := write(tx); err != nil {
		return errors.Join(err, tx.Rollback(context.WithoutCancel(ctx)))
	}
	commits()
	return tx.Commit(ctx)
}
