-- When a project is open: wall time by weekday, dated exceptions, and the instants that follow from them (F001 5.8).
--
-- Hours belong to the day on which they begin. They are half open: at "end" the project is closed. Wall time becomes an
-- instant by the zone data of Postgres:
--   a start or end that the clock skips moves on by the length of the gap (02:30 becomes 03:30),
--   hours that begin in a repeated hour begin the first time it is shown, hours that end in one end the second time,
--   so that a project is never closed while its clock shows an opening hour twice.

create or replace function handoff.checked_range(given jsonb, place text)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  overnight boolean := coalesce(given -> 'overnight' = 'true'::jsonb, false);
begin
  perform handoff.require_type(given, 'object', place || ': a range');
  perform handoff.refuse_unknown_keys(given, array['start', 'end', 'overnight'], place);
  if given ? 'overnight' then
    perform handoff.require_type(given -> 'overnight', 'boolean', place || ': "overnight"');
  end if;
  if coalesce(given ->> 'start', '') !~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'
     or coalesce(given ->> 'end', '') !~ '^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$' then
    perform handoff.fail(400, 'time_invalid', format('%s: "start" and "end" must be times of day as HH:MM', place),
                         'From 00:00 to 23:59; the end may be 24:00.');
  end if;
  if overnight <> ((given ->> 'start')::time >= (given ->> 'end')::time) then
    perform handoff.fail(400, 'range_invalid', format('%s: the start must be before the end', place),
                         'A range past midnight says so with "overnight": true, and ends before it starts.');
  end if;
  return jsonb_build_object('start', given -> 'start', 'end', given -> 'end')
      || case when overnight then '{"overnight": true}'::jsonb else '{}'::jsonb end;
end
$$;
comment on function handoff.checked_range(jsonb, text) is
  'One range {"start", "end"[, "overnight"]}; refuses anything but HH:MM with start before end, or past midnight when it says so.';
revoke all on function handoff.checked_range(jsonb, text) from public, anon, authenticated;

create or replace function handoff.checked_ranges(given jsonb, place text)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  sorted jsonb;
  overlapping boolean;
begin
  perform handoff.require_type(given, 'array', place || ': "ranges"');
  if jsonb_array_length(given) not between 1 and 24 then
    perform handoff.fail(400, 'ranges_missing', format('%s: "ranges" must hold 1 to 24 ranges', place),
                         'A closed day is not enabled; a closed date is an exception without ranges.');
  end if;
  select jsonb_agg(range.value order by range.opens), bool_or(range.opens < range.previous_closes)
    into sorted, overlapping
    from (
      select wall.value, wall.opens, lag(wall.closes) over (order by wall.opens) as previous_closes
        from (
          select checked.value,
                 (checked.value ->> 'start')::interval as opens,
                 (checked.value ->> 'end')::interval
                   + case when checked.value ? 'overnight' then interval '24 hours' else interval '0' end as closes
            from (select handoff.checked_range(element, place) as value
                    from jsonb_array_elements(given) as element) as checked
        ) as wall
    ) as range;
  if overlapping then
    perform handoff.fail(400, 'ranges_overlap', format('%s: two ranges overlap', place), 'They may touch.');
  end if;
  return sorted;
end
$$;
comment on function handoff.checked_ranges(jsonb, text) is 'The ranges of one day, checked and in order; refuses none and overlapping ones.';
revoke all on function handoff.checked_ranges(jsonb, text) from public, anon, authenticated;

create or replace function handoff.checked_day(given jsonb, place text)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  -- A day that names hours is meant to be open, unless it says otherwise.
  enabled jsonb := coalesce(given -> 'enabled', to_jsonb(given ?| array['start', 'end', 'ranges']));
  hours jsonb;
