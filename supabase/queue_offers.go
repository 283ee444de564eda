package supabase

import (
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/supportbase/handoff/worker/assignment"
)

// The statements of a batch that makes offers (assignment_mode 'offer', 77_offers.sql). They differ from those of queue.go
// in this: a conversation with an open offer is left alone, who has refused it in this round is not asked again before
// another round begins, and a round begins a minute after the last answer, when nobody is left in the one before. What is
// asked here is what assignment.Plan asks of a single chat.
const (
	offerExpire = `select handoff.expire_offers(now(), 1000, $1)`
	// The share lock: who turns offers off waits for the batch, and withdraws its offers too.
	offerBegin = transactionIsVisible + `,
		       coalesce(settings.assignment_strategy, 'balanced'), coalesce(settings.assignment_mode = 'offer', false),
		       coalesce(settings.offer_timeout_seconds, 0)
		  from (values (1)) as one
		  left join lateral (
		    select assignment_strategy, assignment_mode, offer_timeout_seconds
		      from public.handoff_settings where project_id = $2 for share) as settings on true`
	offerFromTakeable = `
		  from public.conversations as conversation
		 cross join lateral (
		   select case when conversation.released_at > now() - interval '2 minutes' then conversation.released_by end as user_id
		 ) as avoided
		 cross join lateral (
		   select coalesce(max(offer.round), 1) as round,
		          coalesce(bool_or(offer.state = 'open'), false) as is_open,
		          coalesce(max(offer.ended_at) filter (where offer.state in ('declined', 'missed'))
		                   <= now() - interval '1 minute', false) as again
		     from handoff.offers as offer
		    where offer.conversation_id = conversation.id and offer.waiting_since = conversation.waiting_since
		 ) as asked
		 cross join lateral (
		   select coalesce(array_agg(last.agent_id order by last.ended_at, last.agent_id), '{}') as agent_ids,
		          coalesce(array_agg(last.round order by last.ended_at, last.agent_id), '{}') as rounds,
		          coalesce(array_agg(last.state = 'declined' order by last.ended_at, last.agent_id), '{}') as declined
		     from (select distinct on (offer.agent_id) offer.agent_id, offer.round, offer.state, offer.ended_at
		             from handoff.offers as offer
		            where offer.conversation_id = conversation.id and offer.waiting_since = conversation.waiting_since
		              and offer.state in ('declined', 'missed')
		            order by offer.agent_id, offer.id desc) as last
		 ) as refused
		 cross join lateral (
		   select conversation.preferred_agent_id is not null
		          and conversation.preferred_agent_id is distinct from avoided.user_id
		          and conversation.preferred_agent_id <> all (refused.agent_ids)
		          and conversation.waiting_since > now() - make_interval(secs => coalesce(
		                (select preferred_wait_seconds from public.handoff_settings where project_id = $1), 60))
		          and exists (select 1 from public.agent_availability as preferred
		                       where preferred.project_id = $1 and preferred.user_id = conversation.preferred_agent_id
		                         and preferred.effective_status = 'online'
		                         and preferred.skills @> conversation.required_skills) as holds
		 ) as wish
		 where conversation.project_id = $1 and conversation.status = 'waiting' and not asked.is_open
		   and exists (select 1 from free
		                where free.skills @> conversation.required_skills
		                  and free.user_id is distinct from avoided.user_id
		                  and (not wish.holds or free.user_id = conversation.preferred_agent_id)
		                  and (asked.again
		                       or not exists (select 1 from unnest(refused.agent_ids, refused.rounds) as refusal (agent_id, round)
		                                       where refusal.agent_id = free.user_id and refusal.round >= asked.round)))`
	offerLockTakeable = queueWithFree + `
		select conversation.id::text, coalesce(conversation.preferred_agent_id::text, ''), coalesce(avoided.user_id::text, ''),
		       conversation.required_skills, wish.holds, asked.round, asked.again, refused.agent_ids::text[], refused.rounds,
		       refused.declined` + offerFromTakeable + `
		 order by conversation.priority desc, conversation.queue_entered_at, conversation.id
		 limit $2
		   for no key update of conversation skip locked`
	// Who was offered something lately has had a turn, whatever came of it, and who has an open offer is as good as busy.
	offerLockFree = `
		select agent.user_id::text, agent.max_concurrent_chats - agent.current_chat_count - agent.offered_chat_count,
		       greatest(agent.last_assigned_at, (
		         select max(offer.offered_at) from handoff.offers as offer
		          where offer.project_id = $1 and offer.agent_id = agent.user_id and offer.state <> 'withdrawn')),
		       agent.current_chat_count + agent.offered_chat_count > 0, agent.idle_since, agent.skills
		  from public.agent_availability as agent
		 where agent.project_id = $1 and agent.effective_status = 'online'
		   and agent.current_chat_count + agent.offered_chat_count < agent.max_concurrent_chats
		   for no key update of agent skip locked`
	// An open offer that is due and was not ended is locked by somebody, who will end it or let it go in a moment.
	offerQueueCount = queueWithFree + `
		select (select count(*) from (select 1` + offerFromTakeable + ` limit $2) as waiting), (select count(*) from free),
		       (select (extract(epoch from greatest(min(kept.until) - now(), interval '100 milliseconds')) * 1000000)::bigint
		          from (` + keptUntil + `
		                 union all
		                select min(offer.expires_at) from handoff.offers as offer
		                 where offer.project_id = $1 and offer.state = 'open'
		                 union all
		                select max(offer.ended_at) + interval '1 minute'
		                  from handoff.offers as offer
		                  join public.conversations as conversation
		                    on conversation.id = offer.conversation_id and conversation.status = 'waiting'
		                   and conversation.waiting_since = offer.waiting_since
		                 where offer.project_id = $1 and offer.state in ('declined', 'missed')
		                   and offer.ended_at > now() - interval '1 minute'
		                 group by conversation.id) as kept)`
	// What another worker offered, or an agent refused, before this batch had the conversation is seen here, not above: the
	// snapshot of this statement is younger than the locks.
	offerWrite = `
		insert into handoff.offers
		       (conversation_id, project_id, agent_id, waiting_since, round, offered_at, expires_at, strategy, queue_position,
		        reason, candidates)
		select conversation.id, conversation.project_id, planned.agent_id, conversation.waiting_since, planned.round,
		       moment.at, moment.at + make_interval(secs => $9), $6, planned.queue_position, planned.reason, planned.candidates::jsonb
		  from unnest($1::uuid[], $2::uuid[], $3::integer[], $4::text[], $5::text[], $8::integer[]) with ordinality
		    as planned (conversation_id, agent_id, queue_position, reason, candidates, round, place)
		  join public.conversations as conversation on conversation.id = planned.conversation_id
		 cross join lateral (select greatest(now(), $7::timestamptz) + planned.place * interval '1 microsecond' as at) as moment
		 where not exists (
		         select 1 from handoff.offers as refused
		          where refused.conversation_id = conversation.id and refused.waiting_since = conversation.waiting_since
		            and refused.agent_id = planned.agent_id and refused.state in ('declined', 'missed')
		            and refused.round >= planned.round)
		 order by planned.place
		on conflict (conversation_id) where state = 'open' do nothing`
)

func scanAskedChat(row pgx.CollectableRow) (assignment.Chat, error) {
	var chat assignment.Chat
	var agentIDs []string
	var rounds []int
	var declined []bool
	err := row.Scan(&chat.ID, &chat.PreferredAgentID, &chat.AvoidedAgentID, &chat.RequiredSkills, &chat.HoldsForPreferred,
		&chat.Asked.Round, &chat.Asked.Again, &agentIDs, &rounds, &declined)
	for i, agentID := range agentIDs {
		chat.Asked.Refusals = append(chat.Asked.Refusals, assignment.Refusal{AgentID: agentID, Round: rounds[i], Declined: declined[i]})
	}
	return chat, err
}

// rounds is the column of conversationAssign's arguments that only offers have.
func rounds(plan []assignment.Assignment) []int32 {
	rounds := make([]int32, len(plan))
	for i, one := range plan {
		rounds[i] = int32(min(one.Round, math.MaxInt32)) //nolint:gosec // bounded in the same breath
	}
	return rounds
}
