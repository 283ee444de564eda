-- How far the outbox has been delivered, by the table's own reckoning and not by the log's: replication slots are lost now
-- and then, and then the table is what the events are sent again from (docs/adr/0005-checkpoint.md).

create table if not exists handoff.worker_checkpoint (
  slot text primary key,
  horizon pg_snapshot not null,
  horizon_xid xid8 not null generated always as (pg_snapshot_xmin(horizon)) stored,
  confirmed pg_lsn,
  slot_seen boolean not null default false,
  resend_from pg_snapshot,
  losses bigint not null default 0,
  updated_at timestamptz not null default now()
);
comment on table handoff.worker_checkpoint is 'One row for each replication slot name: what of the outbox is certainly delivered. Only the worker writes it.';
comment on column handoff.worker_checkpoint.horizon is 'Everything that is visible in this snapshot has been delivered and acknowledged.';
comment on column handoff.worker_checkpoint.horizon_xid is 'Everything with a lower xid has been delivered; later ones may have been, too.';
comment on column handoff.worker_checkpoint.confirmed is 'The position of the log that was confirmed when the horizon was written; null without a stream.';
comment on column handoff.worker_checkpoint.slot_seen is 'The slot has existed, so its absence is a loss and not a first start.';
comment on column handoff.worker_checkpoint.resend_from is 'Not null: what is not visible in this snapshot must be sent again from the table.';
comment on column handoff.worker_checkpoint.losses is 'How often a resend was noted. It tells a resend that has been done from one that was noted meanwhile.';
revoke all on handoff.worker_checkpoint from public, anon, authenticated;

-- The first worker ever sends everything since here, whenever it comes.
insert into handoff.worker_checkpoint (slot, horizon) values ('handoff', pg_current_snapshot())
on conflict on constraint worker_checkpoint_pkey do nothing;

-- A worker that cannot stream is woken by this. It is a statement trigger on the parent, and it is off unless such a worker
-- runs: notifications are written under one lock of the whole server, which costs busy writers most of their speed.
create or replace function handoff.outbox_notify()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  -- No content: equal notifications of one transaction become one.
  perform pg_catalog.pg_notify('handoff_outbox', '');
  return null;
end
$$;
comment on function handoff.outbox_notify() is 'Wakes a worker that reads the outbox because it cannot stream.';
revoke all on function handoff.outbox_notify() from public, anon, authenticated;

do $$
begin
  if not exists (select 1 from pg_catalog.pg_trigger as existing
                  where existing.tgrelid = 'handoff.outbox'::regclass and existing.tgname = 'outbox_notify') then
    create trigger outbox_notify after insert on handoff.outbox
      for each statement execute function handoff.outbox_notify();
    alter table only handoff.outbox disable trigger outbox_notify;
  end if;
end
$$;

-- False: somebody else uses the table right now. While this waited, every new writer would wait behind it, so it gives up
-- soon and is called again later.
create or replace function handoff.set_notify(wanted boolean)
returns boolean
language plpgsql
volatile
security definer -- only the owner of the outbox may switch its triggers
set search_path = ''
set lock_timeout = '200ms'
as $$
begin
  if (select existing.tgenabled <> 'D' from pg_catalog.pg_trigger as existing
       where existing.tgrelid = 'handoff.outbox'::regclass and existing.tgname = 'outbox_notify')
     is not distinct from set_notify.wanted then
    return true;
  end if;
  if set_notify.wanted then
    alter table only handoff.outbox enable trigger outbox_notify;
  else
    alter table only handoff.outbox disable trigger outbox_notify;
  end if;
  return true;
exception
  when lock_not_available then
    return false;
end
$$;
comment on function handoff.set_notify(boolean) is 'Called by a worker that begins or ends to poll: switches the trigger that wakes it; false: the table is busy, try again later.';
revoke all on function handoff.set_notify(boolean) from public, anon, authenticated;
