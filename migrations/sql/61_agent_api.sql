-- What clients call about agents: the status they want, and their skills.

create or replace function handoff.agent_answer(agent public.agent_availability)
returns jsonb
language sql
immutable
security invoker
set search_path = ''
as $$
  select jsonb_build_object(
    'user_id', agent.user_id, 'status', agent.status, 'effective_status', agent.effective_status,
    'effective_reason', agent.effective_reason, 'connection', agent.connection,
    'status_changed_at', agent.status_changed_at, 'status_set_by', agent.status_set_by,
    'current_chat_count', agent.current_chat_count, 'max_concurrent_chats', agent.max_concurrent_chats,
    'offered_chat_count', kept.slots,
    'available_slots', greatest(agent.max_concurrent_chats - agent.current_chat_count - kept.slots, 0),
    'skills', agent.skills)
    -- A row as an update returned it: what that update withdrew, the offers of one who went, is counted there still.
    from (values (case agent.effective_status when 'online' then agent.offered_chat_count else 0 end)) as kept (slots);
$$;
comment on function handoff.agent_answer(public.agent_availability) is 'What calls about an agent answer.';
revoke all on function handoff.agent_answer(public.agent_availability) from public, anon, authenticated;

create or replace function handoff.require_agent(project_id uuid, user_id uuid)
returns void
language plpgsql
volatile
security definer  -- called by functions that have checked the caller
set search_path = ''
as $$
begin
  if not handoff.equip_agent(require_agent.project_id, require_agent.user_id) then
    perform handoff.fail(404, 'agent_not_found', 'This user does not belong to the project');
  end if;
end
$$;
comment on function handoff.require_agent(uuid, uuid) is 'Refuses with 404 unless the user belongs to the project; from then on the agent has a row.';
revoke all on function handoff.require_agent(uuid, uuid) from public, anon, authenticated;

create or replace function handoff.normal_status(status text)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  if normal_status.status is null or normal_status.status not in ('online', 'available', 'busy', 'away', 'offline') then
    perform handoff.fail(400, 'unknown_status', 'Unknown status', 'Use online (or available), busy, away or offline.');
  end if;
  return case normal_status.status when 'available' then 'online' else normal_status.status end;
end
$$;
comment on function handoff.normal_status(text) is 'The status as it is stored: available is online. Refuses what is no status.';
revoke all on function handoff.normal_status(text) from public, anon, authenticated;

drop function if exists public.set_agent_status(uuid, text);
drop function if exists handoff.set_agent_status(uuid, text);

create or replace function handoff.set_agent_status(project_id uuid, status text, user_id uuid)
returns jsonb
language plpgsql
volatile
security definer  -- changes the row of another agent, for admins
set search_path = ''
as $$
declare
  caller uuid := handoff.require_member(set_agent_status.project_id);
  target uuid := coalesce(set_agent_status.user_id, caller);
  wanted text := handoff.normal_status(set_agent_status.status);
  agent public.agent_availability;
begin
  if target <> caller then
    perform handoff.require_admin(set_agent_status.project_id);
  end if;
  -- The member's row before the counter, as everybody who changes members takes them.
  perform handoff.require_agent(set_agent_status.project_id, target);
  perform handoff.rate_limit('team', 100, interval '1 minute');
  update public.agent_availability as changed
     set status = wanted,
         status_set_by = caller,
         -- Setting the same status again is a sign of life, too (handoff.agent_spoke).
         connection = case when target = caller then (handoff.agent_spoke(changed)).connection else changed.connection end,
         inactive = changed.inactive and target <> caller,
         last_active_at = case when target = caller then now() else changed.last_active_at end,
         -- An admin's override is no sign of life.
         last_seen_at = case when target = caller then now() else changed.last_seen_at end
   where changed.project_id = set_agent_status.project_id and changed.user_id = target
  returning changed.* into agent;
  return handoff.agent_answer(agent);
end
$$;
revoke all on function handoff.set_agent_status(uuid, text, uuid) from public, anon, authenticated;
grant execute on function handoff.set_agent_status(uuid, text, uuid) to authenticated;

create or replace function public.set_agent_status(p_project_id uuid, p_status text, p_user_id uuid default null)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.set_agent_status(p_project_id, p_status, p_user_id);
$$;
comment on function public.set_agent_status(uuid, text, uuid) is
  'Sets the caller''s own status, or as an admin another member''s: online (or available), busy, away, offline. Chats are kept.';
revoke all on function public.set_agent_status(uuid, text, uuid) from public, anon, authenticated;
grant execute on function public.set_agent_status(uuid, text, uuid) to authenticated;

create or replace function handoff.set_agent_skills(project_id uuid, skills text[], user_id uuid)
returns jsonb
language plpgsql
volatile
security definer  -- agents may not write their skills
set search_path = ''
as $$
declare
  caller uuid := handoff.require_admin(set_agent_skills.project_id);
  target uuid := coalesce(set_agent_skills.user_id, caller);
  agent public.agent_availability;
begin
  -- The member's row before the counter, as everybody who changes members takes them.
  perform handoff.require_agent(set_agent_skills.project_id, target);
  perform handoff.rate_limit('team', 100, interval '1 minute');
  update public.agent_availability as changed
     set skills = coalesce(set_agent_skills.skills, '{}')
   where changed.project_id = set_agent_skills.project_id and changed.user_id = target
  returning changed.* into agent;
  return handoff.agent_answer(agent);
end
$$;
revoke all on function handoff.set_agent_skills(uuid, text[], uuid) from public, anon, authenticated;
grant execute on function handoff.set_agent_skills(uuid, text[], uuid) to authenticated;

create or replace function public.set_agent_skills(p_project_id uuid, p_skills text[], p_user_id uuid default null)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.set_agent_skills(p_project_id, p_skills, p_user_id);
$$;
comment on function public.set_agent_skills(uuid, text[], uuid) is
  'An owner or admin says what a member, or the caller, can be given: replaces all skills. They are stored in lower case, each once.';
revoke all on function public.set_agent_skills(uuid, text[], uuid) from public, anon, authenticated;
grant execute on function public.set_agent_skills(uuid, text[], uuid) to authenticated;
