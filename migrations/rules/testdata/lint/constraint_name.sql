-- A check or unique constraint with a name that Postgres made up: clients see the name when a value is refused.
select format('%s: %s', constraint_row.conrelid::regclass, constraint_row.conname)
  from pg_catalog.pg_constraint as constraint_row
  join pg_catalog.pg_class as relation on relation.oid = constraint_row.conrelid
 where relation.relnamespace in ('public'::regnamespace, 'handoff'::regnamespace)
   and not relation.relispartition
   and constraint_row.contype in ('c', 'u', 'x')
   and constraint_row.conname ~ '_(check|key|excl)\d*$';

-- A violation:
create table handoff.probe (id uuid primary key, size integer check (size > 0));

-- A violation: a unique constraint
create table handoff.probe (id uuid primary key, name text unique);
