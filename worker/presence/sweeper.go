package presence

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/supportbase/handoff/worker/schedule"
)

// Sweep is what one sweep did.
type Sweep struct {
	// LookedAt is how many leases were due to be looked at; most were renewed since and are put off.
	LookedAt int `json:"looked_at"`
	// Ended leases had run out, or their page was closed.
	Ended int `json:"ended"`
	// Suspected agents' connections missed one and a half beats.
	Suspected int `json:"suspected"`
	// FirstBeatOnly is how many of Ended never beat after they entered: the signal of a client whose timer does not work.
	FirstBeatOnly int `json:"first_beat_only"`
	// More: something may still be due.
	More bool `json:"more"`
}

// Store sweeps the leases in the database. Each call is one transaction.
type Store interface {
	// SweepPresence looks at most at so many leases that are due now.
	SweepPresence(ctx context.Context, most int) (Sweep, error)
	// CollectOrphans settles persons whom nothing stands behind any more and forgets old sessions, at most so many of each.
	CollectOrphans(ctx context.Context, most int) (int, error)
}

// Names of the ticks.
const (
	tickSweep   = "presence_sweep"
	tickOrphans = "presence_orphans"
)

const (
	// sweepInterval is how much later than its lease somebody may be shown offline.
	sweepInterval = 5 * time.Second
	// sweepMost is far more than ends at once: most of what is due was renewed and is only put off.
	sweepMost = 5000
	// restartTimeout leaves time for the first sweep after a crash, which gives every session a lease.
	restartTimeout = 2 * time.Minute
)

// Stats count what this worker's sweeps did since it started.
type Stats struct {
	LookedAt, Ended, Suspected, FirstBeatOnly uint64
}

// Sweeper is the worker's part in presence.
type Sweeper struct {
	store                                     Store
	lookedAt, ended, suspected, firstBeatOnly atomic.Uint64
}

// New returns the sweeper of a store.
func New(store Store) *Sweeper { return &Sweeper{store: store} }

// Ticks lists what is done and how often.
func (s *Sweeper) Ticks() []schedule.Tick {
	return []schedule.Tick{
		{Name: tickSweep, Every: sweepInterval, Most: sweepMost, Timeout: restartTimeout, Work: s.sweep},
		{Name: tickOrphans, Every: time.Hour, Jitter: time.Minute, Most: sweepMost, Timeout: restartTimeout, Work: s.store.CollectOrphans},
	}
}

// Stats may be called from any goroutine.
func (s *Sweeper) Stats() Stats {
	return Stats{
		LookedAt: s.lookedAt.Load(), Ended: s.ended.Load(), Suspected: s.suspected.Load(), FirstBeatOnly: s.firstBeatOnly.Load(),
	}
}

func (s *Sweeper) sweep(ctx context.Context, most int) (int, error) {
	done, err := s.store.SweepPresence(ctx, most)
	if err != nil {
		return 0, err
	}
	count(&s.lookedAt, done.LookedAt)
	count(&s.ended, done.Ended)
	count(&s.suspected, done.Suspected)
	count(&s.firstBeatOnly, done.FirstBeatOnly)
	if done.More {
		return most, nil
	}
	return min(done.LookedAt, most-1), nil
}

func count(into *atomic.Uint64, number int) { into.Add(uint64(max(number, 0))) }
