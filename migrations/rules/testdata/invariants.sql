-- What must be true of every database at any moment, whoever wrote. One row for each violation; no rows: all is well.
-- Events are kept for some days only: what is said about them holds for those that are still there.

with event as (
  select outbox.conversation_id, outbox.kind, outbox.seq, outbox.payload
    from handoff.outbox as outbox
   where outbox.conversation_id is not null and outbox.seq > 0
), numbers as (
  select event.conversation_id, min(event.seq) as first, max(event.seq) as last,
         count(*) as written, count(distinct event.seq) as different
    from event
   group by event.conversation_id
), last_status as (
  select distinct on (event.conversation_id) event.conversation_id, event.payload ->> 'new_status' as status
    from event
   where event.kind = 'status_changed'
   order by event.conversation_id, event.seq desc
), last_agent as (
  select distinct on (event.conversation_id) event.conversation_id, event.payload #>> '{agent,id}' as agent_id
    from event
   where event.kind = 'agent_assigned'
   order by event.conversation_id, event.seq desc
), carried as (
  select conversation.project_id, conversation.assigned_agent_id as user_id, count(*) as chats
    from public.conversations as conversation
   where conversation.status = 'agent_active'
   group by conversation.project_id, conversation.assigned_agent_id
), reserved as (
  select offer.project_id, offer.agent_id as user_id, count(*) as offers
    from handoff.offers as offer
   where offer.state = 'open'
   group by offer.project_id, offer.agent_id
)
select 'an agent''s count differs from a recount' as violation, agent.user_id as subject,
       format('current_chat_count %s, agent_active conversations %s', agent.current_chat_count, coalesce(carried.chats, 0)) as detail
  from public.agent_availability as agent
  left join carried using (project_id, user_id)
 where agent.current_chat_count <> coalesce(carried.chats, 0)
union all
select 'an agent''s count of offers differs from a recount', agent.user_id,
       format('offered_chat_count %s, open offers %s', agent.offered_chat_count, coalesce(reserved.offers, 0))
  from public.agent_availability as agent
  left join reserved using (project_id, user_id)
 where agent.offered_chat_count <> coalesce(reserved.offers, 0)
union all
select 'a conversation is offered to somebody who is not online', offer.conversation_id, offer.agent_id::text
  from handoff.offers as offer
  left join public.agent_availability as agent on agent.project_id = offer.project_id and agent.user_id = offer.agent_id
 where offer.state = 'open' and agent.effective_status is distinct from 'online'
union all
select 'a conversation is offered that does not wait', conversation.id, conversation.status
  from handoff.offers as offer
  join public.conversations as conversation on conversation.id = offer.conversation_id
 where offer.state = 'open' and (conversation.status <> 'waiting' or conversation.waiting_since <> offer.waiting_since)
union all
select 'an agent was asked twice in one round', offer.conversation_id, format('%s refusals in round %s', count(*), offer.round)
  from handoff.offers as offer
 where offer.state in ('declined', 'missed')
 group by offer.conversation_id, offer.waiting_since, offer.round, offer.agent_id
having count(*) > 1
union all
select 'conversations belong to somebody without an agent row', carried.user_id, format('%s conversations', carried.chats)
  from carried
  left join public.agent_availability as agent using (project_id, user_id)
 where agent.id is null
union all
select 'a conversation''s owner does not fit its status', conversation.id, conversation.status
  from public.conversations as conversation
 where (conversation.status = 'agent_active' and conversation.assigned_agent_id is null)
    or (conversation.status in ('ai_active', 'waiting') and conversation.assigned_agent_id is not null)
union all
select 'a conversation lacks a time that its status needs', conversation.id, conversation.status
  from public.conversations as conversation
 where conversation.event_seq > 0
   and case conversation.status
         when 'waiting' then conversation.queue_entered_at is null or conversation.handoff_triggered_at is null
         when 'agent_active' then conversation.claimed_at is null
         when 'resolved' then conversation.resolved_at is null
         when 'closed' then conversation.closed_at is null
         else false
       end
union all
select 'a conversation that is not closed has a time of closing', conversation.id, conversation.status
  from public.conversations as conversation
 where conversation.status <> 'closed' and conversation.closed_at is not null
union all
select 'a conversation that no agent had is rated', conversation.id, conversation.status
  from public.conversations as conversation
 where conversation.satisfaction_rating is not null and conversation.claimed_at is null and conversation.event_seq > 0
union all
select 'a visitor has several open conversations', visitor.visitor_user_id, format('%s in project %s', visitor.chats, visitor.project_id)
  from (select conversation.project_id, conversation.visitor_user_id, count(*) as chats
          from public.conversations as conversation
         where conversation.status <> 'closed' and conversation.visitor_user_id is not null
         group by conversation.project_id, conversation.visitor_user_id) as visitor
 where visitor.chats > 1
union all
select 'a customer''s number of conversations differs from a recount', customer.id,
       format('total_conversations %s, conversations %s', customer.total_conversations, coalesce(counted.chats, 0))
  from public.customers as customer
  left join (select conversation.customer_id, count(*) as chats
               from public.conversations as conversation group by conversation.customer_id) as counted
    on counted.customer_id = customer.id
 where customer.total_conversations <> coalesce(counted.chats, 0)
union all
select 'the numbers of a conversation''s events have a gap or repeat', numbers.conversation_id,
       format('%s events, %s to %s, event_seq %s', numbers.written, numbers.first, numbers.last, conversation.event_seq)
  from numbers
  join public.conversations as conversation on conversation.id = numbers.conversation_id
 where numbers.last <> conversation.event_seq
    or numbers.different <> numbers.written
    or numbers.last - numbers.first + 1 <> numbers.written
union all
select 'a message has no event', message.conversation_id, format('number %s, event_seq %s', message.seq, conversation.event_seq)
  from public.messages as message
  join public.conversations as conversation on conversation.id = message.conversation_id
  left join numbers on numbers.conversation_id = message.conversation_id
  left join event on event.conversation_id = message.conversation_id and event.seq = message.seq
 where message.seq > conversation.event_seq
    or (message.seq >= numbers.first and event.kind is distinct from 'message')
union all
select 'the last status told is not the status', conversation.id, format('told %s, is %s', last_status.status, conversation.status)
  from last_status
  join public.conversations as conversation on conversation.id = last_status.conversation_id
 where last_status.status <> conversation.status
union all
select 'the last agent told is not the owner', conversation.id, format('told %s, is %s', last_agent.agent_id, conversation.assigned_agent_id)
  from last_agent
  join public.conversations as conversation on conversation.id = last_agent.conversation_id
 where conversation.status = 'agent_active' and last_agent.agent_id <> conversation.assigned_agent_id::text
 order by violation, subject;
