package supabase

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/worker/assignment"
)

// Queue is the waiting conversations of all projects.
type Queue struct {
	pool *pgxpool.Pool

	mu sync.Mutex
	// offering are the projects that offered conversations at their last batch: the statements of a batch are sent before
	// the project's settings are read.
	offering map[string]bool
}

// NewQueue returns the queue of the database behind the pool.
func NewQueue(pool *pgxpool.Pool) *Queue { return &Queue{pool: pool, offering: make(map[string]bool)} }

// Conversations before agents: claims and the triggers take the locks in the same order, so nobody deadlocks. An agent
// that somebody is just assigning to is skipped, not waited for: that assignment wakes this queue again. For two minutes
// who gave a conversation back is not given it again; then even they are better than nobody.
//
// Conversations that no free agent may take are passed over before they are locked: a thousand of them at the head of the
// queue hold up nobody behind them and cost no write. What is asked here is what assignment.Plan asks of a single chat, so
// the plan gives out at least one conversation of a batch, and a drained queue is one of which a batch holds none.
const (
	// Asked first: what this snapshot sees, the later ones of the batch see too. A transaction that holds no lock on its own
	// number has ended (later snapshots see it), or is of another database's count, after a restore: no reason to wait.
	transactionIsVisible = `
		select case when $1::text = '0' or pg_visible_in_snapshot($1::text::xid8, pg_current_snapshot()) then true
		            else not exists (select 1 from pg_catalog.pg_locks as held
		                              where held.locktype = 'transactionid'
		                                and held.transactionid = ($1::text::numeric % 4294967296)::text::xid)
		       end`
	batchBegin = transactionIsVisible + `,
		       coalesce((select assignment_strategy from public.handoff_settings where project_id = $2), 'balanced'),
		       coalesce((select assignment_mode = 'offer' from public.handoff_settings where project_id = $2), false), 0`
	queueWithFree = `
		with free as materialized (
		  select user_id, skills from public.agent_availability
		   where project_id = $1 and effective_status = 'online'
		     and current_chat_count + offered_chat_count < max_concurrent_chats)`
	// The plain conversation comes first for the sake of speed, and the "or" for the sake of the planner: of an "exists" alone
	// it expects next to nothing to pass, and sorts the whole queue instead of walking the index up to the limit.
	queueFromTakeable = `
		  from public.conversations as conversation
		 cross join lateral (
		   select case when conversation.released_at > now() - interval '2 minutes' then conversation.released_by end as user_id
		 ) as avoided
		 cross join lateral (
		   select conversation.preferred_agent_id is not null
		          and conversation.preferred_agent_id is distinct from avoided.user_id
		          and conversation.waiting_since > now() - make_interval(secs => coalesce(
		                (select preferred_wait_seconds from public.handoff_settings where project_id = $1), 60))
		          and exists (select 1 from public.agent_availability as preferred
		                       where preferred.project_id = $1 and preferred.user_id = conversation.preferred_agent_id
		                         and preferred.effective_status = 'online'
		                         and preferred.skills @> conversation.required_skills) as holds
		 ) as wish
		 where conversation.project_id = $1 and conversation.status = 'waiting'
		   and ((conversation.required_skills = '{}' and conversation.preferred_agent_id is null and avoided.user_id is null
		         and (select count(*) > 0 from free))
		        or exists (select 1 from free
		                    where free.skills @> conversation.required_skills
		                      and free.user_id is distinct from avoided.user_id
		                      and (not wish.holds or free.user_id = conversation.preferred_agent_id)))`
	conversationLockTakeable = queueWithFree + `
		select conversation.id::text, coalesce(conversation.preferred_agent_id::text, ''), coalesce(avoided.user_id::text, ''),
		       conversation.required_skills, wish.holds` + queueFromTakeable + `
		 order by conversation.priority desc, conversation.queue_entered_at, conversation.id
		 limit $2
		   for no key update of conversation skip locked`
	agentLockFree = `
		select user_id::text, max_concurrent_chats - current_chat_count - offered_chat_count, last_assigned_at,
		       current_chat_count > 0, idle_since, skills
		  from public.agent_availability
		 where project_id = $1 and effective_status = 'online'
		   and current_chat_count + offered_chat_count < max_concurrent_chats
		   for no key update skip locked`
	// What the two statements above would have locked, had nobody else been in the way, and in how many microseconds a
	// conversation that is kept for somebody, or from somebody, no longer is: null when none is.
	queueCount = queueWithFree + `
		select (select count(*) from (select 1` + queueFromTakeable + ` limit $2) as waiting), (select count(*) from free),
		       (select (extract(epoch from min(kept.until) - now()) * 1000000)::bigint from (` + keptUntil + `) as kept)`
	// keptUntil is to come: when the time is over for which conversations are kept for an agent, or from one.
	keptUntil = `
		select held.until
		  from public.conversations as conversation
		 cross join lateral (values
		   (case when conversation.preferred_agent_id is not null then
		      conversation.waiting_since + make_interval(secs => coalesce(
		        (select preferred_wait_seconds from public.handoff_settings where project_id = $1), 60)) end),
		   (conversation.released_at + interval '2 minutes')) as held (until)
		 where conversation.project_id = $1 and conversation.status = 'waiting'
		   and (conversation.preferred_agent_id is not null or conversation.released_by is not null)
		   and held.until > now()`
	// The order of the plan stays visible in claimed_at, and so in the agents' last_assigned_at: the next batch decides as
	// if each conversation had been given out alone. The batch has locked its conversations while they were waiting, so that is
	// not asked again: the planner would take it for the better way in, and read the whole queue for each batch.
	conversationAssign = `
		with planned as (
		  select * from unnest($1::uuid[], $2::uuid[], $3::integer[], $4::text[], $5::text[]) with ordinality
		      as planned (conversation_id, agent_id, queue_position, reason, candidates, place)
		), assigned as (
		  update public.conversations as conversation
		     set status = 'agent_active', assigned_agent_id = planned.agent_id,
		         claimed_at = greatest(now(), $7::timestamptz) + planned.place * interval '1 microsecond'
		    from planned
		   where conversation.id = planned.conversation_id
		  returning conversation.id, conversation.project_id, conversation.claimed_at,
		            coalesce(conversation.waiting_since, conversation.queue_entered_at) as waiting_since
		)
		insert into handoff.assignment_decisions
		       (conversation_id, project_id, agent_id, strategy, decided_at, queue_position, waited_seconds, reason, candidates)
		select assigned.id, assigned.project_id, planned.agent_id, $6, assigned.claimed_at, planned.queue_position,
		       greatest(extract(epoch from assigned.claimed_at - assigned.waiting_since)::integer, 0),
		       planned.reason, planned.candidates::jsonb
		  from planned
		  join assigned on assigned.id = planned.conversation_id
		 order by planned.place`
	projectListWaiting = `select distinct project_id::text from public.conversations where status = 'waiting'`
)

