package kernel

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"cordum.dev/cordum/safety"
)

// record is decisions that were made.
type record []PastDecision

func (r record) Decisions(_ context.Context, who Who, f PastFilter, visit func(PastDecision) error) error {
	for _, p := range r {
		if p.Tenant != who.Tenant || (f.Workflow != "" && f.Workflow != p.Workflow) {
			continue
		}
		if err := visit(p); err != nil {
			return err
		}
	}
	return nil
}

// decided are the decisions of a run about jobs of topics named after their steps.
func decided(run, workflow string, verdicts ...string) record {
	var r record
	for i, verdict := range verdicts {
		step := fmt.Sprintf("s%d", i)
		r = append(r, PastDecision{
			Tenant: "default", Run: run, Workflow: workflow, Step: step, Job: run + "." + step + "~0",
			Request: safety.Request{Topic: "job." + step}, Verdict: verdict, Rule: "default",
		})
	}
	return r
}

func pastWorld(t *testing.T, past record) *world {
	w := newWorld(t, func(c *Config) { c.Past, c.Default = past, safety.Allow })
	w.put("name: next\nrules:\n" +
		"  - {id: stop, match: {topics: [job.s1]}, decision: DENY, reason: not any more}\n" +
		"  - {id: ask, match: {topics: [job.s0]}, decision: REQUIRE_APPROVAL}\n" +
		"  - {id: slow, match: {topics: [job.s3]}, decision: ALLOW, constraints: [{type: MaxTimeout, value: 5}]}\n")
	return w
}

func TestReplay(t *testing.T) {
	past := append(decided("r2", "deploy", "ALLOW", "ALLOW", "ALLOW", "ALLOW"), decided("r1", "report", "DENY", "DENY", "DENY")...)
	past = append(past, PastDecision{Tenant: "other", Run: "r0", Request: safety.Request{Topic: "job.s1"}, Verdict: "ALLOW"})
	w := pastWorld(t, past)
	r, err := w.Replay(ctx, admin, Candidate{AllDrafts: true}, PastFilter{})
	if err != nil {
		t.Fatal(err)
	}
	want := Counts{Decisions: 7, Same: 2, NewlyDenied: 1, NewlyGated: 1, NewlyAllowed: 1, NewlyConstrained: 1}
	if r.Counts != want || r.Runs != 2 || r.Stopped != 1 {
		t.Errorf("counts %+v, %d runs, %d stopped", r.Counts, r.Runs, r.Stopped)
	}
	if len(r.Changes) != 1 || r.Changes[0].StopsAt != "s1" || r.Changes[0].Rule != "next/stop" || fmt.Sprint(r.Changes[0].Never, r.Changes[0].Asks) != "[s2 s3] [s0]" {
		t.Errorf("runs %+v", r.Changes)
	}
	found := false
	for _, g := range r.Groups {
		if g.Workflow == "deploy" && g.Step == "s1" {
			found = g.NewlyDenied == 1 && g.Rule == "next/stop" && g.Reason == "not any more" && g.Example == "r2.s1~0"
		}
	}
	if !found || len(r.Groups) != 7 {
		t.Errorf("groups %+v", r.Groups)
	}
	if r, err = w.Replay(ctx, admin, Candidate{}, PastFilter{Workflow: "report"}); err != nil || r.NewlyAllowed != 3 || r.Decisions != 3 {
		t.Errorf("by what is in force: %+v, %v", r.Counts, err)
	}
	if acts := w.acts(); acts[len(acts)-1] != ActReplay {
		t.Errorf("acts %v", acts)
	}
}

func TestPublishRefusesWhatWouldDenyTooMuch(t *testing.T) {
	w := pastWorld(t, append(decided("r1", "a", "ALLOW", "ALLOW"), decided("r2", "a", "ALLOW", "ALLOW")...))
	_, err := w.Publish(ctx, admin, Publish{MaxNewlyDenied: ptr(1)})
	wantErr(t, err, ErrNewlyDenied)
	w.want("job.s1", "ALLOW")
	p, err := w.Publish(ctx, admin, Publish{MaxNewlyDenied: ptr(2)})
	if err != nil || p.Replay.NewlyDenied != 2 || p.Replay.NewlyGated != 2 {
		t.Fatalf("%+v, %v", p.Replay, err)
	}
	w.want("job.s1", "DENY")
}

