-- Invitations: how somebody comes into a team (F001 6.2.6). Only the address that was invited can accept, so neither an
-- e-mail that was passed on nor an id lets anybody else in.

-- Apart from project_members, which the whole team reads.
create table if not exists handoff.invitation_tokens (
  member_id uuid primary key references public.project_members (id) on delete cascade,
  token_hash bytea not null constraint invitation_tokens_one_per_hash unique
);
comment on table handoff.invitation_tokens is 'SHA-256 of the token of each pending invitation. The token itself is in its mail only.';
alter table handoff.invitation_tokens enable row level security;
revoke all on handoff.invitation_tokens from public, anon, authenticated, service_role;

-- DEFINER: nobody may touch tokens and mail.
create or replace function handoff.project_members_forget_invitation()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  delete from handoff.invitation_tokens as token where token.member_id = old.id;
  perform handoff.drop_invitation_mail(old.project_id, old.email);
  return null;
end
$$;
comment on function handoff.project_members_forget_invitation() is 'An invitation that was answered or withdrawn can no longer be used.';
revoke all on function handoff.project_members_forget_invitation() from public, anon, authenticated;

create or replace trigger project_members_forget_invitation
  after update on public.project_members
  for each row when (old.status = 'pending' and new.status <> 'pending')
  execute function handoff.project_members_forget_invitation();
create or replace trigger project_members_forget_invitation_deleted
  after delete on public.project_members
  for each row when (old.status = 'pending')
  execute function handoff.project_members_forget_invitation();

create or replace function handoff.drop_invitation_mail(project_id uuid, email text)
returns void
language sql
volatile
security definer  -- called by write_invitation and the trigger above only
set search_path = ''
as $$
  delete from handoff.mail_outbox as mail
   where mail.project_id = drop_invitation_mail.project_id
     and mail.recipient = drop_invitation_mail.email
     and mail.kind = 'invitation'
     and mail.sent_at is null;
$$;
comment on function handoff.drop_invitation_mail(uuid, text) is 'Takes back invitations that are not sent yet: their tokens are no longer good.';
revoke all on function handoff.drop_invitation_mail(uuid, text) from public, anon, authenticated;

create or replace function handoff.invite_member(
  project_id uuid, email text, role text, name text, max_concurrent_chats integer, moment timestamptz default now()
)
returns jsonb
language plpgsql
volatile
security definer  -- writes members, tokens and mail, which no client may
set search_path = ''
as $$
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
$$;
revoke all on function handoff.invite_member(uuid, text, text, text, integer, timestamptz) from public, anon, authenticated;
grant execute on function handoff.invite_member(uuid, text, text, text, integer, timestamptz) to authenticated;

create or replace function handoff.owner_address(project_id uuid)
returns text
language sql
stable
security definer  -- called by invite_member only; reads auth.users
set search_path = ''
as $$
  select lower(account.email)
    from public.projects as project
    join auth.users as account on account.id = project.user_id
   where project.id = owner_address.project_id;
$$;
revoke all on function handoff.owner_address(uuid) from public, anon, authenticated;

create or replace function handoff.write_invitation(member public.project_members)
returns void
language plpgsql
volatile
security definer  -- called by invite_member only
set search_path = ''
as $$
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
$$;
comment on function handoff.write_invitation(public.project_members) is 'Gives the invitation a new token and puts it into a mail.';
revoke all on function handoff.write_invitation(public.project_members) from public, anon, authenticated;

create or replace function public.invite_member(
  p_project_id uuid, p_email text, p_role text default 'agent', p_name text default null,
  p_max_concurrent_chats integer default null
)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.invite_member(p_project_id, p_email, p_role, p_name, p_max_concurrent_chats);
$$;
comment on function public.invite_member(uuid, text, text, text, integer) is
  'An owner or admin invites an address, or renews an invitation; good for 7 days. The limit of chats is the project''s default unless given.';
revoke all on function public.invite_member(uuid, text, text, text, integer) from public, anon, authenticated;
grant execute on function public.invite_member(uuid, text, text, text, integer) to authenticated;

create or replace function handoff.own_address()
returns text
language sql
stable
security definer  -- reads auth.users
set search_path = ''
as $$
  select lower(account.email)
    from auth.users as account
   where account.id = (select auth.uid())
     and account.email_confirmed_at is not null
     and not account.is_anonymous;
$$;
comment on function handoff.own_address() is
  'The caller''s confirmed e-mail address; null for visitors and unconfirmed accounts. From the account, not the token: a token may be older than a change.';
revoke all on function handoff.own_address() from public, anon, authenticated;

create or replace function handoff.my_invitations(moment timestamptz default now())
returns table (
  invitation_id uuid, project_id uuid, project_name text, role text, invited_by text, invited_at timestamptz,
  expires_at timestamptz
)
language sql
stable
security definer  -- reads members and projects of teams that the caller is not in yet
set search_path = ''
as $$
  select invited.id, invited.project_id, to_jsonb(project) ->> 'name', invited.role,
         handoff.agent_profile(invited.project_id, invited.invited_by) ->> 'name', invited.invited_at,
         invited.invitation_expires_at
    from public.project_members as invited
    join public.projects as project on project.id = invited.project_id
   where invited.email = (select handoff.own_address())
     and invited.status = 'pending'
     and invited.invitation_expires_at > my_invitations.moment
   order by invited.invited_at desc;
$$;
revoke all on function handoff.my_invitations(timestamptz) from public, anon, authenticated;
grant execute on function handoff.my_invitations(timestamptz) to authenticated;

create or replace function public.my_invitations()
returns table (
  invitation_id uuid, project_id uuid, project_name text, role text, invited_by text, invited_at timestamptz,
  expires_at timestamptz
)
language sql
stable
security invoker
set search_path = ''
as $$
  select invitation.* from handoff.my_invitations() as invitation;
$$;
comment on function public.my_invitations() is 'The invitations that the caller can accept: pending, not expired, for the caller''s confirmed address.';
revoke all on function public.my_invitations() from public, anon, authenticated;
grant execute on function public.my_invitations() to authenticated;

create or replace function handoff.lock_invitation(token text, invitation_id uuid, address text, moment timestamptz)
returns public.project_members
language plpgsql
volatile
security definer  -- called by accept_invitation only
set search_path = ''
as $$
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
$$;
comment on function handoff.lock_invitation(text, uuid, text, timestamptz) is 'The pending invitation, locked; refuses when this address cannot accept it.';
revoke all on function handoff.lock_invitation(text, uuid, text, timestamptz) from public, anon, authenticated;

create or replace function handoff.accept_invitation(token text, invitation_id uuid, moment timestamptz default now())
returns jsonb
language plpgsql
volatile
security definer  -- makes a member of somebody who is none yet
set search_path = ''
as $$
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
$$;
revoke all on function handoff.accept_invitation(text, uuid, timestamptz) from public, anon, authenticated;
grant execute on function handoff.accept_invitation(text, uuid, timestamptz) to authenticated;

create or replace function public.accept_invitation(p_token text default null, p_invitation_id uuid default null)
returns jsonb
language sql
volatile
security invoker
set search_path = ''
as $$
  select handoff.accept_invitation(p_token, p_invitation_id);
$$;
comment on function public.accept_invitation(text, uuid) is
  'Joins the team, by the token of the mail or an id of my_invitations. The caller''s confirmed address must be the invited one.';
revoke all on function public.accept_invitation(text, uuid) from public, anon, authenticated;
grant execute on function public.accept_invitation(text, uuid) to authenticated;
