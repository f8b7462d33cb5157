package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
	sdk "cordum.dev/cordum/sdk/go"
)

// These tests let bad workers loose on a real server, each beside a good one whose jobs must go on. What needs a clock of its own
// (leases, pauses) is in engine/runner, what NATS itself refuses in bus, and the same over hours in internal/sim.
//
// The zoo:
//
//	dies before it accepts             engine/runner TestLostBeforeBeginIsSentAgainAtNoCost; TestDeadWorkerIsNoticed
//	dies after begin                   engine/runner TestLostAfterBegin; TestDeadWorkerIsNoticed
//	dies after the work, before result engine/runner TestLostAfterBegin; TestKilledAtAnyMoment (the server dies there)
//	hangs                              engine/runner TestTimeouts; TestZoo "hangs"
//	beats, but makes no progress       engine/runner TestTimeouts (heartbeat), TestClaimedWhileItRuns
//	finishes after its lease           engine/runner TestStoppedForLeases
//	stopped for leases, then goes on   engine/runner TestStoppedForLeases; TestDeadWorkerIsNoticed (SIGSTOP)
//	lies about step or tenant          engine/runner TestForgedAnswersChangeNothing; TestZoo "lies about what it did"
//	returns 64 MiB                     engine/runner TestBadOutputsAreCodedFailures; TestZoo "returns 64 MiB"
//	garbage, empty, 8 MiB, enums       TestHostileWorkers; TestZoo "garbage"
//	results for what was never sent    TestHostileWorkers; engine/runner TestWordsWithoutTokenChangeNothing
//	stale tokens, others', replays     engine/runner TestForgedAnswersChangeNothing, TestBeginIsGivenOnce; TestZoo "lies about what it did"
//	beats as another, another's pool   engine/runner TestNobodySpeaksForAnotherWorker; bus TestWorkerSpeaksOnlyForItself
//	capabilities that it lacks         engine/runner TestClaimsAreCut
//	-1 active, NaN CPU, 1e9 slots      scheduler TestLiesAreCut; TestHostileWorkers; TestZoo "beats a million lies"
//	1e6 progress and log lines         engine/runner TestProgressFlood, TestLogFloodIsBounded; TestZoo "never stops talking"
//	gives everything back, for ever    scheduler TestRefusalsGrow; engine/runner TestReturnsEverything; TestZoo "gives everything back"
//	claims what it was never given     scheduler TestClaims; engine/runner TestClaimedWhileItWaits, TestClaimedWhileItRuns; TestZoo "claims what others have"
//	two processes with one id          engine/runner TestOneIDTwoProcesses; TestZoo "two processes with one id"
//	1,000 workers at once              bus TestManyReconnects; TestZoo "a thousand at once"
//	wrong subjects                     bus TestWorkerSpeaksOnlyForItself; engine/runner TestSubmitSubjectIsNobodysDoor
//	reply-subject injection            engine/runner TestAnswersGoToInboxesOnly; bus TestIsInbox
//	message ids of others              bus TestPoisonedIds; engine/runner TestNobodyAnswersForAnotherWorker
//	spoofed headers                    engine/runner TestNobodyAnswersForAnotherWorker
//	credential revoked in mid-job      engine/runner TestRevokedInTheMiddleOfAJob; TestWorkersWithTheirOwnCredentials
//
// The hostile packets, by their row in the list of attacks:
//
//	N1  garbage, versions, enums, sizes   TestHostileWorkers; TestZoo "garbage", "returns 64 MiB"
//	N2  results of unknown jobs           TestHostileWorkers; engine/runner TestForgedAnswersChangeNothing, TestWordsWithoutTokenChangeNothing
//	N3  stale and stolen tokens, replays  engine/runner TestForgedAnswersChangeNothing, TestNobodyAnswersForAnotherWorker, TestStoppedForLeases
//	N4  speaks as another, claims         engine/runner TestNobodySpeaksForAnotherWorker, TestClaimsAreCut, TestAttestation
//	N5  listens to everything             bus TestWorkerHearsOnlyItsOwn, TestWorkerPermissions
//	N6  submits past the API              bus TestWorkerSpeaksOnlyForItself; engine/runner TestSubmitSubjectIsNobodysDoor
//	N7  reply subjects                    engine/runner TestAnswersGoToInboxesOnly; bus TestIsInbox
//	N8  poisoned message ids              bus TestPoisonedIds; engine/runner TestNobodyAnswersForAnotherWorker
//	N9  spoofed headers                   engine/runner TestNobodyAnswersForAnotherWorker
//	N10 floods of progress                engine/runner TestProgressFlood; TestZoo "never stops talking"
//	N11 impossible heartbeats             TestHostileWorkers; TestZoo "beats a million lies"
//	N12 revoked in mid-job                engine/runner TestRevokedInTheMiddleOfAJob; bus TestRevocationPutsOut, TestRevocationMeetsReconnects
//	N13 gRPC                              only the policy kernel serves it: safety/remote TestUnknownMethods, TestToken, TestHugeMessage, TestPathWithoutSlash,
//	                                      TestManyConnections, TestSlowCallerIsCutOff, TestGarbage
//	N14 secrets, sizes, quarantine        engine/runner TestQuarantine, TestOutputDenied, TestOutputRedacted; TestCanaries
type zoo struct {
	*process
	before struct{ log, memory int } // bytes of the server's log and memory when the animal was let loose
}

