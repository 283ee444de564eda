package rules_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/supportbase/handoff/supabase/local/postgres"
)

// errNoPlpgsqlCheck means that neither the server nor this machine's packages offer the extension.
var errNoPlpgsqlCheck = errors.New("plpgsql_check is not available")

// aptTimeout bounds each call of a package program, apt-get update being the longest.
const aptTimeout = 2 * time.Minute

// fetchPlpgsqlCheck returns the SQL that makes the extension's functions, calling a library in the cache. It takes the
// Debian package for the server's major version, once; errNoPlpgsqlCheck when there is none or this is no Debian.
func fetchPlpgsqlCheck(ctx context.Context, major int) (string, error) {
	if os.Getenv("HANDOFF_TEST_POSTGRES") != "" {
		return "", fmt.Errorf("%w in the server of HANDOFF_TEST_POSTGRES", errNoPlpgsqlCheck)
	}
	cache, err := postgres.DefaultCacheDir()
	if err != nil {
		return "", err
	}
	home := filepath.Join(cache, fmt.Sprintf("plpgsql-check-%d", major))
	if _, err := os.Stat(home); err != nil {
		if err := unpackPlpgsqlCheck(ctx, major, home); err != nil {
			return "", err
		}
	}
	return extensionScript(home, major)
}

// unpackPlpgsqlCheck fills home in one rename, so that a folder of that name is always complete.
func unpackPlpgsqlCheck(ctx context.Context, major int, home string) error {
	if err := os.MkdirAll(filepath.Dir(home), 0o755); err != nil {
		return err
	}
	stage, err := os.MkdirTemp(filepath.Dir(home), ".stage-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(stage) //nolint:errcheck // after the rename there is nothing to remove
	if err := os.Chmod(stage, 0o755); err != nil {
		return err
	}
	if err := downloadPackage(ctx, stage, fmt.Sprintf("postgresql-%d-plpgsql-check", major)); err != nil {
		return err
	}
	if err := os.Rename(stage, home); err != nil && !isFolder(home) {
		return err
	}
	return nil
}

// downloadPackage unpacks the newest version that apt knows into dir.
func downloadPackage(ctx context.Context, dir, name string) error {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("%w: this machine has no apt to take %s from", errNoPlpgsqlCheck, name)
	}
	if err := ensurePackageLists(ctx, dir); err != nil {
		return err
	}
	if out, err := runProgram(ctx, dir, "apt-get", "download", name); err != nil {
		return fmt.Errorf("%w: apt-get download %s: %s", errNoPlpgsqlCheck, name, strings.TrimSpace(out))
	}
	archives, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(archives) != 1 {
		return fmt.Errorf("find the archive of %s in %s: %d found, %w", name, dir, len(archives), err)
	}
	if out, err := runProgram(ctx, dir, "dpkg-deb", "--extract", archives[0], dir); err != nil {
		return fmt.Errorf("unpack %s: %w: %s", archives[0], err, out)
	}
	return nil
}

// ensurePackageLists fetches apt's lists when they know of no version of the extension at all: fresh containers come
// without lists. That takes root; without it the download says what is missing.
func ensurePackageLists(ctx context.Context, dir string) error {
	known, err := runProgram(ctx, dir, "apt-cache", "pkgnames", "postgresql-")
	if err != nil || strings.Contains(known, "-plpgsql-check") || os.Geteuid() != 0 {
		return nil //nolint:nilerr // whether the lists are good enough shows in the download
	}
	if out, err := runProgram(ctx, dir, "apt-get", "update"); err != nil {
		return fmt.Errorf("%w: apt-get update: %s", errNoPlpgsqlCheck, strings.TrimSpace(out))
	}
	return nil
}

func runProgram(ctx context.Context, dir, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, aptTimeout)
	defer cancel()
	command := exec.CommandContext(ctx, program, args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "LC_ALL=C")
	out, err := command.CombinedOutput()
	return string(out), err
}

// extensionScript is the script that create extension would run, with the library's own path.
func extensionScript(home string, major int) (string, error) {
	version := fmt.Sprint(major)
	scripts, err := filepath.Glob(filepath.Join(home, "usr", "share", "postgresql", version, "extension", "plpgsql_check--*.sql"))
	if err != nil || len(scripts) != 1 {
		return "", fmt.Errorf("find the script of plpgsql_check in %s: %d found, %w", home, len(scripts), err)
	}
	text, err := os.ReadFile(scripts[0])
	if err != nil {
		return "", err
	}
	library := filepath.Join(home, "usr", "lib", "postgresql", version, "lib", "plpgsql_check.so")
	filled := strings.NewReplacer("MODULE_PATHNAME", library, "@extschema@", "plpgsql_check").Replace(string(text))
	lines := strings.Split(filled, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, `\`) { // for psql only
			lines[i] = ""
		}
	}
	return strings.Join(lines, "\n"), nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
