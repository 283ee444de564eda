package migrations_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/migrations"
)

// stamp is the version that the tests begin with.
var stamp = time.Date(2026, 11, 22, 9, 0, 58, 0, time.UTC)

// ejectDir is an empty folder that Eject has to make.
func ejectDir(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "supabase", "migrations")
}

func eject(t *testing.T, dir string, at time.Time) []migrations.Ejected {
	t.Helper()
	results, err := migrations.Eject(migrations.EjectOptions{Dir: dir, Stamp: at})
	require.NoError(t, err)
	require.Len(t, results, len(migrations.Files()))
	return results
}

// makeOlder turns the file that was ejected last for a migration into one of an older version of it, as a release before
// this one would have written it.
func makeOlder(t *testing.T, dir, name string) (file string) {
	t.Helper()
	matches, err := filepath.Glob(filepath.Join(dir, "*_handoff_"+name+".sql"))
	require.NoError(t, err)
	require.NotEmpty(t, matches)
	file = matches[len(matches)-1]
	for _, one := range migrations.Files() {
		if one.Name != name {
			continue
		}
		older := one.SQL + "-- This line is gone by now.\n"
		text := strings.Replace(readText(t, file), one.SQL, older, 1)
		sum := sha256.Sum256([]byte(older))
		writeText(t, file, strings.ReplaceAll(text, one.Checksum, hex.EncodeToString(sum[:])))
	}
	return filepath.Base(file)
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

func writeText(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

// filesOf is the folder's content by name.
func filesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	texts := map[string]string{}
	for _, entry := range entries {
		if !entry.IsDir() {
			texts[entry.Name()] = readText(t, filepath.Join(dir, entry.Name()))
		}
	}
	return texts
}

// written lists the files that a run of Eject wrote.
func written(results []migrations.Ejected) []string {
	var files []string
	for _, one := range results {
		if one.State == migrations.EjectWritten {
			files = append(files, one.File)
		}
	}
	return files
}

func TestEject(t *testing.T) {
	t.Parallel()

	t.Run("writes every migration in order, one second apart", func(t *testing.T) {
		t.Parallel()
		dir := ejectDir(t)
		results := eject(t, dir, stamp)
		for i, file := range migrations.Files() {
			name := stamp.Add(time.Duration(i)*time.Second).Format(migrations.StampLayout) + "_handoff_" + file.Name + ".sql"
			assert.Equal(t, migrations.Ejected{Name: file.Name, File: name, State: migrations.EjectWritten}, results[i])
			assert.Regexp(t, `^[0-9]{14}_[a-z0-9_]+\.sql$`, name)
			text := readText(t, filepath.Join(dir, name))
			assert.Contains(t, text, file.SQL, "the same bytes as Up runs")
			assert.True(t, strings.HasPrefix(text, "-- handoff: "+file.Name+" sha256:"+file.Checksum+"\n"), name)
		}
	})

	t.Run("leaves the transaction to the CLI", func(t *testing.T) {
		t.Parallel()
		dir := ejectDir(t)
		eject(t, dir, stamp)
		transaction := regexp.MustCompile(`(?im)^\s*(begin|start transaction|commit|rollback|end)\s*;|\bconcurrently\b`)
		for name, text := range filesOf(t, dir) {
			// Bodies of functions have blocks of their own.
			outside := regexp.MustCompile(`(?s)\$\$.*?\$\$`).ReplaceAllString(text, "")
			assert.NotRegexp(t, transaction, outside, name)
		}
	})

	t.Run("writes nothing the second time", func(t *testing.T) {
		t.Parallel()
		dir := ejectDir(t)
		first := eject(t, dir, time.Time{})
		before := filesOf(t, dir)
		second := eject(t, dir, time.Time{})
		for i := range second {
			assert.Equal(t, migrations.EjectUnchanged, second[i].State)
			assert.Equal(t, first[i].File, second[i].File)
		}
		assert.Equal(t, before, filesOf(t, dir))
	})

	t.Run("writes what is new in this version, after all that is there, and touches nothing else", func(t *testing.T) {
		t.Parallel()
		dir := ejectDir(t)
		first := eject(t, dir, stamp)
		makeOlder(t, dir, "40_outbox")
		require.NoError(t, os.Remove(filepath.Join(dir, first[0].File)))
		writeText(t, filepath.Join(dir, "20261122120000_mine.sql"), "select 1;\n")
		before := filesOf(t, dir)

		results := eject(t, dir, stamp.Add(4*time.Hour))
		assert.Equal(t, []string{"20261122130058_handoff_10_foundation.sql", "20261122130059_handoff_40_outbox.sql"}, written(results))
		after := filesOf(t, dir)
		assert.Len(t, after, len(before)+2)
		assert.Subset(t, after, before)
	})

	t.Run("keeps a file that somebody edited, and says so", func(t *testing.T) {
		t.Parallel()
		dir := ejectDir(t)
		file := filepath.Join(dir, eject(t, dir, stamp)[0].File)
		edited := strings.Replace(readText(t, file), "create schema", "create /* mine */ schema", 1)
		writeText(t, file, edited)
		results := eject(t, dir, stamp.Add(time.Hour))
		assert.Equal(t, migrations.EjectEdited, results[0].State)
		assert.Empty(t, written(results))
		assert.Equal(t, edited, readText(t, file))
	})

	t.Run("knows its files by the first line: line ends and names may differ", func(t *testing.T) {
		t.Parallel()
		dir := ejectDir(t)
		file := filepath.Join(dir, eject(t, dir, stamp)[0].File)
		writeText(t, filepath.Join(dir, "20261122090000_renamed.sql"), strings.ReplaceAll(readText(t, file), "\n", "\r\n"))
		require.NoError(t, os.Remove(file))
		results := eject(t, dir, stamp.Add(time.Hour))
		assert.Equal(t, migrations.Ejected{Name: "10_foundation", File: "20261122090000_renamed.sql", State: migrations.EjectUnchanged}, results[0])
	})

	t.Run("follows migrations of the future", func(t *testing.T) {
		t.Parallel()
		dir := ejectDir(t)
		writeText(t, filepath.Join(dir, "29990101000000_mine.sql"), "select 1;\n")
		assert.Equal(t, "29990101000001_handoff_10_foundation.sql", eject(t, dir, time.Time{})[0].File)
	})

	t.Run("two at once never write the same file", func(t *testing.T) {
		t.Parallel()
		dir := ejectDir(t)
		counts := make([]int, 8)
		var group sync.WaitGroup
		for i := range counts {
			group.Go(func() {
				results, _ := migrations.Eject(migrations.EjectOptions{Dir: dir, Stamp: stamp}) // who comes second may be refused
				counts[i] = len(written(results))
			})
		}
		group.Wait()
		total := 0
		for _, count := range counts {
			total += count
		}
		assert.Len(t, filesOf(t, dir), total)
	})

	t.Run("looks only at what the CLI takes for a migration", func(t *testing.T) {
		t.Parallel()
		dir := ejectDir(t)
		writeText(t, filepath.Join(dir, "29990101000000_folder.sql", "inside.sql"), "select 1;\n")
		writeText(t, filepath.Join(dir, "29990101000000.sql"), "select 1;\n")
		writeText(t, filepath.Join(dir, "notes_29990101000000.sql"), "select 1;\n")
		writeText(t, filepath.Join(dir, "1_old.sql"), "select 1;\n")
		assert.Equal(t, "20261122090058_handoff_10_foundation.sql", eject(t, dir, stamp)[0].File)
	})
}

func TestEjectRefuses(t *testing.T) {
	t.Parallel()

	for name, last := range map[string]string{
		"a stamp before the last migration":            "20261122090059_mine.sql",
		"the stamp of the last migration":              "20261122090058_mine.sql",
		"a folder whose last version no time can pass": "99999999999999_mine.sql",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := ejectDir(t)
			writeText(t, filepath.Join(dir, last), "select 1;\n")
			results, err := migrations.Eject(migrations.EjectOptions{Dir: dir, Stamp: stamp})
			var refusal *migrations.StampError
			require.ErrorAs(t, err, &refusal)
			assert.Equal(t, &migrations.StampError{Stamp: "20261122090058", Newest: last}, refusal)
			assert.Contains(t, err.Error(), last)
			assert.Empty(t, results)
			assert.Len(t, filesOf(t, dir), 1, "nothing was written")
		})
	}

	t.Run("a version that no time can pass, also without a stamp", func(t *testing.T) {
		t.Parallel()
		dir := ejectDir(t)
		writeText(t, filepath.Join(dir, "99999999999999_mine.sql"), "select 1;\n")
		_, err := migrations.Eject(migrations.EjectOptions{Dir: dir})
		var refusal *migrations.StampError
		require.ErrorAs(t, err, &refusal)
	})

	t.Run("no stamp when nothing is to be written", func(t *testing.T) {
		t.Parallel()
		dir := ejectDir(t)
		eject(t, dir, stamp)
		assert.Empty(t, written(eject(t, dir, stamp)))
	})

	t.Run("a folder that cannot be one", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "file")
		writeText(t, dir, "")
		_, err := migrations.Eject(migrations.EjectOptions{Dir: dir})
		require.ErrorIs(t, err, migrations.ErrEjectFolder)
		assert.Contains(t, err.Error(), dir)
	})

	t.Run("a file that cannot be read, and writes nothing", func(t *testing.T) {
		t.Parallel()
		dir := ejectDir(t)
		require.NoError(t, os.MkdirAll(dir, 0o755))
		require.NoError(t, os.Symlink("nowhere", filepath.Join(dir, "1_gone.sql")))
		_, err := migrations.Eject(migrations.EjectOptions{Dir: dir})
		require.ErrorIs(t, err, migrations.ErrEjectFolder)
		assert.Len(t, mustGlob(t, dir, "*"), 1)
	})

	t.Run("to write over a file, and what it wrote before is whole", func(t *testing.T) {
		t.Parallel()
		dir := ejectDir(t)
		taken := "20261122090100_handoff_" + migrations.Files()[2].Name + ".sql"
		// Not a migration by the CLI's rules, so that it does not count as the last one.
		require.NoError(t, os.MkdirAll(filepath.Join(dir, taken), 0o755))
		results, err := migrations.Eject(migrations.EjectOptions{Dir: dir, Stamp: stamp})
		require.ErrorIs(t, err, migrations.ErrEjectFolder)
		assert.Len(t, written(results), 2)
		assert.Len(t, filesOf(t, dir), 2)

		require.NoError(t, os.Remove(filepath.Join(dir, taken)))
		assert.Len(t, written(eject(t, dir, time.Time{})), len(migrations.Files())-2, "the next run goes on from there")
	})
}

func mustGlob(t *testing.T, dir, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	require.NoError(t, err)
	return found
}

func ExampleEject() {
	dir, err := os.MkdirTemp("", "project-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	results, err := migrations.Eject(migrations.EjectOptions{
		Dir: filepath.Join(dir, "supabase", "migrations"), Stamp: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC),
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(results[0].State, results[0].File)
	// Output: written 20261122090000_handoff_10_foundation.sql
}
