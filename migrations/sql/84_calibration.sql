-- Whether promised waits are kept: handoff.wait_promises against what happened.

create or replace function handoff.end_of_wait(conversation public.conversations)
returns table (outcome text, at timestamptz)
language sql
stable
rows 1
security invoker
set search_path = ''
as $$
  select case when assigned.it then 'assigned'
              when conversation.close_reason in ('customer', 'chat_cleared', 'abandoned', 'timeout') then 'left'
              else 'closed' end,
         case when assigned.it then conversation.claimed_at else coalesce(conversation.closed_at, conversation.updated_at) end
    from (select coalesce(conversation.claimed_at >= conversation.waiting_since, false) as it) as assigned;
$$;
comment on function handoff.end_of_wait(public.conversations) is 'How and when the last wait of a conversation that waits no longer ended.';
revoke all on function handoff.end_of_wait(public.conversations) from public, anon, authenticated;

create or replace function handoff.calibration(project_id uuid, days integer default 7, moment timestamptz default now())
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  with promise as materialized (
    select wait.outcome, wait.waited_seconds as waited, wait.wait_p50_seconds as p50, wait.wait_p90_seconds as p90,
           nullif(wait.estimated_wait_minutes, -1) * 60 as estimate
      from handoff.wait_promises as wait
     where wait.project_id = calibration.project_id
       and wait.promised_at > calibration.moment - make_interval(days => calibration.days)
       and wait.promised_at <= calibration.moment
  ), kept as (
    select count(*) as promises,
           avg((waited <= p50)::integer) as p50_coverage, avg((waited <= p90)::integer) as p90_coverage,
           percentile_cont(0.5) within group (order by abs(waited - p50)) as error, avg(waited - p50) as bias,
           percentile_cont(0.5) within group (order by waited) as waited,
           percentile_cont(0.5) within group (order by abs(waited - estimate)) as estimate_error,
           avg(waited - estimate) as estimate_bias, avg((waited <= estimate)::integer) as estimate_coverage
      from promise
     -- Who was told "now" and got an agent now did not wait: it would only make the shares look better.
     where outcome = 'assigned' and (p90 > 0 or waited > 5)
  ), others as (
    select count(*) filter (where outcome = 'left') as gone,
           count(*) filter (where outcome = 'left' and waited > p90) as gone_late,
           count(*) filter (where outcome = 'closed') as closed,
           count(*) filter (where outcome is null) as waiting
      from promise
  )
  select jsonb_build_object(
    'days', calibration.days,
    'promises', kept.promises,
    'p50_coverage', round(kept.p50_coverage, 3),
    'p90_coverage', round(kept.p90_coverage, 3),
    'median_wait_seconds', round(kept.waited::numeric, 1),
    'median_absolute_error_seconds', round(kept.error::numeric, 1),
    'bias_seconds', round(kept.bias::numeric, 1),
    'baseline', jsonb_build_object(
      'coverage', round(kept.estimate_coverage, 3),
      'median_absolute_error_seconds', round(kept.estimate_error::numeric, 1),
      'bias_seconds', round(kept.estimate_bias::numeric, 1)),
    'left', others.gone, 'left_after_p90', others.gone_late, 'closed', others.closed, 'still_waiting', others.waiting)
    from kept
   cross join others;
$$;
comment on function handoff.calibration(uuid, integer, timestamptz) is
  'How the first ranges of a project''s waits were kept, of those promised in the last days that got an agent, beside the estimate of F001 5.4.6.';
revoke all on function handoff.calibration(uuid, integer, timestamptz) from public, anon, authenticated;

create or replace function handoff.wait_calibration(project_id uuid, days integer, moment timestamptz default now())
returns jsonb
language plpgsql
stable
security definer  -- nobody may read the promises
set search_path = ''
as $$
begin
  perform handoff.require_member(wait_calibration.project_id);
  return handoff.calibration(wait_calibration.project_id, least(greatest(coalesce(wait_calibration.days, 7), 1), 30), moment);
end
$$;
revoke all on function handoff.wait_calibration(uuid, integer, timestamptz) from public, anon, authenticated;
grant execute on function handoff.wait_calibration(uuid, integer, timestamptz) to authenticated;

create or replace function public.wait_calibration(p_project_id uuid, p_days integer default 7)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select handoff.wait_calibration(p_project_id, p_days);
$$;
comment on function public.wait_calibration(uuid, integer) is
  'For members: how well the waits promised in the last days (1 to 30) were kept, and how the estimate of F001 5.4.6 would have done.';
revoke all on function public.wait_calibration(uuid, integer) from public, anon, authenticated;
grant execute on function public.wait_calibration(uuid, integer) to authenticated;

create or replace function handoff.prune_promises(moment timestamptz default now(), most integer default 1000)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  handled integer;
begin
  with spent as (
    select promise.conversation_id, promise.waiting_since
      from handoff.wait_promises as promise
     where promise.promised_at < moment - interval '30 days'
     limit most
       for update skip locked
  )
  delete from handoff.wait_promises as promise
   using spent
   where promise.conversation_id = spent.conversation_id and promise.waiting_since = spent.waiting_since;
  get diagnostics handled = row_count;
  return handled;
end
$$;
comment on function handoff.prune_promises(timestamptz, integer) is 'Forgets promises that are older than 30 days.';
revoke all on function handoff.prune_promises(timestamptz, integer) from public, anon, authenticated;
