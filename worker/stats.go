package worker

import (
	"sync/atomic"
	"time"
)

// Stats is a look at a Service, for metrics. Counts are since New.
type Stats struct {
	// Assigned are conversations given to agents; Skipped are batches that found rows held by somebody else and came again.
	Assigned, Skipped uint64
	// Runs are the kinds of work, always the same ones in the same order.
	Runs []RunStats
}

// RunStats is a look at one kind of work that is done per project.
type RunStats struct {
	// Name is stable: assignment, project_state or queue_positions.
	Name string
	// Due are projects with a run in hand or waiting for its turn.
	Due int
	// Count are finished runs, failed ones included; Took is how long they took together.
	Count, Failed uint64
	Took          time.Duration
}

// Stats gives the numbers of this moment.
func (s *Service) Stats() Stats {
	return Stats{
		Assigned: s.assigned.Load(), Skipped: s.skipped.Load(),
		Runs: []RunStats{s.assignments.stats(), s.boards.stats(), s.positions.stats()},
	}
}

// tally are the numbers behind RunStats.
type tally struct {
	count, failed atomic.Uint64
	took          atomic.Int64
}

func (t *tally) note(took time.Duration, err error) {
	t.count.Add(1)
	t.took.Add(int64(took))
	if err != nil {
		t.failed.Add(1)
	}
}

func (r *runs) stats() RunStats {
	r.mu.Lock()
	due := len(r.due)
	r.mu.Unlock()
	return RunStats{
		Name: r.name, Due: due, Count: r.tally.count.Load(), Failed: r.tally.failed.Load(),
		Took: time.Duration(r.tally.took.Load()),
	}
}
