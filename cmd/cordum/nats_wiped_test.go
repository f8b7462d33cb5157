package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
	sdk "cordum.dev/cordum/sdk/go"
)

// diaryOf counts what workers did, by run and step.
type diaryOf struct {
	mu   sync.Mutex
	done map[string]int
}

func (d *diaryOf) note(run, what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.done == nil {
		d.done = map[string]int{}
	}
	d.done[run+" "+what]++
}

func (d *diaryOf) times(run, what string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.done[run+" "+what]
}

// serveTopics runs a worker in this process until the test ends. That it was given a job is noted first.
func serveTopics(t *testing.T, url, name string, d *diaryOf, topics map[string]func(context.Context) error) {
	t.Helper()
	w, err := sdk.NewWorker(sdk.WorkerConfig{URL: url, ID: name, Capacity: 32, Heartbeat: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	for topic, do := range topics {
		sdk.RegisterTopic(w, topic, func(ctx context.Context, job sdk.Job, in map[string]any) (map[string]any, error) {
			d.note(job.RunID, topic)
			return in, do(ctx)
		})
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = w.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
}

// plainCAP is a worker that knows CAP and no more.
type plainCAP struct {
	t    *testing.T
	conn *nats.Conn
	jobs chan *wire.JobRequest
}

func newPlainCAP(t *testing.T, url, topic string) *plainCAP {
	t.Helper()
	conn, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond), nats.RetryOnFailedConnect(true))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	k := &plainCAP{t: t, conn: conn, jobs: make(chan *wire.JobRequest, 10_000)}
	_, err = conn.QueueSubscribe(topic, topic, func(m *nats.Msg) {
		var p wire.BusPacket
		if proto.Unmarshal(m.Data, &p) == nil && p.GetJobRequest() != nil {
			k.jobs <- p.GetJobRequest()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// say says a result until the stream has it.
func (k *plainCAP) say(ctx context.Context, job string) error {
	data, err := proto.Marshal(&wire.BusPacket{SenderId: "plain", Payload: &wire.BusPacket_JobResult{JobResult: &wire.JobResult{
		JobId: job, WorkerId: "plain", Status: wire.JobStatus_JOB_STATUS_SUCCEEDED,
	}}})
	if err != nil {
		return err
	}
	js, err := jetstream.New(k.conn)
	if err != nil {
		return err
	}
	for {
		one, cancel := context.WithTimeout(ctx, time.Second)
		_, err = js.Publish(one, bus.SubjectResult, data)
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
}

// first is the id of the first job that it is given.
func (k *plainCAP) first() string {
	k.t.Helper()
	select {
	case job := <-k.jobs:
		return job.JobId
	case <-time.After(time.Minute):
		k.t.Fatal("the plain worker was given nothing")
		return ""
	}
}

// serve answers every job until the test ends.
func (k *plainCAP) serve() {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-ctx.Done():
				return
			case job := <-k.jobs:
				_ = k.say(ctx, job.JobId) // if this fails its run does not end
			}
		}
	}()
	k.t.Cleanup(func() {
		stop()
		<-ended
	})
}

// wiped are the workflows of which there are live runs of every kind: what a run waits for is its name.
var wiped = map[string]string{
	// A job for which nobody is known may lie in a stream only, and go with it: its timeout gives it to who comes later.
	"queued":   "steps:\n  - {id: a, topic: job.late.work, effect: none, timeout: 8s, retry: {max_attempts: 30, initial: 100ms}}\n",
	"running":  "steps:\n  - {id: a, topic: job.wipe.held, effect: write}\n  - {id: b, topic: job.wipe.work, effect: write, depends_on: [a]}\n",
	"approval": "steps:\n  - {id: may, type: approval}\n  - {id: a, topic: job.wipe.work, effect: write, depends_on: [may]}\n",
	"timer":    "steps:\n  - {id: nap, type: delay, for: 3s}\n  - {id: a, topic: job.wipe.work, effect: write, depends_on: [nap]}\n",
	"undoing": "on_failure: rollback\nsteps:\n  - {id: a, topic: job.wipe.work, effect: write, compensate: {topic: job.wipe.undo, idempotent: true}}\n" +
		"  - {id: b, topic: job.wipe.bad, effect: write, depends_on: [a]}\n",
	"turn": "concurrency: {key: one, limit: 1}\nsteps:\n  - {id: may, type: approval}\n  - {id: a, topic: job.wipe.work, effect: write, depends_on: [may]}\n",
	"cap":  "steps:\n  - {id: a, topic: job.cap.plain, effect: none, timeout: 8s, retry: {max_attempts: 20, initial: 100ms}}\n",
}

// TestWipedNATS: everything is stopped while runs of every kind are under way, all that NATS has kept is deleted, and everything comes
// back: each run ends as it should, and what was done was done as often as it should. With the built-in NATS, and with one elsewhere.
func TestWipedNATS(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"built in", "external"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			w := &wipedSite{p: newProcess(t), release: make(chan struct{})}
			w.url = "nats://" + w.p.nats
			if where == "external" {
				w.node = newNATS(t, 1)[0]
				w.url = "nats://" + w.node.cfg.Addr
				w.p.mode = []string{"--dev", "--nats-url", w.url}
			}
			w.play(t)
		})
	}
}

