-- A table in the exposed schema whose project_id no index begins with: its policies search by it.
select relation.oid::regclass::text
  from pg_catalog.pg_class as relation
  join pg_catalog.pg_attribute as attribute on attribute.attrelid = relation.oid and attribute.attname = 'project_id'
 where relation.relnamespace = 'public'::regnamespace
   and relation.relkind in ('r', 'p')
   and not exists (
     select 1 from pg_catalog.pg_index as index
      where index.indrelid = relation.oid and index.indkey[0] = attribute.attnum and index.indpred is null);

-- A violation:
create table public.probe (id uuid primary key, project_id uuid);
