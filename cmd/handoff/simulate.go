package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/supportbase/handoff/config"
	"github.com/supportbase/handoff/worker/assignment"
	"github.com/supportbase/handoff/worker/simulation"
)

// The bounds of one run: an hour of arrivals in memory is small, a typing error is not.
const (
	mostArrivals = 500_000
	mostAgents   = 500
	mostSlots    = 50
)

func newSimulate() *cobra.Command {
	simulate := &cobra.Command{
		Use:   "simulate",
		Short: "Play the arrivals of a week with teams of several sizes",
		Long: "How long customers would wait with fewer or more agents, how many would leave, how busy the team would be. " +
			"The planner that serves real projects decides, in virtual time. Arrivals are drawn from --rate, --handling and " +
			"--patience, or, with --project and DATABASE_URL, they are those of the last days.",
		Example: "  handoff simulate --rate 40 --handling 6m --agents 1-6 --slots 3\n" +
			"  handoff simulate --project 6b0c... --days 14 --agents 2-8 --html report.html",
		Args: cobra.NoArgs,
		RunE: runSimulate,
	}
	flags := simulate.Flags()
	flags.String("agents", "1-8", "sizes of the team: 2-8, or 2,4,8")
	flags.Int("slots", 3, "chats that each agent has at once")
	flags.String("strategy", string(assignment.Balanced), "balanced, round_robin, longest_idle, several with commas, or all")
	flags.Duration("target", time.Minute, "how long nine of ten should wait at most")
	flags.String("rate", "30", "arrivals an hour; several with commas are hours that repeat: 24 of them are a day")
	flags.Duration("length", 7*24*time.Hour, "for how long they arrive")
	flags.Duration("handling", 6*time.Minute, "how long a chat takes on average")
	flags.Float64("variation", 0.9, "how much chats differ: standard deviation over mean; 0 for not at all")
	flags.Duration("patience", 0, "after how long customers leave on average; 0: never, or with --project as they did")
	flags.Uint64("seed", 1, "another number, another luck")
	flags.String(projectFlag, "", "take the arrivals and handling times of this project")
	flags.Int(daysFlag, 7, "of the last so many days, with --project")
	flags.Bool(jsonFlag, false, "print JSON")
	flags.String("html", "", "also write a report with plots into this file")
	config.AddFlags(flags, "database")
	return simulate
}

func runSimulate(cmd *cobra.Command, _ []string) error {
	wish, err := readWish(cmd)
	if err != nil {
		return err
	}
	source, err := wish.arrivals(cmd.Context(), cmd)
	if err != nil {
		return err
	}
	report := staffing{wish: wish, traffic: source, Outcomes: simulation.Sweep(simulation.Plan{
		Arrivals: source.arrivals, Strategies: wish.strategies, Sizes: wish.sizes, Slots: wish.slots, Target: wish.target, Length: source.length,
	})}
	if wish.html != "" {
		if err := report.writeHTML(wish.html); err != nil {
			return err
		}
	}
	if !wish.json {
		return report.print(cmd.OutOrStdout())
	}
	encoder := json.NewEncoder(cmd.OutOrStdout())
	encoder.SetIndent("", "  ")
	return encoder.Encode(report.view())
}

// wish is what was asked for on the command line.
type wish struct {
	sizes      []int
	slots      int
	strategies []assignment.Strategy
	target     time.Duration
	perHour    []float64
	length     time.Duration
	handling   time.Duration
	variation  float64
	patience   time.Duration
	seed       uint64
	project    string
	days       int
	json       bool
	html       string
}

// readWish refuses what makes no sense before anything is played.
func readWish(cmd *cobra.Command) (w wish, err error) {
	flags := cmd.Flags()
	texts := map[string]*string{projectFlag: &w.project, "html": &w.html, "agents": new(string), "strategy": new(string), "rate": new(string)}
	for name, target := range texts {
		if *target, err = flags.GetString(name); err != nil {
			return w, err
		}
	}
	for name, target := range map[string]*time.Duration{"target": &w.target, "length": &w.length, "handling": &w.handling, "patience": &w.patience} {
		if *target, err = flags.GetDuration(name); err != nil {
			return w, err
		}
	}
	for name, target := range map[string]*int{"slots": &w.slots, daysFlag: &w.days} {
		if *target, err = flags.GetInt(name); err != nil {
			return w, err
		}
	}
	if w.variation, err = flags.GetFloat64("variation"); err != nil {
		return w, err
	}
	if w.seed, err = flags.GetUint64("seed"); err != nil {
		return w, err
	}
	if w.json, err = flags.GetBool(jsonFlag); err != nil {
		return w, err
	}
	w.sizes = sizes(*texts["agents"])
	w.strategies = strategies(*texts["strategy"])
	w.perHour = rates(*texts["rate"])
	if wrong := w.wrong(); wrong != "" {
		return w, usage(cmd, wrong)
	}
	return w, nil
}

