-- Two indexes that are the same but for their names: every write pays for both.
select format('%s: %s', index.indrelid::regclass, string_agg(index.indexrelid::regclass::text, ', ' order by index.indexrelid))
  from pg_catalog.pg_index as index
  join pg_catalog.pg_class as relation on relation.oid = index.indrelid
 where relation.relnamespace in ('public'::regnamespace, 'handoff'::regnamespace)
 group by index.indrelid, index.indkey::text, index.indclass::text, index.indoption::text,
          pg_get_expr(index.indexprs, index.indrelid), pg_get_expr(index.indpred, index.indrelid)
having count(*) > 1;

-- A violation:
create table public.probe (id uuid primary key, name text);
create index probe_one on public.probe (name);
create index probe_two on public.probe (name);
