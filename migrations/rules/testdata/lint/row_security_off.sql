-- A table in the exposed schema without row level security: one forgotten grant opens all of it.
select relation.oid::regclass::text
  from pg_catalog.pg_class as relation
 where relation.relnamespace = 'public'::regnamespace
   and relation.relkind in ('r', 'p')
   and not relation.relrowsecurity;

-- A violation:
create table public.probe (id uuid primary key);
