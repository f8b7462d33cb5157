package runner_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/safety"
)

// These tests speak to an engine over a real server with real connections: what a worker may not do is kept from it by the
// server's permissions, and what it says of itself is believed only where it is known to be itself.

// site is a world over a real server that asks every worker for a credential of its own.
type site struct {
	*world
	server *bus.Server
}

func newSite(t *testing.T) *site {
	t.Helper()
	server, err := bus.NewServer(bus.ServerConfig{Worker: bus.Credentials{User: "shared", Password: "secret"}, OwnSubjectsOnly: true, Trusted: []string{"builtin"}})
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	own, err := bus.Connect(bus.ConnectConfig{InProcess: server})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = own.Close() })
	r, err := runner.New(runner.Config{
		Owner: "test", Lanes: 1, Policy: safety.NewSnapshot(safety.Allow), Logger: quiet(),
		Trust: runner.Trust{Attestation: runner.Enforce, Workers: []string{"builtin"}, Door: server},
	}, openStore(t, vfs.NewMem()), own)
	if err != nil {
		t.Fatal(err)
	}
	server.Admit(r)
	ctx, cancel := context.WithCancel(context.Background())
	w := &world{t: t, r: r, stop: cancel, done: make(chan error, 1)}
	go func() { w.done <- r.Run(ctx) }()
	t.Cleanup(w.halt)
	w.until("the runner is healthy", func() bool { return r.Health(ctx) == nil })
	return &site{w, server}
}

// guest is a worker on a real connection.
type guest struct {
	s    *site
	id   string
	conn *nats.Conn
	jobs chan *wire.JobRequest
}

// enter makes a worker a credential and lets it in.
func (s *site) enter(spec runner.CredentialSpec) *guest {
	s.t.Helper()
	token := s.credential(spec)
	return s.come(spec.Worker, nats.UserInfo(spec.Worker, token))
}

