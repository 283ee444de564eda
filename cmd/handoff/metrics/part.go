package metrics

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/supportbase/handoff/realtime/broadcast"
)

// Entry describes one metric for the people who read it.
type Entry struct {
	Name   string
	Type   string
	Unit   string
	Labels []string
	Help   string
}

// metric is an Entry and how its samples are taken from a snapshot.
type metric[S any] struct {
	Entry

	desc  *prometheus.Desc
	write func(S, sampler)
}

// sampler writes samples of one metric.
type sampler struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	into chan<- prometheus.Metric
}

func (s sampler) value(value float64, labels ...string) {
	s.into <- prometheus.MustNewConstMetric(s.desc, s.kind, value, labels...)
}

// total writes a number of things done and how long they took together.
func (s sampler) total(count uint64, took time.Duration, labels ...string) {
	s.into <- prometheus.MustNewConstSummary(s.desc, count, took.Seconds(), nil, labels...)
}

func (s sampler) latency(taken broadcast.Latency) {
	buckets, below := make(map[float64]uint64), uint64(0)
	for i, bound := range broadcast.LatencyBounds() {
		below += taken.Buckets[i]
		buckets[bound.Seconds()] = below
	}
	s.into <- prometheus.MustNewConstHistogram(s.desc, taken.Count, taken.Sum.Seconds(), buckets)
}

// part collects the metrics of one snapshot, which is taken once a scrape.
type part[S any] struct {
	read    func() S
	metrics []metric[S]
}

// Describe is called by the registry.
func (p part[S]) Describe(into chan<- *prometheus.Desc) {
	for _, one := range p.metrics {
		into <- one.desc
	}
}

// Collect is called by the registry for each scrape.
func (p part[S]) Collect(into chan<- prometheus.Metric) {
	taken := p.read()
	for _, one := range p.metrics {
		kind := prometheus.GaugeValue
		if one.Type == typeCounter {
			kind = prometheus.CounterValue
		}
		one.write(taken, sampler{desc: one.desc, kind: kind, into: into})
	}
}

func (p part[S]) entries() []Entry {
	found := make([]Entry, 0, len(p.metrics))
	for _, one := range p.metrics {
		found = append(found, one.Entry)
	}
	return found
}

// The types of metrics, as Prometheus names them.
const (
	typeCounter   = "counter"
	typeGauge     = "gauge"
	typeHistogram = "histogram"
	typeSummary   = "summary"
)

func made[S any](entry Entry, write func(S, sampler)) metric[S] {
	desc := prometheus.NewDesc(entry.Name, entry.Help, slices.Clone(entry.Labels), nil)
	return metric[S]{Entry: entry, desc: desc, write: write}
}

func gauge[S any](name, unit, help string, read func(S) float64) metric[S] {
	return made(Entry{Name: name, Type: typeGauge, Unit: unit, Help: help}, func(taken S, to sampler) { to.value(read(taken)) })
}

func counter[S any](name, unit, help string, read func(S) uint64) metric[S] {
	return made(Entry{Name: name, Type: typeCounter, Unit: unit, Help: help}, func(taken S, to sampler) { to.value(float64(read(taken))) })
}

func histogram[S any](name, help string, read func(S) broadcast.Latency) metric[S] {
	return made(Entry{Name: name, Type: typeHistogram, Unit: "seconds", Help: help}, func(taken S, to sampler) { to.latency(read(taken)) })
}

// moment is a gauge of Unix time; zero while there is none.
func moment[S any](name, help string, read func(S) time.Time) metric[S] {
	return gauge(name, "Unix time", help, func(taken S) float64 { return unix(read(taken)) })
}

func unix(at time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return float64(at.UnixMicro()) / float64(time.Second/time.Microsecond)
}

// since is how long ago something was; zero when it was not. Clocks of two machines differ, so it is never negative.
func since(at time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return max(time.Since(at).Seconds(), 0)
}

func yes(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
