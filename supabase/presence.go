package supabase

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/worker/presence"
)

// Presence sweeps the leases: it calls the functions of 98_presence_sweep.sql as they are now.
type Presence struct {
	pool *pgxpool.Pool
}

// NewPresence returns the presence of the database behind the pool.
func NewPresence(pool *pgxpool.Pool) *Presence { return &Presence{pool: pool} }

// SweepPresence ends what has run out and suspects silent agents, looking at most at so many leases.
func (p *Presence) SweepPresence(ctx context.Context, most int) (presence.Sweep, error) {
	var done presence.Sweep
	if err := p.pool.QueryRow(ctx, `select handoff.sweep_presence(now(), $1)`, unprepared, most).Scan(&done); err != nil {
		return presence.Sweep{}, fmt.Errorf("sweep presence: %w", err)
	}
	return done, nil
}

// CollectOrphans settles who is there by name only, and forgets old sessions.
func (p *Presence) CollectOrphans(ctx context.Context, most int) (int, error) {
	var handled int
	if err := p.pool.QueryRow(ctx, `select handoff.collect_orphans(now(), $1)`, unprepared, most).Scan(&handled); err != nil {
		return 0, fmt.Errorf("collect orphans of presence: %w", err)
	}
	return handled, nil
}
