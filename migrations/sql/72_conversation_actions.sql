-- What people do with a conversation. Each function locks the conversation first and an agent second, as the worker and
-- the triggers do, checks, and makes one move.

create or replace function handoff.lock_conversation(conversation_id uuid)
returns public.conversations
language plpgsql
volatile
security definer  -- called by functions that check the caller
set search_path = ''
as $$
declare
  conversation public.conversations;
begin
  select * into conversation
    from public.conversations as found
   where found.id = lock_conversation.conversation_id
     for no key update;
  return conversation;
end
$$;
comment on function handoff.lock_conversation(uuid) is 'The conversation, locked until the transaction ends; null when there is none.';
revoke all on function handoff.lock_conversation(uuid) from public, anon, authenticated;

create or replace function handoff.lock_as_member(conversation_id uuid)
returns public.conversations
language plpgsql
volatile
security definer  -- called by functions of agents
set search_path = ''
as $$
declare
  conversation public.conversations;
begin
  perform handoff.require_user();
  conversation := handoff.lock_conversation(lock_as_member.conversation_id);
  if conversation.id is null or not handoff.is_member(conversation.project_id) then
    perform handoff.fail(404, 'conversation_not_found', 'There is no such conversation');
  end if;
  perform handoff.rate_limit('dashboard', 100, interval '1 minute');
  return conversation;
end
$$;
comment on function handoff.lock_as_member(uuid) is 'The conversation, locked, if the caller belongs to its project; else refuses with 404.';
revoke all on function handoff.lock_as_member(uuid) from public, anon, authenticated;

-- Why an agent cannot be given the conversation now: not_online, no_capacity, or null when nothing stands against it. Locks
-- the agent, so that the answer holds until the transaction ends. Open offers keep slots; that of this very conversation is
-- no obstacle to it.
drop function if exists handoff.obstacle(uuid, uuid);
create or replace function handoff.obstacle(project_id uuid, agent_id uuid, conversation_id uuid)
returns text
language plpgsql
volatile
security definer  -- called by functions that check the caller
set search_path = ''
as $$
declare
  agent public.agent_availability;
begin
  select * into agent
    from public.agent_availability as found
   where found.project_id = obstacle.project_id and found.user_id = obstacle.agent_id
     for no key update;
  return case
    when agent.id is null or agent.effective_status <> 'online' then 'not_online'
    when agent.current_chat_count + agent.offered_chat_count
         - handoff.is_offered(obstacle.conversation_id, obstacle.agent_id)::integer >= agent.max_concurrent_chats then 'no_capacity'
  end;
end
$$;
revoke all on function handoff.obstacle(uuid, uuid, uuid) from public, anon, authenticated;

-- Who takes it, and who it is offered to, in the order of handoff.count_moves: two who take each other's offers cannot
-- deadlock. With the conversation locked no other offer of it comes.
create or replace function handoff.lock_agents_of(conversation public.conversations, taker uuid)
returns void
language plpgsql
volatile
security definer  -- called by functions that check the caller
set search_path = ''
as $$
begin
  perform 1
     from public.agent_availability as agent
    where agent.project_id = conversation.project_id
      and (agent.user_id = lock_agents_of.taker
           or agent.user_id in (select offer.agent_id from handoff.offers as offer
                                 where offer.conversation_id = conversation.id and offer.state = 'open'))
    order by agent.id
      for no key update;
end
$$;
revoke all on function handoff.lock_agents_of(public.conversations, uuid) from public, anon, authenticated;

create or replace function handoff.take(conversation_id uuid, allowed text[])
returns jsonb
language plpgsql
volatile
security definer  -- moves a conversation
set search_path = ''
as $$
declare
  caller uuid := handoff.require_user();
  conversation public.conversations := handoff.lock_conversation(take.conversation_id);
begin
  if conversation.id is null or not handoff.is_member(conversation.project_id) then
    return handoff.claim_refused('ACCESS_DENIED', 'You have no access to this conversation');
  end if;
  perform handoff.rate_limit('dashboard', 100, interval '1 minute');
  return handoff.take_locked(conversation, caller, take.allowed,
                             case conversation.status when 'waiting' then 'claim' else 'take_over' end, 'asked');
