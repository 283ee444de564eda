-- Presence: coming and changing. The role is what the caller is to the project, never what the client says.

create or replace function handoff.presence_role(project_id uuid)
returns text
language plpgsql
stable
security definer  -- visitors cannot read projects
set search_path = ''
as $$
begin
  if auth.uid() is not null then
    perform handoff.require_project(presence_role.project_id);
    return case when handoff.is_member(presence_role.project_id) then 'agent' else 'customer' end;
  end if;
  -- A token without a user is no service key, whatever else is in it.
  if coalesce(current_setting('role', true), 'none') in ('anon', 'authenticated') then
    perform handoff.require_user();
  end if;
  perform handoff.require_project(presence_role.project_id);
  return 'bot';
end
$$;
comment on function handoff.presence_role(uuid) is 'agent for members, customer for every other signed-in user, bot for the service key; refuses with 401 and 404.';
revoke all on function handoff.presence_role(uuid) from public, anon, authenticated;

create or replace function handoff.request_header(name text)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return nullif(btrim(nullif(current_setting('request.headers', true), '')::jsonb ->> request_header.name), '');
end
$$;
comment on function handoff.request_header(text) is 'A header of this request, by its name in lower case; null outside the API.';
revoke all on function handoff.request_header(text) from public, anon, authenticated;

create or replace function handoff.caller_ip(project_id uuid)
returns text
language plpgsql
stable
security definer  -- visitors cannot read settings
set search_path = ''
as $$
declare
  header text := coalesce((select settings.client_ip_header from public.handoff_settings as settings
                            where settings.project_id = caller_ip.project_id), 'cf-connecting-ip');
  -- Of a list the last entry is the one that our own proxy wrote; those before it are the caller's word.
  address text := btrim(split_part(handoff.request_header(header), ',', -1));
begin
  return case when address ~ '^[0-9A-Fa-f:.]{2,45}$' then address end;
end
$$;
comment on function handoff.caller_ip(uuid) is 'The caller''s address from the header that the project trusts, or null.';
revoke all on function handoff.caller_ip(uuid) from public, anon, authenticated;

create or replace function handoff.checked_presence_data(data jsonb)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  if data is not null and (jsonb_typeof(data) <> 'object' or octet_length(data::text) > 4096) then
    perform handoff.fail(400, 'data_invalid', 'The data must be a JSON object of at most 4096 bytes');
  end if;
  return data;
end
$$;
comment on function handoff.checked_presence_data(jsonb) is 'The data; refuses what is no object or too large.';
revoke all on function handoff.checked_presence_data(jsonb) from public, anon, authenticated;

create or replace function handoff.checked_page(page text)
returns text
language sql
immutable
security invoker
set search_path = ''
as $$
  select case when page ~* '^https?://' then left(page, 2000) end;
$$;
comment on function handoff.checked_page(text) is 'The address, cut to 2000 characters; null unless it is http or https.';
revoke all on function handoff.checked_page(text) from public, anon, authenticated;

create or replace function handoff.checked_state(role text, state text)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  if handoff.presence_state(checked_state.role, checked_state.state) is null then
    perform handoff.fail(400, 'unknown_state', format('A connection of role %s has no such state', checked_state.role),
                         'Agents: active, idle, hidden. Customers: online, idle, typing, background.');
  end if;
  return handoff.presence_state(checked_state.role, checked_state.state);
end
$$;
comment on function handoff.checked_state(text, text) is 'The state as it is stored; refuses one that the role does not have.';
revoke all on function handoff.checked_state(text, text) from public, anon, authenticated;

create or replace function handoff.connection_taken()
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform handoff.fail(409, 'connection_taken', 'This connection belongs to somebody else, or to another project',
                       'Make a new connection id and enter again.');
end
$$;
revoke all on function handoff.connection_taken() from public, anon, authenticated;

