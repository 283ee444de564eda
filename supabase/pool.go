package supabase

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// connectTimeout bounds one connection attempt.
	connectTimeout  = 10 * time.Second
	applicationName = "supportbase-handoff"
	// pingAfter is how long a connection was unused when it is asked whether it is still there before its next use. The ticks
	// come each five to fifteen seconds and would ask each time; who finds it gone tries again.
	pingAfter = 20 * time.Second
)

// unprepared is for what a tick asks each few seconds: to prepare it on each connection that it happens to get would double
// the round trips of an idle worker.
const unprepared = pgx.QueryExecModeExec

// OpenPool connects to the database and checks that it answers. The URL is a direct or session-mode connection; a
// transaction-mode pooler (port 6543) cannot hold the prepared statements used here. The errors of this package
// (ErrUnreachable, ErrWrongPassword, ...) tell why it failed; none of them holds the password.
func OpenPool(ctx context.Context, url string, maxConns int32) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, &ConnectError{Reason: ErrBadURL, Detail: "it cannot be read as a Postgres URL"}
	}
	config.MaxConns = maxConns
	config.ConnConfig.ConnectTimeout = connectTimeout
	config.ConnConfig.RuntimeParams["application_name"] = applicationName
	// The rows of a queue change every second: a plan made for one set of values is as good as any (two to three times
	// faster here than planning again).
	config.ConnConfig.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	// Compiling a statement takes longer than any of ours runs.
	config.ConnConfig.RuntimeParams["jit"] = "off"
	config.ShouldPing = func(_ context.Context, params pgxpool.ShouldPingParams) bool { return params.IdleDuration > pingAfter }
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open pool: %w", connectError(err))
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, connectError(err)
	}
	return pool, nil
}

// Connect opens one connection, for work that is done once. Errors as those of OpenPool.
func Connect(ctx context.Context, url string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, &ConnectError{Reason: ErrBadURL, Detail: "it cannot be read as a Postgres URL"}
	}
	config.ConnectTimeout = connectTimeout
	config.RuntimeParams["application_name"] = applicationName
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, connectError(err)
	}
	return conn, nil
}

// querier is a pool or a connection.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// CheckMigrated reports ErrNotMigrated when the tables of the engine are not in the database.
func CheckMigrated(ctx context.Context, db querier) error {
	var there bool
	if err := db.QueryRow(ctx, `select to_regclass('handoff.outbox') is not null`).Scan(&there); err != nil {
		return fmt.Errorf("look for the tables: %w", err)
	}
	if !there {
		return &ConnectError{Reason: ErrNotMigrated, Detail: "handoff.outbox is missing"}
	}
	return nil
}
