-- Presence: who is there, for members. Any process may ask and no leader is needed: what has run out is left out when it is
-- read, whether or not a sweep has come by. A session without a lease is unknown (the database has crashed), and still there.

create or replace function handoff.counts(lease handoff.presence_leases, moment timestamptz)
returns boolean
language sql
stable
security definer  -- reads the marker
set search_path = ''
as $$
  select lease.connection_id is null or moment < lease.expires_at
      or moment < (select marker.serving_since from handoff.presence_marker as marker) + make_interval(secs => lease.lease_seconds);
$$;
comment on function handoff.counts(handoff.presence_leases, timestamptz) is
  'Whether an open session with this lease counts as there: it has not run out, or is unknown since a restart of the database.';
revoke all on function handoff.counts(handoff.presence_leases, timestamptz) from public, anon, authenticated;

create or replace function handoff.present_sessions(project_id uuid, moment timestamptz)
returns table (session public.presence_sessions, lease handoff.presence_leases)
language sql
stable
security definer  -- called by functions that have checked the caller
set search_path = ''
as $$
  select open, held
    from public.presence_sessions as open
    left join handoff.presence_leases as held on held.connection_id = open.connection_id
   where open.project_id = present_sessions.project_id and open.left_at is null
     and handoff.counts(held, moment);
$$;
comment on function handoff.present_sessions(uuid, timestamptz) is 'The connections of a project that are there now, with their leases.';
revoke all on function handoff.present_sessions(uuid, timestamptz) from public, anon, authenticated;

create or replace function handoff.member_line(session public.presence_sessions, lease handoff.presence_leases)
returns jsonb
language sql
stable
security definer  -- called by functions that have checked the caller
set search_path = ''
as $$
  select jsonb_build_object(
    'connection_id', session.connection_id, 'client_id', session.client_id, 'user_id', session.user_id, 'role', session.role,
    'name', profile.of -> 'name', 'email', profile.of -> 'email', 'state', lease.state, 'data', session.data, 'page', session.page,
    'conversation_id', session.conversation_id, 'visitor_id', session.visitor_id, 'entered_at', session.entered_at,
    'last_beat_at', lease.beat_at, 'last_active_at', lease.active_at, 'expires_at', lease.expires_at,
    'connection', case when lease.connection_id is null then 'unknown' when lease.suspect then 'suspect' else 'live' end)
    from (select handoff.presence_profile(session) as of offset 0) as profile;
$$;
comment on function handoff.member_line(public.presence_sessions, handoff.presence_leases) is 'One connection as members see it.';
revoke all on function handoff.member_line(public.presence_sessions, handoff.presence_leases) from public, anon, authenticated;

-- The service key may read it, too: an AI that decides whether anybody is still there has no user.
create or replace function handoff.require_member_or_service(project_id uuid)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if auth.uid() is not null or coalesce(current_setting('role', true), 'none') in ('anon', 'authenticated') then
    perform handoff.require_member(require_member_or_service.project_id);
  end if;
end
$$;
comment on function handoff.require_member_or_service(uuid) is 'Refuses with 401 or 403 unless the caller is a member or holds the service key.';
revoke all on function handoff.require_member_or_service(uuid) from public, anon, authenticated;

create or replace function handoff.presence_members(
  project_id uuid, role text, conversation_id uuid, page integer, moment timestamptz default now()
)
returns jsonb
language plpgsql
stable
security definer  -- reads leases
set search_path = ''
as $$
begin
  perform handoff.require_member_or_service(presence_members.project_id);
  return coalesce((
    select jsonb_agg(handoff.member_line(present.session, present.lease) order by (present.session).entered_at, (present.session).id)
      from (
        select there.session, there.lease
          from handoff.present_sessions(presence_members.project_id, moment) as there
         where (presence_members.role is null or (there.session).role = presence_members.role)
           and (presence_members.conversation_id is null or (there.session).conversation_id = presence_members.conversation_id)
         order by (there.session).entered_at, (there.session).id
         limit least(greatest(coalesce(presence_members.page, 1000), 1), 5000)
      ) as present), '[]'::jsonb);
end
$$;
revoke all on function handoff.presence_members(uuid, text, uuid, integer, timestamptz) from public, anon, authenticated;
grant execute on function handoff.presence_members(uuid, text, uuid, integer, timestamptz) to authenticated, service_role;

create or replace function public.presence_members(
  p_project_id uuid, p_role text default null, p_conversation_id uuid default null, p_limit integer default 1000
)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select handoff.presence_members(p_project_id, p_role, p_conversation_id, p_limit);
$$;
comment on function public.presence_members(uuid, text, uuid, integer) is
  'Who is there, one entry a connection, those who came first first; on request one role or one conversation (members and the service key).';
revoke all on function public.presence_members(uuid, text, uuid, integer) from public, anon, authenticated;
grant execute on function public.presence_members(uuid, text, uuid, integer) to authenticated, service_role;
