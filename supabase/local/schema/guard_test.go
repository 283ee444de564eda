package schema_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/postgres"
)

func guardClaims(t *testing.T, server *postgres.Server) {
	t.Helper()
	conn := connect(t, server, "postgres")
	for claim, statements := range allowed {
		t.Run("postgres may "+claim, func(t *testing.T) {
			require.NoError(t, attempt(t, conn, statements...))
		})
	}
	for _, refusal := range refused {
		t.Run("postgres may not "+refusal.statement, func(t *testing.T) {
			requireDenied(t, attempt(t, conn, refusal.statement), refusal.message)
		})
	}
	t.Run("a superuser may do all of it", func(t *testing.T) {
		admin := connect(t, server, postgres.Superuser)
		require.NoError(t, attempt(t, admin, `create table realtime.t ()`))
		require.NoError(t, attempt(t, admin, `alter table realtime.messages disable row level security`))
		require.NoError(t, attempt(t, admin, `drop table auth.refresh_tokens`))
	})
	t.Run("the owner's role is guarded as well", func(t *testing.T) {
		requireDenied(t, attempt(t, conn, `set local role supabase_realtime_admin`,
			`alter table realtime.messages disable row level security`), mustOwn)
	})
	t.Run("Auth may migrate its own schema", func(t *testing.T) {
		auth := connect(t, server, "supabase_auth_admin")
		require.NoError(t, attempt(t, auth, `alter table auth.users add column nickname text`))
	})
}

const policy = `create policy "read rooms" on realtime.messages for select to authenticated
	using (realtime.topic() = 'room:1' and extension = 'broadcast')`

// allowed are sequences that hosted Supabase lets the role postgres do.
var allowed = map[string][]string{
	"create a policy on realtime.messages": {policy},
	"alter it":                             {policy, `alter policy "read rooms" on realtime.messages using (true)`},
	"rename it":                            {policy, `alter policy "read rooms" on realtime.messages rename to other`},
	"comment on it":                        {policy, `comment on policy "read rooms" on realtime.messages is 'x'`},
	"drop it":                              {policy, `drop policy "read rooms" on realtime.messages`},
	"drop a function with its policy": {
		`create function public.f() returns boolean language sql stable as 'select true'`,
		`create policy p on realtime.messages for insert to authenticated with check (public.f())`,
		`drop function public.f() cascade`,
	},
	"reference auth.users":     {agents, `insert into agents values (gen_random_uuid(), null)`},
	"reference it later":       {`create table public.a (u uuid)`, `alter table a add foreign key (u) references auth.users`},
	"drop the referring table": {agents, `drop table public.agents`},
	"put a trigger on auth.users": {
		`create function public.f() returns trigger language plpgsql as 'begin return new; end'`,
		`create trigger greet after insert on auth.users for each row execute function public.f()`,
		`create or replace trigger greet after update on auth.users for each row execute function public.f()`,
		`drop function public.f() cascade`,
	},
	"read and delete users": {`select from auth.users`, `delete from auth.users where is_anonymous`},
	"create a policy on storage.objects": {
		`create policy p on storage.objects for select to authenticated using (bucket_id = 'b' and (storage.foldername(name))[1] = 'f')`,
		`drop policy p on storage.objects`,
	},
	"make a bucket":                   {`insert into storage.buckets (id, name, public) values ('b', 'b', false)`},
	"pass on usage of realtime":       {`create role visitor_tools`, `grant usage on schema realtime to visitor_tools`},
	"pass on usage of auth":           {`create role visitor_tools`, `grant usage on schema auth to visitor_tools`},
	"create schemas":                  {`create schema handoff`, `create table handoff.t ()`, `drop schema handoff cascade`},
	"create tables in public":         {`create table public.t (id int primary key)`, `alter table t enable row level security`},
	"publish own tables":              {`create table public.t ()`, `create publication ours for table public.t`},
	"add tables to supabase_realtime": {`create table public.t ()`, `alter publication supabase_realtime add table public.t`},
	"create logical slots":            {`select pg_create_logical_replication_slot('s', 'pgoutput', true)`},
	"grant to the API roles":          {`create table public.t ()`, `grant select on public.t to anon, authenticated`},
	"insert into realtime.messages":   {`insert into realtime.messages (topic, extension) values ('t', 'broadcast')`},
	"act as the API roles":            {`set local role authenticated`, `select realtime.topic()`},
	"configure the API's role":        {`create role tools login`, `alter role tools set statement_timeout = '1s'`},
}

const agents = `create table public.agents (
	id uuid primary key, user_id uuid references auth.users on delete cascade)`

const (
	mustOwn        = "must be owner of table messages"
	deniedRealtime = "permission denied for schema realtime"
	deniedAuth     = "permission denied for schema auth"
	deniedStorage  = "permission denied for schema storage"
	mustOwnUsers   = "must be owner of table users"
)

// refused are statements that hosted Supabase refuses.
var refused = []struct{ statement, message string }{
	{`create table realtime.t ()`, deniedRealtime},
	{`create table realtime.t as select 1 as one`, deniedRealtime},
	{`create view realtime.v as select 1 as one`, deniedRealtime},
	{`create type realtime.e as enum ('a')`, deniedRealtime},
	{`create index on realtime.messages (topic)`, deniedRealtime},
	{`create or replace function realtime.topic() returns text language sql as 'select null::text'`, deniedRealtime},
	{`create function realtime.f() returns text language sql as 'select null::text'`, deniedRealtime},
	{`drop function realtime.send_binary(bytea, text, text, boolean)`, deniedRealtime},
	{`alter table realtime.messages enable row level security`, mustOwn},
	{`alter table realtime.messages disable row level security`, mustOwn},
	{`alter table realtime.messages force row level security`, mustOwn},
	{`alter table realtime.messages add column note text`, mustOwn},
	{`alter table realtime.messages owner to postgres`, mustOwn},
	{`alter table realtime.messages set schema public`, mustOwn},
	{`alter table realtime.messages rename to letters`, deniedRealtime},
	{`comment on table realtime.messages is 'x'`, mustOwn},
	{`drop table realtime.messages`, mustOwn},
	{`drop table realtime.messages_default`, deniedRealtime},
	{`grant select on realtime.messages to public`, mustOwn},
	{`revoke insert on realtime.messages from authenticated`, mustOwn},
	{`create publication ours for table realtime.messages`, mustOwn},
	{`drop schema realtime cascade`, "must be owner of schema realtime"},
	{`create table auth.t ()`, deniedAuth},
	{`create function auth.f() returns text language sql as 'select null::text'`, deniedAuth},
	{`alter table auth.users add column note text`, mustOwnUsers},
	{`alter table auth.users disable row level security`, mustOwnUsers},
	{`drop table auth.users cascade`, mustOwnUsers},
	{`create policy p on auth.users using (true)`, mustOwnUsers},
	{`drop schema auth cascade`, "must be owner of schema auth"},
	{`create table storage.t ()`, deniedStorage},
	{`create function storage.f() returns text language sql as 'select null::text'`, deniedStorage},
	{`create index on storage.objects (version)`, deniedStorage},
	{`alter table storage.objects disable row level security`, "must be owner of table objects"},
	{`alter table storage.buckets add column note text`, "must be owner of table buckets"},
	{`drop table storage.objects`, "must be owner of table objects"},
	{`delete from storage.objects`, "Direct deletion from storage tables is not allowed. Use the Storage API instead."},
	{`drop event trigger handoff_guard_end`, "must be owner of event trigger handoff_guard_end"},
}