func TestShadow(t *testing.T) {
	w := pastWorld(t, nil)
	if w.Shadow() != nil {
		t.Fatal("a shadow of nothing")
	}
	_, _, err := w.ShadowResults(ctx, admin, PastFilter{})
	wantErr(t, err, ErrNotFound)
	info, err := w.SetShadow(ctx, admin, Candidate{AllDrafts: true})
	if err != nil || w.Shadow().Digest() != info.Digest || w.Snapshot().Digest() == info.Digest {
		t.Fatalf("%+v, %v", info, err)
	}
	past := decided("r1", "a", "ALLOW", "ALLOW", "ALLOW", "ALLOW")
	for i := range past[:3] {
		d := safety.Evaluate(w.Shadow(), past[i].Request)
		past[i].Shadow = d.Verdict.String() + " " + d.Rule + " " + d.Snapshot
	}
	past[3].Shadow = "DENY old/rule " + w.Snapshot().Digest() // of a shadow before
	w.cfg.Past = past
	got, r, err := w.ShadowResults(ctx, admin, PastFilter{})
	if err != nil || got != info || r.Decisions != 3 || r.NewlyDenied != 1 || r.NewlyGated != 1 || r.Same != 1 {
		t.Errorf("%+v, %+v, %v", got, r, err)
	}
	again := openWorld(t, w.docs, func(c *Config) { c.Default = safety.Allow })
	if again.Shadow() == nil || again.Shadow().Digest() != info.Digest || again.Status().Shadow == nil {
		t.Error("the shadow is gone after a start")
	}
	if err := w.ClearShadow(ctx, admin); err != nil || w.Shadow() != nil {
		t.Error(err)
	}
	wantErr(t, w.ClearShadow(ctx, admin), ErrNotFound)
}

func TestCandidates(t *testing.T) {
	w := newWorld(t, nil)
	w.put(bundle("a", "job.a", "ALLOW"))
	w.publish()
	w.put(bundle("a", "job.a", "DENY"))
	w.put(bundle("b", "job.b", "ALLOW"))
	says := func(c Candidate) string {
		t.Helper()
		s, _, err := w.Candidate(ctx, c)
		if err != nil {
			t.Fatal(err)
		}
		a, b := safety.Evaluate(s, safety.Request{Topic: "job.a"}), safety.Evaluate(s, safety.Request{Topic: "job.b"})
		return a.Verdict.String() + " " + b.Verdict.String()
	}
	inline := []Put{{Text: []byte(bundle("c", "job.b", "ALLOW"))}}
	for want, c := range map[string]Candidate{
		"ALLOW DENY": {}, "DENY ALLOW": {AllDrafts: true}, "ALLOW ALLOW": {Drafts: []string{"b"}}, "DENY DENY": {Snapshot: "1"},
	} {
		if got := says(c); got != want {
			t.Errorf("%+v says %s, want %s", c, got, want)
		}
	}
	if got := says(Candidate{Bundles: inline}); got != "ALLOW ALLOW" {
		t.Errorf("laid over what is in force: %s", got)
	}
	if got := says(Candidate{Bundles: inline, Alone: true}); got != "DENY ALLOW" {
		t.Errorf("alone: %s", got)
	}
	for target, c := range map[error]Candidate{
		ErrChoice: {Snapshot: "1", AllDrafts: true}, ErrNotFound: {Drafts: []string{"none"}}, safety.ErrInvalidPolicy: {Bundles: []Put{{Text: []byte("x: 1")}}},
	} {
		if _, _, err := w.Candidate(ctx, c); !errors.Is(err, target) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
