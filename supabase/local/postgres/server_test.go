//go:build unix

package postgres

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestServer(t *testing.T) {
	t.Parallel()
	server := start(t, Options{Ephemeral: true, Settings: map[string]string{"application_name": "it's us"}})

	t.Run("runs with the settings of hosted Supabase", func(t *testing.T) {
		t.Parallel()
		assert.GreaterOrEqual(t, server.Version(), 15)
		for setting, want := range map[string]string{
			"wal_level": "logical", "timezone": "UTC", "max_slot_wal_keep_size": "4GB", "listen_addresses": "127.0.0.1",
			"synchronous_commit": "on", "fsync": "off", "application_name": "it's us", "port": strconv.Itoa(server.Port()),
			"data_directory": filepath.Join(server.DataDir(), "cluster"), "server_encoding": "UTF8",
		} {
			assert.Equal(t, want, query(t, server, "show "+setting), setting)
		}
	})
	t.Run("asks for the password", func(t *testing.T) {
		t.Parallel()
		config, err := pgx.ParseConfig(server.URL("postgres", Superuser))
		require.NoError(t, err)
		config.Password = "wrong"
		_, err = pgx.ConnectConfig(t.Context(), config)
		require.ErrorContains(t, err, "password authentication failed")
	})
	t.Run("does not run as root, nor in the group of the terminal", func(t *testing.T) {
		t.Parallel()
		pid := server.postmaster.process.Pid
		group, err := syscall.Getpgid(pid)
		require.NoError(t, err)
		assert.Equal(t, pid, group)
		info, err := os.Stat(server.place.cluster())
		require.NoError(t, err)
		uid, _ := ownerOf(info)
		assert.NotZero(t, uid)
		assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	})
	t.Run("writes a log", func(t *testing.T) {
		t.Parallel()
		text, err := os.ReadFile(server.LogPath())
		require.NoError(t, err)
		assert.Contains(t, string(text), "ready to accept connections")
	})
}

