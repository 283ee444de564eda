package supabase

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Census is what only the database knows of the whole service, for metrics.
type Census struct {
	// Waiting conversations, and how long the one that waits longest has.
	Waiting     int64
	LongestWait time.Duration
	// Active conversations have an agent.
	Active int64
	// AgentsOnline take conversations now; FreeSlots is how many more.
	AgentsOnline, FreeSlots int64
	// DeadLetters are broadcasts that were given up, UnsentMail is mail that waits.
	DeadLetters, UnsentMail int64
	// RetainedBytes is the log that the database keeps for the slot; zero without one. SlotLost says that it kept too much.
	RetainedBytes int64
	SlotLost      bool
}

// census reads each number from an index of its own: no table is read whole.
const census = `
	select queue.waiting, extract(epoch from coalesce(now() - queue.since, interval '0'))::float8, busy.active,
	       team.online, team.free,
	       (select count(*) from handoff.broadcast_dead_letters),
	       (select count(*) from handoff.mail_outbox where sent_at is null and given_up_at is null),
	       coalesce(slot.retained, 0), coalesce(slot.lost, false)
	  from (select count(*) as waiting, min(queue_entered_at) as since from public.conversations where status = 'waiting') as queue,
	       (select count(*) as active from public.conversations where status = 'agent_active') as busy,
	       (select count(*) as online, coalesce(sum(greatest(max_concurrent_chats - current_chat_count - offered_chat_count, 0)), 0) as free
	          from public.agent_availability where effective_status = 'online') as team
	  left join (
	    select pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), restart_lsn)::bigint as retained,
	           wal_status = 'lost' as lost
	      from pg_catalog.pg_replication_slots where slot_name = $1
	  ) as slot on true`

// TakeCensus counts. The slot is the worker's.
func TakeCensus(ctx context.Context, pool *pgxpool.Pool, slot string) (Census, error) {
	var taken Census
	var wait float64
	err := pool.QueryRow(ctx, census, slot).Scan(&taken.Waiting, &wait, &taken.Active, &taken.AgentsOnline, &taken.FreeSlots,
		&taken.DeadLetters, &taken.UnsentMail, &taken.RetainedBytes, &taken.SlotLost)
	if err != nil {
		return Census{}, fmt.Errorf("take the census: %w", err)
	}
	taken.LongestWait = time.Duration(wait * float64(time.Second))
	return taken, nil
}
