package worker

import (
	"sync"
	"time"
)

const (
	smallestBatch = 1
	firstBatch    = 10
	largestBatch  = 1000
	// batchGrowth is how many times larger the batch after a quick one is.
	batchGrowth = 4
	// quickBatch and slowBatch bound how long the locks of a batch should be held: conversations that it holds cannot be
	// written to meanwhile.
	quickBatch = 50 * time.Millisecond
	slowBatch  = 200 * time.Millisecond
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

// took sets the size of the project's next batch by how long a full one took.
func (p *paces) took(projectID string, limit int, duration time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next[projectID] = nextBatch(limit, duration)
}

// forget says that the project's queue is drained for now.
func (p *paces) forget(projectID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.next, projectID)
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
