package main

import (
	"github.com/spf13/cobra"

	"github.com/supportbase/handoff/config"
)

func newRun() *cobra.Command {
	run := &cobra.Command{
		Use:   "run",
		Short: "Run the worker against a Supabase project",
		Long: "Needs SUPABASE_URL, SUPABASE_SECRET_KEY and DATABASE_URL; docs/env.md has the rest. " +
			"Start a second one anywhere: it stands by and takes over when the first one goes. " +
			"Invitations and confirmations are mailed once MAIL_SMTP_URL or MAIL_FUNCTION says how (docs/mail.md).",
		Args: cobra.NoArgs,
		RunE: runWorker,
	}
	config.AddFlags(run.Flags(), "supabase", "database", "worker", "mail", "metrics")
	return run
}

func runWorker(cmd *cobra.Command, _ []string) error {
	ctx := cmd.Context()
	settings, err := load(cmd, config.UseWorker)
	if err != nil {
		return err
	}
	logger := newLogger(cmd.ErrOrStderr(), settings.Log)
	engine, err := startEngine(ctx, settings, logger)
	if err != nil {
		return err
	}
	defer engine.stop(ctx)
	logger.InfoContext(ctx, "worker started", "supabase_url", settings.Supabase.URL, "slot", settings.Worker.Slot)
	return engine.wait(ctx)
}