end
$$;
comment on function handoff.take(uuid, text[]) is 'Gives the conversation to the caller if it is in an allowed state and the caller has a free slot (F001 5.5.4).';
revoke all on function handoff.take(uuid, text[]) from public, anon, authenticated;
grant execute on function handoff.take(uuid, text[]) to authenticated;

create or replace function handoff.take_locked(
  conversation public.conversations, caller uuid, allowed text[], strategy text, reason text
)
returns jsonb
language plpgsql
volatile
security definer  -- called by functions that check the caller
set search_path = ''
as $$
declare
  obstacle text;
begin
  if conversation.status = 'agent_active' then
    if conversation.assigned_agent_id = caller then
      return handoff.claimed(conversation.id, caller);  -- asked twice, or the worker was quicker
    end if;
    return handoff.claim_refused('ALREADY_CLAIMED', 'This conversation was claimed by another agent');
  end if;
  if conversation.status <> all (take_locked.allowed) then
    return handoff.claim_refused('NOT_WAITING', format('This conversation is %s', conversation.status));
  end if;
  perform handoff.lock_agents_of(conversation, caller);
  obstacle := handoff.obstacle(conversation.project_id, caller, conversation.id);
  if obstacle is not null then
    return case obstacle
      when 'not_online' then handoff.claim_refused('NOT_ONLINE', 'Go online to take conversations')
      else handoff.claim_refused('NO_CAPACITY', 'You have reached your limit of concurrent chats')
    end;
  end if;
  update public.conversations as taken
     set status = 'agent_active', assigned_agent_id = caller
   where taken.id = conversation.id;
  perform handoff.record_decision(conversation.project_id, conversation.id, caller, take_locked.strategy, take_locked.reason,
    case conversation.status when 'waiting' then conversation.waiting_since end);
  return handoff.claimed(conversation.id, caller);
end
$$;
comment on function handoff.take_locked(public.conversations, uuid, text[], text, text) is
  'The part of handoff.take after the look at who asks; strategy and reason are what the decision is recorded with.';
revoke all on function handoff.take_locked(public.conversations, uuid, text[], text, text) from public, anon, authenticated;

create or replace function handoff.claimed(conversation_id uuid, agent_id uuid)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return jsonb_build_object('success', true, 'conversation', jsonb_build_object(
    'id', claimed.conversation_id, 'status', 'agent_active', 'assigned_agent_id', claimed.agent_id));
end
$$;
revoke all on function handoff.claimed(uuid, uuid) from public, anon, authenticated;

create or replace function handoff.claim_refused(error text, message text)
returns jsonb
language sql
immutable
security invoker
set search_path = ''
as $$
  select jsonb_build_object('success', false, 'error', claim_refused.error, 'message', claim_refused.message);
$$;
revoke all on function handoff.claim_refused(text, text) from public, anon, authenticated;

create or replace function public.claim_conversation(p_conversation_id uuid)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.take(p_conversation_id, array['waiting']);
$$;
comment on function public.claim_conversation(uuid) is
  'An agent takes a waiting conversation. The answer has success, or error: ACCESS_DENIED, ALREADY_CLAIMED, NOT_WAITING, NOT_ONLINE, NO_CAPACITY.';
revoke all on function public.claim_conversation(uuid) from public, anon, authenticated;
grant execute on function public.claim_conversation(uuid) to authenticated;

create or replace function public.take_over_conversation(p_conversation_id uuid)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.take(p_conversation_id, array['ai_active', 'waiting']);
$$;
comment on function public.take_over_conversation(uuid) is 'An agent takes a conversation from the AI, or one that waits. Answers as claim_conversation.';
revoke all on function public.take_over_conversation(uuid) from public, anon, authenticated;
grant execute on function public.take_over_conversation(uuid) to authenticated;

create or replace function handoff.require_owner(conversation public.conversations)
returns void
language plpgsql
stable
security definer  -- called by functions of agents
set search_path = ''
as $$
begin
  if conversation.assigned_agent_id is distinct from auth.uid() and not handoff.is_admin(conversation.project_id) then
    perform handoff.fail(403, 'not_your_conversation', 'This conversation belongs to another agent', 'Ask for a transfer.');
  end if;
end
$$;
comment on function handoff.require_owner(public.conversations) is 'Refuses unless the caller is the agent of the conversation or an admin.';
revoke all on function handoff.require_owner(public.conversations) from public, anon, authenticated;

