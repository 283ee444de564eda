-- Mail that is to be sent. Written in the transaction that makes the mail true, sent by the worker afterwards.

create table if not exists handoff.mail_outbox (
  id bigint generated always as identity primary key,
  project_id uuid not null references public.projects (id) on delete cascade,
  kind text not null,
  recipient text not null,
  data jsonb not null default '{}'::jsonb constraint mail_outbox_data_is_object check (jsonb_typeof(data) = 'object'),
  created_at timestamptz not null default now(),
  sent_at timestamptz,
  attempts integer not null default 0 constraint mail_outbox_attempts check (attempts >= 0),
  last_error text
);
comment on table handoff.mail_outbox is 'Mail to send, oldest first. Rolled back with the change that it tells of.';
comment on column handoff.mail_outbox.kind is 'Which text: "invitation" to a team, for example.';
comment on column handoff.mail_outbox.data is
  'What the text is filled with. An invitation''s token is in here and nowhere else; it goes when the mail is sent.';

create index if not exists mail_outbox_unsent_idx on handoff.mail_outbox (id) where sent_at is null;
create index if not exists mail_outbox_project_id_idx on handoff.mail_outbox (project_id);

alter table handoff.mail_outbox enable row level security;
revoke all on handoff.mail_outbox from public, anon, authenticated, service_role;

create or replace function handoff.mail_outbox_forget_token()
returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
  new.data := new.data - 'token';
  return new;
end
$$;
revoke all on function handoff.mail_outbox_forget_token() from public, anon, authenticated;

create or replace trigger mail_outbox_forget_token
  before update of sent_at on handoff.mail_outbox
  for each row when (new.sent_at is not null)
  execute function handoff.mail_outbox_forget_token();
