-- A policy on a table whose row level security is off: it protects nothing and looks as if it did.
select format('%s: "%s"', policy.polrelid::regclass, policy.polname)
  from pg_catalog.pg_policy as policy
  join pg_catalog.pg_class as relation on relation.oid = policy.polrelid
 where not relation.relrowsecurity;

-- A violation:
create table public.probe (id uuid primary key);
create policy "Everybody can see" on public.probe for select to authenticated using (id is not null);
