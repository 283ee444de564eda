-- What clients call about customers: the visitor tells who they are and where, the team reads and annotates (F001 5.8.4, 5.11).

create or replace function handoff.require_project(project_id uuid)
returns void
language plpgsql
stable
security definer  -- visitors cannot read projects
set search_path = ''
as $$
begin
  if not exists (select 1 from public.projects as project where project.id = require_project.project_id) then
    perform handoff.fail(404, 'project_not_found', 'There is no such project', 'Check the project id of the widget.');
  end if;
end
$$;
comment on function handoff.require_project(uuid) is 'Refuses with 404 when there is no such project.';
revoke all on function handoff.require_project(uuid) from public, anon, authenticated;

create or replace function handoff.identify_customer(project_id uuid, visitor_id text, email text, name text, context jsonb)
returns jsonb
language plpgsql
volatile
security definer  -- visitors may not write customers
set search_path = ''
as $$
begin
  perform handoff.require_user();
  perform handoff.require_project(identify_customer.project_id);
  perform handoff.rate_limit('identify_customer', 10, interval '1 minute');
  perform handoff.link_email(identify_customer.project_id, identify_customer.visitor_id, identify_customer.email,
                             identify_customer.name, identify_customer.context);
  -- Always this: whether the address was known is nobody's business.
  return jsonb_build_object('linked', true);
end
$$;
revoke all on function handoff.identify_customer(uuid, text, text, text, jsonb) from public, anon, authenticated;
grant execute on function handoff.identify_customer(uuid, text, text, text, jsonb) to authenticated;

create or replace function public.identify_customer(
  p_project_id uuid, p_visitor_id text, p_email text, p_name text default null, p_context jsonb default null
)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.identify_customer(p_project_id, p_visitor_id, p_email, p_name, p_context);
$$;
comment on function public.identify_customer(uuid, text, text, text, jsonb) is
  'The visitor says who they are: their visitor id and conversations are linked to the address. Answers {"linked": true}, known or not.';
revoke all on function public.identify_customer(uuid, text, text, text, jsonb) from public, anon, authenticated;
grant execute on function public.identify_customer(uuid, text, text, text, jsonb) to authenticated;

create or replace function handoff.track_visit(
  project_id uuid, visitor_id text, url text, title text, referrer text, context jsonb
)
returns jsonb
language plpgsql
volatile
security definer  -- visitors may not write visits
set search_path = ''
as $$
declare
  caller uuid := handoff.require_user();
  page text := left(btrim(track_visit.url), 2000);
  customer public.customers;
begin
  if page is null or page !~* '^https?://' then
    perform handoff.fail(400, 'url_invalid', 'The address of the page must begin with http:// or https://', 'Pass location.href.');
  end if;
  perform handoff.require_project(track_visit.project_id);
  perform handoff.rate_limit('track_visit', 60, interval '1 minute');
  customer := handoff.customer_for_visitor(
    track_visit.project_id, track_visit.visitor_id,
    case jsonb_typeof(context) when 'object' then context else '{}'::jsonb end || jsonb_build_object('page_url', page));
  -- Cut, not refused: a visit with a long title is still a visit.
  insert into public.web_visits (project_id, customer_id, visitor_id, user_id, url, title, referrer, browser, device, os,
                                 language, timezone, screen, location)
  values (customer.project_id, customer.id, track_visit.visitor_id, caller, page,
          left(nullif(btrim(track_visit.title), ''), 500),
          case when track_visit.referrer ~* '^https?://' then left(track_visit.referrer, 2000) end,
          handoff.context_text(context, 'browser', 200), handoff.context_text(context, 'device', 200),
          handoff.context_text(context, 'os', 200), handoff.context_text(context, 'language', 50),
          handoff.context_text(context, 'timezone', 100), handoff.context_text(context, 'screen_resolution', 50),
          handoff.caller_location());
  return jsonb_build_object('tracked', true);
end
$$;
revoke all on function handoff.track_visit(uuid, text, text, text, text, jsonb) from public, anon, authenticated;
grant execute on function handoff.track_visit(uuid, text, text, text, text, jsonb) to authenticated;