// zooWorkflows are what the good worker does, and what the bad one is given.
var zooWorkflows = []string{
	"id: good\nsteps:\n  - {id: a, topic: job.zoo.good}\n  - {id: b, topic: job.zoo.good, effect: write, depends_on: [a]}\n",
	"id: bad\ncancel_grace: 1s\nsteps:\n  - {id: a, topic: job.zoo.bad, idempotent: true, timeout: 1m, retry: {max_attempts: 2, initial: 10ms}}\n",
	"id: short\ncancel_grace: 1s\nsteps:\n  - {id: a, topic: job.zoo.bad, idempotent: true, timeout: 1s, retry: {max_attempts: 2, initial: 10ms}}\n",
}

// animal is a bad worker: a connection, and what it is given.
type animal struct {
	z    *zoo
	id   string
	conn *nats.Conn
	jobs chan *wire.JobRequest
	bad  string // a run with a job for it

	mu   sync.Mutex
	have []*wire.JobHold // what it was given
}

// TestZoo lets one animal loose after the other. Of each the server makes little: it lives, the good worker's runs go on, its
// memory and its log do not grow, and the animal's own run ends as its workflow says, with one answer.
func TestZoo(t *testing.T) {
	z := newZoo(t)
	for _, a := range animals {
		t.Run(a.name, func(t *testing.T) {
			z.t = t
			z.remember()
			k := z.animal(a.name, cmp.Or(a.gets, "bad"))
			a.does(t, k)
			z.goodRuns(5)
			v := z.settle(k.bad)
			if v.State != a.ends {
				t.Errorf("its run ended %s, want %s: %+v", v.State, a.ends, v.Steps[0].Error)
			}
			checkAnswers(t, z.process, k.bad)
			z.check()
		})
	}
	z.t = t
}

