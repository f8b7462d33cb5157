package cordum_test

import (
	"context"
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	cordum "cordum.dev/cordum/sdk/go"
)

// BenchmarkJobs sends no-op jobs to a worker over loopback, keeps so many in flight, and acknowledges every result: the
// cost of the wire without an engine.
func BenchmarkJobs(b *testing.B) {
	for _, inFlight := range []int{1, 64, 256} {
		b.Run(fmt.Sprintf("%d in flight", inFlight), func(b *testing.B) { benchmarkJobs(b, inFlight) })
	}
}

func benchmarkJobs(b *testing.B, inFlight int) {
	e := newEngine(b)
	startWorker(b, e, func(w *cordum.Worker) {
		cordum.Register(w, "demo", "echo", func(context.Context, cordum.Job, struct{}) (struct{}, error) { return struct{}{}, nil })
	}, func(c *cordum.WorkerConfig) { c.Capacity = inFlight + 1 })

	ack := marshal(b, &wire.BusPacket{Payload: &wire.BusPacket_Ack{Ack: &wire.Ack{Code: ok}}})
	done := make(chan struct{}, inFlight)
	_, err := e.bus.Subscribe("cordum.part.08", "", func(m bus.Msg) {
		var p wire.BusPacket
		if err := proto.Unmarshal(m.Data, &p); err != nil || p.GetJobResult() == nil {
			b.Errorf("%v, %v", &p, err)
		}
		_ = e.bus.Publish(m.Reply, ack)
		done <- struct{}{}
	})
	must(b, err)
	sent := 0
	send := func() {
		sent++
		e.send(job(fmt.Sprint("07RUN.step~", sent), func(r *wire.JobRequest) { r.AnswerSubject = "cordum.part.08" }))
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range min(inFlight, b.N) {
		send()
	}
	for range b.N {
		<-done
		if sent < b.N {
			send()
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
}
