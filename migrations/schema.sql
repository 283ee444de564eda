-- What the migrations make of an empty Supabase project: made by "make schema", held against the database by the tests.
-- For reading and for diffs, not for running: objects stand by name. The tables first, then the functions.

create schema handoff;
comment on schema handoff is 'SupportBase Handoff: private tables and function bodies. Never expose it through the API.';
grant usage on schema handoff to anon;
grant usage on schema handoff to authenticated;
grant usage on schema handoff to service_role;

create table handoff.agent_absences (
  conversation_id uuid not null,
  told_at timestamp with time zone not null,
  offered_at timestamp with time zone,
  constraint agent_absences_conversation_id_fkey FOREIGN KEY (conversation_id) REFERENCES public.conversations(id) ON DELETE CASCADE,
  constraint agent_absences_pkey PRIMARY KEY (conversation_id)
);
comment on table handoff.agent_absences is 'Chats whose agent is gone. The row goes when the agent is back or the chat leaves the agent.';
comment on column handoff.agent_absences.told_at is 'When the customer was told.';
comment on column handoff.agent_absences.offered_at is 'When the customer was offered to return to the queue.';

create table handoff.assignment_decisions (
  id bigint generated always as identity not null,
  conversation_id uuid not null,
  project_id uuid not null,
  agent_id uuid not null,
  decided_by uuid,
  strategy text not null,
  decided_at timestamp with time zone default now() not null,
  queue_position integer,
  waited_seconds integer default 0 not null,
  reason text not null,
  candidates jsonb default '[]'::jsonb not null,
  constraint assignment_decisions_candidates_is_array CHECK ((jsonb_typeof(candidates) = 'array'::text)),
  constraint assignment_decisions_pkey PRIMARY KEY (id),
  constraint assignment_decisions_strategy CHECK ((strategy = ANY (ARRAY['balanced'::text, 'round_robin'::text, 'longest_idle'::text, 'claim'::text, 'take_over'::text, 'transfer'::text, 'returning'::text, 'offer'::text])))
);
comment on table handoff.assignment_decisions is 'One row for each time a conversation was given to an agent. Read through explain_assignment.';
comment on column handoff.assignment_decisions.decided_by is 'Who took it or gave it away; null when the worker or a rule did.';
comment on column handoff.assignment_decisions.strategy is 'The project''s strategy when the worker decided; else who decided and how.';
comment on column handoff.assignment_decisions.decided_at is 'Equal to claimed_at: decisions of one batch are microseconds apart.';
comment on column handoff.assignment_decisions.queue_position is 'Its place among the conversations of the batch, that is among those that somebody free could take. Null outside the worker.';
comment on column handoff.assignment_decisions.waited_seconds is 'How long it waited this time; 0 when it did not come from the queue.';
comment on column handoff.assignment_decisions.candidates is 'Agents with free slots in the order of the strategy: id, free_slots, last_assigned_at, turn, verdict. At most 20, in a large batch 3.';
CREATE INDEX assignment_decisions_conversation_idx ON handoff.assignment_decisions USING btree (conversation_id, id);
CREATE INDEX assignment_decisions_decided_at_idx ON handoff.assignment_decisions USING brin (decided_at);

create table handoff.broadcast_dead_letters (
  id bigint generated always as identity not null,
  event_id bigint not null,
  project_id uuid not null,
  conversation_id uuid,
  topic text not null,
  event text not null,
  payload jsonb not null,
  reason text not null,
  created_at timestamp with time zone default now() not null,
  constraint broadcast_dead_letters_once UNIQUE (event_id, topic, event),
  constraint broadcast_dead_letters_pkey PRIMARY KEY (id)
);
comment on table handoff.broadcast_dead_letters is 'Broadcasts that could not be delivered and why. Nothing is dropped without a row here.';

create view handoff.chat_sessions as
 SELECT conversation.id,
    conversation.project_id,
    conversation.visitor_id,
    transcript.messages,
    transcript.message_count,
    conversation.source,
    conversation.awaiting_email,
    conversation.pending_question,
    conversation.email_asked,
    conversation.is_voice,
    conversation.voice_duration_seconds,
    conversation.created_at,
    conversation.updated_at,
    conversation.last_message_at
   FROM (public.conversations conversation
     CROSS JOIN LATERAL ( SELECT (count(*))::integer AS message_count,
            COALESCE(array_agg((jsonb_build_object('role',
                CASE message.sender_type
                    WHEN 'customer'::text THEN 'user'::text
                    WHEN 'system'::text THEN 'system'::text
                    ELSE 'assistant'::text
                END, 'content', message.content, 'timestamp', message.created_at) ||
                CASE
                    WHEN ((message.metadata)::jsonb ? 'sources'::text) THEN jsonb_build_object('sources', ((message.metadata)::jsonb -> 'sources'::text))
                    ELSE '{}'::jsonb
                END) ORDER BY message.seq), '{}'::jsonb[]) AS messages
           FROM public.messages message
          WHERE (message.conversation_id = conversation.id)) transcript) with (security_invoker=true);
comment on table handoff.chat_sessions is 'Every conversation, imported or new, in the shape of the old table chat_sessions (F001 3.1), for an application that has to go back (F001 10.3).';

create table handoff.closing_notices (
  conversation_id uuid not null,
  told_at timestamp with time zone not null,
  constraint closing_notices_conversation_id_fkey FOREIGN KEY (conversation_id) REFERENCES public.conversations(id) ON DELETE CASCADE,
  constraint closing_notices_pkey PRIMARY KEY (conversation_id)
);
comment on table handoff.closing_notices is 'When a waiting customer was last told that the team has closed.';

create unlogged table handoff.conversation_watchers (
  conversation_id uuid not null,
  watcher uuid not null,
  user_id uuid not null,
  until timestamp with time zone not null,
  constraint conversation_watchers_pkey PRIMARY KEY (conversation_id, watcher)
);
comment on table handoff.conversation_watchers is 'Who has a conversation open in front of them; watcher is the connection, or the user. Unlogged: watchers say so again each minute.';

create table handoff.customer_visitors (
  project_id uuid not null,
  visitor_id text not null,
  customer_id uuid not null,
  constraint customer_visitors_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES public.customers(id) ON DELETE CASCADE,
  constraint customer_visitors_one_customer PRIMARY KEY (project_id, visitor_id),
  constraint customer_visitors_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id) ON DELETE CASCADE
);
comment on table handoff.customer_visitors is 'The customer of each visitor id, merged ones included; kept by a trigger on customers.';
CREATE INDEX customer_visitors_customer_idx ON handoff.customer_visitors USING btree (customer_id);
alter table handoff.customer_visitors enable row level security;

create table handoff.imports (
  source text not null,
  last_id uuid,
  sessions bigint default 0 not null,
  conversations bigint default 0 not null,
  messages bigint default 0 not null,
  started_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null,
  finished_at timestamp with time zone,
  constraint imports_pkey PRIMARY KEY (source)
);
comment on table handoff.imports is 'How far each import has come. Written with each batch, in its transaction: an import that is killed goes on exactly there.';
comment on column handoff.imports.source is 'The table that is imported, as schema.table.';
comment on column handoff.imports.last_id is 'The last session that is done; null before the first one, and again once the whole table was gone through.';

create table handoff.invitation_tokens (
  member_id uuid not null,
  token_hash bytea not null,
  constraint invitation_tokens_member_id_fkey FOREIGN KEY (member_id) REFERENCES public.project_members(id) ON DELETE CASCADE,
  constraint invitation_tokens_one_per_hash UNIQUE (token_hash),
  constraint invitation_tokens_pkey PRIMARY KEY (member_id)
);
comment on table handoff.invitation_tokens is 'SHA-256 of the token of each pending invitation. The token itself is in its mail only.';
alter table handoff.invitation_tokens enable row level security;

create table handoff.mail_outbox (
  id bigint generated always as identity not null,
  project_id uuid not null,
  kind text not null,
  recipient text not null,
  data jsonb default '{}'::jsonb not null,
  created_at timestamp with time zone default now() not null,
  sent_at timestamp with time zone,
  attempts integer default 0 not null,
  last_error text,
  first_tried_at timestamp with time zone,
  next_attempt_at timestamp with time zone default now() not null,
  given_up_at timestamp with time zone,
  constraint mail_outbox_attempts CHECK ((attempts >= 0)),
  constraint mail_outbox_data_is_object CHECK ((jsonb_typeof(data) = 'object'::text)),
  constraint mail_outbox_ended_once CHECK (((sent_at IS NULL) OR (given_up_at IS NULL))),
  constraint mail_outbox_pkey PRIMARY KEY (id),
  constraint mail_outbox_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id) ON DELETE CASCADE
);
comment on table handoff.mail_outbox is 'Mail to send, oldest first. Rolled back with the change that it tells of.';
comment on column handoff.mail_outbox.kind is 'Which text: "invitation" to a team, for example.';
comment on column handoff.mail_outbox.data is 'What the text is filled with. An invitation''s token is in here and nowhere else; it goes when the mail is sent.';
comment on column handoff.mail_outbox.next_attempt_at is 'When a worker may take it. While one has it in hand: when its claim ends and another may.';
comment on column handoff.mail_outbox.given_up_at is 'When it was given up; last_error says why.';
CREATE INDEX mail_outbox_due_idx ON handoff.mail_outbox USING btree (next_attempt_at, id) WHERE ((sent_at IS NULL) AND (given_up_at IS NULL));
CREATE INDEX mail_outbox_project_created_idx ON handoff.mail_outbox USING btree (project_id, created_at);
CREATE TRIGGER mail_outbox_forget_token BEFORE UPDATE OF sent_at, given_up_at ON handoff.mail_outbox FOR EACH ROW WHEN (((new.sent_at IS NOT NULL) OR (new.given_up_at IS NOT NULL))) EXECUTE FUNCTION handoff.mail_outbox_forget_token();
alter table handoff.mail_outbox enable row level security;

create table handoff.offers (
  id bigint generated always as identity not null,
  conversation_id uuid not null,
  project_id uuid not null,
  agent_id uuid not null,
  waiting_since timestamp with time zone not null,
  round integer default 1 not null,
  offered_at timestamp with time zone default now() not null,
  expires_at timestamp with time zone not null,
  state text default 'open'::text not null,
  ended_at timestamp with time zone,
  end_reason text,
  strategy text not null,
  queue_position integer,
  reason text not null,
  candidates jsonb default '[]'::jsonb not null,
  constraint offers_candidates_is_array CHECK ((jsonb_typeof(candidates) = 'array'::text)),
  constraint offers_conversation_id_fkey FOREIGN KEY (conversation_id) REFERENCES public.conversations(id) ON DELETE CASCADE,
  constraint offers_end_reason_length CHECK (((char_length(end_reason) >= 1) AND (char_length(end_reason) <= 500))),
  constraint offers_ended_at_matches_state CHECK (((state = 'open'::text) = (ended_at IS NULL))),
  constraint offers_pkey PRIMARY KEY (id),
  constraint offers_round CHECK ((round > 0)),
  constraint offers_state CHECK ((state = ANY (ARRAY['open'::text, 'accepted'::text, 'declined'::text, 'missed'::text, 'withdrawn'::text])))
);
comment on table handoff.offers is 'Who was asked to take a waiting conversation, and what came of it. Kept for 30 days; read through my_offers and explain_assignment.';
comment on column handoff.offers.waiting_since is 'Which wait of the conversation it belongs to: another wait knows nothing of it.';
comment on column handoff.offers.round is 'In one round nobody is asked twice. The next one begins a minute after everybody who could take it has missed or declined it.';
comment on column handoff.offers.state is 'missed: not answered in time; withdrawn: it was taken by another, closed, or the agent could no longer take it.';
comment on column handoff.offers.end_reason is 'What the agent said when declining; or claimed, closed, agent_unavailable, limit_lowered, agent_removed, mode_changed.';
comment on column handoff.offers.candidates is 'As in handoff.assignment_decisions.';
CREATE INDEX offers_agent_idx ON handoff.offers USING btree (project_id, agent_id, offered_at);
CREATE INDEX offers_conversation_idx ON handoff.offers USING btree (conversation_id, waiting_since);
CREATE INDEX offers_offered_at_idx ON handoff.offers USING brin (offered_at);
CREATE UNIQUE INDEX offers_one_open_per_conversation_idx ON handoff.offers USING btree (conversation_id) WHERE (state = 'open'::text);
CREATE INDEX offers_open_agent_idx ON handoff.offers USING btree (project_id, agent_id) WHERE (state = 'open'::text);
CREATE INDEX offers_open_expiry_idx ON handoff.offers USING btree (expires_at) WHERE (state = 'open'::text);
CREATE INDEX offers_refused_idx ON handoff.offers USING btree (project_id, ended_at) WHERE (state = ANY (ARRAY['declined'::text, 'missed'::text]));
CREATE TRIGGER offers_deleted AFTER DELETE ON handoff.offers REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION handoff.offers_deleted();
CREATE TRIGGER offers_ended AFTER UPDATE ON handoff.offers REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION handoff.offers_ended();
CREATE TRIGGER offers_made AFTER INSERT ON handoff.offers REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION handoff.offers_made();
alter table handoff.offers enable row level security;

create table handoff.outbox (
  id bigint generated always as identity not null,
  bucket smallint default (((EXTRACT(epoch FROM now()))::bigint / 86400) % (7)::bigint) not null,
  xid xid8 default pg_current_xact_id() not null,
  project_id uuid not null,
  conversation_id uuid,
  kind text not null,
  seq bigint default 0 not null,
  payload handoff.event_payload not null,
  created_at timestamp with time zone default now() not null,
  constraint outbox_pkey PRIMARY KEY (xid, id, bucket)
) partition by LIST (bucket);
comment on table handoff.outbox is 'Events in the order they were written; published to the worker by publication handoff_outbox.';
comment on column handoff.outbox.seq is 'Number of the event on its conversation''s topic: 1, 2, 3, ...; 0 for events of no conversation topic.';
CREATE INDEX outbox_conversation_seq_idx ON ONLY handoff.outbox USING btree (conversation_id, seq) WHERE (seq > 0);
CREATE TRIGGER outbox_notify AFTER INSERT ON handoff.outbox FOR EACH STATEMENT EXECUTE FUNCTION handoff.outbox_notify() -- tgenabled D;

create table handoff.outbox_0 partition of handoff.outbox FOR VALUES IN ('0');

create table handoff.outbox_1 partition of handoff.outbox FOR VALUES IN ('1');

create table handoff.outbox_2 partition of handoff.outbox FOR VALUES IN ('2');

create table handoff.outbox_3 partition of handoff.outbox FOR VALUES IN ('3');

create table handoff.outbox_4 partition of handoff.outbox FOR VALUES IN ('4');

create table handoff.outbox_5 partition of handoff.outbox FOR VALUES IN ('5');

create table handoff.outbox_6 partition of handoff.outbox FOR VALUES IN ('6');

create unlogged table handoff.presence_leases (
  connection_id uuid not null,
  project_id uuid not null,
  user_id uuid,
  client_id text not null,
  role text not null,
  bucket bigint not null,
  beat_at timestamp with time zone not null,
  previous_beat_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  active_at timestamp with time zone not null,
  minute_at timestamp with time zone not null,
  next_beat smallint not null,
  floor_seconds smallint not null,
  remain_seconds smallint not null,
  lease_seconds smallint not null,
  plain_beats smallint default 0 not null,
  change_beats smallint default 0 not null,
  suspect boolean default false not null,
  traced boolean default false not null,
  state text not null,
  previous_state text not null,
  leaving text,
  beats integer default 1 not null,
  missed integer default 0 not null,
  late integer default 0 not null,
  lost integer default 0 not null,
  client_beat integer,
  longest_gap integer default 0 not null,
  intervals smallint[] default '{0,0,0,0,0,0,0,0,0,0}'::smallint[] not null,
  delays smallint[] default '{0,0,0,0,0,0,0,0}'::smallint[] not null,
  constraint presence_leases_pkey PRIMARY KEY (connection_id)
) with (fillfactor=70);
comment on table handoff.presence_leases is 'The connections that are there. Unlogged: after a crash it is empty, which means unknown, not offline.';
comment on column handoff.presence_leases.bucket is 'The millisecond (of the epoch) at which the sweep looks again; only ever moved closer by a beat.';
comment on column handoff.presence_leases.previous_beat_at is 'The beat before beat_at: a trace tells the gap.';
comment on column handoff.presence_leases.active_at is 'The last activity of the person on this connection: the beat''s time less the idle seconds it told.';
comment on column handoff.presence_leases.leaving is 'The page went away (pagehide); unless it is back by expires_at, the person left for this reason.';
comment on column handoff.presence_leases.client_beat is 'The client''s own count of the beats that it has sent.';
CREATE INDEX presence_leases_bucket_idx ON handoff.presence_leases USING btree (bucket);
CREATE INDEX presence_leases_person_idx ON handoff.presence_leases USING btree (project_id, client_id);

create unlogged table handoff.presence_marker (
  only_row boolean default true not null,
  postmaster_started timestamp with time zone not null,
  serving_since timestamp with time zone not null,
  constraint presence_marker_only_row CHECK (only_row),
  constraint presence_marker_pkey PRIMARY KEY (only_row)
);
comment on table handoff.presence_marker is 'Since when beats can have arrived. Gone when the leases are: after a crash. While the database was down nobody could beat.';

create unlogged table handoff.presence_traces (
  id bigint generated always as identity not null,
  connection_id uuid not null,
  at timestamp with time zone not null,
  step text not null,
  detail jsonb not null,
  constraint presence_traces_pkey PRIMARY KEY (id)
);
comment on table handoff.presence_traces is 'What happened to the connections that somebody traces (handoff trace-presence), step by step; bounded.';
CREATE INDEX presence_traces_connection_idx ON handoff.presence_traces USING btree (connection_id, id);

create unlogged table handoff.presence_tracing (
  connection_id uuid not null,
  until timestamp with time zone not null,
  constraint presence_tracing_pkey PRIMARY KEY (connection_id)
);
comment on table handoff.presence_tracing is 'The connections to trace, also those that are not there now.';

create table handoff.project_state (
  project_id uuid not null,
  waiting_count integer not null,
  availability jsonb not null,
  updated_at timestamp with time zone default now() not null,
  constraint project_state_pkey PRIMARY KEY (project_id),
  constraint project_state_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id) ON DELETE CASCADE
);
comment on table handoff.project_state is 'The queue length and availability last put into the outbox.';

create table handoff.queue_positions (
  conversation_id uuid not null,
  project_id uuid not null,
  "position" integer not null,
  estimated_wait_minutes integer not null,
  wait_p50_seconds integer,
  wait_p90_seconds integer,
  updated_at timestamp with time zone default now() not null,
  constraint queue_positions_conversation_id_fkey FOREIGN KEY (conversation_id) REFERENCES public.conversations(id) ON DELETE CASCADE,
  constraint queue_positions_pkey PRIMARY KEY (conversation_id),
  constraint queue_positions_position CHECK (("position" > 0)),
  constraint queue_positions_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id) ON DELETE CASCADE,
  constraint queue_positions_range CHECK ((((wait_p50_seconds IS NULL) = (wait_p90_seconds IS NULL)) AND ((wait_p50_seconds IS NULL) OR ((wait_p50_seconds >= 0) AND (wait_p50_seconds <= wait_p90_seconds)))))
);
comment on table handoff.queue_positions is 'The position, estimate and range last put into the outbox for each waiting conversation.';
comment on column handoff.queue_positions.estimated_wait_minutes is '-1 while nobody is online.';
comment on column handoff.queue_positions.wait_p50_seconds is 'From updated_at: with even odds it is over by then, nine times in ten within wait_p90_seconds. Null when not known.';
CREATE INDEX queue_positions_project_idx ON handoff.queue_positions USING btree (project_id);
alter table handoff.queue_positions enable row level security;

create unlogged table handoff.rate_limits (
  scope text not null,
  user_id uuid not null,
  hits timestamp with time zone[] not null,
  constraint rate_limits_pkey PRIMARY KEY (scope, user_id)
) with (fillfactor=70);
comment on table handoff.rate_limits is 'When each user last made calls of a kind. Unlogged: after a crash everybody starts afresh.';

create table handoff.schedule_edges (
  project_id uuid not null,
  open boolean,
  changed_at timestamp with time zone default '-infinity'::timestamp with time zone not null,
  next_edge timestamp with time zone default '-infinity'::timestamp with time zone not null,
  constraint schedule_edges_pkey PRIMARY KEY (project_id),
  constraint schedule_edges_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id) ON DELETE CASCADE
);
comment on table handoff.schedule_edges is 'Where each project with business hours stands in them.';
comment on column handoff.schedule_edges.open is 'Null: not looked at yet.';
comment on column handoff.schedule_edges.changed_at is 'When it last opened or closed, as far as known.';
comment on column handoff.schedule_edges.next_edge is 'When to look again: the next opening or closing; -infinity after the hours were changed.';
CREATE INDEX schedule_edges_next_edge_idx ON handoff.schedule_edges USING btree (next_edge);

create table handoff.schema_migrations (
  name text not null,
  checksum text not null,
  applied_at timestamp with time zone default now() not null,
  constraint schema_migrations_pkey PRIMARY KEY (name)
);
comment on table handoff.schema_migrations is 'Which file of migrations/sql stands in this database, by the SHA-256 of its text.';

create table handoff.wait_promises (
  conversation_id uuid not null,
  waiting_since timestamp with time zone not null,
  project_id uuid not null,
  promised_at timestamp with time zone not null,
  "position" integer not null,
  wait_p50_seconds integer not null,
  wait_p90_seconds integer not null,
  estimated_wait_minutes integer not null,
  outcome text,
  ended_at timestamp with time zone,
  waited_seconds double precision generated always as (GREATEST(EXTRACT(epoch FROM (ended_at - promised_at)), (0)::numeric)) stored,
  constraint wait_promises_conversation_id_fkey FOREIGN KEY (conversation_id) REFERENCES public.conversations(id) ON DELETE CASCADE,
  constraint wait_promises_ended CHECK (((outcome IS NULL) = (ended_at IS NULL))),
  constraint wait_promises_outcome CHECK ((outcome = ANY (ARRAY['assigned'::text, 'left'::text, 'closed'::text]))),
  constraint wait_promises_p50 CHECK ((wait_p50_seconds >= 0)),
  constraint wait_promises_p90 CHECK ((wait_p90_seconds >= wait_p50_seconds)),
  constraint wait_promises_pkey PRIMARY KEY (conversation_id, waiting_since),
  constraint wait_promises_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id) ON DELETE CASCADE
);
comment on table handoff.wait_promises is 'The first range that each wait in a queue was given, and what happened. Kept for 30 days; read through wait_calibration.';
comment on column handoff.wait_promises.outcome is 'assigned: an agent got it; left: the customer went first; closed: it ended otherwise. Null while it waits.';
comment on column handoff.wait_promises.waited_seconds is 'From the promise to its end; 0 when an agent was being assigned in the same moment.';
CREATE INDEX wait_promises_open_idx ON handoff.wait_promises USING btree (conversation_id) WHERE (outcome IS NULL);
CREATE INDEX wait_promises_project_idx ON handoff.wait_promises USING btree (project_id, promised_at);
CREATE INDEX wait_promises_promised_at_idx ON handoff.wait_promises USING brin (promised_at);
alter table handoff.wait_promises enable row level security;

create table handoff.worker_checkpoint (
  slot text not null,
  horizon pg_snapshot not null,
  horizon_xid xid8 generated always as (pg_snapshot_xmin(horizon)) stored not null,
  confirmed pg_lsn,
  slot_seen boolean default false not null,
  resend_from pg_snapshot,
  losses bigint default 0 not null,
  updated_at timestamp with time zone default now() not null,
  constraint worker_checkpoint_pkey PRIMARY KEY (slot)
);
comment on table handoff.worker_checkpoint is 'One row for each replication slot name: what of the outbox is certainly delivered. Only the worker writes it.';
comment on column handoff.worker_checkpoint.horizon is 'Everything that is visible in this snapshot has been delivered and acknowledged.';
comment on column handoff.worker_checkpoint.horizon_xid is 'Everything with a lower xid has been delivered; later ones may have been, too.';
comment on column handoff.worker_checkpoint.confirmed is 'The position of the log that was confirmed when the horizon was written; null without a stream.';
comment on column handoff.worker_checkpoint.slot_seen is 'The slot has existed, so its absence is a loss and not a first start.';
comment on column handoff.worker_checkpoint.resend_from is 'Not null: what is not visible in this snapshot must be sent again from the table.';
comment on column handoff.worker_checkpoint.losses is 'How often a resend was noted. It tells a resend that has been done from one that was noted meanwhile.';

create table public.agent_availability (
  id uuid default gen_random_uuid() not null,
  user_id uuid not null,
  project_id uuid not null,
  status text default 'offline'::text not null,
  effective_status text default 'offline'::text not null,
  max_concurrent_chats integer default 5 not null,
  current_chat_count integer default 0 not null,
  offered_chat_count integer default 0 not null,
  last_seen_at timestamp with time zone default now() not null,
  last_assigned_at timestamp with time zone,
  idle_since timestamp with time zone default now() not null,
  status_changed_at timestamp with time zone default now() not null,
  status_set_by uuid,
  skills text[] default '{}'::text[] not null,
  auto_offline_enabled boolean default true not null,
  auto_offline_minutes integer default 30 not null,
  created_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null,
  connection text default 'unknown'::text not null,
  inactive boolean default false not null,
  last_active_at timestamp with time zone,
  effective_reason text default 'wanted'::text not null,
  effective_changed_at timestamp with time zone default now() not null,
  constraint agent_availability_auto_offline CHECK (((auto_offline_minutes >= 1) AND (auto_offline_minutes <= 1440))),
  constraint agent_availability_chat_count CHECK ((current_chat_count >= 0)),
  constraint agent_availability_connection CHECK ((connection = ANY (ARRAY['unknown'::text, 'live'::text, 'suspect'::text, 'gone'::text]))),
  constraint agent_availability_effective_reason CHECK ((effective_reason = ANY (ARRAY['wanted'::text, 'connection_suspect'::text, 'connection_gone'::text, 'inactive'::text]))),
  constraint agent_availability_effective_status CHECK ((effective_status = ANY (ARRAY['online'::text, 'busy'::text, 'away'::text, 'offline'::text]))),
  constraint agent_availability_max_chats CHECK (((max_concurrent_chats >= 1) AND (max_concurrent_chats <= 50))),
  constraint agent_availability_offered_count CHECK ((offered_chat_count >= 0)),
  constraint agent_availability_one_per_project UNIQUE (user_id, project_id),
  constraint agent_availability_pkey PRIMARY KEY (id),
  constraint agent_availability_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id) ON DELETE CASCADE,
  constraint agent_availability_status CHECK ((status = ANY (ARRAY['online'::text, 'busy'::text, 'away'::text, 'offline'::text]))),
  constraint agent_availability_status_set_by_fkey FOREIGN KEY (status_set_by) REFERENCES auth.users(id) ON DELETE SET NULL,
  constraint agent_availability_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE
) with (fillfactor=80);
comment on table public.agent_availability is 'One row an agent and project.';
comment on column public.agent_availability.status is 'What the agent wants.';
comment on column public.agent_availability.effective_status is 'What the agent can be given chats by; derived, never set by anyone.';
comment on column public.agent_availability.max_concurrent_chats is 'May be lowered below current_chat_count: it limits what is given, it takes nothing away.';
comment on column public.agent_availability.current_chat_count is 'The agent''s agent_active conversations. Counted for a new row, then written by one function (handoff.count_moves).';
comment on column public.agent_availability.offered_chat_count is 'The agent''s open offers: each keeps a slot until it is answered. Written by the triggers of handoff.offers only.';
comment on column public.agent_availability.idle_since is 'Since when the agent is there without a chat; says nothing about an agent who has one.';
comment on column public.agent_availability.status_set_by is 'Who set the status last: the agent, or an admin; null when the system did.';
comment on column public.agent_availability.skills is 'What the agent can be given besides ordinary chats: lower case, trimmed, each once. Admins set it.';
comment on column public.agent_availability.connection is 'What presence observed last. unknown: it does not watch this agent (docs/presence.md), so only the wish counts.';
comment on column public.agent_availability.inactive is 'Nobody has touched any of the agent''s pages for auto_offline_minutes.';
comment on column public.agent_availability.last_active_at is 'When the agent last did something, as known when connection or inactive last changed.';
comment on column public.agent_availability.effective_reason is 'Why: what the agent wants, or what presence observed. Derived with effective_status, by one rule.';
comment on column public.agent_availability.effective_changed_at is 'When effective_status last changed.';
CREATE INDEX agent_availability_assignable_idx ON public.agent_availability USING btree (project_id) WHERE (effective_status = 'online'::text);
CREATE INDEX agent_availability_project_id_idx ON public.agent_availability USING btree (project_id);
CREATE INDEX agent_availability_status_set_by_idx ON public.agent_availability USING btree (status_set_by) WHERE (status_set_by IS NOT NULL);
CREATE TRIGGER agent_availability_announce AFTER UPDATE ON public.agent_availability FOR EACH ROW WHEN (((old.effective_status IS DISTINCT FROM new.effective_status) OR (old.status IS DISTINCT FROM new.status) OR (old.effective_reason IS DISTINCT FROM new.effective_reason) OR (old.connection IS DISTINCT FROM new.connection) OR (old.max_concurrent_chats IS DISTINCT FROM new.max_concurrent_chats) OR (old.skills IS DISTINCT FROM new.skills))) EXECUTE FUNCTION handoff.agent_availability_announce();
CREATE TRIGGER agent_availability_announce_gone AFTER DELETE ON public.agent_availability FOR EACH ROW EXECUTE FUNCTION handoff.agent_availability_announce();
CREATE TRIGGER agent_availability_announce_new AFTER INSERT ON public.agent_availability FOR EACH ROW EXECUTE FUNCTION handoff.agent_availability_announce();
CREATE TRIGGER agent_availability_derive BEFORE INSERT OR UPDATE ON public.agent_availability FOR EACH ROW EXECUTE FUNCTION handoff.agent_availability_derive();
CREATE TRIGGER agent_availability_end_offers AFTER UPDATE ON public.agent_availability FOR EACH ROW WHEN (((old.offered_chat_count > 0) AND (((old.effective_status = 'online'::text) AND (new.effective_status <> 'online'::text)) OR (new.max_concurrent_chats < old.max_concurrent_chats)))) EXECUTE FUNCTION handoff.agent_availability_end_offers();
CREATE TRIGGER agent_availability_end_offers_gone AFTER DELETE ON public.agent_availability FOR EACH ROW WHEN ((old.offered_chat_count > 0)) EXECUTE FUNCTION handoff.agent_availability_end_offers();
CREATE TRIGGER agent_availability_returned AFTER UPDATE ON public.agent_availability FOR EACH ROW WHEN (((old.effective_status = 'offline'::text) AND (new.effective_status <> 'offline'::text))) EXECUTE FUNCTION handoff.agent_availability_returned();
alter table public.agent_availability enable row level security;
create policy "Agents can change their own availability" on public.agent_availability as permissive
  for update to authenticated
  using (((user_id = ( SELECT auth.uid() AS uid)) AND (project_id IN ( SELECT handoff.member_projects() AS member_projects))))
  with check (((user_id = ( SELECT auth.uid() AS uid)) AND (project_id IN ( SELECT handoff.member_projects() AS member_projects))));
create policy "Members can see who is available" on public.agent_availability as permissive
  for select to authenticated
  using ((project_id IN ( SELECT handoff.member_projects() AS member_projects)));
grant select, update (auto_offline_enabled, auto_offline_minutes, status) on table public.agent_availability to authenticated;
grant delete, insert (auto_offline_enabled, auto_offline_minutes, max_concurrent_chats, project_id, skills, status, user_id), select, update (auto_offline_enabled, auto_offline_minutes, max_concurrent_chats, skills, status) on table public.agent_availability to service_role;

create table public.business_hours_exceptions (
  id uuid default gen_random_uuid() not null,
  project_id uuid not null,
  date date not null,
  closed boolean not null,
  ranges jsonb,
  label text,
  created_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null,
  constraint business_hours_exceptions_closed_or_ranges CHECK ((closed = (ranges IS NULL))),
  constraint business_hours_exceptions_label_length CHECK (((char_length(label) >= 1) AND (char_length(label) <= 200))),
  constraint business_hours_exceptions_one_per_date UNIQUE (project_id, date),
  constraint business_hours_exceptions_pkey PRIMARY KEY (id),
  constraint business_hours_exceptions_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id) ON DELETE CASCADE
);
comment on table public.business_hours_exceptions is 'Dates on which a project is closed or has other hours than its weekday says. They replace the hours that begin on that date.';
comment on column public.business_hours_exceptions.closed is 'Follows from ranges when it is left out.';
comment on column public.business_hours_exceptions.ranges is 'Null: closed all day. Else [{"start": "09:00", "end": "12:00"}], as in handoff_settings.business_hours.';
CREATE TRIGGER business_hours_exceptions_announce AFTER INSERT OR DELETE OR UPDATE ON public.business_hours_exceptions FOR EACH ROW EXECUTE FUNCTION handoff.settings_announce();
CREATE TRIGGER business_hours_exceptions_hours_changed AFTER INSERT OR DELETE OR UPDATE ON public.business_hours_exceptions FOR EACH ROW EXECUTE FUNCTION handoff.hours_changed();
CREATE TRIGGER business_hours_exceptions_validate BEFORE INSERT OR UPDATE ON public.business_hours_exceptions FOR EACH ROW EXECUTE FUNCTION handoff.business_hours_exceptions_validate();
alter table public.business_hours_exceptions enable row level security;
create policy "Admins can add exceptions" on public.business_hours_exceptions as permissive
  for insert to authenticated
  with check (handoff.is_admin(project_id));
create policy "Admins can change exceptions" on public.business_hours_exceptions as permissive
  for update to authenticated
  using (handoff.is_admin(project_id))
  with check (handoff.is_admin(project_id));
create policy "Admins can remove exceptions" on public.business_hours_exceptions as permissive
  for delete to authenticated
  using (handoff.is_admin(project_id));
create policy "Members can see the exceptions" on public.business_hours_exceptions as permissive
  for select to authenticated
  using ((project_id IN ( SELECT handoff.member_projects() AS member_projects)));
grant delete, insert (closed, date, label, project_id, ranges), select, update (closed, date, label, project_id, ranges) on table public.business_hours_exceptions to authenticated;
grant all on table public.business_hours_exceptions to service_role;

create table public.canned_responses (
  id uuid default gen_random_uuid() not null,
  project_id uuid not null,
  shortcut text not null,
  content text not null,
  created_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null,
  constraint canned_responses_content_length CHECK (((char_length(content) >= 1) AND (char_length(content) <= 10000))),
  constraint canned_responses_one_per_shortcut UNIQUE (project_id, shortcut),
  constraint canned_responses_pkey PRIMARY KEY (id),
  constraint canned_responses_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id) ON DELETE CASCADE
);
comment on table public.canned_responses is 'What a team says often; agents insert it by its shortcut.';
comment on column public.canned_responses.shortcut is 'One word in lower case, without the slash.';
comment on column public.canned_responses.content is 'Dashboards put the customer''s name, the customer''s email and the agent''s name in the place of {name}, {email} and {agent}.';
CREATE TRIGGER canned_responses_announce AFTER INSERT OR DELETE OR UPDATE ON public.canned_responses FOR EACH ROW EXECUTE FUNCTION handoff.settings_announce();
CREATE TRIGGER canned_responses_validate BEFORE INSERT OR UPDATE ON public.canned_responses FOR EACH ROW EXECUTE FUNCTION handoff.canned_responses_validate();
alter table public.canned_responses enable row level security;
create policy "Admins can add canned responses" on public.canned_responses as permissive
  for insert to authenticated
  with check (handoff.is_admin(project_id));
create policy "Admins can change canned responses" on public.canned_responses as permissive
  for update to authenticated
  using (handoff.is_admin(project_id))
  with check (handoff.is_admin(project_id));
create policy "Admins can remove canned responses" on public.canned_responses as permissive
  for delete to authenticated
  using (handoff.is_admin(project_id));
create policy "Members can read canned responses" on public.canned_responses as permissive
  for select to authenticated
  using ((project_id IN ( SELECT handoff.member_projects() AS member_projects)));
grant delete, insert (content, project_id, shortcut), select, update (content, shortcut) on table public.canned_responses to authenticated;
grant all on table public.canned_responses to service_role;

create table public.conversation_notes (
  id uuid default gen_random_uuid() not null,
  conversation_id uuid not null,
  project_id uuid not null,
  author_id uuid,
  content text not null,
  created_at timestamp with time zone default now() not null,
  constraint conversation_notes_author_id_fkey FOREIGN KEY (author_id) REFERENCES auth.users(id) ON DELETE SET NULL,
  constraint conversation_notes_content_length CHECK (((char_length(content) >= 1) AND (char_length(content) <= 10000))),
  constraint conversation_notes_conversation_id_fkey FOREIGN KEY (conversation_id) REFERENCES public.conversations(id) ON DELETE CASCADE,
  constraint conversation_notes_pkey PRIMARY KEY (id),
  constraint conversation_notes_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id) ON DELETE CASCADE
);
comment on table public.conversation_notes is 'Notes of the team on a conversation, hidden from its visitor.';
CREATE INDEX conversation_notes_author_idx ON public.conversation_notes USING btree (author_id) WHERE (author_id IS NOT NULL);
CREATE INDEX conversation_notes_conversation_idx ON public.conversation_notes USING btree (conversation_id, created_at);
CREATE INDEX conversation_notes_project_idx ON public.conversation_notes USING btree (project_id);
CREATE TRIGGER conversation_notes_announce AFTER INSERT ON public.conversation_notes FOR EACH ROW EXECUTE FUNCTION handoff.conversation_notes_announce();
CREATE TRIGGER conversation_notes_place BEFORE INSERT ON public.conversation_notes FOR EACH ROW EXECUTE FUNCTION handoff.conversation_notes_place();
alter table public.conversation_notes enable row level security;
create policy "Members can delete their own notes" on public.conversation_notes as permissive
  for delete to authenticated
  using (((author_id = ( SELECT auth.uid() AS uid)) AND (project_id IN ( SELECT handoff.member_projects() AS member_projects))));
create policy "Members can read the notes" on public.conversation_notes as permissive
  for select to authenticated
  using ((project_id IN ( SELECT handoff.member_projects() AS member_projects)));
create policy "Members can write notes as themselves" on public.conversation_notes as permissive
  for insert to authenticated
  with check (((author_id = ( SELECT auth.uid() AS uid)) AND (project_id IN ( SELECT handoff.member_projects() AS member_projects))));
grant delete, insert (author_id, content, conversation_id), select on table public.conversation_notes to authenticated;
grant all on table public.conversation_notes to service_role;

create table public.conversations (
  id uuid default gen_random_uuid() not null,
  project_id uuid not null,
  customer_id uuid,
  visitor_id handoff.conversation_visitor_id not null,
  visitor_user_id uuid,
  customer_email text,
  customer_name handoff.conversation_customer_name,
  customer_presence handoff.conversation_customer_presence default 'offline'::text not null,
  customer_last_seen_at timestamp with time zone,
  customer_active_at timestamp with time zone,
  auto_close_warning_sent_at timestamp with time zone,
  status text default 'ai_active'::text not null,
  assigned_agent_id uuid,
  preferred_agent_id uuid,
  priority handoff.conversation_priority default 0 not null,
  handoff_reason handoff.conversation_handoff_reason,
  handoff_triggered_at timestamp with time zone,
  ai_confidence_at_handoff double precision,
  trigger_keyword text,
  queue_entered_at timestamp with time zone,
  waiting_since timestamp with time zone,
  claimed_at timestamp with time zone,
  first_response_at timestamp with time zone,
  resolved_at timestamp with time zone,
  resolved_by uuid,
  closed_at timestamp with time zone,
  close_reason handoff.conversation_close_reason,
  cleared_at timestamp with time zone,
  released_by uuid,
  released_at timestamp with time zone,
  is_spam boolean default false not null,
  tags handoff.conversation_tags default '{}'::text[] not null,
  required_skills handoff.conversation_required_skills default '{}'::text[] not null,
  satisfaction_rating handoff.conversation_rating,
  satisfaction_feedback text,
  source handoff.conversation_source default 'widget'::text not null,
  metadata handoff.conversation_metadata default '{}'::jsonb not null,
  preview text,
  event_seq bigint default 0 not null,
  awaiting_email boolean default false not null,
  pending_question text,
  email_asked boolean default false not null,
  is_voice boolean default false not null,
  voice_duration_seconds integer default 0 not null,
  created_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null,
  last_message_at timestamp with time zone default now() not null,
  closed_message_at timestamp with time zone,
  customer_left_reason handoff.conversation_customer_left_reason,
  constraint conversations_assigned_agent_id_fkey FOREIGN KEY (assigned_agent_id) REFERENCES auth.users(id) ON DELETE SET NULL,
  constraint conversations_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES public.customers(id) ON DELETE SET NULL,
  constraint conversations_pkey PRIMARY KEY (id),
  constraint conversations_preferred_agent_id_fkey FOREIGN KEY (preferred_agent_id) REFERENCES auth.users(id) ON DELETE SET NULL,
  constraint conversations_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id) ON DELETE CASCADE,
  constraint conversations_released_by_fkey FOREIGN KEY (released_by) REFERENCES auth.users(id) ON DELETE SET NULL,
  constraint conversations_resolved_by_fkey FOREIGN KEY (resolved_by) REFERENCES auth.users(id) ON DELETE SET NULL,
  constraint conversations_status CHECK (handoff.owner_fits_status(status, assigned_agent_id, queue_entered_at)),
  constraint conversations_visitor_user_id_fkey FOREIGN KEY (visitor_user_id) REFERENCES auth.users(id) ON DELETE SET NULL
) with (fillfactor=85);
comment on table public.conversations is 'One chat of one visitor. Moves only as handoff.is_legal_move allows.';
comment on column public.conversations.visitor_user_id is 'The (anonymous) Supabase user whose conversation this is. The only thing that grants a visitor access.';
comment on column public.conversations.customer_last_seen_at is 'When presence last told of the customer; null: this widget does not tell. While offline: when they left.';
comment on column public.conversations.customer_active_at is 'The customer''s last sign of life: a message, still_here, or presence online or typing. Written by triggers; being idle is none.';
comment on column public.conversations.auto_close_warning_sent_at is 'Since when the time to auto-close runs; any sign of life, another agent or another status sets it back to null.';
comment on column public.conversations.assigned_agent_id is 'Owner while agent_active; who had it last when resolved or closed.';
comment on column public.conversations.preferred_agent_id is 'Who should get it first: the agent that had it before it was reopened.';
comment on column public.conversations.priority is '0 normal to 9 most urgent; the queue is served by priority, then age.';
comment on column public.conversations.waiting_since is 'When it became waiting last; its place in line goes by queue_entered_at, which a second wait does not change.';
comment on column public.conversations.close_reason is 'customer, agent, spam, chat_cleared, customer_inactive, abandoned or timeout.';
comment on column public.conversations.cleared_at is 'When the visitor cleared the chat: from then on only the team sees it.';
comment on column public.conversations.released_by is 'The agent who gave it back to the queue last; for a while others come first.';
comment on column public.conversations.preview is 'The beginning of the customer''s last message, for lists.';
comment on column public.conversations.event_seq is 'Number of the last event on this conversation''s topic.';
comment on column public.conversations.closed_message_at is 'last_message_at of a closed conversation, for its index: an index on what each message changes would make every message rewrite all indexes.';
comment on column public.conversations.customer_left_reason is 'While presence has the customer offline: why. left, signed_out, pagehide, switched_pages, chat_cleared, lost, or a word of the widget''s own.';
CREATE INDEX conversations_agent_age_idx ON public.conversations USING btree (claimed_at) WHERE (status = 'agent_active'::text);
CREATE INDEX conversations_ai_age_idx ON public.conversations USING btree (created_at) WHERE (status = 'ai_active'::text);
CREATE INDEX conversations_assigned_agent_idx ON public.conversations USING btree (assigned_agent_id) WHERE (assigned_agent_id IS NOT NULL);
CREATE INDEX conversations_closed_idx ON public.conversations USING btree (project_id, closed_message_at DESC) WHERE (status = 'closed'::text);
CREATE INDEX conversations_closed_unresolved_idx ON public.conversations USING btree (project_id, closed_at) WHERE ((closed_at IS NOT NULL) AND (resolved_at IS NULL) AND (claimed_at IS NOT NULL));
CREATE INDEX conversations_customer_idx ON public.conversations USING btree (customer_id) WHERE (customer_id IS NOT NULL);
CREATE INDEX conversations_first_response_at_idx ON public.conversations USING btree (project_id, first_response_at) WHERE (first_response_at IS NOT NULL);
CREATE INDEX conversations_kept_idx ON public.conversations USING btree (project_id) WHERE ((status = 'waiting'::text) AND ((preferred_agent_id IS NOT NULL) OR (released_by IS NOT NULL)));
CREATE UNIQUE INDEX conversations_one_open_per_visitor_idx ON public.conversations USING btree (project_id, visitor_user_id) WHERE ((status <> 'closed'::text) AND (visitor_user_id IS NOT NULL));
CREATE INDEX conversations_preferred_agent_idx ON public.conversations USING btree (preferred_agent_id) WHERE (preferred_agent_id IS NOT NULL);
CREATE INDEX conversations_project_status_idx ON public.conversations USING btree (project_id, status);
CREATE INDEX conversations_queue_idx ON public.conversations USING btree (project_id, priority DESC, queue_entered_at, id) WHERE (status = 'waiting'::text);
CREATE INDEX conversations_released_by_idx ON public.conversations USING btree (released_by) WHERE (released_by IS NOT NULL);
CREATE INDEX conversations_resolved_age_idx ON public.conversations USING btree (resolved_at) WHERE (status = 'resolved'::text);
CREATE INDEX conversations_resolved_at_idx ON public.conversations USING btree (project_id, resolved_at) WHERE (resolved_at IS NOT NULL);
CREATE INDEX conversations_resolved_by_idx ON public.conversations USING btree (resolved_by) WHERE (resolved_by IS NOT NULL);
CREATE INDEX conversations_visitor_idx ON public.conversations USING btree (project_id, visitor_id);
CREATE INDEX conversations_visitor_user_idx ON public.conversations USING btree (visitor_user_id) WHERE (visitor_user_id IS NOT NULL);
CREATE TRIGGER conversations_announce_change AFTER UPDATE OF tags, priority, required_skills, is_spam, satisfaction_rating, customer_id, customer_name, customer_email, customer_presence ON public.conversations FOR EACH ROW EXECUTE FUNCTION handoff.conversations_announce_change();
CREATE TRIGGER conversations_count_deleted AFTER DELETE ON public.conversations REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION handoff.conversations_count_deleted();
CREATE TRIGGER conversations_guard BEFORE UPDATE OF id, project_id, customer_id, visitor_id, visitor_user_id, customer_email, customer_name, customer_presence, customer_last_seen_at, status, assigned_agent_id, preferred_agent_id, priority, handoff_reason, handoff_triggered_at, ai_confidence_at_handoff, trigger_keyword, queue_entered_at, waiting_since, claimed_at, resolved_at, resolved_by, closed_at, close_reason, cleared_at, released_by, released_at, is_spam, tags, required_skills, satisfaction_rating, satisfaction_feedback, source, metadata, awaiting_email, pending_question, email_asked, is_voice, voice_duration_seconds, created_at, customer_left_reason ON public.conversations FOR EACH ROW EXECUTE FUNCTION handoff.conversations_guard();
CREATE TRIGGER conversations_guard_insert BEFORE INSERT ON public.conversations FOR EACH ROW EXECUTE FUNCTION handoff.conversations_guard_insert();
CREATE TRIGGER conversations_moved AFTER UPDATE ON public.conversations REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION handoff.conversations_moved();
CREATE TRIGGER conversations_presence BEFORE INSERT ON public.conversations FOR EACH ROW WHEN (((new.visitor_user_id IS NOT NULL) AND (new.status <> 'closed'::text))) EXECUTE FUNCTION handoff.conversations_presence();
CREATE TRIGGER customers_count_deleted AFTER DELETE ON public.conversations REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION handoff.customers_count();
CREATE TRIGGER customers_count_moved AFTER UPDATE OF customer_id ON public.conversations FOR EACH ROW WHEN ((old.customer_id IS DISTINCT FROM new.customer_id)) EXECUTE FUNCTION handoff.customers_count_moved();
CREATE TRIGGER customers_count_new AFTER INSERT ON public.conversations REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION handoff.customers_count();
alter table public.conversations enable row level security;
create policy "Members can see the conversations" on public.conversations as permissive
  for select to authenticated
  using ((project_id IN ( SELECT handoff.member_projects() AS member_projects)));
create policy "Members can sort and tag the conversations" on public.conversations as permissive
  for update to authenticated
  using ((project_id IN ( SELECT handoff.member_projects() AS member_projects)))
  with check ((project_id IN ( SELECT handoff.member_projects() AS member_projects)));
grant select, update (priority, required_skills, tags) on table public.conversations to authenticated;
grant all on table public.conversations to service_role;

create table public.customers (
  id uuid default gen_random_uuid() not null,
  project_id uuid not null,
  visitor_id text not null,
  email text,
  name text,
  merged_visitor_ids text[] default '{}'::text[] not null,
  first_seen_at timestamp with time zone default now() not null,
  last_seen_at timestamp with time zone default now() not null,
  total_conversations integer default 0 not null,
  last_browser text,
  last_device text,
  last_os text,
  last_page_url text,
  last_location text,
  is_flagged boolean default false not null,
  flag_reason text,
  internal_notes text,
  flagged_at timestamp with time zone,
  flagged_by uuid,
  created_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null,
  constraint customers_email_form CHECK (((email ~~ '%_@_%'::text) AND (char_length(email) <= 254))),
  constraint customers_flag_reason_length CHECK ((char_length(flag_reason) <= 100000)),
  constraint customers_flagged_by_fkey FOREIGN KEY (flagged_by) REFERENCES auth.users(id) ON DELETE SET NULL,
  constraint customers_internal_notes_length CHECK ((char_length(internal_notes) <= 1000000)),
  constraint customers_last_browser_length CHECK ((char_length(last_browser) <= 200)),
  constraint customers_last_device_length CHECK ((char_length(last_device) <= 200)),
  constraint customers_last_location_length CHECK ((char_length(last_location) <= 200)),
  constraint customers_last_os_length CHECK ((char_length(last_os) <= 200)),
  constraint customers_last_page_url_length CHECK ((char_length(last_page_url) <= 2000)),
  constraint customers_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 200))),
  constraint customers_one_per_visitor UNIQUE (project_id, visitor_id),
  constraint customers_pkey PRIMARY KEY (id),
  constraint customers_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id) ON DELETE CASCADE,
  constraint customers_total_conversations CHECK ((total_conversations >= 0)),
  constraint customers_visitor_id_length CHECK (((char_length(visitor_id) >= 1) AND (char_length(visitor_id) <= 200)))
);
comment on table public.customers is 'One person as far as we know: a visitor id, later an e-mail address. Agents see it, visitors never do.';
comment on column public.customers.visitor_id is 'The first id from the widget''s cookie, or person:<uuid> for somebody first met on another customer''s device. It groups visits; it is no secret and grants nothing.';
comment on column public.customers.email is 'What a visitor typed, in lower case. Nobody has proved that it is theirs.';
comment on column public.customers.merged_visitor_ids is 'The person''s other devices.';
comment on column public.customers.total_conversations is 'Always the number of the customer''s conversations; written by triggers on conversations only.';
CREATE INDEX customers_flagged_by_idx ON public.customers USING btree (flagged_by) WHERE (flagged_by IS NOT NULL);
CREATE INDEX customers_flagged_idx ON public.customers USING btree (project_id) WHERE is_flagged;
CREATE INDEX customers_last_seen_idx ON public.customers USING btree (project_id, last_seen_at DESC);
CREATE UNIQUE INDEX customers_one_per_email_idx ON public.customers USING btree (project_id, email) WHERE (email IS NOT NULL);
CREATE TRIGGER customers_index_visitors AFTER INSERT OR UPDATE OF visitor_id, merged_visitor_ids ON public.customers FOR EACH ROW EXECUTE FUNCTION handoff.customers_index_visitors();
CREATE TRIGGER customers_stamp BEFORE INSERT OR UPDATE ON public.customers FOR EACH ROW EXECUTE FUNCTION handoff.customers_stamp();
alter table public.customers enable row level security;
create policy "Members can name, flag and annotate the customers" on public.customers as permissive
  for update to authenticated
  using ((project_id IN ( SELECT handoff.member_projects() AS member_projects)))
  with check ((project_id IN ( SELECT handoff.member_projects() AS member_projects)));
create policy "Members can see the customers" on public.customers as permissive
  for select to authenticated
  using ((project_id IN ( SELECT handoff.member_projects() AS member_projects)));
grant select, update (flag_reason, internal_notes, is_flagged, name) on table public.customers to authenticated;
grant all on table public.customers to service_role;

create table public.handoff_settings (
  id uuid default gen_random_uuid() not null,
  project_id uuid not null,
  enabled boolean default false not null,
  trigger_mode text default 'both'::text not null,
  show_human_button boolean default false not null,
  auto_triggers jsonb default '{"keywords": ["human", "agent", "person", "speak to someone", "talk to someone"], "keywords_enabled": true, "low_confidence_enabled": true, "low_confidence_threshold": 0.6}'::jsonb not null,
  business_hours_enabled boolean default false not null,
  timezone text default 'UTC'::text not null,
  business_hours jsonb default '{"friday": {"end": "17:00", "start": "09:00", "enabled": true}, "monday": {"end": "17:00", "start": "09:00", "enabled": true}, "sunday": {"end": "17:00", "start": "09:00", "enabled": false}, "tuesday": {"end": "17:00", "start": "09:00", "enabled": true}, "saturday": {"end": "17:00", "start": "09:00", "enabled": false}, "thursday": {"end": "17:00", "start": "09:00", "enabled": true}, "wednesday": {"end": "17:00", "start": "09:00", "enabled": true}}'::jsonb not null,
  default_max_concurrent_chats integer default 5 not null,
  inactivity_timeout_minutes integer default 5 not null,
  auto_close_after_warning_minutes integer default 5 not null,
  session_keep_alive_minutes integer default 15 not null,
  send_inactivity_warning boolean default true not null,
  assignment_strategy text default 'balanced'::text not null,
  preferred_wait_seconds integer default 60 not null,
  assignment_mode text default 'direct'::text not null,
  offer_timeout_seconds integer default 30 not null,
  away_after_missed_offers integer default 0 not null,
  created_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null,
  agent_offline_after_seconds integer default 90 not null,
  client_ip_header text default 'cf-connecting-ip'::text not null,
  constraint handoff_settings_agent_offline_after CHECK (((agent_offline_after_seconds >= 90) AND (agent_offline_after_seconds <= 300))),
  constraint handoff_settings_assignment_mode CHECK ((assignment_mode = ANY (ARRAY['direct'::text, 'offer'::text]))),
  constraint handoff_settings_assignment_strategy CHECK ((assignment_strategy = ANY (ARRAY['balanced'::text, 'round_robin'::text, 'longest_idle'::text]))),
  constraint handoff_settings_auto_close CHECK (((auto_close_after_warning_minutes >= 1) AND (auto_close_after_warning_minutes <= 1440))),
  constraint handoff_settings_away_after_missed CHECK (((away_after_missed_offers >= 0) AND (away_after_missed_offers <= 20))),
  constraint handoff_settings_client_ip_header CHECK ((client_ip_header = ANY (ARRAY['cf-connecting-ip'::text, 'x-real-ip'::text, 'x-forwarded-for'::text, 'none'::text]))),
  constraint handoff_settings_default_max_chats CHECK (((default_max_concurrent_chats >= 1) AND (default_max_concurrent_chats <= 50))),
  constraint handoff_settings_inactivity_timeout CHECK (((inactivity_timeout_minutes >= 1) AND (inactivity_timeout_minutes <= 1440))),
  constraint handoff_settings_keep_alive CHECK (((session_keep_alive_minutes >= 1) AND (session_keep_alive_minutes <= 1440))),
  constraint handoff_settings_offer_timeout CHECK (((offer_timeout_seconds >= 5) AND (offer_timeout_seconds <= 600))),
  constraint handoff_settings_one_per_project UNIQUE (project_id),
  constraint handoff_settings_pkey PRIMARY KEY (id),
  constraint handoff_settings_preferred_wait CHECK (((preferred_wait_seconds >= 0) AND (preferred_wait_seconds <= 3600))),
  constraint handoff_settings_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id) ON DELETE CASCADE,
  constraint handoff_settings_trigger_mode CHECK ((trigger_mode = ANY (ARRAY['auto'::text, 'manual'::text, 'both'::text])))
);
comment on table public.handoff_settings is 'When and how conversations of a project go to people (F001 5.1). No row: handoff is off.';
comment on column public.handoff_settings.auto_triggers is 'Keys that are left out take their default; keywords are stored trimmed, lower-cased and without repetition.';
comment on column public.handoff_settings.timezone is 'The name of an IANA zone. Abbreviations are refused: Postgres reads CET as a fixed offset.';
comment on column public.handoff_settings.business_hours is 'Wall time of the column timezone, by weekday: {"start", "end", "enabled"} or {"ranges": [{"start", "end"}], "enabled"}. A weekday that is left out is closed.';
comment on column public.handoff_settings.assignment_strategy is 'balanced: most free slots, then longest since the last assignment; round_robin: longest since the last assignment; longest_idle: longest without a chat.';
comment on column public.handoff_settings.preferred_wait_seconds is 'How long a reopened conversation waits for its agent, who is online but full, before others may take it.';
comment on column public.handoff_settings.assignment_mode is 'direct: the worker gives a conversation to the agent it chose; offer: it asks that agent first, who accepts or declines.';
comment on column public.handoff_settings.offer_timeout_seconds is 'How long an offer is open; not answered by then, it counts as missed.';
comment on column public.handoff_settings.away_after_missed_offers is 'Who misses that many offers one after the other is set away, so that nobody waits for an empty chair; 0: nobody is.';
comment on column public.handoff_settings.agent_offline_after_seconds is 'How long an agent who beats every 30 seconds counts without a beat; F001''s five minutes is the most.';
comment on column public.handoff_settings.client_ip_header is 'The request header that the network in front of the API overwrites with the caller''s address. Cloudflare, in front of hosted Supabase, does; elsewhere a caller may send any, so choose what your proxy sets, or none.';
CREATE TRIGGER handoff_settings_announce AFTER INSERT OR DELETE OR UPDATE ON public.handoff_settings FOR EACH ROW EXECUTE FUNCTION handoff.settings_announce();
CREATE TRIGGER handoff_settings_end_offers AFTER UPDATE ON public.handoff_settings FOR EACH ROW WHEN (((old.assignment_mode = 'offer'::text) AND (new.assignment_mode <> 'offer'::text))) EXECUTE FUNCTION handoff.handoff_settings_end_offers();
CREATE TRIGGER handoff_settings_end_offers_gone AFTER DELETE ON public.handoff_settings FOR EACH ROW WHEN ((old.assignment_mode = 'offer'::text)) EXECUTE FUNCTION handoff.handoff_settings_end_offers();
CREATE TRIGGER handoff_settings_hours_changed AFTER INSERT OR DELETE OR UPDATE OF business_hours_enabled, timezone, business_hours ON public.handoff_settings FOR EACH ROW EXECUTE FUNCTION handoff.hours_changed();
CREATE TRIGGER handoff_settings_validate BEFORE INSERT OR UPDATE ON public.handoff_settings FOR EACH ROW EXECUTE FUNCTION handoff.handoff_settings_validate();
alter table public.handoff_settings enable row level security;
create policy "Admins can change the settings" on public.handoff_settings as permissive
  for update to authenticated
  using (handoff.is_admin(project_id))
  with check (handoff.is_admin(project_id));
create policy "Admins can write the settings of a new project" on public.handoff_settings as permissive
  for insert to authenticated
  with check (handoff.is_admin(project_id));
create policy "Members can see the settings" on public.handoff_settings as permissive
  for select to authenticated
  using ((project_id IN ( SELECT handoff.member_projects() AS member_projects)));
grant insert (agent_offline_after_seconds, assignment_mode, assignment_strategy, auto_close_after_warning_minutes, auto_triggers, away_after_missed_offers, business_hours, business_hours_enabled, client_ip_header, default_max_concurrent_chats, enabled, inactivity_timeout_minutes, offer_timeout_seconds, preferred_wait_seconds, project_id, send_inactivity_warning, session_keep_alive_minutes, show_human_button, timezone, trigger_mode), select, update (agent_offline_after_seconds, assignment_mode, assignment_strategy, auto_close_after_warning_minutes, auto_triggers, away_after_missed_offers, business_hours, business_hours_enabled, client_ip_header, default_max_concurrent_chats, enabled, inactivity_timeout_minutes, offer_timeout_seconds, preferred_wait_seconds, project_id, send_inactivity_warning, session_keep_alive_minutes, show_human_button, timezone, trigger_mode) on table public.handoff_settings to authenticated;
grant all on table public.handoff_settings to service_role;

create table public.lead_captures (
  id uuid default gen_random_uuid() not null,
  project_id uuid not null,
  session_id uuid,
  customer_id uuid,
  user_email text not null,
  user_name text,
  question text not null,
  created_at timestamp with time zone default now() not null,
  constraint lead_captures_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES public.customers(id) ON DELETE SET NULL,
  constraint lead_captures_email_length CHECK (((char_length(user_email) >= 3) AND (char_length(user_email) <= 254))),
  constraint lead_captures_name_length CHECK (((char_length(user_name) >= 1) AND (char_length(user_name) <= 200))),
  constraint lead_captures_pkey PRIMARY KEY (id),
  constraint lead_captures_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id) ON DELETE CASCADE,
  constraint lead_captures_question_length CHECK (((char_length(question) >= 1) AND (char_length(question) <= 10000))),
  constraint lead_captures_session_id_fkey FOREIGN KEY (session_id) REFERENCES public.conversations(id) ON DELETE SET NULL
);
comment on table public.lead_captures is 'Who left an address and a question while nobody could answer (F001 5.8.4).';
comment on column public.lead_captures.session_id is 'The conversation.';
comment on column public.lead_captures.user_email is 'What the visitor typed, in lower case. Nobody has proved that it is theirs.';
CREATE INDEX lead_captures_customer_idx ON public.lead_captures USING btree (customer_id) WHERE (customer_id IS NOT NULL);
CREATE INDEX lead_captures_project_idx ON public.lead_captures USING btree (project_id, created_at DESC);
CREATE INDEX lead_captures_session_idx ON public.lead_captures USING btree (session_id) WHERE (session_id IS NOT NULL);
alter table public.lead_captures enable row level security;
create policy "Members can see the leads" on public.lead_captures as permissive
  for select to authenticated
  using ((project_id IN ( SELECT handoff.member_projects() AS member_projects)));
grant select on table public.lead_captures to authenticated;
grant all on table public.lead_captures to service_role;

create table public.messages (
  id uuid default gen_random_uuid() not null,
  conversation_id uuid not null,
  project_id uuid not null,
  seq bigint not null,
  sender_type handoff.message_sender_type not null,
  sender_id uuid,
  content handoff.message_content not null,
  client_message_id uuid,
  metadata handoff.message_metadata default '{}'::jsonb not null,
  created_at timestamp with time zone default now() not null,
  attachments handoff.message_attachments default '[]'::jsonb not null,
  constraint messages_conversation_id_fkey FOREIGN KEY (conversation_id) REFERENCES public.conversations(id) ON DELETE CASCADE,
  constraint messages_one_per_seq UNIQUE (conversation_id, seq),
  constraint messages_pkey PRIMARY KEY (id),
  constraint messages_sender_id_fkey FOREIGN KEY (sender_id) REFERENCES auth.users(id) ON DELETE SET NULL
);
comment on table public.messages is 'What was said. Never changed after it was written.';
comment on column public.messages.seq is 'The event number of the message on its conversation''s topic; orders and pages the transcript.';
comment on column public.messages.client_message_id is 'Chosen by the sender: sending the same one again returns the first message.';
comment on column public.messages.metadata is 'For AI messages: confidence, sources, model. For system messages: type.';
comment on column public.messages.attachments is 'Files of the message, oldest first: path in the bucket handoff-attachments, name, mime_type, size in bytes. Written by send_attachments alone.';
CREATE UNIQUE INDEX messages_one_per_client_id_idx ON public.messages USING btree (conversation_id, client_message_id) WHERE (client_message_id IS NOT NULL);
CREATE INDEX messages_project_id_idx ON public.messages USING btree (project_id);
CREATE INDEX messages_sender_idx ON public.messages USING btree (sender_id, created_at) WHERE (sender_id IS NOT NULL);
CREATE TRIGGER messages_effects AFTER INSERT ON public.messages REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION handoff.messages_effects();
CREATE TRIGGER messages_number BEFORE INSERT ON public.messages FOR EACH ROW EXECUTE FUNCTION handoff.messages_number();
alter table public.messages enable row level security;
create policy "Agents can write as themselves" on public.messages as permissive
  for insert to authenticated
  with check ((((sender_type)::text = 'agent'::text) AND (sender_id = ( SELECT auth.uid() AS uid)) AND (project_id IN ( SELECT handoff.member_projects() AS member_projects))));
create policy "Both sides can read the transcript" on public.messages as permissive
  for select to authenticated
  using (((project_id IN ( SELECT handoff.member_projects() AS member_projects)) OR (conversation_id IN ( SELECT handoff.own_conversations() AS own_conversations))));
grant insert (client_message_id, content, conversation_id, metadata, sender_id, sender_type), select on table public.messages to authenticated;
grant all on table public.messages to service_role;

create table public.presence_sessions (
  id bigint generated always as identity not null,
  project_id uuid not null,
  connection_id uuid not null,
  role text not null,
  user_id uuid,
  client_id text not null,
  visitor_id text,
  conversation_id uuid,
  data jsonb default '{}'::jsonb not null,
  page text,
  ip text,
  user_agent text,
  floor_seconds smallint not null,
  remain_seconds smallint not null,
  entered_at timestamp with time zone default now() not null,
  came_back boolean default false not null,
  left_at timestamp with time zone,
  leave_reason text,
  leave_data jsonb,
  last_seen_at timestamp with time zone,
  beats integer,
  missed integer,
  late integer,
  lost integer,
  longest_gap_seconds integer,
  intervals smallint[],
  delays smallint[],
  constraint presence_sessions_client_id_length CHECK (((char_length(client_id) >= 1) AND (char_length(client_id) <= 100))),
  constraint presence_sessions_conversation_id_fkey FOREIGN KEY (conversation_id) REFERENCES public.conversations(id) ON DELETE SET NULL,
  constraint presence_sessions_data_is_object CHECK ((jsonb_typeof(data) = 'object'::text)),
  constraint presence_sessions_ip_length CHECK ((char_length(ip) <= 45)),
  constraint presence_sessions_leave_reason_length CHECK (((char_length(leave_reason) >= 1) AND (char_length(leave_reason) <= 100))),
  constraint presence_sessions_page_form CHECK (((page ~* '^https?://'::text) AND (char_length(page) <= 2000))),
  constraint presence_sessions_pkey PRIMARY KEY (id),
  constraint presence_sessions_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id) ON DELETE CASCADE,
  constraint presence_sessions_reason_with_end CHECK (((left_at IS NULL) = (leave_reason IS NULL))),
  constraint presence_sessions_role CHECK ((role = ANY (ARRAY['agent'::text, 'customer'::text, 'bot'::text]))),
  constraint presence_sessions_user_agent_length CHECK ((char_length(user_agent) <= 400)),
  constraint presence_sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE,
  constraint presence_sessions_user_matches_role CHECK (((role = 'bot'::text) = (user_id IS NULL))),
  constraint presence_sessions_visitor_id_length CHECK (((char_length(visitor_id) >= 1) AND (char_length(visitor_id) <= 200)))
);
comment on table public.presence_sessions is 'One row each time a connection was there; still there while left_at is null. Members read it, visitors never do.';
comment on column public.presence_sessions.connection_id is 'Made by the client, for one page or process; the same after a reload.';
comment on column public.presence_sessions.client_id is 'Who it is: the user''s id, or the name of a bot.';
comment on column public.presence_sessions.ip is 'From the header that handoff_settings.client_ip_header names.';
comment on column public.presence_sessions.came_back is 'The person was lost less than two minutes before: a connection that flaps.';
comment on column public.presence_sessions.last_seen_at is 'The last beat, or when they left. Written at the end, like everything after it.';
comment on column public.presence_sessions.missed is 'Beats that were due and did not come; late: came more than a quarter late; lost: were sent, by the client''s count, and did not arrive.';
comment on column public.presence_sessions.intervals is 'Histogram of the time between beats: handoff.beat_edges().';
comment on column public.presence_sessions.delays is 'Histogram of how much later than promised beats came: handoff.delay_edges().';
CREATE INDEX presence_sessions_conversation_idx ON public.presence_sessions USING btree (conversation_id) WHERE (conversation_id IS NOT NULL);
CREATE INDEX presence_sessions_history_idx ON public.presence_sessions USING btree (project_id, entered_at DESC);
CREATE INDEX presence_sessions_left_idx ON public.presence_sessions USING btree (left_at) WHERE (left_at IS NOT NULL);
CREATE UNIQUE INDEX presence_sessions_open_idx ON public.presence_sessions USING btree (connection_id) WHERE (left_at IS NULL);
CREATE INDEX presence_sessions_person_idx ON public.presence_sessions USING btree (project_id, client_id) WHERE (left_at IS NULL);
CREATE INDEX presence_sessions_user_idx ON public.presence_sessions USING btree (user_id, entered_at DESC) WHERE (user_id IS NOT NULL);
alter table public.presence_sessions enable row level security;
create policy "Members can see who was there" on public.presence_sessions as permissive
  for select to authenticated
  using ((project_id IN ( SELECT handoff.member_projects() AS member_projects)));
grant select on table public.presence_sessions to authenticated;
grant all on table public.presence_sessions to service_role;

create table public.project_members (
  id uuid default gen_random_uuid() not null,
  project_id uuid not null,
  user_id uuid,
  email text not null,
  name text,
  avatar_url text,
  role text default 'agent'::text not null,
  status text default 'pending'::text not null,
  invited_by uuid,
  invited_at timestamp with time zone default now() not null,
  invitation_expires_at timestamp with time zone,
  accepted_at timestamp with time zone,
  max_concurrent_chats integer default 5 not null,
  created_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null,
  constraint project_members_active_has_user CHECK (((status <> 'active'::text) OR (user_id IS NOT NULL))),
  constraint project_members_avatar_url CHECK (((avatar_url ~ '^https?://'::text) AND (char_length(avatar_url) <= 2000))),
  constraint project_members_email_form CHECK (((email = lower(btrim(email))) AND (email ~~ '%_@_%'::text))),
  constraint project_members_invited_by_fkey FOREIGN KEY (invited_by) REFERENCES auth.users(id) ON DELETE SET NULL,
  constraint project_members_max_concurrent_chats CHECK (((max_concurrent_chats >= 1) AND (max_concurrent_chats <= 50))),
  constraint project_members_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 200))),
  constraint project_members_one_per_email UNIQUE (project_id, email),
  constraint project_members_pkey PRIMARY KEY (id),
  constraint project_members_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id) ON DELETE CASCADE,
  constraint project_members_role CHECK ((role = ANY (ARRAY['agent'::text, 'admin'::text]))),
  constraint project_members_status CHECK ((status = ANY (ARRAY['pending'::text, 'active'::text, 'removed'::text]))),
  constraint project_members_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE
);
comment on table public.project_members is 'Who works for a project. The owner (projects.user_id) is an admin without a row.';
comment on column public.project_members.user_id is 'Null while the invitation is pending.';
comment on column public.project_members.invitation_expires_at is 'Until when a pending invitation can be accepted; null once it was.';
CREATE INDEX project_members_invited_by_idx ON public.project_members USING btree (invited_by) WHERE (invited_by IS NOT NULL);
CREATE INDEX project_members_invited_email_idx ON public.project_members USING btree (email) WHERE (status = 'pending'::text);
CREATE UNIQUE INDEX project_members_one_per_user_idx ON public.project_members USING btree (project_id, user_id) WHERE ((user_id IS NOT NULL) AND (status <> 'removed'::text));
CREATE INDEX project_members_user_id_idx ON public.project_members USING btree (user_id) WHERE (user_id IS NOT NULL);
CREATE TRIGGER project_members_announce AFTER INSERT OR UPDATE OF user_id, name, avatar_url, role, status, max_concurrent_chats ON public.project_members FOR EACH ROW EXECUTE FUNCTION handoff.members_announce();
CREATE TRIGGER project_members_equip AFTER UPDATE ON public.project_members FOR EACH ROW WHEN (((new.status = 'active'::text) AND ((old.status <> 'active'::text) OR (old.user_id IS DISTINCT FROM new.user_id) OR (old.max_concurrent_chats <> new.max_concurrent_chats)))) EXECUTE FUNCTION handoff.project_members_equip();
CREATE TRIGGER project_members_equip_new AFTER INSERT ON public.project_members FOR EACH ROW WHEN ((new.status = 'active'::text)) EXECUTE FUNCTION handoff.project_members_equip();
CREATE TRIGGER project_members_forget_invitation AFTER UPDATE ON public.project_members FOR EACH ROW WHEN (((old.status = 'pending'::text) AND (new.status <> 'pending'::text))) EXECUTE FUNCTION handoff.project_members_forget_invitation();
CREATE TRIGGER project_members_forget_invitation_deleted AFTER DELETE ON public.project_members FOR EACH ROW WHEN ((old.status = 'pending'::text)) EXECUTE FUNCTION handoff.project_members_forget_invitation();
CREATE TRIGGER project_members_retire AFTER UPDATE ON public.project_members FOR EACH ROW WHEN (((old.status = 'active'::text) AND ((new.status <> 'active'::text) OR (new.user_id IS DISTINCT FROM old.user_id)))) EXECUTE FUNCTION handoff.project_members_retire();
CREATE TRIGGER project_members_retire_deleted AFTER DELETE ON public.project_members FOR EACH ROW WHEN ((old.status = 'active'::text)) EXECUTE FUNCTION handoff.project_members_retire();
CREATE TRIGGER project_members_touch BEFORE UPDATE ON public.project_members FOR EACH ROW EXECUTE FUNCTION handoff.project_members_touch();
alter table public.project_members enable row level security;
create policy "Members can see the team" on public.project_members as permissive
  for select to authenticated
  using ((project_id IN ( SELECT handoff.member_projects() AS member_projects)));
grant select on table public.project_members to authenticated;
grant all on table public.project_members to service_role;

create table public.projects (
  id uuid default gen_random_uuid() not null,
  user_id uuid not null,
  name text default 'My project'::text not null,
  created_at timestamp with time zone default now() not null,
  constraint projects_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 200))),
  constraint projects_pkey PRIMARY KEY (id),
  constraint projects_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE
);
comment on table public.projects is 'One support team and its widget. The owner is user_id.';
CREATE INDEX projects_user_id_idx ON public.projects USING btree (user_id);
alter table public.projects enable row level security;
create policy "Members can see their projects" on public.projects as permissive
  for select to authenticated
  using ((id IN ( SELECT handoff.member_projects() AS member_projects)));
grant select on table public.projects to authenticated;
grant all on table public.projects to service_role;

create table public.quick_actions (
  id uuid default gen_random_uuid() not null,
  project_id uuid not null,
  label text not null,
  link text not null,
  "position" smallint default 0 not null,
  created_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null,
  constraint quick_actions_label_length CHECK (((char_length(label) >= 1) AND (char_length(label) <= 60))),
  constraint quick_actions_link_length CHECK (((char_length(link) >= 1) AND (char_length(link) <= 2000))),
  constraint quick_actions_pkey PRIMARY KEY (id),
  constraint quick_actions_position CHECK ((("position" >= 0) AND ("position" <= 1000))),
  constraint quick_actions_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id) ON DELETE CASCADE
);
comment on table public.quick_actions is 'Links beside a conversation, filled from its customer.';
comment on column public.quick_actions.link is 'An https, mailto or tel link; {email}, {name}, {customer_id}, {visitor_id}, {conversation_id} and {metadata.key} are filled in.';
comment on column public.quick_actions."position" is 'Smaller ones come first; equal ones in the order they were made.';
CREATE INDEX quick_actions_project_idx ON public.quick_actions USING btree (project_id, "position", created_at);
CREATE TRIGGER quick_actions_announce AFTER INSERT OR DELETE OR UPDATE ON public.quick_actions FOR EACH ROW EXECUTE FUNCTION handoff.settings_announce();
CREATE TRIGGER quick_actions_validate BEFORE INSERT OR UPDATE ON public.quick_actions FOR EACH ROW EXECUTE FUNCTION handoff.quick_actions_validate();
alter table public.quick_actions enable row level security;
create policy "Admins can add quick actions" on public.quick_actions as permissive
  for insert to authenticated
  with check (handoff.is_admin(project_id));
create policy "Admins can change quick actions" on public.quick_actions as permissive
  for update to authenticated
  using (handoff.is_admin(project_id))
  with check (handoff.is_admin(project_id));
create policy "Admins can remove quick actions" on public.quick_actions as permissive
  for delete to authenticated
  using (handoff.is_admin(project_id));
create policy "Members can read quick actions" on public.quick_actions as permissive
  for select to authenticated
  using ((project_id IN ( SELECT handoff.member_projects() AS member_projects)));
grant delete, insert (label, link, "position", project_id), select, update (label, link, "position") on table public.quick_actions to authenticated;
grant all on table public.quick_actions to service_role;

create table public.web_visits (
  id bigint generated always as identity not null,
  project_id uuid not null,
  customer_id uuid not null,
  visitor_id text not null,
  user_id uuid,
  url text not null,
  title text,
  referrer text,
  browser text,
  device text,
  os text,
  language text,
  timezone text,
  screen text,
  location text,
  created_at timestamp with time zone default now() not null,
  constraint web_visits_browser_length CHECK ((char_length(browser) <= 200)),
  constraint web_visits_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES public.customers(id) ON DELETE CASCADE,
  constraint web_visits_device_length CHECK ((char_length(device) <= 200)),
  constraint web_visits_language_length CHECK ((char_length(language) <= 50)),
  constraint web_visits_location_length CHECK ((char_length(location) <= 200)),
  constraint web_visits_os_length CHECK ((char_length(os) <= 200)),
  constraint web_visits_pkey PRIMARY KEY (id),
  constraint web_visits_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id) ON DELETE CASCADE,
  constraint web_visits_referrer_form CHECK (((referrer ~* '^https?://'::text) AND (char_length(referrer) <= 2000))),
  constraint web_visits_screen_length CHECK ((char_length(screen) <= 50)),
  constraint web_visits_timezone_length CHECK ((char_length(timezone) <= 100)),
  constraint web_visits_title_length CHECK ((char_length(title) <= 500)),
  constraint web_visits_url_form CHECK (((url ~* '^https?://'::text) AND (char_length(url) <= 2000))),
  constraint web_visits_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE SET NULL,
  constraint web_visits_visitor_id_length CHECK (((char_length(visitor_id) >= 1) AND (char_length(visitor_id) <= 200)))
);
comment on table public.web_visits is 'Where visitors were, as their browsers tell it. Written by track_visit; members read it, visitors never do.';
comment on column public.web_visits.user_id is 'Who made the call: one visitor id may have been used by several (anonymous) users.';
comment on column public.web_visits.location is 'Country code, where the network in front of the API tells it.';
CREATE INDEX web_visits_customer_idx ON public.web_visits USING btree (customer_id, created_at DESC);
CREATE INDEX web_visits_project_idx ON public.web_visits USING btree (project_id, created_at DESC);
CREATE INDEX web_visits_user_idx ON public.web_visits USING btree (user_id) WHERE (user_id IS NOT NULL);
alter table public.web_visits enable row level security;
create policy "Members can see the visits" on public.web_visits as permissive
  for select to authenticated
  using ((project_id IN ( SELECT handoff.member_projects() AS member_projects)));
grant select on table public.web_visits to authenticated;
grant all on table public.web_visits to service_role;

CREATE OR REPLACE FUNCTION handoff.absorb_customer(target_id uuid, source public.customers)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
  update public.customers as target
     set name = coalesce(target.name, source.name),
         merged_visitor_ids = array(
           select distinct other.id
             from unnest(target.merged_visitor_ids || source.merged_visitor_ids || source.visitor_id) as other (id)
            where other.id <> target.visitor_id
            order by other.id),
         first_seen_at = least(target.first_seen_at, source.first_seen_at),
         last_seen_at = greatest(target.last_seen_at, source.last_seen_at),
         created_at = least(target.created_at, source.created_at),
         (last_browser, last_device, last_os, last_page_url, last_location) = (
           select coalesce(latest.last_browser, earlier.last_browser), coalesce(latest.last_device, earlier.last_device),
                  coalesce(latest.last_os, earlier.last_os), coalesce(latest.last_page_url, earlier.last_page_url),
                  coalesce(latest.last_location, earlier.last_location)
             from (select (case when source.last_seen_at > target.last_seen_at then source else target end).*) as latest,
                  (select (case when source.last_seen_at > target.last_seen_at then target else source end).*) as earlier),
         is_flagged = target.is_flagged or source.is_flagged,
         flag_reason = nullif(concat_ws(E'\n', target.flag_reason, nullif(source.flag_reason, target.flag_reason)), ''),
         flagged_at = case when target.is_flagged then target.flagged_at else source.flagged_at end,
         flagged_by = case when target.is_flagged then target.flagged_by else source.flagged_by end,
         internal_notes = nullif(concat_ws(E'\n\n', target.internal_notes, source.internal_notes), '')
   where target.id = absorb_customer.target_id;
$function$;

CREATE OR REPLACE FUNCTION handoff.accept_invitation(token text, invitation_id uuid, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  caller uuid := handoff.require_user();
  address text := handoff.own_address();
  member public.project_members;
begin
  if address is null then
    perform handoff.fail(403, 'email_not_confirmed', 'An account with a confirmed e-mail address is needed',
                         'Sign in with the invited address and confirm it.');
  end if;
  member := handoff.lock_invitation(accept_invitation.token, accept_invitation.invitation_id, address, moment);
  if exists (select 1 from public.projects as project where project.id = member.project_id and project.user_id = caller)
     or exists (select 1 from public.project_members as active
                 where active.project_id = member.project_id and active.user_id = caller and active.status = 'active') then
    perform handoff.fail(409, 'already_a_member', 'You belong to this project already');
  end if;
  update public.project_members as accepted
     set status = 'active', user_id = caller, accepted_at = moment, invitation_expires_at = null,
         name = coalesce(accepted.name, left(nullif(btrim(account.raw_user_meta_data ->> 'name'), ''), 200)),
         avatar_url = coalesce(accepted.avatar_url, handoff.web_address(account.raw_user_meta_data ->> 'avatar_url'))
    from auth.users as account
   where accepted.id = member.id and account.id = caller
  returning accepted.* into member;
  return handoff.member_answer(member);
end
$function$;
grant execute on function handoff.accept_invitation(token text, invitation_id uuid, moment timestamp with time zone) to authenticated;

CREATE OR REPLACE FUNCTION handoff.accept_offer(conversation_id uuid, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  caller uuid := handoff.require_user();
  conversation public.conversations := handoff.lock_conversation(accept_offer.conversation_id);
begin
  if conversation.id is null or not handoff.is_member(conversation.project_id) then
    return handoff.claim_refused('ACCESS_DENIED', 'You have no access to this conversation');
  end if;
  perform handoff.rate_limit('dashboard', 100, interval '1 minute');
  if conversation.status = 'waiting' then
    -- Whoever withdraws it holds its agent: waited for here, or it would be seen below as it was before.
    perform handoff.lock_agents_of(conversation, caller);
    -- An offer whose time is over is missed, whether or not the worker has noticed.
    if not exists (
      select 1 from handoff.offers as offer
       where offer.conversation_id = conversation.id and offer.agent_id = caller and offer.state = 'open'
         and offer.expires_at > moment
    ) then
      return handoff.claim_refused('NO_OFFER', 'This offer is not open any more');
    end if;
  end if;
  return handoff.take_locked(conversation, caller, array['waiting'], 'offer', 'accepted');
end
$function$;
grant execute on function handoff.accept_offer(conversation_id uuid, moment timestamp with time zone) to authenticated;

CREATE OR REPLACE FUNCTION handoff.add_note(conversation_id uuid, content text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  conversation public.conversations := handoff.lock_as_member(add_note.conversation_id);
  note public.conversation_notes;
begin
  insert into public.conversation_notes (conversation_id, author_id, content)
  values (conversation.id, auth.uid(), add_note.content)
  returning * into note;
  return to_jsonb(note) - 'project_id';
end
$function$;
grant execute on function handoff.add_note(conversation_id uuid, content text) to authenticated;

CREATE OR REPLACE FUNCTION handoff.agent_answer(agent public.agent_availability)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'user_id', agent.user_id, 'status', agent.status, 'effective_status', agent.effective_status,
    'effective_reason', agent.effective_reason, 'connection', agent.connection,
    'status_changed_at', agent.status_changed_at, 'status_set_by', agent.status_set_by,
    'current_chat_count', agent.current_chat_count, 'max_concurrent_chats', agent.max_concurrent_chats,
    'offered_chat_count', kept.slots,
    'available_slots', greatest(agent.max_concurrent_chats - agent.current_chat_count - kept.slots, 0),
    'skills', agent.skills)
    -- A row as an update returned it: what that update withdrew, the offers of one who went, is counted there still.
    from (values (case agent.effective_status when 'online' then agent.offered_chat_count else 0 end)) as kept (slots);
$function$;
comment on function handoff.agent_answer(agent public.agent_availability) is 'What calls about an agent answer.';

CREATE OR REPLACE FUNCTION handoff.agent_availability_announce()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  agent public.agent_availability := coalesce(new, old);
  profile jsonb := handoff.agent_profile(agent.project_id, agent.user_id);
  -- The offers of one who is not online are withdrawn by another trigger of this statement.
  offered integer := case agent.effective_status when 'online' then agent.offered_chat_count else 0 end;
begin
  insert into handoff.outbox (project_id, kind, payload)
  values (agent.project_id, 'presence_change', jsonb_build_object(
    'client_id', agent.user_id,
    'user_id', agent.user_id,
    'name', profile -> 'name',
    'email', (select account.email from auth.users as account where account.id = agent.user_id),
    'role', 'agent',
    'status', case when tg_op = 'DELETE' then 'offline' else agent.status end,
    'effective_status', case when tg_op = 'DELETE' then 'offline' else agent.effective_status end,
    'available_slots', case when tg_op = 'DELETE' then 0
                            else greatest(agent.max_concurrent_chats - agent.current_chat_count - offered, 0) end,
    'effective_reason', agent.effective_reason,
    'connection', case when tg_op = 'DELETE' then 'gone' else agent.connection end,
    'timestamp', now()));
  return null;
end
$function$;
comment on function handoff.agent_availability_announce() is 'presence_change: what an agent can be offered changed. An agent who left the team is offline with no slots.';

CREATE OR REPLACE FUNCTION handoff.agent_availability_derive()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  -- One more chat or one less: most updates. What is derived stays, and is not worth a call for each agent of a batch.
  if tg_op = 'UPDATE' and (new.status, new.connection, new.inactive, new.skills) = (old.status, old.connection, old.inactive, old.skills) then
    new.effective_status := old.effective_status;
    new.effective_reason := old.effective_reason;
    if new.current_chat_count = 0 and old.current_chat_count > 0 then
      new.idle_since := now();
    end if;
    new.updated_at := now();
    return new;
  end if;
  if new.status = 'available' then
    new.status := 'online';
  end if;
  if tg_op = 'INSERT' then
    new.current_chat_count := handoff.chats_of(new.project_id, new.user_id);
  end if;
  if tg_op = 'INSERT' or new.skills is distinct from old.skills then
    new.skills := handoff.normal_skills(new.skills);
  end if;
  if tg_op = 'INSERT' or new.status <> old.status then
    new.status_changed_at := now();
    -- A new row that is offline is nobody's choice: a member joined, or opened the dashboard.
    new.status_set_by := case when tg_op = 'UPDATE' or new.status <> 'offline' then auth.uid() end;
  end if;
  if tg_op = 'UPDATE' and new.status <> old.status and auth.uid() = new.user_id then
    new := handoff.agent_spoke(new);
  end if;
  new.effective_reason := handoff.effective_reason(new.status, new.connection, new.inactive);
  new.effective_status := handoff.effective_status(new.status, new.effective_reason);
  if tg_op = 'INSERT' or new.effective_status <> old.effective_status then
    new.effective_changed_at := now();
  end if;
  -- Who was suspect for a moment keeps the place.
  if tg_op = 'INSERT' or (new.current_chat_count = 0 and old.current_chat_count > 0)
     or (new.status = 'online' and old.status <> 'online')
     or (new.effective_status = 'online' and old.effective_status = 'offline') then
    new.idle_since := now();
  end if;
  new.updated_at := now();
  return new;
end
$function$;
comment on function handoff.agent_availability_derive() is 'What no caller sets: the effective status, the count of a new row, who changed the status and when.';

CREATE OR REPLACE FUNCTION handoff.agent_availability_end_offers()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  agent public.agent_availability := case tg_op when 'DELETE' then old else new end;
  surplus bigint := case when tg_op = 'DELETE' or agent.effective_status <> 'online' then null
                         else greatest(agent.current_chat_count + agent.offered_chat_count - agent.max_concurrent_chats, 0) end;
begin
  update handoff.offers as ended
     set state = 'withdrawn', ended_at = greatest(now(), ended.offered_at),
         end_reason = case when tg_op = 'DELETE' then 'agent_removed'
                           when surplus is null then 'agent_unavailable' else 'limit_lowered' end
   where ended.state = 'open'
     and ended.id in (
           select offer.id
             from handoff.offers as offer
            where offer.project_id = agent.project_id and offer.agent_id = agent.user_id and offer.state = 'open'
            order by offer.id desc
            limit surplus);
  return null;
end
$function$;
comment on function handoff.agent_availability_end_offers() is 'Withdraws the offers of an agent who is not online any more or gone, and the latest ones when the limit leaves no slot for them.';

CREATE OR REPLACE FUNCTION handoff.agent_availability_returned()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  delete from handoff.agent_absences as absence
   using public.conversations as conversation
   where conversation.id = absence.conversation_id
     and conversation.project_id = new.project_id and conversation.assigned_agent_id = new.user_id;
  return null;
end
$function$;
comment on function handoff.agent_availability_returned() is 'The agent is back: the next absence is told anew.';

CREATE OR REPLACE FUNCTION handoff.agent_beat(lease handoff.presence_leases, moment timestamp with time zone)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  agent record;
begin
  select found.id, found.status, found.effective_status, found.effective_reason,
         found.connection <> 'live' or found.inactive is distinct from (
           found.auto_offline_enabled and greatest(lease.active_at, found.last_active_at)
             <= moment - make_interval(mins => found.auto_offline_minutes)) as is_news
    into agent
    from public.agent_availability as found
   where found.user_id = lease.user_id and found.project_id = lease.project_id;
  if not found then
    return null;
  end if;
  if agent.is_news then
    perform handoff.settle_person(lease.project_id, 'agent', lease.user_id, lease.client_id, moment);
    select settled.id, settled.status, settled.effective_status, settled.effective_reason into agent
      from public.agent_availability as settled where settled.id = agent.id;
  end if;
  return jsonb_build_object(
    'known', true, 'next_beat_seconds', handoff.next_beat('agent', lease.state, false, null), 'lease_seconds', lease.lease_seconds,
    'server_time', moment, 'status', agent.status, 'effective_status', agent.effective_status, 'effective_reason', agent.effective_reason);
end
$function$;
comment on function handoff.agent_beat(lease handoff.presence_leases, moment timestamp with time zone) is 'What an agent''s beat has changed is settled: a returning beat restores what the agent wanted. The answer; null: no agent of the project any more.';

CREATE OR REPLACE FUNCTION handoff.agent_presence(project_id uuid, user_id uuid, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  agent public.agent_availability;
begin
  perform handoff.require_member_or_service(agent_presence.project_id);
  select * into agent from public.agent_availability as found
   where found.project_id = agent_presence.project_id and found.user_id = agent_presence.user_id;
  if agent.id is null then
    perform handoff.fail(404, 'agent_not_found', 'This user does not belong to the project');
  end if;
  return handoff.agent_record(agent, moment);
end
$function$;
grant execute on function handoff.agent_presence(project_id uuid, user_id uuid, moment timestamp with time zone) to authenticated;
grant execute on function handoff.agent_presence(project_id uuid, user_id uuid, moment timestamp with time zone) to service_role;

CREATE OR REPLACE FUNCTION handoff.agent_profile(project_id uuid, user_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select profile.agent from handoff.agent_profiles(array[agent_profile.project_id], array[agent_profile.user_id]) as profile;
$function$;
comment on function handoff.agent_profile(project_id uuid, user_id uuid) is 'What a customer sees of an agent: id, name, avatar_url.';

CREATE OR REPLACE FUNCTION handoff.agent_profiles(projects uuid[], users uuid[])
 RETURNS TABLE(project_id uuid, user_id uuid, agent jsonb)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
#variable_conflict use_column
begin
  return query
  select wanted.project_id, wanted.user_id,
         jsonb_build_object(
           'id', account.id,
           'name', coalesce(member.name, account.raw_user_meta_data ->> 'name', split_part(account.email, '@', 1), 'Agent'),
           'avatar_url', coalesce(member.avatar_url,
                                  case when account.raw_user_meta_data ? 'avatar_url'
                                       then handoff.web_address(account.raw_user_meta_data ->> 'avatar_url') end))
    from unnest(agent_profiles.projects, agent_profiles.users) as wanted (project_id, user_id)
    join auth.users as account on account.id = wanted.user_id
    left join public.project_members as member
      on member.user_id = account.id and member.project_id = wanted.project_id and member.status <> 'removed';
end
$function$;
comment on function handoff.agent_profiles(projects uuid[], users uuid[]) is 'What customers see of agents, each of one project: id, name, avatar_url.';

CREATE OR REPLACE FUNCTION handoff.agent_record(agent public.agent_availability, moment timestamp with time zone)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'user_id', agent.user_id, 'name', profile.of -> 'name', 'email', account.email, 'avatar_url', profile.of -> 'avatar_url',
    'role', 'agent', 'status', agent.status, 'effective_status', agent.effective_status,
    'effective_reason', agent.effective_reason, 'connection', agent.connection,
    'last_seen_at', greatest(agent.last_seen_at, here.beat_at), 'last_active_at', greatest(agent.last_active_at, here.active_at),
    'schedule', handoff.schedule_word(agent.project_id, moment), 'skills', agent.skills,
    'current_chat_count', agent.current_chat_count, 'max_concurrent_chats', agent.max_concurrent_chats,
    'available_slots', greatest(agent.max_concurrent_chats - agent.current_chat_count, 0), 'connections', here.list)
    from auth.users as account
   cross join lateral (select handoff.agent_profile(agent.project_id, agent.user_id) as of) as profile
   cross join lateral (
      select max((there.lease).beat_at) as beat_at, max((there.lease).active_at) as active_at,
             coalesce(jsonb_agg(jsonb_build_object(
               'connection_id', (there.session).connection_id, 'state', (there.lease).state, 'page', (there.session).page,
               'entered_at', (there.session).entered_at, 'last_beat_at', (there.lease).beat_at)
               order by (there.session).entered_at), '[]'::jsonb) as list
        from handoff.present_person(agent.project_id, agent.user_id::text, moment) as there
     ) as here
   where account.id = agent.user_id;
$function$;
comment on function handoff.agent_record(agent public.agent_availability, moment timestamp with time zone) is 'The three facts of an agent (wish, connection, schedule), what follows from them, and the connections.';

CREATE OR REPLACE FUNCTION handoff.agent_spoke(agent public.agent_availability)
 RETURNS public.agent_availability
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
begin
  if agent.connection = 'gone' then
    agent.connection := 'unknown';
  end if;
  agent.inactive := false;
  agent.last_active_at := now();
  return agent;
end
$function$;
comment on function handoff.agent_spoke(agent public.agent_availability) is 'The row of an agent who has just set a status by hand.';

CREATE OR REPLACE FUNCTION handoff.agent_wrote(conversation public.conversations, written public.messages)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION handoff.agents_by_status(project_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select jsonb_object_agg(each.status, (
           select count(*)
             from handoff.team(agents_by_status.project_id) as person
             left join public.agent_availability as agent
               on agent.project_id = agents_by_status.project_id and agent.user_id = person.user_id
            where coalesce(agent.effective_status, 'offline') = each.status))
    from (values ('online'), ('busy'), ('away'), ('offline')) as each (status);
$function$;
comment on function handoff.agents_by_status(project_id uuid) is 'How many of the team have each effective status.';

CREATE OR REPLACE FUNCTION handoff.agents_online(project_id uuid, status text, skill text, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  wanted text := case when agents_online.status is not null then handoff.normal_status(agents_online.status) end;
begin
  perform handoff.require_member_or_service(agents_online.project_id);
  return coalesce((
    select jsonb_agg(handoff.agent_record(agent, moment) order by agent.user_id)
      from public.agent_availability as agent
     where agent.project_id = agents_online.project_id
       and case when wanted is null then agent.effective_status <> 'offline' else agent.effective_status = wanted end
       and (agents_online.skill is null or lower(btrim(agents_online.skill)) = any (agent.skills))), '[]'::jsonb);
end
$function$;
grant execute on function handoff.agents_online(project_id uuid, status text, skill text, moment timestamp with time zone) to authenticated;
grant execute on function handoff.agents_online(project_id uuid, status text, skill text, moment timestamp with time zone) to service_role;

CREATE OR REPLACE FUNCTION handoff.ai_wrote(conversation public.conversations, written public.messages)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION handoff.announce_end(ended bigint[], moment timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  with closed as materialized (
    select session.id, session.project_id, session.client_id, session.role, session.last_seen_at, session.leave_reason, session.leave_data,
           handoff.presence_payload(session, moment) as payload
      from public.presence_sessions as session
     where session.id = any (announce_end.ended)
  ), last as materialized (
    -- Of the connections of one person the last of these; none, while another is still there.
    select distinct on (closed.project_id, closed.client_id)
           closed.id, closed.project_id, closed.role, closed.last_seen_at, closed.leave_reason,
           closed.payload - array['connection_id', 'data', 'page', 'conversation_id'] as person
      from closed
     where not exists (
             select 1 from public.presence_sessions as other
              where other.project_id = closed.project_id and other.client_id = closed.client_id and other.left_at is null)
     order by closed.project_id, closed.client_id, closed.last_seen_at desc, closed.id desc
  ), event as (
    select closed.project_id, closed.id, 1 as rank, 'presence_leave' as kind,
           closed.payload || jsonb_build_object('reason', closed.leave_reason, 'leave_data', closed.leave_data) as payload
      from closed
    union all
    select last.project_id, last.id, 2, 'visitor_presence', last.person || handoff.there_or_not('offline')
      from last where last.role <> 'agent'
    union all
    select last.project_id, last.id, 3, 'presence_offline',
           last.person || jsonb_build_object('reason', last.leave_reason, 'last_seen_at', last.last_seen_at)
      from last
  )
  insert into handoff.outbox (project_id, kind, payload)
  select event.project_id, event.kind, event.payload
    from event
   order by event.rank > 1, event.id, event.rank;
end
$function$;
comment on function handoff.announce_end(ended bigint[], moment timestamp with time zone) is 'presence_leave for each closed session; for who is now offline on all devices presence_offline, and presence_change unless it is an agent.';

CREATE OR REPLACE FUNCTION handoff.announce_person(session public.presence_sessions, status text, moment timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  if session.role <> 'agent' then
    insert into handoff.outbox (project_id, kind, payload)
    values (session.project_id, 'visitor_presence',
            handoff.presence_payload(session, moment) - array['connection_id', 'data', 'page', 'conversation_id']
              || handoff.there_or_not(announce_person.status));
  end if;
end
$function$;
comment on function handoff.announce_person(session public.presence_sessions, status text, moment timestamp with time zone) is 'presence_change of a customer or bot: online or offline.';

CREATE OR REPLACE FUNCTION handoff.assignment_reason(strategy text, reason text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
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
$function$;
comment on function handoff.assignment_reason(strategy text, reason text) is 'Why an agent was chosen, in words.';

CREATE OR REPLACE FUNCTION handoff.assignment_verdict(verdict text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
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
$function$;
comment on function handoff.assignment_verdict(verdict text) is 'Why a candidate was not chosen, in words.';

CREATE OR REPLACE FUNCTION handoff.attachment(conversation_id uuid, file jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  given_path text := attachment.file ->> 'path';
  shown_name text := coalesce(attachment.file ->> 'name', split_part(given_path, '/', 3));
  described jsonb;
begin
  if handoff.attachment_conversation(given_path) is distinct from attachment.conversation_id then
    perform handoff.fail(400, 'attachment_path', 'A file is not of this conversation', 'Upload it to {conversation}/{uuid}/{file name}.');
  end if;
  if char_length(shown_name) not between 1 and 200 or shown_name ~ '[[:cntrl:]/\\\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]' then
    perform handoff.fail(400, 'attachment_name', 'The name of a file has too many letters, or some that names do not have');
  end if;
  select jsonb_build_object('path', object.name, 'name', shown_name,
                            'mime_type', object.metadata ->> 'mimetype', 'size', (object.metadata ->> 'size')::bigint)
    into described
    from storage.objects as object
   where object.bucket_id = handoff.attachment_bucket() and object.name = given_path
     and object.owner_id = auth.uid()::text and object.metadata ? 'mimetype';
  if described is null then
    perform handoff.fail(409, 'attachment_missing', 'A file is not there, or somebody else has uploaded it', 'Send the message when the upload is done.');
  end if;
  return described;
end
$function$;
comment on function handoff.attachment(conversation_id uuid, file jsonb) is 'A file as the message will show it, from {path, name}; refuses one that the caller has not uploaded to the conversation.';

CREATE OR REPLACE FUNCTION handoff.attachment_bucket()
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select 'handoff-attachments';
$function$;
comment on function handoff.attachment_bucket() is 'The id of the bucket with the files of conversations.';

CREATE OR REPLACE FUNCTION handoff.attachment_conversation(path text)
 RETURNS uuid
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
begin
  return case
    when attachment_conversation.path ~
         '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[A-Za-z0-9_][A-Za-z0-9_. -]{0,119}$'
    then split_part(attachment_conversation.path, '/', 1)::uuid
  end;
end
$function$;
comment on function handoff.attachment_conversation(path text) is 'The conversation that a path in the bucket belongs to; null for a path that is none of ours.';

CREATE OR REPLACE FUNCTION handoff.attachments(conversation_id uuid, files jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  list jsonb;
begin
  if to_regclass('storage.objects') is null then
    perform handoff.fail(409, 'attachments_off', 'This project has no file storage', 'Enable Storage, then: select handoff.install_attachments()');
  end if;
  if jsonb_typeof(attachments.files) is distinct from 'array' or jsonb_array_length(attachments.files) not between 1 and 5 then
    perform handoff.fail(400, 'attachment_count', 'A message carries one to five files');
  end if;
  select jsonb_agg(handoff.attachment(attachments.conversation_id, file.given) order by file.place)
    into list
    from jsonb_array_elements(attachments.files) with ordinality as file (given, place);
  return list;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.availability(project_id uuid, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
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
$function$;
comment on function handoff.availability(project_id uuid, moment timestamp with time zone) is 'F001 5.10.2: whether a person can take over, why not, and what the widget shows.';
grant execute on function handoff.availability(project_id uuid, moment timestamp with time zone) to anon;
grant execute on function handoff.availability(project_id uuid, moment timestamp with time zone) to authenticated;
grant execute on function handoff.availability(project_id uuid, moment timestamp with time zone) to service_role;

CREATE OR REPLACE FUNCTION handoff.beat_answer(lease handoff.presence_leases, moment timestamp with time zone)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  next_beat integer;
begin
  if lease.role = 'agent' then
    return handoff.agent_beat(lease, moment);
  end if;
  if lease.role = 'customer' then
    next_beat := handoff.customer_beat(lease, moment);
    -- Only with a beat: presence_update is none, and its caller need not heed the interval.
    if next_beat <> lease.next_beat and lease.beat_at >= moment then
      lease := handoff.hold_to_answer(lease, next_beat, moment);
    end if;
  else
    next_beat := handoff.next_beat(lease.role, lease.state, false, lease.next_beat);
  end if;
  return jsonb_build_object('known', true, 'next_beat_seconds', next_beat, 'lease_seconds', lease.lease_seconds, 'server_time', moment);
end
$function$;
comment on function handoff.beat_answer(lease handoff.presence_leases, moment timestamp with time zone) is 'Settles what a beat has changed, and says when the next is wanted; null for an agent who is none any more.';

CREATE OR REPLACE FUNCTION handoff.beat_edges()
 RETURNS integer[]
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
begin
  return array[5, 12, 20, 35, 50, 65, 90, 120, 180];
end
$function$;
comment on function handoff.beat_edges() is 'The upper edges, in seconds, of the histogram of the time between beats; the last of its ten columns has none.';

CREATE OR REPLACE FUNCTION handoff.beat_unknown(moment timestamp with time zone)
 RETURNS jsonb
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
begin
  return jsonb_build_object('known', false, 'next_beat_seconds', 0, 'lease_seconds', 0, 'server_time', moment);
end
$function$;
comment on function handoff.beat_unknown(moment timestamp with time zone) is 'The answer to a connection that is not there: enter again.';

CREATE OR REPLACE FUNCTION handoff.business_hours_exceptions_validate()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  new.updated_at := now();
  -- A change of one of the two takes the other along: {"closed": true} drops the ranges, new ranges open the day.
  if tg_op = 'INSERT' then
    new.closed := coalesce(new.closed, new.ranges is null);
  elsif new.closed and not old.closed and new.ranges is not distinct from old.ranges then
    new.ranges := null;
  elsif new.closed = old.closed and new.ranges is distinct from old.ranges then
    new.closed := new.ranges is null;
  end if;
  if new.closed <> (new.ranges is null) then
    perform handoff.fail(400, 'exception_contradicts', 'An exception is either closed or has ranges',
                         'Leave "closed" out, or send ranges only when it is false.');
  end if;
  if new.ranges is not null then
    new.ranges := handoff.checked_ranges(new.ranges, new.date::text);
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.calibration(project_id uuid, days integer DEFAULT 7, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
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
$function$;
comment on function handoff.calibration(project_id uuid, days integer, moment timestamp with time zone) is 'How the first ranges of a project''s waits were kept, of those promised in the last days that got an agent, beside the estimate of F001 5.4.6.';

CREATE OR REPLACE FUNCTION handoff.caller_ip(project_id uuid)
 RETURNS text
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  header text := coalesce((select settings.client_ip_header from public.handoff_settings as settings
                            where settings.project_id = caller_ip.project_id), 'cf-connecting-ip');
  -- Of a list the last entry is the one that our own proxy wrote; those before it are the caller's word.
  address text := btrim(split_part(handoff.request_header(header), ',', -1));
begin
  return case when address ~ '^[0-9A-Fa-f:.]{2,45}$' then address end;
end
$function$;
comment on function handoff.caller_ip(project_id uuid) is 'The caller''s address from the header that the project trusts, or null.';

CREATE OR REPLACE FUNCTION handoff.caller_location()
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select upper(header.country)
    from (select nullif(current_setting('request.headers', true), '')::jsonb ->> 'cf-ipcountry' as country) as header
   where header.country ~ '^[A-Za-z]{2}$' and upper(header.country) <> 'XX';
$function$;
comment on function handoff.caller_location() is 'The caller''s country code, or null. Without Cloudflare in front a caller may send any: it is for agents to read, not to decide by.';

CREATE OR REPLACE FUNCTION handoff.callers_customer(project_id uuid, visitor_id text)
 RETURNS uuid
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  return (
    select conversation.customer_id
      from public.conversations as conversation
     where conversation.project_id = callers_customer.project_id
       and conversation.visitor_user_id = auth.uid()
       and conversation.visitor_id = callers_customer.visitor_id
       and conversation.customer_id is not null
     order by conversation.created_at desc
     limit 1);
end
$function$;
comment on function handoff.callers_customer(project_id uuid, visitor_id text) is 'The customer as whom the caller chatted last under a visitor id: on a shared device not always the one the id belongs to.';

CREATE OR REPLACE FUNCTION handoff.can_add_file(path text)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  caller uuid := auth.uid();
  conversation public.conversations;
begin
  select * into conversation
    from public.conversations as found
   where found.id = handoff.attachment_conversation(can_add_file.path);
  if conversation.visitor_user_id = caller then
    return conversation.cleared_at is null and conversation.status <> 'closed' and not conversation.is_spam
       and handoff.count_files(conversation.id) < 100;
  end if;
  return coalesce(conversation.status = 'agent_active' and not conversation.is_spam
    and handoff.is_member(conversation.project_id)
    and (conversation.assigned_agent_id = caller or handoff.is_admin(conversation.project_id)), false);
end
$function$;
comment on function handoff.can_add_file(path text) is 'Whether the caller may put a file at this path: a visitor or agent who may write in the conversation now. A visitor may until it has a hundred files.';
grant execute on function handoff.can_add_file(path text) to authenticated;

CREATE OR REPLACE FUNCTION handoff.can_listen(topic text)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  part text[] := string_to_array(can_listen.topic, ':');
  subject uuid;
begin
  if part[2] !~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then
    return false;
  end if;
  subject := part[2]::uuid;
  return case
    when part[1] = 'conversation' and (cardinality(part) = 2 or (cardinality(part) = 3 and part[3] = 'typing')) then exists (
      select 1 from public.conversations as conversation
       where conversation.id = subject
         and ((conversation.visitor_user_id = (select auth.uid()) and conversation.cleared_at is null)
              or conversation.project_id in (select handoff.member_projects())))
    when part[1] = 'project' and cardinality(part) = 3 and part[3] = 'agents' then handoff.is_member(subject)
    when part[1] = 'presence' and cardinality(part) = 2 then handoff.is_member(subject)
    when part[1] = 'agent' and cardinality(part) = 2 then subject = (select auth.uid())
    else false
  end;
end
$function$;
comment on function handoff.can_listen(topic text) is 'Whether the caller may receive a topic of ours (docs/events.md).';
grant execute on function handoff.can_listen(topic text) to authenticated;

CREATE OR REPLACE FUNCTION handoff.can_read_file(path text)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  return exists (
    select 1 from public.conversations as conversation
     where conversation.id = handoff.attachment_conversation(can_read_file.path)
       and ((conversation.visitor_user_id = (select auth.uid()) and conversation.cleared_at is null)
            or handoff.is_member(conversation.project_id)));
end
$function$;
comment on function handoff.can_read_file(path text) is 'Whether the caller may read the conversation that a path of the bucket belongs to.';
grant execute on function handoff.can_read_file(path text) to authenticated;

CREATE OR REPLACE FUNCTION handoff.can_send(topic text)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
begin
  return can_send.topic like 'conversation:%:typing' and handoff.can_listen(can_send.topic);
end
$function$;
comment on function handoff.can_send(topic text) is 'Whether the caller may send on a topic of ours: who may listen to a typing topic may also type.';
grant execute on function handoff.can_send(topic text) to authenticated;

CREATE OR REPLACE FUNCTION handoff.candidates_explained(project_id uuid, candidates jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select coalesce(jsonb_agg(candidate.value || jsonb_build_object(
           'name', handoff.agent_profile(candidates_explained.project_id, (candidate.value ->> 'id')::uuid) -> 'name',
           'text', handoff.assignment_verdict(candidate.value ->> 'verdict')) order by candidate.place), '[]'::jsonb)
    from jsonb_array_elements(candidates_explained.candidates) with ordinality as candidate (value, place);
$function$;

CREATE OR REPLACE FUNCTION handoff.canned_responses_validate()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  new.updated_at := now();
  new.shortcut := lower(ltrim(btrim(new.shortcut), '/'));
  if new.shortcut is null or new.shortcut !~ '^[[:alnum:]_-]{1,40}$' then
    perform handoff.fail(400, 'shortcut_invalid', 'A shortcut is one word of up to 40 letters, digits, - and _',
                         'For example: refund-policy');
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.change_member(member_id uuid, role text, max_concurrent_chats integer, name text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  member public.project_members := handoff.lock_member(change_member.member_id);
begin
  perform handoff.require_role(coalesce(change_member.role, member.role));
  if member.status = 'removed' then
    perform handoff.fail(409, 'member_removed', 'This member was removed', 'Invite the address again.');
  end if;
  update public.project_members as changed
     set role = coalesce(change_member.role, changed.role),
         max_concurrent_chats = coalesce(change_member.max_concurrent_chats, changed.max_concurrent_chats),
         name = case when change_member.name is null then changed.name else nullif(btrim(change_member.name), '') end
   where changed.id = member.id
  returning changed.* into member;
  return handoff.member_answer(member);
end
$function$;
grant execute on function handoff.change_member(member_id uuid, role text, max_concurrent_chats integer, name text) to authenticated;

CREATE OR REPLACE FUNCTION handoff.change_session(session public.presence_sessions, page text, data jsonb, conversation_id uuid, moment timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  update public.presence_sessions as changed
     set page = coalesce(change_session.page, changed.page),
         data = coalesce(change_session.data, changed.data),
         conversation_id = coalesce(change_session.conversation_id, changed.conversation_id)
   where changed.id = session.id
     and (coalesce(change_session.page, changed.page), coalesce(change_session.data, changed.data),
          coalesce(change_session.conversation_id, changed.conversation_id))
         is distinct from (changed.page, changed.data, changed.conversation_id)
  returning changed.* into session;
  if found then
    insert into handoff.outbox (project_id, kind, payload)
    values (session.project_id, 'presence_update', handoff.presence_payload(session, moment));
  end if;
end
$function$;
comment on function handoff.change_session(session public.presence_sessions, page text, data jsonb, conversation_id uuid, moment timestamp with time zone) is 'Writes and announces what is new about a session; null is no news.';

CREATE OR REPLACE FUNCTION handoff.chats_of(project_id uuid, user_id uuid)
 RETURNS integer
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  return (select count(*)::integer
            from public.conversations as conversation
           where conversation.project_id = chats_of.project_id
             and conversation.assigned_agent_id = chats_of.user_id
             and conversation.status = 'agent_active');
end
$function$;
comment on function handoff.chats_of(project_id uuid, user_id uuid) is 'How many chats the agent has, counted.';

CREATE OR REPLACE FUNCTION handoff.check_settings_types(given jsonb)
 RETURNS void
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  defaults jsonb := handoff.default_settings();
  setting record;
begin
  perform handoff.require_type(given, 'object', 'The settings');
  perform handoff.refuse_unknown_keys(given, array(select jsonb_object_keys(defaults)), 'The settings');
  for setting in select * from jsonb_each(given) loop
    perform handoff.require_type(setting.value, jsonb_typeof(defaults -> setting.key), format('"%s"', setting.key));
    if jsonb_typeof(setting.value) = 'number' and setting.value::text !~ '^-?[0-9]{1,9}$' then
      perform handoff.fail(400, 'setting_invalid', format('"%s" must be a whole number', setting.key));
    end if;
  end loop;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.checked_day(given jsonb, place text)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  -- A day that names hours is meant to be open, unless it says otherwise.
  enabled jsonb := coalesce(given -> 'enabled', to_jsonb(given ?| array['start', 'end', 'ranges']));
  hours jsonb;
begin
  perform handoff.require_type(given, 'object', place);
  perform handoff.refuse_unknown_keys(given, array['enabled', 'start', 'end', 'overnight', 'ranges'], place);
  perform handoff.require_type(enabled, 'boolean', place || ': "enabled"');
  if given ? 'ranges' then
    if given ?| array['start', 'end', 'overnight'] then
      perform handoff.fail(400, 'range_invalid', format('%s has both "ranges" and hours beside them', place),
                           'Use either "start" and "end" or "ranges".');
    end if;
    hours := case
      when enabled = 'false'::jsonb and given -> 'ranges' = '[]'::jsonb then '{"ranges": []}'::jsonb
      else jsonb_build_object('ranges', handoff.checked_ranges(given -> 'ranges', place))
    end;
  else
    hours := handoff.checked_range('{"start": "09:00", "end": "17:00"}'::jsonb || (given - 'enabled'), place);
  end if;
  return hours || jsonb_build_object('enabled', enabled);
end
$function$;
comment on function handoff.checked_day(given jsonb, place text) is 'One weekday of business_hours in its full form; hours that are left out are 09:00 to 17:00.';

CREATE OR REPLACE FUNCTION handoff.checked_keywords(keywords jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  cleaned jsonb;
  usable boolean;
begin
  perform handoff.require_type(keywords, 'array', '"keywords"');
  select jsonb_agg(kept.word order by kept.place), bool_and(kept.is_text and char_length(kept.word) between 1 and 100)
    into cleaned, usable
    from (
      select cleaned_word.word, min(keyword.place) as place, bool_and(jsonb_typeof(keyword.value) = 'string') as is_text
        from jsonb_array_elements(keywords) with ordinality as keyword (value, place)
       cross join lateral (
         select lower(regexp_replace(keyword.value #>> '{}', '^\s+|\s+$', '', 'g')) as word
       ) as cleaned_word
       group by cleaned_word.word
    ) as kept;
  if usable is distinct from true or jsonb_array_length(cleaned) > 100 then
    perform handoff.fail(400, 'keywords_invalid', '"keywords" must be 1 to 100 words or phrases of 1 to 100 characters',
                         'Set keywords_enabled to false to stop handing off on keywords.');
  end if;
  return cleaned;
end
$function$;
comment on function handoff.checked_keywords(keywords jsonb) is 'The keywords trimmed, lower-cased and without repetition, in the order given (F001 5.1.5).';

CREATE OR REPLACE FUNCTION handoff.checked_page(page text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select case when page ~* '^https?://' then left(page, 2000) end;
$function$;
comment on function handoff.checked_page(page text) is 'The address, cut to 2000 characters; null unless it is http or https.';

CREATE OR REPLACE FUNCTION handoff.checked_presence_data(data jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
begin
  if data is not null and (jsonb_typeof(data) <> 'object' or octet_length(data::text) > 4096) then
    perform handoff.fail(400, 'data_invalid', 'The data must be a JSON object of at most 4096 bytes');
  end if;
  return data;
end
$function$;
comment on function handoff.checked_presence_data(data jsonb) is 'The data; refuses what is no object or too large.';

CREATE OR REPLACE FUNCTION handoff.checked_range(given jsonb, place text)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  overnight boolean := coalesce(given -> 'overnight' = 'true'::jsonb, false);
begin
  perform handoff.require_type(given, 'object', place || ': a range');
  perform handoff.refuse_unknown_keys(given, array['start', 'end', 'overnight'], place);
  if given ? 'overnight' then
    perform handoff.require_type(given -> 'overnight', 'boolean', place || ': "overnight"');
  end if;
  if coalesce(given ->> 'start', '') !~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'
     or coalesce(given ->> 'end', '') !~ '^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$' then
    perform handoff.fail(400, 'time_invalid', format('%s: "start" and "end" must be times of day as HH:MM', place),
                         'From 00:00 to 23:59; the end may be 24:00.');
  end if;
  if overnight <> ((given ->> 'start')::time >= (given ->> 'end')::time) then
    perform handoff.fail(400, 'range_invalid', format('%s: the start must be before the end', place),
                         'A range past midnight says so with "overnight": true, and ends before it starts.');
  end if;
  return jsonb_build_object('start', given -> 'start', 'end', given -> 'end')
      || case when overnight then '{"overnight": true}'::jsonb else '{}'::jsonb end;
end
$function$;
comment on function handoff.checked_range(given jsonb, place text) is 'One range {"start", "end"[, "overnight"]}; refuses anything but HH:MM with start before end, or past midnight when it says so.';

CREATE OR REPLACE FUNCTION handoff.checked_ranges(given jsonb, place text)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  sorted jsonb;
  overlapping boolean;
begin
  perform handoff.require_type(given, 'array', place || ': "ranges"');
  if jsonb_array_length(given) not between 1 and 24 then
    perform handoff.fail(400, 'ranges_missing', format('%s: "ranges" must hold 1 to 24 ranges', place),
                         'A closed day is not enabled; a closed date is an exception without ranges.');
  end if;
  select jsonb_agg(range.value order by range.opens), bool_or(range.opens < range.previous_closes)
    into sorted, overlapping
    from (
      select wall.value, wall.opens, lag(wall.closes) over (order by wall.opens) as previous_closes
        from (
          select checked.value,
                 (checked.value ->> 'start')::interval as opens,
                 (checked.value ->> 'end')::interval
                   + case when checked.value ? 'overnight' then interval '24 hours' else interval '0' end as closes
            from (select handoff.checked_range(element, place) as value
                    from jsonb_array_elements(given) as element) as checked
        ) as wall
    ) as range;
  if overlapping then
    perform handoff.fail(400, 'ranges_overlap', format('%s: two ranges overlap', place), 'They may touch.');
  end if;
  return sorted;
end
$function$;
comment on function handoff.checked_ranges(given jsonb, place text) is 'The ranges of one day, checked and in order; refuses none and overlapping ones.';

CREATE OR REPLACE FUNCTION handoff.checked_state(role text, state text)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
begin
  if handoff.presence_state(checked_state.role, checked_state.state) is null then
    perform handoff.fail(400, 'unknown_state', format('A connection of role %s has no such state', checked_state.role),
                         'Agents: active, idle, hidden. Customers: online, idle, typing, background.');
  end if;
  return handoff.presence_state(checked_state.role, checked_state.state);
end
$function$;
comment on function handoff.checked_state(role text, state text) is 'The state as it is stored; refuses one that the role does not have.';

CREATE OR REPLACE FUNCTION handoff.checked_triggers(given jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  triggers jsonb := handoff.default_settings() -> 'auto_triggers';
begin
  perform handoff.require_type(given, 'object', '"auto_triggers"');
  perform handoff.refuse_unknown_keys(given, array(select jsonb_object_keys(triggers)), '"auto_triggers"');
  triggers := triggers || given;
  perform handoff.require_type(triggers -> 'low_confidence_enabled', 'boolean', '"low_confidence_enabled"');
  perform handoff.require_type(triggers -> 'keywords_enabled', 'boolean', '"keywords_enabled"');
  perform handoff.require_type(triggers -> 'low_confidence_threshold', 'number', '"low_confidence_threshold"');
  if (triggers ->> 'low_confidence_threshold')::numeric not between 0 and 1 then
    perform handoff.fail(400, 'threshold_out_of_range', '"low_confidence_threshold" must be between 0 and 1');
  end if;
  return triggers || jsonb_build_object('keywords', handoff.checked_keywords(triggers -> 'keywords'));
end
$function$;
comment on function handoff.checked_triggers(given jsonb) is 'The automatic triggers with defaults for what is left out; refuses what F001 5.1.5 forbids.';

CREATE OR REPLACE FUNCTION handoff.checked_week(given jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  weekdays text[] := array['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];
begin
  perform handoff.require_type(given, 'object', '"business_hours"');
  perform handoff.refuse_unknown_keys(given, weekdays, '"business_hours"');
  return (select jsonb_object_agg(weekday, handoff.checked_day(coalesce(given -> weekday, '{"enabled": false}'), weekday))
            from unnest(weekdays) as weekday);
end
$function$;
comment on function handoff.checked_week(given jsonb) is 'business_hours with all seven days; a day that is left out is closed.';

CREATE OR REPLACE FUNCTION handoff.checked_zone(name text)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  found text;
begin
  select zone into found from handoff.known_zones() as zone where lower(zone) = lower(btrim(checked_zone.name)) limit 1;
  if found is null then
    perform handoff.fail(400, 'unknown_timezone', format('"%s" is no IANA time zone', checked_zone.name),
                         'Use a name such as Europe/Berlin or UTC; abbreviations do not know summer time.');
  end if;
  return found;
end
$function$;
comment on function handoff.checked_zone(name text) is 'The zone in the spelling of the zone data; refuses names that are none.';

CREATE OR REPLACE FUNCTION handoff.claim_mail(most integer, lease interval, moment timestamp with time zone DEFAULT now())
 RETURNS TABLE(id bigint, project_id uuid, project_name text, kind text, recipient text, data jsonb, attempt integer, created_at timestamp with time zone)
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  with due as (
    select mail.id,
           mail.first_tried_at < moment - interval '24 hours' or mail.created_at < moment - interval '7 days' as late
      from handoff.mail_outbox as mail
     where mail.sent_at is null and mail.given_up_at is null and mail.next_attempt_at <= moment
     order by mail.next_attempt_at, mail.id
     limit most
       for update skip locked
  ), late as (
    update handoff.mail_outbox as mail
       set given_up_at = moment, last_error = coalesce(mail.last_error, 'not sent in time')
      from due
     where mail.id = due.id and due.late is true
  ), claimed as (
    update handoff.mail_outbox as mail
       set attempts = mail.attempts + 1,
           first_tried_at = coalesce(mail.first_tried_at, moment),
           next_attempt_at = moment + lease
      from due
     where mail.id = due.id and due.late is not true
    returning mail.*
  )
  -- A team's own projects table may have no name.
  select claimed.id, claimed.project_id, to_jsonb(project) ->> 'name', claimed.kind, claimed.recipient, claimed.data,
         claimed.attempts, claimed.created_at
    from claimed
    join public.projects as project on project.id = claimed.project_id
   order by claimed.id;
$function$;
comment on function handoff.claim_mail(most integer, lease interval, moment timestamp with time zone) is 'Takes mail that is due, the longest due first, for the length of the lease. Mail that is too late is given up instead.';

CREATE OR REPLACE FUNCTION handoff.claim_refused(error text, message text)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select jsonb_build_object('success', false, 'error', claim_refused.error, 'message', claim_refused.message);
$function$;

CREATE OR REPLACE FUNCTION handoff.claimed(conversation_id uuid, agent_id uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
begin
  return jsonb_build_object('success', true, 'conversation', jsonb_build_object(
    'id', claimed.conversation_id, 'status', 'agent_active', 'assigned_agent_id', claimed.agent_id));
end
$function$;

CREATE OR REPLACE FUNCTION handoff.clear_chat(conversation_id uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  conversation public.conversations := handoff.lock_as_visitor(clear_chat.conversation_id);
begin
  perform handoff.close_as(conversation.id, 'chat_cleared');
  update public.conversations as cleared set cleared_at = now() where cleared.id = conversation.id;
  return jsonb_build_object('success', true);
end
$function$;
grant execute on function handoff.clear_chat(conversation_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION handoff.close_abandoned(moment timestamp with time zone DEFAULT now(), most integer DEFAULT 100)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  handled integer;
begin
  with due as (
    select conversation.id
      from public.conversations as conversation
      left join public.handoff_settings as settings on settings.project_id = conversation.project_id
     where conversation.status = 'waiting'
       and conversation.customer_presence = 'offline'
       and conversation.customer_last_seen_at <= moment - interval '30 minutes'
       and greatest(conversation.queue_entered_at, conversation.released_at, conversation.customer_active_at)
           <= moment - interval '30 minutes'
       and not exists (select 1 from public.lead_captures as lead where lead.session_id = conversation.id)
       and handoff.opened_at(settings, moment) <= moment - interval '30 minutes'
     order by conversation.customer_last_seen_at, conversation.id
     limit most
       for no key update of conversation skip locked
  )
  update public.conversations as closed
     set status = 'closed', close_reason = 'abandoned'
    from due
   where closed.id = due.id;
  get diagnostics handled = row_count;
  return handled;
end
$function$;
comment on function handoff.close_abandoned(moment timestamp with time zone, most integer) is 'Closes the waiting chats whose customers have been gone for 30 minutes of business hours (F001 9.2).';

CREATE OR REPLACE FUNCTION handoff.close_as(conversation_id uuid, reason text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  update public.conversations as closed
     set status = 'closed', close_reason = close_as.reason
   where closed.id = close_as.conversation_id and closed.status <> 'closed';
end
$function$;

CREATE OR REPLACE FUNCTION handoff.close_conversation(conversation_id uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  conversation public.conversations := handoff.visible_conversation(close_conversation.conversation_id);
  by_visitor boolean := conversation.visitor_user_id is not distinct from auth.uid();
begin
  conversation := handoff.lock_conversation(conversation.id);
  if not by_visitor then
    perform handoff.rate_limit('dashboard', 100, interval '1 minute');
    if conversation.status in ('agent_active', 'resolved') then
      perform handoff.require_owner(conversation);
    end if;
  end if;
  perform handoff.close_as(conversation.id, case when by_visitor then 'customer' else 'agent' end);
  return jsonb_build_object('success', true, 'conversation', jsonb_build_object('id', conversation.id, 'status', 'closed'));
end
$function$;
grant execute on function handoff.close_conversation(conversation_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION handoff.close_inactive(moment timestamp with time zone DEFAULT now(), most integer DEFAULT 100)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  inactive uuid[] := array(
    select conversation.id
      from public.conversations as conversation
      left join public.handoff_settings as settings on settings.project_id = conversation.project_id
      left join handoff.agent_absences as absence on absence.conversation_id = conversation.id
     where conversation.status = 'agent_active'
       and conversation.customer_presence in ('idle', 'offline')
       and greatest(conversation.auto_close_warning_sent_at, absence.offered_at)
           <= moment - make_interval(mins => coalesce(settings.auto_close_after_warning_minutes, 5))
       and conversation.auto_close_warning_sent_at is not null
       and (conversation.customer_presence = 'idle' or conversation.customer_last_seen_at is null
            or conversation.customer_last_seen_at
               <= moment - make_interval(mins => coalesce(settings.session_keep_alive_minutes, 15)))
       and not handoff.is_forsaken(conversation, absence.offered_at)
     order by conversation.auto_close_warning_sent_at, conversation.id
     limit most
       for no key update of conversation skip locked);
begin
  insert into public.messages (conversation_id, sender_type, content, metadata)
  select conversation_id, 'system',
         'This chat has been closed due to inactivity. Start a new chat anytime if you need more help!',
         '{"type": "auto_closed"}'
    from unnest(inactive) as conversation_id
   order by conversation_id;
  update public.conversations as closed
     set status = 'closed', close_reason = 'customer_inactive', resolved_at = moment,
         metadata = closed.metadata || '{"close_reason": "customer_inactive"}'
   where closed.id = any (inactive);
  return cardinality(inactive);
end
$function$;
comment on function handoff.close_inactive(moment timestamp with time zone, most integer) is 'Closes the chats whose customers gave no sign of life after they were asked; their agents get the slots back (F001 5.12.7).';

CREATE OR REPLACE FUNCTION handoff.closes_at(settings public.handoff_settings, moment timestamp with time zone)
 RETURNS timestamp with time zone
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  closing timestamptz;
  days integer;
begin
  if not settings.business_hours_enabled then
    return null;
  end if;
  foreach days in array array[8, 370] loop
    select opening.closes_at into closing
      from handoff.openings(settings, moment, days) as opening
     where moment >= opening.opens_at and moment < opening.closes_at;
    -- An end on the last day looked at may only be where the looking ended.
    if closing is null or (closing at time zone settings.timezone)::date < (moment at time zone settings.timezone)::date + days then
      return closing;
    end if;
  end loop;
  return null;
end
$function$;
comment on function handoff.closes_at(settings public.handoff_settings, moment timestamp with time zone) is 'When the opening that holds the moment ends; null when the project is closed then, and when it does not close within 370 days.';

CREATE OR REPLACE FUNCTION handoff.closing_text(settings public.handoff_settings, opens_at timestamp with time zone, moment timestamp with time zone)
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select 'Our team is currently offline. '
      || coalesce('We will be back ' || handoff.opening_text(closing_text.opens_at, settings.timezone, moment)
                  || ' (' || settings.timezone || '). ', '')
      || 'Your place in line is kept. Leave your e-mail address and we will follow up.';
$function$;
comment on function handoff.closing_text(settings public.handoff_settings, opens_at timestamp with time zone, moment timestamp with time zone) is 'What a waiting customer reads when the team closes; without a time when no opening is known.';

CREATE OR REPLACE FUNCTION handoff.collect_customers(moment timestamp with time zone, most integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  projects uuid[];
  users uuid[];
  seen timestamptz[];
begin
  select array_agg(orphan.project_id), array_agg(orphan.visitor_user_id), array_agg(orphan.seen_at) into projects, users, seen
    from (
      select conversation.project_id, conversation.visitor_user_id, past.seen_at
        from public.conversations as conversation
       cross join lateral (
          select max(session.last_seen_at) as seen_at, bool_or(session.left_at is null) as is_there
            from public.presence_sessions as session
           where session.user_id = conversation.visitor_user_id and session.project_id = conversation.project_id
         ) as past
       where conversation.customer_presence <> 'offline' and not past.is_there
       order by conversation.id
       limit most
    ) as orphan;
  if projects is not null then
    perform handoff.lock_persons(array(
      select handoff.person_slot(person.project_id, person.user_id::text)
        from unnest(projects, users) as person (project_id, user_id)));
    perform handoff.settle_customers(projects, users, array_fill('lost'::text, array[cardinality(users)]), seen, moment);
  end if;
  return coalesce(cardinality(users), 0);
end
$function$;

CREATE OR REPLACE FUNCTION handoff.collect_orphans(moment timestamp with time zone DEFAULT now(), most integer DEFAULT 1000)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  projects uuid[];
  users uuid[];
  handled integer := handoff.restore_leases(moment, most);
begin
  select array_agg(agent.project_id), array_agg(agent.user_id) into projects, users
    from (select * from public.agent_availability as candidate
           where candidate.connection in ('live', 'suspect')
             and not exists (select 1 from public.presence_sessions as session
                              where session.project_id = candidate.project_id and session.client_id = candidate.user_id::text
                                and session.left_at is null)
           order by candidate.id limit most) as agent;
  if projects is not null then
    perform handoff.settle_agents(projects, users, moment);
    handled := greatest(handled, cardinality(users));
  end if;
  return greatest(handled, handoff.collect_customers(moment, most), handoff.prune_presence(moment, most));
end
$function$;
comment on function handoff.collect_orphans(moment timestamp with time zone, most integer) is 'Sessions without a lease get one of grace; agents and customers who are there by their row and by no connection are offline; old sessions and traces go.';

CREATE OR REPLACE FUNCTION handoff.confirm_question(conversation public.conversations, moment timestamp with time zone DEFAULT now())
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
  insert into handoff.mail_outbox (project_id, kind, recipient, data)
  select conversation.project_id, 'offline_confirmation', conversation.customer_email,
         jsonb_build_object('conversation_id', conversation.id)
   where not exists (
     select 1 from handoff.mail_outbox as mail
      where mail.project_id = conversation.project_id and mail.kind = 'offline_confirmation'
        and mail.recipient = conversation.customer_email and mail.created_at > moment - interval '1 hour');
$function$;

CREATE OR REPLACE FUNCTION handoff.connection_taken()
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  perform handoff.fail(409, 'connection_taken', 'This connection belongs to somebody else, or to another project',
                       'Make a new connection id and enter again.');
end
$function$;

CREATE OR REPLACE FUNCTION handoff.contains_word(content text, word text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  -- The ICU collation decides about letters and their case, so that the answer is the same whatever locale the database
  -- was made with. "agent" is in "an agent, please" and not in "reagent"; spaces in a phrase match any white space.
  select word <> '' and lower(content collate "und-x-icu") ~ (
    case when word ~ ('^' || handoff.unspaced_script()) then '' else '(^|' || handoff.word_edge() || ')' end
    || regexp_replace(
         regexp_replace(lower(word collate "und-x-icu"), '([][\\.*+?(){}|^$/#&-])', '\\\1', 'g'), '\s+', '\\s+', 'g')
    || case when word ~ (handoff.unspaced_script() || '$') then '' else '($|' || handoff.word_edge() || ')' end);
$function$;
comment on function handoff.contains_word(content text, word text) is 'Whether the text holds the word or phrase as whole words, in any case.';

CREATE OR REPLACE FUNCTION handoff.context_text(context jsonb, key text, most integer)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select left(nullif(btrim(context_text.context ->> context_text.key), ''), context_text.most);
$function$;
comment on function handoff.context_text(context jsonb, key text, most integer) is 'One field of what a widget tells of its browser, cut to length; null when it is not there or empty.';

CREATE OR REPLACE FUNCTION handoff.conversation_context(conversation_id uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  conversation public.conversations := handoff.visible_conversation(conversation_context.conversation_id);
begin
  if not handoff.is_member(conversation.project_id) then
    perform handoff.fail(403, 'not_a_member', 'You are not a member of this project');
  end if;
  return jsonb_build_object(
    'conversation_id', conversation.id,
    'handoff_reason', conversation.handoff_reason,
    'trigger_keyword', conversation.trigger_keyword,
    'handoff_triggered_at', conversation.handoff_triggered_at,
    'ai_confidence_at_handoff', conversation.ai_confidence_at_handoff,
    'ai_attempts', (select count(*) from public.messages as message
                     where message.conversation_id = conversation.id and message.sender_type = 'ai'
                       and message.created_at <= coalesce(conversation.handoff_triggered_at, 'infinity')),
    'topics', coalesce(conversation.metadata -> 'topics', '[]'::jsonb),
    'source', conversation.source,
    'metadata', conversation.metadata);
end
$function$;
grant execute on function handoff.conversation_context(conversation_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION handoff.conversation_for_visitor(conversation public.conversations)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  return jsonb_build_object(
    'id', conversation.id, 'project_id', conversation.project_id, 'status', conversation.status,
    'agent', case when conversation.status = 'agent_active'
                  then handoff.agent_profile(conversation.project_id, conversation.assigned_agent_id) end,
    'event_seq', conversation.event_seq, 'created_at', conversation.created_at,
    'last_message_at', conversation.last_message_at);
end
$function$;
comment on function handoff.conversation_for_visitor(conversation public.conversations) is 'What the visitor may know of the conversation.';

CREATE OR REPLACE FUNCTION handoff.conversation_notes_announce()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  insert into handoff.outbox (project_id, conversation_id, kind, payload)
  values (new.project_id, new.conversation_id, 'note_added', jsonb_build_object('note', jsonb_build_object(
    'id', new.id, 'conversation_id', new.conversation_id, 'author_id', new.author_id, 'content', new.content,
    'created_at', new.created_at)));
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.conversation_notes_place()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  select conversation.project_id into new.project_id
    from public.conversations as conversation where conversation.id = new.conversation_id;
  if not found then
    perform handoff.fail(404, 'conversation_not_found', 'There is no such conversation');
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.conversation_sync(conversation_id uuid, since bigint)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  conversation public.conversations := handoff.visible_conversation(conversation_sync.conversation_id);
  events jsonb;
  first_seq bigint;
begin
  select jsonb_agg(jsonb_build_object('event', event.kind, 'payload', handoff.public_payload(event)) order by event.seq),
         min(event.seq)
    into events, first_seq
    from handoff.outbox as event
   where event.conversation_id = conversation.id and event.seq > greatest(conversation_sync.since, 0);
  return jsonb_build_object(
    'conversation', handoff.conversation_for_visitor(conversation),
    'event_seq', conversation.event_seq,
    -- False: older events than asked for are no longer kept. Read the transcript and go on from event_seq.
    'complete', coalesce(first_seq, conversation.event_seq + 1) = greatest(conversation_sync.since, 0) + 1,
    'events', coalesce(events, '[]'::jsonb));
end
$function$;
grant execute on function handoff.conversation_sync(conversation_id uuid, since bigint) to authenticated;

CREATE OR REPLACE FUNCTION handoff.conversations_announce_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  if new.customer_presence is distinct from old.customer_presence and new.assigned_agent_id is not null
     and new.status = 'agent_active' then
    insert into handoff.outbox (project_id, conversation_id, kind, payload)
    values (new.project_id, new.id, 'customer_presence_update', jsonb_strip_nulls(jsonb_build_object(
      'conversation_id', new.id, 'agent_id', new.assigned_agent_id, 'status', new.customer_presence,
      'reason', case when new.customer_presence = 'offline' then new.customer_left_reason end,
      'timestamp', coalesce(new.customer_last_seen_at, now()))));
  end if;
  if (new.tags, new.priority, new.required_skills, new.is_spam, new.satisfaction_rating, new.customer_id, new.customer_name,
      new.customer_email)
     is distinct from
     (old.tags, old.priority, old.required_skills, old.is_spam, old.satisfaction_rating, old.customer_id, old.customer_name,
      old.customer_email) then
    insert into handoff.outbox (project_id, conversation_id, kind, payload)
    values (new.project_id, new.id, 'conversation_updated', jsonb_build_object('conversation', jsonb_build_object(
      'id', new.id, 'tags', new.tags, 'priority', new.priority, 'required_skills', new.required_skills,
      'is_spam', new.is_spam, 'satisfaction_rating', new.satisfaction_rating, 'customer_id', new.customer_id,
      'customer_name', new.customer_name, 'customer_email', new.customer_email)));
  end if;
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.conversations_count_deleted()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  with delta as (
    select gone.project_id, gone.assigned_agent_id as agent_id, count(*)::integer as chats
      from old_rows as gone
     where gone.status = 'agent_active'
     group by gone.project_id, gone.assigned_agent_id
  ), locked as (
    select agent.id, delta.chats
      from delta
      join public.agent_availability as agent
        on agent.user_id = delta.agent_id and agent.project_id = delta.project_id
     order by agent.id
       for no key update of agent
  )
  update public.agent_availability as agent
     set current_chat_count = agent.current_chat_count - locked.chats
    from locked
   where agent.id = locked.id;
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.conversations_guard()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  -- The account of an agent was deleted (foreign key action): its chats go back to the queue.
  if old.status = 'agent_active' and new.status = 'agent_active' and new.assigned_agent_id is null then
    new.status := 'waiting';
  end if;
  new.updated_at := now();
  new.closed_message_at := case when new.status = 'closed' then new.last_message_at end;
  -- Each call costs as much as everything else here: batches of thousands change neither.
  if new.tags is distinct from old.tags then
    new.tags := handoff.normal_words(new.tags);
  end if;
  if new.required_skills is distinct from old.required_skills then
    new.required_skills := handoff.normal_words(new.required_skills);
  end if;
  if (new.customer_presence <> old.customer_presence or new.customer_last_seen_at is distinct from old.customer_last_seen_at)
     and (new.customer_presence in ('online', 'typing') or old.customer_presence in ('online', 'typing')) then
    new.customer_active_at := greatest(new.customer_active_at, case
      when new.customer_last_seen_at is distinct from old.customer_last_seen_at then new.customer_last_seen_at else now() end);
  end if;
  -- A sign of life stops the time to auto-close.
  if new.customer_active_at is distinct from old.customer_active_at then
    new.auto_close_warning_sent_at := null;
  end if;
  if new.status = old.status and (new.status <> 'agent_active' or new.assigned_agent_id is not distinct from old.assigned_agent_id) then
    return new;  -- nothing moved: at most the last agent's account was deleted
  end if;
  if current_setting('handoff.conversation_moved', true) is distinct from 'on' then
    perform set_config('handoff.conversation_moved', 'on', true);  -- conversations_moved looks only then
  end if;
  -- The move of the queue's batches is let through without the call, which costs a third of this trigger.
  if not (old.status = 'waiting' and new.status = 'agent_active') and not handoff.is_legal_move(old.status, new.status) then
    perform handoff.fail(409, 'illegal_transition',
      format('A conversation that is %s cannot become %s', old.status, new.status),
      'Read its current status first: it may have changed since.');
  end if;
  -- The timestamps and references that a move sets; callers never set them.
  case new.status
    when 'waiting' then
      new.assigned_agent_id := null;
      -- A chat that loses its agent, or is reopened, keeps its place in line.
      new.queue_entered_at := coalesce(old.queue_entered_at, now());
      new.handoff_triggered_at := coalesce(old.handoff_triggered_at, now());
      new.waiting_since := now();
      if old.status = 'agent_active' then
        new.released_by := old.assigned_agent_id;
        new.released_at := now();
      end if;
    when 'agent_active' then
      -- The worker sets it: the assignments of one batch, some microseconds apart, tell their order.
      new.claimed_at := greatest(now(), new.claimed_at);
      new.first_response_at := old.first_response_at;
      new.preferred_agent_id := null;
    when 'resolved' then
      new.resolved_at := now();
      new.preferred_agent_id := new.assigned_agent_id;
    when 'closed' then
      new.closed_at := now();
    else
      null;
  end case;
  -- It was for the agent that had it.
  new.auto_close_warning_sent_at := null;
  -- One number for each event that handoff.conversations_moved writes for this move.
  new.event_seq := old.event_seq
    + (new.status <> old.status)::integer
    + (new.status = 'agent_active')::integer
    + (new.status = 'resolved')::integer;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.conversations_guard_insert()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  if new.status in ('waiting', 'agent_active') then
    perform handoff.fail(409, 'illegal_transition', format('A conversation cannot start as %s', new.status),
                         'Insert it as ai_active, then hand it off.');
  end if;
  if not handoff.is_importing() then
    new.event_seq := 0;
  end if;
  new.closed_message_at := case when new.status = 'closed' then new.last_message_at end;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.conversations_moved()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  old_statuses text[];
  old_agents uuid[];
  ids uuid[];
  projects uuid[];
  statuses text[];
  agents uuid[];
  claims timestamptz[];
begin
  -- The usual case first: nothing has moved in this transaction (see conversations_guard), or not now.
  if current_setting('handoff.conversation_moved', true) is distinct from 'on' then
    return null;
  end if;
  if (select array_agg((changed.status, changed.assigned_agent_id)) from old_rows as changed)
     is not distinct from (select array_agg((changed.status, changed.assigned_agent_id)) from new_rows as changed) then
    return null;
  end if;
  select array_agg(changed.status), array_agg(changed.assigned_agent_id) into old_statuses, old_agents from old_rows as changed;
  select array_agg(changed.id), array_agg(changed.project_id), array_agg(changed.status), array_agg(changed.assigned_agent_id),
         array_agg(changed.claimed_at)
    into ids, projects, statuses, agents, claims
    from new_rows as changed;
  if 'agent_active' = any(old_statuses || statuses) then  -- what only enters the queue changes nobody's count
    perform handoff.count_moves(projects, old_statuses, old_agents, statuses, agents, claims);
    perform handoff.end_absences(ids, old_statuses);
  end if;
  perform handoff.end_offers(ids, statuses, agents);
  with move as materialized (
    select pair.*
      from (select array_agg(changed.event_seq) as seqs,
                        array_agg(changed.handoff_reason) as handoff_reasons, array_agg(changed.customer_name) as names,
                        array_agg(changed.preview) as previews, array_agg(changed.queue_entered_at) as entries,
                        array_agg(changed.resolved_by) as resolvers,
                        array_agg(changed.close_reason) as close_reasons, array_agg(changed.priority) as priorities
                   from new_rows as changed) as after
     cross join unnest(old_statuses, old_agents, projects, ids, statuses, agents, after.seqs,
                       after.handoff_reasons, after.names, after.previews, after.entries, claims, after.resolvers,
                       after.close_reasons, after.priorities)
       as pair (old_status, old_agent_id, project_id, id, status, assigned_agent_id, event_seq, handoff_reason, customer_name,
                preview, queue_entered_at, claimed_at, resolved_by, close_reason, priority)
     where pair.old_status <> pair.status
        or (pair.status = 'agent_active' and pair.old_agent_id is distinct from pair.assigned_agent_id)
  ), profiles as materialized (
    select jsonb_object_agg(profile.project_id || ' ' || profile.user_id, profile.agent) as of
      from (select array_agg(owner.project_id) as projects, array_agg(owner.assigned_agent_id) as users
              from (select distinct move.project_id, move.assigned_agent_id from move where move.status = 'agent_active') as owner) as owners
     cross join handoff.agent_profiles(owners.projects, owners.users) as profile
  ), event as (
    select move.project_id, move.id, 1 as rank, 'status_changed' as kind,
           move.event_seq - (move.status in ('agent_active', 'resolved'))::integer as seq,
           jsonb_strip_nulls(jsonb_build_object('conversation_id', move.id, 'old_status', move.old_status,
                             'new_status', move.status, 'handoff_reason', move.handoff_reason)) as payload
      from move where move.old_status <> move.status
    union all
    select move.project_id, move.id, 2, 'agent_assigned', move.event_seq,
           jsonb_build_object('conversation_id', move.id, 'agent', profiles.of -> (move.project_id || ' ' || move.assigned_agent_id),
                              'customer_name', move.customer_name,
                              'preview', move.preview, 'queue_entered_at', move.queue_entered_at,
                              'waiting_time_seconds', case when move.old_status = 'waiting' then
                                 greatest(extract(epoch from move.claimed_at - move.queue_entered_at)::integer, 0) else 0 end)
      from move
     cross join profiles
     where move.status = 'agent_active'
    union all
    select move.project_id, move.id, 2, 'resolved', move.event_seq,
           jsonb_build_object('conversation_id', move.id, 'resolved_by', move.resolved_by, 'show_rating', true)
      from move where move.status = 'resolved'
    union all
    select move.project_id, move.id, 3, 'conversation_auto_closed', 0,
           jsonb_build_object('conversation_id', move.id, 'agent_id', move.assigned_agent_id, 'reason', move.close_reason)
      from move where move.status = 'closed' and move.assigned_agent_id is not null
                  and move.close_reason in ('customer_inactive', 'timeout')
    union all
    select move.project_id, move.id, 4, 'new_conversation', 0,
           jsonb_build_object('conversation', jsonb_build_object(
             'id', move.id, 'customer_name', move.customer_name, 'preview', move.preview,
             'handoff_reason', move.handoff_reason, 'priority', move.priority, 'queue_entered_at', move.queue_entered_at))
      from move where move.status = 'waiting'
  )
  insert into handoff.outbox (project_id, conversation_id, kind, seq, payload)
  select event.project_id, event.id, event.kind, event.seq, event.payload
    from event
   order by event.id, event.rank;
  return null;
end
$function$;
comment on function handoff.conversations_moved() is 'All that follows from a move elsewhere: agents'' counts, absences and offers that end, events.';

CREATE OR REPLACE FUNCTION handoff.conversations_presence()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  rank integer;
begin
  select max(handoff.state_rank(lease.state)) into rank
    from handoff.presence_leases as lease
   where lease.project_id = new.project_id and lease.client_id = new.visitor_user_id::text and lease.role = 'customer';
  if rank is not null then
    new.customer_presence := case rank when 4 then 'typing' when 3 then 'online' else 'idle' end;
    new.customer_last_seen_at := now();
  end if;
  return new;
end
$function$;
comment on function handoff.conversations_presence() is 'A new conversation knows at once that its visitor is there.';

CREATE OR REPLACE FUNCTION handoff.count_files(conversation_id uuid)
 RETURNS integer
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  return (select count(*)
            from storage.objects as file
           where file.bucket_id = handoff.attachment_bucket()
             and file.name ^@ (count_files.conversation_id::text || '/'));
end
$function$;

CREATE OR REPLACE FUNCTION handoff.count_moves(projects uuid[], old_statuses text[], old_agents uuid[], statuses text[], agents uuid[], claims timestamp with time zone[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  uncounted uuid;
begin
  with change as (
    select pair.project_id,
           case when pair.old_status = 'agent_active' then pair.old_agent_id end as lost_by,
           case when pair.status = 'agent_active' then pair.agent_id end as gained_by,
           pair.claimed_at
      from unnest(projects, old_statuses, old_agents, statuses, agents, claims)
             as pair (project_id, old_status, old_agent_id, status, agent_id, claimed_at)
     where pair.old_status <> pair.status or pair.old_agent_id is distinct from pair.agent_id
  ), delta as (
    select project_id, agent_id, sum(chats)::integer as chats, bool_or(chats > 0) as gained, max(gained_at) as gained_at
      from (
        select change.project_id, change.lost_by as agent_id, -1 as chats, null::timestamptz as gained_at from change
        union all
        select change.project_id, change.gained_by, 1, change.claimed_at from change
      ) as each_side
     where agent_id is not null
     group by project_id, agent_id
  ), locked as (
    -- In one order for everybody, so that two statements with several agents cannot deadlock.
    select agent.id, delta.chats, delta.gained_at
      from delta
      join public.agent_availability as agent
        on agent.user_id = delta.agent_id and agent.project_id = delta.project_id
     order by agent.id
       for no key update of agent
  ), counted as (
    update public.agent_availability as agent
       set current_chat_count = agent.current_chat_count + locked.chats,
           last_assigned_at = coalesce(locked.gained_at, agent.last_assigned_at)
      from locked
     where agent.id = locked.id
    returning agent.project_id, agent.user_id
  )
  -- "except", because it never compares each with each.
  select missed.agent_id into uncounted
    from (select delta.project_id, delta.agent_id from delta where delta.gained
          except select counted.project_id, counted.user_id from counted) as missed
   limit 1;
  if uncounted is not null then
    perform handoff.fail(409, 'agent_not_online', format('User %s is no agent of this project', uncounted),
                         'Give conversations to members only.');
  end if;
end
$function$;
comment on function handoff.count_moves(projects uuid[], old_statuses text[], old_agents uuid[], statuses text[], agents uuid[], claims timestamp with time zone[]) is 'Brings the agents'' counts up to date with moves of conversations, given before and after.';

CREATE OR REPLACE FUNCTION handoff.count_offers(project_ids uuid[], agent_ids uuid[], change integer)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  with delta as (
    select offer.project_id, offer.agent_id, count(*)::integer * count_offers.change as offers
      from unnest(count_offers.project_ids, count_offers.agent_ids) as offer (project_id, agent_id)
     group by offer.project_id, offer.agent_id
  ), locked as (
    select agent.id, delta.offers
      from delta
      join public.agent_availability as agent on agent.user_id = delta.agent_id and agent.project_id = delta.project_id
     order by agent.id
       for no key update of agent
  )
  update public.agent_availability as agent
     set offered_chat_count = agent.offered_chat_count + locked.offers
    from locked
   where agent.id = locked.id;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.counts(lease handoff.presence_leases, moment timestamp with time zone)
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select lease.connection_id is null or moment < lease.expires_at
      or moment < (select marker.serving_since from handoff.presence_marker as marker) + make_interval(secs => lease.lease_seconds);
$function$;
comment on function handoff.counts(lease handoff.presence_leases, moment timestamp with time zone) is 'Whether an open session with this lease counts as there: it has not run out, or is unknown since a restart of the database.';

CREATE OR REPLACE FUNCTION handoff.customer_beat(lease handoff.presence_leases, moment timestamp with time zone)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  chat uuid;
  chat_status text;
  presence text;
begin
  select conversation.id, conversation.status, conversation.customer_presence into chat, chat_status, presence
    from public.conversations as conversation
   where conversation.project_id = lease.project_id and conversation.visitor_user_id = lease.user_id and conversation.status <> 'closed';
  if lease.state <> lease.previous_state or presence = 'offline' then
    perform handoff.settle_person(lease.project_id, 'customer', lease.user_id, lease.client_id, moment);
  end if;
  return handoff.next_beat('customer', lease.state,
    chat is not null and (chat_status in ('waiting', 'agent_active') or handoff.is_watched(chat, moment)), null);
end
$function$;
comment on function handoff.customer_beat(lease handoff.presence_leases, moment timestamp with time zone) is 'What a customer''s beat has changed is settled; answers the next interval.';

CREATE OR REPLACE FUNCTION handoff.customer_clients(customer public.customers)
 RETURNS TABLE(client_id text)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select conversation.visitor_user_id::text
    from public.conversations as conversation
   where conversation.customer_id = customer.id and conversation.visitor_user_id is not null
  union
  select visit.user_id::text from public.web_visits as visit
   where visit.customer_id = customer.id and visit.user_id is not null;
$function$;
comment on function handoff.customer_clients(customer public.customers) is 'The users who are this customer.';

CREATE OR REPLACE FUNCTION handoff.customer_for_visitor(project_id uuid, visitor_id text, context jsonb DEFAULT NULL::jsonb)
 RETURNS public.customers
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  customer public.customers;
begin
  loop
    customer := handoff.customer_seen(
      coalesce(handoff.callers_customer(customer_for_visitor.project_id, customer_for_visitor.visitor_id),
               handoff.visitor_customer(customer_for_visitor.project_id, customer_for_visitor.visitor_id)),
      customer_for_visitor.context);
    -- Null when it was merged into another between the two: then the other is found.
    exit when customer.id is not null;
  end loop;
  return customer;
end
$function$;
comment on function handoff.customer_for_visitor(project_id uuid, visitor_id text, context jsonb) is 'The customer of the caller under a visitor id, found (also when merged) or made, seen now and locked: call it before locking a conversation.';

CREATE OR REPLACE FUNCTION handoff.customer_history(customer_id uuid, page integer, before timestamp with time zone)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  customer public.customers := handoff.visible_customer(customer_history.customer_id);
  earlier jsonb;
begin
  select jsonb_agg(jsonb_build_object(
           'id', newest.id, 'status', newest.status, 'preview', newest.preview, 'created_at', newest.created_at)
           order by newest.created_at desc, newest.id)
    into earlier
    from (
      select conversation.id, conversation.status, conversation.preview, conversation.created_at
        from public.conversations as conversation
       where conversation.customer_id = customer.id
         and conversation.created_at < coalesce(customer_history.before, 'infinity')
       order by conversation.created_at desc
       -- With ties: the next page begins before the last time on this one and must not skip its twins.
       fetch first (least(greatest(coalesce(customer_history.page, 20), 1), 100)) rows with ties
    ) as newest;
  return jsonb_build_object(
    'customer', handoff.customer_line(customer),
    'current_session', (
      select to_jsonb(visit) - array['project_id', 'customer_id', 'user_id']
        from public.web_visits as visit
       where visit.customer_id = customer.id
       order by visit.created_at desc, visit.id desc
       limit 1),
    'conversations', coalesce(earlier, '[]'::jsonb));
end
$function$;
grant execute on function handoff.customer_history(customer_id uuid, page integer, before timestamp with time zone) to authenticated;

CREATE OR REPLACE FUNCTION handoff.customer_journey(customer_id uuid, page integer, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  customer public.customers := handoff.visible_customer(customer_journey.customer_id);
  here jsonb;
  seen_at timestamptz;
  visits jsonb;
  latest public.presence_sessions;
begin
  select coalesce(jsonb_agg(jsonb_build_object(
           'connection_id', (there.session).connection_id, 'page', (there.session).page, 'state', (there.lease).state,
           'entered_at', (there.session).entered_at, 'last_beat_at', (there.lease).beat_at) order by (there.session).entered_at desc), '[]'),
         max((there.lease).beat_at)
    into here, seen_at
    from public.presence_sessions as own
   cross join lateral (
      select own as session, held as lease
        from (select 1) as always
        left join handoff.presence_leases as held on held.connection_id = own.connection_id
       where handoff.counts(held, moment)
     ) as there
   where own.project_id = customer.project_id and own.left_at is null
     and own.client_id in (select known.client_id from handoff.customer_clients(customer) as known);
  select coalesce(jsonb_agg(to_jsonb(visit) order by visit.created_at desc), '[]') into visits
    from (
      select past.url, past.title, past.referrer, past.created_at
        from public.web_visits as past
       where past.customer_id = customer.id
       order by past.created_at desc, past.id desc
       limit least(greatest(coalesce(customer_journey.page, 50), 1), 500)
    ) as visit;
  select * into latest from public.presence_sessions as ended
   where ended.project_id = customer.project_id and ended.left_at is not null
     and ended.user_id in (select known.client_id::uuid from handoff.customer_clients(customer) as known)
   order by ended.last_seen_at desc nulls last
   limit 1;
  return jsonb_build_object(
    'customer_id', customer.id, 'online', here <> '[]', 'last_seen_at', greatest(seen_at, latest.last_seen_at),
    'left_reason', case when here = '[]' then latest.leave_reason end, 'now', here, 'visits', visits);
end
$function$;
grant execute on function handoff.customer_journey(customer_id uuid, page integer, moment timestamp with time zone) to authenticated;

CREATE OR REPLACE FUNCTION handoff.customer_line(customer public.customers)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'id', customer.id, 'project_id', customer.project_id, 'visitor_id', customer.visitor_id,
    'merged_visitor_ids', to_jsonb(customer.merged_visitor_ids), 'email', customer.email, 'name', customer.name,
    'first_seen_at', customer.first_seen_at, 'last_seen_at', customer.last_seen_at,
    'total_conversations', customer.total_conversations,
    'is_flagged', customer.is_flagged, 'flag_reason', customer.flag_reason, 'flagged_at', customer.flagged_at,
    'flagged_by', customer.flagged_by, 'internal_notes', customer.internal_notes);
$function$;
comment on function handoff.customer_line(customer public.customers) is 'What a member sees of a customer.';

CREATE OR REPLACE FUNCTION handoff.customer_record(session public.presence_sessions, facts jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
           'user_id', session.user_id, 'visitor_id', session.visitor_id, 'customer_id', profile.of -> 'customer_id',
           'name', profile.of -> 'name', 'email', profile.of -> 'email', 'page', session.page,
           'conversation_id', chat.id, 'conversation_status', chat.status) || facts
    from (select handoff.presence_profile(session) as of offset 0) as profile
    left join public.conversations as chat
      on chat.project_id = session.project_id and chat.visitor_user_id = session.user_id and chat.status <> 'closed';
$function$;
comment on function handoff.customer_record(session public.presence_sessions, facts jsonb) is 'A customer who is there as members see them.';

CREATE OR REPLACE FUNCTION handoff.customer_seen(customer_id uuid, context jsonb)
 RETURNS public.customers
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
  update public.customers as customer
     set last_seen_at = greatest(customer.last_seen_at, now()),
         last_browser = coalesce(handoff.context_text(customer_seen.context, 'browser', 200), customer.last_browser),
         last_device = coalesce(handoff.context_text(customer_seen.context, 'device', 200), customer.last_device),
         last_os = coalesce(handoff.context_text(customer_seen.context, 'os', 200), customer.last_os),
         last_page_url = coalesce(handoff.context_text(customer_seen.context, 'page_url', 2000), customer.last_page_url),
         last_location = coalesce(handoff.caller_location(), customer.last_location)
   where customer.id = customer_seen.customer_id
  returning customer.*;
$function$;
comment on function handoff.customer_seen(customer_id uuid, context jsonb) is 'Notes that the customer was here and with what (browser, device, os, page_url), and locks it; null when it is gone.';

CREATE OR REPLACE FUNCTION handoff.customer_wrote(conversation public.conversations, written public.messages)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION handoff.customers_count()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  step integer := case tg_op when 'INSERT' then 1 else -1 end;
begin
  with delta as (
    select changed.customer_id, count(*)::integer * step as chats
      from changed_rows as changed
     where changed.customer_id is not null
     group by changed.customer_id
  ), locked as (
    select customer.id, delta.chats
      from delta
      join public.customers as customer on customer.id = delta.customer_id
     order by customer.id
       for no key update of customer
  )
  update public.customers as customer
     set total_conversations = customer.total_conversations + locked.chats
    from locked
   where customer.id = locked.id;
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.customers_count_moved()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  with locked as (
    select customer.id, case customer.id when new.customer_id then 1 else -1 end as chats
      from public.customers as customer
     where customer.id in (old.customer_id, new.customer_id)
     order by customer.id
       for no key update
  )
  update public.customers as customer
     set total_conversations = customer.total_conversations + locked.chats
    from locked
   where customer.id = locked.id;
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.customers_index_visitors()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  ids text[] := new.merged_visitor_ids || new.visitor_id;
begin
  delete from handoff.customer_visitors as known where known.customer_id = new.id and known.visitor_id <> all (ids);
  insert into handoff.customer_visitors (project_id, visitor_id, customer_id)
  select distinct new.project_id, added.id, new.id
    from unnest(ids) as added (id)
   where not exists (select 1 from handoff.customer_visitors as known
                      where known.customer_id = new.id and known.visitor_id = added.id);
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.customers_online(project_id uuid, page integer, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  perform handoff.require_member_or_service(customers_online.project_id);
  return coalesce((
    select jsonb_agg(handoff.customer_record(person.newest, person.facts) order by person.entered_at, person.client_id)
      from (
        select (there.session).client_id, min((there.session).entered_at) as entered_at,
               (array_agg(there.session order by (there.session).entered_at desc))[1] as newest,
               jsonb_build_object(
                 'status', coalesce((array_agg((there.lease).state order by handoff.state_rank((there.lease).state) desc nulls last))[1], 'online'),
                 'connections', count(*), 'entered_at', min((there.session).entered_at),
                 'last_active_at', max((there.lease).active_at), 'last_seen_at', max((there.lease).beat_at)) as facts
          from handoff.present_sessions(customers_online.project_id, moment) as there
         where (there.session).role = 'customer'
         group by (there.session).client_id
         order by entered_at, client_id
         limit least(greatest(coalesce(customers_online.page, 200), 1), 1000)
      ) as person), '[]'::jsonb);
end
$function$;
grant execute on function handoff.customers_online(project_id uuid, page integer, moment timestamp with time zone) to authenticated;
grant execute on function handoff.customers_online(project_id uuid, page integer, moment timestamp with time zone) to service_role;

CREATE OR REPLACE FUNCTION handoff.customers_stamp()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  new.email := nullif(lower(btrim(new.email)), '');
  new.updated_at := now();
  if not new.is_flagged then
    new.flag_reason := null;
    new.flagged_at := null;
    new.flagged_by := null;
  elsif new.flagged_at is null then
    -- Only a merge and the service role set the time themselves: no client may write that column.
    new.flagged_at := now();
    new.flagged_by := auth.uid();
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.day_of(project_id uuid, moment timestamp with time zone)
 RETURNS TABLE(timezone text, date date, starts_at timestamp with time zone, ends_at timestamp with time zone)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select zone.name, today.date, today.date::timestamp at time zone zone.name, (today.date + 1)::timestamp at time zone zone.name
    from (
      select coalesce((select settings.timezone from public.handoff_settings as settings
                        where settings.project_id = day_of.project_id), 'UTC') as name
    ) as zone
   cross join lateral (select (day_of.moment at time zone zone.name)::date as date) as today;
$function$;
comment on function handoff.day_of(project_id uuid, moment timestamp with time zone) is 'The calendar day of an instant in the project''s time zone: 23 to 25 hours, the end not included.';

CREATE OR REPLACE FUNCTION handoff.decision_answer(decision handoff.assignment_decisions)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION handoff.decline_offer(conversation_id uuid, reason text, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  caller uuid := handoff.require_user();
  conversation public.conversations := handoff.lock_conversation(decline_offer.conversation_id);
begin
  if conversation.id is null or not handoff.is_member(conversation.project_id) then
    return handoff.claim_refused('ACCESS_DENIED', 'You have no access to this conversation');
  end if;
  perform handoff.rate_limit('dashboard', 100, interval '1 minute');
  perform handoff.lock_agents_of(conversation, caller);
  update handoff.offers as declined
     set state = 'declined', ended_at = greatest(moment, declined.offered_at),
         end_reason = nullif(left(btrim(decline_offer.reason), 500), '')
   where declined.conversation_id = conversation.id and declined.agent_id = caller and declined.state = 'open';
  -- Asked twice: the answer is known.
  if not found and not exists (
    select 1 from handoff.offers as offer
     where offer.conversation_id = conversation.id and offer.agent_id = caller and offer.state = 'declined'
       and conversation.status = 'waiting' and offer.waiting_since = conversation.waiting_since
  ) then
    return handoff.claim_refused('NO_OFFER', 'This offer is not open any more');
  end if;
  return jsonb_build_object('success', true);
end
$function$;
grant execute on function handoff.decline_offer(conversation_id uuid, reason text, moment timestamp with time zone) to authenticated;

CREATE OR REPLACE FUNCTION handoff.default_settings()
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select '{
    "enabled": false,
    "trigger_mode": "both",
    "show_human_button": false,
    "auto_triggers": {
      "low_confidence_enabled": true,
      "low_confidence_threshold": 0.6,
      "keywords_enabled": true,
      "keywords": ["human", "agent", "person", "speak to someone", "talk to someone"]
    },
    "business_hours_enabled": false,
    "timezone": "UTC",
    "business_hours": {
      "monday": {"start": "09:00", "end": "17:00", "enabled": true},
      "tuesday": {"start": "09:00", "end": "17:00", "enabled": true},
      "wednesday": {"start": "09:00", "end": "17:00", "enabled": true},
      "thursday": {"start": "09:00", "end": "17:00", "enabled": true},
      "friday": {"start": "09:00", "end": "17:00", "enabled": true},
      "saturday": {"start": "09:00", "end": "17:00", "enabled": false},
      "sunday": {"start": "09:00", "end": "17:00", "enabled": false}
    },
    "default_max_concurrent_chats": 5,
    "inactivity_timeout_minutes": 5,
    "auto_close_after_warning_minutes": 5,
    "session_keep_alive_minutes": 15,
    "send_inactivity_warning": true,
    "assignment_strategy": "balanced",
    "preferred_wait_seconds": 60,
    "assignment_mode": "direct",
    "offer_timeout_seconds": 30,
    "away_after_missed_offers": 0,
    "agent_offline_after_seconds": 90,
    "client_ip_header": "cf-connecting-ip"
  }'::jsonb;
$function$;
comment on function handoff.default_settings() is 'F001 5.1.3 and 5.12.6: the settings of a project without a row. Equal to the column defaults of handoff_settings (a test compares).';

CREATE OR REPLACE FUNCTION handoff.delay_edges()
 RETURNS integer[]
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
begin
  return array[0, 1, 2, 5, 15, 30, 60];
end
$function$;
comment on function handoff.delay_edges() is 'The upper edges, in seconds, of the histogram of how late beats came; the last of its eight columns has none.';

CREATE OR REPLACE FUNCTION handoff.drop_invitation_mail(project_id uuid, email text)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
  delete from handoff.mail_outbox as mail
   where mail.project_id = drop_invitation_mail.project_id
     and mail.recipient = drop_invitation_mail.email
     and mail.kind = 'invitation'
     and mail.sent_at is null;
$function$;
comment on function handoff.drop_invitation_mail(project_id uuid, email text) is 'Takes back invitations that are not sent yet: their tokens are no longer good.';

CREATE OR REPLACE FUNCTION handoff.effective_reason(status text, connection text, inactive boolean)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
begin
  return case
    when status = 'offline' then 'wanted'
    when connection = 'gone' then 'connection_gone'
    when inactive then 'inactive'
    when connection = 'suspect' and status = 'online' then 'connection_suspect'
    else 'wanted' end;
end
$function$;
comment on function handoff.effective_reason(status text, connection text, inactive boolean) is 'What decides an agent''s effective status.';

CREATE OR REPLACE FUNCTION handoff.effective_status(status text, reason text)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
begin
  return case reason
    when 'connection_gone' then 'offline'
    when 'inactive' then 'offline'
    when 'connection_suspect' then 'away'
    else status end;
end
$function$;
comment on function handoff.effective_status(status text, reason text) is 'The effective status for a wish and effective_reason: who is suspect gets no new chats, who is gone or inactive is offline.';

CREATE OR REPLACE FUNCTION handoff.empty_partition(partition regclass, horizon xid8, moment timestamp with time zone)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO ''
 SET lock_timeout TO '200ms'
AS $function$
declare
  emptied boolean := false;
begin
  -- One worker at a time; nobody is locked out for what need not be done.
  if not pg_try_advisory_xact_lock(hashtextextended('handoff.empty_partition', 0))
     or not handoff.is_spent(partition, horizon, moment) then
    return false;
  end if;
  execute format('lock table %s in access exclusive mode', partition);
  if handoff.is_spent(partition, horizon, moment) then
    execute format('truncate table %s', partition);
    emptied := true;
  end if;
  return emptied;
exception
  when lock_not_available then
    return false;
end
$function$;
comment on function handoff.empty_partition(partition regclass, horizon xid8, moment timestamp with time zone) is 'Truncates a partition of the outbox if all of it is delivered and older than five days; says whether it did.';

CREATE OR REPLACE FUNCTION handoff.end_absences(ids uuid[], old_statuses text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  delete from handoff.agent_absences as absence
   using unnest(ids, old_statuses) as moved (id, old_status)
   where absence.conversation_id = moved.id and moved.old_status = 'agent_active';
end
$function$;
comment on function handoff.end_absences(ids uuid[], old_statuses text[]) is 'Forgets the absence of agents whose chats went elsewhere.';

CREATE OR REPLACE FUNCTION handoff.end_of_wait(conversation public.conversations)
 RETURNS TABLE(outcome text, at timestamp with time zone)
 LANGUAGE sql
 STABLE ROWS 1
 SET search_path TO ''
AS $function$
  select case when assigned.it then 'assigned'
              when conversation.close_reason in ('customer', 'chat_cleared', 'abandoned', 'timeout') then 'left'
              else 'closed' end,
         case when assigned.it then conversation.claimed_at else coalesce(conversation.closed_at, conversation.updated_at) end
    from (select coalesce(conversation.claimed_at >= conversation.waiting_since, false) as it) as assigned;
$function$;
comment on function handoff.end_of_wait(conversation public.conversations) is 'How and when the last wait of a conversation that waits no longer ended.';

CREATE OR REPLACE FUNCTION handoff.end_offers(ids uuid[], statuses text[], agents uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  -- One look at a small index is all that projects without offers pay.
  if not exists (select 1 from handoff.offers as offer where offer.state = 'open') then
    return;
  end if;
  perform 1
     from public.agent_availability as agent
    where (agent.project_id, agent.user_id) in (
            select offer.project_id, offer.agent_id
              from unnest(ids, statuses) as moved (id, status)
              join handoff.offers as offer on offer.conversation_id = moved.id and offer.state = 'open'
             where moved.status <> 'waiting')
    order by agent.id
      for no key update;
  update handoff.offers as ended
     set state = case when moved.status = 'agent_active' and moved.agent_id = ended.agent_id
                      then 'accepted' else 'withdrawn' end,
         end_reason = case when moved.status <> 'agent_active' then 'closed'
                           when moved.agent_id <> ended.agent_id then 'claimed' end,
         ended_at = greatest(now(), ended.offered_at)
    from unnest(ids, statuses, agents) as moved (id, status, agent_id)
   where ended.conversation_id = moved.id and ended.state = 'open' and moved.status <> 'waiting';
end
$function$;
comment on function handoff.end_offers(ids uuid[], statuses text[], agents uuid[]) is 'Ends the open offers of conversations that left the queue.';

CREATE OR REPLACE FUNCTION handoff.end_presence(connections uuid[], reasons text[], leave_data jsonb, moment timestamp with time zone)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  ended bigint[];
begin
  perform handoff.lock_persons(array(
    select handoff.person_slot(session.project_id, session.client_id)
      from public.presence_sessions as session
     where session.connection_id = any (end_presence.connections) and session.left_at is null));
  with given as (
    select * from unnest(end_presence.connections, end_presence.reasons) as given (connection_id, reason)
  ), closed as (
    -- The leases by their key, not from what the deletion returns: of that the planner thinks that it is ten rows, and compares each with each.
    update public.presence_sessions as session
       set left_at = moment, leave_reason = given.reason, leave_data = end_presence.leave_data,
           last_seen_at = coalesce(lease.beat_at, moment), beats = lease.beats, missed = lease.missed, late = lease.late,
           lost = lease.lost, longest_gap_seconds = lease.longest_gap, intervals = lease.intervals, delays = lease.delays
      from given
      left join handoff.presence_leases as lease on lease.connection_id = given.connection_id
     where session.connection_id = given.connection_id and session.left_at is null
    returning session.id
  ), gone as (
    delete from handoff.presence_leases as lease where lease.connection_id = any (end_presence.connections)
    returning lease.connection_id, lease.traced, lease.expires_at, lease.beats
  ), traced as (
    insert into handoff.presence_traces (connection_id, at, step, detail)
    select gone.connection_id, moment, 'end', jsonb_build_object('reason', given.reason, 'expires_at', gone.expires_at, 'beats', gone.beats)
      from gone
      join given using (connection_id)
     where gone.traced
  ), unwatched as (
    delete from handoff.conversation_watchers as watching where watching.watcher = any (end_presence.connections)
  )
  select array_agg(closed.id order by closed.id) into ended from closed;
  if ended is not null then
    perform handoff.announce_end(ended, moment);
    perform handoff.settle_ended(ended, moment);
  end if;
  return coalesce(cardinality(ended), 0);
end
$function$;
comment on function handoff.end_presence(connections uuid[], reasons text[], leave_data jsonb, moment timestamp with time zone) is 'Ends these connections: leases go, sessions are closed with what their beats were like, members are told, the persons settled. Says how many.';

CREATE OR REPLACE FUNCTION handoff.enqueue(conversation_id uuid, reason text, keyword text DEFAULT NULL::text, confidence double precision DEFAULT NULL::double precision)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  update public.conversations as conversation
     set status = 'waiting',
         handoff_reason = enqueue.reason,
         trigger_keyword = enqueue.keyword,
         ai_confidence_at_handoff = coalesce(enqueue.confidence, handoff.last_ai_confidence(conversation.id))
   where conversation.id = enqueue.conversation_id and conversation.status = 'ai_active';
  return found;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.equip_agent(project_id uuid, user_id uuid)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  -- The share lock makes a removal wait, or shows that it came first: no agent is left behind by a member who is gone.
  perform 1 from public.project_members as member
    where member.project_id = equip_agent.project_id and member.user_id = equip_agent.user_id and member.status = 'active'
      for share;
  if not found and not exists (
    select 1 from public.projects as project where project.id = equip_agent.project_id and project.user_id = equip_agent.user_id
  ) then
    return false;
  end if;
  insert into public.agent_availability (user_id, project_id, max_concurrent_chats)
  values (equip_agent.user_id, equip_agent.project_id, handoff.member_chat_limit(equip_agent.project_id, equip_agent.user_id))
  on conflict on constraint agent_availability_one_per_project do nothing;
  return true;
end
$function$;
comment on function handoff.equip_agent(project_id uuid, user_id uuid) is 'Makes sure that a member has a row as an agent, offline when it is new; false when the user does not belong to the project.';

CREATE OR REPLACE FUNCTION handoff.expire_offers(moment timestamp with time zone DEFAULT now(), most integer DEFAULT 100, project_id uuid DEFAULT NULL::uuid)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  due uuid[] := array(
    select conversation.id
      from handoff.offers as offer
      join public.conversations as conversation on conversation.id = offer.conversation_id
     where offer.state = 'open' and offer.expires_at <= moment
       and (expire_offers.project_id is null or offer.project_id = expire_offers.project_id)
     order by offer.expires_at, offer.id
     limit most
       for no key update of conversation skip locked);
  idle uuid[];
begin
  if cardinality(due) = 0 then
    return 0;
  end if;
  perform 1
     from public.agent_availability as agent
    where (agent.project_id, agent.user_id) in (
            select offer.project_id, offer.agent_id from handoff.offers as offer
             where offer.conversation_id = any (due) and offer.state = 'open')
    order by agent.id
      for no key update;
  -- Answered, withdrawn or made anew while we waited: no longer due.
  with missed as (
    update handoff.offers as ended
       set state = 'missed', ended_at = greatest(moment, ended.offered_at)
     where ended.conversation_id = any (due) and ended.state = 'open' and ended.expires_at <= moment
    returning ended.project_id, ended.agent_id
  )
  select array_agg(agent.id) into idle
    from missed
    join public.agent_availability as agent on agent.project_id = missed.project_id and agent.user_id = missed.agent_id;
  perform handoff.set_away_who_misses(idle);
  return cardinality(due);
end
$function$;
comment on function handoff.expire_offers(moment timestamp with time zone, most integer, project_id uuid) is 'Ends the offers that were not answered in time, of one project or all.';

CREATE OR REPLACE FUNCTION handoff.explain_assignment(conversation_id uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
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
$function$;
grant execute on function handoff.explain_assignment(conversation_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION handoff.fail(status integer, code text, message text, hint text DEFAULT NULL::text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  raise exception using
    errcode = 'PT' || status::text,
    message = fail.message,
    detail = fail.code,
    hint = coalesce(fail.hint, '');
end
$function$;
comment on function handoff.fail(status integer, code text, message text, hint text) is 'Refuses a call: PostgREST answers with this HTTP status, the message, the stable code in "details" and the hint.';

CREATE OR REPLACE FUNCTION handoff.filled_link(link text, value_of jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
declare
  filled text := filled_link.link;
  missing text[] := array[]::text[];
  name text;
  value text;
begin
  for name in select distinct place[1] from regexp_matches(filled_link.link, '\{([^}]+)\}', 'g') as place loop
    value := btrim(value_of ->> name);
    -- "." and ".." as a part of a path mean the folder above, encoded or not.
    if value is null or value = '' or value ~ '^\.+$' then
      missing := missing || name;
    else
      filled := replace(filled, '{' || name || '}', handoff.url_encoded(left(value, 500)));
    end if;
  end loop;
  return case when cardinality(missing) = 0 then jsonb_build_object('url', filled, 'missing', '[]'::jsonb)
              else jsonb_build_object('url', null, 'missing', to_jsonb(missing)) end;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.first_response_seconds_on(project_id uuid, starts_at timestamp with time zone, ends_at timestamp with time zone)
 RETURNS integer
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  -- An agent who took over from the AI answers from then on: such a conversation was never handed off.
  select round(avg(greatest(extract(epoch from
           conversation.first_response_at - coalesce(conversation.handoff_triggered_at, conversation.claimed_at)), 0)))::integer
    from public.conversations as conversation
   where conversation.project_id = first_response_seconds_on.project_id
     and conversation.first_response_at >= first_response_seconds_on.starts_at
     and conversation.first_response_at < first_response_seconds_on.ends_at
     and not conversation.is_spam;
$function$;
comment on function handoff.first_response_seconds_on(project_id uuid, starts_at timestamp with time zone, ends_at timestamp with time zone) is 'From the handoff to the first message of an agent, averaged over the conversations first answered then; null without any.';

CREATE OR REPLACE FUNCTION handoff.flag_customer(customer_id uuid, flagged boolean, reason text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  customer public.customers := handoff.visible_customer(flag_customer.customer_id);
begin
  perform handoff.rate_limit('dashboard', 100, interval '1 minute');
  update public.customers as judged
     set is_flagged = flag_customer.flagged, flag_reason = nullif(btrim(flag_customer.reason), '')
   where judged.id = customer.id
  returning * into customer;
  return handoff.customer_line(customer);
end
$function$;
grant execute on function handoff.flag_customer(customer_id uuid, flagged boolean, reason text) to authenticated;

CREATE OR REPLACE FUNCTION handoff.get_handoff_settings(project_id uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  settings public.handoff_settings;
begin
  perform handoff.require_member(get_handoff_settings.project_id);
  select * into settings from public.handoff_settings as found where found.project_id = get_handoff_settings.project_id;
  if not found then
    settings := jsonb_populate_record(null::public.handoff_settings,
      handoff.default_settings() || jsonb_build_object('project_id', get_handoff_settings.project_id));
  end if;
  return handoff.settings_answer(settings);
end
$function$;
grant execute on function handoff.get_handoff_settings(project_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION handoff.had_its_chance(settings public.handoff_settings, since timestamp with time zone, moment timestamp with time zone)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
begin
  return settings.business_hours_enabled is not true
      or not handoff.may_open(settings, moment)
      or exists (
           select 1 from handoff.openings(settings, moment, 1) as opening
            where (opening.opens_at >= since and opening.closes_at <= moment)
               or least(opening.closes_at, moment) - greatest(opening.opens_at, since) >= interval '24 hours');
end
$function$;
comment on function handoff.had_its_chance(settings public.handoff_settings, since timestamp with time zone, moment timestamp with time zone) is 'Whether the team had a whole opening, or 24 open hours, since then. Always true where there are no business hours.';

CREATE OR REPLACE FUNCTION handoff.handoff_answer(conversation_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select case conversation.status
           when 'waiting' then jsonb_build_object('status', 'waiting') || handoff.queue_place(conversation)
           when 'agent_active' then jsonb_build_object(
             'status', 'agent_active',
             'assigned_agent', handoff.agent_profile(conversation.project_id, conversation.assigned_agent_id))
           else jsonb_build_object('status', conversation.status)
         end
    from public.conversations as conversation
   where conversation.id = handoff_answer.conversation_id;
$function$;

CREATE OR REPLACE FUNCTION handoff.handoff_settings_end_offers()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  perform 1
     from public.agent_availability as agent
    where agent.project_id = old.project_id and agent.offered_chat_count > 0
    order by agent.id
      for no key update;
  update handoff.offers as ended
     set state = 'withdrawn', end_reason = 'mode_changed', ended_at = greatest(now(), ended.offered_at)
   where ended.project_id = old.project_id and ended.state = 'open';
  return null;
end
$function$;
comment on function handoff.handoff_settings_end_offers() is 'The project no longer asks: open offers are withdrawn. The worker makes offers with a share lock on the settings, so none comes after.';

CREATE OR REPLACE FUNCTION handoff.handoff_settings_validate()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  if new.trigger_mode not in ('auto', 'manual', 'both') then
    perform handoff.fail(400, 'unknown_trigger_mode', 'Unknown trigger mode', 'Use auto, manual or both.');
  end if;
  if new.default_max_concurrent_chats not between 1 and 50 then
    perform handoff.fail(400, 'chats_out_of_range', '"default_max_concurrent_chats" must be between 1 and 50');
  end if;
  if new.inactivity_timeout_minutes not between 1 and 1440 or new.auto_close_after_warning_minutes not between 1 and 1440
     or new.session_keep_alive_minutes not between 1 and 1440 then
    perform handoff.fail(400, 'minutes_out_of_range', 'Each of the settings in minutes must be between 1 and 1440');
  end if;
  if new.assignment_strategy not in ('balanced', 'round_robin', 'longest_idle') then
    perform handoff.fail(400, 'unknown_strategy', 'Unknown assignment strategy', 'Use balanced, round_robin or longest_idle.');
  end if;
  if new.preferred_wait_seconds not between 0 and 3600 then
    perform handoff.fail(400, 'seconds_out_of_range', '"preferred_wait_seconds" must be between 0 and 3600');
  end if;
  if new.agent_offline_after_seconds not between 90 and 300 then
    perform handoff.fail(400, 'seconds_out_of_range', '"agent_offline_after_seconds" must be between 90 and 300');
  end if;
  if new.client_ip_header not in ('cf-connecting-ip', 'x-real-ip', 'x-forwarded-for', 'none') then
    perform handoff.fail(400, 'unknown_ip_header', 'Unknown header', 'Use cf-connecting-ip, x-real-ip, x-forwarded-for or none.');
  end if;
  if new.assignment_mode not in ('direct', 'offer') then
    perform handoff.fail(400, 'unknown_assignment_mode', 'Unknown assignment mode', 'Use direct or offer.');
  end if;
  if new.offer_timeout_seconds not between 5 and 600 then
    perform handoff.fail(400, 'seconds_out_of_range', '"offer_timeout_seconds" must be between 5 and 600');
  end if;
  if new.away_after_missed_offers not between 0 and 20 then
    perform handoff.fail(400, 'missed_offers_out_of_range', '"away_after_missed_offers" must be between 0 and 20');
  end if;
  new.updated_at := now();
  -- What did not change was checked when it was written. Reading the server's list of zones takes tens of milliseconds.
  if tg_op = 'INSERT' or new.auto_triggers is distinct from old.auto_triggers then
    new.auto_triggers := handoff.checked_triggers(new.auto_triggers);
  end if;
  if tg_op = 'INSERT' or new.business_hours is distinct from old.business_hours then
    new.business_hours := handoff.checked_week(new.business_hours);
  end if;
  if new.timezone <> 'UTC' and (tg_op = 'INSERT' or new.timezone is distinct from old.timezone) then
    new.timezone := handoff.checked_zone(new.timezone);
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.has_agents(project_id uuid)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  return exists (select 1 from public.project_members as member
                  where member.project_id = has_agents.project_id and member.status = 'active')
      or exists (select 1 from public.agent_availability as agent
                   join public.projects as project on project.id = agent.project_id and project.user_id = agent.user_id
                  where agent.project_id = has_agents.project_id
                    and (agent.status_set_by is not null or agent.status <> 'offline'));
end
$function$;
comment on function handoff.has_agents(project_id uuid) is 'Whether anybody could ever answer: an active member, or an owner who has worked as an agent. To have the dashboard open is no work.';

CREATE OR REPLACE FUNCTION handoff.hold_to_answer(lease handoff.presence_leases, told integer, moment timestamp with time zone)
 RETURNS handoff.presence_leases
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  lease.next_beat := told;
  lease.lease_seconds := handoff.lease_for(lease.role, told, lease.floor_seconds, lease.remain_seconds);
  lease.expires_at := moment + make_interval(secs => lease.lease_seconds);
  lease.bucket := least(lease.bucket, handoff.wheel_tick(lease.expires_at));
  update handoff.presence_leases as held
     set next_beat = lease.next_beat, lease_seconds = lease.lease_seconds, expires_at = lease.expires_at,
         bucket = least(held.bucket, lease.bucket)
   where held.connection_id = lease.connection_id and held.leaving is null;
  return lease;
end
$function$;
comment on function handoff.hold_to_answer(lease handoff.presence_leases, told integer, moment timestamp with time zone) is 'The lease by the interval that its page is told, where that is another than it promised.';

CREATE OR REPLACE FUNCTION handoff.hours_changed()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
#variable_conflict use_column
declare
  changed uuid := case tg_op when 'DELETE' then old.project_id else new.project_id end;
begin
  if exists (select 1 from public.projects as project where project.id = changed) then
    insert into handoff.schedule_edges as edge (project_id) values (changed)
    on conflict (project_id) do update set next_edge = '-infinity';
  end if;
  return null;
end
$function$;
comment on function handoff.hours_changed() is 'The project''s edges are found anew.';

CREATE OR REPLACE FUNCTION handoff.identify_customer(project_id uuid, visitor_id text, email text, name text, context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  perform handoff.require_user();
  perform handoff.require_project(identify_customer.project_id);
  perform handoff.rate_limit('identify_customer', 10, interval '1 minute');
  perform handoff.link_email(identify_customer.project_id, identify_customer.visitor_id, identify_customer.email,
                             identify_customer.name, identify_customer.context);
  -- Always this: whether the address was known is nobody's business.
  return jsonb_build_object('linked', true);
end
$function$;
grant execute on function handoff.identify_customer(project_id uuid, visitor_id text, email text, name text, context jsonb) to authenticated;

CREATE OR REPLACE FUNCTION handoff.inbox(project_id uuid, list text, page integer, before timestamp with time zone, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  caller uuid := handoff.require_user();
begin
  if not handoff.is_member(inbox.project_id) then
    perform handoff.fail(403, 'not_a_member', 'You are not a member of this project');
  end if;
  if inbox.list is null or inbox.list not in ('all', 'mine', 'queue', 'closed') then
    perform handoff.fail(400, 'unknown_list', 'Unknown list', 'Use all, mine, queue or closed.');
  end if;
  return jsonb_build_object(
    'conversations', handoff.inbox_lines(inbox.project_id, inbox.list, least(greatest(inbox.page, 1), 200), inbox.before, caller, moment),
    'counts', handoff.inbox_counts(inbox.project_id, caller));
end
$function$;
grant execute on function handoff.inbox(project_id uuid, list text, page integer, before timestamp with time zone, moment timestamp with time zone) to authenticated;

CREATE OR REPLACE FUNCTION handoff.inbox_counts(project_id uuid, agent_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'all', count(*) filter (where conversation.status <> 'closed'),
    'mine', count(*) filter (where conversation.assigned_agent_id = inbox_counts.agent_id and conversation.status = 'agent_active'),
    'queue', count(*) filter (where conversation.status = 'waiting'))
    from public.conversations as conversation
   where conversation.project_id = inbox_counts.project_id
     and conversation.status in ('ai_active', 'waiting', 'agent_active', 'resolved');
$function$;

CREATE OR REPLACE FUNCTION handoff.inbox_line(conversation public.conversations, moment timestamp with time zone)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'id', conversation.id, 'status', conversation.status, 'customer_id', conversation.customer_id,
    'customer_name', conversation.customer_name, 'customer_email', conversation.customer_email,
    'customer_presence', conversation.customer_presence, 'customer_last_seen_at', conversation.customer_last_seen_at,
    'customer_left_reason', conversation.customer_left_reason,
    'preview', conversation.preview, 'assigned_agent_id', conversation.assigned_agent_id, 'priority', conversation.priority,
    'tags', conversation.tags, 'handoff_reason', conversation.handoff_reason, 'queue_entered_at', conversation.queue_entered_at,
    'waiting_seconds', case when conversation.status = 'waiting'
                            then extract(epoch from moment - conversation.queue_entered_at)::integer end,
    'last_message_at', conversation.last_message_at, 'created_at', conversation.created_at);
$function$;

CREATE OR REPLACE FUNCTION handoff.inbox_lines(project_id uuid, list text, page integer, before timestamp with time zone, caller uuid, moment timestamp with time zone)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  lines jsonb;
begin
  case inbox_lines.list
    when 'queue' then
      select jsonb_agg(handoff.inbox_line(waiting.line, moment) || jsonb_build_object('queue_position', waiting.position)
                       order by waiting.position) into lines
        from (
          select conversation as line,
                 row_number() over (order by conversation.priority desc, conversation.queue_entered_at, conversation.id) as position
            from public.conversations as conversation
           where conversation.project_id = inbox_lines.project_id and conversation.status = 'waiting'
           order by conversation.priority desc, conversation.queue_entered_at, conversation.id
           limit page
        ) as waiting;
    when 'closed' then
      select jsonb_agg(handoff.inbox_line(newest.line, moment) order by (newest.line).last_message_at desc) into lines
        from (
          select conversation as line
            from public.conversations as conversation
           where conversation.project_id = inbox_lines.project_id and conversation.status = 'closed'
             and conversation.closed_message_at < coalesce(inbox_lines.before, 'infinity')
           order by conversation.closed_message_at desc
           fetch first (page) rows with ties  -- the next page begins before them
        ) as newest;
    else
      select jsonb_agg(handoff.inbox_line(newest.line, moment) order by (newest.line).last_message_at desc) into lines
        from (
          select conversation as line
            from public.conversations as conversation
           where conversation.project_id = inbox_lines.project_id
             and conversation.status in ('ai_active', 'waiting', 'agent_active', 'resolved')
             and (inbox_lines.list = 'all'
                  or (conversation.assigned_agent_id = caller and conversation.status in ('agent_active', 'resolved')))
             and conversation.last_message_at < coalesce(inbox_lines.before, 'infinity')
           order by conversation.last_message_at desc
           fetch first (page) rows with ties
        ) as newest;
  end case;
  return coalesce(lines, '[]'::jsonb);
end
$function$;
comment on function handoff.inbox_lines(project_id uuid, list text, page integer, before timestamp with time zone, caller uuid, moment timestamp with time zone) is 'The lines of a list: the queue in the order of serving, the others with the newest message first.';

CREATE OR REPLACE FUNCTION handoff.install_attachments()
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  if to_regclass('storage.objects') is null then
    return false;
  end if;
  -- Limits that the team has changed since stay; that it is private does not change.
  insert into storage.buckets as bucket (id, name, public, file_size_limit, allowed_mime_types)
  values (handoff.attachment_bucket(), handoff.attachment_bucket(), false, 10 * 1024 * 1024, array[
          'image/png', 'image/jpeg', 'image/gif', 'image/webp', 'application/pdf', 'text/plain', 'text/csv',
          'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
          'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
          'application/vnd.openxmlformats-officedocument.presentationml.presentation',
          'application/vnd.oasis.opendocument.text', 'application/vnd.oasis.opendocument.spreadsheet'])
  on conflict (id) do update set public = false where bucket.public;

  drop policy if exists "Handoff: read files of conversations you can read" on storage.objects;
  create policy "Handoff: read files of conversations you can read" on storage.objects
    for select to authenticated
    using (bucket_id = 'handoff-attachments' and handoff.can_read_file(name));

  drop policy if exists "Handoff: add files where you can write" on storage.objects;
  create policy "Handoff: add files where you can write" on storage.objects
    for insert to authenticated
    with check (bucket_id = 'handoff-attachments' and handoff.can_add_file(name));
  return true;
end
$function$;
comment on function handoff.install_attachments() is 'Makes the private bucket of attachments and its policies; false where the project has no Storage. Run it again once it has.';

CREATE OR REPLACE FUNCTION handoff.invite_member(project_id uuid, email text, role text, name text, max_concurrent_chats integer, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  caller uuid := handoff.require_admin(invite_member.project_id);
  address text := handoff.normal_email(invite_member.email);
  member public.project_members;
begin
  perform handoff.require_role(invite_member.role);
  if address = handoff.owner_address(invite_member.project_id) then
    perform handoff.fail(409, 'already_a_member', 'The owner belongs to the project already');
  end if;
  perform handoff.rate_limit('invite_member', 60, interval '1 hour');
  insert into public.project_members as existing
         (project_id, email, role, name, max_concurrent_chats, invited_by, invited_at, invitation_expires_at)
  values (invite_member.project_id, address, invite_member.role, nullif(btrim(invite_member.name), ''),
          coalesce(invite_member.max_concurrent_chats, handoff.member_chat_limit(invite_member.project_id, null)),
          caller, moment, moment + interval '7 days')
  on conflict on constraint project_members_one_per_email do update
     set status = 'pending', user_id = null, accepted_at = null, role = excluded.role,
         name = coalesce(excluded.name, existing.name), max_concurrent_chats = excluded.max_concurrent_chats,
         invited_by = excluded.invited_by, invited_at = excluded.invited_at,
         invitation_expires_at = excluded.invitation_expires_at
   where existing.status <> 'active'
  returning existing.* into member;
  if not found then
    perform handoff.fail(409, 'already_a_member', 'This address belongs to a member already', 'Change the member instead.');
  end if;
  perform handoff.write_invitation(member);
  return handoff.member_answer(member);
end
$function$;
grant execute on function handoff.invite_member(project_id uuid, email text, role text, name text, max_concurrent_chats integer, moment timestamp with time zone) to authenticated;

CREATE OR REPLACE FUNCTION handoff.is_admin(project_id uuid)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  return exists (
           select 1 from public.projects as project
            where project.id = is_admin.project_id and project.user_id = (select auth.uid()))
      or exists (
           select 1 from public.project_members as member
            where member.project_id = is_admin.project_id and member.user_id = (select auth.uid())
              and member.status = 'active' and member.role = 'admin');
end
$function$;
comment on function handoff.is_admin(project_id uuid) is 'Whether the caller owns the project or is an active admin of it.';
grant execute on function handoff.is_admin(project_id uuid) to authenticated;
grant execute on function handoff.is_admin(project_id uuid) to service_role;

CREATE OR REPLACE FUNCTION handoff.is_forsaken(conversation public.conversations, offered_at timestamp with time zone)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select is_forsaken.offered_at is null and exists (
    select 1 from public.agent_availability as agent
     where agent.project_id = conversation.project_id and agent.user_id = conversation.assigned_agent_id
       and agent.effective_status = 'offline');
$function$;
comment on function handoff.is_forsaken(conversation public.conversations, offered_at timestamp with time zone) is 'Whether the customer waits for an agent who is gone, and has not been offered to return to the queue.';

CREATE OR REPLACE FUNCTION handoff.is_importing()
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
begin
  if coalesce(current_setting('handoff.importing', true), '') <> 'on' then
    return false;
  end if;
  return pg_has_role(session_user, (select nspowner from pg_catalog.pg_namespace where nspname = 'handoff'), 'usage');
end
$function$;
comment on function handoff.is_importing() is 'Whether this transaction is `handoff import`: triggers then leave numbers, times and events alone.';

CREATE OR REPLACE FUNCTION handoff.is_legal_move(old_status text, new_status text)
 RETURNS boolean
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
begin
  return case old_status
    when 'ai_active'    then new_status in ('waiting', 'agent_active', 'closed')
    when 'waiting'      then new_status in ('agent_active', 'closed')
    when 'agent_active' then new_status in ('agent_active', 'waiting', 'resolved', 'closed')
    when 'resolved'     then new_status in ('agent_active', 'waiting', 'closed')
    else false
  end;
end
$function$;
comment on function handoff.is_legal_move(old_status text, new_status text) is 'F001 5.2.4, and three moves its features need: an agent takes over from the AI, an inactive chat is closed, a reopened chat waits when its agent cannot take it.';

CREATE OR REPLACE FUNCTION handoff.is_link_template(link text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  -- What may stand in a link besides values: the characters of RFC 3986, but no brackets and no quote.
  select is_link_template.link ~ (
    '^(https://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?([/?#]' || rest || ')?|(mailto|tel):' || rest || ')$')
    from (values ('([A-Za-z0-9._~:/?#@!$&()*+,;=%-]|'
                  '\{(email|name|customer_id|visitor_id|conversation_id|metadata\.[A-Za-z0-9_-]{1,60})\})*')) as parts (rest);
$function$;
comment on function handoff.is_link_template(link text) is 'Whether it is an https, mailto or tel link with values only behind scheme and host.';

CREATE OR REPLACE FUNCTION handoff.is_member(project_id uuid)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
begin
  return is_member.project_id in (select handoff.member_projects());
end
$function$;
comment on function handoff.is_member(project_id uuid) is 'Whether the caller belongs to the project.';
grant execute on function handoff.is_member(project_id uuid) to authenticated;
grant execute on function handoff.is_member(project_id uuid) to service_role;

CREATE OR REPLACE FUNCTION handoff.is_off(told integer, found integer, elapsed integer)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select case when told is null or found is null then told is distinct from found
              else abs(found - greatest(told - elapsed, 0)) > greatest(30, found / 5) end;
$function$;
comment on function handoff.is_off(told integer, found integer, elapsed integer) is 'Whether a wait differs by more than 30 seconds and a fifth from what is left of the one that was told.';

CREATE OR REPLACE FUNCTION handoff.is_offered(conversation_id uuid, agent_id uuid)
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select exists (
    select 1 from handoff.offers as offer
     where offer.conversation_id = is_offered.conversation_id and offer.agent_id = is_offered.agent_id and offer.state = 'open');
$function$;
comment on function handoff.is_offered(conversation_id uuid, agent_id uuid) is 'Whether the agent has an open offer of the conversation.';

CREATE OR REPLACE FUNCTION handoff.is_open(settings public.handoff_settings, moment timestamp with time zone)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  today date := (moment at time zone settings.timezone)::date;
begin
  return not settings.business_hours_enabled
      or exists (select 1 from handoff.opening_ranges(settings, today - 2, today + 1) as range
                  where moment >= range.opens_at and moment < range.closes_at);
end
$function$;
comment on function handoff.is_open(settings public.handoff_settings, moment timestamp with time zone) is 'Whether handoff is within business hours at that instant; always true when business hours are off.';

CREATE OR REPLACE FUNCTION handoff.is_spent(partition regclass, horizon xid8, moment timestamp with time zone)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  newest_xid xid8;
  newest_at timestamptz;
begin
  execute format('select event.xid, event.created_at from %s as event order by event.xid desc, event.id desc limit 1', partition)
     into newest_xid, newest_at;
  -- Null when it is empty: nothing to do then.
  return coalesce(newest_xid < horizon and newest_at < moment - interval '5 days', false);
end
$function$;
comment on function handoff.is_spent(partition regclass, horizon xid8, moment timestamp with time zone) is 'Whether the newest row of a partition of the outbox is delivered and older than five days.';

CREATE OR REPLACE FUNCTION handoff.is_watched(conversation_id uuid, moment timestamp with time zone)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  return exists (select 1 from handoff.conversation_watchers as watching
                  where watching.conversation_id = is_watched.conversation_id and watching.until > moment);
end
$function$;
comment on function handoff.is_watched(conversation_id uuid, moment timestamp with time zone) is 'Whether a member has the conversation open in front of them.';

CREATE OR REPLACE FUNCTION handoff.keyword_in(project_id uuid, content text)
 RETURNS text
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
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
$function$;
comment on function handoff.keyword_in(project_id uuid, content text) is 'The first of the project''s keywords that the text holds, if keywords trigger a handoff there.';

CREATE OR REPLACE FUNCTION handoff.known_zones()
 RETURNS SETOF text
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select zone.name
    from pg_catalog.pg_timezone_names as zone
   where zone.name in ('UTC', 'GMT')
      or (zone.name !~ '^(posix|right)/'
          and zone.name not in ('Factory', 'localtime', 'posixrules')
          and (zone.name ~ '/' or zone.name !~ '[0-9]')
          and not exists (select 1 from pg_catalog.pg_timezone_abbrevs as abbreviation
                           where abbreviation.abbrev = upper(zone.name)));
$function$;
comment on function handoff.known_zones() is 'The IANA zones a project may use: known to this server, no abbreviations, no POSIX strings such as EST5EDT.';

CREATE OR REPLACE FUNCTION handoff.last_ai_confidence(conversation_id uuid)
 RETURNS double precision
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  return (select (message.metadata ->> 'confidence')::double precision
            from public.messages as message
           where message.conversation_id = last_ai_confidence.conversation_id and message.sender_type = 'ai'
           order by message.seq desc
           limit 1);
end
$function$;

CREATE OR REPLACE FUNCTION handoff.lease_for(role text, next_beat integer, floor_seconds integer, remain_seconds integer)
 RETURNS integer
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
begin
  return least(greatest(floor_seconds, 3 * next_beat, next_beat + remain_seconds), case role when 'bot' then 900 else 300 end);
end
$function$;
comment on function handoff.lease_for(role text, next_beat integer, floor_seconds integer, remain_seconds integer) is 'How many seconds a beat is good for: three beats, never under the floor, and the time the place is kept after an abrupt loss.';

CREATE OR REPLACE FUNCTION handoff.leave_question(conversation public.conversations, customer_id uuid, question text, client_message_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  if conversation.status = 'ai_active' and not exists (
       select 1 from public.handoff_settings as settings
        where settings.project_id = conversation.project_id and settings.enabled) then
    perform handoff.fail(409, 'handoff_disabled', 'This project does not hand conversations to people', 'Chat with the AI instead.');
  end if;
  -- The message first: the queue shows it. In a resolved conversation it reopens, in a closed one it is refused.
  perform handoff.write_message(conversation.id, 'customer', conversation.visitor_user_id, leave_question.question,
                                leave_question.client_message_id, '{"type": "offline_form"}'::jsonb);
  insert into public.lead_captures (project_id, session_id, customer_id, user_email, user_name, question)
  values (conversation.project_id, conversation.id, leave_question.customer_id, conversation.customer_email,
          conversation.customer_name, leave_question.question);
  perform handoff.confirm_question(conversation);
  perform handoff.enqueue(conversation.id, 'customer_request');
end
$function$;

CREATE OR REPLACE FUNCTION handoff.limit_messages(sender uuid)
 RETURNS void
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  tenth timestamptz;
begin
  select written.created_at into tenth
    from public.messages as written
   where written.sender_id = sender and written.sender_type = 'customer' and written.created_at > now() - interval '1 minute'
   order by written.created_at desc
  offset 9 limit 1;
  if found then
    perform handoff.too_many(tenth + interval '1 minute' - now());
  end if;
end
$function$;
comment on function handoff.limit_messages(sender uuid) is 'Refuses with 429 when the visitor has written ten messages within the last minute (F001 8.3).';

CREATE OR REPLACE FUNCTION handoff.link_email(project_id uuid, visitor_id text, email text, name text DEFAULT NULL::text, context jsonb DEFAULT NULL::jsonb)
 RETURNS uuid
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  address text := handoff.normal_email(link_email.email);
  full_name text := nullif(btrim(link_email.name), '');
  person uuid;
begin
  -- One at a time in a project: two devices that give one new address at once must end as one customer.
  perform pg_advisory_xact_lock(hashtextextended('handoff.customers ' || link_email.project_id::text, 0));
  person := handoff.person_behind(link_email.project_id, link_email.visitor_id, address);
  perform handoff.customer_seen(person, link_email.context);
  update public.customers as customer set name = full_name where customer.id = person and customer.name is null and full_name is not null;
  -- What the caller said as somebody else stays with that somebody; the open conversation is with who they are now.
  perform 1 from public.conversations as own
    where own.project_id = link_email.project_id and own.visitor_user_id = auth.uid()
    order by own.id for no key update;
  update public.conversations as own
     set customer_id = person,
         customer_email = address,
         customer_name = coalesce(full_name, own.customer_name),
         awaiting_email = false
   where own.project_id = link_email.project_id and own.visitor_user_id = auth.uid()
     and (own.status <> 'closed' or coalesce(own.customer_email, address) = address);
  return person;
end
$function$;
comment on function handoff.link_email(project_id uuid, visitor_id text, email text, name text, context jsonb) is 'Links the calling visitor''s id and conversations to an e-mail address and returns the customer. Call it before locking a conversation.';

CREATE OR REPLACE FUNCTION handoff.list_agents(project_id uuid, wanted_status text, wanted_skill text)
 RETURNS TABLE(user_id uuid, name text, email text, avatar_url text, role text, status text, effective_status text, current_chat_count integer, max_concurrent_chats integer, available_slots integer, can_receive_chats boolean, skills text[], last_seen_at timestamp with time zone, status_changed_at timestamp with time zone)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
#variable_conflict use_column
declare
  -- Null is every status.
  wanted text := case when list_agents.wanted_status is not null then handoff.normal_status(list_agents.wanted_status) end;
begin
  perform handoff.require_member(list_agents.project_id);
  return query
    select person.user_id, profile.of ->> 'name', account.email::text, profile.of ->> 'avatar_url', person.role,
           coalesce(agent.status, 'offline'), coalesce(agent.effective_status, 'offline'),
           coalesce(agent.current_chat_count, 0), most.chats,
           greatest(most.chats - coalesce(agent.current_chat_count + agent.offered_chat_count, 0), 0),
           coalesce(agent.effective_status = 'online' and agent.current_chat_count + agent.offered_chat_count < most.chats, false),
           coalesce(agent.skills, '{}'), agent.last_seen_at, agent.status_changed_at
      from handoff.team(list_agents.project_id) as person
      join auth.users as account on account.id = person.user_id
      left join public.agent_availability as agent
        on agent.project_id = list_agents.project_id and agent.user_id = person.user_id
     -- The offset keeps the planner from asking once for each of its fields.
     cross join lateral (select handoff.agent_profile(list_agents.project_id, person.user_id) as of offset 0) as profile
     cross join lateral (
        select coalesce(agent.max_concurrent_chats, handoff.member_chat_limit(list_agents.project_id, person.user_id)) as chats
      ) as most
     where (wanted is null or coalesce(agent.effective_status, 'offline') = wanted)
       and (list_agents.wanted_skill is null or lower(btrim(list_agents.wanted_skill)) = any (agent.skills))
     order by profile.of ->> 'name', person.user_id;
end
$function$;
grant execute on function handoff.list_agents(project_id uuid, wanted_status text, wanted_skill text) to authenticated;

CREATE OR REPLACE FUNCTION handoff.live_connections(project_id uuid, page integer, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  perform handoff.require_member_or_service(live_connections.project_id);
  return coalesce((
    select jsonb_agg(jsonb_build_object(
             'connection_id', (there.session).connection_id, 'role', (there.session).role, 'user_id', (there.session).user_id,
             'client_id', (there.session).client_id, 'name', there.profile -> 'name', 'email', there.profile -> 'email',
             'ip', (there.session).ip, 'user_agent', (there.session).user_agent, 'url', (there.session).page,
             'state', (there.lease).state, 'entered_at', (there.session).entered_at, 'last_beat_at', (there.lease).beat_at)
             order by (there.session).entered_at desc, (there.session).id desc)
      from (
        select present.session, present.lease, handoff.presence_profile(present.session) as profile
          from handoff.present_sessions(live_connections.project_id, moment) as present
         order by (present.session).entered_at desc, (present.session).id desc
         limit least(greatest(coalesce(live_connections.page, 1000), 1), 5000)
      ) as there), '[]'::jsonb);
end
$function$;
grant execute on function handoff.live_connections(project_id uuid, page integer, moment timestamp with time zone) to authenticated;
grant execute on function handoff.live_connections(project_id uuid, page integer, moment timestamp with time zone) to service_role;

CREATE OR REPLACE FUNCTION handoff.lock_agents_of(conversation public.conversations, taker uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  perform 1
     from public.agent_availability as agent
    where agent.project_id = conversation.project_id
      and (agent.user_id = lock_agents_of.taker
           or agent.user_id in (select offer.agent_id from handoff.offers as offer
                                 where offer.conversation_id = conversation.id and offer.state = 'open'))
    order by agent.id
      for no key update;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.lock_as_member(conversation_id uuid)
 RETURNS public.conversations
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  conversation public.conversations;
begin
  perform handoff.require_user();
  conversation := handoff.lock_conversation(lock_as_member.conversation_id);
  if conversation.id is null or not handoff.is_member(conversation.project_id) then
    perform handoff.fail(404, 'conversation_not_found', 'There is no such conversation');
  end if;
  perform handoff.rate_limit('dashboard', 100, interval '1 minute');
  return conversation;
end
$function$;
comment on function handoff.lock_as_member(conversation_id uuid) is 'The conversation, locked, if the caller belongs to its project; else refuses with 404.';

CREATE OR REPLACE FUNCTION handoff.lock_as_visitor(conversation_id uuid)
 RETURNS public.conversations
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  conversation public.conversations := handoff.visitors_conversation(lock_as_visitor.conversation_id);
begin
  return handoff.lock_conversation(conversation.id);
end
$function$;
comment on function handoff.lock_as_visitor(conversation_id uuid) is 'The conversation, locked, if it is the caller''s own as a visitor; else refuses.';

CREATE OR REPLACE FUNCTION handoff.lock_conversation(conversation_id uuid)
 RETURNS public.conversations
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  conversation public.conversations;
begin
  select * into conversation
    from public.conversations as found
   where found.id = lock_conversation.conversation_id
     for no key update;
  return conversation;
end
$function$;
comment on function handoff.lock_conversation(conversation_id uuid) is 'The conversation, locked until the transaction ends; null when there is none.';

CREATE OR REPLACE FUNCTION handoff.lock_conversations_of(customer_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  perform 1 from public.conversations as conversation
    where conversation.customer_id = lock_conversations_of.customer_id order by conversation.id for no key update;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.lock_invitation(token text, invitation_id uuid, address text, moment timestamp with time zone)
 RETURNS public.project_members
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  invited public.project_members;
  named uuid := coalesce(
    lock_invitation.invitation_id,
    (select known.member_id from handoff.invitation_tokens as known
      where known.token_hash = sha256(convert_to(lock_invitation.token, 'UTF8'))));
begin
  select * into invited
    from public.project_members as found
   where found.id = named and found.status = 'pending'
     for no key update;
  -- Who holds the token has the mail and may know that the address is another; an id alone tells a stranger nothing.
  if invited.id is null or (invited.email <> lock_invitation.address and lock_invitation.invitation_id is not null) then
    perform handoff.fail(404, 'invitation_not_found', 'There is no such invitation', 'It may have been accepted or withdrawn.');
  end if;
  if invited.email <> lock_invitation.address then
    perform handoff.fail(403, 'invited_by_another_address', 'This invitation is for another e-mail address',
                         'Sign in with the address it was sent to.');
  end if;
  if invited.invitation_expires_at <= moment then
    perform handoff.fail(410, 'invitation_expired', 'This invitation has expired', 'Ask for a new one.');
  end if;
  return invited;
end
$function$;
comment on function handoff.lock_invitation(token text, invitation_id uuid, address text, moment timestamp with time zone) is 'The pending invitation, locked; refuses when this address cannot accept it.';

CREATE OR REPLACE FUNCTION handoff.lock_member(member_id uuid)
 RETURNS public.project_members
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  member public.project_members;
begin
  perform handoff.require_user();
  select * into member from public.project_members as found where found.id = lock_member.member_id for no key update;
  if member.id is null or not handoff.is_member(member.project_id) then
    perform handoff.fail(404, 'member_not_found', 'There is no such member');
  end if;
  perform handoff.require_admin(member.project_id);
  perform handoff.rate_limit('team', 100, interval '1 minute');
  return member;
end
$function$;
comment on function handoff.lock_member(member_id uuid) is 'The member, locked, for an owner or admin of the project; else refuses with 404 or 403.';

CREATE OR REPLACE FUNCTION handoff.lock_persons(slots integer[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  perform pg_advisory_xact_lock(hashtext('handoff.presence'), ordered.slot)
     from (select distinct wanted as slot from unnest(lock_persons.slots) as wanted order by wanted) as ordered;
end
$function$;
comment on function handoff.lock_persons(slots integer[]) is 'Takes the locks in the one order, until the transaction ends.';

CREATE OR REPLACE FUNCTION handoff.lock_to_write(conversation_id uuid, caller uuid)
 RETURNS uuid
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  visitor uuid;
  cleared timestamptz;
  project uuid;
begin
  select found.visitor_user_id, found.cleared_at, found.project_id into visitor, cleared, project
    from public.conversations as found
   where found.id = lock_to_write.conversation_id
     for no key update;
  if (visitor = lock_to_write.caller and cleared is null) is not true then  -- else its visitor writes, and most calls are spared the call
    perform handoff.require_sight(visitor, cleared, project);
  end if;
  return visitor;
end
$function$;
comment on function handoff.lock_to_write(conversation_id uuid, caller uuid) is 'Locks the conversation, as write_message wants it, and gives the user whose it is. Refuses the caller as visible_conversation does.';

CREATE OR REPLACE FUNCTION handoff.mail_failed(mail_id bigint, attempt integer, reason text, pause interval, for_good boolean, moment timestamp with time zone DEFAULT now())
 RETURNS boolean
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  update handoff.mail_outbox as mail
     set last_error = left(mail_failed.reason, 1000),
         next_attempt_at = moment + mail_failed.pause,
         given_up_at = case when mail_failed.for_good then moment end
   where mail.id = mail_failed.mail_id and mail.attempts = mail_failed.attempt
     and mail.sent_at is null and mail.given_up_at is null
  returning true;
$function$;
comment on function handoff.mail_failed(mail_id bigint, attempt integer, reason text, pause interval, for_good boolean, moment timestamp with time zone) is 'Notes why an attempt failed and when the next may be, or that there will be none; null when somebody else has the mail by now.';

CREATE OR REPLACE FUNCTION handoff.mail_outbox_forget_token()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  new.data := new.data - 'token';
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.mail_sent(mail_id bigint, moment timestamp with time zone DEFAULT now())
 RETURNS boolean
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  update handoff.mail_outbox as mail
     set sent_at = moment, given_up_at = null, last_error = null
   where mail.id = mail_sent.mail_id and mail.sent_at is null
  returning true;
$function$;
comment on function handoff.mail_sent(mail_id bigint, moment timestamp with time zone) is 'Notes that the mail was accepted; null when that was known or the mail is gone.';

CREATE OR REPLACE FUNCTION handoff.mark_spam(conversation_id uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  conversation public.conversations := handoff.lock_as_member(mark_spam.conversation_id);
begin
  if conversation.status in ('agent_active', 'resolved') then
    perform handoff.require_owner(conversation);
  end if;
  update public.conversations as spam set is_spam = true where spam.id = conversation.id;
  perform handoff.close_as(conversation.id, 'spam');
  return jsonb_build_object('success', true);
end
$function$;
grant execute on function handoff.mark_spam(conversation_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION handoff.may_open(settings public.handoff_settings, moment timestamp with time zone)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select jsonb_path_exists(settings.business_hours, '$.*.enabled ? (@ == true)')
      or exists (select 1 from public.business_hours_exceptions as exception
                  where exception.project_id = settings.project_id
                    and exception.date >= (moment at time zone settings.timezone)::date
                    and not exception.closed);
$function$;
comment on function handoff.may_open(settings public.handoff_settings, moment timestamp with time zone) is 'False when the project has no hours at all, so that nobody searches a year for them.';

CREATE OR REPLACE FUNCTION handoff.may_speak_for(project_id uuid, visitor_id text)
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select not exists (select 1 from handoff.customer_visitors as known
                      where known.project_id = may_speak_for.project_id and known.visitor_id = may_speak_for.visitor_id)
      or exists (select 1 from public.conversations as conversation
                  where conversation.project_id = may_speak_for.project_id and conversation.visitor_id = may_speak_for.visitor_id
                    and conversation.visitor_user_id = (select auth.uid()))
      or exists (select 1 from public.web_visits as visit
                  where visit.project_id = may_speak_for.project_id and visit.visitor_id = may_speak_for.visitor_id
                    and visit.user_id = (select auth.uid()));
$function$;
comment on function handoff.may_speak_for(project_id uuid, visitor_id text) is 'Whether the visitor id is new, or the caller has chatted or browsed under it: whoever merely names an id links nothing of it.';

CREATE OR REPLACE FUNCTION handoff.member_answer(member public.project_members)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'id', member.id, 'project_id', member.project_id, 'user_id', member.user_id, 'email', member.email,
    'name', member.name, 'avatar_url', member.avatar_url, 'role', member.role, 'status', member.status,
    'max_concurrent_chats', member.max_concurrent_chats, 'invited_at', member.invited_at,
    'invitation_expires_at', member.invitation_expires_at, 'accepted_at', member.accepted_at);
$function$;
comment on function handoff.member_answer(member public.project_members) is 'What calls about a member answer.';

CREATE OR REPLACE FUNCTION handoff.member_chat_limit(project_id uuid, user_id uuid)
 RETURNS integer
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select coalesce(
    (select member.max_concurrent_chats from public.project_members as member
      where member.project_id = member_chat_limit.project_id and member.user_id = member_chat_limit.user_id
        and member.status = 'active'),
    (select settings.default_max_concurrent_chats from public.handoff_settings as settings
      where settings.project_id = member_chat_limit.project_id),
    5);
$function$;
comment on function handoff.member_chat_limit(project_id uuid, user_id uuid) is 'How many chats a member may hold at once: the member''s own limit, else the project''s default, else 5 (F001 5.1.2).';

CREATE OR REPLACE FUNCTION handoff.member_line(session public.presence_sessions, lease handoff.presence_leases)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
    'connection_id', session.connection_id, 'client_id', session.client_id, 'user_id', session.user_id, 'role', session.role,
    'name', profile.of -> 'name', 'email', profile.of -> 'email', 'state', lease.state, 'data', session.data, 'page', session.page,
    'conversation_id', session.conversation_id, 'visitor_id', session.visitor_id, 'entered_at', session.entered_at,
    'last_beat_at', lease.beat_at, 'last_active_at', lease.active_at, 'expires_at', lease.expires_at,
    'connection', case when lease.connection_id is null then 'unknown' when lease.suspect then 'suspect' else 'live' end)
    from (select handoff.presence_profile(session) as of offset 0) as profile;
$function$;
comment on function handoff.member_line(session public.presence_sessions, lease handoff.presence_leases) is 'One connection as members see it.';

CREATE OR REPLACE FUNCTION handoff.member_projects()
 RETURNS SETOF uuid
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select project.id from public.projects as project where project.user_id = (select auth.uid())
  union
  select member.project_id
    from public.project_members as member
   where member.user_id = (select auth.uid()) and member.status = 'active';
$function$;
comment on function handoff.member_projects() is 'The projects the caller owns or is an active member of.';
grant execute on function handoff.member_projects() to authenticated;
grant execute on function handoff.member_projects() to service_role;

CREATE OR REPLACE FUNCTION handoff.members_announce()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  insert into handoff.outbox (project_id, kind, payload)
  values (new.project_id, 'member_changed', jsonb_build_object('member', jsonb_build_object(
    'id', new.id, 'user_id', new.user_id, 'email', new.email, 'name', new.name, 'avatar_url', new.avatar_url,
    'role', new.role, 'status', new.status, 'max_concurrent_chats', new.max_concurrent_chats)));
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.merge_customers(source_id uuid, target_id uuid)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  source public.customers;
begin
  perform handoff.lock_conversations_of(merge_customers.source_id);
  -- Waits for conversations and visits of the two that are being written; later ones wait for us and find the target.
  perform 1 from public.customers as customer
    where customer.id in (merge_customers.source_id, merge_customers.target_id) order by customer.id for update;
  select * into source from public.customers as customer where customer.id = merge_customers.source_id;
  if source.id is null or source.email is not null or not exists (
       select 1 from public.customers as target
        where target.id = merge_customers.target_id and target.id <> source.id and target.project_id = source.project_id) then
    return false;
  end if;
  perform handoff.lock_conversations_of(source.id);  -- those that began meanwhile
  update public.conversations as conversation
     set customer_id = merge_customers.target_id where conversation.customer_id = source.id;
  update public.web_visits as visit set customer_id = merge_customers.target_id where visit.customer_id = source.id;
  update public.lead_captures as lead set customer_id = merge_customers.target_id where lead.customer_id = source.id;
  -- Before its visitor ids can belong to the target.
  delete from public.customers as customer where customer.id = source.id;
  perform handoff.absorb_customer(merge_customers.target_id, source);
  return true;
end
$function$;
comment on function handoff.merge_customers(source_id uuid, target_id uuid) is 'Makes an anonymous customer part of another of its project. False, and nothing changed, when one of them is gone or the first has an e-mail address.';

CREATE OR REPLACE FUNCTION handoff.merged_day(current jsonb, given jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  -- The hours of a day are one value in several keys: new hours replace the old ones, whichever form they had.
  select case
    when jsonb_typeof(given) <> 'object' then given
    when given ?| array['start', 'end', 'overnight', 'ranges']
      then (current - array['start', 'end', 'overnight', 'ranges']) || given
    else current || given
  end;
$function$;

CREATE OR REPLACE FUNCTION handoff.merged_settings(current jsonb, given jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select current || given
      || case when given ? 'auto_triggers'
              then jsonb_build_object('auto_triggers', (current -> 'auto_triggers') || (given -> 'auto_triggers'))
              else '{}'::jsonb end
      || case when given ? 'business_hours'
              then jsonb_build_object('business_hours', (current -> 'business_hours') || (
                     select coalesce(jsonb_object_agg(day.key, handoff.merged_day(
                                       coalesce(current #> array['business_hours', day.key], '{}'::jsonb), day.value)), '{}'::jsonb)
                       from jsonb_each(given -> 'business_hours') as day))
              else '{}'::jsonb end;
$function$;
comment on function handoff.merged_settings(current jsonb, given jsonb) is 'Settings with a change on top: single triggers and single weekdays are replaced, the others stay.';

CREATE OR REPLACE FUNCTION handoff.message_written(written public.messages)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
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
$function$;
comment on function handoff.message_written(written public.messages) is 'What a new message means for its conversation; refuses messages that its state does not allow.';

CREATE OR REPLACE FUNCTION handoff.messages_effects()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  written public.messages;
begin
  if current_setting('handoff.importing', true) = 'on' and handoff.is_importing() then  -- the setting first: each message asks
    return null;
  end if;
  insert into handoff.outbox (project_id, conversation_id, kind, seq, payload)
  select message.project_id, message.conversation_id, 'message', message.seq,
         jsonb_build_object('message', to_jsonb(message) - 'project_id')
    from new_rows as message;  -- as they were written, so numbered

  if current_setting('handoff.message_means_more', true) = 'on' then
    for written in select message.* from new_rows as message loop
      perform handoff.message_written(written);
    end loop;
  end if;
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.messages_number()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  -- Variables, because each expression of a statement is set up anew in each transaction.
  moment timestamptz := now();
  by_customer boolean := new.sender_type = 'customer';
  status text;
begin
  if current_setting('handoff.importing', true) = 'on' and handoff.is_importing() then  -- the setting first: each message asks
    return new;
  end if;
  update public.conversations as conversation
     set event_seq = conversation.event_seq + 1,
         last_message_at = moment,
         customer_active_at = case when by_customer then moment else conversation.customer_active_at end,
         preview = case when by_customer then left(new.content, 200) else conversation.preview end,
         first_response_at = case when new.sender_type = 'agent'
                                  then coalesce(conversation.first_response_at, moment)
                                  else conversation.first_response_at end,
         -- What the guard would see to: a message passes it by.
         updated_at = moment,
         auto_close_warning_sent_at = case when not by_customer then conversation.auto_close_warning_sent_at end
   where conversation.id = new.conversation_id
  returning conversation.event_seq, conversation.project_id, conversation.status into new.seq, new.project_id, status;
  if not found then
    perform handoff.fail(404, 'conversation_not_found', 'There is no such conversation');
  end if;
  -- Most messages are those of a customer who waits or has an agent, and mean nothing more: messages_effects is spared the look.
  if not by_customer or status not in ('waiting', 'agent_active') then
    perform set_config('handoff.message_means_more', 'on', true);
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.minutes_left(conversation public.conversations, settings public.handoff_settings, moment timestamp with time zone)
 RETURNS integer
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
begin
  return greatest(
    coalesce(settings.auto_close_after_warning_minutes, 5),
    case when conversation.customer_presence = 'offline' then
      ceil(extract(epoch from conversation.customer_last_seen_at - minutes_left.moment) / 60
           + coalesce(settings.session_keep_alive_minutes, 15))::integer end);
end
$function$;
comment on function handoff.minutes_left(conversation public.conversations, settings public.handoff_settings, moment timestamp with time zone) is 'How long after a warning at the moment the chat is closed; without settings by the defaults of F001 5.12.6.';

CREATE OR REPLACE FUNCTION handoff.moment_of(given jsonb)
 RETURNS timestamp with time zone
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
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
$function$;
comment on function handoff.moment_of(given jsonb) is 'The time that a JSON value tells: ISO 8601, or seconds or milliseconds since 1970; null for anything else.';

CREATE OR REPLACE FUNCTION handoff.my_invitations(moment timestamp with time zone DEFAULT now())
 RETURNS TABLE(invitation_id uuid, project_id uuid, project_name text, role text, invited_by text, invited_at timestamp with time zone, expires_at timestamp with time zone)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select invited.id, invited.project_id, to_jsonb(project) ->> 'name', invited.role,
         handoff.agent_profile(invited.project_id, invited.invited_by) ->> 'name', invited.invited_at,
         invited.invitation_expires_at
    from public.project_members as invited
    join public.projects as project on project.id = invited.project_id
   where invited.email = (select handoff.own_address())
     and invited.status = 'pending'
     and invited.invitation_expires_at > my_invitations.moment
   order by invited.invited_at desc;
$function$;
grant execute on function handoff.my_invitations(moment timestamp with time zone) to authenticated;

CREATE OR REPLACE FUNCTION handoff.my_offers(project_id uuid, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  caller uuid := handoff.require_member(my_offers.project_id);
begin
  return jsonb_build_object('offers', coalesce((
    select jsonb_agg(jsonb_build_object(
             'conversation_id', offer.conversation_id, 'customer_name', conversation.customer_name,
             'preview', conversation.preview, 'handoff_reason', conversation.handoff_reason, 'priority', conversation.priority,
             'waiting_time_seconds', greatest(extract(epoch from moment - conversation.queue_entered_at)::integer, 0),
             'offered_at', offer.offered_at, 'expires_at', offer.expires_at,
             'expires_in_seconds', ceil(extract(epoch from offer.expires_at - moment))::integer) order by offer.id)
      from handoff.offers as offer
      join public.conversations as conversation on conversation.id = offer.conversation_id
     where offer.project_id = my_offers.project_id and offer.agent_id = caller and offer.state = 'open'
       and offer.expires_at > moment), '[]'::jsonb));
end
$function$;
grant execute on function handoff.my_offers(project_id uuid, moment timestamp with time zone) to authenticated;

CREATE OR REPLACE FUNCTION handoff.new_lease(project_id uuid, connection_id uuid, role text, user_id uuid, client_id text, state text, next_beat integer, remain_seconds integer, idle_seconds integer, moment timestamp with time zone)
 RETURNS handoff.presence_leases
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  lease handoff.presence_leases;
begin
  lease.project_id := new_lease.project_id;
  lease.connection_id := new_lease.connection_id;
  lease.role := new_lease.role;
  lease.user_id := new_lease.user_id;
  lease.client_id := new_lease.client_id;
  lease.state := handoff.checked_state(new_lease.role, new_lease.state);
  lease.previous_state := lease.state;
  lease.next_beat := handoff.promised_beat(new_lease.role, coalesce(
    new_lease.next_beat, handoff.next_beat(new_lease.role, lease.state, false, 30)));
  lease.remain_seconds := least(greatest(coalesce(new_lease.remain_seconds, 15), 0), 300);
  lease.floor_seconds := case new_lease.role when 'customer' then 30 when 'bot' then 90 else coalesce(
    (select settings.agent_offline_after_seconds from public.handoff_settings as settings
      where settings.project_id = new_lease.project_id), 90) end;
  lease.lease_seconds := handoff.lease_for(new_lease.role, lease.next_beat, lease.floor_seconds, lease.remain_seconds);
  lease.beat_at := moment;
  lease.previous_beat_at := moment;
  lease.minute_at := moment;
  lease.expires_at := moment + make_interval(secs => lease.lease_seconds);
  lease.active_at := moment - make_interval(secs => greatest(coalesce(new_lease.idle_seconds, 0), 0));
  lease.bucket := handoff.wheel_tick(moment + make_interval(secs => case new_lease.role
    when 'agent' then least(lease.lease_seconds, handoff.suspect_after(lease.next_beat)) else lease.lease_seconds end));
  lease.plain_beats := 0;
  lease.change_beats := 0;
  lease.suspect := false;
  lease.traced := exists (select 1 from handoff.presence_tracing as tracing
                           where tracing.connection_id = new_lease.connection_id and tracing.until > moment);
  lease.beats := 1;
  lease.missed := 0;
  lease.late := 0;
  lease.lost := 0;
  lease.longest_gap := 0;
  lease.intervals := '{0,0,0,0,0,0,0,0,0,0}';
  lease.delays := '{0,0,0,0,0,0,0,0}';
  return lease;
end
$function$;
comment on function handoff.new_lease(project_id uuid, connection_id uuid, role text, user_id uuid, client_id text, state text, next_beat integer, remain_seconds integer, idle_seconds integer, moment timestamp with time zone) is 'A lease from this moment on by the rules of docs/presence.md; refuses an unknown state.';

CREATE OR REPLACE FUNCTION handoff.new_person(project_id uuid, address text)
 RETURNS uuid
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
  insert into public.customers (project_id, visitor_id, email)
  values (new_person.project_id, 'person:' || gen_random_uuid()::text, new_person.address)
  returning id;
$function$;

CREATE OR REPLACE FUNCTION handoff.next_beat(role text, state text, demand boolean, promised integer)
 RETURNS integer
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
begin
  return case
    when role = 'bot' then greatest(promised, 30)
    when role = 'agent' then case state when 'hidden' then 60 else 30 end
    when demand and state <> 'background' then 10
    else 60 end;
end
$function$;
comment on function handoff.next_beat(role text, state text, demand boolean, promised integer) is 'The interval that a beat is answered with: customers are fast only while somebody wants to know.';

CREATE OR REPLACE FUNCTION handoff.next_edge(project_id uuid, moment timestamp with time zone DEFAULT now())
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select coalesce(handoff.closes_at(settings, moment), handoff.next_opening(settings, moment))
    from public.handoff_settings as settings
   where settings.project_id = next_edge.project_id;
$function$;
comment on function handoff.next_edge(project_id uuid, moment timestamp with time zone) is 'When the project next opens or closes; null when it has no business hours and when that is not within 370 days.';

CREATE OR REPLACE FUNCTION handoff.next_opening(settings public.handoff_settings, moment timestamp with time zone)
 RETURNS timestamp with time zone
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  upcoming timestamptz;
begin
  if not settings.business_hours_enabled then
    return null;
  end if;
  select min(opening.opens_at) into upcoming from handoff.openings(settings, moment, 8) as opening where opening.opens_at > moment;
  if upcoming is null and handoff.may_open(settings, moment) then
    select min(opening.opens_at) into upcoming from handoff.openings(settings, moment, 370) as opening where opening.opens_at > moment;
  end if;
  return upcoming;
end
$function$;
comment on function handoff.next_opening(settings public.handoff_settings, moment timestamp with time zone) is 'The next instant at which the project goes from closed to open; null when business hours are off and when that is not within 370 days.';

CREATE OR REPLACE FUNCTION handoff.normal_email(email text)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
declare
  address text := lower(btrim(normal_email.email));
begin
  if address is null or char_length(address) > 254
     or address !~ '^[^@[:space:][:cntrl:]<>()",;:\\]+@[^@[:space:][:cntrl:]<>()",;:\\.]+(\.[^@[:space:][:cntrl:]<>()",;:\\.]+)+$' then
    perform handoff.fail(400, 'email_invalid', 'This is not an e-mail address', 'Write it as name@example.com.');
  end if;
  return address;
end
$function$;
comment on function handoff.normal_email(email text) is 'The address trimmed and in lower case; refuses what no mail could go to, and what could end up as more than one address.';

CREATE OR REPLACE FUNCTION handoff.normal_skills(skills text[])
 RETURNS text[]
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
declare
  cleaned text[] := array(
    select distinct lower(btrim(skill)) as skill from unnest(normal_skills.skills) as skill where btrim(skill) <> '' order by skill);
begin
  if cardinality(cleaned) > 50 or exists (select 1 from unnest(cleaned) as skill where char_length(skill) > 100) then
    perform handoff.fail(400, 'skills_out_of_range', 'There are at most 50 skills of at most 100 characters');
  end if;
  return cleaned;
end
$function$;
comment on function handoff.normal_skills(skills text[]) is 'The skills as they are compared: lower case, trimmed, without empty ones, each once, sorted.';

CREATE OR REPLACE FUNCTION handoff.normal_status(status text)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
begin
  if normal_status.status is null or normal_status.status not in ('online', 'available', 'busy', 'away', 'offline') then
    perform handoff.fail(400, 'unknown_status', 'Unknown status', 'Use online (or available), busy, away or offline.');
  end if;
  return case normal_status.status when 'available' then 'online' else normal_status.status end;
end
$function$;
comment on function handoff.normal_status(status text) is 'The status as it is stored: available is online. Refuses what is no status.';

CREATE OR REPLACE FUNCTION handoff.normal_words(words text[])
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select coalesce(array_agg(word order by place), '{}')
    from (select lower(btrim(entry.word)) as word, min(entry.place) as place
            from unnest(words) with ordinality as entry (word, place)
           where btrim(entry.word) <> ''
           group by lower(btrim(entry.word))) as distinct_words;
$function$;
comment on function handoff.normal_words(words text[]) is 'Trimmed, lower case, without repetition, in the order given: tags, skills, keywords.';

CREATE OR REPLACE FUNCTION handoff.obstacle(project_id uuid, agent_id uuid, conversation_id uuid)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  agent public.agent_availability;
begin
  select * into agent
    from public.agent_availability as found
   where found.project_id = obstacle.project_id and found.user_id = obstacle.agent_id
     for no key update;
  return case
    when agent.id is null or agent.effective_status <> 'online' then 'not_online'
    when agent.current_chat_count + agent.offered_chat_count
         - handoff.is_offered(obstacle.conversation_id, obstacle.agent_id)::integer >= agent.max_concurrent_chats then 'no_capacity'
  end;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.offer_explained(offer handoff.offers)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION handoff.offer_requeue(moment timestamp with time zone DEFAULT now(), most integer DEFAULT 100)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  due uuid[] := array(
    select conversation.id
      from handoff.agent_absences as absence
      join public.conversations as conversation on conversation.id = absence.conversation_id
     where absence.offered_at is null and absence.told_at <= moment - interval '10 minutes'
     order by absence.told_at, conversation.id
     limit most
       for no key update of conversation skip locked);
begin
  -- The agent may have come back, or another worker have been quicker: the row is gone then, or has its time.
  with offered as (
    update handoff.agent_absences as absence
       set offered_at = moment
     where absence.conversation_id = any (due) and absence.offered_at is null
    returning absence.conversation_id
  )
  select coalesce(array_agg(offered.conversation_id order by offered.conversation_id), '{}') into due from offered;
  insert into public.messages (conversation_id, sender_type, content, metadata)
  select conversation_id, 'system', 'Your agent has not come back yet. You can keep waiting, or return to the queue for another agent.',
         '{"type": "requeue_offer"}'
    from unnest(due) as conversation_id
   order by conversation_id;
  return cardinality(due);
end
$function$;
comment on function handoff.offer_requeue(moment timestamp with time zone, most integer) is 'Offers customers whose agent has been gone for ten minutes to return to the queue (F001 9.1), once an absence; they call return_to_queue.';

CREATE OR REPLACE FUNCTION handoff.offers_deleted()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  perform handoff.count_offers(array_agg(gone.project_id), array_agg(gone.agent_id), -1) from old_rows as gone where gone.state = 'open';
  return null;
end
$function$;
comment on function handoff.offers_deleted() is 'A conversation was deleted: its offer gives the slot back.';

CREATE OR REPLACE FUNCTION handoff.offers_ended()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  perform handoff.count_offers(array_agg(before.project_id), array_agg(before.agent_id), -1)
    from old_rows as before
    join new_rows as after using (id)
   where before.state = 'open' and after.state <> 'open';
  insert into handoff.outbox (project_id, conversation_id, kind, payload)
  select after.project_id, after.conversation_id, 'offer_ended', jsonb_build_object(
           'conversation_id', after.conversation_id, 'agent_id', after.agent_id,
           'outcome', after.state, 'reason', after.end_reason)
    from old_rows as before
    join new_rows as after using (id)
   where before.state = 'open' and after.state <> 'open'
   order by after.id;
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.offers_made()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  perform handoff.count_offers(array_agg(offer.project_id), array_agg(offer.agent_id), 1) from new_rows as offer where offer.state = 'open';
  insert into handoff.outbox (project_id, conversation_id, kind, payload)
  select offer.project_id, offer.conversation_id, 'conversation_offered', jsonb_build_object(
           'conversation_id', offer.conversation_id, 'agent_id', offer.agent_id,
           'customer_name', conversation.customer_name, 'preview', conversation.preview,
           'handoff_reason', conversation.handoff_reason, 'priority', conversation.priority,
           'waiting_time_seconds', greatest(extract(epoch from offer.offered_at - conversation.queue_entered_at)::integer, 0),
           'expires_at', offer.expires_at,
           'expires_in_seconds', ceil(extract(epoch from offer.expires_at - offer.offered_at))::integer)
    from new_rows as offer
    join public.conversations as conversation on conversation.id = offer.conversation_id
   where offer.state = 'open'
   order by offer.id;
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.offline_answer(project_id uuid, availability jsonb, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  -- Hours promise nothing where handoff is off or nobody works.
  select jsonb_build_object(
    'status', 'offline',
    'reason', offline_answer.availability -> 'reason',
    'message', 'Our team is currently offline',
    'show_offline_form', offline_answer.availability -> 'show_offline_form',
    'business_hours', (
      select jsonb_build_object(
               'timezone', settings.timezone,
               'next_available', handoff.opening_text(opening.next, settings.timezone, moment),
               'opens_at', opening.next)
        from public.handoff_settings as settings
       cross join lateral (select handoff.next_opening(settings, moment) as next) as opening
       where settings.project_id = offline_answer.project_id and settings.business_hours_enabled
         and offline_answer.availability ->> 'reason' in ('outside_hours', 'all_offline')));
$function$;
comment on function handoff.offline_answer(project_id uuid, availability jsonb, moment timestamp with time zone) is 'The offline answer of F001 7.5: why, whether to show the form, and when the team is next expected.';

CREATE OR REPLACE FUNCTION handoff.open_session(lease handoff.presence_leases, visitor_id text, conversation_id uuid, page text, data jsonb, moment timestamp with time zone)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  session public.presence_sessions;
begin
  select * into session from public.presence_sessions as open
   where open.connection_id = lease.connection_id and open.left_at is null
     for no key update;
  if session.id is not null then
    if (session.project_id, session.client_id, session.role) is distinct from (lease.project_id, lease.client_id, lease.role) then
      perform handoff.connection_taken();
    end if;
    perform handoff.change_session(session, open_session.page, open_session.data, open_session.conversation_id, moment);
    return true;
  end if;
  insert into public.presence_sessions (
    project_id, connection_id, role, user_id, client_id, visitor_id, conversation_id, data, page, ip, user_agent,
    floor_seconds, remain_seconds, entered_at, came_back)
  values (
    lease.project_id, lease.connection_id, lease.role, lease.user_id, lease.client_id, left(open_session.visitor_id, 200),
    open_session.conversation_id, coalesce(open_session.data, '{}'), open_session.page, handoff.caller_ip(lease.project_id),
    left(handoff.request_header('user-agent'), 400), lease.floor_seconds, lease.remain_seconds, moment,
    handoff.was_lost(lease, moment))
  returning * into session;
  insert into handoff.outbox (project_id, kind, payload)
  values (session.project_id, 'presence_enter', handoff.presence_payload(session, moment));
  if not exists (select 1 from public.presence_sessions as other
                  where other.project_id = session.project_id and other.client_id = session.client_id
                    and other.left_at is null and other.id <> session.id) then
    perform handoff.announce_person(session, 'online', moment);
  end if;
  return false;
end
$function$;
comment on function handoff.open_session(lease handoff.presence_leases, visitor_id text, conversation_id uuid, page text, data jsonb, moment timestamp with time zone) is 'Finds or begins the session of a connection. A new one is announced, and the person too when it is the first connection.';

CREATE OR REPLACE FUNCTION handoff.opened_at(settings public.handoff_settings, moment timestamp with time zone)
 RETURNS timestamp with time zone
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
begin
  if settings.business_hours_enabled is not true then
    return timestamptz '-infinity';
  end if;
  return (select opening.opens_at from handoff.openings(settings, moment, 1) as opening
           where moment >= opening.opens_at and moment < opening.closes_at);
end
$function$;
comment on function handoff.opened_at(settings public.handoff_settings, moment timestamp with time zone) is 'When the opening that holds the moment began; null while the project is closed, -infinity when it has no business hours.';

CREATE OR REPLACE FUNCTION handoff.opening_ranges(settings public.handoff_settings, first_day date, last_day date)
 RETURNS TABLE(opens_at timestamp with time zone, closes_at timestamp with time zone)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
begin
  return query
  select instants.opens_at, instants.closes_at
    from (
      select opening_ranges.first_day + ahead as date
        from generate_series(0, opening_ranges.last_day - opening_ranges.first_day) as ahead
    ) as day
    left join public.business_hours_exceptions as exception
      on exception.project_id = settings.project_id and exception.date = day.date
   cross join lateral (select settings.business_hours -> to_char(day.date, 'FMday') as hours) as weekday
   cross join lateral jsonb_array_elements(case
      when exception.id is not null then coalesce(exception.ranges, '[]'::jsonb)
      when weekday.hours -> 'enabled' = 'true'::jsonb
        then coalesce(weekday.hours -> 'ranges', jsonb_build_array(weekday.hours))
      else '[]'::jsonb
    end) as range
   cross join lateral (
      select day.date + (range ->> 'start')::time as starts,
             day.date + (range ->> 'end')::time
               + case when range ? 'overnight' then interval '24 hours' else interval '0' end as ends
    ) as wall
   -- Of two instants with the same wall time Postgres takes the second: right for an end, one repetition late for a start.
   cross join lateral (select wall.starts at time zone settings.timezone as last) as start
   cross join lateral (
      select (wall.starts - (start.last - interval '24 hours') at time zone settings.timezone
              + (start.last - interval '24 hours') at time zone 'UTC') at time zone 'UTC' as by_offset_before
    ) as earlier
   cross join lateral (
      select case when earlier.by_offset_before < start.last
                   and earlier.by_offset_before at time zone settings.timezone = wall.starts
                  then earlier.by_offset_before else start.last end as opens_at,
             wall.ends at time zone settings.timezone as closes_at
    ) as instants
   -- A range that begins in a skipped hour and ends right after it is over before its start has moved.
   where instants.opens_at < instants.closes_at;
end
$function$;
comment on function handoff.opening_ranges(settings public.handoff_settings, first_day date, last_day date) is 'The ranges that begin on these days, as instants, each as written: they may touch or overlap.';

CREATE OR REPLACE FUNCTION handoff.opening_text(opens_at timestamp with time zone, zone text, moment timestamp with time zone)
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  -- From the seventh day on the weekday alone would mean an earlier one.
  select to_char(wall.opens, case when wall.opens::date - wall.today > 6 then 'FMDay, FMMonth FMDD, FMHH12:MI AM'
                                  else 'FMDay FMHH12:MI AM' end)
    from (select opening_text.opens_at at time zone zone as opens, (moment at time zone zone)::date as today) as wall;
$function$;
comment on function handoff.opening_text(opens_at timestamp with time zone, zone text, moment timestamp with time zone) is 'An opening as F001 7.5 words it: "Monday 9:00 AM", and "Monday, January 4, 9:00 AM" when it is more than six days ahead.';

CREATE OR REPLACE FUNCTION handoff.openings(settings public.handoff_settings, moment timestamp with time zone, days integer)
 RETURNS TABLE(opens_at timestamp with time zone, closes_at timestamp with time zone)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  today date := (moment at time zone settings.timezone)::date;
begin
  return query
  select min(numbered.opens_at), max(numbered.closes_at)
    from (
      select range.opens_at, range.closes_at, count(*) filter (where range.begins) over (order by range.opens_at) as opening
        from (
          select each.opens_at, each.closes_at,
                 -- Null for the first one, which begins an opening too.
                 (each.opens_at <= max(each.closes_at) over (
                    order by each.opens_at rows between unbounded preceding and 1 preceding)) is not true as begins
            from handoff.opening_ranges(settings, today - 2, today + openings.days) as each
        ) as range
    ) as numbered
   group by numbered.opening
   order by 1;
end
$function$;
comment on function handoff.openings(settings public.handoff_settings, moment timestamp with time zone, days integer) is 'From two days before the moment to so many days after: when the project is open, ranges that touch or overlap as one; the end is not included.';

CREATE OR REPLACE FUNCTION handoff.outbox_notify()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  -- No content: equal notifications of one transaction become one.
  perform pg_catalog.pg_notify('handoff_outbox', '');
  return null;
end
$function$;
comment on function handoff.outbox_notify() is 'Wakes a worker that reads the outbox because it cannot stream.';

CREATE OR REPLACE FUNCTION handoff.own_address()
 RETURNS text
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select lower(account.email)
    from auth.users as account
   where account.id = (select auth.uid())
     and account.email_confirmed_at is not null
     and not account.is_anonymous;
$function$;
comment on function handoff.own_address() is 'The caller''s confirmed e-mail address; null for visitors and unconfirmed accounts. From the account, not the token: a token may be older than a change.';

CREATE OR REPLACE FUNCTION handoff.own_conversation(conversation_id uuid, project_id uuid)
 RETURNS uuid
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  if own_conversation.conversation_id is not null and not exists (
       select 1 from public.conversations as conversation
        where conversation.id = own_conversation.conversation_id and conversation.project_id = own_conversation.project_id
          and conversation.visitor_user_id = auth.uid()) then
    perform handoff.fail(404, 'conversation_not_found', 'There is no such conversation');
  end if;
  return own_conversation.conversation_id;
end
$function$;
comment on function handoff.own_conversation(conversation_id uuid, project_id uuid) is 'The id again; refuses with 404 unless it is null or the visitor''s own.';

CREATE OR REPLACE FUNCTION handoff.own_conversations()
 RETURNS SETOF uuid
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select conversation.id from public.conversations as conversation
   where conversation.visitor_user_id = (select auth.uid()) and conversation.cleared_at is null;
$function$;
comment on function handoff.own_conversations() is 'The conversations of the calling visitor.';
grant execute on function handoff.own_conversations() to authenticated;
grant execute on function handoff.own_conversations() to service_role;

CREATE OR REPLACE FUNCTION handoff.own_session(connection_id uuid)
 RETURNS public.presence_sessions
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  session public.presence_sessions;
begin
  select * into session from public.presence_sessions as open
   where open.connection_id = own_session.connection_id and open.left_at is null and open.user_id is not distinct from auth.uid()
     for no key update;
  return session;
end
$function$;
comment on function handoff.own_session(connection_id uuid) is 'The open session of the caller''s connection, locked; a null row when there is none.';

CREATE OR REPLACE FUNCTION handoff.owner_address(project_id uuid)
 RETURNS text
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select lower(account.email)
    from public.projects as project
    join auth.users as account on account.id = project.user_id
   where project.id = owner_address.project_id;
$function$;

CREATE OR REPLACE FUNCTION handoff.owner_fits_status(status text, agent uuid, entered timestamp with time zone)
 RETURNS boolean
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
begin
  return case owner_fits_status.status
    when 'agent_active' then agent is not null
    when 'ai_active' then agent is null
    when 'waiting' then agent is null and entered is not null
    else owner_fits_status.status in ('resolved', 'closed')
  end;
end
$function$;
comment on function handoff.owner_fits_status(status text, agent uuid, entered timestamp with time zone) is 'Whether there is such a status, and a conversation of that status can have that agent and time of entering the queue.';
grant execute on function handoff.owner_fits_status(status text, agent uuid, entered timestamp with time zone) to authenticated;
grant execute on function handoff.owner_fits_status(status text, agent uuid, entered timestamp with time zone) to service_role;

CREATE OR REPLACE FUNCTION handoff.pass_edges(moment timestamp with time zone DEFAULT now(), most integer DEFAULT 100)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  passed uuid[] := array(
    select edge.project_id
      from handoff.schedule_edges as edge
      join public.handoff_settings as settings on settings.project_id = edge.project_id
     where edge.next_edge <= moment and settings.business_hours_enabled
     order by edge.next_edge, edge.project_id
     limit most
       for no key update of edge skip locked);
  project uuid;
begin
  update handoff.schedule_edges as edge
     set open = state.open,
         changed_at = case
           when edge.open = state.open then edge.changed_at
           when edge.open is not null and edge.next_edge > '-infinity' then edge.next_edge
           when edge.open is not null or state.open then moment
           else coalesce((select max(opening.closes_at) from handoff.openings(settings, moment, 0) as opening
                           where opening.closes_at <= moment), '-infinity')
         end,
         -- Where no edge is near, tomorrow is soon enough to look again.
         next_edge = coalesce(handoff.next_edge(edge.project_id, moment), moment + interval '1 day')
    from public.handoff_settings as settings
   cross join lateral (select handoff.is_open(settings, moment) as open) as state
   where edge.project_id = any (passed) and settings.project_id = edge.project_id;
  for project in select unnest(passed) as project_id order by 1 loop
    perform handoff.refresh_project_state(project);
  end loop;
  return cardinality(passed);
end
$function$;
comment on function handoff.pass_edges(moment timestamp with time zone, most integer) is 'Notes which projects have opened or closed, and tells their widgets if that changed what they can offer.';

CREATE OR REPLACE FUNCTION handoff.person_behind(project_id uuid, visitor_id text, address text)
 RETURNS uuid
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  own public.customers;
  holder public.customers;
begin
  if handoff.may_speak_for(person_behind.project_id, person_behind.visitor_id) then
    own.id := handoff.visitor_customer(person_behind.project_id, person_behind.visitor_id);
  end if;
  select * into holder
    from public.customers as customer
   where customer.project_id = person_behind.project_id and customer.email = person_behind.address;
  if own.id <> holder.id then
    perform handoff.lock_conversations_of(own.id);
  end if;
  perform 1 from public.customers as customer where customer.id in (own.id, holder.id) order by customer.id for update;
  select * into own from public.customers as customer where customer.id = own.id;
  select * into holder from public.customers as customer where customer.id = holder.id;
  if own.email = person_behind.address then
    return own.id;
  end if;
  if own.id is null or own.email is not null then
    -- Not the caller's to link, or somebody else's device: that person keeps it, this one is a customer of their own.
    return coalesce(holder.id, handoff.new_person(person_behind.project_id, person_behind.address));
  end if;
  if holder.id is null then
    update public.customers as customer set email = person_behind.address where customer.id = own.id;
    return own.id;
  end if;
  perform handoff.merge_customers(own.id, holder.id);
  return holder.id;
end
$function$;
comment on function handoff.person_behind(project_id uuid, visitor_id text, address text) is 'The customer with this address: the visitor''s own, the one that had it (the visitor''s own is merged into it), or a new one.';

CREATE OR REPLACE FUNCTION handoff.person_slot(project_id uuid, client_id text)
 RETURNS integer
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
begin
  return hashtext(project_id::text || client_id) & 1023;
end
$function$;
comment on function handoff.person_slot(project_id uuid, client_id text) is 'Which of the locks on persons is this person''s.';

CREATE OR REPLACE FUNCTION handoff.post_ai_message(conversation_id uuid, content text, confidence double precision, sources jsonb, model text, client_message_id uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  if post_ai_message.confidence not between 0 and 1 then
    perform handoff.fail(400, 'confidence_out_of_range', 'The confidence must be between 0 and 1');
  end if;
  perform 1 from public.conversations as found where found.id = post_ai_message.conversation_id for no key update;
  if not found then
    perform handoff.fail(404, 'conversation_not_found', 'There is no such conversation');
  end if;
  return handoff.write_message(post_ai_message.conversation_id, 'ai', null, post_ai_message.content,
    post_ai_message.client_message_id,
    jsonb_strip_nulls(jsonb_build_object('confidence', confidence, 'sources', sources, 'model', model)));
end
$function$;
grant execute on function handoff.post_ai_message(conversation_id uuid, content text, confidence double precision, sources jsonb, model text, client_message_id uuid) to service_role;

CREATE OR REPLACE FUNCTION handoff.presence_enter(project_id uuid, connection_id uuid, state text, next_beat_seconds integer, conversation_id uuid, visitor_id text, page text, data jsonb, remain_present_for integer, idle_seconds integer, client_id text, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  role text := handoff.presence_role(presence_enter.project_id);
  chat uuid;
  lease handoff.presence_leases;
  resumed boolean;
begin
  if presence_enter.connection_id is null then
    perform handoff.fail(400, 'connection_required', 'A connection needs an id', 'Pass crypto.randomUUID(), kept for the page.');
  end if;
  if role = 'bot' and nullif(btrim(presence_enter.client_id), '') is null then
    perform handoff.fail(400, 'client_required', 'A bot needs a name', 'Pass p_client_id.');
  end if;
  if role = 'agent' then
    perform handoff.require_agent(presence_enter.project_id, auth.uid());
  elsif role = 'customer' then
    chat := handoff.own_conversation(presence_enter.conversation_id, presence_enter.project_id);
  end if;
  perform handoff.rate_limit('presence', 60, interval '1 minute');
  lease := handoff.new_lease(
    presence_enter.project_id, presence_enter.connection_id, role, auth.uid(),
    coalesce(auth.uid()::text, left(btrim(presence_enter.client_id), 100)), presence_enter.state, presence_enter.next_beat_seconds,
    presence_enter.remain_present_for, presence_enter.idle_seconds, moment);
  perform handoff.renew_lease(lease);
  perform handoff.lock_persons(array[handoff.person_slot(lease.project_id, lease.client_id)]);
  resumed := handoff.open_session(lease, presence_enter.visitor_id, chat, handoff.checked_page(presence_enter.page),
                                  handoff.checked_presence_data(presence_enter.data), moment);
  perform handoff.settle_person(lease.project_id, role, lease.user_id, lease.client_id, moment);
  if lease.traced then
    perform handoff.trace_presence_step(lease.connection_id, moment, 'enter', jsonb_build_object(
      'resumed', resumed, 'state', lease.state, 'next_beat', lease.next_beat, 'expires_at', lease.expires_at));
  end if;
  return handoff.beat_answer(lease, moment)
      || jsonb_build_object('connection_id', lease.connection_id, 'role', role, 'resumed', resumed);
end
$function$;
comment on function handoff.presence_enter(project_id uuid, connection_id uuid, state text, next_beat_seconds integer, conversation_id uuid, visitor_id text, page text, data jsonb, remain_present_for integer, idle_seconds integer, client_id text, moment timestamp with time zone) is 'A connection comes, or comes again. Locks: member, counter, lease, person, session, conversation or agent.';
grant execute on function handoff.presence_enter(project_id uuid, connection_id uuid, state text, next_beat_seconds integer, conversation_id uuid, visitor_id text, page text, data jsonb, remain_present_for integer, idle_seconds integer, client_id text, moment timestamp with time zone) to authenticated;
grant execute on function handoff.presence_enter(project_id uuid, connection_id uuid, state text, next_beat_seconds integer, conversation_id uuid, visitor_id text, page text, data jsonb, remain_present_for integer, idle_seconds integer, client_id text, moment timestamp with time zone) to service_role;

CREATE OR REPLACE FUNCTION handoff.presence_heartbeat(connection_id uuid, state text, next_beat_seconds integer, idle_seconds integer, beat integer, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  lease handoff.presence_leases := handoff.renew(
    presence_heartbeat.connection_id, presence_heartbeat.state, presence_heartbeat.next_beat_seconds, presence_heartbeat.idle_seconds,
    presence_heartbeat.beat, moment);
  answer jsonb;
begin
  if lease.connection_id is null then
    perform handoff.require_caller();
    perform handoff.regain_lease(presence_heartbeat.connection_id, moment);
    lease := handoff.renew(
      presence_heartbeat.connection_id, presence_heartbeat.state, presence_heartbeat.next_beat_seconds, presence_heartbeat.idle_seconds,
      presence_heartbeat.beat, moment);
    if lease.connection_id is null then
      return handoff.beat_unknown(moment);
    end if;
  end if;
  answer := handoff.beat_answer(lease, moment);
  if answer is null then
    -- Removed from the team. Entering again tells the page so: it is no agent then.
    perform handoff.end_presence(array[lease.connection_id], array['removed'], null, moment);
    answer := handoff.beat_unknown(moment);
  end if;
  if lease.traced then
    select * into lease from handoff.presence_leases as held where held.connection_id = lease.connection_id; -- the answer may have moved it
    perform handoff.trace_presence_step(presence_heartbeat.connection_id, moment, 'beat', jsonb_build_object(
      'beat', lease.client_beat, 'count', lease.beats, 'gap_seconds', extract(epoch from moment - lease.previous_beat_at), 'state', lease.state,
      'previous_state', lease.previous_state, 'active_at', lease.active_at, 'next_beat', lease.next_beat,
      'expires_at', lease.expires_at, 'answer', answer));
  end if;
  return answer;
end
$function$;
comment on function handoff.presence_heartbeat(connection_id uuid, state text, next_beat_seconds integer, idle_seconds integer, beat integer, moment timestamp with time zone) is 'One beat. Only what it changes is logged.';
grant execute on function handoff.presence_heartbeat(connection_id uuid, state text, next_beat_seconds integer, idle_seconds integer, beat integer, moment timestamp with time zone) to authenticated;
grant execute on function handoff.presence_heartbeat(connection_id uuid, state text, next_beat_seconds integer, idle_seconds integer, beat integer, moment timestamp with time zone) to service_role;

CREATE OR REPLACE FUNCTION handoff.presence_history(project_id uuid, user_id uuid, connection_id uuid, before timestamp with time zone, page integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  perform handoff.require_member_or_service(presence_history.project_id);
  return coalesce((
    select jsonb_agg(jsonb_build_object(
             'session_id', past.id, 'connection_id', past.connection_id, 'client_id', past.client_id, 'user_id', past.user_id,
             'role', past.role, 'entered_at', past.entered_at, 'left_at', past.left_at, 'leave_reason', past.leave_reason,
             'leave_data', past.leave_data, 'last_seen_at', past.last_seen_at, 'page', past.page, 'data', past.data,
             'beats', past.beats, 'missed', past.missed, 'late', past.late, 'lost', past.lost,
             'longest_gap_seconds', past.longest_gap_seconds) order by past.entered_at desc, past.id desc)
      from (
        select session.* from public.presence_sessions as session
         where session.project_id = presence_history.project_id
           and (presence_history.user_id is null or session.user_id = presence_history.user_id)
           and (presence_history.connection_id is null or session.connection_id = presence_history.connection_id)
           and session.entered_at < coalesce(presence_history.before, 'infinity')
         order by session.entered_at desc, session.id desc
         limit least(greatest(coalesce(presence_history.page, 100), 1), 500)
      ) as past), '[]'::jsonb);
end
$function$;
grant execute on function handoff.presence_history(project_id uuid, user_id uuid, connection_id uuid, before timestamp with time zone, page integer) to authenticated;
grant execute on function handoff.presence_history(project_id uuid, user_id uuid, connection_id uuid, before timestamp with time zone, page integer) to service_role;

CREATE OR REPLACE FUNCTION handoff.presence_leave(connection_id uuid, reason text, data jsonb, beat integer, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  because text := left(coalesce(nullif(btrim(presence_leave.reason), ''), 'left'), 100);
  lease handoff.presence_leases;
begin
  perform handoff.require_caller();
  update handoff.presence_leases as leaving
     set beat_at = greatest(leaving.beat_at, moment),
         client_beat = presence_leave.beat,
         leaving = case when because = 'pagehide' and leaving.remain_seconds > 0 then because end,
         -- The lease is so long from here on: no grace after a restart of the database makes it longer (the sweep).
         lease_seconds = case when because = 'pagehide' then leaving.remain_seconds else leaving.lease_seconds end,
         expires_at = case when because = 'pagehide'
                           then least(leaving.expires_at, moment + make_interval(secs => leaving.remain_seconds)) else leaving.expires_at end,
         bucket = case when because = 'pagehide'
                       then least(leaving.bucket, handoff.wheel_tick(moment + make_interval(secs => leaving.remain_seconds))) else leaving.bucket end
   where leaving.connection_id = presence_leave.connection_id and leaving.user_id is not distinct from auth.uid()
     and (because <> 'pagehide' or (presence_leave.beat < leaving.client_beat) is not true)
  returning leaving.* into lease;
  if lease.leaving is not null then
    if lease.traced then
      perform handoff.trace_presence_step(lease.connection_id, moment, 'pagehide', jsonb_build_object('expires_at', lease.expires_at));
    end if;
    return jsonb_build_object('left', true, 'remains_seconds', lease.remain_seconds);
  end if;
  -- After a crash there may be a session without a lease; with one, the page is there again.
  if lease.connection_id is null and (
       exists (select 1 from handoff.presence_leases as held where held.connection_id = presence_leave.connection_id)
       or (handoff.own_session(presence_leave.connection_id)).id is null) then
    return jsonb_build_object('left', false, 'remains_seconds', 0);
  end if;
  perform handoff.end_presence(array[presence_leave.connection_id], array[because],
                               handoff.checked_presence_data(presence_leave.data), moment);
  return jsonb_build_object('left', true, 'remains_seconds', 0);
end
$function$;
comment on function handoff.presence_leave(connection_id uuid, reason text, data jsonb, beat integer, moment timestamp with time zone) is 'A connection goes: at once, or (pagehide) unless it is back in time. A pagehide older than a beat that arrived changes nothing.';
grant execute on function handoff.presence_leave(connection_id uuid, reason text, data jsonb, beat integer, moment timestamp with time zone) to authenticated;
grant execute on function handoff.presence_leave(connection_id uuid, reason text, data jsonb, beat integer, moment timestamp with time zone) to service_role;

CREATE OR REPLACE FUNCTION handoff.presence_members(project_id uuid, role text, conversation_id uuid, page integer, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
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
$function$;
grant execute on function handoff.presence_members(project_id uuid, role text, conversation_id uuid, page integer, moment timestamp with time zone) to authenticated;
grant execute on function handoff.presence_members(project_id uuid, role text, conversation_id uuid, page integer, moment timestamp with time zone) to service_role;

CREATE OR REPLACE FUNCTION handoff.presence_payload(session public.presence_sessions, moment timestamp with time zone)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  profile jsonb := handoff.presence_profile(session);
begin
  return jsonb_build_object(
    'connection_id', session.connection_id, 'client_id', session.client_id, 'user_id', session.user_id,
    'role', session.role, 'name', profile -> 'name', 'email', profile -> 'email', 'data', session.data,
    'page', session.page, 'conversation_id', session.conversation_id, 'timestamp', moment);
end
$function$;
comment on function handoff.presence_payload(session public.presence_sessions, moment timestamp with time zone) is 'What the events about one connection tell the members.';

CREATE OR REPLACE FUNCTION handoff.presence_picture(connection_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
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
$function$;
comment on function handoff.presence_picture(connection_id uuid) is 'A connection''s latest session, its lease, and what follows for the agent.';

CREATE OR REPLACE FUNCTION handoff.presence_profile(session public.presence_sessions)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  profile jsonb;
begin
  if session.role = 'agent' then
    select jsonb_build_object('name', handoff.agent_profile(session.project_id, session.user_id) -> 'name', 'email', account.email)
      into profile from auth.users as account where account.id = session.user_id;
  elsif session.role = 'customer' then
    -- As whom they chat, else whose visitor id they bring: a claim, as in track_visit.
    select jsonb_build_object('name', customer.name, 'email', customer.email, 'customer_id', customer.id)
      into profile
      from public.customers as customer
     where customer.id = coalesce(
             (select conversation.customer_id from public.conversations as conversation
               where conversation.project_id = session.project_id and conversation.visitor_user_id = session.user_id
                 and conversation.customer_id is not null
               order by conversation.created_at desc
               limit 1),
             (select known.customer_id from handoff.customer_visitors as known
               where known.project_id = session.project_id and known.visitor_id = session.visitor_id));
  else
    profile := jsonb_build_object('name', coalesce(session.data ->> 'name', session.client_id), 'email', null);
  end if;
  return coalesce(profile, '{"name": null, "email": null}'::jsonb);
end
$function$;
comment on function handoff.presence_profile(session public.presence_sessions) is 'Name and e-mail of who is there, for members; of customers their id, too.';

CREATE OR REPLACE FUNCTION handoff.presence_role(project_id uuid)
 RETURNS text
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  if auth.uid() is not null then
    perform handoff.require_project(presence_role.project_id);
    return case when handoff.is_member(presence_role.project_id) then 'agent' else 'customer' end;
  end if;
  -- A token without a user is no service key, whatever else is in it.
  if coalesce(current_setting('role', true), 'none') in ('anon', 'authenticated') then
    perform handoff.require_user();
  end if;
  perform handoff.require_project(presence_role.project_id);
  return 'bot';
end
$function$;
comment on function handoff.presence_role(project_id uuid) is 'agent for members, customer for every other signed-in user, bot for the service key; refuses with 401 and 404.';

CREATE OR REPLACE FUNCTION handoff.presence_state(role text, state text)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
begin
  return case
    when role = 'bot' then coalesce(left(nullif(btrim(state), ''), 40), 'active')
    when role = 'agent' then case when state in ('active', 'idle', 'hidden') then state when state is null then 'active' end
    when state in ('online', 'idle', 'typing', 'background') then state
    when state is null then 'online' end;
end
$function$;
comment on function handoff.presence_state(role text, state text) is 'The state as it is stored, or the first one of the role for null; null for one that the role does not have.';

CREATE OR REPLACE FUNCTION handoff.presence_stats(project_id uuid, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  agents jsonb;
begin
  perform handoff.require_member_or_service(presence_stats.project_id);
  select jsonb_object_agg(each.status, (
           select count(*) from public.agent_availability as agent
            where agent.project_id = presence_stats.project_id and agent.effective_status = each.status))
    into agents
    from unnest(array['online', 'busy', 'away', 'offline']) as each (status);
  return (
    with there as materialized (
      select (present.session).role, (present.session).client_id, handoff.state_rank((present.lease).state) as rank
        from handoff.present_sessions(presence_stats.project_id, moment) as present
    ), customer as (
      select there.client_id, coalesce(max(there.rank), 3) as rank from there where there.role = 'customer' group by there.client_id
    )
    select jsonb_build_object(
             'agents', agents,
             'customers', jsonb_build_object(
               'typing', count(*) filter (where customer.rank = 4), 'online', count(*) filter (where customer.rank = 3),
               'idle', count(*) filter (where customer.rank = 2), 'background', count(*) filter (where customer.rank = 1),
               'total', count(*)),
             'bots', (select count(distinct there.client_id) from there where there.role = 'bot'),
             'connections', (select count(*) from there))
      from customer);
end
$function$;
grant execute on function handoff.presence_stats(project_id uuid, moment timestamp with time zone) to authenticated;
grant execute on function handoff.presence_stats(project_id uuid, moment timestamp with time zone) to service_role;

CREATE OR REPLACE FUNCTION handoff.presence_telemetry(project_id uuid, hours integer, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  since timestamptz := moment - make_interval(hours => least(greatest(coalesce(presence_telemetry.hours, 24), 1), 720));
begin
  perform handoff.require_member_or_service(presence_telemetry.project_id);
  return (
    with beaten as materialized (
      select session.role, session.leave_reason, session.came_back, session.entered_at >= since as is_new,
             coalesce(session.beats, lease.beats) as beats, coalesce(session.missed, lease.missed) as missed,
             coalesce(session.late, lease.late) as late, coalesce(session.lost, lease.lost) as lost,
             coalesce(session.longest_gap_seconds, lease.longest_gap) as longest_gap,
             coalesce(session.intervals, lease.intervals) as intervals, coalesce(session.delays, lease.delays) as delays
        from public.presence_sessions as session
        left join handoff.presence_leases as lease on lease.connection_id = session.connection_id and session.left_at is null
       where session.project_id = presence_telemetry.project_id and (session.left_at is null or session.left_at >= since)
    ), by_role as (
      select beaten.role,
             jsonb_build_object(
               'entered', count(*) filter (where beaten.is_new), 'live', count(*) filter (where beaten.leave_reason is null),
               'ended', count(*) filter (where beaten.leave_reason is not null),
               'expired', count(*) filter (where beaten.leave_reason = 'lost'),
               'flapped', count(*) filter (where beaten.came_back),
               'first_beat_only', count(*) filter (where beaten.leave_reason = 'lost' and coalesce(beaten.beats, 1) <= 1),
               'beats', coalesce(sum(beaten.beats), 0), 'missed', coalesce(sum(beaten.missed), 0),
               'late', coalesce(sum(beaten.late), 0), 'lost', coalesce(sum(beaten.lost), 0),
               'longest_gap_seconds', coalesce(max(beaten.longest_gap), 0),
               'intervals', handoff.sum_columns(coalesce(jsonb_agg(to_jsonb(beaten.intervals)), '[]')),
               'delays', handoff.sum_columns(coalesce(jsonb_agg(to_jsonb(beaten.delays)), '[]'))) as facts
        from beaten
       group by beaten.role
    )
    select jsonb_build_object(
      'since', since, 'interval_edges_seconds', to_jsonb(handoff.beat_edges()), 'delay_edges_seconds', to_jsonb(handoff.delay_edges()),
      'roles', coalesce((select jsonb_object_agg(by_role.role, by_role.facts) from by_role), '{}'::jsonb)));
end
$function$;
grant execute on function handoff.presence_telemetry(project_id uuid, hours integer, moment timestamp with time zone) to authenticated;
grant execute on function handoff.presence_telemetry(project_id uuid, hours integer, moment timestamp with time zone) to service_role;

CREATE OR REPLACE FUNCTION handoff.presence_update(connection_id uuid, page text, data jsonb, conversation_id uuid, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  session public.presence_sessions;
  lease handoff.presence_leases;
begin
  perform handoff.require_caller();
  perform handoff.rate_limit('presence', 60, interval '1 minute');
  session := handoff.own_session(presence_update.connection_id);
  if session.id is null then
    return handoff.beat_unknown(moment);
  end if;
  perform handoff.change_session(
    session, handoff.checked_page(presence_update.page), handoff.checked_presence_data(presence_update.data),
    case when session.role = 'customer' then handoff.own_conversation(presence_update.conversation_id, session.project_id) end,
    moment);
  select * into lease from handoff.presence_leases as held where held.connection_id = session.connection_id;
  return handoff.beat_answer(lease, moment);
end
$function$;
grant execute on function handoff.presence_update(connection_id uuid, page text, data jsonb, conversation_id uuid, moment timestamp with time zone) to authenticated;
grant execute on function handoff.presence_update(connection_id uuid, page text, data jsonb, conversation_id uuid, moment timestamp with time zone) to service_role;

CREATE OR REPLACE FUNCTION handoff.present_person(project_id uuid, client_id text, moment timestamp with time zone)
 RETURNS TABLE(session public.presence_sessions, lease handoff.presence_leases)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select open, held
    from public.presence_sessions as open
    left join handoff.presence_leases as held on held.connection_id = open.connection_id
   where open.project_id = present_person.project_id and open.client_id = present_person.client_id and open.left_at is null
     and handoff.counts(held, moment);
$function$;
comment on function handoff.present_person(project_id uuid, client_id text, moment timestamp with time zone) is 'The connections of one person that are there now.';

CREATE OR REPLACE FUNCTION handoff.present_sessions(project_id uuid, moment timestamp with time zone)
 RETURNS TABLE(session public.presence_sessions, lease handoff.presence_leases)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select open, held
    from public.presence_sessions as open
    left join handoff.presence_leases as held on held.connection_id = open.connection_id
   where open.project_id = present_sessions.project_id and open.left_at is null
     and handoff.counts(held, moment);
$function$;
comment on function handoff.present_sessions(project_id uuid, moment timestamp with time zone) is 'The connections of a project that are there now, with their leases.';

CREATE OR REPLACE FUNCTION handoff.project_members_equip()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  perform handoff.equip_agent(new.project_id, new.user_id);
  update public.agent_availability as agent
     set max_concurrent_chats = new.max_concurrent_chats
   where agent.project_id = new.project_id and agent.user_id = new.user_id
     and agent.max_concurrent_chats <> new.max_concurrent_chats;
  return null;
end
$function$;
comment on function handoff.project_members_equip() is 'An active member can be given chats, up to the limit of the member.';

CREATE OR REPLACE FUNCTION handoff.project_members_forget_invitation()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  delete from handoff.invitation_tokens as token where token.member_id = old.id;
  perform handoff.drop_invitation_mail(old.project_id, old.email);
  return null;
end
$function$;
comment on function handoff.project_members_forget_invitation() is 'An invitation that was answered or withdrawn can no longer be used.';

CREATE OR REPLACE FUNCTION handoff.project_members_retire()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  perform handoff.retire_agent(old.project_id, old.user_id);
  return null;
end
$function$;
comment on function handoff.project_members_retire() is 'Who is no longer an active member holds no chats and is given none.';

CREATE OR REPLACE FUNCTION handoff.project_members_touch()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  new.updated_at := now();
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.promised_beat(role text, seconds integer)
 RETURNS integer
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
begin
  return least(greatest(seconds, 5), case role when 'bot' then 300 else 60 end);
end
$function$;
comment on function handoff.promised_beat(role text, seconds integer) is 'When the next beat is due by the client''s own word, in seconds, within what is allowed.';

CREATE OR REPLACE FUNCTION handoff.prune(horizon xid8, moment timestamp with time zone DEFAULT now(), most integer DEFAULT 1000)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  perform handoff.prune_decisions(moment);
  perform handoff.prune_offers(moment);
  return greatest(handoff.prune_outbox(prune.horizon, moment, most), handoff.prune_calls(moment, most), handoff.prune_mail(moment, most),
                  handoff.prune_promises(moment, most));
end
$function$;
comment on function handoff.prune(horizon xid8, moment timestamp with time zone, most integer) is 'Forgets what is no longer needed, at most so many rows of each kind; answers as time_out does.';

CREATE OR REPLACE FUNCTION handoff.prune_calls(moment timestamp with time zone DEFAULT now(), most integer DEFAULT 1000)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  handled integer;
begin
  with spent as (
    select counter.scope, counter.user_id
      from handoff.rate_limits as counter
     where counter.hits[cardinality(counter.hits)] < moment - interval '1 day'
     limit most
       for update skip locked
  )
  delete from handoff.rate_limits as counter
   using spent
   where counter.scope = spent.scope and counter.user_id = spent.user_id;
  get diagnostics handled = row_count;
  return handled;
end
$function$;
comment on function handoff.prune_calls(moment timestamp with time zone, most integer) is 'Forgets the counters of rate limits that have not moved for a day: no limit looks back that far.';

CREATE OR REPLACE FUNCTION handoff.prune_decisions(moment timestamp with time zone DEFAULT now())
 RETURNS bigint
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
  with gone as (
    delete from handoff.assignment_decisions as decision
     where decision.decided_at < prune_decisions.moment - interval '30 days'
    returning 1
  )
  select count(*) from gone;
$function$;
comment on function handoff.prune_decisions(moment timestamp with time zone) is 'Forgets the decisions that are older than 30 days and says how many.';

CREATE OR REPLACE FUNCTION handoff.prune_mail(moment timestamp with time zone DEFAULT now(), most integer DEFAULT 1000)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  handled integer;
begin
  with spent as (
    select mail.id
      from handoff.mail_outbox as mail
     where mail.sent_at < moment - interval '30 days'
     limit most
       for update skip locked
  )
  delete from handoff.mail_outbox as mail using spent where mail.id = spent.id;
  get diagnostics handled = row_count;
  return handled;
end
$function$;
comment on function handoff.prune_mail(moment timestamp with time zone, most integer) is 'Forgets mail that was sent more than 30 days ago.';

CREATE OR REPLACE FUNCTION handoff.prune_offers(moment timestamp with time zone DEFAULT now())
 RETURNS bigint
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  with gone as (
    delete from handoff.offers as offer
     where offer.offered_at < prune_offers.moment - interval '30 days' and offer.state <> 'open'
    returning 1
  )
  select count(*) from gone;
$function$;
comment on function handoff.prune_offers(moment timestamp with time zone) is 'Forgets the offers that are older than 30 days and says how many.';

CREATE OR REPLACE FUNCTION handoff.prune_outbox(horizon xid8, moment timestamp with time zone DEFAULT now(), most integer DEFAULT 1000)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  today integer := extract(epoch from moment)::bigint / 86400 % 7;
  handled integer;
begin
  if horizon is not null then
    perform handoff.empty_partition(('handoff.outbox_' || (today + ahead) % 7)::regclass, horizon, moment)
       from generate_series(1, 2) as ahead;
  end if;
  -- What a partition keeps because of newer rows, and where no worker has told how far it is: oldest first.
  delete from handoff.outbox as event
   using (
     select candidate.xid, candidate.id, candidate.bucket
       from (select first.xid, first.id, first.bucket, first.created_at
               from handoff.outbox as first order by first.xid, first.id limit most) as candidate
      where candidate.created_at < moment - interval '6 days'
        and (prune_outbox.horizon is null or candidate.xid < prune_outbox.horizon)
   ) as spent
   where event.xid = spent.xid and event.id = spent.id and event.bucket = spent.bucket;
  get diagnostics handled = row_count;
  return handled;
end
$function$;
comment on function handoff.prune_outbox(horizon xid8, moment timestamp with time zone, most integer) is 'Forgets events that are delivered (their transaction is below the horizon) and old: whole partitions after five days, rows after six. Without a horizon rows alone.';

CREATE OR REPLACE FUNCTION handoff.prune_presence(moment timestamp with time zone, most integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  handled integer;
begin
  delete from handoff.presence_traces as trace where trace.at < moment - interval '1 day';
  delete from handoff.presence_tracing as tracing where tracing.until < moment;
  delete from handoff.conversation_watchers as watching where watching.until < moment;
  with spent as (
    select session.id from public.presence_sessions as session
     where session.left_at < moment - interval '30 days'
     order by session.left_at
     limit most
       for update skip locked
  )
  delete from public.presence_sessions as session using spent where session.id = spent.id;
  get diagnostics handled = row_count;
  return handled;
end
$function$;
comment on function handoff.prune_presence(moment timestamp with time zone, most integer) is 'Forgets sessions that ended 30 days ago, traces of yesterday and watches that are over.';

CREATE OR REPLACE FUNCTION handoff.prune_promises(moment timestamp with time zone DEFAULT now(), most integer DEFAULT 1000)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
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
$function$;
comment on function handoff.prune_promises(moment timestamp with time zone, most integer) is 'Forgets promises that are older than 30 days.';

CREATE OR REPLACE FUNCTION handoff.public_payload(event handoff.outbox)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  -- Exactly what the bridge broadcasts on the conversation's topic (realtime/broadcast, a test compares the two).
  select jsonb_build_object('v', 1, 'id', event.id::text, 'seq', event.seq)
      || case event.kind
           when 'agent_assigned' then jsonb_build_object('conversation_id', event.conversation_id, 'agent', event.payload -> 'agent')
           else event.payload
         end;
$function$;

CREATE OR REPLACE FUNCTION handoff.queue_pace(project_id uuid)
 RETURNS TABLE(agents bigint, minutes numeric)
 LANGUAGE sql
 STABLE SECURITY DEFINER ROWS 1
 SET search_path TO ''
AS $function$
  select (select count(*)
            from public.agent_availability as agent
           where agent.project_id = queue_pace.project_id and agent.effective_status = 'online'),
         (select coalesce(avg(extract(epoch from latest.resolved_at - latest.claimed_at)) / 60, 5)
            from (
              select conversation.resolved_at, conversation.claimed_at
                from public.conversations as conversation
               where conversation.project_id = queue_pace.project_id
                 and conversation.status in ('resolved', 'closed')
                 and conversation.resolved_at > now() - interval '7 days'
                 and conversation.claimed_at is not null
               order by conversation.resolved_at desc
               limit 1000
            ) as latest);
$function$;
comment on function handoff.queue_pace(project_id uuid) is 'What the estimate of F001 5.4.6 goes by: the agents online, and the average handling time of seven days (their latest 1,000 chats), 5 minutes without history.';

CREATE OR REPLACE FUNCTION handoff.queue_place(conversation public.conversations)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
           'queue_position', place.position,
           'estimated_wait_minutes', handoff.wait_minutes(place.position, pace.agents, pace.minutes))
         || handoff.told_range(conversation.id)
    from (
      select count(*) + 1 as position
        from public.conversations as ahead
       where ahead.project_id = conversation.project_id
         and ahead.status = 'waiting'
         and (-ahead.priority, ahead.queue_entered_at, ahead.id)
             < (-conversation.priority, conversation.queue_entered_at, conversation.id)
    ) as place
   cross join handoff.queue_pace(conversation.project_id) as pace;
$function$;
comment on function handoff.queue_place(conversation public.conversations) is 'Position in the order of serving (1 is next), the estimate of F001 5.4.6, and the range that was forecast.';

CREATE OR REPLACE FUNCTION handoff.queue_status(conversation_id uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  conversation public.conversations := handoff.visible_conversation(queue_status.conversation_id);
begin
  return handoff.handoff_answer(conversation.id);
end
$function$;
grant execute on function handoff.queue_status(conversation_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION handoff.quick_action_links(conversation_id uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  conversation public.conversations := handoff.visible_conversation(quick_action_links.conversation_id);
  value_of jsonb;
begin
  if not handoff.is_member(conversation.project_id) then
    perform handoff.fail(403, 'not_a_member', 'You are not a member of this project');
  end if;
  value_of := handoff.quick_action_values(conversation);
  return coalesce((
    select jsonb_agg(jsonb_build_object('id', action.id, 'label', action.label) || handoff.filled_link(action.link, value_of)
                     order by action.position, action.created_at, action.id)
      from public.quick_actions as action
     where action.project_id = conversation.project_id), '[]'::jsonb);
end
$function$;
grant execute on function handoff.quick_action_links(conversation_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION handoff.quick_action_values(conversation public.conversations)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select jsonb_build_object(
           'email', coalesce(customer.email, conversation.customer_email), 'name', coalesce(customer.name, conversation.customer_name),
           'customer_id', conversation.customer_id, 'visitor_id', coalesce(customer.visitor_id, conversation.visitor_id),
           'conversation_id', conversation.id)
         || coalesce((select jsonb_object_agg('metadata.' || entry.key, entry.value)
                        from jsonb_each_text(case jsonb_typeof(conversation.metadata) when 'object' then conversation.metadata
                                                                                      else '{}' end) as entry), '{}')
    from (select) as one
    left join public.customers as customer on customer.id = conversation.customer_id;
$function$;

CREATE OR REPLACE FUNCTION handoff.quick_actions_validate()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  new.updated_at := now();
  new.label := btrim(new.label);
  new.link := btrim(new.link);
  if new.link is null or not handoff.is_link_template(new.link) then
    perform handoff.fail(400, 'link_invalid', 'This is no link that a quick action can open',
                         'Begin with https://, mailto: or tel:. Values, as {email}, stand behind the host.');
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.rate_conversation(conversation_id uuid, rating integer, feedback text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  conversation public.conversations := handoff.lock_as_visitor(rate_conversation.conversation_id);
begin
  if rate_conversation.rating is null or rate_conversation.rating not between 1 and 5 then
    perform handoff.fail(400, 'rating_out_of_range', 'A rating is a whole number from 1 to 5');
  end if;
  if conversation.status not in ('resolved', 'closed') or conversation.claimed_at is null then
    perform handoff.fail(409, 'not_ratable', 'Only a conversation that an agent has finished can be rated');
  end if;
  update public.conversations as rated
     set satisfaction_rating = rate_conversation.rating,
         satisfaction_feedback = left(btrim(rate_conversation.feedback), 2000)
   where rated.id = conversation.id;
  return jsonb_build_object('success', true);
end
$function$;
grant execute on function handoff.rate_conversation(conversation_id uuid, rating integer, feedback text) to authenticated;

CREATE OR REPLACE FUNCTION handoff.rate_limit(scope text, most integer, per interval)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  caller uuid := auth.uid();
  recent timestamptz[];
begin
  if caller is null then
    return;  -- the service role is not limited
  end if;
  insert into handoff.rate_limits as counter (scope, user_id, hits)
  values (rate_limit.scope, caller, array[now()])
  on conflict on constraint rate_limits_pkey do update
     set hits = array(select hit from unnest(counter.hits) as hit where hit > now() - rate_limit.per order by hit) || now()
  returning counter.hits into recent;
  if cardinality(recent) > rate_limit.most then
    perform handoff.too_many(recent[cardinality(recent) - rate_limit.most] + rate_limit.per - now());
  end if;
end
$function$;
comment on function handoff.rate_limit(scope text, most integer, per interval) is 'Counts a call of the current user; refuses with 429 when there were "most" within the interval before it, exactly.';

CREATE OR REPLACE FUNCTION handoff.record_decision(project_id uuid, conversation_id uuid, agent_id uuid, strategy text, reason text, waiting_since timestamp with time zone DEFAULT NULL::timestamp with time zone)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
  insert into handoff.assignment_decisions (project_id, conversation_id, agent_id, decided_by, strategy, reason, waited_seconds)
  values (record_decision.project_id, record_decision.conversation_id, record_decision.agent_id,
          case when record_decision.strategy <> 'returning' then (select auth.uid()) end,
          record_decision.strategy, record_decision.reason,
          coalesce(greatest(extract(epoch from now() - record_decision.waiting_since)::integer, 0), 0));
$function$;
comment on function handoff.record_decision(project_id uuid, conversation_id uuid, agent_id uuid, strategy text, reason text, waiting_since timestamp with time zone) is 'Notes an assignment that was not the worker''s. waiting_since: since when the conversation was in the queue; null when it was not.';

CREATE OR REPLACE FUNCTION handoff.refresh_positions(project_id uuid, exact integer DEFAULT 200, forecast jsonb DEFAULT '[]'::jsonb, moment timestamp with time zone DEFAULT now())
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  told integer;
begin
  perform pg_advisory_xact_lock(hashtextextended('handoff.queue_positions ' || refresh_positions.project_id, 0));
  with pace as (
    select * from handoff.queue_pace(refresh_positions.project_id)
  ), foreseen as materialized (
    select one.id, one.p50, one.p90
      from jsonb_to_recordset(refresh_positions.forecast) as one (id uuid, p50 integer, p90 integer)
  ), numbered as (
    select conversation.id, conversation.waiting_since,
           row_number() over (order by conversation.priority desc, conversation.queue_entered_at, conversation.id) as position
      from public.conversations as conversation
     where conversation.project_id = refresh_positions.project_id and conversation.status = 'waiting'
  ), place as materialized (
    select numbered.id, numbered.waiting_since, numbered.position::integer as position,
           handoff.wait_minutes(numbered.position, pace.agents, pace.minutes) as minutes, foreseen.p50, foreseen.p90
      from numbered
     cross join pace
      left join foreseen on foreseen.id = numbered.id
  ), gone as (
    delete from handoff.queue_positions as known
     where known.project_id = refresh_positions.project_id
       -- Each by its key: what the planner knows of a queue is older than the queue.
       and not exists (select 1 from public.conversations as waiting
                        where waiting.id = known.conversation_id and waiting.status = 'waiting')
    returning known.conversation_id
  ), settled as (
    update handoff.wait_promises as promise
       set outcome = ended.outcome, ended_at = ended.at
      from gone
      join public.conversations as conversation on conversation.id = gone.conversation_id
     cross join lateral handoff.end_of_wait(conversation) as ended
     where promise.conversation_id = gone.conversation_id and promise.outcome is null
  ), changed as materialized (
    select place.*
      from place
      left join handoff.queue_positions as known on known.conversation_id = place.id
     cross join lateral (select extract(epoch from moment - known.updated_at)::integer as seconds) as since
     where known.conversation_id is null
        or abs(known.position - place.position) >= 10
        or (place.position <= refresh_positions.exact
            and ((known.position, known.estimated_wait_minutes) is distinct from (place.position, place.minutes)
                 or handoff.is_off(known.wait_p50_seconds, place.p50, since.seconds)
                 or handoff.is_off(known.wait_p90_seconds, place.p90, since.seconds)))
  ), kept as (
    insert into handoff.queue_positions as known
           (conversation_id, project_id, position, estimated_wait_minutes, wait_p50_seconds, wait_p90_seconds, updated_at)
    select changed.id, refresh_positions.project_id, changed.position, changed.minutes, changed.p50, changed.p90, moment
      from changed
    on conflict on constraint queue_positions_pkey
    do update set position = excluded.position, estimated_wait_minutes = excluded.estimated_wait_minutes,
                  wait_p50_seconds = excluded.wait_p50_seconds, wait_p90_seconds = excluded.wait_p90_seconds,
                  updated_at = excluded.updated_at
  ), promised as (
    insert into handoff.wait_promises
           (conversation_id, waiting_since, project_id, promised_at, position, wait_p50_seconds, wait_p90_seconds,
            estimated_wait_minutes)
    select changed.id, changed.waiting_since, refresh_positions.project_id, moment, changed.position, changed.p50, changed.p90,
           changed.minutes
      from changed
     where changed.p50 is not null and changed.waiting_since is not null
    on conflict on constraint wait_promises_pkey do nothing
  )
  insert into handoff.outbox (project_id, conversation_id, kind, payload)
  select refresh_positions.project_id, changed.id, 'queue_position',
         jsonb_build_object('conversation_id', changed.id, 'position', changed.position,
                            'estimated_wait_minutes', changed.minutes,
                            'wait_p50_seconds', changed.p50, 'wait_p90_seconds', changed.p90)
    from changed
   order by changed.position;
  get diagnostics told = row_count;
  return told;
end
$function$;
comment on function handoff.refresh_positions(project_id uuid, exact integer, forecast jsonb, moment timestamp with time zone) is 'Puts queue_position events into the outbox for waiting conversations whose place, estimate or range is not what they were told, and notes promises and what came of them; says how many were told.';

CREATE OR REPLACE FUNCTION handoff.refresh_project_state(project_id uuid)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
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
$function$;
comment on function handoff.refresh_project_state(project_id uuid) is 'Puts queue_updated and availability_changed into the outbox if they differ from what was last put there; says whether it did.';

CREATE OR REPLACE FUNCTION handoff.refuse_unknown_keys(given jsonb, known text[], place text)
 RETURNS void
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  stranger text;
begin
  select key into stranger from jsonb_object_keys(given) as key where key <> all (known) order by key limit 1;
  if stranger is not null then
    perform handoff.fail(400, 'unknown_setting', format('%s has no key "%s"', place, stranger),
                         'Known are: ' || array_to_string(known, ', '));
  end if;
end
$function$;
comment on function handoff.refuse_unknown_keys(given jsonb, known text[], place text) is 'Refuses an object with a key that is not known, naming the key.';

CREATE OR REPLACE FUNCTION handoff.regain_lease(connection_id uuid, moment timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  insert into handoff.presence_leases
  select lease.*
    from public.presence_sessions as open
   cross join lateral handoff.restored_lease(open, regain_lease.moment) as lease
   where open.connection_id = regain_lease.connection_id and open.left_at is null and open.user_id is not distinct from auth.uid()
  on conflict on constraint presence_leases_pkey do nothing;
end
$function$;
comment on function handoff.regain_lease(connection_id uuid, moment timestamp with time zone) is 'Gives the caller''s connection a lease of grace if its session is open and its lease is gone.';

CREATE OR REPLACE FUNCTION handoff.remove_member(member_id uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  member public.project_members := handoff.lock_member(remove_member.member_id);
begin
  if exists (select 1 from public.projects as project
              where project.id = member.project_id and project.user_id = member.user_id) then
    perform handoff.fail(403, 'owner_stays', 'The owner of a project cannot be removed');
  end if;
  update public.project_members as removed
     set status = 'removed', invitation_expires_at = null
   where removed.id = member.id
  returning removed.* into member;
  return handoff.member_answer(member);
end
$function$;
grant execute on function handoff.remove_member(member_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION handoff.renew(connection_id uuid, state text, promised integer, idle_seconds integer, client_beat integer, moment timestamp with time zone)
 RETURNS handoff.presence_leases
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  caller uuid := auth.uid();  -- a bot has none
  most integer := case when caller is null then 900 else 300 end;
  told text := case when caller is null and renew.state is not null then handoff.presence_state('bot', renew.state) else renew.state end;
  promise integer := renew.promised;
  lease handoff.presence_leases;
begin
  if told is null or promise is null then
    select coalesce(told, held.state), coalesce(promise, held.next_beat) into told, promise
      from handoff.presence_leases as held where held.connection_id = renew.connection_id;
  end if;
  promise := least(greatest(promise, 5), case when caller is null then 300 else 60 end);
  update handoff.presence_leases as renewed
     set state = told, previous_state = renewed.state, suspect = false, leaving = null,
         beat_at = greatest(renewed.beat_at, moment), previous_beat_at = renewed.beat_at,
         -- Who tells no seconds is active in an active state; of another state nothing is known, so nothing new is noted.
         active_at = greatest(renewed.active_at, moment - make_interval(secs => greatest(coalesce(
           renew.idle_seconds, case when told in ('active', 'online', 'typing') then 0 else 31536000 end), 0))),
         next_beat = promise,
         lease_seconds = least(greatest(renewed.floor_seconds, 3 * promise, promise + renewed.remain_seconds), most),
         expires_at = moment + make_interval(secs => least(greatest(renewed.floor_seconds, 3 * promise, promise + renewed.remain_seconds), most)),
         -- Only when the lease became shorter; else the sweep would look too late.
         bucket = least(renewed.bucket, ceil(extract(epoch from moment + make_interval(secs => least(
           greatest(renewed.floor_seconds, 3 * promise, promise + renewed.remain_seconds), most,
           case when renewed.role = 'agent' then greatest(75, promise * 3 / 2) end))) * 1000)::bigint),
         minute_at = case when moment >= renewed.minute_at + interval '1 minute' then moment else renewed.minute_at end,
         plain_beats = case when moment >= renewed.minute_at + interval '1 minute' then 0 else renewed.plain_beats end
           + (renewed.state = told)::integer,
         change_beats = case when moment >= renewed.minute_at + interval '1 minute' then 0 else renewed.change_beats end
           + (renewed.state <> told)::integer,
         -- What is told of beats: how many, how far apart, how late, how many never arrived.
         beats = renewed.beats + 1,
         missed = renewed.missed + greatest(floor(extract(epoch from moment - renewed.beat_at) / renewed.next_beat - 0.5), 0),
         late = renewed.late + (extract(epoch from moment - renewed.beat_at) > renewed.next_beat * 1.25 + 1)::integer,
         lost = renewed.lost + case when renew.client_beat > renewed.client_beat then renew.client_beat - renewed.client_beat - 1 else 0 end,
         client_beat = coalesce(renew.client_beat, renewed.client_beat),
         longest_gap = greatest(renewed.longest_gap, extract(epoch from moment - renewed.beat_at)::integer),
         intervals[width_bucket(extract(epoch from moment - renewed.beat_at), handoff.beat_edges()) + 1] =
           least(renewed.intervals[width_bucket(extract(epoch from moment - renewed.beat_at), handoff.beat_edges()) + 1] + 1, 32767),
         delays[width_bucket(extract(epoch from moment - renewed.beat_at) - renewed.next_beat, handoff.delay_edges()) + 1] =
           least(renewed.delays[width_bucket(extract(epoch from moment - renewed.beat_at) - renewed.next_beat, handoff.delay_edges()) + 1] + 1, 32767)
   where renewed.connection_id = renew.connection_id and renewed.user_id is not distinct from caller
     -- The page has gone since it sent this beat (presence_leave): a page that is there enters again.
     and (renewed.leaving is not null and renew.client_beat <= renewed.client_beat) is not true
  returning renewed.* into lease;
  if lease.state <> lease.previous_state then
    perform handoff.checked_state(lease.role, lease.state);
    if lease.change_beats > (case lease.role when 'agent' then 20 else 60 end) then
      perform handoff.too_many(lease.minute_at + interval '1 minute' - moment);
    end if;
  elsif lease.plain_beats > (case lease.role when 'agent' then 6 else 30 end) then
    perform handoff.too_many(lease.minute_at + interval '1 minute' - moment);
  end if;
  return lease;
end
$function$;
comment on function handoff.renew(connection_id uuid, state text, promised integer, idle_seconds integer, client_beat integer, moment timestamp with time zone) is 'One beat on the caller''s lease: renewed, counted and measured; refuses an unknown state, and with 429 what is beyond the limits (F001 8.3). A null row when the lease is not there, or the beat is older than its page''s good-bye.';

CREATE OR REPLACE FUNCTION handoff.renew_lease(wanted handoff.presence_leases)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  insert into handoff.presence_leases as lease values (wanted.*)
  on conflict (connection_id) do update
     set beat_at = excluded.beat_at, previous_beat_at = lease.beat_at, expires_at = excluded.expires_at,
         active_at = greatest(lease.active_at, excluded.active_at),
         next_beat = excluded.next_beat, floor_seconds = excluded.floor_seconds, remain_seconds = excluded.remain_seconds,
         lease_seconds = excluded.lease_seconds, suspect = false, leaving = null,
         previous_state = lease.state, state = excluded.state, bucket = least(lease.bucket, excluded.bucket),
         -- Entering is a beat by the client's count, too, though it tells no number.
         beats = lease.beats + 1, client_beat = lease.client_beat + 1, traced = lease.traced or excluded.traced
   where lease.project_id = excluded.project_id and lease.client_id = excluded.client_id and lease.role = excluded.role;
  if not found then
    perform handoff.connection_taken();
  end if;
end
$function$;
comment on function handoff.renew_lease(wanted handoff.presence_leases) is 'Writes the lease of a connection that enters; refuses with 409 when it belongs to somebody else.';

CREATE OR REPLACE FUNCTION handoff.reopen(conversation public.conversations)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION handoff.request_email(conversation_id uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  conversation public.conversations := handoff.lock_as_member(request_email.conversation_id);
begin
  perform handoff.require_owner(conversation);
  if conversation.status <> 'agent_active' then
    perform handoff.fail(409, 'not_with_an_agent', format('This conversation is %s, not with an agent', conversation.status),
                         'Claim it or take it over first.');
  end if;
  if not conversation.awaiting_email then
    perform handoff.write_message(conversation.id, 'system', null, 'Please leave your e-mail address, so that we can reach you.',
                                  null, '{"type": "email_request"}'::jsonb);
    update public.conversations as asked set awaiting_email = true, email_asked = true where asked.id = conversation.id;
  end if;
  return jsonb_build_object('awaiting_email', true);
end
$function$;
grant execute on function handoff.request_email(conversation_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION handoff.request_handoff(conversation_id uuid, reason text, customer_email text, customer_name text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  conversation public.conversations;
  availability jsonb;
begin
  if coalesce(request_handoff.reason, '') not in ('button_click', 'customer_request') then
    perform handoff.fail(400, 'unknown_reason', 'Unknown reason', 'Use button_click or customer_request.');
  end if;
  conversation := handoff.visitors_conversation(request_handoff.conversation_id);
  if btrim(request_handoff.customer_email) <> '' then
    -- Customers are locked before conversations.
    perform handoff.link_email(conversation.project_id, conversation.visitor_id, request_handoff.customer_email,
                               request_handoff.customer_name);
  end if;
  conversation := handoff.lock_conversation(request_handoff.conversation_id);
  if conversation.status = 'closed' then
    perform handoff.fail(409, 'conversation_closed', 'This conversation is closed', 'Start a new one.');
  end if;
  update public.conversations as named
     set customer_name = coalesce(nullif(btrim(request_handoff.customer_name), ''), named.customer_name)
   where named.id = conversation.id;
  if conversation.status = 'ai_active' then
    availability := handoff.availability(conversation.project_id);
    if not (availability ->> 'available')::boolean then
      return handoff.offline_answer(conversation.project_id, availability);
    end if;
    perform handoff.enqueue(conversation.id, request_handoff.reason);
  end if;
  return handoff.handoff_answer(conversation.id);
end
$function$;
grant execute on function handoff.request_handoff(conversation_id uuid, reason text, customer_email text, customer_name text) to authenticated;

CREATE OR REPLACE FUNCTION handoff.request_header(name text)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
begin
  return nullif(btrim(nullif(current_setting('request.headers', true), '')::jsonb ->> request_header.name), '');
end
$function$;
comment on function handoff.request_header(name text) is 'A header of this request, by its name in lower case; null outside the API.';

CREATE OR REPLACE FUNCTION handoff.requeue_unanswered(conversation_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  update public.conversations as returned
     set status = 'waiting'
   where returned.id = any (requeue_unanswered.conversation_ids)
     and not exists (
           select 1 from public.messages as reply
            where reply.conversation_id = returned.id
              and reply.sender_type = 'agent'
              and reply.sender_id = returned.assigned_agent_id
              and reply.created_at >= returned.claimed_at);
end
$function$;
comment on function handoff.requeue_unanswered(conversation_ids uuid[]) is 'Those of these conversations wait again to which their agent has not written since they got them.';

CREATE OR REPLACE FUNCTION handoff.require_admin(project_id uuid)
 RETURNS uuid
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  caller uuid := handoff.require_member(require_admin.project_id);
begin
  if not handoff.is_admin(require_admin.project_id) then
    perform handoff.fail(403, 'not_an_admin', 'Only the owner or an admin of the project can do this', 'Ask one of them.');
  end if;
  return caller;
end
$function$;
comment on function handoff.require_admin(project_id uuid) is 'The caller, who owns the project or is an admin of it; refuses with 401 or 403 otherwise.';

CREATE OR REPLACE FUNCTION handoff.require_agent(project_id uuid, user_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  if not handoff.equip_agent(require_agent.project_id, require_agent.user_id) then
    perform handoff.fail(404, 'agent_not_found', 'This user does not belong to the project');
  end if;
end
$function$;
comment on function handoff.require_agent(project_id uuid, user_id uuid) is 'Refuses with 404 unless the user belongs to the project; from then on the agent has a row.';

CREATE OR REPLACE FUNCTION handoff.require_caller()
 RETURNS void
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
begin
  if coalesce(current_setting('role', true), 'none') in ('anon', 'authenticated') then
    perform handoff.require_user();
  end if;
end
$function$;
comment on function handoff.require_caller() is 'Refuses with 401 unless the caller is a user or the service key.';

CREATE OR REPLACE FUNCTION handoff.require_member(project_id uuid)
 RETURNS uuid
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  caller uuid := handoff.require_user();
begin
  if not handoff.is_member(require_member.project_id) then
    perform handoff.fail(403, 'not_a_member', 'You are not a member of this project');
  end if;
  return caller;
end
$function$;
comment on function handoff.require_member(project_id uuid) is 'The caller, who belongs to the project; refuses with 401 or 403 otherwise.';

CREATE OR REPLACE FUNCTION handoff.require_member_or_service(project_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
begin
  if auth.uid() is not null or coalesce(current_setting('role', true), 'none') in ('anon', 'authenticated') then
    perform handoff.require_member(require_member_or_service.project_id);
  end if;
end
$function$;
comment on function handoff.require_member_or_service(project_id uuid) is 'Refuses with 401 or 403 unless the caller is a member or holds the service key.';

CREATE OR REPLACE FUNCTION handoff.require_members_conversation(conversation_id uuid)
 RETURNS public.conversations
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  conversation public.conversations := handoff.visible_conversation(require_members_conversation.conversation_id);
begin
  perform handoff.require_member(conversation.project_id);
  return conversation;
end
$function$;
comment on function handoff.require_members_conversation(conversation_id uuid) is 'The conversation, if the caller belongs to its project; else refuses with 404, or 403 its visitor.';

CREATE OR REPLACE FUNCTION handoff.require_owner(conversation public.conversations)
 RETURNS void
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  if conversation.assigned_agent_id is distinct from auth.uid() and not handoff.is_admin(conversation.project_id) then
    perform handoff.fail(403, 'not_your_conversation', 'This conversation belongs to another agent', 'Ask for a transfer.');
  end if;
end
$function$;
comment on function handoff.require_owner(conversation public.conversations) is 'Refuses unless the caller is the agent of the conversation or an admin.';

CREATE OR REPLACE FUNCTION handoff.require_project(project_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  if not exists (select 1 from public.projects as project where project.id = require_project.project_id) then
    perform handoff.fail(404, 'project_not_found', 'There is no such project', 'Check the project id of the widget.');
  end if;
end
$function$;
comment on function handoff.require_project(project_id uuid) is 'Refuses with 404 when there is no such project.';

CREATE OR REPLACE FUNCTION handoff.require_role(role text)
 RETURNS void
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
begin
  if require_role.role is null or require_role.role not in ('agent', 'admin') then
    perform handoff.fail(400, 'unknown_role', 'Unknown role', 'Use agent or admin.');
  end if;
end
$function$;
comment on function handoff.require_role(role text) is 'Refuses what is no role of a member.';

CREATE OR REPLACE FUNCTION handoff.require_sight(visitor_user_id uuid, cleared_at timestamp with time zone, project_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  caller uuid := handoff.require_user();
begin
  if (require_sight.visitor_user_id = caller and require_sight.cleared_at is null) is not true
     and handoff.is_member(require_sight.project_id) is not true then
    -- The same answer for one that does not exist: an id tells a stranger nothing.
    perform handoff.fail(404, 'conversation_not_found', 'There is no such conversation');
  end if;
end
$function$;
comment on function handoff.require_sight(visitor_user_id uuid, cleared_at timestamp with time zone, project_id uuid) is 'Refuses with 404 unless the caller is the visitor of this conversation, or a member of its project.';

CREATE OR REPLACE FUNCTION handoff.require_type(given jsonb, wanted text, place text)
 RETURNS void
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
begin
  if jsonb_typeof(given) is distinct from wanted then
    perform handoff.fail(400, 'setting_invalid', format('%s must be of type %s, not %s', place, wanted,
                                                        coalesce(jsonb_typeof(given), 'null')));
  end if;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.require_user()
 RETURNS uuid
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  caller uuid := auth.uid();
begin
  if caller is null then
    perform handoff.fail(401, 'sign_in_required', 'Sign in first',
                         'Visitors sign in anonymously: supabase.auth.signInAnonymously().');
  end if;
  return caller;
end
$function$;
comment on function handoff.require_user() is 'The signed-in user of this request; refuses with 401 when there is none.';

CREATE OR REPLACE FUNCTION handoff.resolve_conversation(conversation_id uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  conversation public.conversations := handoff.lock_as_member(resolve_conversation.conversation_id);
begin
  perform handoff.require_owner(conversation);
  update public.conversations as resolved
     set status = 'resolved', resolved_by = auth.uid()
   where resolved.id = conversation.id and conversation.status <> 'resolved';
  return jsonb_build_object('success', true, 'conversation', jsonb_build_object('id', conversation.id, 'status', 'resolved'));
end
$function$;
grant execute on function handoff.resolve_conversation(conversation_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION handoff.resolved_on(project_id uuid, starts_at timestamp with time zone, ends_at timestamp with time zone)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
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
$function$;
comment on function handoff.resolved_on(project_id uuid, starts_at timestamp with time zone, ends_at timestamp with time zone) is 'How many conversations were resolved then and stayed so, and how their customers rated them.';

CREATE OR REPLACE FUNCTION handoff.restore_leases(moment timestamp with time zone DEFAULT now(), most integer DEFAULT 1000)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  restored integer;
begin
  insert into handoff.presence_leases
  select lease.*
    from public.presence_sessions as session
   cross join lateral handoff.restored_lease(session, restore_leases.moment) as lease
   where session.left_at is null
     and not exists (select 1 from handoff.presence_leases as held where held.connection_id = session.connection_id)
   limit restore_leases.most
  on conflict on constraint presence_leases_pkey do nothing;
  get diagnostics restored = row_count;
  return restored;
end
$function$;
comment on function handoff.restore_leases(moment timestamp with time zone, most integer) is 'Gives sessions that have lost their lease one of grace: who is there beats in it, who is not runs out.';

CREATE OR REPLACE FUNCTION handoff.restored_lease(session public.presence_sessions, moment timestamp with time zone)
 RETURNS handoff.presence_leases
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  lease handoff.presence_leases;
begin
  -- What the page promised is gone with its lease: taken for the longest that its role may have, so that three beats may be missed.
  lease := handoff.new_lease(session.project_id, session.connection_id, session.role, session.user_id, session.client_id, null, 300,
                             session.remain_seconds, 0, moment);
  lease.floor_seconds := session.floor_seconds;
  lease.lease_seconds := handoff.lease_for(lease.role, lease.next_beat, lease.floor_seconds, lease.remain_seconds);
  lease.expires_at := moment + make_interval(secs => lease.lease_seconds);
  lease.bucket := least(lease.bucket, handoff.wheel_tick(lease.expires_at));
  return lease;
end
$function$;
comment on function handoff.restored_lease(session public.presence_sessions, moment timestamp with time zone) is 'A lease of grace for a session whose lease is gone.';

CREATE OR REPLACE FUNCTION handoff.retire_agent(project_id uuid, user_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  if exists (select 1 from public.projects as project
              where project.id = retire_agent.project_id and project.user_id = retire_agent.user_id) then
    return;  -- an owner who was a member too stays an agent
  end if;
  loop
    begin
      perform handoff.return_chats(retire_agent.project_id, retire_agent.user_id);
      delete from public.agent_availability as agent
       where agent.project_id = retire_agent.project_id and agent.user_id = retire_agent.user_id;
      if handoff.chats_of(retire_agent.project_id, retire_agent.user_id) = 0 then
        return;
      end if;
      -- The agent was given a chat while we waited for the row. Conversations are locked before agents, so let go of
      -- everything and begin again.
      raise exception using errcode = 'HF001', message = 'given a chat meanwhile';
    exception when sqlstate 'HF001' then
      null;
    end;
  end loop;
end
$function$;
comment on function handoff.retire_agent(project_id uuid, user_id uuid) is 'Takes an agent out of a project: the chats wait again, at their old places.';

CREATE OR REPLACE FUNCTION handoff.return_chats(project_id uuid, user_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  -- All of them before the first is moved: with its move the agent's row is locked, and after that no other conversation may
  -- be waited for. What the agent is given meanwhile is retire_agent's to notice.
  held uuid[] := array(
    select conversation.id
      from public.conversations as conversation
     where conversation.project_id = return_chats.project_id
       and ((conversation.status = 'agent_active' and conversation.assigned_agent_id = return_chats.user_id)
            or (conversation.status = 'waiting' and conversation.preferred_agent_id = return_chats.user_id))
     order by conversation.id
       for no key update);
begin
  update public.conversations as returned
     set status = 'waiting'
   where returned.id = any (held) and returned.status = 'agent_active' and returned.assigned_agent_id = return_chats.user_id;
  -- Nobody waits for somebody who is gone.
  update public.conversations as freed
     set preferred_agent_id = null
   where freed.id = any (held) and freed.status = 'waiting' and freed.preferred_agent_id = return_chats.user_id;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.return_to_queue(conversation_id uuid, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  conversation public.conversations := handoff.lock_as_visitor(return_to_queue.conversation_id);
  agent public.agent_availability;
begin
  if conversation.status = 'agent_active' then
    -- Who comes back now waits for us, and who came back a moment ago is seen.
    select * into agent
      from public.agent_availability as found
     where found.project_id = conversation.project_id and found.user_id = conversation.assigned_agent_id
       for no key update;
    if agent.effective_status <> 'offline' or agent.effective_changed_at > moment - interval '10 minutes' then
      perform handoff.fail(409, 'agent_is_here', 'Your agent may still answer', 'Ten minutes after the agent has gone the conversation can return to the queue.');
    end if;
    update public.conversations as released set status = 'waiting' where released.id = conversation.id;
  elsif conversation.status <> 'waiting' then
    perform handoff.fail(409, 'not_with_an_agent', format('This conversation is %s, not with an agent', conversation.status),
                         'Ask for a person with request_handoff.');
  end if;
  return handoff.handoff_answer(conversation.id);
end
$function$;
grant execute on function handoff.return_to_queue(conversation_id uuid, moment timestamp with time zone) to authenticated;

CREATE OR REPLACE FUNCTION handoff.schedule_word(project_id uuid, moment timestamp with time zone)
 RETURNS text
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  settings public.handoff_settings;
begin
  select * into settings from public.handoff_settings as found where found.project_id = schedule_word.project_id;
  return case when settings.business_hours_enabled is not true then 'none'
              when handoff.opened_at(settings, moment) is null then 'closed' else 'open' end;
end
$function$;
comment on function handoff.schedule_word(project_id uuid, moment timestamp with time zone) is 'open or closed by the project''s business hours; none when it has none.';

CREATE OR REPLACE FUNCTION handoff.send_attachments(conversation_id uuid, files jsonb, content text, client_message_id uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  caller uuid := auth.uid();
  visitor uuid := handoff.lock_to_write(send_attachments.conversation_id, caller);
  by_visitor boolean := coalesce(visitor = caller, false);
  list jsonb;
  message public.messages;
begin
  select * into message
    from public.messages as earlier
   where earlier.conversation_id = send_attachments.conversation_id and earlier.client_message_id = send_attachments.client_message_id;
  if message.id is null then
    list := handoff.attachments(send_attachments.conversation_id, send_attachments.files);
    if by_visitor then
      perform handoff.limit_messages(caller);
    end if;
    insert into public.messages (conversation_id, sender_type, sender_id, content, client_message_id, attachments)
    values (send_attachments.conversation_id, case when by_visitor then 'customer' else 'agent' end, caller,
            coalesce(nullif(btrim(send_attachments.content), ''),
                     (select string_agg(file.described ->> 'name', ', ' order by file.place)
                        from jsonb_array_elements(list) with ordinality as file (described, place))),
            send_attachments.client_message_id, list)
    returning * into message;
  end if;
  return to_jsonb(message) - 'project_id';
end
$function$;
grant execute on function handoff.send_attachments(conversation_id uuid, files jsonb, content text, client_message_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION handoff.send_message(conversation_id uuid, content text, client_message_id uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  caller uuid := auth.uid();
  visitor uuid := handoff.lock_to_write(send_message.conversation_id, caller);
begin
  return handoff.write_message(send_message.conversation_id, case when visitor = caller then 'customer' else 'agent' end, caller,
                               send_message.content, send_message.client_message_id, '{}'::jsonb);
end
$function$;
grant execute on function handoff.send_message(conversation_id uuid, content text, client_message_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION handoff.serving_since(moment timestamp with time zone)
 RETURNS timestamp with time zone
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  marker handoff.presence_marker;
begin
  select * into marker from handoff.presence_marker;
  if marker.postmaster_started = pg_postmaster_start_time() then
    return marker.serving_since;
  end if;
  insert into handoff.presence_marker as kept (postmaster_started, serving_since)
  values (pg_postmaster_start_time(), moment)
  on conflict on constraint presence_marker_pkey
  do update set postmaster_started = excluded.postmaster_started, serving_since = excluded.serving_since;
  perform handoff.restore_leases(moment, null);
  return moment;
end
$function$;
comment on function handoff.serving_since(moment timestamp with time zone) is 'When this start of the database was first noticed; the first time it gives every session without a lease one of grace.';

CREATE OR REPLACE FUNCTION handoff.set_agent_skills(project_id uuid, skills text[], user_id uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  caller uuid := handoff.require_admin(set_agent_skills.project_id);
  target uuid := coalesce(set_agent_skills.user_id, caller);
  agent public.agent_availability;
begin
  -- The member's row before the counter, as everybody who changes members takes them.
  perform handoff.require_agent(set_agent_skills.project_id, target);
  perform handoff.rate_limit('team', 100, interval '1 minute');
  update public.agent_availability as changed
     set skills = coalesce(set_agent_skills.skills, '{}')
   where changed.project_id = set_agent_skills.project_id and changed.user_id = target
  returning changed.* into agent;
  return handoff.agent_answer(agent);
end
$function$;
grant execute on function handoff.set_agent_skills(project_id uuid, skills text[], user_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION handoff.set_agent_status(project_id uuid, status text, user_id uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  caller uuid := handoff.require_member(set_agent_status.project_id);
  target uuid := coalesce(set_agent_status.user_id, caller);
  wanted text := handoff.normal_status(set_agent_status.status);
  agent public.agent_availability;
begin
  if target <> caller then
    perform handoff.require_admin(set_agent_status.project_id);
  end if;
  -- The member's row before the counter, as everybody who changes members takes them.
  perform handoff.require_agent(set_agent_status.project_id, target);
  perform handoff.rate_limit('team', 100, interval '1 minute');
  update public.agent_availability as changed
     set status = wanted,
         status_set_by = caller,
         -- Setting the same status again is a sign of life, too (handoff.agent_spoke).
         connection = case when target = caller then (handoff.agent_spoke(changed)).connection else changed.connection end,
         inactive = changed.inactive and target <> caller,
         last_active_at = case when target = caller then now() else changed.last_active_at end,
         -- An admin's override is no sign of life.
         last_seen_at = case when target = caller then now() else changed.last_seen_at end
   where changed.project_id = set_agent_status.project_id and changed.user_id = target
  returning changed.* into agent;
  return handoff.agent_answer(agent);
end
$function$;
grant execute on function handoff.set_agent_status(project_id uuid, status text, user_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION handoff.set_away_who_misses(agent_rows uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  update public.agent_availability as agent
     set status = 'away'
    from public.handoff_settings as settings
   where agent.id = any (agent_rows) and agent.status = 'online'
     and settings.project_id = agent.project_id and settings.away_after_missed_offers > 0
     and settings.away_after_missed_offers = (
           select count(*) filter (where answered.state = 'missed')
             from (
               select offer.state
                 from handoff.offers as offer
                where offer.project_id = agent.project_id and offer.agent_id = agent.user_id
                  and offer.state in ('accepted', 'declined', 'missed') and offer.offered_at >= agent.status_changed_at
                order by offer.offered_at desc
                limit settings.away_after_missed_offers
             ) as answered);
end
$function$;
comment on function handoff.set_away_who_misses(agent_rows uuid[]) is 'Sets those of these agents (rows, locked) away who have missed as many offers in a row as the project allows.';

CREATE OR REPLACE FUNCTION handoff.set_notify(wanted boolean)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '200ms'
AS $function$
begin
  if (select existing.tgenabled <> 'D' from pg_catalog.pg_trigger as existing
       where existing.tgrelid = 'handoff.outbox'::regclass and existing.tgname = 'outbox_notify')
     is not distinct from set_notify.wanted then
    return true;
  end if;
  if set_notify.wanted then
    alter table only handoff.outbox enable trigger outbox_notify;
  else
    alter table only handoff.outbox disable trigger outbox_notify;
  end if;
  return true;
exception
  when lock_not_available then
    return false;
end
$function$;
comment on function handoff.set_notify(wanted boolean) is 'Called by a worker that begins or ends to poll: switches the trigger that wakes it; false: the table is busy, try again later.';

CREATE OR REPLACE FUNCTION handoff.settings_announce()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  project uuid := case tg_op when 'DELETE' then old.project_id else new.project_id end;
begin
  -- When a whole project goes, nobody is left to hear of it.
  if exists (select 1 from public.projects as found where found.id = project) then
    insert into handoff.outbox (project_id, kind, payload)
    values (project, 'settings_changed', jsonb_build_object('project_id', project));
  end if;
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.settings_answer(settings public.handoff_settings)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  return (to_jsonb(settings) - array['id', 'created_at'])
      || case when settings.enabled and not handoff.has_agents(settings.project_id)
              then '{"warning": "no_agents"}'::jsonb else '{}'::jsonb end;
end
$function$;
comment on function handoff.settings_answer(settings public.handoff_settings) is 'The settings as the API shows them, with "warning": "no_agents" when handoff is on and nobody could ever answer (F001 5.10.5).';

CREATE OR REPLACE FUNCTION handoff.settle_agents(projects uuid[], users uuid[], moment timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  with person as (
    select distinct project_id, user_id from unnest(settle_agents.projects, settle_agents.users) as given (project_id, user_id)
  ), standing as (
    select person.project_id, person.user_id, count(lease.connection_id) as connections,
           bool_or(not lease.suspect) as live, max(lease.active_at) as active_at, max(lease.beat_at) as beat_at
      from person
      left join handoff.presence_leases as lease
        on lease.project_id = person.project_id and lease.client_id = person.user_id::text and lease.role = 'agent'
     group by person.project_id, person.user_id
  ), wanted as (
    select agent.id, standing.beat_at, active.at as active_at,
           case when standing.live then 'live' when standing.connections > 0 then 'suspect'
                when agent.connection = 'unknown' then 'unknown' else 'gone' end as connection,
           -- Who is gone is not inactive as well: coming back is a sign of life.
           coalesce(standing.connections > 0 and agent.auto_offline_enabled
                    and active.at <= moment - make_interval(mins => agent.auto_offline_minutes), false) as inactive
      from standing
      join public.agent_availability as agent on agent.project_id = standing.project_id and agent.user_id = standing.user_id
     cross join lateral (select greatest(standing.active_at, agent.last_active_at) as at) as active
  ), changed as (
    select wanted.*
      from wanted
      join public.agent_availability as agent on agent.id = wanted.id
     where agent.connection <> wanted.connection or agent.inactive <> wanted.inactive
     order by agent.id
       for no key update of agent
  )
  update public.agent_availability as told
     set connection = changed.connection, inactive = changed.inactive,
         last_active_at = coalesce(changed.active_at, told.last_active_at),
         last_seen_at = greatest(told.last_seen_at, changed.beat_at)
    from changed
   where told.id = changed.id;
end
$function$;
comment on function handoff.settle_agents(projects uuid[], users uuid[], moment timestamp with time zone) is 'Writes connection and inactive of these agents where they are no longer what the leases say; effective_status follows. Call it holding the persons'' locks.';

CREATE OR REPLACE FUNCTION handoff.settle_customers(projects uuid[], users uuid[], reasons text[], seen timestamp with time zone[], moment timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  with person as (
    select distinct on (project_id, user_id) project_id, user_id, reason, seen_at
      from unnest(settle_customers.projects, settle_customers.users, settle_customers.reasons, settle_customers.seen)
        as given (project_id, user_id, reason, seen_at)
     order by project_id, user_id, seen_at desc nulls last
  ), standing as (
    select person.project_id, person.user_id, person.reason, person.seen_at,
           max(handoff.state_rank(lease.state)) as rank, max(lease.active_at) as active_at
      from person
      left join handoff.presence_leases as lease
        on lease.project_id = person.project_id and lease.client_id = person.user_id::text and lease.role = 'customer'
     group by person.project_id, person.user_id, person.reason, person.seen_at
  ), wanted as (
    select standing.*,
           case standing.rank when 4 then 'typing' when 3 then 'online' when 2 then 'idle' when 1 then 'idle' else 'offline' end as state
      from standing
  ), changed as (
    select conversation.id, wanted.state, wanted.reason, wanted.seen_at, wanted.active_at
      from wanted
      join public.conversations as conversation
        on conversation.project_id = wanted.project_id and conversation.visitor_user_id = wanted.user_id
     where conversation.customer_presence <> wanted.state
       and (conversation.status <> 'closed' or wanted.state = 'offline')
     order by conversation.id
       for no key update of conversation
  )
  update public.conversations as told
     set customer_presence = changed.state,
         customer_last_seen_at = case changed.state
           when 'offline' then coalesce(changed.seen_at, moment)
           when 'idle' then greatest(told.customer_active_at, changed.active_at)
           else moment end,
         customer_left_reason = case when changed.state = 'offline' then coalesce(changed.reason, 'lost') end
    from changed
   where told.id = changed.id;
end
$function$;
comment on function handoff.settle_customers(projects uuid[], users uuid[], reasons text[], seen timestamp with time zone[], moment timestamp with time zone) is 'Writes customer_presence of these visitors'' conversations where it is no longer what their leases say. Call it holding the persons'' locks.';

CREATE OR REPLACE FUNCTION handoff.settle_ended(ended bigint[], moment timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  projects uuid[];
  users uuid[];
  reasons text[];
  seen timestamptz[];
  offices uuid[];
  agents uuid[];
begin
  select array_agg(session.project_id) filter (where session.role = 'customer'), array_agg(session.user_id) filter (where session.role = 'customer'),
         array_agg(session.leave_reason) filter (where session.role = 'customer'),
         array_agg(session.last_seen_at) filter (where session.role = 'customer'),
         array_agg(session.project_id) filter (where session.role = 'agent'), array_agg(session.user_id) filter (where session.role = 'agent')
    into projects, users, reasons, seen, offices, agents
    from public.presence_sessions as session
   where session.id = any (settle_ended.ended);
  if users is not null then
    perform handoff.settle_customers(projects, users, reasons, seen, moment);
  end if;
  if agents is not null then
    perform handoff.settle_agents(offices, agents, moment);
  end if;
end
$function$;
comment on function handoff.settle_ended(ended bigint[], moment timestamp with time zone) is 'Settles the persons of closed sessions: customers, whose conversations are locked, before agents.';

CREATE OR REPLACE FUNCTION handoff.settle_person(project_id uuid, role text, user_id uuid, client_id text, moment timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  perform handoff.lock_persons(array[handoff.person_slot(settle_person.project_id, settle_person.client_id)]);
  if settle_person.role = 'agent' then
    perform handoff.settle_agents(array[settle_person.project_id], array[settle_person.user_id], moment);
  elsif settle_person.role = 'customer' then
    perform handoff.settle_customers(array[settle_person.project_id], array[settle_person.user_id], array[null::text],
                                     array[null::timestamptz], moment);
  end if;
end
$function$;
comment on function handoff.settle_person(project_id uuid, role text, user_id uuid, client_id text, moment timestamp with time zone) is 'Brings the rows of one person up to the leases.';

CREATE OR REPLACE FUNCTION handoff.start_conversation(project_id uuid, visitor_id text, source text, metadata jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
#variable_conflict use_column
declare
  caller uuid := handoff.require_user();
  customer public.customers;
  conversation public.conversations;
begin
  perform handoff.rate_limit('visitor', 30, interval '1 minute');
  perform handoff.require_project(start_conversation.project_id);
  customer := handoff.customer_for_visitor(start_conversation.project_id, start_conversation.visitor_id,
                                           start_conversation.metadata);
  loop
    insert into public.conversations (project_id, customer_id, visitor_id, visitor_user_id, source, metadata,
                                      customer_email, customer_name)
    values (start_conversation.project_id, customer.id, start_conversation.visitor_id, caller, start_conversation.source,
            coalesce(start_conversation.metadata, '{}'::jsonb), customer.email, customer.name)
    on conflict (project_id, visitor_user_id) where status <> 'closed' and visitor_user_id is not null do nothing
    returning * into conversation;
    exit when found;
    select * into conversation
      from public.conversations as open
     where open.project_id = start_conversation.project_id and open.visitor_user_id = caller and open.status <> 'closed';
    exit when found;  -- else it was closed between the two statements: begin again
  end loop;
  return handoff.conversation_for_visitor(conversation);
end
$function$;
grant execute on function handoff.start_conversation(project_id uuid, visitor_id text, source text, metadata jsonb) to authenticated;

CREATE OR REPLACE FUNCTION handoff.state_rank(state text)
 RETURNS integer
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
begin
  return case state when 'typing' then 4 when 'online' then 3 when 'idle' then 2 when 'background' then 1 end;
end
$function$;
comment on function handoff.state_rank(state text) is 'Of several pages of a customer the one with the highest rank counts.';

CREATE OR REPLACE FUNCTION handoff.still_forsaken(conversation_ids uuid[])
 RETURNS uuid[]
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
begin
  return array(
    select conversation.id from public.conversations as conversation
     where conversation.id = any (still_forsaken.conversation_ids)
       and handoff.is_forsaken(conversation, null)
       and not exists (select 1 from handoff.agent_absences as absence where absence.conversation_id = conversation.id)
     order by conversation.id);
end
$function$;
comment on function handoff.still_forsaken(conversation_ids uuid[]) is 'Those of these locked conversations whose agent is gone and whose customer has not been told.';

CREATE OR REPLACE FUNCTION handoff.still_here(conversation_id uuid, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  conversation public.conversations := handoff.lock_as_visitor(still_here.conversation_id);
begin
  if conversation.status = 'closed' then
    perform handoff.fail(409, 'conversation_closed', 'This conversation is closed', 'Start a new one.');
  end if;
  update public.conversations as alive
     set customer_active_at = greatest(alive.customer_active_at, moment), auto_close_warning_sent_at = null, updated_at = now()
   where alive.id = conversation.id;
  return jsonb_build_object('success', true);
end
$function$;
grant execute on function handoff.still_here(conversation_id uuid, moment timestamp with time zone) to authenticated;

CREATE OR REPLACE FUNCTION handoff.submit_offline_form(conversation_id uuid, email text, name text, message text, client_message_id uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  conversation public.conversations := handoff.visible_conversation(submit_offline_form.conversation_id);
  person uuid;
begin
  if conversation.visitor_user_id is distinct from auth.uid() then
    perform handoff.fail(403, 'not_the_visitor', 'Only the visitor of a conversation can leave a message in its offline form');
  end if;
  perform handoff.rate_limit('submit_offline_form', 10, interval '1 minute');
  -- Before the conversation is locked: customers come first.
  person := handoff.link_email(conversation.project_id, conversation.visitor_id, submit_offline_form.email, submit_offline_form.name);
  conversation := handoff.lock_conversation(conversation.id);
  if not exists (select 1 from public.messages as earlier
                  where earlier.conversation_id = conversation.id
                    and earlier.client_message_id = submit_offline_form.client_message_id) then
    perform handoff.leave_question(conversation, person, submit_offline_form.message, submit_offline_form.client_message_id);
  end if;
  return jsonb_build_object(
    'status', (select current.status from public.conversations as current where current.id = conversation.id),
    'message', 'Thanks! We have your message and will get back to you by e-mail.');
end
$function$;
grant execute on function handoff.submit_offline_form(conversation_id uuid, email text, name text, message text, client_message_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION handoff.sum_columns(histograms jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select coalesce(jsonb_agg(total.number order by total.place), '[]')
    from (
      select entry.place, sum(entry.number::bigint) as number
        from jsonb_array_elements(histograms) as one (histogram)
       cross join lateral jsonb_array_elements_text(one.histogram) with ordinality as entry (number, place)
       where jsonb_typeof(one.histogram) = 'array'
       group by entry.place
    ) as total;
$function$;
comment on function handoff.sum_columns(histograms jsonb) is 'Histograms with the same edges added up.';

CREATE OR REPLACE FUNCTION handoff.suspect_after(next_beat integer)
 RETURNS integer
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
begin
  return greatest(75, next_beat * 3 / 2);
end
$function$;
comment on function handoff.suspect_after(next_beat integer) is 'After how many seconds without a beat an agent gets no new chats: one and a half intervals, never under 75, because hidden tabs beat once a minute whatever they promised.';

CREATE OR REPLACE FUNCTION handoff.suspect_agents(connections uuid[], moment timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  projects uuid[];
  users uuid[];
begin
  if suspect_agents.connections is null then
    return;
  end if;
  select array_agg(lease.project_id), array_agg(lease.user_id) into projects, users
    from handoff.presence_leases as lease
   where lease.connection_id = any (suspect_agents.connections);
  perform handoff.lock_persons(array(
    select handoff.person_slot(person.project_id, person.user_id::text)
      from unnest(projects, users) as person (project_id, user_id)));
  perform handoff.settle_agents(projects, users, moment);
  insert into handoff.presence_traces (connection_id, at, step, detail)
  select lease.connection_id, moment, 'suspect', jsonb_build_object('last_beat_at', lease.beat_at, 'expires_at', lease.expires_at)
    from handoff.presence_leases as lease
   where lease.connection_id = any (suspect_agents.connections) and lease.traced;
end
$function$;
comment on function handoff.suspect_agents(connections uuid[], moment timestamp with time zone) is 'Settles the agents of these connections, which are silent: who has no other gets no new chats.';

CREATE OR REPLACE FUNCTION handoff.sweep_presence(moment timestamp with time zone DEFAULT now(), most integer DEFAULT 1000)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
#variable_conflict use_column
declare
  serving timestamptz;
  ended uuid[];
  reasons text[];
  suspects uuid[];
  looked_at integer;
  more boolean;
  first_beat_only integer;
begin
  -- One sweep at a time: a second one would only wait for the persons that the first has locked.
  if not pg_try_advisory_xact_lock(hashtext('handoff.presence'), -1) then
    return '{"looked_at": 0, "ended": 0, "suspected": 0, "first_beat_only": 0, "more": false}'::jsonb;
  end if;
  serving := handoff.serving_since(moment);
  with due as materialized (
    select lease.connection_id, lease.role, lease.suspect, lease.leaving, lease.beats,
           greatest(lease.expires_at, serving + make_interval(secs => lease.lease_seconds)) as ends_at,
           greatest(lease.beat_at, serving) + make_interval(secs => handoff.suspect_after(lease.next_beat)) as suspect_at
      from handoff.presence_leases as lease
     where lease.bucket <= floor(extract(epoch from moment) * 1000)::bigint
     order by lease.bucket
     limit sweep_presence.most
       for no key update skip locked
  ), judged as materialized (
    select due.*, due.ends_at <= moment as is_over,
           due.role = 'agent' and not due.suspect and due.suspect_at <= moment and due.ends_at > moment as is_silent
      from due
  ), later as (
    update handoff.presence_leases as lease
       set bucket = handoff.wheel_tick(case
             when lease.role = 'agent' and not judged.suspect and not judged.is_silent then least(judged.ends_at, judged.suspect_at)
             else judged.ends_at end),
           suspect = lease.suspect or judged.is_silent
      from judged
     where lease.connection_id = judged.connection_id and not judged.is_over
  ), over as (
    -- At most so many at a time: each locks a person. The rest stay due.
    select judged.connection_id, coalesce(judged.leaving, 'lost') as reason, judged.beats
      from judged
     where judged.is_over
     order by judged.ends_at
     limit 500
  )
  select (select array_agg(over.connection_id order by over.connection_id) from over),
         (select array_agg(over.reason order by over.connection_id) from over),
         (select array_agg(judged.connection_id) from judged where judged.is_silent),
         (select count(*) from judged),
         (select count(*) from judged where judged.is_over) > 500,
         (select count(*) from over where over.beats = 1 and over.reason = 'lost')
    into ended, reasons, suspects, looked_at, more, first_beat_only;
  perform handoff.suspect_agents(suspects, moment);
  if ended is not null then
    perform handoff.end_presence(ended, reasons, null, moment);
  end if;
  return jsonb_build_object(
    'looked_at', looked_at, 'ended', coalesce(cardinality(ended), 0), 'suspected', coalesce(cardinality(suspects), 0),
    'first_beat_only', first_beat_only, 'more', more or looked_at >= sweep_presence.most);
end
$function$;
comment on function handoff.sweep_presence(moment timestamp with time zone, most integer) is 'Ends the leases that have run out and suspects silent agents, at most so many leases at a time; more: call it again.';

CREATE OR REPLACE FUNCTION handoff.take(conversation_id uuid, allowed text[])
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  caller uuid := handoff.require_user();
  conversation public.conversations := handoff.lock_conversation(take.conversation_id);
begin
  if conversation.id is null or not handoff.is_member(conversation.project_id) then
    return handoff.claim_refused('ACCESS_DENIED', 'You have no access to this conversation');
  end if;
  perform handoff.rate_limit('dashboard', 100, interval '1 minute');
  return handoff.take_locked(conversation, caller, take.allowed,
                             case conversation.status when 'waiting' then 'claim' else 'take_over' end, 'asked');
end
$function$;
comment on function handoff.take(conversation_id uuid, allowed text[]) is 'Gives the conversation to the caller if it is in an allowed state and the caller has a free slot (F001 5.5.4).';
grant execute on function handoff.take(conversation_id uuid, allowed text[]) to authenticated;

CREATE OR REPLACE FUNCTION handoff.take_locked(conversation public.conversations, caller uuid, allowed text[], strategy text, reason text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  obstacle text;
begin
  if conversation.status = 'agent_active' then
    if conversation.assigned_agent_id = caller then
      return handoff.claimed(conversation.id, caller);  -- asked twice, or the worker was quicker
    end if;
    return handoff.claim_refused('ALREADY_CLAIMED', 'This conversation was claimed by another agent');
  end if;
  if conversation.status <> all (take_locked.allowed) then
    return handoff.claim_refused('NOT_WAITING', format('This conversation is %s', conversation.status));
  end if;
  perform handoff.lock_agents_of(conversation, caller);
  obstacle := handoff.obstacle(conversation.project_id, caller, conversation.id);
  if obstacle is not null then
    return case obstacle
      when 'not_online' then handoff.claim_refused('NOT_ONLINE', 'Go online to take conversations')
      else handoff.claim_refused('NO_CAPACITY', 'You have reached your limit of concurrent chats')
    end;
  end if;
  update public.conversations as taken
     set status = 'agent_active', assigned_agent_id = caller
   where taken.id = conversation.id;
  perform handoff.record_decision(conversation.project_id, conversation.id, caller, take_locked.strategy, take_locked.reason,
    case conversation.status when 'waiting' then conversation.waiting_since end);
  return handoff.claimed(conversation.id, caller);
end
$function$;
comment on function handoff.take_locked(conversation public.conversations, caller uuid, allowed text[], strategy text, reason text) is 'The part of handoff.take after the look at who asks; strategy and reason are what the decision is recorded with.';

CREATE OR REPLACE FUNCTION handoff.team(project_id uuid)
 RETURNS TABLE(user_id uuid, role text)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select project.user_id, 'owner' from public.projects as project where project.id = team.project_id
  union all
  select member.user_id, member.role
    from public.project_members as member
    join public.projects as project on project.id = member.project_id and project.user_id <> member.user_id
   where member.project_id = team.project_id and member.status = 'active';
$function$;
comment on function handoff.team(project_id uuid) is 'The owner and the active members of a project, each once.';

CREATE OR REPLACE FUNCTION handoff.team_stats(project_id uuid, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
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
$function$;
grant execute on function handoff.team_stats(project_id uuid, moment timestamp with time zone) to authenticated;

CREATE OR REPLACE FUNCTION handoff.tell_agents_gone(moment timestamp with time zone DEFAULT now(), most integer DEFAULT 100)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  held uuid[] := array(
    select conversation.id
      from public.conversations as conversation
      join public.agent_availability as agent
        on agent.project_id = conversation.project_id and agent.user_id = conversation.assigned_agent_id
     where conversation.status = 'agent_active'
       and agent.effective_status = 'offline'
       and not exists (select 1 from handoff.agent_absences as absence where absence.conversation_id = conversation.id)
     order by conversation.claimed_at, conversation.id
     limit most
       for no key update of conversation skip locked);
begin
  -- Who comes back now waits for us, and who came back a moment ago is seen below.
  perform 1
     from public.agent_availability as agent
    where agent.id in (
            select owner.id
              from public.conversations as conversation
              join public.agent_availability as owner
                on owner.project_id = conversation.project_id and owner.user_id = conversation.assigned_agent_id
             where conversation.id = any (held))
    order by agent.id
      for no key update;
  held := handoff.still_forsaken(held);
  perform handoff.requeue_unanswered(held);
  perform handoff.tell_disconnected(held, moment);
  return cardinality(held);
end
$function$;
comment on function handoff.tell_agents_gone(moment timestamp with time zone, most integer) is 'Tells customers once that their agent is gone; chats that the agent never answered wait again at once (F001 9.1).';

CREATE OR REPLACE FUNCTION handoff.tell_closed(moment timestamp with time zone DEFAULT now(), most integer DEFAULT 100)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
#variable_conflict use_column
declare
  waiting uuid[] := array(
    select conversation.id
      from handoff.schedule_edges as edge
      join public.handoff_settings as settings on settings.project_id = edge.project_id
      join public.conversations as conversation on conversation.project_id = edge.project_id
      left join handoff.closing_notices as notice on notice.conversation_id = conversation.id
     where not edge.open and edge.next_edge > moment and settings.business_hours_enabled
       and conversation.status = 'waiting'
       -- Who came later was told when they came.
       and conversation.queue_entered_at < edge.changed_at
       and (notice.told_at is null or notice.told_at < edge.changed_at)
     order by conversation.queue_entered_at, conversation.id
     limit most
       for no key update of conversation skip locked);
begin
  -- Asked again under the lock: another worker may have told them since.
  with told as (
    insert into handoff.closing_notices as notice (conversation_id, told_at)
    select conversation.id, moment
      from public.conversations as conversation
      join handoff.schedule_edges as edge on edge.project_id = conversation.project_id
     where conversation.id = any (waiting)
       and not exists (select 1 from handoff.closing_notices as earlier
                        where earlier.conversation_id = conversation.id and earlier.told_at >= edge.changed_at)
     order by conversation.id
    on conflict (conversation_id) do update set told_at = excluded.told_at
    returning notice.conversation_id
  )
  select coalesce(array_agg(told.conversation_id), '{}') into waiting from told;
  insert into public.messages (conversation_id, sender_type, content, metadata)
  select conversation.id, 'system', handoff.closing_text(settings, next.opens_at, moment),
         jsonb_build_object('type', 'team_offline', 'opens_at', next.opens_at, 'show_offline_form', true)
    from public.conversations as conversation
    join public.handoff_settings as settings on settings.project_id = conversation.project_id
   cross join lateral (select handoff.next_opening(settings, moment) as opens_at) as next
   where conversation.id = any (waiting)
   order by conversation.id;
  return cardinality(waiting);
end
$function$;
comment on function handoff.tell_closed(moment timestamp with time zone, most integer) is 'Tells who waits, once a closing, that the team has gone and when it is back (F001 9.5). They keep their places.';

CREATE OR REPLACE FUNCTION handoff.tell_disconnected(conversation_ids uuid[], moment timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  insert into handoff.agent_absences (conversation_id, told_at)
  select conversation.id, moment
    from public.conversations as conversation
   where conversation.id = any (tell_disconnected.conversation_ids) and conversation.status = 'agent_active';
  insert into public.messages (conversation_id, sender_type, content, metadata)
  select absence.conversation_id, 'system', 'Agent disconnected. Waiting for reconnection...', '{"type": "agent_disconnected"}'
    from handoff.agent_absences as absence
   where absence.conversation_id = any (tell_disconnected.conversation_ids)
   order by absence.conversation_id;
end
$function$;

CREATE OR REPLACE FUNCTION handoff.there_or_not(status text)
 RETURNS jsonb
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
begin
  return jsonb_build_object('status', status, 'effective_status', status, 'effective_reason', 'wanted',
                            'connection', case status when 'online' then 'live' else 'gone' end, 'available_slots', 0);
end
$function$;
comment on function handoff.there_or_not(status text) is 'The fields of presence_change that only agents have more than two values of.';

CREATE OR REPLACE FUNCTION handoff.time_out(moment timestamp with time zone DEFAULT now(), most integer DEFAULT 100)
 RETURNS integer
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select greatest(handoff.time_out_ai(moment, most), handoff.close_abandoned(moment, most),
                  handoff.time_out_waiting(moment, most), handoff.time_out_resolved(moment, most));
$function$;
comment on function handoff.time_out(moment timestamp with time zone, most integer) is 'All time-outs, at most so many of each kind; answers with the largest number, so that less than "most" means that nothing is left.';

CREATE OR REPLACE FUNCTION handoff.time_out_ai(moment timestamp with time zone DEFAULT now(), most integer DEFAULT 100)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  handled integer;
begin
  with due as (
    select conversation.id
      from public.conversations as conversation
     where conversation.status = 'ai_active'
       and conversation.created_at <= moment - interval '24 hours'
       and greatest(conversation.last_message_at, conversation.customer_active_at) <= moment - interval '24 hours'
     order by conversation.created_at, conversation.id
     limit most
       for no key update of conversation skip locked
  )
  update public.conversations as closed
     set status = 'closed', close_reason = 'timeout'
    from due
   where closed.id = due.id;
  get diagnostics handled = row_count;
  return handled;
end
$function$;
comment on function handoff.time_out_ai(moment timestamp with time zone, most integer) is 'Closes the chats with the AI that nobody has touched for 24 hours (F001 5.2.4).';

CREATE OR REPLACE FUNCTION handoff.time_out_resolved(moment timestamp with time zone DEFAULT now(), most integer DEFAULT 100)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  handled integer;
begin
  with due as (
    select conversation.id
      from public.conversations as conversation
     where conversation.status = 'resolved' and conversation.resolved_at <= moment - interval '24 hours'
     order by conversation.resolved_at, conversation.id
     limit most
       for no key update of conversation skip locked
  )
  update public.conversations as closed
     set status = 'closed', close_reason = 'timeout'
    from due
   where closed.id = due.id;
  get diagnostics handled = row_count;
  return handled;
end
$function$;
comment on function handoff.time_out_resolved(moment timestamp with time zone, most integer) is 'Closes the chats that were resolved 24 hours ago (F001 5.2.4).';

CREATE OR REPLACE FUNCTION handoff.time_out_waiting(moment timestamp with time zone DEFAULT now(), most integer DEFAULT 100)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  handled integer;
begin
  with due as (
    select conversation.id
      from public.conversations as conversation
      left join public.handoff_settings as settings on settings.project_id = conversation.project_id
     cross join lateral (
        select greatest(conversation.queue_entered_at, conversation.released_at, conversation.last_message_at,
                        conversation.customer_active_at) as since
      ) as silent
     where conversation.status = 'waiting'
       and silent.since <= moment - interval '24 hours'
       and handoff.had_its_chance(settings, silent.since, moment)
     order by conversation.queue_entered_at, conversation.id
     limit most
       for no key update of conversation skip locked
  )
  update public.conversations as closed
     set status = 'closed', close_reason = 'timeout'
    from due
   where closed.id = due.id;
  get diagnostics handled = row_count;
  return handled;
end
$function$;
comment on function handoff.time_out_waiting(moment timestamp with time zone, most integer) is 'Closes the waiting chats in which nothing has happened for 24 hours, once the team had its chance (F001 5.2.4, 9.5).';

CREATE OR REPLACE FUNCTION handoff.told_range(conversation_id uuid, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  -- Who was told "two minutes" a minute ago has one left. A minute past its P90 a range that nobody renewed is worth nothing:
  -- the worker is away.
  select coalesce((
    select jsonb_build_object('wait_p50_seconds', greatest(told.wait_p50_seconds - since.seconds, 0),
                              'wait_p90_seconds', greatest(told.wait_p90_seconds - since.seconds, 0))
      from handoff.queue_positions as told
     cross join lateral (select extract(epoch from moment - told.updated_at)::integer as seconds) as since
     where told.conversation_id = told_range.conversation_id
       and told.wait_p90_seconds + 60 >= since.seconds),
    '{"wait_p50_seconds": null, "wait_p90_seconds": null}'::jsonb);
$function$;
comment on function handoff.told_range(conversation_id uuid, moment timestamp with time zone) is 'What is left of the range that the conversation''s visitor was told: wait_p50_seconds and wait_p90_seconds, null when not known.';

CREATE OR REPLACE FUNCTION handoff.too_many(wait interval)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  seconds text := greatest(ceil(extract(epoch from wait)), 1)::integer::text;
begin
  raise exception using
    errcode = 'PGRST',
    message = json_build_object(
      'code', 'PT429', 'message', 'Too many calls', 'details', 'rate_limited',
      'hint', format('Try again in %s seconds.', seconds))::text,
    detail = json_build_object('status', 429, 'headers', json_build_object('Retry-After', seconds))::text;
end
$function$;
comment on function handoff.too_many(wait interval) is 'Refuses with HTTP 429 and Retry-After.';

CREATE OR REPLACE FUNCTION handoff.trace_presence(connection_id uuid, lasting interval, moment timestamp with time zone DEFAULT now())
 RETURNS timestamp with time zone
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
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
$function$;
comment on function handoff.trace_presence(connection_id uuid, lasting interval, moment timestamp with time zone) is 'Writes down each step of a connection, whether it is there now or comes later, for so long (an hour at most; 0 ends it).';

CREATE OR REPLACE FUNCTION handoff.trace_presence_step(connection_id uuid, moment timestamp with time zone, step text, detail jsonb)
 RETURNS void
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  insert into handoff.presence_traces (connection_id, at, step, detail) values (connection_id, moment, step, detail);
$function$;

CREATE OR REPLACE FUNCTION handoff.track_visit(project_id uuid, visitor_id text, url text, title text, referrer text, context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  caller uuid := handoff.require_user();
  page text := left(btrim(track_visit.url), 2000);
  customer public.customers;
begin
  if page is null or page !~* '^https?://' then
    perform handoff.fail(400, 'url_invalid', 'The address of the page must begin with http:// or https://', 'Pass location.href.');
  end if;
  perform handoff.require_project(track_visit.project_id);
  perform handoff.rate_limit('track_visit', 60, interval '1 minute');
  customer := handoff.customer_for_visitor(
    track_visit.project_id, track_visit.visitor_id,
    case jsonb_typeof(context) when 'object' then context else '{}'::jsonb end || jsonb_build_object('page_url', page));
  -- Cut, not refused: a visit with a long title is still a visit.
  insert into public.web_visits (project_id, customer_id, visitor_id, user_id, url, title, referrer, browser, device, os,
                                 language, timezone, screen, location)
  values (customer.project_id, customer.id, track_visit.visitor_id, caller, page,
          left(nullif(btrim(track_visit.title), ''), 500),
          case when track_visit.referrer ~* '^https?://' then left(track_visit.referrer, 2000) end,
          handoff.context_text(context, 'browser', 200), handoff.context_text(context, 'device', 200),
          handoff.context_text(context, 'os', 200), handoff.context_text(context, 'language', 50),
          handoff.context_text(context, 'timezone', 100), handoff.context_text(context, 'screen_resolution', 50),
          handoff.caller_location());
  return jsonb_build_object('tracked', true);
end
$function$;
grant execute on function handoff.track_visit(project_id uuid, visitor_id text, url text, title text, referrer text, context jsonb) to authenticated;

CREATE OR REPLACE FUNCTION handoff.transfer(conversation_id uuid, agent_id uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  conversation public.conversations := handoff.lock_as_member(transfer.conversation_id);
  obstacle text;
begin
  perform handoff.require_owner(conversation);
  if conversation.status <> 'agent_active' then
    perform handoff.fail(409, 'not_with_an_agent', format('This conversation is %s, not with an agent', conversation.status),
                         'Only a conversation that an agent has can be transferred.');
  end if;
  if transfer.agent_id is null then
    update public.conversations as released set status = 'waiting' where released.id = conversation.id;
    return jsonb_build_object('success', true, 'conversation', jsonb_build_object('id', conversation.id, 'status', 'waiting'));
  end if;
  if transfer.agent_id = conversation.assigned_agent_id then
    return handoff.claimed(conversation.id, transfer.agent_id);
  end if;
  -- Giver and receiver in the order of handoff.count_moves, so that two who exchange conversations cannot deadlock.
  perform 1
     from public.agent_availability as agent
    where agent.project_id = conversation.project_id
      and agent.user_id in (conversation.assigned_agent_id, transfer.agent_id)
    order by agent.id
      for no key update;
  -- Refused before it leaves the sender: a conversation is never given to somebody who cannot take it.
  obstacle := handoff.obstacle(conversation.project_id, transfer.agent_id, conversation.id);
  if obstacle = 'not_online' then
    perform handoff.fail(409, 'agent_not_online', 'That agent is not online', 'Choose another agent, or the queue.');
  elsif obstacle = 'no_capacity' then
    perform handoff.fail(409, 'agent_has_no_capacity', 'That agent has no free slot', 'Choose another agent, or the queue.');
  end if;
  update public.conversations as given set assigned_agent_id = transfer.agent_id where given.id = conversation.id;
  perform handoff.record_decision(conversation.project_id, conversation.id, transfer.agent_id, 'transfer', 'transferred');
  return handoff.claimed(conversation.id, transfer.agent_id);
end
$function$;
grant execute on function handoff.transfer(conversation_id uuid, agent_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION handoff.unspaced_script()
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select '[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]';
$function$;

CREATE OR REPLACE FUNCTION handoff.unwatch_conversation(conversation_id uuid, connection_id uuid, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  conversation public.conversations := handoff.require_members_conversation(unwatch_conversation.conversation_id);
begin
  delete from handoff.conversation_watchers as watching
   where watching.conversation_id = conversation.id
     and watching.watcher = coalesce(unwatch_conversation.connection_id, auth.uid()) and watching.user_id = auth.uid();
  return jsonb_build_object('watching', false, 'watchers', handoff.watchers_of(conversation.id, moment));
end
$function$;
grant execute on function handoff.unwatch_conversation(conversation_id uuid, connection_id uuid, moment timestamp with time zone) to authenticated;

CREATE OR REPLACE FUNCTION handoff.update_customer_notes(customer_id uuid, notes text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  customer public.customers := handoff.visible_customer(update_customer_notes.customer_id);
begin
  perform handoff.rate_limit('dashboard', 100, interval '1 minute');
  update public.customers as annotated
     set internal_notes = nullif(btrim(update_customer_notes.notes), '')
   where annotated.id = customer.id
  returning * into customer;
  return handoff.customer_line(customer);
end
$function$;
grant execute on function handoff.update_customer_notes(customer_id uuid, notes text) to authenticated;

CREATE OR REPLACE FUNCTION handoff.update_handoff_settings(project_id uuid, settings jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  current public.handoff_settings;
begin
  perform handoff.require_admin(update_handoff_settings.project_id);
  perform handoff.check_settings_types(update_handoff_settings.settings);
  insert into public.handoff_settings (project_id) values (update_handoff_settings.project_id)
  on conflict on constraint handoff_settings_one_per_project do nothing;
  -- Locked before it is merged: two admins who change different settings at once both get their way.
  select * into current
    from public.handoff_settings as found where found.project_id = update_handoff_settings.project_id for no key update;
  current := jsonb_populate_record(current, handoff.merged_settings(to_jsonb(current), update_handoff_settings.settings));
  update public.handoff_settings as changed
     set enabled = current.enabled,
         trigger_mode = current.trigger_mode,
         show_human_button = current.show_human_button,
         auto_triggers = current.auto_triggers,
         business_hours_enabled = current.business_hours_enabled,
         timezone = current.timezone,
         business_hours = current.business_hours,
         default_max_concurrent_chats = current.default_max_concurrent_chats,
         inactivity_timeout_minutes = current.inactivity_timeout_minutes,
         auto_close_after_warning_minutes = current.auto_close_after_warning_minutes,
         session_keep_alive_minutes = current.session_keep_alive_minutes,
         send_inactivity_warning = current.send_inactivity_warning,
         assignment_strategy = current.assignment_strategy,
         preferred_wait_seconds = current.preferred_wait_seconds,
         assignment_mode = current.assignment_mode,
         offer_timeout_seconds = current.offer_timeout_seconds,
         away_after_missed_offers = current.away_after_missed_offers,
         agent_offline_after_seconds = current.agent_offline_after_seconds,
         client_ip_header = current.client_ip_header
   where changed.id = current.id
  returning changed.* into current;
  return handoff.settings_answer(current);
end
$function$;
grant execute on function handoff.update_handoff_settings(project_id uuid, settings jsonb) to authenticated;

CREATE OR REPLACE FUNCTION handoff.update_my_profile(project_id uuid, name text, avatar_url text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  caller uuid := handoff.require_member(update_my_profile.project_id);
  member public.project_members;
begin
  update public.project_members as own
     set name = case when update_my_profile.name is null then own.name else nullif(btrim(update_my_profile.name), '') end,
         avatar_url = case when update_my_profile.avatar_url is null then own.avatar_url
                           else nullif(btrim(update_my_profile.avatar_url), '') end
   where own.project_id = update_my_profile.project_id and own.user_id = caller and own.status = 'active'
  returning own.* into member;
  if not found then
    perform handoff.fail(409, 'owner_without_profile', 'The owner has no profile in the project',
                         'Change name and avatar_url of the account: supabase.auth.updateUser({ data: { ... } }).');
  end if;
  -- The member's row before the counter, as everybody who changes members takes them.
  perform handoff.rate_limit('team', 100, interval '1 minute');
  return handoff.member_answer(member);
end
$function$;
grant execute on function handoff.update_my_profile(project_id uuid, name text, avatar_url text) to authenticated;

CREATE OR REPLACE FUNCTION handoff.url_encoded(value text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  -- "@" may stand in a path, a query and an address of mailto, where it must not be encoded.
  select coalesce(string_agg(
           case when letter.text collate "C" ~ '^[A-Za-z0-9._~@-]$' then letter.text
                else regexp_replace(upper(encode(convert_to(letter.text, 'UTF8'), 'hex')), '(..)', '%\1', 'g') end,
           '' order by letter.place), '')
    from regexp_split_to_table(url_encoded.value, '') with ordinality as letter (text, place);
$function$;
comment on function handoff.url_encoded(value text) is 'The text as a part of a URL, in UTF-8.';

CREATE OR REPLACE FUNCTION handoff.visible_conversation(conversation_id uuid)
 RETURNS public.conversations
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  conversation public.conversations;
begin
  select * into conversation from public.conversations as found where found.id = visible_conversation.conversation_id;
  perform handoff.require_sight(conversation.visitor_user_id, conversation.cleared_at, conversation.project_id);
  return conversation;
end
$function$;
comment on function handoff.visible_conversation(conversation_id uuid) is 'The conversation, if the caller is its visitor or a member of its project; else refuses with 404.';

CREATE OR REPLACE FUNCTION handoff.visible_customer(customer_id uuid)
 RETURNS public.customers
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  customer public.customers;
begin
  perform handoff.require_user();
  select * into customer from public.customers as found where found.id = visible_customer.customer_id;
  if customer.id is null or not handoff.is_member(customer.project_id) then
    perform handoff.fail(404, 'customer_not_found', 'There is no such customer', 'It may have been merged into another: read the conversation again.');
  end if;
  return customer;
end
$function$;
comment on function handoff.visible_customer(customer_id uuid) is 'The customer, if the caller belongs to its project; else refuses with 404.';

CREATE OR REPLACE FUNCTION handoff.visitor_customer(project_id uuid, visitor_id text)
 RETURNS uuid
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  customer_id uuid;
begin
  for attempt in 1..3 loop
    select known.customer_id into customer_id
      from handoff.customer_visitors as known
     where known.project_id = visitor_customer.project_id and known.visitor_id = visitor_customer.visitor_id;
    exit when found;
    begin
      insert into public.customers (project_id, visitor_id)
      values (visitor_customer.project_id, visitor_customer.visitor_id)
      returning id into customer_id;
      exit;
    exception when unique_violation then
      -- Another transaction met the visitor first, and may have merged the customer since: the next look finds it.
      if attempt = 3 then
        raise;
      end if;
    end;
  end loop;
  return customer_id;
end
$function$;
comment on function handoff.visitor_customer(project_id uuid, visitor_id text) is 'The customer that a visitor id belongs to, also one it was merged into; made if there is none. Does not lock it.';

CREATE OR REPLACE FUNCTION handoff.visitors_conversation(conversation_id uuid)
 RETURNS public.conversations
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  conversation public.conversations := handoff.visible_conversation(visitors_conversation.conversation_id);
begin
  if conversation.visitor_user_id is distinct from auth.uid() then
    perform handoff.fail(403, 'not_the_visitor', 'Only the visitor of a conversation can do this');
  end if;
  -- Before anything is locked, as in start_conversation: calls of one visitor meet here first.
  perform handoff.rate_limit('visitor', 30, interval '1 minute');
  return conversation;
end
$function$;
comment on function handoff.visitors_conversation(conversation_id uuid) is 'The conversation, not locked, if it is the caller''s own as a visitor; else refuses. Counts the call.';

CREATE OR REPLACE FUNCTION handoff.wait_calibration(project_id uuid, days integer, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  perform handoff.require_member(wait_calibration.project_id);
  return handoff.calibration(wait_calibration.project_id, least(greatest(coalesce(wait_calibration.days, 7), 1), 30), moment);
end
$function$;
grant execute on function handoff.wait_calibration(project_id uuid, days integer, moment timestamp with time zone) to authenticated;

CREATE OR REPLACE FUNCTION handoff.wait_minutes("position" bigint, agents bigint, minutes numeric)
 RETURNS integer
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
begin
  return case when agents = 0 then -1 else ceil("position" * minutes / agents)::integer end;
end
$function$;
comment on function handoff.wait_minutes("position" bigint, agents bigint, minutes numeric) is 'F001 5.4.6: position x handling time / online agents, in whole minutes; -1 when nobody is online.';

CREATE OR REPLACE FUNCTION handoff.warn_inactive(moment timestamp with time zone DEFAULT now(), most integer DEFAULT 100)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  silent uuid[] := array(
    select conversation.id
      from public.conversations as conversation
      left join public.handoff_settings as settings on settings.project_id = conversation.project_id
      left join handoff.agent_absences as absence on absence.conversation_id = conversation.id
     where conversation.status = 'agent_active'
       and conversation.auto_close_warning_sent_at is null
       and conversation.customer_presence in ('idle', 'offline')
       -- The function is called for those that are due only: there is one chat in a thousand of them.
       and case when greatest(conversation.claimed_at, conversation.customer_active_at, absence.offered_at)
                     <= moment - make_interval(mins => coalesce(settings.inactivity_timeout_minutes, 5))
                then not handoff.is_forsaken(conversation, absence.offered_at) end
     order by conversation.customer_active_at nulls first, conversation.claimed_at, conversation.id
     limit most
       for no key update of conversation skip locked);
begin
  update public.conversations as warned set auto_close_warning_sent_at = moment where warned.id = any (silent);
  insert into public.messages (conversation_id, sender_type, content, metadata)
  select conversation.id, 'system',
         format('Are you still there? This chat will close in %s if we don''t hear from you.',
                case time.minutes when 1 then '1 minute' else time.minutes || ' minutes' end),
         jsonb_build_object('type', 'inactivity_warning', 'closes_at', moment + make_interval(mins => time.minutes))
    from public.conversations as conversation
    left join public.handoff_settings as settings on settings.project_id = conversation.project_id
   cross join lateral (select handoff.minutes_left(conversation, settings, moment) as minutes) as time
   where conversation.id = any (silent) and coalesce(settings.send_inactivity_warning, true)
   order by conversation.id;
  return cardinality(silent);
end
$function$;
comment on function handoff.warn_inactive(moment timestamp with time zone, most integer) is 'Asks silent customers whether they are still there (F001 5.12.5). With warnings off the time to auto-close runs without a word.';

CREATE OR REPLACE FUNCTION handoff.was_lost(lease handoff.presence_leases, moment timestamp with time zone)
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select exists (
    select 1 from public.presence_sessions as earlier
     where earlier.user_id = lease.user_id and earlier.project_id = lease.project_id
       and earlier.entered_at > moment - interval '1 day'
       and earlier.left_at > moment - interval '2 minutes' and earlier.leave_reason = 'lost');
$function$;
comment on function handoff.was_lost(lease handoff.presence_leases, moment timestamp with time zone) is 'Whether the person was lost within the last two minutes: a flap.';

CREATE OR REPLACE FUNCTION handoff.watch_conversation(conversation_id uuid, connection_id uuid, moment timestamp with time zone DEFAULT now())
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  conversation public.conversations := handoff.require_members_conversation(watch_conversation.conversation_id);
  demanded boolean := conversation.status in ('waiting', 'agent_active') or handoff.is_watched(conversation.id, moment);
begin
  perform handoff.rate_limit('watch', 100, interval '1 minute');
  insert into handoff.conversation_watchers as watching (conversation_id, watcher, user_id, until)
  values (conversation.id, coalesce(watch_conversation.connection_id, auth.uid()), auth.uid(), moment + interval '120 seconds')
  on conflict on constraint conversation_watchers_pkey do update set until = excluded.until
   where watching.user_id = excluded.user_id;
  if not demanded and conversation.status <> 'closed' then
    insert into handoff.outbox (project_id, conversation_id, kind, payload)
    values (conversation.project_id, conversation.id, 'presence_demand',
            jsonb_build_object('conversation_id', conversation.id, 'next_beat_seconds', 10));
  end if;
  return jsonb_build_object('watching', true, 'watch_seconds', 120, 'watchers', handoff.watchers_of(conversation.id, moment));
end
$function$;
comment on function handoff.watch_conversation(conversation_id uuid, connection_id uuid, moment timestamp with time zone) is 'A member looks at a conversation for the next two minutes; its visitor is told to beat fast unless they do already.';
grant execute on function handoff.watch_conversation(conversation_id uuid, connection_id uuid, moment timestamp with time zone) to authenticated;

CREATE OR REPLACE FUNCTION handoff.watchers_of(conversation_id uuid, moment timestamp with time zone)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select coalesce(jsonb_agg(distinct watching.user_id), '[]'::jsonb)
    from handoff.conversation_watchers as watching
   where watching.conversation_id = watchers_of.conversation_id and watching.until > moment;
$function$;
comment on function handoff.watchers_of(conversation_id uuid, moment timestamp with time zone) is 'The users who have the conversation open.';

CREATE OR REPLACE FUNCTION handoff.web_address(url text)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
begin
  return case when url ~ '^https?://' and char_length(url) <= 2000 then url end;
end
$function$;
comment on function handoff.web_address(url text) is 'The URL if a page can show it as a picture, else null: users write their metadata themselves.';

CREATE OR REPLACE FUNCTION handoff.wheel_tick(moment timestamp with time zone)
 RETURNS bigint
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
begin
  return ceil(extract(epoch from moment) * 1000)::bigint;
end
$function$;
comment on function handoff.wheel_tick(moment timestamp with time zone) is 'The first millisecond of the epoch that is not before the moment: where a lease hangs on the wheel.';

CREATE OR REPLACE FUNCTION handoff.word_edge()
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select '[[:space:][:punct:]$+<=>^`|~\u00a0-\u00bf\u2000-\u2bff\u3000-\u303f\ufe00-\ufe0f\uff00-\uff0f\U0001f000-\U0001faff]';
$function$;

CREATE OR REPLACE FUNCTION handoff.write_invitation(member public.project_members)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  -- 244 random bits. An earlier token stops working: one row a member.
  token text := replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
begin
  insert into handoff.invitation_tokens as earlier (member_id, token_hash)
  values (member.id, sha256(convert_to(token, 'UTF8')))
  on conflict on constraint invitation_tokens_pkey do update set token_hash = excluded.token_hash;
  perform handoff.drop_invitation_mail(member.project_id, member.email);
  insert into handoff.mail_outbox (project_id, kind, recipient, data)
  -- A team's own projects table may have no name.
  select member.project_id, 'invitation', member.email, jsonb_build_object(
           'token', token, 'member_id', member.id, 'name', member.name, 'role', member.role,
           'project_name', to_jsonb(project) -> 'name',
           'invited_by', handoff.agent_profile(member.project_id, member.invited_by) -> 'name',
           'expires_at', member.invitation_expires_at)
    from public.projects as project
   where project.id = member.project_id;
end
$function$;
comment on function handoff.write_invitation(member public.project_members) is 'Gives the invitation a new token and puts it into a mail.';

CREATE OR REPLACE FUNCTION handoff.write_message(conversation_id uuid, sender_type text, sender_id uuid, content text, client_message_id uuid, metadata jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
declare
  message jsonb;
begin
  if write_message.client_message_id is not null then
    select to_jsonb(earlier) - 'project_id' into message
      from public.messages as earlier
     where earlier.conversation_id = write_message.conversation_id
       and earlier.client_message_id = write_message.client_message_id;
    if found then
      return message;
    end if;
  end if;
  if write_message.sender_type = 'customer' then
    perform handoff.limit_messages(write_message.sender_id);
  end if;
  insert into public.messages as written (conversation_id, sender_type, sender_id, content, client_message_id, metadata)
  values (write_message.conversation_id, write_message.sender_type, write_message.sender_id, write_message.content,
          write_message.client_message_id, write_message.metadata)
  returning to_jsonb(written) - 'project_id' into message;
  return message;
end
$function$;
comment on function handoff.write_message(conversation_id uuid, sender_type text, sender_id uuid, content text, client_message_id uuid, metadata jsonb) is 'Writes a message once: the same client_message_id again returns the first one. The caller holds a lock on the conversation: a twin that is being written would be missed.';

CREATE OR REPLACE FUNCTION public.accept_invitation(p_token text DEFAULT NULL::text, p_invitation_id uuid DEFAULT NULL::uuid)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.accept_invitation(p_token, p_invitation_id);
$function$;
comment on function public.accept_invitation(p_token text, p_invitation_id uuid) is 'Joins the team, by the token of the mail or an id of my_invitations. The caller''s confirmed address must be the invited one.';
grant execute on function public.accept_invitation(p_token text, p_invitation_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION public.accept_offer(p_conversation_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.accept_offer(p_conversation_id);
$function$;
comment on function public.accept_offer(p_conversation_id uuid) is 'An agent takes the conversation that is offered to them. Answers as claim_conversation, and NO_OFFER when the time was over.';
grant execute on function public.accept_offer(p_conversation_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION public.add_note(p_conversation_id uuid, p_content text)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.add_note(p_conversation_id, p_content);
$function$;
comment on function public.add_note(p_conversation_id uuid, p_content text) is 'A member writes an internal note; the customer never sees it.';
grant execute on function public.add_note(p_conversation_id uuid, p_content text) to authenticated;

CREATE OR REPLACE FUNCTION public.agent_presence(p_project_id uuid, p_user_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select handoff.agent_presence(p_project_id, p_user_id);
$function$;
comment on function public.agent_presence(p_project_id uuid, p_user_id uuid) is 'One agent: what they want, what is observed, the schedule, what follows, and their connections (members and the service key).';
grant execute on function public.agent_presence(p_project_id uuid, p_user_id uuid) to authenticated;
grant execute on function public.agent_presence(p_project_id uuid, p_user_id uuid) to service_role;

CREATE OR REPLACE FUNCTION public.agents_online(p_project_id uuid, p_status text DEFAULT NULL::text, p_skill text DEFAULT NULL::text)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select handoff.agents_online(p_project_id, p_status, p_skill);
$function$;
comment on function public.agents_online(p_project_id uuid, p_status text, p_skill text) is 'The agents who are not offline, on request with one effective status (online or available, busy, away) or skill (members and the service key).';
grant execute on function public.agents_online(p_project_id uuid, p_status text, p_skill text) to authenticated;
grant execute on function public.agents_online(p_project_id uuid, p_status text, p_skill text) to service_role;

CREATE OR REPLACE FUNCTION public.change_member(p_member_id uuid, p_role text DEFAULT NULL::text, p_max_concurrent_chats integer DEFAULT NULL::integer, p_name text DEFAULT NULL::text)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.change_member(p_member_id, p_role, p_max_concurrent_chats, p_name);
$function$;
comment on function public.change_member(p_member_id uuid, p_role text, p_max_concurrent_chats integer, p_name text) is 'An owner or admin changes a member; what is not given stays, an empty name is none. A new limit holds at once and takes nothing away.';
grant execute on function public.change_member(p_member_id uuid, p_role text, p_max_concurrent_chats integer, p_name text) to authenticated;

CREATE OR REPLACE FUNCTION public.claim_conversation(p_conversation_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.take(p_conversation_id, array['waiting']);
$function$;
comment on function public.claim_conversation(p_conversation_id uuid) is 'An agent takes a waiting conversation. The answer has success, or error: ACCESS_DENIED, ALREADY_CLAIMED, NOT_WAITING, NOT_ONLINE, NO_CAPACITY.';
grant execute on function public.claim_conversation(p_conversation_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION public.clear_chat(p_conversation_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.clear_chat(p_conversation_id);
$function$;
comment on function public.clear_chat(p_conversation_id uuid) is 'The visitor begins afresh: the conversation is closed and no longer shown to them; agents keep it.';
grant execute on function public.clear_chat(p_conversation_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION public.close_conversation(p_conversation_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.close_conversation(p_conversation_id);
$function$;
comment on function public.close_conversation(p_conversation_id uuid) is 'The visitor, its agent or an admin ends the conversation for good.';
grant execute on function public.close_conversation(p_conversation_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION public.conversation_context(p_conversation_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select handoff.conversation_context(p_conversation_id);
$function$;
comment on function public.conversation_context(p_conversation_id uuid) is 'What the AI knew: why it handed off, its confidence, how often it answered, the topics (F001 5.7.5).';
grant execute on function public.conversation_context(p_conversation_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION public.conversation_sync(p_conversation_id uuid, p_since bigint DEFAULT 0)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select handoff.conversation_sync(p_conversation_id, p_since);
$function$;
comment on function public.conversation_sync(p_conversation_id uuid, p_since bigint) is 'Every event of the conversation''s topic after number p_since, as broadcast, and where the conversation stands now.';
grant execute on function public.conversation_sync(p_conversation_id uuid, p_since bigint) to authenticated;

CREATE OR REPLACE FUNCTION public.customer_history(p_customer_id uuid, p_limit integer DEFAULT 20, p_before timestamp with time zone DEFAULT NULL::timestamp with time zone)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select handoff.customer_history(p_customer_id, p_limit, p_before);
$function$;
comment on function public.customer_history(p_customer_id uuid, p_limit integer, p_before timestamp with time zone) is 'The customer, the page they were on last, and their conversations, newest first. Pages by p_before: the created_at of the last line (F001 5.11.6).';
grant execute on function public.customer_history(p_customer_id uuid, p_limit integer, p_before timestamp with time zone) to authenticated;

CREATE OR REPLACE FUNCTION public.customer_journey(p_customer_id uuid, p_limit integer DEFAULT 50)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select handoff.customer_journey(p_customer_id, p_limit);
$function$;
comment on function public.customer_journey(p_customer_id uuid, p_limit integer) is 'Where a customer is now, and the latest visits, newest first (members).';
grant execute on function public.customer_journey(p_customer_id uuid, p_limit integer) to authenticated;

CREATE OR REPLACE FUNCTION public.customers_online(p_project_id uuid, p_limit integer DEFAULT 200)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select handoff.customers_online(p_project_id, p_limit);
$function$;
comment on function public.customers_online(p_project_id uuid, p_limit integer) is 'The customers who are there, one entry a person, with the liveliest of their pages (members and the service key).';
grant execute on function public.customers_online(p_project_id uuid, p_limit integer) to authenticated;
grant execute on function public.customers_online(p_project_id uuid, p_limit integer) to service_role;

CREATE OR REPLACE FUNCTION public.decline_offer(p_conversation_id uuid, p_reason text DEFAULT NULL::text)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.decline_offer(p_conversation_id, p_reason);
$function$;
comment on function public.decline_offer(p_conversation_id uuid, p_reason text) is 'An agent does not take the conversation that is offered to them: the next one is asked. The reason is kept for explain_assignment.';
grant execute on function public.decline_offer(p_conversation_id uuid, p_reason text) to authenticated;

CREATE OR REPLACE FUNCTION public.explain_assignment(p_conversation_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select handoff.explain_assignment(p_conversation_id);
$function$;
comment on function public.explain_assignment(p_conversation_id uuid) is 'For members: to whom the conversation was given, in order, why, and why not to the others. The last 30 days.';
grant execute on function public.explain_assignment(p_conversation_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION public.flag_customer(p_customer_id uuid, p_flagged boolean, p_reason text DEFAULT NULL::text)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.flag_customer(p_customer_id, p_flagged, p_reason);
$function$;
comment on function public.flag_customer(p_customer_id uuid, p_flagged boolean, p_reason text) is 'A member flags a customer with a reason, or takes the flag away; answers the customer, with who flagged it and when.';
grant execute on function public.flag_customer(p_customer_id uuid, p_flagged boolean, p_reason text) to authenticated;

CREATE OR REPLACE FUNCTION public.get_handoff_availability(p_project_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select handoff.availability(p_project_id);
$function$;
comment on function public.get_handoff_availability(p_project_id uuid) is 'Whether a person can take over now, why not, and what the widget shows (F001 5.10).';
grant execute on function public.get_handoff_availability(p_project_id uuid) to anon;
grant execute on function public.get_handoff_availability(p_project_id uuid) to authenticated;
grant execute on function public.get_handoff_availability(p_project_id uuid) to service_role;

CREATE OR REPLACE FUNCTION public.get_handoff_settings(p_project_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select handoff.get_handoff_settings(p_project_id);
$function$;
comment on function public.get_handoff_settings(p_project_id uuid) is 'The settings of a project, for its members; the defaults when it has none yet.';
grant execute on function public.get_handoff_settings(p_project_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION public.identify_customer(p_project_id uuid, p_visitor_id text, p_email text, p_name text DEFAULT NULL::text, p_context jsonb DEFAULT NULL::jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.identify_customer(p_project_id, p_visitor_id, p_email, p_name, p_context);
$function$;
comment on function public.identify_customer(p_project_id uuid, p_visitor_id text, p_email text, p_name text, p_context jsonb) is 'The visitor says who they are: their visitor id and conversations are linked to the address. Answers {"linked": true}, known or not.';
grant execute on function public.identify_customer(p_project_id uuid, p_visitor_id text, p_email text, p_name text, p_context jsonb) to authenticated;

CREATE OR REPLACE FUNCTION public.inbox(p_project_id uuid, p_list text DEFAULT 'all'::text, p_limit integer DEFAULT 50, p_before timestamp with time zone DEFAULT NULL::timestamp with time zone)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select handoff.inbox(p_project_id, p_list, p_limit, p_before);
$function$;
comment on function public.inbox(p_project_id uuid, p_list text, p_limit integer, p_before timestamp with time zone) is 'The conversations of a list (all, mine, queue, closed) and how many each list has. Pages by p_before: the last_message_at of the last line; those of one instant stay on one page.';
grant execute on function public.inbox(p_project_id uuid, p_list text, p_limit integer, p_before timestamp with time zone) to authenticated;

CREATE OR REPLACE FUNCTION public.invite_member(p_project_id uuid, p_email text, p_role text DEFAULT 'agent'::text, p_name text DEFAULT NULL::text, p_max_concurrent_chats integer DEFAULT NULL::integer)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.invite_member(p_project_id, p_email, p_role, p_name, p_max_concurrent_chats);
$function$;
comment on function public.invite_member(p_project_id uuid, p_email text, p_role text, p_name text, p_max_concurrent_chats integer) is 'An owner or admin invites an address, or renews an invitation; good for 7 days. The limit of chats is the project''s default unless given.';
grant execute on function public.invite_member(p_project_id uuid, p_email text, p_role text, p_name text, p_max_concurrent_chats integer) to authenticated;

CREATE OR REPLACE FUNCTION public.list_agents(p_project_id uuid, p_status text DEFAULT NULL::text, p_skill text DEFAULT NULL::text)
 RETURNS TABLE(user_id uuid, name text, email text, avatar_url text, role text, status text, effective_status text, current_chat_count integer, max_concurrent_chats integer, available_slots integer, can_receive_chats boolean, skills text[], last_seen_at timestamp with time zone, status_changed_at timestamp with time zone)
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select agent.* from handoff.list_agents(p_project_id, p_status, p_skill) as agent;
$function$;
comment on function public.list_agents(p_project_id uuid, p_status text, p_skill text) is 'The team for its members: the owner and every active member, also those who never went online; on request only those with this effective status, or skill.';
grant execute on function public.list_agents(p_project_id uuid, p_status text, p_skill text) to authenticated;

CREATE OR REPLACE FUNCTION public.live_connections(p_project_id uuid, p_limit integer DEFAULT 1000)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select handoff.live_connections(p_project_id, p_limit);
$function$;
comment on function public.live_connections(p_project_id uuid, p_limit integer) is 'Every live connection for audits: who, role, address, browser, page; newest first (members and the service key).';
grant execute on function public.live_connections(p_project_id uuid, p_limit integer) to authenticated;
grant execute on function public.live_connections(p_project_id uuid, p_limit integer) to service_role;

CREATE OR REPLACE FUNCTION public.mark_spam(p_conversation_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.mark_spam(p_conversation_id);
$function$;
comment on function public.mark_spam(p_conversation_id uuid) is 'A member marks the conversation as spam and closes it; the statistics leave it out.';
grant execute on function public.mark_spam(p_conversation_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION public.my_invitations()
 RETURNS TABLE(invitation_id uuid, project_id uuid, project_name text, role text, invited_by text, invited_at timestamp with time zone, expires_at timestamp with time zone)
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select invitation.* from handoff.my_invitations() as invitation;
$function$;
comment on function public.my_invitations() is 'The invitations that the caller can accept: pending, not expired, for the caller''s confirmed address.';
grant execute on function public.my_invitations() to authenticated;

CREATE OR REPLACE FUNCTION public.my_offers(p_project_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select handoff.my_offers(p_project_id);
$function$;
comment on function public.my_offers(p_project_id uuid) is 'The open offers of the caller, the oldest first: what a dashboard shows after it was loaded again.';
grant execute on function public.my_offers(p_project_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION public.post_ai_message(p_conversation_id uuid, p_content text, p_confidence double precision DEFAULT NULL::double precision, p_sources jsonb DEFAULT NULL::jsonb, p_model text DEFAULT NULL::text, p_client_message_id uuid DEFAULT NULL::uuid)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.post_ai_message(p_conversation_id, p_content, p_confidence, p_sources, p_model, p_client_message_id);
$function$;
comment on function public.post_ai_message(p_conversation_id uuid, p_content text, p_confidence double precision, p_sources jsonb, p_model text, p_client_message_id uuid) is 'Writes the AI''s answer (service role only). A confidence below the project''s threshold hands the conversation off.';
grant execute on function public.post_ai_message(p_conversation_id uuid, p_content text, p_confidence double precision, p_sources jsonb, p_model text, p_client_message_id uuid) to service_role;

CREATE OR REPLACE FUNCTION public.presence_enter(p_project_id uuid, p_connection_id uuid, p_state text DEFAULT NULL::text, p_next_beat_seconds integer DEFAULT NULL::integer, p_conversation_id uuid DEFAULT NULL::uuid, p_visitor_id text DEFAULT NULL::text, p_page text DEFAULT NULL::text, p_data jsonb DEFAULT NULL::jsonb, p_remain_present_for integer DEFAULT NULL::integer, p_idle_seconds integer DEFAULT NULL::integer, p_client_id text DEFAULT NULL::text)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.presence_enter(p_project_id, p_connection_id, p_state, p_next_beat_seconds, p_conversation_id, p_visitor_id,
                                p_page, p_data, p_remain_present_for, p_idle_seconds, p_client_id);
$function$;
comment on function public.presence_enter(p_project_id uuid, p_connection_id uuid, p_state text, p_next_beat_seconds integer, p_conversation_id uuid, p_visitor_id text, p_page text, p_data jsonb, p_remain_present_for integer, p_idle_seconds integer, p_client_id text) is 'The caller is here on this connection; answers the role and when to beat next. Entering again, after a reload say, is resumed and announced to nobody.';
grant execute on function public.presence_enter(p_project_id uuid, p_connection_id uuid, p_state text, p_next_beat_seconds integer, p_conversation_id uuid, p_visitor_id text, p_page text, p_data jsonb, p_remain_present_for integer, p_idle_seconds integer, p_client_id text) to authenticated;
grant execute on function public.presence_enter(p_project_id uuid, p_connection_id uuid, p_state text, p_next_beat_seconds integer, p_conversation_id uuid, p_visitor_id text, p_page text, p_data jsonb, p_remain_present_for integer, p_idle_seconds integer, p_client_id text) to service_role;

CREATE OR REPLACE FUNCTION public.presence_heartbeat(p_connection_id uuid, p_state text DEFAULT NULL::text, p_next_beat_seconds integer DEFAULT NULL::integer, p_idle_seconds integer DEFAULT NULL::integer, p_beat integer DEFAULT NULL::integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  return handoff.presence_heartbeat(p_connection_id, p_state, p_next_beat_seconds, p_idle_seconds, p_beat);
end
$function$;
comment on function public.presence_heartbeat(p_connection_id uuid, p_state text, p_next_beat_seconds integer, p_idle_seconds integer, p_beat integer) is 'The caller''s connection is still there; answers whether it is known (else enter again) and when to beat next.';
grant execute on function public.presence_heartbeat(p_connection_id uuid, p_state text, p_next_beat_seconds integer, p_idle_seconds integer, p_beat integer) to authenticated;
grant execute on function public.presence_heartbeat(p_connection_id uuid, p_state text, p_next_beat_seconds integer, p_idle_seconds integer, p_beat integer) to service_role;

CREATE OR REPLACE FUNCTION public.presence_history(p_project_id uuid, p_user_id uuid DEFAULT NULL::uuid, p_connection_id uuid DEFAULT NULL::uuid, p_before timestamp with time zone DEFAULT NULL::timestamp with time zone, p_limit integer DEFAULT 100)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select handoff.presence_history(p_project_id, p_user_id, p_connection_id, p_before, p_limit);
$function$;
comment on function public.presence_history(p_project_id uuid, p_user_id uuid, p_connection_id uuid, p_before timestamp with time zone, p_limit integer) is 'Who was there from when to when, why they left, and what their beats were like; newest first, pages by p_before (members and the service key).';
grant execute on function public.presence_history(p_project_id uuid, p_user_id uuid, p_connection_id uuid, p_before timestamp with time zone, p_limit integer) to authenticated;
grant execute on function public.presence_history(p_project_id uuid, p_user_id uuid, p_connection_id uuid, p_before timestamp with time zone, p_limit integer) to service_role;

CREATE OR REPLACE FUNCTION public.presence_leave(p_connection_id uuid, p_reason text DEFAULT 'left'::text, p_data jsonb DEFAULT NULL::jsonb, p_beat integer DEFAULT NULL::integer)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.presence_leave(p_connection_id, p_reason, p_data, p_beat);
$function$;
comment on function public.presence_leave(p_connection_id uuid, p_reason text, p_data jsonb, p_beat integer) is 'The caller''s connection leaves for a reason. pagehide keeps the place for remain_present_for seconds, because a reload looks the same; others are at once.';
grant execute on function public.presence_leave(p_connection_id uuid, p_reason text, p_data jsonb, p_beat integer) to authenticated;
grant execute on function public.presence_leave(p_connection_id uuid, p_reason text, p_data jsonb, p_beat integer) to service_role;

CREATE OR REPLACE FUNCTION public.presence_members(p_project_id uuid, p_role text DEFAULT NULL::text, p_conversation_id uuid DEFAULT NULL::uuid, p_limit integer DEFAULT 1000)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select handoff.presence_members(p_project_id, p_role, p_conversation_id, p_limit);
$function$;
comment on function public.presence_members(p_project_id uuid, p_role text, p_conversation_id uuid, p_limit integer) is 'Who is there, one entry a connection, those who came first first; on request one role or one conversation (members and the service key).';
grant execute on function public.presence_members(p_project_id uuid, p_role text, p_conversation_id uuid, p_limit integer) to authenticated;
grant execute on function public.presence_members(p_project_id uuid, p_role text, p_conversation_id uuid, p_limit integer) to service_role;

CREATE OR REPLACE FUNCTION public.presence_stats(p_project_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select handoff.presence_stats(p_project_id);
$function$;
comment on function public.presence_stats(p_project_id uuid) is 'How many agents have each effective status, how many customers are there in which state, bots and connections (members and the service key).';
grant execute on function public.presence_stats(p_project_id uuid) to authenticated;
grant execute on function public.presence_stats(p_project_id uuid) to service_role;

CREATE OR REPLACE FUNCTION public.presence_telemetry(p_project_id uuid, p_hours integer DEFAULT 24)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select handoff.presence_telemetry(p_project_id, p_hours);
$function$;
comment on function public.presence_telemetry(p_project_id uuid, p_hours integer) is 'What the beats of a project were like: intervals, delays, missed, late, lost, expired, flapping, and connections that never beat again (members and the service key).';
grant execute on function public.presence_telemetry(p_project_id uuid, p_hours integer) to authenticated;
grant execute on function public.presence_telemetry(p_project_id uuid, p_hours integer) to service_role;

CREATE OR REPLACE FUNCTION public.presence_update(p_connection_id uuid, p_page text DEFAULT NULL::text, p_data jsonb DEFAULT NULL::jsonb, p_conversation_id uuid DEFAULT NULL::uuid)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.presence_update(p_connection_id, p_page, p_data, p_conversation_id);
$function$;
comment on function public.presence_update(p_connection_id uuid, p_page text, p_data jsonb, p_conversation_id uuid) is 'What is new about the caller''s connection: its page, data (replaced as a whole) or conversation. Null is no news. It is no beat.';
grant execute on function public.presence_update(p_connection_id uuid, p_page text, p_data jsonb, p_conversation_id uuid) to authenticated;
grant execute on function public.presence_update(p_connection_id uuid, p_page text, p_data jsonb, p_conversation_id uuid) to service_role;

CREATE OR REPLACE FUNCTION public.queue_status(p_conversation_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select handoff.queue_status(p_conversation_id);
$function$;
comment on function public.queue_status(p_conversation_id uuid) is 'Where the conversation stands: position and estimate while it waits, the agent once it has one.';
grant execute on function public.queue_status(p_conversation_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION public.quick_action_links(p_conversation_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select handoff.quick_action_links(p_conversation_id);
$function$;
comment on function public.quick_action_links(p_conversation_id uuid) is 'The quick actions of the project as links for this conversation (F001 5.7.5).';
grant execute on function public.quick_action_links(p_conversation_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION public.rate_conversation(p_conversation_id uuid, p_rating integer, p_feedback text DEFAULT NULL::text)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.rate_conversation(p_conversation_id, p_rating, p_feedback);
$function$;
comment on function public.rate_conversation(p_conversation_id uuid, p_rating integer, p_feedback text) is 'The visitor rates the conversation 1 to 5 once an agent has finished it; the last rating counts.';
grant execute on function public.rate_conversation(p_conversation_id uuid, p_rating integer, p_feedback text) to authenticated;

CREATE OR REPLACE FUNCTION public.remove_member(p_member_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.remove_member(p_member_id);
$function$;
comment on function public.remove_member(p_member_id uuid) is 'An owner or admin removes a member, or withdraws an invitation. The member loses access at once; the member''s chats wait again at their old place.';
grant execute on function public.remove_member(p_member_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION public.request_email(p_conversation_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.request_email(p_conversation_id);
$function$;
comment on function public.request_email(p_conversation_id uuid) is 'Its agent or an admin asks the visitor for an address: a system message of type email_request, once until it is answered.';
grant execute on function public.request_email(p_conversation_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION public.request_handoff(p_conversation_id uuid, p_reason text DEFAULT 'customer_request'::text, p_customer_email text DEFAULT NULL::text, p_customer_name text DEFAULT NULL::text)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.request_handoff(p_conversation_id, p_reason, p_customer_email, p_customer_name);
$function$;
comment on function public.request_handoff(p_conversation_id uuid, p_reason text, p_customer_email text, p_customer_name text) is 'The visitor asks for a person: waiting with position and estimate, agent_active, or offline with the next opening (F001 7.5).';
grant execute on function public.request_handoff(p_conversation_id uuid, p_reason text, p_customer_email text, p_customer_name text) to authenticated;

CREATE OR REPLACE FUNCTION public.resolve_conversation(p_conversation_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.resolve_conversation(p_conversation_id);
$function$;
comment on function public.resolve_conversation(p_conversation_id uuid) is 'Its agent or an admin marks the conversation resolved; the visitor is asked for a rating.';
grant execute on function public.resolve_conversation(p_conversation_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION public.return_to_queue(p_conversation_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.return_to_queue(p_conversation_id);
$function$;
comment on function public.return_to_queue(p_conversation_id uuid) is 'The visitor leaves an agent who has been gone for ten minutes; the conversation keeps its place in line (F001 9.1).';
grant execute on function public.return_to_queue(p_conversation_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION public.send_attachments(p_conversation_id uuid, p_files jsonb, p_content text DEFAULT NULL::text, p_client_message_id uuid DEFAULT NULL::uuid)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.send_attachments(p_conversation_id, p_files, p_content, p_client_message_id);
$function$;
comment on function public.send_attachments(p_conversation_id uuid, p_files jsonb, p_content text, p_client_message_id uuid) is 'Writes a message with one to five files that the caller has uploaded to the bucket handoff-attachments: [{path, name}]. The text defaults to their names.';
grant execute on function public.send_attachments(p_conversation_id uuid, p_files jsonb, p_content text, p_client_message_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION public.send_message(p_conversation_id uuid, p_content text, p_client_message_id uuid DEFAULT NULL::uuid)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  return handoff.send_message(p_conversation_id, p_content, p_client_message_id);
end
$function$;
comment on function public.send_message(p_conversation_id uuid, p_content text, p_client_message_id uuid) is 'Writes a message as the caller: the visitor of the conversation, or its agent.';
grant execute on function public.send_message(p_conversation_id uuid, p_content text, p_client_message_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION public.set_agent_skills(p_project_id uuid, p_skills text[], p_user_id uuid DEFAULT NULL::uuid)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.set_agent_skills(p_project_id, p_skills, p_user_id);
$function$;
comment on function public.set_agent_skills(p_project_id uuid, p_skills text[], p_user_id uuid) is 'An owner or admin says what a member, or the caller, can be given: replaces all skills. They are stored in lower case, each once.';
grant execute on function public.set_agent_skills(p_project_id uuid, p_skills text[], p_user_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION public.set_agent_status(p_project_id uuid, p_status text, p_user_id uuid DEFAULT NULL::uuid)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.set_agent_status(p_project_id, p_status, p_user_id);
$function$;
comment on function public.set_agent_status(p_project_id uuid, p_status text, p_user_id uuid) is 'Sets the caller''s own status, or as an admin another member''s: online (or available), busy, away, offline. Chats are kept.';
grant execute on function public.set_agent_status(p_project_id uuid, p_status text, p_user_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION public.start_conversation(p_project_id uuid, p_visitor_id text, p_source text DEFAULT 'widget'::text, p_metadata jsonb DEFAULT '{}'::jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.start_conversation(p_project_id, p_visitor_id, p_source, p_metadata);
$function$;
comment on function public.start_conversation(p_project_id uuid, p_visitor_id text, p_source text, p_metadata jsonb) is 'The caller''s open conversation with the project; begins one if there is none.';
grant execute on function public.start_conversation(p_project_id uuid, p_visitor_id text, p_source text, p_metadata jsonb) to authenticated;

CREATE OR REPLACE FUNCTION public.still_here(p_conversation_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.still_here(p_conversation_id);
$function$;
comment on function public.still_here(p_conversation_id uuid) is 'The visitor answers "Are you still there?": the chat is not closed for inactivity (F001 5.12.5).';
grant execute on function public.still_here(p_conversation_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION public.submit_offline_form(p_conversation_id uuid, p_email text, p_name text, p_message text, p_client_message_id uuid DEFAULT NULL::uuid)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.submit_offline_form(p_conversation_id, p_email, p_name, p_message, p_client_message_id);
$function$;
comment on function public.submit_offline_form(p_conversation_id uuid, p_email text, p_name text, p_message text, p_client_message_id uuid) is 'The visitor leaves an address and a message while nobody is there; the conversation waits for the team. The same p_client_message_id again changes nothing.';
grant execute on function public.submit_offline_form(p_conversation_id uuid, p_email text, p_name text, p_message text, p_client_message_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION public.take_over_conversation(p_conversation_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.take(p_conversation_id, array['ai_active', 'waiting']);
$function$;
comment on function public.take_over_conversation(p_conversation_id uuid) is 'An agent takes a conversation from the AI, or one that waits. Answers as claim_conversation.';
grant execute on function public.take_over_conversation(p_conversation_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION public.team_stats(p_project_id uuid)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select handoff.team_stats(p_project_id);
$function$;
comment on function public.team_stats(p_project_id uuid) is 'Today in the project''s time zone, for members: resolved, seconds to the first response, ratings; and now: waiting, active, agents by effective status.';
grant execute on function public.team_stats(p_project_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION public.track_visit(p_project_id uuid, p_visitor_id text, p_url text, p_title text DEFAULT NULL::text, p_referrer text DEFAULT NULL::text, p_context jsonb DEFAULT NULL::jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.track_visit(p_project_id, p_visitor_id, p_url, p_title, p_referrer, p_context);
$function$;
comment on function public.track_visit(p_project_id uuid, p_visitor_id text, p_url text, p_title text, p_referrer text, p_context jsonb) is 'Notes the page a visitor is on. p_context: browser, device, os, language, timezone, screen_resolution (F001 5.11.3).';
grant execute on function public.track_visit(p_project_id uuid, p_visitor_id text, p_url text, p_title text, p_referrer text, p_context jsonb) to authenticated;

CREATE OR REPLACE FUNCTION public.transfer_conversation(p_conversation_id uuid, p_agent_id uuid DEFAULT NULL::uuid)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.transfer(p_conversation_id, p_agent_id);
$function$;
comment on function public.transfer_conversation(p_conversation_id uuid, p_agent_id uuid) is 'Its agent or an admin gives the conversation to another agent, or back to the queue when no agent is named. It keeps its place in line.';
grant execute on function public.transfer_conversation(p_conversation_id uuid, p_agent_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION public.unwatch_conversation(p_conversation_id uuid, p_connection_id uuid DEFAULT NULL::uuid)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.unwatch_conversation(p_conversation_id, p_connection_id);
$function$;
comment on function public.unwatch_conversation(p_conversation_id uuid, p_connection_id uuid) is 'The member no longer looks at the conversation; its visitor beats slowly again from the next beat on.';
grant execute on function public.unwatch_conversation(p_conversation_id uuid, p_connection_id uuid) to authenticated;

CREATE OR REPLACE FUNCTION public.update_customer_notes(p_customer_id uuid, p_notes text)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.update_customer_notes(p_customer_id, p_notes);
$function$;
comment on function public.update_customer_notes(p_customer_id uuid, p_notes text) is 'A member replaces the internal notes on a customer; answers the customer.';
grant execute on function public.update_customer_notes(p_customer_id uuid, p_notes text) to authenticated;

CREATE OR REPLACE FUNCTION public.update_handoff_settings(p_project_id uuid, p_settings jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.update_handoff_settings(p_project_id, p_settings);
$function$;
comment on function public.update_handoff_settings(p_project_id uuid, p_settings jsonb) is 'Changes the given settings and leaves the others; answers with all of them (owner and admins, F001 7.1).';
grant execute on function public.update_handoff_settings(p_project_id uuid, p_settings jsonb) to authenticated;

CREATE OR REPLACE FUNCTION public.update_my_profile(p_project_id uuid, p_name text DEFAULT NULL::text, p_avatar_url text DEFAULT NULL::text)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.update_my_profile(p_project_id, p_name, p_avatar_url);
$function$;
comment on function public.update_my_profile(p_project_id uuid, p_name text, p_avatar_url text) is 'A member changes the own name and picture as customers of this project see them; what is not given stays, empty means none.';
grant execute on function public.update_my_profile(p_project_id uuid, p_name text, p_avatar_url text) to authenticated;

CREATE OR REPLACE FUNCTION public.wait_calibration(p_project_id uuid, p_days integer DEFAULT 7)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select handoff.wait_calibration(p_project_id, p_days);
$function$;
comment on function public.wait_calibration(p_project_id uuid, p_days integer) is 'For members: how well the waits promised in the last days (1 to 30) were kept, and how the estimate of F001 5.4.6 would have done.';
grant execute on function public.wait_calibration(p_project_id uuid, p_days integer) to authenticated;

CREATE OR REPLACE FUNCTION public.watch_conversation(p_conversation_id uuid, p_connection_id uuid DEFAULT NULL::uuid)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select handoff.watch_conversation(p_conversation_id, p_connection_id);
$function$;
comment on function public.watch_conversation(p_conversation_id uuid, p_connection_id uuid) is 'A member has the conversation open: its visitor beats every 10 seconds. Good for two minutes; call it again each minute. Ends with the connection, if one is named.';
grant execute on function public.watch_conversation(p_conversation_id uuid, p_connection_id uuid) to authenticated;

create policy "Handoff: listen to your own topics" on realtime.messages as permissive
  for select to authenticated
  using (((extension = 'broadcast'::text) AND ( SELECT handoff.can_listen(( SELECT realtime.topic() AS topic)) AS can_listen)));
create policy "Handoff: tell the other side that you are typing" on realtime.messages as permissive
  for insert to authenticated
  with check (((extension = 'broadcast'::text) AND ( SELECT handoff.can_send(( SELECT realtime.topic() AS topic)) AS can_send)));

create policy "Handoff: add files where you can write" on storage.objects as permissive
  for insert to authenticated
  with check (((bucket_id = 'handoff-attachments'::text) AND handoff.can_add_file(name)));
create policy "Handoff: read files of conversations you can read" on storage.objects as permissive
  for select to authenticated
  using (((bucket_id = 'handoff-attachments'::text) AND handoff.can_read_file(name)));

create publication handoff_outbox for table handoff.outbox with (publish = 'insert', publish_via_partition_root = true);

create type handoff.conversation_close_reason;

create type handoff.conversation_customer_left_reason;

create type handoff.conversation_customer_name;

create type handoff.conversation_customer_presence;

create type handoff.conversation_handoff_reason;

create type handoff.conversation_metadata;

create type handoff.conversation_priority;

create type handoff.conversation_rating;

create type handoff.conversation_required_skills;

create type handoff.conversation_source;

create type handoff.conversation_tags;

create type handoff.conversation_visitor_id;

create type handoff.event_payload;

create type handoff.message_attachments;

create type handoff.message_content;

create type handoff.message_metadata;

create type handoff.message_sender_type;
