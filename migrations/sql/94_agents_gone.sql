-- Agents who are gone while they have chats (F001 9.1). The chats stay with them, except those that they never answered.

create or replace function handoff.tell_agents_gone(moment timestamptz default now(), most integer default 100)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  held uuid[] := array(
    select conversation.id
      from public.conversations as conversation
      join public.agent_availability as agent
        on agent.project_id = conversation.project_id and agent.user_id = conversation.assigned_agent_id
     where conversation.status = 'agent_active'
       and agent.effective_status = 'offline'
       and not exists (select 1 from handoff.agent_absences as absence where absence.conversation_id = conversation.id)
     order by conversation.claimed_at, conversation.id
     limit most
       for no key update of conversation skip locked);
begin
  -- Who comes back now waits for us, and who came back a moment ago is seen below.
  perform 1
     from public.agent_availability as agent
    where agent.id in (
            select owner.id
              from public.conversations as conversation
              join public.agent_availability as owner
                on owner.project_id = conversation.project_id and owner.user_id = conversation.assigned_agent_id
             where conversation.id = any (held))
    order by agent.id
      for no key update;
  held := handoff.still_forsaken(held);
  perform handoff.requeue_unanswered(held);
  perform handoff.tell_disconnected(held, moment);
  return cardinality(held);
end
$$;
comment on function handoff.tell_agents_gone(timestamptz, integer) is
  'Tells customers once that their agent is gone; chats that the agent never answered wait again at once (F001 9.1).';
revoke all on function handoff.tell_agents_gone(timestamptz, integer) from public, anon, authenticated;

create or replace function handoff.still_forsaken(conversation_ids uuid[])
returns uuid[]
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return array(
    select conversation.id from public.conversations as conversation
     where conversation.id = any (still_forsaken.conversation_ids)
       and handoff.is_forsaken(conversation, null)
       and not exists (select 1 from handoff.agent_absences as absence where absence.conversation_id = conversation.id)
     order by conversation.id);
end
$$;
comment on function handoff.still_forsaken(uuid[]) is 'Those of these locked conversations whose agent is gone and whose customer has not been told.';
revoke all on function handoff.still_forsaken(uuid[]) from public, anon, authenticated;

create or replace function handoff.requeue_unanswered(conversation_ids uuid[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  update public.conversations as returned
     set status = 'waiting'
   where returned.id = any (requeue_unanswered.conversation_ids)
     and not exists (
           select 1 from public.messages as reply
            where reply.conversation_id = returned.id
              and reply.sender_type = 'agent'
              and reply.sender_id = returned.assigned_agent_id
              and reply.created_at >= returned.claimed_at);
end
$$;
comment on function handoff.requeue_unanswered(uuid[]) is 'Those of these conversations wait again to which their agent has not written since they got them.';
revoke all on function handoff.requeue_unanswered(uuid[]) from public, anon, authenticated;

create or replace function handoff.tell_disconnected(conversation_ids uuid[], moment timestamptz)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  insert into handoff.agent_absences (conversation_id, told_at)
  select conversation.id, moment
    from public.conversations as conversation
   where conversation.id = any (tell_disconnected.conversation_ids) and conversation.status = 'agent_active';
  insert into public.messages (conversation_id, sender_type, content, metadata)
  select absence.conversation_id, 'system', 'Agent disconnected. Waiting for reconnection...', '{"type": "agent_disconnected"}'
    from handoff.agent_absences as absence
   where absence.conversation_id = any (tell_disconnected.conversation_ids)
   order by absence.conversation_id;
end
$$;
revoke all on function handoff.tell_disconnected(uuid[], timestamptz) from public, anon, authenticated;

create or replace function handoff.offer_requeue(moment timestamptz default now(), most integer default 100)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  due uuid[] := array(
    select conversation.id
      from handoff.agent_absences as absence
      join public.conversations as conversation on conversation.id = absence.conversation_id
     where absence.offered_at is null and absence.told_at <= moment - interval '10 minutes'
     order by absence.told_at, conversation.id
     limit most
       for no key update of conversation skip locked);
begin
  -- The agent may have come back, or another worker have been quicker: the row is gone then, or has its time.
  with offered as (
    update handoff.agent_absences as absence
       set offered_at = moment
     where absence.conversation_id = any (due) and absence.offered_at is null
    returning absence.conversation_id
  )
  select coalesce(array_agg(offered.conversation_id order by offered.conversation_id), '{}') into due from offered;
  insert into public.messages (conversation_id, sender_type, content, metadata)
  select conversation_id, 'system', 'Your agent has not come back yet. You can keep waiting, or return to the queue for another agent.',
         '{"type": "requeue_offer"}'
    from unnest(due) as conversation_id
   order by conversation_id;
  return cardinality(due);
end
$$;
comment on function handoff.offer_requeue(timestamptz, integer) is
  'Offers customers whose agent has been gone for ten minutes to return to the queue (F001 9.1), once an absence; they call return_to_queue.';
revoke all on function handoff.offer_requeue(timestamptz, integer) from public, anon, authenticated;

-- DEFINER: clears private rows, whoever sets the agent's status.
create or replace function handoff.agent_availability_returned()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  delete from handoff.agent_absences as absence
   using public.conversations as conversation
   where conversation.id = absence.conversation_id
     and conversation.project_id = new.project_id and conversation.assigned_agent_id = new.user_id;
  return null;
end
$$;
comment on function handoff.agent_availability_returned() is 'The agent is back: the next absence is told anew.';
revoke all on function handoff.agent_availability_returned() from public, anon, authenticated;

create or replace trigger agent_availability_returned
  after update on public.agent_availability
  for each row when (old.effective_status = 'offline' and new.effective_status <> 'offline')
  execute function handoff.agent_availability_returned();
