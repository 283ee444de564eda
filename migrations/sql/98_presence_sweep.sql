-- The clock: presence (docs/presence.md). How these functions are called: 92_clock.sql.
--
-- The sweep is a timer wheel in a column: it looks only at leases whose time (bucket) has come, ends those that ran out,
-- suspects silent agents, and puts all others off to a later time. Its cost is what is due, not how many are there.

-- Since when beats can have arrived. While the database was down nobody could beat, and after a crash the leases are gone:
-- both mean unknown, not offline, and everybody gets a whole lease from here on.
create or replace function handoff.serving_since(moment timestamptz)
returns timestamptz
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  marker handoff.presence_marker;
begin
  select * into marker from handoff.presence_marker;
  if marker.postmaster_started = pg_postmaster_start_time() then
    return marker.serving_since;
  end if;
  insert into handoff.presence_marker as kept (postmaster_started, serving_since)
  values (pg_postmaster_start_time(), moment)
  on conflict on constraint presence_marker_pkey
  do update set postmaster_started = excluded.postmaster_started, serving_since = excluded.serving_since;
  perform handoff.restore_leases(moment, null);
  return moment;
end
$$;
comment on function handoff.serving_since(timestamptz) is
  'When this start of the database was first noticed; the first time it gives every session without a lease one of grace.';
revoke all on function handoff.serving_since(timestamptz) from public, anon, authenticated;

create or replace function handoff.restore_leases(moment timestamptz default now(), most integer default 1000)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  restored integer;
begin
  insert into handoff.presence_leases
  select lease.*
    from public.presence_sessions as session
   cross join lateral handoff.restored_lease(session, restore_leases.moment) as lease
   where session.left_at is null
     and not exists (select 1 from handoff.presence_leases as held where held.connection_id = session.connection_id)
   limit restore_leases.most
  on conflict on constraint presence_leases_pkey do nothing;
  get diagnostics restored = row_count;
  return restored;
end
$$;
comment on function handoff.restore_leases(timestamptz, integer) is
  'Gives sessions that have lost their lease one of grace: who is there beats in it, who is not runs out.';
revoke all on function handoff.restore_leases(timestamptz, integer) from public, anon, authenticated;

create or replace function handoff.sweep_presence(moment timestamptz default now(), most integer default 1000)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
#variable_conflict use_column
declare
  serving timestamptz;
  ended uuid[];
  reasons text[];
  suspects uuid[];
  looked_at integer;
  more boolean;
  first_beat_only integer;
begin
  -- One sweep at a time: a second one would only wait for the persons that the first has locked.
  if not pg_try_advisory_xact_lock(hashtext('handoff.presence'), -1) then
    return '{"looked_at": 0, "ended": 0, "suspected": 0, "first_beat_only": 0, "more": false}'::jsonb;
  end if;
  serving := handoff.serving_since(moment);
  with due as materialized (
    select lease.connection_id, lease.role, lease.suspect, lease.leaving, lease.beats,
           greatest(lease.expires_at, serving + make_interval(secs => lease.lease_seconds)) as ends_at,
           greatest(lease.beat_at, serving) + make_interval(secs => handoff.suspect_after(lease.next_beat)) as suspect_at
      from handoff.presence_leases as lease
     where lease.bucket <= floor(extract(epoch from moment) * 1000)::bigint
     order by lease.bucket
     limit sweep_presence.most
       for no key update skip locked
  ), judged as materialized (
    select due.*, due.ends_at <= moment as is_over,
           due.role = 'agent' and not due.suspect and due.suspect_at <= moment and due.ends_at > moment as is_silent
      from due
  ), later as (
    update handoff.presence_leases as lease
       set bucket = handoff.wheel_tick(case
             when lease.role = 'agent' and not judged.suspect and not judged.is_silent then least(judged.ends_at, judged.suspect_at)
             else judged.ends_at end),
           suspect = lease.suspect or judged.is_silent
      from judged
     where lease.connection_id = judged.connection_id and not judged.is_over
  ), over as (
    -- At most so many at a time: each locks a person. The rest stay due.
    select judged.connection_id, coalesce(judged.leaving, 'lost') as reason, judged.beats
      from judged
     where judged.is_over
     order by judged.ends_at
     limit 500
  )
  select (select array_agg(over.connection_id order by over.connection_id) from over),
         (select array_agg(over.reason order by over.connection_id) from over),
         (select array_agg(judged.connection_id) from judged where judged.is_silent),
         (select count(*) from judged),
         (select count(*) from judged where judged.is_over) > 500,
         (select count(*) from over where over.beats = 1 and over.reason = 'lost')
    into ended, reasons, suspects, looked_at, more, first_beat_only;
  perform handoff.suspect_agents(suspects, moment);
  if ended is not null then
    perform handoff.end_presence(ended, reasons, null, moment);
  end if;
  return jsonb_build_object(
    'looked_at', looked_at, 'ended', coalesce(cardinality(ended), 0), 'suspected', coalesce(cardinality(suspects), 0),
    'first_beat_only', first_beat_only, 'more', more or looked_at >= sweep_presence.most);
