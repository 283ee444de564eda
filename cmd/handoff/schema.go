package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/supportbase/handoff/migrations"
	"github.com/supportbase/handoff/supabase"
)

// checkSchema refuses a database that lacks a migration of this version. One that has another version of a migration is
// worked with, and a warning says so: while a team is upgraded the old workers go on until they are replaced.
func checkSchema(ctx context.Context, pool *pgxpool.Pool, logger *slog.Logger) error {
	if err := supabase.CheckMigrated(ctx, pool); err != nil {
		return err
	}
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("look at the migrations: %w", err)
	}
	defer conn.Release()
	standings, err := migrations.Status(ctx, conn.Conn())
	if err != nil {
		return err
	}
	if pending := named(standings, migrations.StatePending); pending != "" {
		return &supabase.ConnectError{Reason: supabase.ErrNotMigrated, Detail: "missing: " + pending}
	}
	if changed := named(standings, migrations.StateChanged); changed != "" {
		logger.WarnContext(ctx, "migrations are of another version than this worker", "migrations", changed,
			"remedy", "run `handoff migrate up`, or upgrade the worker")
	}
	return nil
}

func named(standings []migrations.Standing, state migrations.State) string {
	var names []string
	for _, one := range standings {
		if one.State == state {
			names = append(names, one.Name)
		}
	}
	return strings.Join(names, ", ")
}
