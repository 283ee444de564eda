-- A function that may be called without a sign-in. Anonymous visitors are signed in; what is left is what the widget asks
-- before anybody has opened it.
select function.oid::regprocedure::text
  from pg_catalog.pg_proc as function
 where function.pronamespace in ('public'::regnamespace, 'handoff'::regnamespace)
   and has_function_privilege('anon', function.oid, 'execute')
   and function.proname not in ('get_handoff_availability', 'availability');

-- A violation:
create function public.probe() returns integer language sql set search_path = '' as 'select 1';
revoke all on function public.probe() from public, authenticated;
grant execute on function public.probe() to anon;
