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
  agent record;
begin
  select found.id, found.status, found.effective_status, found.effective_reason,
         found.connection <> 'live' or found.inactive is distinct from (
           found.auto_offline_enabled and greatest(lease.active_at, found.last_active_at)
             <= moment - make_interval(mins => found.auto_offline_minutes)) as is_news
    into agent
    from public.agent_availability as found
   where found.user_id = lease.user_id and found.project_id = lease.project_id;
  if not found then
    return null;
  end if;
  if agent.is_news then
    perform handoff.settle_person(lease.project_id, 'agent', lease.user_id, lease.client_id, moment);
    select settled.id, settled.status, settled.effective_status, settled.effective_reason into agent
      from public.agent_availability as settled where settled.id = agent.id;
  end if;
  return jsonb_build_object(
    'known', true, 'next_beat_seconds', handoff.next_beat('agent', lease.state, false, null), 'lease_seconds', lease.lease_seconds,
    'server_time', moment, 'status', agent.status, 'effective_status', agent.effective_status, 'effective_reason', agent.effective_reason);
end
$$;
comment on function handoff.agent_beat(handoff.presence_leases, timestamptz) is
  'What an agent''s beat has changed is settled: a returning beat restores what the agent wanted. The answer; null: no agent of the project any more.';
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
  next_beat integer;
begin
  if lease.role = 'agent' then
    return handoff.agent_beat(lease, moment);
  end if;
  if lease.role = 'customer' then
    next_beat := handoff.customer_beat(lease, moment);
    -- Only with a beat: presence_update is none, and its caller need not heed the interval.
    if next_beat <> lease.next_beat and lease.beat_at >= moment then
      lease := handoff.hold_to_answer(lease, next_beat, moment);
    end if;
  else
    next_beat := handoff.next_beat(lease.role, lease.state, false, lease.next_beat);
  end if;
  return jsonb_build_object('known', true, 'next_beat_seconds', next_beat, 'lease_seconds', lease.lease_seconds, 'server_time', moment);
end
$$;
comment on function handoff.beat_answer(handoff.presence_leases, timestamptz) is 'Settles what a beat has changed, and says when the next is wanted; null for an agent who is none any more.';
revoke all on function handoff.beat_answer(handoff.presence_leases, timestamptz) from public, anon, authenticated;

-- All of a beat in one statement, its arithmetic written out: a statement, a call and a query in between cost a beat more than what
-- they work out. So the rules of promised_beat, lease_for, suspect_after and wheel_tick are here once more (TestBeatsGoByTheRules).
-- Nothing is read beforehand but what the client leaves out, so no two beats at once can lose a count.
--
-- A minute's beats are counted from its first one on. What changes nothing has the smaller limit: two a minute are planned, the
-- rest is for beats on focus, on resume, on a new network. A refused beat does not renew, but those before it did.
create or replace function handoff.renew(
  connection_id uuid, state text, promised integer, idle_seconds integer, client_beat integer, moment timestamptz
)
returns handoff.presence_leases
language plpgsql
volatile
security definer  -- nobody may touch leases
set search_path = ''
as $$
declare
  caller uuid := auth.uid();  -- a bot has none
  most integer := case when caller is null then 900 else 300 end;
  told text := case when caller is null and renew.state is not null then handoff.presence_state('bot', renew.state) else renew.state end;
  promise integer := renew.promised;
  lease handoff.presence_leases;
