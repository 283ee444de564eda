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

-- Signs of life.

create or replace function handoff.conversations_clock()
returns trigger
language plpgsql
security definer  -- clears private rows, whoever moves the conversation
set search_path = ''
as $$
begin
  if (new.customer_presence in ('online', 'typing') or old.customer_presence in ('online', 'typing'))
     and (new.customer_presence, new.customer_last_seen_at) is distinct from (old.customer_presence, old.customer_last_seen_at) then
    new.customer_active_at := greatest(new.customer_active_at, case
      when new.customer_last_seen_at is distinct from old.customer_last_seen_at then new.customer_last_seen_at else now() end);
  end if;
  if new.status <> 'agent_active' or new.assigned_agent_id is distinct from old.assigned_agent_id then
    new.auto_close_warning_sent_at := null;
    delete from handoff.agent_absences as absence where absence.conversation_id = new.id;
  elsif new.customer_active_at is distinct from old.customer_active_at then
    new.auto_close_warning_sent_at := null;
  end if;
  return new;
end
$$;
comment on function handoff.conversations_clock() is
  'Notes the customer''s signs of life. They stop the time to auto-close, and so does whatever takes the chat from its agent.';
revoke all on function handoff.conversations_clock() from public, anon, authenticated;

create or replace trigger conversations_clock
  before update on public.conversations
  for each row when (
    (old.status = 'agent_active'
     and (new.status <> 'agent_active' or new.assigned_agent_id is distinct from old.assigned_agent_id))
    or new.customer_active_at is distinct from old.customer_active_at
    or ((new.customer_presence in ('online', 'typing') or old.customer_presence in ('online', 'typing'))
        and (new.customer_presence, new.customer_last_seen_at)
            is distinct from (old.customer_presence, old.customer_last_seen_at)))
  execute function handoff.conversations_clock();

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
     set customer_active_at = greatest(alive.customer_active_at, moment)
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
language sql
immutable
security invoker
set search_path = ''
as $$
  select greatest(
    coalesce(settings.auto_close_after_warning_minutes, 5),
    case when conversation.customer_presence = 'offline' then
      ceil(extract(epoch from conversation.customer_last_seen_at - minutes_left.moment) / 60
           + coalesce(settings.session_keep_alive_minutes, 15))::integer end);
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
       and greatest(conversation.claimed_at, conversation.customer_active_at, absence.offered_at)
           <= moment - make_interval(mins => coalesce(settings.inactivity_timeout_minutes, 5))
       and not handoff.is_forsaken(conversation, absence.offered_at)
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

-- Time-outs.

create or replace function handoff.opened_at(settings public.handoff_settings, moment timestamptz)
returns timestamptz
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if settings.business_hours_enabled is not true then
    return timestamptz '-infinity';
  end if;
  return (select opening.opens_at from handoff.openings(settings, moment, 1) as opening
           where moment >= opening.opens_at and moment < opening.closes_at);
end
$$;
comment on function handoff.opened_at(public.handoff_settings, timestamptz) is
  'When the opening that holds the moment began; null while the project is closed, -infinity when it has no business hours.';
revoke all on function handoff.opened_at(public.handoff_settings, timestamptz) from public, anon, authenticated;

-- The answer is promised for the next business day (F001 9.5): a night or a weekend is no time that the team let pass.
create or replace function handoff.had_its_chance(settings public.handoff_settings, since timestamptz, moment timestamptz)
returns boolean
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return settings.business_hours_enabled is not true
      or not handoff.may_open(settings, moment)
      or exists (
           select 1 from handoff.openings(settings, moment, 1) as opening
            where (opening.opens_at >= since and opening.closes_at <= moment)
               or least(opening.closes_at, moment) - greatest(opening.opens_at, since) >= interval '24 hours');
end
$$;
comment on function handoff.had_its_chance(public.handoff_settings, timestamptz, timestamptz) is
  'Whether the team had a whole opening, or 24 open hours, since then. Always true where there are no business hours.';
revoke all on function handoff.had_its_chance(public.handoff_settings, timestamptz, timestamptz) from public, anon, authenticated;

