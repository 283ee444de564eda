package broadcast_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/realtime/broadcast"
)

// plan is one random run: what is committed, and how Realtime and the dead letters answer.
type plan struct {
	transactions []realtime.Transaction
	// verdicts are used up by the attempts in the order in which they happen; after the last, everything is taken.
	verdicts   []verdict
	parkFails  int
	maxPending int
	inFlight   int
	// window is more than one when the transport is a pipeline.
	window int
}

type verdict struct {
	kind  string // ok, fails, lost (taken, but the acknowledgement is lost), refused, hangs
	after time.Duration
}

// TestBridgeKeepsItsPromises runs random transactions against a random Realtime. Whatever happens: order per topic is
// kept, nothing is lost, the confirmed position never passes a message that is not settled, and never goes back.
func TestBridgeKeepsItsPromises(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		drawn := drawPlan(rt)
		var broken error
		// rapid must not be failed from inside the bubble: that would unwind another goroutine than its own.
		synctest.Test(t, func(t *testing.T) { broken = drawn.run(t) })
		if broken != nil {
			rt.Fatalf("%v", broken)
		}
	})
}

func drawPlan(rt *rapid.T) plan {
	drawn := plan{
		parkFails:  rapid.IntRange(0, 2).Draw(rt, "parkFails"),
		maxPending: rapid.IntRange(1, 12).Draw(rt, "maxPending"),
		inFlight:   rapid.IntRange(1, 4).Draw(rt, "inFlight"),
		window:     rapid.IntRange(1, 5).Draw(rt, "window"),
	}
	id := int64(0)
	for i := range rapid.IntRange(1, 25).Draw(rt, "transactions") {
		var events []realtime.Event
		for range rapid.IntRange(0, 4).Draw(rt, "events") {
			id++
			events = append(events, drawEvent(rt, id))
		}
		drawn.transactions = append(drawn.transactions, commit(realtime.Position(10*(i+1)), events...))
	}
	drawn.verdicts = rapid.SliceOfN(rapid.Custom(drawVerdict), 0, 60).Draw(rt, "verdicts")
	return drawn
}

func drawEvent(rt *rapid.T, id int64) realtime.Event {
	switch kind := rapid.SampledFrom([]string{"a", "b", "queue", "queue", "unknown"}).Draw(rt, "event"); kind {
	case "queue":
		return queue(id)
	case "unknown":
		return unknown(id)
	default:
		return status(id, kind)
	}
}

func drawVerdict(rt *rapid.T) verdict {
	return verdict{
		kind:  rapid.SampledFrom([]string{"ok", "ok", "ok", "fails", "lost", "refused", "hangs"}).Draw(rt, "kind"),
		after: time.Duration(rapid.IntRange(0, 50).Draw(rt, "after")) * time.Millisecond,
	}
}

// witness watches a run. It is driven by one call at a time, under the transport's mutex.
type witness struct {
	plan     plan
	used     int
	settled  map[int64]bool // by event: acknowledged or refused
	arrived  map[realtime.Topic][]int64
	confirms realtime.Position
	broken   error
}

func (p plan) run(t *testing.T) error {
	t.Helper()
	watch := &witness{plan: p, settled: make(map[int64]bool), arrived: make(map[realtime.Topic][]int64)}
	made := setup(t, func(options *broadcast.Options, transport *fakeTransport) {
		options.MaxPending, options.MaxInFlight = p.maxPending, p.inFlight
		if options.Window = p.window; p.window > 1 {
			options.Transport = &lossyPipeline{fakeTransport: transport, watch: watch}
		}
		transport.behave = func(ctx context.Context, message sent, _ int) error {
			return watch.answer(ctx, transport, message)
		}
	})
	made.letters.fails = p.parkFails
	for _, transaction := range p.transactions {
		deliver(t, made.bridge, transaction)
		watch.look(made)
	}
	for range 3600 {
		if made.bridge.Pending() == 0 {
			break
		}
		<-time.After(time.Second)
		watch.look(made)
	}
	watch.look(made)
	watch.finish(made)
	return watch.broken
}

