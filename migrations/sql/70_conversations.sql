-- Conversations: the state machine, its timestamps, and what each move leaves in the outbox (F001 section 5.2).

-- What most columns of a conversation may hold is said by domains, not by check constraints: every message updates its
-- conversation, and Postgres parses all check constraints of a table anew for each statement, which was a fifth of a message's
-- price. A domain is looked at when a value is given, and costs nothing when it is not. The status has a check: it is what people
-- write into the table by hand, and a parameter cannot be of a domain here and a text there. What it says is in a function, for
-- the text of a call is short.
do $$
begin
  if to_regtype('handoff.conversation_source') is not null then
    return;
  end if;
  create domain handoff.conversation_visitor_id as text
    constraint conversations_visitor_id_length check (char_length(value) between 1 and 200);
  create domain handoff.conversation_customer_name as text
    constraint conversations_customer_name_length check (char_length(value) between 1 and 200);
  create domain handoff.conversation_customer_presence as text
    constraint conversations_customer_presence check (value in ('online', 'idle', 'offline', 'typing'));
  create domain handoff.conversation_customer_left_reason as text
    constraint conversations_customer_left_reason check (char_length(value) between 1 and 100);
  create domain handoff.conversation_priority as smallint
    constraint conversations_priority check (value between 0 and 9);
  create domain handoff.conversation_handoff_reason as text
    constraint conversations_handoff_reason check (value in ('low_confidence', 'keyword', 'customer_request', 'button_click'));
  create domain handoff.conversation_close_reason as text
    constraint conversations_close_reason check (char_length(value) between 1 and 100);
  create domain handoff.conversation_tags as text[]
    constraint conversations_tags check (cardinality(value) <= 20);
  create domain handoff.conversation_required_skills as text[]
    constraint conversations_required_skills check (cardinality(value) <= 20);
  create domain handoff.conversation_rating as integer
    constraint conversations_rating check (value between 1 and 5);
  create domain handoff.conversation_source as text
    constraint conversations_source check (value in ('widget', 'playground', 'mcp', 'api', 'voice'));
  create domain handoff.conversation_metadata as jsonb
    constraint conversations_metadata_is_object check (jsonb_typeof(value) = 'object');
end
$$;

create or replace function handoff.owner_fits_status(status text, agent uuid, entered timestamptz)
returns boolean
language plpgsql  -- not sql: that would be made a part of the check, and be parsed with it
immutable
security invoker
set search_path = ''
as $$
begin
  return case owner_fits_status.status
    when 'agent_active' then agent is not null
    when 'ai_active' then agent is null
    when 'waiting' then agent is null and entered is not null
    else owner_fits_status.status in ('resolved', 'closed')
  end;
end
$$;
comment on function handoff.owner_fits_status(text, uuid, timestamptz) is
  'Whether there is such a status, and a conversation of that status can have that agent and time of entering the queue.';
revoke all on function handoff.owner_fits_status(text, uuid, timestamptz) from public, anon, authenticated;
grant execute on function handoff.owner_fits_status(text, uuid, timestamptz) to authenticated, service_role;  -- who updates rows

