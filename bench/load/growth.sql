-- Fills a database for the growth curves. Run by a superuser: without triggers, a year is there in seconds.
create schema if not exists bench;

create or replace function bench.id(kind text, n bigint) returns uuid
language sql immutable
as $$ select ('00000000-0000-4000-' || kind || '000-' || lpad(to_hex(n), 12, '0'))::uuid $$;

-- Projects 1 to `projects`; the first has the agents, the queue and the history, the others ten who wait and ten agents each.
create or replace procedure bench.fill(projects integer, agents integer, waiting integer, history integer)
language plpgsql
as $$
declare
  people integer := agents + 10 * (projects - 1);
begin
  set session_replication_role = replica;
  truncate public.projects, handoff.outbox, handoff.assignment_decisions, handoff.offers cascade;
  delete from auth.users;
  insert into auth.users (id, email, is_anonymous) select bench.id('9', n), n || '@example.com', false from generate_series(1, people) as n;
  insert into auth.users (id, is_anonymous) values (bench.id('a', 1), true);
  insert into public.projects (id, user_id, name) select bench.id('8', n), bench.id('9', 1), 'project ' || n from generate_series(1, projects) as n;
  insert into public.handoff_settings (project_id, enabled, show_human_button) select id, true, true from public.projects;
  insert into public.project_members (project_id, user_id, email, status, accepted_at)
  select bench.id('8', case when n <= agents then 1 else (n - agents - 1) / 10 + 2 end), bench.id('9', n), n || '@example.com', 'active', now()
    from generate_series(1, people) as n;
  -- Everybody has five chats and room for one more, but in the first project only the first agent.
  insert into public.agent_availability (project_id, user_id, status, effective_status, max_concurrent_chats, current_chat_count)
  select member.project_id, member.user_id, 'online', 'online', case when member.user_id = bench.id('9', 1) then 6 else 5 end, 5
    from public.project_members as member;
  insert into public.conversations (id, project_id, visitor_id, status, assigned_agent_id, claimed_at, created_at, last_message_at)
  select bench.id('d', 5 * n + chat), member.project_id, 'chatting', 'agent_active', member.user_id, now() - chat * interval '1 minute', now(), now()
    from generate_series(1, people) as n
    join public.project_members as member on member.user_id = bench.id('9', n), generate_series(0, 4) as chat;
  insert into public.conversations (id, project_id, visitor_id, visitor_user_id, status, queue_entered_at, waiting_since, event_seq, created_at, last_message_at)
  select bench.id('b', n), bench.id('8', case when n <= waiting then 1 else (n - waiting - 1) / 10 + 2 end), 'visitor ' || n,
         case when n = waiting then bench.id('a', 1) end, 'waiting', now() - interval '1 hour' + n * interval '0.1 seconds',
         now() - interval '1 hour' + n * interval '0.1 seconds', 3, now() - interval '1 hour', now() - interval '1 hour'
    from generate_series(1, waiting + 10 * (projects - 1)) as n;
  insert into public.conversations (id, project_id, visitor_id, status, assigned_agent_id, queue_entered_at, waiting_since, claimed_at, resolved_at,
                                    closed_at, close_reason, event_seq, created_at, last_message_at)
  select bench.id('c', n), bench.id('8', 1), 'earlier ' || n, 'closed', bench.id('9', n % agents + 1), at, at, at + interval '1 minute',
         case when n % 3 > 0 then at + interval '8 minutes' end, at + interval '9 minutes', 'customer', 12, at, at
    from (select n, now() - interval '10 minutes' - (n::float8 / history) * interval '365 days' as at from generate_series(1, history) as n) as one;
  insert into public.messages (conversation_id, project_id, seq, sender_type, content, created_at)
  select chat.id, chat.project_id, seq, 'ai', 'message ' || seq, chat.created_at
    from public.conversations as chat, generate_series(1, case when chat.status = 'closed' then 10 else 3 end) as seq;
  insert into handoff.outbox (project_id, conversation_id, kind, seq, payload)
  select message.project_id, message.conversation_id, 'message', message.seq, '{"message": {}}' from public.messages as message;
  insert into handoff.assignment_decisions (project_id, conversation_id, agent_id, strategy, decided_at, reason)
  select chat.project_id, chat.id, chat.assigned_agent_id, 'balanced', chat.claimed_at, 'only_candidate'
    from public.conversations as chat where chat.status = 'closed' order by chat.claimed_at;
  insert into handoff.wait_promises (conversation_id, waiting_since, project_id, promised_at, position, wait_p50_seconds, wait_p90_seconds,
                                     estimated_wait_minutes, outcome, ended_at)
  select chat.id, chat.waiting_since, chat.project_id, chat.waiting_since, 1, 60, 120, 3, 'assigned', chat.claimed_at
    from public.conversations as chat where chat.status = 'closed' order by chat.claimed_at;
  set session_replication_role = origin;
end
$$;

-- Puts back what one assignment did, for the next round.
create or replace procedure bench.unassign()
language plpgsql
as $$
begin
  set session_replication_role = replica;
  update public.conversations set status = 'waiting', assigned_agent_id = null
   where status = 'agent_active' and visitor_id like 'visitor %';
  update public.agent_availability set current_chat_count = 5, last_assigned_at = null where current_chat_count <> 5;
  set session_replication_role = origin;
end
$$;
