package postgres

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSweepParent(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	folder := func(name string, age time.Duration) string {
		dir := filepath.Join(parent, name)
		require.NoError(t, os.MkdirAll(dir, 0o700))
		then := time.Now().Add(-age)
		require.NoError(t, os.Chtimes(dir, then, then))
		return dir
	}
	abandoned := folder(ephemeralPrefix+"abandoned", 2*ephemeralMinimumAge)
	fresh := folder(ephemeralPrefix+"fresh", 0)
	stranger := folder("somebody-elses", time.Hour)
	used := folder(ephemeralPrefix+"used", 0)
	lock, err := takeLock(used, layout{used}.lock())
	require.NoError(t, err)
	defer lock.Close() //nolint:errcheck // a test's file
	folder(ephemeralPrefix+"used", time.Hour)

	sweepParent(t.Context(), parent)

	assert.NoDirExists(t, abandoned, "the process was killed")
	assert.DirExists(t, fresh, "its process may be about to lock it")
	assert.DirExists(t, used, "its process lives")
	assert.DirExists(t, stranger, "not ours")
}

func TestStage(t *testing.T) {
	t.Parallel()
	t.Run("a failed fill leaves nothing", func(t *testing.T) {
		t.Parallel()
		parent := t.TempDir()
		err := stage(filepath.Join(parent, "target"), func(string) error { return os.ErrPermission })
		require.ErrorIs(t, err, os.ErrPermission)
		entries, err := os.ReadDir(parent)
		require.NoError(t, err)
		assert.Empty(t, entries)
	})
	t.Run("the first of two stands", func(t *testing.T) {
		t.Parallel()
		target := filepath.Join(t.TempDir(), "target")
		write := func(text string) func(string) error {
			return func(dir string) error { return os.WriteFile(filepath.Join(dir, "f"), []byte(text), 0o600) }
		}
		require.NoError(t, stage(target, func(dir string) error {
			require.NoError(t, stage(target, write("first"))) // another process was faster
			return write("second")(dir)
		}))
		text, err := os.ReadFile(filepath.Join(target, "f"))
		require.NoError(t, err)
		assert.Equal(t, "first", string(text))
	})
}
