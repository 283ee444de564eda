-- A reference to auth.users that keeps a user from being deleted: anonymous users are swept, and people have a right to go.
select format('%s: %s', constraint_row.conrelid::regclass, constraint_row.conname)
  from pg_catalog.pg_constraint as constraint_row
 where constraint_row.contype = 'f'
   and constraint_row.confrelid = 'auth.users'::regclass
   and constraint_row.connamespace in ('public'::regnamespace, 'handoff'::regnamespace)
   and constraint_row.confdeltype not in ('c', 'n');

-- A violation:
create table public.probe (id uuid primary key, user_id uuid references auth.users (id));
