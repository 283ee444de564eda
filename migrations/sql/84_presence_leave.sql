-- Presence: going.

drop function if exists public.presence_leave(uuid, text, jsonb);
drop function if exists handoff.presence_leave(uuid, text, jsonb, timestamptz);

-- A page that goes sends its good-bye beside its last beats, and beats of the next page may overtake it. Which came first is the
-- client's count: a good-bye older than a beat that has arrived means nothing, and neither does a beat older than it (renew).
create or replace function handoff.presence_leave(
  connection_id uuid, reason text, data jsonb, beat integer, moment timestamptz default now()
)
returns jsonb
language plpgsql
volatile
security definer  -- leases and sessions are written by functions only
set search_path = ''
as $$
declare
  because text := left(coalesce(nullif(btrim(presence_leave.reason), ''), 'left'), 100);
  lease handoff.presence_leases;
begin
  perform handoff.require_caller();
  update handoff.presence_leases as leaving
     set beat_at = greatest(leaving.beat_at, moment),
         client_beat = presence_leave.beat,
         leaving = case when because = 'pagehide' and leaving.remain_seconds > 0 then because end,
         -- The lease is so long from here on: no grace after a restart of the database makes it longer (the sweep).
         lease_seconds = case when because = 'pagehide' then leaving.remain_seconds else leaving.lease_seconds end,
         expires_at = case when because = 'pagehide'
                           then least(leaving.expires_at, moment + make_interval(secs => leaving.remain_seconds)) else leaving.expires_at end,
         bucket = case when because = 'pagehide'
                       then least(leaving.bucket, handoff.wheel_tick(moment + make_interval(secs => leaving.remain_seconds))) else leaving.bucket end
   where leaving.connection_id = presence_leave.connection_id and leaving.user_id is not distinct from auth.uid()
     and (because <> 'pagehide' or (presence_leave.beat < leaving.client_beat) is not true)
  returning leaving.* into lease;
  if lease.leaving is not null then
    if lease.traced then
      perform handoff.trace_presence_step(lease.connection_id, moment, 'pagehide', jsonb_build_object('expires_at', lease.expires_at));
    end if;
    return jsonb_build_object('left', true, 'remains_seconds', lease.remain_seconds);
  end if;
  -- After a crash there may be a session without a lease; with one, the page is there again.
  if lease.connection_id is null and (
       exists (select 1 from handoff.presence_leases as held where held.connection_id = presence_leave.connection_id)
       or (handoff.own_session(presence_leave.connection_id)).id is null) then
    return jsonb_build_object('left', false, 'remains_seconds', 0);
  end if;
  perform handoff.end_presence(array[presence_leave.connection_id], array[because],
                               handoff.checked_presence_data(presence_leave.data), moment);
  return jsonb_build_object('left', true, 'remains_seconds', 0);
end
$$;
comment on function handoff.presence_leave(uuid, text, jsonb, integer, timestamptz) is
  'A connection goes: at once, or (pagehide) unless it is back in time. A pagehide older than a beat that arrived changes nothing.';
revoke all on function handoff.presence_leave(uuid, text, jsonb, integer, timestamptz) from public, anon, authenticated;
grant execute on function handoff.presence_leave(uuid, text, jsonb, integer, timestamptz) to authenticated, service_role;

create or replace function public.presence_leave(
  p_connection_id uuid, p_reason text default 'left', p_data jsonb default null, p_beat integer default null
)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.presence_leave(p_connection_id, p_reason, p_data, p_beat);
$$;
comment on function public.presence_leave(uuid, text, jsonb, integer) is
  'The caller''s connection leaves for a reason. pagehide keeps the place for remain_present_for seconds, because a reload looks the same; others are at once.';
revoke all on function public.presence_leave(uuid, text, jsonb, integer) from public, anon, authenticated;
grant execute on function public.presence_leave(uuid, text, jsonb, integer) to authenticated, service_role;
