package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/supportbase/handoff/supabase/local/keys"
	"github.com/supportbase/handoff/supabase/local/postgres"
	"github.com/supportbase/handoff/supabase/local/schema"
)

// database is the one that a Supabase project has.
const database = "postgres"

// cleanupTimeout bounds the stop of what a failed start had begun.
const cleanupTimeout = time.Minute

// Stack is a running stand-in. Its methods may be called from several goroutines.
type Stack struct {
	opts     Options
	ring     *keys.Ring
	listener net.Listener
	postgres *postgres.Server

	failed chan error
	// stopping is closed when Stop begins: what ends from then on has not failed.
	stopping chan struct{}
	// watchers are the goroutines that wait for a part to end.
	watchers sync.WaitGroup

	// closers end the parts. They run in the reverse order of their start.
	closers  []func(context.Context) error
	stopOnce sync.Once
	stopErr  error
}

// Start runs a stand-in and returns when its URL answers. ctx bounds the start, not the life of the stand-in: call Stop.
// On an error nothing is left running.
//
// Errors: *PortInUseError, and those of postgres.Start.
func Start(ctx context.Context, opts Options) (*Stack, error) {
	s := &Stack{opts: opts.withDefaults(), ring: keys.New(), failed: make(chan error, 1), stopping: make(chan struct{})}
	if err := s.start(ctx); err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
		defer cancel()
		return nil, errors.Join(err, s.Stop(ctx))
	}
	return s, nil
}

func (s *Stack) start(ctx context.Context) error {
	for _, step := range []func(context.Context) error{s.listen, s.startPostgres, s.bootstrap, s.serve} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	s.opts.Logger.DebugContext(ctx, "stand-in started", slog.String("url", s.URL()))
	return nil
}

// onStop registers how a part that has just started is ended.
func (s *Stack) onStop(end func(context.Context) error) { s.closers = append(s.closers, end) }

// listen takes the gateway's port. Connections wait in its queue until the services are up.
func (s *Stack) listen(ctx context.Context) error {
	address := net.JoinHostPort(s.opts.Listen, strconv.Itoa(s.opts.GatewayPort))
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return &PortInUseError{Port: s.opts.GatewayPort, Setting: "GatewayPort"}
	}
	if err != nil {
		return fmt.Errorf("listen on %s: %w", address, err)
	}
	s.listener = listener
	s.onStop(func(context.Context) error { return ignoreClosed(listener.Close()) })
	if ip := net.ParseIP(s.opts.Listen); ip == nil || !ip.IsLoopback() {
		s.opts.Logger.WarnContext(ctx, "the stand-in is open to the network, and its keys are no secret",
			slog.String("listen", s.opts.Listen))
	}
	return nil
}

func (s *Stack) startPostgres(ctx context.Context) error {
	server, err := postgres.Start(ctx, postgres.Options{
		DataDir: s.opts.DataDir, Port: s.opts.PostgresPort, CacheDir: s.opts.CacheDir, Ephemeral: s.opts.Ephemeral,
		AllowInstall: true, Logger: s.opts.Logger, Progress: s.opts.Progress,
	})
	if taken := new(postgres.PortInUseError); errors.As(err, &taken) {
		return &PortInUseError{Port: taken.Port, Setting: "PostgresPort"}
	}
	if err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	s.postgres = server
	s.onStop(server.Stop)
	s.watch("postgres", server.Exited())
	return nil
}

func (s *Stack) bootstrap(ctx context.Context) error {
	s.opts.Progress("preparing the database as a Supabase project has it")
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // the server ends the session either way
	if err := schema.EnsureRoles(ctx, conn); err != nil {
		return fmt.Errorf("make roles: %w", err)
	}
	if err := schema.Bootstrap(ctx, conn); err != nil {
		return fmt.Errorf("make schemas: %w", err)
	}
	return nil
}

// watch reports on Failed when the part ends before Stop begins.
func (s *Stack) watch(part string, ended <-chan struct{}) {
	s.watchers.Go(func() {
		select {
		case <-s.stopping:
		case <-ended:
			s.fail(fmt.Errorf("%s ended on its own", part))
		}
	})
}

// fail keeps the first failure: what follows is most often its consequence.
func (s *Stack) fail(err error) {
	select {
	case <-s.stopping:
	case s.failed <- err:
	default:
	}
}

// URL is the project's URL, for supabase-js and for the worker. A gateway that listens on every address is named by the
// loopback one.
func (s *Stack) URL() string {
	host, port, err := net.SplitHostPort(s.listener.Addr().String())
	if err != nil {
		panic(err) // a TCP listener's address has a port
	}
	if net.ParseIP(host).IsUnspecified() {
		host = loopback
	}
	return "http://" + net.JoinHostPort(host, port)
}

// DatabaseURL is a connection string for a login role: postgres, authenticator, supabase_admin or supabase_auth_admin.
func (s *Stack) DatabaseURL(role string) string { return s.postgres.URL(database, role) }

// Failed receives an error when a part ended that nobody stopped, at most once. It is never closed.
func (s *Stack) Failed() <-chan error { return s.failed }

// Stop ends every part and returns when all are gone: requests in hand finish, sockets are closed, Postgres shuts down.
// When ctx ends first, what is left is cut off. Calls after the first wait for it and return its error.
func (s *Stack) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() {
		close(s.stopping)
		var errs []error
		for _, end := range slices.Backward(s.closers) {
			errs = append(errs, end(ctx))
		}
		s.watchers.Wait()
		s.stopErr = errors.Join(errs...)
	})
	return s.stopErr
}

// ignoreClosed passes over a listener that its server has closed before.
func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
