package supabase

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/worker/forecast"
)

// What the forecast goes by. Everything is bounded: the queue to what is forecast, running chats by the limits of those
// online, history to the latest few hundred rows of an index.
const (
	queueListWaiting = `
		select conversation.required_skills, coalesce(conversation.preferred_agent_id::text, ''),
		       case when conversation.preferred_agent_id is null then 0
		            else extract(epoch from conversation.waiting_since - now()) + coalesce(
		                   (select preferred_wait_seconds from public.handoff_settings where project_id = $1), 60) end::double precision,
		       coalesce(conversation.released_by::text, ''),
		       coalesce(extract(epoch from conversation.released_at - now()) + 120, 0)::double precision,
		       conversation.id::text
		  from public.conversations as conversation
		 where conversation.project_id = $1 and conversation.status = 'waiting'
		 order by conversation.priority desc, conversation.queue_entered_at, conversation.id
		 limit $2`
	agentListChats = `
		select agent.user_id::text, agent.max_concurrent_chats, agent.skills, coalesce(chats.ages, '{}')
		  from public.agent_availability as agent
		  left join (
		    select chat.assigned_agent_id,
		           array_agg(extract(epoch from now() - chat.claimed_at)::double precision order by chat.claimed_at) as ages
		      from public.conversations as chat
		     where chat.project_id = $1 and chat.status = 'agent_active'
		     group by chat.assigned_agent_id
		  ) as chats on chats.assigned_agent_id = agent.user_id
		 where agent.project_id = $1 and agent.effective_status = 'online'
		 order by agent.user_id`
	// A chat that was closed without being resolved held its slot all the same: customers who fall silent are most of them.
	handlingSample = `
		select extract(epoch from handled.ended_at - handled.claimed_at)::double precision
		  from (
		    (select chat.claimed_at, chat.resolved_at as ended_at
		       from public.conversations as chat
		      where chat.project_id = $1 and chat.resolved_at is not null and chat.resolved_at > now() - interval '7 days'
		        and chat.claimed_at is not null
		      order by chat.resolved_at desc limit $2)
		    union all
		    (select chat.claimed_at, chat.closed_at
		       from public.conversations as chat
		      where chat.project_id = $1 and chat.closed_at is not null and chat.resolved_at is null
		        and chat.claimed_at is not null and chat.closed_at > now() - interval '7 days'
		        and chat.assigned_agent_id is not null
		      order by chat.closed_at desc limit $2)
		  ) as handled
		 where handled.ended_at > handled.claimed_at
		 order by handled.ended_at desc
		 limit $2`
	patienceSample = `
		select coalesce(sum(waited.waited_seconds) / nullif(count(*) filter (where waited.outcome = 'left'), 0), 0)::double precision,
		       count(*) filter (where waited.outcome = 'left')
		  from (select promise.waited_seconds, promise.outcome
		          from handoff.wait_promises as promise
		         where promise.project_id = $1 and promise.promised_at > now() - interval '7 days' and promise.outcome is not null
		         order by promise.promised_at desc limit $2) as waited`
)

const (
	// sampleSize is how many earlier chats a forecast goes by.
	sampleSize = 500
	// fewestLeft is how many customers must have left a queue before it is told how long they wait.
	fewestLeft = 5
	// pastLifetime is how long what was read of a project's history serves; mostPasts bounds for how many it is kept.
	pastLifetime = time.Minute
	mostPasts    = 1000
)

// seer reads projects and forecasts their waits.
type seer struct {
	pool  *pgxpool.Pool
	mu    sync.Mutex
	pasts map[string]past
}

// past is what history tells of a project.
type past struct {
	readAt   time.Time
	handling []time.Duration
	patience time.Duration
}

func newSeer(pool *pgxpool.Pool) *seer { return &seer{pool: pool, pasts: make(map[string]past)} }

// foreseen is a range as refresh_positions takes it.
type foreseen struct {
	ID  string `json:"id"`
	P50 int    `json:"p50"`
	P90 int    `json:"p90"`
}

