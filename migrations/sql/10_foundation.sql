-- The private schema, and what every other file needs: a clear refusal when the names are taken, and one way to fail.

do $$
declare
  taken text;
begin
  if to_regnamespace('handoff') is not null then
    return;  -- installed before: every statement of these files may run again
  end if;
  select string_agg(relation.relname, ', ' order by relation.relname) into taken
    from pg_catalog.pg_class as relation
   where relation.relnamespace = 'public'::regnamespace
     and relation.relname in ('project_members', 'handoff_settings', 'business_hours_exceptions', 'conversations',
                              'messages', 'conversation_notes', 'customers', 'web_visits', 'lead_captures',
                              'agent_availability', 'canned_responses', 'quick_actions');
  if taken is not null then
    raise exception 'these tables already exist in schema public and are not ours: %', taken
      using errcode = '42P07',
            hint = 'Rename them, or install into another database. Nothing was changed.';
  end if;
end
$$;

create schema if not exists handoff;
comment on schema handoff is 'SupportBase Handoff: private tables and function bodies. Never expose it through the API.';

revoke all on schema handoff from public, anon, authenticated;
-- Policies and the thin functions in public call bodies in here, as the caller.
grant usage on schema handoff to anon, authenticated, service_role;

create or replace function handoff.fail(status integer, code text, message text, hint text default null)
returns void
language plpgsql
volatile  -- an immutable one would raise while a statement is planned
security invoker
set search_path = ''
as $$
begin
  raise exception using
    errcode = 'PT' || status::text,
    message = fail.message,
    detail = fail.code,
    hint = coalesce(fail.hint, '');
end
$$;
comment on function handoff.fail(integer, text, text, text) is
  'Refuses a call: PostgREST answers with this HTTP status, the message, the stable code in "details" and the hint.';
revoke all on function handoff.fail(integer, text, text, text) from public, anon, authenticated;

create or replace function handoff.require_user()
returns uuid
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  caller uuid := auth.uid();
begin
  if caller is null then
    perform handoff.fail(401, 'sign_in_required', 'Sign in first',
                         'Visitors sign in anonymously: supabase.auth.signInAnonymously().');
  end if;
  return caller;
end
$$;
comment on function handoff.require_user() is 'The signed-in user of this request; refuses with 401 when there is none.';
revoke all on function handoff.require_user() from public, anon, authenticated;

-- An import writes what happened long ago: it is numbered and dated by its source, and nobody is told. The setting alone
-- would be enough for anybody who can set one; the session must belong to who owns the engine, and no client's does.
create or replace function handoff.is_importing()
returns boolean
language plpgsql  -- not sql: that is planned at each call, and each message calls it
stable
security invoker
set search_path = ''
as $$
begin
  if coalesce(current_setting('handoff.importing', true), '') <> 'on' then
    return false;
  end if;
  return pg_has_role(session_user, (select nspowner from pg_catalog.pg_namespace where nspname = 'handoff'), 'usage');
end
$$;
comment on function handoff.is_importing() is 'Whether this transaction is `handoff import`: triggers then leave numbers, times and events alone.';
revoke all on function handoff.is_importing() from public, anon, authenticated;

create table if not exists handoff.schema_migrations (
  name text primary key,
  checksum text not null,
  applied_at timestamptz not null default now()
);
comment on table handoff.schema_migrations is 'Which file of migrations/sql stands in this database, by the SHA-256 of its text.';
revoke all on handoff.schema_migrations from public, anon, authenticated;
