-- A policy that asks who the caller is outside of a subquery: Postgres then asks again for every row. Policies on
-- realtime.messages count too.
with policy as (
  select format('%s: "%s"', policy.polrelid::regclass, policy.polname) as name,
         concat_ws(' ', pg_get_expr(policy.polqual, policy.polrelid), pg_get_expr(policy.polwithcheck, policy.polrelid)) as text
    from pg_catalog.pg_policy as policy
)
select policy.name
  from policy
 where regexp_replace(policy.text, 'SELECT (auth|realtime|handoff)\.\w+\(\)|SELECT current_setting\(', '', 'g')
       ~ '(auth|realtime|handoff)\.\w+\(\)|current_setting\(';

-- A violation:
create table public.probe (id uuid primary key);
alter table public.probe enable row level security;
create policy "People can see themselves" on public.probe for select to authenticated using (id = auth.uid());

-- A violation: on Realtime's table
create policy "Everybody can hear" on realtime.messages for select to authenticated using (realtime.topic() = 'everybody');
