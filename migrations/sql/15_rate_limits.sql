-- Rate limits (F001 section 8.3), counted per user inside the calls that write. A refused call is rolled back, so only calls
-- that went through count. Messages of visitors are counted by themselves: see handoff.limit_messages.

create unlogged table if not exists handoff.rate_limits (
  scope text not null,
  user_id uuid not null,
  hits timestamptz[] not null,
  primary key (scope, user_id)
) with (fillfactor = 70);
comment on table handoff.rate_limits is 'When each user last made calls of a kind. Unlogged: after a crash everybody starts afresh.';
revoke all on handoff.rate_limits from public, anon, authenticated;

create or replace function handoff.rate_limit(scope text, most integer, per interval)
returns void
language plpgsql
volatile
security definer  -- callers may not touch the counters
set search_path = ''
as $$
declare
  caller uuid := auth.uid();
  recent timestamptz[];
begin
  if caller is null then
    return;  -- the service role is not limited
  end if;
  insert into handoff.rate_limits as counter (scope, user_id, hits)
  values (rate_limit.scope, caller, array[now()])
  on conflict on constraint rate_limits_pkey do update
     set hits = array(select hit from unnest(counter.hits) as hit where hit > now() - rate_limit.per order by hit) || now()
  returning counter.hits into recent;
  if cardinality(recent) > rate_limit.most then
    perform handoff.too_many(recent[cardinality(recent) - rate_limit.most] + rate_limit.per - now());
  end if;
end
$$;
comment on function handoff.rate_limit(text, integer, interval) is
  'Counts a call of the current user; refuses with 429 when there were "most" within the interval before it, exactly.';
revoke all on function handoff.rate_limit(text, integer, interval) from public, anon, authenticated;

create or replace function handoff.too_many(wait interval)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  seconds text := greatest(ceil(extract(epoch from wait)), 1)::integer::text;
begin
  raise exception using
    errcode = 'PGRST',
    message = json_build_object(
      'code', 'PT429', 'message', 'Too many calls', 'details', 'rate_limited',
      'hint', format('Try again in %s seconds.', seconds))::text,
    detail = json_build_object('status', 429, 'headers', json_build_object('Retry-After', seconds))::text;
end
$$;
comment on function handoff.too_many(interval) is 'Refuses with HTTP 429 and Retry-After.';
revoke all on function handoff.too_many(interval) from public, anon, authenticated;
