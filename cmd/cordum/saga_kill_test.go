package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
	sdk "cordum.dev/cordum/sdk/go"
)

// These tests kill real processes while they undo what runs did. What is right is judged by saga_crash_test.go's audit, which
// reads the workers' own ledger and knows nothing of the engine but its API.

// A worker of sagas is the test binary started again with these set.
const (
	sagaWorkerEnv = "CORDUM_TEST_SAGA_WORKER" // its id
	sagaServerEnv = "CORDUM_TEST_SAGA_SERVER"
	sagaLedgerEnv = "CORDUM_TEST_SAGA_LEDGER"
	sagaCrashEnv  = "CORDUM_TEST_SAGA_CRASH" // where it fails on purpose, as crashPlan's text
)

// init is where a worker process turns off, before the test binary takes itself for a test: a worker that is killed must leave
// nothing behind.
func init() {
	id := os.Getenv(sagaWorkerEnv)
	if id == "" {
		return
	}
	w := sagaWorker{id: id, path: os.Getenv(sagaLedgerEnv), crash: workerCrash(os.Getenv(sagaCrashEnv))}
	fmt.Fprintln(os.Stderr, w.serve(context.Background(), id, os.Getenv(sagaServerEnv)))
	os.Exit(1)
}

// sagaEntry is one line of the ledger, synced before the work and after it. Workers share the file.
type sagaEntry struct {
	Phase  string `json:"phase"` // sent (as the wire has it), begin, end, failed or none: no effect was had
	Undo   bool   `json:"undo,omitempty"`
	Root   string `json:"root"`             // what the test calls the run that it started
	At     string `json:"at"`               // what the test calls the step
	Effect string `json:"effect,omitempty"` // what was done, or is to be undone
	Number int    `json:"number,omitempty"` // of the attempt; of an undo, that of the last attempt at what it undoes
	Run    string `json:"run"`
	Job    string `json:"job"`              // the attempt's id
	Key    string `json:"key,omitempty"`    // of sent: the idempotency key
	Worker string `json:"worker,omitempty"` // of what is not undone: who does it
}

// sagaInput is what steps and compensations get.
type sagaInput struct {
	Root   string `json:"root"`
	At     string `json:"at"`
	Effect string `json:"effect"` // of a compensation
	Number int    `json:"number"` // of a compensation
	Fail   string `json:"fail"`   // the step that is to fail
	Times  int    `json:"times"`  // how often it fails
}

// sagaWorker does effects and undoes them.
type sagaWorker struct {
	id    string
	path  string
	file  *os.File // each line is one write to its end
	crash *crasher // nil: it does not fail on purpose
}

func (w *sagaWorker) serve(ctx context.Context, id, url string) error {
	var err error
	if w.file, err = os.OpenFile(w.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return err
	}
	defer w.file.Close()
	conn, err := nats.Connect(url, append(w.crash.dialOptions(), nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true), nats.ReconnectWait(50*time.Millisecond))...)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, subject := range []string{wire.SubjectWorkerJobs(id), "job.saga.*"} { // before the worker's own: it sees what that sees
		if _, err := conn.Subscribe(subject, w.overhear); err != nil {
			return err
		}
	}
	worker, err := sdk.NewWorker(sdk.WorkerConfig{Conn: conn, ID: id, Capacity: 16, Heartbeat: 500 * time.Millisecond})
	if err != nil {
		return err
	}
	sdk.RegisterTopic(worker, "job.saga.do", w.do)
	sdk.RegisterTopic(worker, "job.saga.undo", w.undo)
	return worker.Run(ctx)
}

func (w *sagaWorker) note(e sagaEntry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if _, err := w.file.Write(append(line, '\n')); err != nil || e.Phase == "sent" {
		return err
	}
	return w.file.Sync()
}

// overhear writes down under which key a job was sent: tools are not told.
func (w *sagaWorker) overhear(m *nats.Msg) {
	var packet wire.BusPacket
	var in sagaInput
	if proto.Unmarshal(m.Data, &packet) != nil || packet.GetJobRequest() == nil || json.Unmarshal(packet.GetJobRequest().GetInput(), &in) != nil {
		return
	}
	r := packet.GetJobRequest()
	w.crash.reached(crashReceived)
	_ = w.note(sagaEntry{"sent", r.GetTopic() == "job.saga.undo", in.Root, in.At, in.Effect, in.Number, r.GetRunId(), r.GetJobId(), r.GetMeta().GetIdempotencyKey(), ""})
}

