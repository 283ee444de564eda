package main

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/supportbase/handoff/config"
	"github.com/supportbase/handoff/supabase"
)

// openDatabase is a small pool for one command that only reads, on a database that is migrated.
func openDatabase(ctx context.Context, cmd *cobra.Command) (*pgxpool.Pool, error) {
	settings, err := load(cmd, config.UseDatabase)
	if err != nil {
		return nil, err
	}
	pool, err := supabase.OpenPool(ctx, settings.Database.URL.Reveal(), letterConnections)
	if err != nil {
		return nil, err
	}
	if err := supabase.CheckMigrated(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

// usage is a mistake on the command line.
func usage(cmd *cobra.Command, text string) error {
	return &problem{code: "usage", text: text, remedy: "See `" + cmd.CommandPath() + " --help`.", exit: exitUsage}
}
