-- Attachments: files in a private Storage bucket, at {conversation}/{uuid}/{file name}. Who may read the conversation may
-- read its files; who may write in it now may add some; nobody changes or deletes one but the service role, through
-- Storage. The bucket and the policies are in 95_storage_policies.sql.

create or replace function handoff.attachment_bucket()
returns text
language sql
immutable
security invoker
set search_path = ''
as $$
  select 'handoff-attachments';
$$;
comment on function handoff.attachment_bucket() is 'The id of the bucket with the files of conversations.';
revoke all on function handoff.attachment_bucket() from public, anon, authenticated;

-- The letters of a name are those that Storage takes in a key, less what file systems and headers read as more than a letter.
create or replace function handoff.attachment_conversation(path text)
returns uuid
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return case
    when attachment_conversation.path ~
         '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[A-Za-z0-9_][A-Za-z0-9_. -]{0,119}$'
    then split_part(attachment_conversation.path, '/', 1)::uuid
  end;
end
$$;
comment on function handoff.attachment_conversation(text) is 'The conversation that a path in the bucket belongs to; null for a path that is none of ours.';
revoke all on function handoff.attachment_conversation(text) from public, anon, authenticated;

create or replace function handoff.can_read_file(path text)
returns boolean
language plpgsql
stable
security definer  -- visitors cannot read conversations
set search_path = ''
as $$
begin
  return exists (
    select 1 from public.conversations as conversation
     where conversation.id = handoff.attachment_conversation(can_read_file.path)
       and ((conversation.visitor_user_id = (select auth.uid()) and conversation.cleared_at is null)
            or handoff.is_member(conversation.project_id)));
end
$$;
comment on function handoff.can_read_file(text) is 'Whether the caller may read the conversation that a path of the bucket belongs to.';
revoke all on function handoff.can_read_file(text) from public, anon, authenticated;
grant execute on function handoff.can_read_file(text) to authenticated;

-- The rules of handoff.message_written, asked before there is a message.
create or replace function handoff.can_add_file(path text)
returns boolean
language plpgsql
stable
security definer  -- visitors cannot read conversations, nor count files
set search_path = ''
as $$
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
$$;
comment on function handoff.can_add_file(text) is
  'Whether the caller may put a file at this path: a visitor or agent who may write in the conversation now. A visitor may until it has a hundred files.';
revoke all on function handoff.can_add_file(text) from public, anon, authenticated;
grant execute on function handoff.can_add_file(text) to authenticated;

create or replace function handoff.count_files(conversation_id uuid)
returns integer
language plpgsql
stable
security definer  -- called by can_add_file only
set search_path = ''
as $$
begin
  return (select count(*)
            from storage.objects as file
           where file.bucket_id = handoff.attachment_bucket()
             and file.name ^@ (count_files.conversation_id::text || '/'));
end
$$;
revoke all on function handoff.count_files(uuid) from public, anon, authenticated;

-- What a message says of a file is what Storage knows of it; only the name that people see is the sender's, because a key
-- holds few letters. Letters that hide or turn around others are refused in it.
create or replace function handoff.attachment(conversation_id uuid, file jsonb)
returns jsonb
language plpgsql
stable
security definer  -- reads Storage's table
set search_path = ''
as $$
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
$$;
comment on function handoff.attachment(uuid, jsonb) is 'A file as the message will show it, from {path, name}; refuses one that the caller has not uploaded to the conversation.';
revoke all on function handoff.attachment(uuid, jsonb) from public, anon, authenticated;

create or replace function handoff.attachments(conversation_id uuid, files jsonb)
returns jsonb
language plpgsql
stable
security definer  -- called by send_attachments only
set search_path = ''
as $$
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
$$;
revoke all on function handoff.attachments(uuid, jsonb) from public, anon, authenticated;

-- A function of its own beside write_message, so that messages without files pay nothing for those with some. A message
-- needs a text, which the queue, mails and the AI show: the names, where the sender wrote none.
create or replace function handoff.send_attachments(conversation_id uuid, files jsonb, content text, client_message_id uuid)
returns jsonb
language plpgsql
volatile
security definer  -- visitors may not write messages
set search_path = ''
as $$
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
$$;
revoke all on function handoff.send_attachments(uuid, jsonb, text, uuid) from public, anon, authenticated;
grant execute on function handoff.send_attachments(uuid, jsonb, text, uuid) to authenticated;

create or replace function public.send_attachments(
  p_conversation_id uuid, p_files jsonb, p_content text default null, p_client_message_id uuid default null
)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.send_attachments(p_conversation_id, p_files, p_content, p_client_message_id);
$$;
comment on function public.send_attachments(uuid, jsonb, text, uuid) is
  'Writes a message with one to five files that the caller has uploaded to the bucket handoff-attachments: [{path, name}]. The text defaults to their names.';
revoke all on function public.send_attachments(uuid, jsonb, text, uuid) from public, anon, authenticated;
grant execute on function public.send_attachments(uuid, jsonb, text, uuid) to authenticated;
