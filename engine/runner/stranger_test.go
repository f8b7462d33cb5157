package runner_test

import (
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
)

// newcomer is a native worker that has just connected: it listens on its topic, as those do, and is not heard yet.
func (w *world) newcomer(topic string) *worker {
	w.t.Helper()
	k := &worker{w: w, id: "new", have: map[string][]byte{}, jobs: make(chan *wire.JobRequest, 64), topics: []string{topic}, incarnation: "1"}
	for subject, queue := range map[string]string{topic: topic, bus.WorkerJobs(k.id): ""} {
		s, err := w.bus.Subscribe(subject, queue, k.take)
		if err != nil {
			w.t.Fatal(err)
		}
		k.subs = append(k.subs, s)
	}
	return k
}

// TestWorkerWhoseFirstBeatIsLate: a worker listens on its topic a moment before its first heartbeat is heard. It is asked, and
// what waits goes to it as to any worker: by its name, with leave to begin and a log, and not as to nobody that is known, which
// a lost message would cost the timeout of its topic.
func TestWorkerWhoseFirstBeatIsLate(t *testing.T) {
	capWorld(t, func(t *testing.T, w *world, _ *shelf) {
		w.put(sprintf(capJob, "write", ""))
		k := w.newcomer("job.t.work")
		asked := make(chan struct{}, 16)
		s, err := w.bus.Subscribe(bus.SubjectAskJobs, "", func(bus.Msg) { asked <- struct{}{} })
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Unsubscribe() }()
		run := w.run("plain", `{}`)
		select {
		case <-asked:
		case <-time.After(w.patience()):
			t.Fatal("nobody was asked who listens")
		}
		time.Sleep(900 * time.Millisecond) // a busy machine
		if n := w.count(run, "job_dispatched"); n != 0 {
			t.Fatal("it was sent to nobody that is known while somebody was asked")
		}
		k.beat()
		job := k.next()
		if !job.AskBegin || job.LogLines == 0 || job.TimeoutMs != 0 {
			t.Errorf("it came as to a worker of plain CAP: %v", job)
		}
		k.accept(job)
		k.done(job)
		if v := w.ended(run); v.State != "succeeded" {
			t.Error(v.State)
		}
	})
}

// TestReturnedFromTopic: what was sent to a topic counts as begun; a worker that gives it back says that it is not, and it goes to
// somebody else long before its timeout.
func TestReturnedFromTopic(t *testing.T) {
	for _, effect := range []string{"none", "write"} {
		t.Run(effect, func(t *testing.T) {
			capWorld(t, func(t *testing.T, w *world, s *shelf) {
				w.put(sprintf(capJob, effect, ""))
				k := w.newcomer("job.t.work") // it is never heard
				run := w.run("plain", `{}`)
				job := k.next()
				back := &wire.JobReturn{JobId: job.JobId, Token: job.Token, WorkerId: k.id, Reason: "full"}
				packet := &wire.BusPacket{Payload: &wire.BusPacket_JobReturn{JobReturn: back}}
				if code := k.request(job.AnswerSubject, packet); code != wire.AckCode_ACK_CODE_OK {
					t.Fatalf("given back: %s", code)
				}
				if code := k.request(job.AnswerSubject, packet); code != wire.AckCode_ACK_CODE_STALE {
					t.Errorf("given back twice: %s", code)
				}
				before := time.Now()
				again := k.next()
				if again.JobId == job.JobId || string(again.Token) == string(job.Token) || again.Attempt != 1 {
					t.Errorf("sent again as %s, attempt %d", again.JobId, again.Attempt)
				}
				if took := time.Since(before); took > 10*time.Second {
					t.Errorf("sent again after %v", took)
				}
				if got := s.at(strings.TrimPrefix(again.ContextPtr, "redis://")); got != `{}` {
					t.Errorf("its input is %q", got)
				}
				k.done(again)
				if v := w.ended(run); v.State != "succeeded" || v.Steps[0].Attempt != 1 {
					t.Errorf("%s, attempt %d", v.State, v.Steps[0].Attempt)
				}
			})
		})
	}
}

// TestReturnedFromTopicWhileItIsToStop: one that is given back while it is to stop has not begun, and ends.
func TestReturnedFromTopicWhileItIsToStop(t *testing.T) {
	capWorld(t, func(t *testing.T, w *world, _ *shelf) {
		w.put(sprintf(capJob, "write", ""))
		k := w.newcomer("job.t.work")
		run := w.run("plain", `{}`)
		job := k.next()
		w.command(run, "cancel")
		packet := &wire.BusPacket{Payload: &wire.BusPacket_JobReturn{JobReturn: &wire.JobReturn{
			JobId: job.JobId, Token: job.Token, WorkerId: k.id, Reason: "full",
		}}}
		if code := k.request(job.AnswerSubject, packet); code != wire.AckCode_ACK_CODE_OK {
			t.Fatalf("given back: %s", code)
		}
		if v := w.ended(run); v.State != "cancelled" {
			t.Error(v.State)
		}
	})
}