begin
  if told is null or promise is null then
    select coalesce(told, held.state), coalesce(promise, held.next_beat) into told, promise
      from handoff.presence_leases as held where held.connection_id = renew.connection_id;
  end if;
  promise := least(greatest(promise, 5), case when caller is null then 300 else 60 end);
  update handoff.presence_leases as renewed
     set state = told, previous_state = renewed.state, suspect = false, leaving = null,
         beat_at = greatest(renewed.beat_at, moment), previous_beat_at = renewed.beat_at,
         -- Who tells no seconds is active in an active state; of another state nothing is known, so nothing new is noted.
         active_at = greatest(renewed.active_at, moment - make_interval(secs => greatest(coalesce(
           renew.idle_seconds, case when told in ('active', 'online', 'typing') then 0 else 31536000 end), 0))),
         next_beat = promise,
         lease_seconds = least(greatest(renewed.floor_seconds, 3 * promise, promise + renewed.remain_seconds), most),
         expires_at = moment + make_interval(secs => least(greatest(renewed.floor_seconds, 3 * promise, promise + renewed.remain_seconds), most)),
         -- Only when the lease became shorter; else the sweep would look too late.
         bucket = least(renewed.bucket, ceil(extract(epoch from moment + make_interval(secs => least(
           greatest(renewed.floor_seconds, 3 * promise, promise + renewed.remain_seconds), most,
           case when renewed.role = 'agent' then greatest(75, promise * 3 / 2) end))) * 1000)::bigint),
         minute_at = case when moment >= renewed.minute_at + interval '1 minute' then moment else renewed.minute_at end,
         plain_beats = case when moment >= renewed.minute_at + interval '1 minute' then 0 else renewed.plain_beats end
           + (renewed.state = told)::integer,
         change_beats = case when moment >= renewed.minute_at + interval '1 minute' then 0 else renewed.change_beats end
           + (renewed.state <> told)::integer,
         -- What is told of beats: how many, how far apart, how late, how many never arrived.
         beats = renewed.beats + 1,
         missed = renewed.missed + greatest(floor(extract(epoch from moment - renewed.beat_at) / renewed.next_beat - 0.5), 0),
         late = renewed.late + (extract(epoch from moment - renewed.beat_at) > renewed.next_beat * 1.25 + 1)::integer,
         lost = renewed.lost + case when renew.client_beat > renewed.client_beat then renew.client_beat - renewed.client_beat - 1 else 0 end,
         client_beat = coalesce(renew.client_beat, renewed.client_beat),
         longest_gap = greatest(renewed.longest_gap, extract(epoch from moment - renewed.beat_at)::integer),
         intervals[width_bucket(extract(epoch from moment - renewed.beat_at), handoff.beat_edges()) + 1] =
           least(renewed.intervals[width_bucket(extract(epoch from moment - renewed.beat_at), handoff.beat_edges()) + 1] + 1, 32767),
         delays[width_bucket(extract(epoch from moment - renewed.beat_at) - renewed.next_beat, handoff.delay_edges()) + 1] =
           least(renewed.delays[width_bucket(extract(epoch from moment - renewed.beat_at) - renewed.next_beat, handoff.delay_edges()) + 1] + 1, 32767)
   where renewed.connection_id = renew.connection_id and renewed.user_id is not distinct from caller
     -- The page has gone since it sent this beat (presence_leave): a page that is there enters again.
     and (renewed.leaving is not null and renew.client_beat <= renewed.client_beat) is not true
  returning renewed.* into lease;
  if lease.state <> lease.previous_state then
    perform handoff.checked_state(lease.role, lease.state);
    if lease.change_beats > (case lease.role when 'agent' then 20 else 60 end) then
      perform handoff.too_many(lease.minute_at + interval '1 minute' - moment);
    end if;
  elsif lease.plain_beats > (case lease.role when 'agent' then 6 else 30 end) then
    perform handoff.too_many(lease.minute_at + interval '1 minute' - moment);
  end if;
  return lease;
end
$$;
comment on function handoff.renew(uuid, text, integer, integer, integer, timestamptz) is
  'One beat on the caller''s lease: renewed, counted and measured; refuses an unknown state, and with 429 what is beyond the limits (F001 8.3). A null row when the lease is not there, or the beat is older than its page''s good-bye.';
revoke all on function handoff.renew(uuid, text, integer, integer, integer, timestamptz) from public, anon, authenticated;

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

create or replace function handoff.regain_lease(connection_id uuid, moment timestamptz)
returns void
language plpgsql
volatile
security definer  -- nobody may touch leases
set search_path = ''
as $$
begin
  insert into handoff.presence_leases
  select lease.*
    from public.presence_sessions as open
   cross join lateral handoff.restored_lease(open, regain_lease.moment) as lease
   where open.connection_id = regain_lease.connection_id and open.left_at is null and open.user_id is not distinct from auth.uid()
  on conflict on constraint presence_leases_pkey do nothing;
end
$$;
comment on function handoff.regain_lease(uuid, timestamptz) is 'Gives the caller''s connection a lease of grace if its session is open and its lease is gone.';
revoke all on function handoff.regain_lease(uuid, timestamptz) from public, anon, authenticated;

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
  lease handoff.presence_leases := handoff.renew(
    presence_heartbeat.connection_id, presence_heartbeat.state, presence_heartbeat.next_beat_seconds, presence_heartbeat.idle_seconds,
    presence_heartbeat.beat, moment);
  answer jsonb;
begin
  if lease.connection_id is null then
    perform handoff.require_caller();
    perform handoff.regain_lease(presence_heartbeat.connection_id, moment);
    lease := handoff.renew(
      presence_heartbeat.connection_id, presence_heartbeat.state, presence_heartbeat.next_beat_seconds, presence_heartbeat.idle_seconds,
      presence_heartbeat.beat, moment);
    if lease.connection_id is null then
      return handoff.beat_unknown(moment);
    end if;
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
      'beat', lease.client_beat, 'count', lease.beats, 'gap_seconds', extract(epoch from moment - lease.previous_beat_at), 'state', lease.state,
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
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  return handoff.presence_heartbeat(p_connection_id, p_state, p_next_beat_seconds, p_idle_seconds, p_beat);
end
$$;
comment on function public.presence_heartbeat(uuid, text, integer, integer, integer) is
  'The caller''s connection is still there; answers whether it is known (else enter again) and when to beat next.';
revoke all on function public.presence_heartbeat(uuid, text, integer, integer, integer) from public, anon, authenticated;
grant execute on function public.presence_heartbeat(uuid, text, integer, integer, integer) to authenticated, service_role;
