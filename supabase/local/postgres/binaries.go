package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	binariesVariable = "HANDOFF_POSTGRES_BIN"
	// binariesNPM is the value of Options.Binaries that means: the npm package, whatever the machine has.
	binariesNPM = "npm"
	// versionTimeout bounds `postgres --version` and `pg_config --bindir`.
	versionTimeout = 20 * time.Second
)

// usualPlaces are where distributions put servers, newest version first within each pattern.
var usualPlaces = []string{
	"/usr/lib/postgresql/*/bin",
	"/usr/pgsql-*/bin",
	"/usr/local/pgsql/bin",
	"/opt/homebrew/opt/postgresql@*/bin",
	"/usr/local/opt/postgresql@*/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin",
}

// binaries is a folder with postgres and initdb, proved to run.
type binaries struct {
	dir   string
	major int
	// version is the whole line that postgres --version prints; it is part of the name of cluster templates.
	version string
}

func (b binaries) path(program string) string { return filepath.Join(b.dir, program) }

// findBinaries returns the first usable server in the documented order. major restricts it to one major version;
// zero means any supported one.
func findBinaries(ctx context.Context, opts Options, run *account, major int) (binaries, error) {
	switch opts.Binaries {
	case "":
		return searchMachine(ctx, opts, run, major)
	case binariesNPM:
		return npmBinaries(ctx, opts, run, major)
	default:
		found, err := inspect(ctx, opts.Binaries, run)
		if err != nil {
			return binaries{}, fmt.Errorf("use PostgreSQL in %s: %w", opts.Binaries, err)
		}
		return found, matchMajor(found, opts.DataDir, major)
	}
}

func searchMachine(ctx context.Context, opts Options, run *account, major int) (binaries, error) {
	var mismatch error
	for _, dir := range candidates(ctx) {
		found, err := inspect(ctx, dir, run)
		if err != nil {
			continue // a folder without a usable server is no fault: most candidates are guesses
		}
		if err := matchMajor(found, opts.DataDir, major); err != nil {
			mismatch = err
			continue
		}
		return found, nil
	}
	found, err := npmBinaries(ctx, opts, run, major)
	if errors.Is(err, ErrNoPostgres) && mismatch != nil {
		return binaries{}, mismatch
	}
	return found, err
}

func matchMajor(found binaries, dataDir string, major int) error {
	if major != 0 && found.major != major {
		return &VersionError{DataDir: dataDir, Cluster: major, Server: found.major}
	}
	return nil
}

// candidates lists folders that may hold a server: PATH, pg_config, then the usual places.
func candidates(ctx context.Context) []string {
	var dirs []string
	for _, program := range []string{"postgres", "initdb"} {
		if path, err := exec.LookPath(program); err == nil {
			dirs = append(dirs, folderOf(path))
		}
	}
	if dir := askPgConfig(ctx); dir != "" {
		dirs = append(dirs, dir)
	}
	for _, pattern := range usualPlaces {
		dirs = append(dirs, newestFirst(pattern)...)
	}
	return dirs
}

// folderOf follows symlinks: a link in /usr/local/bin has no initdb beside it and no share folder near it.
func folderOf(path string) string {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	return filepath.Dir(path)
}

func askPgConfig(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

var digits = regexp.MustCompile(`\d+`)

func newestFirst(pattern string) []string {
	dirs, err := filepath.Glob(pattern)
	if err != nil {
		return nil // the patterns are constants; Glob has no other error
	}
	slices.SortStableFunc(dirs, func(a, b string) int { return lastNumber(b) - lastNumber(a) })
	return dirs
}

func lastNumber(path string) int {
	all := digits.FindAllString(path, -1)
	if len(all) == 0 {
		return 0
	}
	n, err := strconv.Atoi(all[len(all)-1])
	if err != nil {
		return 0
	}
	return n
}

// inspect accepts dir when it holds initdb and a postgres of a supported version which the account can execute.
func inspect(ctx context.Context, dir string, run *account) (binaries, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return binaries{}, err
	}
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return binaries{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	command := run.command(ctx, filepath.Join(dir, "postgres"), "--version")
	out, err := command.CombinedOutput()
	if err != nil {
		return binaries{}, fmt.Errorf("postgres --version: %w: %s", err, strings.TrimSpace(string(out)))
	}
	found := binaries{dir: dir, version: strings.TrimSpace(string(out))}
	found.major, err = parseMajor(found.version)
	return found, err
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

func parseMajor(version string) (int, error) {
	match := versionPattern.FindStringSubmatch(version)
	if match == nil {
		return 0, fmt.Errorf("not a PostgreSQL version: %q", version)
	}
	major, err := strconv.Atoi(match[1])
	if err != nil {
		return 0, fmt.Errorf("read version %q: %w", version, err)
	}
	if major < minimumMajor {
		return 0, fmt.Errorf("PostgreSQL %d is too old, %d or newer is needed", major, minimumMajor)
	}
	return major, nil
}
