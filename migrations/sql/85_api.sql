-- What clients call. Each function in public is a thin INVOKER wrapper; its body in handoff checks the caller itself.

create or replace function handoff.require_sight(visitor_user_id uuid, cleared_at timestamptz, project_id uuid)
returns void
language plpgsql
stable
security definer  -- asks who is a member
set search_path = ''
as $$
declare
  caller uuid := handoff.require_user();
begin
  if (require_sight.visitor_user_id = caller and require_sight.cleared_at is null) is not true
     and handoff.is_member(require_sight.project_id) is not true then
    -- The same answer for one that does not exist: an id tells a stranger nothing.
    perform handoff.fail(404, 'conversation_not_found', 'There is no such conversation');
  end if;
end
$$;
comment on function handoff.require_sight(uuid, timestamptz, uuid) is
  'Refuses with 404 unless the caller is the visitor of this conversation, or a member of its project.';
revoke all on function handoff.require_sight(uuid, timestamptz, uuid) from public, anon, authenticated;

create or replace function handoff.visible_conversation(conversation_id uuid)
returns public.conversations
language plpgsql
stable
security definer  -- visitors cannot read conversations
set search_path = ''
as $$
declare
  conversation public.conversations;
begin
  select * into conversation from public.conversations as found where found.id = visible_conversation.conversation_id;
  perform handoff.require_sight(conversation.visitor_user_id, conversation.cleared_at, conversation.project_id);
  return conversation;
end
$$;
comment on function handoff.visible_conversation(uuid) is 'The conversation, if the caller is its visitor or a member of its project; else refuses with 404.';
revoke all on function handoff.visible_conversation(uuid) from public, anon, authenticated;

-- Of the row's fifty columns each costs a little, and every message comes through here: so it gives the one that is asked for.
drop function if exists handoff.lock_to_write(uuid);
create or replace function handoff.lock_to_write(conversation_id uuid, caller uuid)
returns uuid
language plpgsql
volatile
security definer  -- visitors cannot read conversations
set search_path = ''
as $$
declare
  visitor uuid;
  cleared timestamptz;
  project uuid;
begin
  select found.visitor_user_id, found.cleared_at, found.project_id into visitor, cleared, project
    from public.conversations as found
   where found.id = lock_to_write.conversation_id
     for no key update;
  if (visitor = lock_to_write.caller and cleared is null) is not true then  -- else its visitor writes, and most calls are spared the call
    perform handoff.require_sight(visitor, cleared, project);
  end if;
  return visitor;
end
$$;
comment on function handoff.lock_to_write(uuid, uuid) is
  'Locks the conversation, as write_message wants it, and gives the user whose it is. Refuses the caller as visible_conversation does.';
revoke all on function handoff.lock_to_write(uuid, uuid) from public, anon, authenticated;

create or replace function handoff.start_conversation(project_id uuid, visitor_id text, source text, metadata jsonb)
returns jsonb
language plpgsql
volatile
security definer  -- visitors may not write these tables
set search_path = ''
as $$
#variable_conflict use_column
declare
  caller uuid := handoff.require_user();
  customer public.customers;
  conversation public.conversations;
begin
  perform handoff.rate_limit('visitor', 30, interval '1 minute');
  perform handoff.require_project(start_conversation.project_id);
  customer := handoff.customer_for_visitor(start_conversation.project_id, start_conversation.visitor_id,
                                           start_conversation.metadata);
  loop
    insert into public.conversations (project_id, customer_id, visitor_id, visitor_user_id, source, metadata,
                                      customer_email, customer_name)
    values (start_conversation.project_id, customer.id, start_conversation.visitor_id, caller, start_conversation.source,
            coalesce(start_conversation.metadata, '{}'::jsonb), customer.email, customer.name)
    on conflict (project_id, visitor_user_id) where status <> 'closed' and visitor_user_id is not null do nothing
    returning * into conversation;
    exit when found;
    select * into conversation
      from public.conversations as open
     where open.project_id = start_conversation.project_id and open.visitor_user_id = caller and open.status <> 'closed';
    exit when found;  -- else it was closed between the two statements: begin again
  end loop;
  return handoff.conversation_for_visitor(conversation);
