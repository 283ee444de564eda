-- Who a visitor is: an e-mail address links devices, and anonymous customers are merged into the one that has it (F001 5.11.4).
--
-- Nobody proves an address by typing it. So it gives a visitor nothing (access is by conversations.visitor_user_id alone),
-- tells a visitor nothing, and can take nothing away: only a customer without an address is ever merged into another, an
-- address that stands is never replaced, and neither is a name.
--
-- Locks, in this order: linking in the project, the conversations that may move by id, customers by id. Conversations come
-- first because their writers hold them when a foreign key check asks for the customer.

create or replace function handoff.may_speak_for(project_id uuid, visitor_id text)
returns boolean
language sql
stable
security definer  -- reads what visitors may not
set search_path = ''
as $$
  select not exists (select 1 from handoff.customer_visitors as known
                      where known.project_id = may_speak_for.project_id and known.visitor_id = may_speak_for.visitor_id)
      or exists (select 1 from public.conversations as conversation
                  where conversation.project_id = may_speak_for.project_id and conversation.visitor_id = may_speak_for.visitor_id
                    and conversation.visitor_user_id = (select auth.uid()))
      or exists (select 1 from public.web_visits as visit
                  where visit.project_id = may_speak_for.project_id and visit.visitor_id = may_speak_for.visitor_id
                    and visit.user_id = (select auth.uid()));
$$;
comment on function handoff.may_speak_for(uuid, text) is
  'Whether the visitor id is new, or the caller has chatted or browsed under it: whoever merely names an id links nothing of it.';
revoke all on function handoff.may_speak_for(uuid, text) from public, anon, authenticated;

create or replace function handoff.lock_conversations_of(customer_id uuid)
returns void
language plpgsql
volatile
security definer  -- called by those that link customers only
set search_path = ''
as $$
begin
  perform 1 from public.conversations as conversation
    where conversation.customer_id = lock_conversations_of.customer_id order by conversation.id for no key update;
end
$$;
revoke all on function handoff.lock_conversations_of(uuid) from public, anon, authenticated;

-- All that points at the source moves, then the source goes. What both have is kept from both.
create or replace function handoff.merge_customers(source_id uuid, target_id uuid)
returns boolean
language plpgsql
volatile
security definer  -- writes tables that visitors may not
set search_path = ''
as $$
declare
  source public.customers;
begin
  perform handoff.lock_conversations_of(merge_customers.source_id);
  -- Waits for conversations and visits of the two that are being written; later ones wait for us and find the target.
  perform 1 from public.customers as customer
    where customer.id in (merge_customers.source_id, merge_customers.target_id) order by customer.id for update;
  select * into source from public.customers as customer where customer.id = merge_customers.source_id;
  if source.id is null or source.email is not null or not exists (
       select 1 from public.customers as target
        where target.id = merge_customers.target_id and target.id <> source.id and target.project_id = source.project_id) then
    return false;
  end if;
  perform handoff.lock_conversations_of(source.id);  -- those that began meanwhile
  update public.conversations as conversation
     set customer_id = merge_customers.target_id where conversation.customer_id = source.id;
  update public.web_visits as visit set customer_id = merge_customers.target_id where visit.customer_id = source.id;
  update public.lead_captures as lead set customer_id = merge_customers.target_id where lead.customer_id = source.id;
  -- Before its visitor ids can belong to the target.
  delete from public.customers as customer where customer.id = source.id;
  perform handoff.absorb_customer(merge_customers.target_id, source);
  return true;
end
$$;
comment on function handoff.merge_customers(uuid, uuid) is
  'Makes an anonymous customer part of another of its project. False, and nothing changed, when one of them is gone or the first has an e-mail address.';
revoke all on function handoff.merge_customers(uuid, uuid) from public, anon, authenticated;

create or replace function handoff.absorb_customer(target_id uuid, source public.customers)
returns void
language sql
volatile
security definer  -- called by merge_customers only
set search_path = ''
as $$
  update public.customers as target
     set name = coalesce(target.name, source.name),
         merged_visitor_ids = array(
           select distinct other.id
             from unnest(target.merged_visitor_ids || source.merged_visitor_ids || source.visitor_id) as other (id)
            where other.id <> target.visitor_id
            order by other.id),
         first_seen_at = least(target.first_seen_at, source.first_seen_at),
         last_seen_at = greatest(target.last_seen_at, source.last_seen_at),
         created_at = least(target.created_at, source.created_at),
         (last_browser, last_device, last_os, last_page_url, last_location) = (
           select coalesce(latest.last_browser, earlier.last_browser), coalesce(latest.last_device, earlier.last_device),
                  coalesce(latest.last_os, earlier.last_os), coalesce(latest.last_page_url, earlier.last_page_url),
                  coalesce(latest.last_location, earlier.last_location)
             from (select (case when source.last_seen_at > target.last_seen_at then source else target end).*) as latest,
                  (select (case when source.last_seen_at > target.last_seen_at then target else source end).*) as earlier),
         is_flagged = target.is_flagged or source.is_flagged,
         flag_reason = nullif(concat_ws(E'\n', target.flag_reason, nullif(source.flag_reason, target.flag_reason)), ''),
         flagged_at = case when target.is_flagged then target.flagged_at else source.flagged_at end,
         flagged_by = case when target.is_flagged then target.flagged_by else source.flagged_by end,
         internal_notes = nullif(concat_ws(E'\n\n', target.internal_notes, source.internal_notes), '')
   where target.id = absorb_customer.target_id;
