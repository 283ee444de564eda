package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/supportbase/handoff/migrations"
)

// ourTables are the engine's tables in public. What the project has besides is its own affair; projects itself may be
// the team's own table, with policies of its own.
var ourTables = []string{
	"project_members", "handoff_settings", "business_hours_exceptions", "conversations", "messages", "conversation_notes",
	"customers", "agent_availability", "web_visits", "lead_captures", "canned_responses", "quick_actions",
	"presence_sessions",
}

func askRowLevelSecurity(ctx context.Context, p *patient) ([]Finding, error) {
	rows, err := p.conn.Query(ctx, `
		select relname::text from pg_catalog.pg_class
		 where relnamespace = 'public'::regnamespace and relname = any ($1) and not relrowsecurity order by relname`, ourTables)
	if err != nil {
		return nil, err
	}
	open, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	var found []Finding
	for _, table := range open {
		statement := "alter table public." + pgx.Identifier{table}.Sanitize() + " enable row level security"
		found = append(found, broken("row level security is off on public."+table+": whoever has a grant sees every row",
			"Run: "+statement).fixedBy(run(statement)))
	}
	return orFine(found, "it is on for every table of the engine"), nil
}

// run is a fix of one statement.
func run(statement string) fix {
	return func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, statement)
		return err
	}
}

// openGrantsQuery lists grants that the migrations never make: to everybody on a private function or table, and to visitors
// without a sign-in on a table. Each row is a statement that takes one back, and what it is about.
const openGrantsQuery = `
select format('revoke all on function %s from public', routine.oid::regprocedure), routine.oid::regprocedure::text, 'everybody'
  from pg_catalog.pg_proc as routine
 where routine.pronamespace = 'handoff'::regnamespace
   and (routine.proacl is null
        or exists (select 1 from aclexplode(routine.proacl) as granted where granted.grantee = 0))
union all
select format('revoke all on table %s from %s', relation.oid::regclass,
              case when granted.grantee = 0 then 'public' else granted.grantee::regrole::text end),
       relation.oid::regclass::text, case when granted.grantee = 0 then 'everybody' else granted.grantee::regrole::text end
  from pg_catalog.pg_class as relation
 cross join lateral aclexplode(relation.relacl) as granted
 where relation.relkind in ('r', 'p')
   and ((relation.relnamespace = 'handoff'::regnamespace
         and (granted.grantee = 0 or granted.grantee in (select oid from pg_catalog.pg_roles where rolname in ('anon', 'authenticated'))))
        or (relation.relnamespace = 'public'::regnamespace and relation.relname = any ($1)
            and (granted.grantee = 0 or granted.grantee in (select oid from pg_catalog.pg_roles where rolname = 'anon'))))
 group by 1, 2, 3
 order by 2`

func askPrivileges(ctx context.Context, p *patient) ([]Finding, error) {
	rows, err := p.conn.Query(ctx, openGrantsQuery, ourTables)
	if err != nil {
		return nil, err
	}
	var found []Finding
	var statement, object, grantee string
	_, err = pgx.ForEachRow(rows, []any{&statement, &object, &grantee}, func() error {
		found = append(found, broken(fmt.Sprintf("%s may use %s, which the migrations do not allow", grantee, object),
			"Run: "+statement).fixedBy(run(statement)))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return orFine(found, "nobody may use more than the migrations allow"), nil
}

// The policies that the migrations put on realtime.messages, and the file that does.
var ourPolicies = []string{"Handoff: listen to your own topics", "Handoff: tell the other side that you are typing"}

const policyMigration = "95_realtime_policies"

// reapplyPolicies runs the migration that makes the policy. Like all of them it may run again without harm.
func reapplyPolicies(ctx context.Context, conn *pgx.Conn) error {
	for _, file := range migrations.Files() {
		if file.Name == policyMigration {
			_, err := conn.Exec(ctx, file.SQL)
			return err
		}
	}
	return fmt.Errorf("there is no migration %s", policyMigration)
}

func askPolicies(ctx context.Context, p *patient) ([]Finding, error) {
	var ours, secured bool
	var wide []string
	err := p.conn.QueryRow(ctx, `
		select (select count(*) from pg_catalog.pg_policies
		         where schemaname = 'realtime' and tablename = 'messages' and policyname = any($1)) = cardinality($1),
		       coalesce((select relrowsecurity from pg_catalog.pg_class where oid = to_regclass('realtime.messages')), false),
		       array(select policyname::text from pg_catalog.pg_policies
		              where schemaname = 'realtime' and tablename = 'messages' and permissive = 'PERMISSIVE' and policyname not like 'Handoff: %'
		                and (lower(btrim(coalesce(qual, ''), '() ')) = 'true' or lower(btrim(coalesce(with_check, ''), '() ')) = 'true'))`,
		ourPolicies).Scan(&ours, &secured, &wide)
	if err != nil {
		return nil, err
	}
	var found []Finding
	if !ours {
		found = append(found, broken("a policy that lets visitors and agents listen or tell that they type is missing from realtime.messages: nobody hears anything",
			"Run `handoff doctor --fix`: it makes the policies again.").fixedBy(reapplyPolicies))
	}
	if !secured {
		found = append(found, broken("row level security is off on realtime.messages, or the table is missing: private channels cannot be guarded",
			"On Supabase it is always on: ask its support. Elsewhere, upgrade Realtime."))
	}
	if len(wide) > 0 {
		found = append(found, broken("other policies on realtime.messages let everybody in, on our topics too: "+strings.Join(wide, ", "),
			"Restrict them to topics of yours, for example: using ((select realtime.topic()) like 'my-app:%')"))
	}
	return orFine(found, "only who may see a conversation can listen to it"), nil
}