func newZoo(t *testing.T) *zoo {
	t.Helper()
	z := &zoo{process: newProcess(t)}
	z.start()
	for _, text := range zooWorkflows {
		if err := z.call("POST", "/api/v1/workflows", "application/yaml", []byte(text), nil); err != nil {
			t.Fatal(err)
		}
	}
	w, err := sdk.NewWorker(sdk.WorkerConfig{URL: "nats://" + z.nats, ID: "good", Capacity: 8, Heartbeat: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	sdk.RegisterTopic(w, "job.zoo.good", func(_ context.Context, j sdk.Job, in map[string]any) (map[string]any, error) {
		return map[string]any{"by": "good", "attempt": j.Attempt}, nil
	})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.Run(ctx)
	}()
	t.Cleanup(func() { stop(); <-done })
	z.goodRuns(50)
	z.warmUp()
	return z
}

// warmUp has the server see once what is large and what is many: what costs memory again after that is a leak.
func (z *zoo) warmUp() {
	for i, does := range []func(*testing.T, *animal){sendsGarbage, neverStopsTalking, thousand} {
		k := z.animal(fmt.Sprint("warm up ", i), "bad")
		does(z.t, k)
		z.settle(k.bad)
		k.leave()
	}
}

// leave says goodbye, once.
func (k *animal) leave() {
	if !k.conn.IsClosed() {
		k.say(bus.SubjectHeartbeat, &wire.Heartbeat{WorkerId: k.id, Leaving: true})
		_ = k.conn.Flush()
		k.conn.Close()
	}
}

// crowd brings a thousand workers in at once.
func (z *zoo) crowd(round int) []*nats.Conn {
	z.t.Helper()
	conns := make([]*nats.Conn, 1000)
	var all sync.WaitGroup
	for i := range conns {
		all.Go(func() {
			conn, err := nats.Connect("nats://"+z.nats, nats.Timeout(20*time.Second))
			if err != nil {
				z.t.Errorf("worker %d of round %d cannot come in: %v", i, round, err)
				return
			}
			conns[i] = conn
			id := fmt.Sprintf("crowd-%d", i)
			_, _ = conn.Subscribe(bus.WorkerJobs(id), func(*nats.Msg) {})
			_ = conn.Publish(bus.SubjectHeartbeat, packet(z.t, &wire.Heartbeat{
				WorkerId: id, Topics: []string{"job.zoo.crowd"}, MaxParallelJobs: 4, Direct: true, ListsJobs: true, Incarnation: rand.Text(),
			}))
			_ = conn.Flush()
		})
	}
	all.Wait()
	return slices.DeleteFunc(conns, func(c *nats.Conn) bool { return c == nil })
}

// animal makes a run of the bad workflow and a connection for who gets its job; it is not registered yet.
func (z *zoo) animal(name, workflow string) *animal {
	z.t.Helper()
	k := &animal{z: z, id: strings.ReplaceAll(name, " ", "-"), jobs: make(chan *wire.JobRequest, 1024)}
	k.conn = z.connect()
	_, err := k.conn.Subscribe(bus.WorkerJobs(k.id), func(m *nats.Msg) {
		var p wire.BusPacket
		if j := p.GetJobRequest; proto.Unmarshal(m.Data, &p) == nil && j() != nil {
			k.mu.Lock()
			k.have = append(k.have, &wire.JobHold{JobId: j().JobId, Token: j().Token})
			k.mu.Unlock()
			select {
			case k.jobs <- p.GetJobRequest():
			default:
			}
		}
	})
	if err == nil {
		err = k.conn.Flush()
	}
	if err != nil {
		z.t.Fatal(err)
	}
	z.t.Cleanup(k.leave)
	k.bad = z.beginRun(workflow)
	return k
}

func (z *zoo) connect() *nats.Conn {
	z.t.Helper()
	conn, err := nats.Connect("nats://" + z.nats)
	if err != nil {
		z.t.Fatal(err)
	}
	z.t.Cleanup(conn.Close)
	return conn
}

// goodRuns starts runs of the good worker and waits until each has succeeded, at the first attempt of each step.
func (z *zoo) goodRuns(n int) {
	z.t.Helper()
	runs := make([]string, n)
	for i := range runs {
		runs[i] = z.beginRun("good")
	}
	for _, run := range runs {
		v := z.settle(run)
		if v.State != "succeeded" {
			z.t.Errorf("a good run %s: %+v", v.State, v.Error)
		}
		for _, s := range v.Steps {
			if s.Attempt != 1 || !strings.Contains(string(s.Output), `"by":"good"`) {
				z.t.Errorf("a good step took %d attempts and gave %s", s.Attempt, s.Output)
			}
		}
	}
}

// settle waits for a run's end.
func (z *zoo) settle(run string) (v runner.RunView) {
	z.t.Helper()
	z.until("run "+run+" ends", func() bool {
		return z.call("GET", "/api/v1/runs/"+run+"?wait=10s&since=1000000", "", nil, &v) == nil && v.EndedAt != nil
	})
	return v
}

// checkAnswers looks for more than one accepted result of an attempt.
func checkAnswers(t *testing.T, p *process, run string) {
	t.Helper()
	ended := 0
	for _, e := range p.timeline(run) {
		if strings.HasPrefix(e.Type, "step_succeeded") || strings.HasPrefix(e.Type, "step_failed") || e.Type == "step_timed_out" {
			ended++
		}
	}
	if ended != 1 {
		t.Errorf("its step ended %d times", ended)
	}
}

// Bounds of what one animal may cost: resident memory, and lines of the server's log. The memory is that of what waits for the
// engine while more comes than a busy machine can read (the bus's own limit is behind it), twice, as the heap grows by
// doubling, and once for what the bus itself has in its hands.
const (
	zooMemory = 3 * bus.MaxPendingBytes
	zooLines  = 60
)

func (z *zoo) remember() { z.before.log, z.before.memory = len(z.logged()), z.memory() }

func (z *zoo) check() {
	z.t.Helper()
	if !z.alive() {
		z.t.Fatal("the server is gone")
	}
	lines := 0
	for line := range strings.Lines(z.logged()[z.before.log:]) {
		var entry struct{ Msg string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "request" {
			continue // the test's own
		}
		if lines++; lines <= 3 {
			z.t.Logf("logged: %.200s", line)
		}
	}
	if lines > zooLines {
		z.t.Errorf("the server logged %d lines", lines)
	}
	z.t.Logf("memory %+d KiB, %d lines", (z.memory()-z.before.memory)>>10, lines)
	if grown := z.memory() - z.before.memory; grown > zooMemory {
		z.t.Errorf("the server's memory grew by %d MiB", grown>>20)
	}
}

// say sends one packet.
func (k *animal) say(subject string, body proto.Message) {
	k.z.t.Helper()
	if err := k.conn.Publish(subject, packet(k.z.t, body)); err != nil {
		k.z.t.Fatal(err)
	}
}

func packet(t *testing.T, body proto.Message) []byte {
	t.Helper()
	p := &wire.BusPacket{ProtocolVersion: 1}
	switch body := body.(type) {
	case *wire.Heartbeat:
		p.Payload = &wire.BusPacket_Heartbeat{Heartbeat: body}
	case *wire.JobResult:
		p.Payload = &wire.BusPacket_JobResult{JobResult: body}
	case *wire.JobProgress:
		p.Payload = &wire.BusPacket_JobProgress{JobProgress: body}
	case *wire.JobLog:
		p.Payload = &wire.BusPacket_JobLog{JobLog: body}
	case *wire.JobReturn:
		p.Payload = &wire.BusPacket_JobReturn{JobReturn: body}
	case *wire.JobBegin:
		p.Payload = &wire.BusPacket_JobBegin{JobBegin: body}
	default:
		t.Fatalf("no packet for %T", body)
	}
	raw, err := proto.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// ask sends one packet and returns how it was answered.
func (k *animal) ask(subject string, body proto.Message) wire.AckCode {
	k.z.t.Helper()
	var reply *nats.Msg
	var err error
	for range 6 { // as every worker does: what it said may have been dropped in a flood
		if reply, err = k.conn.Request(subject, packet(k.z.t, body), 5*time.Second); !errors.Is(err, nats.ErrTimeout) {
			break
		}
	}
	if err != nil {
		k.z.t.Fatalf("not answered: %v", err)
	}
	var p wire.BusPacket
	if err := proto.Unmarshal(reply.Data, &p); err != nil {
		k.z.t.Fatal(err)
	}
	return p.GetAck().GetCode()
}

// beat registers the animal for the bad topic, with all that it was ever given.
func (k *animal) beat() {
	k.mu.Lock()
	have := slices.Clone(k.have)
	k.mu.Unlock()
	k.say(bus.SubjectHeartbeat, &wire.Heartbeat{
		WorkerId: k.id, Topics: []string{"job.zoo.bad"}, MaxParallelJobs: 100, Direct: true, ListsJobs: true, Incarnation: "1", Jobs: have,
	})
}

// job is the next that it is given.
func (k *animal) job() *wire.JobRequest {
	k.z.t.Helper()
	select {
	case j := <-k.jobs:
		return j
	case <-time.After(20 * time.Second):
		k.z.t.Fatal("it got no job")
		return nil
	}
}

func (k *animal) result(j *wire.JobRequest) *wire.JobResult {
	return &wire.JobResult{JobId: j.JobId, Token: j.Token, WorkerId: k.id, Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, Output: []byte(`{"by":"bad"}`)}
}

// done ends the animal's run well.
func (k *animal) done(j *wire.JobRequest) { k.answered(j, k.result(j)) }

// answered ends an attempt with a result that is taken.
func (k *animal) answered(j *wire.JobRequest, res *wire.JobResult) {
	k.z.t.Helper()
	if code := k.ask(j.AnswerSubject, res); code != wire.AckCode_ACK_CODE_OK {
		k.z.t.Errorf("its result is answered %s", code)
	}
}
