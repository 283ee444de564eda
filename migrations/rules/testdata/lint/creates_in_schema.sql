-- A role of the API that may create objects in one of our schemas.
select format('%s: %s', client.name, schema.name)
  from (values ('anon'), ('authenticated'), ('service_role')) as client (name)
 cross join (values ('public'), ('handoff')) as schema (name)
 where has_schema_privilege(client.name, schema.name, 'create');

-- A violation:
grant create on schema handoff to service_role;
