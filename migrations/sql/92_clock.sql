-- The clock: what happens because nobody did anything (F001 sections 5.2.4, 5.12, 9.1, 9.2, 9.5).
--
-- The worker calls these functions again and again. Each handles at most so many rows and says how many, skips rows that
-- somebody else has locked, and finds nothing when it is called again for the same moment, so any number of workers may
-- run them at once. A conversation is looked at again after it was locked: what the customer did meanwhile counts.

comment on column public.conversations.customer_last_seen_at is
  'When presence last told of the customer; null: this widget does not tell. While offline: when they left.';
comment on column public.conversations.auto_close_warning_sent_at is
  'Since when the time to auto-close runs; any sign of life, another agent or another status sets it back to null.';

-- None of these columns changes while a row is in its index, so messages do not have to write them. They are made with the
-- table, before anything is in it.
-- squawk-ignore require-concurrent-index-creation
create index if not exists conversations_ai_age_idx on public.conversations (created_at) where status = 'ai_active';
-- squawk-ignore require-concurrent-index-creation
create index if not exists conversations_agent_age_idx on public.conversations (claimed_at) where status = 'agent_active';
-- squawk-ignore require-concurrent-index-creation
create index if not exists conversations_resolved_age_idx on public.conversations (resolved_at) where status = 'resolved';

create table if not exists handoff.agent_absences (
  conversation_id uuid primary key references public.conversations (id) on delete cascade,
  told_at timestamptz not null,
  offered_at timestamptz
);
comment on table handoff.agent_absences is 'Chats whose agent is gone. The row goes when the agent is back or the chat leaves the agent.';
comment on column handoff.agent_absences.told_at is 'When the customer was told.';
comment on column handoff.agent_absences.offered_at is 'When the customer was offered to return to the queue.';
revoke all on handoff.agent_absences from public, anon, authenticated;

create table if not exists handoff.closing_notices (
  conversation_id uuid primary key references public.conversations (id) on delete cascade,
  told_at timestamptz not null
);
comment on table handoff.closing_notices is 'When a waiting customer was last told that the team has closed.';
revoke all on handoff.closing_notices from public, anon, authenticated;

create table if not exists handoff.schedule_edges (
  project_id uuid primary key references public.projects (id) on delete cascade,
  open boolean,
  changed_at timestamptz not null default '-infinity',
  next_edge timestamptz not null default '-infinity'
);
comment on table handoff.schedule_edges is 'Where each project with business hours stands in them.';
comment on column handoff.schedule_edges.open is 'Null: not looked at yet.';
comment on column handoff.schedule_edges.changed_at is 'When it last opened or closed, as far as known.';
comment on column handoff.schedule_edges.next_edge is 'When to look again: the next opening or closing; -infinity after the hours were changed.';
create index if not exists schedule_edges_next_edge_idx on handoff.schedule_edges (next_edge);
revoke all on handoff.schedule_edges from public, anon, authenticated;

-- Whatever takes a chat from its agent ends what was noted of the agent's absence.
create or replace function handoff.end_absences(ids uuid[], old_statuses text[])
returns void
language plpgsql
volatile
security definer  -- clears private rows, whoever moves the conversation
set search_path = ''
as $$
begin
  delete from handoff.agent_absences as absence
   using unnest(ids, old_statuses) as moved (id, old_status)
   where absence.conversation_id = moved.id and moved.old_status = 'agent_active';
end
$$;
comment on function handoff.end_absences(uuid[], text[]) is 'Forgets the absence of agents whose chats went elsewhere.';
revoke all on function handoff.end_absences(uuid[], text[]) from public, anon, authenticated;

-- Signs of life.

create or replace function handoff.still_here(conversation_id uuid, moment timestamptz default now())
returns jsonb
language plpgsql
volatile
security definer  -- visitors may not write conversations
set search_path = ''
as $$
declare
  conversation public.conversations := handoff.lock_as_visitor(still_here.conversation_id);
begin
  if conversation.status = 'closed' then
    perform handoff.fail(409, 'conversation_closed', 'This conversation is closed', 'Start a new one.');
  end if;
  update public.conversations as alive
     set customer_active_at = greatest(alive.customer_active_at, moment), auto_close_warning_sent_at = null, updated_at = now()
   where alive.id = conversation.id;
  return jsonb_build_object('success', true);
end
$$;
revoke all on function handoff.still_here(uuid, timestamptz) from public, anon, authenticated;
grant execute on function handoff.still_here(uuid, timestamptz) to authenticated;

create or replace function public.still_here(p_conversation_id uuid)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.still_here(p_conversation_id);
$$;
comment on function public.still_here(uuid) is 'The visitor answers "Are you still there?": the chat is not closed for inactivity (F001 5.12.5).';
revoke all on function public.still_here(uuid) from public, anon, authenticated;
grant execute on function public.still_here(uuid) to authenticated;

-- Inactivity. A chat is silent from the customer's last sign of life, but not before its agent had it; while the agent is
-- gone the customer waits for us and the time stands still, until the customer was offered to return to the queue.
--
-- An idle customer is warned after inactivity_timeout_minutes and the chat closed auto_close_after_warning_minutes later.
-- One who left is warned at the same time, but the chat is kept for session_keep_alive_minutes after they left: they may
-- come back. A widget that tells nothing about presence has only messages and still_here to show life by.

