package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/supportbase/handoff/config"
	"github.com/supportbase/handoff/supabase"
)

const (
	projectFlag = "project"
	daysFlag    = "days"

	// mostDays is for how long promises are kept.
	mostDays = 30
)

func newCalibration() *cobra.Command {
	calibration := &cobra.Command{
		Use:   "calibration",
		Short: "Hold the waits that visitors were promised against what came",
		Long: "For each project: how many of the first ranges were kept (half should stay within the P50, nine in ten within the P90), " +
			"and how far off they were, beside the estimate of F001 5.4.6. Members have the same from rpc('wait_calibration').",
		Args: cobra.NoArgs,
		RunE: runCalibration,
	}
	calibration.Flags().String(projectFlag, "", "this project alone")
	calibration.Flags().Int(daysFlag, 7, "promised in the last so many days, 1 to 30")
	calibration.Flags().Bool(jsonFlag, false, "one JSON object a line")
	config.AddFlags(calibration.Flags(), "database")
	return calibration
}

func runCalibration(cmd *cobra.Command, _ []string) error {
	ctx := cmd.Context()
	days, err := cmd.Flags().GetInt(daysFlag)
	if err != nil {
		return err
	}
	if days < 1 || days > mostDays {
		return usage(cmd, fmt.Sprintf("--%s is 1 to %d", daysFlag, mostDays))
	}
	found, err := readCalibrations(ctx, cmd, days)
	if err != nil {
		return err
	}
	asJSON, err := cmd.Flags().GetBool(jsonFlag)
	if err != nil {
		return err
	}
	if !asJSON {
		return printCalibrations(cmd.OutOrStdout(), found, days)
	}
	encoder := json.NewEncoder(cmd.OutOrStdout())
	for _, one := range found {
		if err := encoder.Encode(one); err != nil {
			return err
		}
	}
	return nil
}

func readCalibrations(ctx context.Context, cmd *cobra.Command, days int) ([]supabase.Calibration, error) {
	project, err := cmd.Flags().GetString(projectFlag)
	if err != nil {
		return nil, err
	}
	pool, err := openDatabase(ctx, cmd)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	return supabase.Calibrations(ctx, pool, project, days)
}

func printCalibrations(out io.Writer, found []supabase.Calibration, days int) error {
	if len(found) == 0 {
		_, err := fmt.Fprintf(out, "Nobody was promised anything in the last %d days.\nRESULT calibration=ok projects=0\n", days)
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "PROJECT\tPROMISES\tP50 KEPT\tP90 KEPT\tOFF BY\tBIAS\tF001 OFF BY\tF001 BIAS\tLEFT") // Flush tells
	for _, one := range found {
		_, _ = fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%d\n", one.ProjectID, one.Promises,
			percent(one.P50Coverage), percent(one.P90Coverage), inSeconds(one.MedianAbsoluteError), inSeconds(one.Bias),
			inSeconds(one.Baseline.MedianAbsoluteError), inSeconds(one.Baseline.Bias), one.Left)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "Off by: the median of how far the wait was from the P50, and from the estimate of F001. Bias: how much longer it was on average.\n"+
		"RESULT calibration=ok projects=%d days=%d\n", len(found), days)
	return err
}

func percent(share *float64) string {
	if share == nil {
		return "-"
	}
	return fmt.Sprintf("%.0f%%", 100**share)
}

func inSeconds(count *float64) string {
	if count == nil {
		return "-"
	}
	return fmt.Sprintf("%.0f s", *count)
}
