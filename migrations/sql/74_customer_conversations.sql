-- What conversations are to their customers: their number, and the questions left while nobody was there.

-- DEFINER: writes customers, which the writer of a conversation may not. With the next function the only writer of
-- total_conversations.
create or replace function handoff.customers_count()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
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
$$;
revoke all on function handoff.customers_count() from public, anon, authenticated;

create or replace trigger customers_count_new
  after insert on public.conversations
  referencing new table as changed_rows
  for each statement execute function handoff.customers_count();
create or replace trigger customers_count_deleted
  after delete on public.conversations
  referencing old table as changed_rows
  for each statement execute function handoff.customers_count();

-- For each row, unlike the two above: only such a trigger can be limited to one column, and every message updates its
-- conversation. DEFINER: as above.
create or replace function handoff.customers_count_moved()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
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
$$;
revoke all on function handoff.customers_count_moved() from public, anon, authenticated;

create or replace trigger customers_count_moved
  after update of customer_id on public.conversations
  for each row when (old.customer_id is distinct from new.customer_id)
  execute function handoff.customers_count_moved();

create table if not exists public.lead_captures (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  session_id uuid references public.conversations (id) on delete set null,
  customer_id uuid references public.customers (id) on delete set null,
  user_email text not null constraint lead_captures_email_length check (char_length(user_email) between 3 and 254),
  user_name text constraint lead_captures_name_length check (char_length(user_name) between 1 and 200),
  question text not null constraint lead_captures_question_length check (char_length(question) between 1 and 10000),
  created_at timestamptz not null default now()
);
comment on table public.lead_captures is 'Who left an address and a question while nobody could answer (F001 5.8.4).';
comment on column public.lead_captures.session_id is 'The conversation.';
comment on column public.lead_captures.user_email is 'What the visitor typed, in lower case. Nobody has proved that it is theirs.';

create index if not exists lead_captures_project_idx on public.lead_captures (project_id, created_at desc);
create index if not exists lead_captures_session_idx on public.lead_captures (session_id) where session_id is not null;
create index if not exists lead_captures_customer_idx on public.lead_captures (customer_id) where customer_id is not null;

alter table public.lead_captures enable row level security;
revoke all on public.lead_captures from anon, authenticated;
grant select on public.lead_captures to authenticated;
grant all on public.lead_captures to service_role;

drop policy if exists "Members can see the leads" on public.lead_captures;
create policy "Members can see the leads" on public.lead_captures
  for select to authenticated using (project_id in (select handoff.member_projects()));
