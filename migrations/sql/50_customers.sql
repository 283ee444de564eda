-- Customers: the people behind visitor ids (F001 section 5.11).

create table if not exists public.customers (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  visitor_id text not null constraint customers_visitor_id_length check (char_length(visitor_id) between 1 and 200),
  email text constraint customers_email_form check (email like '%_@_%' and char_length(email) <= 254),
  name text constraint customers_name_length check (char_length(name) between 1 and 200),
  merged_visitor_ids text[] not null default '{}',
  first_seen_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  total_conversations integer not null default 0 constraint customers_total_conversations check (total_conversations >= 0),
  last_browser text constraint customers_last_browser_length check (char_length(last_browser) <= 200),
  last_device text constraint customers_last_device_length check (char_length(last_device) <= 200),
  last_os text constraint customers_last_os_length check (char_length(last_os) <= 200),
  last_page_url text constraint customers_last_page_url_length check (char_length(last_page_url) <= 2000),
  last_location text constraint customers_last_location_length check (char_length(last_location) <= 200),
  is_flagged boolean not null default false,
  -- Both far longer than anyone writes: a merge appends one text to the other and must not fail for its length.
  flag_reason text constraint customers_flag_reason_length check (char_length(flag_reason) <= 100000),
  internal_notes text constraint customers_internal_notes_length check (char_length(internal_notes) <= 1000000),
  flagged_at timestamptz,
  flagged_by uuid references auth.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint customers_one_per_visitor unique (project_id, visitor_id)
);
comment on table public.customers is 'One person as far as we know: a visitor id, later an e-mail address. Agents see it, visitors never do.';
comment on column public.customers.visitor_id is
  'The first id from the widget''s cookie, or person:<uuid> for somebody first met on another customer''s device. It groups visits; it is no secret and grants nothing.';
comment on column public.customers.email is 'What a visitor typed, in lower case. Nobody has proved that it is theirs.';
comment on column public.customers.merged_visitor_ids is 'The person''s other devices.';
comment on column public.customers.total_conversations is 'Always the number of the customer''s conversations; written by triggers on conversations only.';

create unique index if not exists customers_one_per_email_idx on public.customers (project_id, email) where email is not null;
create index if not exists customers_last_seen_idx on public.customers (project_id, last_seen_at desc);
create index if not exists customers_flagged_idx on public.customers (project_id) where is_flagged;
create index if not exists customers_flagged_by_idx on public.customers (flagged_by) where flagged_by is not null;

alter table public.customers enable row level security;
revoke all on public.customers from anon, authenticated;
grant select on public.customers to authenticated;
grant update (name, is_flagged, flag_reason, internal_notes) on public.customers to authenticated;
grant all on public.customers to service_role;

drop policy if exists "Members can see the customers" on public.customers;
create policy "Members can see the customers" on public.customers
  for select to authenticated using (project_id in (select handoff.member_projects()));

drop policy if exists "Members can name, flag and annotate the customers" on public.customers;
create policy "Members can name, flag and annotate the customers" on public.customers
  for update to authenticated
  using (project_id in (select handoff.member_projects()))
  with check (project_id in (select handoff.member_projects()));

create or replace function handoff.customers_stamp()
returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
  new.email := nullif(lower(btrim(new.email)), '');
  new.updated_at := now();
  if not new.is_flagged then
    new.flag_reason := null;
    new.flagged_at := null;
    new.flagged_by := null;
  elsif new.flagged_at is null then
    -- Only a merge and the service role set the time themselves: no client may write that column.
    new.flagged_at := now();
    new.flagged_by := auth.uid();
  end if;
  return new;
end
$$;
revoke all on function handoff.customers_stamp() from public, anon, authenticated;

create or replace trigger customers_stamp
  before insert or update on public.customers
  for each row execute function handoff.customers_stamp();

-- Which customer each visitor id belongs to. The ids stand in two columns of customers, where no constraint can say that an
-- id belongs to one customer only; here it can.
create table if not exists handoff.customer_visitors (
  project_id uuid not null references public.projects (id) on delete cascade,
  visitor_id text not null,
  customer_id uuid not null references public.customers (id) on delete cascade,
  constraint customer_visitors_one_customer primary key (project_id, visitor_id)
);
comment on table handoff.customer_visitors is 'The customer of each visitor id, merged ones included; kept by a trigger on customers.';
create index if not exists customer_visitors_customer_idx on handoff.customer_visitors (customer_id);
alter table handoff.customer_visitors enable row level security;
revoke all on handoff.customer_visitors from public, anon, authenticated;

-- DEFINER: writes a private table.
create or replace function handoff.customers_index_visitors()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  ids text[] := new.merged_visitor_ids || new.visitor_id;
begin
  delete from handoff.customer_visitors as known where known.customer_id = new.id and known.visitor_id <> all (ids);
  insert into handoff.customer_visitors (project_id, visitor_id, customer_id)
  select distinct new.project_id, added.id, new.id
    from unnest(ids) as added (id)
   where not exists (select 1 from handoff.customer_visitors as known
                      where known.customer_id = new.id and known.visitor_id = added.id);
  return null;
end
$$;
revoke all on function handoff.customers_index_visitors() from public, anon, authenticated;

create or replace trigger customers_index_visitors
  after insert or update of visitor_id, merged_visitor_ids on public.customers
  for each row execute function handoff.customers_index_visitors();

create or replace function handoff.visitor_customer(project_id uuid, visitor_id text)
returns uuid
language plpgsql
volatile
security definer  -- visitors may not write customers
set search_path = ''
as $$
declare
  customer_id uuid;
