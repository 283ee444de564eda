-- Chats from before: what `handoff import chat-sessions` needs in the database, and the way back (F001 section 10).

create table if not exists handoff.imports (
  source text primary key,
  last_id uuid,
  sessions bigint not null default 0,
  conversations bigint not null default 0,
  messages bigint not null default 0,
  started_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  finished_at timestamptz
);
comment on table handoff.imports is 'How far each import has come. Written with each batch, in its transaction: an import that is killed goes on exactly there.';
comment on column handoff.imports.source is 'The table that is imported, as schema.table.';
comment on column handoff.imports.last_id is 'The last session that is done; null before the first one, and again once the whole table was gone through.';
revoke all on handoff.imports from public, anon, authenticated;

-- Subtransactions are dear, so only what looks like a time is tried.
create or replace function handoff.moment_of(given jsonb)
returns timestamptz
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  number double precision;
begin
  if jsonb_typeof(given) = 'number' then
    number := given::text::double precision;
    -- Milliseconds, as JavaScript counts, are beyond the year 5000 as seconds.
    return case when number between 0 and 100000000000 then to_timestamp(number)
                when number between 100000000000 and 100000000000000 then to_timestamp(number / 1000) end;
  end if;
  if jsonb_typeof(given) <> 'string' or given #>> '{}' !~ '^\d{4}-\d{2}-\d{2}' then
    return null;
  end if;
  return (given #>> '{}')::timestamptz;
exception when others then
  return null;
end
$$;
comment on function handoff.moment_of(jsonb) is 'The time that a JSON value tells: ISO 8601, or seconds or milliseconds since 1970; null for anything else.';
revoke all on function handoff.moment_of(jsonb) from public, anon, authenticated;

create or replace view handoff.chat_sessions with (security_invoker = true) as
select conversation.id, conversation.project_id, conversation.visitor_id, transcript.messages, transcript.message_count,
       conversation.source, conversation.awaiting_email, conversation.pending_question, conversation.email_asked,
       conversation.is_voice, conversation.voice_duration_seconds,
       conversation.created_at, conversation.updated_at, conversation.last_message_at
  from public.conversations as conversation
 cross join lateral (
   select count(*)::integer as message_count,
          coalesce(array_agg(
            jsonb_build_object(
              'role', case message.sender_type when 'customer' then 'user' when 'system' then 'system' else 'assistant' end,
              'content', message.content, 'timestamp', message.created_at)
            || case when message.metadata ? 'sources' then jsonb_build_object('sources', message.metadata -> 'sources') else '{}' end
            order by message.seq), '{}') as messages
     from public.messages as message
    where message.conversation_id = conversation.id) as transcript;
comment on view handoff.chat_sessions is
  'Every conversation, imported or new, in the shape of the old table chat_sessions (F001 3.1), for an application that has to go back (F001 10.3).';
revoke all on handoff.chat_sessions from public, anon, authenticated;