-- Entering again renews, whatever became of the lease in between.
create or replace function handoff.renew_lease(wanted handoff.presence_leases)
returns void
language plpgsql
volatile
security definer  -- nobody may touch leases
set search_path = ''
as $$
begin
  insert into handoff.presence_leases as lease values (wanted.*)
  on conflict (connection_id) do update
     set beat_at = excluded.beat_at, previous_beat_at = lease.beat_at, expires_at = excluded.expires_at,
         active_at = greatest(lease.active_at, excluded.active_at),
         next_beat = excluded.next_beat, floor_seconds = excluded.floor_seconds, remain_seconds = excluded.remain_seconds,
         lease_seconds = excluded.lease_seconds, suspect = false, leaving = null,
         previous_state = lease.state, state = excluded.state, bucket = least(lease.bucket, excluded.bucket),
         -- Entering is a beat by the client's count, too, though it tells no number.
         beats = lease.beats + 1, client_beat = lease.client_beat + 1, traced = lease.traced or excluded.traced
   where lease.project_id = excluded.project_id and lease.client_id = excluded.client_id and lease.role = excluded.role;
  if not found then
    perform handoff.connection_taken();
  end if;
end
$$;
comment on function handoff.renew_lease(handoff.presence_leases) is 'Writes the lease of a connection that enters; refuses with 409 when it belongs to somebody else.';
revoke all on function handoff.renew_lease(handoff.presence_leases) from public, anon, authenticated;

create or replace function handoff.new_lease(
  project_id uuid, connection_id uuid, role text, user_id uuid, client_id text, state text, next_beat integer,
  remain_seconds integer, idle_seconds integer, moment timestamptz
)
returns handoff.presence_leases
language plpgsql
stable
security definer  -- reads settings and traces
set search_path = ''
as $$
declare
  lease handoff.presence_leases;
begin
  lease.project_id := new_lease.project_id;
  lease.connection_id := new_lease.connection_id;
  lease.role := new_lease.role;
  lease.user_id := new_lease.user_id;
  lease.client_id := new_lease.client_id;
  lease.state := handoff.checked_state(new_lease.role, new_lease.state);
  lease.previous_state := lease.state;
  lease.next_beat := handoff.promised_beat(new_lease.role, coalesce(
    new_lease.next_beat, handoff.next_beat(new_lease.role, lease.state, false, 30)));
  lease.remain_seconds := least(greatest(coalesce(new_lease.remain_seconds, 15), 0), 300);
  lease.floor_seconds := case new_lease.role when 'customer' then 30 when 'bot' then 90 else coalesce(
    (select settings.agent_offline_after_seconds from public.handoff_settings as settings
      where settings.project_id = new_lease.project_id), 90) end;
  lease.lease_seconds := handoff.lease_for(new_lease.role, lease.next_beat, lease.floor_seconds, lease.remain_seconds);
  lease.beat_at := moment;
  lease.previous_beat_at := moment;
  lease.minute_at := moment;
  lease.expires_at := moment + make_interval(secs => lease.lease_seconds);
  lease.active_at := moment - make_interval(secs => greatest(coalesce(new_lease.idle_seconds, 0), 0));
  lease.bucket := handoff.wheel_tick(moment + make_interval(secs => case new_lease.role
    when 'agent' then least(lease.lease_seconds, handoff.suspect_after(lease.next_beat)) else lease.lease_seconds end));
  lease.plain_beats := 0;
  lease.change_beats := 0;
  lease.suspect := false;
  lease.traced := exists (select 1 from handoff.presence_tracing as tracing
                           where tracing.connection_id = new_lease.connection_id and tracing.until > moment);
  lease.beats := 1;
  lease.missed := 0;
  lease.late := 0;
  lease.lost := 0;
  lease.longest_gap := 0;
  lease.intervals := '{0,0,0,0,0,0,0,0,0,0}';
  lease.delays := '{0,0,0,0,0,0,0,0}';
  return lease;
end
$$;
comment on function handoff.new_lease(uuid, uuid, text, uuid, text, text, integer, integer, integer, timestamptz) is
  'A lease from this moment on by the rules of docs/presence.md; refuses an unknown state.';
