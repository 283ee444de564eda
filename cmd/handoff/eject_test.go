package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/migrations"
)

func TestMigrateEject(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "supabase", "migrations")
	total := len(migrations.Files())

	first := ejected(t, "--dir", dir, "--stamp", "20261122090000")
	assert.Contains(t, first, "written    20261122090000_handoff_10_foundation.sql\n")
	assert.Contains(t, first, fmt.Sprintf("RESULT eject=ok written=%d unchanged=0 edited=0\n", total))

	require.NoError(t, os.WriteFile(filepath.Join(dir, "20261122090000_handoff_10_foundation.sql"),
		[]byte("-- handoff: 10_foundation sha256:"+migrations.Files()[0].Checksum+"\nselect 1;\n"), 0o600))
	require.NoError(t, os.Remove(filepath.Join(dir, "20261122090001_handoff_"+migrations.Files()[1].Name+".sql")))
	second := ejected(t, "--dir", dir, "--stamp", "20261123090000")
	assert.Contains(t, second, "edited     20261122090000_handoff_10_foundation.sql\n")
	assert.Contains(t, second, "written    20261123090000_handoff_"+migrations.Files()[1].Name+".sql\n")
	assert.Contains(t, second, fmt.Sprintf("RESULT eject=ok written=1 unchanged=%d edited=1\n", total-2))
}

// ejected runs the command with no configuration at all and returns what it printed.
func ejected(t *testing.T, args ...string) string {
	t.Helper()
	p := launch(t, nil, append([]string{"migrate", "eject"}, args...)...)
	require.Zero(t, p.exitCode(t), p.output.String())
	return p.output.String()
}

func TestMigrateEjectRefuses(t *testing.T) {
	t.Parallel()

	t.Run("no folder", func(t *testing.T) {
		t.Parallel()
		text := refused(t, "usage", exitUsage, nil, "migrate", "eject")
		assert.Contains(t, text, "supabase/migrations")
	})

	for _, stamp := range []string{"2026", "20261301000000", "2026112209000", "202611220900000", "tomorrow"} {
		t.Run("the stamp "+stamp, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "migrations")
			text := refused(t, "stamp_invalid", exitUsage, nil, "migrate", "eject", "--dir", dir, "--stamp", stamp)
			assert.Contains(t, text, "YYYYMMDDHHMMSS")
			assert.NoDirExists(t, dir)
		})
	}

	t.Run("a stamp before the last migration", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "20261122090000_mine.sql"), nil, 0o600))
		text := refused(t, "stamp_too_old", exitFailed, nil, "migrate", "eject", "--dir", dir, "--stamp", "20261122085959")
		assert.Contains(t, text, "20261122090000_mine.sql")
		assert.Contains(t, text, "--stamp")
	})

	t.Run("a folder that is a file", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "migrations")
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		text := refused(t, "migrations_folder_unusable", exitFailed, nil, "migrate", "eject", "--dir", file)
		assert.Contains(t, text, file)
	})
}

func TestEveryCodeOfEjectIsDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/errors.md")
	require.NoError(t, err)
	source, err := os.ReadFile("eject.go")
	require.NoError(t, err)
	found := codeInSource.FindAllStringSubmatch(string(source), -1)
	require.Len(t, found, 4)
	for _, code := range found {
		assert.Contains(t, string(page), "| `"+code[1]+"` |")
	}
}