// AssignBatch locks up to limit waiting conversations of the project that somebody free may take, in the order of serving,
// and its agents with free slots; plan decides by the project's strategy, and its decision is written with its reasons in
// the same transaction: two round trips. Where the project offers conversations, it makes offers instead of assignments,
// after it has ended those that are due. When the transaction seenXID (0: none) does not become visible to other sessions
// within some milliseconds, it does nothing and says Skipped.
func (q *Queue) AssignBatch(ctx context.Context, projectID string, seenXID uint64, limit int,
	plan assignment.Planner,
) (assignment.Batch, error) {
	conn, err := q.pool.Acquire(ctx)
	if err != nil {
		return assignment.Batch{}, fmt.Errorf("acquire connection: %w", err)
	}
	defer conn.Release()

	locked, err := q.lockVisible(ctx, conn.Conn(), projectID, seenXID, limit)
	if err != nil {
		return assignment.Batch{}, rollback(ctx, conn.Conn(), err)
	}
	if !locked.visible {
		return assignment.Batch{Skipped: true}, rollback(ctx, conn.Conn(), nil)
	}
	decided := plan(locked.strategy, locked.chats, locked.agents)
	if len(decided) == 0 {
		return locked.outcome(0), rollback(ctx, conn.Conn(), nil)
	}
	assigned, err := writePlan(ctx, conn.Conn(), locked, decided)
	if err != nil {
		return assignment.Batch{}, rollback(ctx, conn.Conn(), err)
	}
	return locked.outcome(assigned), nil
}

