-- What the peers of the benchmark call: gives one conversation to an agent, in one transaction, as F001 5.5.2 and 5.5.3
-- describe it and as somebody with a job for each conversation would write it.

create schema if not exists bench;

create or replace function bench.assign_one(conversation_id uuid) returns boolean language plpgsql as $$
declare
  chat public.conversations;
  agent uuid;
begin
  select * into chat from public.conversations as found
   where found.id = assign_one.conversation_id and found.status = 'waiting' for no key update;
  if not found then
    return false;
  end if;
  select free.user_id into agent from public.agent_availability as free
   where free.project_id = chat.project_id and free.effective_status = 'online' and free.current_chat_count < free.max_concurrent_chats
   order by free.max_concurrent_chats - free.current_chat_count desc, free.last_assigned_at nulls first
   limit 1 for no key update skip locked;
  if agent is null then
    raise 'nobody is free, try again';
  end if;
  update public.conversations as given set status = 'agent_active', assigned_agent_id = agent where given.id = chat.id;
  return true;
end
$$;
