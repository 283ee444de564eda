-- Each message changes these columns of its conversation. An index that holds one of them, or asks for it in its condition,
-- makes every message rewrite all indexes of the table: Postgres updates a row in place only when no index knows what changed.
select format('index %s holds %s', index_class.relname, attribute.attname) as finding
  from pg_catalog.pg_depend as depend
  join pg_catalog.pg_class as index_class on index_class.oid = depend.objid and index_class.relkind = 'i'
  join pg_catalog.pg_attribute as attribute on attribute.attrelid = depend.refobjid and attribute.attnum = depend.refobjsubid
 where depend.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
   and depend.refobjid = 'public.conversations'::pg_catalog.regclass
   and attribute.attname in ('event_seq', 'last_message_at', 'customer_active_at', 'preview', 'updated_at')
 order by finding;
-- A violation:
create index conversations_newest_idx on public.conversations (last_message_at) where status = 'closed';
-- A violation:
create index conversations_quiet_idx on public.conversations (project_id) where preview is null;
