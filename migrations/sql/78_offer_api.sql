-- What agents answer to offers, and what happens when they do not answer.

create or replace function handoff.accept_offer(conversation_id uuid, moment timestamptz default now())
returns jsonb
language plpgsql
volatile
security definer  -- moves a conversation
set search_path = ''
as $$
declare
  caller uuid := handoff.require_user();
  conversation public.conversations := handoff.lock_conversation(accept_offer.conversation_id);
begin
  if conversation.id is null or not handoff.is_member(conversation.project_id) then
    return handoff.claim_refused('ACCESS_DENIED', 'You have no access to this conversation');
  end if;
  perform handoff.rate_limit('dashboard', 100, interval '1 minute');
  if conversation.status = 'waiting' then
    -- Whoever withdraws it holds its agent: waited for here, or it would be seen below as it was before.
    perform handoff.lock_agents_of(conversation, caller);
    -- An offer whose time is over is missed, whether or not the worker has noticed.
    if not exists (
      select 1 from handoff.offers as offer
       where offer.conversation_id = conversation.id and offer.agent_id = caller and offer.state = 'open'
         and offer.expires_at > moment
    ) then
      return handoff.claim_refused('NO_OFFER', 'This offer is not open any more');
    end if;
  end if;
  return handoff.take_locked(conversation, caller, array['waiting'], 'offer', 'accepted');
end
$$;
revoke all on function handoff.accept_offer(uuid, timestamptz) from public, anon, authenticated;
grant execute on function handoff.accept_offer(uuid, timestamptz) to authenticated;

create or replace function public.accept_offer(p_conversation_id uuid)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.accept_offer(p_conversation_id);
$$;
comment on function public.accept_offer(uuid) is
  'An agent takes the conversation that is offered to them. Answers as claim_conversation, and NO_OFFER when the time was over.';
revoke all on function public.accept_offer(uuid) from public, anon, authenticated;
grant execute on function public.accept_offer(uuid) to authenticated;

create or replace function handoff.decline_offer(conversation_id uuid, reason text, moment timestamptz default now())
returns jsonb
language plpgsql
volatile
security definer  -- writes private rows
set search_path = ''
as $$
declare
  caller uuid := handoff.require_user();
  conversation public.conversations := handoff.lock_conversation(decline_offer.conversation_id);
begin
  if conversation.id is null or not handoff.is_member(conversation.project_id) then
    return handoff.claim_refused('ACCESS_DENIED', 'You have no access to this conversation');
  end if;
  perform handoff.rate_limit('dashboard', 100, interval '1 minute');
  perform handoff.lock_agents_of(conversation, caller);
  update handoff.offers as declined
     set state = 'declined', ended_at = greatest(moment, declined.offered_at),
         end_reason = nullif(left(btrim(decline_offer.reason), 500), '')
   where declined.conversation_id = conversation.id and declined.agent_id = caller and declined.state = 'open';
  -- Asked twice: the answer is known.
  if not found and not exists (
    select 1 from handoff.offers as offer
     where offer.conversation_id = conversation.id and offer.agent_id = caller and offer.state = 'declined'
       and conversation.status = 'waiting' and offer.waiting_since = conversation.waiting_since
  ) then
    return handoff.claim_refused('NO_OFFER', 'This offer is not open any more');
  end if;
  return jsonb_build_object('success', true);
end
$$;
revoke all on function handoff.decline_offer(uuid, text, timestamptz) from public, anon, authenticated;
grant execute on function handoff.decline_offer(uuid, text, timestamptz) to authenticated;

create or replace function public.decline_offer(p_conversation_id uuid, p_reason text default null)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.decline_offer(p_conversation_id, p_reason);
$$;
comment on function public.decline_offer(uuid, text) is
  'An agent does not take the conversation that is offered to them: the next one is asked. The reason is kept for explain_assignment.';
revoke all on function public.decline_offer(uuid, text) from public, anon, authenticated;
grant execute on function public.decline_offer(uuid, text) to authenticated;

create or replace function handoff.my_offers(project_id uuid, moment timestamptz default now())
returns jsonb
language plpgsql
stable
security definer  -- nobody may read the offers
set search_path = ''
as $$
declare
  caller uuid := handoff.require_member(my_offers.project_id);
