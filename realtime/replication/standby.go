package replication

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/supportbase/handoff/realtime"
)

// prepare brings the database to where streaming can start and says from which position it will. It works over one
// ordinary connection, which it also keeps while standing by: a replication connection would take one of the few
// walsenders of a small Supabase plan. The leader then keeps its checkpoint over it.
func (r *runner) prepare(ctx context.Context, sql *link) (realtime.Position, error) {
	conn, err := sql.get(ctx)
	if err != nil {
		return 0, err
	}
	found, err := takeSurvey(ctx, conn, r.table, r.options.Publication)
	if err != nil {
		return 0, err
	}
	if err := found.obstacle(r.table, r.options.Publication); err != nil {
		return 0, err
	}
	published, err := ensurePublication(ctx, conn, found, r.table, r.options.Publication)
	if err != nil {
		return 0, err
	}
	return r.awaitSlot(ctx, conn, found.database, published)
}

// awaitSlot returns when the slot exists, is sound and nobody streams from it. published says that the publication was
// made a moment ago: a slot older than it would read log in which the publication did not exist, which Postgres
// refuses for ever, so such a slot is replaced.
func (r *runner) awaitSlot(ctx context.Context, conn *pgx.Conn, database string, published bool) (realtime.Position, error) {
	delay := standbyFirst
	for {
		found, err := findSlot(ctx, conn, r.options.Slot)
		if err != nil {
			return 0, err
		}
		if found == nil {
			if err := r.makeSlot(ctx, conn); err != nil {
				return 0, err
			}
			published = false
			continue
		}
		if err := found.foreign(r.options.Slot, database); err != nil {
			return 0, err
		}
		switch {
		case found.active:
			r.setState(ctx, StateStandby)
			if !wait(ctx, jittered(delay)) {
				return 0, context.Cause(ctx)
			}
			delay = min(2*delay, standbyPoll)
		case found.lost() || published:
			if err := r.replaceSlot(ctx, conn, found); err != nil {
				return 0, err
			}
			published = false
		default:
			return found.confirmed, nil
		}
	}
}
