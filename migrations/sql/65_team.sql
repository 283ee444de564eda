-- The team as its members see it.

create or replace function handoff.team(project_id uuid)
returns table (user_id uuid, role text)
language sql
stable
security definer  -- called by functions that have checked the caller
set search_path = ''
as $$
  select project.user_id, 'owner' from public.projects as project where project.id = team.project_id
  union all
  select member.user_id, member.role
    from public.project_members as member
    join public.projects as project on project.id = member.project_id and project.user_id <> member.user_id
   where member.project_id = team.project_id and member.status = 'active';
$$;
comment on function handoff.team(uuid) is 'The owner and the active members of a project, each once.';
revoke all on function handoff.team(uuid) from public, anon, authenticated;

create or replace function handoff.list_agents(project_id uuid, wanted_status text, wanted_skill text)
returns table (
  user_id uuid, name text, email text, avatar_url text, role text, status text, effective_status text,
  current_chat_count integer, max_concurrent_chats integer, available_slots integer, can_receive_chats boolean,
  skills text[], last_seen_at timestamptz, status_changed_at timestamptz
)
language plpgsql
stable
security definer  -- reads auth.users, and members without a row as agents
set search_path = ''
as $$
#variable_conflict use_column
declare
  -- Null is every status.
  wanted text := case when list_agents.wanted_status is not null then handoff.normal_status(list_agents.wanted_status) end;
begin
  perform handoff.require_member(list_agents.project_id);
  return query
    select person.user_id, profile.of ->> 'name', account.email::text, profile.of ->> 'avatar_url', person.role,
           coalesce(agent.status, 'offline'), coalesce(agent.effective_status, 'offline'),
           coalesce(agent.current_chat_count, 0), most.chats,
           greatest(most.chats - coalesce(agent.current_chat_count + agent.offered_chat_count, 0), 0),
           coalesce(agent.effective_status = 'online' and agent.current_chat_count + agent.offered_chat_count < most.chats, false),
           coalesce(agent.skills, '{}'), agent.last_seen_at, agent.status_changed_at
      from handoff.team(list_agents.project_id) as person
      join auth.users as account on account.id = person.user_id
      left join public.agent_availability as agent
        on agent.project_id = list_agents.project_id and agent.user_id = person.user_id
     -- The offset keeps the planner from asking once for each of its fields.
     cross join lateral (select handoff.agent_profile(list_agents.project_id, person.user_id) as of offset 0) as profile
     cross join lateral (
        select coalesce(agent.max_concurrent_chats, handoff.member_chat_limit(list_agents.project_id, person.user_id)) as chats
      ) as most
     where (wanted is null or coalesce(agent.effective_status, 'offline') = wanted)
       and (list_agents.wanted_skill is null or lower(btrim(list_agents.wanted_skill)) = any (agent.skills))
     order by profile.of ->> 'name', person.user_id;
end
$$;
revoke all on function handoff.list_agents(uuid, text, text) from public, anon, authenticated;
grant execute on function handoff.list_agents(uuid, text, text) to authenticated;

create or replace function public.list_agents(p_project_id uuid, p_status text default null, p_skill text default null)
returns table (
  user_id uuid, name text, email text, avatar_url text, role text, status text, effective_status text,
  current_chat_count integer, max_concurrent_chats integer, available_slots integer, can_receive_chats boolean,
  skills text[], last_seen_at timestamptz, status_changed_at timestamptz
)
language sql
stable
security invoker
set search_path = ''
as $$
  select agent.* from handoff.list_agents(p_project_id, p_status, p_skill) as agent;
$$;
comment on function public.list_agents(uuid, text, text) is
  'The team for its members: the owner and every active member, also those who never went online; on request only those with this effective status, or skill.';
revoke all on function public.list_agents(uuid, text, text) from public, anon, authenticated;
grant execute on function public.list_agents(uuid, text, text) to authenticated;
