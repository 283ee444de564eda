-- Presence: one connection end to end, for who looks for the beat that does not arrive (handoff trace-presence).

-- At most an hour: a trace costs the beats of this connection a row each.
create or replace function handoff.trace_presence(connection_id uuid, lasting interval, moment timestamptz default now())
returns timestamptz
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  ends_at timestamptz := moment + least(greatest(trace_presence.lasting, interval '0'), interval '1 hour');
begin
  insert into handoff.presence_tracing as tracing (connection_id, until)
  values (trace_presence.connection_id, ends_at)
  on conflict on constraint presence_tracing_pkey do update set until = excluded.until;
  update handoff.presence_leases as lease set traced = trace_presence.lasting > interval '0'
   where lease.connection_id = trace_presence.connection_id;
  return ends_at;
end
$$;
comment on function handoff.trace_presence(uuid, interval, timestamptz) is
  'Writes down each step of a connection, whether it is there now or comes later, for so long (an hour at most; 0 ends it).';
revoke all on function handoff.trace_presence(uuid, interval, timestamptz) from public, anon, authenticated;

create or replace function handoff.presence_picture(connection_id uuid)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select jsonb_build_object(
    'session', (select to_jsonb(session) from public.presence_sessions as session
                 where session.connection_id = presence_picture.connection_id order by session.id desc limit 1),
    'lease', (select to_jsonb(lease) from handoff.presence_leases as lease where lease.connection_id = presence_picture.connection_id),
    'agent', (select jsonb_build_object('status', agent.status, 'effective_status', agent.effective_status,
                                        'effective_reason', agent.effective_reason, 'connection', agent.connection)
                from public.presence_sessions as session
                join public.agent_availability as agent on agent.user_id = session.user_id and agent.project_id = session.project_id
               where session.connection_id = presence_picture.connection_id and session.role = 'agent'
               order by session.id desc limit 1));
$$;
comment on function handoff.presence_picture(uuid) is 'A connection''s latest session, its lease, and what follows for the agent.';
revoke all on function handoff.presence_picture(uuid) from public, anon, authenticated;
