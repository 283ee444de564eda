-- The clock: time-outs (F001 sections 5.2.4 and 9.2). How these functions are called: 92_clock.sql.

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
