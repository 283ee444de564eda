package migrations_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/localtest"
	"github.com/supportbase/handoff/supabase/local/postgres"
	"github.com/supportbase/handoff/supabase/local/schema"
)

const (
	cliVersion = "3.1.0"
	// cliCache is relative to this folder.
	cliCache = "../.cache/supabase-cli-" + cliVersion
	// installTimeout bounds the download of about 60 MB.
	installTimeout = 10 * time.Minute
	pushTimeout    = 2 * time.Minute
)

// supabaseCLI is the program of the npm package, taken once. The tests fail without it: that the CLI takes our files is
// a promise, and nothing but the CLI itself can show it.
var supabaseCLI = sync.OnceValues(func() (string, error) {
	program, err := filepath.Abs(filepath.Join(cliCache, "node_modules", ".bin", "supabase"))
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	if err := installCLI(); err != nil {
		return "", fmt.Errorf("take the Supabase CLI from npm: %w", err)
	}
	return program, nil
})

// installCLI fills a folder beside the cache's and gives it the name when it is complete. Of several processes that do
// so at once one wins; all have the same.
func installCLI() error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(cliCache), 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(cliCache), ".supabase-cli-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // nothing is left there after the rename
	ctx, cancel := context.WithTimeout(context.Background(), installTimeout)
	defer cancel()
	install := exec.CommandContext(ctx, npm, "install", "--prefix", dir, "--no-save", "--ignore-scripts", "--no-audit", "--no-fund",
		"--loglevel=error", "supabase@"+cliVersion)
	if output, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, output)
	}
	if err := os.Rename(dir, cliCache); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// push runs `supabase db push` for a project whose migrations folder is given.
func push(t *testing.T, migrationsDir, url string) (output string, err error) {
	t.Helper()
	program, err := supabaseCLI()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), pushTimeout)
	defer cancel()
	project := filepath.Dir(filepath.Dir(migrationsDir))
	command := exec.CommandContext(ctx, program, "db", "push", "--workdir", project, "--remote="+url, "--yes")
	command.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "SUPABASE_TELEMETRY_DISABLED=1"}
	text, err := command.CombinedOutput()
	return string(text), err
}

func mustPush(t *testing.T, migrationsDir, url string) string {
	t.Helper()
	output, err := push(t, migrationsDir, url)
	require.NoError(t, err, output)
	return output
}

// cluster makes databases that look like a new Supabase project.
type cluster struct {
	name string
	// newURL makes one and returns its address for the role postgres.
	newURL func(t *testing.T) string
}

// clusters are the server of this suite and one of the newest version that Supabase runs.
func clusters(t *testing.T) []cluster {
	t.Helper()
	return []cluster{
		{"the server of this suite", func(t *testing.T) string {
			t.Helper()
			return localtest.New(t).URL("postgres")
		}},
		{"Postgres 17", newest(t)},
	}
}

// newest starts the server of the npm package.
func newest(t *testing.T) func(t *testing.T) string {
	t.Helper()
	server, err := postgres.Start(t.Context(), postgres.Options{Ephemeral: true, AllowInstall: true, Binaries: "npm"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(context.WithoutCancel(t.Context()))) })
	asAdmin(t, server, "postgres", func(conn *pgx.Conn) error { return schema.EnsureRoles(t.Context(), conn) })
	asAdmin(t, server, "template1", func(conn *pgx.Conn) error { return schema.Bootstrap(t.Context(), conn) })
	var making sync.Mutex // two copies of one template at once are refused
	number := 0
	return func(t *testing.T) string {
		t.Helper()
		making.Lock()
		defer making.Unlock()
		number++
		name := fmt.Sprintf("project_%d", number)
		asAdmin(t, server, "postgres", func(conn *pgx.Conn) error {
			_, err := conn.Exec(t.Context(), "create database "+name+" owner postgres")
			return err
		})
		return server.URL(name, "postgres")
	}
}

func asAdmin(t *testing.T, server *postgres.Server, database string, do func(*pgx.Conn) error) {
	t.Helper()
	conn := connectTo(t, server.URL(database, postgres.Superuser))
	require.NoError(t, do(conn))
	require.NoError(t, conn.Close(t.Context()))
}

func connectTo(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}
