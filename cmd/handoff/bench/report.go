package bench

import (
	"time"

	"github.com/supportbase/handoff/bench/gauge"
)

// Report is what was measured. Times are milliseconds, seen from this machine.
type Report struct {
	// PerSecond and Seconds are what was asked for; Reached is the rate that the events were written at.
	PerSecond int     `json:"per_second"`
	Seconds   float64 `json:"seconds"`
	Reached   float64 `json:"reached_per_second"`
	// RoundTrip is the median of the smallest question to the database.
	RoundTrip float64  `json:"database_round_trip_ms"`
	Figures   []Figure `json:"figures"`
	// Removed says that nothing is left of what was made for it.
	Removed bool     `json:"removed"`
	Notes   []string `json:"notes,omitempty"`
}

// Figure is one way that was measured.
type Figure struct {
	// Name does not change; Text is for people.
	Name string  `json:"name"`
	Text string  `json:"text"`
	P50  float64 `json:"p50_ms"`
	P95  float64 `json:"p95_ms"`
	P99  float64 `json:"p99_ms"`
	// Arrived of Sent came at all; the percentiles are theirs.
	Arrived int `json:"arrived"`
	Sent    int `json:"sent"`
}

func (r *Report) add(name, text string, latencies []time.Duration, sent int) {
	found := gauge.PercentilesOf(latencies)
	r.Figures = append(r.Figures, Figure{
		Name: name, Text: text, P50: found.P50, P95: found.P95, P99: found.P99, Arrived: len(latencies), Sent: sent,
	})
}

func (r *Report) note(line string) {
	if line != "" {
		r.Notes = append(r.Notes, line)
	}
}

// Figure finds one by its name; nil when it was not measured.
func (r *Report) Figure(name string) *Figure {
	for i := range r.Figures {
		if r.Figures[i].Name == name {
			return &r.Figures[i]
		}
	}
	return nil
}

// Lost is how many events and handoffs of the worker did not come. What the anchors lose is not the worker's fault.
func (r *Report) Lost() (lost int) {
	for _, name := range []string{"commit_to_subscriber", "waiting_to_assigned"} {
		if one := r.Figure(name); one != nil {
			lost += one.Sent - one.Arrived
		}
	}
	return lost
}
