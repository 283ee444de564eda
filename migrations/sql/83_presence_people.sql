-- Presence: what the connections of a person make of the person, and who is told.

create or replace function handoff.presence_profile(session public.presence_sessions)
returns jsonb
language plpgsql
stable
security definer  -- reads auth.users and customers for functions that have checked the caller
set search_path = ''
as $$
declare
  profile jsonb;
begin
  if session.role = 'agent' then
    select jsonb_build_object('name', handoff.agent_profile(session.project_id, session.user_id) -> 'name', 'email', account.email)
      into profile from auth.users as account where account.id = session.user_id;
  elsif session.role = 'customer' then
    -- As whom they chat, else whose visitor id they bring: a claim, as in track_visit.
    select jsonb_build_object('name', customer.name, 'email', customer.email, 'customer_id', customer.id)
      into profile
      from public.customers as customer
     where customer.id = coalesce(
             (select conversation.customer_id from public.conversations as conversation
               where conversation.project_id = session.project_id and conversation.visitor_user_id = session.user_id
                 and conversation.customer_id is not null
               order by conversation.created_at desc
               limit 1),
             (select known.customer_id from handoff.customer_visitors as known
               where known.project_id = session.project_id and known.visitor_id = session.visitor_id));
  else
    profile := jsonb_build_object('name', coalesce(session.data ->> 'name', session.client_id), 'email', null);
  end if;
  return coalesce(profile, '{"name": null, "email": null}'::jsonb);
end
$$;
comment on function handoff.presence_profile(public.presence_sessions) is 'Name and e-mail of who is there, for members; of customers their id, too.';
revoke all on function handoff.presence_profile(public.presence_sessions) from public, anon, authenticated;

create or replace function handoff.presence_payload(session public.presence_sessions, moment timestamptz)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  profile jsonb := handoff.presence_profile(session);
begin
  return jsonb_build_object(
    'connection_id', session.connection_id, 'client_id', session.client_id, 'user_id', session.user_id,
    'role', session.role, 'name', profile -> 'name', 'email', profile -> 'email', 'data', session.data,
    'page', session.page, 'conversation_id', session.conversation_id, 'timestamp', moment);
end
$$;
comment on function handoff.presence_payload(public.presence_sessions, timestamptz) is 'What the events about one connection tell the members.';
revoke all on function handoff.presence_payload(public.presence_sessions, timestamptz) from public, anon, authenticated;

create or replace function handoff.there_or_not(status text)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return jsonb_build_object('status', status, 'effective_status', status, 'effective_reason', 'wanted',
                            'connection', case status when 'online' then 'live' else 'gone' end, 'available_slots', 0);
end
$$;
comment on function handoff.there_or_not(text) is 'The fields of presence_change that only agents have more than two values of.';
revoke all on function handoff.there_or_not(text) from public, anon, authenticated;

-- For customers and bots; of agents the trigger on agent_availability tells.
create or replace function handoff.announce_person(session public.presence_sessions, status text, moment timestamptz)
returns void
language plpgsql
volatile
security definer  -- writes the outbox, which no client may
set search_path = ''
as $$
begin
  if session.role <> 'agent' then
    insert into handoff.outbox (project_id, kind, payload)
    values (session.project_id, 'visitor_presence',
            handoff.presence_payload(session, moment) - array['connection_id', 'data', 'page', 'conversation_id']
              || handoff.there_or_not(announce_person.status));
  end if;
end
$$;
comment on function handoff.announce_person(public.presence_sessions, text, timestamptz) is 'presence_change of a customer or bot: online or offline.';
revoke all on function handoff.announce_person(public.presence_sessions, text, timestamptz) from public, anon, authenticated;

create or replace function handoff.state_rank(state text)
returns integer
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return case state when 'typing' then 4 when 'online' then 3 when 'idle' then 2 when 'background' then 1 end;
end
$$;
comment on function handoff.state_rank(text) is 'Of several pages of a customer the one with the highest rank counts.';
revoke all on function handoff.state_rank(text) from public, anon, authenticated;

