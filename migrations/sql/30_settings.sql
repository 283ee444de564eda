-- Handoff settings of a project and the rules for what may stand in them (F001 sections 5.1 and 5.12.6).

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
  assignment_strategy text not null default 'balanced'
    constraint handoff_settings_assignment_strategy check (assignment_strategy in ('balanced', 'round_robin', 'longest_idle')),
  preferred_wait_seconds integer not null default 60
    constraint handoff_settings_preferred_wait check (preferred_wait_seconds between 0 and 3600),
  assignment_mode text not null default 'direct'
    constraint handoff_settings_assignment_mode check (assignment_mode in ('direct', 'offer')),
  offer_timeout_seconds integer not null default 30
    constraint handoff_settings_offer_timeout check (offer_timeout_seconds between 5 and 600),
  away_after_missed_offers integer not null default 0
    constraint handoff_settings_away_after_missed check (away_after_missed_offers between 0 and 20),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint handoff_settings_one_per_project unique (project_id)
);
alter table public.handoff_settings
  add column if not exists agent_offline_after_seconds integer not null default 90
    constraint handoff_settings_agent_offline_after check (agent_offline_after_seconds between 90 and 300),
  add column if not exists client_ip_header text not null default 'cf-connecting-ip'
    constraint handoff_settings_client_ip_header
      check (client_ip_header in ('cf-connecting-ip', 'x-real-ip', 'x-forwarded-for', 'none'));
comment on table public.handoff_settings is 'When and how conversations of a project go to people (F001 5.1). No row: handoff is off.';
comment on column public.handoff_settings.auto_triggers is
  'Keys that are left out take their default; keywords are stored trimmed, lower-cased and without repetition.';
comment on column public.handoff_settings.business_hours is
  'Wall time of the column timezone, by weekday: {"start", "end", "enabled"} or {"ranges": [{"start", "end"}], "enabled"}. A weekday that is left out is closed.';
comment on column public.handoff_settings.assignment_strategy is
  'balanced: most free slots, then longest since the last assignment; round_robin: longest since the last assignment; longest_idle: longest without a chat.';
comment on column public.handoff_settings.agent_offline_after_seconds is
  'How long an agent who beats every 30 seconds counts without a beat; F001''s five minutes is the most.';
comment on column public.handoff_settings.client_ip_header is
  'The request header that the network in front of the API overwrites with the caller''s address. Cloudflare, in front of hosted Supabase, does; elsewhere a caller may send any, so choose what your proxy sets, or none.';
comment on column public.handoff_settings.preferred_wait_seconds is
  'How long a reopened conversation waits for its agent, who is online but full, before others may take it.';
comment on column public.handoff_settings.assignment_mode is
  'direct: the worker gives a conversation to the agent it chose; offer: it asks that agent first, who accepts or declines.';
comment on column public.handoff_settings.offer_timeout_seconds is 'How long an offer is open; not answered by then, it counts as missed.';
comment on column public.handoff_settings.away_after_missed_offers is
  'Who misses that many offers one after the other is set away, so that nobody waits for an empty chair; 0: nobody is.';
comment on column public.handoff_settings.timezone is 'The name of an IANA zone. Abbreviations are refused: Postgres reads CET as a fixed offset.';

alter table public.handoff_settings enable row level security;
revoke all on public.handoff_settings from anon, authenticated;
grant select on public.handoff_settings to authenticated;
-- project_id may be updated because an upsert names every column it inserts; both policies judge the project it names.
grant insert (project_id, enabled, trigger_mode, show_human_button, auto_triggers, business_hours_enabled, timezone,
              business_hours, default_max_concurrent_chats, inactivity_timeout_minutes,
              auto_close_after_warning_minutes, session_keep_alive_minutes, send_inactivity_warning,
              assignment_strategy, preferred_wait_seconds, assignment_mode, offer_timeout_seconds, away_after_missed_offers,
              agent_offline_after_seconds, client_ip_header)
  on public.handoff_settings to authenticated;
