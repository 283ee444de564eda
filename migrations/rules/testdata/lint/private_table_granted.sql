-- A table, view or sequence in schema handoff that a role of the API may touch in any way: it is reached by functions only.
select format('%s: %s may %s', relation.oid::regclass, coalesce(nullif(privilege.grantee, 0)::regrole::text, 'public'),
              lower(privilege.privilege_type))
  from pg_catalog.pg_class as relation
 cross join lateral (
       select granted.* from aclexplode(relation.relacl) as granted
        union all
       select granted.* from pg_catalog.pg_attribute as attribute
        cross join lateral aclexplode(attribute.attacl) as granted
        where attribute.attrelid = relation.oid
       ) as privilege
 where relation.relnamespace = 'handoff'::regnamespace
   and privilege.grantee in (0, 'anon'::regrole, 'authenticated'::regrole, 'service_role'::regrole);

-- A violation:
create table handoff.probe (id uuid primary key);
grant select on handoff.probe to service_role;

-- A violation: a column
create table handoff.probe (id uuid primary key);
grant select (id) on handoff.probe to authenticated;
