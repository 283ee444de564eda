-- A function in the exposed schema that is more than a call of a body in schema handoff: a rule would be in two places. The call is in
-- SQL; where a plan for each call is too dear, as with beats, it is all that a function in plpgsql does.
select format('%s: %s', function.oid::regprocedure, problem.text)
  from pg_catalog.pg_proc as function
  join pg_catalog.pg_language as language on language.oid = function.prolang
 cross join lateral (values
       (language.lanname not in ('sql', 'plpgsql'), 'is neither in SQL nor in plpgsql'),
       (function.prosrc !~ case language.lanname
          when 'plpgsql' then '^\s*begin\s+return handoff\.\w+\([^()]*\);\s+end;?\s*$'
          else '^\s*select ((\w+\.)?\* from )?handoff\.\w+\([^()]*\)( as \w+)?;?\s*$' end, 'is not one call of a function in handoff'),
       (exists (select 1 from unnest(function.proargnames[1:function.pronargs]) as parameter where parameter !~ '^p_'),
        'has a parameter without p_')) as problem (found, text)
 where function.pronamespace = 'public'::regnamespace and problem.found;

-- A violation:
create function public.probe(p_id uuid) returns bigint language sql stable set search_path = ''
  as 'select count(*) from public.messages where id = p_id';

-- A violation: a parameter that is not told apart from columns
create function public.probe(id uuid) returns boolean language sql stable set search_path = '' as 'select handoff.is_member(id);';

-- A violation: a decision beside the call
create function public.probe(p_id uuid) returns boolean language plpgsql stable set search_path = ''
  as 'begin if p_id is null then return false; end if; return handoff.is_member(p_id); end';
