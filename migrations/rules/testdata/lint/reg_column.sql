-- A column of a type that names catalogue objects by number: pg_upgrade refuses it.
select format('%s.%s', attribute.attrelid::regclass, attribute.attname)
  from pg_catalog.pg_attribute as attribute
  join pg_catalog.pg_class as relation on relation.oid = attribute.attrelid
 where relation.relnamespace in ('public'::regnamespace, 'handoff'::regnamespace)
   and relation.relkind in ('r', 'p')
   and attribute.attnum > 0 and not attribute.attisdropped
   and format_type(attribute.atttypid, null) ~ '^reg' and attribute.atttypid <> all (array['regclass', 'regrole', 'regtype']::regtype[]);

-- A violation:
create table handoff.probe (id uuid primary key, target regprocedure);
