package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// startAttempts is how often a start is tried against faults that pass: a free port that another program took first,
// backends of a killed server that have not ended yet.
const startAttempts = 5

// Server is a running Postgres. Its methods may be called from several goroutines.
type Server struct {
	opts       Options
	place      layout
	port       int
	binaries   binaries
	account    *account
	lock       *os.File
	postmaster *postmaster

	stopOnce sync.Once
	stopErr  error
}

// Start runs a server and returns when it answers queries. ctx bounds the start, not the life of the server: call
// Stop. On an error nothing is left running, and an ephemeral folder is removed.
//
// Errors: *AlreadyRunningError, *PortInUseError, ErrNoPostgres, *VersionError, *StartError, ErrUnsupported.
func Start(ctx context.Context, opts Options) (*Server, error) {
	if err := platformSupported(); err != nil {
		return nil, err
	}
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{opts: opts, place: layout{opts.DataDir}}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.release())
	}
	opts.Logger.DebugContext(ctx, "postgres started", "port", s.port, "version", s.binaries.version, "data_dir", opts.DataDir)
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	if err := s.claim(ctx); err != nil {
		return err
	}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	if s.opts.Ephemeral {
		sweepEphemeral(ctx)
	}
	return s.launch(ctx)
}

// claim makes the folder ours and checks the port before anything slow happens.
func (s *Server) claim(ctx context.Context) error {
	place, err := s.place.prepare()
	if err != nil {
		return fmt.Errorf("make %s: %w", s.place.dir, err)
	}
	s.place = place
	lock, err := takeLock(s.place.dir, s.place.lock())
	if err != nil {
		return fmt.Errorf("lock %s: %w", s.place.dir, err)
	}
	s.lock = lock
	if err := stopLeftover(ctx, s.place); err != nil {
		return err
	}
	if s.opts.Port == 0 {
		return nil
	}
	_, err = freePort(ctx, s.opts.Port)
	return err
}

// prepare finds the server and makes the cluster.
func (s *Server) prepare(ctx context.Context) error {
	var err error
	if s.account, err = chooseAccount(s.place.cluster()); err != nil {
		return err
	}
	if err := s.account.mayReach(s.place.dir); err != nil {
		return err
	}
	if s.binaries, err = findBinaries(ctx, s.opts, s.account, s.place.clusterMajor()); err != nil {
		return err
	}
	return cluster{opts: s.opts, place: s.place, account: s.account, binaries: s.binaries}.ensure(ctx)
}

// launch starts the process, again when a fault may pass.
func (s *Server) launch(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		err := s.launchOnce(ctx)
		if err == nil || attempt == startAttempts || !s.mayPass(err) {
			return err
		}
		s.opts.Logger.WarnContext(ctx, "postgres did not start, trying again", "attempt", attempt, "err", err)
	}
}

func (s *Server) mayPass(err error) bool {
	var failed *StartError
	if !errors.As(err, &failed) {
		return false
	}
	return strings.Contains(failed.Log, "pre-existing shared memory block") ||
		s.opts.Port == 0 && strings.Contains(failed.Log, "could not bind")
}

func (s *Server) launchOnce(ctx context.Context) error {
	port, err := freePort(ctx, s.opts.Port)
	if err != nil {
		return err
	}
	if err := writeSettings(s.place, s.account, port, s.opts); err != nil {
		return err
	}
	s.port = port
	s.postmaster, err = startPostmaster(ctx, s.binaries, s.account, s.place)
	if err != nil {
		return err
	}
	if err := s.awaitReady(ctx); err != nil {
		failed := &StartError{Log: s.postmaster.logTail(), Err: err}
		return errors.Join(failed, s.postmaster.stop(context.WithoutCancel(ctx), true))
	}
	return nil
}

// freePort returns port when nothing listens on it, or some free port for 0.
func freePort(ctx context.Context, port int) (int, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return 0, &PortInUseError{Port: port}
	}
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	address, ok := listener.Addr().(*net.TCPAddr)
	if err := listener.Close(); err != nil || !ok {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	return address.Port, nil
}

// URL is a connection string for a login role of the cluster.
func (s *Server) URL(database, role string) string {
	address := url.URL{
		Scheme: "postgres", User: url.UserPassword(role, Password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return address.String()
}

// Port is the port at 127.0.0.1 that the server listens on.
func (s *Server) Port() int { return s.port }

// DataDir is the absolute path of the cluster's folder.
func (s *Server) DataDir() string { return s.place.dir }

// LogPath is the file with the server's messages. Stop removes that of an ephemeral cluster.
func (s *Server) LogPath() string { return s.place.log() }

// Version is the major version of the server.
func (s *Server) Version() int { return s.binaries.major }

// Exited is closed when the server process has ended, for whatever reason. Stop is needed all the same.
func (s *Server) Exited() <-chan struct{} { return s.postmaster.exited }

// Stop ends the server and returns when its process is gone and the folder is free again: sessions are ended and a
// checkpoint is written; when that takes too long, or ctx ends, the server is ended at once and recovers at the next
// start. Calls after the first wait for it and return its error.
func (s *Server) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() {
		s.stopErr = errors.Join(s.postmaster.stop(ctx, s.opts.Ephemeral), s.release())
		s.opts.Logger.DebugContext(ctx, "postgres stopped", "port", s.port, "data_dir", s.place.dir)
	})
	return s.stopErr
}

// release gives the folder back, and removes it when it was ephemeral. Without the lock it is another process's.
func (s *Server) release() error {
	if s.lock == nil {
		return nil
	}
	var removed error
	if s.opts.Ephemeral {
		removed = os.RemoveAll(s.place.dir)
	}
	return errors.Join(removed, s.lock.Close())
}
