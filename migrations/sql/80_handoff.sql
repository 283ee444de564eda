-- Handoff: when a conversation leaves the AI, and whether it may (F001 sections 4.3, 5.10, 7.5).

-- Where a word may begin or end: the text's edges, space, punctuation and symbols. Naming what separates words, not what
-- words are made of, is right for every script: vowel signs and accents are no letters to a regular expression.
create or replace function handoff.word_edge()
returns text
language sql
immutable
security invoker
set search_path = ''
as $$
  select '[[:space:][:punct:]$+<=>^`|~\u00a0-\u00bf\u2000-\u2bff\u3000-\u303f\ufe00-\ufe0f\uff00-\uff0f\U0001f000-\U0001faff]';
$$;
revoke all on function handoff.word_edge() from public, anon, authenticated;

-- Thai, Lao, Myanmar, Khmer, Japanese and Chinese put no space between words, Korean none before particles: there a word is
-- found wherever it stands.
create or replace function handoff.unspaced_script()
returns text
language sql
immutable
security invoker
set search_path = ''
as $$
  select '[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]';
$$;
revoke all on function handoff.unspaced_script() from public, anon, authenticated;

create or replace function handoff.contains_word(content text, word text)
returns boolean
language sql
immutable
security invoker
set search_path = ''
as $$
  -- The ICU collation decides about letters and their case, so that the answer is the same whatever locale the database
  -- was made with. "agent" is in "an agent, please" and not in "reagent"; spaces in a phrase match any white space.
  select word <> '' and lower(content collate "und-x-icu") ~ (
    case when word ~ ('^' || handoff.unspaced_script()) then '' else '(^|' || handoff.word_edge() || ')' end
    || regexp_replace(
         regexp_replace(lower(word collate "und-x-icu"), '([][\\.*+?(){}|^$/#&-])', '\\\1', 'g'), '\s+', '\\s+', 'g')
    || case when word ~ (handoff.unspaced_script() || '$') then '' else '($|' || handoff.word_edge() || ')' end);
$$;
comment on function handoff.contains_word(text, text) is 'Whether the text holds the word or phrase as whole words, in any case.';
revoke all on function handoff.contains_word(text, text) from public, anon, authenticated;

create or replace function handoff.availability(project_id uuid, moment timestamptz default now())
returns jsonb
language plpgsql
stable
security definer  -- visitors ask, and may read none of these tables
set search_path = ''
as $$
declare
  settings public.handoff_settings;
  reason text;
begin
  select * into settings from public.handoff_settings as found where found.project_id = availability.project_id;
  reason := case
    when settings.id is null or not settings.enabled then 'disabled'
    when not handoff.has_agents(availability.project_id) then 'no_agents'
    when not handoff.is_open(settings, moment) then 'outside_hours'
    when not exists (select 1 from public.agent_availability as agent
                      where agent.project_id = availability.project_id and agent.effective_status = 'online') then 'all_offline'
  end;
  return jsonb_strip_nulls(jsonb_build_object(
    'available', reason is null,
    'reason', reason,
    'show_button', reason is null and settings.show_human_button,
    'show_offline_form', coalesce(reason = 'outside_hours' or (reason = 'all_offline' and settings.business_hours_enabled), false),
    'opens_at', case when reason = 'outside_hours' then handoff.next_opening(settings, moment) end));
end
$$;
comment on function handoff.availability(uuid, timestamptz) is 'F001 5.10.2: whether a person can take over, why not, and what the widget shows.';
revoke all on function handoff.availability(uuid, timestamptz) from public, anon, authenticated;
grant execute on function handoff.availability(uuid, timestamptz) to anon, authenticated, service_role;