-- A customer's conversations in the light of all their pages. A hidden page is idle to agents. Nothing is written unless
-- the state differs: beats cost the conversation nothing.
create or replace function handoff.settle_customers(
  projects uuid[], users uuid[], reasons text[], seen timestamptz[], moment timestamptz
)
returns void
language plpgsql
volatile
security definer  -- writes conversations on behalf of visitors
set search_path = ''
as $$
begin
  with person as (
    select distinct on (project_id, user_id) project_id, user_id, reason, seen_at
      from unnest(settle_customers.projects, settle_customers.users, settle_customers.reasons, settle_customers.seen)
        as given (project_id, user_id, reason, seen_at)
     order by project_id, user_id, seen_at desc nulls last
  ), standing as (
    select person.project_id, person.user_id, person.reason, person.seen_at,
           max(handoff.state_rank(lease.state)) as rank, max(lease.active_at) as active_at
      from person
      left join handoff.presence_leases as lease
        on lease.project_id = person.project_id and lease.client_id = person.user_id::text and lease.role = 'customer'
     group by person.project_id, person.user_id, person.reason, person.seen_at
  ), wanted as (
    select standing.*,
           case standing.rank when 4 then 'typing' when 3 then 'online' when 2 then 'idle' when 1 then 'idle' else 'offline' end as state
      from standing
  ), changed as (
    select conversation.id, wanted.state, wanted.reason, wanted.seen_at, wanted.active_at
      from wanted
      join public.conversations as conversation
        on conversation.project_id = wanted.project_id and conversation.visitor_user_id = wanted.user_id
     where conversation.customer_presence <> wanted.state
       and (conversation.status <> 'closed' or wanted.state = 'offline')
     order by conversation.id
       for no key update of conversation
  )
  update public.conversations as told
     set customer_presence = changed.state,
         customer_last_seen_at = case changed.state
           when 'offline' then coalesce(changed.seen_at, moment)
           when 'idle' then greatest(told.customer_active_at, changed.active_at)
           else moment end,
         customer_left_reason = case when changed.state = 'offline' then coalesce(changed.reason, 'lost') end
    from changed
   where told.id = changed.id;
end
$$;
comment on function handoff.settle_customers(uuid[], uuid[], text[], timestamptz[], timestamptz) is
  'Writes customer_presence of these visitors'' conversations where it is no longer what their leases say. Call it holding the persons'' locks.';
revoke all on function handoff.settle_customers(uuid[], uuid[], text[], timestamptz[], timestamptz) from public, anon, authenticated;

create or replace function handoff.settle_agents(projects uuid[], users uuid[], moment timestamptz)
returns void
language plpgsql
volatile
security definer  -- writes what agents may not
set search_path = ''
as $$
begin
  with person as (
    select distinct project_id, user_id from unnest(settle_agents.projects, settle_agents.users) as given (project_id, user_id)
  ), standing as (
    select person.project_id, person.user_id, count(lease.connection_id) as connections,
           bool_or(not lease.suspect) as live, max(lease.active_at) as active_at, max(lease.beat_at) as beat_at
      from person
      left join handoff.presence_leases as lease
        on lease.project_id = person.project_id and lease.client_id = person.user_id::text and lease.role = 'agent'
     group by person.project_id, person.user_id
  ), wanted as (
    select agent.id, standing.beat_at, active.at as active_at,
           case when standing.live then 'live' when standing.connections > 0 then 'suspect'
                when agent.connection = 'unknown' then 'unknown' else 'gone' end as connection,
           -- Who is gone is not inactive as well: coming back is a sign of life.
           coalesce(standing.connections > 0 and agent.auto_offline_enabled
                    and active.at <= moment - make_interval(mins => agent.auto_offline_minutes), false) as inactive
      from standing
      join public.agent_availability as agent on agent.project_id = standing.project_id and agent.user_id = standing.user_id
     cross join lateral (select greatest(standing.active_at, agent.last_active_at) as at) as active
  ), changed as (
    select wanted.*
      from wanted
      join public.agent_availability as agent on agent.id = wanted.id
     where agent.connection <> wanted.connection or agent.inactive <> wanted.inactive
     order by agent.id
       for no key update of agent
  )
  update public.agent_availability as told
     set connection = changed.connection, inactive = changed.inactive,
         last_active_at = coalesce(changed.active_at, told.last_active_at),
         last_seen_at = greatest(told.last_seen_at, changed.beat_at)
    from changed
   where told.id = changed.id;
