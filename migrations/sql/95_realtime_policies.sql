-- Who may listen to which private channel. Writing to them is for the service role alone, but for the typing topics, where
-- the two sides of a conversation send to each other: Realtime cannot tell one event of a topic from another, so
-- what clients may send has a topic of its own, and nothing that the worker says there could be forged.
-- A file of its own: on hosted Supabase the table is not ours, and policies are the only thing we may add to it.

create or replace function handoff.can_listen(topic text)
returns boolean
language plpgsql
stable
security definer  -- visitors cannot read conversations
set search_path = ''
as $$
declare
  part text[] := string_to_array(can_listen.topic, ':');
  subject uuid;
begin
  if part[2] !~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then
    return false;
  end if;
  subject := part[2]::uuid;
  return case
    when part[1] = 'conversation' and (cardinality(part) = 2 or (cardinality(part) = 3 and part[3] = 'typing')) then exists (
      select 1 from public.conversations as conversation
       where conversation.id = subject
         and ((conversation.visitor_user_id = (select auth.uid()) and conversation.cleared_at is null)
              or conversation.project_id in (select handoff.member_projects())))
    when part[1] = 'project' and cardinality(part) = 3 and part[3] = 'agents' then handoff.is_member(subject)
    when part[1] = 'presence' and cardinality(part) = 2 then handoff.is_member(subject)
    when part[1] = 'agent' and cardinality(part) = 2 then subject = (select auth.uid())
    else false
  end;
end
$$;
comment on function handoff.can_listen(text) is 'Whether the caller may receive a topic of ours (docs/events.md).';
revoke all on function handoff.can_listen(text) from public, anon, authenticated;
grant execute on function handoff.can_listen(text) to authenticated;

drop policy if exists "Handoff: listen to your own topics" on realtime.messages;
create policy "Handoff: listen to your own topics" on realtime.messages
  for select to authenticated
  using (realtime.messages.extension = 'broadcast' and (select handoff.can_listen((select realtime.topic()))));

create or replace function handoff.can_send(topic text)
returns boolean
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return can_send.topic like 'conversation:%:typing' and handoff.can_listen(can_send.topic);
end
$$;
comment on function handoff.can_send(text) is 'Whether the caller may send on a topic of ours: who may listen to a typing topic may also type.';
revoke all on function handoff.can_send(text) from public, anon, authenticated;
grant execute on function handoff.can_send(text) to authenticated;

drop policy if exists "Handoff: tell the other side that you are typing" on realtime.messages;
create policy "Handoff: tell the other side that you are typing" on realtime.messages
  for insert to authenticated
  with check (realtime.messages.extension = 'broadcast' and (select handoff.can_send((select realtime.topic()))));

notify pgrst, 'reload schema';
