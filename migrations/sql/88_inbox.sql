-- What a dashboard shows: the lists of conversations, and what the AI knew of one (F001 sections 5.7.3 and 5.7.5).

create or replace function handoff.inbox_line(conversation public.conversations, moment timestamptz)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select jsonb_build_object(
    'id', conversation.id, 'status', conversation.status, 'customer_id', conversation.customer_id,
    'customer_name', conversation.customer_name, 'customer_email', conversation.customer_email,
    'customer_presence', conversation.customer_presence, 'customer_last_seen_at', conversation.customer_last_seen_at,
    'customer_left_reason', conversation.customer_left_reason,
    'preview', conversation.preview, 'assigned_agent_id', conversation.assigned_agent_id, 'priority', conversation.priority,
    'tags', conversation.tags, 'handoff_reason', conversation.handoff_reason, 'queue_entered_at', conversation.queue_entered_at,
    'waiting_seconds', case when conversation.status = 'waiting'
                            then extract(epoch from moment - conversation.queue_entered_at)::integer end,
    'last_message_at', conversation.last_message_at, 'created_at', conversation.created_at);
$$;
revoke all on function handoff.inbox_line(public.conversations, timestamptz) from public, anon, authenticated;

-- Not on last_message_at: that it is for closed conversations only would not keep the messages of open ones from rewriting all
-- indexes. It is made with the table, before anything is in it.
-- squawk-ignore require-concurrent-index-creation
create index if not exists conversations_closed_idx
  on public.conversations (project_id, closed_message_at desc) where status = 'closed';

-- One statement for each list: only so does each have the index that keeps it from reading the history.
create or replace function handoff.inbox_lines(
  project_id uuid, list text, page integer, before timestamptz, caller uuid, moment timestamptz
)
returns jsonb
language plpgsql
stable
security definer  -- called by inbox only
set search_path = ''
as $$
declare
  lines jsonb;
begin
  case inbox_lines.list
    when 'queue' then
      select jsonb_agg(handoff.inbox_line(waiting.line, moment) || jsonb_build_object('queue_position', waiting.position)
                       order by waiting.position) into lines
        from (
          select conversation as line,
                 row_number() over (order by conversation.priority desc, conversation.queue_entered_at, conversation.id) as position
            from public.conversations as conversation
           where conversation.project_id = inbox_lines.project_id and conversation.status = 'waiting'
           order by conversation.priority desc, conversation.queue_entered_at, conversation.id
           limit page
        ) as waiting;
    when 'closed' then
      select jsonb_agg(handoff.inbox_line(newest.line, moment) order by (newest.line).last_message_at desc) into lines
        from (
          select conversation as line
            from public.conversations as conversation
           where conversation.project_id = inbox_lines.project_id and conversation.status = 'closed'
             and conversation.closed_message_at < coalesce(inbox_lines.before, 'infinity')
           order by conversation.closed_message_at desc
           fetch first (page) rows with ties  -- the next page begins before them
        ) as newest;
    else
      select jsonb_agg(handoff.inbox_line(newest.line, moment) order by (newest.line).last_message_at desc) into lines
        from (
          select conversation as line
            from public.conversations as conversation
           where conversation.project_id = inbox_lines.project_id
             and conversation.status in ('ai_active', 'waiting', 'agent_active', 'resolved')
             and (inbox_lines.list = 'all'
                  or (conversation.assigned_agent_id = caller and conversation.status in ('agent_active', 'resolved')))
             and conversation.last_message_at < coalesce(inbox_lines.before, 'infinity')
           order by conversation.last_message_at desc
           fetch first (page) rows with ties
        ) as newest;
  end case;
  return coalesce(lines, '[]'::jsonb);
end
$$;
comment on function handoff.inbox_lines(uuid, text, integer, timestamptz, uuid, timestamptz) is
  'The lines of a list: the queue in the order of serving, the others with the newest message first.';
revoke all on function handoff.inbox_lines(uuid, text, integer, timestamptz, uuid, timestamptz) from public, anon, authenticated;

