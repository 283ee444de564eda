package main

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/supportbase/handoff/config"
)

// configFlag names the flag of the configuration file.
const configFlag = "config"

func newRoot(version string) *cobra.Command {
	root := &cobra.Command{
		Use:           "handoff",
		Short:         "Hand conversations from an AI to people, on Supabase",
		SilenceErrors: true, // main reports them, with a remedy
		SilenceUsage:  true,
		Version:       version,
	}
	root.PersistentFlags().String(configFlag, "", "configuration file (default: handoff.yaml, if there is one)")
	config.AddFlags(root.PersistentFlags(), "log")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &problem{code: "usage", text: err.Error(), remedy: "See `" + cmd.CommandPath() + " --help`.", exit: exitUsage}
	})
	root.AddCommand(newDev(), newRun(), newMigrate(), newDeadLetters(), newTracePresence(), newCalibration(), newSimulate(),
		newDoctor(), newBench(), newImport(), newVersion(version))
	return root
}

// load reads the configuration of a command.
func load(cmd *cobra.Command, use config.Use) (config.Config, error) {
	file, err := cmd.Flags().GetString(configFlag)
	if err != nil {
		return config.Config{}, err
	}
	return config.Load(config.Source{File: file, Flags: cmd.Flags()}, use)
}

func newLogger(out io.Writer, settings config.Log) *slog.Logger {
	options := &slog.HandlerOptions{Level: settings.Level}
	if settings.Format == "json" {
		return slog.New(slog.NewJSONHandler(out, options))
	}
	return slog.New(slog.NewTextHandler(out, options))
}

func newVersion(version string) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), version)
			return err
		},
	}
}