revoke all on function handoff.new_lease(uuid, uuid, text, uuid, text, text, integer, integer, integer, timestamptz)
  from public, anon, authenticated;

-- Says whether the connection was there already: then nobody hears of it. The caller has the lease and the person's lock.
create or replace function handoff.open_session(
  lease handoff.presence_leases, visitor_id text, conversation_id uuid, page text, data jsonb, moment timestamptz
)
returns boolean
language plpgsql
volatile
security definer  -- writes sessions and the outbox
set search_path = ''
as $$
declare
  session public.presence_sessions;
begin
  select * into session from public.presence_sessions as open
   where open.connection_id = lease.connection_id and open.left_at is null
     for no key update;
  if session.id is not null then
    if (session.project_id, session.client_id, session.role) is distinct from (lease.project_id, lease.client_id, lease.role) then
      perform handoff.connection_taken();
    end if;
    perform handoff.change_session(session, open_session.page, open_session.data, open_session.conversation_id, moment);
    return true;
  end if;
  insert into public.presence_sessions (
    project_id, connection_id, role, user_id, client_id, visitor_id, conversation_id, data, page, ip, user_agent,
    floor_seconds, remain_seconds, entered_at, came_back)
  values (
    lease.project_id, lease.connection_id, lease.role, lease.user_id, lease.client_id, left(open_session.visitor_id, 200),
    open_session.conversation_id, coalesce(open_session.data, '{}'), open_session.page, handoff.caller_ip(lease.project_id),
    left(handoff.request_header('user-agent'), 400), lease.floor_seconds, lease.remain_seconds, moment,
    handoff.was_lost(lease, moment))
  returning * into session;
  insert into handoff.outbox (project_id, kind, payload)
  values (session.project_id, 'presence_enter', handoff.presence_payload(session, moment));
  if not exists (select 1 from public.presence_sessions as other
                  where other.project_id = session.project_id and other.client_id = session.client_id
                    and other.left_at is null and other.id <> session.id) then
    perform handoff.announce_person(session, 'online', moment);
  end if;
  return false;
end
$$;
comment on function handoff.open_session(handoff.presence_leases, text, uuid, text, jsonb, timestamptz) is
  'Finds or begins the session of a connection. A new one is announced, and the person too when it is the first connection.';
revoke all on function handoff.open_session(handoff.presence_leases, text, uuid, text, jsonb, timestamptz)
  from public, anon, authenticated;

create or replace function handoff.was_lost(lease handoff.presence_leases, moment timestamptz)
returns boolean
language sql
stable
security definer  -- called by open_session only
set search_path = ''
as $$
  select exists (
    select 1 from public.presence_sessions as earlier
     where earlier.user_id = lease.user_id and earlier.project_id = lease.project_id
       and earlier.entered_at > moment - interval '1 day'
       and earlier.left_at > moment - interval '2 minutes' and earlier.leave_reason = 'lost');
$$;
comment on function handoff.was_lost(handoff.presence_leases, timestamptz) is 'Whether the person was lost within the last two minutes: a flap.';
revoke all on function handoff.was_lost(handoff.presence_leases, timestamptz) from public, anon, authenticated;

create or replace function handoff.change_session(
  session public.presence_sessions, page text, data jsonb, conversation_id uuid, moment timestamptz
)
returns void
language plpgsql
volatile
security definer  -- writes sessions and the outbox
set search_path = ''
as $$
begin
  update public.presence_sessions as changed
     set page = coalesce(change_session.page, changed.page),
         data = coalesce(change_session.data, changed.data),
         conversation_id = coalesce(change_session.conversation_id, changed.conversation_id)
   where changed.id = session.id
     and (coalesce(change_session.page, changed.page), coalesce(change_session.data, changed.data),
          coalesce(change_session.conversation_id, changed.conversation_id))
         is distinct from (changed.page, changed.data, changed.conversation_id)
  returning changed.* into session;
  if found then
    insert into handoff.outbox (project_id, kind, payload)
    values (session.project_id, 'presence_update', handoff.presence_payload(session, moment));
  end if;
