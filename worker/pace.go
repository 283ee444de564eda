package worker

import (
	"sync"
	"time"
)

const (
	smallestBatch = 50
	firstBatch    = 10
	largestBatch  = 1000
	// batchGrowth is how many times larger the batch after a quick one is.
	batchGrowth = 4
	// quickBatch and slowBatch bound how long the locks of a batch should be held: conversations that it holds cannot be
	// written to meanwhile. Below smallestBatch a batch takes hardly less time, so it is no use to go there.
	quickBatch = 100 * time.Millisecond
	slowBatch  = 400 * time.Millisecond
)

// paces are the batch sizes of the projects whose queues are being drained. Others begin small: most of the time a single
// conversation waits.
type paces struct {
	mu   sync.Mutex
	next map[string]int
}

func newPaces() *paces { return &paces{next: make(map[string]int)} }

// limit is the size of the project's next batch.
func (p *paces) limit(projectID string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if limit, draining := p.next[projectID]; draining {
		return limit
	}
	return firstBatch
}

// draining says whether a batch of the project was full, and the next one is due.
func (p *paces) draining(projectID string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, draining := p.next[projectID]
	return draining
}

// took sets the size of the project's next batch by how long a full one took, and says whether its queue is the first
// that is being drained.
func (p *paces) took(projectID string, limit int, duration time.Duration) (first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	first = len(p.next) == 0
	p.next[projectID] = nextBatch(limit, duration)
	return first
}

// forget says that the project's queue is drained; last, that no other one is being drained.
func (p *paces) forget(projectID string) (last bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, draining := p.next[projectID]
	delete(p.next, projectID)
	return draining && len(p.next) == 0
}

func nextBatch(limit int, duration time.Duration) int {
	switch {
	case duration < quickBatch:
		return min(batchGrowth*limit, largestBatch)
	case duration > slowBatch:
		return max(limit/2, smallestBatch)
	default:
		return limit
	}
}