create or replace function handoff.time_out_ai(moment timestamptz default now(), most integer default 100)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  handled integer;
begin
  with due as (
    select conversation.id
      from public.conversations as conversation
     where conversation.status = 'ai_active'
       and conversation.created_at <= moment - interval '24 hours'
       and greatest(conversation.last_message_at, conversation.customer_active_at) <= moment - interval '24 hours'
     order by conversation.created_at, conversation.id
     limit most
       for no key update of conversation skip locked
  )
  update public.conversations as closed
     set status = 'closed', close_reason = 'timeout'
    from due
   where closed.id = due.id;
  get diagnostics handled = row_count;
  return handled;
end
$$;
comment on function handoff.time_out_ai(timestamptz, integer) is 'Closes the chats with the AI that nobody has touched for 24 hours (F001 5.2.4).';
revoke all on function handoff.time_out_ai(timestamptz, integer) from public, anon, authenticated;

create or replace function handoff.time_out_waiting(moment timestamptz default now(), most integer default 100)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  handled integer;
begin
  with due as (
    select conversation.id
      from public.conversations as conversation
      left join public.handoff_settings as settings on settings.project_id = conversation.project_id
     cross join lateral (
        select greatest(conversation.queue_entered_at, conversation.released_at, conversation.last_message_at,
                        conversation.customer_active_at) as since
      ) as silent
     where conversation.status = 'waiting'
       and silent.since <= moment - interval '24 hours'
       and handoff.had_its_chance(settings, silent.since, moment)
     order by conversation.queue_entered_at, conversation.id
     limit most
       for no key update of conversation skip locked
  )
  update public.conversations as closed
     set status = 'closed', close_reason = 'timeout'
    from due
   where closed.id = due.id;
  get diagnostics handled = row_count;
  return handled;
end
$$;
comment on function handoff.time_out_waiting(timestamptz, integer) is
  'Closes the waiting chats in which nothing has happened for 24 hours, once the team had its chance (F001 5.2.4, 9.5).';
revoke all on function handoff.time_out_waiting(timestamptz, integer) from public, anon, authenticated;

-- Gone is only whom presence has told of: a widget that tells nothing may have its customer in front of it. Who left an
-- e-mail address through the offline form is not expected to stay.
create or replace function handoff.close_abandoned(moment timestamptz default now(), most integer default 100)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  handled integer;
begin
  with due as (
    select conversation.id
      from public.conversations as conversation
      left join public.handoff_settings as settings on settings.project_id = conversation.project_id
     where conversation.status = 'waiting'
       and conversation.customer_presence = 'offline'
       and conversation.customer_last_seen_at <= moment - interval '30 minutes'
       and greatest(conversation.queue_entered_at, conversation.released_at, conversation.customer_active_at)
           <= moment - interval '30 minutes'
       and not exists (select 1 from public.lead_captures as lead where lead.session_id = conversation.id)
       and handoff.opened_at(settings, moment) <= moment - interval '30 minutes'
     order by conversation.customer_last_seen_at, conversation.id
     limit most
       for no key update of conversation skip locked
  )
  update public.conversations as closed
     set status = 'closed', close_reason = 'abandoned'
    from due
   where closed.id = due.id;
  get diagnostics handled = row_count;
  return handled;
end
$$;
comment on function handoff.close_abandoned(timestamptz, integer) is
  'Closes the waiting chats whose customers have been gone for 30 minutes of business hours (F001 9.2).';
revoke all on function handoff.close_abandoned(timestamptz, integer) from public, anon, authenticated;

create or replace function handoff.time_out_resolved(moment timestamptz default now(), most integer default 100)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  handled integer;
begin
  with due as (
    select conversation.id
      from public.conversations as conversation
     where conversation.status = 'resolved' and conversation.resolved_at <= moment - interval '24 hours'
     order by conversation.resolved_at, conversation.id
     limit most
       for no key update of conversation skip locked
  )
  update public.conversations as closed
     set status = 'closed', close_reason = 'timeout'
    from due
   where closed.id = due.id;
  get diagnostics handled = row_count;
  return handled;
end
$$;
comment on function handoff.time_out_resolved(timestamptz, integer) is 'Closes the chats that were resolved 24 hours ago (F001 5.2.4).';
revoke all on function handoff.time_out_resolved(timestamptz, integer) from public, anon, authenticated;

create or replace function handoff.time_out(moment timestamptz default now(), most integer default 100)
returns integer
language sql
volatile
security invoker
set search_path = ''
as $$
  select greatest(handoff.time_out_ai(moment, most), handoff.close_abandoned(moment, most),
                  handoff.time_out_waiting(moment, most), handoff.time_out_resolved(moment, most));
