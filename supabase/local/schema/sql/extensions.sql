-- Extensions that each hosted project has and plain servers ship. One that this server lacks is left out.
create schema if not exists extensions authorization postgres;
grant usage on schema extensions to anon, authenticated, service_role;
grant all on schema extensions to dashboard_user;

do $$
declare
    wanted text;
begin
    for wanted in
        select name
        from pg_catalog.pg_available_extensions
        where name in ('pgcrypto', 'uuid-ossp') and installed_version is null
    loop
        execute pg_catalog.format('create extension if not exists %I with schema extensions', wanted);
    end loop;
end
$$;
