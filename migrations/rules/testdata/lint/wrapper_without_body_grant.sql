-- A wrapper that a role may execute while the body is closed to it: the call is refused with a message about an internal name.
select format('%s may call %s, not %s', client.name, wrapper.oid::regprocedure, body.oid::regprocedure)
  from pg_catalog.pg_proc as wrapper
 cross join lateral regexp_match(wrapper.prosrc, 'handoff\.(\w+)\(') as called (name)
  join pg_catalog.pg_proc as body on body.pronamespace = 'handoff'::regnamespace and body.proname = called.name[1]
 cross join (values ('anon'), ('authenticated'), ('service_role')) as client (name)
 where wrapper.pronamespace = 'public'::regnamespace
   and has_function_privilege(client.name, wrapper.oid, 'execute')
   and not has_function_privilege(client.name, body.oid, 'execute');

-- A violation:
create function public.probe(p_reason text) returns boolean language sql immutable set search_path = ''
  as 'select handoff.is_legal_move(p_reason, p_reason);';
grant execute on function public.probe(text) to authenticated;
