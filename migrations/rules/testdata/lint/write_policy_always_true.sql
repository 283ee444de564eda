-- A policy that lets every row be written: it is a grant that looks like a rule.
select format('%s: "%s"', policy.polrelid::regclass, policy.polname)
  from pg_catalog.pg_policy as policy
 where policy.polpermissive
   and policy.polcmd <> 'r'
   and (pg_get_expr(policy.polqual, policy.polrelid) in ('true', '(1 = 1)')
        or pg_get_expr(policy.polwithcheck, policy.polrelid) in ('true', '(1 = 1)'));

-- A violation:
create table public.probe (id uuid primary key);
alter table public.probe enable row level security;
create policy "Everybody can write" on public.probe for insert to authenticated with check (true);
