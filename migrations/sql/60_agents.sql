-- Agents: what they want, what can be given to them, and how much they carry (F001 section 5.3).

create table if not exists public.agent_availability (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  project_id uuid not null references public.projects (id) on delete cascade,
  status text not null default 'offline'
    constraint agent_availability_status check (status in ('online', 'busy', 'away', 'offline')),
  effective_status text not null default 'offline'
    constraint agent_availability_effective_status check (effective_status in ('online', 'busy', 'away', 'offline')),
  max_concurrent_chats integer not null default 5
    constraint agent_availability_max_chats check (max_concurrent_chats between 1 and 50),
  current_chat_count integer not null default 0
    constraint agent_availability_chat_count check (current_chat_count >= 0),
  offered_chat_count integer not null default 0
    constraint agent_availability_offered_count check (offered_chat_count >= 0),
  last_seen_at timestamptz not null default now(),
  last_assigned_at timestamptz,
  idle_since timestamptz not null default now(),
  status_changed_at timestamptz not null default now(),
  status_set_by uuid references auth.users (id) on delete set null,
  skills text[] not null default '{}',
  auto_offline_enabled boolean not null default true,
  auto_offline_minutes integer not null default 30
    constraint agent_availability_auto_offline check (auto_offline_minutes between 1 and 1440),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint agent_availability_one_per_project unique (user_id, project_id)
) with (fillfactor = 80);
alter table public.agent_availability
  add column if not exists connection text not null default 'unknown'
    constraint agent_availability_connection check (connection in ('unknown', 'live', 'suspect', 'gone')),
  add column if not exists inactive boolean not null default false,
  add column if not exists last_active_at timestamptz,
  add column if not exists effective_reason text not null default 'wanted'
    constraint agent_availability_effective_reason
      check (effective_reason in ('wanted', 'connection_suspect', 'connection_gone', 'inactive')),
  add column if not exists effective_changed_at timestamptz not null default now();
comment on table public.agent_availability is 'One row an agent and project.';
comment on column public.agent_availability.status is 'What the agent wants.';
comment on column public.agent_availability.effective_status is 'What the agent can be given chats by; derived, never set by anyone.';
comment on column public.agent_availability.effective_reason is 'Why: what the agent wants, or what presence observed. Derived with effective_status, by one rule.';
comment on column public.agent_availability.effective_changed_at is 'When effective_status last changed.';
comment on column public.agent_availability.connection is
  'What presence observed last. unknown: it does not watch this agent (docs/presence.md), so only the wish counts.';
comment on column public.agent_availability.inactive is 'Nobody has touched any of the agent''s pages for auto_offline_minutes.';
comment on column public.agent_availability.last_active_at is 'When the agent last did something, as known when connection or inactive last changed.';
comment on column public.agent_availability.current_chat_count is
  'The agent''s agent_active conversations. Counted for a new row, then written by one function (handoff.count_moves).';
comment on column public.agent_availability.offered_chat_count is
  'The agent''s open offers: each keeps a slot until it is answered. Written by the triggers of handoff.offers only.';
comment on column public.agent_availability.idle_since is
  'Since when the agent is there without a chat; says nothing about an agent who has one.';
comment on column public.agent_availability.max_concurrent_chats is
  'May be lowered below current_chat_count: it limits what is given, it takes nothing away.';
comment on column public.agent_availability.skills is 'What the agent can be given besides ordinary chats: lower case, trimmed, each once. Admins set it.';
comment on column public.agent_availability.status_set_by is 'Who set the status last: the agent, or an admin; null when the system did.';

create index if not exists agent_availability_assignable_idx
  on public.agent_availability (project_id) where effective_status = 'online';
create index if not exists agent_availability_project_id_idx on public.agent_availability (project_id);
create index if not exists agent_availability_status_set_by_idx
  on public.agent_availability (status_set_by) where status_set_by is not null;

alter table public.agent_availability enable row level security;
revoke all on public.agent_availability from anon, authenticated, service_role;
grant select on public.agent_availability to authenticated;
grant update (status, auto_offline_enabled, auto_offline_minutes) on public.agent_availability to authenticated;
-- Not current_chat_count and what else is derived: no key of the API may write these, the service role's neither.
grant select, delete on public.agent_availability to service_role;
grant insert (user_id, project_id, status, max_concurrent_chats, auto_offline_enabled, auto_offline_minutes, skills)
  on public.agent_availability to service_role;
grant update (status, max_concurrent_chats, auto_offline_enabled, auto_offline_minutes, skills)
  on public.agent_availability to service_role;

drop policy if exists "Members can see who is available" on public.agent_availability;
create policy "Members can see who is available" on public.agent_availability
  for select to authenticated using (project_id in (select handoff.member_projects()));

