-- Presence: what members read besides the list of connections. Any process may ask, as for presence_members.

create or replace function handoff.schedule_word(project_id uuid, moment timestamptz)
returns text
language plpgsql
stable
security definer  -- reads settings
set search_path = ''
as $$
declare
  settings public.handoff_settings;
begin
  select * into settings from public.handoff_settings as found where found.project_id = schedule_word.project_id;
  return case when settings.business_hours_enabled is not true then 'none'
              when handoff.opened_at(settings, moment) is null then 'closed' else 'open' end;
end
$$;
comment on function handoff.schedule_word(uuid, timestamptz) is 'open or closed by the project''s business hours; none when it has none.';
revoke all on function handoff.schedule_word(uuid, timestamptz) from public, anon, authenticated;

create or replace function handoff.present_person(project_id uuid, client_id text, moment timestamptz)
returns table (session public.presence_sessions, lease handoff.presence_leases)
language sql
stable
security definer  -- called by functions that have checked the caller
set search_path = ''
as $$
  select open, held
    from public.presence_sessions as open
    left join handoff.presence_leases as held on held.connection_id = open.connection_id
   where open.project_id = present_person.project_id and open.client_id = present_person.client_id and open.left_at is null
     and handoff.counts(held, moment);
$$;
comment on function handoff.present_person(uuid, text, timestamptz) is 'The connections of one person that are there now.';
revoke all on function handoff.present_person(uuid, text, timestamptz) from public, anon, authenticated;

create or replace function handoff.agent_record(agent public.agent_availability, moment timestamptz)
returns jsonb
language sql
stable
security definer  -- called by functions that have checked the caller
set search_path = ''
as $$
  select jsonb_build_object(
    'user_id', agent.user_id, 'name', profile.of -> 'name', 'email', account.email, 'avatar_url', profile.of -> 'avatar_url',
    'role', 'agent', 'status', agent.status, 'effective_status', agent.effective_status,
    'effective_reason', agent.effective_reason, 'connection', agent.connection,
    'last_seen_at', greatest(agent.last_seen_at, here.beat_at), 'last_active_at', greatest(agent.last_active_at, here.active_at),
    'schedule', handoff.schedule_word(agent.project_id, moment), 'skills', agent.skills,
    'current_chat_count', agent.current_chat_count, 'max_concurrent_chats', agent.max_concurrent_chats,
    'available_slots', greatest(agent.max_concurrent_chats - agent.current_chat_count, 0), 'connections', here.list)
    from auth.users as account
   cross join lateral (select handoff.agent_profile(agent.project_id, agent.user_id) as of) as profile
   cross join lateral (
      select max((there.lease).beat_at) as beat_at, max((there.lease).active_at) as active_at,
             coalesce(jsonb_agg(jsonb_build_object(
               'connection_id', (there.session).connection_id, 'state', (there.lease).state, 'page', (there.session).page,
               'entered_at', (there.session).entered_at, 'last_beat_at', (there.lease).beat_at)
               order by (there.session).entered_at), '[]'::jsonb) as list
        from handoff.present_person(agent.project_id, agent.user_id::text, moment) as there
     ) as here
   where account.id = agent.user_id;
$$;
comment on function handoff.agent_record(public.agent_availability, timestamptz) is
  'The three facts of an agent (wish, connection, schedule), what follows from them, and the connections.';
revoke all on function handoff.agent_record(public.agent_availability, timestamptz) from public, anon, authenticated;

create or replace function handoff.agents_online(
  project_id uuid, status text, skill text, moment timestamptz default now()
)
returns jsonb
language plpgsql
stable
security definer  -- reads leases
set search_path = ''
as $$
declare
  wanted text := case when agents_online.status is not null then handoff.normal_status(agents_online.status) end;
begin
  perform handoff.require_member_or_service(agents_online.project_id);
  return coalesce((
    select jsonb_agg(handoff.agent_record(agent, moment) order by agent.user_id)
      from public.agent_availability as agent
     where agent.project_id = agents_online.project_id
       and case when wanted is null then agent.effective_status <> 'offline' else agent.effective_status = wanted end
       and (agents_online.skill is null or lower(btrim(agents_online.skill)) = any (agent.skills))), '[]'::jsonb);
end
$$;
revoke all on function handoff.agents_online(uuid, text, text, timestamptz) from public, anon, authenticated;
grant execute on function handoff.agents_online(uuid, text, text, timestamptz) to authenticated, service_role;

