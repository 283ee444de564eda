package migrations_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/localtest"
)

var updateSchema = flag.Bool("update-schema", false, "rewrite migrations/schema.sql")

const (
	schemaFile   = "schema.sql"
	schemaHeader = `-- What the migrations make of an empty Supabase project: made by "make schema", held against the database by the tests.
-- For reading and for diffs, not for running: objects stand by name. The tables first, then the functions.
`
)

func TestSchemaFile(t *testing.T) {
	t.Parallel()
	schema := schemaOf(t, connect(t, localtest.New(t, localtest.WithSetup("migrations", migrated))))
	if *updateSchema {
		require.NoError(t, os.WriteFile(schemaFile, []byte(schema), 0o644))
	}
	assertSchemaFile(t, schema)
}

func assertSchemaFile(t *testing.T, schema string) {
	t.Helper()
	golden, err := os.ReadFile(schemaFile)
	require.NoError(t, err)
	assertSameSchema(t, string(golden), schema, "schema.sql is not what the migrations make; run `make schema` and read the diff")
}

// schemaOf is the text of everything that the migrations own in the database (testdata/catalogue.sql).
func schemaOf(t *testing.T, conn *pgx.Conn) string {
	t.Helper()
	query, err := os.ReadFile("testdata/catalogue.sql")
	require.NoError(t, err)
	text := strings.Builder{}
	text.WriteString(schemaHeader)
	err = pgx.BeginFunc(t.Context(), conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `set local search_path = ''`); err != nil {
			return err
		}
		return writeStatements(t.Context(), tx, string(query), &text)
	})
	require.NoError(t, err)
	return text.String()
}

// writeStatements sets an empty line between the objects.
func writeStatements(ctx context.Context, tx pgx.Tx, query string, text *strings.Builder) error {
	rows, err := tx.Query(ctx, query)
	if err != nil {
		return err
	}
	var area int
	var object, statement, before string
	_, err = pgx.ForEachRow(rows, []any{&area, &object, &statement}, func() error {
		if here := fmt.Sprint(area, object); here != before {
			text.WriteString("\n")
			before = here
		}
		text.WriteString(statement + "\n")
		return nil
	})
	return err
}

// assertSameSchema shows the first difference with the lines around it: two whole schemas would bury it.
func assertSameSchema(t *testing.T, want, got, message string) {
	t.Helper()
	if want == got {
		return
	}
	wanted, found := strings.Split(want, "\n"), strings.Split(got, "\n")
	at := 0
	for at < len(wanted) && at < len(found) && wanted[at] == found[at] {
		at++
	}
	t.Errorf("%s\nfirst difference in line %d:\n  %s\nwant:\n  %s\ngot:\n  %s", message, at+1,
		excerpt(wanted, at-3, at), excerpt(wanted, at, at+5), excerpt(found, at, at+5))
}

func excerpt(lines []string, from, to int) string {
	return strings.Join(lines[max(from, 0):min(to, len(lines))], "\n  ")
}
