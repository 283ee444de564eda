-- Offers: where assignment_mode is 'offer', the agent whom the worker chose is asked first. The conversation stays waiting, in
-- its place, until somebody has accepted.
--
-- Locks: the conversation's lock guards the making of its offer, the agent's row the ending of the agent's offers. So an offer
-- is made with both, answered with both, and withdrawn with that of the agent alone. Conversation before agent, agents in the
-- order of their ids, offers last.

create table if not exists handoff.offers (
  id bigint generated always as identity primary key,
  conversation_id uuid not null references public.conversations (id) on delete cascade,
  project_id uuid not null,
  agent_id uuid not null,
  waiting_since timestamptz not null,
  round integer not null default 1 constraint offers_round check (round > 0),
  offered_at timestamptz not null default now(),
  expires_at timestamptz not null,
  state text not null default 'open'
    constraint offers_state check (state in ('open', 'accepted', 'declined', 'missed', 'withdrawn')),
  ended_at timestamptz,
  end_reason text constraint offers_end_reason_length check (char_length(end_reason) between 1 and 500),
  strategy text not null,
  queue_position integer,
  reason text not null,
  candidates jsonb not null default '[]'::jsonb
    constraint offers_candidates_is_array check (jsonb_typeof(candidates) = 'array'),
  constraint offers_ended_at_matches_state check ((state = 'open') = (ended_at is null))
);
comment on table handoff.offers is
  'Who was asked to take a waiting conversation, and what came of it. Kept for 30 days; read through my_offers and explain_assignment.';
comment on column handoff.offers.waiting_since is 'Which wait of the conversation it belongs to: another wait knows nothing of it.';
comment on column handoff.offers.round is
  'In one round nobody is asked twice. The next one begins a minute after everybody who could take it has missed or declined it.';
comment on column handoff.offers.state is
  'missed: not answered in time; withdrawn: it was taken by another, closed, or the agent could no longer take it.';
comment on column handoff.offers.end_reason is
  'What the agent said when declining; or claimed, closed, agent_unavailable, limit_lowered, agent_removed, mode_changed.';
comment on column handoff.offers.candidates is 'As in handoff.assignment_decisions.';

create unique index if not exists offers_one_open_per_conversation_idx on handoff.offers (conversation_id) where state = 'open';
create index if not exists offers_conversation_idx on handoff.offers (conversation_id, waiting_since);
create index if not exists offers_agent_idx on handoff.offers (project_id, agent_id, offered_at);
create index if not exists offers_open_agent_idx on handoff.offers (project_id, agent_id) where state = 'open';
create index if not exists offers_open_expiry_idx on handoff.offers (expires_at) where state = 'open';
create index if not exists offers_refused_idx on handoff.offers (project_id, ended_at) where state in ('declined', 'missed');
-- Rows come in this order and go in this order: a few pages of index are enough.
create index if not exists offers_offered_at_idx on handoff.offers using brin (offered_at);

alter table handoff.offers enable row level security;
revoke all on handoff.offers from public, anon, authenticated, service_role;

create or replace function handoff.is_offered(conversation_id uuid, agent_id uuid)
returns boolean
language sql
stable
security definer  -- called by functions that check the caller
set search_path = ''
as $$
  select exists (
    select 1 from handoff.offers as offer
     where offer.conversation_id = is_offered.conversation_id and offer.agent_id = is_offered.agent_id and offer.state = 'open');
$$;
comment on function handoff.is_offered(uuid, uuid) is 'Whether the agent has an open offer of the conversation.';
revoke all on function handoff.is_offered(uuid, uuid) from public, anon, authenticated;

