-- What a move of a conversation does elsewhere: the agent's count and the outbox. Statement triggers see all rows of a
-- statement at once: for a batch of 10,000 assignments a row trigger is five to nine times slower.
--
-- Rows before and after are paired by their place, not by id: when a user is deleted, Postgres runs several "set null"
-- updates of one conversation and shows all of them to the trigger at once. They are paired through arrays, and agents are
-- looked up in an object, because a session makes the plan once, for as many rows as its first statement had: a join that
-- suits one row costs a batch of thousands its square.
--
-- Most updates move nothing (each message numbers itself on its conversation): one trigger finds that out once for all that
-- follows from a move.

-- The only writer of current_chat_count, with its twin below.
create or replace function handoff.count_moves(
  projects uuid[], old_statuses text[], old_agents uuid[], statuses text[], agents uuid[], claims timestamptz[]
)
returns void
language plpgsql
volatile
security definer  -- writes agent_availability, which no client may
set search_path = ''
as $$
declare
  uncounted uuid;
begin
  with change as (
    select pair.project_id,
           case when pair.old_status = 'agent_active' then pair.old_agent_id end as lost_by,
           case when pair.status = 'agent_active' then pair.agent_id end as gained_by,
           pair.claimed_at
      from unnest(projects, old_statuses, old_agents, statuses, agents, claims)
             as pair (project_id, old_status, old_agent_id, status, agent_id, claimed_at)
     where pair.old_status <> pair.status or pair.old_agent_id is distinct from pair.agent_id
  ), delta as (
    select project_id, agent_id, sum(chats)::integer as chats, bool_or(chats > 0) as gained, max(gained_at) as gained_at
      from (
        select change.project_id, change.lost_by as agent_id, -1 as chats, null::timestamptz as gained_at from change
        union all
        select change.project_id, change.gained_by, 1, change.claimed_at from change
      ) as each_side
     where agent_id is not null
     group by project_id, agent_id
  ), locked as (
    -- In one order for everybody, so that two statements with several agents cannot deadlock.
    select agent.id, delta.chats, delta.gained_at
      from delta
      join public.agent_availability as agent
        on agent.user_id = delta.agent_id and agent.project_id = delta.project_id
     order by agent.id
       for no key update of agent
  ), counted as (
    update public.agent_availability as agent
       set current_chat_count = agent.current_chat_count + locked.chats,
           last_assigned_at = coalesce(locked.gained_at, agent.last_assigned_at)
      from locked
     where agent.id = locked.id
    returning agent.project_id, agent.user_id
  )
  -- "except", because it never compares each with each.
  select missed.agent_id into uncounted
    from (select delta.project_id, delta.agent_id from delta where delta.gained
          except select counted.project_id, counted.user_id from counted) as missed
   limit 1;
  if uncounted is not null then
    perform handoff.fail(409, 'agent_not_online', format('User %s is no agent of this project', uncounted),
                         'Give conversations to members only.');
  end if;
end
$$;
comment on function handoff.count_moves(uuid[], text[], uuid[], text[], uuid[], timestamptz[]) is
  'Brings the agents'' counts up to date with moves of conversations, given before and after.';
revoke all on function handoff.count_moves(uuid[], text[], uuid[], text[], uuid[], timestamptz[]) from public, anon, authenticated;

-- DEFINER: writes what no client may. The numbers of the events were reserved by handoff.conversations_guard.
create or replace function handoff.conversations_moved()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  old_statuses text[];
  old_agents uuid[];
  ids uuid[];
  projects uuid[];
  statuses text[];
  agents uuid[];
  claims timestamptz[];