$$;
comment on function handoff.time_out(timestamptz, integer) is
  'All time-outs, at most so many of each kind; answers with the largest number, so that less than "most" means that nothing is left.';
revoke all on function handoff.time_out(timestamptz, integer) from public, anon, authenticated;

-- Agents who are gone while they have chats (F001 9.1). The chats stay with them, except those that they never answered.

create or replace function handoff.tell_agents_gone(moment timestamptz default now(), most integer default 100)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  held uuid[] := array(
    select conversation.id
      from public.conversations as conversation
      join public.agent_availability as agent
        on agent.project_id = conversation.project_id and agent.user_id = conversation.assigned_agent_id
     where conversation.status = 'agent_active'
       and agent.effective_status = 'offline'
       and not exists (select 1 from handoff.agent_absences as absence where absence.conversation_id = conversation.id)
     order by conversation.claimed_at, conversation.id
     limit most
       for no key update of conversation skip locked);
begin
  -- Who comes back now waits for us, and who came back a moment ago is seen below.
  perform 1
     from public.agent_availability as agent
    where agent.id in (
            select owner.id
              from public.conversations as conversation
              join public.agent_availability as owner
                on owner.project_id = conversation.project_id and owner.user_id = conversation.assigned_agent_id
             where conversation.id = any (held))
    order by agent.id
      for no key update;
  held := handoff.still_forsaken(held);
  perform handoff.requeue_unanswered(held);
  perform handoff.tell_disconnected(held, moment);
  return cardinality(held);
end
$$;
comment on function handoff.tell_agents_gone(timestamptz, integer) is
  'Tells customers once that their agent is gone; chats that the agent never answered wait again at once (F001 9.1).';
revoke all on function handoff.tell_agents_gone(timestamptz, integer) from public, anon, authenticated;

create or replace function handoff.still_forsaken(conversation_ids uuid[])
returns uuid[]
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return array(
    select conversation.id from public.conversations as conversation
     where conversation.id = any (still_forsaken.conversation_ids)
       and handoff.is_forsaken(conversation, null)
       and not exists (select 1 from handoff.agent_absences as absence where absence.conversation_id = conversation.id)
     order by conversation.id);
end
$$;
comment on function handoff.still_forsaken(uuid[]) is 'Those of these locked conversations whose agent is gone and whose customer has not been told.';
revoke all on function handoff.still_forsaken(uuid[]) from public, anon, authenticated;

