-- An index whose columns are the beginning of another one's, without a condition on either and not unique itself: the longer
-- index serves the same searches.
select format('%s: %s is covered by %s', shorter.indrelid::regclass, shorter.indexrelid::regclass, longer.indexrelid::regclass)
  from pg_catalog.pg_index as shorter
  join pg_catalog.pg_index as longer
    on longer.indrelid = shorter.indrelid and longer.indexrelid <> shorter.indexrelid
  join pg_catalog.pg_class as relation on relation.oid = shorter.indrelid
  join pg_catalog.pg_class as shorter_index on shorter_index.oid = shorter.indexrelid
  join pg_catalog.pg_class as longer_index on longer_index.oid = longer.indexrelid and longer_index.relam = shorter_index.relam
 where relation.relnamespace in ('public'::regnamespace, 'handoff'::regnamespace)
   and not shorter.indisunique
   and shorter.indpred is null and longer.indpred is null
   and shorter.indexprs is null and longer.indexprs is null
   and shorter.indnatts < longer.indnatts
   and (longer.indkey::smallint[])[0:shorter.indnatts - 1] = (shorter.indkey::smallint[])[0:shorter.indnatts - 1]
   and (longer.indoption::smallint[])[0:shorter.indnatts - 1] = (shorter.indoption::smallint[])[0:shorter.indnatts - 1];

-- A violation:
create table public.probe (id uuid primary key, name text, size integer);
create index probe_one on public.probe (name);
create index probe_two on public.probe (name, size);
