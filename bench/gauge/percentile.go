package gauge

import (
	"slices"
	"time"
)

// Percentiles are those of durations, in milliseconds.
type Percentiles struct{ P50, P95, P99 float64 }

// PercentilesOf gives zeros for no durations. Of fewer than a hundred the P99 is the longest.
func PercentilesOf(durations []time.Duration) Percentiles {
	if len(durations) == 0 {
		return Percentiles{}
	}
	sorted := slices.Sorted(slices.Values(durations))
	at := func(share float64) float64 {
		return float64(sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]) / float64(time.Millisecond)
	}
	return Percentiles{P50: at(0.50), P95: at(0.95), P99: at(0.99)}
}
