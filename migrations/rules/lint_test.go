package rules_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/migrations"
	"github.com/supportbase/handoff/supabase/local/localtest"
)

// violationMark begins each proof in a file of testdata/lint: statements that make an object which the query must report.
const violationMark = "-- A violation:"

// TestCatalogueLint runs each query of testdata/lint: it reports objects that break a rule of the house, and must report
// none. Each proves itself on violations that are undone again. A new lint is a new file.
func TestCatalogueLint(t *testing.T) { //nolint:tparallel // the subtests take turns on one connection
	t.Parallel()
	conn := connectSuperuser(t, localtest.New(t, localtest.WithSetup("migrations", migrated)))
	_, err := conn.Exec(t.Context(), `set search_path = ''`)
	require.NoError(t, err)
	files, err := filepath.Glob("testdata/lint/*.sql")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		query, proofs, found := strings.Cut(string(text), violationMark)
		require.True(t, found, "%s has no violation that proves it", path)

		t.Run(strings.TrimSuffix(filepath.Base(path), ".sql"), func(t *testing.T) {
			assert.Empty(t, readColumn(t, conn, query), "findings of %s, which says why they matter", path)
			for _, violation := range strings.Split(proofs, violationMark) {
				scratch(t, conn, func() {
					_, err := conn.PgConn().Exec(t.Context(), "--"+violation).ReadAll()
					require.NoError(t, err, violation)
					assert.NotEmpty(t, readColumn(t, conn, query), "not reported: %s", violation)
				})
			}
		})
	}
	t.Logf("lints=%d", len(files))
}

// definer finds each SECURITY DEFINER of a file, with the rest of its line.
var definer = regexp.MustCompile(`(?m)^ *security definer(.*)$`)

// TestDefinersSayWhy demands a reason beside each SECURITY DEFINER, or after "DEFINER:" in the comment above the function.
func TestDefinersSayWhy(t *testing.T) {
	t.Parallel()
	for _, file := range migrations.Files() {
		for _, at := range definer.FindAllStringSubmatchIndex(file.SQL, -1) {
			beside := file.SQL[at[2]:at[3]]
			head := file.SQL[strings.LastIndex(file.SQL[:at[0]], "create or replace function"):at[0]]
			above := file.SQL[max(0, strings.LastIndex(file.SQL[:at[0]], "\n\n")):at[0]]
			assert.True(t, strings.Contains(beside, "-- ") || strings.Contains(above, "DEFINER: "),
				"%s: say why it is SECURITY DEFINER: %s", file.Name, strings.SplitN(head, "\n", 2)[0])
		}
	}
}
