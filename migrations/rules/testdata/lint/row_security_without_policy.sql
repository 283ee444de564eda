-- Row level security with a grant to a client role and no policy: the grant cannot be used, so one of the two is a mistake.
select relation.oid::regclass::text
  from pg_catalog.pg_class as relation
 where relation.relnamespace in ('public'::regnamespace, 'handoff'::regnamespace)
   and relation.relrowsecurity
   and (has_any_column_privilege('authenticated', relation.oid, 'select, insert, update')
        or has_any_column_privilege('anon', relation.oid, 'select, insert, update'))
   and not exists (select 1 from pg_catalog.pg_policy as policy where policy.polrelid = relation.oid);

-- A violation:
create table public.probe (id uuid primary key);
alter table public.probe enable row level security;
grant select on public.probe to authenticated;
