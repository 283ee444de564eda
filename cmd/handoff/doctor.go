package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/supportbase/handoff/config"
	"github.com/supportbase/handoff/supabase/doctor"
)

const (
	fixFlag  = "fix"
	onlyFlag = "only"
)

func newDoctor() *cobra.Command {
	command := &cobra.Command{
		Use:   "doctor",
		Short: "Look a Supabase project over and say what to mend",
		Long: "Asks everything that the worker, the widget and the dashboard depend on, and prints each answer with a remedy. " +
			"Needs DATABASE_URL; with SUPABASE_URL, SUPABASE_SECRET_KEY and SUPABASE_PUBLISHABLE_KEY it asks the API too. " +
			"Exit code 1 when something is broken; warnings alone are 0.",
		Args: cobra.NoArgs,
		RunE: runDoctor,
	}
	command.Flags().Bool(jsonFlag, false, "print the report as JSON")
	command.Flags().Bool(fixFlag, false, "mend what can be mended without a risk")
	command.Flags().StringSlice(onlyFlag, nil, "ask only these: "+strings.Join(doctor.Checks(), ", "))
	config.AddFlags(command.Flags(), "supabase", "database", "worker")
	return command
}

func runDoctor(cmd *cobra.Command, _ []string) error {
	asJSON, err := cmd.Flags().GetBool(jsonFlag)
	if err != nil {
		return err
	}
	mend, err := cmd.Flags().GetBool(fixFlag)
	if err != nil {
		return err
	}
	only, err := chosenChecks(cmd)
	if err != nil {
		return err
	}
	settings, err := load(cmd, config.UseDatabase)
	if err != nil {
		return err
	}
	report := doctor.Examine(cmd.Context(), doctor.Options{
		DatabaseURL: settings.Database.URL.Reveal(), ReplicationURL: settings.Database.ReplicationURL.Reveal(), Slot: settings.Worker.Slot,
		SupabaseURL: settings.Supabase.URL, SecretKey: settings.Supabase.SecretKey.Reveal(), PublishableKey: settings.Supabase.PublishableKey,
		Fix: mend, Only: only,
	})
	if asJSON {
		err = printJSON(cmd.OutOrStdout(), report)
	} else {
		err = printReport(cmd.OutOrStdout(), report)
	}
	if err == nil && !report.Healthy() {
		err = &problem{
			code: "doctor_found", text: fmt.Sprintf("%d things are broken", report.Count(doctor.Broken)),
			remedy: "Each line marked ERROR has its remedy below it.", exit: exitFailed,
		}
	}
	return err
}

// chosenChecks refuses a name that is none: an examination that asks nothing would look like health.
func chosenChecks(cmd *cobra.Command) ([]string, error) {
	only, err := cmd.Flags().GetStringSlice(onlyFlag)
	if err != nil {
		return nil, err
	}
	for _, name := range only {
		if !slices.Contains(doctor.Checks(), name) {
			return nil, &problem{
				code: "usage", text: fmt.Sprintf("there is no check %q", name),
				remedy: "See `" + cmd.CommandPath() + " --help`.", exit: exitUsage,
			}
		}
	}
	return only, nil
}

func printJSON(out io.Writer, report doctor.Report) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Healthy bool `json:"healthy"`
		doctor.Report
	}{report.Healthy(), report})
}

// printReport writes a line for each finding, and its remedy below it.
func printReport(out io.Writer, report doctor.Report) error {
	var text strings.Builder
	for _, found := range report.Findings {
		fmt.Fprintf(&text, "%-8s%-20s %s\n", mark(found), found.Check, found.Text)
		if found.Remedy != "" && !found.Fixed {
			fmt.Fprintf(&text, "%-8s%-20s -> %s\n", "", "", found.Remedy)
		}
	}
	verdict := "ok"
	if !report.Healthy() {
		verdict = "broken"
	}
	fmt.Fprintf(&text, "RESULT doctor=%s checks=%d errors=%d warnings=%d skipped=%d\n", verdict, report.Checks(),
		report.Count(doctor.Broken), report.Count(doctor.Warning), report.Count(doctor.Skipped))
	_, err := io.WriteString(out, text.String())
	return err
}

func mark(found doctor.Finding) string {
	if found.Fixed {
		return "mended"
	}
	return map[doctor.Severity]string{
		doctor.OK: "ok", doctor.Skipped: "skipped", doctor.Warning: "warning", doctor.Broken: "ERROR",
	}[found.Severity]
}