// wrong says what makes no sense; empty when all does.
func (w wish) wrong() string {
	switch {
	case len(w.sizes) == 0:
		return fmt.Sprintf("--agents is a range like 2-8 or a list like 2,4,8, each 1 to %d", mostAgents)
	case len(w.strategies) == 0:
		return "--strategy is balanced, round_robin, longest_idle or all"
	case len(w.perHour) == 0:
		return "--rate is a number of arrivals an hour, or several with commas, not all 0"
	case w.slots < 1 || w.slots > mostSlots:
		return fmt.Sprintf("--slots is 1 to %d", mostSlots)
	case w.handling <= 0 || w.length <= 0 || w.patience < 0 || w.target < 0 || w.variation < 0:
		return "--handling and --length are more than 0, --patience, --target and --variation not less"
	case w.days < 1:
		return "--days is 1 or more"
	case w.project == "" && expected(w.perHour, w.length) > mostArrivals:
		return fmt.Sprintf("that makes more than %d arrivals: take a shorter --length", mostArrivals)
	default:
		return ""
	}
}

func expected(perHour []float64, length time.Duration) float64 {
	sum := 0.0
	for _, rate := range perHour {
		sum += rate
	}
	return sum / float64(len(perHour)) * length.Hours()
}

// sizes reads 2-8 or 2,4,8; nil when it is neither.
func sizes(text string) []int {
	var found []int
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, errFrom := strconv.Atoi(strings.TrimSpace(first))
		to, errTo := strconv.Atoi(strings.TrimSpace(last))
		if errFrom != nil || errTo != nil || from < 1 || to < from || to > mostAgents {
			return nil
		}
		for size := from; size <= to; size++ {
			found = append(found, size)
		}
	}
	return found
}

func strategies(text string) []assignment.Strategy {
	if text == "all" {
		return assignment.Strategies()
	}
	var found []assignment.Strategy
	for name := range strings.SplitSeq(text, ",") {
		for _, known := range assignment.Strategies() {
			if string(known) == strings.TrimSpace(name) {
				found = append(found, known)
			}
		}
	}
	if len(found) != strings.Count(text, ",")+1 {
		return nil
	}
	return found
}

func rates(text string) []float64 {
	var found []float64
	sum := 0.0
	for part := range strings.SplitSeq(text, ",") {
		rate, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil || rate < 0 || rate > mostArrivals {
			return nil
		}
		found, sum = append(found, rate), sum+rate
	}
	if sum <= 0 {
		return nil
	}
	return found
}

// traffic is what is played.
type traffic struct {
	arrivals []simulation.Arrival
	length   time.Duration
	// begins is when the first could arrive, in UTC; the zero time for drawn arrivals.
	begins time.Time
	// source says in words where they come from.
	source string
}

func (w wish) arrivals(ctx context.Context, cmd *cobra.Command) (traffic, error) {
	if w.project != "" {
		return w.recorded(ctx, cmd)
	}
	arrivals := simulation.Synthetic(simulation.Traffic{
		PerHour: w.perHour, Length: w.length, Handling: simulation.LogNormal(w.handling, w.variation), Patience: w.leaving(w.patience),
	}, w.seed)
	if len(arrivals) == 0 {
		return traffic{}, usage(cmd, "nobody arrived: take a higher --rate or a longer --length")
	}
	return traffic{
		arrivals: arrivals, length: w.length,
		source: fmt.Sprintf("%d drawn arrivals with chats of %s on average", len(arrivals), inWords(w.handling)),
	}, nil
}

func (w wish) leaving(mean time.Duration) simulation.Distribution {
	if mean == 0 {
		return simulation.Never()
	}
	return simulation.Exponential(mean)
}

func (s staffing) writeHTML(path string) error {
	file, err := os.Create(path) //nolint:gosec // where the caller wants it
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	err = s.render(file)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("write the report %s: %w", path, err)
	}
	return nil
}