end
$$;
comment on function handoff.change_session(public.presence_sessions, text, jsonb, uuid, timestamptz) is
  'Writes and announces what is new about a session; null is no news.';
revoke all on function handoff.change_session(public.presence_sessions, text, jsonb, uuid, timestamptz)
  from public, anon, authenticated;

create or replace function handoff.own_conversation(conversation_id uuid, project_id uuid)
returns uuid
language plpgsql
stable
security definer  -- visitors cannot read conversations
set search_path = ''
as $$
begin
  if own_conversation.conversation_id is not null and not exists (
       select 1 from public.conversations as conversation
        where conversation.id = own_conversation.conversation_id and conversation.project_id = own_conversation.project_id
          and conversation.visitor_user_id = auth.uid()) then
    perform handoff.fail(404, 'conversation_not_found', 'There is no such conversation');
  end if;
  return own_conversation.conversation_id;
end
$$;
comment on function handoff.own_conversation(uuid, uuid) is 'The id again; refuses with 404 unless it is null or the visitor''s own.';
revoke all on function handoff.own_conversation(uuid, uuid) from public, anon, authenticated;

create or replace function handoff.presence_enter(
  project_id uuid, connection_id uuid, state text, next_beat_seconds integer, conversation_id uuid, visitor_id text, page text,
  data jsonb, remain_present_for integer, idle_seconds integer, client_id text, moment timestamptz default now()
)
returns jsonb
language plpgsql
volatile
security definer  -- leases and sessions are written by functions only
set search_path = ''
as $$
declare
  role text := handoff.presence_role(presence_enter.project_id);
  chat uuid;
  lease handoff.presence_leases;
  resumed boolean;
begin
  if presence_enter.connection_id is null then
    perform handoff.fail(400, 'connection_required', 'A connection needs an id', 'Pass crypto.randomUUID(), kept for the page.');
  end if;
  if role = 'bot' and nullif(btrim(presence_enter.client_id), '') is null then
    perform handoff.fail(400, 'client_required', 'A bot needs a name', 'Pass p_client_id.');
  end if;
  if role = 'agent' then
    perform handoff.require_agent(presence_enter.project_id, auth.uid());
  elsif role = 'customer' then
    chat := handoff.own_conversation(presence_enter.conversation_id, presence_enter.project_id);
  end if;
  perform handoff.rate_limit('presence', 60, interval '1 minute');
  lease := handoff.new_lease(
    presence_enter.project_id, presence_enter.connection_id, role, auth.uid(),
    coalesce(auth.uid()::text, left(btrim(presence_enter.client_id), 100)), presence_enter.state, presence_enter.next_beat_seconds,
    presence_enter.remain_present_for, presence_enter.idle_seconds, moment);
  perform handoff.renew_lease(lease);
  perform handoff.lock_persons(array[handoff.person_slot(lease.project_id, lease.client_id)]);
  resumed := handoff.open_session(lease, presence_enter.visitor_id, chat, handoff.checked_page(presence_enter.page),
                                  handoff.checked_presence_data(presence_enter.data), moment);
  perform handoff.settle_person(lease.project_id, role, lease.user_id, lease.client_id, moment);
  if lease.traced then
    perform handoff.trace_presence_step(lease.connection_id, moment, 'enter', jsonb_build_object(
      'resumed', resumed, 'state', lease.state, 'next_beat', lease.next_beat, 'expires_at', lease.expires_at));
  end if;
  return handoff.beat_answer(lease, moment)
      || jsonb_build_object('connection_id', lease.connection_id, 'role', role, 'resumed', resumed);
end
$$;
comment on function handoff.presence_enter(uuid, uuid, text, integer, uuid, text, text, jsonb, integer, integer, text, timestamptz) is
  'A connection comes, or comes again. Locks: member, counter, lease, person, session, conversation or agent.';
revoke all on function handoff.presence_enter(uuid, uuid, text, integer, uuid, text, text, jsonb, integer, integer, text, timestamptz)
  from public, anon, authenticated;
