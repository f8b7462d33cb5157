package runner_test

import (
	"context"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/store/pebble"
)

const threeSteps = `
id: three
steps:
  - {id: a, topic: job.t.work, effect: none}
  - {id: b, topic: job.t.work, effect: none, depends_on: [a]}
  - {id: c, topic: job.t.work, effect: none, depends_on: [b]}
`

// BenchmarkSteps runs chains of three no-op steps, 64 in flight, with a worker on the memory bus. Reported: steps/s.
func BenchmarkSteps(b *testing.B) {
	for _, place := range []struct {
		name string
		fs   vfs.FS
	}{{"disk", vfs.Default}, {"mem", vfs.NewMem()}} {
		b.Run(place.name, func(b *testing.B) { benchSteps(b, place.fs, 64) })
	}
	b.Run("lone", func(b *testing.B) { benchSteps(b, vfs.Default, 1) })
}

func benchSteps(b *testing.B, fs vfs.FS, flight int) {
	s, err := pebble.Open(pebble.Config{Dir: b.TempDir(), FS: fs, Partitions: 64, Logger: quiet()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	m := bus.NewMemory()
	defer m.Close()
	r, err := runner.New(runner.Config{Owner: "bench", Policy: safety.NewSnapshot(safety.Allow), Logger: quiet()}, s, m)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	defer func() { cancel(); <-done }()
	for r.Health(ctx) != nil {
		time.Sleep(time.Millisecond)
	}
	echoWorker(b, m)
	if _, err := r.PutWorkflow(ctx, ann, []byte(threeSteps), runner.FormatYAML); err != nil {
		b.Fatal(err)
	}
	time.Sleep(10 * time.Millisecond)
	b.ResetTimer()
	b.ReportAllocs()
	ends, err := r.Watch(ctx, ann, runner.WatchRequest{Workflow: "three"}, 10_000)
	if err != nil {
		b.Fatal(err)
	}
	defer ends.Close()
	runs := (b.N + 2) / 3
	slots := make(chan struct{}, flight)
	go func() {
		for range runs {
			slots <- struct{}{}
			go func() {
				if _, err := r.Start(ctx, ann, runner.StartRequest{Workflow: "three"}); err != nil {
					b.Error(err)
				}
			}()
		}
	}()
	for ended := 0; ended < runs; {
		m, err := ends.Next(ctx)
		if err != nil {
			b.Fatal(err)
		}
		if m.Header != nil && m.Header.EndedAt != nil {
			ended++
			<-slots
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "steps/s")
}

// echoWorker answers every job at once, and sends a result again until it is acknowledged.
func echoWorker(b testing.TB, m *bus.Memory) {
	publish := func(subject, reply string, p *wire.BusPacket) {
		data, err := proto.Marshal(p)
		if err != nil {
			b.Error(err)
		} else if reply == "" {
			_ = m.Publish(subject, data)
		} else {
			_ = m.PublishRequest(subject, reply, data)
		}
	}
	if _, err := m.Subscribe("acks", "", func(bus.Msg) {}); err != nil {
		b.Fatal(err)
	}
	_, err := m.Subscribe(bus.WorkerJobs("w"), "", func(msg bus.Msg) {
		var p wire.BusPacket
		if err := proto.Unmarshal(msg.Data, &p); err != nil {
			b.Error(err)
			return
		}
		j := p.GetJobRequest()
		publish(j.AnswerSubject, "acks", &wire.BusPacket{Payload: &wire.BusPacket_JobResult{JobResult: &wire.JobResult{
			JobId: j.JobId, Token: j.Token, WorkerId: "w", Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, Output: []byte(`{}`),
		}}})
	})
	if err != nil {
		b.Fatal(err)
	}
	beat := &wire.BusPacket{Payload: &wire.BusPacket_Heartbeat{Heartbeat: &wire.Heartbeat{
		WorkerId: "w", Topics: []string{"job.t.work"}, MaxParallelJobs: 10_000, Direct: true, Incarnation: "1",
	}}}
	publish(bus.SubjectHeartbeat, "", beat)
	go func() { // on a busy machine this may take longer than a lease
		tick := time.NewTicker(5 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-b.Context().Done():
				return
			case <-tick.C:
				publish(bus.SubjectHeartbeat, "", beat)
			}
		}
	}()
}
