-- An operation that authenticated may do on a table for which no policy is there: it always fails or finds nothing.
select format('%s: %s', relation.oid::regclass, operation.name)
  from pg_catalog.pg_class as relation
 cross join (values ('select', 'r'), ('insert', 'a'), ('update', 'w'), ('delete', 'd')) as operation (name, command)
 where relation.relnamespace = 'public'::regnamespace
   and relation.relkind in ('r', 'p')
   and case when operation.name = 'delete' then has_table_privilege('authenticated', relation.oid, 'delete')
            else has_any_column_privilege('authenticated', relation.oid, operation.name) end
   and not exists (
     select 1 from pg_catalog.pg_policy as policy
      where policy.polrelid = relation.oid and policy.polcmd in (operation.command::"char", '*'));

-- A violation:
create table public.probe (id uuid primary key);
alter table public.probe enable row level security;
grant select, delete on public.probe to authenticated;
create policy "Everybody can see" on public.probe for select to authenticated using (id is not null);
