-- A trigger function with the rights of whoever writes, on a table that clients write, that calls a function of schema
-- handoff which they may not execute: their write is refused although row level security lets it through.
select format('%s on %s calls %s, which %s may not', function.oid::regprocedure, trigger.tgrelid::regclass, called.oid::regprocedure,
              client.name)
  from pg_catalog.pg_trigger as trigger
  join pg_catalog.pg_proc as function on function.oid = trigger.tgfoid and not function.prosecdef
 cross join lateral regexp_matches(function.prosrc, 'handoff\.(\w+)\(', 'g') as call (name)
  join pg_catalog.pg_proc as called on called.pronamespace = 'handoff'::regnamespace and called.proname = call.name[1]
 cross join (values ('authenticated'), ('service_role')) as client (name)
 where not trigger.tgisinternal
   and function.pronamespace in ('public'::regnamespace, 'handoff'::regnamespace)
   and (has_any_column_privilege(client.name, trigger.tgrelid, 'insert, update')
        or has_table_privilege(client.name, trigger.tgrelid, 'delete'))
   and not has_function_privilege(client.name, called.oid, 'execute');

-- A violation:
create function handoff.probe() returns trigger language plpgsql set search_path = '' as
$$ begin perform handoff.is_legal_move('closed', 'waiting'); return new; end $$;
create trigger probe before insert on public.messages for each row execute function handoff.probe();
