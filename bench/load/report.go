package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/supportbase/handoff/bench/gauge"
)

// Measurement is one number of a benchmark.
type Measurement struct {
	// What was measured, in words of the table: "bridge at 50/s".
	What  string  `json:"what"`
	Name  string  `json:"name"` // "p50"
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	// Ratio is Value over the anchor of the same run, 0 without an anchor.
	Ratio  float64 `json:"ratio,omitempty"`
	Anchor string  `json:"anchor,omitempty"`
}

// Report is what one benchmark found.
type Report struct {
	Bench    string    `json:"bench"`
	At       time.Time `json:"at"`
	Seconds  float64   `json:"seconds"`
	CPUs     int       `json:"cpus"`
	Go       string    `json:"go"`
	Postgres string    `json:"postgres"`
	// Load is the machine's load average of one minute before the run: others may have been at work.
	Load         string        `json:"load"`
	Measurements []Measurement `json:"measurements"`
	// Goals are the figures that have anchors and targets.
	Goals []Goal `json:"goals,omitempty"`
	// Extra are RESULT lines of a form of their own.
	Extra []string `json:"results,omitempty"`
	// Left says what was not measured here, and why.
	Left []string `json:"left_out,omitempty"`
}

func newReport(bench string) *Report {
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		load = []byte("unknown") // not every system tells
	}
	first, _, _ := strings.Cut(string(load), " ")
	return &Report{Bench: bench, At: time.Now().UTC().Truncate(time.Second), CPUs: runtime.NumCPU(), Go: runtime.Version(), Load: first}
}

func (r *Report) add(what, name string, value float64, unit string) {
	r.Measurements = append(r.Measurements, Measurement{What: what, Name: name, Value: value, Unit: unit})
}

// leave notes what was left out.
func (r *Report) leave(what, why string) { r.Left = append(r.Left, what+": "+why) }

// value is a measurement's, 0 when there is none.
func (r *Report) value(what, name string) float64 {
	if one := r.find(what, name); one != nil {
		return one.Value
	}
	return 0
}

func (r *Report) find(what, name string) *Measurement {
	for i := range r.Measurements {
		if one := &r.Measurements[i]; one.What == what && one.Name == name {
			return one
		}
	}
	return nil
}

// relate gives measurements of what their ratio to the same measurements of the anchor.
func (r *Report) relate(what, anchor string) {
	for i := range r.Measurements {
		one := &r.Measurements[i]
		if one.What != what {
			continue
		}
		if other := r.find(anchor, one.Name); other != nil && other.Value > 0 && one.Value > 0 {
			one.Ratio, one.Anchor = one.Value/other.Value, anchor
		}
	}
}

// write saves the report, unless there is no folder, and prints it as a table with RESULT lines.
func (r *Report) write(folder string, out io.Writer) error {
	r.Seconds = time.Since(r.At).Round(time.Second).Seconds()
	if folder == "" {
		return r.print(out)
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // part of a checkout
		return fmt.Errorf("make the folder of results: %w", err)
	}
	path := filepath.Join(folder, r.Bench+".json")
	if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil { //nolint:gosec // part of a checkout
		return fmt.Errorf("save the report: %w", err)
	}
	return r.print(out)
}

func (r *Report) print(out io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "\n%s: %d CPUs, %s, Postgres %s, load %s before\n\n", r.Bench, r.CPUs, r.Go, r.Postgres, r.Load)
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, one := range r.Measurements {
		ratio := ""
		if one.Anchor != "" {
			ratio = fmt.Sprintf("%.2fx of %s", one.Ratio, one.Anchor)
		}
		_, _ = fmt.Fprintf(table, "  %s\t%s\t%s %s\t%s\n", one.What, one.Name, figure(one.Value), one.Unit, ratio) // into memory
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("lay out the table: %w", err)
	}
	for _, left := range r.Left {
		fmt.Fprintf(&text, "  left out: %s\n", left)
	}
	text.WriteString("\n")
	if len(r.Goals) > 0 {
		if err := printGoals(&text, r.Goals); err != nil {
			return err
		}
		text.WriteString("\n")
	}
	for _, line := range r.results() {
		fmt.Fprintln(&text, line)
	}
	if err := r.printExtra(&text); err != nil {
		return err
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// results is one RESULT line for each thing measured.
func (r *Report) results() []string {
	var order []string
	pairs := map[string][]string{}
	for _, one := range r.Measurements {
		if pairs[one.What] == nil {
			order = append(order, one.What)
		}
		pairs[one.What] = append(pairs[one.What], fmt.Sprintf("%s=%s", slug(one.Name+" "+one.Unit), figure(one.Value)))
		if one.Anchor != "" {
			pairs[one.What] = append(pairs[one.What], fmt.Sprintf("%s_ratio=%.2f", slug(one.Name), one.Ratio))
		}
	}
	lines := make([]string, 0, len(order)+1)
	for _, what := range order {
		lines = append(lines, fmt.Sprintf("RESULT bench=%s what=%s %s", r.Bench, slug(what), strings.Join(pairs[what], " ")))
	}
	return append(lines, fmt.Sprintf("RESULT bench=%s result=ok goals=%d missed=%d seconds=%.0f", r.Bench, len(r.Goals), missed(r.Goals), r.Seconds))
}

// slug makes a key or a value of a RESULT line: no spaces, nothing that a shell would read.
func slug(text string) string {
	text = strings.NewReplacer("/", " per ", "%", "percent", ",", "", "(", "", ")", "").Replace(text)
	return strings.Join(strings.Fields(text), "_")
}

// figure keeps three digits that matter.
func figure(value float64) string {
	switch {
	case value >= 100:
		return fmt.Sprintf("%.0f", value)
	case value >= 10:
		return fmt.Sprintf("%.1f", value)
	default:
		return fmt.Sprintf("%.2f", value)
	}
}

// addLatencies adds the percentiles of durations.
func (r *Report) addLatencies(what string, durations []time.Duration) {
	if len(durations) == 0 {
		r.leave(what, "nothing arrived")
		return
	}
	found := gauge.PercentilesOf(durations)
	r.add(what, "p50", found.P50, "ms")
	r.add(what, "p95", found.P95, "ms")
	r.add(what, "p99", found.P99, "ms")
}
