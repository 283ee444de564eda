-- The schema of Supabase Realtime 2.122, as far as broadcast and presence go (no postgres_changes).
create schema if not exists realtime authorization supabase_admin;
grant usage on schema realtime to anon, authenticated, service_role;
grant usage on schema realtime to postgres with grant option;
grant all on schema realtime to supabase_realtime_admin;

create table if not exists realtime.messages (
    topic text not null,
    extension text not null,
    payload jsonb,
    event text,
    private boolean default false,
    updated_at timestamp not null default now(),
    inserted_at timestamp not null default now(),
    id uuid not null default gen_random_uuid(),
    binary_payload bytea,
    primary key (id, inserted_at)
) partition by range (inserted_at);

do $$
begin
    if not exists (
        select from pg_catalog.pg_constraint
        where conrelid = 'realtime.messages'::regclass and conname = 'messages_payload_exclusive'
    ) then
        alter table realtime.messages add constraint messages_payload_exclusive
            check (payload is null or binary_payload is null);
    end if;
end
$$;

alter table realtime.messages owner to supabase_realtime_admin;
alter table realtime.messages enable row level security;
create index if not exists messages_inserted_at_topic_index on realtime.messages (inserted_at desc, topic)
    where extension = 'broadcast' and private is true;

grant select, insert, update on realtime.messages to anon, authenticated, service_role;
grant all on realtime.messages to postgres, dashboard_user;

-- Hosted has no default partition and fails while today's partition is missing. A stand-in that slept over night
-- should work at once.
create table if not exists realtime.messages_default partition of realtime.messages default;
alter table realtime.messages_default owner to supabase_realtime_admin;

-- Makes the partitions of yesterday to three days ahead and drops those older than three days, as Realtime's janitor
-- does. Call it at the start and once a day. Rows that the default partition caught for a new partition's day are
-- dropped: they were streamed when they were inserted, and moving them would stream them again.
create or replace function stand_in.maintain_partitions(today date default (now() at time zone 'utc')::date)
returns void
language plpgsql volatile security invoker
set search_path = ''
as $$
declare
    day date;
    partition text;
begin
    for day in
        select pg_catalog.generate_series(today - 1, today + 3, interval '1 day')
    loop
        partition := 'messages_' || pg_catalog.to_char(day, 'YYYY_MM_DD');
        if pg_catalog.to_regclass('realtime.' || partition) is null then
            delete from realtime.messages_default where inserted_at >= day and inserted_at < day + 1;
            execute pg_catalog.format(
                'create table realtime.%I partition of realtime.messages for values from (%L) to (%L)',
                partition, day, day + 1);
            execute pg_catalog.format('alter table realtime.%I owner to supabase_realtime_admin', partition);
        end if;
    end loop;

    for partition in
        select child.relname
        from pg_catalog.pg_inherits as link
        join pg_catalog.pg_class as child on child.oid = link.inhrelid
        where link.inhparent = 'realtime.messages'::pg_catalog.regclass
            and child.relname ~ '^messages_\d{4}_\d{2}_\d{2}$'
            and pg_catalog.to_date(pg_catalog.right(child.relname, 10), 'YYYY_MM_DD') < today - 3
    loop
        execute pg_catalog.format('drop table realtime.%I', partition);
    end loop;
    delete from realtime.messages_default where inserted_at < today - 3;
end
$$;
revoke all on function stand_in.maintain_partitions(date) from public;

select stand_in.maintain_partitions();

-- The topic that is being authorised: Realtime sets it before it asks the policies.
create or replace function realtime.topic() returns text
language sql stable
as $$
    select nullif(current_setting('realtime.topic', true), '')::text
$$;

-- Queues a broadcast in the caller's transaction. Every failure is only a warning: a broadcast never fails the change
-- that it tells of. An object payload without an id gets one.
create or replace function realtime.send(payload jsonb, event text, topic text, private boolean default true)
returns void
language plpgsql
as $$
declare
    message_id uuid := gen_random_uuid();
begin
    if not payload ? 'id' then
        payload := jsonb_set(payload, '{id}', to_jsonb(message_id));
    end if;
    perform set_config('realtime.topic', topic, true);
    insert into realtime.messages (id, payload, event, topic, private, extension)
    values (message_id, payload, event, topic, private, 'broadcast');
exception
    when others then
        raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end
$$;

-- As send, for a payload of bytes.
create or replace function realtime.send_binary(payload bytea, event text, topic text, private boolean default true)
returns void
language plpgsql
as $$
begin
    perform set_config('realtime.topic', topic, true);
    insert into realtime.messages (binary_payload, event, topic, private, extension)
    values (payload, event, topic, private, 'broadcast');
exception
    when others then
        raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end
$$;

-- Broadcasts what a row trigger saw. Unlike send it fails the change when it is used wrongly.
create or replace function realtime.broadcast_changes(
    topic_name text, event_name text, operation text, table_name text, table_schema text,
    new record, old record, level text default 'ROW')
returns void
language plpgsql
as $$
begin
    if level = 'STATEMENT' then
        raise exception 'function can only be triggered for each row, not for each statement';
    end if;
    perform realtime.send(
        jsonb_build_object(
            'old_record', old, 'record', new, 'operation', operation, 'table', table_name, 'schema', table_schema),
        event_name, topic_name);
exception
    when others then
        raise exception 'Failed to process the row: %', sqlerrm;
end
$$;

alter function realtime.topic() owner to supabase_realtime_admin;
alter function realtime.send(jsonb, text, text, boolean) owner to supabase_realtime_admin;
alter function realtime.send_binary(bytea, text, text, boolean) owner to supabase_realtime_admin;
alter function realtime.broadcast_changes(text, text, text, text, text, record, record, text)
    owner to supabase_realtime_admin;
grant execute on function
    realtime.topic(),
    realtime.send(jsonb, text, text, boolean),
    realtime.send_binary(bytea, text, text, boolean),
    realtime.broadcast_changes(text, text, text, text, text, record, record, text)
    to public;

do $$
begin
    if not exists (
        select from pg_catalog.pg_publication where pubname = 'supabase_realtime_messages_publication'
    ) then
        create publication supabase_realtime_messages_publication for table realtime.messages;
    end if;
end
$$;
