package rules_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/localtest"
	"github.com/supportbase/handoff/supabase/local/postgres"
)

// plpgsqlFunctions are the functions to check, one row for each trigger that calls a trigger function: what old, new and
// the transition tables are depends on the trigger.
const plpgsqlFunctions = `
	select function.oid::regprocedure::text as name, function.oid, coalesce(trigger.tgrelid, 0) as relation,
	       trigger.tgoldtable as old_table, trigger.tgnewtable as new_table
	  from pg_catalog.pg_proc as function
	  join pg_catalog.pg_language as language on language.oid = function.prolang and language.lanname = 'plpgsql'
	  left join pg_catalog.pg_trigger as trigger on trigger.tgfoid = function.oid and trigger.tgparentid = 0
	 where function.pronamespace in ('public'::regnamespace, 'handoff'::regnamespace)
	 order by name, relation`

// plpgsqlFindings are the findings about all of them. Errors are collected, not fatal: one run shows everything.
const plpgsqlFindings = `
	with checked as (` + plpgsqlFunctions + `)
	select format('%s line %s: %s: %s %s [%s %s]', checked.name, found.lineno, found.level, found.message,
	              concat_ws(' ', found.detail, found.hint), found.sqlstate, found.statement)
	  from checked
	 cross join lateral plpgsql_check.plpgsql_check_function_tb(
	       funcoid => checked.oid, relid => checked.relation, fatal_errors => false, other_warnings => true,
	       performance_warnings => true, extra_warnings => true, security_warnings => true, compatibility_warnings => true,
	       oldtable => checked.old_table, newtable => checked.new_table) as found`

// acceptedFindings are parts of findings that are no faults, each with the reason.
var acceptedFindings = map[string]string{
	"performance: target type is different type than source type": "a cast of the one value that a query returns costs nothing",
	"routine is marked as VOLATILE, should be IMMUTABLE":          "a function that refuses must not be run while a statement is planned",
}

// TestPlpgsqlCheck has plpgsql_check read every plpgsql function: Postgres looks at a body's names and types only when a
// line is run.
func TestPlpgsqlCheck(t *testing.T) { //nolint:tparallel // the subtests take turns on one connection
	t.Parallel()
	conn := withPlpgsqlCheck(t)

	t.Run("finds nothing", func(t *testing.T) {
		findings := unaccepted(readColumn(t, conn, plpgsqlFindings))
		assert.Empty(t, findings)
		t.Logf("functions_checked=%d", len(readColumn(t, conn, `select distinct name from (`+plpgsqlFunctions+`) as checked`)))
	})

	t.Run("a trigger function without a trigger is dead", func(t *testing.T) {
		assert.Empty(t, readColumn(t, conn, `
			select checked.name from (`+plpgsqlFunctions+`) as checked
			  join pg_catalog.pg_proc as function using (oid)
			 where function.prorettype = 'trigger'::regtype and checked.relation = 0`))
	})

	for name, broken := range map[string]string{
		"a missing column": `
			create function handoff.broken() returns void language plpgsql as
			$$ begin update public.messages as message set no_such_column = 1 where message.seq = 0; end $$`,
		"a missing function": `
			create function handoff.broken() returns void language plpgsql as
			$$ begin perform handoff.no_such_function(); end $$`,
		"an unused variable": `
			create function handoff.broken() returns void language plpgsql as
			$$ declare unused integer; begin end $$`,
		"a column that the rows of the trigger lack": `
			create function handoff.broken() returns trigger language plpgsql as
			$$ begin new.no_such_column := 1; return new; end $$;
			create trigger broken before insert on public.messages for each row execute function handoff.broken()`,
		"a transition table under another name": `
			create function handoff.broken() returns trigger language plpgsql as
			$$ begin perform 1 from old_rows; return null; end $$;
			create trigger broken after insert on public.messages referencing new table as new_rows
			for each statement execute function handoff.broken()`,
	} {
		t.Run("would find "+name, func(t *testing.T) {
			scratch(t, conn, func() {
				_, err := conn.PgConn().Exec(t.Context(), broken).ReadAll()
				require.NoError(t, err)
				assert.Contains(t, strings.Join(unaccepted(readColumn(t, conn, plpgsqlFindings)), "\n"), "handoff.broken()")
			})
		})
	}
}

func unaccepted(findings []string) []string {
	var kept []string
	for _, finding := range findings {
		accepted := false
		for part := range acceptedFindings {
			accepted = accepted || strings.Contains(finding, part)
		}
		if !accepted {
			kept = append(kept, finding)
		}
	}
	return kept
}

// withPlpgsqlCheck is a migrated database of its own, with the extension. It skips the test, and says what was not
// checked, where the extension cannot be had.
func withPlpgsqlCheck(t *testing.T) *pgx.Conn {
	t.Helper()
	conn := connectSuperuser(t, localtest.New(t, localtest.WithSetup("migrations", migrated)))
	err := loadPlpgsqlCheck(t, conn)
	if errors.Is(err, errNoPlpgsqlCheck) {
		functions := readColumn(t, conn, `select distinct name from (`+plpgsqlFunctions+`) as checked`)
		t.Skipf("%d functions were not checked: %v", len(functions), err)
	}
	require.NoError(t, err)
	return conn
}

// loadPlpgsqlCheck makes the extension's functions in a schema of their own: by create extension where the server has
// it, else from Debian's package, by the path of its library. Nothing is installed on the machine.
func loadPlpgsqlCheck(t *testing.T, conn *pgx.Conn) error {
	t.Helper()
	if _, err := conn.Exec(t.Context(), `create schema plpgsql_check`); err != nil {
		return err
	}
	var available bool
	var major int
	if err := conn.QueryRow(t.Context(), `
		select exists (select 1 from pg_catalog.pg_available_extensions where name = 'plpgsql_check'),
		       current_setting('server_version_num')::integer / 10000`).Scan(&available, &major); err != nil {
		return err
	}
	if available {
		_, err := conn.Exec(t.Context(), `create extension plpgsql_check with schema plpgsql_check`)
		return err
	}
	fetched, err := fetchPlpgsqlCheck(t.Context(), major)
	if err != nil {
		return err
	}
	// The library registers itself with the language, so that comes first.
	_, err = conn.PgConn().Exec(t.Context(),
		"load 'plpgsql'; set search_path = plpgsql_check, pg_catalog;\n"+fetched+";\nreset search_path").ReadAll()
	if err != nil {
		return fmt.Errorf("run the extension's script: %w", err)
	}
	return nil
}

func connectSuperuser(t *testing.T, db *localtest.Database) *pgx.Conn {
	t.Helper()
	return connectAs(t, db, postgres.Superuser)
}
