-- Members: what a change of membership does elsewhere, and who may change it (F001 6.2.6).

-- What follows from a change of membership, whoever writes it: these functions, the service role, or the deletion of an
-- account.

create or replace function handoff.project_members_touch()
returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end
$$;
revoke all on function handoff.project_members_touch() from public, anon, authenticated;

create or replace trigger project_members_touch
  before update on public.project_members
  for each row execute function handoff.project_members_touch();

-- DEFINER: writes agent_availability, whoever changes the member.
create or replace function handoff.project_members_equip()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform handoff.equip_agent(new.project_id, new.user_id);
  update public.agent_availability as agent
     set max_concurrent_chats = new.max_concurrent_chats
   where agent.project_id = new.project_id and agent.user_id = new.user_id
     and agent.max_concurrent_chats <> new.max_concurrent_chats;
  return null;
end
$$;
comment on function handoff.project_members_equip() is 'An active member can be given chats, up to the limit of the member.';
revoke all on function handoff.project_members_equip() from public, anon, authenticated;

create or replace trigger project_members_equip_new
  after insert on public.project_members
  for each row when (new.status = 'active')
  execute function handoff.project_members_equip();
create or replace trigger project_members_equip
  after update on public.project_members
  for each row when (new.status = 'active'
                     and (old.status <> 'active'
                          or old.user_id is distinct from new.user_id
                          or old.max_concurrent_chats <> new.max_concurrent_chats))
  execute function handoff.project_members_equip();

-- DEFINER: moves conversations and deletes the agent, whoever changes the member.
create or replace function handoff.project_members_retire()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform handoff.retire_agent(old.project_id, old.user_id);
  return null;
end
$$;
comment on function handoff.project_members_retire() is 'Who is no longer an active member holds no chats and is given none.';
revoke all on function handoff.project_members_retire() from public, anon, authenticated;

create or replace trigger project_members_retire
  after update on public.project_members
  for each row when (old.status = 'active' and (new.status <> 'active' or new.user_id is distinct from old.user_id))
  execute function handoff.project_members_retire();
create or replace trigger project_members_retire_deleted
  after delete on public.project_members
  for each row when (old.status = 'active')
  execute function handoff.project_members_retire();

create or replace function handoff.web_address(url text)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return case when url ~ '^https?://' and char_length(url) <= 2000 then url end;
end
$$;
comment on function handoff.web_address(text) is 'The URL if a page can show it as a picture, else null: users write their metadata themselves.';
revoke all on function handoff.web_address(text) from public, anon, authenticated;

create or replace function handoff.member_answer(member public.project_members)
returns jsonb
language sql
immutable
security invoker
set search_path = ''
as $$
  select jsonb_build_object(
    'id', member.id, 'project_id', member.project_id, 'user_id', member.user_id, 'email', member.email,
    'name', member.name, 'avatar_url', member.avatar_url, 'role', member.role, 'status', member.status,
    'max_concurrent_chats', member.max_concurrent_chats, 'invited_at', member.invited_at,
    'invitation_expires_at', member.invitation_expires_at, 'accepted_at', member.accepted_at);
$$;
comment on function handoff.member_answer(public.project_members) is 'What calls about a member answer.';
revoke all on function handoff.member_answer(public.project_members) from public, anon, authenticated;

create or replace function handoff.require_role(role text)
returns void
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  if require_role.role is null or require_role.role not in ('agent', 'admin') then
    perform handoff.fail(400, 'unknown_role', 'Unknown role', 'Use agent or admin.');
  end if;
end
$$;
comment on function handoff.require_role(text) is 'Refuses what is no role of a member.';
revoke all on function handoff.require_role(text) from public, anon, authenticated;

create or replace function handoff.lock_member(member_id uuid)
returns public.project_members
language plpgsql
volatile
security definer  -- called by functions of admins
set search_path = ''
as $$
declare
  member public.project_members;
begin
  perform handoff.require_user();
  select * into member from public.project_members as found where found.id = lock_member.member_id for no key update;
  if member.id is null or not handoff.is_member(member.project_id) then
    perform handoff.fail(404, 'member_not_found', 'There is no such member');
  end if;
  perform handoff.require_admin(member.project_id);
  perform handoff.rate_limit('team', 100, interval '1 minute');
  return member;
end
$$;
comment on function handoff.lock_member(uuid) is 'The member, locked, for an owner or admin of the project; else refuses with 404 or 403.';
revoke all on function handoff.lock_member(uuid) from public, anon, authenticated;