grant update (project_id, enabled, trigger_mode, show_human_button, auto_triggers, business_hours_enabled, timezone,
              business_hours, default_max_concurrent_chats, inactivity_timeout_minutes,
              auto_close_after_warning_minutes, session_keep_alive_minutes, send_inactivity_warning,
              assignment_strategy, preferred_wait_seconds, assignment_mode, offer_timeout_seconds, away_after_missed_offers,
              agent_offline_after_seconds, client_ip_header)
  on public.handoff_settings to authenticated;
grant all on public.handoff_settings to service_role;

drop policy if exists "Members can see the settings" on public.handoff_settings;
create policy "Members can see the settings" on public.handoff_settings
  for select to authenticated using (project_id in (select handoff.member_projects()));


drop policy if exists "Admins can write the settings of a new project" on public.handoff_settings;
create policy "Admins can write the settings of a new project" on public.handoff_settings
  for insert to authenticated with check (handoff.is_admin(project_id));

drop policy if exists "Admins can change the settings" on public.handoff_settings;
create policy "Admins can change the settings" on public.handoff_settings
  for update to authenticated using (handoff.is_admin(project_id)) with check (handoff.is_admin(project_id));

create or replace function handoff.default_settings()
returns jsonb
language sql
immutable
security invoker
set search_path = ''
as $$
  select '{
    "enabled": false,
    "trigger_mode": "both",
    "show_human_button": false,
    "auto_triggers": {
      "low_confidence_enabled": true,
      "low_confidence_threshold": 0.6,
      "keywords_enabled": true,
      "keywords": ["human", "agent", "person", "speak to someone", "talk to someone"]
    },
    "business_hours_enabled": false,
    "timezone": "UTC",
    "business_hours": {
      "monday": {"start": "09:00", "end": "17:00", "enabled": true},
      "tuesday": {"start": "09:00", "end": "17:00", "enabled": true},
      "wednesday": {"start": "09:00", "end": "17:00", "enabled": true},
      "thursday": {"start": "09:00", "end": "17:00", "enabled": true},
      "friday": {"start": "09:00", "end": "17:00", "enabled": true},
      "saturday": {"start": "09:00", "end": "17:00", "enabled": false},
      "sunday": {"start": "09:00", "end": "17:00", "enabled": false}
    },
    "default_max_concurrent_chats": 5,
    "inactivity_timeout_minutes": 5,
    "auto_close_after_warning_minutes": 5,
    "session_keep_alive_minutes": 15,
    "send_inactivity_warning": true,
    "assignment_strategy": "balanced",
    "preferred_wait_seconds": 60,
    "assignment_mode": "direct",
    "offer_timeout_seconds": 30,
    "away_after_missed_offers": 0,
    "agent_offline_after_seconds": 90,
    "client_ip_header": "cf-connecting-ip"
  }'::jsonb;
$$;
comment on function handoff.default_settings() is
  'F001 5.1.3 and 5.12.6: the settings of a project without a row. Equal to the column defaults of handoff_settings (a test compares).';
revoke all on function handoff.default_settings() from public, anon, authenticated;

create or replace function handoff.refuse_unknown_keys(given jsonb, known text[], place text)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  stranger text;
begin
  select key into stranger from jsonb_object_keys(given) as key where key <> all (known) order by key limit 1;
  if stranger is not null then
    perform handoff.fail(400, 'unknown_setting', format('%s has no key "%s"', place, stranger),
                         'Known are: ' || array_to_string(known, ', '));
  end if;
end
$$;
comment on function handoff.refuse_unknown_keys(jsonb, text[], text) is 'Refuses an object with a key that is not known, naming the key.';
revoke all on function handoff.refuse_unknown_keys(jsonb, text[], text) from public, anon, authenticated;

-- Refuses a JSON value of another type, so that no cast further on can fail with an error of its own.
create or replace function handoff.require_type(given jsonb, wanted text, place text)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if jsonb_typeof(given) is distinct from wanted then
    perform handoff.fail(400, 'setting_invalid', format('%s must be of type %s, not %s', place, wanted,
                                                        coalesce(jsonb_typeof(given), 'null')));
  end if;