create or replace function public.agents_online(
  p_project_id uuid, p_status text default null, p_skill text default null
)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select handoff.agents_online(p_project_id, p_status, p_skill);
$$;
comment on function public.agents_online(uuid, text, text) is
  'The agents who are not offline, on request with one effective status (online or available, busy, away) or skill (members and the service key).';
revoke all on function public.agents_online(uuid, text, text) from public, anon, authenticated;
grant execute on function public.agents_online(uuid, text, text) to authenticated, service_role;

create or replace function handoff.agent_presence(
  project_id uuid, user_id uuid, moment timestamptz default now()
)
returns jsonb
language plpgsql
stable
security definer  -- reads leases
set search_path = ''
as $$
declare
  agent public.agent_availability;
begin
  perform handoff.require_member_or_service(agent_presence.project_id);
  select * into agent from public.agent_availability as found
   where found.project_id = agent_presence.project_id and found.user_id = agent_presence.user_id;
  if agent.id is null then
    perform handoff.fail(404, 'agent_not_found', 'This user does not belong to the project');
  end if;
  return handoff.agent_record(agent, moment);
end
$$;
revoke all on function handoff.agent_presence(uuid, uuid, timestamptz) from public, anon, authenticated;
grant execute on function handoff.agent_presence(uuid, uuid, timestamptz) to authenticated, service_role;

create or replace function public.agent_presence(
  p_project_id uuid, p_user_id uuid
)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select handoff.agent_presence(p_project_id, p_user_id);
$$;
comment on function public.agent_presence(uuid, uuid) is
  'One agent: what they want, what is observed, the schedule, what follows, and their connections (members and the service key).';
revoke all on function public.agent_presence(uuid, uuid) from public, anon, authenticated;
grant execute on function public.agent_presence(uuid, uuid) to authenticated, service_role;

create or replace function handoff.customers_online(
  project_id uuid, page integer, moment timestamptz default now()
)
returns jsonb
language plpgsql
stable
security definer  -- reads leases
set search_path = ''
as $$
begin
  perform handoff.require_member_or_service(customers_online.project_id);
  return coalesce((
    select jsonb_agg(handoff.customer_record(person.newest, person.facts) order by person.entered_at, person.client_id)
      from (
        select (there.session).client_id, min((there.session).entered_at) as entered_at,
               (array_agg(there.session order by (there.session).entered_at desc))[1] as newest,
               jsonb_build_object(
                 'status', coalesce((array_agg((there.lease).state order by handoff.state_rank((there.lease).state) desc nulls last))[1], 'online'),
                 'connections', count(*), 'entered_at', min((there.session).entered_at),
                 'last_active_at', max((there.lease).active_at), 'last_seen_at', max((there.lease).beat_at)) as facts
          from handoff.present_sessions(customers_online.project_id, moment) as there
         where (there.session).role = 'customer'
         group by (there.session).client_id
         order by entered_at, client_id
         limit least(greatest(coalesce(customers_online.page, 200), 1), 1000)
      ) as person), '[]'::jsonb);
end
$$;
revoke all on function handoff.customers_online(uuid, integer, timestamptz) from public, anon, authenticated;
grant execute on function handoff.customers_online(uuid, integer, timestamptz) to authenticated, service_role;

create or replace function public.customers_online(
  p_project_id uuid, p_limit integer default 200
)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select handoff.customers_online(p_project_id, p_limit);
$$;
comment on function public.customers_online(uuid, integer) is
  'The customers who are there, one entry a person, with the liveliest of their pages (members and the service key).';
revoke all on function public.customers_online(uuid, integer) from public, anon, authenticated;
grant execute on function public.customers_online(uuid, integer) to authenticated, service_role;

create or replace function handoff.customer_record(session public.presence_sessions, facts jsonb)
returns jsonb
language sql
stable
security definer  -- called by customers_online only
set search_path = ''
as $$
  select jsonb_build_object(
           'user_id', session.user_id, 'visitor_id', session.visitor_id, 'customer_id', profile.of -> 'customer_id',
           'name', profile.of -> 'name', 'email', profile.of -> 'email', 'page', session.page,
           'conversation_id', chat.id, 'conversation_status', chat.status) || facts
    from (select handoff.presence_profile(session) as of offset 0) as profile
    left join public.conversations as chat
      on chat.project_id = session.project_id and chat.visitor_user_id = session.user_id and chat.status <> 'closed';
$$;
comment on function handoff.customer_record(public.presence_sessions, jsonb) is 'A customer who is there as members see them.';
revoke all on function handoff.customer_record(public.presence_sessions, jsonb) from public, anon, authenticated;

