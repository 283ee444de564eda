package replication

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/supportbase/handoff/realtime"
)

// courierQueue is how many decoded transactions, or parts of them, may wait for deliver. When it is full nothing more is
// read.
const courierQueue = 16

// Deliver takes one transaction. It may block; it must return when its context ends. An error ends the stream.
type Deliver = func(context.Context, realtime.Transaction) error

// parcel is a transaction and the end of its commit in the log; zero for what came from the table, and for all parts of a
// transaction but the last.
type parcel struct {
	realtime.Transaction
	end realtime.Position
}

// courier calls deliver, one transaction after another, in a goroutine of its own: whoever owns the replication
// connection must go on sending status updates while deliver blocks, or the server hangs up.
type courier struct {
	queue  chan parcel
	cancel context.CancelFunc
	done   chan struct{}
	// delivered is the end of the last transaction that deliver took.
	delivered atomic.Uint64
	// queued and handed count parcels: those that were put into the queue, and those that deliver took.
	queued, handed atomic.Uint64
	counters       *counters
}

// startCourier starts the goroutine; stop waits for it. When deliver returns an error, fail is called with it and the
// goroutine ends.
func startCourier(ctx context.Context, deliver Deliver, delivered realtime.Position, counted *counters, fail func(error)) *courier {
	courierCtx, cancel := context.WithCancel(ctx)
	c := &courier{
		queue:    make(chan parcel, courierQueue),
		cancel:   cancel,
		done:     make(chan struct{}),
		counters: counted,
	}
	c.delivered.Store(uint64(delivered))
	go func() {
		defer close(c.done)
		if err := c.run(courierCtx, deliver); err != nil {
			fail(err)
		}
	}()
	return c
}

func (c *courier) run(ctx context.Context, deliver Deliver) error {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case next := <-c.queue:
			if err := c.hand(ctx, deliver, next); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *courier) hand(ctx context.Context, deliver Deliver, next parcel) error {
	err := deliver(ctx, next.Transaction)
	if err == nil {
		if next.end > 0 {
			c.delivered.Store(uint64(next.end))
		}
		c.handed.Add(1)
		c.counters.delivered(next)
		return nil
	}
	if ctx.Err() != nil {
		return nil //nolint:nilerr // interrupted, not refused: the transaction will be sent again
	}
	return fmt.Errorf("%w: commit at %s: %w", ErrDelivery, next.end, err)
}

// put waits for a place in the queue until patience, if not nil, fires; then it reports false. It is not called by two
// goroutines at once.
func (c *courier) put(ctx context.Context, next parcel, patience <-chan time.Time) (bool, error) {
	select {
	case c.queue <- next:
		c.queued.Add(1)
		return true, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	case <-patience:
		return false, nil
	}
}

// tryPut is put without waiting.
func (c *courier) tryPut(next parcel) bool {
	select {
	case c.queue <- next:
		c.queued.Add(1)
		return true
	default:
		return false
	}
}

// empty reports that deliver took everything that was queued.
func (c *courier) empty() bool {
	return c.handed.Load() == c.queued.Load()
}

// ended reports that deliver is not called any more.
func (c *courier) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// stop drops what is queued, interrupts deliver and waits until it has returned.
func (c *courier) stop() {
	c.cancel()
	<-c.done
}

func (c *courier) position() realtime.Position {
	return realtime.Position(c.delivered.Load())
}
