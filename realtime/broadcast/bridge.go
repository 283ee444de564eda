package broadcast

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/supportbase/handoff/realtime"
)

// ErrStopped is what Deliver returns after Stop, or after the context of Start has ended.
var ErrStopped = errors.New("bridge is stopped")

// Bridge brings committed events to Realtime: see the package comment. Make it with New, then Start it once.
type Bridge struct {
	options Options
	// pipeline is the transport, when it is one.
	pipeline Pipeline
	// router is the transport, when it is one.
	router Router

	// turn lets one Deliver in at a time, so that a second caller cannot slip between a blocked first one and its place.
	turn chan struct{}
	// room and progress carry wake-ups: several at once become one.
	room     chan struct{}
	progress chan struct{}
	// closed is closed when Deliver must not take anything more, drained when Stop need not wait any longer.
	closed  chan struct{}
	drained chan struct{}

	cancel  context.CancelCauseFunc
	workers sync.WaitGroup

	mu       sync.Mutex
	work     *sync.Cond // something is ready, or ending was set
	ledger   ledger
	lanes    map[realtime.Topic]*lane
	ready    []*lane
	slow     []*lane    // ready, on the slower way
	slowWork *sync.Cond // as work, for the workers of the slower way
	held     hold
	counts   counts
	ending   bool // workers leave
	stopped  bool // closed is closed
	emptied  bool // drained is closed
}

// counts are the numbers behind Stats. Bridge.mu guards them.
type counts struct {
	pending           int
	pendingBytes      int
	busy              int // lanes in the hands of a worker
	failing           int // lanes whose last attempt failed
	transactions      uint64
	received          uint64
	published         uint64
	parked            uint64
	retried           uint64
	coalesced         uint64
	toDelivery        Latency
	toAcknowledgement Latency
}

// New makes a bridge. It panics when Options lacks a part.
func New(options Options) *Bridge {
	options.mustValidate()
	bridge := &Bridge{
		options:  options.withDefaults(),
		turn:     make(chan struct{}, 1),
		room:     make(chan struct{}, 1),
		progress: make(chan struct{}, 1),
		closed:   make(chan struct{}),
		drained:  make(chan struct{}),
		lanes:    make(map[realtime.Topic]*lane),
	}
	bridge.work, bridge.slowWork = sync.NewCond(&bridge.mu), sync.NewCond(&bridge.mu)
	bridge.router, _ = options.Transport.(Router)
	if pipeline, ok := options.Transport.(Pipeline); ok {
		bridge.pipeline = pipeline
	} else {
		bridge.options.Window = 1
	}
	return bridge
}

// Start begins to send. When ctx ends, everything in flight is cut off, as if Stop's grace were over; Stop must be
// called all the same, because it waits for the goroutines. Call it once.
func (b *Bridge) Start(ctx context.Context) {
	workCtx, cancel := context.WithCancelCause(ctx)
	b.cancel = cancel
	context.AfterFunc(workCtx, b.end)
	for range b.options.MaxInFlight {
		b.workers.Go(func() { b.run(workCtx, b.next) })
	}
	if b.router == nil {
		return
	}
	for range b.options.MaxSlow {
		b.workers.Go(func() { b.run(workCtx, b.nextSlow) })
	}
}

// Stop takes no more transactions, sends on what can go at once, and returns when that is done or ctx ends, whichever
// comes first; in the second case it cuts off what is in flight. Messages that wait for a retry are left alone: they are
// not confirmed, so the stream brings them again. The error says how many messages were left behind by the cut.
func (b *Bridge) Stop(ctx context.Context) error {
	b.close()
	var cut error
	select {
	case <-b.drained:
	case <-ctx.Done():
		cut = context.Cause(ctx)
	}
	if b.cancel != nil {
		b.cancel(ErrStopped)
	}
	b.workers.Wait()
	if cut != nil {
		return fmt.Errorf("stop bridge with %d messages pending: %w", b.Pending(), cut)
	}
	return nil
}

// Deliver queues the messages of a transaction. The stream calls it in commit order. It returns at once unless a bound of
// Options is reached; then it blocks until there is room, ctx ends, or the bridge stops. On an error nothing was queued.
func (b *Bridge) Deliver(ctx context.Context, transaction realtime.Transaction) error {
	deliveries, size := b.prepare(transaction.Events)
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return fmt.Errorf("deliver transaction %s: %w", transaction.Position, context.Cause(ctx))
	}
	for {
		taken, err := b.tryEnqueue(transaction, deliveries, size)
		if taken || err != nil {
			return err
		}
		select {
		case <-b.room:
		case <-b.closed:
		case <-ctx.Done():
			return fmt.Errorf("deliver transaction %s: %w", transaction.Position, context.Cause(ctx))
		}
	}
}

