-- Telling those who wait where they stand: only changes are told.

-- The client counts a range down by itself, so a range is told again when it is no longer what is left of the last one.
create or replace function handoff.is_off(told integer, found integer, elapsed integer)
returns boolean
language sql
immutable
security invoker
set search_path = ''
as $$
  select case when told is null or found is null then told is distinct from found
              else abs(found - greatest(told - elapsed, 0)) > greatest(30, found / 5) end;
$$;
comment on function handoff.is_off(integer, integer, integer) is
  'Whether a wait differs by more than 30 seconds and a fifth from what is left of the one that was told.';
revoke all on function handoff.is_off(integer, integer, integer) from public, anon, authenticated;

-- One conversation that is served moves all that wait behind it, and each is a message of its own. So only the first
-- `exact` places are always right; further back a place is told when it has moved by ten since it was last told.
--
-- Positions are counted after the transactions that move them, by one caller at a time, as refresh_project_state does.
-- forecast is an array of {id, p50, p90}, in seconds; who is not in it has no range.
create or replace function handoff.refresh_positions(
  project_id uuid, exact integer default 200, forecast jsonb default '[]'::jsonb, moment timestamptz default now()
)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  told integer;
begin
  perform pg_advisory_xact_lock(hashtextextended('handoff.queue_positions ' || refresh_positions.project_id, 0));
  with pace as (
    select * from handoff.queue_pace(refresh_positions.project_id)
  ), foreseen as materialized (
    select one.id, one.p50, one.p90
      from jsonb_to_recordset(refresh_positions.forecast) as one (id uuid, p50 integer, p90 integer)
  ), numbered as (
    select conversation.id, conversation.waiting_since,
           row_number() over (order by conversation.priority desc, conversation.queue_entered_at, conversation.id) as position
      from public.conversations as conversation
     where conversation.project_id = refresh_positions.project_id and conversation.status = 'waiting'
  ), place as materialized (
    select numbered.id, numbered.waiting_since, numbered.position::integer as position,
           handoff.wait_minutes(numbered.position, pace.agents, pace.minutes) as minutes, foreseen.p50, foreseen.p90
      from numbered
     cross join pace
      left join foreseen on foreseen.id = numbered.id
  ), gone as (
    delete from handoff.queue_positions as known
     where known.project_id = refresh_positions.project_id
       -- Each by its key: what the planner knows of a queue is older than the queue.
       and not exists (select 1 from public.conversations as waiting
                        where waiting.id = known.conversation_id and waiting.status = 'waiting')
    returning known.conversation_id
  ), settled as (
    update handoff.wait_promises as promise
       set outcome = ended.outcome, ended_at = ended.at
      from gone
      join public.conversations as conversation on conversation.id = gone.conversation_id
     cross join lateral handoff.end_of_wait(conversation) as ended
     where promise.conversation_id = gone.conversation_id and promise.outcome is null
  ), changed as materialized (
    select place.*
      from place
      left join handoff.queue_positions as known on known.conversation_id = place.id
     cross join lateral (select extract(epoch from moment - known.updated_at)::integer as seconds) as since
     where known.conversation_id is null
        or abs(known.position - place.position) >= 10
        or (place.position <= refresh_positions.exact
            and ((known.position, known.estimated_wait_minutes) is distinct from (place.position, place.minutes)
                 or handoff.is_off(known.wait_p50_seconds, place.p50, since.seconds)
                 or handoff.is_off(known.wait_p90_seconds, place.p90, since.seconds)))
  ), kept as (
    insert into handoff.queue_positions as known
           (conversation_id, project_id, position, estimated_wait_minutes, wait_p50_seconds, wait_p90_seconds, updated_at)
    select changed.id, refresh_positions.project_id, changed.position, changed.minutes, changed.p50, changed.p90, moment
      from changed
    on conflict on constraint queue_positions_pkey
    do update set position = excluded.position, estimated_wait_minutes = excluded.estimated_wait_minutes,
                  wait_p50_seconds = excluded.wait_p50_seconds, wait_p90_seconds = excluded.wait_p90_seconds,
                  updated_at = excluded.updated_at
  ), promised as (
    insert into handoff.wait_promises
           (conversation_id, waiting_since, project_id, promised_at, position, wait_p50_seconds, wait_p90_seconds,
            estimated_wait_minutes)
    select changed.id, changed.waiting_since, refresh_positions.project_id, moment, changed.position, changed.p50, changed.p90,
           changed.minutes
      from changed
     where changed.p50 is not null and changed.waiting_since is not null
    on conflict on constraint wait_promises_pkey do nothing
  )
  insert into handoff.outbox (project_id, conversation_id, kind, payload)
  select refresh_positions.project_id, changed.id, 'queue_position',
         jsonb_build_object('conversation_id', changed.id, 'position', changed.position,
                            'estimated_wait_minutes', changed.minutes,
                            'wait_p50_seconds', changed.p50, 'wait_p90_seconds', changed.p90)
    from changed
   order by changed.position;
  get diagnostics told = row_count;
  return told;
end
$$;
comment on function handoff.refresh_positions(uuid, integer, jsonb, timestamptz) is
  'Puts queue_position events into the outbox for waiting conversations whose place, estimate or range is not what they were told, and notes promises and what came of them; says how many were told.';
revoke all on function handoff.refresh_positions(uuid, integer, jsonb, timestamptz) from public, anon, authenticated;
