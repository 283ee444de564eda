-- Quick actions: links beside a conversation, filled from its customer (F001 section 5.7.5).
--
-- An admin writes the template, a visitor supplies the values. So a value never reaches the scheme or the host, is always
-- URL-encoded, and cannot climb out of its place in the path.

create table if not exists public.quick_actions (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  label text not null constraint quick_actions_label_length check (char_length(label) between 1 and 60),
  link text not null constraint quick_actions_link_length check (char_length(link) between 1 and 2000),
  position smallint not null default 0 constraint quick_actions_position check (position between 0 and 1000),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table public.quick_actions is 'Links beside a conversation, filled from its customer.';
comment on column public.quick_actions.link is
  'An https, mailto or tel link; {email}, {name}, {customer_id}, {visitor_id}, {conversation_id} and {metadata.key} are filled in.';
comment on column public.quick_actions.position is 'Smaller ones come first; equal ones in the order they were made.';
create index if not exists quick_actions_project_idx on public.quick_actions (project_id, position, created_at);

alter table public.quick_actions enable row level security;
revoke all on public.quick_actions from anon, authenticated;
grant select, delete on public.quick_actions to authenticated;
grant insert (project_id, label, link, position), update (label, link, position) on public.quick_actions to authenticated;
grant all on public.quick_actions to service_role;

drop policy if exists "Members can read quick actions" on public.quick_actions;
create policy "Members can read quick actions" on public.quick_actions
  for select to authenticated using (project_id in (select handoff.member_projects()));

drop policy if exists "Admins can add quick actions" on public.quick_actions;
create policy "Admins can add quick actions" on public.quick_actions
  for insert to authenticated with check (handoff.is_admin(project_id));

drop policy if exists "Admins can change quick actions" on public.quick_actions;
create policy "Admins can change quick actions" on public.quick_actions
  for update to authenticated using (handoff.is_admin(project_id)) with check (handoff.is_admin(project_id));

drop policy if exists "Admins can remove quick actions" on public.quick_actions;
create policy "Admins can remove quick actions" on public.quick_actions
  for delete to authenticated using (handoff.is_admin(project_id));

create or replace function handoff.is_link_template(link text)
returns boolean
language sql
immutable
security invoker
set search_path = ''
as $$
  -- What may stand in a link besides values: the characters of RFC 3986, but no brackets and no quote.
  select is_link_template.link ~ (
    '^(https://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?([/?#]' || rest || ')?|(mailto|tel):' || rest || ')$')
    from (values ('([A-Za-z0-9._~:/?#@!$&()*+,;=%-]|'
                  '\{(email|name|customer_id|visitor_id|conversation_id|metadata\.[A-Za-z0-9_-]{1,60})\})*')) as parts (rest);
$$;
comment on function handoff.is_link_template(text) is 'Whether it is an https, mailto or tel link with values only behind scheme and host.';
revoke all on function handoff.is_link_template(text) from public, anon, authenticated;

create or replace function handoff.quick_actions_validate()
returns trigger
language plpgsql
security definer  -- handoff.fail is nobody's to call; whoever may write the row passes through here
set search_path = ''
as $$
begin
  new.updated_at := now();
  new.label := btrim(new.label);
  new.link := btrim(new.link);
  if new.link is null or not handoff.is_link_template(new.link) then
    perform handoff.fail(400, 'link_invalid', 'This is no link that a quick action can open',
                         'Begin with https://, mailto: or tel:. Values, as {email}, stand behind the host.');
  end if;
  return new;
end
$$;
revoke all on function handoff.quick_actions_validate() from public, anon, authenticated;

create or replace trigger quick_actions_validate
  before insert or update on public.quick_actions
  for each row execute function handoff.quick_actions_validate();

create or replace trigger quick_actions_announce
  after insert or update or delete on public.quick_actions
  for each row execute function handoff.settings_announce();

create or replace function handoff.url_encoded(value text)
returns text
language sql
immutable
security invoker
set search_path = ''
as $$
  -- "@" may stand in a path, a query and an address of mailto, where it must not be encoded.
  select coalesce(string_agg(
           case when letter.text collate "C" ~ '^[A-Za-z0-9._~@-]$' then letter.text
                else regexp_replace(upper(encode(convert_to(letter.text, 'UTF8'), 'hex')), '(..)', '%\1', 'g') end,
           '' order by letter.place), '')
    from regexp_split_to_table(url_encoded.value, '') with ordinality as letter (text, place);
$$;
comment on function handoff.url_encoded(text) is 'The text as a part of a URL, in UTF-8.';
revoke all on function handoff.url_encoded(text) from public, anon, authenticated;

create or replace function handoff.quick_action_values(conversation public.conversations)
returns jsonb
language sql
stable
security definer  -- called by quick_action_links only
set search_path = ''
as $$
  select jsonb_build_object(
           'email', coalesce(customer.email, conversation.customer_email), 'name', coalesce(customer.name, conversation.customer_name),
           'customer_id', conversation.customer_id, 'visitor_id', coalesce(customer.visitor_id, conversation.visitor_id),
           'conversation_id', conversation.id)
         || coalesce((select jsonb_object_agg('metadata.' || entry.key, entry.value)
                        from jsonb_each_text(case jsonb_typeof(conversation.metadata) when 'object' then conversation.metadata
                                                                                      else '{}' end) as entry), '{}')
    from (select) as one
    left join public.customers as customer on customer.id = conversation.customer_id;
$$;
revoke all on function handoff.quick_action_values(public.conversations) from public, anon, authenticated;

create or replace function handoff.filled_link(link text, value_of jsonb)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  filled text := filled_link.link;
  missing text[] := array[]::text[];
  name text;
  value text;
begin
  for name in select distinct place[1] from regexp_matches(filled_link.link, '\{([^}]+)\}', 'g') as place loop
    value := btrim(value_of ->> name);
    -- "." and ".." as a part of a path mean the folder above, encoded or not.
    if value is null or value = '' or value ~ '^\.+$' then
      missing := missing || name;
    else
      filled := replace(filled, '{' || name || '}', handoff.url_encoded(left(value, 500)));
    end if;
  end loop;
  return case when cardinality(missing) = 0 then jsonb_build_object('url', filled, 'missing', '[]'::jsonb)
              else jsonb_build_object('url', null, 'missing', to_jsonb(missing)) end;
end
$$;
revoke all on function handoff.filled_link(text, jsonb) from public, anon, authenticated;

create or replace function handoff.quick_action_links(conversation_id uuid)
returns jsonb
language plpgsql
stable
security definer  -- one look for everything
set search_path = ''
as $$
declare
  conversation public.conversations := handoff.visible_conversation(quick_action_links.conversation_id);
  value_of jsonb;
begin
  if not handoff.is_member(conversation.project_id) then
    perform handoff.fail(403, 'not_a_member', 'You are not a member of this project');
  end if;
  value_of := handoff.quick_action_values(conversation);
  return coalesce((
    select jsonb_agg(jsonb_build_object('id', action.id, 'label', action.label) || handoff.filled_link(action.link, value_of)
                     order by action.position, action.created_at, action.id)
      from public.quick_actions as action
     where action.project_id = conversation.project_id), '[]'::jsonb);
end
$$;
revoke all on function handoff.quick_action_links(uuid) from public, anon, authenticated;
grant execute on function handoff.quick_action_links(uuid) to authenticated;

create or replace function public.quick_action_links(p_conversation_id uuid)
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select handoff.quick_action_links(p_conversation_id);
$$;
comment on function public.quick_action_links(uuid) is 'The quick actions of the project as links for this conversation (F001 5.7.5).';
revoke all on function public.quick_action_links(uuid) from public, anon, authenticated;
grant execute on function public.quick_action_links(uuid) to authenticated;
