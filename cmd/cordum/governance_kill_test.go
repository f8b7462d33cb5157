package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
	"cordum.dev/cordum/store/audit"
	"cordum.dev/cordum/store/pebble"
)

// These tests kill the real server while people decide and while policies are published. What was sent is read from the worker's
// own ledger; the audit log is checked in the folder, without a server, against a head of what it was before.

const (
	askTwo = `
name: ask
rules:
  - id: two
    match: {topics: [job.kill.work]}
    decision: REQUIRE_APPROVAL
    approval: {approvers: ["role:sre"], quorum: 2, four_eyes: true}
`
	denyWork      = "name: deny\nrules: [{id: never, match: {topics: [job.kill.work]}, decision: DENY}]\n"
	askedWorkflow = "id: asked\nsteps:\n  - {id: a, topic: job.kill.work}\n  - {id: b, topic: job.kill.fast, effect: none, depends_on: [a]}\n"
)

// publish drafts a bundle and publishes it; an error says that nobody knows whether it was.
func (p *process) publish(bundle string) error {
	if err := p.call("POST", "/api/v1/policy/bundles", "application/yaml", []byte(bundle), nil); err != nil && !strings.Contains(err.Error(), "409") {
		return err
	}
	return p.call("POST", "/api/v1/policy/publish", "application/json", []byte(`{"reason": "for the test"}`), nil)
}

func (p *process) mustPublish(bundle string) {
	p.t.Helper()
	if err := p.publish(bundle); err != nil {
		p.t.Fatal(err)
	}
}

// answer has somebody approve everything that waits. What is refused, or does not come through, is tried by the next call.
func (p *process) answer(who string) {
	var page struct {
		Items []runner.ApprovalView `json:"items"`
	}
	if p.call("GET", "/api/v1/approvals?state=waiting", "", nil, &page) != nil {
		return
	}
	for _, a := range page.Items {
		req, err := http.NewRequest("POST", "http://"+p.addr+"/api/v1/approvals/"+a.ID+"/decide", strings.NewReader(`{"decision": "approve"}`))
		if err != nil {
			p.t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Principal-Id", who)
		req.Header.Set("X-Principal-Role", "approver,sre")
		if res, err := http.DefaultClient.Do(req); err == nil {
			_ = res.Body.Close()
		}
	}
}

// books are the audit log of a server that is not running, from one look to the next.
type books struct {
	key  ed25519.PrivateKey
	head *audit.Head
}

func newBooks() *books {
	return &books{key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))}
}

// check follows every chain in the folder, compares it with what it was, and remembers what it is.
func (b *books) check(p *process) {
	p.t.Helper()
	s, err := pebble.Open(pebble.Config{Dir: filepath.Join(p.dir, "data"), ReadOnly: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		p.t.Fatal(err)
	}
	defer s.Close()
	with := audit.Against{Key: b.key.Public().(ed25519.PublicKey)}
	if b.head != nil {
		with.Heads = []audit.Head{*b.head}
	}
	report, err := audit.Verify(context.Background(), audit.StoreSource{Reader: s, ID: s.ID()}, with)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, f := range report.Findings {
		p.t.Errorf("audit log after a kill: %s", f)
	}
	head, err := audit.TakeHead(context.Background(), s, audit.NewSigner(b.key), s.ID(), b.head, time.Now())
	if err != nil {
		p.t.Fatal(err)
	}
	b.head = &head
}

// startAll starts a run of a workflow some times; those are answered that were acknowledged.
func (p *process) startAll(workflow string, times int) (acked []string) {
	for range times {
		var s runner.Started
		if p.call("POST", "/api/v1/workflows/"+workflow+"/runs", "application/json", []byte(`{}`), &s) == nil {
			acked = append(acked, s.RunID)
		}
	}
	return acked
}

// settled answers a run that is over, or nil.
func (p *process) settled(run string) *runner.RunView {
	var v runner.RunView
	if p.call("GET", "/api/v1/runs/"+run, "", nil, &v) != nil || !gateway.Settled(&v) {
		return nil
	}
	return &v
}

// begun counts how often each run's steps were begun.
func begun(t *testing.T, ledger string) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, e := range readLedger(t, ledger) {
		if e.Phase == "begin" {
			out[e.Run+"."+e.Step]++
		}
	}
	return out
}

// TestKilledWhilePeopleDecide lets the server die when a decision is not durable, when a release is not sent, between two votes
// and behind the last one, again and again. Two people have to let each run's first step start: in the end they did, once, and
// each step was done once.
func TestKilledWhilePeopleDecide(t *testing.T) {
	places := make(chan struct{}, 2)
	for _, point := range []string{runner.CrashDecided, runner.CrashCommitted, runner.CrashApproved} {
		for _, nth := range []int{1, 2, 3, 4} {
			t.Run(fmt.Sprintf("%s_%d", point, nth), func(t *testing.T) {
				t.Parallel()
				places <- struct{}{}
				defer func() { <-places }()
				killWhileDeciding(t, point, nth)
			})
		}
	}
}