create or replace function public.track_visit(
  p_project_id uuid, p_visitor_id text, p_url text, p_title text default null, p_referrer text default null,
  p_context jsonb default null
)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.track_visit(p_project_id, p_visitor_id, p_url, p_title, p_referrer, p_context);
$$;
comment on function public.track_visit(uuid, text, text, text, text, jsonb) is
  'Notes the page a visitor is on. p_context: browser, device, os, language, timezone, screen_resolution (F001 5.11.3).';
revoke all on function public.track_visit(uuid, text, text, text, text, jsonb) from public, anon, authenticated;
grant execute on function public.track_visit(uuid, text, text, text, text, jsonb) to authenticated;

create or replace function handoff.submit_offline_form(
  conversation_id uuid, email text, name text, message text, client_message_id uuid
)
returns jsonb
language plpgsql
volatile
security definer  -- visitors may not write these tables
set search_path = ''
as $$
declare
  conversation public.conversations := handoff.visible_conversation(submit_offline_form.conversation_id);
  person uuid;
begin
  if conversation.visitor_user_id is distinct from auth.uid() then
    perform handoff.fail(403, 'not_the_visitor', 'Only the visitor of a conversation can leave a message in its offline form');
  end if;
  perform handoff.rate_limit('submit_offline_form', 10, interval '1 minute');
  -- Before the conversation is locked: customers come first.
  person := handoff.link_email(conversation.project_id, conversation.visitor_id, submit_offline_form.email, submit_offline_form.name);
  conversation := handoff.lock_conversation(conversation.id);
  if not exists (select 1 from public.messages as earlier
                  where earlier.conversation_id = conversation.id
                    and earlier.client_message_id = submit_offline_form.client_message_id) then
    perform handoff.leave_question(conversation, person, submit_offline_form.message, submit_offline_form.client_message_id);
  end if;
  return jsonb_build_object(
    'status', (select current.status from public.conversations as current where current.id = conversation.id),
    'message', 'Thanks! We have your message and will get back to you by e-mail.');
end
$$;
revoke all on function handoff.submit_offline_form(uuid, text, text, text, uuid) from public, anon, authenticated;
grant execute on function handoff.submit_offline_form(uuid, text, text, text, uuid) to authenticated;

-- The question in the conversation, as a lead, and confirmed by mail; and the conversation in the queue. The one way there
-- that does not ask whether anybody is available: the team finds it when it opens (F001 5.8.4).
create or replace function handoff.leave_question(
  conversation public.conversations, customer_id uuid, question text, client_message_id uuid
)
returns void
language plpgsql
volatile
security definer  -- called by submit_offline_form only
set search_path = ''
as $$
begin
  if conversation.status = 'ai_active' and not exists (
       select 1 from public.handoff_settings as settings
        where settings.project_id = conversation.project_id and settings.enabled) then
    perform handoff.fail(409, 'handoff_disabled', 'This project does not hand conversations to people', 'Chat with the AI instead.');
  end if;
  -- The message first: the queue shows it. In a resolved conversation it reopens, in a closed one it is refused.
  perform handoff.write_message(conversation.id, 'customer', conversation.visitor_user_id, leave_question.question,
                                leave_question.client_message_id, '{"type": "offline_form"}'::jsonb);
  insert into public.lead_captures (project_id, session_id, customer_id, user_email, user_name, question)
  values (conversation.project_id, conversation.id, leave_question.customer_id, conversation.customer_email,
          conversation.customer_name, leave_question.question);
  perform handoff.confirm_question(conversation);
  perform handoff.enqueue(conversation.id, 'customer_request');
end
$$;
revoke all on function handoff.leave_question(public.conversations, uuid, text, uuid) from public, anon, authenticated;

-- One confirmation an hour and address, and not a word in it from the visitor: anybody can type anybody's address, and the
-- form must not become a way to send them mail.
create or replace function handoff.confirm_question(conversation public.conversations, moment timestamptz default now())
returns void
language sql
volatile
security definer  -- called by leave_question only, under the lock of link_email
set search_path = ''
as $$
  insert into handoff.mail_outbox (project_id, kind, recipient, data)
  select conversation.project_id, 'offline_confirmation', conversation.customer_email,
         jsonb_build_object('conversation_id', conversation.id)
   where not exists (
     select 1 from handoff.mail_outbox as mail
      where mail.project_id = conversation.project_id and mail.kind = 'offline_confirmation'
        and mail.recipient = conversation.customer_email and mail.created_at > moment - interval '1 hour');
