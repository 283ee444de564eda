-- Presence: demand. Visitors beat fast while their chat waits, is with an agent, or is watched (docs/presence.md).

create or replace function handoff.watchers_of(conversation_id uuid, moment timestamptz)
returns jsonb
language sql
stable
security definer  -- called by functions that have checked the caller
set search_path = ''
as $$
  select coalesce(jsonb_agg(distinct watching.user_id), '[]'::jsonb)
    from handoff.conversation_watchers as watching
   where watching.conversation_id = watchers_of.conversation_id and watching.until > moment;
$$;
comment on function handoff.watchers_of(uuid, timestamptz) is 'The users who have the conversation open.';
revoke all on function handoff.watchers_of(uuid, timestamptz) from public, anon, authenticated;

create or replace function handoff.require_members_conversation(conversation_id uuid)
returns public.conversations
language plpgsql
stable
security definer  -- one answer for members and strangers
set search_path = ''
as $$
declare
  conversation public.conversations := handoff.visible_conversation(require_members_conversation.conversation_id);
begin
  perform handoff.require_member(conversation.project_id);
  return conversation;
end
$$;
comment on function handoff.require_members_conversation(uuid) is 'The conversation, if the caller belongs to its project; else refuses with 404, or 403 its visitor.';
revoke all on function handoff.require_members_conversation(uuid) from public, anon, authenticated;

create or replace function handoff.watch_conversation(
  conversation_id uuid, connection_id uuid, moment timestamptz default now()
)
returns jsonb
language plpgsql
volatile
security definer  -- watchers are written by functions only
set search_path = ''
as $$
declare
  conversation public.conversations := handoff.require_members_conversation(watch_conversation.conversation_id);
  demanded boolean := conversation.status in ('waiting', 'agent_active') or handoff.is_watched(conversation.id, moment);
begin
  perform handoff.rate_limit('watch', 100, interval '1 minute');
  insert into handoff.conversation_watchers as watching (conversation_id, watcher, user_id, until)
  values (conversation.id, coalesce(watch_conversation.connection_id, auth.uid()), auth.uid(), moment + interval '120 seconds')
  on conflict on constraint conversation_watchers_pkey do update set until = excluded.until
   where watching.user_id = excluded.user_id;
  if not demanded and conversation.status <> 'closed' then
    insert into handoff.outbox (project_id, conversation_id, kind, payload)
    values (conversation.project_id, conversation.id, 'presence_demand',
            jsonb_build_object('conversation_id', conversation.id, 'next_beat_seconds', 10));
  end if;
  return jsonb_build_object('watching', true, 'watch_seconds', 120, 'watchers', handoff.watchers_of(conversation.id, moment));
end
$$;
comment on function handoff.watch_conversation(uuid, uuid, timestamptz) is
  'A member looks at a conversation for the next two minutes; its visitor is told to beat fast unless they do already.';
revoke all on function handoff.watch_conversation(uuid, uuid, timestamptz) from public, anon, authenticated;
grant execute on function handoff.watch_conversation(uuid, uuid, timestamptz) to authenticated;

create or replace function public.watch_conversation(p_conversation_id uuid, p_connection_id uuid default null)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.watch_conversation(p_conversation_id, p_connection_id);
$$;
comment on function public.watch_conversation(uuid, uuid) is
  'A member has the conversation open: its visitor beats every 10 seconds. Good for two minutes; call it again each minute. Ends with the connection, if one is named.';
revoke all on function public.watch_conversation(uuid, uuid) from public, anon, authenticated;
grant execute on function public.watch_conversation(uuid, uuid) to authenticated;

create or replace function handoff.unwatch_conversation(
  conversation_id uuid, connection_id uuid, moment timestamptz default now()
)
returns jsonb
language plpgsql
volatile
security definer  -- watchers are written by functions only
set search_path = ''
as $$
declare
  conversation public.conversations := handoff.require_members_conversation(unwatch_conversation.conversation_id);
begin
  delete from handoff.conversation_watchers as watching
   where watching.conversation_id = conversation.id
     and watching.watcher = coalesce(unwatch_conversation.connection_id, auth.uid()) and watching.user_id = auth.uid();
  return jsonb_build_object('watching', false, 'watchers', handoff.watchers_of(conversation.id, moment));
end
$$;
revoke all on function handoff.unwatch_conversation(uuid, uuid, timestamptz) from public, anon, authenticated;
grant execute on function handoff.unwatch_conversation(uuid, uuid, timestamptz) to authenticated;

create or replace function public.unwatch_conversation(p_conversation_id uuid, p_connection_id uuid default null)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.unwatch_conversation(p_conversation_id, p_connection_id);
$$;
comment on function public.unwatch_conversation(uuid, uuid) is 'The member no longer looks at the conversation; its visitor beats slowly again from the next beat on.';
revoke all on function public.unwatch_conversation(uuid, uuid) from public, anon, authenticated;
grant execute on function public.unwatch_conversation(uuid, uuid) to authenticated;