drop policy if exists "Agents can change their own availability" on public.agent_availability;
create policy "Agents can change their own availability" on public.agent_availability
  for update to authenticated
  using (user_id = (select auth.uid()) and project_id in (select handoff.member_projects()))
  with check (user_id = (select auth.uid()) and project_id in (select handoff.member_projects()));

create or replace function handoff.agent_profiles(projects uuid[], users uuid[])
returns table (project_id uuid, user_id uuid, agent jsonb)
language plpgsql  -- not sql: that is planned at each call, and each assignment calls it
stable
security definer  -- reads auth.users for owners, who have no member row
set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  select wanted.project_id, wanted.user_id,
         jsonb_build_object(
           'id', account.id,
           'name', coalesce(member.name, account.raw_user_meta_data ->> 'name', split_part(account.email, '@', 1), 'Agent'),
           'avatar_url', coalesce(member.avatar_url,
                                  case when account.raw_user_meta_data ? 'avatar_url'
                                       then handoff.web_address(account.raw_user_meta_data ->> 'avatar_url') end))
    from unnest(agent_profiles.projects, agent_profiles.users) as wanted (project_id, user_id)
    join auth.users as account on account.id = wanted.user_id
    left join public.project_members as member
      on member.user_id = account.id and member.project_id = wanted.project_id and member.status <> 'removed';
end
$$;
comment on function handoff.agent_profiles(uuid[], uuid[]) is 'What customers see of agents, each of one project: id, name, avatar_url.';
revoke all on function handoff.agent_profiles(uuid[], uuid[]) from public, anon, authenticated;

create or replace function handoff.agent_profile(project_id uuid, user_id uuid)
returns jsonb
language sql
stable
security definer  -- as agent_profiles
set search_path = ''
as $$
  select profile.agent from handoff.agent_profiles(array[agent_profile.project_id], array[agent_profile.user_id]) as profile;
$$;
comment on function handoff.agent_profile(uuid, uuid) is 'What a customer sees of an agent: id, name, avatar_url.';
revoke all on function handoff.agent_profile(uuid, uuid) from public, anon, authenticated;

create or replace function handoff.normal_skills(skills text[])
returns text[]
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  cleaned text[] := array(
    select distinct lower(btrim(skill)) as skill from unnest(normal_skills.skills) as skill where btrim(skill) <> '' order by skill);
begin
  if cardinality(cleaned) > 50 or exists (select 1 from unnest(cleaned) as skill where char_length(skill) > 100) then
    perform handoff.fail(400, 'skills_out_of_range', 'There are at most 50 skills of at most 100 characters');
  end if;
  return cleaned;
end
$$;
comment on function handoff.normal_skills(text[]) is 'The skills as they are compared: lower case, trimmed, without empty ones, each once, sorted.';
revoke all on function handoff.normal_skills(text[]) from public, anon, authenticated;

-- The one rule for what an agent can be given chats by. Three facts, and none overwrites another: what the agent wants
-- (status), what is observed (connection, inactive), and the project's business hours, which availability asks apart.
create or replace function handoff.effective_reason(status text, connection text, inactive boolean)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return case
    when status = 'offline' then 'wanted'
    when connection = 'gone' then 'connection_gone'
    when inactive then 'inactive'
    when connection = 'suspect' and status = 'online' then 'connection_suspect'
    else 'wanted' end;
end
$$;
comment on function handoff.effective_reason(text, text, boolean) is 'What decides an agent''s effective status.';
revoke all on function handoff.effective_reason(text, text, boolean) from public, anon, authenticated;

create or replace function handoff.effective_status(status text, reason text)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return case reason
    when 'connection_gone' then 'offline'
    when 'inactive' then 'offline'
    when 'connection_suspect' then 'away'
    else status end;
end
$$;
comment on function handoff.effective_status(text, text) is
  'The effective status for a wish and effective_reason: who is suspect gets no new chats, who is gone or inactive is offline.';
revoke all on function handoff.effective_status(text, text) from public, anon, authenticated;

-- A status set by hand is a sign of life. It comes from a client that does not beat when the connection is gone: an older
-- dashboard must not need presence to bring its agent back. From the next presence_enter on, beats count again.
create or replace function handoff.agent_spoke(agent public.agent_availability)
returns public.agent_availability
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if agent.connection = 'gone' then
    agent.connection := 'unknown';
  end if;
  agent.inactive := false;
  agent.last_active_at := now();
  return agent;
end
$$;
comment on function handoff.agent_spoke(public.agent_availability) is 'The row of an agent who has just set a status by hand.';
revoke all on function handoff.agent_spoke(public.agent_availability) from public, anon, authenticated;

