-- A function that PUBLIC may execute. Postgres grants that by default, so each function needs its revoke.
select function.oid::regprocedure::text
  from pg_catalog.pg_proc as function
 cross join lateral aclexplode(coalesce(function.proacl, acldefault('f', function.proowner))) as privilege
 where function.pronamespace in ('public'::regnamespace, 'handoff'::regnamespace)
   and privilege.grantee = 0;

-- A violation:
create function handoff.probe() returns integer language sql set search_path = '' as 'select 1';