create or replace function handoff.customer_journey(
  customer_id uuid, page integer, moment timestamptz default now()
)
returns jsonb
language plpgsql
stable
security definer  -- reads leases
set search_path = ''
as $$
declare
  customer public.customers := handoff.visible_customer(customer_journey.customer_id);
  here jsonb;
  seen_at timestamptz;
  visits jsonb;
  latest public.presence_sessions;
begin
  select coalesce(jsonb_agg(jsonb_build_object(
           'connection_id', (there.session).connection_id, 'page', (there.session).page, 'state', (there.lease).state,
           'entered_at', (there.session).entered_at, 'last_beat_at', (there.lease).beat_at) order by (there.session).entered_at desc), '[]'),
         max((there.lease).beat_at)
    into here, seen_at
    from public.presence_sessions as own
   cross join lateral (
      select own as session, held as lease
        from (select 1) as always
        left join handoff.presence_leases as held on held.connection_id = own.connection_id
       where handoff.counts(held, moment)
     ) as there
   where own.project_id = customer.project_id and own.left_at is null
     and own.client_id in (select known.client_id from handoff.customer_clients(customer) as known);
  select coalesce(jsonb_agg(to_jsonb(visit) order by visit.created_at desc), '[]') into visits
    from (
      select past.url, past.title, past.referrer, past.created_at
        from public.web_visits as past
       where past.customer_id = customer.id
       order by past.created_at desc, past.id desc
       limit least(greatest(coalesce(customer_journey.page, 50), 1), 500)
    ) as visit;
  select * into latest from public.presence_sessions as ended
   where ended.project_id = customer.project_id and ended.left_at is not null
     and ended.user_id in (select known.client_id::uuid from handoff.customer_clients(customer) as known)
   order by ended.last_seen_at desc nulls last
   limit 1;
  return jsonb_build_object(
    'customer_id', customer.id, 'online', here <> '[]', 'last_seen_at', greatest(seen_at, latest.last_seen_at),
    'left_reason', case when here = '[]' then latest.leave_reason end, 'now', here, 'visits', visits);
end
$$;
revoke all on function handoff.customer_journey(uuid, integer, timestamptz) from public, anon, authenticated;
grant execute on function handoff.customer_journey(uuid, integer, timestamptz) to authenticated;

-- By their chats and their visits: the visitor id of a connection alone is a claim that anybody can make.
create or replace function handoff.customer_clients(customer public.customers)
returns table (client_id text)
language sql
stable
security definer  -- called by customer_journey only
set search_path = ''
as $$
  select conversation.visitor_user_id::text
    from public.conversations as conversation
   where conversation.customer_id = customer.id and conversation.visitor_user_id is not null
  union
  select visit.user_id::text from public.web_visits as visit
   where visit.customer_id = customer.id and visit.user_id is not null;
$$;
comment on function handoff.customer_clients(public.customers) is 'The users who are this customer.';
revoke all on function handoff.customer_clients(public.customers) from public, anon, authenticated;

create or replace function public.customer_journey(
  p_customer_id uuid, p_limit integer default 50
)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select handoff.customer_journey(p_customer_id, p_limit);
$$;
comment on function public.customer_journey(uuid, integer) is
  'Where a customer is now, and the latest visits, newest first (members).';
revoke all on function public.customer_journey(uuid, integer) from public, anon, authenticated;
grant execute on function public.customer_journey(uuid, integer) to authenticated;

create or replace function handoff.presence_stats(
  project_id uuid, moment timestamptz default now()
)
returns jsonb
language plpgsql
stable
security definer  -- reads leases
set search_path = ''
as $$
declare
  agents jsonb;
begin
  perform handoff.require_member_or_service(presence_stats.project_id);
  select jsonb_object_agg(each.status, (
           select count(*) from public.agent_availability as agent
            where agent.project_id = presence_stats.project_id and agent.effective_status = each.status))
    into agents
    from unnest(array['online', 'busy', 'away', 'offline']) as each (status);
  return (
    with there as materialized (
      select (present.session).role, (present.session).client_id, handoff.state_rank((present.lease).state) as rank
        from handoff.present_sessions(presence_stats.project_id, moment) as present
    ), customer as (
      select there.client_id, coalesce(max(there.rank), 3) as rank from there where there.role = 'customer' group by there.client_id
    )
    select jsonb_build_object(
             'agents', agents,
             'customers', jsonb_build_object(
               'typing', count(*) filter (where customer.rank = 4), 'online', count(*) filter (where customer.rank = 3),
               'idle', count(*) filter (where customer.rank = 2), 'background', count(*) filter (where customer.rank = 1),
               'total', count(*)),
             'bots', (select count(distinct there.client_id) from there where there.role = 'bot'),
             'connections', (select count(*) from there))
      from customer);
