-- Customers: the people behind visitor ids (F001 section 5.11).

create table if not exists public.customers (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  visitor_id text not null constraint customers_visitor_id_length check (char_length(visitor_id) between 1 and 200),
  email text,
  name text constraint customers_name_length check (char_length(name) between 1 and 200),
  merged_visitor_ids text[] not null default '{}',
  first_seen_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  total_conversations integer not null default 0,
  last_browser text,
  last_device text,
  last_os text,
  last_page_url text,
  last_location text,
  is_flagged boolean not null default false,
  flag_reason text,
  flagged_at timestamptz,
  flagged_by uuid references auth.users (id) on delete set null,
  internal_notes text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint customers_one_per_visitor unique (project_id, visitor_id)
);
comment on table public.customers is 'One person as far as we know: a visitor id, later an e-mail address. Agents see it, visitors never do.';
comment on column public.customers.visitor_id is 'From the widget''s cookie. It groups visits; it is no secret and grants nothing.';

create unique index if not exists customers_one_per_email_idx on public.customers (project_id, email) where email is not null;
create index if not exists customers_last_seen_idx on public.customers (project_id, last_seen_at desc);
create index if not exists customers_flagged_by_idx on public.customers (flagged_by) where flagged_by is not null;

alter table public.customers enable row level security;
revoke all on public.customers from anon, authenticated;
grant select on public.customers to authenticated;
grant all on public.customers to service_role;

drop policy if exists "Members can see the customers" on public.customers;
create policy "Members can see the customers" on public.customers
  for select to authenticated using (project_id in (select handoff.member_projects()));