end
$$;
revoke all on function handoff.require_type(jsonb, text, text) from public, anon, authenticated;

create or replace function handoff.checked_keywords(keywords jsonb)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  cleaned jsonb;
  usable boolean;
begin
  perform handoff.require_type(keywords, 'array', '"keywords"');
  select jsonb_agg(kept.word order by kept.place), bool_and(kept.is_text and char_length(kept.word) between 1 and 100)
    into cleaned, usable
    from (
      select cleaned_word.word, min(keyword.place) as place, bool_and(jsonb_typeof(keyword.value) = 'string') as is_text
        from jsonb_array_elements(keywords) with ordinality as keyword (value, place)
       cross join lateral (
         select lower(regexp_replace(keyword.value #>> '{}', '^\s+|\s+$', '', 'g')) as word
       ) as cleaned_word
       group by cleaned_word.word
    ) as kept;
  if usable is distinct from true or jsonb_array_length(cleaned) > 100 then
    perform handoff.fail(400, 'keywords_invalid', '"keywords" must be 1 to 100 words or phrases of 1 to 100 characters',
                         'Set keywords_enabled to false to stop handing off on keywords.');
  end if;
  return cleaned;
end
$$;
comment on function handoff.checked_keywords(jsonb) is 'The keywords trimmed, lower-cased and without repetition, in the order given (F001 5.1.5).';
revoke all on function handoff.checked_keywords(jsonb) from public, anon, authenticated;

create or replace function handoff.checked_triggers(given jsonb)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  triggers jsonb := handoff.default_settings() -> 'auto_triggers';
begin
  perform handoff.require_type(given, 'object', '"auto_triggers"');
  perform handoff.refuse_unknown_keys(given, array(select jsonb_object_keys(triggers)), '"auto_triggers"');
  triggers := triggers || given;
  perform handoff.require_type(triggers -> 'low_confidence_enabled', 'boolean', '"low_confidence_enabled"');
  perform handoff.require_type(triggers -> 'keywords_enabled', 'boolean', '"keywords_enabled"');
  perform handoff.require_type(triggers -> 'low_confidence_threshold', 'number', '"low_confidence_threshold"');
  if (triggers ->> 'low_confidence_threshold')::numeric not between 0 and 1 then
    perform handoff.fail(400, 'threshold_out_of_range', '"low_confidence_threshold" must be between 0 and 1');
  end if;
  return triggers || jsonb_build_object('keywords', handoff.checked_keywords(triggers -> 'keywords'));
end
$$;
comment on function handoff.checked_triggers(jsonb) is 'The automatic triggers with defaults for what is left out; refuses what F001 5.1.5 forbids.';
revoke all on function handoff.checked_triggers(jsonb) from public, anon, authenticated;

-- Names that mean the same to Postgres and to everyone else. "at time zone" looks for an abbreviation before it looks for
-- a zone, so for it CET, EET, MET and WET are fixed offsets without summer time, unlike the zones of these names.
create or replace function handoff.known_zones()
returns setof text
language sql
stable
security invoker
set search_path = ''
as $$
  select zone.name
    from pg_catalog.pg_timezone_names as zone
   where zone.name in ('UTC', 'GMT')
      or (zone.name !~ '^(posix|right)/'
          and zone.name not in ('Factory', 'localtime', 'posixrules')
          and (zone.name ~ '/' or zone.name !~ '[0-9]')
          and not exists (select 1 from pg_catalog.pg_timezone_abbrevs as abbreviation
                           where abbreviation.abbrev = upper(zone.name)));
$$;
comment on function handoff.known_zones() is 'The IANA zones a project may use: known to this server, no abbreviations, no POSIX strings such as EST5EDT.';
revoke all on function handoff.known_zones() from public, anon, authenticated;

create or replace function handoff.checked_zone(name text)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  found text;
begin
  select zone into found from handoff.known_zones() as zone where lower(zone) = lower(btrim(checked_zone.name)) limit 1;
  if found is null then
    perform handoff.fail(400, 'unknown_timezone', format('"%s" is no IANA time zone', checked_zone.name),
                         'Use a name such as Europe/Berlin or UTC; abbreviations do not know summer time.');
  end if;
  return found;
end
$$;
comment on function handoff.checked_zone(text) is 'The zone in the spelling of the zone data; refuses names that are none.';
revoke all on function handoff.checked_zone(text) from public, anon, authenticated;

create or replace function handoff.handoff_settings_validate()
returns trigger
language plpgsql
security definer  -- the helpers are nobody's to call; whoever may write the row passes through here
set search_path = ''
as $$
begin
  if new.trigger_mode not in ('auto', 'manual', 'both') then
    perform handoff.fail(400, 'unknown_trigger_mode', 'Unknown trigger mode', 'Use auto, manual or both.');
  end if;
  if new.default_max_concurrent_chats not between 1 and 50 then
    perform handoff.fail(400, 'chats_out_of_range', '"default_max_concurrent_chats" must be between 1 and 50');
  end if;
  if new.inactivity_timeout_minutes not between 1 and 1440 or new.auto_close_after_warning_minutes not between 1 and 1440
     or new.session_keep_alive_minutes not between 1 and 1440 then
    perform handoff.fail(400, 'minutes_out_of_range', 'Each of the settings in minutes must be between 1 and 1440');
  end if;
  if new.assignment_strategy not in ('balanced', 'round_robin', 'longest_idle') then
    perform handoff.fail(400, 'unknown_strategy', 'Unknown assignment strategy', 'Use balanced, round_robin or longest_idle.');
  end if;
  if new.preferred_wait_seconds not between 0 and 3600 then
    perform handoff.fail(400, 'seconds_out_of_range', '"preferred_wait_seconds" must be between 0 and 3600');
  end if;
  if new.agent_offline_after_seconds not between 90 and 300 then
    perform handoff.fail(400, 'seconds_out_of_range', '"agent_offline_after_seconds" must be between 90 and 300');
  end if;
  if new.client_ip_header not in ('cf-connecting-ip', 'x-real-ip', 'x-forwarded-for', 'none') then
    perform handoff.fail(400, 'unknown_ip_header', 'Unknown header', 'Use cf-connecting-ip, x-real-ip, x-forwarded-for or none.');
  end if;
  if new.assignment_mode not in ('direct', 'offer') then
    perform handoff.fail(400, 'unknown_assignment_mode', 'Unknown assignment mode', 'Use direct or offer.');
  end if;
  if new.offer_timeout_seconds not between 5 and 600 then
    perform handoff.fail(400, 'seconds_out_of_range', '"offer_timeout_seconds" must be between 5 and 600');
  end if;
  if new.away_after_missed_offers not between 0 and 20 then
    perform handoff.fail(400, 'missed_offers_out_of_range', '"away_after_missed_offers" must be between 0 and 20');
  end if;
  new.updated_at := now();
  -- What did not change was checked when it was written. Reading the server's list of zones takes tens of milliseconds.
  if tg_op = 'INSERT' or new.auto_triggers is distinct from old.auto_triggers then
    new.auto_triggers := handoff.checked_triggers(new.auto_triggers);
  end if;
  if tg_op = 'INSERT' or new.business_hours is distinct from old.business_hours then
    new.business_hours := handoff.checked_week(new.business_hours);
  end if;
  if new.timezone <> 'UTC' and (tg_op = 'INSERT' or new.timezone is distinct from old.timezone) then
    new.timezone := handoff.checked_zone(new.timezone);
  end if;
  return new;
end
$$;
revoke all on function handoff.handoff_settings_validate() from public, anon, authenticated;

create or replace trigger handoff_settings_validate
  before insert or update on public.handoff_settings
  for each row execute function handoff.handoff_settings_validate();
