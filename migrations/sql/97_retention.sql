-- The clock: what is no longer needed. How these functions are called: 92_clock.sql.

create or replace function handoff.is_spent(partition regclass, horizon xid8, moment timestamptz)
returns boolean
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  newest_xid xid8;
  newest_at timestamptz;
begin
  execute format('select event.xid, event.created_at from %s as event order by event.xid desc, event.id desc limit 1', partition)
     into newest_xid, newest_at;
  -- Null when it is empty: nothing to do then.
  return coalesce(newest_xid < horizon and newest_at < moment - interval '5 days', false);
end
$$;
comment on function handoff.is_spent(regclass, xid8, timestamptz) is 'Whether the newest row of a partition of the outbox is delivered and older than five days.';
revoke all on function handoff.is_spent(regclass, xid8, timestamptz) from public, anon, authenticated;

-- Not the partition that rows go to now; tomorrow's holds what is five to seven days old. It is looked at again under the
-- lock, and a writer who is in the way is not made to wait: the next run tries again.
create or replace function handoff.empty_partition(partition regclass, horizon xid8, moment timestamptz)
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
set lock_timeout = '200ms'
as $$
declare
  emptied boolean := false;
begin
  -- One worker at a time; nobody is locked out for what need not be done.
  if not pg_try_advisory_xact_lock(hashtextextended('handoff.empty_partition', 0))
     or not handoff.is_spent(partition, horizon, moment) then
    return false;
  end if;
  execute format('lock table %s in access exclusive mode', partition);
  if handoff.is_spent(partition, horizon, moment) then
    execute format('truncate table %s', partition);
    emptied := true;
  end if;
  return emptied;
exception
  when lock_not_available then
    return false;
end
$$;
comment on function handoff.empty_partition(regclass, xid8, timestamptz) is 'Truncates a partition of the outbox if all of it is delivered and older than five days; says whether it did.';
revoke all on function handoff.empty_partition(regclass, xid8, timestamptz) from public, anon, authenticated;

create or replace function handoff.prune_outbox(horizon xid8, moment timestamptz default now(), most integer default 1000)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  today integer := extract(epoch from moment)::bigint / 86400 % 7;
  handled integer;
begin
  if horizon is not null then
    perform handoff.empty_partition(('handoff.outbox_' || (today + ahead) % 7)::regclass, horizon, moment)
       from generate_series(1, 2) as ahead;
  end if;
  -- What a partition keeps because of newer rows, and where no worker has told how far it is: oldest first.
  delete from handoff.outbox as event
   using (
     select candidate.xid, candidate.id, candidate.bucket
       from (select first.xid, first.id, first.bucket, first.created_at
               from handoff.outbox as first order by first.xid, first.id limit most) as candidate
      where candidate.created_at < moment - interval '6 days'
        and (prune_outbox.horizon is null or candidate.xid < prune_outbox.horizon)
   ) as spent
   where event.xid = spent.xid and event.id = spent.id and event.bucket = spent.bucket;
  get diagnostics handled = row_count;
  return handled;
end
$$;
comment on function handoff.prune_outbox(xid8, timestamptz, integer) is
  'Forgets events that are delivered (their transaction is below the horizon) and old: whole partitions after five days, rows after six. Without a horizon rows alone.';
revoke all on function handoff.prune_outbox(xid8, timestamptz, integer) from public, anon, authenticated;

create or replace function handoff.prune_calls(moment timestamptz default now(), most integer default 1000)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  handled integer;
begin
  with spent as (
    select counter.scope, counter.user_id
      from handoff.rate_limits as counter
     where counter.hits[cardinality(counter.hits)] < moment - interval '1 day'
     limit most
       for update skip locked
  )
  delete from handoff.rate_limits as counter
   using spent
   where counter.scope = spent.scope and counter.user_id = spent.user_id;
  get diagnostics handled = row_count;
  return handled;
end
$$;
comment on function handoff.prune_calls(timestamptz, integer) is 'Forgets the counters of rate limits that have not moved for a day: no limit looks back that far.';
revoke all on function handoff.prune_calls(timestamptz, integer) from public, anon, authenticated;

create or replace function handoff.prune_mail(moment timestamptz default now(), most integer default 1000)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  handled integer;
begin
  with spent as (
    select mail.id
      from handoff.mail_outbox as mail
     where mail.sent_at < moment - interval '30 days'
     limit most
       for update skip locked
  )
  delete from handoff.mail_outbox as mail using spent where mail.id = spent.id;
  get diagnostics handled = row_count;
  return handled;
end
$$;
comment on function handoff.prune_mail(timestamptz, integer) is 'Forgets mail that was sent more than 30 days ago.';
revoke all on function handoff.prune_mail(timestamptz, integer) from public, anon, authenticated;

create or replace function handoff.prune(horizon xid8, moment timestamptz default now(), most integer default 1000)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform handoff.prune_decisions(moment);
  perform handoff.prune_offers(moment);
  return greatest(handoff.prune_outbox(prune.horizon, moment, most), handoff.prune_calls(moment, most), handoff.prune_mail(moment, most),
                  handoff.prune_promises(moment, most));
end
$$;
comment on function handoff.prune(xid8, timestamptz, integer) is 'Forgets what is no longer needed, at most so many rows of each kind; answers as time_out does.';
revoke all on function handoff.prune(xid8, timestamptz, integer) from public, anon, authenticated;
