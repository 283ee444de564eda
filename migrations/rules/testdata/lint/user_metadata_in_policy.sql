-- A policy that reads user metadata: users write it themselves.
select format('%s: "%s"', policy.polrelid::regclass, policy.polname)
  from pg_catalog.pg_policy as policy
 where concat_ws(' ', pg_get_expr(policy.polqual, policy.polrelid), pg_get_expr(policy.polwithcheck, policy.polrelid)) ~ 'user_meta_?data';

-- A violation:
create table public.probe (id uuid primary key);
alter table public.probe enable row level security;
create policy "Admins can see everything" on public.probe for select to authenticated
  using ((select auth.jwt()) -> 'user_metadata' ->> 'role' = 'admin');
