package supabase

// The statements of an import. They work on pg_temp.import_source, the old table in the shape of F001 3.1.
const (
	// importTables hold one batch, taken apart.
	importTables = `
		create temp table import_sessions (
		  id uuid primary key, project_id uuid, visitor_id text, source text, known_source boolean, awaiting_email boolean,
		  pending_question text, email_asked boolean, is_voice boolean, voice_duration_seconds integer, created_at timestamptz,
		  updated_at timestamptz, last_message_at timestamptz, messages jsonb,
		  is_orphan boolean, imported bigint, in_use boolean
		) on commit delete rows;
		create temp table import_entries (
		  session_id uuid, seq bigint, sender_type text, content text, metadata jsonb, created_at timestamptz,
		  is_first boolean, is_dated boolean
		) on commit delete rows;
		create index on import_entries (session_id)`

	// imported is how many messages an earlier run has brought; in_use, that something happened here since.
	importLoadSessions = `
		insert into import_sessions
		select session.id, session.project_id,
		       case when btrim(coalesce(session.visitor_id, '')) = '' then 'imported:' || session.id else left(btrim(session.visitor_id), 200) end,
		       coalesce(session.source, 'widget'), coalesce(session.source, 'widget') in ('widget', 'playground', 'mcp', 'api', 'voice'),
		       session.awaiting_email, session.pending_question, session.email_asked, session.is_voice, session.voice_duration_seconds,
		       session.created_at, coalesce(session.updated_at, session.created_at),
		       coalesce(session.last_message_at, session.updated_at, session.created_at), session.messages,
		       project.id is null, (conversation.metadata -> 'import' ->> 'messages')::bigint,
		       conversation.id is not null and (conversation.metadata -> 'import' is null
		         or conversation.event_seq <> (conversation.metadata -> 'import' ->> 'messages')::bigint)
		  from (select * from pg_temp.import_source where $1 = '' or id > nullif($1, '')::uuid order by id limit $2) as session
		  left join public.projects as project on project.id = session.project_id
		  left join public.conversations as conversation on conversation.id = session.id`

	// A message has at most 10,000 characters; what is longer becomes several, in order.
	importLoadEntries = `
		insert into import_entries
		select session.id, row_number() over (partition by session.id order by entry.place, part.number),
		       case entry.message ->> 'role' when 'user' then 'customer' when 'assistant' then 'ai' else 'system' end,
		       substr(body.content, part.number * 10000 + 1, 10000),
		       case when jsonb_typeof(entry.message) = 'object' then entry.message - array['role', 'content', 'timestamp'] else '{}' end,
		       coalesce(handoff.moment_of(entry.message -> 'timestamp'), session.created_at),
		       part.number = 0, handoff.moment_of(entry.message -> 'timestamp') is not null
		  from import_sessions as session
		 cross join lateral jsonb_array_elements(session.messages) with ordinality as entry (message, place)
		 cross join lateral (
		   select case jsonb_typeof(entry.message -> 'content')
		            when 'string' then entry.message ->> 'content' when 'null' then '' else coalesce((entry.message -> 'content')::text, '')
		          end as content) as body
		 cross join lateral generate_series(0, (char_length(body.content) - 1) / 10000) as part (number)
		 where body.content <> '' and not session.is_orphan`

	importSurvey = `
		select coalesce((select id::text from import_sessions order by id desc limit 1), ''),
		       count(*), count(*) filter (where session.is_orphan), count(*) filter (where session.in_use),
		       coalesce(sum(jsonb_array_length(session.messages)) filter (where not session.is_orphan), 0)
		         - (select count(*) from import_entries where is_first),
		       (select count(*) from import_entries where not is_first),
		       (select count(*) from import_entries where is_first and not is_dated)
		  from import_sessions as session`

	importCustomers = `
		insert into public.customers (project_id, visitor_id, first_seen_at, last_seen_at)
		select session.project_id, session.visitor_id, min(session.created_at), max(session.last_message_at)
		  from import_sessions as session
		 where not session.is_orphan and session.imported is null and not session.in_use
		   and not exists (select 1 from handoff.customer_visitors as known
		                    where known.project_id = session.project_id and known.visitor_id = session.visitor_id)
		 group by session.project_id, session.visitor_id
		 order by session.project_id, session.visitor_id
		on conflict do nothing`

	// A chat with the AI that is silent for 24 hours is closed (F001 5.2.4). One that has been is imported as that, and not
	// left for the worker to close, with an event for each.
	importConversations = `
		with entries as (
		  select session_id, count(*) as count,
		         (array_agg(left(content, 200) order by seq desc) filter (where sender_type = 'customer'))[1] as preview,
		         max(created_at) filter (where sender_type = 'customer') as customer_active_at
		    from import_entries group by session_id
		)
		insert into public.conversations (
		  id, project_id, customer_id, visitor_id, status, close_reason, closed_at, source, metadata, preview, event_seq,
		  customer_active_at, awaiting_email, pending_question, email_asked, is_voice, voice_duration_seconds,
		  created_at, updated_at, last_message_at)
		select session.id, session.project_id, known.customer_id, session.visitor_id,
		       case when old.is_over then 'closed' else 'ai_active' end,
		       case when old.is_over then 'timeout' end,
		       case when old.is_over then session.last_message_at + interval '24 hours' end,
		       case when session.known_source then session.source else 'api' end,
		       jsonb_build_object('import', jsonb_build_object('table', $1::text, 'messages', coalesce(entries.count, 0)))
		         || case when session.known_source then '{}' else jsonb_build_object('source', session.source) end,
		       entries.preview, coalesce(entries.count, 0), entries.customer_active_at, session.awaiting_email, session.pending_question,
		       session.email_asked, session.is_voice, session.voice_duration_seconds,
		       session.created_at, session.updated_at, session.last_message_at
		  from import_sessions as session
		  left join entries on entries.session_id = session.id
		  left join handoff.customer_visitors as known on known.project_id = session.project_id and known.visitor_id = session.visitor_id
		 cross join lateral (select session.last_message_at < now() - interval '24 hours' as is_over) as old
		 where not session.is_orphan and session.imported is null and not session.in_use
		 order by session.id`

	importMessages = `
		insert into public.messages (conversation_id, project_id, seq, sender_type, content, metadata, created_at)
		select session.id, session.project_id, entry.seq, entry.sender_type, entry.content, entry.metadata, entry.created_at
		  from import_sessions as session
		  join import_entries as entry on entry.session_id = session.id
		 where not session.is_orphan and not session.in_use and entry.seq > coalesce(session.imported, 0)
		 order by session.id, entry.seq`

	importTopUp = `
		update public.conversations as conversation
		   set event_seq = more.count, last_message_at = greatest(conversation.last_message_at, session.last_message_at),
		       preview = coalesce(more.preview, conversation.preview),
		       metadata = jsonb_set(conversation.metadata, '{import,messages}', to_jsonb(more.count))
		  from import_sessions as session
		 cross join lateral (
		   select count(*) as count, (array_agg(left(content, 200) order by seq desc) filter (where sender_type = 'customer'))[1] as preview
		     from import_entries where session_id = session.id) as more
		 where conversation.id = session.id and not session.in_use and more.count > session.imported`

	// Without a last session the table has been gone through: the next import begins again, and brings what came since.
	importNote = `
		insert into handoff.imports as import (source, last_id, sessions, conversations, messages, finished_at)
		values ($1, nullif($2, '')::uuid, $3, $4, $5, case when $2 = '' then now() end)
		on conflict on constraint imports_pkey do update
		   set last_id = excluded.last_id, finished_at = excluded.finished_at, updated_at = now(),
		       started_at = case when import.last_id is null then now() else import.started_at end,
		       sessions = excluded.sessions + case when import.last_id is null and excluded.last_id is not null then 0 else import.sessions end,
		       conversations = import.conversations + excluded.conversations, messages = import.messages + excluded.messages`

	importVerify = `
		with source as (
		  select session.id,
		         coalesce(sum((char_length(body.content) + 9999) / 10000), 0) as parts,
		         md5(coalesce(string_agg(body.content, '' order by entry.place), '')) as said
		    from pg_temp.import_source as session
		    join public.projects as project on project.id = session.project_id
		    left join lateral jsonb_array_elements(session.messages) with ordinality as entry (message, place) on true
		    left join lateral (
		      select case jsonb_typeof(entry.message -> 'content')
		               when 'string' then entry.message ->> 'content' when 'null' then '' else coalesce((entry.message -> 'content')::text, '')
		             end as content) as body on true
		   group by session.id
		), target as (
		  select conversation.id, (conversation.metadata -> 'import' ->> 'messages')::bigint as imported, conversation.event_seq,
		         count(message.id) as parts, md5(coalesce(string_agg(message.content, '' order by message.seq), '')) as said
		    from public.conversations as conversation
		    left join public.messages as message
		           on message.conversation_id = conversation.id
		          and message.seq <= (conversation.metadata -> 'import' ->> 'messages')::bigint
		   where conversation.metadata ? 'import'
		   group by conversation.id
		), compared as (
		  select source.id, target.id as target_id, target.parts,
		         target.id is null
		           or (target.event_seq = target.imported and (target.parts <> source.parts or target.said <> source.said)) as is_wrong
		    from source
		    left join target on target.id = source.id
		    left join public.conversations as other on target.id is null and other.id = source.id
		   where other.id is null
		)
		select count(*), count(target_id), coalesce(sum(parts), 0)::bigint, count(*) filter (where is_wrong),
		       coalesce((array_agg(id::text order by id) filter (where is_wrong))[1:5], '{}')
		  from compared`
)