-- DEFINER: looks at conversations and calls private functions, whoever writes the row.
create or replace function handoff.agent_availability_derive()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  -- One more chat or one less: most updates. What is derived stays, and is not worth a call for each agent of a batch.
  if tg_op = 'UPDATE' and (new.status, new.connection, new.inactive, new.skills) = (old.status, old.connection, old.inactive, old.skills) then
    new.effective_status := old.effective_status;
    new.effective_reason := old.effective_reason;
    if new.current_chat_count = 0 and old.current_chat_count > 0 then
      new.idle_since := now();
    end if;
    new.updated_at := now();
    return new;
  end if;
  if new.status = 'available' then
    new.status := 'online';
  end if;
  if tg_op = 'INSERT' then
    new.current_chat_count := handoff.chats_of(new.project_id, new.user_id);
  end if;
  if tg_op = 'INSERT' or new.skills is distinct from old.skills then
    new.skills := handoff.normal_skills(new.skills);
  end if;
  if tg_op = 'INSERT' or new.status <> old.status then
    new.status_changed_at := now();
    -- A new row that is offline is nobody's choice: a member joined, or opened the dashboard.
    new.status_set_by := case when tg_op = 'UPDATE' or new.status <> 'offline' then auth.uid() end;
  end if;
  if tg_op = 'UPDATE' and new.status <> old.status and auth.uid() = new.user_id then
    new := handoff.agent_spoke(new);
  end if;
  new.effective_reason := handoff.effective_reason(new.status, new.connection, new.inactive);
  new.effective_status := handoff.effective_status(new.status, new.effective_reason);
  if tg_op = 'INSERT' or new.effective_status <> old.effective_status then
    new.effective_changed_at := now();
  end if;
  -- Who was suspect for a moment keeps the place.
  if tg_op = 'INSERT' or (new.current_chat_count = 0 and old.current_chat_count > 0)
     or (new.status = 'online' and old.status <> 'online')
     or (new.effective_status = 'online' and old.effective_status = 'offline') then
    new.idle_since := now();
  end if;
  new.updated_at := now();
  return new;
end
$$;
comment on function handoff.agent_availability_derive() is 'What no caller sets: the effective status, the count of a new row, who changed the status and when.';
revoke all on function handoff.agent_availability_derive() from public, anon, authenticated;

create or replace trigger agent_availability_derive
  before insert or update on public.agent_availability
  for each row execute function handoff.agent_availability_derive();

create or replace function handoff.chats_of(project_id uuid, user_id uuid)
returns integer
language plpgsql  -- not sql: conversations come later
stable
security definer  -- called by the trigger above only
set search_path = ''
as $$
begin
  return (select count(*)::integer
            from public.conversations as conversation
           where conversation.project_id = chats_of.project_id
             and conversation.assigned_agent_id = chats_of.user_id
             and conversation.status = 'agent_active');
end
$$;
comment on function handoff.chats_of(uuid, uuid) is 'How many chats the agent has, counted.';
revoke all on function handoff.chats_of(uuid, uuid) from public, anon, authenticated;

-- DEFINER: writes the outbox, which no client may.
create or replace function handoff.agent_availability_announce()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  agent public.agent_availability := coalesce(new, old);
  profile jsonb := handoff.agent_profile(agent.project_id, agent.user_id);
  -- The offers of one who is not online are withdrawn by another trigger of this statement.
  offered integer := case agent.effective_status when 'online' then agent.offered_chat_count else 0 end;
begin
  insert into handoff.outbox (project_id, kind, payload)
  values (agent.project_id, 'presence_change', jsonb_build_object(
    'client_id', agent.user_id,
    'user_id', agent.user_id,
    'name', profile -> 'name',
    'email', (select account.email from auth.users as account where account.id = agent.user_id),
    'role', 'agent',
    'status', case when tg_op = 'DELETE' then 'offline' else agent.status end,
    'effective_status', case when tg_op = 'DELETE' then 'offline' else agent.effective_status end,
    'available_slots', case when tg_op = 'DELETE' then 0
                            else greatest(agent.max_concurrent_chats - agent.current_chat_count - offered, 0) end,
    'effective_reason', agent.effective_reason,
    'connection', case when tg_op = 'DELETE' then 'gone' else agent.connection end,
    'timestamp', now()));
  return null;
end
$$;
comment on function handoff.agent_availability_announce() is
  'presence_change: what an agent can be offered changed. An agent who left the team is offline with no slots.';
revoke all on function handoff.agent_availability_announce() from public, anon, authenticated;

create or replace trigger agent_availability_announce_new
  after insert on public.agent_availability
  for each row execute function handoff.agent_availability_announce();
create or replace trigger agent_availability_announce
  after update on public.agent_availability
  for each row when (old.effective_status is distinct from new.effective_status
                     or old.status is distinct from new.status
                     or old.effective_reason is distinct from new.effective_reason
                     or old.connection is distinct from new.connection
                     or old.max_concurrent_chats is distinct from new.max_concurrent_chats
                     or old.skills is distinct from new.skills)
  execute function handoff.agent_availability_announce();
