package schedule

import (
	"context"
	"math/rand/v2"
	"time"
)

// Work handles up to most things that are due and says how many it handled. Fewer than most: nothing more is due now.
type Work = func(ctx context.Context, most int) (int, error)

// Tick is one thing that is done again and again. Name, Every and Work are required.
type Tick struct {
	// Name stands in log lines, and Wake knows the tick by it.
	Name string
	// Every is the rhythm.
	Every time.Duration
	// Jitter is added to each pause, at random up to this much, and the first run comes within it: rare and heavy work
	// of many workers does not fall into one moment. Zero: the first run comes at once.
	Jitter time.Duration
	// Most bounds one call of Work, that is one transaction. Default 100.
	Most int
	// Timeout bounds all calls of one run. Default 30 s.
	Timeout time.Duration
	// Work is what is done.
	Work Work
}

const (
	defaultMost    = 100
	defaultTimeout = 30 * time.Second
)

func (t Tick) withDefaults() Tick {
	if t.Name == "" || t.Every <= 0 || t.Work == nil {
		panic("schedule: Tick.Name, Tick.Every and Tick.Work are required")
	}
	if t.Most <= 0 {
		t.Most = defaultMost
	}
	if t.Timeout <= 0 {
		t.Timeout = defaultTimeout
	}
	return t
}

// Next is the rhythm as cron asks for it.
func (t Tick) Next(now time.Time) time.Time { return now.Add(t.Every + t.someJitter()) }

func (t Tick) someJitter() time.Duration {
	if t.Jitter <= 0 {
		return 0
	}
	return rand.N(t.Jitter) //nolint:gosec // spreads load, protects nothing
}

// run repeats the work until it finds less than it may, fails, or its time is over.
func (t Tick) run(ctx context.Context) (handled int, err error) {
	ctx, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	for {
		count, err := t.Work(ctx, t.Most)
		handled += count
		if err != nil || count < t.Most {
			return handled, err
		}
		if ctx.Err() != nil {
			return handled, ctx.Err()
		}
	}
}
