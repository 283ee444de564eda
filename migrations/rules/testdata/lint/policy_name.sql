-- A policy whose name is no sentence: the name is what a reader of the dashboard sees.
select format('%s: "%s"', policy.polrelid::regclass, policy.polname)
  from pg_catalog.pg_policy as policy
 where policy.polname !~ '^[A-Z][^ ]*( [^ ]+){2,}$';

-- A violation:
create table public.probe (id uuid primary key);
alter table public.probe enable row level security;
create policy probe_select on public.probe for select to authenticated using (id is not null);