func (s *site) come(id string, shown nats.Option) *guest {
	s.t.Helper()
	conn, err := nats.Connect(s.server.URL(), shown, nats.CustomInboxPrefix(wire.WorkerInbox(id)), nats.MaxReconnects(2), nats.ReconnectWait(10*time.Millisecond),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(conn.Close)
	g := &guest{s: s, id: id, conn: conn, jobs: make(chan *wire.JobRequest, 16)}
	_, err = conn.Subscribe(wire.SubjectWorkerJobs(id), func(m *nats.Msg) {
		var p wire.BusPacket
		if proto.Unmarshal(m.Data, &p) == nil {
			g.jobs <- p.GetJobRequest()
		}
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return g
}

func (g *guest) say(subject string, p *wire.BusPacket) {
	g.s.t.Helper()
	g.raw(&nats.Msg{Subject: subject, Data: packed(g.s.t, p)})
}

func (g *guest) raw(m *nats.Msg) {
	g.s.t.Helper()
	err := g.conn.PublishMsg(m)
	if err == nil {
		err = g.conn.Flush()
	}
	if err != nil {
		g.s.t.Fatal(err)
	}
}

func packed(t testing.TB, p *wire.BusPacket) []byte {
	t.Helper()
	data, err := proto.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// register says on the worker's own subject what it does, and waits until it is known.
func (g *guest) register(topics ...string) *guest {
	g.s.t.Helper()
	g.say(wire.SubjectWorkerHeartbeat(g.id), beatOf(&wire.Heartbeat{WorkerId: g.id, Topics: topics, Direct: true, ListsJobs: true, Incarnation: "1"}))
	g.s.until(g.id+" is known", func() bool { _, ok := g.s.seen(g.id); return ok })
	return g
}

func (g *guest) next() *wire.JobRequest {
	g.s.t.Helper()
	select {
	case j := <-g.jobs:
		return j
	case <-time.After(g.s.patience()):
		g.s.t.Fatalf("%s got no job", g.id)
		return nil
	}
}

func resultOf(job *wire.JobRequest, token []byte, worker string) *wire.BusPacket {
	return &wire.BusPacket{Payload: &wire.BusPacket_JobResult{JobResult: &wire.JobResult{
		JobId: job.JobId, Token: token, WorkerId: worker, Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, Output: []byte(`{"by":"` + worker + `"}`),
	}}}
}

// TestNobodySpeaksForAnotherWorker: as a native worker, as a CAP worker and with the shared credential: no heartbeat in another's
// name registers it, moves it to another pool, or makes it leave.
func TestNobodySpeaksForAnotherWorker(t *testing.T) {
	s := newSite(t)
	spec := runner.CredentialSpec{Worker: "victim", Topics: []string{"job.v"}, Pools: []string{"gold"}}
	victim := s.enter(spec)
	victim.say("sys.heartbeat.victim", beatOf(&wire.Heartbeat{WorkerId: "victim", Pool: "gold", Topics: []string{"job.v"}, Direct: true, ListsJobs: true, Incarnation: "1"}))
	s.until("the victim is known", func() bool { _, ok := s.seen("victim"); return ok })
	thief := s.enter(runner.CredentialSpec{Worker: "thief", Topics: []string{"job.t"}, CAP: true})
	shared := s.come("victim", nats.UserInfo("shared", "secret"))
	for name, g := range map[string]*guest{"thief": thief, "shared": shared} {
		for _, subject := range []string{"sys.heartbeat", "sys.heartbeat.victim", "sys.heartbeat.thief"} {
			g.say(subject, beatOf(&wire.Heartbeat{WorkerId: "victim", Pool: "lead", Topics: []string{"job.t"}, Incarnation: "2"}))
			g.say(subject, beatOf(&wire.Heartbeat{WorkerId: "victim", Leaving: true}))
			g.say(subject, beatOf(&wire.Heartbeat{WorkerId: "phantom-" + name, Pool: "gold", Topics: []string{"job.v"}}))
			g.say(subject, beatOf(&wire.Heartbeat{WorkerId: "builtin", Topics: []string{"job.v"}}))
		}
	}
	thief.register("job.t", "job.v") // its own word comes behind all of these
	if v, ok := s.seen("victim"); !ok || v.Pool != "gold" || !slices.Equal(v.Topics, []string{"job.v"}) || v.State != "alive" {
		t.Errorf("the victim is %+v", v)
	}
	all, _ := s.r.Workers(context.Background(), ann)
	if len(all) != 2 {
		t.Errorf("known are %+v", all)
	}
	if v, _ := s.seen("thief"); !slices.Equal(v.Topics, []string{"job.t"}) || v.Pool != "" {
		t.Errorf("the thief is %+v", v)
	}
}

// TestNobodyAnswersForAnotherWorker: without the attempt's token a result changes nothing, whatever it says of itself and
// whatever its headers say.
func TestNobodyAnswersForAnotherWorker(t *testing.T) {
	s := newSite(t)
	victim := s.enter(runner.CredentialSpec{Worker: "victim", Topics: []string{"job.v"}}).register("job.v")
	thief := s.enter(runner.CredentialSpec{Worker: "thief", Topics: []string{"job.t"}, CAP: true}).register("job.t")
	s.put("id: wf\nsteps:\n  - {id: a, topic: job.v, idempotent: true}\n")
	run := s.run("wf", `{}`)
	job := victim.next()
	headers := nats.Header{
		"Nats-Msg-Id": {"sys.job.result:" + job.JobId}, "Nats-Request-Info": {`{"acc":"$G","user":"victim"}`},
		"X-Tenant-ID": {"other"}, "Cordum-Worker": {"victim"},
	}
	for _, token := range [][]byte{nil, []byte("0123456789abcdefdefault"), append(slices.Clone(job.Token[:15]), append([]byte{job.Token[15] ^ 1}, job.Token[16:]...)...)} {
		for _, subject := range []string{job.AnswerSubject, "sys.job.result"} {
			thief.raw(&nats.Msg{Subject: subject, Header: headers, Data: packed(t, resultOf(job, token, "victim"))})
		}
	}
	reply, err := thief.conn.Request(job.AnswerSubject, packed(t, resultOf(job, []byte("x"), "thief")), 5*time.Second)
	var ack wire.BusPacket
	if err != nil || proto.Unmarshal(reply.Data, &ack) != nil || ack.GetAck().GetCode() == wire.AckCode_ACK_CODE_OK {
		t.Errorf("answered %v %v", ack.GetAck(), err)
	}
	if v := s.view(run); v.EndedAt != nil {
		t.Fatalf("the thief ended it: %+v", v.Steps)
	}
	// The same message id, and a tenant in a header, keep the true answer from nothing.
	m := &nats.Msg{Subject: job.AnswerSubject, Header: headers, Data: packed(t, resultOf(job, job.Token, "victim"))}
	if _, err := victim.conn.RequestMsg(m, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	v := s.ended(run)
	s.states(v, "a=succeeded")
	if out := s.step(run, "a").Output; string(out) != `{"by":"victim"}` {
		t.Errorf("output %s", out)
	}
}

// TestAnswersGoToInboxesOnly: whoever asks names where the answer goes; the engine, which may publish everywhere, answers nowhere
// but where answers are waited for.
func TestAnswersGoToInboxesOnly(t *testing.T) {
	s := newSite(t)
	asker := s.enter(runner.CredentialSpec{Worker: "asker", Topics: []string{"job.a"}})
	spy, err := bus.Connect(bus.ConnectConfig{InProcess: s.server})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = spy.Close() })
	heard := make(chan string, 64)
	for _, subject := range []string{"sys.>", "worker.>", "job.>", "cordum.jobs.ask", "$JS.>"} {
		if _, err := spy.Subscribe(subject, "", func(m bus.Msg) { heard <- m.Subject }); err != nil {
			t.Fatal(err)
		}
	}
	if err := spy.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, reply := range []string{"sys.policy.reload", "sys.job.cancel", "worker.victim.jobs", "job.a", "cordum.jobs.ask", "$JS.API.STREAM.DELETE.CORDUM_JOBS", "cordum.part.00"} {
		for _, data := range [][]byte{[]byte("garbage"), packed(t, resultOf(&wire.JobRequest{JobId: "none"}, nil, "asker"))} {
			asker.raw(&nats.Msg{Subject: bus.Part(0), Reply: reply, Data: data})
		}
	}
	// What comes behind all of these is answered: the engine has read them.
	if _, err := asker.conn.Request(bus.Part(0), []byte("garbage"), 5*time.Second); err != nil {
		t.Fatal(err)
	}
	if err := spy.Flush(); err != nil {
		t.Fatal(err)
	}
	select {
	case subject := <-heard:
		t.Errorf("the engine spoke on %s", subject)
	default:
	}
}

// TestSubmitSubjectIsNobodysDoor: a job comes by the API, through policy, and no other way.
func TestSubmitSubjectIsNobodysDoor(t *testing.T) {
	s := newSite(t)
	g := s.enter(runner.CredentialSpec{Worker: "w", Topics: []string{"job.a"}, CAP: true}).register("job.a")
	packet := &wire.BusPacket{Payload: &wire.BusPacket_JobRequest{JobRequest: &wire.JobRequest{JobId: "j1", Topic: "job.a", TenantId: "default"}}}
	for _, subject := range []string{"sys.job.submit", "job.a", "worker.w.jobs", bus.Part(0), "sys.job.result"} {
		g.say(subject, packet)
	}
	if _, err := g.conn.Request(bus.Part(0), []byte("garbage"), 5*time.Second); err != nil {
		t.Fatal(err)
	}
	jobs, _, err := s.r.Jobs(context.Background(), ann, runner.Filter{})
	if err != nil || len(jobs) != 0 || len(g.jobs) != 0 {
		t.Errorf("jobs %v %v, at the worker %d", jobs, err, len(g.jobs))
	}
}

// TestRevokedInTheMiddleOfAJob: the worker is out when the revocation is answered, its job runs elsewhere without waiting for its
// lease, and nothing that it still says counts.
func TestRevokedInTheMiddleOfAJob(t *testing.T) {
	s := newSite(t)
	first := s.enter(runner.CredentialSpec{Worker: "first", Topics: []string{"job.v"}}).register("job.v")
	s.put("id: wf\nsteps:\n  - {id: a, topic: job.v, idempotent: true, retry: {max_attempts: 3, initial: 10ms}}\n")
	run := s.run("wf", `{}`)
	job := first.next()
	second := s.enter(runner.CredentialSpec{Worker: "second", Topics: []string{"job.v"}}).register("job.v")

	began := time.Now()
	if _, err := s.r.RevokeWorkerCredential(context.Background(), ann, "first"); err != nil {
		t.Fatal(err)
	}
	again := second.next()
	if again.JobId == job.JobId || string(again.Token) == string(job.Token) || time.Since(began) > 5*time.Second {
		t.Errorf("the second got %s after %v", again.JobId, time.Since(began))
	}
	s.until("the first is out for good", first.conn.IsClosed)
	// Somebody else who got hold of the old token changes nothing with it.
	if reply, err := second.conn.Request(job.AnswerSubject, packed(t, resultOf(job, job.Token, "first")), 5*time.Second); err != nil || !strings.Contains(reply.Subject, "_INBOX.second") {
		t.Errorf("no answer: %v", err)
	}
	if v := s.view(run); v.EndedAt != nil {
		t.Fatalf("the old answer counted: %+v", v.Steps)
	}
	if _, err := second.conn.Request(again.AnswerSubject, packed(t, resultOf(again, again.Token, "second")), 5*time.Second); err != nil {
		t.Fatal(err)
	}
	s.states(s.ended(run), "a=succeeded")
	if out := s.step(run, "a").Output; string(out) != `{"by":"second"}` {
		t.Errorf("output %s", out)
	}
}
