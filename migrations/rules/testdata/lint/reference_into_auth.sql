-- A reference into schema auth to anything but the primary key of auth.users: Supabase changes the rest without notice.
select format('%s: %s', constraint_row.conrelid::regclass, constraint_row.conname)
  from pg_catalog.pg_constraint as constraint_row
  join pg_catalog.pg_class as target on target.oid = constraint_row.confrelid
 where constraint_row.contype = 'f'
   and target.relnamespace = 'auth'::regnamespace
   and constraint_row.connamespace in ('public'::regnamespace, 'handoff'::regnamespace)
   and pg_get_constraintdef(constraint_row.oid) !~ 'REFERENCES auth\.users\(id\)';

-- A violation:
create table public.probe (id uuid primary key, phone text references auth.users (phone));
