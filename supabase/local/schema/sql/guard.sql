-- Refuses to everybody but superusers what hosted Supabase refuses to postgres: changes of the platform's schemas.
--
-- For auth the ordinary privileges do that: postgres owns nothing in it. For realtime and storage they do not, because
-- postgres inherits the owners' rights so that it can create policies on realtime.messages and storage.objects (see
-- roles.sql).
-- What stays allowed there is policies, triggers (hosted grants TRIGGER), rows (hosted grants ALL), and passing on
-- USAGE of the schema. Messages and SQLSTATE are those of hosted.

-- The objects of a guarded schema that may be created, changed and dropped by users.
create or replace function stand_in.guard_allows(object_type text) returns boolean
language sql immutable
set search_path = ''
as $$
    select object_type in ('policy', 'trigger')
$$;

create or replace function stand_in.guard_exempt() returns boolean
language sql stable
set search_path = ''
as $$
    select rolsuper or rolname = 'supabase_auth_admin'
    from pg_catalog.pg_roles
    where rolname = current_user
$$;

-- What an owner may give away without any object being reported: the owner, the grants and the publications of
-- realtime.messages. GRANT does not report its objects, ALTER TABLE ... SET SCHEMA reports the new schema, and CREATE
-- PUBLICATION reports only itself; so these are compared with what they were when the command began.
create or replace function stand_in.guard_messages_state() returns text
language sql stable
set search_path = ''
as $$
    select pg_catalog.concat_ws(' ', class.relnamespace, class.relowner, class.relacl, (
        select pg_catalog.string_agg(published.prpubid::text, ',' order by published.prpubid)
        from pg_catalog.pg_publication_rel as published
        where published.prrelid = class.oid
    ))
    from pg_catalog.pg_class as class
    where class.relname = 'messages'
        and class.relkind = 'p'
        and class.relowner = 'supabase_realtime_admin'::pg_catalog.regrole
    order by class.oid
    limit 1
$$;

create or replace function stand_in.guard_refuse(object_type text, schema_name text, object_identity text)
returns void
language plpgsql
set search_path = ''
as $$
begin
    if object_type = 'table' and object_identity = 'realtime.messages' then
        raise insufficient_privilege using message = 'must be owner of table messages';
    end if;
    if object_type = 'table' and object_identity in ('storage.objects', 'storage.buckets') then
        raise insufficient_privilege using message = 'must be owner of table ' || pg_catalog.split_part(object_identity, '.', 2);
    end if;
    raise insufficient_privilege using message = pg_catalog.format('permission denied for schema %s', schema_name);
end
$$;

create or replace function stand_in.guard_begin() returns event_trigger
language plpgsql
set search_path = ''
as $$
begin
    if not stand_in.guard_exempt() then
        perform pg_catalog.set_config('handoff.guard_messages_state', stand_in.guard_messages_state(), true);
    end if;
end
$$;

create or replace function stand_in.guard_end() returns event_trigger
language plpgsql
set search_path = ''
as $$
declare
    command record;
begin
    if stand_in.guard_exempt() then
        return;
    end if;
    for command in
        select *
        from pg_catalog.pg_event_trigger_ddl_commands()
        where schema_name in ('auth', 'realtime', 'storage') and not stand_in.guard_allows(object_type)
    loop
        perform stand_in.guard_refuse(command.object_type, command.schema_name, command.object_identity);
    end loop;
    if pg_catalog.current_setting('handoff.guard_messages_state', true)
        is distinct from stand_in.guard_messages_state()
    then
        raise insufficient_privilege using message = 'must be owner of table messages';
    end if;
end
$$;

create or replace function stand_in.guard_drop() returns event_trigger
language plpgsql
set search_path = ''
as $$
declare
    dropped record;
begin
    if stand_in.guard_exempt() then
        return;
    end if;
    for dropped in
        select *
        from pg_catalog.pg_event_trigger_dropped_objects()
        where schema_name in ('auth', 'realtime', 'storage') and not stand_in.guard_allows(object_type)
        order by original desc
    loop
        perform stand_in.guard_refuse(dropped.object_type, dropped.schema_name, dropped.object_identity);
    end loop;
end
$$;

-- Event triggers cannot be replaced; superusers own them, so nobody else can drop them.
drop event trigger if exists handoff_guard_begin;
create event trigger handoff_guard_begin on ddl_command_start execute function stand_in.guard_begin();
drop event trigger if exists handoff_guard_end;
create event trigger handoff_guard_end on ddl_command_end execute function stand_in.guard_end();
drop event trigger if exists handoff_guard_drop;
create event trigger handoff_guard_drop on sql_drop execute function stand_in.guard_drop();
