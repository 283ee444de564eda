-- A wrapper that promises something else than its body: PostgREST runs STABLE functions read only, and may send them to a
-- replica.
select format('%s is %s, %s is %s', wrapper.oid::regprocedure, wrapper.provolatile, body.oid::regprocedure, body.provolatile)
  from pg_catalog.pg_proc as wrapper
 cross join lateral regexp_match(wrapper.prosrc, 'handoff\.(\w+)\(') as called (name)
  join pg_catalog.pg_proc as body on body.pronamespace = 'handoff'::regnamespace and body.proname = called.name[1]
 where wrapper.pronamespace = 'public'::regnamespace and wrapper.provolatile <> body.provolatile;

-- A violation:
create function public.probe(p_project_id uuid) returns boolean language sql volatile set search_path = ''
  as 'select handoff.is_member(p_project_id);';