begin
  -- The usual case first: nothing has moved in this transaction (see conversations_guard), or not now.
  if current_setting('handoff.conversation_moved', true) is distinct from 'on' then
    return null;
  end if;
  if (select array_agg((changed.status, changed.assigned_agent_id)) from old_rows as changed)
     is not distinct from (select array_agg((changed.status, changed.assigned_agent_id)) from new_rows as changed) then
    return null;
  end if;
  select array_agg(changed.status), array_agg(changed.assigned_agent_id) into old_statuses, old_agents from old_rows as changed;
  select array_agg(changed.id), array_agg(changed.project_id), array_agg(changed.status), array_agg(changed.assigned_agent_id),
         array_agg(changed.claimed_at)
    into ids, projects, statuses, agents, claims
    from new_rows as changed;
  if 'agent_active' = any(old_statuses || statuses) then  -- what only enters the queue changes nobody's count
    perform handoff.count_moves(projects, old_statuses, old_agents, statuses, agents, claims);
    perform handoff.end_absences(ids, old_statuses);
  end if;
  perform handoff.end_offers(ids, statuses, agents);
  with move as materialized (
    select pair.*
      from (select array_agg(changed.event_seq) as seqs,
                        array_agg(changed.handoff_reason) as handoff_reasons, array_agg(changed.customer_name) as names,
                        array_agg(changed.preview) as previews, array_agg(changed.queue_entered_at) as entries,
                        array_agg(changed.resolved_by) as resolvers,
                        array_agg(changed.close_reason) as close_reasons, array_agg(changed.priority) as priorities
                   from new_rows as changed) as after
     cross join unnest(old_statuses, old_agents, projects, ids, statuses, agents, after.seqs,
                       after.handoff_reasons, after.names, after.previews, after.entries, claims, after.resolvers,
                       after.close_reasons, after.priorities)
       as pair (old_status, old_agent_id, project_id, id, status, assigned_agent_id, event_seq, handoff_reason, customer_name,
                preview, queue_entered_at, claimed_at, resolved_by, close_reason, priority)
     where pair.old_status <> pair.status
        or (pair.status = 'agent_active' and pair.old_agent_id is distinct from pair.assigned_agent_id)
  ), profiles as materialized (
    select jsonb_object_agg(profile.project_id || ' ' || profile.user_id, profile.agent) as of
      from (select array_agg(owner.project_id) as projects, array_agg(owner.assigned_agent_id) as users
              from (select distinct move.project_id, move.assigned_agent_id from move where move.status = 'agent_active') as owner) as owners
     cross join handoff.agent_profiles(owners.projects, owners.users) as profile
  ), event as (
    select move.project_id, move.id, 1 as rank, 'status_changed' as kind,
           move.event_seq - (move.status in ('agent_active', 'resolved'))::integer as seq,
           jsonb_strip_nulls(jsonb_build_object('conversation_id', move.id, 'old_status', move.old_status,
                             'new_status', move.status, 'handoff_reason', move.handoff_reason)) as payload
      from move where move.old_status <> move.status
    union all
    select move.project_id, move.id, 2, 'agent_assigned', move.event_seq,
           jsonb_build_object('conversation_id', move.id, 'agent', profiles.of -> (move.project_id || ' ' || move.assigned_agent_id),
                              'customer_name', move.customer_name,
                              'preview', move.preview, 'queue_entered_at', move.queue_entered_at,
                              'waiting_time_seconds', case when move.old_status = 'waiting' then
                                 greatest(extract(epoch from move.claimed_at - move.queue_entered_at)::integer, 0) else 0 end)
      from move
     cross join profiles
     where move.status = 'agent_active'
    union all
    select move.project_id, move.id, 2, 'resolved', move.event_seq,
           jsonb_build_object('conversation_id', move.id, 'resolved_by', move.resolved_by, 'show_rating', true)
      from move where move.status = 'resolved'
    union all
    select move.project_id, move.id, 3, 'conversation_auto_closed', 0,
           jsonb_build_object('conversation_id', move.id, 'agent_id', move.assigned_agent_id, 'reason', move.close_reason)
      from move where move.status = 'closed' and move.assigned_agent_id is not null
                  and move.close_reason in ('customer_inactive', 'timeout')
    union all
    select move.project_id, move.id, 4, 'new_conversation', 0,
           jsonb_build_object('conversation', jsonb_build_object(
             'id', move.id, 'customer_name', move.customer_name, 'preview', move.preview,
             'handoff_reason', move.handoff_reason, 'priority', move.priority, 'queue_entered_at', move.queue_entered_at))
      from move where move.status = 'waiting'
  )
  insert into handoff.outbox (project_id, conversation_id, kind, seq, payload)
  select event.project_id, event.id, event.kind, event.seq, event.payload
    from event
   order by event.id, event.rank;
  return null;
