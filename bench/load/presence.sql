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
language sql
volatile
security definer
set search_path = ''
as $$
  update public.bench_last_seen as agent set last_seen_at = clock_timestamp() where agent.user_id = auth.uid() returning agent.last_seen_at;
$$;
grant execute on function public.bench_seen() to authenticated;

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
