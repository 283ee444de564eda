// Command torture lets 50 agents, 400 visitors and an owner act on one project at once while four workers are killed at random
// moments, and shows from a record of its own that no conversation ever had two owners, no agent was given more than allowed,
// no conversation was lost, no counter drifted, and nobody waited who could be served.
//
// The record is written by triggers that only the run's database has (record.sql) and judged by replaying it (replay.go): the
// counters, the decision log and the events are what is under test. The last line is for programs: RESULT torture=ok ... or
// torture=failed ... Run it from the repository's root; scripts/torture.sh does.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	os.Exit(start()) //nolint:forbidigo // the process ends here
}

func start() int {
	var o options
	flag.StringVar(&o.binary, "binary", "bin/handoff", "the handoff binary to test")
	flag.IntVar(&o.operations, "operations", 100_000, "calls that are answered, by what was done or by a refusal")
	flag.IntVar(&o.perSecond, "rate", 1000, "calls a second, at most")
	flag.BoolVar(&o.offers, "offers", false, "conversations are offered, and agents accept, decline or ignore the offers")
	flag.StringVar(&o.logPath, "log", ".cache/torture.log", "file for what the children write")
	flag.Parse()
	//nolint:forbidigo // the root context begins here
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := torture(ctx, o, os.Stdout); err != nil {
		return 1
	}
	return 0
}

// torture plays one run and writes its report and its RESULT line. The error is in the report.
func torture(ctx context.Context, o options, out io.Writer) error {
	log, err := openLog(o.logPath)
	if err != nil {
		_, _ = fmt.Fprintf(out, "%v\nRESULT torture=failed\n", err) // nobody is left to tell
		return err
	}
	defer log.Close() //nolint:errcheck // a log is a courtesy
	r := &run{options: o, began: time.Now(), log: log, logger: slog.New(slog.NewTextHandler(out, nil))}
	err = r.whole(ctx)
	if errors.Is(err, errNoClock) {
		_, _ = fmt.Fprintf(out, "\nRESULT torture=skipped reason=%q\n", err) // as above
		return nil
	}
	if err == nil {
		err = r.grade()
	}
	r.write(out, err)
	return err
}

func openLog(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // a developer's log
		return nil, fmt.Errorf("make the log's folder: %w", err)
	}
	log, err := os.Create(path) //nolint:gosec // where the developer wants it
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	return log, nil
}

func (r *run) write(out io.Writer, err error) {
	var text strings.Builder
	result := "ok"
	if err != nil {
		result = "failed"
		fmt.Fprintf(&text, "\nThe torture run failed: %v\n", err)
	}
	for _, one := range r.verdict.examples {
		fmt.Fprintln(&text, " ", one)
	}
	operations, kills, exits := int64(0), 0, 0
	if r.stage != nil {
		operations = r.stage.tally.total.Load()
		r.stage.tally.table(&text)
	}
	for _, crew := range r.crews {
		killed, ended := crew.Counts()
		kills, exits = kills+killed, exits+ended
	}
	v := &r.verdict
	fmt.Fprintf(&text, "\nWaits although somebody could serve: %d, p50 %d ms, p99 %d ms\n", len(v.idle), v.idleAt(0.5).Milliseconds(), v.idleAt(0.99).Milliseconds())
	fmt.Fprintf(&text, "\nRESULT torture=%s mode=%s operations=%d", result, r.mode(), operations)
	for kind := range violations {
		fmt.Fprintf(&text, " %s=%d", kind, v.counts[kind])
	}
	fmt.Fprintf(&text, " idle_while_waiting_max_ms=%d idle_p99_ms=%d invariants_broken=%d deadlocks=%d moves=%d answers=%d kills=%d worker_exits=%d seconds=%.0f\n",
		v.idleAt(1).Milliseconds(), v.idleAt(0.99).Milliseconds(), len(r.violations), r.deadlocks(), v.moves, r.answered(), kills, exits,
		time.Since(r.began).Seconds())
	_, _ = io.WriteString(out, text.String()) // nobody is left to tell
}

func (r *run) deadlocks() int {
	if r.stage == nil {
		return 0
	}
	return r.stage.tally.deadlocks
}

func (r *run) answered() int {
	if r.stage == nil {
		return 0
	}
	return len(r.stage.answers)
}

// table lists the calls.
func (t *tally) table(text *strings.Builder) {
	t.mu.Lock()
	defer t.mu.Unlock()
	names := map[string]bool{}
	for _, counted := range []map[string]int{t.done, t.refused} {
		for name := range counted {
			names[name] = true
		}
	}
	fmt.Fprintf(text, "\n  %-24s %8s %8s\n", "call", "done", "refused")
	for _, name := range slices.Sorted(maps.Keys(names)) {
		fmt.Fprintf(text, "  %-24s %8d %8d\n", name, t.done[name], t.refused[name])
	}
	for _, reason := range slices.Sorted(maps.Keys(t.broken)) {
		fmt.Fprintf(text, "  not answered: %d x %s\n", t.broken[reason], reason)
	}
}
