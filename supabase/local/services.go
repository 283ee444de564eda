package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/supabase/local/auth"
	"github.com/supportbase/handoff/supabase/local/channels"
	"github.com/supportbase/handoff/supabase/local/gateway"
	"github.com/supportbase/handoff/supabase/local/postgres"
	"github.com/supportbase/handoff/supabase/local/rest"
	"github.com/supportbase/handoff/supabase/local/schema"
	"github.com/supportbase/handoff/supabase/local/storage"
)

const (
	// The services' connections leave most of the server's 200 to the worker, to tests and to psql.
	authConnections     = 10
	restConnections     = 30
	realtimeConnections = 10
	storageConnections  = 10

	headerTimeout = 10 * time.Second
	// partitionInterval keeps the partitions of realtime.messages ahead of the day; each run makes several days'.
	partitionInterval = 6 * time.Hour
	partitionTimeout  = time.Minute
)

// serve starts the services and the gateway before them.
func (s *Stack) serve(ctx context.Context) error {
	s.opts.Progress("starting Auth, PostgREST, Realtime and Storage")
	admin, err := s.pool(ctx, postgres.Superuser, realtimeConnections)
	if err != nil {
		return err
	}
	s.maintainPartitions(ctx, admin)
	backends, err := s.backends(ctx, admin)
	if err != nil {
		return err
	}
	s.serveHTTP(ctx, gateway.New(backends, s.ring, s.opts.Logger))
	return nil
}

func (s *Stack) backends(ctx context.Context, admin *pgxpool.Pool) (gateway.Backends, error) {
	authPool, err := s.pool(ctx, "supabase_auth_admin", authConnections)
	if err != nil {
		return gateway.Backends{}, err
	}
	restPool, err := s.pool(ctx, "authenticator", restConnections)
	if err != nil {
		return gateway.Backends{}, err
	}
	tables := rest.New(restPool, s.ring, s.opts.Logger)
	if err := tables.Start(ctx); err != nil {
		return gateway.Backends{}, err
	}
	s.onStop(func(context.Context) error {
		tables.Stop()
		return nil
	})
	files, err := s.startStorage(ctx)
	if err != nil {
		return gateway.Backends{}, err
	}
	realtime := s.startRealtime(admin)
	options := auth.Options{
		Issuer: s.URL() + "/auth/v1", Logger: s.opts.Logger,
		Mail: func(mail auth.Mail) { s.opts.Mail(mail.To, mail.Subject, mail.Link) },
	}
	return gateway.Backends{
		Auth:     auth.New(authPool, s.ring, options),
		Rest:     tables,
		Realtime: realtime,
		Storage:  files,
	}, nil
}

// startStorage keeps files beside the cluster, those of an ephemeral stand-in in a folder that goes with it.
func (s *Stack) startStorage(ctx context.Context) (*storage.Handler, error) {
	pool, err := s.pool(ctx, "supabase_storage_admin", storageConnections)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(s.opts.DataDir, "files")
	if s.opts.Ephemeral {
		if dir, err = os.MkdirTemp("", "handoff-files-"); err != nil {
			return nil, fmt.Errorf("make folder for files: %w", err)
		}
		s.onStop(func(context.Context) error { return os.RemoveAll(dir) })
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make folder for files: %w", err)
	}
	return storage.New(pool, s.ring, dir, s.opts.Logger), nil
}

func (s *Stack) startRealtime(admin *pgxpool.Pool) *channels.Server {
	options := channels.Options{
		Pool: admin, DatabaseURL: s.DatabaseURL(postgres.Superuser), Ring: s.ring, Logger: s.opts.Logger,
	}
	if s.opts.SupabaseLimits {
		options.Limits = channels.SupabaseDefaults()
	}
	server := channels.New(options)
	s.onStop(server.Close)
	return server
}

// serveHTTP answers requests on the listener until the stand-in stops.
func (s *Stack) serveHTTP(ctx context.Context, handler http.Handler) {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeout,
		ErrorLog: slog.NewLogLogger(s.opts.Logger.Handler(), slog.LevelWarn),
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.opts.Logger.ErrorContext(ctx, "gateway ended", slog.Any("err", err))
		}
	}()
	s.watch("the gateway", ended)
	s.onStop(func(ctx context.Context) error {
		defer func() { <-ended }()
		if err := server.Shutdown(ctx); err != nil {
			return errors.Join(fmt.Errorf("finish requests: %w", err), server.Close())
		}
		return nil
	})
}

// pool opens a pool that is closed when the stand-in stops.
func (s *Stack) pool(ctx context.Context, role string, connections int32) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(s.DatabaseURL(role))
	if err != nil {
		return nil, fmt.Errorf("configure pool for %s: %w", role, err)
	}
	config.MaxConns = connections
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open pool for %s: %w", role, err)
	}
	s.onStop(func(context.Context) error {
		pool.Close()
		return nil
	})
	if err := pool.Ping(ctx); err != nil {
		return nil, fmt.Errorf("connect as %s: %w", role, err)
	}
	return pool, nil
}

func (s *Stack) connect(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.Connect(ctx, s.DatabaseURL(postgres.Superuser))
	if err != nil {
		return nil, fmt.Errorf("connect as %s: %w", postgres.Superuser, err)
	}
	return conn, nil
}

// maintainPartitions keeps room for messages while the stand-in runs over midnight. Bootstrap has made the first days'.
func (s *Stack) maintainPartitions(ctx context.Context, admin *pgxpool.Pool) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(partitionInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				s.maintainPartitionsOnce(ctx, admin)
			}
		}
	}()
	s.onStop(func(context.Context) error {
		cancel()
		<-ended
		return nil
	})
}

// maintainPartitionsOnce logs a failure and goes on: the next run is early enough, and a default partition takes what
// comes before it.
func (s *Stack) maintainPartitionsOnce(ctx context.Context, admin *pgxpool.Pool) {
	ctx, cancel := context.WithTimeout(ctx, partitionTimeout)
	defer cancel()
	err := admin.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		return schema.MaintainPartitions(ctx, conn.Conn())
	})
	if err != nil {
		s.opts.Logger.WarnContext(ctx, "partitions of realtime.messages were not maintained", slog.Any("err", err))
	}
}
