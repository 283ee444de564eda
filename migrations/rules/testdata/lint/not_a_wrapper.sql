-- A function in the exposed schema that is more than a call of a body in schema handoff: a rule would be in two places.
select format('%s: %s', function.oid::regprocedure, problem.text)
  from pg_catalog.pg_proc as function
  join pg_catalog.pg_language as language on language.oid = function.prolang
 cross join lateral (values
       (language.lanname <> 'sql', 'is not in SQL'),
       (function.prosrc !~ '^\s*select ((\w+\.)?\* from )?handoff\.\w+\([^()]*\)( as \w+)?;?\s*$', 'is not one call of a function in handoff'),
       (exists (select 1 from unnest(function.proargnames[1:function.pronargs]) as parameter where parameter !~ '^p_'),
        'has a parameter without p_')) as problem (found, text)
 where function.pronamespace = 'public'::regnamespace and problem.found;

-- A violation:
create function public.probe(p_id uuid) returns bigint language sql stable set search_path = ''
  as 'select count(*) from public.messages where id = p_id';

-- A violation: a parameter that is not told apart from columns
create function public.probe(id uuid) returns boolean language sql stable set search_path = '' as 'select handoff.is_member(id);';
