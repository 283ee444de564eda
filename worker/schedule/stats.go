package schedule

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// Stats is a look at one tick, for metrics. Counts are since New.
type Stats struct {
	// Name and Every are the tick's.
	Name  string
	Every time.Duration
	// Runs are finished runs, failed ones included; Took is how long they took together.
	Runs, Failed uint64
	Took         time.Duration
	// Handled is what all runs found to do.
	Handled uint64
	// LastSuccess is when a run last ended without an error; zero before.
	LastSuccess time.Time
}

// Stats gives the numbers of this moment, in the order of the ticks' names.
func (s *Scheduler) Stats() []Stats {
	found := make([]Stats, 0, len(s.jobs))
	for _, each := range s.jobs {
		found = append(found, each.tally.stats(each.tick))
	}
	slices.SortFunc(found, func(a, b Stats) int { return strings.Compare(a.Name, b.Name) })
	return found
}

// tally are the numbers behind Stats.
type tally struct {
	mu   sync.Mutex
	kept Stats
}

func (t *tally) note(began time.Time, handled int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	t.kept.Runs++
	t.kept.Took += now.Sub(began)
	t.kept.Handled += uint64(max(handled, 0))
	if err != nil {
		t.kept.Failed++
		return
	}
	t.kept.LastSuccess = now
}

func (t *tally) stats(of Tick) Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	found := t.kept
	found.Name, found.Every = of.Name, of.Every
	return found
}
