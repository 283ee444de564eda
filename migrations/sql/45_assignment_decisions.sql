-- Why each conversation went to the agent it went to: kept for 30 days, written in the transaction that gave it.

-- No foreign keys: thousands are written in one batch, next to rows that the batch has locked and checked already.
create table if not exists handoff.assignment_decisions (
  id bigint generated always as identity primary key,
  conversation_id uuid not null,
  project_id uuid not null,
  agent_id uuid not null,
  decided_by uuid,
  strategy text not null constraint assignment_decisions_strategy
    check (strategy in ('balanced', 'round_robin', 'longest_idle', 'claim', 'take_over', 'transfer', 'returning', 'offer')),
  decided_at timestamptz not null default now(),
  queue_position integer,
  waited_seconds integer not null default 0,
  reason text not null,
  candidates jsonb not null default '[]'::jsonb
    constraint assignment_decisions_candidates_is_array check (jsonb_typeof(candidates) = 'array')
);
comment on table handoff.assignment_decisions is 'One row for each time a conversation was given to an agent. Read through explain_assignment.';
comment on column handoff.assignment_decisions.strategy is 'The project''s strategy when the worker decided; else who decided and how.';
comment on column handoff.assignment_decisions.decided_by is 'Who took it or gave it away; null when the worker or a rule did.';
comment on column handoff.assignment_decisions.decided_at is 'Equal to claimed_at: decisions of one batch are microseconds apart.';
comment on column handoff.assignment_decisions.waited_seconds is 'How long it waited this time; 0 when it did not come from the queue.';
comment on column handoff.assignment_decisions.queue_position is
  'Its place among the conversations of the batch, that is among those that somebody free could take. Null outside the worker.';
comment on column handoff.assignment_decisions.candidates is
  'Agents with free slots in the order of the strategy: id, free_slots, last_assigned_at, turn, verdict. At most 20, in a large batch 3.';

create index if not exists assignment_decisions_conversation_idx on handoff.assignment_decisions (conversation_id, id);
-- Rows come in this order and go in this order: a few pages of index are enough.
create index if not exists assignment_decisions_decided_at_idx on handoff.assignment_decisions using brin (decided_at);

revoke all on handoff.assignment_decisions from public, anon, authenticated;

create or replace function handoff.record_decision(
  project_id uuid, conversation_id uuid, agent_id uuid, strategy text, reason text, waiting_since timestamptz default null
)
returns void
language sql
volatile
security definer  -- called by functions that move a conversation and have checked the caller
set search_path = ''
as $$
  insert into handoff.assignment_decisions (project_id, conversation_id, agent_id, decided_by, strategy, reason, waited_seconds)
  values (record_decision.project_id, record_decision.conversation_id, record_decision.agent_id,
          case when record_decision.strategy <> 'returning' then (select auth.uid()) end,
          record_decision.strategy, record_decision.reason,
          coalesce(greatest(extract(epoch from now() - record_decision.waiting_since)::integer, 0), 0));
$$;
comment on function handoff.record_decision(uuid, uuid, uuid, text, text, timestamptz) is
  'Notes an assignment that was not the worker''s. waiting_since: since when the conversation was in the queue; null when it was not.';
revoke all on function handoff.record_decision(uuid, uuid, uuid, text, text, timestamptz) from public, anon, authenticated;

create or replace function handoff.prune_decisions(moment timestamptz default now())
returns bigint
language sql
volatile
security definer  -- called by the worker only
set search_path = ''
as $$
  with gone as (
    delete from handoff.assignment_decisions as decision
     where decision.decided_at < prune_decisions.moment - interval '30 days'
    returning 1
  )
  select count(*) from gone;
$$;
comment on function handoff.prune_decisions(timestamptz) is 'Forgets the decisions that are older than 30 days and says how many.';
revoke all on function handoff.prune_decisions(timestamptz) from public, anon, authenticated;
