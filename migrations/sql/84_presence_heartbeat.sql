-- Presence: the beat. One update of one unlogged row; everything else happens only when the beat changes something.

create or replace function handoff.beat_unknown(moment timestamptz)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return jsonb_build_object('known', false, 'next_beat_seconds', 0, 'lease_seconds', 0, 'server_time', moment);
end
$$;
comment on function handoff.beat_unknown(timestamptz) is 'The answer to a connection that is not there: enter again.';
revoke all on function handoff.beat_unknown(timestamptz) from public, anon, authenticated;

create or replace function handoff.is_watched(conversation_id uuid, moment timestamptz)
returns boolean
language plpgsql
stable
security definer  -- called by beats
set search_path = ''
as $$
begin
  return exists (select 1 from handoff.conversation_watchers as watching
                  where watching.conversation_id = is_watched.conversation_id and watching.until > moment);
end
$$;
comment on function handoff.is_watched(uuid, timestamptz) is 'Whether a member has the conversation open in front of them.';
revoke all on function handoff.is_watched(uuid, timestamptz) from public, anon, authenticated;

-- Customers: whether somebody wants to know, and whether the conversation still says what the leases say.
create or replace function handoff.customer_beat(lease handoff.presence_leases, moment timestamptz)
returns integer
language plpgsql
volatile
security definer  -- reads and writes the conversation on behalf of its visitor
set search_path = ''
as $$
declare
  chat uuid;
  chat_status text;
  presence text;
begin
  select conversation.id, conversation.status, conversation.customer_presence into chat, chat_status, presence
    from public.conversations as conversation
   where conversation.project_id = lease.project_id and conversation.visitor_user_id = lease.user_id and conversation.status <> 'closed';
  if lease.state <> lease.previous_state or presence = 'offline' then
    perform handoff.settle_person(lease.project_id, 'customer', lease.user_id, lease.client_id, moment);
  end if;
  return handoff.next_beat('customer', lease.state,
    chat is not null and (chat_status in ('waiting', 'agent_active') or handoff.is_watched(chat, moment)), null);
end
$$;
comment on function handoff.customer_beat(handoff.presence_leases, timestamptz) is 'What a customer''s beat has changed is settled; answers the next interval.';
revoke all on function handoff.customer_beat(handoff.presence_leases, timestamptz) from public, anon, authenticated;

create or replace function handoff.agent_beat(lease handoff.presence_leases, moment timestamptz)
returns jsonb
language plpgsql
volatile
security definer  -- reads and writes what agents may not
set search_path = ''
as $$
declare
  agent public.agent_availability;
begin
  select * into agent from public.agent_availability as found
   where found.user_id = lease.user_id and found.project_id = lease.project_id;
  if agent.id is null then
    return null;
  end if;
  if agent.connection <> 'live' or agent.inactive is distinct from (
       agent.auto_offline_enabled and greatest(lease.active_at, agent.last_active_at)
         <= moment - make_interval(mins => agent.auto_offline_minutes)) then
    perform handoff.settle_person(lease.project_id, 'agent', lease.user_id, lease.client_id, moment);
    select * into agent from public.agent_availability as found where found.id = agent.id;
  end if;
  return jsonb_build_object('status', agent.status, 'effective_status', agent.effective_status,
                            'effective_reason', agent.effective_reason);
end
$$;
comment on function handoff.agent_beat(handoff.presence_leases, timestamptz) is
  'What an agent''s beat has changed is settled: a returning beat restores what the agent wanted. Null: no agent of the project any more.';
revoke all on function handoff.agent_beat(handoff.presence_leases, timestamptz) from public, anon, authenticated;

-- Customers: demand comes and goes, and the page learns of it with the answer, after it has promised. A lease by the promise would
-- run out before the page beats as it is told, or keep a page that was killed for the old interval.
create or replace function handoff.hold_to_answer(lease handoff.presence_leases, told integer, moment timestamptz)
returns handoff.presence_leases
language plpgsql
volatile
security definer  -- nobody may touch leases
set search_path = ''
as $$
begin
  lease.next_beat := told;
  lease.lease_seconds := handoff.lease_for(lease.role, told, lease.floor_seconds, lease.remain_seconds);
  lease.expires_at := moment + make_interval(secs => lease.lease_seconds);
  lease.bucket := least(lease.bucket, handoff.wheel_tick(lease.expires_at));
  update handoff.presence_leases as held
     set next_beat = lease.next_beat, lease_seconds = lease.lease_seconds, expires_at = lease.expires_at,
         bucket = least(held.bucket, lease.bucket)
   where held.connection_id = lease.connection_id and held.leaving is null;
  return lease;
