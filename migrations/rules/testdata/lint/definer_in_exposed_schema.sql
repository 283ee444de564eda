-- A SECURITY DEFINER function in the exposed schema: clients would call it with the rights of its owner. The definer bodies
-- are in schema handoff and check their callers.
select function.oid::regprocedure::text
  from pg_catalog.pg_proc as function
 where function.pronamespace = 'public'::regnamespace and function.prosecdef;

-- A violation:
create function public.probe() returns integer language sql security definer set search_path = '' as 'select 1';