func TestStop(t *testing.T) {
	t.Parallel()
	t.Run("keeps the data for the next start", func(t *testing.T) {
		t.Parallel()
		opts := Options{DataDir: openDir(t)}
		first := start(t, opts)
		execute(t, first.URL("postgres", Superuser), "create table kept as select 42 as n")
		stop(t, first)
		second := start(t, opts)
		assert.Equal(t, "42", query(t, second, "select n::text from kept"))
	})
	t.Run("removes an ephemeral folder", func(t *testing.T) {
		t.Parallel()
		server := start(t, Options{Ephemeral: true})
		require.DirExists(t, server.DataDir())
		stop(t, server)
		requireExited(t, server)
		assert.NoDirExists(t, server.DataDir())
	})
	t.Run("may be repeated", func(t *testing.T) {
		t.Parallel()
		server := start(t, Options{Ephemeral: true})
		stop(t, server)
		stop(t, server)
	})
	t.Run("ends open sessions", func(t *testing.T) {
		t.Parallel()
		server := start(t, Options{DataDir: openDir(t)})
		conn, err := pgx.Connect(t.Context(), server.URL("postgres", Superuser))
		require.NoError(t, err)
		stop(t, server)
		require.Error(t, conn.Ping(t.Context()))
	})
	t.Run("with an ended context still ends the server", func(t *testing.T) {
		t.Parallel()
		server := start(t, Options{DataDir: openDir(t)})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.NoError(t, server.Stop(ctx))
		requireExited(t, server)
	})
	t.Run("after the server died by itself gives the folder back", func(t *testing.T) {
		t.Parallel()
		opts := Options{DataDir: openDir(t)}
		server := start(t, opts)
		require.NoError(t, server.postmaster.process.Signal(syscall.SIGQUIT))
		requireExited(t, server)
		stop(t, server)
		start(t, opts)
	})
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	t.Run("a port that is in use, before anything is made", func(t *testing.T) {
		t.Parallel()
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer listener.Close() //nolint:errcheck // a test's listener
		port := listener.Addr().(*net.TCPAddr).Port
		dataDir := openDir(t)
		_, err = Start(t.Context(), Options{DataDir: dataDir, Port: port})
		var inUse *PortInUseError
		require.ErrorAs(t, err, &inUse)
		assert.Equal(t, port, inUse.Port)
		assert.NoDirExists(t, filepath.Join(dataDir, "cluster"))
	})
	t.Run("a folder that another process uses", func(t *testing.T) {
		t.Parallel()
		dataDir := openDir(t)
		other := startHelper(t, dataDir)
		_, err := Start(t.Context(), Options{DataDir: dataDir})
		var running *AlreadyRunningError
		require.ErrorAs(t, err, &running)
		assert.Equal(t, other.process.Process.Pid, running.PID)
		conn, err := pgx.Connect(t.Context(), other.url)
		require.NoError(t, err, "the other server must not notice")
		require.NoError(t, conn.Close(t.Context()))
	})
	t.Run("a folder that this process uses", func(t *testing.T) {
		t.Parallel()
		server := start(t, Options{Ephemeral: true})
		_, err := Start(t.Context(), Options{DataDir: server.DataDir(), Ephemeral: true})
		var running *AlreadyRunningError
		require.ErrorAs(t, err, &running)
		assert.Equal(t, os.Getpid(), running.PID)
		assert.Equal(t, "1", query(t, server, "select '1'"))
	})
	t.Run("a cluster of another version", func(t *testing.T) {
		t.Parallel()
		opts := Options{DataDir: openDir(t)}
		server := start(t, opts)
		stop(t, server)
		require.NoError(t, os.WriteFile(filepath.Join(server.place.cluster(), "PG_VERSION"), []byte("14\n"), 0o600))
		_, err := Start(t.Context(), opts)
		var version *VersionError
		require.ErrorAs(t, err, &version)
		assert.Equal(t, 14, version.Cluster)
	})
	t.Run("no folder", func(t *testing.T) {
		t.Parallel()
		_, err := Start(t.Context(), Options{})
		require.ErrorIs(t, err, errNoDataDir)
	})
	t.Run("a setting that Postgres does not know, with the words of its log", func(t *testing.T) {
		t.Parallel()
		_, err := Start(t.Context(), Options{Ephemeral: true, Settings: map[string]string{"work_memory": "1MB"}})
		var failed *StartError
		require.ErrorAs(t, err, &failed)
		require.ErrorIs(t, err, errExited)
		assert.Contains(t, failed.Log, `unrecognized configuration parameter "work_memory"`)
	})
	t.Run("a folder that the server's user may not enter", func(t *testing.T) {
		t.Parallel()
		if os.Geteuid() != 0 {
			t.Skip("only root runs the server as another user")
		}
		closed := openDir(t)
		require.NoError(t, os.Mkdir(closed, 0o700))
		_, err := Start(t.Context(), Options{DataDir: filepath.Join(closed, "data")})
		require.ErrorContains(t, err, "may not enter "+closed)
	})
}

func TestParentKilled(t *testing.T) {
	t.Parallel()
	dataDir := openDir(t)
	parent := startHelper(t, dataDir)
	execute(t, parent.url, "create table kept as select 42 as n")
	parent.kill()

	// At once, so that on every system this meets a server that still runs.
	server := start(t, Options{DataDir: dataDir})
	requireGone(t, parent.postmaster)
	assert.Equal(t, "42", query(t, server, "select n::text from kept"))
}

func TestParentKilledLeavesNoServer(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells a process that its parent died")
	}
	parent := startHelper(t, openDir(t))
	parent.kill()
	requireGone(t, parent.postmaster)
}

func TestStalePIDFile(t *testing.T) {
	t.Parallel()
	opts := Options{DataDir: openDir(t)}
	server := start(t, opts)
	stop(t, server)
	stranger := exec.CommandContext(t.Context(), "sleep", "60")
	require.NoError(t, stranger.Start())
	defer stranger.Wait()         //nolint:errcheck // killed at the end of the test
	defer stranger.Process.Kill() //nolint:errcheck // as above
	text := strconv.Itoa(stranger.Process.Pid) + "\n" + server.place.cluster() + "\n"
	require.NoError(t, os.WriteFile(server.place.pidFile(), []byte(text), 0o600))
	require.NoError(t, server.account.own(server.place.pidFile()))
	assert.Equal(t, "1", query(t, start(t, opts), "select '1'"))
	assert.True(t, processAlive(stranger.Process.Pid), "the stranger must not notice")
}