create table if not exists public.conversations (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  customer_id uuid references public.customers (id) on delete set null,
  visitor_id handoff.conversation_visitor_id not null,
  visitor_user_id uuid references auth.users (id) on delete set null,
  customer_email text,
  customer_name handoff.conversation_customer_name,
  customer_presence handoff.conversation_customer_presence not null default 'offline',
  customer_last_seen_at timestamptz,
  customer_active_at timestamptz,
  auto_close_warning_sent_at timestamptz,
  status text not null default 'ai_active',
  assigned_agent_id uuid references auth.users (id) on delete set null,
  preferred_agent_id uuid references auth.users (id) on delete set null,
  priority handoff.conversation_priority not null default 0,
  handoff_reason handoff.conversation_handoff_reason,
  handoff_triggered_at timestamptz,
  ai_confidence_at_handoff double precision,
  trigger_keyword text,
  queue_entered_at timestamptz,
  waiting_since timestamptz,
  claimed_at timestamptz,
  first_response_at timestamptz,
  resolved_at timestamptz,
  resolved_by uuid references auth.users (id) on delete set null,
  closed_at timestamptz,
  close_reason handoff.conversation_close_reason,
  cleared_at timestamptz,
  released_by uuid references auth.users (id) on delete set null,
  released_at timestamptz,
  is_spam boolean not null default false,
  tags handoff.conversation_tags not null default '{}',
  required_skills handoff.conversation_required_skills not null default '{}',
  satisfaction_rating handoff.conversation_rating,
  satisfaction_feedback text,
  source handoff.conversation_source not null default 'widget',
  metadata handoff.conversation_metadata not null default '{}'::jsonb,
  preview text,
  event_seq bigint not null default 0,
  awaiting_email boolean not null default false,
  pending_question text,
  email_asked boolean not null default false,
  is_voice boolean not null default false,
  voice_duration_seconds integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  last_message_at timestamptz not null default now(),
  closed_message_at timestamptz,
  constraint conversations_status check (handoff.owner_fits_status(status, assigned_agent_id, queue_entered_at))
) with (fillfactor = 85);  -- each message updates its conversation: leave room for it on the page
alter table public.conversations
  add column if not exists customer_left_reason handoff.conversation_customer_left_reason;
comment on table public.conversations is 'One chat of one visitor. Moves only as handoff.is_legal_move allows.';
comment on column public.conversations.visitor_user_id is 'The (anonymous) Supabase user whose conversation this is. The only thing that grants a visitor access.';
comment on column public.conversations.assigned_agent_id is 'Owner while agent_active; who had it last when resolved or closed.';
comment on column public.conversations.preferred_agent_id is 'Who should get it first: the agent that had it before it was reopened.';
comment on column public.conversations.waiting_since is
  'When it became waiting last; its place in line goes by queue_entered_at, which a second wait does not change.';
comment on column public.conversations.priority is '0 normal to 9 most urgent; the queue is served by priority, then age.';
comment on column public.conversations.customer_active_at is
  'The customer''s last sign of life: a message, still_here, or presence online or typing. Written by triggers; being idle is none.';
comment on column public.conversations.customer_left_reason is
  'While presence has the customer offline: why. left, signed_out, pagehide, switched_pages, chat_cleared, lost, or a word of the widget''s own.';
comment on column public.conversations.cleared_at is 'When the visitor cleared the chat: from then on only the team sees it.';
comment on column public.conversations.released_by is 'The agent who gave it back to the queue last; for a while others come first.';
comment on column public.conversations.close_reason is 'customer, agent, spam, chat_cleared, customer_inactive, abandoned or timeout.';
comment on column public.conversations.preview is 'The beginning of the customer''s last message, for lists.';
comment on column public.conversations.closed_message_at is
  'last_message_at of a closed conversation, for its index: an index on what each message changes would make every message rewrite all indexes.';
comment on column public.conversations.event_seq is 'Number of the last event on this conversation''s topic.';

create unique index if not exists conversations_one_open_per_visitor_idx
  on public.conversations (project_id, visitor_user_id) where status <> 'closed' and visitor_user_id is not null;
create index if not exists conversations_queue_idx
  on public.conversations (project_id, priority desc, queue_entered_at, id) where status = 'waiting';
-- Those that are kept for an agent, or from one, for some time: the worker asks for the end of it.
create index if not exists conversations_kept_idx
  on public.conversations (project_id) where status = 'waiting' and (preferred_agent_id is not null or released_by is not null);
create index if not exists conversations_project_status_idx on public.conversations (project_id, status);
create index if not exists conversations_assigned_agent_idx
  on public.conversations (assigned_agent_id) where assigned_agent_id is not null;
create index if not exists conversations_visitor_user_idx
  on public.conversations (visitor_user_id) where visitor_user_id is not null;
create index if not exists conversations_customer_idx on public.conversations (customer_id) where customer_id is not null;
create index if not exists conversations_preferred_agent_idx
  on public.conversations (preferred_agent_id) where preferred_agent_id is not null;
