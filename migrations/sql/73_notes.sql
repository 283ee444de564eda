-- Internal notes: what the team tells itself about a conversation. The customer never sees them.

create table if not exists public.conversation_notes (
  id uuid primary key default gen_random_uuid(),
  conversation_id uuid not null references public.conversations (id) on delete cascade,
  project_id uuid not null references public.projects (id) on delete cascade,
  author_id uuid references auth.users (id) on delete set null,
  content text not null constraint conversation_notes_content_length check (char_length(content) between 1 and 10000),
  created_at timestamptz not null default now()
);
comment on table public.conversation_notes is 'Notes of the team on a conversation, hidden from its visitor.';
create index if not exists conversation_notes_conversation_idx on public.conversation_notes (conversation_id, created_at);
create index if not exists conversation_notes_project_idx on public.conversation_notes (project_id);
create index if not exists conversation_notes_author_idx on public.conversation_notes (author_id) where author_id is not null;

alter table public.conversation_notes enable row level security;
revoke all on public.conversation_notes from anon, authenticated;
grant select, delete on public.conversation_notes to authenticated;
grant insert (conversation_id, author_id, content) on public.conversation_notes to authenticated;
grant all on public.conversation_notes to service_role;

drop policy if exists "Members can read the notes" on public.conversation_notes;
create policy "Members can read the notes" on public.conversation_notes
  for select to authenticated using (project_id in (select handoff.member_projects()));

drop policy if exists "Members can write notes as themselves" on public.conversation_notes;
create policy "Members can write notes as themselves" on public.conversation_notes
  for insert to authenticated
  with check (author_id = (select auth.uid()) and project_id in (select handoff.member_projects()));

drop policy if exists "Members can delete their own notes" on public.conversation_notes;
create policy "Members can delete their own notes" on public.conversation_notes
  for delete to authenticated
  using (author_id = (select auth.uid()) and project_id in (select handoff.member_projects()));

-- DEFINER: finds the project of a conversation that the writer may not be allowed to see; the policy then refuses.
create or replace function handoff.conversation_notes_place()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  select conversation.project_id into new.project_id
    from public.conversations as conversation where conversation.id = new.conversation_id;
  if not found then
    perform handoff.fail(404, 'conversation_not_found', 'There is no such conversation');
  end if;
  return new;
end
$$;
revoke all on function handoff.conversation_notes_place() from public, anon, authenticated;

create or replace trigger conversation_notes_place
  before insert on public.conversation_notes
  for each row execute function handoff.conversation_notes_place();

-- DEFINER: writes the outbox, which no client may.
create or replace function handoff.conversation_notes_announce()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into handoff.outbox (project_id, conversation_id, kind, payload)
  values (new.project_id, new.conversation_id, 'note_added', jsonb_build_object('note', jsonb_build_object(
    'id', new.id, 'conversation_id', new.conversation_id, 'author_id', new.author_id, 'content', new.content,
    'created_at', new.created_at)));
  return null;
end
$$;
revoke all on function handoff.conversation_notes_announce() from public, anon, authenticated;

create or replace trigger conversation_notes_announce
  after insert on public.conversation_notes
  for each row execute function handoff.conversation_notes_announce();

create or replace function handoff.add_note(conversation_id uuid, content text)
returns jsonb
language plpgsql
volatile
security definer  -- locks the conversation
set search_path = ''
as $$
declare
  conversation public.conversations := handoff.lock_as_member(add_note.conversation_id);
  note public.conversation_notes;
begin
  insert into public.conversation_notes (conversation_id, author_id, content)
  values (conversation.id, auth.uid(), add_note.content)
  returning * into note;
  return to_jsonb(note) - 'project_id';
end
$$;
revoke all on function handoff.add_note(uuid, text) from public, anon, authenticated;
grant execute on function handoff.add_note(uuid, text) to authenticated;

create or replace function public.add_note(p_conversation_id uuid, p_content text)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.add_note(p_conversation_id, p_content);
$$;
comment on function public.add_note(uuid, text) is 'A member writes an internal note; the customer never sees it.';
revoke all on function public.add_note(uuid, text) from public, anon, authenticated;
grant execute on function public.add_note(uuid, text) to authenticated;
