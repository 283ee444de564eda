package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"syscall"
	"time"

	"github.com/supportbase/handoff/bench/gauge"
)

var errNoLinux = errors.New("only Linux tells what another process uses")

// loadResult is what one size of the load came to.
type loadResult struct {
	form    loadForm
	sockets int
	reached float64
	found   latencies
	p95     float64
	lost    int
	broken  int64
}

// carryLoad is F001 11.3 and ten times it: visitors in conversations write, their pages hear it, and others look on.
func carryLoad(ctx context.Context, w *world) (*Report, error) {
	report := newReport("load")
	if runtime.GOOS != "linux" {
		return nil, errNoLinux
	}
	var err error
	if report.Postgres, err = w.version(ctx); err != nil {
		return nil, err
	}
	for _, form := range loadForms {
		if w.part != "" && w.part != form.name {
			continue
		}
		result, err := w.carry(ctx, report, form)
		if err != nil {
			return nil, fmt.Errorf("carry the %s load: %w", form.name, err)
		}
		report.addLoad(result)
	}
	return report, nil
}

func (r *Report) addLoad(one loadResult) {
	what := fmt.Sprintf("%s: %d conversations, %d/s, %d sockets", one.form.name, one.form.conversations, one.form.perSecond, one.sockets)
	r.goal(what+", p50", "ms", one.found.p50, nil)
	r.goal(what+", p95", "ms", one.p95, nil)
	r.goal(what+", p99", "ms", one.found.p99, nil, aim{most: one.form.p99Most, meaning: fmt.Sprintf("under %.0f ms", one.form.p99Most)})
	r.goal(what+", written", "/s", one.reached, nil, aim{least: 0.95 * float64(one.form.perSecond), meaning: "the rate that was asked for"})
	r.goal(what+", lost", "messages", float64(one.lost), nil, aim{most: 0.5, meaning: "none"})
	r.Extra = append(r.Extra, one.line())
}

func (one loadResult) line() string {
	verdict := "ok"
	if one.lost > 0 || one.broken > 0 || one.found.p99 > one.form.p99Most || one.reached < 0.95*float64(one.form.perSecond) {
		verdict = "missed"
	}
	return fmt.Sprintf("RESULT load=%s form=%s conversations=%d rate=%d reached=%.0f sockets=%d p50_ms=%.1f p95_ms=%.1f p99_ms=%.1f lost=%d sockets_lost=%d",
		verdict, one.form.name, one.form.conversations, one.form.perSecond, one.reached, one.sockets, one.found.p50, one.p95, one.found.p99, one.lost, one.broken)
}

// prepareLoad makes the company and brings a worker that has caught up with it.
func (w *world) prepareLoad(ctx context.Context, form loadForm) (*company, []string, error) {
	c, err := w.found(ctx, form.conversations)
	if err != nil {
		return nil, nil, err
	}
	agents, err := w.texts(ctx, `select user_id::text from public.agent_availability where project_id = $1`, c.projectID)
	if err != nil {
		return nil, nil, err
	}
	if err := w.exec(ctx, `truncate handoff.outbox`); err != nil { // nobody has to be told of what was before
		return nil, nil, err
	}
	if err := w.freshWorker(ctx, w.standIn.URL); err != nil {
		return nil, nil, err
	}
	return c, agents, w.drained(ctx, loadBacklog)
}

func (w *world) carry(ctx context.Context, report *Report, form loadForm) (result loadResult, err error) {
	result.form = form
	c, agents, err := w.prepareLoad(ctx, form)
	if err != nil {
		return result, err
	}
	defer w.killWorker()
	warm := int(float64(form.warmSeconds*form.perSecond) * form.warmShare)
	count := form.perSecond * w.seconds
	a := gauge.NewArrivals(warm + count)
	seats, err := c.seats(agents, socketsAllowed(form.sockets))
	if err != nil {
		return result, err
	}
	began := time.Now()
	pages, err := gather(ctx, w.standIn.URL, seats, a.Hear)
	defer pages.leave()
	if err != nil {
		return result, err
	}
	result.sockets = len(seats)
	report.add(form.name, "all joined after", time.Since(began).Seconds(), "s")
	api, err := w.standIn.Pool(ctx, "authenticator", loadConnections)
	if err != nil {
		return result, err
	}
	defer api.Close()
	if _, err := c.writeAll(ctx, api, int(float64(form.perSecond)*form.warmShare), 0, warm, a); err != nil {
		return result, err
	}
	before, err := w.footprints()
	if err != nil {
		return result, err
	}
	measured, stolenBefore := time.Now(), stolen()
	if result.reached, err = c.writeAll(ctx, api, form.perSecond, warm, count, a); err != nil {
		return result, err
	}
	took := time.Since(measured)
	report.add(form.name, "taken by the host", 100*(stolen()-stolenBefore).Seconds()/took.Seconds(), "% of a core")
	after, err := w.footprints()
	if err != nil {
		return result, err
	}
	report.addFootprints(form.name, before, after, took)
	a.All(ctx, warm+count, loadGrace) // what is missing is a result
	result.judge(a, warm)
	result.broken = pages.lost.Load()
	return result, nil
}

func (r *Report) addFootprints(what string, before, after map[string]footprint, took time.Duration) {
	for _, name := range []string{"worker", "gateway", "postgres"} {
		r.add(what+", "+name, "cpu", 100*(after[name].cpu-before[name].cpu).Seconds()/took.Seconds(), "%")
		r.add(what+", "+name, "memory", after[name].mb, "MB")
	}
}

// judge leaves out the warm-up's latencies, not its losses.
func (one *loadResult) judge(a *gauge.Arrivals, warm int) {
	found := gauge.PercentilesOf(a.Latencies(warm))
	one.found = latencies{p50: found.P50, p99: found.P99}
	one.p95 = found.P95
	one.lost = a.Missing()
}

// socketsAllowed is how many sockets a process may have on this machine, at most what is wanted.
func socketsAllowed(wanted int) int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return wanted
	}
	return min(wanted, int(limit.Cur)-spareDescriptors) //nolint:gosec // far from the end of the numbers
}

// printExtra writes the lines that a report has besides its measurements.
func (r *Report) printExtra(out io.Writer) error {
	for _, line := range r.Extra {
		if _, err := fmt.Fprintln(out, line); err != nil {
			return fmt.Errorf("write the results: %w", err)
		}
	}
	return nil
}
