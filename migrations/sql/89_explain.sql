-- The decisions about a conversation, for its team: why this agent, and why not that one.

create or replace function handoff.assignment_reason(strategy text, reason text)
returns text
language sql
immutable
security invoker
set search_path = ''
as $$
  select case reason
    when 'asked' then case strategy
      when 'claim' then 'The agent took it from the queue.'
      else 'The agent took it over from the AI.' end
    when 'accepted' then 'The agent accepted the offer.'
    when 'asked_again' then 'Everybody who could take it had missed or declined it; of these the agent was asked longest ago.'
    when 'transferred' then 'Another member of the team gave it to this agent.'
    when 'preferred' then 'The agent had this conversation before and had a free slot.'
    when 'only_candidate' then 'Nobody else who had a free slot could take it.'
    when 'first_in_order' then 'First of all who could take it, in the order of the strategy.'
    when 'most_free_slots' then 'More free slots than anybody else who could take it.'
    when 'longest_since_assignment' then case strategy
      when 'round_robin' then 'It was the turn of this agent: the longest time since the last assignment.'
      else 'As many free slots as the next agent, and a longer time since the last assignment.' end
    when 'without_chat' then 'The only one without a chat who could take it.'
    when 'longest_idle' then 'The longest without a chat of all who could take it.'
    when 'smallest_id' then 'Equal to the next agent in every respect; the smaller id decides, so that the outcome is always the same.'
    else reason
  end;
$$;
comment on function handoff.assignment_reason(text, text) is 'Why an agent was chosen, in words.';
revoke all on function handoff.assignment_reason(text, text) from public, anon, authenticated;

create or replace function handoff.assignment_verdict(verdict text)
returns text
language sql
immutable
security invoker
set search_path = ''
as $$
  select case verdict
    when 'chosen' then 'Was chosen.'
    when 'lacks_skills' then 'Lacks a skill that the conversation asks for.'
    when 'gave_it_back' then 'Had just given it back.'
    when 'missed_offer' then 'Had not answered an offer of it.'
    when 'declined_offer' then 'Had declined an offer of it.'
    when 'not_preferred' then 'Did not have this conversation before.'
    when 'fewer_free_slots' then 'Had fewer free slots.'
    when 'assigned_later' then 'Was given a conversation more recently.'
    when 'has_chats' then 'Had a chat already.'
    when 'idle_shorter' then 'Had been without a chat for a shorter time.'
    when 'higher_id' then 'Was equal in every respect but the id.'
    else verdict
  end;
$$;
comment on function handoff.assignment_verdict(text) is 'Why a candidate was not chosen, in words.';
revoke all on function handoff.assignment_verdict(text) from public, anon, authenticated;

create or replace function handoff.candidates_explained(project_id uuid, candidates jsonb)
returns jsonb
language sql
stable
security definer  -- called by explain_assignment only; reads the names of agents
set search_path = ''
as $$
  select coalesce(jsonb_agg(candidate.value || jsonb_build_object(
           'name', handoff.agent_profile(candidates_explained.project_id, (candidate.value ->> 'id')::uuid) -> 'name',
           'text', handoff.assignment_verdict(candidate.value ->> 'verdict')) order by candidate.place), '[]'::jsonb)
    from jsonb_array_elements(candidates_explained.candidates) with ordinality as candidate (value, place);
$$;
revoke all on function handoff.candidates_explained(uuid, jsonb) from public, anon, authenticated;

create or replace function handoff.offer_explained(offer handoff.offers)
returns jsonb
language sql
stable
security definer  -- called by explain_assignment only; reads the names of agents
set search_path = ''
as $$
  select jsonb_build_object(
    'agent', handoff.agent_profile(offer.project_id, offer.agent_id),
    'offered_at', offer.offered_at,
    'expires_at', offer.expires_at,
    'state', offer.state,
    'ended_at', offer.ended_at,
    'end_reason', offer.end_reason,
    'round', offer.round,
    'strategy', offer.strategy,
    'queue_position', offer.queue_position,
    'reason', offer.reason,
    'text', handoff.assignment_reason(offer.strategy, offer.reason),
    'candidates', handoff.candidates_explained(offer.project_id, offer.candidates));
$$;
revoke all on function handoff.offer_explained(handoff.offers) from public, anon, authenticated;

create or replace function handoff.decision_answer(decision handoff.assignment_decisions)
returns jsonb
language sql
stable
security definer  -- called by explain_assignment only; reads the names of agents
set search_path = ''
as $$
  select jsonb_build_object(
    'decided_at', decision.decided_at,
    'agent', handoff.agent_profile(decision.project_id, decision.agent_id),
    'decided_by', handoff.agent_profile(decision.project_id, decision.decided_by),
    'strategy', decision.strategy,
    'queue_position', decision.queue_position,
    'waited_seconds', decision.waited_seconds,
    'reason', decision.reason,
    'text', handoff.assignment_reason(decision.strategy, decision.reason),
    'candidates', handoff.candidates_explained(decision.project_id, decision.candidates));
$$;
revoke all on function handoff.decision_answer(handoff.assignment_decisions) from public, anon, authenticated;

create or replace function handoff.explain_assignment(conversation_id uuid)
returns jsonb
language plpgsql
stable
security definer  -- nobody may read the decisions
set search_path = ''
as $$
declare
  conversation public.conversations;
begin
  perform handoff.require_user();
  select * into conversation from public.conversations as found where found.id = explain_assignment.conversation_id;
  if conversation.id is null or not handoff.is_member(conversation.project_id) then
    perform handoff.fail(404, 'conversation_not_found', 'There is no such conversation');
  end if;
  return jsonb_build_object(
    'conversation_id', conversation.id,
    'decisions', coalesce((
      select jsonb_agg(handoff.decision_answer(decision) order by decision.id)
        from handoff.assignment_decisions as decision
       where decision.conversation_id = conversation.id), '[]'::jsonb),
    'offers', coalesce((
      select jsonb_agg(handoff.offer_explained(offer) order by offer.id)
        from handoff.offers as offer
       where offer.conversation_id = conversation.id), '[]'::jsonb));
end
$$;
revoke all on function handoff.explain_assignment(uuid) from public, anon, authenticated;
grant execute on function handoff.explain_assignment(uuid) to authenticated;

create or replace function public.explain_assignment(p_conversation_id uuid)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select handoff.explain_assignment(p_conversation_id);
$$;
comment on function public.explain_assignment(uuid) is
  'For members: to whom the conversation was given, in order, why, and why not to the others. The last 30 days.';
revoke all on function public.explain_assignment(uuid) from public, anon, authenticated;
grant execute on function public.explain_assignment(uuid) to authenticated;
