-- Canned responses: what a team says often, inserted in the composer by "/" and a shortcut (F001 section 5.7.4).

create table if not exists public.canned_responses (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  shortcut text not null,
  content text not null constraint canned_responses_content_length check (char_length(content) between 1 and 10000),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint canned_responses_one_per_shortcut unique (project_id, shortcut)
);
comment on table public.canned_responses is 'What a team says often; agents insert it by its shortcut.';
comment on column public.canned_responses.shortcut is 'One word in lower case, without the slash.';
comment on column public.canned_responses.content is
  'Dashboards put the customer''s name, the customer''s email and the agent''s name in the place of {name}, {email} and {agent}.';

alter table public.canned_responses enable row level security;
revoke all on public.canned_responses from anon, authenticated;
grant select, delete on public.canned_responses to authenticated;
grant insert (project_id, shortcut, content), update (shortcut, content) on public.canned_responses to authenticated;
grant all on public.canned_responses to service_role;

drop policy if exists "Members can read canned responses" on public.canned_responses;
create policy "Members can read canned responses" on public.canned_responses
  for select to authenticated using (project_id in (select handoff.member_projects()));

drop policy if exists "Admins can add canned responses" on public.canned_responses;
create policy "Admins can add canned responses" on public.canned_responses
  for insert to authenticated with check (handoff.is_admin(project_id));

drop policy if exists "Admins can change canned responses" on public.canned_responses;
create policy "Admins can change canned responses" on public.canned_responses
  for update to authenticated using (handoff.is_admin(project_id)) with check (handoff.is_admin(project_id));

drop policy if exists "Admins can remove canned responses" on public.canned_responses;
create policy "Admins can remove canned responses" on public.canned_responses
  for delete to authenticated using (handoff.is_admin(project_id));

create or replace function handoff.canned_responses_validate()
returns trigger
language plpgsql
security definer  -- handoff.fail is nobody's to call; whoever may write the row passes through here
set search_path = ''
as $$
begin
  new.updated_at := now();
  new.shortcut := lower(ltrim(btrim(new.shortcut), '/'));
  if new.shortcut is null or new.shortcut !~ '^[[:alnum:]_-]{1,40}$' then
    perform handoff.fail(400, 'shortcut_invalid', 'A shortcut is one word of up to 40 letters, digits, - and _',
                         'For example: refund-policy');
  end if;
  return new;
end
$$;
revoke all on function handoff.canned_responses_validate() from public, anon, authenticated;

create or replace trigger canned_responses_validate
  before insert or update on public.canned_responses
  for each row execute function handoff.canned_responses_validate();

create or replace trigger canned_responses_announce
  after insert or update or delete on public.canned_responses
  for each row execute function handoff.settings_announce();
