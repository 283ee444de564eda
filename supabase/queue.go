package supabase

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/worker/assignment"
)

// Queue is the waiting conversations of all projects.
type Queue struct {
	pool *pgxpool.Pool
}

// NewQueue returns the queue of the database behind the pool.
func NewQueue(pool *pgxpool.Pool) *Queue { return &Queue{pool: pool} }

// Conversations before agents: claims and the triggers take the locks in the same order, so nobody deadlocks. An agent
// that somebody is just assigning to is skipped, not waited for: that assignment wakes this queue again. For two minutes
// who gave a conversation back is not given it again; then even they are better than nobody.
const (
	// Asked first: what this snapshot sees, the later ones of the batch see too.
	transactionIsVisible    = `select $1::text = '0' or pg_visible_in_snapshot($1::text::xid8, pg_current_snapshot())`
	conversationLockWaiting = `
		select id::text, coalesce(preferred_agent_id::text, ''),
		       coalesce(case when released_at > now() - interval '2 minutes' then released_by::text end, '')
		  from public.conversations
		 where project_id = $1 and status = 'waiting'
		 order by priority desc, queue_entered_at, id
		 limit $2
		   for no key update skip locked`
	agentLockFree = `
		select user_id::text, max_concurrent_chats - current_chat_count, last_assigned_at
		  from public.agent_availability
		 where project_id = $1 and effective_status = 'online' and current_chat_count < max_concurrent_chats
		   for no key update skip locked`
	// What the two statements above would have locked, had nobody else been in the way.
	queueCount = `
		select (select count(*) from (
		          select 1 from public.conversations where project_id = $1 and status = 'waiting' limit $2) as waiting),
		       (select count(*) from public.agent_availability
		         where project_id = $1 and effective_status = 'online' and current_chat_count < max_concurrent_chats)`
	conversationAssign = `
		update public.conversations as conversation
		   set status = 'agent_active', assigned_agent_id = planned.agent_id
		  from unnest($1::uuid[], $2::uuid[]) as planned (conversation_id, agent_id)
		 where conversation.id = planned.conversation_id and conversation.status = 'waiting'`
	projectListWaiting = `select distinct project_id::text from public.conversations where status = 'waiting'`
)

// AssignBatch locks up to limit waiting conversations of the project in the order of serving, and its agents with free
// slots; plan decides, and its decision is written in the same transaction: two round trips. While the transaction
// seenXID (0: none) is not visible to other sessions yet, it does nothing and says Skipped.
func (q *Queue) AssignBatch(ctx context.Context, projectID string, seenXID uint64, limit int,
	plan assignment.Planner,
) (assignment.Batch, error) {
	conn, err := q.pool.Acquire(ctx)
	if err != nil {
		return assignment.Batch{}, fmt.Errorf("acquire connection: %w", err)
	}
	defer conn.Release()

	locked, err := lockBatch(ctx, conn.Conn(), projectID, seenXID, limit)
	if err != nil {
		return assignment.Batch{}, rollback(ctx, conn.Conn(), err)
	}
	if !locked.visible {
		return assignment.Batch{Skipped: true}, rollback(ctx, conn.Conn(), nil)
	}
	decided := plan(locked.chats, locked.agents)
	if len(decided) == 0 {
		return locked.outcome(0), rollback(ctx, conn.Conn(), nil)
	}
	assigned, err := writePlan(ctx, conn.Conn(), decided)
	if err != nil {
		return assignment.Batch{}, rollback(ctx, conn.Conn(), err)
	}
	return locked.outcome(assigned), nil
}

// lockedBatch is what one transaction holds, and what it saw.
type lockedBatch struct {
	visible       bool
	chats         []assignment.Chat
	agents        []assignment.Agent
	waiting, free int
}

func (b lockedBatch) outcome(assigned int) assignment.Batch {
	somebodyInTheWay := b.waiting > len(b.chats) || b.free > len(b.agents)
	return assignment.Batch{
		Locked:   len(b.chats),
		Assigned: assigned,
		Skipped:  somebodyInTheWay && b.waiting > assigned && b.free > 0,
	}
}

func lockBatch(ctx context.Context, conn *pgx.Conn, projectID string, seenXID uint64, limit int) (lockedBatch, error) {
	batch := &pgx.Batch{}
	batch.Queue(`begin`)
	batch.Queue(transactionIsVisible, strconv.FormatUint(seenXID, 10))
	batch.Queue(conversationLockWaiting, projectID, limit)
	batch.Queue(agentLockFree, projectID)
	batch.Queue(queueCount, projectID, limit)
	results := conn.SendBatch(ctx, batch)
	locked, err := readLocked(results)
	if closeErr := results.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return lockedBatch{}, fmt.Errorf("lock queue and agents: %w", err)
	}
	return locked, nil
}

func readLocked(results pgx.BatchResults) (lockedBatch, error) {
	var locked lockedBatch
	if _, err := results.Exec(); err != nil {
		return locked, err
	}
	if err := results.QueryRow().Scan(&locked.visible); err != nil {
		return locked, err
	}
	rows, err := results.Query()
	if err != nil {
		return locked, err
	}
	if locked.chats, err = pgx.CollectRows(rows, pgx.RowToStructByPos[assignment.Chat]); err != nil {
		return locked, err
	}
	if rows, err = results.Query(); err != nil {
		return locked, err
	}
	if locked.agents, err = pgx.CollectRows(rows, scanAgent); err != nil {
		return locked, err
	}
	return locked, results.QueryRow().Scan(&locked.waiting, &locked.free)
}

func scanAgent(row pgx.CollectableRow) (assignment.Agent, error) {
	var agent assignment.Agent
	var last *time.Time
	err := row.Scan(&agent.ID, &agent.FreeSlots, &last)
	if last != nil {
		agent.LastAssignedAt = *last
	}
	return agent, err
}

func writePlan(ctx context.Context, conn *pgx.Conn, plan []assignment.Assignment) (int, error) {
	conversationIDs := make([]string, len(plan))
	agentIDs := make([]string, len(plan))
	for i, one := range plan {
		conversationIDs[i], agentIDs[i] = one.ChatID, one.AgentID
	}
	batch := &pgx.Batch{}
	batch.Queue(conversationAssign, conversationIDs, agentIDs)
	batch.Queue(`commit`)
	results := conn.SendBatch(ctx, batch)
	tag, err := results.Exec()
	if err == nil {
		_, err = results.Exec()
	}
	if closeErr := results.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return 0, fmt.Errorf("write %d assignments: %w", len(plan), err)
	}
	return int(tag.RowsAffected()), nil
}

// rollbackTimeout bounds the clean-up of a transaction whose context may have ended.
const rollbackTimeout = 5 * time.Second

// rollback ends the transaction and returns cause; a connection that cannot even roll back is closed, so the pool drops it.
func rollback(ctx context.Context, conn *pgx.Conn, cause error) error {
	cleanCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	if _, err := conn.Exec(cleanCtx, `rollback`); err != nil {
		_ = conn.Close(cleanCtx) // it is broken already; the pool sees that it is closed
		if cause == nil {
			return fmt.Errorf("roll back: %w", err)
		}
	}
	return cause
}

// WaitingProjects lists the projects that have waiting conversations.
func (q *Queue) WaitingProjects(ctx context.Context) ([]string, error) {
	rows, err := q.pool.Query(ctx, projectListWaiting)
	if err != nil {
		return nil, fmt.Errorf("query waiting projects: %w", err)
	}
	projects, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read waiting projects: %w", err)
	}
	return projects, nil
}
