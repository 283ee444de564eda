-- The world of the access tables: two projects with the same kinds of rows, so that what an actor reaches tells whose it
-- is. A word in braces stands for a fixed uuid; the words are in access_world_test.go. Each table that somebody may read
-- needs rows of both projects here, and in project acme rows of more than one person.

insert into auth.users (id, aud, role, email, email_confirmed_at, raw_user_meta_data)
values ({owner}, 'authenticated', 'authenticated', 'owner@example.com', now(), '{"name": "Olivia"}'),
       ({admin}, 'authenticated', 'authenticated', 'admin@example.com', now(), '{"name": "Ada"}'),
       ({agent}, 'authenticated', 'authenticated', 'agent@example.com', now(), '{"name": "Sarah"}'),
       ({removed_agent}, 'authenticated', 'authenticated', 'removed@example.com', now(), '{"name": "Rick"}'),
       ({outside_agent}, 'authenticated', 'authenticated', 'outside@example.com', now(), '{"name": "Otto"}'),
       ({outside_owner}, 'authenticated', 'authenticated', 'outside-owner@example.com', now(), '{"name": "Oscar"}'),
       ({plain}, 'authenticated', 'authenticated', 'plain@example.com', now(), '{"name": "Paula"}');
insert into auth.users (id, aud, role, is_anonymous)
values ({visitor}, 'authenticated', 'authenticated', true),
       ({other_visitor}, 'authenticated', 'authenticated', true),
       ({outside_visitor}, 'authenticated', 'authenticated', true);

insert into public.projects (id, user_id, name)
values ({acme}, {owner}, 'Acme'),
       ({outside}, {outside_owner}, 'Outside');

insert into public.handoff_settings (project_id, enabled, show_human_button)
values ({acme}, true, true),
       ({outside}, true, true);

insert into public.business_hours_exceptions (project_id, date, closed)
values ({acme}, '2030-01-01', true),
       ({outside}, '2030-01-01', true);

insert into public.project_members (id, project_id, user_id, email, role, status, invited_by, accepted_at)
values ({admin_member}, {acme}, {admin}, 'admin@example.com', 'admin', 'active', {owner}, now()),
       ({agent_member}, {acme}, {agent}, 'agent@example.com', 'agent', 'active', {owner}, now()),
       ({removed_member}, {acme}, {removed_agent}, 'removed@example.com', 'agent', 'removed', {owner}, now()),
       ({outside_member}, {outside}, {outside_agent}, 'outside@example.com', 'agent', 'active', {outside_owner}, now());

insert into public.agent_availability (project_id, user_id, status)
values ({acme}, {owner}, 'online'),
       ({acme}, {admin}, 'online'),
       ({acme}, {agent}, 'online'),
       ({acme}, {removed_agent}, 'offline'),
       ({outside}, {outside_owner}, 'online'),
       ({outside}, {outside_agent}, 'online')
on conflict (user_id, project_id) do update set status = excluded.status;

insert into public.customers (id, project_id, visitor_id, email)
values ({visitor_customer}, {acme}, 'visitor', 'visitor@example.com'),
       ({other_customer}, {acme}, 'other_visitor', null),
       ({outside_customer}, {outside}, 'outside_visitor', null);

insert into public.conversations (id, project_id, customer_id, visitor_id, visitor_user_id)
values ({visitor_chat}, {acme}, {visitor_customer}, 'visitor', {visitor}),
       ({other_chat}, {acme}, {other_customer}, 'other_visitor', {other_visitor}),
       ({outside_chat}, {outside}, {outside_customer}, 'outside_visitor', {outside_visitor});
update public.conversations set status = 'waiting' where true;
update public.conversations
   set status = 'agent_active',
       assigned_agent_id = case id when {visitor_chat} then {agent} when {other_chat} then {admin} else {outside_agent} end
 where true;

-- A copy of a chat that is with an agent cannot be inserted, one of these can.
insert into public.conversations (project_id, customer_id, visitor_id, visitor_user_id, status)
values ({acme}, {visitor_customer}, 'visitor', {visitor}, 'closed'),
       ({outside}, {outside_customer}, 'outside_visitor', {outside_visitor}, 'closed');

insert into public.messages (conversation_id, sender_type, sender_id, content)
values ({visitor_chat}, 'agent', {agent}, 'Hello'),
       ({other_chat}, 'agent', {admin}, 'Hello'),
       ({outside_chat}, 'agent', {outside_agent}, 'Hello');

insert into public.conversation_notes (conversation_id, author_id, content)
values ({visitor_chat}, {agent}, 'A note'),
       ({other_chat}, {admin}, 'A note'),
       ({other_chat}, {owner}, 'A note'),
       ({outside_chat}, {outside_agent}, 'A note'),
       ({outside_chat}, {outside_owner}, 'A note');

insert into public.presence_sessions (project_id, connection_id, role, user_id, client_id, floor_seconds, remain_seconds)
values ({acme}, {visitor_chat}, 'customer', {visitor}, 'visitor', 30, 15),
       ({acme}, {agent_member}, 'agent', {agent}, 'agent', 90, 15),
       ({outside}, {outside_chat}, 'customer', {outside_visitor}, 'outside_visitor', 30, 15);

insert into public.web_visits (project_id, customer_id, visitor_id, user_id, url)
values ({acme}, {visitor_customer}, 'visitor', {visitor}, 'https://example.com/'),
       ({acme}, {other_customer}, 'other_visitor', {other_visitor}, 'https://example.com/'),
       ({outside}, {outside_customer}, 'outside_visitor', {outside_visitor}, 'https://example.com/');

insert into public.lead_captures (project_id, session_id, customer_id, user_email, question)
values ({acme}, {visitor_chat}, {visitor_customer}, 'visitor@example.com', 'When do you open?'),
       ({acme}, {other_chat}, {other_customer}, 'other@example.com', 'When do you open?'),
       ({outside}, {outside_chat}, {outside_customer}, 'outside@example.com', 'When do you open?');

insert into public.canned_responses (project_id, shortcut, content)
values ({acme}, 'hello', 'Hello {name}'), ({outside}, 'hello', 'Hello {name}');

insert into public.quick_actions (project_id, label, link)
values ({acme}, 'Account', 'https://admin.example.com/{email}'), ({outside}, 'Account', 'https://admin.example.com/{email}');
