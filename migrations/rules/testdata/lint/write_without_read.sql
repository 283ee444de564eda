-- A table that a client may update or delete from and not read: it could change rows that it does not see.
select format('%s: %s', relation.oid::regclass, client.name)
  from pg_catalog.pg_class as relation
 cross join (values ('anon'), ('authenticated')) as client (name)
 where relation.relnamespace = 'public'::regnamespace
   and relation.relkind in ('r', 'p', 'v')
   and (has_any_column_privilege(client.name, relation.oid, 'update') or has_table_privilege(client.name, relation.oid, 'delete'))
   and not has_any_column_privilege(client.name, relation.oid, 'select');

-- A violation:
create table public.probe (id uuid primary key, name text);
grant update (name) on public.probe to authenticated;