end
$$;
comment on function handoff.conversations_moved() is
  'All that follows from a move elsewhere: agents'' counts, absences and offers that end, events.';
revoke all on function handoff.conversations_moved() from public, anon, authenticated;

-- Its work was that of four triggers once.
drop trigger if exists conversations_count on public.conversations;
drop trigger if exists conversations_announce on public.conversations;
drop trigger if exists conversations_end_offers on public.conversations;
drop trigger if exists conversations_clock on public.conversations;
drop function if exists handoff.conversations_count();
drop function if exists handoff.conversations_announce();
drop function if exists handoff.conversations_end_offers();
drop function if exists handoff.conversations_clock();

create or replace trigger conversations_moved
  after update on public.conversations
  referencing old table as old_rows new table as new_rows
  for each statement execute function handoff.conversations_moved();

-- DEFINER: writes agent_availability, which no client may.
create or replace function handoff.conversations_count_deleted()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  with delta as (
    select gone.project_id, gone.assigned_agent_id as agent_id, count(*)::integer as chats
      from old_rows as gone
     where gone.status = 'agent_active'
     group by gone.project_id, gone.assigned_agent_id
  ), locked as (
    select agent.id, delta.chats
      from delta
      join public.agent_availability as agent
        on agent.user_id = delta.agent_id and agent.project_id = delta.project_id
     order by agent.id
       for no key update of agent
  )
  update public.agent_availability as agent
     set current_chat_count = agent.current_chat_count - locked.chats
    from locked
   where agent.id = locked.id;
  return null;
end
$$;
revoke all on function handoff.conversations_count_deleted() from public, anon, authenticated;

create or replace trigger conversations_count_deleted
  after delete on public.conversations
  referencing old table as old_rows
  for each statement execute function handoff.conversations_count_deleted();

-- What is no move but news for the team all the same: tags, priority, rating, and whether the customer is there.
-- DEFINER: writes the outbox, which no client may.
create or replace function handoff.conversations_announce_change()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if new.customer_presence is distinct from old.customer_presence and new.assigned_agent_id is not null
     and new.status = 'agent_active' then
    insert into handoff.outbox (project_id, conversation_id, kind, payload)
    values (new.project_id, new.id, 'customer_presence_update', jsonb_strip_nulls(jsonb_build_object(
      'conversation_id', new.id, 'agent_id', new.assigned_agent_id, 'status', new.customer_presence,
      'reason', case when new.customer_presence = 'offline' then new.customer_left_reason end,
      'timestamp', coalesce(new.customer_last_seen_at, now()))));
  end if;
  if (new.tags, new.priority, new.required_skills, new.is_spam, new.satisfaction_rating, new.customer_id, new.customer_name,
      new.customer_email)
     is distinct from
     (old.tags, old.priority, old.required_skills, old.is_spam, old.satisfaction_rating, old.customer_id, old.customer_name,
      old.customer_email) then
    insert into handoff.outbox (project_id, conversation_id, kind, payload)
    values (new.project_id, new.id, 'conversation_updated', jsonb_build_object('conversation', jsonb_build_object(
      'id', new.id, 'tags', new.tags, 'priority', new.priority, 'required_skills', new.required_skills,
      'is_spam', new.is_spam, 'satisfaction_rating', new.satisfaction_rating, 'customer_id', new.customer_id,
      'customer_name', new.customer_name, 'customer_email', new.customer_email)));
  end if;
  return null;
end
$$;
revoke all on function handoff.conversations_announce_change() from public, anon, authenticated;

create or replace trigger conversations_announce_change
  after update of tags, priority, required_skills, is_spam, satisfaction_rating, customer_id, customer_name, customer_email, customer_presence
  on public.conversations
  for each row execute function handoff.conversations_announce_change();