end
$$;
revoke all on function handoff.presence_stats(uuid, timestamptz) from public, anon, authenticated;
grant execute on function handoff.presence_stats(uuid, timestamptz) to authenticated, service_role;

create or replace function public.presence_stats(
  p_project_id uuid
)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select handoff.presence_stats(p_project_id);
$$;
comment on function public.presence_stats(uuid) is
  'How many agents have each effective status, how many customers are there in which state, bots and connections (members and the service key).';
revoke all on function public.presence_stats(uuid) from public, anon, authenticated;
grant execute on function public.presence_stats(uuid) to authenticated, service_role;

create or replace function handoff.live_connections(
  project_id uuid, page integer, moment timestamptz default now()
)
returns jsonb
language plpgsql
stable
security definer  -- reads leases
set search_path = ''
as $$
begin
  perform handoff.require_member_or_service(live_connections.project_id);
  return coalesce((
    select jsonb_agg(jsonb_build_object(
             'connection_id', (there.session).connection_id, 'role', (there.session).role, 'user_id', (there.session).user_id,
             'client_id', (there.session).client_id, 'name', there.profile -> 'name', 'email', there.profile -> 'email',
             'ip', (there.session).ip, 'user_agent', (there.session).user_agent, 'url', (there.session).page,
             'state', (there.lease).state, 'entered_at', (there.session).entered_at, 'last_beat_at', (there.lease).beat_at)
             order by (there.session).entered_at desc, (there.session).id desc)
      from (
        select present.session, present.lease, handoff.presence_profile(present.session) as profile
          from handoff.present_sessions(live_connections.project_id, moment) as present
         order by (present.session).entered_at desc, (present.session).id desc
         limit least(greatest(coalesce(live_connections.page, 1000), 1), 5000)
      ) as there), '[]'::jsonb);
end
$$;
revoke all on function handoff.live_connections(uuid, integer, timestamptz) from public, anon, authenticated;
grant execute on function handoff.live_connections(uuid, integer, timestamptz) to authenticated, service_role;

create or replace function public.live_connections(
  p_project_id uuid, p_limit integer default 1000
)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select handoff.live_connections(p_project_id, p_limit);
$$;
comment on function public.live_connections(uuid, integer) is
  'Every live connection for audits: who, role, address, browser, page; newest first (members and the service key).';
revoke all on function public.live_connections(uuid, integer) from public, anon, authenticated;
grant execute on function public.live_connections(uuid, integer) to authenticated, service_role;

create or replace function handoff.presence_history(
  project_id uuid, user_id uuid, connection_id uuid, before timestamptz, page integer
)
returns jsonb
language plpgsql
stable
security definer  -- one answer for members and the service key
set search_path = ''
as $$
begin
  perform handoff.require_member_or_service(presence_history.project_id);
  return coalesce((
    select jsonb_agg(jsonb_build_object(
             'session_id', past.id, 'connection_id', past.connection_id, 'client_id', past.client_id, 'user_id', past.user_id,
             'role', past.role, 'entered_at', past.entered_at, 'left_at', past.left_at, 'leave_reason', past.leave_reason,
             'leave_data', past.leave_data, 'last_seen_at', past.last_seen_at, 'page', past.page, 'data', past.data,
             'beats', past.beats, 'missed', past.missed, 'late', past.late, 'lost', past.lost,
             'longest_gap_seconds', past.longest_gap_seconds) order by past.entered_at desc, past.id desc)
      from (
        select session.* from public.presence_sessions as session
         where session.project_id = presence_history.project_id
           and (presence_history.user_id is null or session.user_id = presence_history.user_id)
           and (presence_history.connection_id is null or session.connection_id = presence_history.connection_id)
           and session.entered_at < coalesce(presence_history.before, 'infinity')
         order by session.entered_at desc, session.id desc
         limit least(greatest(coalesce(presence_history.page, 100), 1), 500)
      ) as past), '[]'::jsonb);
end
$$;
revoke all on function handoff.presence_history(uuid, uuid, uuid, timestamptz, integer) from public, anon, authenticated;
grant execute on function handoff.presence_history(uuid, uuid, uuid, timestamptz, integer) to authenticated, service_role;

create or replace function public.presence_history(
  p_project_id uuid, p_user_id uuid default null, p_connection_id uuid default null, p_before timestamptz default null, p_limit integer default 100
)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select handoff.presence_history(p_project_id, p_user_id, p_connection_id, p_before, p_limit);
$$;
comment on function public.presence_history(uuid, uuid, uuid, timestamptz, integer) is
  'Who was there from when to when, why they left, and what their beats were like; newest first, pages by p_before (members and the service key).';
