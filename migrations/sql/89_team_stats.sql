-- The numbers of today, for the dashboard (F001 section 5.7.6).

-- One project's day is a short range of each index, however long the history is. They are made with the table, before
-- anything is in it.
-- squawk-ignore require-concurrent-index-creation
create index if not exists conversations_resolved_at_idx
  on public.conversations (project_id, resolved_at) where resolved_at is not null;
-- squawk-ignore require-concurrent-index-creation
create index if not exists conversations_first_response_at_idx
  on public.conversations (project_id, first_response_at) where first_response_at is not null;

create or replace function handoff.day_of(project_id uuid, moment timestamptz)
returns table (timezone text, date date, starts_at timestamptz, ends_at timestamptz)
language sql
stable
security definer  -- called by team_stats only
set search_path = ''
as $$
  select zone.name, today.date, today.date::timestamp at time zone zone.name, (today.date + 1)::timestamp at time zone zone.name
    from (
      select coalesce((select settings.timezone from public.handoff_settings as settings
                        where settings.project_id = day_of.project_id), 'UTC') as name
    ) as zone
   cross join lateral (select (day_of.moment at time zone zone.name)::date as date) as today;
$$;
comment on function handoff.day_of(uuid, timestamptz) is 'The calendar day of an instant in the project''s time zone: 23 to 25 hours, the end not included.';
revoke all on function handoff.day_of(uuid, timestamptz) from public, anon, authenticated;

create or replace function handoff.resolved_on(project_id uuid, starts_at timestamptz, ends_at timestamptz)
returns jsonb
language sql
stable
security definer  -- called by team_stats only
set search_path = ''
as $$
  select jsonb_build_object(
    'resolved', count(*),
    'csat', jsonb_build_object('average', round(avg(conversation.satisfaction_rating), 2),
                               'count', count(conversation.satisfaction_rating)))
    from public.conversations as conversation
   where conversation.project_id = resolved_on.project_id
     and conversation.resolved_at >= resolved_on.starts_at
     and conversation.resolved_at < resolved_on.ends_at
     and conversation.status in ('resolved', 'closed')  -- not those that were reopened since
     and not conversation.is_spam;
$$;
comment on function handoff.resolved_on(uuid, timestamptz, timestamptz) is
  'How many conversations were resolved then and stayed so, and how their customers rated them.';
revoke all on function handoff.resolved_on(uuid, timestamptz, timestamptz) from public, anon, authenticated;

create or replace function handoff.first_response_seconds_on(project_id uuid, starts_at timestamptz, ends_at timestamptz)
returns integer
language sql
stable
security definer  -- called by team_stats only
set search_path = ''
as $$
  -- An agent who took over from the AI answers from then on: such a conversation was never handed off.
  select round(avg(greatest(extract(epoch from
           conversation.first_response_at - coalesce(conversation.handoff_triggered_at, conversation.claimed_at)), 0)))::integer
    from public.conversations as conversation
   where conversation.project_id = first_response_seconds_on.project_id
     and conversation.first_response_at >= first_response_seconds_on.starts_at
     and conversation.first_response_at < first_response_seconds_on.ends_at
     and not conversation.is_spam;
$$;
comment on function handoff.first_response_seconds_on(uuid, timestamptz, timestamptz) is
  'From the handoff to the first message of an agent, averaged over the conversations first answered then; null without any.';
revoke all on function handoff.first_response_seconds_on(uuid, timestamptz, timestamptz) from public, anon, authenticated;

create or replace function handoff.agents_by_status(project_id uuid)
returns jsonb
language sql
stable
security definer  -- called by team_stats only
set search_path = ''
as $$
  select jsonb_object_agg(each.status, (
           select count(*)
             from handoff.team(agents_by_status.project_id) as person
             left join public.agent_availability as agent
               on agent.project_id = agents_by_status.project_id and agent.user_id = person.user_id
            where coalesce(agent.effective_status, 'offline') = each.status))
    from (values ('online'), ('busy'), ('away'), ('offline')) as each (status);
$$;
comment on function handoff.agents_by_status(uuid) is 'How many of the team have each effective status.';
revoke all on function handoff.agents_by_status(uuid) from public, anon, authenticated;

create or replace function handoff.team_stats(project_id uuid, moment timestamptz default now())
returns jsonb
language plpgsql
stable
security definer  -- counts for members, without a policy on each row
set search_path = ''
as $$
declare
  today record;
begin
  perform handoff.require_member(team_stats.project_id);
  select * into today from handoff.day_of(team_stats.project_id, moment);
  return handoff.resolved_on(team_stats.project_id, today.starts_at, today.ends_at) || jsonb_build_object(
    'date', today.date,
    'timezone', today.timezone,
    'avg_first_response_seconds', handoff.first_response_seconds_on(team_stats.project_id, today.starts_at, today.ends_at),
    'waiting', (select count(*) from public.conversations as conversation
                 where conversation.project_id = team_stats.project_id and conversation.status = 'waiting'),
    'active', (select count(*) from public.conversations as conversation
                where conversation.project_id = team_stats.project_id and conversation.status = 'agent_active'),
    'agents', handoff.agents_by_status(team_stats.project_id));
end
$$;
revoke all on function handoff.team_stats(uuid, timestamptz) from public, anon, authenticated;
grant execute on function handoff.team_stats(uuid, timestamptz) to authenticated;

create or replace function public.team_stats(p_project_id uuid)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select handoff.team_stats(p_project_id);
$$;
comment on function public.team_stats(uuid) is
  'Today in the project''s time zone, for members: resolved, seconds to the first response, ratings; and now: waiting, active, agents by effective status.';
revoke all on function public.team_stats(uuid) from public, anon, authenticated;
grant execute on function public.team_stats(uuid) to authenticated;
