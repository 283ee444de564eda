-- Reading and changing the settings as one object (F001 section 7.1).

-- DEFINER: has_agents counts members of every role. Called by get_handoff_settings and update_handoff_settings only.
create or replace function handoff.settings_answer(settings public.handoff_settings)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  return (to_jsonb(settings) - array['id', 'created_at'])
      || case when settings.enabled and not handoff.has_agents(settings.project_id)
              then '{"warning": "no_agents"}'::jsonb else '{}'::jsonb end;
end
$$;
comment on function handoff.settings_answer(public.handoff_settings) is
  'The settings as the API shows them, with "warning": "no_agents" when handoff is on and nobody could ever answer (F001 5.10.5).';
revoke all on function handoff.settings_answer(public.handoff_settings) from public, anon, authenticated;

create or replace function handoff.get_handoff_settings(project_id uuid)
returns jsonb
language plpgsql
stable
security definer  -- answers with what only has_agents may count
set search_path = ''
as $$
declare
  settings public.handoff_settings;
begin
  perform handoff.require_member(get_handoff_settings.project_id);
  select * into settings from public.handoff_settings as found where found.project_id = get_handoff_settings.project_id;
  if not found then
    settings := jsonb_populate_record(null::public.handoff_settings,
      handoff.default_settings() || jsonb_build_object('project_id', get_handoff_settings.project_id));
  end if;
  return handoff.settings_answer(settings);
end
$$;
revoke all on function handoff.get_handoff_settings(uuid) from public, anon, authenticated;
grant execute on function handoff.get_handoff_settings(uuid) to authenticated;

create or replace function public.get_handoff_settings(p_project_id uuid)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select handoff.get_handoff_settings(p_project_id);
$$;
comment on function public.get_handoff_settings(uuid) is 'The settings of a project, for its members; the defaults when it has none yet.';
revoke all on function public.get_handoff_settings(uuid) from public, anon, authenticated;
grant execute on function public.get_handoff_settings(uuid) to authenticated;

-- The shape of the change only. What may stand in a setting is judged by the trigger on the table, for every writer.
create or replace function handoff.check_settings_types(given jsonb)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  defaults jsonb := handoff.default_settings();
  setting record;
begin
  perform handoff.require_type(given, 'object', 'The settings');
  perform handoff.refuse_unknown_keys(given, array(select jsonb_object_keys(defaults)), 'The settings');
  for setting in select * from jsonb_each(given) loop
    perform handoff.require_type(setting.value, jsonb_typeof(defaults -> setting.key), format('"%s"', setting.key));
    if jsonb_typeof(setting.value) = 'number' and setting.value::text !~ '^-?[0-9]{1,9}$' then
      perform handoff.fail(400, 'setting_invalid', format('"%s" must be a whole number', setting.key));
    end if;
  end loop;
end
$$;
revoke all on function handoff.check_settings_types(jsonb) from public, anon, authenticated;

create or replace function handoff.merged_day(current jsonb, given jsonb)
returns jsonb
language sql
immutable
security invoker
set search_path = ''
as $$
  -- The hours of a day are one value in several keys: new hours replace the old ones, whichever form they had.
  select case
    when jsonb_typeof(given) <> 'object' then given
    when given ?| array['start', 'end', 'overnight', 'ranges']
      then (current - array['start', 'end', 'overnight', 'ranges']) || given
    else current || given
  end;
$$;
revoke all on function handoff.merged_day(jsonb, jsonb) from public, anon, authenticated;

create or replace function handoff.merged_settings(current jsonb, given jsonb)
returns jsonb
language sql
immutable
security invoker
set search_path = ''
as $$
  select current || given
      || case when given ? 'auto_triggers'
              then jsonb_build_object('auto_triggers', (current -> 'auto_triggers') || (given -> 'auto_triggers'))
              else '{}'::jsonb end
      || case when given ? 'business_hours'
              then jsonb_build_object('business_hours', (current -> 'business_hours') || (
                     select coalesce(jsonb_object_agg(day.key, handoff.merged_day(
                                       coalesce(current #> array['business_hours', day.key], '{}'::jsonb), day.value)), '{}'::jsonb)
                       from jsonb_each(given -> 'business_hours') as day))
              else '{}'::jsonb end;
$$;
comment on function handoff.merged_settings(jsonb, jsonb) is 'Settings with a change on top: single triggers and single weekdays are replaced, the others stay.';
revoke all on function handoff.merged_settings(jsonb, jsonb) from public, anon, authenticated;

create or replace function handoff.update_handoff_settings(project_id uuid, settings jsonb)
returns jsonb
language plpgsql
volatile
security definer  -- answers with what only has_agents may count
set search_path = ''
as $$
declare
  current public.handoff_settings;
begin
  perform handoff.require_admin(update_handoff_settings.project_id);
  perform handoff.check_settings_types(update_handoff_settings.settings);
  insert into public.handoff_settings (project_id) values (update_handoff_settings.project_id)
  on conflict on constraint handoff_settings_one_per_project do nothing;
  -- Locked before it is merged: two admins who change different settings at once both get their way.
  select * into current
    from public.handoff_settings as found where found.project_id = update_handoff_settings.project_id for no key update;
  current := jsonb_populate_record(current, handoff.merged_settings(to_jsonb(current), update_handoff_settings.settings));
  update public.handoff_settings as changed
     set enabled = current.enabled,
         trigger_mode = current.trigger_mode,
         show_human_button = current.show_human_button,
         auto_triggers = current.auto_triggers,
         business_hours_enabled = current.business_hours_enabled,
         timezone = current.timezone,
         business_hours = current.business_hours,
         default_max_concurrent_chats = current.default_max_concurrent_chats,
         inactivity_timeout_minutes = current.inactivity_timeout_minutes,
         auto_close_after_warning_minutes = current.auto_close_after_warning_minutes,
         session_keep_alive_minutes = current.session_keep_alive_minutes,
         send_inactivity_warning = current.send_inactivity_warning,
         assignment_strategy = current.assignment_strategy,
         preferred_wait_seconds = current.preferred_wait_seconds,
         assignment_mode = current.assignment_mode,
         offer_timeout_seconds = current.offer_timeout_seconds,
         away_after_missed_offers = current.away_after_missed_offers,
         agent_offline_after_seconds = current.agent_offline_after_seconds,
         client_ip_header = current.client_ip_header
   where changed.id = current.id
  returning changed.* into current;
  return handoff.settings_answer(current);
end
$$;
revoke all on function handoff.update_handoff_settings(uuid, jsonb) from public, anon, authenticated;
grant execute on function handoff.update_handoff_settings(uuid, jsonb) to authenticated;

create or replace function public.update_handoff_settings(p_project_id uuid, p_settings jsonb)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.update_handoff_settings(p_project_id, p_settings);
$$;
comment on function public.update_handoff_settings(uuid, jsonb) is
  'Changes the given settings and leaves the others; answers with all of them (owner and admins, F001 7.1).';
revoke all on function public.update_handoff_settings(uuid, jsonb) from public, anon, authenticated;
grant execute on function public.update_handoff_settings(uuid, jsonb) to authenticated;
