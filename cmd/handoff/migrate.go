package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/supportbase/handoff/config"
	"github.com/supportbase/handoff/migrations"
	"github.com/supportbase/handoff/supabase"
)

func newMigrate() *cobra.Command {
	migrate := &cobra.Command{
		Use:   "migrate",
		Short: "Put the tables, rules and functions into a database",
		Long:  "Works on the database of DATABASE_URL, as the role that shall own the objects: postgres on Supabase.",
	}
	migrate.AddCommand(
		&cobra.Command{
			Use: "up", Short: "Apply what is pending or changed", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return withDatabase(cmd, migrateUp) },
		},
		&cobra.Command{
			Use: "status", Short: "List the migrations and how they stand", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return withDatabase(cmd, migrateStatus) },
		},
		newEject(),
	)
	return migrate
}

func withDatabase(cmd *cobra.Command, do func(*cobra.Command, *pgx.Conn) error) error {
	settings, err := load(cmd, config.UseDatabase)
	if err != nil {
		return err
	}
	conn, err := supabase.Connect(cmd.Context(), settings.Database.URL.Reveal())
	if err != nil {
		return err
	}
	defer closeConn(cmd.Context(), conn)
	return do(cmd, conn)
}

const closeTimeout = 5 * time.Second

func closeConn(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	_ = conn.Close(ctx) // the server ends the session either way
}

func migrateUp(cmd *cobra.Command, conn *pgx.Conn) error {
	applied, err := migrations.Up(cmd.Context(), conn)
	for _, name := range applied {
		if _, err := fmt.Fprintln(cmd.OutOrStdout(), "applied", name); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "RESULT migrate=ok applied=%d total=%d\n", len(applied), len(migrations.Files()))
	return err
}

func migrateStatus(cmd *cobra.Command, conn *pgx.Conn) error {
	standings, err := migrations.Status(cmd.Context(), conn)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	outstanding := 0
	for _, one := range standings {
		when := ""
		if !one.AppliedAt.IsZero() {
			when = one.AppliedAt.UTC().Format(time.RFC3339)
		}
		if one.State != migrations.StateApplied {
			outstanding++
		}
		if _, err := fmt.Fprintf(table, "%s\t%s\t%s\n", one.Name, one.State, when); err != nil {
			return err
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "RESULT migrations=%d outstanding=%d\n", len(standings), outstanding)
	return err
}