create or replace trigger agent_availability_announce_gone
  after delete on public.agent_availability
  for each row execute function handoff.agent_availability_announce();

-- Agents come and go with their membership.

create or replace function handoff.member_chat_limit(project_id uuid, user_id uuid)
returns integer
language sql
stable
security definer  -- called for the caller's own row only; reads members and settings
set search_path = ''
as $$
  select coalesce(
    (select member.max_concurrent_chats from public.project_members as member
      where member.project_id = member_chat_limit.project_id and member.user_id = member_chat_limit.user_id
        and member.status = 'active'),
    (select settings.default_max_concurrent_chats from public.handoff_settings as settings
      where settings.project_id = member_chat_limit.project_id),
    5);
$$;
comment on function handoff.member_chat_limit(uuid, uuid) is
  'How many chats a member may hold at once: the member''s own limit, else the project''s default, else 5 (F001 5.1.2).';
revoke all on function handoff.member_chat_limit(uuid, uuid) from public, anon, authenticated;

create or replace function handoff.equip_agent(project_id uuid, user_id uuid)
returns boolean
language plpgsql
volatile
security definer  -- called by functions and triggers that know the user
set search_path = ''
as $$
begin
  -- The share lock makes a removal wait, or shows that it came first: no agent is left behind by a member who is gone.
  perform 1 from public.project_members as member
    where member.project_id = equip_agent.project_id and member.user_id = equip_agent.user_id and member.status = 'active'
      for share;
  if not found and not exists (
    select 1 from public.projects as project where project.id = equip_agent.project_id and project.user_id = equip_agent.user_id
  ) then
    return false;
  end if;
  insert into public.agent_availability (user_id, project_id, max_concurrent_chats)
  values (equip_agent.user_id, equip_agent.project_id, handoff.member_chat_limit(equip_agent.project_id, equip_agent.user_id))
  on conflict on constraint agent_availability_one_per_project do nothing;
  return true;
end
$$;
comment on function handoff.equip_agent(uuid, uuid) is
  'Makes sure that a member has a row as an agent, offline when it is new; false when the user does not belong to the project.';
revoke all on function handoff.equip_agent(uuid, uuid) from public, anon, authenticated;

create or replace function handoff.retire_agent(project_id uuid, user_id uuid)
returns void
language plpgsql
volatile
security definer  -- called by the triggers on project_members only
set search_path = ''
as $$
begin
  if exists (select 1 from public.projects as project
              where project.id = retire_agent.project_id and project.user_id = retire_agent.user_id) then
    return;  -- an owner who was a member too stays an agent
  end if;
  loop
    begin
      perform handoff.return_chats(retire_agent.project_id, retire_agent.user_id);
      delete from public.agent_availability as agent
       where agent.project_id = retire_agent.project_id and agent.user_id = retire_agent.user_id;
      if handoff.chats_of(retire_agent.project_id, retire_agent.user_id) = 0 then
        return;
      end if;
      -- The agent was given a chat while we waited for the row. Conversations are locked before agents, so let go of
      -- everything and begin again.
      raise exception using errcode = 'HF001', message = 'given a chat meanwhile';
    exception when sqlstate 'HF001' then
      null;
    end;
  end loop;
end
$$;
comment on function handoff.retire_agent(uuid, uuid) is 'Takes an agent out of a project: the chats wait again, at their old places.';
revoke all on function handoff.retire_agent(uuid, uuid) from public, anon, authenticated;

create or replace function handoff.return_chats(project_id uuid, user_id uuid)
returns void
language plpgsql
volatile
security definer  -- called by retire_agent only
set search_path = ''
as $$
declare
  -- All of them before the first is moved: with its move the agent's row is locked, and after that no other conversation may
  -- be waited for. What the agent is given meanwhile is retire_agent's to notice.
  held uuid[] := array(
    select conversation.id
      from public.conversations as conversation
     where conversation.project_id = return_chats.project_id
       and ((conversation.status = 'agent_active' and conversation.assigned_agent_id = return_chats.user_id)
            or (conversation.status = 'waiting' and conversation.preferred_agent_id = return_chats.user_id))
     order by conversation.id
       for no key update);
begin
  update public.conversations as returned
     set status = 'waiting'
   where returned.id = any (held) and returned.status = 'agent_active' and returned.assigned_agent_id = return_chats.user_id;
  -- Nobody waits for somebody who is gone.
  update public.conversations as freed
     set preferred_agent_id = null
   where freed.id = any (held) and freed.status = 'waiting' and freed.preferred_agent_id = return_chats.user_id;
end
$$;
revoke all on function handoff.return_chats(uuid, uuid) from public, anon, authenticated;
