-- Handoff settings of a project, and when it is open (F001 sections 5.1 and 5.8).

create table if not exists public.handoff_settings (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  enabled boolean not null default false,
  trigger_mode text not null default 'both'
    constraint handoff_settings_trigger_mode check (trigger_mode in ('auto', 'manual', 'both')),
  show_human_button boolean not null default false,
  auto_triggers jsonb not null default '{
    "low_confidence_enabled": true,
    "low_confidence_threshold": 0.6,
    "keywords_enabled": true,
    "keywords": ["human", "agent", "person", "speak to someone", "talk to someone"]
  }'::jsonb,
  business_hours_enabled boolean not null default false,
  timezone text not null default 'UTC',
  business_hours jsonb not null default '{
    "monday": {"start": "09:00", "end": "17:00", "enabled": true},
    "tuesday": {"start": "09:00", "end": "17:00", "enabled": true},
    "wednesday": {"start": "09:00", "end": "17:00", "enabled": true},
    "thursday": {"start": "09:00", "end": "17:00", "enabled": true},
    "friday": {"start": "09:00", "end": "17:00", "enabled": true},
    "saturday": {"start": "09:00", "end": "17:00", "enabled": false},
    "sunday": {"start": "09:00", "end": "17:00", "enabled": false}
  }'::jsonb,
  default_max_concurrent_chats integer not null default 5
    constraint handoff_settings_default_max_chats check (default_max_concurrent_chats between 1 and 50),
  inactivity_timeout_minutes integer not null default 5
    constraint handoff_settings_inactivity_timeout check (inactivity_timeout_minutes between 1 and 1440),
  auto_close_after_warning_minutes integer not null default 5
    constraint handoff_settings_auto_close check (auto_close_after_warning_minutes between 1 and 1440),
  session_keep_alive_minutes integer not null default 15
    constraint handoff_settings_keep_alive check (session_keep_alive_minutes between 1 and 1440),
  send_inactivity_warning boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint handoff_settings_one_per_project unique (project_id)
);
comment on table public.handoff_settings is 'When and how conversations of a project go to people (F001 5.1). No row: handoff is off.';

alter table public.handoff_settings enable row level security;
revoke all on public.handoff_settings from anon, authenticated;
grant select on public.handoff_settings to authenticated;
grant all on public.handoff_settings to service_role;

drop policy if exists "Members can see the settings" on public.handoff_settings;
create policy "Members can see the settings" on public.handoff_settings
  for select to authenticated using (project_id in (select handoff.member_projects()));

-- One row per opening of the coming days. Wall time becomes an instant only here, by Postgres's own zone data, so both
-- nights of a clock change come out right.
create or replace function handoff.openings(settings public.handoff_settings, moment timestamptz)
returns table (opens_at timestamptz, closes_at timestamptz)
language sql
stable
security invoker
set search_path = ''
as $$
  select (day.date + (hours.day ->> 'start')::time) at time zone settings.timezone,
         (day.date + (hours.day ->> 'end')::time) at time zone settings.timezone
    from (
      select (moment at time zone settings.timezone)::date + ahead as date
        from generate_series(0, 7) as ahead
    ) as day
   cross join lateral (
      select settings.business_hours -> lower(to_char(day.date, 'FMday')) as day
    ) as hours
   where (hours.day ->> 'enabled')::boolean;
$$;
comment on function handoff.openings(public.handoff_settings, timestamptz) is
  'The opening ranges of today and the next seven days, as instants; the end is not included.';
revoke all on function handoff.openings(public.handoff_settings, timestamptz) from public, anon, authenticated;

create or replace function handoff.is_open(settings public.handoff_settings, moment timestamptz)
returns boolean
language sql
stable
security invoker
set search_path = ''
as $$
  select not settings.business_hours_enabled
      or exists (select 1 from handoff.openings(settings, moment) as opening
                  where moment >= opening.opens_at and moment < opening.closes_at);
$$;
comment on function handoff.is_open(public.handoff_settings, timestamptz) is
  'Whether handoff is within business hours at that instant; always true when business hours are off.';
revoke all on function handoff.is_open(public.handoff_settings, timestamptz) from public, anon, authenticated;

create or replace function handoff.next_opening(settings public.handoff_settings, moment timestamptz)
returns timestamptz
language sql
stable
security invoker
set search_path = ''
as $$
  select min(opening.opens_at) from handoff.openings(settings, moment) as opening where opening.opens_at > moment;
$$;
comment on function handoff.next_opening(public.handoff_settings, timestamptz) is 'The next instant the project opens; null when no day is enabled.';
revoke all on function handoff.next_opening(public.handoff_settings, timestamptz) from public, anon, authenticated;
