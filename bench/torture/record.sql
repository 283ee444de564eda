-- The torture run's own record of who owned what, beside the counters, decisions and events that are under test: every
-- change of a row, as the row itself had it, by row triggers. Only the run's database has it.

create schema torture;

create sequence torture.place;

create table torture.moves (
  place bigint not null default nextval('torture.place'),
  xid xid8 not null default pg_current_xact_id(),
  conversation_id uuid not null,
  old_status text,
  old_owner uuid,
  new_status text not null,
  new_owner uuid,
  skills text[] not null,
  preferred uuid,
  avoided uuid,
  avoided_until timestamptz,
  waiting_since timestamptz
);

create table torture.shifts (
  place bigint not null default nextval('torture.place'),
  xid xid8 not null default pg_current_xact_id(),
  agent_id uuid not null,
  there boolean not null,
  online boolean not null,
  chats_most integer not null,
  counter integer not null,
  skills text[] not null
);

create function torture.note_move() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into torture.moves (conversation_id, old_status, old_owner, new_status, new_owner, skills, preferred, avoided, avoided_until, waiting_since)
  values (new.id,
          case tg_op when 'UPDATE' then old.status end,
          case when tg_op = 'UPDATE' and old.status = 'agent_active' then old.assigned_agent_id end,
          new.status,
          case new.status when 'agent_active' then new.assigned_agent_id end,
          new.required_skills, new.preferred_agent_id, new.released_by, new.released_at + interval '2 minutes', new.waiting_since);
  return null;
end
$$;

create trigger torture_note_new after insert on public.conversations
  for each row execute function torture.note_move();
create trigger torture_note_move after update on public.conversations
  for each row when ((old.status, old.assigned_agent_id, old.required_skills, old.preferred_agent_id, old.released_by, old.released_at)
    is distinct from (new.status, new.assigned_agent_id, new.required_skills, new.preferred_agent_id, new.released_by, new.released_at))
  execute function torture.note_move();

create function torture.note_shift() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  agent public.agent_availability := coalesce(new, old);
begin
  insert into torture.shifts (agent_id, there, online, chats_most, counter, skills)
  values (agent.user_id, tg_op <> 'DELETE', agent.effective_status = 'online', agent.max_concurrent_chats, agent.current_chat_count, agent.skills);
  return null;
end
$$;

create trigger torture_note_shift after insert or update or delete on public.agent_availability
  for each row execute function torture.note_shift();

-- What stood there before.
insert into torture.moves (conversation_id, new_status, new_owner, skills, preferred, avoided, avoided_until, waiting_since)
select id, status, case status when 'agent_active' then assigned_agent_id end, required_skills, preferred_agent_id,
       released_by, released_at + interval '2 minutes', waiting_since
  from public.conversations;
insert into torture.shifts (agent_id, there, online, chats_most, counter, skills)
select user_id, true, effective_status = 'online', max_concurrent_chats, current_chat_count, skills from public.agent_availability;