end
$$;
revoke all on function handoff.start_conversation(uuid, text, text, jsonb) from public, anon, authenticated;
grant execute on function handoff.start_conversation(uuid, text, text, jsonb) to authenticated;

create or replace function handoff.conversation_for_visitor(conversation public.conversations)
returns jsonb
language plpgsql
stable
security definer  -- names the agent
set search_path = ''
as $$
begin
  return jsonb_build_object(
    'id', conversation.id, 'project_id', conversation.project_id, 'status', conversation.status,
    'agent', case when conversation.status = 'agent_active'
                  then handoff.agent_profile(conversation.project_id, conversation.assigned_agent_id) end,
    'event_seq', conversation.event_seq, 'created_at', conversation.created_at,
    'last_message_at', conversation.last_message_at);
end
$$;
comment on function handoff.conversation_for_visitor(public.conversations) is 'What the visitor may know of the conversation.';
revoke all on function handoff.conversation_for_visitor(public.conversations) from public, anon, authenticated;

create or replace function public.start_conversation(
  p_project_id uuid, p_visitor_id text, p_source text default 'widget', p_metadata jsonb default '{}'::jsonb
)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.start_conversation(p_project_id, p_visitor_id, p_source, p_metadata);
$$;
comment on function public.start_conversation(uuid, text, text, jsonb) is 'The caller''s open conversation with the project; begins one if there is none.';
revoke all on function public.start_conversation(uuid, text, text, jsonb) from public, anon, authenticated;
grant execute on function public.start_conversation(uuid, text, text, jsonb) to authenticated;

-- The messages themselves are what is counted, for they have their times: a counter beside them would be one more row to write
-- for each. Two at once in two conversations may both be the tenth.
create or replace function handoff.limit_messages(sender uuid)
returns void
language plpgsql
stable
security invoker  -- called by functions that have checked the sender
set search_path = ''
as $$
declare
  tenth timestamptz;
begin
  select written.created_at into tenth
    from public.messages as written
   where written.sender_id = sender and written.sender_type = 'customer' and written.created_at > now() - interval '1 minute'
   order by written.created_at desc
  offset 9 limit 1;
  if found then
    perform handoff.too_many(tenth + interval '1 minute' - now());
  end if;
end
$$;
comment on function handoff.limit_messages(uuid) is 'Refuses with 429 when the visitor has written ten messages within the last minute (F001 8.3).';
revoke all on function handoff.limit_messages(uuid) from public, anon, authenticated;

create or replace function handoff.write_message(
  conversation_id uuid, sender_type text, sender_id uuid, content text, client_message_id uuid, metadata jsonb
)
returns jsonb
language plpgsql
volatile
security definer  -- called by functions that have checked the sender
set search_path = ''
as $$
declare
  message jsonb;
begin
  if write_message.client_message_id is not null then
    select to_jsonb(earlier) - 'project_id' into message
      from public.messages as earlier
     where earlier.conversation_id = write_message.conversation_id
       and earlier.client_message_id = write_message.client_message_id;
    if found then
      return message;
    end if;
  end if;
  if write_message.sender_type = 'customer' then
    perform handoff.limit_messages(write_message.sender_id);
  end if;
  insert into public.messages as written (conversation_id, sender_type, sender_id, content, client_message_id, metadata)
  values (write_message.conversation_id, write_message.sender_type, write_message.sender_id, write_message.content,
          write_message.client_message_id, write_message.metadata)
  returning to_jsonb(written) - 'project_id' into message;
  return message;
end
$$;
comment on function handoff.write_message(uuid, text, uuid, text, uuid, jsonb) is
  'Writes a message once: the same client_message_id again returns the first one. The caller holds a lock on the conversation: a twin that is being written would be missed.';
revoke all on function handoff.write_message(uuid, text, uuid, text, uuid, jsonb) from public, anon, authenticated;

create or replace function handoff.send_message(conversation_id uuid, content text, client_message_id uuid)
returns jsonb
language plpgsql
volatile
security definer  -- visitors may not write messages
set search_path = ''
as $$
declare
  caller uuid := auth.uid();
  visitor uuid := handoff.lock_to_write(send_message.conversation_id, caller);
