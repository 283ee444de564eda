-- What only the worker calls.

-- Queue length and availability are counted after the transactions that change them, by one caller at a time: a trigger
-- would count in its own snapshot and leave a wrong number behind when two transactions commit together.
create or replace function handoff.refresh_project_state(project_id uuid)
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  before handoff.project_state;
  counted integer;
  offered jsonb;
begin
  perform pg_advisory_xact_lock(hashtextextended('handoff.project_state ' || refresh_project_state.project_id, 0));
  if not exists (select 1 from public.projects as project where project.id = refresh_project_state.project_id) then
    return false;
  end if;
  select * into before from handoff.project_state as state where state.project_id = refresh_project_state.project_id;
  select count(*) into counted
    from public.conversations as conversation
   where conversation.project_id = refresh_project_state.project_id and conversation.status = 'waiting';
  offered := handoff.availability(refresh_project_state.project_id);

  insert into handoff.outbox (project_id, kind, payload)
  select refresh_project_state.project_id, change.kind, change.payload
    from (values (before.waiting_count is distinct from counted, 'queue_updated', jsonb_build_object('waiting_count', counted)),
                 (before.availability is distinct from offered, 'availability_changed', offered))
      as change (happened, kind, payload)
   where change.happened;
  if not found then
    return false;
  end if;
  insert into handoff.project_state as state (project_id, waiting_count, availability)
  values (refresh_project_state.project_id, counted, offered)
  on conflict on constraint project_state_pkey
  do update set waiting_count = excluded.waiting_count, availability = excluded.availability, updated_at = now();
  return true;
end
$$;
comment on function handoff.refresh_project_state(uuid) is
  'Puts queue_updated and availability_changed into the outbox if they differ from what was last put there; says whether it did.';
revoke all on function handoff.refresh_project_state(uuid) from public, anon, authenticated;
