-- A function that clients call and that does not say what it does.
select function.oid::regprocedure::text
  from pg_catalog.pg_proc as function
 where function.pronamespace = 'public'::regnamespace
   and obj_description(function.oid, 'pg_proc') is null;

-- A violation:
create function public.probe() returns integer language sql set search_path = '' as 'select 1';