grant execute on function handoff.presence_enter(uuid, uuid, text, integer, uuid, text, text, jsonb, integer, integer, text, timestamptz)
  to authenticated, service_role;

create or replace function public.presence_enter(
  p_project_id uuid, p_connection_id uuid, p_state text default null, p_next_beat_seconds integer default null,
  p_conversation_id uuid default null, p_visitor_id text default null, p_page text default null, p_data jsonb default null,
  p_remain_present_for integer default null, p_idle_seconds integer default null, p_client_id text default null
)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.presence_enter(p_project_id, p_connection_id, p_state, p_next_beat_seconds, p_conversation_id, p_visitor_id,
                                p_page, p_data, p_remain_present_for, p_idle_seconds, p_client_id);
$$;
comment on function public.presence_enter(uuid, uuid, text, integer, uuid, text, text, jsonb, integer, integer, text) is
  'The caller is here on this connection; answers the role and when to beat next. Entering again, after a reload say, is resumed and announced to nobody.';
revoke all on function public.presence_enter(uuid, uuid, text, integer, uuid, text, text, jsonb, integer, integer, text)
  from public, anon, authenticated;
grant execute on function public.presence_enter(uuid, uuid, text, integer, uuid, text, text, jsonb, integer, integer, text)
  to authenticated, service_role;

create or replace function handoff.own_session(connection_id uuid)
returns public.presence_sessions
language plpgsql
volatile
security definer  -- visitors cannot read sessions
set search_path = ''
as $$
declare
  session public.presence_sessions;
begin
  select * into session from public.presence_sessions as open
   where open.connection_id = own_session.connection_id and open.left_at is null and open.user_id is not distinct from auth.uid()
     for no key update;
  return session;
end
$$;
comment on function handoff.own_session(uuid) is 'The open session of the caller''s connection, locked; a null row when there is none.';
revoke all on function handoff.own_session(uuid) from public, anon, authenticated;

create or replace function handoff.require_caller()
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if coalesce(current_setting('role', true), 'none') in ('anon', 'authenticated') then
    perform handoff.require_user();
  end if;
end
$$;
comment on function handoff.require_caller() is 'Refuses with 401 unless the caller is a user or the service key.';
revoke all on function handoff.require_caller() from public, anon, authenticated;

create or replace function handoff.presence_update(
  connection_id uuid, page text, data jsonb, conversation_id uuid, moment timestamptz default now()
)
returns jsonb
language plpgsql
volatile
security definer  -- sessions are written by functions only
set search_path = ''
as $$
declare
  session public.presence_sessions;
  lease handoff.presence_leases;
begin
  perform handoff.require_caller();
  perform handoff.rate_limit('presence', 60, interval '1 minute');
  session := handoff.own_session(presence_update.connection_id);
  if session.id is null then
    return handoff.beat_unknown(moment);
  end if;
  perform handoff.change_session(
    session, handoff.checked_page(presence_update.page), handoff.checked_presence_data(presence_update.data),
    case when session.role = 'customer' then handoff.own_conversation(presence_update.conversation_id, session.project_id) end,
    moment);
  select * into lease from handoff.presence_leases as held where held.connection_id = session.connection_id;
  return handoff.beat_answer(lease, moment);
end
$$;
revoke all on function handoff.presence_update(uuid, text, jsonb, uuid, timestamptz) from public, anon, authenticated;
grant execute on function handoff.presence_update(uuid, text, jsonb, uuid, timestamptz) to authenticated, service_role;

create or replace function public.presence_update(
  p_connection_id uuid, p_page text default null, p_data jsonb default null, p_conversation_id uuid default null
)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.presence_update(p_connection_id, p_page, p_data, p_conversation_id);
$$;
comment on function public.presence_update(uuid, text, jsonb, uuid) is
  'What is new about the caller''s connection: its page, data (replaced as a whole) or conversation. Null is no news. It is no beat.';
revoke all on function public.presence_update(uuid, text, jsonb, uuid) from public, anon, authenticated;
grant execute on function public.presence_update(uuid, text, jsonb, uuid) to authenticated, service_role;
