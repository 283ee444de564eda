// Command chaos breaks everything between committed events and a subscriber for a while, and then shows that the subscriber
// has exactly the committed events of each conversation, in order.
//
// It drives a stand-in (`handoff dev --worker=false`), workers (`handoff run`), writers that act as visitors, agents and
// an AI, and a subscriber in Node with unmodified supabase-js and the documented gap rule (web/chaos). Meanwhile workers are
// killed and faults happen one after the other (faults.go). The last line is for programs: RESULT chaos=ok ... or
// chaos=failed ... Run it from the repository's root; scripts/chaos.sh does.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	defaultLength = 9 * time.Minute
	// overtime is how much longer a run may take than it was given, before it is cut off.
	overtime = time.Minute
	// shownGaps is how many of them the report lists.
	shownGaps = 20
)

var (
	errDiffers    = errors.New("what arrived is not what was committed")
	errUnplayed   = errors.New("not every fault could be played")
	errParked     = errors.New("messages were parked although Realtime had no reason to refuse them")
	errUnheard    = errors.New("events were never broadcast, and only the gap rule found them")
	errStandInEnd = errors.New("the stand-in ended on its own")
)

func main() {
	os.Exit(start()) //nolint:forbidigo // the process ends here
}

func start() int {
	var o options
	flag.StringVar(&o.binary, "binary", "bin/handoff", "the handoff binary to test")
	flag.DurationVar(&o.length, "length", defaultLength, "length of the run; below 3m faults are short")
	flag.IntVar(&o.conversations, "conversations", 200, "conversations that are written to")
	flag.IntVar(&o.perSecond, "rate", 60, "acts a second")
	flag.StringVar(&o.logPath, "log", ".cache/chaos.log", "file for what the children write")
	flag.StringVar(&o.only, "only", "", "play this fault only")
	flag.Parse()
	//nolint:forbidigo // the root context begins here
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := chaos(ctx, o, os.Stdout); err != nil {
		return 1
	}
	return 0
}

// chaos plays one run and writes its report and its RESULT line. The error is in the report.
func chaos(ctx context.Context, o options, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, o.length+overtime)
	defer cancel()
	r := &run{options: o, began: time.Now(), logger: slog.New(slog.NewTextHandler(out, nil))}
	verdict, parked, err := r.whole(ctx)
	r.write(out, verdict, parked, err)
	return err
}

// whole plays the run from nothing to nothing.
func (r *run) whole(ctx context.Context) (v verdict, parked int, err error) {
	log, err := openLog(r.options.logPath)
	if err != nil {
		return v, 0, err
	}
	defer log.Close() //nolint:errcheck // a log is a courtesy
	r.log = log
	if r.options.binary, err = filepath.Abs(r.options.binary); err != nil {
		return v, 0, fmt.Errorf("find the binary: %w", err)
	}
	if r.recovers, err = knows(r.options.binary, sourceVariable); err != nil {
		return v, 0, err
	}
	end, err := r.prepare(ctx)
	defer func() { err = errors.Join(err, end()) }()
	if err != nil {
		return v, 0, err
	}
	if err := r.play(ctx); err != nil {
		return v, 0, r.explain(err)
	}
	if v, err = r.assess(ctx); err != nil {
		return v, 0, r.explain(err)
	}
	parked, err = checkParked(ctx, r.cast.owner)
	return v, parked, errors.Join(err, r.grade(v))
}

// explain adds that the stand-in has gone, which everything else follows from.
func (r *run) explain(err error) error {
	select {
	case <-r.standIn.Exited():
		return errors.Join(fmt.Errorf("%w:\n%s", errStandInEnd, r.standIn.Output()), err)
	default:
		return err
	}
}

func (r *run) grade(v verdict) error {
	var errs []error
	if !v.ok() {
		errs = append(errs, errDiffers)
	}
	// A subscriber that joined again may have been away while something was broadcast; one that did not was there.
	if v.unheard > 0 && r.audience.now().Joins == r.options.conversations {
		errs = append(errs, errUnheard)
	}
	for _, one := range r.happened {
		if one.err != nil {
			errs = append(errs, fmt.Errorf("%w: %s: %w", errUnplayed, one.name, one.err))
		}
	}
	return errors.Join(errs...)
}

func (r *run) write(out io.Writer, v verdict, parked int, err error) {
	var text strings.Builder
	if err != nil {
		fmt.Fprintf(&text, "\nThe chaos run failed: %v\n\n%s\nFaults:\n", err, v.first)
	} else {
		text.WriteString("\nFaults:\n")
	}
	counts, skipped := map[faultKind]int{}, 0
	for _, one := range r.happened {
		fmt.Fprintln(&text, one)
		switch {
		case one.skipped != "":
			skipped++
		case one.err == nil:
			counts[one.kind]++
		}
	}
	for _, one := range v.early[:min(len(v.early), shownGaps)] {
		fmt.Fprintf(&text, "%7.1fs  gap: #%d came after #%d on %s, skipping%s\n",
			time.UnixMilli(one.At).Sub(r.began).Seconds(), one.Got, one.After, one.conversation, one.missed)
	}
	kills, exits, joins, refused, reason := 0, 0, 0, 0, ""
	if r.crew != nil {
		kills, exits = r.crew.Counts()
		joins = r.audience.now().Joins
		refused, reason = r.cast.refused.total()
	}
	fmt.Fprintf(&text, "\nActs done: %d; not done: %d, most often because of %q\n", r.acts(), refused, reason)
	result := "ok"
	if err != nil {
		result = "failed"
	}
	fmt.Fprintf(&text, "\nRESULT chaos=%s committed=%d delivered=%d lost=%d out_of_order=%d duplicates_after_dedupe=%d kills=%d slot_losses=%d "+
		"restarts=%d realtime_faults=%d poll_seconds=%.0f skipped=%d altered=%d invented=%d parked=%d repeated=%d gaps=%d healed=%d never_broadcast=%d "+
		"joins=%d acts_refused=%d worker_exits=%d seconds=%.0f\n",
		result, v.committed, v.delivered, v.lost, v.outOfOrder, v.duplicates, kills, counts[ofSlot],
		counts[ofPostgres], counts[ofRealtime], r.polled.Seconds(), skipped, v.altered, v.invented, parked, v.repeated, len(v.early), v.healed, v.unheard,
		joins, refused, exits, time.Since(r.began).Seconds())
	_, _ = io.WriteString(out, text.String()) // nobody is left to tell
}

// acts is how many the writers have done.
func (r *run) acts() int64 {
	if r.cast == nil {
		return 0
	}
	return r.cast.acts.Load()
}

// checkParked counts the dead letters; an error quotes one.
func checkParked(ctx context.Context, owner *pgxpool.Pool) (parked int, err error) {
	var example string
	err = owner.QueryRow(ctx, `
		select count(*), coalesce(min(format('event %s, %s on %s: %s', event_id, event, topic, reason)), '')
		  from handoff.broadcast_dead_letters`).Scan(&parked, &example)
	if err != nil {
		return 0, fmt.Errorf("count dead letters: %w", err)
	}
	if parked > 0 {
		return parked, fmt.Errorf("%w: %d, for example %s", errParked, parked, example)
	}
	return 0, nil
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
