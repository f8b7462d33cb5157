package runner_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/pebble"
)

// world is a store, a bus and a runner over them, with workers that the test plays. The runner can be stopped and started
// again over the same store.
type world struct {
	t     testing.TB
	store store.Store
	bus   *bus.Memory
	cfg   runner.Config

	r    *runner.Runner
	stop context.CancelFunc
	done chan error

	broken  bool // the test breaks what is stored: the check at the end must find that
	checked bool
}

var ann = runner.Caller{Tenant: "default", Actor: "user:ann"}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := stillWorld(t)
	w.start()
	return w
}

// stillWorld is a world whose runner has not been started.
func stillWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, bus: bus.NewMemory(), store: openStore(t, vfs.NewMem())}
	t.Cleanup(func() { _ = w.bus.Close() })
	return w
}

// bubble plays a story in a world of its own with a clock of its own: hours pass at once when nothing else can happen.
func bubble(t *testing.T, story func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { story(t, newWorld(t)) })
}

func openStore(t testing.TB, fs vfs.FS) store.Store {
	t.Helper()
	s, err := pebble.Open(pebble.Config{Dir: "data", FS: fs, Partitions: 8, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// quiet discards logs, unless CORDUM_TEST_LOG is set.
func quiet() *slog.Logger {
	if os.Getenv("CORDUM_TEST_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.DiscardHandler)
}

// start runs a runner until halt.
func (w *world) start() {
	w.t.Helper()
	cfg := w.cfg
	cfg.Owner = "test"
	cfg.Lanes = 2
	if cfg.Policy == nil {
		cfg.Policy = safety.NewSnapshot(safety.Allow)
	}
	if cfg.Logger == nil {
		cfg.Logger = quiet()
	}
	r, err := runner.New(cfg, w.store, w.bus)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.r, w.stop, w.done = r, cancel, make(chan error, 1)
	go func() { w.done <- r.Run(ctx) }()
	w.t.Cleanup(w.end)
	w.until("the runner is healthy", func() bool { return r.Health(ctx) == nil })
}

// halt stops the runner and waits for it.
func (w *world) halt() {
	if w.stop == nil {
		return
	}
	w.stop()
	w.stop = nil
	if err := <-w.done; err != nil {
		w.t.Errorf("runner ended with %v", err)
	}
}

// end stops the runner and, once, checks all that it has stored.
func (w *world) end() {
	w.halt()
	if w.checked || w.t.Failed() {
		return
	}
	w.checked = true
	var says []string
	err := runner.CheckStore(context.Background(), w.store, func(s string) { says = append(says, s) })
	switch {
	case errors.Is(err, store.ErrClosed):
	case err != nil || (len(says) > 0) != w.broken:
		w.t.Errorf("the store is not sound: %q, %v", says[:min(len(says), 5)], err)
	}
}

// restart stops the runner and starts another one over the same store.
func (w *world) restart() {
	w.t.Helper()
	w.halt()
	w.start()
}

// until waits for a condition, with a deadline.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(w.patience())
	for n := 0; !ok(); n++ {
		if time.Now().After(deadline) {
			w.t.Fatalf("timed out waiting until %s", what)
		}
		time.Sleep(time.Millisecond)
		if n > 10_000 { // only on a clock that costs nothing
			time.Sleep(time.Second)
		}
	}
}

// put stores a definition.
func (w *world) put(source string) runner.WorkflowVersion {
	w.t.Helper()
	v, err := w.r.PutWorkflow(context.Background(), ann, []byte(source), runner.FormatYAML)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// run starts a run.
func (w *world) run(workflow string, input string) string {
	w.t.Helper()
	s, err := w.r.Start(context.Background(), ann, runner.StartRequest{Workflow: workflow, Input: json.RawMessage(input)})
	if err != nil {
		w.t.Fatal(err)
	}
	return s.RunID
}

func (w *world) view(run string) runner.RunView {
	w.t.Helper()
	v, err := w.r.View(context.Background(), ann, run)
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// ended waits until a run has ended, and its compensation too.
func (w *world) ended(run string) runner.RunView {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), w.patience())
	defer cancel()
	var v runner.RunView
	for since := uint64(0); ; since = v.Seq {
		var err error
		if v, err = w.r.WaitRun(ctx, ann, run, since); err != nil {
			w.t.Fatal(err)
		}
		if v.EndedAt != nil && v.Compensation != "running" && v.Compensation != "held" {
			return v
		}
		if ctx.Err() != nil {
			w.t.Fatalf("run %s did not end: %s %+v", run, v.State, v.Steps)
		}
	}
}

// patience is how long to wait for something: for ever (a day) on a clock that costs nothing.
func (w *world) patience() time.Duration {
	if time.Now().Year() < 2001 { // a bubble's clock begins in 2000
		return 24 * time.Hour
	}
	return 10 * time.Second
}

// step is one step of a run.
func (w *world) step(run, step string) runner.StepView {
	w.t.Helper()
	for _, s := range w.view(run).Steps {
		if s.ID == step {
			return s
		}
	}
	w.t.Fatalf("no step %s", step)
	return runner.StepView{}
}

// command gives a run a verb.
func (w *world) command(run string, v runner.Verb) runner.RunView {
	w.t.Helper()
	view, err := w.r.Command(context.Background(), ann, run, runner.Command{Verb: v})
	if err != nil {
		w.t.Fatalf("%s: %v", v, err)
	}
	return view
}

// states checks how a run's steps ended: "a=succeeded b=failed".
func (w *world) states(v runner.RunView, want string) {
	w.t.Helper()
	var got []string
	for _, s := range v.Steps {
		got = append(got, s.ID+"="+s.State)
	}
	if g := strings.Join(got, " "); g != want {
		w.t.Errorf("steps are %q, want %q", g, want)
	}
}

// count tells how many events of a kind a run has.
func (w *world) count(run, kind string) int {
	n := 0
	for _, k := range w.types(run) {
		if k == kind || strings.HasPrefix(k, kind+" ") {
			n++
		}
	}
	return n
}

// types are the kinds of a run's events, with their steps.
func (w *world) types(run string) []string {
	w.t.Helper()
	events, _, err := w.r.Timeline(context.Background(), ann, run, 0, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, e := range events {
		out = append(out, strings.TrimSpace(e.Type+" "+e.Step))
	}
	return out
}

// worker is a native worker that answers every attempt as act says.
type worker struct {
	w    *world
	id   string
	mu   sync.Mutex
	have map[string][]byte // attempt → token
	jobs chan *wire.JobRequest
	act  func(*wire.JobRequest) *wire.JobResult
	subs []bus.Subscription
	stop chan struct{}

	topics      []string
	pool        string
	incarnation string
	slots       int32 // jobs at once; 0: 1,000
	refuses     bool  // gives back what it has no slot for, as a worker of the SDK does
	mute        bool  // beats no more
	forgets     bool  // lists nothing it has
	cancelled   chan string
}

// succeed answers with an empty object.
func succeed(*wire.JobRequest) *wire.JobResult {
	return &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, Output: []byte(`{}`)}
}

// newWorker connects a worker. With act nil the test takes jobs from jobs and answers itself.
func (w *world) newWorker(id string, act func(*wire.JobRequest) *wire.JobResult, topics ...string) *worker {
	w.t.Helper()
	k := &worker{
		w: w, id: id, act: act, have: map[string][]byte{}, jobs: make(chan *wire.JobRequest, 4096), topics: topics,
		incarnation: "1", stop: make(chan struct{}), cancelled: make(chan string, 4096),
	}
	on := func(subject string, h bus.Handler) {
		s, err := w.bus.Subscribe(subject, "", h)
		if err != nil {
			w.t.Fatal(err)
		}
		k.subs = append(k.subs, s)
	}
	on(bus.WorkerJobs(id), k.take)
	on(bus.SubjectAskJobs, func(bus.Msg) { k.beat() })
	on(bus.SubjectCancel, k.hearCancel)
	k.beat()
	var beating sync.WaitGroup
	beating.Go(k.beatUntilStopped)
	w.t.Cleanup(func() {
		close(k.stop)
		beating.Wait() // the bus is closed after this
	})
	w.until("worker "+id+" is known", func() bool {
		all, _ := w.r.Workers(context.Background(), ann)
		for _, v := range all {
			if v.ID == id {
				return true
			}
		}
		return false
	})
	return k
}

func (k *worker) beatUntilStopped() {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-k.stop:
			return
		case <-tick.C:
			k.beat()
		}
	}
}

// set changes how the worker behaves.
func (k *worker) set(change func(*worker)) {
	k.mu.Lock()
	change(k)
	k.mu.Unlock()
}

func (k *worker) hearCancel(m bus.Msg) {
	var p wire.BusPacket
	if proto.Unmarshal(m.Data, &p) != nil {
		return
	}
	k.mu.Lock()
	_, mine := k.have[p.GetJobCancel().GetJobId()]
	k.mu.Unlock()
	if mine {
		k.cancelled <- p.GetJobCancel().GetJobId()
	}
}

// leave says goodbye.
func (k *worker) leave() {
	k.set(func(k *worker) { k.mute = true })
	k.publish(bus.SubjectHeartbeat, &wire.BusPacket{Payload: &wire.BusPacket_Heartbeat{Heartbeat: &wire.Heartbeat{
		WorkerId: k.id, Topics: k.topics, Incarnation: k.incarnation, Leaving: true, ListsJobs: true,
	}}})
}

func (k *worker) beat() {
	k.mu.Lock()
	if k.mute {
		k.mu.Unlock()
		return
	}
	h := &wire.Heartbeat{
		WorkerId: k.id, Pool: k.pool, Topics: k.topics, MaxParallelJobs: cmp.Or(k.slots, 1000), Direct: true, ListsJobs: true, Incarnation: k.incarnation,
	}
	for id, token := range k.have {
		if !k.forgets {
			h.Jobs = append(h.Jobs, &wire.JobHold{JobId: id, Token: token})
		}
	}
	k.mu.Unlock()
	k.publish(bus.SubjectHeartbeat, &wire.BusPacket{Payload: &wire.BusPacket_Heartbeat{Heartbeat: h}})
}

func (k *worker) publish(subject string, p *wire.BusPacket) {
	data, err := proto.Marshal(p)
	if err == nil {
		err = k.w.bus.Publish(subject, data)
	}
	if err != nil && !errors.Is(err, bus.ErrClosed) { // a worker that outlives the test's bus says nothing
		k.w.t.Error(err)
	}
}

func (k *worker) take(m bus.Msg) {
	var p wire.BusPacket
	if err := proto.Unmarshal(m.Data, &p); err != nil {
		k.w.t.Error(err)
		return
	}
	job := p.GetJobRequest()
	k.mu.Lock()
	_, seen := k.have[job.JobId]
	full := !seen && k.refuses && len(k.have) >= int(k.slots)
	if !full {
		k.have[job.JobId] = job.Token
	}
	k.mu.Unlock()
	switch {
	case seen:
		return
	case full:
		k.publish(job.AnswerSubject, &wire.BusPacket{Payload: &wire.BusPacket_JobReturn{JobReturn: &wire.JobReturn{
			JobId: job.JobId, Token: job.Token, WorkerId: k.id, Reason: "full",
		}}})
		return
	}
	if k.act == nil {
		k.jobs <- job
		return
	}
	go func() {
		if job.AskBegin && k.begin(job) != wire.AckCode_ACK_CODE_OK {
			return
		}
		if res := k.act(job); res != nil {
			k.answer(job, res)
		}
	}()
}

// request asks the engine until it answers.
func (k *worker) request(subject string, p *wire.BusPacket) wire.AckCode {
	data, err := proto.Marshal(p)
	if err != nil {
		k.w.t.Error(err)
		return 0
	}
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		reply, err := k.w.bus.Request(ctx, subject, data)
		cancel()
		var ack wire.BusPacket
		if err == nil && proto.Unmarshal(reply, &ack) == nil && ack.GetAck().GetCode() != wire.AckCode_ACK_CODE_RETRY {
			return ack.GetAck().GetCode()
		}
		select {
		case <-k.stop:
			return 0
		case <-time.After(50 * time.Millisecond): // as a worker does between tries
		}
	}
}

