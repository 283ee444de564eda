-- A function whose search_path is not set to nothing: whoever can create objects in a schema of the caller's path can
-- change what it does.
select function.oid::regprocedure::text
  from pg_catalog.pg_proc as function
 where function.pronamespace in ('public'::regnamespace, 'handoff'::regnamespace)
   and not coalesce(function.proconfig, '{}') @> array['search_path=""'];

-- A violation:
create function handoff.probe() returns integer language sql immutable as 'select 1';

-- A violation: a path of somebody's choosing
create function handoff.probe() returns integer language sql immutable set search_path = public as 'select 1';
