-- Projects and their members: who belongs to a team.

-- A team that already has a projects table keeps it: we only need its id and its owner (F001 section 6).
do $$
begin
  if to_regclass('public.projects') is null then
    create table public.projects (
      id uuid primary key default gen_random_uuid(),
      user_id uuid not null references auth.users (id) on delete cascade,
      name text not null default 'My project' constraint projects_name_length check (char_length(name) between 1 and 200),
      created_at timestamptz not null default now()
    );
    comment on table public.projects is 'One support team and its widget. The owner is user_id.';
    create index projects_user_id_idx on public.projects (user_id);
    alter table public.projects enable row level security;
    revoke all on public.projects from anon, authenticated;
    grant select on public.projects to authenticated;
    grant all on public.projects to service_role;
  elsif not exists (
    select 1
      from pg_catalog.pg_attribute as owner_column
     where owner_column.attrelid = 'public.projects'::regclass
       and owner_column.attname = 'user_id'
       and owner_column.atttypid = 'uuid'::regtype
       and not owner_column.attisdropped
  ) then
    raise exception 'table public.projects has no column user_id of type uuid'
      using errcode = '42703', hint = 'The engine needs projects.id (uuid) and projects.user_id (uuid, the owner).';
  end if;
end
$$;

create table if not exists public.project_members (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  user_id uuid references auth.users (id) on delete cascade,
  email text not null constraint project_members_email_form check (email = lower(btrim(email)) and email like '%_@_%'),
  name text constraint project_members_name_length check (char_length(name) between 1 and 200),
  avatar_url text
    constraint project_members_avatar_url check (avatar_url ~ '^https?://' and char_length(avatar_url) <= 2000),
  role text not null default 'agent' constraint project_members_role check (role in ('agent', 'admin')),
  status text not null default 'pending'
    constraint project_members_status check (status in ('pending', 'active', 'removed')),
  invited_by uuid references auth.users (id) on delete set null,
  invited_at timestamptz not null default now(),
  invitation_expires_at timestamptz,
  accepted_at timestamptz,
  max_concurrent_chats integer not null default 5
    constraint project_members_max_concurrent_chats check (max_concurrent_chats between 1 and 50),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint project_members_one_per_email unique (project_id, email),
  constraint project_members_active_has_user check (status <> 'active' or user_id is not null)
);
comment on table public.project_members is 'Who works for a project. The owner (projects.user_id) is an admin without a row.';
comment on column public.project_members.user_id is 'Null while the invitation is pending.';
comment on column public.project_members.invitation_expires_at is 'Until when a pending invitation can be accepted; null once it was.';

create unique index if not exists project_members_one_per_user_idx
  on public.project_members (project_id, user_id) where user_id is not null and status <> 'removed';
create index if not exists project_members_invited_email_idx on public.project_members (email) where status = 'pending';
create index if not exists project_members_user_id_idx on public.project_members (user_id) where user_id is not null;
create index if not exists project_members_invited_by_idx on public.project_members (invited_by) where invited_by is not null;

alter table public.project_members enable row level security;
revoke all on public.project_members from anon, authenticated;
grant select on public.project_members to authenticated;
grant all on public.project_members to service_role;

-- DEFINER: it reads project_members inside that table's own policy; as the caller this would recurse (42P17).
create or replace function handoff.member_projects()
returns setof uuid
language sql
stable
security definer
set search_path = ''
as $$
  select project.id from public.projects as project where project.user_id = (select auth.uid())
  union
  select member.project_id
    from public.project_members as member
   where member.user_id = (select auth.uid()) and member.status = 'active';
$$;
comment on function handoff.member_projects() is 'The projects the caller owns or is an active member of.';
revoke all on function handoff.member_projects() from public, anon, authenticated;
grant execute on function handoff.member_projects() to authenticated, service_role;

create or replace function handoff.is_member(project_id uuid)
returns boolean
language plpgsql  -- not sql: that is planned at each call
stable
security invoker
set search_path = ''
as $$
begin
  return is_member.project_id in (select handoff.member_projects());
end
$$;
comment on function handoff.is_member(uuid) is 'Whether the caller belongs to the project.';
revoke all on function handoff.is_member(uuid) from public, anon, authenticated;
grant execute on function handoff.is_member(uuid) to authenticated, service_role;

-- DEFINER: reads members of every role.
create or replace function handoff.is_admin(project_id uuid)
returns boolean
language plpgsql  -- not sql: that is planned at each call
stable
security definer
set search_path = ''
as $$
begin
  return exists (
           select 1 from public.projects as project
            where project.id = is_admin.project_id and project.user_id = (select auth.uid()))
      or exists (
           select 1 from public.project_members as member
            where member.project_id = is_admin.project_id and member.user_id = (select auth.uid())
              and member.status = 'active' and member.role = 'admin');
end
$$;
comment on function handoff.is_admin(uuid) is 'Whether the caller owns the project or is an active admin of it.';
revoke all on function handoff.is_admin(uuid) from public, anon, authenticated;
grant execute on function handoff.is_admin(uuid) to authenticated, service_role;

create or replace function handoff.require_member(project_id uuid)
returns uuid
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  caller uuid := handoff.require_user();
begin
  if not handoff.is_member(require_member.project_id) then
    perform handoff.fail(403, 'not_a_member', 'You are not a member of this project');
  end if;
  return caller;
end
$$;
comment on function handoff.require_member(uuid) is 'The caller, who belongs to the project; refuses with 401 or 403 otherwise.';
revoke all on function handoff.require_member(uuid) from public, anon, authenticated;

create or replace function handoff.require_admin(project_id uuid)
returns uuid
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  caller uuid := handoff.require_member(require_admin.project_id);
begin
  if not handoff.is_admin(require_admin.project_id) then
    perform handoff.fail(403, 'not_an_admin', 'Only the owner or an admin of the project can do this', 'Ask one of them.');
  end if;
  return caller;
end
$$;
comment on function handoff.require_admin(uuid) is 'The caller, who owns the project or is an admin of it; refuses with 401 or 403 otherwise.';
revoke all on function handoff.require_admin(uuid) from public, anon, authenticated;

do $$
begin
  if exists (select 1 from pg_catalog.pg_class as relation
              where relation.oid = 'public.projects'::regclass and relation.relrowsecurity)
     and not exists (select 1 from pg_catalog.pg_policy as policy where policy.polrelid = 'public.projects'::regclass) then
    create policy "Members can see their projects" on public.projects
      for select to authenticated using (id in (select handoff.member_projects()));
  end if;
end
$$;

drop policy if exists "Members can see the team" on public.project_members;
create policy "Members can see the team" on public.project_members
  for select to authenticated using (project_id in (select handoff.member_projects()));
