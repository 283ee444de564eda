-- More than one permissive policy for the same table, role and command: all of them are evaluated for every row, and
-- nobody sees the whole rule in one place.
select format('%s, %s, %s: %s', policy.polrelid::regclass, client.name, command.name, string_agg(policy.polname, ', '))
  from pg_catalog.pg_policy as policy
 cross join (values ('anon'), ('authenticated')) as client (name)
 cross join (values ('select', 'r'), ('insert', 'a'), ('update', 'w'), ('delete', 'd')) as command (name, letter)
 where policy.polpermissive
   and (policy.polroles @> array[0::oid] or policy.polroles @> array[client.name::regrole::oid])
   and policy.polcmd in ('*', command.letter::"char")
 group by policy.polrelid, client.name, command.name
having count(*) > 1;

-- A violation:
create table public.probe (id uuid primary key);
alter table public.probe enable row level security;
create policy "Some can see" on public.probe for select to authenticated using (id is not null);
create policy "Others can write" on public.probe for all to authenticated using (id is null);
