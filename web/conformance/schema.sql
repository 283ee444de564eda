-- What the conformance suite asks for: an atlas. Every name begins with atlas_, so that it stands beside anything.

create table public.atlas_countries (
    code text primary key,
    name text not null unique
);

create table public.atlas_cities (
    id bigint generated always as identity primary key,
    country_code text constraint atlas_cities_country_code_fkey references public.atlas_countries,
    twin_code text constraint atlas_cities_twin_code_fkey references public.atlas_countries,
    name text not null unique,
    population int,
    founded date,
    tags text[] not null default '{}',
    details jsonb not null default '{}',
    constraint atlas_cities_name_present check (name <> '')
);

create table public.atlas_rivers (
    id int primary key,
    name text not null
);

create table public.atlas_city_rivers (
    city_id bigint references public.atlas_cities,
    river_id int references public.atlas_rivers,
    primary key (city_id, river_id)
);

create table public.atlas_mayors (
    city_id bigint primary key references public.atlas_cities,
    name text not null
);

insert into public.atlas_countries values ('de', 'Germany'), ('fr', 'France'), ('xx', 'Nowhere');
insert into public.atlas_cities (country_code, name, population, founded, tags, details) values
    ('de', 'Berlin', 3700000, '1237-10-28', '{capital,flat}', '{"mayor": {"since": 2023}, "trams": true}'),
    ('de', 'Cologne', 1080000, '0050-01-01', '{cathedral}', '{"trams": true}'),
    ('fr', 'Paris', 2100000, null, '{capital}', '{}'),
    (null, 'Atlantis', null, null, '{}', '{}');
insert into public.atlas_rivers values (1, 'Rhine'), (2, 'Spree'), (3, 'Seine');
insert into public.atlas_city_rivers
select city.id, river.id
from public.atlas_cities as city, public.atlas_rivers as river
where (city.name, river.name) in (('Cologne', 'Rhine'), ('Berlin', 'Spree'), ('Paris', 'Seine'));
insert into public.atlas_mayors select id, 'Kai' from public.atlas_cities where name = 'Berlin';

-- Written to by tests, each under its own key.
create table public.atlas_stamps (
    id bigint generated always as identity primary key,
    album text not null,
    label text not null,
    value int not null default 1,
    printed_at timestamptz not null default now(),
    country_code text references public.atlas_countries,
    unique (album, label)
);

-- Each user sees and writes what is their own.
create table public.atlas_visits (
    id bigint generated always as identity primary key,
    visitor uuid not null default auth.uid(),
    place text not null
);
alter table public.atlas_visits enable row level security;
create policy "visitors read their own" on public.atlas_visits for select to authenticated
using (visitor = (select auth.uid()));
create policy "visitors write their own" on public.atlas_visits for insert to authenticated
with check (visitor = (select auth.uid()));

create table public.atlas_secrets (id int primary key, word text);
insert into public.atlas_secrets values (1, 'xyzzy');

revoke all on public.atlas_secrets from anon, authenticated;
grant select on public.atlas_countries, public.atlas_cities, public.atlas_rivers, public.atlas_city_rivers,
    public.atlas_mayors to anon, authenticated, service_role;
grant select, insert, update, delete on public.atlas_stamps to anon, authenticated, service_role;
grant select, insert on public.atlas_visits to authenticated;
grant all on public.atlas_visits, public.atlas_secrets to service_role;

create function public.atlas_add(a int, b int default 10) returns int
language sql immutable as 'select a + b';

create function public.atlas_whoami() returns jsonb
language sql stable as $$
    select jsonb_build_object(
        'role', current_user, 'uid', auth.uid(), 'jwt_role', auth.role(), 'anonymous', auth.jwt() ->> 'is_anonymous',
        'method', current_setting('request.method', true), 'path', current_setting('request.path', true),
        'header', current_setting('request.headers', true)::jsonb ->> 'x-conformance')
$$;

create function public.atlas_cities_of(country text) returns setof public.atlas_cities
language sql stable as 'select * from public.atlas_cities where country_code = country';

create function public.atlas_stamp(album text, label text) returns public.atlas_stamps
language sql volatile as 'insert into public.atlas_stamps (album, label) values (album, label) returning *';

create function public.atlas_nothing() returns void language sql volatile as 'select';

create function public.atlas_document(body jsonb) returns jsonb language sql stable as 'select body';

create function public.atlas_raise(state text, message text, detail text default '', hint text default '') returns void
language plpgsql volatile as $$
begin
    raise exception using errcode = state, message = atlas_raise.message, detail = atlas_raise.detail,
        hint = atlas_raise.hint;
end
$$;

create function public.atlas_busy() returns void
language plpgsql volatile as $$
begin
    raise sqlstate 'PGRST' using
        message = '{"code": "busy", "message": "Come back later", "details": "d", "hint": "h"}',
        detail = '{"status": 429, "headers": {"Retry-After": "30"}}';
end
$$;

create function public.atlas_write_in_reader() returns void
language plpgsql stable as $$
begin
    perform public.atlas_stamp('reader', 'never');
end
$$;

-- Topics: in lounges everybody who is signed in may read and write, in halls read, in clubs only members may.
create table public.atlas_members (topic text, user_id uuid, primary key (topic, user_id));
grant select on public.atlas_members to authenticated;

create policy "atlas readers" on realtime.messages for select to authenticated
using (
    (select realtime.topic()) like 'lounge:%'
    or (select realtime.topic()) like 'hall:%' and extension = 'broadcast'
    or exists (
        select from public.atlas_members
        where topic = (select realtime.topic()) and user_id = (select auth.uid()))
);
create policy "atlas writers" on realtime.messages for insert to authenticated
with check ((select realtime.topic()) like 'lounge:%');

-- Broadcasts its own rows, as the guide to broadcasting from the database shows it.
create function public.atlas_stamp_changed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    perform realtime.broadcast_changes(
        'lounge:' || new.album, tg_op, tg_op, tg_table_name, tg_table_schema, new, old);
    return new;
end
$$;
create trigger atlas_stamp_changed after insert on public.atlas_stamps
for each row when (new.label = 'broadcast') execute function public.atlas_stamp_changed();

-- Told of as changes.
alter publication supabase_realtime add table public.atlas_stamps, public.atlas_visits;

notify pgrst, 'reload schema';

-- Files: each user has a folder in a bucket that takes small pictures and texts.
insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
values ('atlas-files', 'atlas-files', false, 1000, '{image/*,text/plain}'),
       ('atlas-open', 'atlas-open', true, null, null);
create policy "Users read their folder" on storage.objects for select to authenticated
  using (bucket_id = 'atlas-files' and (storage.foldername(name))[1] = (select auth.uid()::text));
create policy "Users fill their folder" on storage.objects for insert to authenticated
  with check (bucket_id = 'atlas-files' and (storage.foldername(name))[1] = (select auth.uid()::text));
create policy "Users empty their drafts" on storage.objects for delete to authenticated
  using (bucket_id = 'atlas-files' and (storage.foldername(name))[1] = (select auth.uid()::text)
         and (storage.foldername(name))[2] = 'drafts');
