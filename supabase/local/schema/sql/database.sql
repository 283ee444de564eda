-- The database itself and schema public. The owner of the database owns public too (by way of pg_database_owner) and
-- may create schemas.
do $$
begin
    execute pg_catalog.format('alter database %I owner to postgres', pg_catalog.current_database());
end
$$;

grant usage on schema public to postgres, anon, authenticated, service_role;

-- New tables are not granted to the API roles: that is the default of new hosted projects.

-- Its owner adds tables to it in the dashboard; Realtime streams them as postgres_changes.
do $$
begin
    if not exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime') then
        create publication supabase_realtime;
        alter publication supabase_realtime owner to postgres;
    end if;
end
$$;

-- What hosted Supabase does outside the database lives here (guard.sql, maintain_partitions). Not part of a project.
create schema if not exists stand_in authorization supabase_admin;
grant usage on schema stand_in to public;