// do has an effect that no other job has, unless it is told to fail. One that is cancelled in the middle stops, or finishes all
// the same: both are allowed.
func (w *sagaWorker) do(ctx context.Context, job sdk.Job, in sagaInput) (map[string]any, error) {
	e := sagaEntry{Root: in.Root, At: in.At, Run: job.RunID, Job: job.AttemptID, Number: job.Attempt, Effect: job.AttemptID + "#" + rand.Text()[:8], Worker: w.id}
	if fails := in.Fail == in.At && w.failed(e) < in.Times; fails {
		return nil, errors.Join(w.both(ctx, e, "failed"), sdk.Fatal("planned", errors.New("it is to fail")))
	}
	if err := w.both(ctx, e, "end"); err != nil {
		return nil, err
	}
	return map[string]any{"effect": e.Effect}, nil
}

func (w *sagaWorker) undo(ctx context.Context, job sdk.Job, in sagaInput) (map[string]any, error) {
	e := sagaEntry{Undo: true, Root: in.Root, At: in.At, Run: job.RunID, Job: job.AttemptID, Effect: in.Effect, Number: in.Number}
	if fails := in.Fail == "undo" && w.failed(e) < in.Times; fails {
		return nil, errors.Join(w.both(ctx, e, "failed"), sdk.Retryable("planned", errors.New("it is to be tried again")))
	}
	return map[string]any{}, w.both(ctx, e, "end")
}

// both writes down the beginning and how it ended, long enough apart to be caught by a kill.
func (w *sagaWorker) both(ctx context.Context, e sagaEntry, phase string) error {
	begin := e
	begin.Phase, e.Phase = "begin", phase
	w.crash.reached(crashClaimed)
	if err := w.note(begin); err != nil {
		return err
	}
	var stopped error
	select {
	case <-time.After(15 * time.Millisecond):
	case <-ctx.Done():
		if crc32.ChecksumIEEE([]byte(e.Job))%2 == 0 {
			e.Phase, stopped = "none", ctx.Err()
		}
	}
	err := errors.Join(w.note(e), stopped)
	w.crash.reached(crashWorked)
	return err
}

// failed counts in the ledger how often something failed before, whichever worker did it.
func (w *sagaWorker) failed(e sagaEntry) (n int) {
	all, _ := readSagaLedger(w.path)
	for _, old := range all {
		if old.Phase == "failed" && old.Undo == e.Undo && old.Root == e.Root && old.At == e.At {
			n++
		}
	}
	return n
}

// readSagaLedger reads what is written; a last line that is being written is left for the next time.
func readSagaLedger(path string) ([]sagaEntry, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return entriesOf[sagaEntry](raw)
}

// sagaWorkerProcess is a worker that can be killed, and comes back under its name.
type sagaWorkerProcess struct {
	p     *process
	id    string
	crash string // where it fails on purpose; empty: nowhere
	cmd   *exec.Cmd
	lost  int // steps that were begun, and will not be ended by anybody
}

func (p *process) sagaLedger() string { return filepath.Join(p.dir, "saga.jsonl") }

func (p *process) startSagaWorker(id string) *sagaWorkerProcess {
	p.t.Helper()
	w := &sagaWorkerProcess{p: p, id: id}
	w.start()
	p.t.Cleanup(w.kill)
	return w
}

func (w *sagaWorkerProcess) start() {
	w.p.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.p.t.Fatal(err)
	}
	w.cmd = exec.Command(self)
	w.cmd.Env = append(os.Environ(), sagaWorkerEnv+"="+w.id, sagaServerEnv+"=nats://"+w.p.nats, sagaLedgerEnv+"="+w.p.sagaLedger(), sagaCrashEnv+"="+w.crash)
	w.cmd.Stdout, w.cmd.Stderr = w.p.log, w.p.log
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := w.cmd.Start(); err != nil {
		w.p.t.Fatal(err)
	}
}

func (w *sagaWorkerProcess) kill() {
	_ = w.cmd.Process.Kill()
	_ = w.cmd.Wait()
}

// looksForWork is how often a worker is looked at before it is killed without work.
const looksForWork = 200

// killAtWork kills the worker while it is at a step, if it comes to one: it is looked at while it stands still.
func (w *sagaWorkerProcess) killAtWork() {
	w.p.t.Helper()
	for range looksForWork {
		_ = w.cmd.Process.Signal(syscall.SIGSTOP)
		if w.begun() > w.lost {
			break
		}
		_ = w.cmd.Process.Signal(syscall.SIGCONT)
		time.Sleep(2 * time.Millisecond) // it shall get on
	}
	w.kill()
	w.lost = w.begun()
}

