-- Healing a gap: Realtime may lose a broadcast, the database has not.

create or replace function handoff.public_payload(event handoff.outbox)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  -- Exactly what the bridge broadcasts on the conversation's topic (realtime/broadcast, a test compares the two).
  select jsonb_build_object('v', 1, 'id', event.id::text, 'seq', event.seq)
      || case event.kind
           when 'agent_assigned' then jsonb_build_object('conversation_id', event.conversation_id, 'agent', event.payload -> 'agent')
           else event.payload
         end;
$$;
revoke all on function handoff.public_payload(handoff.outbox) from public, anon, authenticated;

create or replace function handoff.conversation_sync(conversation_id uuid, since bigint)
returns jsonb
language plpgsql
stable
security definer  -- nobody may read the outbox
set search_path = ''
as $$
declare
  conversation public.conversations := handoff.visible_conversation(conversation_sync.conversation_id);
  events jsonb;
  first_seq bigint;
begin
  select jsonb_agg(jsonb_build_object('event', event.kind, 'payload', handoff.public_payload(event)) order by event.seq),
         min(event.seq)
    into events, first_seq
    from handoff.outbox as event
   where event.conversation_id = conversation.id and event.seq > greatest(conversation_sync.since, 0);
  return jsonb_build_object(
    'conversation', handoff.conversation_for_visitor(conversation),
    'event_seq', conversation.event_seq,
    -- False: older events than asked for are no longer kept. Read the transcript and go on from event_seq.
    'complete', coalesce(first_seq, conversation.event_seq + 1) = greatest(conversation_sync.since, 0) + 1,
    'events', coalesce(events, '[]'::jsonb));
end
$$;
revoke all on function handoff.conversation_sync(uuid, bigint) from public, anon, authenticated;
grant execute on function handoff.conversation_sync(uuid, bigint) to authenticated;

create or replace function public.conversation_sync(p_conversation_id uuid, p_since bigint default 0)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select handoff.conversation_sync(p_conversation_id, p_since);
$$;
comment on function public.conversation_sync(uuid, bigint) is
  'Every event of the conversation''s topic after number p_since, as broadcast, and where the conversation stands now.';
revoke all on function public.conversation_sync(uuid, bigint) from public, anon, authenticated;
grant execute on function public.conversation_sync(uuid, bigint) to authenticated;
