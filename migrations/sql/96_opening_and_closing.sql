-- The clock: opening and closing hours (F001 section 9.5). How these functions are called: 92_clock.sql.

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
