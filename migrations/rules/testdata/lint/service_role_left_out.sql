-- A table in the exposed schema with which the service role cannot do everything, in some columns at least. New projects
-- grant nothing by themselves.
select format('%s: %s', relation.oid::regclass, privilege.name)
  from pg_catalog.pg_class as relation
 cross join (values ('select'), ('insert'), ('update'), ('delete')) as privilege (name)
 where relation.relnamespace = 'public'::regnamespace
   and relation.relkind in ('r', 'p')
   and not case when privilege.name = 'delete' then has_table_privilege('service_role', relation.oid, 'delete')
                else has_any_column_privilege('service_role', relation.oid, privilege.name) end;

-- A violation:
create table public.probe (id uuid primary key);