create or replace function handoff.has_agents(project_id uuid)
returns boolean
language plpgsql  -- not sql: that is planned at each call, which costs more than the answer
stable
security definer  -- called by availability only
set search_path = ''
as $$
begin
  return exists (select 1 from public.project_members as member
                  where member.project_id = has_agents.project_id and member.status = 'active')
      or exists (select 1 from public.agent_availability as agent
                   join public.projects as project on project.id = agent.project_id and project.user_id = agent.user_id
                  where agent.project_id = has_agents.project_id
                    and (agent.status_set_by is not null or agent.status <> 'offline'));
end
$$;
comment on function handoff.has_agents(uuid) is
  'Whether anybody could ever answer: an active member, or an owner who has worked as an agent. To have the dashboard open is no work.';
revoke all on function handoff.has_agents(uuid) from public, anon, authenticated;

-- The one way from the AI to the queue. Returns whether it moved: a conversation that has left the AI stays where it is.
create or replace function handoff.enqueue(
  conversation_id uuid, reason text, keyword text default null, confidence double precision default null
)
returns boolean
language plpgsql
volatile
security definer  -- moves a conversation on behalf of its visitor
set search_path = ''
as $$
begin
  update public.conversations as conversation
     set status = 'waiting',
         handoff_reason = enqueue.reason,
         trigger_keyword = enqueue.keyword,
         ai_confidence_at_handoff = coalesce(enqueue.confidence, handoff.last_ai_confidence(conversation.id))
   where conversation.id = enqueue.conversation_id and conversation.status = 'ai_active';
  return found;
end
$$;
revoke all on function handoff.enqueue(uuid, text, text, double precision) from public, anon, authenticated;

create or replace function handoff.last_ai_confidence(conversation_id uuid)
returns double precision
language plpgsql  -- not sql: that is planned at each call
stable
security definer  -- called by enqueue only
set search_path = ''
as $$
begin
  return (select (message.metadata ->> 'confidence')::double precision
            from public.messages as message
           where message.conversation_id = last_ai_confidence.conversation_id and message.sender_type = 'ai'
           order by message.seq desc
           limit 1);
end
$$;
revoke all on function handoff.last_ai_confidence(uuid) from public, anon, authenticated;

create or replace function handoff.message_written(written public.messages)
returns void
language plpgsql
volatile
security definer  -- called by the trigger on messages only
set search_path = ''
as $$
declare
  conversation public.conversations;
begin
  select * into conversation from public.conversations as found where found.id = written.conversation_id;
  if conversation.status = 'closed' then
    perform handoff.fail(409, 'conversation_closed', 'This conversation is closed', 'Start a new one.');
  end if;
  case written.sender_type
    when 'agent' then perform handoff.agent_wrote(conversation, written);
    when 'customer' then
      if conversation.status in ('ai_active', 'resolved') then  -- else it moves nothing, and most messages are of this kind
        perform handoff.customer_wrote(conversation, written);
      end if;
    when 'ai' then perform handoff.ai_wrote(conversation, written);
    else null;
  end case;
end
$$;
comment on function handoff.message_written(public.messages) is 'What a new message means for its conversation; refuses messages that its state does not allow.';
revoke all on function handoff.message_written(public.messages) from public, anon, authenticated;

create or replace function handoff.agent_wrote(conversation public.conversations, written public.messages)
returns void
language plpgsql
volatile
security definer  -- called by message_written only
set search_path = ''
as $$
begin
  if conversation.status <> 'agent_active' then
    perform handoff.fail(409, 'not_with_an_agent', format('This conversation is %s, not with an agent', conversation.status),
                         'Claim it or take it over first.');
  end if;
  if conversation.assigned_agent_id is distinct from written.sender_id and not handoff.is_admin(conversation.project_id) then
    perform handoff.fail(403, 'not_your_conversation', 'This conversation belongs to another agent',
                         'Ask for a transfer.');
  end if;
end
$$;
revoke all on function handoff.agent_wrote(public.conversations, public.messages) from public, anon, authenticated;

create or replace function handoff.customer_wrote(conversation public.conversations, written public.messages)
returns void
language plpgsql
volatile
security definer  -- called by message_written only
set search_path = ''
as $$
declare
  keyword text;
