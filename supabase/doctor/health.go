package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// manyEvents ends the counting of events that were not delivered.
	manyEvents = 10_000
	// retention is how long events are kept (docs/adr/0002-outbox-ring.md), with a day to spare.
	retention = 8 * 24 * time.Hour
)

func askWorker(ctx context.Context, p *patient) ([]Finding, error) {
	var works bool
	err := p.conn.QueryRow(ctx, `
		select exists (select 1 from pg_catalog.pg_replication_slots where slot_name = $1 and active)
		    or exists (select 1 from pg_catalog.pg_locks
		                where locktype = 'advisory' and granted
		                  and database = (select oid from pg_catalog.pg_database where datname = current_database())
		                  and (classid::bigint << 32) | objid::bigint = hashtextextended('handoff leader of ' || $1, 0))`,
		p.Slot).Scan(&works)
	if err != nil {
		return nil, err
	}
	if !works {
		return []Finding{warn("no worker is running: nothing is assigned, broadcast or timed out",
			"Start one: `handoff run`. What happens meanwhile is kept and made good.")}, nil
	}
	return fine("a worker is running"), nil
}

// askCounts counts every agent's chats anew. The count is written by one trigger, so that it can only differ when somebody
// went round it: disabled triggers, a restored table.
func askCounts(ctx context.Context, p *patient) ([]Finding, error) {
	var wrong int
	err := p.conn.QueryRow(ctx, `
		select count(*) from public.agent_availability as agent
		 where agent.current_chat_count <> handoff.chats_of(agent.project_id, agent.user_id)`).Scan(&wrong)
	if err != nil {
		return nil, err
	}
	if wrong > 0 {
		return []Finding{broken(fmt.Sprintf("%d agents have another number of chats than is noted: they get too many or too few", wrong),
			"Run `handoff doctor --fix`. Then find out who disabled the triggers of public.conversations.").fixedBy(recount)}, nil
	}
	return fine("every agent's number of chats is right"), nil
}

// recount waits for all who are moving conversations, and lets nobody begin, for as long as it takes: a count that misses
// a move would be as wrong as before.
func recount(ctx context.Context, conn *pgx.Conn) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, statement := range []string{
			`set local lock_timeout = '5s'`,
			`lock table public.conversations in share row exclusive mode`,
			`update public.agent_availability as agent
			    set current_chat_count = handoff.chats_of(agent.project_id, agent.user_id)
			  where agent.current_chat_count <> handoff.chats_of(agent.project_id, agent.user_id)`,
		} {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
}

// askQueue looks for what must never be: somebody waits although somebody who may take it is free.
func askQueue(ctx context.Context, p *patient) ([]Finding, error) {
	var idle, waiting int
	err := p.conn.QueryRow(ctx, `
		select count(*) filter (where conversation.waiting_since < now() - interval '1 minute' and exists (
		         select 1 from public.agent_availability as agent
		          where agent.project_id = conversation.project_id and agent.effective_status = 'online'
		            and agent.current_chat_count < agent.max_concurrent_chats and agent.skills @> conversation.required_skills
		            and conversation.preferred_agent_id is null
		            and (conversation.released_at is null or conversation.released_at < now() - interval '3 minutes'))),
		       count(*)
		  from public.conversations as conversation where conversation.status = 'waiting'`).Scan(&idle, &waiting)
	if err != nil {
		return nil, err
	}
	if idle > 0 {
		return []Finding{broken(fmt.Sprintf("%d conversations have waited for over a minute although an agent is free", idle),
			"Start the worker; if it runs, its log says why it does not assign.")}, nil
	}
	return fine(fmt.Sprintf("%d conversations wait, none of them while somebody is free", waiting)), nil
}

func askOutbox(ctx context.Context, p *patient) ([]Finding, error) {
	var undelivered int
	var oldest time.Duration
	err := p.conn.QueryRow(ctx, `
		select (select count(*) from (
		          select 1 from handoff.outbox as event, handoff.worker_checkpoint as checkpoint
		           where checkpoint.slot = $1 and event.created_at < now() - interval '1 minute'
		             and event.xid >= checkpoint.horizon_xid and not pg_visible_in_snapshot(event.xid, checkpoint.horizon)
		           limit $2) as late),
		       coalesce(now() - (select min(created_at) from handoff.outbox), interval '0')`, p.Slot, manyEvents+1).Scan(&undelivered, &oldest)
	if err != nil {
		return nil, err
	}
	var found []Finding
	if undelivered > 0 {
		found = append(found, warn(fmt.Sprintf("%s events older than a minute are not known to be delivered", atLeast(undelivered)),
			"Start the worker. If one runs, see in its log whether Realtime takes its messages."))
	}
	if oldest > retention {
		found = append(found, warn(fmt.Sprintf("the oldest event is %d days old: the outbox is not being emptied", int(oldest.Hours()/24)),
			"Retention is the worker's: start it. It empties only what was delivered."))
	}
	return orFine(found, "every event older than a minute has been delivered"), nil
}

func atLeast(count int) string {
	if count > manyEvents {
		return fmt.Sprintf("over %d", manyEvents)
	}
	return fmt.Sprint(count)
}

func askDeadLetters(ctx context.Context, p *patient) ([]Finding, error) {
	var count int
	if err := p.conn.QueryRow(ctx, `select count(*) from handoff.broadcast_dead_letters`).Scan(&count); err != nil {
		return nil, err
	}
	if count > 0 {
		return []Finding{warn(fmt.Sprintf("Realtime would not take %d messages", count),
			"`handoff deadletters list` has the reasons; then retry or drop them.")}, nil
	}
	return fine("Realtime has taken every message"), nil
}