begin
  return handoff.write_message(send_message.conversation_id, case when visitor = caller then 'customer' else 'agent' end, caller,
                               send_message.content, send_message.client_message_id, '{}'::jsonb);
end
$$;
revoke all on function handoff.send_message(uuid, text, uuid) from public, anon, authenticated;
grant execute on function handoff.send_message(uuid, text, uuid) to authenticated;

create or replace function public.send_message(p_conversation_id uuid, p_content text, p_client_message_id uuid default null)
returns jsonb
language plpgsql  -- not sql: that is planned at each call
volatile
security invoker
set search_path = ''
as $$
begin
  return handoff.send_message(p_conversation_id, p_content, p_client_message_id);
end
$$;
comment on function public.send_message(uuid, text, uuid) is 'Writes a message as the caller: the visitor of the conversation, or its agent.';
revoke all on function public.send_message(uuid, text, uuid) from public, anon, authenticated;
grant execute on function public.send_message(uuid, text, uuid) to authenticated;

create or replace function handoff.post_ai_message(
  conversation_id uuid, content text, confidence double precision, sources jsonb, model text, client_message_id uuid
)
returns jsonb
language plpgsql
volatile
security definer  -- the service role writes through the same path as everybody
set search_path = ''
as $$
begin
  if post_ai_message.confidence not between 0 and 1 then
    perform handoff.fail(400, 'confidence_out_of_range', 'The confidence must be between 0 and 1');
  end if;
  perform 1 from public.conversations as found where found.id = post_ai_message.conversation_id for no key update;
  if not found then
    perform handoff.fail(404, 'conversation_not_found', 'There is no such conversation');
  end if;
  return handoff.write_message(post_ai_message.conversation_id, 'ai', null, post_ai_message.content,
    post_ai_message.client_message_id,
    jsonb_strip_nulls(jsonb_build_object('confidence', confidence, 'sources', sources, 'model', model)));
end
$$;
revoke all on function handoff.post_ai_message(uuid, text, double precision, jsonb, text, uuid) from public, anon, authenticated;
grant execute on function handoff.post_ai_message(uuid, text, double precision, jsonb, text, uuid) to service_role;

create or replace function public.post_ai_message(
  p_conversation_id uuid, p_content text, p_confidence double precision default null, p_sources jsonb default null,
  p_model text default null, p_client_message_id uuid default null
)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.post_ai_message(p_conversation_id, p_content, p_confidence, p_sources, p_model, p_client_message_id);
$$;
comment on function public.post_ai_message(uuid, text, double precision, jsonb, text, uuid) is
  'Writes the AI''s answer (service role only). A confidence below the project''s threshold hands the conversation off.';
revoke all on function public.post_ai_message(uuid, text, double precision, jsonb, text, uuid) from public, anon, authenticated;
grant execute on function public.post_ai_message(uuid, text, double precision, jsonb, text, uuid) to service_role;

create or replace function public.get_handoff_availability(p_project_id uuid)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select handoff.availability(p_project_id);
$$;
comment on function public.get_handoff_availability(uuid) is 'Whether a person can take over now, why not, and what the widget shows (F001 5.10).';
revoke all on function public.get_handoff_availability(uuid) from public, anon, authenticated;
grant execute on function public.get_handoff_availability(uuid) to anon, authenticated, service_role;

create or replace function handoff.request_handoff(conversation_id uuid, reason text, customer_email text, customer_name text)
returns jsonb
language plpgsql
volatile
security definer  -- moves a conversation on behalf of its visitor
set search_path = ''
as $$
declare
  conversation public.conversations;
  availability jsonb;
begin
  if coalesce(request_handoff.reason, '') not in ('button_click', 'customer_request') then
    perform handoff.fail(400, 'unknown_reason', 'Unknown reason', 'Use button_click or customer_request.');
  end if;
  conversation := handoff.visitors_conversation(request_handoff.conversation_id);
  if btrim(request_handoff.customer_email) <> '' then
    -- Customers are locked before conversations.
    perform handoff.link_email(conversation.project_id, conversation.visitor_id, request_handoff.customer_email,
                               request_handoff.customer_name);
  end if;
  conversation := handoff.lock_conversation(request_handoff.conversation_id);
  if conversation.status = 'closed' then
    perform handoff.fail(409, 'conversation_closed', 'This conversation is closed', 'Start a new one.');
  end if;
  update public.conversations as named
     set customer_name = coalesce(nullif(btrim(request_handoff.customer_name), ''), named.customer_name)
   where named.id = conversation.id;
  if conversation.status = 'ai_active' then
    availability := handoff.availability(conversation.project_id);
    if not (availability ->> 'available')::boolean then
      return handoff.offline_answer(conversation.project_id, availability);
    end if;
    perform handoff.enqueue(conversation.id, request_handoff.reason);
  end if;
  return handoff.handoff_answer(conversation.id);