// lockedBatch is what one transaction holds, and what it saw.
type lockedBatch struct {
	visible  bool
	strategy assignment.Strategy
	// offers says that the project offers its conversations, for so many seconds.
	offers              bool
	offerTimeoutSeconds int

	chats  []assignment.Chat
	agents []assignment.Agent
	// limit is how many chats it was to hold. waiting and free are what it would hold, had nobody else been in the way, and
	// of the chats one more: then some are left behind.
	limit, waiting, free int
	// wakeAfter is in how many microseconds time alone may let another conversation be given out; nil for never.
	wakeAfter *int64
}

func (b lockedBatch) outcome(assigned int) assignment.Batch {
	somebodyInTheWay := min(b.waiting, b.limit) > len(b.chats) || b.free > len(b.agents)
	batch := assignment.Batch{
		Locked:   len(b.chats),
		More:     b.waiting > b.limit,
		Assigned: assigned,
		Skipped:  somebodyInTheWay && b.waiting > assigned && b.free > 0,
	}
	if b.wakeAfter != nil {
		batch.WakeAfter = time.Duration(*b.wakeAfter) * time.Microsecond
	}
	if due := time.Duration(b.offerTimeoutSeconds) * time.Second; b.offers && assigned > 0 && (batch.WakeAfter == 0 || due < batch.WakeAfter) {
		batch.WakeAfter = due
	}
	return batch
}

const (
	// firstLook and lastLook bound the pause before a transaction that is not visible yet is looked for again; it doubles.
	// Mostly it is a matter of microseconds: the log tells of a commit just before other sessions are told.
	firstLook = 100 * time.Microsecond
	lastLook  = 6400 * time.Microsecond
)

// lockVisible is lock, and again shortly while the transaction is not visible.
func (q *Queue) lockVisible(ctx context.Context, conn *pgx.Conn, projectID string, seenXID uint64, limit int) (lockedBatch, error) {
	for pause := firstLook; ; pause *= 2 {
		locked, err := q.lock(ctx, conn, projectID, seenXID, limit)
		if err != nil || locked.visible || pause > lastLook {
			return locked, err
		}
		if err := rollback(ctx, conn, nil); err != nil {
			return lockedBatch{}, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return lockedBatch{}, ctx.Err()
		}
	}
}

// lock begins a batch in the way of the project's last one, and once more when its settings say otherwise by now.
func (q *Queue) lock(ctx context.Context, conn *pgx.Conn, projectID string, seenXID uint64, limit int) (lockedBatch, error) {
	offers := q.offered(projectID)
	for {
		locked, err := lockBatch(ctx, conn, mannerOf(offers), projectID, seenXID, limit)
		if err != nil || locked.offers == offers {
			return locked, err
		}
		offers = locked.offers
		q.remember(projectID, offers)
		if err := rollback(ctx, conn, nil); err != nil {
			return lockedBatch{}, err
		}
	}
}

func (q *Queue) offered(projectID string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.offering[projectID]
}

func (q *Queue) remember(projectID string, offers bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.offering, projectID)
	if offers {
		q.offering[projectID] = true
	}
}

// manner is how the conversations of a project leave the queue: the statements of a batch.
type manner struct {
	// before is done in a transaction of its own; empty for nothing.
	before                                     string
	begin, conversations, agents, queue, write string
	scanChat                                   pgx.RowToFunc[assignment.Chat]
}

func mannerOf(offers bool) manner {
	if offers {
		return manner{
			before: offerExpire,
			begin:  offerBegin, conversations: offerLockTakeable, agents: offerLockFree, queue: offerQueueCount, write: offerWrite,
			scanChat: scanAskedChat,
		}
	}
	return manner{
		begin: batchBegin, conversations: conversationLockTakeable, agents: agentLockFree, queue: queueCount, write: conversationAssign,
		scanChat: scanChat,
	}
}

