package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// readyTimeout allows for the recovery of a cluster that was killed under load.
	readyTimeout      = 2 * time.Minute
	readyPollInterval = 20 * time.Millisecond
	connectTimeout    = 5 * time.Second
)

// awaitReady returns when the server has answered a query, or with the last reason why it did not. The query asks who
// answers: the port may have been taken in between, and by a server with the same password.
func (s *Server) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyTimeout, errNotReady)
	defer cancel()
	tick := time.NewTicker(readyPollInterval)
	defer tick.Stop()
	for {
		err := s.ping(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.postmaster.exited:
			return errExited
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}

func (s *Server) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL("postgres", Superuser))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // a probe; nothing is lost with it
	var dataDir string
	if err := conn.QueryRow(ctx, "show data_directory").Scan(&dataDir); err != nil {
		return fmt.Errorf("query: %w", err)
	}
	if dataDir != s.place.cluster() {
		return fmt.Errorf("%w: %s", errAnotherServer, dataDir)
	}
	return nil
}
