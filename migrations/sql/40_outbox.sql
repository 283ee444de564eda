-- The outbox: every fact the worker must act on or broadcast, written in the transaction that makes it true.
--
-- Seven partitions form a ring, one for each weekday. They always exist, so no missed maintenance can ever make a
-- user's write fail; retention empties the partition that comes next (docs/adr/0002-outbox-ring.md).

-- A domain, because a check constraint is parsed for each statement that writes an event.
do $$
begin
  if to_regtype('handoff.event_payload') is null then
    create domain handoff.event_payload as jsonb constraint outbox_payload_is_object check (jsonb_typeof(value) = 'object');
  end if;
end
$$;

create table if not exists handoff.outbox (
  id bigint generated always as identity,
  bucket smallint not null default (extract(epoch from now())::bigint / 86400 % 7),
  xid xid8 not null default pg_current_xact_id(),
  project_id uuid not null,
  conversation_id uuid,
  kind text not null,
  seq bigint not null default 0,
  payload handoff.event_payload not null,
  created_at timestamptz not null default now(),
  -- Commit order is not id order: recovery reads by (xid, id), below the oldest running transaction.
  primary key (xid, id, bucket)
) partition by list (bucket);
comment on table handoff.outbox is 'Events in the order they were written; published to the worker by publication handoff_outbox.';
comment on column handoff.outbox.seq is 'Number of the event on its conversation''s topic: 1, 2, 3, ...; 0 for events of no conversation topic.';

create table if not exists handoff.outbox_0 partition of handoff.outbox for values in (0);
create table if not exists handoff.outbox_1 partition of handoff.outbox for values in (1);
create table if not exists handoff.outbox_2 partition of handoff.outbox for values in (2);
create table if not exists handoff.outbox_3 partition of handoff.outbox for values in (3);
create table if not exists handoff.outbox_4 partition of handoff.outbox for values in (4);
create table if not exists handoff.outbox_5 partition of handoff.outbox for values in (5);
create table if not exists handoff.outbox_6 partition of handoff.outbox for values in (6);

-- conversation_sync reads the tail of one conversation.
create index if not exists outbox_conversation_seq_idx on handoff.outbox (conversation_id, seq) where seq > 0;

revoke all on handoff.outbox from public, anon, authenticated;

do $$
begin
  if not exists (select 1 from pg_catalog.pg_publication as publication where publication.pubname = 'handoff_outbox') then
    create publication handoff_outbox for table handoff.outbox
      with (publish = 'insert', publish_via_partition_root = true);
  end if;
end
$$;

-- What was last broadcast about a project as a whole, so that only changes go out.
create table if not exists handoff.project_state (
  project_id uuid primary key references public.projects (id) on delete cascade,
  waiting_count integer not null,
  availability jsonb not null,
  updated_at timestamptz not null default now()
);
comment on table handoff.project_state is 'The queue length and availability last put into the outbox.';
revoke all on handoff.project_state from public, anon, authenticated;

-- Messages that Realtime refuses for their own sake, kept with the reason.
create table if not exists handoff.broadcast_dead_letters (
  id bigint generated always as identity primary key,
  event_id bigint not null,
  project_id uuid not null,
  conversation_id uuid,
  topic text not null,
  event text not null,
  payload jsonb not null,
  reason text not null,
  created_at timestamptz not null default now(),
  constraint broadcast_dead_letters_once unique (event_id, topic, event)
);
comment on table handoff.broadcast_dead_letters is 'Broadcasts that could not be delivered and why. Nothing is dropped without a row here.';
revoke all on handoff.broadcast_dead_letters from public, anon, authenticated;