begin
  for attempt in 1..3 loop
    select known.customer_id into customer_id
      from handoff.customer_visitors as known
     where known.project_id = visitor_customer.project_id and known.visitor_id = visitor_customer.visitor_id;
    exit when found;
    begin
      insert into public.customers (project_id, visitor_id)
      values (visitor_customer.project_id, visitor_customer.visitor_id)
      returning id into customer_id;
      exit;
    exception when unique_violation then
      -- Another transaction met the visitor first, and may have merged the customer since: the next look finds it.
      if attempt = 3 then
        raise;
      end if;
    end;
  end loop;
  return customer_id;
end
$$;
comment on function handoff.visitor_customer(uuid, text) is
  'The customer that a visitor id belongs to, also one it was merged into; made if there is none. Does not lock it.';
revoke all on function handoff.visitor_customer(uuid, text) from public, anon, authenticated;

create or replace function handoff.context_text(context jsonb, key text, most integer)
returns text
language sql
immutable
security invoker
set search_path = ''
as $$
  select left(nullif(btrim(context_text.context ->> context_text.key), ''), context_text.most);
$$;
comment on function handoff.context_text(jsonb, text, integer) is
  'One field of what a widget tells of its browser, cut to length; null when it is not there or empty.';
revoke all on function handoff.context_text(jsonb, text, integer) from public, anon, authenticated;

-- Only the network in front of the API knows where a call comes from: Cloudflare, on hosted Supabase, says the country.
create or replace function handoff.caller_location()
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select upper(header.country)
    from (select nullif(current_setting('request.headers', true), '')::jsonb ->> 'cf-ipcountry' as country) as header
   where header.country ~ '^[A-Za-z]{2}$' and upper(header.country) <> 'XX';
$$;
comment on function handoff.caller_location() is
  'The caller''s country code, or null. Without Cloudflare in front a caller may send any: it is for agents to read, not to decide by.';
revoke all on function handoff.caller_location() from public, anon, authenticated;

create or replace function handoff.customer_seen(customer_id uuid, context jsonb)
returns public.customers
language sql
volatile
security definer  -- visitors may not write customers
set search_path = ''
as $$
  update public.customers as customer
     set last_seen_at = greatest(customer.last_seen_at, now()),
         last_browser = coalesce(handoff.context_text(customer_seen.context, 'browser', 200), customer.last_browser),
         last_device = coalesce(handoff.context_text(customer_seen.context, 'device', 200), customer.last_device),
         last_os = coalesce(handoff.context_text(customer_seen.context, 'os', 200), customer.last_os),
         last_page_url = coalesce(handoff.context_text(customer_seen.context, 'page_url', 2000), customer.last_page_url),
         last_location = coalesce(handoff.caller_location(), customer.last_location)
   where customer.id = customer_seen.customer_id
  returning customer.*;
$$;
comment on function handoff.customer_seen(uuid, jsonb) is
  'Notes that the customer was here and with what (browser, device, os, page_url), and locks it; null when it is gone.';
revoke all on function handoff.customer_seen(uuid, jsonb) from public, anon, authenticated;

create or replace function handoff.callers_customer(project_id uuid, visitor_id text)
returns uuid
language plpgsql
stable
security definer  -- visitors cannot read conversations
set search_path = ''
as $$
begin
  return (
    select conversation.customer_id
      from public.conversations as conversation
     where conversation.project_id = callers_customer.project_id
       and conversation.visitor_user_id = auth.uid()
       and conversation.visitor_id = callers_customer.visitor_id
       and conversation.customer_id is not null
     order by conversation.created_at desc
     limit 1);
end
$$;
comment on function handoff.callers_customer(uuid, text) is
  'The customer as whom the caller chatted last under a visitor id: on a shared device not always the one the id belongs to.';
revoke all on function handoff.callers_customer(uuid, text) from public, anon, authenticated;

create or replace function handoff.customer_for_visitor(project_id uuid, visitor_id text, context jsonb default null)
returns public.customers
language plpgsql
volatile
security definer  -- visitors may not write customers
set search_path = ''
as $$
declare
  customer public.customers;
begin
  loop
    customer := handoff.customer_seen(
      coalesce(handoff.callers_customer(customer_for_visitor.project_id, customer_for_visitor.visitor_id),
               handoff.visitor_customer(customer_for_visitor.project_id, customer_for_visitor.visitor_id)),
      customer_for_visitor.context);
    -- Null when it was merged into another between the two: then the other is found.
    exit when customer.id is not null;
  end loop;
  return customer;
end
$$;
comment on function handoff.customer_for_visitor(uuid, text, jsonb) is
  'The customer of the caller under a visitor id, found (also when merged) or made, seen now and locked: call it before locking a conversation.';
revoke all on function handoff.customer_for_visitor(uuid, text, jsonb) from public, anon, authenticated;

create or replace function handoff.normal_email(email text)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  address text := lower(btrim(normal_email.email));
begin
  if address is null or char_length(address) > 254
     or address !~ '^[^@[:space:][:cntrl:]<>()",;:\\]+@[^@[:space:][:cntrl:]<>()",;:\\.]+(\.[^@[:space:][:cntrl:]<>()",;:\\.]+)+$' then
    perform handoff.fail(400, 'email_invalid', 'This is not an e-mail address', 'Write it as name@example.com.');
  end if;
  return address;
end
$$;
comment on function handoff.normal_email(text) is
  'The address trimmed and in lower case; refuses what no mail could go to, and what could end up as more than one address.';
revoke all on function handoff.normal_email(text) from public, anon, authenticated;
