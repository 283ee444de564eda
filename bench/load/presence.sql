-- What beats are compared with: a logged row with the time of the last beat, in a table that is as wide as the agents', with room
-- for it on the page and no index on the column. Nothing that could be left out makes it slower.
create table if not exists public.bench_last_seen (
  user_id uuid primary key,
  project_id uuid not null,
  status text not null default 'online',
  skills text[] not null default '{}',
  last_seen_at timestamptz not null default now()
) with (fillfactor = 70);
insert into public.bench_last_seen (user_id, project_id)
select agent.user_id, agent.project_id from public.agent_availability as agent
on conflict do nothing;

create or replace function public.bench_seen()
returns timestamptz
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  seen timestamptz;
begin
  update public.bench_last_seen as agent set last_seen_at = clock_timestamp() where agent.user_id = auth.uid() returning agent.last_seen_at into seen;
  return seen;
end
$$;
grant execute on function public.bench_seen() to authenticated;

-- The same row as a page writes it without a function: by PATCH, under a policy.
alter table public.bench_last_seen enable row level security;
grant select, update on public.bench_last_seen to authenticated;
drop policy if exists "Everybody writes when they were seen" on public.bench_last_seen;
create policy "Everybody writes when they were seen" on public.bench_last_seen
  for all to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));

-- Everybody has entered: a session and a lease, the connection's id being the user's.
create or replace function public.bench_enter()
returns void
language sql
volatile
as $$
  insert into public.presence_sessions (project_id, connection_id, role, user_id, client_id, floor_seconds, remain_seconds)
  select agent.project_id, agent.user_id, 'agent', agent.user_id, agent.user_id::text, 90, 15 from public.agent_availability as agent
  on conflict do nothing;
  insert into handoff.presence_leases
  select lease.* from public.presence_sessions as session cross join lateral handoff.restored_lease(session, now()) as lease where session.left_at is null
  on conflict do nothing;
  update public.agent_availability set connection = 'live';
$$;

-- The client prepares its statements before it takes the caller's role; the function itself stays the caller's to execute.
grant usage on schema handoff to authenticator;

-- Nobody was seen for an hour, by either way; the leases have not run out. Through the gateway the moment is the clock's, and a closed
-- loop does not wait for the half minute between two beats: the limit of beats a minute, which is counted all the same, is out of reach.
create or replace function public.bench_rest()
returns void
language sql
volatile
as $$
  update public.bench_last_seen set last_seen_at = now() - interval '1 hour';
  update handoff.presence_leases
     set beat_at = now() - interval '1 hour', beats = 1, client_beat = 0, minute_at = now() + interval '1 hour', plain_beats = -32000,
         expires_at = now() + interval '1 hour', bucket = handoff.wheel_tick(now() + interval '1 hour');
$$;

-- So many leases of visitors who stay for an hour: copies of one.
create or replace function public.bench_fill(leases integer)
returns void
language plpgsql
volatile
as $$
declare
  columns text;
begin
  select string_agg(case when attribute.attname in ('connection_id', 'user_id') then 'gen_random_uuid()'
                         when attribute.attname = 'client_id' then '''visitor-'' || one' else quote_ident(attribute.attname) end,
                    ', ' order by attribute.attnum)
    into columns
    from pg_catalog.pg_attribute as attribute
   where attribute.attrelid = 'handoff.presence_leases'::regclass and attribute.attnum > 0 and not attribute.attisdropped;
  execute format('insert into handoff.presence_leases select %s from generate_series(1, $1) as one cross join '
    'handoff.new_lease(gen_random_uuid(), gen_random_uuid(), ''customer'', gen_random_uuid(), ''v'', null, 60, 15, 0, now() + interval ''1 hour'')', columns)
    using leases;
end
$$;
