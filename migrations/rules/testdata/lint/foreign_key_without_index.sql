-- A foreign key whose columns no index begins with: deleting the referenced row reads the whole table. Partial indexes count
-- when they leave out nulls only.
select format('%s: %s (%s)', constraint_row.conrelid::regclass, constraint_row.conname, pg_get_constraintdef(constraint_row.oid))
  from pg_catalog.pg_constraint as constraint_row
  join pg_catalog.pg_class as relation on relation.oid = constraint_row.conrelid
 where constraint_row.contype = 'f'
   and constraint_row.conparentid = 0
   and relation.relnamespace in ('public'::regnamespace, 'handoff'::regnamespace)
   and not exists (
     select 1
       from pg_catalog.pg_index as index
      where index.indrelid = constraint_row.conrelid
        and (index.indkey::smallint[])[0:cardinality(constraint_row.conkey) - 1] @> constraint_row.conkey
        and (index.indpred is null
             or pg_get_expr(index.indpred, index.indrelid) ~ '^\(+\w+ IS NOT NULL\)+( AND .*)?$'));

-- A violation:
create table public.probe (id uuid primary key, project_id uuid references public.projects (id));

-- A violation: an index on some of the rows only
create table public.probe (id uuid primary key, project_id uuid references public.projects (id), open boolean);
create index on public.probe (project_id) where open;
