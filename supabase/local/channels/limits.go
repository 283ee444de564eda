package channels

import (
	"sync"
	"time"
)

// Limits are what Supabase calls quotas. A field that is zero has the development default, which is far above what a
// plan allows, so that tests and demonstrations are not throttled. SupabaseDefaults returns the real thing.
//
// Rates are the mean over the last minute, in steps of five seconds: short bursts pass.
type Limits struct {
	// EventsPerSecond counts each message sent, and each delivery of it. Above it, every channel that is delivered a
	// message is closed and HTTP answers 429. Default 1,000,000.
	EventsPerSecond int
	// JoinsPerSecond above it, joins are refused and their sockets closed with 1001. Default 100,000.
	JoinsPerSecond int
	// PresencePerSecond counts calls of track and each presence_state sent. Above it, the caller's channel is closed.
	// Default 100,000.
	PresencePerSecond int
	// PresenceCalls is how often one channel may call track or untrack in 30 seconds. Default 10,000.
	PresenceCalls int
	// Users is how many sockets may have a joined channel. Default 100,000.
	Users int
	// ChannelsPerClient is how many channels one socket may join. Default 100, as on every plan of Supabase: an
	// application that needs more would work nowhere else.
	ChannelsPerClient int
}

// SupabaseDefaults returns the limits of a Realtime that nobody has configured: those of self-hosting and of the CLI.
func SupabaseDefaults() Limits {
	return Limits{
		EventsPerSecond:   100,
		JoinsPerSecond:    100,
		PresencePerSecond: 1000,
		PresenceCalls:     5,
		Users:             200,
		ChannelsPerClient: 100,
	}
}

// withDefaults fills the fields that are zero.
func (l Limits) withDefaults() Limits {
	setDefault(&l.EventsPerSecond, 1_000_000)
	setDefault(&l.JoinsPerSecond, 100_000)
	setDefault(&l.PresencePerSecond, 100_000)
	setDefault(&l.PresenceCalls, 10_000)
	setDefault(&l.Users, 100_000)
	setDefault(&l.ChannelsPerClient, 100)
	return l
}

// setDefault gives *field the value when it is zero.
func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

const (
	// rateBucket and rateBuckets are the step and the length of the window that a rate is the mean of.
	rateBucket  = 5 * time.Second
	rateBuckets = 12
)

// rate counts events and tells their mean per second. Only buckets that are over count, so a burst shows up to five
// seconds late, as at Supabase. Safe for concurrent use.
type rate struct {
	limit int

	mu      sync.Mutex
	bucket  int64 // number of the current bucket since 1970; zero before the first event
	current int
	past    [rateBuckets]int // a ring of the buckets that are over: bucket number modulo length
	filled  int
}

func newRate(limit int) *rate {
	return &rate{limit: limit}
}

// add counts n events at now.
func (r *rate) add(now time.Time, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.advance(now)
	r.current += n
}

// average returns the mean number of events per second.
func (r *rate) average(now time.Time) float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.advance(now)
	if r.filled == 0 {
		return 0
	}
	sum := 0
	for _, count := range r.past {
		sum += count
	}
	return float64(sum) / float64(r.filled) / rateBucket.Seconds()
}

// reached holds while the mean is at or above the limit.
func (r *rate) reached(now time.Time) bool {
	return r.average(now) >= float64(r.limit)
}

// advance closes the buckets that are over at now. The caller holds mu.
func (r *rate) advance(now time.Time) {
	bucket := now.UnixNano() / int64(rateBucket)
	if r.bucket == 0 {
		r.bucket = bucket
	}
	// After a long silence everything in the ring is overwritten: more turns than its length change nothing.
	r.bucket = max(r.bucket, bucket-rateBuckets-1)
	for ; r.bucket < bucket; r.bucket++ {
		r.past[r.bucket%rateBuckets] = r.current
		r.current = 0
		r.filled = min(r.filled+1, rateBuckets)
	}
}