func (w *witness) answer(ctx context.Context, transport *fakeTransport, message sent) error {
	given := w.nextVerdict(transport)
	<-time.After(given.after)
	if given.kind == "hangs" {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	transport.mu.Lock()
	defer transport.mu.Unlock()
	switch given.kind {
	case "fails":
		return errTransient
	case "refused":
		return refusal{}
	}
	w.arrived[message.topic] = append(w.arrived[message.topic], message.id)
	if given.kind == "lost" {
		return errTransient
	}
	w.settled[message.id] = true
	return nil
}

func (w *witness) nextVerdict(transport *fakeTransport) verdict {
	transport.mu.Lock()
	defer transport.mu.Unlock()
	if w.used >= len(w.plan.verdicts) {
		return verdict{kind: "ok"}
	}
	w.used++
	return w.plan.verdicts[w.used-1]
}

// look compares the confirmed position with what is really done. The position is read first: what is done can only
// grow in between.
func (w *witness) look(made bundle) {
	confirmed := made.bridge.Confirmed()
	if confirmed < w.confirms {
		w.fail("confirmed went back from %s to %s", w.confirms, confirmed)
	}
	w.confirms = confirmed
	parked := parkedIDs(made.letters)
	made.transport.mu.Lock()
	defer made.transport.mu.Unlock()
	for _, transaction := range w.plan.transactions {
		for _, event := range transaction.Events {
			if transaction.Position <= confirmed && !w.done(event, parked) {
				w.fail("confirmed %s, but event %d is not done", confirmed, event.ID)
			}
		}
	}
}

// done says whether an event was acknowledged or parked; state is also done when a newer state was.
func (w *witness) done(event realtime.Event, parked []int64) bool {
	if w.settled[event.ID] || slices.Contains(parked, event.ID) {
		return true
	}
	if event.Kind != realtime.KindQueueUpdated {
		return false
	}
	for _, transaction := range w.plan.transactions {
		for _, other := range transaction.Events {
			newer := other.Kind == realtime.KindQueueUpdated && other.ID > event.ID
			if newer && (w.settled[other.ID] || slices.Contains(parked, other.ID)) {
				return true
			}
		}
	}
	return false
}

func (w *witness) finish(made bundle) {
	last := w.plan.transactions[len(w.plan.transactions)-1].Position
	if w.confirms != last {
		w.fail("confirmed %s at the end, want %s", w.confirms, last)
	}
	if made.transport.overlaps > 0 {
		w.fail("two messages of one topic were in flight")
	}
	for topic, ids := range w.arrived {
		if !slices.IsSorted(firstArrivals(ids)) {
			w.fail("order of %s is %v", topic, ids)
		}
	}
	if stats := made.bridge.Stats(); stats.PendingBytes != 0 || stats.FailingTopics != 0 || !stats.OldestCommit.IsZero() {
		w.fail("something is left: %+v", stats)
	}
}

// firstArrivals is what a subscriber keeps who drops what it has seen.
func firstArrivals(ids []int64) []int64 {
	var kept []int64
	for _, id := range ids {
		if !slices.Contains(kept, id) {
			kept = append(kept, id)
		}
	}
	return kept
}

// lossyPipeline sends a window as a socket does: when the acknowledgement of one message is lost, those behind it may
// have arrived too; when one has not arrived, none behind it has; and one that is refused holds up none.
type lossyPipeline struct {
	*fakeTransport

	watch *witness
}

func (l *lossyPipeline) PublishAll(ctx context.Context, messages []realtime.Message) (int, error) {
	for i, message := range messages {
		err := l.Publish(ctx, message)
		if err == nil {
			continue
		}
		l.arrive(messages[i:])
		return i, err
	}
	return len(messages), nil
}

// arrive lets some of what was behind a failed message arrive. They count as nothing: the bridge cannot know of them.
func (l *lossyPipeline) arrive(failed []realtime.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	topic := failed[0].Topic
	arrived := l.watch.arrived[topic]
	if !slices.Contains(arrived, payloadID(failed[0].Payload)) {
		return
	}
	for _, message := range failed[1 : 1+len(failed[1:])/2] {
		l.watch.arrived[topic] = append(l.watch.arrived[topic], payloadID(message.Payload))
	}
}

func (w *witness) fail(format string, args ...any) {
	if w.broken == nil {
		w.broken = fmt.Errorf(format, args...)
	}
}

func parkedIDs(letters *fakeLetters) []int64 {
	var ids []int64
	for _, parked := range letters.all() {
		ids = append(ids, parked.Event.ID)
	}
	return ids
}