end
$$;
comment on function handoff.hold_to_answer(handoff.presence_leases, integer, timestamptz) is
  'The lease by the interval that its page is told, where that is another than it promised.';
revoke all on function handoff.hold_to_answer(handoff.presence_leases, integer, timestamptz) from public, anon, authenticated;

create or replace function handoff.beat_answer(lease handoff.presence_leases, moment timestamptz)
returns jsonb
language plpgsql
volatile
security definer  -- called by enter, heartbeat and update
set search_path = ''
as $$
declare
  more jsonb := '{}'::jsonb;
  next_beat integer;
begin
  if lease.role = 'customer' then
    next_beat := handoff.customer_beat(lease, moment);
    -- Only with a beat: presence_update is none, and its caller need not heed the interval.
    if next_beat <> lease.next_beat and lease.beat_at >= moment then
      lease := handoff.hold_to_answer(lease, next_beat, moment);
    end if;
  else
    next_beat := handoff.next_beat(lease.role, lease.state, false, lease.next_beat);
  end if;
  if lease.role = 'agent' then
    more := handoff.agent_beat(lease, moment);
  end if;
  return jsonb_build_object('known', true, 'next_beat_seconds', next_beat, 'lease_seconds', lease.lease_seconds, 'server_time', moment)
      || more;
end
$$;
comment on function handoff.beat_answer(handoff.presence_leases, timestamptz) is 'Settles what a beat has changed, and says when the next is wanted; null for an agent who is none any more.';
revoke all on function handoff.beat_answer(handoff.presence_leases, timestamptz) from public, anon, authenticated;

-- A minute's beats are counted from its first one on. What changes nothing has the smaller limit: two a minute are planned, the
-- rest is for beats on focus, on resume, on a new network. A refused beat does not renew, but those before it did.
create or replace function handoff.limit_beats(lease handoff.presence_leases, changed boolean, moment timestamptz)
returns handoff.presence_leases
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if moment >= lease.minute_at + interval '1 minute' then
    lease.minute_at := moment;
    lease.plain_beats := 0;
    lease.change_beats := 0;
  end if;
  if changed then
    lease.change_beats := lease.change_beats + 1;
  else
    lease.plain_beats := lease.plain_beats + 1;
  end if;
  if lease.plain_beats > (case lease.role when 'agent' then 6 else 30 end)
     or lease.change_beats > (case lease.role when 'agent' then 20 else 60 end) then
    perform handoff.too_many(lease.minute_at + interval '1 minute' - moment);
  end if;
  return lease;
end
$$;
comment on function handoff.limit_beats(handoff.presence_leases, boolean, timestamptz) is
  'The lease with one beat more counted against its limits (F001 8.3); refuses with 429 beyond them.';
revoke all on function handoff.limit_beats(handoff.presence_leases, boolean, timestamptz) from public, anon, authenticated;

create or replace function handoff.measure_beat(lease handoff.presence_leases, client_beat integer, moment timestamptz)
returns handoff.presence_leases
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  gap numeric := greatest(extract(epoch from moment - lease.beat_at), 0);
  interval_column integer := width_bucket(gap, handoff.beat_edges()) + 1;
  delay_column integer := width_bucket(gap - lease.next_beat, handoff.delay_edges()) + 1;
begin
  lease.beats := lease.beats + 1;
  lease.missed := lease.missed + greatest(floor(gap / lease.next_beat - 0.5), 0);
  if gap > lease.next_beat * 1.25 + 1 then
    lease.late := lease.late + 1;
  end if;
  if client_beat > lease.client_beat then
    lease.lost := lease.lost + client_beat - lease.client_beat - 1;
  end if;
  lease.client_beat := coalesce(client_beat, lease.client_beat);
  lease.longest_gap := greatest(lease.longest_gap, gap::integer);
  lease.intervals[interval_column] := least(lease.intervals[interval_column] + 1, 32767);
  lease.delays[delay_column] := least(lease.delays[delay_column] + 1, 32767);
  return lease;
