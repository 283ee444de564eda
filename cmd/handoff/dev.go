package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/supportbase/handoff/config"
	"github.com/supportbase/handoff/migrations"
	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/supabase/local"
	"github.com/supportbase/handoff/supabase/local/keys"
	"github.com/supportbase/handoff/supabase/local/postgres"
)

// stackStopTimeout bounds the stop of the stand-in: Postgres writes a checkpoint.
const stackStopTimeout = 30 * time.Second

func newDev() *cobra.Command {
	dev := &cobra.Command{
		Use:   "dev",
		Short: "Run everything on this machine, with a demo project",
		Long: "Starts Postgres, a stand-in for Supabase on the loopback address, the worker, and seeds a demo project. " +
			"For development and tests only: its keys are the same everywhere.",
		Args: cobra.NoArgs,
		RunE: runDev,
	}
	config.AddFlags(dev.Flags(), "dev", "worker", "mail", "metrics")
	return dev
}

func runDev(cmd *cobra.Command, _ []string) (err error) {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	settings, err := load(cmd, config.UseDev)
	if err != nil {
		return err
	}
	logger := newLogger(cmd.ErrOrStderr(), settings.Log)
	began := time.Now()

	pages, err := listenPages(ctx, settings.Dev)
	if err != nil {
		return err
	}
	defer pages.stop(ctx)
	stack, err := startStack(ctx, settings.Dev, logger, out)
	if err != nil {
		return err
	}
	defer func() { err = stopStack(ctx, stack, out, err) }()
	demo, err := prepare(ctx, stack, out)
	if err != nil {
		return err
	}
	var engine *engine
	if settings.Dev.Worker {
		step(out, "starting the worker")
		if engine, err = startEngine(ctx, localSettings(settings, stack), logger); err != nil {
			return err
		}
		defer engine.stop(ctx)
	}
	if settings.Dev.Assistant {
		stop, err := startAssistant(ctx, stack, logger)
		if err != nil {
			return err
		}
		defer stop()
	}
	if err := pages.serve(stack, demo); err != nil {
		return err
	}
	if err := announce(out, stack, pages, demo, settings.Dev, time.Since(began)); err != nil {
		return err
	}
	return waitFor(ctx, stack, pages, engine)
}

func startStack(ctx context.Context, dev config.Dev, logger *slog.Logger, out io.Writer) (*local.Stack, error) {
	folder := dev.DataDir
	if folder == "" {
		cache, err := postgres.DefaultCacheDir()
		if err != nil {
			return nil, fmt.Errorf("find a cache folder: %w", err)
		}
		// A folder for each version of the tables: an older database is left alone, never half fitting.
		folder = filepath.Join(cache, "dev-"+migrations.Fingerprint()[:12])
	}
	return local.Start(ctx, local.Options{
		DataDir: folder, GatewayPort: dev.Port, PostgresPort: dev.PostgresPort, SupabaseLimits: dev.SupabaseLimits, Logger: logger,
		Progress: func(line string) { step(out, line) },
		Mail:     func(to, subject, link string) { showMail(out, to, subject, link) },
	})
}

func stopStack(ctx context.Context, stack *local.Stack, out io.Writer, cause error) error {
	step(out, "stopping")
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stackStopTimeout)
	defer cancel()
	if err := stack.Stop(stopCtx); err != nil && cause == nil {
		return fmt.Errorf("stop the stand-in: %w", err)
	}
	return cause
}

// prepare migrates the database as role postgres, as on a hosted project, and seeds it.
func prepare(ctx context.Context, stack *local.Stack, out io.Writer) (demoProject, error) {
	step(out, "applying the migrations")
	conn, err := supabase.Connect(ctx, stack.DatabaseURL("postgres"))
	if err != nil {
		return demoProject{}, err
	}
	defer closeConn(ctx, conn)
	if _, err := migrations.Up(ctx, conn); err != nil {
		return demoProject{}, err
	}
	step(out, "seeding the demo project")
	return seedDemo(ctx, conn, stack.URL())
}

func localSettings(settings config.Config, stack *local.Stack) config.Config {
	settings.Supabase = config.Supabase{URL: stack.URL(), SecretKey: keys.Secret, PublishableKey: keys.Publishable}
	settings.Database.URL = config.Secret(stack.DatabaseURL("postgres"))
	settings.Database.ReplicationURL = settings.Database.URL
	return settings
}

func waitFor(ctx context.Context, stack *local.Stack, pages *pageServer, engine *engine) error {
	ended := make(chan error, 1)
	if engine != nil {
		go func() { ended <- engine.wait(ctx) }()
	}
	select {
	case err := <-stack.Failed():
		return err
	case err := <-pages.failed:
		return err
	case err := <-ended:
		return err
	case <-ctx.Done():
		return nil
	}
}

// showMail stands in for a mail server: whoever runs this on their machine has no other way to the link.
func showMail(out io.Writer, to, subject, link string) {
	_, _ = fmt.Fprintf(out, "  mail to %s: %s\n    %s\n", to, subject, link) // as step
}

func step(out io.Writer, line string) {
	_, _ = fmt.Fprintf(out, "  %s ...\n", line) // progress is a courtesy: nothing depends on it
}
