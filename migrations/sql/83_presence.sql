-- Presence: who is there (docs/presence.md). A connection is one page or process; its lease says until when it counts without
-- another beat. Beats touch the lease alone, which is unlogged; what others must know of is a transition, and is logged.
--
-- Locks are taken in this order by everybody: the lease, the person, the session, the conversation, the agent.

create table if not exists public.presence_sessions (
  id bigint generated always as identity primary key,
  project_id uuid not null references public.projects (id) on delete cascade,
  connection_id uuid not null,
  role text not null constraint presence_sessions_role check (role in ('agent', 'customer', 'bot')),
  user_id uuid references auth.users (id) on delete cascade,
  client_id text not null constraint presence_sessions_client_id_length check (char_length(client_id) between 1 and 100),
  visitor_id text constraint presence_sessions_visitor_id_length check (char_length(visitor_id) between 1 and 200),
  conversation_id uuid references public.conversations (id) on delete set null,
  data jsonb not null default '{}'::jsonb constraint presence_sessions_data_is_object check (jsonb_typeof(data) = 'object'),
  -- Agents click on it: a link of another kind would run in their browser.
  page text constraint presence_sessions_page_form check (page ~* '^https?://' and char_length(page) <= 2000),
  ip text constraint presence_sessions_ip_length check (char_length(ip) <= 45),
  user_agent text constraint presence_sessions_user_agent_length check (char_length(user_agent) <= 400),
  floor_seconds smallint not null,
  remain_seconds smallint not null,
  entered_at timestamptz not null default now(),
  came_back boolean not null default false,
  left_at timestamptz,
  leave_reason text constraint presence_sessions_leave_reason_length check (char_length(leave_reason) between 1 and 100),
  leave_data jsonb,
  last_seen_at timestamptz,
  beats integer,
  missed integer,
  late integer,
  lost integer,
  longest_gap_seconds integer,
  intervals smallint[],
  delays smallint[],
  constraint presence_sessions_user_matches_role check ((role = 'bot') = (user_id is null)),
  constraint presence_sessions_reason_with_end check ((left_at is null) = (leave_reason is null))
);
comment on table public.presence_sessions is 'One row each time a connection was there; still there while left_at is null. Members read it, visitors never do.';
comment on column public.presence_sessions.connection_id is 'Made by the client, for one page or process; the same after a reload.';
comment on column public.presence_sessions.client_id is 'Who it is: the user''s id, or the name of a bot.';
comment on column public.presence_sessions.ip is 'From the header that handoff_settings.client_ip_header names.';
comment on column public.presence_sessions.came_back is 'The person was lost less than two minutes before: a connection that flaps.';
comment on column public.presence_sessions.last_seen_at is 'The last beat, or when they left. Written at the end, like everything after it.';
comment on column public.presence_sessions.missed is 'Beats that were due and did not come; late: came more than a quarter late; lost: were sent, by the client''s count, and did not arrive.';
comment on column public.presence_sessions.intervals is 'Histogram of the time between beats: handoff.beat_edges().';
comment on column public.presence_sessions.delays is 'Histogram of how much later than promised beats came: handoff.delay_edges().';

create unique index if not exists presence_sessions_open_idx on public.presence_sessions (connection_id) where left_at is null;
create index if not exists presence_sessions_person_idx on public.presence_sessions (project_id, client_id) where left_at is null;
create index if not exists presence_sessions_history_idx on public.presence_sessions (project_id, entered_at desc);
create index if not exists presence_sessions_user_idx on public.presence_sessions (user_id, entered_at desc) where user_id is not null;
create index if not exists presence_sessions_conversation_idx on public.presence_sessions (conversation_id) where conversation_id is not null;
create index if not exists presence_sessions_left_idx on public.presence_sessions (left_at) where left_at is not null;

alter table public.presence_sessions enable row level security;
revoke all on public.presence_sessions from anon, authenticated;
grant select on public.presence_sessions to authenticated;
grant all on public.presence_sessions to service_role;
drop policy if exists "Members can see who was there" on public.presence_sessions;
create policy "Members can see who was there" on public.presence_sessions
  for select to authenticated using (project_id in (select handoff.member_projects()));

