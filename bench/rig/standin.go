package rig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/supabase/local/keys"
)

const (
	// standInReady is the beginning of the last line that `handoff dev` prints.
	standInReady        = "RESULT run=ok"
	standInStartTimeout = 3 * time.Minute
	standInStopTimeout  = 40 * time.Second
	connectTimeout      = 10 * time.Second
	restartTimeout      = time.Minute
	restartPoll         = 50 * time.Millisecond
)

// Superuser is the role of the stand-in's database that may do anything.
const Superuser = "supabase_admin"

// StandIn is `handoff dev --worker=false` with a database of its own.
type StandIn struct {
	// URL is the project's address.
	URL string
	// Folder is a temporary folder that goes with the stand-in; every user may enter it.
	Folder string

	process      *Process
	postgresPort int
	supervised   bool
}

// StartStandIn runs a stand-in from the binary and returns when its demo project is there. log gets what it writes.
func StartStandIn(ctx context.Context, binary string, log io.Writer) (*StandIn, error) {
	port, postgresPort, err := freePorts(ctx)
	if err != nil {
		return nil, err
	}
	s := &StandIn{
		URL:          "http://127.0.0.1:" + strconv.Itoa(port),
		Folder:       filepath.Join(os.TempDir(), "handoff-bench-"+uuid.NewString()),
		postgresPort: postgresPort,
	}
	if err := os.Mkdir(s.Folder, 0o755); err != nil { //nolint:gosec // Postgres may run as another user, who must enter it
		return nil, fmt.Errorf("make the stand-in's folder: %w", err)
	}
	if err := s.start(ctx, binary, port, log); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *StandIn) start(ctx context.Context, binary string, port int, log io.Writer) error {
	var env []string
	switch bin, err := superviseIn(s.Folder); {
	case err == nil:
		env, s.supervised = append(env, binariesVariable+"="+bin), true
	case !errors.Is(err, errNoBinaries):
		return err
	}
	ready := make(chan struct{})
	var once sync.Once
	process, err := Start(ctx, Command{
		Name: "handoff dev", Path: binary, Env: env, Log: log,
		Args: []string{
			"dev", "--worker=false", "--data-dir", s.dataDir(),
			"--port", strconv.Itoa(port), "--postgres-port", strconv.Itoa(s.postgresPort),
			"--pages-port", "0",
		},
		OnLine: func(line string) {
			if strings.HasPrefix(line, standInReady) {
				once.Do(func() { close(ready) })
			}
		},
	})
	if err != nil {
		return err
	}
	s.process = process
	ctx, cancel := context.WithTimeout(ctx, standInStartTimeout)
	defer cancel()
	return process.Await(ctx, ready)
}

// PID is the process id of the gateway with Auth, PostgREST and Realtime behind it.
func (s *StandIn) PID() int { return s.process.PID() }

// PostgresPID is the process id of the database server, whose sessions are its children.
func (s *StandIn) PostgresPID() (int, error) { return s.postmasterPID() }

// ServerLog is the file that Postgres writes to; it goes with the stand-in.
func (s *StandIn) ServerLog() string { return filepath.Join(s.dataDir(), "server.log") }

func (s *StandIn) dataDir() string { return filepath.Join(s.Folder, "data") }

// Supervised says whether RestartPostgres can be used: not when the stand-in fetched a Postgres of its own.
func (s *StandIn) Supervised() bool { return s.supervised }

// Exited is closed when the stand-in has ended.
func (s *StandIn) Exited() <-chan struct{} { return s.process.Exited() }

// Output is the last lines the stand-in wrote.
func (s *StandIn) Output() string { return s.process.Output() }

// DatabaseURL is a connection string for a role of the stand-in's database.
func (s *StandIn) DatabaseURL(role string) string {
	address := url.URL{
		Scheme: "postgres", User: url.UserPassword(role, "postgres"), Path: "/postgres", RawQuery: "sslmode=disable",
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.postgresPort)),
	}
	return address.String()
}

// Pool opens a pool for a role. The caller closes it.
func (s *StandIn) Pool(ctx context.Context, role string, connections int32) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(s.DatabaseURL(role))
	if err != nil {
		return nil, fmt.Errorf("configure pool of %s: %w", role, err)
	}
	config.MaxConns = connections
	config.ConnConfig.ConnectTimeout = connectTimeout
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open pool of %s: %w", role, err)
	}
	return pool, nil
}

// WorkerEnv is the environment of a worker for this stand-in. supabaseURL is StandIn.URL, or a proxy before it.
func (s *StandIn) WorkerEnv(supabaseURL string) []string {
	return []string{
		"SUPABASE_URL=" + supabaseURL, "SUPABASE_SECRET_KEY=" + keys.Secret, "SUPABASE_PUBLISHABLE_KEY=" + keys.Publishable,
		"DATABASE_URL=" + s.DatabaseURL("postgres"),
	}
}

// Signals that end a Postgres server.
const (
	Fast      = syscall.SIGINT  // sessions are ended, a checkpoint is written
	Immediate = syscall.SIGQUIT // as after a power cut: the next start recovers, unlogged tables are empty
)

// RestartPostgres ends the stand-in's server with the signal and returns when another one answers.
func (s *StandIn) RestartPostgres(ctx context.Context, how syscall.Signal) error {
	ctx, cancel := context.WithTimeout(ctx, restartTimeout)
	defer cancel()
	before, err := s.postmasterStart(ctx)
	if err != nil {
		return err
	}
	pid, err := s.postmasterPID()
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, how); err != nil {
		return fmt.Errorf("signal postgres (pid %d): %w", pid, err)
	}
	return Poll(ctx, restartPoll, func() (bool, error) {
		now, err := s.postmasterStart(ctx)
		return err == nil && now.After(before), err
	})
}

func (s *StandIn) postmasterStart(ctx context.Context) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.DatabaseURL(Superuser))
	if err != nil {
		return time.Time{}, fmt.Errorf("connect to the restarted database: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // a probe; nothing is lost with it
	var started time.Time
	err = conn.QueryRow(ctx, "select pg_postmaster_start_time()").Scan(&started)
	return started, err
}

func (s *StandIn) postmasterPID() (int, error) {
	text, err := os.ReadFile(filepath.Join(s.dataDir(), "cluster", "postmaster.pid"))
	if err != nil {
		return 0, fmt.Errorf("find postgres: %w", err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid <= 1 {
		return 0, fmt.Errorf("find postgres: pid file begins with %q", first)
	}
	return pid, nil
}

// Stop ends the stand-in, removes its database and returns when both are gone.
func (s *StandIn) Stop() error {
	var stopped error
	if s.process != nil {
		stopped = s.process.Stop(standInStopTimeout)
	}
	return errors.Join(stopped, os.RemoveAll(s.Folder))
}
