-- Messages: numbered on their conversation, idempotent, and the place where the automatic handoff triggers fire.

-- As for conversations: domains, because check constraints are parsed for each statement.
do $$
begin
  if to_regtype('handoff.message_content') is not null then
    return;
  end if;
  create domain handoff.message_sender_type as text
    constraint messages_sender_type check (value in ('customer', 'ai', 'agent', 'system'));
  create domain handoff.message_content as text
    constraint messages_content_length check (char_length(value) between 1 and 10000);
  create domain handoff.message_metadata as jsonb
    constraint messages_metadata_is_object check (jsonb_typeof(value) = 'object');
end
$$;

create table if not exists public.messages (
  id uuid primary key default gen_random_uuid(),
  conversation_id uuid not null references public.conversations (id) on delete cascade,
  project_id uuid not null,  -- its conversation's: that one has the foreign key
  seq bigint not null,
  sender_type handoff.message_sender_type not null,
  sender_id uuid references auth.users (id) on delete set null,
  content handoff.message_content not null,
  client_message_id uuid,
  metadata handoff.message_metadata not null default '{}'::jsonb,
  created_at timestamptz not null default now(),
  constraint messages_one_per_seq unique (conversation_id, seq)
);
comment on table public.messages is 'What was said. Never changed after it was written.';
comment on column public.messages.seq is 'The event number of the message on its conversation''s topic; orders and pages the transcript.';
comment on column public.messages.client_message_id is 'Chosen by the sender: sending the same one again returns the first message.';
do $$
begin
  if to_regtype('handoff.message_attachments') is null then
    create domain handoff.message_attachments as jsonb
      constraint messages_attachments_is_list check (jsonb_typeof(value) = 'array');
  end if;
end
$$;
alter table public.messages
  add column if not exists attachments handoff.message_attachments not null default '[]'::jsonb;
comment on column public.messages.attachments is
  'Files of the message, oldest first: path in the bucket handoff-attachments, name, mime_type, size in bytes. Written by send_attachments alone.';
comment on column public.messages.metadata is 'For AI messages: confidence, sources, model. For system messages: type.';

create unique index if not exists messages_one_per_client_id_idx
  on public.messages (conversation_id, client_message_id) where client_message_id is not null;
create index if not exists messages_project_id_idx on public.messages (project_id);
-- For the foreign key, and to count what somebody has written lately.
create index if not exists messages_sender_idx on public.messages (sender_id, created_at) where sender_id is not null;

alter table public.messages enable row level security;
revoke all on public.messages from anon, authenticated;
grant select on public.messages to authenticated;
grant insert (conversation_id, sender_type, sender_id, content, client_message_id, metadata)
  on public.messages to authenticated;
grant all on public.messages to service_role;

drop policy if exists "Both sides can read the transcript" on public.messages;
create policy "Both sides can read the transcript" on public.messages
  for select to authenticated
  using (project_id in (select handoff.member_projects())
         or conversation_id in (select handoff.own_conversations()));

drop policy if exists "Agents can write as themselves" on public.messages;
create policy "Agents can write as themselves" on public.messages
  for insert to authenticated
  with check (sender_type = 'agent'
              and sender_id = (select auth.uid())
              and project_id in (select handoff.member_projects()));

-- DEFINER: numbers the message on a conversation that its sender may not update. Locks the conversation, so the messages
-- of one conversation are written one after another and commit in the order of their numbers.
create or replace function handoff.messages_number()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
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
$$;
revoke all on function handoff.messages_number() from public, anon, authenticated;

create or replace trigger messages_number
  before insert on public.messages
  for each row execute function handoff.messages_number();

-- DEFINER: writes the outbox and moves the conversation. Runs after the row security check, so that a stranger's insert is
-- refused before anything about the conversation is said.
create or replace function handoff.messages_effects()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
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
$$;
revoke all on function handoff.messages_effects() from public, anon, authenticated;

create or replace trigger messages_effects
  after insert on public.messages
  referencing new table as new_rows
  for each statement execute function handoff.messages_effects();
