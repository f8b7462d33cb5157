package main

import (
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

func TestSpansHangUnderTheirRun(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	tr := tracerWith(recorder)
	began := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	tr.Span("R", "w", "backup", 1, began, began.Add(time.Second), "succeeded")
	tr.Span("R", "w", "backup", 0, began, began.Add(2*time.Second), "succeeded")
	tr.Span("R", "w", "", 0, began, began.Add(3*time.Second), "failed")

	spans := recorder.Ended()
	if len(spans) != 3 {
		t.Fatalf("%d spans", len(spans))
	}
	attempt, step, run := spans[0], spans[1], spans[2]
	if attempt.Parent().SpanID() != step.SpanContext().SpanID() || step.Parent().SpanID() != run.SpanContext().SpanID() {
		t.Error("attempt → step → run do not hang together")
	}
	if run.Parent().IsValid() {
		t.Error("the run has a parent")
	}
	for _, span := range spans {
		if span.SpanContext().TraceID() != traceID("R") {
			t.Errorf("%s is in another trace", span.Name())
		}
	}
	if !run.EndTime().Equal(began.Add(3*time.Second)) || !run.StartTime().Equal(began) {
		t.Error("the times are not those of the run")
	}
	if want := "00-" + traceID("R").String() + "-" + run.SpanContext().SpanID().String() + "-01"; tr.Traceparent("R") != want {
		t.Errorf("traceparent %s, want %s", tr.Traceparent("R"), want)
	}
}