// Confirmed is the end of the last transaction for which it and all delivered before it are settled; zero before the
// first. It never goes back.
func (b *Bridge) Confirmed() realtime.Position {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ledger.confirmed
}

// Pending is the number of messages that are not settled. When it is zero, everything delivered so far is done, so the
// stream may confirm any position it has read up to, not only ends of transactions: an idle outbox in a busy
// database must not hold the log back. Ask from the goroutine that calls Deliver, or the answer may be old.
func (b *Bridge) Pending() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.counts.pending
}

// Progress wakes its one reader when Confirmed has moved. Several moves may become one wake-up.
func (b *Bridge) Progress() <-chan struct{} { return b.progress }

func (b *Bridge) prepare(events []realtime.Event) (deliveries []*delivery, size int) {
	for _, event := range events {
		for _, prepared := range prepareEvent(event) {
			size += prepared.size()
			deliveries = append(deliveries, prepared)
		}
	}
	return deliveries, size
}

func prepareEvent(event realtime.Event) []*delivery {
	messages, err := Messages(event)
	if err != nil {
		// Parking is I/O, so it waits for a worker like a message does, in a lane of its own: the topic "".
		return []*delivery{{event: event, reason: err.Error()}}
	}
	deliveries := make([]*delivery, len(messages))
	for i, message := range messages {
		deliveries[i] = &delivery{event: event, message: message}
	}
	return deliveries
}

// tryEnqueue queues all of the transaction or, when there is no room for it, nothing.
func (b *Bridge) tryEnqueue(transaction realtime.Transaction, deliveries []*delivery, size int) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped {
		return false, fmt.Errorf("deliver transaction %s: %w", transaction.Position, ErrStopped)
	}
	if !b.hasRoom(len(deliveries), size) {
		return false, nil
	}
	before := b.ledger.confirmed
	opened := b.ledger.begin(transaction, len(deliveries))
	b.counts.transactions++
	b.counts.received += uint64(len(deliveries))
	if !transaction.CommittedAt.IsZero() {
		b.counts.toDelivery.observe(time.Since(transaction.CommittedAt))
	}
	for _, added := range deliveries {
		added.waiting = []*openTransaction{opened}
		b.enqueue(added)
	}
	if b.ledger.confirmed != before {
		wake(b.progress)
	}
	return true, nil
}

func (b *Bridge) hasRoom(messages, size int) bool {
	if messages == 0 || b.counts.pending == 0 {
		return true
	}
	return b.counts.pending+messages <= b.options.MaxPending &&
		b.counts.pendingBytes+size <= b.options.MaxPendingBytes
}

func (b *Bridge) enqueue(added *delivery) {
	topicLane, known := b.lanes[added.message.Topic]
	if !known {
		topicLane = &lane{topic: added.message.Topic}
		b.lanes[added.message.Topic] = topicLane
	}
	b.counts.pending++
	b.counts.pendingBytes += added.size()
	if replaced := topicLane.push(added); replaced != nil {
		b.counts.coalesced++
		b.counts.pendingBytes -= replaced.size()
		replaced.event, replaced.message = realtime.Event{}, realtime.Message{}
	}
	if topicLane.state == laneIdle {
		b.makeReady(topicLane)
	}
}

func (b *Bridge) makeReady(topicLane *lane) {
	topicLane.state = laneReady
	b.ready = append(b.ready, topicLane)
	b.work.Signal()
}

// close refuses what comes from now on. Safe to call twice.
func (b *Bridge) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.stopped {
		b.stopped = true
		close(b.closed)
		b.held = hold{}
		b.slowWork.Broadcast()
	}
	b.noteDrained()
}

// end sends the workers home. It runs when the context of the work has ended.
func (b *Bridge) end() {
	b.close()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ending = true
	b.work.Broadcast()
	b.slowWork.Broadcast()
}

// noteDrained tells Stop when no message can go at once any more.
func (b *Bridge) noteDrained() {
	if b.stopped && !b.emptied && len(b.ready)+len(b.slow)+b.counts.busy == 0 {
		b.emptied = true
		close(b.drained)
	}
}

// wake never blocks: a wake-up that nobody has taken yet stands for the new one too.
func wake(signal chan<- struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
}
