-- News about a project itself: its settings and its team.

-- DEFINER: writes the outbox, which no client may.
create or replace function handoff.settings_announce()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  project uuid := case tg_op when 'DELETE' then old.project_id else new.project_id end;
begin
  -- When a whole project goes, nobody is left to hear of it.
  if exists (select 1 from public.projects as found where found.id = project) then
    insert into handoff.outbox (project_id, kind, payload)
    values (project, 'settings_changed', jsonb_build_object('project_id', project));
  end if;
  return null;
end
$$;
revoke all on function handoff.settings_announce() from public, anon, authenticated;

create or replace trigger handoff_settings_announce
  after insert or update or delete on public.handoff_settings
  for each row execute function handoff.settings_announce();
create or replace trigger business_hours_exceptions_announce
  after insert or update or delete on public.business_hours_exceptions
  for each row execute function handoff.settings_announce();

-- DEFINER: writes the outbox, which no client may.
create or replace function handoff.members_announce()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into handoff.outbox (project_id, kind, payload)
  values (new.project_id, 'member_changed', jsonb_build_object('member', jsonb_build_object(
    'id', new.id, 'user_id', new.user_id, 'email', new.email, 'name', new.name, 'avatar_url', new.avatar_url,
    'role', new.role, 'status', new.status, 'max_concurrent_chats', new.max_concurrent_chats)));
  return null;
end
$$;
revoke all on function handoff.members_announce() from public, anon, authenticated;

create or replace trigger project_members_announce
  after insert or update of user_id, name, avatar_url, role, status, max_concurrent_chats on public.project_members
  for each row execute function handoff.members_announce();
