package supabase

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Clock handles what is due by the clock: it calls the functions of 92_clock.sql to 97_retention.sql as they are now. Each method is one
// transaction, handles at most so many, and answers how many; fewer than it may: nothing more is due. Rows that another
// worker has locked are left to that worker.
type Clock struct {
	pool *pgxpool.Pool
}

// NewClock returns the clock of the database behind the pool.
func NewClock(pool *pgxpool.Pool) *Clock { return &Clock{pool: pool} }

// Below the horizon of every slot everything is delivered; what must be sent again since a slot was lost is not. No row:
// no worker has told yet.
const outboxPrune = `
	select handoff.prune((
	         select min(least(checkpoint.horizon_xid, pg_snapshot_xmin(checkpoint.resend_from)))
	           from handoff.worker_checkpoint as checkpoint), now(), $1)`

// WarnInactive asks silent customers whether they are still there.
func (c *Clock) WarnInactive(ctx context.Context, most int) (int, error) {
	return c.call(ctx, "warn inactive customers", `select handoff.warn_inactive(now(), $1)`, most)
}

// CloseInactive closes the chats of customers who did not answer.
func (c *Clock) CloseInactive(ctx context.Context, most int) (int, error) {
	return c.call(ctx, "close inactive chats", `select handoff.close_inactive(now(), $1)`, most)
}

// TimeOut closes what nobody has touched for a day, and the waiting chats of customers who left.
func (c *Clock) TimeOut(ctx context.Context, most int) (int, error) {
	return c.call(ctx, "time out chats", `select handoff.time_out(now(), $1)`, most)
}

// TellAgentsGone tells customers that their agent is gone, and requeues what the agent never answered.
func (c *Clock) TellAgentsGone(ctx context.Context, most int) (int, error) {
	return c.call(ctx, "tell of agents who are gone", `select handoff.tell_agents_gone(now(), $1)`, most)
}

// OfferRequeue offers the queue to customers whose agent has been gone for ten minutes.
func (c *Clock) OfferRequeue(ctx context.Context, most int) (int, error) {
	return c.call(ctx, "offer to return to the queue", `select handoff.offer_requeue(now(), $1)`, most)
}

// ExpireOffers ends the offers that were not answered in time.
func (c *Clock) ExpireOffers(ctx context.Context, most int) (int, error) {
	return c.call(ctx, "expire offers", `select handoff.expire_offers(now(), $1)`, most)
}

// PassEdges notes which projects have opened or closed and pushes what that changed.
func (c *Clock) PassEdges(ctx context.Context, most int) (int, error) {
	return c.call(ctx, "pass opening and closing times", `select handoff.pass_edges(now(), $1)`, most)
}

// TellClosed tells who waits that the team has closed.
func (c *Clock) TellClosed(ctx context.Context, most int) (int, error) {
	return c.call(ctx, "tell of closing", `select handoff.tell_closed(now(), $1)`, most)
}

// Prune forgets events that are delivered and old, spent counters, sent mail and old decisions.
func (c *Clock) Prune(ctx context.Context, most int) (int, error) {
	return c.call(ctx, "prune", outboxPrune, most)
}

func (c *Clock) call(ctx context.Context, what, query string, most int) (int, error) {
	var handled int
	if err := c.pool.QueryRow(ctx, query, unprepared, most).Scan(&handled); err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	return handled, nil
}
