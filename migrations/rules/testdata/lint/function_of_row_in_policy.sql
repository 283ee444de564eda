-- A policy for reading that calls a function with a column of the row: it runs once for each row that is searched. Ask for
-- the set instead: project_id in (select handoff.member_projects()). Not so for storage.objects: Storage asks about one
-- file, or those of one conversation, and the set of all conversations of a team would be dearer than one look-up.
with policy as (
  select format('%s: "%s"', policy.polrelid::regclass, policy.polname) as name,
         pg_get_expr(policy.polqual, policy.polrelid) as text
    from pg_catalog.pg_policy as policy
   where policy.polcmd in ('r', '*') and policy.polrelid <> 'storage.objects'::regclass
)
select policy.name
  from policy
 where regexp_replace(policy.text, 'handoff\.\w+\(\( SELECT', '', 'g') ~ 'handoff\.\w+\([^)]';

-- A violation:
create table public.probe (id uuid primary key, project_id uuid);
alter table public.probe enable row level security;
create policy "Members can see" on public.probe for select to authenticated using (handoff.is_member(project_id));