create or replace function handoff.requeue_unanswered(conversation_ids uuid[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  update public.conversations as returned
     set status = 'waiting'
   where returned.id = any (requeue_unanswered.conversation_ids)
     and not exists (
           select 1 from public.messages as reply
            where reply.conversation_id = returned.id
              and reply.sender_type = 'agent'
              and reply.sender_id = returned.assigned_agent_id
              and reply.created_at >= returned.claimed_at);
end
$$;
comment on function handoff.requeue_unanswered(uuid[]) is 'Those of these conversations wait again to which their agent has not written since they got them.';
revoke all on function handoff.requeue_unanswered(uuid[]) from public, anon, authenticated;

create or replace function handoff.tell_disconnected(conversation_ids uuid[], moment timestamptz)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  insert into handoff.agent_absences (conversation_id, told_at)
  select conversation.id, moment
    from public.conversations as conversation
   where conversation.id = any (tell_disconnected.conversation_ids) and conversation.status = 'agent_active';
  insert into public.messages (conversation_id, sender_type, content, metadata)
  select absence.conversation_id, 'system', 'Agent disconnected. Waiting for reconnection...', '{"type": "agent_disconnected"}'
    from handoff.agent_absences as absence
   where absence.conversation_id = any (tell_disconnected.conversation_ids)
   order by absence.conversation_id;
end
$$;
revoke all on function handoff.tell_disconnected(uuid[], timestamptz) from public, anon, authenticated;

create or replace function handoff.offer_requeue(moment timestamptz default now(), most integer default 100)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  due uuid[] := array(
    select conversation.id
      from handoff.agent_absences as absence
      join public.conversations as conversation on conversation.id = absence.conversation_id
     where absence.offered_at is null and absence.told_at <= moment - interval '10 minutes'
     order by absence.told_at, conversation.id
     limit most
       for no key update of conversation skip locked);
begin
  -- The agent may have come back, or another worker have been quicker: the row is gone then, or has its time.
  with offered as (
    update handoff.agent_absences as absence
       set offered_at = moment
     where absence.conversation_id = any (due) and absence.offered_at is null
    returning absence.conversation_id
  )
  select coalesce(array_agg(offered.conversation_id order by offered.conversation_id), '{}') into due from offered;
  insert into public.messages (conversation_id, sender_type, content, metadata)
  select conversation_id, 'system', 'Your agent has not come back yet. You can keep waiting, or return to the queue for another agent.',
         '{"type": "requeue_offer"}'
    from unnest(due) as conversation_id
   order by conversation_id;
  return cardinality(due);
end
$$;
comment on function handoff.offer_requeue(timestamptz, integer) is
  'Offers customers whose agent has been gone for ten minutes to return to the queue (F001 9.1), once an absence; they call return_to_queue.';
revoke all on function handoff.offer_requeue(timestamptz, integer) from public, anon, authenticated;

-- DEFINER: clears private rows, whoever sets the agent's status.
create or replace function handoff.agent_availability_returned()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  delete from handoff.agent_absences as absence
   using public.conversations as conversation
   where conversation.id = absence.conversation_id
     and conversation.project_id = new.project_id and conversation.assigned_agent_id = new.user_id;
  return null;
end
$$;
comment on function handoff.agent_availability_returned() is 'The agent is back: the next absence is told anew.';
revoke all on function handoff.agent_availability_returned() from public, anon, authenticated;

create or replace trigger agent_availability_returned
  after update on public.agent_availability
  for each row when (old.effective_status = 'offline' and new.effective_status <> 'offline')
  execute function handoff.agent_availability_returned();

-- Opening and closing.

create or replace function handoff.next_edge(project_id uuid, moment timestamptz default now())
returns timestamptz
language sql
stable
security invoker
set search_path = ''
as $$
  select coalesce(handoff.closes_at(settings, moment), handoff.next_opening(settings, moment))
    from public.handoff_settings as settings
   where settings.project_id = next_edge.project_id;
$$;
comment on function handoff.next_edge(uuid, timestamptz) is
  'When the project next opens or closes; null when it has no business hours and when that is not within 370 days.';
revoke all on function handoff.next_edge(uuid, timestamptz) from public, anon, authenticated;

-- DEFINER: writes a private table. Whoever changes the hours holds the row until the change is visible, so that the worker
-- cannot put the edge of the old hours over it.
create or replace function handoff.hours_changed()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
#variable_conflict use_column
declare
  changed uuid := case tg_op when 'DELETE' then old.project_id else new.project_id end;
begin
  if exists (select 1 from public.projects as project where project.id = changed) then
    insert into handoff.schedule_edges as edge (project_id) values (changed)
    on conflict (project_id) do update set next_edge = '-infinity';
  end if;
  return null;
end
$$;
comment on function handoff.hours_changed() is 'The project''s edges are found anew.';
revoke all on function handoff.hours_changed() from public, anon, authenticated;

create or replace trigger handoff_settings_hours_changed
  after insert or delete or update of business_hours_enabled, timezone, business_hours on public.handoff_settings
  for each row execute function handoff.hours_changed();
create or replace trigger business_hours_exceptions_hours_changed
  after insert or update or delete on public.business_hours_exceptions
  for each row execute function handoff.hours_changed();

-- Projects that had hours before this file was first run.
insert into handoff.schedule_edges (project_id)
select settings.project_id from public.handoff_settings as settings
on conflict do nothing;

create or replace function handoff.pass_edges(moment timestamptz default now(), most integer default 100)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  passed uuid[] := array(
    select edge.project_id
      from handoff.schedule_edges as edge
      join public.handoff_settings as settings on settings.project_id = edge.project_id
     where edge.next_edge <= moment and settings.business_hours_enabled
     order by edge.next_edge, edge.project_id
     limit most
       for no key update of edge skip locked);
  project uuid;
begin
  update handoff.schedule_edges as edge
     set open = state.open,
         changed_at = case
           when edge.open = state.open then edge.changed_at
           when edge.open is not null and edge.next_edge > '-infinity' then edge.next_edge
           when edge.open is not null or state.open then moment
           else coalesce((select max(opening.closes_at) from handoff.openings(settings, moment, 0) as opening
                           where opening.closes_at <= moment), '-infinity')
         end,
         -- Where no edge is near, tomorrow is soon enough to look again.
         next_edge = coalesce(handoff.next_edge(edge.project_id, moment), moment + interval '1 day')
    from public.handoff_settings as settings
   cross join lateral (select handoff.is_open(settings, moment) as open) as state
   where edge.project_id = any (passed) and settings.project_id = edge.project_id;
  for project in select unnest(passed) as project_id order by 1 loop
    perform handoff.refresh_project_state(project);
  end loop;
  return cardinality(passed);
end
$$;
comment on function handoff.pass_edges(timestamptz, integer) is
  'Notes which projects have opened or closed, and tells their widgets if that changed what they can offer.';
revoke all on function handoff.pass_edges(timestamptz, integer) from public, anon, authenticated;

create or replace function handoff.tell_closed(moment timestamptz default now(), most integer default 100)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
#variable_conflict use_column
declare
  waiting uuid[] := array(
    select conversation.id
      from handoff.schedule_edges as edge
      join public.handoff_settings as settings on settings.project_id = edge.project_id
      join public.conversations as conversation on conversation.project_id = edge.project_id
      left join handoff.closing_notices as notice on notice.conversation_id = conversation.id
     where not edge.open and edge.next_edge > moment and settings.business_hours_enabled
       and conversation.status = 'waiting'
       -- Who came later was told when they came.
       and conversation.queue_entered_at < edge.changed_at
       and (notice.told_at is null or notice.told_at < edge.changed_at)
     order by conversation.queue_entered_at, conversation.id
     limit most
       for no key update of conversation skip locked);
begin
  -- Asked again under the lock: another worker may have told them since.
  with told as (
    insert into handoff.closing_notices as notice (conversation_id, told_at)
    select conversation.id, moment
      from public.conversations as conversation
      join handoff.schedule_edges as edge on edge.project_id = conversation.project_id
     where conversation.id = any (waiting)
       and not exists (select 1 from handoff.closing_notices as earlier
                        where earlier.conversation_id = conversation.id and earlier.told_at >= edge.changed_at)
     order by conversation.id
    on conflict (conversation_id) do update set told_at = excluded.told_at
    returning notice.conversation_id
  )
  select coalesce(array_agg(told.conversation_id), '{}') into waiting from told;
  insert into public.messages (conversation_id, sender_type, content, metadata)
  select conversation.id, 'system', handoff.closing_text(settings, next.opens_at, moment),
         jsonb_build_object('type', 'team_offline', 'opens_at', next.opens_at, 'show_offline_form', true)
    from public.conversations as conversation
    join public.handoff_settings as settings on settings.project_id = conversation.project_id
   cross join lateral (select handoff.next_opening(settings, moment) as opens_at) as next
   where conversation.id = any (waiting)
   order by conversation.id;
  return cardinality(waiting);
end
$$;
comment on function handoff.tell_closed(timestamptz, integer) is
  'Tells who waits, once a closing, that the team has gone and when it is back (F001 9.5). They keep their places.';
revoke all on function handoff.tell_closed(timestamptz, integer) from public, anon, authenticated;

create or replace function handoff.closing_text(settings public.handoff_settings, opens_at timestamptz, moment timestamptz)
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select 'Our team is currently offline. '
      || coalesce('We will be back ' || handoff.opening_text(closing_text.opens_at, settings.timezone, moment)
                  || ' (' || settings.timezone || '). ', '')
      || 'Your place in line is kept. Leave your e-mail address and we will follow up.';
$$;
comment on function handoff.closing_text(public.handoff_settings, timestamptz, timestamptz) is
  'What a waiting customer reads when the team closes; without a time when no opening is known.';
revoke all on function handoff.closing_text(public.handoff_settings, timestamptz, timestamptz) from public, anon, authenticated;

-- Retention.

create or replace function handoff.is_spent(partition regclass, horizon xid8, moment timestamptz)
returns boolean
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  newest_xid xid8;
  newest_at timestamptz;
begin
  execute format('select event.xid, event.created_at from %s as event order by event.xid desc, event.id desc limit 1', partition)
     into newest_xid, newest_at;
  -- Null when it is empty: nothing to do then.
  return coalesce(newest_xid < horizon and newest_at < moment - interval '5 days', false);
end
$$;
comment on function handoff.is_spent(regclass, xid8, timestamptz) is 'Whether the newest row of a partition of the outbox is delivered and older than five days.';
revoke all on function handoff.is_spent(regclass, xid8, timestamptz) from public, anon, authenticated;

-- Not the partition that rows go to now; tomorrow's holds what is five to seven days old. It is looked at again under the
-- lock, and a writer who is in the way is not made to wait: the next run tries again.
create or replace function handoff.empty_partition(partition regclass, horizon xid8, moment timestamptz)
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
set lock_timeout = '200ms'
as $$
declare
  emptied boolean := false;
begin
  -- One worker at a time; nobody is locked out for what need not be done.
  if not pg_try_advisory_xact_lock(hashtextextended('handoff.empty_partition', 0))
     or not handoff.is_spent(partition, horizon, moment) then
    return false;
  end if;
  execute format('lock table %s in access exclusive mode', partition);
  if handoff.is_spent(partition, horizon, moment) then
    execute format('truncate table %s', partition);
    emptied := true;
  end if;
  return emptied;
exception
  when lock_not_available then
    return false;
end
$$;
comment on function handoff.empty_partition(regclass, xid8, timestamptz) is 'Truncates a partition of the outbox if all of it is delivered and older than five days; says whether it did.';
revoke all on function handoff.empty_partition(regclass, xid8, timestamptz) from public, anon, authenticated;

create or replace function handoff.prune_outbox(horizon xid8, moment timestamptz default now(), most integer default 1000)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  today integer := extract(epoch from moment)::bigint / 86400 % 7;
  handled integer;
begin
  if horizon is not null then
    perform handoff.empty_partition(('handoff.outbox_' || (today + ahead) % 7)::regclass, horizon, moment)
       from generate_series(1, 2) as ahead;
  end if;
  -- What a partition keeps because of newer rows, and where no worker has told how far it is: oldest first.
  delete from handoff.outbox as event
   using (
     select candidate.xid, candidate.id, candidate.bucket
       from (select first.xid, first.id, first.bucket, first.created_at
               from handoff.outbox as first order by first.xid, first.id limit most) as candidate
      where candidate.created_at < moment - interval '6 days'
        and (prune_outbox.horizon is null or candidate.xid < prune_outbox.horizon)
   ) as spent
   where event.xid = spent.xid and event.id = spent.id and event.bucket = spent.bucket;
  get diagnostics handled = row_count;
  return handled;
end
$$;
comment on function handoff.prune_outbox(xid8, timestamptz, integer) is
  'Forgets events that are delivered (their transaction is below the horizon) and old: whole partitions after five days, rows after six. Without a horizon rows alone.';
revoke all on function handoff.prune_outbox(xid8, timestamptz, integer) from public, anon, authenticated;

create or replace function handoff.prune_calls(moment timestamptz default now(), most integer default 1000)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  handled integer;
begin
  with spent as (
    select counter.scope, counter.user_id
      from handoff.rate_limits as counter
     where counter.hits[cardinality(counter.hits)] < moment - interval '1 day'
     limit most
       for update skip locked
  )
  delete from handoff.rate_limits as counter
   using spent
   where counter.scope = spent.scope and counter.user_id = spent.user_id;
  get diagnostics handled = row_count;
  return handled;
end
$$;
comment on function handoff.prune_calls(timestamptz, integer) is 'Forgets the counters of rate limits that have not moved for a day: no limit looks back that far.';
revoke all on function handoff.prune_calls(timestamptz, integer) from public, anon, authenticated;

create or replace function handoff.prune_mail(moment timestamptz default now(), most integer default 1000)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  handled integer;
begin
  with spent as (
    select mail.id
      from handoff.mail_outbox as mail
     where mail.sent_at < moment - interval '30 days'
     limit most
       for update skip locked
  )
  delete from handoff.mail_outbox as mail using spent where mail.id = spent.id;
  get diagnostics handled = row_count;
  return handled;
end
$$;
comment on function handoff.prune_mail(timestamptz, integer) is 'Forgets mail that was sent more than 30 days ago.';
revoke all on function handoff.prune_mail(timestamptz, integer) from public, anon, authenticated;

create or replace function handoff.prune(horizon xid8, moment timestamptz default now(), most integer default 1000)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform handoff.prune_decisions(moment);
  return greatest(handoff.prune_outbox(prune.horizon, moment, most), handoff.prune_calls(moment, most), handoff.prune_mail(moment, most));
end
$$;
comment on function handoff.prune(xid8, timestamptz, integer) is 'Forgets what is no longer needed, at most so many rows of each kind; answers as time_out does.';
revoke all on function handoff.prune(xid8, timestamptz, integer) from public, anon, authenticated;
