package broadcast

import "time"

// latencyBuckets is how many bounded buckets a Latency has.
const latencyBuckets = 20

// latencyFirst is the bound of the first bucket. Each next one is twice as wide, so the last ends at 52 s.
const latencyFirst = 100 * time.Microsecond

// Latency is how long something took, counted in buckets.
type Latency struct {
	Count uint64
	Sum   time.Duration
	// Buckets count the values up to each of LatencyBounds that were above the one before it; the last one has no bound.
	Buckets [latencyBuckets + 1]uint64
}

// LatencyBounds are the upper bounds of all buckets of a Latency but the last.
func LatencyBounds() []time.Duration {
	bounds := make([]time.Duration, latencyBuckets)
	for i := range bounds {
		bounds[i] = latencyFirst << i
	}
	return bounds
}

// Quantile is the bound of the bucket that the share q of the values do not pass; 0.5 gives the median. It is zero when
// nothing was counted, and twice the last bound when the value lies beyond it.
func (l Latency) Quantile(q float64) time.Duration {
	if l.Count == 0 {
		return 0
	}
	seen, wanted := uint64(0), q*float64(l.Count)
	for i, count := range l.Buckets {
		seen += count
		if float64(seen) >= wanted {
			return latencyFirst << i
		}
	}
	return latencyFirst << latencyBuckets
}

// observe counts one value. Clocks of two machines differ, so it may be negative; that counts as zero.
func (l *Latency) observe(took time.Duration) {
	took = max(took, 0)
	bucket := 0
	for bucket < latencyBuckets && took > latencyFirst<<bucket {
		bucket++
	}
	l.Buckets[bucket]++
	l.Count++
	l.Sum += took
}