begin
  if conversation.status = 'resolved' then
    perform handoff.reopen(conversation);
    return;
  end if;
  -- With the AI. One statement, one snapshot: settings that change meanwhile are seen as they were before or after, never half.
  with found as materialized (select handoff.keyword_in(conversation.project_id, written.content) as word)
  select found.word into keyword
    from found
   where found.word is not null and (handoff.availability(conversation.project_id) ->> 'available')::boolean;
  if keyword is not null then
    perform handoff.enqueue(conversation.id, 'keyword', keyword);
  end if;
end
$$;
revoke all on function handoff.customer_wrote(public.conversations, public.messages) from public, anon, authenticated;

create or replace function handoff.ai_wrote(conversation public.conversations, written public.messages)
returns void
language plpgsql
volatile
security definer  -- called by message_written only
set search_path = ''
as $$
declare
  confidence double precision := (written.metadata ->> 'confidence')::double precision;
begin
  if conversation.status not in ('ai_active', 'waiting') then
    perform handoff.fail(409, 'with_an_agent', format('The AI may not write: this conversation is %s', conversation.status),
                         'Stop answering until it is ai_active again.');
  end if;
  -- One statement, one snapshot, as above.
  if conversation.status = 'ai_active' and exists (
       select 1
         from public.handoff_settings as settings
        where settings.project_id = conversation.project_id
          and settings.trigger_mode in ('auto', 'both')
          and (settings.auto_triggers ->> 'low_confidence_enabled')::boolean
          and confidence < (settings.auto_triggers ->> 'low_confidence_threshold')::double precision
          and (handoff.availability(conversation.project_id) ->> 'available')::boolean) then
    perform handoff.enqueue(conversation.id, 'low_confidence', null, confidence);
  end if;
end
$$;
revoke all on function handoff.ai_wrote(public.conversations, public.messages) from public, anon, authenticated;

create or replace function handoff.keyword_in(project_id uuid, content text)
returns text
language sql
stable
security definer  -- called by customer_wrote only
set search_path = ''
as $$
  select keyword.word
    from public.handoff_settings as settings
   cross join lateral jsonb_array_elements_text(settings.auto_triggers -> 'keywords') with ordinality as keyword (word, place)
   where settings.project_id = keyword_in.project_id
     and settings.enabled
     and settings.trigger_mode in ('auto', 'both')
     and (settings.auto_triggers ->> 'keywords_enabled')::boolean
     and handoff.contains_word(keyword_in.content, keyword.word)
   order by keyword.place
   limit 1;
$$;
comment on function handoff.keyword_in(uuid, text) is 'The first of the project''s keywords that the text holds, if keywords trigger a handoff there.';
revoke all on function handoff.keyword_in(uuid, text) from public, anon, authenticated;

-- A customer wrote after it was resolved: back to the same agent if that agent can take it, else first in line for them.
create or replace function handoff.reopen(conversation public.conversations)
returns void
language plpgsql
volatile
security definer  -- moves a conversation on behalf of its visitor
set search_path = ''
as $$
declare
  agent public.agent_availability;
begin
  select * into agent
    from public.agent_availability as found
   where found.user_id = conversation.assigned_agent_id and found.project_id = conversation.project_id
     for no key update;
  if agent.effective_status = 'online'
     and agent.current_chat_count + agent.offered_chat_count < agent.max_concurrent_chats then
    update public.conversations as reopened
       set status = 'agent_active', assigned_agent_id = agent.user_id
     where reopened.id = conversation.id;
    perform handoff.record_decision(conversation.project_id, conversation.id, agent.user_id, 'returning', 'preferred');
  else
    update public.conversations as reopened
       set status = 'waiting', preferred_agent_id = conversation.assigned_agent_id
     where reopened.id = conversation.id;
  end if;
end
$$;
revoke all on function handoff.reopen(public.conversations) from public, anon, authenticated;