end
$$;
comment on function handoff.settle_agents(uuid[], uuid[], timestamptz) is
  'Writes connection and inactive of these agents where they are no longer what the leases say; effective_status follows. Call it holding the persons'' locks.';
revoke all on function handoff.settle_agents(uuid[], uuid[], timestamptz) from public, anon, authenticated;

create or replace function handoff.settle_person(project_id uuid, role text, user_id uuid, client_id text, moment timestamptz)
returns void
language plpgsql
volatile
security definer  -- called by beats, whose callers may write nothing of this
set search_path = ''
as $$
begin
  perform handoff.lock_persons(array[handoff.person_slot(settle_person.project_id, settle_person.client_id)]);
  if settle_person.role = 'agent' then
    perform handoff.settle_agents(array[settle_person.project_id], array[settle_person.user_id], moment);
  elsif settle_person.role = 'customer' then
    perform handoff.settle_customers(array[settle_person.project_id], array[settle_person.user_id], array[null::text],
                                     array[null::timestamptz], moment);
  end if;
end
$$;
comment on function handoff.settle_person(uuid, text, uuid, text, timestamptz) is 'Brings the rows of one person up to the leases.';
revoke all on function handoff.settle_person(uuid, text, uuid, text, timestamptz) from public, anon, authenticated;

-- The end of connections, for whatever reason: one path for leaving, for leases that ran out, and for members who were
-- removed. The caller has locked the leases.
create or replace function handoff.end_presence(connections uuid[], reasons text[], leave_data jsonb, moment timestamptz)
returns integer
language plpgsql
volatile
security definer  -- writes sessions and the outbox
set search_path = ''
as $$
declare
  ended bigint[];
begin
  perform handoff.lock_persons(array(
    select handoff.person_slot(session.project_id, session.client_id)
      from public.presence_sessions as session
     where session.connection_id = any (end_presence.connections) and session.left_at is null));
  with given as (
    select * from unnest(end_presence.connections, end_presence.reasons) as given (connection_id, reason)
  ), closed as (
    -- The leases by their key, not from what the deletion returns: of that the planner thinks that it is ten rows, and compares each with each.
    update public.presence_sessions as session
       set left_at = moment, leave_reason = given.reason, leave_data = end_presence.leave_data,
           last_seen_at = coalesce(lease.beat_at, moment), beats = lease.beats, missed = lease.missed, late = lease.late,
           lost = lease.lost, longest_gap_seconds = lease.longest_gap, intervals = lease.intervals, delays = lease.delays
      from given
      left join handoff.presence_leases as lease on lease.connection_id = given.connection_id
     where session.connection_id = given.connection_id and session.left_at is null
    returning session.id
  ), gone as (
    delete from handoff.presence_leases as lease where lease.connection_id = any (end_presence.connections)
    returning lease.connection_id, lease.traced, lease.expires_at, lease.beats
  ), traced as (
    insert into handoff.presence_traces (connection_id, at, step, detail)
    select gone.connection_id, moment, 'end', jsonb_build_object('reason', given.reason, 'expires_at', gone.expires_at, 'beats', gone.beats)
      from gone
      join given using (connection_id)
     where gone.traced
  ), unwatched as (
    delete from handoff.conversation_watchers as watching where watching.watcher = any (end_presence.connections)
  )
  select array_agg(closed.id order by closed.id) into ended from closed;
  if ended is not null then
    perform handoff.announce_end(ended, moment);
    perform handoff.settle_ended(ended, moment);
  end if;
  return coalesce(cardinality(ended), 0);
end
$$;
comment on function handoff.end_presence(uuid[], text[], jsonb, timestamptz) is
  'Ends these connections: leases go, sessions are closed with what their beats were like, members are told, the persons settled. Says how many.';
revoke all on function handoff.end_presence(uuid[], text[], jsonb, timestamptz) from public, anon, authenticated;

