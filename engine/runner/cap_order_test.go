package runner_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
)

// TestFirstResultCounts: of several results of one attempt the first that was said counts, however long it takes to be read:
// what it names is far away, or cannot be reached for a while, or is large.
func TestFirstResultCounts(t *testing.T) {
	for name, hinder := range map[string]func(s *shelf){
		"at once": func(*shelf) {},
		"slow":    func(s *shelf) { s.slow = 5 * time.Second },
		"away":    func(s *shelf) { s.away = true },
	} {
		for _, value := range []string{`"first"`, `"` + strings.Repeat("x", 1<<20) + `"`} {
			t.Run(fmt.Sprintf("%s, %d bytes", name, len(value)), func(t *testing.T) {
				capWorld(t, func(t *testing.T, w *world, s *shelf) {
					w.put(sprintf(capJob, "write", ""))
					k := w.newPlainWorker("p", poolBeat("job.t.work"), "job.t.work")
					run := w.run("plain", `{}`)
					job := k.next()
					s.mu.Lock()
					s.values["res:"+job.JobId] = []byte(value)
					hinder(s)
					s.mu.Unlock()
					k.say(job.JobId, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, ResultPtr: "redis://res:" + job.JobId})
					for range 20 { // more than wait behind it
						k.say(job.JobId, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_FAILED_FATAL})
					}
					k.say(job.JobId, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, Output: []byte(`"last"`)})
					time.Sleep(time.Minute)
					s.set(false)
					v := w.ended(run)
					if got := v.Steps[0].Output; v.State != "succeeded" || (string(got) != value && len(value) < 1000) {
						t.Errorf("%s with %.80s", v.State, got)
					}
					if n := w.count(run, "step_succeeded"); n != 1 {
						t.Errorf("succeeded %d times", n)
					}
				})
			})
		}
	}
}

// stream is one that hands over what a test says was kept.
type stream struct {
	bus bus.Bus

	mu      sync.Mutex
	handle  bus.Handler
	settled map[string][]byte // by reply subject: what was said last
	waits   *wire.JobResult   // was kept while no engine listened
}

func (s *stream) Publish(subject, reply, _ string, data []byte) error {
	return s.bus.PublishRequest(subject, reply, data)
}

func (s *stream) Results(h bus.Handler) (bus.Subscription, error) {
	s.mu.Lock()
	s.handle = h
	s.mu.Unlock()
	if s.waits != nil {
		h(bus.Msg{Subject: bus.SubjectResult, Reply: "$JS.ACK.0", Data: keptData(s.waits), Kept: true})
	}
	return s.bus.Subscribe("$JS.ACK.>", "", func(m bus.Msg) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.settled[m.Subject] = bytes.Clone(m.Data)
	})
}

func (s *stream) said(number int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.settled[fmt.Sprintf("$JS.ACK.%d", number)])
}

// bring hands over a kept result.
func (s *stream) bring(number int, res *wire.JobResult) {
	s.mu.Lock()
	h := s.handle
	s.mu.Unlock()
	h(bus.Msg{Subject: bus.SubjectResult, Reply: fmt.Sprintf("$JS.ACK.%d", number), Data: keptData(res), Kept: true})
}

func keptData(res *wire.JobResult) []byte {
	data, err := proto.Marshal(&wire.BusPacket{Payload: &wire.BusPacket_JobResult{JobResult: res}})
	if err != nil {
		panic(err) // scalar fields
	}
	return data
}

// TestResultBeforeRecovery: what a stream brings to an engine that has just begun to listen, and does not know its runs yet, is
// taken when it does.
func TestResultBeforeRecovery(t *testing.T) {
	capWorld(t, func(t *testing.T, w *world, _ *shelf) {
		w.put(sprintf(capJob, "write", ""))
		k := w.newPlainWorker("p", nil, "job.t.work")
		run := w.run("plain", `{}`)
		job := k.next()
		time.Sleep(time.Second)
		w.halt()
		kept := &stream{bus: w.bus, settled: map[string][]byte{}}
		kept.waits = &wire.JobResult{JobId: job.JobId, Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, Output: []byte(`7`)}
		w.cfg.Streams = kept
		w.start()
		if v := w.ended(run); v.State != "succeeded" || string(v.Steps[0].Output) != "7" {
			t.Errorf("%s with %s", v.State, v.Steps[0].Output)
		}
		synctest.Wait()
		if kept.said(0) != "+ACK" {
			t.Errorf("taken, and said %q", kept.said(0))
		}
	})
}