create or replace function handoff.transfer(conversation_id uuid, agent_id uuid)
returns jsonb
language plpgsql
volatile
security definer  -- moves a conversation
set search_path = ''
as $$
declare
  conversation public.conversations := handoff.lock_as_member(transfer.conversation_id);
  obstacle text;
begin
  perform handoff.require_owner(conversation);
  if conversation.status <> 'agent_active' then
    perform handoff.fail(409, 'not_with_an_agent', format('This conversation is %s, not with an agent', conversation.status),
                         'Only a conversation that an agent has can be transferred.');
  end if;
  if transfer.agent_id is null then
    update public.conversations as released set status = 'waiting' where released.id = conversation.id;
    return jsonb_build_object('success', true, 'conversation', jsonb_build_object('id', conversation.id, 'status', 'waiting'));
  end if;
  if transfer.agent_id = conversation.assigned_agent_id then
    return handoff.claimed(conversation.id, transfer.agent_id);
  end if;
  -- Giver and receiver in the order of handoff.count_moves, so that two who exchange conversations cannot deadlock.
  perform 1
     from public.agent_availability as agent
    where agent.project_id = conversation.project_id
      and agent.user_id in (conversation.assigned_agent_id, transfer.agent_id)
    order by agent.id
      for no key update;
  -- Refused before it leaves the sender: a conversation is never given to somebody who cannot take it.
  obstacle := handoff.obstacle(conversation.project_id, transfer.agent_id, conversation.id);
  if obstacle = 'not_online' then
    perform handoff.fail(409, 'agent_not_online', 'That agent is not online', 'Choose another agent, or the queue.');
  elsif obstacle = 'no_capacity' then
    perform handoff.fail(409, 'agent_has_no_capacity', 'That agent has no free slot', 'Choose another agent, or the queue.');
  end if;
  update public.conversations as given set assigned_agent_id = transfer.agent_id where given.id = conversation.id;
  perform handoff.record_decision(conversation.project_id, conversation.id, transfer.agent_id, 'transfer', 'transferred');
  return handoff.claimed(conversation.id, transfer.agent_id);
end
$$;
revoke all on function handoff.transfer(uuid, uuid) from public, anon, authenticated;
grant execute on function handoff.transfer(uuid, uuid) to authenticated;

create or replace function public.transfer_conversation(p_conversation_id uuid, p_agent_id uuid default null)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.transfer(p_conversation_id, p_agent_id);
$$;
comment on function public.transfer_conversation(uuid, uuid) is 'Its agent or an admin gives the conversation to another agent, or back to the queue when no agent is named. It keeps its place in line.';
revoke all on function public.transfer_conversation(uuid, uuid) from public, anon, authenticated;
grant execute on function public.transfer_conversation(uuid, uuid) to authenticated;

create or replace function handoff.resolve_conversation(conversation_id uuid)
returns jsonb
language plpgsql
volatile
security definer  -- moves a conversation
set search_path = ''
as $$
declare
  conversation public.conversations := handoff.lock_as_member(resolve_conversation.conversation_id);
begin
  perform handoff.require_owner(conversation);
  update public.conversations as resolved
     set status = 'resolved', resolved_by = auth.uid()
   where resolved.id = conversation.id and conversation.status <> 'resolved';
  return jsonb_build_object('success', true, 'conversation', jsonb_build_object('id', conversation.id, 'status', 'resolved'));
end
$$;
revoke all on function handoff.resolve_conversation(uuid) from public, anon, authenticated;
grant execute on function handoff.resolve_conversation(uuid) to authenticated;

create or replace function public.resolve_conversation(p_conversation_id uuid)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.resolve_conversation(p_conversation_id);
$$;
comment on function public.resolve_conversation(uuid) is 'Its agent or an admin marks the conversation resolved; the visitor is asked for a rating.';
revoke all on function public.resolve_conversation(uuid) from public, anon, authenticated;
grant execute on function public.resolve_conversation(uuid) to authenticated;

create or replace function handoff.close_as(conversation_id uuid, reason text)
returns void
language plpgsql
volatile
security definer  -- called by functions that check the caller
set search_path = ''
as $$
begin
  update public.conversations as closed
     set status = 'closed', close_reason = close_as.reason
   where closed.id = close_as.conversation_id and closed.status <> 'closed';
