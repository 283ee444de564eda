-- Two functions in the exposed schema with one name: PostgREST chooses by argument names and refuses what fits both. It is
-- also what a changed signature leaves behind when the old function is not dropped.
select format('%s.%s', function.pronamespace::regnamespace, function.proname)
  from pg_catalog.pg_proc as function
 where function.pronamespace in ('public'::regnamespace, 'handoff'::regnamespace)
 group by function.pronamespace, function.proname
having count(*) > 1;

-- A violation:
create function public.probe(p_id uuid) returns integer language sql set search_path = '' as 'select 1';
create function public.probe(p_id text) returns integer language sql set search_path = '' as 'select 1';
