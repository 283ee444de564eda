-- A table or view that does not say what it is.
select relation.oid::regclass::text
  from pg_catalog.pg_class as relation
 where relation.relnamespace in ('public'::regnamespace, 'handoff'::regnamespace)
   and relation.relkind in ('r', 'p', 'v', 'm')
   and not relation.relispartition
   and obj_description(relation.oid, 'pg_class') is null;

-- A violation:
create table handoff.probe (id uuid primary key);
