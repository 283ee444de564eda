-- How long those who wait will wait: the estimate of F001 5.4.6, the range that the worker forecasts (worker/forecast), what
-- visitors were told of both, and what came of it.

create table if not exists handoff.queue_positions (
  conversation_id uuid primary key references public.conversations (id) on delete cascade,
  project_id uuid not null references public.projects (id) on delete cascade,
  position integer not null constraint queue_positions_position check (position > 0),
  estimated_wait_minutes integer not null,
  wait_p50_seconds integer,
  wait_p90_seconds integer,
  updated_at timestamptz not null default now(),
  constraint queue_positions_range check (
    (wait_p50_seconds is null) = (wait_p90_seconds is null)
    and (wait_p50_seconds is null or wait_p50_seconds between 0 and wait_p90_seconds))
);
comment on table handoff.queue_positions is 'The position, estimate and range last put into the outbox for each waiting conversation.';
comment on column handoff.queue_positions.estimated_wait_minutes is '-1 while nobody is online.';
comment on column handoff.queue_positions.wait_p50_seconds is
  'From updated_at: with even odds it is over by then, nine times in ten within wait_p90_seconds. Null when not known.';

create index if not exists queue_positions_project_idx on handoff.queue_positions (project_id);

alter table handoff.queue_positions enable row level security;
revoke all on handoff.queue_positions from public, anon, authenticated, service_role;

-- Written beside what is told, never on the way of an assignment. The first range of each wait is the promise: later ones
-- know more and are easier to keep.
create table if not exists handoff.wait_promises (
  conversation_id uuid not null references public.conversations (id) on delete cascade,
  waiting_since timestamptz not null,
  project_id uuid not null references public.projects (id) on delete cascade,
  promised_at timestamptz not null,
  position integer not null,
  wait_p50_seconds integer not null constraint wait_promises_p50 check (wait_p50_seconds >= 0),
  wait_p90_seconds integer not null constraint wait_promises_p90 check (wait_p90_seconds >= wait_p50_seconds),
  estimated_wait_minutes integer not null,
  outcome text constraint wait_promises_outcome check (outcome in ('assigned', 'left', 'closed')),
  ended_at timestamptz,
  waited_seconds double precision generated always as (greatest(extract(epoch from ended_at - promised_at), 0)) stored,
  primary key (conversation_id, waiting_since),
  constraint wait_promises_ended check ((outcome is null) = (ended_at is null))
);
comment on table handoff.wait_promises is
  'The first range that each wait in a queue was given, and what happened. Kept for 30 days; read through wait_calibration.';
comment on column handoff.wait_promises.outcome is
  'assigned: an agent got it; left: the customer went first; closed: it ended otherwise. Null while it waits.';
comment on column handoff.wait_promises.waited_seconds is 'From the promise to its end; 0 when an agent was being assigned in the same moment.';

create index if not exists wait_promises_project_idx on handoff.wait_promises (project_id, promised_at);
-- Only those that wait: a handful, however long the history.
create index if not exists wait_promises_open_idx on handoff.wait_promises (conversation_id) where outcome is null;
-- Rows come in this order and go in this order: a few pages of index are enough.
create index if not exists wait_promises_promised_at_idx on handoff.wait_promises using brin (promised_at);

alter table handoff.wait_promises enable row level security;
revoke all on handoff.wait_promises from public, anon, authenticated, service_role;

-- The worker samples how long agents had their latest chats. Most are in conversations_resolved_at_idx; these were closed
-- without being resolved. Written once in the life of a chat; made with the table, before anything is in it.
-- squawk-ignore require-concurrent-index-creation
create index if not exists conversations_closed_unresolved_idx
  on public.conversations (project_id, closed_at) where closed_at is not null and resolved_at is null and claimed_at is not null;

create or replace function handoff.queue_pace(project_id uuid)
returns table (agents bigint, minutes numeric)
language sql
stable
rows 1  -- a guess of a thousand makes planners build for millions
security definer  -- called by queue_place and refresh_positions only
set search_path = ''
as $$
  select (select count(*)
            from public.agent_availability as agent
           where agent.project_id = queue_pace.project_id and agent.effective_status = 'online'),
         (select coalesce(avg(extract(epoch from latest.resolved_at - latest.claimed_at)) / 60, 5)
            from (
              select conversation.resolved_at, conversation.claimed_at
                from public.conversations as conversation
               where conversation.project_id = queue_pace.project_id
                 and conversation.status in ('resolved', 'closed')
                 and conversation.resolved_at > now() - interval '7 days'
                 and conversation.claimed_at is not null
               order by conversation.resolved_at desc
               limit 1000
            ) as latest);
$$;
comment on function handoff.queue_pace(uuid) is
  'What the estimate of F001 5.4.6 goes by: the agents online, and the average handling time of seven days (their latest 1,000 chats), 5 minutes without history.';
revoke all on function handoff.queue_pace(uuid) from public, anon, authenticated;

create or replace function handoff.wait_minutes("position" bigint, agents bigint, minutes numeric)
returns integer
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return case when agents = 0 then -1 else ceil("position" * minutes / agents)::integer end;
end
$$;
comment on function handoff.wait_minutes(bigint, bigint, numeric) is
  'F001 5.4.6: position x handling time / online agents, in whole minutes; -1 when nobody is online.';
revoke all on function handoff.wait_minutes(bigint, bigint, numeric) from public, anon, authenticated;

create or replace function handoff.told_range(conversation_id uuid, moment timestamptz default now())
returns jsonb
language sql
stable
security definer  -- called by queue_place only
set search_path = ''
as $$
  -- Who was told "two minutes" a minute ago has one left. A minute past its P90 a range that nobody renewed is worth nothing:
  -- the worker is away.
  select coalesce((
    select jsonb_build_object('wait_p50_seconds', greatest(told.wait_p50_seconds - since.seconds, 0),
                              'wait_p90_seconds', greatest(told.wait_p90_seconds - since.seconds, 0))
      from handoff.queue_positions as told
     cross join lateral (select extract(epoch from moment - told.updated_at)::integer as seconds) as since
     where told.conversation_id = told_range.conversation_id
       and told.wait_p90_seconds + 60 >= since.seconds),
    '{"wait_p50_seconds": null, "wait_p90_seconds": null}'::jsonb);
$$;
comment on function handoff.told_range(uuid, timestamptz) is
  'What is left of the range that the conversation''s visitor was told: wait_p50_seconds and wait_p90_seconds, null when not known.';
revoke all on function handoff.told_range(uuid, timestamptz) from public, anon, authenticated;

create or replace function handoff.queue_place(conversation public.conversations)
returns jsonb
language sql
stable
security definer  -- counts conversations that the visitor may not read
set search_path = ''
as $$
  select jsonb_build_object(
           'queue_position', place.position,
           'estimated_wait_minutes', handoff.wait_minutes(place.position, pace.agents, pace.minutes))
         || handoff.told_range(conversation.id)
    from (
      select count(*) + 1 as position
        from public.conversations as ahead
       where ahead.project_id = conversation.project_id
         and ahead.status = 'waiting'
         and (-ahead.priority, ahead.queue_entered_at, ahead.id)
             < (-conversation.priority, conversation.queue_entered_at, conversation.id)
    ) as place
   cross join handoff.queue_pace(conversation.project_id) as pace;
$$;
comment on function handoff.queue_place(public.conversations) is
  'Position in the order of serving (1 is next), the estimate of F001 5.4.6, and the range that was forecast.';
revoke all on function handoff.queue_place(public.conversations) from public, anon, authenticated;
