-- A view with the rights of its owner, who is not subject to row level security.
select relation.oid::regclass::text
  from pg_catalog.pg_class as relation
 where relation.relnamespace in ('public'::regnamespace, 'handoff'::regnamespace)
   and relation.relkind = 'v'
   and not coalesce(relation.reloptions, '{}') && array['security_invoker=true', 'security_invoker=on'];

-- A violation:
create view public.probe as select 1 as one;