revoke all on function public.presence_history(uuid, uuid, uuid, timestamptz, integer) from public, anon, authenticated;
grant execute on function public.presence_history(uuid, uuid, uuid, timestamptz, integer) to authenticated, service_role;

-- Two histograms at once, from the connections that are there and from those that ended.
create or replace function handoff.sum_columns(histograms jsonb)
returns jsonb
language sql
immutable
security invoker
set search_path = ''
as $$
  select coalesce(jsonb_agg(total.number order by total.place), '[]')
    from (
      select entry.place, sum(entry.number::bigint) as number
        from jsonb_array_elements(histograms) as one (histogram)
       cross join lateral jsonb_array_elements_text(one.histogram) with ordinality as entry (number, place)
       where jsonb_typeof(one.histogram) = 'array'
       group by entry.place
    ) as total;
$$;
comment on function handoff.sum_columns(jsonb) is 'Histograms with the same edges added up.';
revoke all on function handoff.sum_columns(jsonb) from public, anon, authenticated;

create or replace function handoff.presence_telemetry(
  project_id uuid, hours integer, moment timestamptz default now()
)
returns jsonb
language plpgsql
stable
security definer  -- reads leases
set search_path = ''
as $$
declare
  since timestamptz := moment - make_interval(hours => least(greatest(coalesce(presence_telemetry.hours, 24), 1), 720));
begin
  perform handoff.require_member_or_service(presence_telemetry.project_id);
  return (
    with beaten as materialized (
      select session.role, session.leave_reason, session.came_back, session.entered_at >= since as is_new,
             coalesce(session.beats, lease.beats) as beats, coalesce(session.missed, lease.missed) as missed,
             coalesce(session.late, lease.late) as late, coalesce(session.lost, lease.lost) as lost,
             coalesce(session.longest_gap_seconds, lease.longest_gap) as longest_gap,
             coalesce(session.intervals, lease.intervals) as intervals, coalesce(session.delays, lease.delays) as delays
        from public.presence_sessions as session
        left join handoff.presence_leases as lease on lease.connection_id = session.connection_id and session.left_at is null
       where session.project_id = presence_telemetry.project_id and (session.left_at is null or session.left_at >= since)
    ), by_role as (
      select beaten.role,
             jsonb_build_object(
               'entered', count(*) filter (where beaten.is_new), 'live', count(*) filter (where beaten.leave_reason is null),
               'ended', count(*) filter (where beaten.leave_reason is not null),
               'expired', count(*) filter (where beaten.leave_reason = 'lost'),
               'flapped', count(*) filter (where beaten.came_back),
               'first_beat_only', count(*) filter (where beaten.leave_reason = 'lost' and coalesce(beaten.beats, 1) <= 1),
               'beats', coalesce(sum(beaten.beats), 0), 'missed', coalesce(sum(beaten.missed), 0),
               'late', coalesce(sum(beaten.late), 0), 'lost', coalesce(sum(beaten.lost), 0),
               'longest_gap_seconds', coalesce(max(beaten.longest_gap), 0),
               'intervals', handoff.sum_columns(coalesce(jsonb_agg(to_jsonb(beaten.intervals)), '[]')),
               'delays', handoff.sum_columns(coalesce(jsonb_agg(to_jsonb(beaten.delays)), '[]'))) as facts
        from beaten
       group by beaten.role
    )
    select jsonb_build_object(
      'since', since, 'interval_edges_seconds', to_jsonb(handoff.beat_edges()), 'delay_edges_seconds', to_jsonb(handoff.delay_edges()),
      'roles', coalesce((select jsonb_object_agg(by_role.role, by_role.facts) from by_role), '{}'::jsonb)));
end
$$;
revoke all on function handoff.presence_telemetry(uuid, integer, timestamptz) from public, anon, authenticated;
grant execute on function handoff.presence_telemetry(uuid, integer, timestamptz) to authenticated, service_role;

create or replace function public.presence_telemetry(
  p_project_id uuid, p_hours integer default 24
)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select handoff.presence_telemetry(p_project_id, p_hours);
$$;
comment on function public.presence_telemetry(uuid, integer) is
  'What the beats of a project were like: intervals, delays, missed, late, lost, expired, flapping, and connections that never beat again (members and the service key).';
revoke all on function public.presence_telemetry(uuid, integer) from public, anon, authenticated;
grant execute on function public.presence_telemetry(uuid, integer) to authenticated, service_role;