func (k *worker) begin(job *wire.JobRequest) wire.AckCode {
	return k.request(job.AnswerSubject, &wire.BusPacket{Payload: &wire.BusPacket_JobBegin{
		JobBegin: &wire.JobBegin{JobId: job.JobId, Token: job.Token, WorkerId: k.id},
	}})
}

func (k *worker) answer(job *wire.JobRequest, res *wire.JobResult) wire.AckCode {
	res.JobId, res.Token, res.WorkerId = job.JobId, job.Token, k.id
	code := k.request(job.AnswerSubject, &wire.BusPacket{Payload: &wire.BusPacket_JobResult{JobResult: res}})
	k.mu.Lock()
	delete(k.have, job.JobId)
	k.mu.Unlock()
	return code
}

// next takes the next job that the worker was given.
func (k *worker) next() *wire.JobRequest {
	k.w.t.Helper()
	select {
	case j := <-k.jobs:
		return j
	case <-time.After(k.w.patience()):
		k.w.t.Fatal("no job came")
		return nil
	}
}

// none checks that the worker gets no job for a while.
func (k *worker) none(d time.Duration) {
	k.w.t.Helper()
	select {
	case j := <-k.jobs:
		k.w.t.Fatalf("job %s came", j.JobId)
	case <-time.After(d):
	}
}

// done answers a job well.
func (k *worker) done(job *wire.JobRequest) wire.AckCode {
	return k.answer(job, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, Output: []byte(`{}`)})
}

// failing is a result that may be tried again.
func failing() *wire.JobResult {
	return &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_FAILED_RETRYABLE, ErrorCode: "boom", ErrorMessage: "it went wrong"}
}

// accept says that the worker took a job.
func (k *worker) accept(job *wire.JobRequest) {
	if job.AskBegin {
		if code := k.begin(job); code != wire.AckCode_ACK_CODE_OK {
			k.w.t.Fatalf("no leave to begin: %s", code)
		}
		return
	}
	k.publish(job.AnswerSubject, &wire.BusPacket{Payload: &wire.BusPacket_JobProgress{JobProgress: &wire.JobProgress{
		JobId: job.JobId, Token: job.Token, WorkerId: k.id, Status: wire.JobStatus_JOB_STATUS_RUNNING,
	}}})
}

// is checks that an error is the one wanted.
func is(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

// seeds is how many games are played of n: a quarter of them in short mode, which the race detector makes long enough.
func seeds(n uint64) uint64 {
	if testing.Short() {
		return n / 4
	}
	return n
}
