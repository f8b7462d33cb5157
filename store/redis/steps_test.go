package redis_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus"
	cap "cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/redisd"
	"cordum.dev/cordum/safety"
)

// chain is a run of ten steps, one after another.
const chain = `
id: chain
steps:
  - {id: s0, topic: job.t.work, effect: none}
  - {id: s1, topic: job.t.work, effect: none, depends_on: [s0]}
  - {id: s2, topic: job.t.work, effect: none, depends_on: [s1]}
  - {id: s3, topic: job.t.work, effect: none, depends_on: [s2]}
  - {id: s4, topic: job.t.work, effect: none, depends_on: [s3]}
  - {id: s5, topic: job.t.work, effect: none, depends_on: [s4]}
  - {id: s6, topic: job.t.work, effect: none, depends_on: [s5]}
  - {id: s7, topic: job.t.work, effect: none, depends_on: [s6]}
  - {id: s8, topic: job.t.work, effect: none, depends_on: [s7]}
  - {id: s9, topic: job.t.work, effect: none, depends_on: [s8]}
`

const (
	chainSteps = 10
	// ofRun is what a run costs besides: its start, and what is read once of a partition before its first audit record.
	ofRun = 3
)

// TestRoundTripsOfSteps counts at the real runner: a step of a run alone costs two round trips at most, and one or less of what
// many runs share.
func TestRoundTripsOfSteps(t *testing.T) {
	var count trips
	server := redisd.Start(t, redisd.Durable...)
	cfg := fresh(server).Watched(&count)
	cfg.Partitions = 8
	s := open(t, cfg)
	m := bus.NewMemory()
	t.Cleanup(func() { _ = m.Close() })
	r, err := runner.New(runner.Config{Owner: "test", Lanes: 2, Policy: safety.NewSnapshot(safety.Allow), Logger: quiet()}, s, m)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	redisd.Wait(t, "the runner is ready", r.Health)
	echo(t, m)
	ann := runner.Caller{Tenant: "default", Actor: "user:ann"}
	if _, err := r.PutWorkflow(ctx, ann, []byte(chain), runner.FormatYAML); err != nil {
		t.Fatal(err)
	}
	ends, err := r.Watch(ctx, ann, runner.WatchRequest{Workflow: "chain"}, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	defer ends.Close()
	play := func(runs int) (trips int) {
		t.Helper()
		count.since()
		for range runs {
			go func() {
				if _, err := r.Start(ctx, ann, runner.StartRequest{Workflow: "chain"}); err != nil {
					t.Error(err)
				}
			}()
		}
		waiting, stop := context.WithTimeout(ctx, time.Minute)
		defer stop()
		for ended := 0; ended < runs; {
			news, err := ends.Next(waiting)
			if err != nil {
				t.Fatal(err)
			}
			if news.Header != nil && news.Header.EndedAt != nil {
				ended++
			}
		}
		trips, _ = count.since()
		return trips
	}
	play(1) // the server learns the scripts
	const many = 64
	alone := float64(play(1)-ofRun) / chainSteps
	shared := float64(play(many)) / (many * chainSteps)
	t.Logf("round trips of a step: %.2f alone, %.2f with %d runs", alone, shared, many)
	if alone > 2 {
		t.Errorf("a step alone costs %.2f round trips, want 2 at most", alone)
	}
	if shared > 1 {
		t.Errorf("a step of %d runs costs %.2f round trips, want 1 at most", many, shared)
	}
}

// echo is a worker that answers every job at once.
func echo(t *testing.T, m *bus.Memory) {
	t.Helper()
	publish := func(subject string, p *cap.BusPacket) {
		data, err := proto.Marshal(p)
		if err == nil {
			err = m.PublishRequest(subject, "acks", data)
		}
		if err != nil {
			t.Error(err)
		}
	}
	_, err := m.Subscribe("acks", "", func(bus.Msg) {})
	if err == nil {
		_, err = m.Subscribe(bus.WorkerJobs("w"), "", func(msg bus.Msg) {
			var p cap.BusPacket
			if err := proto.Unmarshal(msg.Data, &p); err != nil {
				t.Error(err)
				return
			}
			j := p.GetJobRequest()
			publish(j.AnswerSubject, &cap.BusPacket{Payload: &cap.BusPacket_JobResult{JobResult: &cap.JobResult{
				JobId: j.JobId, Token: j.Token, WorkerId: "w", Status: cap.JobStatus_JOB_STATUS_SUCCEEDED, Output: []byte(`{}`),
			}}})
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	publish(bus.SubjectHeartbeat, &cap.BusPacket{Payload: &cap.BusPacket_Heartbeat{Heartbeat: &cap.Heartbeat{
		WorkerId: "w", Topics: []string{"job.t.work"}, MaxParallelJobs: 10_000, Direct: true, Incarnation: "1",
	}}})
}
