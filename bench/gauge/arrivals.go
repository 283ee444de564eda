package gauge

import (
	"bytes"
	"context"
	"strconv"
	"sync/atomic"
	"time"
)

// Marker stands before the number of a message in its content; a dash follows it.
const Marker = "bench-number-"

// Mark is the text that a numbered message carries somewhere in its content.
func Mark(n int) string { return Marker + strconv.Itoa(n) + "-" }

// Arrivals are the moments of each of so many messages, by its number. Its methods are safe for concurrent use; only one
// goroutine may wait for arrivals.
type Arrivals struct {
	began     time.Time
	committed []atomic.Int64 // nanoseconds since began, just before the commit was sent
	arrived   []atomic.Int64
	count     atomic.Int64
	last      atomic.Int64
	news      chan struct{} // that another one has arrived; wake-ups coalesce
}

// NewArrivals expects messages 0 to count-1. Its clock starts now.
func NewArrivals(count int) *Arrivals {
	return &Arrivals{
		began: time.Now(), committed: make([]atomic.Int64, count), arrived: make([]atomic.Int64, count), news: make(chan struct{}, 1),
	}
}

// Commits notes that the commit of message n is sent now.
func (a *Arrivals) Commits(n int) { a.committed[n].Store(int64(time.Since(a.began))) }

// Hear takes a frame of a subscriber's socket and the time of its arrival. A message that comes again does not count, and
// what carries no number is left alone.
func (a *Arrivals) Hear(frame []byte, at time.Time) {
	_, rest, found := bytes.Cut(frame, []byte(Marker))
	if !found {
		return
	}
	digits, _, _ := bytes.Cut(rest, []byte("-"))
	n, err := strconv.Atoi(string(digits))
	if err != nil || n < 0 || n >= len(a.arrived) {
		return
	}
	moment := int64(at.Sub(a.began))
	if !a.arrived[n].CompareAndSwap(0, moment) {
		return
	}
	a.last.Store(moment)
	a.count.Add(1)
	select {
	case a.news <- struct{}{}:
	default:
	}
}

// All returns when so many messages have arrived, or the time is up: what is missing is a result.
func (a *Arrivals) All(ctx context.Context, want int, limit time.Duration) {
	a.await(ctx, limit, func() bool { return a.Count() >= want })
}

// Await says whether message n has arrived, or does before the time is up.
func (a *Arrivals) Await(ctx context.Context, n int, limit time.Duration) bool {
	return a.await(ctx, limit, func() bool { return a.arrived[n].Load() != 0 })
}

func (a *Arrivals) await(ctx context.Context, limit time.Duration, done func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for !done() {
		select {
		case <-a.news:
		case <-ctx.Done():
			return done()
		}
	}
	return true
}

// Latencies are those of the messages from number first on that have arrived, from commit to arrival.
func (a *Arrivals) Latencies(first int) []time.Duration { return a.LatenciesOf(first, 1) }

// LatenciesOf are those of every step-th message from number first on.
func (a *Arrivals) LatenciesOf(first, step int) []time.Duration {
	var found []time.Duration
	for n := first; n < len(a.arrived); n += step {
		if at := a.arrived[n].Load(); at != 0 {
			found = append(found, time.Duration(at-a.committed[n].Load()))
		}
	}
	return found
}

// Count is how many messages have arrived.
func (a *Arrivals) Count() int { return int(a.count.Load()) }

// Missing is how many have not.
func (a *Arrivals) Missing() int { return len(a.arrived) - a.Count() }

// Since is the time on the clock of the arrivals, and Last when on it the last message came.
func (a *Arrivals) Since() time.Duration { return time.Since(a.began) }

// Last is when the last message came, on the clock of Since.
func (a *Arrivals) Last() time.Duration { return time.Duration(a.last.Load()) }
