-- The bucket of attachments and who may use it. A file of its own: on hosted Supabase the tables are not ours, and rows of
-- storage.buckets and policies are all that we may add. A project without Storage goes without attachments.

create or replace function handoff.install_attachments()
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
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
$$;
comment on function handoff.install_attachments() is
  'Makes the private bucket of attachments and its policies; false where the project has no Storage. Run it again once it has.';
revoke all on function handoff.install_attachments() from public, anon, authenticated;

do $$
begin
  if not handoff.install_attachments() then
    raise notice 'schema storage is not there: attachments stay off until handoff.install_attachments() has run';
  end if;
exception when insufficient_privilege then
  -- All else works without files. `handoff doctor` tells of it too.
  raise notice 'attachments stay off: % (handoff.install_attachments() needs a role that may make policies on storage.objects)', sqlerrm;
end
$$;
