package runner_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
)

// trusting is a world that asks workers who they are.
func trusting(t testing.TB, trust runner.Trust) (*world, *prometheus.Registry) {
	w := stillWorld(t)
	reg := prometheus.NewRegistry()
	w.cfg.Registry, w.cfg.Trust = reg, trust
	w.start()
	return w, reg
}

func (w *world) credential(spec runner.CredentialSpec) string {
	w.t.Helper()
	_, token, err := w.r.CreateWorkerCredential(context.Background(), ann, spec)
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

func (w *world) send(subject string, p *wire.BusPacket) {
	w.t.Helper()
	data, err := proto.Marshal(p)
	if err == nil {
		err = w.bus.Publish(subject, data)
	}
	if err == nil {
		err = w.bus.Flush()
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func beatOf(h *wire.Heartbeat) *wire.BusPacket {
	if h.MaxParallelJobs == 0 {
		h.MaxParallelJobs = 4
	}
	return &wire.BusPacket{Payload: &wire.BusPacket_Heartbeat{Heartbeat: h}}
}

// seen is a worker as the fleet sees it.
func (w *world) seen(worker string) (runner.WorkerView, bool) {
	w.t.Helper()
	all, err := w.r.Workers(context.Background(), ann)
	if err != nil {
		w.t.Fatal(err)
	}
	at := slices.IndexFunc(all, func(v runner.WorkerView) bool { return v.ID == worker })
	if at < 0 {
		return runner.WorkerView{}, false
	}
	return all[at], true
}

// marked sends a heartbeat of another worker behind what was sent, and waits for it: what came before was taken or refused.
func (w *world) marked(subject string, p *wire.BusPacket) {
	w.t.Helper()
	w.send(subject, p)
	mark := "mark" + time.Now().Format("150405.000000000")
	mark = strings.ReplaceAll(mark, ".", "")
	markToken := w.credential(runner.CredentialSpec{Worker: mark, Topics: []string{"job.mark"}})
	w.send(wire.SubjectHeartbeat, beatOf(&wire.Heartbeat{WorkerId: mark, AuthToken: markToken, Topics: []string{"job.mark"}}))
	w.until("the mark is seen", func() bool { _, ok := w.seen(mark); return ok })
}

// TestAttestation: who may come in as which worker, on the subject of all and on its own.
func TestAttestation(t *testing.T) {
	w, reg := trusting(t, runner.Trust{Attestation: runner.Enforce, Workers: []string{"builtin"}})
	topics := []string{"job.x"}
	token := w.credential(runner.CredentialSpec{Worker: "known", Topics: topics})
	other := w.credential(runner.CredentialSpec{Worker: "other", Topics: topics})
	failed := 0.0
	for _, c := range []struct {
		name, subject, body, token string
		packet                     bool // the token is the packet's, not the heartbeat's
		in                         bool
	}{
		{name: "nothing shown", subject: "sys.heartbeat", body: "known"},
		{name: "another's token", subject: "sys.heartbeat", body: "known", token: other},
		{name: "nobody's token", subject: "sys.heartbeat", body: "known", token: bus.WorkerToken("known", "00")},
		{name: "a stranger", subject: "sys.heartbeat", body: "stranger", token: token},
		{name: "another's subject", subject: "sys.heartbeat.other", body: "known", token: token},
		{name: "its own subject, nobody inside", subject: "sys.heartbeat.known", body: "known"},
		{name: "as the server's own worker", subject: "sys.heartbeat", body: "builtin", token: token},
		{name: "the server's own worker", subject: "sys.heartbeat.builtin", body: "builtin", in: true},
		{name: "its token", subject: "sys.heartbeat", body: "known", token: token, in: true},
		{name: "its token in the packet", subject: "sys.heartbeat", body: "other", token: other, packet: true, in: true},
	} {
		p := beatOf(&wire.Heartbeat{WorkerId: c.body, Topics: topics, Incarnation: c.name})
		if c.packet {
			p.AuthToken = c.token
		} else {
			p.GetHeartbeat().AuthToken = c.token
		}
		w.marked(c.subject, p)
		if _, in := w.seen(c.body); in != c.in {
			t.Errorf("%s: in is %v", c.name, in)
		}
		if !c.in {
			failed++
		}
		if got := counted(t, reg, "cordum_worker_attestation_failed_total", ""); got != failed {
			t.Errorf("%s: counted %v, want %v", c.name, got, failed)
		}
	}
}

// TestAttestationWarns: with warn everybody comes in and is counted; with off nobody looks, but a worker still cannot speak on
// another's subject.
func TestAttestationWarns(t *testing.T) {
	for how, want := range map[runner.Enforcement]float64{runner.EnforceWarn: 1, runner.EnforceOff: 0} {
		w, reg := trusting(t, runner.Trust{Attestation: how})
		w.marked("sys.heartbeat", beatOf(&wire.Heartbeat{WorkerId: "w", Topics: []string{"job.x"}}))
		if _, in := w.seen("w"); !in || counted(t, reg, "cordum_worker_attestation_failed_total", "") != want {
			t.Errorf("%s: in %v", how, in)
		}
		w.marked("sys.heartbeat.a", beatOf(&wire.Heartbeat{WorkerId: "b", Topics: []string{"job.x"}}))
		if _, in := w.seen("b"); in {
			t.Errorf("%s: a spoke for b", how)
		}
		if _, in := w.seen("a"); in {
			t.Errorf("%s: who says to be another is taken for itself", how)
		}
		w.marked("sys.heartbeat.c", beatOf(&wire.Heartbeat{Topics: []string{"job.x"}}))
		if _, in := w.seen("c"); !in {
			t.Errorf("%s: the subject does not name the worker", how)
		}
		w.halt()
	}
}

// TestClaimsAreCut: what a worker says of itself beyond its credential is not believed.
func TestClaimsAreCut(t *testing.T) {
	for _, how := range []runner.Enforcement{runner.Enforce, runner.EnforceWarn} {
		w, reg := trusting(t, runner.Trust{Attestation: how})
		token := w.credential(runner.CredentialSpec{
			Worker: "w", Topics: []string{"job.db.*", "job.mail"}, Pools: []string{"db"}, Capabilities: []string{"postgres"},
		})
		claim := func(pool string, topics, capabilities []string) runner.WorkerView {
			w.marked("sys.heartbeat", beatOf(&wire.Heartbeat{WorkerId: "w", AuthToken: token, Pool: pool, Topics: topics, Capabilities: capabilities}))
			v, _ := w.seen("w")
			return v
		}
		v := claim("db", []string{"job.db.one", "job.mail"}, []string{"postgres"})
		if v.Pool != "db" || len(v.Topics) != 2 || len(v.Capabilities) != 1 || counted(t, reg, "cordum_worker_claims_cut_total", "") != 0 {
			t.Errorf("%s: its own claims are cut: %+v", how, v)
		}
		v = claim("other", []string{"job.db.one", "job.db.a.b", "job.>", "job.*", "job.db.>"}, []string{"postgres", "GPU"})
		if how == runner.EnforceWarn {
			if v.Pool != "other" || len(v.Topics) != 5 || len(v.Capabilities) != 2 {
				t.Errorf("warn changes: %+v", v)
			}
		} else if v.Pool != "" || !slices.Equal(v.Topics, []string{"job.db.one"}) || !slices.Equal(v.Capabilities, []string{"postgres"}) {
			t.Errorf("believed: %+v", v)
		}
		if counted(t, reg, "cordum_worker_claims_cut_total", "") != 1 {
			t.Errorf("%s: not counted", how)
		}
		if v = claim("db", nil, nil); how == runner.Enforce && len(v.Topics) != 2 {
			t.Errorf("who names no topics has %v", v.Topics)
		}
		if v = claim("db", []string{"job.secret"}, nil); how == runner.Enforce && (len(v.Topics) != 0 || v.State != "draining") {
			t.Errorf("a worker whose topics are all cut is %+v", v)
		}
		w.halt()
	}
}

// TestReadiness: a worker that lists no jobs gets something only while its handshake is believed.
func TestReadiness(t *testing.T) {
	bubbleReady := func(t *testing.T, w *world) {
		beat := func(native bool) runner.WorkerView {
			w.send("sys.heartbeat", beatOf(&wire.Heartbeat{WorkerId: "w", Topics: []string{"job.a", "job.b"}, ListsJobs: native, Incarnation: time.Now().String()}))
			time.Sleep(time.Second)
			v, _ := w.seen("w")
			return v
		}
		shake := func(topics ...string) {
			w.send("sys.handshake", &wire.BusPacket{Payload: &wire.BusPacket_Handshake{Handshake: &wire.Handshake{
				ComponentId: "w", Role: wire.ComponentRole_COMPONENT_ROLE_WORKER, ReadyTopics: topics,
			}}})
			time.Sleep(time.Second)
		}
		if v := beat(false); v.State != "draining" || len(v.Topics) != 0 {
			t.Errorf("without a handshake: %+v", v)
		}
		shake("job.a", "job.other")
		if v := beat(false); v.State != "alive" || !slices.Equal(v.Topics, []string{"job.a"}) {
			t.Errorf("ready for a: %+v", v)
		}
		if !runner.TopicReady(w.r, "job.other") || runner.TopicReady(w.r, "job.b") {
			t.Error("who is ready for which topic is not known")
		}
		time.Sleep(15 * time.Second)
		if v := beat(false); v.State != "draining" || runner.TopicReady(w.r, "job.other") {
			t.Errorf("long after its handshake: %+v", v)
		}
		if v := beat(true); v.State != "alive" || len(v.Topics) != 2 {
			t.Errorf("a native worker: %+v", v)
		}
	}
	synctestWorld(t, runner.Trust{Readiness: true, ReadinessTTL: 10 * time.Second}, bubbleReady)
}

func TestCredentials(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	token := w.credential(runner.CredentialSpec{Worker: "w-1", Topics: []string{"job.b", "job.a.>", "job.b"}, Pools: []string{"p"}, CAP: true})
	shown := []struct {
		how bus.Credentials
		in  bool
	}{
		{bus.Credentials{User: "w-1", Password: token}, true},
		{bus.Credentials{Token: token}, true},
		{bus.Credentials{User: "w-2", Password: token}, false},
		{bus.Credentials{User: "w-1"}, false},
		{bus.Credentials{Token: strings.ToUpper(token)}, false},
		{bus.Credentials{}, false},
	}
	check := func(is bool) {
		t.Helper()
		for _, s := range shown {
			if p, in := w.r.Worker(s.how); in != (s.in && is) || in && (p.Worker != "w-1" || !p.CAP || !slices.Equal(p.Topics, []string{"job.a.>", "job.b"})) {
				t.Errorf("%+v: %v %+v", s.how, in, p)
			}
		}
	}
	check(true)
	w.restart()
	check(true)
	_, _, err := w.r.CreateWorkerCredential(ctx, ann, runner.CredentialSpec{Worker: "w-1", Topics: []string{"job.b"}})
	is(t, err, runner.ErrConflict)
	_, fresh, err := w.r.RotateWorkerCredential(ctx, ann, "w-1")
	is(t, err, nil)
	check(false)
	if _, in := w.r.Worker(bus.Credentials{Token: fresh}); !in {
		t.Error("the new token is none")
	}
	v, err := w.r.RevokeWorkerCredential(ctx, ann, "w-1")
	if err != nil || v.State != "revoked" || v.RevokedBy != ann.Actor {
		t.Errorf("%+v, %v", v, err)
	}
	if _, in := w.r.Worker(bus.Credentials{Token: fresh}); in {
		t.Error("a revoked token is good")
	}
	_, _, err = w.r.RotateWorkerCredential(ctx, ann, "w-1")
	is(t, err, runner.ErrConflict)
	again, err := w.r.RevokeWorkerCredential(ctx, ann, "w-1")
	if err != nil || !again.RevokedAt.Equal(*v.RevokedAt) {
		t.Errorf("a second time: %+v %v", again, err)
	}
	w.credential(runner.CredentialSpec{Worker: "w-1", Topics: []string{"job.b"}})

	for pointer, spec := range map[string]runner.CredentialSpec{
		"/worker_id":    {Worker: "a.b", Topics: []string{"job.a"}},
		"/topics":       {Worker: "a"},
		"/pools":        {Worker: "a", Topics: []string{"job.a"}, Pools: []string{"*"}},
		"/capabilities": {Worker: "a", Topics: []string{"job.a"}, Capabilities: []string{""}},
	} {
		_, _, err := w.r.CreateWorkerCredential(ctx, ann, spec)
		refusedAs(t, err, "invalid_credential", pointer)
	}
	for _, worker := range []string{"", "*", ">", "a b", "-a", "x.>", strings.Repeat("a", 65), "a/b", "ä"} {
		_, _, err := w.r.CreateWorkerCredential(ctx, ann, runner.CredentialSpec{Worker: worker, Topics: []string{"job.a"}})
		refusedAs(t, err, "invalid_credential", "/worker_id")
	}
	for _, topic := range []string{"", ">", "*", "sys.>", "job", "job.", "job.>.a", "job.a b", "job..a", "$JS.API.>", "job.a ", "job.cordum.notify", "_INBOX.>", "job.a*"} {
		_, _, err := w.r.CreateWorkerCredential(ctx, ann, runner.CredentialSpec{Worker: "x", Topics: []string{topic}})
		refusedAs(t, err, "invalid_credential", "/topics")
	}
	doc, err := w.r.Doc(ctx, "worker.credential", "w-1")
	if err != nil || strings.Contains(string(doc.Value), "cordumw_") {
		t.Errorf("kept: %s %v", doc.Value, err)
	}
}

// synctestWorld plays a story with a clock of its own in a world that asks for trust.
func synctestWorld(t *testing.T, trust runner.Trust, story func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := stillWorld(t)
		w.cfg.Trust = trust
		w.start()
		story(t, w)
	})
}