create or replace function handoff.is_forsaken(conversation public.conversations, offered_at timestamptz)
returns boolean
language sql
stable
security invoker
set search_path = ''
as $$
  select is_forsaken.offered_at is null and exists (
    select 1 from public.agent_availability as agent
     where agent.project_id = conversation.project_id and agent.user_id = conversation.assigned_agent_id
       and agent.effective_status = 'offline');
$$;
comment on function handoff.is_forsaken(public.conversations, timestamptz) is
  'Whether the customer waits for an agent who is gone, and has not been offered to return to the queue.';
revoke all on function handoff.is_forsaken(public.conversations, timestamptz) from public, anon, authenticated;

create or replace function handoff.minutes_left(
  conversation public.conversations, settings public.handoff_settings, moment timestamptz
)
returns integer
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return greatest(
    coalesce(settings.auto_close_after_warning_minutes, 5),
    case when conversation.customer_presence = 'offline' then
      ceil(extract(epoch from conversation.customer_last_seen_at - minutes_left.moment) / 60
           + coalesce(settings.session_keep_alive_minutes, 15))::integer end);
end
$$;
comment on function handoff.minutes_left(public.conversations, public.handoff_settings, timestamptz) is
  'How long after a warning at the moment the chat is closed; without settings by the defaults of F001 5.12.6.';
revoke all on function handoff.minutes_left(public.conversations, public.handoff_settings, timestamptz) from public, anon, authenticated;

create or replace function handoff.warn_inactive(moment timestamptz default now(), most integer default 100)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  silent uuid[] := array(
    select conversation.id
      from public.conversations as conversation
      left join public.handoff_settings as settings on settings.project_id = conversation.project_id
      left join handoff.agent_absences as absence on absence.conversation_id = conversation.id
     where conversation.status = 'agent_active'
       and conversation.auto_close_warning_sent_at is null
       and conversation.customer_presence in ('idle', 'offline')
       -- The function is called for those that are due only: there is one chat in a thousand of them.
       and case when greatest(conversation.claimed_at, conversation.customer_active_at, absence.offered_at)
                     <= moment - make_interval(mins => coalesce(settings.inactivity_timeout_minutes, 5))
                then not handoff.is_forsaken(conversation, absence.offered_at) end
     order by conversation.customer_active_at nulls first, conversation.claimed_at, conversation.id
     limit most
       for no key update of conversation skip locked);
begin
  update public.conversations as warned set auto_close_warning_sent_at = moment where warned.id = any (silent);
  insert into public.messages (conversation_id, sender_type, content, metadata)
  select conversation.id, 'system',
         format('Are you still there? This chat will close in %s if we don''t hear from you.',
                case time.minutes when 1 then '1 minute' else time.minutes || ' minutes' end),
         jsonb_build_object('type', 'inactivity_warning', 'closes_at', moment + make_interval(mins => time.minutes))
    from public.conversations as conversation
    left join public.handoff_settings as settings on settings.project_id = conversation.project_id
   cross join lateral (select handoff.minutes_left(conversation, settings, moment) as minutes) as time
   where conversation.id = any (silent) and coalesce(settings.send_inactivity_warning, true)
   order by conversation.id;
  return cardinality(silent);
end
$$;
comment on function handoff.warn_inactive(timestamptz, integer) is
  'Asks silent customers whether they are still there (F001 5.12.5). With warnings off the time to auto-close runs without a word.';
revoke all on function handoff.warn_inactive(timestamptz, integer) from public, anon, authenticated;

create or replace function handoff.close_inactive(moment timestamptz default now(), most integer default 100)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  inactive uuid[] := array(
    select conversation.id
      from public.conversations as conversation
      left join public.handoff_settings as settings on settings.project_id = conversation.project_id
      left join handoff.agent_absences as absence on absence.conversation_id = conversation.id
     where conversation.status = 'agent_active'
       and conversation.customer_presence in ('idle', 'offline')
       and greatest(conversation.auto_close_warning_sent_at, absence.offered_at)
           <= moment - make_interval(mins => coalesce(settings.auto_close_after_warning_minutes, 5))
       and conversation.auto_close_warning_sent_at is not null
       and (conversation.customer_presence = 'idle' or conversation.customer_last_seen_at is null
            or conversation.customer_last_seen_at
               <= moment - make_interval(mins => coalesce(settings.session_keep_alive_minutes, 15)))
       and not handoff.is_forsaken(conversation, absence.offered_at)
     order by conversation.auto_close_warning_sent_at, conversation.id
     limit most
       for no key update of conversation skip locked);
begin
  insert into public.messages (conversation_id, sender_type, content, metadata)
  select conversation_id, 'system',
         'This chat has been closed due to inactivity. Start a new chat anytime if you need more help!',
         '{"type": "auto_closed"}'
    from unnest(inactive) as conversation_id
   order by conversation_id;
  update public.conversations as closed
     set status = 'closed', close_reason = 'customer_inactive', resolved_at = moment,
         metadata = closed.metadata || '{"close_reason": "customer_inactive"}'
   where closed.id = any (inactive);
  return cardinality(inactive);
end
$$;
comment on function handoff.close_inactive(timestamptz, integer) is
  'Closes the chats whose customers gave no sign of life after they were asked; their agents get the slots back (F001 5.12.7).';
revoke all on function handoff.close_inactive(timestamptz, integer) from public, anon, authenticated;
