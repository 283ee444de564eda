// Command load measures the bridge and the assignment of conversations against a stand-in of its own, each beside an anchor
// of the same run: the numbers of a shared machine say little, their ratios say more.
//
// It writes bench/results/NAME.json and prints a table and RESULT lines. Run it from the repository's root;
// scripts/bench.sh does.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

// benches by name.
var benches = map[string]func(context.Context, *world) (*Report, error){
	"bridge":   bridge,
	"assign":   assign,
	"growth":   growth,
	"load":     carryLoad,
	"presence": presence,
}

var errUnknown = errors.New("unknown benchmark: there are bridge, assign, growth, load and presence")

func main() {
	os.Exit(start()) //nolint:forbidigo // the process ends here
}

func start() int {
	binary := flag.String("binary", "bin/handoff", "the handoff binary to measure")
	name := flag.String("bench", "bridge", "bridge, assign, growth, load or presence; table prints the results of all")
	seconds := flag.Int("seconds", 8, "length of one measurement at a fixed rate")
	part := flag.String("part", "", "only this part: ways, sustained, topics or drain of the bridge; rates, bursts, projects or idle of assign; history, queue, agents or projects of growth; beats, gateway, redis or sweeps of presence; nothing is written then")
	folder := flag.String("results", "bench/results", "folder of the JSON files")
	logPath := flag.String("log", ".cache/bench.log", "file for what the children write")
	flag.Parse()
	//nolint:forbidigo // the root context begins here
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if *name == "table" {
		if err := summarize(*folder, explanations, os.Stdout); err != nil {
			_, _ = fmt.Fprintf(os.Stdout, "%v\nRESULT bench=failed\n", err) // nobody is left to tell
			return 1
		}
		return 0
	}
	err := load(ctx, *binary, *name, *part, *seconds, *folder, *logPath, os.Stdout)
	if err != nil {
		_, _ = fmt.Fprintf(os.Stdout, "\nThe benchmark failed: %v\n\nRESULT bench=%s result=failed\n", err, *name) // nobody is left to tell
		return 1
	}
	return 0
}

func load(ctx context.Context, binary, name, part string, seconds int, folder, logPath string, out io.Writer) (err error) {
	measure, known := benches[name]
	if !known {
		return fmt.Errorf("%q: %w", name, errUnknown)
	}
	if binary, err = filepath.Abs(binary); err != nil {
		return fmt.Errorf("find the binary: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(logPath), 0o755); err != nil { //nolint:gosec // a developer's log
		return fmt.Errorf("make the log's folder: %w", err)
	}
	log, err := os.Create(logPath) //nolint:gosec // where the developer wants it
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	defer log.Close() //nolint:errcheck // a log is a courtesy
	w := &world{binary: binary, part: part, seconds: seconds, log: log}
	defer func() { err = errors.Join(err, w.leave()) }()
	if err := w.enter(ctx); err != nil {
		return err
	}
	report, err := measure(ctx, w)
	if err != nil {
		if report != nil {
			err = errors.Join(err, report.print(out)) // what was measured before it failed is shown, and not kept
		}
		return err
	}
	if part != "" {
		folder = "" // half a result must not take a whole one's place
	}
	if err := report.write(folder, out); err != nil || name != "growth" || folder == "" {
		return err
	}
	return drawGrowth(report, folder)
}