$$;
revoke all on function handoff.confirm_question(public.conversations, timestamptz) from public, anon, authenticated;

create or replace function public.submit_offline_form(
  p_conversation_id uuid, p_email text, p_name text, p_message text, p_client_message_id uuid default null
)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.submit_offline_form(p_conversation_id, p_email, p_name, p_message, p_client_message_id);
$$;
comment on function public.submit_offline_form(uuid, text, text, text, uuid) is
  'The visitor leaves an address and a message while nobody is there; the conversation waits for the team. The same p_client_message_id again changes nothing.';
revoke all on function public.submit_offline_form(uuid, text, text, text, uuid) from public, anon, authenticated;
grant execute on function public.submit_offline_form(uuid, text, text, text, uuid) to authenticated;

create or replace function handoff.request_email(conversation_id uuid)
returns jsonb
language plpgsql
volatile
security definer  -- writes as the system
set search_path = ''
as $$
declare
  conversation public.conversations := handoff.lock_as_member(request_email.conversation_id);
begin
  perform handoff.require_owner(conversation);
  if conversation.status <> 'agent_active' then
    perform handoff.fail(409, 'not_with_an_agent', format('This conversation is %s, not with an agent', conversation.status),
                         'Claim it or take it over first.');
  end if;
  if not conversation.awaiting_email then
    perform handoff.write_message(conversation.id, 'system', null, 'Please leave your e-mail address, so that we can reach you.',
                                  null, '{"type": "email_request"}'::jsonb);
    update public.conversations as asked set awaiting_email = true, email_asked = true where asked.id = conversation.id;
  end if;
  return jsonb_build_object('awaiting_email', true);
end
$$;
revoke all on function handoff.request_email(uuid) from public, anon, authenticated;
grant execute on function handoff.request_email(uuid) to authenticated;

create or replace function public.request_email(p_conversation_id uuid)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.request_email(p_conversation_id);
$$;
comment on function public.request_email(uuid) is
  'Its agent or an admin asks the visitor for an address: a system message of type email_request, once until it is answered.';
revoke all on function public.request_email(uuid) from public, anon, authenticated;
grant execute on function public.request_email(uuid) to authenticated;

create or replace function handoff.visible_customer(customer_id uuid)
returns public.customers
language plpgsql
stable
security definer  -- the same answer for a customer that is not there and one of another team
set search_path = ''
as $$
declare
  customer public.customers;
begin
  perform handoff.require_user();
  select * into customer from public.customers as found where found.id = visible_customer.customer_id;
  if customer.id is null or not handoff.is_member(customer.project_id) then
    perform handoff.fail(404, 'customer_not_found', 'There is no such customer', 'It may have been merged into another: read the conversation again.');
  end if;
  return customer;
end
$$;
comment on function handoff.visible_customer(uuid) is 'The customer, if the caller belongs to its project; else refuses with 404.';
revoke all on function handoff.visible_customer(uuid) from public, anon, authenticated;

create or replace function handoff.customer_line(customer public.customers)
returns jsonb
language sql
immutable
security invoker
set search_path = ''
as $$
  select jsonb_build_object(
    'id', customer.id, 'project_id', customer.project_id, 'visitor_id', customer.visitor_id,
    'merged_visitor_ids', to_jsonb(customer.merged_visitor_ids), 'email', customer.email, 'name', customer.name,
    'first_seen_at', customer.first_seen_at, 'last_seen_at', customer.last_seen_at,
    'total_conversations', customer.total_conversations,
    'is_flagged', customer.is_flagged, 'flag_reason', customer.flag_reason, 'flagged_at', customer.flagged_at,
    'flagged_by', customer.flagged_by, 'internal_notes', customer.internal_notes);
$$;
comment on function handoff.customer_line(public.customers) is 'What a member sees of a customer.';
revoke all on function handoff.customer_line(public.customers) from public, anon, authenticated;

create or replace function handoff.flag_customer(customer_id uuid, flagged boolean, reason text)
returns jsonb
language plpgsql
volatile
security definer  -- one answer for members and strangers; the trigger notes who flagged
set search_path = ''
as $$
declare
  customer public.customers := handoff.visible_customer(flag_customer.customer_id);
