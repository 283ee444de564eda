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
  last_seen_at timestamptz not null default now(),
  last_assigned_at timestamptz,
  status_changed_at timestamptz not null default now(),
  auto_offline_enabled boolean not null default true,
  auto_offline_minutes integer not null default 30
    constraint agent_availability_auto_offline check (auto_offline_minutes between 1 and 1440),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint agent_availability_one_per_project unique (user_id, project_id)
) with (fillfactor = 80);
comment on table public.agent_availability is 'One row an agent and project.';
comment on column public.agent_availability.status is 'What the agent wants.';
comment on column public.agent_availability.effective_status is 'What the agent can be given chats by; derived, never set by anyone.';
comment on column public.agent_availability.current_chat_count is
  'The agent''s agent_active conversations. Written by one trigger (handoff.conversations_count), always equal to a recount.';
comment on column public.agent_availability.max_concurrent_chats is
  'May be lowered below current_chat_count: it limits what is given, it takes nothing away.';

create index if not exists agent_availability_assignable_idx
  on public.agent_availability (project_id) where effective_status = 'online';

alter table public.agent_availability enable row level security;
revoke all on public.agent_availability from anon, authenticated;
grant select on public.agent_availability to authenticated;
grant all on public.agent_availability to service_role;

drop policy if exists "Members can see who is available" on public.agent_availability;
create policy "Members can see who is available" on public.agent_availability
  for select to authenticated using (project_id in (select handoff.member_projects()));

create or replace function handoff.agent_profile(project_id uuid, user_id uuid)
returns jsonb
language sql
stable
security definer  -- reads auth.users for owners, who have no member row
set search_path = ''
as $$
  select jsonb_build_object(
           'id', account.id,
           'name', coalesce(member.name, account.raw_user_meta_data ->> 'name', split_part(account.email, '@', 1), 'Agent'),
           'avatar_url', coalesce(member.avatar_url, account.raw_user_meta_data ->> 'avatar_url'))
    from auth.users as account
    left join public.project_members as member
      on member.user_id = account.id and member.project_id = agent_profile.project_id and member.status <> 'removed'
   where account.id = agent_profile.user_id;
$$;
comment on function handoff.agent_profile(uuid, uuid) is 'What a customer sees of an agent: id, name, avatar_url.';
revoke all on function handoff.agent_profile(uuid, uuid) from public, anon, authenticated;

create or replace function handoff.agent_availability_derive()
returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
  new.effective_status := new.status;
  new.updated_at := now();
  if tg_op = 'INSERT' or new.status is distinct from old.status then
    new.status_changed_at := now();
  end if;
  return new;
end
$$;
revoke all on function handoff.agent_availability_derive() from public, anon, authenticated;

create or replace trigger agent_availability_derive
  before insert or update on public.agent_availability
  for each row execute function handoff.agent_availability_derive();

-- DEFINER: writes the outbox, which no client may.
create or replace function handoff.agent_availability_announce()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  profile jsonb := handoff.agent_profile(new.project_id, new.user_id);
begin
  insert into handoff.outbox (project_id, kind, payload)
  values (new.project_id, 'presence_change', jsonb_build_object(
    'user_id', new.user_id,
    'name', profile -> 'name',
    'email', (select account.email from auth.users as account where account.id = new.user_id),
    'role', 'agent',
    'status', new.status,
    'effective_status', new.effective_status,
    'available_slots', greatest(new.max_concurrent_chats - new.current_chat_count, 0),
    'timestamp', now()));
  return null;
end
$$;
revoke all on function handoff.agent_availability_announce() from public, anon, authenticated;

create or replace trigger agent_availability_announce_new
  after insert on public.agent_availability
  for each row when (new.effective_status <> 'offline')
  execute function handoff.agent_availability_announce();
create or replace trigger agent_availability_announce
  after update on public.agent_availability
  for each row when (old.effective_status is distinct from new.effective_status
                     or old.status is distinct from new.status
                     or old.max_concurrent_chats is distinct from new.max_concurrent_chats)
  execute function handoff.agent_availability_announce();

-- DEFINER: creates the caller's row with the limit an admin chose.
create or replace function handoff.set_agent_status(project_id uuid, status text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  caller uuid := handoff.require_user();
  wanted text := case set_agent_status.status when 'available' then 'online' else set_agent_status.status end;
  agent public.agent_availability;
begin
  if not handoff.is_member(set_agent_status.project_id) then
    perform handoff.fail(403, 'not_a_member', 'You are not a member of this project');
  end if;
  if wanted is null or wanted not in ('online', 'busy', 'away', 'offline') then
    perform handoff.fail(400, 'unknown_status', 'Unknown status', 'Use online (or available), busy, away or offline.');
  end if;
  insert into public.agent_availability as existing (user_id, project_id, status, max_concurrent_chats)
  values (caller, set_agent_status.project_id, wanted, handoff.member_chat_limit(set_agent_status.project_id, caller))
  on conflict on constraint agent_availability_one_per_project
  do update set status = excluded.status, last_seen_at = now()
  returning existing.* into agent;
  return jsonb_build_object(
    'status', agent.status, 'effective_status', agent.effective_status,
    'current_chat_count', agent.current_chat_count, 'max_concurrent_chats', agent.max_concurrent_chats,
    'available_slots', greatest(agent.max_concurrent_chats - agent.current_chat_count, 0));
end
$$;
revoke all on function handoff.set_agent_status(uuid, text) from public, anon, authenticated;
grant execute on function handoff.set_agent_status(uuid, text) to authenticated;

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

create or replace function public.set_agent_status(p_project_id uuid, p_status text)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.set_agent_status(p_project_id, p_status);
$$;
comment on function public.set_agent_status(uuid, text) is 'Sets the caller''s own status: online (or available), busy, away, offline.';
revoke all on function public.set_agent_status(uuid, text) from public, anon, authenticated;
grant execute on function public.set_agent_status(uuid, text) to authenticated;