end
$$;
comment on function handoff.sweep_presence(timestamptz, integer) is
  'Ends the leases that have run out and suspects silent agents, at most so many leases at a time; more: call it again.';
revoke all on function handoff.sweep_presence(timestamptz, integer) from public, anon, authenticated;

create or replace function handoff.suspect_agents(connections uuid[], moment timestamptz)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  projects uuid[];
  users uuid[];
begin
  if suspect_agents.connections is null then
    return;
  end if;
  select array_agg(lease.project_id), array_agg(lease.user_id) into projects, users
    from handoff.presence_leases as lease
   where lease.connection_id = any (suspect_agents.connections);
  perform handoff.lock_persons(array(
    select handoff.person_slot(person.project_id, person.user_id::text)
      from unnest(projects, users) as person (project_id, user_id)));
  perform handoff.settle_agents(projects, users, moment);
  insert into handoff.presence_traces (connection_id, at, step, detail)
  select lease.connection_id, moment, 'suspect', jsonb_build_object('last_beat_at', lease.beat_at, 'expires_at', lease.expires_at)
    from handoff.presence_leases as lease
   where lease.connection_id = any (suspect_agents.connections) and lease.traced;
end
$$;
comment on function handoff.suspect_agents(uuid[], timestamptz) is 'Settles the agents of these connections, which are silent: who has no other gets no new chats.';
revoke all on function handoff.suspect_agents(uuid[], timestamptz) from public, anon, authenticated;

-- What no lease and no session stands behind any more, whatever the cause: once an hour, so that nothing stays wrong for ever.
create or replace function handoff.collect_orphans(moment timestamptz default now(), most integer default 1000)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  projects uuid[];
  users uuid[];
  handled integer := handoff.restore_leases(moment, most);
begin
  select array_agg(agent.project_id), array_agg(agent.user_id) into projects, users
    from (select * from public.agent_availability as candidate
           where candidate.connection in ('live', 'suspect')
             and not exists (select 1 from public.presence_sessions as session
                              where session.project_id = candidate.project_id and session.client_id = candidate.user_id::text
                                and session.left_at is null)
           order by candidate.id limit most) as agent;
  if projects is not null then
    perform handoff.settle_agents(projects, users, moment);
    handled := greatest(handled, cardinality(users));
  end if;
  return greatest(handled, handoff.collect_customers(moment, most), handoff.prune_presence(moment, most));
end
$$;
comment on function handoff.collect_orphans(timestamptz, integer) is
  'Sessions without a lease get one of grace; agents and customers who are there by their row and by no connection are offline; old sessions and traces go.';
revoke all on function handoff.collect_orphans(timestamptz, integer) from public, anon, authenticated;

-- Only those of whom presence has told: a widget without presence may write customer_presence itself.
create or replace function handoff.collect_customers(moment timestamptz, most integer)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  projects uuid[];
  users uuid[];
  seen timestamptz[];
begin
  select array_agg(orphan.project_id), array_agg(orphan.visitor_user_id), array_agg(orphan.seen_at) into projects, users, seen
    from (
      select conversation.project_id, conversation.visitor_user_id, past.seen_at
        from public.conversations as conversation
       cross join lateral (
          select max(session.last_seen_at) as seen_at, bool_or(session.left_at is null) as is_there
            from public.presence_sessions as session
           where session.user_id = conversation.visitor_user_id and session.project_id = conversation.project_id
         ) as past
       where conversation.customer_presence <> 'offline' and not past.is_there
       order by conversation.id
       limit most
    ) as orphan;
  if projects is not null then
    perform handoff.lock_persons(array(
      select handoff.person_slot(person.project_id, person.user_id::text)
        from unnest(projects, users) as person (project_id, user_id)));
    perform handoff.settle_customers(projects, users, array_fill('lost'::text, array[cardinality(users)]), seen, moment);
  end if;
  return coalesce(cardinality(users), 0);
end
$$;
revoke all on function handoff.collect_customers(timestamptz, integer) from public, anon, authenticated;

create or replace function handoff.prune_presence(moment timestamptz, most integer)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  handled integer;
begin
  delete from handoff.presence_traces as trace where trace.at < moment - interval '1 day';
  delete from handoff.presence_tracing as tracing where tracing.until < moment;
  delete from handoff.conversation_watchers as watching where watching.until < moment;
  with spent as (
    select session.id from public.presence_sessions as session
     where session.left_at < moment - interval '30 days'
     order by session.left_at
     limit most
       for update skip locked
  )
  delete from public.presence_sessions as session using spent where session.id = spent.id;
  get diagnostics handled = row_count;
  return handled;
end
$$;
comment on function handoff.prune_presence(timestamptz, integer) is 'Forgets sessions that ended 30 days ago, traces of yesterday and watches that are over.';
revoke all on function handoff.prune_presence(timestamptz, integer) from public, anon, authenticated;