-- One statement for all of them, and each profile is looked up once: a hundred ends are one sweep.
create or replace function handoff.announce_end(ended bigint[], moment timestamptz)
returns void
language plpgsql
volatile
security definer  -- writes the outbox, which no client may
set search_path = ''
as $$
begin
  with closed as materialized (
    select session.id, session.project_id, session.client_id, session.role, session.last_seen_at, session.leave_reason, session.leave_data,
           handoff.presence_payload(session, moment) as payload
      from public.presence_sessions as session
     where session.id = any (announce_end.ended)
  ), last as materialized (
    -- Of the connections of one person the last of these; none, while another is still there.
    select distinct on (closed.project_id, closed.client_id)
           closed.id, closed.project_id, closed.role, closed.last_seen_at, closed.leave_reason,
           closed.payload - array['connection_id', 'data', 'page', 'conversation_id'] as person
      from closed
     where not exists (
             select 1 from public.presence_sessions as other
              where other.project_id = closed.project_id and other.client_id = closed.client_id and other.left_at is null)
     order by closed.project_id, closed.client_id, closed.last_seen_at desc, closed.id desc
  ), event as (
    select closed.project_id, closed.id, 1 as rank, 'presence_leave' as kind,
           closed.payload || jsonb_build_object('reason', closed.leave_reason, 'leave_data', closed.leave_data) as payload
      from closed
    union all
    select last.project_id, last.id, 2, 'visitor_presence', last.person || handoff.there_or_not('offline')
      from last where last.role <> 'agent'
    union all
    select last.project_id, last.id, 3, 'presence_offline',
           last.person || jsonb_build_object('reason', last.leave_reason, 'last_seen_at', last.last_seen_at)
      from last
  )
  insert into handoff.outbox (project_id, kind, payload)
  select event.project_id, event.kind, event.payload
    from event
   order by event.rank > 1, event.id, event.rank;
end
$$;
comment on function handoff.announce_end(bigint[], timestamptz) is
  'presence_leave for each closed session; for who is now offline on all devices presence_offline, and presence_change unless it is an agent.';
revoke all on function handoff.announce_end(bigint[], timestamptz) from public, anon, authenticated;

create or replace function handoff.settle_ended(ended bigint[], moment timestamptz)
returns void
language plpgsql
volatile
security definer  -- called by end_presence only
set search_path = ''
as $$
declare
  projects uuid[];
  users uuid[];
  reasons text[];
  seen timestamptz[];
  offices uuid[];
  agents uuid[];
begin
  select array_agg(session.project_id) filter (where session.role = 'customer'), array_agg(session.user_id) filter (where session.role = 'customer'),
         array_agg(session.leave_reason) filter (where session.role = 'customer'),
         array_agg(session.last_seen_at) filter (where session.role = 'customer'),
         array_agg(session.project_id) filter (where session.role = 'agent'), array_agg(session.user_id) filter (where session.role = 'agent')
    into projects, users, reasons, seen, offices, agents
    from public.presence_sessions as session
   where session.id = any (settle_ended.ended);
  if users is not null then
    perform handoff.settle_customers(projects, users, reasons, seen, moment);
  end if;
  if agents is not null then
    perform handoff.settle_agents(offices, agents, moment);
  end if;
end
$$;
comment on function handoff.settle_ended(bigint[], timestamptz) is 'Settles the persons of closed sessions: customers, whose conversations are locked, before agents.';
revoke all on function handoff.settle_ended(bigint[], timestamptz) from public, anon, authenticated;

-- A chat that begins while its visitor is there: the next beat would tell, but that may take a minute.
create or replace function handoff.conversations_presence()
returns trigger
language plpgsql
security definer  -- reads leases
set search_path = ''
as $$
declare
  rank integer;
begin
  select max(handoff.state_rank(lease.state)) into rank
    from handoff.presence_leases as lease
   where lease.project_id = new.project_id and lease.client_id = new.visitor_user_id::text and lease.role = 'customer';
  if rank is not null then
    new.customer_presence := case rank when 4 then 'typing' when 3 then 'online' else 'idle' end;
    new.customer_last_seen_at := now();
  end if;
  return new;
end
$$;
comment on function handoff.conversations_presence() is 'A new conversation knows at once that its visitor is there.';
revoke all on function handoff.conversations_presence() from public, anon, authenticated;

create or replace trigger conversations_presence
  before insert on public.conversations
  for each row when (new.visitor_user_id is not null and new.status <> 'closed')
  execute function handoff.conversations_presence();
