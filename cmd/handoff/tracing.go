package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/supportbase/handoff/realtime"
	"github.com/supportbase/handoff/realtime/broadcast"
	"github.com/supportbase/handoff/worker"
	"github.com/supportbase/handoff/worker/assignment"
)

// tracerName is the scope of every span.
const tracerName = "github.com/supportbase/handoff"

// tracing sends spans to the collector that OpenTelemetry's own environment variables name. Without one it does nothing, and
// costs nothing.
type tracing struct {
	on       bool
	tracer   trace.Tracer
	shutdown func(context.Context) error
}

// startTracing reads OTEL_EXPORTER_OTLP_ENDPOINT and its kin. A collector that does not answer is no error: the exporter
// tries again and gives up spans, never work.
func startTracing(ctx context.Context) (tracing, error) {
	off := tracing{tracer: noop.NewTracerProvider().Tracer(tracerName), shutdown: func(context.Context) error { return nil }}
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		return off, nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return off, fmt.Errorf("prepare traces: %w", err)
	}
	self, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "handoff"), attribute.String("service.version", version)),
		resource.WithFromEnv(), resource.WithTelemetrySDK())
	if err != nil {
		return off, fmt.Errorf("prepare traces: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(self))
	return tracing{on: true, tracer: provider.Tracer(tracerName), shutdown: provider.Shutdown}, nil
}

// finish ends a span with what became of the work.
func finish(span trace.Span, err error, attributes ...attribute.KeyValue) {
	span.SetAttributes(attributes...)
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
}

// received is the span of a transaction from its commit, by the database's clock, until the bridge has taken it.
func (t tracing) received(ctx context.Context, transaction realtime.Transaction) (context.Context, trace.Span) {
	options := []trace.SpanStartOption{trace.WithAttributes(attribute.Int("handoff.events", len(transaction.Events)))}
	if !transaction.CommittedAt.IsZero() {
		options = append(options, trace.WithTimestamp(transaction.CommittedAt))
	}
	return t.tracer.Start(ctx, "handoff.transaction", options...)
}

// tracedTransport is a transport whose calls are spans: one for each topic and window of messages.
type tracedTransport struct {
	way

	tracer trace.Tracer
}

// way is everything that the bridge makes use of in a transport.
type way interface {
	broadcast.Pipeline
	broadcast.Router
}

// transport lets a transport's calls be spans, if anybody looks at them.
func (t tracing) transport(plain way) broadcast.Transport {
	if !t.on {
		return plain
	}
	return tracedTransport{way: plain, tracer: t.tracer}
}

// queue lets a queue's batches be spans, if anybody looks at them.
func (t tracing) queue(plain worker.Queue) worker.Queue {
	if !t.on {
		return plain
	}
	return tracedQueue{Queue: plain, tracer: t.tracer}
}

// Publish sends one message.
func (t tracedTransport) Publish(ctx context.Context, message realtime.Message) error {
	spanCtx, span := t.start(ctx, []realtime.Message{message})
	err := t.way.Publish(spanCtx, message)
	finish(span, err)
	return err
}

// PublishAll sends messages of one topic.
func (t tracedTransport) PublishAll(ctx context.Context, messages []realtime.Message) (int, error) {
	spanCtx, span := t.start(ctx, messages)
	acknowledged, err := t.way.PublishAll(spanCtx, messages)
	finish(span, err, attribute.Int("handoff.acknowledged", acknowledged))
	return acknowledged, err
}

func (t tracedTransport) start(ctx context.Context, messages []realtime.Message) (context.Context, trace.Span) {
	first := messages[0]
	return t.tracer.Start(ctx, "handoff.broadcast", trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
		attribute.String("handoff.topic", string(first.Topic)), attribute.String("handoff.event", first.Name),
		attribute.Int("handoff.messages", len(messages))))
}

// tracedQueue is a queue whose batches are spans.
type tracedQueue struct {
	worker.Queue

	tracer trace.Tracer
}

// AssignBatch gives out one batch.
func (q tracedQueue) AssignBatch(ctx context.Context, projectID string, seenXID uint64, limit int, plan assignment.Planner) (assignment.Batch, error) {
	spanCtx, span := q.tracer.Start(ctx, "handoff.assign", trace.WithAttributes(attribute.String("handoff.project_id", projectID)))
	batch, err := q.Queue.AssignBatch(spanCtx, projectID, seenXID, limit, plan)
	finish(span, err, attribute.Int("handoff.locked", batch.Locked), attribute.Int("handoff.assigned", batch.Assigned),
		attribute.Bool("handoff.skipped", batch.Skipped))
	return batch, err
}

// tracingGrace is how long the last spans may take to leave.
const tracingGrace = 2 * time.Second

func (t tracing) stop(ctx context.Context) error {
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tracingGrace)
	defer cancel()
	return t.shutdown(stopCtx)
}
