package supabase

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// RecordedArrival is a conversation that asked for a person.
type RecordedArrival struct {
	At       time.Time
	Priority int
	// Handling is for how long an agent had it; nil when nobody did, or somebody still has it.
	Handling *time.Duration
	// Waited is until it got an agent, left, or now; Left says that the customer went first.
	Waited time.Duration
	Left   bool
}

// Of chats that came back to the queue the first wait is not known any more: their place in line says when they came, the rest
// is that of the last agent.
const arrivalList = `
	select chat.queue_entered_at, chat.priority,
	       extract(epoch from coalesce(chat.resolved_at, chat.closed_at) - chat.claimed_at)::double precision,
	       extract(epoch from coalesce(chat.claimed_at, chat.closed_at, now()) - chat.queue_entered_at)::double precision,
	       chat.status = 'closed' and chat.claimed_at is null
	         and coalesce(chat.close_reason, '') in ('customer', 'chat_cleared', 'abandoned', 'timeout')
	  from public.conversations as chat
	 where chat.project_id = $1 and chat.queue_entered_at > now() - make_interval(days => $2) and not chat.is_spam
	 order by chat.queue_entered_at
	 limit $3`

// Arrivals reads who asked for a person in the last days, in the order in which they came, the first most.
func Arrivals(ctx context.Context, pool *pgxpool.Pool, projectID string, days, most int) ([]RecordedArrival, error) {
	rows, err := pool.Query(ctx, arrivalList, projectID, days, most)
	if err != nil {
		return nil, fmt.Errorf("query arrivals of project %s: %w", projectID, err)
	}
	arrivals, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (RecordedArrival, error) {
		var one RecordedArrival
		var handled *float64
		var waited float64
		if err := row.Scan(&one.At, &one.Priority, &handled, &waited, &one.Left); err != nil {
			return one, err
		}
		if handled != nil && *handled > 0 {
			took := seconds(*handled)
			one.Handling = &took
		}
		one.Waited = seconds(waited)
		return one, nil
	})
	if err != nil {
		return nil, fmt.Errorf("read arrivals of project %s: %w", projectID, err)
	}
	return arrivals, nil
}