// wipedSite is a server, its NATS and its workers.
type wipedSite struct {
	p       *process
	node    *natsNode // nil: built in
	url     string
	diary   diaryOf
	release chan struct{} // closed when those who hold work up let it go on
	runs    map[string][]string
}

func (w *wipedSite) play(t *testing.T) {
	env := []string{"NATS_USE_JETSTREAM=true", "CORDUM_REDIS_ADDR=off"}
	w.p.start(env...)
	hold := func(ctx context.Context) error {
		select {
		case <-w.release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	work := func(context.Context) error { return nil }
	serveTopics(t, w.url, "early", &w.diary, map[string]func(context.Context) error{
		"job.wipe.work": work, "job.wipe.held": hold, "job.wipe.undo": hold,
		"job.wipe.bad": func(context.Context) error { return sdk.Fatal("bad", errors.New("it cannot be done")) },
	})
	k := newPlainCAP(t, w.url, "job.cap.plain")
	w.begin(t)
	w.stopAndWipe(t, k, k.first())
	w.p.start(env...)
	close(w.release)
	serveTopics(t, w.url, "late", &w.diary, map[string]func(context.Context) error{"job.late.work": work})
	k.serve() // what was said of the first attempt is lost with the stream
	for _, name := range []string{"approval", "turn"} {
		for _, run := range w.runs[name] {
			approveAt(w.p, run)
			if name == "turn" {
				w.p.ends(run)
			}
		}
	}
	w.check(t)
}

// begin starts the runs and waits until each waits for what it is to wait for.
func (w *wipedSite) begin(t *testing.T) {
	t.Helper()
	w.runs = map[string][]string{}
	for name, steps := range wiped {
		if err := w.p.call("POST", "/api/v1/workflows", "application/yaml", []byte("id: "+name+"\n"+steps), nil); err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			if name == "cap" && i > 0 {
				break
			}
			var s runner.Started
			if err := w.p.call("POST", "/api/v1/workflows/"+name+"/runs", "application/json", []byte(`{}`), &s); err != nil {
				t.Fatal(err)
			}
			w.runs[name] = append(w.runs[name], s.RunID)
		}
	}
	held := map[string]string{"running": "job.wipe.held", "undoing": "job.wipe.undo"}
	for name, topic := range held {
		for _, run := range w.runs[name] {
			w.p.until("run "+run+" is at "+topic, func() bool { return w.diary.times(run, topic) == 1 })
		}
	}
}

// stopAndWipe kills the server, has the plain worker say a result that a stream keeps, kills NATS, and deletes all that it has kept.
func (w *wipedSite) stopAndWipe(t *testing.T, k *plainCAP, job string) {
	t.Helper()
	w.p.kill()
	if w.node == nil {
		kept := filepath.Join(w.p.dir, "data", "streams")
		if _, err := os.Stat(kept); err != nil {
			t.Fatalf("NATS has kept nothing: %v", err)
		}
		if err := os.RemoveAll(kept); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := k.say(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	w.node.kill()
	w.node.wipe()
	w.node.start()
}

// check looks at how each run has ended, and at what was done for it.
func (w *wipedSite) check(t *testing.T) {
	t.Helper()
	for name, runs := range w.runs {
		for _, run := range runs {
			if name == "undoing" {
				w.checkUndone(t, run)
				continue
			}
			w.p.ends(run)
			for topic, want := range map[string]map[string]int{
				"queued": {"job.late.work": 1}, "running": {"job.wipe.held": 1, "job.wipe.work": 1}, "approval": {"job.wipe.work": 1},
				"timer": {"job.wipe.work": 1}, "turn": {"job.wipe.work": 1},
			}[name] {
				n := w.diary.times(run, topic)
				if name == "queued" && n > want { // it has no effect: an attempt that was slow is repeated
					continue
				}
				if n != want {
					t.Errorf("%s of %s run %s was executed %d times, want %d", topic, name, run, n, want)
				}
			}
		}
	}
}

// checkUndone looks that what a failed run did was undone, once.
func (w *wipedSite) checkUndone(t *testing.T, run string) {
	t.Helper()
	var v runner.RunView
	w.p.until("run "+run+" is undone", func() bool {
		return w.p.call("GET", "/api/v1/runs/"+run, "", nil, &v) == nil && v.EndedAt != nil && v.Compensation != "running"
	})
	if v.State != "failed" || v.Compensation != "done" {
		t.Errorf("run %s ended %s, its compensation %s", run, v.State, v.Compensation)
	}
	for _, topic := range []string{"job.wipe.work", "job.wipe.bad", "job.wipe.undo"} {
		if n := w.diary.times(run, topic); n != 1 {
			t.Errorf("%s of run %s was executed %d times, want once", topic, run, n)
		}
	}
}