-- The reserved slots: the only writers of offered_chat_count are the three triggers that call this.
create or replace function handoff.count_offers(project_ids uuid[], agent_ids uuid[], change integer)
returns void
language plpgsql
volatile
security definer  -- writes agent_availability, which no client may
set search_path = ''
as $$
begin
  with delta as (
    select offer.project_id, offer.agent_id, count(*)::integer * count_offers.change as offers
      from unnest(count_offers.project_ids, count_offers.agent_ids) as offer (project_id, agent_id)
     group by offer.project_id, offer.agent_id
  ), locked as (
    select agent.id, delta.offers
      from delta
      join public.agent_availability as agent on agent.user_id = delta.agent_id and agent.project_id = delta.project_id
     order by agent.id
       for no key update of agent
  )
  update public.agent_availability as agent
     set offered_chat_count = agent.offered_chat_count + locked.offers
    from locked
   where agent.id = locked.id;
end
$$;
revoke all on function handoff.count_offers(uuid[], uuid[], integer) from public, anon, authenticated;

-- DEFINER: writes the outbox, which no client may.
create or replace function handoff.offers_made()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform handoff.count_offers(array_agg(offer.project_id), array_agg(offer.agent_id), 1) from new_rows as offer where offer.state = 'open';
  insert into handoff.outbox (project_id, conversation_id, kind, payload)
  select offer.project_id, offer.conversation_id, 'conversation_offered', jsonb_build_object(
           'conversation_id', offer.conversation_id, 'agent_id', offer.agent_id,
           'customer_name', conversation.customer_name, 'preview', conversation.preview,
           'handoff_reason', conversation.handoff_reason, 'priority', conversation.priority,
           'waiting_time_seconds', greatest(extract(epoch from offer.offered_at - conversation.queue_entered_at)::integer, 0),
           'expires_at', offer.expires_at,
           'expires_in_seconds', ceil(extract(epoch from offer.expires_at - offer.offered_at))::integer)
    from new_rows as offer
    join public.conversations as conversation on conversation.id = offer.conversation_id
   where offer.state = 'open'
   order by offer.id;
  return null;
end
$$;
revoke all on function handoff.offers_made() from public, anon, authenticated;

create or replace trigger offers_made
  after insert on handoff.offers
  referencing new table as new_rows
  for each statement execute function handoff.offers_made();

-- DEFINER: writes the outbox, which no client may.
create or replace function handoff.offers_ended()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform handoff.count_offers(array_agg(before.project_id), array_agg(before.agent_id), -1)
    from old_rows as before
    join new_rows as after using (id)
   where before.state = 'open' and after.state <> 'open';
  insert into handoff.outbox (project_id, conversation_id, kind, payload)
  select after.project_id, after.conversation_id, 'offer_ended', jsonb_build_object(
           'conversation_id', after.conversation_id, 'agent_id', after.agent_id,
           'outcome', after.state, 'reason', after.end_reason)
    from old_rows as before
    join new_rows as after using (id)
   where before.state = 'open' and after.state <> 'open'
   order by after.id;
  return null;
end
$$;
revoke all on function handoff.offers_ended() from public, anon, authenticated;

create or replace trigger offers_ended
  after update on handoff.offers
  referencing old table as old_rows new table as new_rows
  for each statement execute function handoff.offers_ended();

-- DEFINER: writes agent_availability, which no client may.
create or replace function handoff.offers_deleted()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform handoff.count_offers(array_agg(gone.project_id), array_agg(gone.agent_id), -1) from old_rows as gone where gone.state = 'open';
  return null;
end
$$;
comment on function handoff.offers_deleted() is 'A conversation was deleted: its offer gives the slot back.';
revoke all on function handoff.offers_deleted() from public, anon, authenticated;

create or replace trigger offers_deleted
  after delete on handoff.offers
  referencing old table as old_rows
  for each statement execute function handoff.offers_deleted();

