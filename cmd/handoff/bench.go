package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/supportbase/handoff/cmd/handoff/bench"
	"github.com/supportbase/handoff/config"
	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/supabase/doctor"
)

const (
	rateFlag    = "rate"
	secondsFlag = "seconds"
	removeFlag  = "remove"

	// A project of one's own has limits and users: this is a measurement, no load test.
	mostRate    = 50
	mostSeconds = 120

	// workerPatience is for a worker that is being started.
	workerPatience = 5 * time.Second
)

func newBench() *cobra.Command {
	command := &cobra.Command{
		Use:   "bench",
		Short: "Measure a Supabase project: commit to subscriber, waiting to assigned",
		Long: "Needs what `handoff run` needs, and a worker that runs. It makes a project of its own (\"" + bench.ProjectName + "\") and an account " +
			"that owns it, writes a few messages a second there, and measures from the commit of each to its arrival at a subscriber's socket, " +
			"beside realtime.send() in the writer's transaction and the HTTP broadcast endpoint; then from the commit that makes a conversation " +
			"wait to the event that tells its agent. Then it removes everything it made, also after Ctrl-C or an error. " +
			"The numbers hold for the machine it runs on: its ways to the database and to Realtime are in them.",
		Args: cobra.NoArgs,
		RunE: runBench,
	}
	command.Flags().Int(rateFlag, 10, fmt.Sprintf("messages a second, all ways together, 1 to %d; conversations are handed off a fifth as often", mostRate))
	command.Flags().Int(secondsFlag, 10, fmt.Sprintf("how long each of the three ways is measured, 1 to %d", mostSeconds))
	command.Flags().Bool(jsonFlag, false, "print the report as JSON")
	command.Flags().Bool(removeFlag, false, "measure nothing; remove what a run that was killed has left (not while another one measures)")
	config.AddFlags(command.Flags(), "supabase", "database", "worker")
	return command
}

// benchWish is what the flags ask for.
type benchWish struct {
	rate, seconds int
	json, remove  bool
}

func readBenchWish(cmd *cobra.Command) (wish benchWish, err error) {
	flags := cmd.Flags()
	rate, errRate := flags.GetInt(rateFlag)
	seconds, errSeconds := flags.GetInt(secondsFlag)
	asJSON, errJSON := flags.GetBool(jsonFlag)
	remove, errRemove := flags.GetBool(removeFlag)
	if err := errors.Join(errRate, errSeconds, errJSON, errRemove); err != nil {
		return wish, err
	}
	if rate < 1 || rate > mostRate {
		return wish, usage(cmd, fmt.Sprintf("--%s is 1 to %d", rateFlag, mostRate))
	}
	if seconds < 1 || seconds > mostSeconds {
		return wish, usage(cmd, fmt.Sprintf("--%s is 1 to %d", secondsFlag, mostSeconds))
	}
	return benchWish{rate: rate, seconds: seconds, json: asJSON, remove: remove}, nil
}

func runBench(cmd *cobra.Command, _ []string) error {
	ctx := cmd.Context()
	wish, err := readBenchWish(cmd)
	if err != nil {
		return err
	}
	settings, err := load(cmd, config.UseWorker)
	if err != nil {
		return err
	}
	pool, err := supabase.OpenPool(ctx, settings.Database.URL.Reveal(), settings.Database.MaxConnections)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := supabase.CheckMigrated(ctx, pool); err != nil {
		return err
	}
	if wish.remove {
		return removeBench(ctx, pool, cmd.OutOrStdout())
	}
	if err := needWorker(ctx, settings); err != nil {
		return err
	}
	began := time.Now()
	report, err := bench.Run(ctx, bench.Options{
		Pool: pool, SupabaseURL: settings.Supabase.URL, SecretKey: settings.Supabase.SecretKey.Reveal(),
		PerSecond: wish.rate, Length: time.Duration(wish.seconds) * time.Second,
		Progress: func(line string) { step(cmd.ErrOrStderr(), line) },
	})
	if err != nil {
		return endBench(ctx, cmd.OutOrStdout(), err)
	}
	return showBench(cmd.OutOrStdout(), report, wish, time.Since(began))
}

// needWorker looks for one before anything is made, and again for a while: it may have been started a moment ago.
func needWorker(ctx context.Context, settings config.Config) error {
	lookCtx, cancel := context.WithTimeout(ctx, workerPatience)
	defer cancel()
	again := time.NewTicker(workerPatience / 10)
	defer again.Stop()
	for !workerRuns(ctx, settings) {
		select {
		case <-again.C:
		case <-lookCtx.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return &problem{
				code: "bench_no_worker", text: "no worker runs with the slot " + settings.Worker.Slot + ": there is nothing to measure",
				remedy: "Start one with `handoff run` and the same DATABASE_URL, or name its slot with --slot; then measure again.", exit: exitFailed,
			}
		}
	}
	return nil
}