end
$$;
comment on function handoff.measure_beat(handoff.presence_leases, integer, timestamptz) is
  'The lease with what is told of beats: how many, how far apart, how late, how many never arrived.';
revoke all on function handoff.measure_beat(handoff.presence_leases, integer, timestamptz) from public, anon, authenticated;

-- Read without a lock: two beats of one connection at once may lose a count, never a renewal.
create or replace function handoff.renew(
  lease handoff.presence_leases, state text, promised integer, idle_seconds integer, client_beat integer, moment timestamptz
)
returns handoff.presence_leases
language plpgsql
volatile
security definer  -- nobody may touch leases
set search_path = ''
as $$
declare
  before text := lease.state;
begin
  if renew.state is not null then
    lease.state := handoff.checked_state(lease.role, renew.state);
  end if;
  lease := handoff.limit_beats(lease, lease.state <> before, moment);
  lease := handoff.measure_beat(lease, renew.client_beat, moment);
  if renew.promised is not null then
    lease.next_beat := handoff.promised_beat(lease.role, renew.promised);
  end if;
  lease.lease_seconds := handoff.lease_for(lease.role, lease.next_beat, lease.floor_seconds, lease.remain_seconds);
  update handoff.presence_leases as renewed
     set state = lease.state, previous_state = before, suspect = false, leaving = null,
         beat_at = greatest(renewed.beat_at, moment),
         expires_at = moment + make_interval(secs => lease.lease_seconds),
         active_at = greatest(renewed.active_at, moment - make_interval(secs => handoff.idle_for(lease.state, renew.idle_seconds))),
         next_beat = lease.next_beat, lease_seconds = lease.lease_seconds,
         -- Only when the lease became shorter; else the sweep would look too late.
         bucket = least(renewed.bucket, handoff.wheel_tick(moment + make_interval(secs => case lease.role
           when 'agent' then least(lease.lease_seconds, handoff.suspect_after(lease.next_beat)) else lease.lease_seconds end))),
         minute_at = lease.minute_at, plain_beats = lease.plain_beats, change_beats = lease.change_beats,
         beats = lease.beats, missed = lease.missed, late = lease.late, lost = lease.lost, client_beat = lease.client_beat,
         longest_gap = lease.longest_gap, intervals = lease.intervals, delays = lease.delays
   where renewed.connection_id = lease.connection_id
     -- The page has gone since it sent this beat (presence_leave): a page that is there enters again.
     and (renewed.leaving is not null and renew.client_beat <= renewed.client_beat) is not true
  returning renewed.* into lease;
  return lease;
end
$$;
comment on function handoff.renew(handoff.presence_leases, text, integer, integer, integer, timestamptz) is
  'One beat on the lease: renewed, counted and measured; a null row when the sweep was quicker, or the beat is older than its page''s good-bye.';
revoke all on function handoff.renew(handoff.presence_leases, text, integer, integer, integer, timestamptz) from public, anon, authenticated;

create or replace function handoff.idle_for(state text, idle_seconds integer)
returns integer
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  -- Who tells no seconds is active in an active state; of another state nothing is known, so nothing new is noted.
  return greatest(coalesce(idle_seconds, case when state in ('active', 'online', 'typing') then 0 else 31536000 end), 0);
end
$$;
comment on function handoff.idle_for(text, integer) is 'For how many seconds nobody has touched the page, as its beat tells.';
revoke all on function handoff.idle_for(text, integer) from public, anon, authenticated;

-- After a crash of the database the leases are gone and the sessions are not: the beat finds its own again.
create or replace function handoff.restored_lease(session public.presence_sessions, moment timestamptz)
returns handoff.presence_leases
language plpgsql
stable
security definer  -- reads settings and traces
set search_path = ''
as $$
declare
  lease handoff.presence_leases;
begin
  -- What the page promised is gone with its lease: taken for the longest that its role may have, so that three beats may be missed.
  lease := handoff.new_lease(session.project_id, session.connection_id, session.role, session.user_id, session.client_id, null, 300,
                             session.remain_seconds, 0, moment);
  lease.floor_seconds := session.floor_seconds;
  lease.lease_seconds := handoff.lease_for(lease.role, lease.next_beat, lease.floor_seconds, lease.remain_seconds);
  lease.expires_at := moment + make_interval(secs => lease.lease_seconds);
  lease.bucket := least(lease.bucket, handoff.wheel_tick(lease.expires_at));
  return lease;
