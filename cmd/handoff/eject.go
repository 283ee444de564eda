package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/supportbase/handoff/migrations"
)

const (
	dirFlag   = "dir"
	stampFlag = "stamp"
)

func newEject() *cobra.Command {
	eject := &cobra.Command{
		Use:   "eject --dir supabase/migrations",
		Short: "Write the migrations as files for the Supabase CLI",
		Long: "Writes the migrations that the folder does not have yet, or has in an older version, under names that `supabase db push` takes.\n" +
			"Files that are there are never changed. Needs no database and no configuration. docs/migrations.md has the whole story.",
		Args: cobra.NoArgs,
		RunE: runEject,
	}
	eject.Flags().String(dirFlag, "", "migrations folder of the Supabase project; made when missing (required)")
	eject.Flags().String(stampFlag, "", "version of the first file, YYYYMMDDHHMMSS in UTC (default: now, after all that is there)")
	return eject
}

func runEject(cmd *cobra.Command, _ []string) error {
	options, err := ejectOptions(cmd)
	if err != nil {
		return err
	}
	results, err := migrations.Eject(options)
	if printed := printEjected(cmd.OutOrStdout(), results); printed != nil {
		return errors.Join(err, printed)
	}
	if err != nil {
		return explainEject(err)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "RESULT eject=ok written=%d unchanged=%d edited=%d\n",
		count(results, migrations.EjectWritten), count(results, migrations.EjectUnchanged), count(results, migrations.EjectEdited))
	return err
}

func ejectOptions(cmd *cobra.Command) (migrations.EjectOptions, error) {
	var options migrations.EjectOptions
	dir, err := cmd.Flags().GetString(dirFlag)
	if err != nil {
		return options, err
	}
	if dir == "" {
		return options, &problem{
			code: "usage", text: "--dir is missing: the folder to write to",
			remedy: "In a Supabase project it is supabase/migrations.", exit: exitUsage,
		}
	}
	stamp, err := cmd.Flags().GetString(stampFlag)
	if err != nil {
		return options, err
	}
	options.Dir = dir
	options.Stamp, err = parseStamp(stamp)
	return options, err
}

// parseStamp takes the empty text for "no wish".
func parseStamp(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	stamp, err := time.Parse(migrations.StampLayout, text)
	if err != nil {
		return time.Time{}, &problem{
			code: "stamp_invalid", text: fmt.Sprintf("--stamp %q is no point in time", text),
			remedy: "Fourteen digits, in UTC: YYYYMMDDHHMMSS.", exit: exitUsage,
		}
	}
	return stamp, nil
}

func printEjected(out io.Writer, results []migrations.Ejected) error {
	for _, one := range results {
		if _, err := fmt.Fprintf(out, "%-9s  %s\n", one.State, one.File); err != nil {
			return err
		}
	}
	return nil
}

func count(results []migrations.Ejected, state migrations.EjectState) int {
	found := 0
	for _, one := range results {
		if one.State == state {
			found++
		}
	}
	return found
}

func explainEject(err error) error {
	if stamp, ok := errors.AsType[*migrations.StampError](err); ok {
		return &problem{
			code: "stamp_too_old", text: stamp.Error(),
			remedy: "Give a later one with --stamp: the Supabase CLI applies migrations in the order of their versions.", exit: exitFailed,
		}
	}
	if errors.Is(err, migrations.ErrEjectFolder) {
		return &problem{
			code: "migrations_folder_unusable", text: err.Error(),
			remedy: "Check the path and its permissions.", exit: exitFailed,
		}
	}
	return err
}
