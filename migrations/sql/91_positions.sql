-- Queue positions as visitors were last told them, so that only changes are told.

create table if not exists handoff.queue_positions (
  conversation_id uuid primary key references public.conversations (id) on delete cascade,
  project_id uuid not null references public.projects (id) on delete cascade,
  position integer not null constraint queue_positions_position check (position > 0),
  estimated_wait_minutes integer not null,
  updated_at timestamptz not null default now()
);
comment on table handoff.queue_positions is 'The position and estimate last put into the outbox for each waiting conversation.';
comment on column handoff.queue_positions.estimated_wait_minutes is '-1 while nobody is online.';

create index if not exists queue_positions_project_idx on handoff.queue_positions (project_id);

alter table handoff.queue_positions enable row level security;
revoke all on handoff.queue_positions from public, anon, authenticated, service_role;

-- One conversation that is served moves all that wait behind it, and each is a message of its own. So only the first
-- `exact` places are always right; further back a place is told when it has moved by ten since it was last told.
--
-- Positions are counted after the transactions that move them, by one caller at a time, as refresh_project_state does.
-- The formula is that of queue_place, for all places at once: called for each, the average over seven days would be
-- taken once a place.
create or replace function handoff.refresh_positions(project_id uuid, exact integer default 200)
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
    select (select count(*)
              from public.agent_availability as agent
             where agent.project_id = refresh_positions.project_id and agent.effective_status = 'online') as agents,
           (select coalesce(avg(extract(epoch from handled.resolved_at - handled.claimed_at)) / 60, 5)
              from public.conversations as handled
             where handled.project_id = refresh_positions.project_id
               and handled.status in ('resolved', 'closed')
               and handled.resolved_at > now() - interval '7 days'
               and handled.claimed_at is not null) as minutes
  ), numbered as (
    select conversation.id,
           row_number() over (order by conversation.priority desc, conversation.queue_entered_at, conversation.id) as position
      from public.conversations as conversation
     where conversation.project_id = refresh_positions.project_id and conversation.status = 'waiting'
  ), place as materialized (
    select numbered.id, numbered.position,
           case when pace.agents = 0 then -1 else ceil(numbered.position * pace.minutes / pace.agents) end as minutes
      from numbered
     cross join pace
  ), gone as (
    delete from handoff.queue_positions as known
     where known.project_id = refresh_positions.project_id
       and not exists (select 1 from place where place.id = known.conversation_id)
  ), changed as materialized (
    select place.id, place.position::integer as position, place.minutes::integer as minutes
      from place
      left join handoff.queue_positions as known on known.conversation_id = place.id
     where known.conversation_id is null
        or abs(known.position - place.position) >= 10
        or (place.position <= refresh_positions.exact
            and (known.position, known.estimated_wait_minutes) is distinct from (place.position, place.minutes))
  ), kept as (
    insert into handoff.queue_positions as known (conversation_id, project_id, position, estimated_wait_minutes)
    select changed.id, refresh_positions.project_id, changed.position, changed.minutes
      from changed
    on conflict on constraint queue_positions_pkey
    do update set position = excluded.position, estimated_wait_minutes = excluded.estimated_wait_minutes, updated_at = now()
  )
  insert into handoff.outbox (project_id, conversation_id, kind, payload)
  select refresh_positions.project_id, changed.id, 'queue_position',
         jsonb_build_object('conversation_id', changed.id, 'position', changed.position,
                            'estimated_wait_minutes', changed.minutes)
    from changed
   order by changed.position;
  get diagnostics told = row_count;
  return told;
end
$$;
comment on function handoff.refresh_positions(uuid, integer) is
  'Puts queue_position events into the outbox for waiting conversations whose place or estimate is not what they were told; says how many.';
revoke all on function handoff.refresh_positions(uuid, integer) from public, anon, authenticated;