// TestKeptResults: a kept result is settled when its job has taken it and not before; one that nobody can ever take is settled
// at once, and what a stream brings counts in the order in which it was said.
func TestKeptResults(t *testing.T) {
	capWorld(t, func(t *testing.T, w *world, s *shelf) {
		kept := &stream{bus: w.bus, settled: map[string][]byte{}}
		w.halt()
		w.cfg.Streams = kept
		w.start()
		w.put(sprintf(capJob, "write", ""))
		k := w.newPlainWorker("p", poolBeat("job.t.work"), "job.t.work")
		run := w.run("plain", `{}`)
		job := k.next()
		swapped := run[len(run)-1:] + run[len(run)-2:len(run)-1] // a run that nobody started, or this one
		if swapped == run[len(run)-2:] {
			swapped = "00"
		}
		success := func(pointer string) *wire.JobResult {
			return &wire.JobResult{JobId: job.JobId, Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, ResultPtr: pointer}
		}
		s.mu.Lock()
		s.values["res:"+job.JobId], s.away = []byte(`"first"`), true
		s.mu.Unlock()
		kept.bring(1, success("redis://res:"+job.JobId))
		kept.bring(2, &wire.JobResult{JobId: job.JobId, Status: wire.JobStatus_JOB_STATUS_FAILED})
		kept.bring(3, &wire.JobResult{JobId: "nobody's", Status: wire.JobStatus_JOB_STATUS_FAILED})
		kept.bring(4, &wire.JobResult{JobId: job.JobId})
		kept.bring(5, &wire.JobResult{JobId: run[:len(run)-2] + swapped + ".a~0", Status: wire.JobStatus_JOB_STATUS_FAILED})
		time.Sleep(time.Minute)
		if kept.said(1) != "" || kept.said(2) != "" {
			t.Fatalf("settled before it was taken: %q, %q", kept.said(1), kept.said(2))
		}
		if kept.said(3) != "+ACK" || kept.said(4) != "+ACK" || kept.said(5) != "+ACK" {
			t.Errorf("nobody's results: %q, %q, %q", kept.said(3), kept.said(4), kept.said(5))
		}
		s.set(false)
		if v := w.ended(run); v.State != "succeeded" || string(v.Steps[0].Output) != `"first"` {
			t.Errorf("%s with %s", v.State, v.Steps[0].Output)
		}
		synctest.Wait()
		if kept.said(1) != "+ACK" || kept.said(2) != "+ACK" {
			t.Errorf("taken, and said %q, %q", kept.said(1), kept.said(2))
		}
	})
}

// TestKeptResultThatCannotBeTaken comes again by itself.
func TestKeptResultThatCannotBeTaken(t *testing.T) {
	capWorld(t, func(t *testing.T, w *world, s *shelf) {
		kept := &stream{bus: w.bus, settled: map[string][]byte{}}
		w.halt()
		w.cfg.Streams = kept
		w.start()
		w.put(sprintf(capJob, "write", ", timeout: 1h"))
		k := w.newPlainWorker("p", poolBeat("job.t.work"), "job.t.work")
		w.run("plain", `{}`)
		job := k.next()
		s.set(true)
		kept.bring(1, &wire.JobResult{JobId: job.JobId, Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, ResultPtr: "redis://res:" + job.JobId})
		time.Sleep(11 * time.Minute)
		if got := kept.said(1); !strings.HasPrefix(got, "-NAK") {
			t.Errorf("after eleven minutes it is %q", got)
		}
		s.set(false)
	})
}