begin
  perform handoff.rate_limit('dashboard', 100, interval '1 minute');
  update public.customers as judged
     set is_flagged = flag_customer.flagged, flag_reason = nullif(btrim(flag_customer.reason), '')
   where judged.id = customer.id
  returning * into customer;
  return handoff.customer_line(customer);
end
$$;
revoke all on function handoff.flag_customer(uuid, boolean, text) from public, anon, authenticated;
grant execute on function handoff.flag_customer(uuid, boolean, text) to authenticated;

create or replace function public.flag_customer(p_customer_id uuid, p_flagged boolean, p_reason text default null)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.flag_customer(p_customer_id, p_flagged, p_reason);
$$;
comment on function public.flag_customer(uuid, boolean, text) is
  'A member flags a customer with a reason, or takes the flag away; answers the customer, with who flagged it and when.';
revoke all on function public.flag_customer(uuid, boolean, text) from public, anon, authenticated;
grant execute on function public.flag_customer(uuid, boolean, text) to authenticated;

create or replace function handoff.update_customer_notes(customer_id uuid, notes text)
returns jsonb
language plpgsql
volatile
security definer  -- one answer for members and strangers
set search_path = ''
as $$
declare
  customer public.customers := handoff.visible_customer(update_customer_notes.customer_id);
begin
  perform handoff.rate_limit('dashboard', 100, interval '1 minute');
  update public.customers as annotated
     set internal_notes = nullif(btrim(update_customer_notes.notes), '')
   where annotated.id = customer.id
  returning * into customer;
  return handoff.customer_line(customer);
end
$$;
revoke all on function handoff.update_customer_notes(uuid, text) from public, anon, authenticated;
grant execute on function handoff.update_customer_notes(uuid, text) to authenticated;

create or replace function public.update_customer_notes(p_customer_id uuid, p_notes text)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.update_customer_notes(p_customer_id, p_notes);
$$;
comment on function public.update_customer_notes(uuid, text) is 'A member replaces the internal notes on a customer; answers the customer.';
revoke all on function public.update_customer_notes(uuid, text) from public, anon, authenticated;
grant execute on function public.update_customer_notes(uuid, text) to authenticated;

create or replace function handoff.customer_history(customer_id uuid, page integer, before timestamptz)
returns jsonb
language plpgsql
stable
security definer  -- one look for everything
set search_path = ''
as $$
declare
  customer public.customers := handoff.visible_customer(customer_history.customer_id);
  earlier jsonb;
begin
  select jsonb_agg(jsonb_build_object(
           'id', newest.id, 'status', newest.status, 'preview', newest.preview, 'created_at', newest.created_at)
           order by newest.created_at desc, newest.id)
    into earlier
    from (
      select conversation.id, conversation.status, conversation.preview, conversation.created_at
        from public.conversations as conversation
       where conversation.customer_id = customer.id
         and conversation.created_at < coalesce(customer_history.before, 'infinity')
       order by conversation.created_at desc
       -- With ties: the next page begins before the last time on this one and must not skip its twins.
       fetch first (least(greatest(coalesce(customer_history.page, 20), 1), 100)) rows with ties
    ) as newest;
  return jsonb_build_object(
    'customer', handoff.customer_line(customer),
    'current_session', (
      select to_jsonb(visit) - array['project_id', 'customer_id', 'user_id']
        from public.web_visits as visit
       where visit.customer_id = customer.id
       order by visit.created_at desc, visit.id desc
       limit 1),
    'conversations', coalesce(earlier, '[]'::jsonb));
end
$$;
revoke all on function handoff.customer_history(uuid, integer, timestamptz) from public, anon, authenticated;
grant execute on function handoff.customer_history(uuid, integer, timestamptz) to authenticated;

create or replace function public.customer_history(p_customer_id uuid, p_limit integer default 20, p_before timestamptz default null)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select handoff.customer_history(p_customer_id, p_limit, p_before);
$$;
comment on function public.customer_history(uuid, integer, timestamptz) is
  'The customer, the page they were on last, and their conversations, newest first. Pages by p_before: the created_at of the last line (F001 5.11.6).';
revoke all on function public.customer_history(uuid, integer, timestamptz) from public, anon, authenticated;
grant execute on function public.customer_history(uuid, integer, timestamptz) to authenticated;