// foresee returns the ranges of those who wait in the project, as JSON; those that are not known are left out.
func (s *seer) foresee(ctx context.Context, projectID string) (string, error) {
	state, ids, err := s.waiting(ctx, projectID)
	if err != nil || len(ids) == 0 {
		return "[]", err
	}
	if state.Agents, err = s.agents(ctx, projectID); err != nil {
		return "", err
	}
	known, err := s.past(ctx, projectID)
	if err != nil {
		return "", err
	}
	state.Handling, state.Patience = known.handling, known.patience
	ranges := make([]foreseen, 0, len(ids))
	for i, one := range forecast.Waits(state) {
		if one.Known {
			ranges = append(ranges, foreseen{ID: ids[i], P50: wholeSeconds(one.P50), P90: wholeSeconds(one.P90)})
		}
	}
	described, err := json.Marshal(ranges)
	if err != nil {
		return "", fmt.Errorf("describe ranges: %w", err)
	}
	return string(described), nil
}

func (s *seer) waiting(ctx context.Context, projectID string) (state forecast.State, ids []string, err error) {
	rows, err := s.pool.Query(ctx, queueListWaiting, projectID, forecast.MostChats)
	if err != nil {
		return state, nil, fmt.Errorf("query queue of project %s: %w", projectID, err)
	}
	var chat forecast.Chat
	var holds, avoids float64
	var id string
	_, err = pgx.ForEachRow(rows, []any{&chat.RequiredSkills, &chat.PreferredAgentID, &holds, &chat.AvoidedAgentID, &avoids, &id}, func() error {
		next := chat
		next.HoldsFor, next.AvoidsFor = seconds(holds), seconds(avoids)
		state.Chats, ids = append(state.Chats, next), append(ids, id)
		chat.RequiredSkills = nil // the next row must not write into the skills of this one
		return nil
	})
	if err != nil {
		return state, nil, fmt.Errorf("read queue of project %s: %w", projectID, err)
	}
	return state, ids, nil
}

func (s *seer) agents(ctx context.Context, projectID string) ([]forecast.Agent, error) {
	rows, err := s.pool.Query(ctx, agentListChats, projectID)
	if err != nil {
		return nil, fmt.Errorf("query agents of project %s: %w", projectID, err)
	}
	agents, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (forecast.Agent, error) {
		var agent forecast.Agent
		var ages []float64
		err := row.Scan(&agent.ID, &agent.Limit, &agent.Skills, &ages)
		agent.Ages = durations(ages)
		return agent, err
	})
	if err != nil {
		return nil, fmt.Errorf("read agents of project %s: %w", projectID, err)
	}
	return agents, nil
}

// past is read once a minute: history changes slowly.
func (s *seer) past(ctx context.Context, projectID string) (past, error) {
	s.mu.Lock()
	kept, found := s.pasts[projectID]
	s.mu.Unlock()
	if found && time.Since(kept.readAt) < pastLifetime {
		return kept, nil
	}
	read, err := s.readPast(ctx, projectID)
	if err != nil {
		return past{}, fmt.Errorf("read handling times of project %s: %w", projectID, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pasts) >= mostPasts {
		clear(s.pasts)
	}
	s.pasts[projectID] = read
	return read, nil
}

func (s *seer) readPast(ctx context.Context, projectID string) (past, error) {
	read := past{readAt: time.Now()}
	rows, err := s.pool.Query(ctx, handlingSample, projectID, sampleSize)
	if err != nil {
		return past{}, err
	}
	handled, err := pgx.CollectRows(rows, pgx.RowTo[float64])
	if err != nil {
		return past{}, err
	}
	read.handling = durations(handled)
	var patience float64
	var left int
	if err := s.pool.QueryRow(ctx, patienceSample, projectID, sampleSize).Scan(&patience, &left); err != nil {
		return past{}, err
	}
	if left >= fewestLeft {
		read.patience = seconds(patience)
	}
	return read, nil
}

func durations(all []float64) []time.Duration {
	converted := make([]time.Duration, len(all))
	for i, one := range all {
		converted[i] = seconds(one)
	}
	return converted
}

// seconds is no less than zero: a hold that is over holds nothing.
func seconds(count float64) time.Duration {
	return time.Duration(max(count, 0) * float64(time.Second))
}

// wholeSeconds rounds up: a promise is rather a second too long.
func wholeSeconds(wait time.Duration) int { return int(math.Ceil(wait.Seconds())) }