create index if not exists conversations_released_by_idx on public.conversations (released_by) where released_by is not null;
create index if not exists conversations_resolved_by_idx on public.conversations (resolved_by) where resolved_by is not null;
create index if not exists conversations_visitor_idx on public.conversations (project_id, visitor_id);

alter table public.conversations enable row level security;
revoke all on public.conversations from anon, authenticated;
grant select on public.conversations to authenticated;
grant update (tags, priority, required_skills) on public.conversations to authenticated;
grant all on public.conversations to service_role;

-- Visitors have no policy here: the row holds what agents know about them. They read conversation_sync.
drop policy if exists "Members can see the conversations" on public.conversations;
create policy "Members can see the conversations" on public.conversations
  for select to authenticated using (project_id in (select handoff.member_projects()));

drop policy if exists "Members can sort and tag the conversations" on public.conversations;
create policy "Members can sort and tag the conversations" on public.conversations
  for update to authenticated
  using (project_id in (select handoff.member_projects()))
  with check (project_id in (select handoff.member_projects()));

create or replace function handoff.own_conversations()
returns setof uuid
language sql
stable
security definer  -- visitors cannot read conversations
set search_path = ''
as $$
  select conversation.id from public.conversations as conversation
   where conversation.visitor_user_id = (select auth.uid()) and conversation.cleared_at is null;
$$;
comment on function handoff.own_conversations() is 'The conversations of the calling visitor.';
revoke all on function handoff.own_conversations() from public, anon, authenticated;
grant execute on function handoff.own_conversations() to authenticated, service_role;

create or replace function handoff.is_legal_move(old_status text, new_status text)
returns boolean
language plpgsql  -- not sql: called for each row of a batch, and a third of the price
immutable
security invoker
set search_path = ''
as $$
begin
  return case old_status
    when 'ai_active'    then new_status in ('waiting', 'agent_active', 'closed')
    when 'waiting'      then new_status in ('agent_active', 'closed')
    when 'agent_active' then new_status in ('agent_active', 'waiting', 'resolved', 'closed')
    when 'resolved'     then new_status in ('agent_active', 'waiting', 'closed')
    else false
  end;
end
$$;
comment on function handoff.is_legal_move(text, text) is
  'F001 5.2.4, and three moves its features need: an agent takes over from the AI, an inactive chat is closed, '
  'a reopened chat waits when its agent cannot take it.';
revoke all on function handoff.is_legal_move(text, text) from public, anon, authenticated;

create or replace function handoff.normal_words(words text[])
returns text[]
language sql
immutable
security invoker
set search_path = ''
as $$
  select coalesce(array_agg(word order by place), '{}')
    from (select lower(btrim(entry.word)) as word, min(entry.place) as place
            from unnest(words) with ordinality as entry (word, place)
           where btrim(entry.word) <> ''
           group by lower(btrim(entry.word))) as distinct_words;
$$;
comment on function handoff.normal_words(text[]) is 'Trimmed, lower case, without repetition, in the order given: tags, skills, keywords.';
revoke all on function handoff.normal_words(text[]) from public, anon, authenticated;

create or replace function handoff.conversations_guard_insert()
returns trigger
language plpgsql
security definer  -- the service role inserts, and may not call what it calls
set search_path = ''
as $$
begin
  if new.status in ('waiting', 'agent_active') then
    perform handoff.fail(409, 'illegal_transition', format('A conversation cannot start as %s', new.status),
                         'Insert it as ai_active, then hand it off.');
  end if;
  if not handoff.is_importing() then
    new.event_seq := 0;
  end if;
  new.closed_message_at := case when new.status = 'closed' then new.last_message_at end;
  return new;
end
$$;
revoke all on function handoff.conversations_guard_insert() from public, anon, authenticated;

create or replace trigger conversations_guard_insert
  before insert on public.conversations
  for each row execute function handoff.conversations_guard_insert();

