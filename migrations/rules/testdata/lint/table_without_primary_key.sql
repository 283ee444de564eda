-- A table without a primary key: rows cannot be told apart, and replicas cannot follow updates.
select relation.oid::regclass::text
  from pg_catalog.pg_class as relation
 where relation.relnamespace in ('public'::regnamespace, 'handoff'::regnamespace)
   and relation.relkind in ('r', 'p')
   and not exists (select 1 from pg_catalog.pg_index as index where index.indrelid = relation.oid and index.indisprimary);

-- A violation:
create table handoff.probe (id uuid);