create or replace function handoff.change_member(member_id uuid, role text, max_concurrent_chats integer, name text)
returns jsonb
language plpgsql
volatile
security definer  -- no client may write members
set search_path = ''
as $$
declare
  member public.project_members := handoff.lock_member(change_member.member_id);
begin
  perform handoff.require_role(coalesce(change_member.role, member.role));
  if member.status = 'removed' then
    perform handoff.fail(409, 'member_removed', 'This member was removed', 'Invite the address again.');
  end if;
  update public.project_members as changed
     set role = coalesce(change_member.role, changed.role),
         max_concurrent_chats = coalesce(change_member.max_concurrent_chats, changed.max_concurrent_chats),
         name = case when change_member.name is null then changed.name else nullif(btrim(change_member.name), '') end
   where changed.id = member.id
  returning changed.* into member;
  return handoff.member_answer(member);
end
$$;
revoke all on function handoff.change_member(uuid, text, integer, text) from public, anon, authenticated;
grant execute on function handoff.change_member(uuid, text, integer, text) to authenticated;

create or replace function public.change_member(
  p_member_id uuid, p_role text default null, p_max_concurrent_chats integer default null, p_name text default null
)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.change_member(p_member_id, p_role, p_max_concurrent_chats, p_name);
$$;
comment on function public.change_member(uuid, text, integer, text) is
  'An owner or admin changes a member; what is not given stays, an empty name is none. A new limit holds at once and takes nothing away.';
revoke all on function public.change_member(uuid, text, integer, text) from public, anon, authenticated;
grant execute on function public.change_member(uuid, text, integer, text) to authenticated;

create or replace function handoff.remove_member(member_id uuid)
returns jsonb
language plpgsql
volatile
security definer  -- no client may write members
set search_path = ''
as $$
declare
  member public.project_members := handoff.lock_member(remove_member.member_id);
begin
  if exists (select 1 from public.projects as project
              where project.id = member.project_id and project.user_id = member.user_id) then
    perform handoff.fail(403, 'owner_stays', 'The owner of a project cannot be removed');
  end if;
  update public.project_members as removed
     set status = 'removed', invitation_expires_at = null
   where removed.id = member.id
  returning removed.* into member;
  return handoff.member_answer(member);
end
$$;
revoke all on function handoff.remove_member(uuid) from public, anon, authenticated;
grant execute on function handoff.remove_member(uuid) to authenticated;

create or replace function public.remove_member(p_member_id uuid)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.remove_member(p_member_id);
$$;
comment on function public.remove_member(uuid) is
  'An owner or admin removes a member, or withdraws an invitation. The member loses access at once; the member''s chats wait again at their old place.';
revoke all on function public.remove_member(uuid) from public, anon, authenticated;
grant execute on function public.remove_member(uuid) to authenticated;

create or replace function handoff.update_my_profile(project_id uuid, name text, avatar_url text)
returns jsonb
language plpgsql
volatile
security definer  -- no client may write members; the caller's own row only
set search_path = ''
as $$
declare
  caller uuid := handoff.require_member(update_my_profile.project_id);
  member public.project_members;
begin
  update public.project_members as own
     set name = case when update_my_profile.name is null then own.name else nullif(btrim(update_my_profile.name), '') end,
         avatar_url = case when update_my_profile.avatar_url is null then own.avatar_url
                           else nullif(btrim(update_my_profile.avatar_url), '') end
   where own.project_id = update_my_profile.project_id and own.user_id = caller and own.status = 'active'
  returning own.* into member;
  if not found then
    perform handoff.fail(409, 'owner_without_profile', 'The owner has no profile in the project',
                         'Change name and avatar_url of the account: supabase.auth.updateUser({ data: { ... } }).');
  end if;
  -- The member's row before the counter, as everybody who changes members takes them.
  perform handoff.rate_limit('team', 100, interval '1 minute');
  return handoff.member_answer(member);
end
$$;
revoke all on function handoff.update_my_profile(uuid, text, text) from public, anon, authenticated;
grant execute on function handoff.update_my_profile(uuid, text, text) to authenticated;

create or replace function public.update_my_profile(p_project_id uuid, p_name text default null, p_avatar_url text default null)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.update_my_profile(p_project_id, p_name, p_avatar_url);
$$;
comment on function public.update_my_profile(uuid, text, text) is
  'A member changes the own name and picture as customers of this project see them; what is not given stays, empty means none.';
revoke all on function public.update_my_profile(uuid, text, text) from public, anon, authenticated;
grant execute on function public.update_my_profile(uuid, text, text) to authenticated;