// begun counts the steps that this worker has begun and not ended, as the ledger says.
func (w *sagaWorkerProcess) begun() int {
	ledger, err := readSagaLedger(w.p.sagaLedger())
	if err != nil {
		w.p.t.Fatal(err)
	}
	begun := map[string]bool{}
	for _, e := range ledger {
		switch {
		case e.Worker != w.id:
		case e.Phase == "begin":
			begun[e.Job] = true
		default:
			delete(begun, e.Job)
		}
	}
	return len(begun)
}

// sagaRun is a run that the test started, or tries to.
type sagaRun struct {
	shape *sagaShape
	root  string
	fail  string // the step that fails; empty: none
	times int
	id    string
	// undone: a person had all of it undone, whatever its state.
	undone bool
}

// begin starts a run, or learns that it did: its key makes the second time do nothing. An error may mean either.
func (p *process) begin(r *sagaRun) error {
	body, err := json.Marshal(map[string]any{"root": r.root, "fail": r.fail, "times": r.times, "items": make([]int, r.shape.items), "pad": make([]int, r.shape.pad)})
	if err != nil {
		return err
	}
	req, err := http.NewRequest("POST", "http://"+p.addr+"/api/v1/workflows/"+r.shape.id+"/runs", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", "start-"+r.root)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var s runner.Started
	if res.StatusCode >= 300 {
		return fmt.Errorf("start %s: %s", r.root, res.Status)
	}
	if err := json.NewDecoder(res.Body).Decode(&s); err != nil {
		return err
	}
	r.id = s.RunID
	return nil
}

// beginAll starts runs through kills of the server.
func (p *process) beginAll(runs []*sagaRun) error {
	deadline := time.Now().Add(30 * time.Second)
	for _, r := range runs {
		for err := p.begin(r); err != nil; err = p.begin(r) {
			if time.Now().After(deadline) {
				return err
			}
			time.Sleep(20 * time.Millisecond) // the pace of a client
		}
	}
	return nil
}

func (p *process) save(shape *sagaShape) {
	p.t.Helper()
	for _, definition := range shape.definitions {
		if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(definition), nil); err != nil {
			p.t.Fatalf("%v\n%s", err, definition)
		}
	}
}

// undosBegun counts the compensations that workers began.
func (p *process) undosBegun() int {
	raw, _ := os.ReadFile(p.sagaLedger())
	return bytes.Count(raw, []byte(`{"phase":"begin","undo":true`))
}

// someMoment waits for a moment to kill something: after a while, or when a few more compensations have begun.
func (p *process) someMoment(random *mathrand.Rand, undoing bool) {
	p.t.Helper()
	if !undoing {
		time.Sleep(time.Duration(20+random.IntN(150)) * time.Millisecond)
		return
	}
	enough := p.undosBegun() + 1 + random.IntN(8)
	p.until("compensations have begun", func() bool { return p.undosBegun() >= enough })
}

// draw makes a run of each shape, each to fail at some step, or now and then at none.
func draw(random *mathrand.Rand, shapes []*sagaShape, round int) []*sagaRun {
	var runs []*sagaRun
	for _, shape := range shapes {
		r := &sagaRun{shape: shape, root: fmt.Sprintf("%s-%d", shape.id, round), times: 1}
		if random.IntN(6) > 0 {
			r.fail = shape.failAt[random.IntN(len(shape.failAt))]
		}
		if shape.comebacks > 0 && random.IntN(2) == 0 {
			r.times = shape.comebacks + 1
		}
		runs = append(runs, r)
	}
	return runs
}

func rounds(most int) int {
	if testing.Short() {
		return (most + 2) / 3
	}
	return most
}

// TestUndoneThroughKills kills the server with -9 again and again, every other time while it undoes. Workers live, so that
// each effect and each undo happens exactly once.
func TestUndoneThroughKills(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.start()
	p.startSagaWorker("saga")
	shapes := sagaShapes(false, false)
	for _, shape := range shapes {
		p.save(shape)
	}
	random := mathrand.New(mathrand.NewPCG(11, 11))
	var runs []*sagaRun
	for round := range rounds(8) {
		some := draw(random, shapes, round)
		begun := make(chan error, 1)
		go func() { begun <- p.beginAll(some) }()
		p.someMoment(random, round%2 == 1)
		p.kill()
		p.start()
		if err := <-begun; err != nil {
			t.Fatal(err)
		}
		runs = append(runs, some...)
	}
	for root, v := range auditAll(t, p, runs, true) {
		i := slices.IndexFunc(runs, func(r *sagaRun) bool { return r.root == root })
		if want := runs[i].wants(); v.State != want {
			t.Errorf("%s: failing at %q %d times, it is %s, want %s", root, runs[i].fail, runs[i].times, v.State, want)
		}
	}
}

