package replication

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/supportbase/handoff/realtime"
)

// courierQueue is how many decoded transactions may wait for deliver. When it is full nothing more is read.
const courierQueue = 16

// Deliver takes one transaction. It may block; it must return when its context ends. An error ends the stream.
type Deliver = func(context.Context, realtime.Transaction) error

// courier calls deliver, one transaction after another, in a goroutine of its own: whoever owns the replication
// connection must go on sending status updates while deliver blocks, or the server hangs up.
type courier struct {
	queue  chan realtime.Transaction
	cancel context.CancelFunc
	done   chan struct{}
	// delivered is the end of the last transaction that deliver took.
	delivered atomic.Uint64
}

// startCourier starts the goroutine; stop waits for it. When deliver returns an error, fail is called with it and the
// goroutine ends.
func startCourier(ctx context.Context, deliver Deliver, delivered realtime.Position, fail func(error)) *courier {
	courierCtx, cancel := context.WithCancel(ctx)
	c := &courier{
		queue:  make(chan realtime.Transaction, courierQueue),
		cancel: cancel,
		done:   make(chan struct{}),
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
		case tx := <-c.queue:
			if err := c.hand(ctx, deliver, tx); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *courier) hand(ctx context.Context, deliver Deliver, tx realtime.Transaction) error {
	err := deliver(ctx, tx)
	if err == nil {
		c.delivered.Store(uint64(tx.Position))
		return nil
	}
	if ctx.Err() != nil {
		return nil //nolint:nilerr // interrupted, not refused: the transaction will be sent again
	}
	return fmt.Errorf("%w: commit at %s: %w", ErrDelivery, tx.Position, err)
}

// stop drops what is queued, interrupts deliver and waits until it has returned.
func (c *courier) stop() {
	c.cancel()
	<-c.done
}

func (c *courier) position() realtime.Position {
	return realtime.Position(c.delivered.Load())
}
