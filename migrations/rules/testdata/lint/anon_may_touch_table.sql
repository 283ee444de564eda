-- A table in the exposed schema that may be touched without a sign-in, or by everybody.
select format('%s: %s may %s', relation.oid::regclass, coalesce(nullif(privilege.grantee, 0)::regrole::text, 'public'),
              lower(privilege.privilege_type))
  from pg_catalog.pg_class as relation
 cross join lateral aclexplode(relation.relacl) as privilege
 where relation.relnamespace = 'public'::regnamespace
   and privilege.grantee in (0, 'anon'::regrole);

-- A violation:
create table public.probe (id uuid primary key);
grant select on public.probe to anon;