// wants is the state in which a run ends whose workers live.
func (r *sagaRun) wants() string {
	if r.fail == "" || r.times <= r.shape.comebacks {
		return "succeeded"
	}
	return "failed"
}

// TestUndoneThroughLostWorkers kills workers with -9. What a killed worker did is not known; it is undone all the same, and a
// compensation that is repeated has the key it had before.
func TestUndoneThroughLostWorkers(t *testing.T) {
	t.Parallel()
	undoneThroughLosses(t, sagaShapes(true, true), 13, false)
}

// TestUndoneThroughLosses kills the server along with a worker every other time.
func TestUndoneThroughLosses(t *testing.T) {
	t.Parallel()
	undoneThroughLosses(t, sagaShapes(true, true), 17, true)
}

func undoneThroughLosses(t *testing.T, shapes []*sagaShape, seed uint64, serverToo bool) {
	p := newProcess(t)
	p.start()
	workers := []*sagaWorkerProcess{p.startSagaWorker("saga-0"), p.startSagaWorker("saga-1")}
	for _, shape := range shapes {
		p.save(shape)
	}
	random := mathrand.New(mathrand.NewPCG(seed, seed))
	var runs []*sagaRun
	for round := range rounds(6) {
		some := draw(random, shapes, round)
		if err := p.beginAll(some); err != nil {
			t.Fatal(err)
		}
		p.someMoment(random, round%3 > 0)
		w := workers[random.IntN(len(workers))]
		w.killAtWork()
		if serverToo && round%2 == 1 {
			p.kill()
			p.start()
		}
		w.start()
		runs = append(runs, some...)
	}
	auditAll(t, p, runs, false)
}

// TestRunsUndoTheirOwn rolls one run back while another of the same workflow goes on, through kills; then the other one.
func TestRunsUndoTheirOwn(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.start()
	p.startSagaWorker("saga")
	shape := &sagaShape{id: "pair", after: map[string][]string{"a": nil, "b": {"a"}, "c": {"b"}}}
	shape.define("rollback", sagaStep("a", "", "a", true), sagaStep("b", "a", "b", true), "{id: gate, type: wait, signal: go, depends_on: [b]}", sagaStep("c", "gate", "c", true))
	p.save(shape)
	one, other := &sagaRun{shape: shape, root: "one"}, &sagaRun{shape: shape, root: "other"}
	if err := p.beginAll([]*sagaRun{one, other}); err != nil {
		t.Fatal(err)
	}
	say := func(r *sagaRun, verb, body string) {
		p.until(verb+" is taken", func() bool {
			return p.call("POST", "/api/v1/runs/"+r.id+"/"+verb, "application/json", []byte(body), nil) == nil
		})
	}
	for _, r := range []*sagaRun{one, other} {
		p.until("run "+r.root+" waits", func() bool {
			var v runner.RunView
			return p.call("GET", "/api/v1/runs/"+r.id, "", nil, &v) == nil && v.State == "waiting"
		})
	}
	say(one, "rollback", `{"reason":"wrong one"}`)
	p.kill()
	p.start()
	say(other, "signal", `{"name":"go"}`)
	auditAll(t, p, []*sagaRun{one, other}, true)
	if v := p.settles(other); v.State != "succeeded" || v.Compensation != "none" {
		t.Errorf("the other run is %s, compensation %s", v.State, v.Compensation)
	}

	say(other, "rollback", `{"reason":"wrong, too"}`)
	p.kill()
	p.start()
	other.undone = true
	p.until("the other run is undone", func() bool { return p.settles(other).Compensation == "done" })
	auditAll(t, p, []*sagaRun{one, other}, true)
	if v := p.settles(other); v.State != "succeeded" {
		t.Errorf("the other run is %s", v.State)
	}
}

// sagaStep is a step of a workflow that does something, and undoes it where it can.
func sagaStep(id, after, at string, undo bool, more ...string) string {
	input := fmt.Sprintf("at: '%s', root: '${input.root}', fail: '${input.fail}', times: '${input.times}'", at)
	fields := append([]string{"id: " + id, "topic: job.saga.do", "input: {" + input + "}"}, more...)
	if after != "" {
		fields = append(fields, "depends_on: ["+after+"]")
	}
	if undo {
		input += fmt.Sprintf(", effect: '${steps.%[1]s.output?.effect}', number: '${steps.%[1]s.attempt}'", id)
		fields = append(fields, "compensate: {topic: job.saga.undo, IDEMPOTENT retry: {max_attempts: 20, initial: 20ms, max: 100ms}, input: {"+input+"}}")
	}
	return "{" + strings.Join(fields, ", ") + "}"
}