end
$$;
comment on function handoff.restored_lease(public.presence_sessions, timestamptz) is 'A lease of grace for a session whose lease is gone.';
revoke all on function handoff.restored_lease(public.presence_sessions, timestamptz) from public, anon, authenticated;

create or replace function handoff.held_lease(connection_id uuid, moment timestamptz)
returns handoff.presence_leases
language plpgsql
volatile
security definer  -- nobody may touch leases
set search_path = ''
as $$
declare
  lease handoff.presence_leases;
  session public.presence_sessions;
begin
  select * into lease from handoff.presence_leases as held
   where held.connection_id = held_lease.connection_id and held.user_id is not distinct from auth.uid();
  if lease.connection_id is null then
    select * into session from public.presence_sessions as open
     where open.connection_id = held_lease.connection_id and open.left_at is null and open.user_id is not distinct from auth.uid();
    if session.id is not null then
      lease := handoff.restored_lease(session, moment);
      insert into handoff.presence_leases values (lease.*) on conflict do nothing;
    end if;
  end if;
  return lease;
end
$$;
comment on function handoff.held_lease(uuid, timestamptz) is 'The lease of the caller''s connection; a null row when it is not there.';
revoke all on function handoff.held_lease(uuid, timestamptz) from public, anon, authenticated;

create or replace function handoff.presence_heartbeat(
  connection_id uuid, state text, next_beat_seconds integer, idle_seconds integer, beat integer, moment timestamptz default now()
)
returns jsonb
language plpgsql
volatile
security definer  -- leases are written by functions only
set search_path = ''
as $$
declare
  lease handoff.presence_leases := handoff.held_lease(presence_heartbeat.connection_id, moment);
  gap interval := moment - lease.beat_at;
  answer jsonb;
begin
  if lease.connection_id is null then
    perform handoff.require_caller();
    return handoff.beat_unknown(moment);
  end if;
  lease := handoff.renew(lease, presence_heartbeat.state, presence_heartbeat.next_beat_seconds, presence_heartbeat.idle_seconds,
                         presence_heartbeat.beat, moment);
  if lease.connection_id is null then
    return handoff.beat_unknown(moment);
  end if;
  answer := handoff.beat_answer(lease, moment);
  if answer is null then
    -- Removed from the team. Entering again tells the page so: it is no agent then.
    perform handoff.end_presence(array[lease.connection_id], array['removed'], null, moment);
    answer := handoff.beat_unknown(moment);
  end if;
  if lease.traced then
    select * into lease from handoff.presence_leases as held where held.connection_id = lease.connection_id; -- the answer may have moved it
    perform handoff.trace_presence_step(presence_heartbeat.connection_id, moment, 'beat', jsonb_build_object(
      'beat', lease.client_beat, 'count', lease.beats, 'gap_seconds', extract(epoch from gap), 'state', lease.state,
      'previous_state', lease.previous_state, 'active_at', lease.active_at, 'next_beat', lease.next_beat,
      'expires_at', lease.expires_at, 'answer', answer));
  end if;
  return answer;
end
$$;
comment on function handoff.presence_heartbeat(uuid, text, integer, integer, integer, timestamptz) is 'One beat. Only what it changes is logged.';
revoke all on function handoff.presence_heartbeat(uuid, text, integer, integer, integer, timestamptz) from public, anon, authenticated;
grant execute on function handoff.presence_heartbeat(uuid, text, integer, integer, integer, timestamptz) to authenticated, service_role;

create or replace function public.presence_heartbeat(
  p_connection_id uuid, p_state text default null, p_next_beat_seconds integer default null, p_idle_seconds integer default null,
  p_beat integer default null
)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.presence_heartbeat(p_connection_id, p_state, p_next_beat_seconds, p_idle_seconds, p_beat);
$$;
comment on function public.presence_heartbeat(uuid, text, integer, integer, integer) is
  'The caller''s connection is still there; answers whether it is known (else enter again) and when to beat next.';
revoke all on function public.presence_heartbeat(uuid, text, integer, integer, integer) from public, anon, authenticated;
grant execute on function public.presence_heartbeat(uuid, text, integer, integer, integer) to authenticated, service_role;