func lockBatch(ctx context.Context, conn *pgx.Conn, way manner, projectID string, seenXID uint64, limit int) (lockedBatch, error) {
	if way.before != "" {
		if _, err := conn.Exec(ctx, way.before, projectID); err != nil {
			return lockedBatch{}, fmt.Errorf("end offers that are due: %w", err)
		}
	}
	batch := &pgx.Batch{}
	batch.Queue(`begin`)
	batch.Queue(way.begin, strconv.FormatUint(seenXID, 10), projectID)
	batch.Queue(way.conversations, projectID, limit)
	batch.Queue(way.agents, projectID)
	batch.Queue(way.queue, projectID, limit+1) // one more: whether anything is left behind
	results := conn.SendBatch(ctx, batch)
	locked, err := readLocked(results, way.scanChat)
	locked.limit = limit
	if closeErr := results.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return lockedBatch{}, fmt.Errorf("lock queue and agents: %w", err)
	}
	return locked, nil
}

func readLocked(results pgx.BatchResults, scanChat pgx.RowToFunc[assignment.Chat]) (lockedBatch, error) {
	var locked lockedBatch
	if _, err := results.Exec(); err != nil {
		return locked, err
	}
	if err := results.QueryRow().Scan(&locked.visible, &locked.strategy, &locked.offers, &locked.offerTimeoutSeconds); err != nil {
		return locked, err
	}
	rows, err := results.Query()
	if err != nil {
		return locked, err
	}
	if locked.chats, err = pgx.CollectRows(rows, scanChat); err != nil {
		return locked, err
	}
	if rows, err = results.Query(); err != nil {
		return locked, err
	}
	if locked.agents, err = pgx.CollectRows(rows, scanAgent); err != nil {
		return locked, err
	}
	return locked, results.QueryRow().Scan(&locked.waiting, &locked.free, &locked.wakeAfter)
}

func scanChat(row pgx.CollectableRow) (assignment.Chat, error) {
	var chat assignment.Chat
	err := row.Scan(&chat.ID, &chat.PreferredAgentID, &chat.AvoidedAgentID, &chat.RequiredSkills, &chat.HoldsForPreferred)
	return chat, err
}

func scanAgent(row pgx.CollectableRow) (assignment.Agent, error) {
	var agent assignment.Agent
	var last *time.Time
	err := row.Scan(&agent.ID, &agent.FreeSlots, &last, &agent.Busy, &agent.IdleSince, &agent.Skills)
	if last != nil {
		agent.LastAssignedAt = *last
	}
	return agent, err
}

// latest is when any of the agents was last given a conversation; the zero time when none ever was.
func (b lockedBatch) latest() time.Time {
	var latest time.Time
	for _, agent := range b.agents {
		if agent.LastAssignedAt.After(latest) {
			latest = agent.LastAssignedAt
		}
	}
	return latest
}

func writePlan(ctx context.Context, conn *pgx.Conn, locked lockedBatch, plan []assignment.Assignment) (int, error) {
	columns, err := planColumns(plan)
	if err != nil {
		return 0, err
	}
	batch := &pgx.Batch{}
	columns = append(columns, string(locked.strategy), locked.latest())
	if locked.offers {
		columns = append(columns, rounds(plan), locked.offerTimeoutSeconds)
	}
	batch.Queue(mannerOf(locked.offers).write, columns...)
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

// planColumns are the first five arguments of conversationAssign.
func planColumns(plan []assignment.Assignment) ([]any, error) {
	conversationIDs := make([]string, len(plan))
	agentIDs := make([]string, len(plan))
	positions := make([]int32, len(plan))
	reasons := make([]string, len(plan))
	candidates := make([]string, len(plan))
	for i, one := range plan {
		described, err := json.Marshal(one.Candidates)
		if err != nil {
			return nil, fmt.Errorf("describe candidates for conversation %s: %w", one.ChatID, err)
		}
		conversationIDs[i], agentIDs[i], candidates[i] = one.ChatID, one.AgentID, string(described)
		positions[i] = int32(min(one.Position, math.MaxInt32)) //nolint:gosec // bounded in the same breath
		reasons[i] = string(one.Reason)
	}
	return []any{conversationIDs, agentIDs, positions, reasons, candidates}, nil
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
	rows, err := q.pool.Query(ctx, projectListWaiting, unprepared)
	if err != nil {
		return nil, fmt.Errorf("query waiting projects: %w", err)
	}
	projects, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read waiting projects: %w", err)
	}
	return projects, nil
}