end
$$;
revoke all on function handoff.close_as(uuid, text) from public, anon, authenticated;

create or replace function handoff.close_conversation(conversation_id uuid)
returns jsonb
language plpgsql
volatile
security definer  -- moves a conversation
set search_path = ''
as $$
declare
  conversation public.conversations := handoff.visible_conversation(close_conversation.conversation_id);
  by_visitor boolean := conversation.visitor_user_id is not distinct from auth.uid();
begin
  conversation := handoff.lock_conversation(conversation.id);
  if not by_visitor then
    perform handoff.rate_limit('dashboard', 100, interval '1 minute');
    if conversation.status in ('agent_active', 'resolved') then
      perform handoff.require_owner(conversation);
    end if;
  end if;
  perform handoff.close_as(conversation.id, case when by_visitor then 'customer' else 'agent' end);
  return jsonb_build_object('success', true, 'conversation', jsonb_build_object('id', conversation.id, 'status', 'closed'));
end
$$;
revoke all on function handoff.close_conversation(uuid) from public, anon, authenticated;
grant execute on function handoff.close_conversation(uuid) to authenticated;

create or replace function public.close_conversation(p_conversation_id uuid)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.close_conversation(p_conversation_id);
$$;
comment on function public.close_conversation(uuid) is 'The visitor, its agent or an admin ends the conversation for good.';
revoke all on function public.close_conversation(uuid) from public, anon, authenticated;
grant execute on function public.close_conversation(uuid) to authenticated;

create or replace function handoff.clear_chat(conversation_id uuid)
returns jsonb
language plpgsql
volatile
security definer  -- moves a conversation on behalf of its visitor
set search_path = ''
as $$
declare
  conversation public.conversations := handoff.lock_as_visitor(clear_chat.conversation_id);
begin
  perform handoff.close_as(conversation.id, 'chat_cleared');
  update public.conversations as cleared set cleared_at = now() where cleared.id = conversation.id;
  return jsonb_build_object('success', true);
end
$$;
revoke all on function handoff.clear_chat(uuid) from public, anon, authenticated;
grant execute on function handoff.clear_chat(uuid) to authenticated;

create or replace function handoff.visitors_conversation(conversation_id uuid)
returns public.conversations
language plpgsql
volatile
security definer  -- called by functions of visitors
set search_path = ''
as $$
declare
  conversation public.conversations := handoff.visible_conversation(visitors_conversation.conversation_id);
begin
  if conversation.visitor_user_id is distinct from auth.uid() then
    perform handoff.fail(403, 'not_the_visitor', 'Only the visitor of a conversation can do this');
  end if;
  -- Before anything is locked, as in start_conversation: calls of one visitor meet here first.
  perform handoff.rate_limit('visitor', 30, interval '1 minute');
  return conversation;
end
$$;
comment on function handoff.visitors_conversation(uuid) is 'The conversation, not locked, if it is the caller''s own as a visitor; else refuses. Counts the call.';
revoke all on function handoff.visitors_conversation(uuid) from public, anon, authenticated;

create or replace function handoff.lock_as_visitor(conversation_id uuid)
returns public.conversations
language plpgsql
volatile
security definer  -- called by functions of visitors
set search_path = ''
as $$
declare
  conversation public.conversations := handoff.visitors_conversation(lock_as_visitor.conversation_id);
begin
  return handoff.lock_conversation(conversation.id);
end
$$;
comment on function handoff.lock_as_visitor(uuid) is 'The conversation, locked, if it is the caller''s own as a visitor; else refuses.';
revoke all on function handoff.lock_as_visitor(uuid) from public, anon, authenticated;

create or replace function public.clear_chat(p_conversation_id uuid)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.clear_chat(p_conversation_id);
$$;
comment on function public.clear_chat(uuid) is 'The visitor begins afresh: the conversation is closed and no longer shown to them; agents keep it.';
revoke all on function public.clear_chat(uuid) from public, anon, authenticated;
grant execute on function public.clear_chat(uuid) to authenticated;

create or replace function handoff.rate_conversation(conversation_id uuid, rating integer, feedback text)
returns jsonb
language plpgsql
volatile
security definer  -- writes on behalf of the visitor
set search_path = ''
as $$
declare
  conversation public.conversations := handoff.lock_as_visitor(rate_conversation.conversation_id);