-- Whatever takes a conversation out of the queue ends its offer.
create or replace function handoff.end_offers(ids uuid[], statuses text[], agents uuid[])
returns void
language plpgsql
volatile
security definer  -- writes private rows, whoever moves the conversation
set search_path = ''
as $$
begin
  -- One look at a small index is all that projects without offers pay.
  if not exists (select 1 from handoff.offers as offer where offer.state = 'open') then
    return;
  end if;
  perform 1
     from public.agent_availability as agent
    where (agent.project_id, agent.user_id) in (
            select offer.project_id, offer.agent_id
              from unnest(ids, statuses) as moved (id, status)
              join handoff.offers as offer on offer.conversation_id = moved.id and offer.state = 'open'
             where moved.status <> 'waiting')
    order by agent.id
      for no key update;
  update handoff.offers as ended
     set state = case when moved.status = 'agent_active' and moved.agent_id = ended.agent_id
                      then 'accepted' else 'withdrawn' end,
         end_reason = case when moved.status <> 'agent_active' then 'closed'
                           when moved.agent_id <> ended.agent_id then 'claimed' end,
         ended_at = greatest(now(), ended.offered_at)
    from unnest(ids, statuses, agents) as moved (id, status, agent_id)
   where ended.conversation_id = moved.id and ended.state = 'open' and moved.status <> 'waiting';
end
$$;
comment on function handoff.end_offers(uuid[], text[], uuid[]) is 'Ends the open offers of conversations that left the queue.';
revoke all on function handoff.end_offers(uuid[], text[], uuid[]) from public, anon, authenticated;

-- An agent who can no longer take it has not missed it: the offer goes to the next one, and may come again.
-- DEFINER: writes private rows, whoever changes the agent.
create or replace function handoff.agent_availability_end_offers()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  agent public.agent_availability := case tg_op when 'DELETE' then old else new end;
  surplus bigint := case when tg_op = 'DELETE' or agent.effective_status <> 'online' then null
                         else greatest(agent.current_chat_count + agent.offered_chat_count - agent.max_concurrent_chats, 0) end;
begin
  update handoff.offers as ended
     set state = 'withdrawn', ended_at = greatest(now(), ended.offered_at),
         end_reason = case when tg_op = 'DELETE' then 'agent_removed'
                           when surplus is null then 'agent_unavailable' else 'limit_lowered' end
   where ended.state = 'open'
     and ended.id in (
           select offer.id
             from handoff.offers as offer
            where offer.project_id = agent.project_id and offer.agent_id = agent.user_id and offer.state = 'open'
            order by offer.id desc
            limit surplus);
  return null;
end
$$;
comment on function handoff.agent_availability_end_offers() is
  'Withdraws the offers of an agent who is not online any more or gone, and the latest ones when the limit leaves no slot for them.';
revoke all on function handoff.agent_availability_end_offers() from public, anon, authenticated;

create or replace trigger agent_availability_end_offers
  after update on public.agent_availability
  for each row when (old.offered_chat_count > 0
                     and ((old.effective_status = 'online' and new.effective_status <> 'online')
                          or new.max_concurrent_chats < old.max_concurrent_chats))
  execute function handoff.agent_availability_end_offers();
create or replace trigger agent_availability_end_offers_gone
  after delete on public.agent_availability
  for each row when (old.offered_chat_count > 0)
  execute function handoff.agent_availability_end_offers();

-- DEFINER: writes private rows, whoever changes the settings.
create or replace function handoff.handoff_settings_end_offers()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform 1
     from public.agent_availability as agent
    where agent.project_id = old.project_id and agent.offered_chat_count > 0
    order by agent.id
      for no key update;
  update handoff.offers as ended
     set state = 'withdrawn', end_reason = 'mode_changed', ended_at = greatest(now(), ended.offered_at)
   where ended.project_id = old.project_id and ended.state = 'open';
  return null;
end
$$;
comment on function handoff.handoff_settings_end_offers() is
  'The project no longer asks: open offers are withdrawn. The worker makes offers with a share lock on the settings, so none comes after.';
revoke all on function handoff.handoff_settings_end_offers() from public, anon, authenticated;

create or replace trigger handoff_settings_end_offers
  after update on public.handoff_settings
  for each row when (old.assignment_mode = 'offer' and new.assignment_mode <> 'offer')
  execute function handoff.handoff_settings_end_offers();
create or replace trigger handoff_settings_end_offers_gone
  after delete on public.handoff_settings
  for each row when (old.assignment_mode = 'offer')
  execute function handoff.handoff_settings_end_offers();
