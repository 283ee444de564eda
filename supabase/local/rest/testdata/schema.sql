-- The schema the tests of rest talk to: an agency's bookshelf, with every kind of relationship.

create table public.authors (
  id bigint generated always as identity primary key,
  name text not null unique,
  mentor_id bigint constraint authors_mentor_id_fkey references public.authors,
  born date,
  tags text[] not null default '{}',
  details jsonb not null default '{}',
  constraint authors_name_present check (name <> '')
);

create table public.profiles (
  author_id bigint primary key references public.authors,
  motto text not null
);

create table public.books (
  id bigint generated always as identity primary key,
  author_id bigint constraint books_author_id_fkey references public.authors,
  editor_id bigint constraint books_editor_id_fkey references public.authors,
  title text not null,
  price numeric(8, 2) not null default 9.99,
  pages int,
  sold int4range,
  created_at timestamptz not null default now()
);

create table public.labels (
  code text primary key,
  caption text
);

create table public.book_labels (
  book_id bigint references public.books,
  label_code text references public.labels,
  primary key (book_id, label_code)
);

-- Row level security: authenticated users see and write their own notes.
create table public.notes (
  id bigint generated always as identity primary key,
  owner uuid not null default (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid,
  body text not null,
  state text not null default 'draft'
);
alter table public.notes enable row level security;
create policy "owners read" on public.notes for select to authenticated
  using (owner = (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid);
create policy "owners write" on public.notes for insert to authenticated
  with check (owner = (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid);
create policy "owners change" on public.notes for update to authenticated
  using (owner = (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid);

create table public.secrets (id int primary key, word text);
revoke all on public.secrets from anon, authenticated;
create table public.wide (id int primary key, shown text, hidden text);
revoke all on public.wide from anon, authenticated;
grant select (id, shown), insert, delete on public.wide to authenticated;

create table public.numbers (n int primary key);
create view public.even_numbers as select n from public.numbers where n % 2 = 0;
create table public."Odd ""Name" ("a b" int primary key, "Ünïcode-x" text);

insert into public.authors (name, born, tags, details) values
  ('Ada', '1815-12-10', '{math,poetry}', '{"address": {"city": "London", "floors": [1, 2]}, "vip": true}'),
  ('Grace', '1906-12-09', '{navy}', '{"address": {"city": "New York"}}'),
  ('Linus', null, '{}', '{}');
update public.authors set mentor_id = 1 where name = 'Grace';
insert into public.profiles values (1, 'notes'), (2, 'nanoseconds');
insert into public.books (author_id, editor_id, title, price, pages, sold) values
  (1, 2, 'Engines', 10.50, 100, '[1,5)'), (1, null, 'Weaving', 20, 200, '[5,9)'), (2, 1, 'Compilers', 30, null, null);
insert into public.labels values ('sci', 'Science'), ('art', null);
insert into public.book_labels values (1, 'sci'), (2, 'sci'), (2, 'art');
insert into public.secrets values (1, 'xyzzy');
insert into public.wide values (1, 'open', 'closed');
insert into public.numbers select generate_series(1, 1200);
analyze public.numbers;

create function public.add(a int, b int default 10) returns int language sql immutable as 'select a + b';
create function public.shout(word text) returns text language sql stable as 'select upper(word)';
create function public.shout(word text, times int) returns text language sql stable as 'select repeat(upper(word), times)';
create function public.twin(x int) returns text language sql stable as $$ select 'int' $$;
create function public.twin(x text) returns text language sql stable as $$ select 'text' $$;
create function public.nothing() returns void language sql as 'select';
create function public.check_stable() returns void language plpgsql stable as $$ begin raise exception 'checked'; end $$;
create function public.nullable() returns text language sql stable as 'select null::text';
create function public.document(body jsonb) returns jsonb language sql stable as 'select body || ''{"seen": true}''';
create function public.whole(jsonb) returns jsonb language sql stable as 'select jsonb_build_object(''got'', $1)';
create function public.one_author(author bigint) returns public.authors language sql stable as 'select * from public.authors where id = author';
create function public.all_authors() returns setof public.authors language sql stable as 'select * from public.authors';
create function public.counted(upto int) returns setof int language sql stable as 'select generate_series(1, upto)';
create function public.pairs() returns table (k text, v int) language sql stable as $$ values ('a', 1), ('b', 2) $$;
create function public.single_column() returns table (k text) language sql stable as $$ values ('a') $$;
create function public.out_pair(x int, out low int, out high int) language sql stable as 'select x - 1, x + 1';
create function public.total(variadic xs int[]) returns bigint language sql stable as 'select sum(x) from unnest(xs) x';
create function public.joined(words text[]) returns text language sql stable as $$ select array_to_string(words, '+') $$;
create function public.add_label(code text) returns void language sql as 'insert into public.labels values (code)';
create function public.write_stable() returns void language plpgsql stable as $$ begin perform public.add_label('x'); end $$;
create function public.setting(name text) returns text language sql stable as 'select current_setting(name, true)';
create function public.whoami() returns text language sql stable as 'select current_user::text';
create function public.header(name text) returns text language sql stable as
  $$ select current_setting('request.headers', true)::jsonb ->> name $$;
create function public.teapot() returns text language plpgsql as $$
begin
  perform set_config('response.status', '418', true);
  perform set_config('response.headers', '[{"X-Tea": "green"}, {"Set-Cookie": "a=1"}, {"Set-Cookie": "b=2"}]', true);
  return 'short and stout';
end $$;
create function public.bad_headers() returns text language plpgsql as $$
begin perform set_config('response.headers', '{"a": 1}', true); return ''; end $$;
create function public.bad_status() returns text language plpgsql as $$
begin perform set_config('response.status', 'many', true); return ''; end $$;
create function public.fail_with(state text, message text, detail text default '', hint text default '')
returns void language plpgsql as $$
begin raise exception using errcode = state, message = fail_with.message, detail = fail_with.detail, hint = fail_with.hint; end $$;
create function public.slow() returns void language sql volatile set statement_timeout = '20ms' as 'select pg_sleep(30)';
create function public.hurried() returns text language sql stable set statement_timeout = '4321ms' as
  $$ select current_setting('statement_timeout') $$;
create function public.on_change() returns trigger language plpgsql as 'begin return new; end';

-- A deferred constraint speaks up at the commit.
create table public.deferred (id int primary key, other int references public.deferred deferrable initially deferred);

grant all on all tables in schema public to service_role;
grant select, insert, update, delete on public.authors, public.profiles, public.books, public.labels, public.book_labels,
  public.notes, public.numbers, public.even_numbers, public."Odd ""Name", public.deferred to authenticated;
grant select on public.authors, public.books to anon;
grant usage on all sequences in schema public to authenticated, service_role;
