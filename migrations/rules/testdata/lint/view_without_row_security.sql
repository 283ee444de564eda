-- A materialized view or foreign table in the exposed schema: neither knows row level security.
select relation.oid::regclass::text
  from pg_catalog.pg_class as relation
 where relation.relnamespace = 'public'::regnamespace and relation.relkind in ('m', 'f');

-- A violation:
create materialized view public.probe as select 1 as one;
