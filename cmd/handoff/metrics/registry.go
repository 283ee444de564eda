package metrics

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/supportbase/handoff/realtime/broadcast"
	"github.com/supportbase/handoff/realtime/phoenix"
	"github.com/supportbase/handoff/realtime/replication"
	"github.com/supportbase/handoff/supabase"
	"github.com/supportbase/handoff/worker"
	"github.com/supportbase/handoff/worker/mail"
	"github.com/supportbase/handoff/worker/presence"
	"github.com/supportbase/handoff/worker/schedule"
)

// Sources are where the numbers come from. All are required; each is called once a scrape, from any goroutine.
type Sources struct {
	Version   string
	Stream    func() replication.Stats
	Bridge    func() broadcast.Stats
	Transport func() broadcast.FailoverStats
	Realtime  func() phoenix.Stats
	Worker    func() worker.Stats
	Clock     func() []schedule.Stats
	Mail      func() mail.Stats
	Presence  func() presence.Stats
	Pool      func() *pgxpool.Stat
	Census    func(context.Context) (supabase.Census, error)
}

// described is a collector that can say what it collects.
type described interface {
	prometheus.Collector
	entries() []Entry
}

// parts makes the collectors. The context ends a count that is under way.
func parts(ctx context.Context, from Sources) []described {
	return []described{
		ofBuild(from.Version), ofStream(from.Stream), ofBridge(from.Bridge), ofTransport(from.Transport),
		ofRealtime(from.Realtime), ofWorker(from.Worker), ofClock(from.Clock), ofMail(from.Mail), ofPresence(from.Presence), ofPool(from.Pool),
		ofCensus(recently(ctx, from.Census)),
	}
}

func ofBuild(version string) part[string] {
	return part[string]{read: func() string { return version }, metrics: []metric[string]{
		made(Entry{
			Name: "handoff_build_info", Type: typeGauge, Unit: "1", Labels: []string{"version"}, Help: "Always 1; the label is the version.",
		}, func(version string, to sampler) { to.value(1, version) }),
	}}
}

// newRegistry holds every metric of the worker, and those of the Go runtime and of the process.
func newRegistry(ctx context.Context, from Sources) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	for _, one := range parts(ctx, from) {
		registry.MustRegister(one)
	}
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// Catalogue describes every metric of the worker, in the order of the page docs/operations.md.
func Catalogue() []Entry {
	var all []Entry
	for _, one := range parts(context.Background(), Sources{}) {
		all = append(all, one.entries()...)
	}
	return all
}

// Table is the Catalogue as rows of a Markdown table.
func Table() string {
	var table strings.Builder
	table.WriteString("| metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n")
	for _, one := range Catalogue() {
		labels := slices.Clone(one.Labels)
		for i := range labels {
			labels[i] = "`" + labels[i] + "`"
		}
		table.WriteString("| `" + one.Name + "` | " + one.Type + " | " + one.Unit + " | " + strings.Join(labels, ", ") + " | " + one.Help + " |\n")
	}
	return table.String()
}