-- No index on what a beat changes, so that each beat is a heap-only update. bucket is the millisecond at which the sweep looks at
-- the lease next: beats do not move it on; the sweep finds those that were renewed and does.
create unlogged table if not exists handoff.presence_leases (
  connection_id uuid primary key,
  project_id uuid not null,
  user_id uuid,
  client_id text not null,
  role text not null,
  bucket bigint not null,
  beat_at timestamptz not null,
  previous_beat_at timestamptz not null,
  expires_at timestamptz not null,
  active_at timestamptz not null,
  minute_at timestamptz not null,
  next_beat smallint not null,
  floor_seconds smallint not null,
  remain_seconds smallint not null,
  lease_seconds smallint not null,
  plain_beats smallint not null default 0,
  change_beats smallint not null default 0,
  suspect boolean not null default false,
  traced boolean not null default false,
  state text not null,
  previous_state text not null,
  leaving text,
  beats integer not null default 1,
  missed integer not null default 0,
  late integer not null default 0,
  lost integer not null default 0,
  client_beat integer,
  longest_gap integer not null default 0,
  intervals smallint[] not null default '{0,0,0,0,0,0,0,0,0,0}',
  delays smallint[] not null default '{0,0,0,0,0,0,0,0}'
) with (fillfactor = 70);
comment on table handoff.presence_leases is 'The connections that are there. Unlogged: after a crash it is empty, which means unknown, not offline.';
comment on column handoff.presence_leases.bucket is 'The millisecond (of the epoch) at which the sweep looks again; only ever moved closer by a beat.';
comment on column handoff.presence_leases.active_at is 'The last activity of the person on this connection: the beat''s time less the idle seconds it told.';
comment on column handoff.presence_leases.previous_beat_at is 'The beat before beat_at: a trace tells the gap.';
comment on column handoff.presence_leases.leaving is 'The page went away (pagehide); unless it is back by expires_at, the person left for this reason.';
comment on column handoff.presence_leases.client_beat is 'The client''s own count of the beats that it has sent.';
create index if not exists presence_leases_person_idx on handoff.presence_leases (project_id, client_id);
create index if not exists presence_leases_bucket_idx on handoff.presence_leases (bucket);
revoke all on handoff.presence_leases from public, anon, authenticated, service_role;

create unlogged table if not exists handoff.presence_marker (
  only_row boolean primary key default true constraint presence_marker_only_row check (only_row),
  postmaster_started timestamptz not null,
  serving_since timestamptz not null
);
comment on table handoff.presence_marker is
  'Since when beats can have arrived. Gone when the leases are: after a crash. While the database was down nobody could beat.';
revoke all on handoff.presence_marker from public, anon, authenticated, service_role;

create unlogged table if not exists handoff.conversation_watchers (
  conversation_id uuid not null,
  watcher uuid not null,
  user_id uuid not null,
  until timestamptz not null,
  primary key (conversation_id, watcher)
);
comment on table handoff.conversation_watchers is 'Who has a conversation open in front of them; watcher is the connection, or the user. Unlogged: watchers say so again each minute.';
revoke all on handoff.conversation_watchers from public, anon, authenticated, service_role;

create unlogged table if not exists handoff.presence_traces (
  id bigint generated always as identity primary key,
  connection_id uuid not null,
  at timestamptz not null,
  step text not null,
  detail jsonb not null
);
comment on table handoff.presence_traces is 'What happened to the connections that somebody traces (handoff trace-presence), step by step; bounded.';
create index if not exists presence_traces_connection_idx on handoff.presence_traces (connection_id, id);
revoke all on handoff.presence_traces from public, anon, authenticated, service_role;

create unlogged table if not exists handoff.presence_tracing (
  connection_id uuid primary key,
  until timestamptz not null
);
comment on table handoff.presence_tracing is 'The connections to trace, also those that are not there now.';
revoke all on handoff.presence_tracing from public, anon, authenticated, service_role;

-- What a role's states are, and the first of them.
create or replace function handoff.presence_state(role text, state text)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return case
    when role = 'bot' then coalesce(left(nullif(btrim(state), ''), 40), 'active')
    when role = 'agent' then case when state in ('active', 'idle', 'hidden') then state when state is null then 'active' end
    when state in ('online', 'idle', 'typing', 'background') then state
    when state is null then 'online' end;
end
$$;
comment on function handoff.presence_state(text, text) is 'The state as it is stored, or the first one of the role for null; null for one that the role does not have.';
revoke all on function handoff.presence_state(text, text) from public, anon, authenticated;

