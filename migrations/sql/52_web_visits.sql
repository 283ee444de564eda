-- Visits: the pages on which a visitor with a session opened the widget (F001 sections 5.11.2 and 5.11.6).

create table if not exists public.web_visits (
  id bigint generated always as identity primary key,
  project_id uuid not null references public.projects (id) on delete cascade,
  customer_id uuid not null references public.customers (id) on delete cascade,
  visitor_id text not null constraint web_visits_visitor_id_length check (char_length(visitor_id) between 1 and 200),
  user_id uuid references auth.users (id) on delete set null,
  -- Agents click on it: a link of another kind would run in their browser.
  url text not null constraint web_visits_url_form check (url ~* '^https?://' and char_length(url) <= 2000),
  title text constraint web_visits_title_length check (char_length(title) <= 500),
  referrer text constraint web_visits_referrer_form check (referrer ~* '^https?://' and char_length(referrer) <= 2000),
  browser text constraint web_visits_browser_length check (char_length(browser) <= 200),
  device text constraint web_visits_device_length check (char_length(device) <= 200),
  os text constraint web_visits_os_length check (char_length(os) <= 200),
  language text constraint web_visits_language_length check (char_length(language) <= 50),
  timezone text constraint web_visits_timezone_length check (char_length(timezone) <= 100),
  screen text constraint web_visits_screen_length check (char_length(screen) <= 50),
  location text constraint web_visits_location_length check (char_length(location) <= 200),
  created_at timestamptz not null default now()
);
comment on table public.web_visits is 'Where visitors were, as their browsers tell it. Written by track_visit; members read it, visitors never do.';
comment on column public.web_visits.user_id is 'Who made the call: one visitor id may have been used by several (anonymous) users.';
comment on column public.web_visits.location is 'Country code, where the network in front of the API tells it.';

create index if not exists web_visits_customer_idx on public.web_visits (customer_id, created_at desc);
create index if not exists web_visits_project_idx on public.web_visits (project_id, created_at desc);
create index if not exists web_visits_user_idx on public.web_visits (user_id) where user_id is not null;

alter table public.web_visits enable row level security;
revoke all on public.web_visits from anon, authenticated;
grant select on public.web_visits to authenticated;
grant all on public.web_visits to service_role;

drop policy if exists "Members can see the visits" on public.web_visits;
create policy "Members can see the visits" on public.web_visits
  for select to authenticated using (project_id in (select handoff.member_projects()));