$$;
revoke all on function handoff.absorb_customer(uuid, public.customers) from public, anon, authenticated;

create or replace function handoff.person_behind(project_id uuid, visitor_id text, address text)
returns uuid
language plpgsql
volatile
security definer  -- called by link_email only, which holds the project's lock
set search_path = ''
as $$
declare
  own public.customers;
  holder public.customers;
begin
  if handoff.may_speak_for(person_behind.project_id, person_behind.visitor_id) then
    own.id := handoff.visitor_customer(person_behind.project_id, person_behind.visitor_id);
  end if;
  select * into holder
    from public.customers as customer
   where customer.project_id = person_behind.project_id and customer.email = person_behind.address;
  if own.id <> holder.id then
    perform handoff.lock_conversations_of(own.id);
  end if;
  perform 1 from public.customers as customer where customer.id in (own.id, holder.id) order by customer.id for update;
  select * into own from public.customers as customer where customer.id = own.id;
  select * into holder from public.customers as customer where customer.id = holder.id;
  if own.email = person_behind.address then
    return own.id;
  end if;
  if own.id is null or own.email is not null then
    -- Not the caller's to link, or somebody else's device: that person keeps it, this one is a customer of their own.
    return coalesce(holder.id, handoff.new_person(person_behind.project_id, person_behind.address));
  end if;
  if holder.id is null then
    update public.customers as customer set email = person_behind.address where customer.id = own.id;
    return own.id;
  end if;
  perform handoff.merge_customers(own.id, holder.id);
  return holder.id;
end
$$;
comment on function handoff.person_behind(uuid, text, text) is
  'The customer with this address: the visitor''s own, the one that had it (the visitor''s own is merged into it), or a new one.';
revoke all on function handoff.person_behind(uuid, text, text) from public, anon, authenticated;

create or replace function handoff.new_person(project_id uuid, address text)
returns uuid
language sql
volatile
security definer  -- called by person_behind only
set search_path = ''
as $$
  insert into public.customers (project_id, visitor_id, email)
  values (new_person.project_id, 'person:' || gen_random_uuid()::text, new_person.address)
  returning id;
$$;
revoke all on function handoff.new_person(uuid, text) from public, anon, authenticated;

create or replace function handoff.link_email(
  project_id uuid, visitor_id text, email text, name text default null, context jsonb default null
)
returns uuid
language plpgsql
volatile
security definer  -- visitors may not write these tables
set search_path = ''
as $$
declare
  address text := handoff.normal_email(link_email.email);
  full_name text := nullif(btrim(link_email.name), '');
  person uuid;
begin
  -- One at a time in a project: two devices that give one new address at once must end as one customer.
  perform pg_advisory_xact_lock(hashtextextended('handoff.customers ' || link_email.project_id::text, 0));
  person := handoff.person_behind(link_email.project_id, link_email.visitor_id, address);
  perform handoff.customer_seen(person, link_email.context);
  update public.customers as customer set name = full_name where customer.id = person and customer.name is null and full_name is not null;
  -- What the caller said as somebody else stays with that somebody; the open conversation is with who they are now.
  perform 1 from public.conversations as own
    where own.project_id = link_email.project_id and own.visitor_user_id = auth.uid()
    order by own.id for no key update;
  update public.conversations as own
     set customer_id = person,
         customer_email = address,
         customer_name = coalesce(full_name, own.customer_name),
         awaiting_email = false
   where own.project_id = link_email.project_id and own.visitor_user_id = auth.uid()
     and (own.status <> 'closed' or coalesce(own.customer_email, address) = address);
  return person;
end
$$;
comment on function handoff.link_email(uuid, text, text, text, jsonb) is
  'Links the calling visitor''s id and conversations to an e-mail address and returns the customer. Call it before locking a conversation.';
revoke all on function handoff.link_email(uuid, text, text, text, jsonb) from public, anon, authenticated;
