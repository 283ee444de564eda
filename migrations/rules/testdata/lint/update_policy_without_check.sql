-- A policy for updates without a check of its own: Postgres then checks the new row by the old row's condition. Written out,
-- the reader sees that a row cannot be given away.
select format('%s: "%s"', policy.polrelid::regclass, policy.polname)
  from pg_catalog.pg_policy as policy
 where policy.polcmd in ('w', '*') and policy.polwithcheck is null;

-- A violation:
create table public.probe (id uuid primary key);
alter table public.probe enable row level security;
create policy "People can change themselves" on public.probe for update to authenticated using (id = (select auth.uid()));