begin
  if rate_conversation.rating is null or rate_conversation.rating not between 1 and 5 then
    perform handoff.fail(400, 'rating_out_of_range', 'A rating is a whole number from 1 to 5');
  end if;
  if conversation.status not in ('resolved', 'closed') or conversation.claimed_at is null then
    perform handoff.fail(409, 'not_ratable', 'Only a conversation that an agent has finished can be rated');
  end if;
  update public.conversations as rated
     set satisfaction_rating = rate_conversation.rating,
         satisfaction_feedback = left(btrim(rate_conversation.feedback), 2000)
   where rated.id = conversation.id;
  return jsonb_build_object('success', true);
end
$$;
revoke all on function handoff.rate_conversation(uuid, integer, text) from public, anon, authenticated;
grant execute on function handoff.rate_conversation(uuid, integer, text) to authenticated;

create or replace function public.rate_conversation(p_conversation_id uuid, p_rating integer, p_feedback text default null)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.rate_conversation(p_conversation_id, p_rating, p_feedback);
$$;
comment on function public.rate_conversation(uuid, integer, text) is 'The visitor rates the conversation 1 to 5 once an agent has finished it; the last rating counts.';
revoke all on function public.rate_conversation(uuid, integer, text) from public, anon, authenticated;
grant execute on function public.rate_conversation(uuid, integer, text) to authenticated;

create or replace function handoff.return_to_queue(conversation_id uuid, moment timestamptz default now())
returns jsonb
language plpgsql
volatile
security definer  -- moves a conversation on behalf of its visitor
set search_path = ''
as $$
declare
  conversation public.conversations := handoff.lock_as_visitor(return_to_queue.conversation_id);
  agent public.agent_availability;
begin
  if conversation.status = 'agent_active' then
    -- Who comes back now waits for us, and who came back a moment ago is seen.
    select * into agent
      from public.agent_availability as found
     where found.project_id = conversation.project_id and found.user_id = conversation.assigned_agent_id
       for no key update;
    if agent.effective_status <> 'offline' or agent.effective_changed_at > moment - interval '10 minutes' then
      perform handoff.fail(409, 'agent_is_here', 'Your agent may still answer', 'Ten minutes after the agent has gone the conversation can return to the queue.');
    end if;
    update public.conversations as released set status = 'waiting' where released.id = conversation.id;
  elsif conversation.status <> 'waiting' then
    perform handoff.fail(409, 'not_with_an_agent', format('This conversation is %s, not with an agent', conversation.status),
                         'Ask for a person with request_handoff.');
  end if;
  return handoff.handoff_answer(conversation.id);
end
$$;
revoke all on function handoff.return_to_queue(uuid, timestamptz) from public, anon, authenticated;
grant execute on function handoff.return_to_queue(uuid, timestamptz) to authenticated;

create or replace function public.return_to_queue(p_conversation_id uuid)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.return_to_queue(p_conversation_id);
$$;
comment on function public.return_to_queue(uuid) is 'The visitor leaves an agent who has been gone for ten minutes; the conversation keeps its place in line (F001 9.1).';
revoke all on function public.return_to_queue(uuid) from public, anon, authenticated;
grant execute on function public.return_to_queue(uuid) to authenticated;

create or replace function handoff.mark_spam(conversation_id uuid)
returns jsonb
language plpgsql
volatile
security definer  -- moves a conversation
set search_path = ''
as $$
declare
  conversation public.conversations := handoff.lock_as_member(mark_spam.conversation_id);
begin
  if conversation.status in ('agent_active', 'resolved') then
    perform handoff.require_owner(conversation);
  end if;
  update public.conversations as spam set is_spam = true where spam.id = conversation.id;
  perform handoff.close_as(conversation.id, 'spam');
  return jsonb_build_object('success', true);
end
$$;
revoke all on function handoff.mark_spam(uuid) from public, anon, authenticated;
grant execute on function handoff.mark_spam(uuid) to authenticated;

create or replace function public.mark_spam(p_conversation_id uuid)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.mark_spam(p_conversation_id);
$$;
comment on function public.mark_spam(uuid) is 'A member marks the conversation as spam and closes it; the statistics leave it out.';
revoke all on function public.mark_spam(uuid) from public, anon, authenticated;
grant execute on function public.mark_spam(uuid) to authenticated;