create or replace function handoff.inbox(project_id uuid, list text, page integer, before timestamptz, moment timestamptz default now())
returns jsonb
language plpgsql
stable
security definer  -- one look for lists and counts
set search_path = ''
as $$
declare
  caller uuid := handoff.require_user();
begin
  if not handoff.is_member(inbox.project_id) then
    perform handoff.fail(403, 'not_a_member', 'You are not a member of this project');
  end if;
  if inbox.list is null or inbox.list not in ('all', 'mine', 'queue', 'closed') then
    perform handoff.fail(400, 'unknown_list', 'Unknown list', 'Use all, mine, queue or closed.');
  end if;
  return jsonb_build_object(
    'conversations', handoff.inbox_lines(inbox.project_id, inbox.list, least(greatest(inbox.page, 1), 200), inbox.before, caller, moment),
    'counts', handoff.inbox_counts(inbox.project_id, caller));
end
$$;
revoke all on function handoff.inbox(uuid, text, integer, timestamptz, timestamptz) from public, anon, authenticated;
grant execute on function handoff.inbox(uuid, text, integer, timestamptz, timestamptz) to authenticated;

create or replace function handoff.inbox_counts(project_id uuid, agent_id uuid)
returns jsonb
language sql
stable
security definer  -- called by inbox only
set search_path = ''
as $$
  select jsonb_build_object(
    'all', count(*) filter (where conversation.status <> 'closed'),
    'mine', count(*) filter (where conversation.assigned_agent_id = inbox_counts.agent_id and conversation.status = 'agent_active'),
    'queue', count(*) filter (where conversation.status = 'waiting'))
    from public.conversations as conversation
   where conversation.project_id = inbox_counts.project_id
     and conversation.status in ('ai_active', 'waiting', 'agent_active', 'resolved');
$$;
revoke all on function handoff.inbox_counts(uuid, uuid) from public, anon, authenticated;

create or replace function public.inbox(
  p_project_id uuid, p_list text default 'all', p_limit integer default 50, p_before timestamptz default null
)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select handoff.inbox(p_project_id, p_list, p_limit, p_before);
$$;
comment on function public.inbox(uuid, text, integer, timestamptz) is
  'The conversations of a list (all, mine, queue, closed) and how many each list has. Pages by p_before: the last_message_at of the last line; those of one instant stay on one page.';
revoke all on function public.inbox(uuid, text, integer, timestamptz) from public, anon, authenticated;
grant execute on function public.inbox(uuid, text, integer, timestamptz) to authenticated;

create or replace function handoff.conversation_context(conversation_id uuid)
returns jsonb
language plpgsql
stable
security definer  -- one look for everything
set search_path = ''
as $$
declare
  conversation public.conversations := handoff.visible_conversation(conversation_context.conversation_id);
begin
  if not handoff.is_member(conversation.project_id) then
    perform handoff.fail(403, 'not_a_member', 'You are not a member of this project');
  end if;
  return jsonb_build_object(
    'conversation_id', conversation.id,
    'handoff_reason', conversation.handoff_reason,
    'trigger_keyword', conversation.trigger_keyword,
    'handoff_triggered_at', conversation.handoff_triggered_at,
    'ai_confidence_at_handoff', conversation.ai_confidence_at_handoff,
    'ai_attempts', (select count(*) from public.messages as message
                     where message.conversation_id = conversation.id and message.sender_type = 'ai'
                       and message.created_at <= coalesce(conversation.handoff_triggered_at, 'infinity')),
    'topics', coalesce(conversation.metadata -> 'topics', '[]'::jsonb),
    'source', conversation.source,
    'metadata', conversation.metadata);
end
$$;
revoke all on function handoff.conversation_context(uuid) from public, anon, authenticated;
grant execute on function handoff.conversation_context(uuid) to authenticated;

create or replace function public.conversation_context(p_conversation_id uuid)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select handoff.conversation_context(p_conversation_id);
$$;
comment on function public.conversation_context(uuid) is 'What the AI knew: why it handed off, its confidence, how often it answered, the topics (F001 5.7.5).';
revoke all on function public.conversation_context(uuid) from public, anon, authenticated;
grant execute on function public.conversation_context(uuid) to authenticated;
