-- Mail that is to be sent. Written in the transaction that makes the mail true, sent by the worker afterwards (docs/mail.md).

create table if not exists handoff.mail_outbox (
  id bigint generated always as identity primary key,
  project_id uuid not null references public.projects (id) on delete cascade,
  kind text not null,
  recipient text not null,
  data jsonb not null default '{}'::jsonb constraint mail_outbox_data_is_object check (jsonb_typeof(data) = 'object'),
  created_at timestamptz not null default now(),
  sent_at timestamptz,
  attempts integer not null default 0 constraint mail_outbox_attempts check (attempts >= 0),
  last_error text,
  first_tried_at timestamptz,
  next_attempt_at timestamptz not null default now(),
  given_up_at timestamptz,
  constraint mail_outbox_ended_once check (sent_at is null or given_up_at is null)
);
comment on table handoff.mail_outbox is 'Mail to send, oldest first. Rolled back with the change that it tells of.';
comment on column handoff.mail_outbox.kind is 'Which text: "invitation" to a team, for example.';
comment on column handoff.mail_outbox.data is
  'What the text is filled with. An invitation''s token is in here and nowhere else; it goes when the mail is sent.';

comment on column handoff.mail_outbox.next_attempt_at is
  'When a worker may take it. While one has it in hand: when its claim ends and another may.';
comment on column handoff.mail_outbox.given_up_at is 'When it was given up; last_error says why.';

create index if not exists mail_outbox_due_idx on handoff.mail_outbox (next_attempt_at, id)
  where sent_at is null and given_up_at is null;
create index if not exists mail_outbox_project_created_idx on handoff.mail_outbox (project_id, created_at);

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
  before update of sent_at, given_up_at on handoff.mail_outbox
  for each row when (new.sent_at is not null or new.given_up_at is not null)
  execute function handoff.mail_outbox_forget_token();

-- A claim is a lease: who holds it settles the mail with mail_sent or mail_failed, and when it does neither the mail is
-- due again at the lease's end. A mail is given up a day after its first attempt, or a week after it was written when
-- nothing could send it until then: an old confirmation would only confuse, and invitations last a week.
create or replace function handoff.claim_mail(most integer, lease interval, moment timestamptz default now())
returns table (
  id bigint, project_id uuid, project_name text, kind text, recipient text, data jsonb, attempt integer, created_at timestamptz
)
language sql
volatile
security invoker
set search_path = ''
as $$
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
$$;
comment on function handoff.claim_mail(integer, interval, timestamptz) is
  'Takes mail that is due, the longest due first, for the length of the lease. Mail that is too late is given up instead.';
revoke all on function handoff.claim_mail(integer, interval, timestamptz) from public, anon, authenticated;

-- Without a look at the attempt: whoever sent it, it is sent, and must not be sent again.
create or replace function handoff.mail_sent(mail_id bigint, moment timestamptz default now())
returns boolean
language sql
volatile
security invoker
set search_path = ''
as $$
  update handoff.mail_outbox as mail
     set sent_at = moment, given_up_at = null, last_error = null
   where mail.id = mail_sent.mail_id and mail.sent_at is null
  returning true;
$$;
comment on function handoff.mail_sent(bigint, timestamptz) is 'Notes that the mail was accepted; null when that was known or the mail is gone.';
revoke all on function handoff.mail_sent(bigint, timestamptz) from public, anon, authenticated;

-- The attempt guards against a worker whose lease has ended: the mail is in the hands of another by then.
create or replace function handoff.mail_failed(
  mail_id bigint, attempt integer, reason text, pause interval, for_good boolean, moment timestamptz default now()
)
returns boolean
language sql
volatile
security invoker
set search_path = ''
as $$
  update handoff.mail_outbox as mail
     set last_error = left(mail_failed.reason, 1000),
         next_attempt_at = moment + mail_failed.pause,
         given_up_at = case when mail_failed.for_good then moment end
   where mail.id = mail_failed.mail_id and mail.attempts = mail_failed.attempt
     and mail.sent_at is null and mail.given_up_at is null
  returning true;
$$;
comment on function handoff.mail_failed(bigint, integer, text, interval, boolean, timestamptz) is
  'Notes why an attempt failed and when the next may be, or that there will be none; null when somebody else has the mail by now.';
revoke all on function handoff.mail_failed(bigint, integer, text, interval, boolean, timestamptz) from public, anon, authenticated;