end
$$;
revoke all on function handoff.request_handoff(uuid, text, text, text) from public, anon, authenticated;
grant execute on function handoff.request_handoff(uuid, text, text, text) to authenticated;

create or replace function handoff.offline_answer(project_id uuid, availability jsonb, moment timestamptz default now())
returns jsonb
language sql
stable
security definer  -- called by request_handoff only
set search_path = ''
as $$
  -- Hours promise nothing where handoff is off or nobody works.
  select jsonb_build_object(
    'status', 'offline',
    'reason', offline_answer.availability -> 'reason',
    'message', 'Our team is currently offline',
    'show_offline_form', offline_answer.availability -> 'show_offline_form',
    'business_hours', (
      select jsonb_build_object(
               'timezone', settings.timezone,
               'next_available', handoff.opening_text(opening.next, settings.timezone, moment),
               'opens_at', opening.next)
        from public.handoff_settings as settings
       cross join lateral (select handoff.next_opening(settings, moment) as next) as opening
       where settings.project_id = offline_answer.project_id and settings.business_hours_enabled
         and offline_answer.availability ->> 'reason' in ('outside_hours', 'all_offline')));
$$;
comment on function handoff.offline_answer(uuid, jsonb, timestamptz) is
  'The offline answer of F001 7.5: why, whether to show the form, and when the team is next expected.';
revoke all on function handoff.offline_answer(uuid, jsonb, timestamptz) from public, anon, authenticated;

create or replace function handoff.handoff_answer(conversation_id uuid)
returns jsonb
language sql
stable
security definer  -- called by request_handoff and queue_status only
set search_path = ''
as $$
  select case conversation.status
           when 'waiting' then jsonb_build_object('status', 'waiting') || handoff.queue_place(conversation)
           when 'agent_active' then jsonb_build_object(
             'status', 'agent_active',
             'assigned_agent', handoff.agent_profile(conversation.project_id, conversation.assigned_agent_id))
           else jsonb_build_object('status', conversation.status)
         end
    from public.conversations as conversation
   where conversation.id = handoff_answer.conversation_id;
$$;
revoke all on function handoff.handoff_answer(uuid) from public, anon, authenticated;

create or replace function public.request_handoff(
  p_conversation_id uuid, p_reason text default 'customer_request', p_customer_email text default null,
  p_customer_name text default null
)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.request_handoff(p_conversation_id, p_reason, p_customer_email, p_customer_name);
$$;
comment on function public.request_handoff(uuid, text, text, text) is
  'The visitor asks for a person: waiting with position and estimate, agent_active, or offline with the next opening (F001 7.5).';
revoke all on function public.request_handoff(uuid, text, text, text) from public, anon, authenticated;
grant execute on function public.request_handoff(uuid, text, text, text) to authenticated;

create or replace function handoff.queue_status(conversation_id uuid)
returns jsonb
language plpgsql
stable
security definer  -- visitors cannot read conversations
set search_path = ''
as $$
declare
  conversation public.conversations := handoff.visible_conversation(queue_status.conversation_id);
begin
  return handoff.handoff_answer(conversation.id);
end
$$;
revoke all on function handoff.queue_status(uuid) from public, anon, authenticated;
grant execute on function handoff.queue_status(uuid) to authenticated;

create or replace function public.queue_status(p_conversation_id uuid)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select handoff.queue_status(p_conversation_id);
$$;
comment on function public.queue_status(uuid) is 'Where the conversation stands: position and estimate while it waits, the agent once it has one.';
revoke all on function public.queue_status(uuid) from public, anon, authenticated;
grant execute on function public.queue_status(uuid) to authenticated;
