package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// traceFlush is how long the last spans may take to leave at the end.
const traceFlush = 5 * time.Second

// tracer turns what ends in runs into spans run → step → attempt. The ids of spans are made from the run's, so that a
// process which did not see the beginning ends the same span, and nothing about traces has to be stored.
type tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// newTracer sends spans to an OTLP/HTTP endpoint, such as http://localhost:4318. It connects when there is something to
// send; a collector that is away costs spans and nothing else.
func newTracer(ctx context.Context, endpoint string) (*tracer, error) {
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint))
	if err != nil {
		return nil, fmt.Errorf("--otlp-endpoint %s: %w", endpoint, err)
	}
	return tracerWith(sdktrace.NewBatchSpanProcessor(exporter)), nil
}

func tracerWith(processor sdktrace.SpanProcessor) *tracer {
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(processor),
		sdktrace.WithIDGenerator(derivedIDs{}),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "cordum"), attribute.String("service.version", versionName()))),
	)
	return &tracer{provider: provider, tracer: provider.Tracer("cordum.dev/cordum")}
}

// Traceparent implements runner.Tracer: a worker's own spans become children of the run's.
func (t *tracer) Traceparent(run string) string {
	return fmt.Sprintf("00-%s-%s-01", traceID(run), spanID(run, "", 0))
}

// Span implements runner.Tracer. It hands the span to the batch and does not wait.
func (t *tracer) Span(run, workflow, step string, attempt int, began, ended time.Time, state string) {
	ctx := context.WithValue(context.Background(), derivedKey{}, derived{traceID(run), spanID(run, step, attempt)})
	name := workflow
	switch {
	case attempt > 0:
		name = step + " attempt " + strconv.Itoa(attempt)
		ctx = under(ctx, run, step)
	case step != "":
		name = step
		ctx = under(ctx, run, "")
	}
	_, span := t.tracer.Start(ctx, name, trace.WithTimestamp(began), trace.WithAttributes(
		attribute.String("cordum.run", run), attribute.String("cordum.workflow", workflow),
		attribute.String("cordum.step", step), attribute.Int("cordum.attempt", attempt), attribute.String("cordum.state", state)))
	if toneOf(state) == bad {
		span.SetStatus(codes.Error, state)
	}
	span.End(trace.WithTimestamp(ended))
}

// run waits for its turn to stop, then sends what is left.
func (t *tracer) run(ctx context.Context) error {
	<-ctx.Done()
	flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), traceFlush)
	defer cancel()
	return t.provider.Shutdown(flush)
}

// under makes a span a child of the run's span (step empty) or of a step's.
func under(ctx context.Context, run, step string) context.Context {
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: traceID(run), SpanID: spanID(run, step, 0), TraceFlags: trace.FlagsSampled,
	}))
}

func traceID(run string) (id trace.TraceID) {
	sum := sha256.Sum256([]byte("trace\x00" + run))
	copy(id[:], sum[:])
	return id
}

func spanID(run, step string, attempt int) (id trace.SpanID) {
	sum := sha256.Sum256([]byte("span\x00" + run + "\x00" + step + "\x00" + strconv.Itoa(attempt)))
	copy(id[:], sum[:])
	return id
}

// derivedIDs takes the ids of a new span from its context.
type derivedIDs struct{}

type derivedKey struct{}

type derived struct {
	trace trace.TraceID
	span  trace.SpanID
}

// NewIDs implements sdktrace.IDGenerator for a span without a parent.
func (derivedIDs) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	d, _ := ctx.Value(derivedKey{}).(derived) // Span always sets it
	return d.trace, d.span
}

// NewSpanID implements sdktrace.IDGenerator for a child.
func (derivedIDs) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	d, _ := ctx.Value(derivedKey{}).(derived) // as above
	return d.span
}