create or replace function handoff.promised_beat(role text, seconds integer)
returns integer
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return least(greatest(seconds, 5), case role when 'bot' then 300 else 60 end);
end
$$;
comment on function handoff.promised_beat(text, integer) is 'When the next beat is due by the client''s own word, in seconds, within what is allowed.';
revoke all on function handoff.promised_beat(text, integer) from public, anon, authenticated;

create or replace function handoff.lease_for(role text, next_beat integer, floor_seconds integer, remain_seconds integer)
returns integer
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return least(greatest(floor_seconds, 3 * next_beat, next_beat + remain_seconds), case role when 'bot' then 900 else 300 end);
end
$$;
comment on function handoff.lease_for(text, integer, integer, integer) is
  'How many seconds a beat is good for: three beats, never under the floor, and the time the place is kept after an abrupt loss.';
revoke all on function handoff.lease_for(text, integer, integer, integer) from public, anon, authenticated;

create or replace function handoff.suspect_after(next_beat integer)
returns integer
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return greatest(75, next_beat * 3 / 2);
end
$$;
comment on function handoff.suspect_after(integer) is
  'After how many seconds without a beat an agent gets no new chats: one and a half intervals, never under 75, because hidden tabs beat once a minute whatever they promised.';
revoke all on function handoff.suspect_after(integer) from public, anon, authenticated;

create or replace function handoff.next_beat(role text, state text, demand boolean, promised integer)
returns integer
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return case
    when role = 'bot' then greatest(promised, 30)
    when role = 'agent' then case state when 'hidden' then 60 else 30 end
    when demand and state <> 'background' then 10
    else 60 end;
end
$$;
comment on function handoff.next_beat(text, text, boolean, integer) is 'The interval that a beat is answered with: customers are fast only while somebody wants to know.';
revoke all on function handoff.next_beat(text, text, boolean, integer) from public, anon, authenticated;

create or replace function handoff.wheel_tick(moment timestamptz)
returns bigint
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return ceil(extract(epoch from moment) * 1000)::bigint;
end
$$;
comment on function handoff.wheel_tick(timestamptz) is 'The first millisecond of the epoch that is not before the moment: where a lease hangs on the wheel.';
revoke all on function handoff.wheel_tick(timestamptz) from public, anon, authenticated;

create or replace function handoff.beat_edges()
returns integer[]
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return array[5, 12, 20, 35, 50, 65, 90, 120, 180];
end
$$;
comment on function handoff.beat_edges() is 'The upper edges, in seconds, of the histogram of the time between beats; the last of its ten columns has none.';
revoke all on function handoff.beat_edges() from public, anon, authenticated;

create or replace function handoff.delay_edges()
returns integer[]
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return array[0, 1, 2, 5, 15, 30, 60];
end
$$;
comment on function handoff.delay_edges() is 'The upper edges, in seconds, of the histogram of how late beats came; the last of its eight columns has none.';
revoke all on function handoff.delay_edges() from public, anon, authenticated;

-- One at a time may decide whether a person is there: two pages that change at once would each see the other's old state. A
-- thousand slots instead of a lock for each person: a sweep takes many, and the server's table of locks is not large.
create or replace function handoff.person_slot(project_id uuid, client_id text)
returns integer
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return hashtext(project_id::text || client_id) & 1023;
end
$$;
comment on function handoff.person_slot(uuid, text) is 'Which of the locks on persons is this person''s.';
revoke all on function handoff.person_slot(uuid, text) from public, anon, authenticated;

create or replace function handoff.lock_persons(slots integer[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock(hashtext('handoff.presence'), ordered.slot)
     from (select distinct wanted as slot from unnest(lock_persons.slots) as wanted order by wanted) as ordered;
end
$$;
comment on function handoff.lock_persons(integer[]) is 'Takes the locks in the one order, until the transaction ends.';
revoke all on function handoff.lock_persons(integer[]) from public, anon, authenticated;

create or replace function handoff.trace_presence_step(connection_id uuid, moment timestamptz, step text, detail jsonb)
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into handoff.presence_traces (connection_id, at, step, detail) values (connection_id, moment, step, detail);
$$;
revoke all on function handoff.trace_presence_step(uuid, timestamptz, text, jsonb) from public, anon, authenticated;