// workerRuns asks as the doctor does.
func workerRuns(ctx context.Context, settings config.Config) bool {
	const check = "worker"
	report := doctor.Examine(ctx, doctor.Options{
		DatabaseURL: settings.Database.URL.Reveal(), Slot: settings.Worker.Slot, Only: []string{check},
	})
	for _, found := range report.Findings {
		if found.Check == check {
			return found.Severity == doctor.OK
		}
	}
	return false
}

func removeBench(ctx context.Context, pool *pgxpool.Pool, out io.Writer) error {
	removed, err := bench.Remove(ctx, pool, bench.Everything)
	if err != nil {
		return leftByHand(&bench.LeftError{Address: bench.Everything, Cause: err})
	}
	if removed.Kept != "" {
		_, _ = fmt.Fprintf(out, "left: %s\n", removed.Kept) // an error comes again with the next line
	}
	_, err = fmt.Fprintf(out, "RESULT bench_remove=ok accounts=%d\n", removed.Accounts)
	return err
}

// endBench says how a run ended that has no numbers. What is left behind matters more than why.
func endBench(ctx context.Context, out io.Writer, err error) error {
	if left, ok := errors.AsType[*bench.LeftError](err); ok {
		return leftByHand(left)
	}
	if ctx.Err() != nil {
		_, err := fmt.Fprintln(out, "Interrupted. Everything that was made is removed.\nRESULT bench=interrupted removed=true")
		return err
	}
	return explainBench(err)
}

func explainBench(err error) error {
	for _, one := range []struct {
		reason       error
		code, remedy string
	}{
		{bench.ErrNoWorker, "bench_no_worker", "A worker has the slot, but what is committed does not come: see its log, and `handoff doctor`."},
		{bench.ErrRealtime, "realtime_unavailable", "`handoff doctor` says what is wrong with SUPABASE_URL, SUPABASE_SECRET_KEY or Realtime."},
		{bench.ErrProject, "bench_project_refused", "A table public.projects of your own must take a row with nothing but user_id (and name): give its other " +
			"columns defaults, or measure in a project without them. Accounts are made through Auth with SUPABASE_SECRET_KEY."},
	} {
		if errors.Is(err, one.reason) {
			return &problem{code: one.code, text: err.Error() + "; what was made is removed", remedy: one.remedy, exit: exitFailed}
		}
	}
	return err
}

// leftByHand says how to remove what is left. The pattern cannot match an address of anybody: the domain does not exist.
func leftByHand(left *bench.LeftError) error {
	accounts := "(select id from auth.users where email like '" + left.Address + "')"
	return &problem{
		code: "bench_left", text: left.Error(), exit: exitFailed,
		remedy: "Try `handoff bench --remove`, or run by hand: delete from public.projects where user_id in " + accounts +
			"; delete from auth.users where id in " + accounts + ";",
	}
}

func showBench(out io.Writer, report bench.Report, wish benchWish, took time.Duration) error {
	lost := report.Lost()
	if wish.json {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(report); err != nil {
			return err
		}
	} else if err := printBench(out, report, took); err != nil {
		return err
	}
	if lost > 0 {
		return &problem{
			code: "bench_incomplete", text: fmt.Sprintf("%d of the worker's events did not come; the numbers are those of the others", lost), exit: exitFailed,
			remedy: "Realtime may drop broadcasts above the limits of its plan: measure with a lower --rate. Clients get what they miss from conversation_sync.",
		}
	}
	return nil
}

func printBench(out io.Writer, report bench.Report, took time.Duration) error {
	var text strings.Builder
	fmt.Fprintf(&text, "\nMilliseconds, seen from this machine; a round trip to the database takes %.1f of them.\n\n", report.RoundTrip)
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "WHAT\tP50\tP95\tP99\tARRIVED") // into memory
	for _, one := range report.Figures {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d of %d\n", one.Text, millis(one, one.P50), millis(one, one.P95), millis(one, one.P99), one.Arrived, one.Sent) // as above
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(&text, "\nWritten at %.1f a second. Of fewer than a hundred the P99 is the longest. Everything that was made is removed.\n", report.Reached)
	for _, note := range report.Notes {
		fmt.Fprintln(&text, note)
	}
	fmt.Fprintln(&text, benchResult(report, took))
	_, err := io.WriteString(out, text.String())
	return err
}

func millis(one bench.Figure, value float64) string {
	if one.Arrived == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f", value)
}

// benchResult is the line for programs.
func benchResult(report bench.Report, took time.Duration) string {
	verdict := "ok"
	if report.Lost() > 0 {
		verdict = "incomplete"
	}
	line := "RESULT bench=" + verdict
	for _, one := range report.Figures {
		line += fmt.Sprintf(" %s_p50_ms=%s %s_p99_ms=%s", one.Name, millis(one, one.P50), one.Name, millis(one, one.P99))
	}
	return line + fmt.Sprintf(" lost=%d removed=%t seconds=%.0f", report.Lost(), report.Removed, took.Seconds())
}