begin
  perform handoff.require_type(given, 'object', place);
  perform handoff.refuse_unknown_keys(given, array['enabled', 'start', 'end', 'overnight', 'ranges'], place);
  perform handoff.require_type(enabled, 'boolean', place || ': "enabled"');
  if given ? 'ranges' then
    if given ?| array['start', 'end', 'overnight'] then
      perform handoff.fail(400, 'range_invalid', format('%s has both "ranges" and hours beside them', place),
                           'Use either "start" and "end" or "ranges".');
    end if;
    hours := case
      when enabled = 'false'::jsonb and given -> 'ranges' = '[]'::jsonb then '{"ranges": []}'::jsonb
      else jsonb_build_object('ranges', handoff.checked_ranges(given -> 'ranges', place))
    end;
  else
    hours := handoff.checked_range('{"start": "09:00", "end": "17:00"}'::jsonb || (given - 'enabled'), place);
  end if;
  return hours || jsonb_build_object('enabled', enabled);
end
$$;
comment on function handoff.checked_day(jsonb, text) is 'One weekday of business_hours in its full form; hours that are left out are 09:00 to 17:00.';
revoke all on function handoff.checked_day(jsonb, text) from public, anon, authenticated;

create or replace function handoff.checked_week(given jsonb)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  weekdays text[] := array['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];
begin
  perform handoff.require_type(given, 'object', '"business_hours"');
  perform handoff.refuse_unknown_keys(given, weekdays, '"business_hours"');
  return (select jsonb_object_agg(weekday, handoff.checked_day(coalesce(given -> weekday, '{"enabled": false}'), weekday))
            from unnest(weekdays) as weekday);
end
$$;
comment on function handoff.checked_week(jsonb) is 'business_hours with all seven days; a day that is left out is closed.';
revoke all on function handoff.checked_week(jsonb) from public, anon, authenticated;

create table if not exists public.business_hours_exceptions (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  date date not null,
  closed boolean not null,
  ranges jsonb,
  label text constraint business_hours_exceptions_label_length check (char_length(label) between 1 and 200),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint business_hours_exceptions_one_per_date unique (project_id, date),
  constraint business_hours_exceptions_closed_or_ranges check (closed = (ranges is null))
);
comment on table public.business_hours_exceptions is
  'Dates on which a project is closed or has other hours than its weekday says. They replace the hours that begin on that date.';
comment on column public.business_hours_exceptions.closed is 'Follows from ranges when it is left out.';
comment on column public.business_hours_exceptions.ranges is
  'Null: closed all day. Else [{"start": "09:00", "end": "12:00"}], as in handoff_settings.business_hours.';

alter table public.business_hours_exceptions enable row level security;
revoke all on public.business_hours_exceptions from anon, authenticated;
grant select, delete on public.business_hours_exceptions to authenticated;
grant insert (project_id, date, closed, ranges, label), update (project_id, date, closed, ranges, label)
  on public.business_hours_exceptions to authenticated;
grant all on public.business_hours_exceptions to service_role;

drop policy if exists "Members can see the exceptions" on public.business_hours_exceptions;
create policy "Members can see the exceptions" on public.business_hours_exceptions
  for select to authenticated using (project_id in (select handoff.member_projects()));

drop policy if exists "Admins can add exceptions" on public.business_hours_exceptions;
create policy "Admins can add exceptions" on public.business_hours_exceptions
  for insert to authenticated with check (handoff.is_admin(project_id));

drop policy if exists "Admins can change exceptions" on public.business_hours_exceptions;
create policy "Admins can change exceptions" on public.business_hours_exceptions
  for update to authenticated using (handoff.is_admin(project_id)) with check (handoff.is_admin(project_id));

drop policy if exists "Admins can remove exceptions" on public.business_hours_exceptions;
create policy "Admins can remove exceptions" on public.business_hours_exceptions
  for delete to authenticated using (handoff.is_admin(project_id));

create or replace function handoff.business_hours_exceptions_validate()
returns trigger
language plpgsql
security definer  -- the helpers are nobody's to call; whoever may write the row passes through here
set search_path = ''
as $$
begin
  new.updated_at := now();
  -- A change of one of the two takes the other along: {"closed": true} drops the ranges, new ranges open the day.
  if tg_op = 'INSERT' then
    new.closed := coalesce(new.closed, new.ranges is null);
  elsif new.closed and not old.closed and new.ranges is not distinct from old.ranges then
    new.ranges := null;
  elsif new.closed = old.closed and new.ranges is distinct from old.ranges then
    new.closed := new.ranges is null;
  end if;
  if new.closed <> (new.ranges is null) then
    perform handoff.fail(400, 'exception_contradicts', 'An exception is either closed or has ranges',
                         'Leave "closed" out, or send ranges only when it is false.');
  end if;
  if new.ranges is not null then
    new.ranges := handoff.checked_ranges(new.ranges, new.date::text);
  end if;
  return new;
end
$$;
revoke all on function handoff.business_hours_exceptions_validate() from public, anon, authenticated;

create or replace trigger business_hours_exceptions_validate
  before insert or update on public.business_hours_exceptions
  for each row execute function handoff.business_hours_exceptions_validate();

-- The estimate for a plan that fits all days is so bad that Postgres would plan anew at each call, at four times the price of
-- the query itself.
create or replace function handoff.opening_ranges(settings public.handoff_settings, first_day date, last_day date)
returns table (opens_at timestamptz, closes_at timestamptz)
language plpgsql
stable
security invoker
set search_path = ''
set plan_cache_mode = 'force_generic_plan'
as $$
begin
  return query
  select instants.opens_at, instants.closes_at
    from (
      select opening_ranges.first_day + ahead as date
        from generate_series(0, opening_ranges.last_day - opening_ranges.first_day) as ahead
    ) as day
    left join public.business_hours_exceptions as exception
      on exception.project_id = settings.project_id and exception.date = day.date
   cross join lateral (select settings.business_hours -> to_char(day.date, 'FMday') as hours) as weekday
   cross join lateral jsonb_array_elements(case
      when exception.id is not null then coalesce(exception.ranges, '[]'::jsonb)
      when weekday.hours -> 'enabled' = 'true'::jsonb
        then coalesce(weekday.hours -> 'ranges', jsonb_build_array(weekday.hours))
      else '[]'::jsonb
    end) as range
   cross join lateral (
      select day.date + (range ->> 'start')::time as starts,
             day.date + (range ->> 'end')::time
               + case when range ? 'overnight' then interval '24 hours' else interval '0' end as ends
    ) as wall
   -- Of two instants with the same wall time Postgres takes the second: right for an end, one repetition late for a start.
   cross join lateral (select wall.starts at time zone settings.timezone as last) as start
   cross join lateral (
      select (wall.starts - (start.last - interval '24 hours') at time zone settings.timezone
              + (start.last - interval '24 hours') at time zone 'UTC') at time zone 'UTC' as by_offset_before
    ) as earlier
   cross join lateral (
      select case when earlier.by_offset_before < start.last
                   and earlier.by_offset_before at time zone settings.timezone = wall.starts
                  then earlier.by_offset_before else start.last end as opens_at,
             wall.ends at time zone settings.timezone as closes_at
    ) as instants
   -- A range that begins in a skipped hour and ends right after it is over before its start has moved.
   where instants.opens_at < instants.closes_at;
end
$$;
comment on function handoff.opening_ranges(public.handoff_settings, date, date) is
  'The ranges that begin on these days, as instants, each as written: they may touch or overlap.';
revoke all on function handoff.opening_ranges(public.handoff_settings, date, date) from public, anon, authenticated;

-- Two days back: what began yesterday past midnight may end today, and a clock change may push the end over one more.
create or replace function handoff.openings(settings public.handoff_settings, moment timestamptz, days integer)
returns table (opens_at timestamptz, closes_at timestamptz)
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  today date := (moment at time zone settings.timezone)::date;
begin
  return query
  select min(numbered.opens_at), max(numbered.closes_at)
    from (
      select range.opens_at, range.closes_at, count(*) filter (where range.begins) over (order by range.opens_at) as opening
        from (
          select each.opens_at, each.closes_at,
                 -- Null for the first one, which begins an opening too.
                 (each.opens_at <= max(each.closes_at) over (
                    order by each.opens_at rows between unbounded preceding and 1 preceding)) is not true as begins
            from handoff.opening_ranges(settings, today - 2, today + openings.days) as each
        ) as range
    ) as numbered
   group by numbered.opening
   order by 1;
end
$$;
comment on function handoff.openings(public.handoff_settings, timestamptz, integer) is
  'From two days before the moment to so many days after: when the project is open, ranges that touch or overlap as one; the end is not included.';
revoke all on function handoff.openings(public.handoff_settings, timestamptz, integer) from public, anon, authenticated;

create or replace function handoff.is_open(settings public.handoff_settings, moment timestamptz)
returns boolean
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  today date := (moment at time zone settings.timezone)::date;
begin
  return not settings.business_hours_enabled
      or exists (select 1 from handoff.opening_ranges(settings, today - 2, today + 1) as range
                  where moment >= range.opens_at and moment < range.closes_at);
end
$$;
comment on function handoff.is_open(public.handoff_settings, timestamptz) is
  'Whether handoff is within business hours at that instant; always true when business hours are off.';
revoke all on function handoff.is_open(public.handoff_settings, timestamptz) from public, anon, authenticated;

-- Nearly every question is answered by the coming days; only exceptions and clock changes can put the answer further off.
create or replace function handoff.next_opening(settings public.handoff_settings, moment timestamptz)
returns timestamptz
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  upcoming timestamptz;
begin
  if not settings.business_hours_enabled then
    return null;
  end if;
  select min(opening.opens_at) into upcoming from handoff.openings(settings, moment, 8) as opening where opening.opens_at > moment;
  if upcoming is null and handoff.may_open(settings, moment) then
    select min(opening.opens_at) into upcoming from handoff.openings(settings, moment, 370) as opening where opening.opens_at > moment;
  end if;
  return upcoming;
end
$$;
comment on function handoff.next_opening(public.handoff_settings, timestamptz) is
  'The next instant at which the project goes from closed to open; null when business hours are off and when that is not within 370 days.';
revoke all on function handoff.next_opening(public.handoff_settings, timestamptz) from public, anon, authenticated;

create or replace function handoff.may_open(settings public.handoff_settings, moment timestamptz)
returns boolean
language sql
stable
security invoker
set search_path = ''
as $$
  select jsonb_path_exists(settings.business_hours, '$.*.enabled ? (@ == true)')
      or exists (select 1 from public.business_hours_exceptions as exception
                  where exception.project_id = settings.project_id
                    and exception.date >= (moment at time zone settings.timezone)::date
                    and not exception.closed);
$$;
comment on function handoff.may_open(public.handoff_settings, timestamptz) is 'False when the project has no hours at all, so that nobody searches a year for them.';
revoke all on function handoff.may_open(public.handoff_settings, timestamptz) from public, anon, authenticated;

create or replace function handoff.closes_at(settings public.handoff_settings, moment timestamptz)
returns timestamptz
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  closing timestamptz;
  days integer;
begin
  if not settings.business_hours_enabled then
    return null;
  end if;
  foreach days in array array[8, 370] loop
    select opening.closes_at into closing
      from handoff.openings(settings, moment, days) as opening
     where moment >= opening.opens_at and moment < opening.closes_at;
    -- An end on the last day looked at may only be where the looking ended.
    if closing is null or (closing at time zone settings.timezone)::date < (moment at time zone settings.timezone)::date + days then
      return closing;
    end if;
  end loop;
  return null;
end
$$;
comment on function handoff.closes_at(public.handoff_settings, timestamptz) is
  'When the opening that holds the moment ends; null when the project is closed then, and when it does not close within 370 days.';
revoke all on function handoff.closes_at(public.handoff_settings, timestamptz) from public, anon, authenticated;

create or replace function handoff.opening_text(opens_at timestamptz, zone text, moment timestamptz)
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  -- From the seventh day on the weekday alone would mean an earlier one.
  select to_char(wall.opens, case when wall.opens::date - wall.today > 6 then 'FMDay, FMMonth FMDD, FMHH12:MI AM'
                                  else 'FMDay FMHH12:MI AM' end)
    from (select opening_text.opens_at at time zone zone as opens, (moment at time zone zone)::date as today) as wall;
$$;
comment on function handoff.opening_text(timestamptz, text, timestamptz) is
  'An opening as F001 7.5 words it: "Monday 9:00 AM", and "Monday, January 4, 9:00 AM" when it is more than six days ahead.';
revoke all on function handoff.opening_text(timestamptz, text, timestamptz) from public, anon, authenticated;