begin
  return jsonb_build_object('offers', coalesce((
    select jsonb_agg(jsonb_build_object(
             'conversation_id', offer.conversation_id, 'customer_name', conversation.customer_name,
             'preview', conversation.preview, 'handoff_reason', conversation.handoff_reason, 'priority', conversation.priority,
             'waiting_time_seconds', greatest(extract(epoch from moment - conversation.queue_entered_at)::integer, 0),
             'offered_at', offer.offered_at, 'expires_at', offer.expires_at,
             'expires_in_seconds', ceil(extract(epoch from offer.expires_at - moment))::integer) order by offer.id)
      from handoff.offers as offer
      join public.conversations as conversation on conversation.id = offer.conversation_id
     where offer.project_id = my_offers.project_id and offer.agent_id = caller and offer.state = 'open'
       and offer.expires_at > moment), '[]'::jsonb));
end
$$;
revoke all on function handoff.my_offers(uuid, timestamptz) from public, anon, authenticated;
grant execute on function handoff.my_offers(uuid, timestamptz) to authenticated;

create or replace function public.my_offers(p_project_id uuid)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select handoff.my_offers(p_project_id);
$$;
comment on function public.my_offers(uuid) is 'The open offers of the caller, the oldest first: what a dashboard shows after it was loaded again.';
revoke all on function public.my_offers(uuid) from public, anon, authenticated;
grant execute on function public.my_offers(uuid) to authenticated;

-- The clock of offers. It is called by the worker at the moment when an offer of a project is due, and for all projects
-- (project_id null) now and then. As the functions of 92_clock.sql it may run any number of times at once.
create or replace function handoff.expire_offers(moment timestamptz default now(), most integer default 100, project_id uuid default null)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  due uuid[] := array(
    select conversation.id
      from handoff.offers as offer
      join public.conversations as conversation on conversation.id = offer.conversation_id
     where offer.state = 'open' and offer.expires_at <= moment
       and (expire_offers.project_id is null or offer.project_id = expire_offers.project_id)
     order by offer.expires_at, offer.id
     limit most
       for no key update of conversation skip locked);
  idle uuid[];
begin
  if cardinality(due) = 0 then
    return 0;
  end if;
  perform 1
     from public.agent_availability as agent
    where (agent.project_id, agent.user_id) in (
            select offer.project_id, offer.agent_id from handoff.offers as offer
             where offer.conversation_id = any (due) and offer.state = 'open')
    order by agent.id
      for no key update;
  -- Answered, withdrawn or made anew while we waited: no longer due.
  with missed as (
    update handoff.offers as ended
       set state = 'missed', ended_at = greatest(moment, ended.offered_at)
     where ended.conversation_id = any (due) and ended.state = 'open' and ended.expires_at <= moment
    returning ended.project_id, ended.agent_id
  )
  select array_agg(agent.id) into idle
    from missed
    join public.agent_availability as agent on agent.project_id = missed.project_id and agent.user_id = missed.agent_id;
  perform handoff.set_away_who_misses(idle);
  return cardinality(due);
end
$$;
comment on function handoff.expire_offers(timestamptz, integer, uuid) is 'Ends the offers that were not answered in time, of one project or all.';
revoke all on function handoff.expire_offers(timestamptz, integer, uuid) from public, anon, authenticated;

-- Declined is answered: only silence counts. So does only what was offered since the agent last changed the status.
create or replace function handoff.set_away_who_misses(agent_rows uuid[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  update public.agent_availability as agent
     set status = 'away'
    from public.handoff_settings as settings
   where agent.id = any (agent_rows) and agent.status = 'online'
     and settings.project_id = agent.project_id and settings.away_after_missed_offers > 0
     and settings.away_after_missed_offers = (
           select count(*) filter (where answered.state = 'missed')
             from (
               select offer.state
                 from handoff.offers as offer
                where offer.project_id = agent.project_id and offer.agent_id = agent.user_id
                  and offer.state in ('accepted', 'declined', 'missed') and offer.offered_at >= agent.status_changed_at
                order by offer.offered_at desc
                limit settings.away_after_missed_offers
             ) as answered);
end
$$;
comment on function handoff.set_away_who_misses(uuid[]) is
  'Sets those of these agents (rows, locked) away who have missed as many offers in a row as the project allows.';
revoke all on function handoff.set_away_who_misses(uuid[]) from public, anon, authenticated;

create or replace function handoff.prune_offers(moment timestamptz default now())
returns bigint
language sql
volatile
security invoker
set search_path = ''
as $$
  with gone as (
    delete from handoff.offers as offer
     where offer.offered_at < prune_offers.moment - interval '30 days' and offer.state <> 'open'
    returning 1
  )
  select count(*) from gone;
$$;
comment on function handoff.prune_offers(timestamptz) is 'Forgets the offers that are older than 30 days and says how many.';
revoke all on function handoff.prune_offers(timestamptz) from public, anon, authenticated;
