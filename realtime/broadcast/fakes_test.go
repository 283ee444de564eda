package broadcast_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/realtime/broadcast"
)

var errTransient = errors.New("no connection")

type refusal struct{}

func (refusal) Error() string   { return "payload_size_exceeded" }
func (refusal) Permanent() bool { return true }

// sent is what a subscriber of the topic would have seen.
type sent struct {
	topic realtime.Topic
	name  string
	id    int64
}

func (s sent) String() string { return fmt.Sprintf("%s %s %d", s.topic, s.name, s.id) }

// fakeTransport is Realtime: it answers as behave says and remembers what it acknowledged.
type fakeTransport struct {
	mu       sync.Mutex
	behave   func(ctx context.Context, message sent, attempt int) error
	attempts map[sent]int
	acked    []sent
	flying   map[realtime.Topic]int
	overlaps int
	maxBusy  int
}

func newTransport() *fakeTransport {
	return &fakeTransport{
		behave:   func(context.Context, sent, int) error { return nil },
		attempts: make(map[sent]int),
		flying:   make(map[realtime.Topic]int),
	}
}

func (f *fakeTransport) Publish(ctx context.Context, message realtime.Message) error {
	key := sent{message.Topic, message.Name, payloadID(message.Payload)}
	attempt := f.enter(key)
	defer f.exit(key)
	if err := f.behave(ctx, key, attempt); err != nil {
		return fmt.Errorf("fake: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.acked = append(f.acked, key)
	return nil
}

func (f *fakeTransport) enter(key sent) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.attempts[key]++
	f.flying[key.topic]++
	if f.flying[key.topic] > 1 {
		f.overlaps++
	}
	f.maxBusy = max(f.maxBusy, len(f.flying))
	return f.attempts[key]
}

func (f *fakeTransport) exit(key sent) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.flying[key.topic]--
	if f.flying[key.topic] == 0 {
		delete(f.flying, key.topic)
	}
}

func (f *fakeTransport) acknowledged() []sent {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.acked)
}

// fakePipeline is fakeTransport with a window. It remembers how many messages came at once.
type fakePipeline struct {
	*fakeTransport

	windows []int
}

func (f *fakePipeline) PublishAll(ctx context.Context, messages []realtime.Message) (int, error) {
	f.mu.Lock()
	f.windows = append(f.windows, len(messages))
	f.mu.Unlock()
	for i, message := range messages {
		if err := f.Publish(ctx, message); err != nil {
			return i, err
		}
	}
	return len(messages), nil
}

func payloadID(payload json.RawMessage) int64 {
	var fields struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(payload, &fields); err != nil {
		return -1
	}
	id, err := strconv.ParseInt(fields.ID, 10, 64)
	if err != nil {
		return -1
	}
	return id
}

// fakeLetters is the dead letter table.
type fakeLetters struct {
	mu     sync.Mutex
	fails  int
	parked []broadcast.Parked
}

func (f *fakeLetters) Park(_ context.Context, parked broadcast.Parked) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fails > 0 {
		f.fails--
		return errTransient
	}
	f.parked = append(f.parked, parked)
	return nil
}

func (f *fakeLetters) all() []broadcast.Parked {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.parked)
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

type bundle struct {
	bridge    *broadcast.Bridge
	transport *fakeTransport
	letters   *fakeLetters
}

// setup starts a bridge over fakes and stops it at the end of the test, within a second of the test's clock.
func setup(t *testing.T, adjust func(*broadcast.Options, *fakeTransport)) bundle {
	t.Helper()
	made := bundle{transport: newTransport(), letters: new(fakeLetters)}
	options := broadcast.Options{
		Transport: made.transport, DeadLetters: made.letters, Logger: discard(),
	}
	if adjust != nil {
		adjust(&options, made.transport)
	}
	made.bridge = broadcast.New(options)
	made.bridge.Start(t.Context())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Second)
		defer cancel()
		_ = made.bridge.Stop(ctx)
	})
	return made
}

// status is a status change of a conversation: a fact with one message.
func status(id int64, conversation string) realtime.Event {
	return realtime.Event{
		ID: id, ProjectID: "p", ConversationID: conversation, Kind: realtime.KindStatusChanged, Seq: id,
		Payload: json.RawMessage(`{"old_status":"waiting","new_status":"agent_active"}`),
	}
}

// queue is a waiting count: state, with one message.
func queue(id int64) realtime.Event {
	return realtime.Event{
		ID: id, ProjectID: "p", Kind: realtime.KindQueueUpdated,
		Payload: json.RawMessage(`{"waiting_count":` + strconv.FormatInt(id, 10) + `}`),
	}
}

// unknown is an event of a kind that this version does not know.
func unknown(id int64) realtime.Event {
	return realtime.Event{ID: id, ProjectID: "p", Kind: "rating_given", Payload: json.RawMessage(`{}`)}
}

func commit(position realtime.Position, events ...realtime.Event) realtime.Transaction {
	return realtime.Transaction{Position: position, Events: events}
}

func deliver(t *testing.T, bridge *broadcast.Bridge, transactions ...realtime.Transaction) {
	t.Helper()
	for _, transaction := range transactions {
		require.NoError(t, bridge.Deliver(t.Context(), transaction))
	}
}
