package main

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/supabase/local/localtest"
	"github.com/supportbase/handoff/supabase/local/postgres"
	"github.com/supportbase/handoff/supabase/local/schema"
)

// project is a complete configuration of `handoff run`, with the database at address.
func project(address string) map[string]string {
	return map[string]string{
		"SUPABASE_URL": "http://127.0.0.1:9", "SUPABASE_SECRET_KEY": "sb_secret_x", "DATABASE_URL": address,
	}
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()

	t.Run("an incomplete configuration, all of it at once", func(t *testing.T) {
		t.Parallel()
		text := refused(t, "config_invalid", exitUsage, nil, "run", "--slot", "Bad Name")
		for _, setting := range []string{"SUPABASE_URL", "SUPABASE_SECRET_KEY", "DATABASE_URL", "HANDOFF_WORKER_SLOT"} {
			assert.Contains(t, text, setting)
		}
	})

	t.Run("an unknown flag", func(t *testing.T) {
		t.Parallel()
		assert.Contains(t, refused(t, "usage", exitUsage, nil, "run", "--nonsense"), "handoff run --help")
	})

	t.Run("a database that nobody answers for", func(t *testing.T) {
		t.Parallel()
		text := refused(t, "database_unreachable", exitFailed, project("postgres://postgres:hunter2@127.0.0.1:1/postgres"), "run")
		assert.Contains(t, text, "DATABASE_URL")
	})

	t.Run("a wrong password", func(t *testing.T) {
		t.Parallel()
		address, err := url.Parse(localtest.New(t).URL("postgres"))
		require.NoError(t, err)
		address.User = url.UserPassword("postgres", "hunter2")
		text := refused(t, "database_password", exitFailed, project(address.String()), "run")
		assert.Contains(t, text, "DATABASE_URL")
	})

	t.Run("a database without the tables", func(t *testing.T) {
		t.Parallel()
		text := refused(t, "database_not_migrated", exitFailed, project(localtest.New(t).URL("postgres")), "run")
		assert.Contains(t, text, "handoff migrate up")
	})

	t.Run("a database that lacks a migration of this version", func(t *testing.T) {
		t.Parallel()
		db := localtest.New(t, localtest.WithSetup("migrations", applyMigrations))
		_, err := db.Pool(t, "postgres").Exec(t.Context(), `delete from handoff.schema_migrations where name = '91_positions'`)
		require.NoError(t, err)
		text := refused(t, "database_not_migrated", exitFailed, project(db.URL("postgres")), "run")
		assert.Contains(t, text, "missing: 91_positions")
	})

	t.Run("a server whose log is not logical", func(t *testing.T) {
		t.Parallel()
		address := replicaServer(t)
		migrate := launch(t, project(address), "migrate", "up")
		require.Zero(t, migrate.exitCode(t), migrate.output.String())
		text := refused(t, "wal_level_not_logical", exitFailed, project(address), "run", "--source", "stream")
		assert.Contains(t, text, "wal_level = logical")
	})
}

// replicaServer is a server with wal_level=replica, made to look like a Supabase project.
func replicaServer(t *testing.T) string {
	t.Helper()
	server, err := postgres.Start(t.Context(), postgres.Options{Ephemeral: true, Settings: map[string]string{"wal_level": "replica"}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Stop(t.Context())) })
	conn, err := pgx.Connect(t.Context(), server.URL("postgres", postgres.Superuser))
	require.NoError(t, err)
	defer closeConn(t.Context(), conn)
	require.NoError(t, schema.EnsureRoles(t.Context(), conn))
	require.NoError(t, schema.Bootstrap(t.Context(), conn))
	return server.URL("postgres", "postgres")
}

func TestDevRefuses(t *testing.T) {
	t.Parallel()

	t.Run("a port that is in use", func(t *testing.T) {
		t.Parallel()
		var listening net.ListenConfig
		taken, err := listening.Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer func() { _ = taken.Close() }()
		_, port, err := net.SplitHostPort(taken.Addr().String())
		require.NoError(t, err)
		for _, flag := range []string{"--port", "--postgres-port", "--pages-port"} {
			folder := dataDir(t)
			ports := map[string]string{"--port": "0", "--postgres-port": "0", "--pages-port": "0", flag: port}
			args := []string{"dev", "--data-dir", folder}
			for name, value := range ports {
				args = append(args, name, value)
			}
			text := refused(t, "port_in_use", exitFailed, nil, args...)
			assert.Contains(t, text, fmt.Sprintf("port %s is in use", port))
			assert.Contains(t, text, flag)
			nothingRuns(t, folder)
		}
	})

	t.Run("a machine without Postgres and npm", func(t *testing.T) {
		t.Parallel()
		empty := t.TempDir()
		folder := dataDir(t)
		text := refused(t, "no_postgres", exitFailed,
			map[string]string{"PATH": empty, "HANDOFF_POSTGRES_BIN": "npm", "HANDOFF_CACHE_DIR": empty},
			"dev", "--port", "0", "--postgres-port", "0", "--data-dir", folder)
		assert.Contains(t, text, "install")
		nothingRuns(t, folder)
	})
}

var codeInSource = regexp.MustCompile(`(?:code:\s+|found\.remedy = |replication\.Err\w+:\s+)"([a-z_]+)"`)

func TestEveryCodeIsDocumented(t *testing.T) {
	t.Parallel()
	documented, err := os.ReadFile("../../docs/errors.md")
	require.NoError(t, err)
	for _, file := range []string{"problem.go", "root.go"} {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		found := codeInSource.FindAllStringSubmatch(string(source), -1)
		require.NotEmpty(t, found, file)
		for _, code := range found {
			assert.Contains(t, string(documented), "| `"+code[1]+"` |")
		}
	}
}
