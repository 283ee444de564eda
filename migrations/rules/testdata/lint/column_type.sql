-- A type that the house does not use: timestamps know their zone (timestamptz), texts have no built-in length (text with a
-- named check), JSON is jsonb, numbers that are counted up are identity columns, money is not a float.
select format('%s.%s: %s', attribute.attrelid::regclass, attribute.attname, format_type(attribute.atttypid, attribute.atttypmod))
  from pg_catalog.pg_attribute as attribute
  join pg_catalog.pg_class as relation on relation.oid = attribute.attrelid
  left join pg_catalog.pg_attrdef as definition on definition.adrelid = relation.oid and definition.adnum = attribute.attnum
 where relation.relnamespace in ('public'::regnamespace, 'handoff'::regnamespace)
   and relation.relkind in ('r', 'p')
   and attribute.attnum > 0 and not attribute.attisdropped
   and (attribute.atttypid in ('timestamp'::regtype, 'timetz'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'json'::regtype,
                               'money'::regtype)
        or pg_get_expr(definition.adbin, definition.adrelid) ~ '^nextval');

-- A violation:
create table handoff.probe (id uuid primary key, made_at timestamp);

-- A violation: a number from a sequence of its own
create table handoff.probe (id bigserial primary key);
