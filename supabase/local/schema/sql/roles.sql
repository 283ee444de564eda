-- The roles of a hosted project. They belong to the cluster, not to a database. Run as a superuser.
do $$
declare
    wanted record;
begin
    for wanted in
        select *
        from (values
            ('anon', 'nologin noinherit'),
            ('authenticated', 'nologin noinherit'),
            ('service_role', 'nologin noinherit bypassrls'),
            ('authenticator', 'login noinherit'),
            ('postgres', 'login nosuperuser createdb createrole replication bypassrls'),
            ('dashboard_user', 'nologin createdb createrole replication'),
            ('supabase_auth_admin', 'login noinherit createrole'),
            ('supabase_realtime_admin', 'nologin noinherit'),
            ('supabase_storage_admin', 'login noinherit createrole'),
            ('supabase_admin', 'login superuser createdb createrole replication bypassrls')
        ) as roles (name, attributes)
    loop
        if not exists (select from pg_catalog.pg_roles where rolname = wanted.name) then
            execute pg_catalog.format('create role %I', wanted.name);
        end if;
        -- The role that runs this stays as it is. On a server that was handed to the tests it may be postgres, whose
        -- password and superuser attribute are not ours to take.
        if wanted.name <> current_user then
            execute pg_catalog.format('alter role %I with %s', wanted.name, wanted.attributes);
            if wanted.attributes ~ '^login' then
                execute pg_catalog.format('alter role %I password %L', wanted.name, 'postgres');
            end if;
        end if;
    end loop;
end
$$;

grant anon, authenticated, service_role to authenticator;
grant anon, authenticated, service_role to postgres with admin option;
grant anon, authenticated, service_role to supabase_realtime_admin;
-- Storage connects by itself and takes the role of the caller.
grant authenticator to supabase_storage_admin;
grant anon, authenticated, service_role to supabase_storage_admin;

-- Hosted Supabase lets postgres create policies on realtime.messages and storage.objects by an extension that plain
-- Postgres lacks. Here postgres inherits the owners' rights; guard.sql takes back all of them but that one.
grant supabase_realtime_admin, supabase_storage_admin to postgres;

alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
alter role postgres set search_path = "$user", public, extensions;
alter role supabase_admin set search_path = "$user", public, extensions;
alter role supabase_auth_admin set search_path = auth;
alter role supabase_auth_admin set idle_in_transaction_session_timeout = '60s';
alter role supabase_storage_admin set search_path = storage;
alter role supabase_realtime_admin set search_path = public, extensions, realtime;
