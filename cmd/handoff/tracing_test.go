package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/worker/assignment"
)

// spans collects the names of the spans that a collector is sent, with how many ended in an error.
type spans struct {
	mu     sync.Mutex
	names  map[string]int
	failed int
}

func newCollector(t *testing.T) *spans {
	t.Helper()
	seen := &spans{names: make(map[string]int)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var request collector.ExportTraceServiceRequest
		if err != nil || proto.Unmarshal(body, &request) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		seen.note(&request)
	}))
	t.Cleanup(server.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	return seen
}

func (s *spans) note(request *collector.ExportTraceServiceRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, resource := range request.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				s.names[span.GetName()]++
				if span.GetStatus().GetMessage() != "" {
					s.failed++
				}
			}
		}
	}
}

// oneWay is a transport and a queue that fail as told.
type oneWay struct{ err error }

func (o oneWay) Publish(context.Context, realtime.Message) error { return o.err }

func (o oneWay) PublishAll(_ context.Context, messages []realtime.Message) (int, error) {
	return len(messages), o.err
}

func (oneWay) Slow(realtime.Topic) bool { return true }

func (o oneWay) AssignBatch(context.Context, string, uint64, int, assignment.Planner) (assignment.Batch, error) {
	return assignment.Batch{Assigned: 3}, o.err
}

func (oneWay) WaitingProjects(context.Context) ([]string, error) { return []string{"p"}, nil }

func TestTracing(t *testing.T) {
	seen := newCollector(t)
	traces, err := startTracing(t.Context())
	require.NoError(t, err)

	ctx, span := traces.received(t.Context(), realtime.Transaction{CommittedAt: time.Now(), Events: make([]realtime.Event, 2)})
	messages := []realtime.Message{{Topic: "conversation:1", Name: "message"}, {Topic: "conversation:1", Name: "message"}}
	sender := traces.transport(oneWay{}).(way)
	acknowledged, err := sender.PublishAll(ctx, messages)
	require.NoError(t, err)
	assert.Equal(t, 2, acknowledged)
	require.NoError(t, sender.Publish(ctx, messages[0]))
	assert.True(t, sender.Slow("conversation:1"), "what a transport can do besides, it still can")
	finish(span, nil)
	queue := traces.queue(oneWay{err: io.ErrUnexpectedEOF})
	_, err = queue.AssignBatch(t.Context(), "p", 0, 1, nil)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)

	require.NoError(t, traces.stop(t.Context()))
	assert.Equal(t, map[string]int{"handoff.transaction": 1, "handoff.broadcast": 2, "handoff.assign": 1}, seen.names)
	assert.Equal(t, 1, seen.failed)
}

func TestTracingIsOffWithoutACollector(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "")
	traces, err := startTracing(t.Context())
	require.NoError(t, err)
	assert.Equal(t, oneWay{}, traces.transport(oneWay{}), "nothing stands in between")
	assert.Equal(t, oneWay{}, traces.queue(oneWay{}))
	require.NoError(t, traces.stop(t.Context()))
}