create or replace function handoff.conversations_guard()
returns trigger
language plpgsql
security definer  -- dashboards update tags themselves, and may not call what it calls
set search_path = ''
as $$
begin
  -- The account of an agent was deleted (foreign key action): its chats go back to the queue.
  if old.status = 'agent_active' and new.status = 'agent_active' and new.assigned_agent_id is null then
    new.status := 'waiting';
  end if;
  new.updated_at := now();
  new.closed_message_at := case when new.status = 'closed' then new.last_message_at end;
  -- Each call costs as much as everything else here: batches of thousands change neither.
  if new.tags is distinct from old.tags then
    new.tags := handoff.normal_words(new.tags);
  end if;
  if new.required_skills is distinct from old.required_skills then
    new.required_skills := handoff.normal_words(new.required_skills);
  end if;
  if (new.customer_presence <> old.customer_presence or new.customer_last_seen_at is distinct from old.customer_last_seen_at)
     and (new.customer_presence in ('online', 'typing') or old.customer_presence in ('online', 'typing')) then
    new.customer_active_at := greatest(new.customer_active_at, case
      when new.customer_last_seen_at is distinct from old.customer_last_seen_at then new.customer_last_seen_at else now() end);
  end if;
  -- A sign of life stops the time to auto-close.
  if new.customer_active_at is distinct from old.customer_active_at then
    new.auto_close_warning_sent_at := null;
  end if;
  if new.status = old.status and (new.status <> 'agent_active' or new.assigned_agent_id is not distinct from old.assigned_agent_id) then
    return new;  -- nothing moved: at most the last agent's account was deleted
  end if;
  if current_setting('handoff.conversation_moved', true) is distinct from 'on' then
    perform set_config('handoff.conversation_moved', 'on', true);  -- conversations_moved looks only then
  end if;
  -- The move of the queue's batches is let through without the call, which costs a third of this trigger.
  if not (old.status = 'waiting' and new.status = 'agent_active') and not handoff.is_legal_move(old.status, new.status) then
    perform handoff.fail(409, 'illegal_transition',
      format('A conversation that is %s cannot become %s', old.status, new.status),
      'Read its current status first: it may have changed since.');
  end if;
  -- The timestamps and references that a move sets; callers never set them.
  case new.status
    when 'waiting' then
      new.assigned_agent_id := null;
      -- A chat that loses its agent, or is reopened, keeps its place in line.
      new.queue_entered_at := coalesce(old.queue_entered_at, now());
      new.handoff_triggered_at := coalesce(old.handoff_triggered_at, now());
      new.waiting_since := now();
      if old.status = 'agent_active' then
        new.released_by := old.assigned_agent_id;
        new.released_at := now();
      end if;
    when 'agent_active' then
      -- The worker sets it: the assignments of one batch, some microseconds apart, tell their order.
      new.claimed_at := greatest(now(), new.claimed_at);
      new.first_response_at := old.first_response_at;
      new.preferred_agent_id := null;
    when 'resolved' then
      new.resolved_at := now();
      new.preferred_agent_id := new.assigned_agent_id;
    when 'closed' then
      new.closed_at := now();
    else
      null;
  end case;
  -- It was for the agent that had it.
  new.auto_close_warning_sent_at := null;
  -- One number for each event that handoff.conversations_moved writes for this move.
  new.event_seq := old.event_seq
    + (new.status <> old.status)::integer
    + (new.status = 'agent_active')::integer
    + (new.status = 'resolved')::integer;
  return new;
end
$$;
revoke all on function handoff.conversations_guard() from public, anon, authenticated;

drop function if exists handoff.stamp_move(public.conversations, public.conversations);

-- On every column but the ones that only a message or a trigger sets: a message would pay a twentieth of its price for a
-- look at a conversation that does not move. Who sets one of those sees to what the guard would do for it.
do $$
begin
  execute format(
    'create or replace trigger conversations_guard before update of %s on public.conversations'
    ' for each row execute function handoff.conversations_guard()',
    (select string_agg(quote_ident(guarded.attname), ', ' order by guarded.attnum)
       from pg_catalog.pg_attribute as guarded
      where guarded.attrelid = 'public.conversations'::regclass and guarded.attnum > 0 and not guarded.attisdropped
        and guarded.attname not in ('event_seq', 'last_message_at', 'closed_message_at', 'updated_at', 'preview', 'first_response_at',
                                    'customer_active_at', 'auto_close_warning_sent_at')));
end
$$;
