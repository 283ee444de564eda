-- A policy that is not for authenticated alone: without "to" it is for everybody, anon included, and is evaluated for them.
select format('%s: "%s" to %s', policy.polrelid::regclass, policy.polname, policy.polroles::regrole[])
  from pg_catalog.pg_policy as policy
 where policy.polroles <> array['authenticated'::regrole::oid];

-- A violation:
create table public.probe (id uuid primary key);
alter table public.probe enable row level security;
create policy "Everybody can see" on public.probe for select using (id is not null);