func killWhileDeciding(t *testing.T, point string, nth int) {
	p, audited := newProcess(t), newBooks()
	p.tags = "crashtest"
	p.start()
	ledger := p.startWorker()
	p.mustPublish(askTwo)
	if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(askedWorkflow), nil); err != nil {
		t.Fatal(err)
	}
	p.kill()
	audited.check(p)

	p.launch(fmt.Sprintf("CORDUM_TEST_CRASH=%s:%d", point, nth))
	var acked []string
	for deadline := time.Now().Add(20 * time.Second); p.alive(); time.Sleep(10 * time.Millisecond) { // the pace of people
		if time.Now().After(deadline) {
			t.Fatalf("%s was not passed %d times", point, nth)
		}
		if len(acked) < 3 {
			acked = append(acked, p.startAll("asked", 1)...)
		}
		p.answer("ann")
		p.answer("dev") // who asked: refused
		p.answer("bob")
	}
	p.kill()
	audited.check(p)
	p.start()
	if acked = append(acked, p.startAll("asked", 1)...); len(acked) == 0 {
		t.Fatal("no start was acknowledged")
	}
	for _, run := range acked {
		p.until("run "+run+" is over", func() bool {
			p.answer("bob")
			p.answer("ann")
			v := p.settled(run)
			if v != nil && v.State != "succeeded" {
				t.Errorf("run %s is %s: %+v", run, v.State, v.Error)
			}
			return v != nil
		})
		events := p.timeline(run)
		checkSeq(t, events)
		checkLeave(t, run, events)
	}
	did := begun(t, ledger)
	for _, run := range acked {
		for _, step := range []string{"a", "b"} {
			if n := did[run+"."+step]; n != 1 {
				t.Errorf("step %s of run %s was begun %d times", step, run, n)
			}
		}
	}
	p.kill()
	audited.check(p)
}

// checkLeave reads in a run's history that its first step was let start by two people, who did not ask, before it was sent, and
// that their leave was used up once.
func checkLeave(t *testing.T, run string, events []runner.Event) {
	t.Helper()
	people, approved, used, sent := map[any]bool{}, 0, 0, 0
	for _, e := range events {
		if e.Step != "a" {
			continue
		}
		switch e.Type {
		case "approval_voted":
			people[e.Data["by"]] = true
		case "approval_approved":
			approved++
		case "approval_consumed":
			used++
		case "job_dispatched", "job_running":
			if sent++; used != 1 || approved != 1 {
				t.Errorf("run %s: a was sent when it was approved %d times and that used %d times", run, approved, used)
			}
		}
	}
	if !people["user:ann"] || !people["user:bob"] || len(people) != 2 || sent == 0 || used != 1 {
		t.Errorf("run %s: a was let start by %v, used %d times, sent %d times", run, people, used, sent)
	}
}

// TestKilledWhilePublishing lets the server die in the middle of the publish of a policy that denies what is about to be sent: at
// the place where it is durable and nothing has looked at it, and at random moments. What it denies is not sent from then on.
func TestKilledWhilePublishing(t *testing.T) {
	random := rand.New(rand.NewPCG(20, 20))
	t.Run("durable", func(t *testing.T) {
		t.Parallel()
		killWhilePublishing(t, "CORDUM_TEST_CRASH="+runner.CrashPublished+":1", -1)
	})
	for i := range rounds(6) {
		pause := time.Duration(random.IntN(12_000)) * time.Microsecond
		t.Run(fmt.Sprint("moment ", i), func(t *testing.T) {
			t.Parallel()
			killWhilePublishing(t, "CORDUM_TEST_CRASH=", pause)
		})
	}
}

func killWhilePublishing(t *testing.T, env string, pause time.Duration) {
	p, audited := newProcess(t), newBooks()
	p.tags = "crashtest"
	p.start()
	if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(askedWorkflow), nil); err != nil {
		t.Fatal(err)
	}
	runs := p.startAll("asked", 5) // there is no worker: they wait, released
	p.kill()
	p.start(env)
	published := make(chan error, 1)
	go func() { published <- p.publish(denyWork) }()
	if pause >= 0 {
		time.Sleep(pause) // some moment
		p.kill()
	}
	err := <-published
	p.kill()
	audited.check(p)
	if err == nil && pause < 0 {
		t.Fatal("the server outlived the publish")
	}
	p.start()
	var active struct {
		Version int `json:"version"`
	}
	if failed := p.call("GET", "/api/v1/policy/active", "", nil, &active); failed != nil {
		t.Fatal(failed)
	}
	if active.Version < 2 && (err == nil || pause < 0) {
		t.Errorf("version %d is in force, and the publish of the next one was durable", active.Version)
	}
	if active.Version < 2 {
		p.mustPublish(denyWork)
	}
	ledger := p.startWorker()
	for _, run := range runs {
		var v *runner.RunView
		p.until("run "+run+" is over", func() bool { v = p.settled(run); return v != nil })
		if v.State != "failed" || v.Steps[0].State != "denied" {
			t.Errorf("run %s is %s, its step %s", run, v.State, v.Steps[0].State)
		}
		checkSeq(t, p.timeline(run))
	}
	if did := begun(t, ledger); len(did) > 0 {
		t.Errorf("the policy denies it, and it was sent: %v", did)
	}
	p.kill()
	audited.check(p)
}
