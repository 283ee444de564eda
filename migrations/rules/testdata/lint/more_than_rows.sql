-- A privilege of a client that row level security does not govern: truncate, references, trigger.
select format('%s: %s may %s', relation.oid::regclass, privilege.grantee::regrole, lower(privilege.privilege_type))
  from pg_catalog.pg_class as relation
 cross join lateral aclexplode(relation.relacl) as privilege
 where relation.relnamespace = 'public'::regnamespace
   and relation.relkind in ('r', 'p', 'v')
   and privilege.grantee in ('anon'::regrole, 'authenticated'::regrole)
   and privilege.privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE');

-- A violation:
create table public.probe (id uuid primary key);
grant truncate on public.probe to authenticated;
