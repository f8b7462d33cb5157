package runner_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store/audit"
	"cordum.dev/cordum/store/faults"
)

// auditKey signs in the tests.
var auditKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))

// audited looks at the whole store: each act has one record, each record its act, and the chains are whole.
func (w *world) audited(heads ...audit.Head) audit.Report {
	w.t.Helper()
	ctx := context.Background()
	if err := runner.CompareLogs(ctx, w.store, func(m runner.LogMismatch) { w.t.Errorf("%+v", m) }); err != nil {
		w.t.Fatal(err)
	}
	with := audit.Against{Heads: heads}
	if len(heads) > 0 {
		with.Key = auditKey.Public().(ed25519.PublicKey)
	}
	src := audit.StoreSource{Reader: w.store}
	if named, ok := w.store.(interface{ ID() string }); ok {
		src.ID = named.ID()
	}
	r, err := audit.Verify(ctx, src, with)
	if err != nil {
		w.t.Fatal(err)
	}
	if !r.OK {
		w.t.Errorf("the chains: %v", r.Findings)
	}
	return r
}

// records are all records of a query, the oldest first.
func (w *world) records(q runner.AuditQuery) []runner.AuditRecord {
	w.t.Helper()
	q.Forward, q.Limit = true, 1000
	records, _, err := w.r.AuditRecords(context.Background(), ann, q)
	if err != nil {
		w.t.Fatal(err)
	}
	return records
}

func said(records []runner.AuditRecord) []string {
	var out []string
	for _, r := range records {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s: %s", r.Actor, r.Act, r.Subject, r.Detail)))
	}
	return out
}

func TestEachActHasItsRecord(t *testing.T) {
	w := newWorld(t)
	w.newWorker("w", succeed, "job.t.work")
	v := w.put(threeSteps)
	run := w.run("three", `{}`)
	w.ended(run)
	want := []string{"user:ann run.start : three " + v.Digest[:12]}
	for _, step := range []string{"a", "b", "c"} {
		want = append(want, "decision "+step, "release "+step+":", "result "+step+": succeeded")
	}
	want = append(want, "system result : succeeded")
	got := said(w.records(runner.AuditQuery{Run: run}))
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.Contains(got[i], want[i]) {
			t.Errorf("record %d is %q, want %q in it", i, got[i], want[i])
		}
	}
	if got := said(w.records(runner.AuditQuery{Act: audit.ConfigChange})); len(got) != 1 || !strings.Contains(got[0], "user:ann config.change workflow three") {
		t.Errorf("of the definition: %q", got)
	}
	w.audited()
}

func TestWhatPeopleDoToARunIsRecordedAsTheirs(t *testing.T) {
	w := newWorld(t)
	w.put(threeSteps)
	run := w.run("three", `{}`)
	cmd := func(c runner.Command) {
		t.Helper()
		by := ann
		by.Reason = "reason-canary"
		if _, err := w.r.Command(context.Background(), by, run, c); err != nil {
			t.Fatal(err)
		}
	}
	cmd(runner.Command{Verb: runner.VerbPause})
	cmd(runner.Command{Verb: runner.VerbPause}) // nothing
	cmd(runner.Command{Verb: runner.VerbResume})
	cmd(runner.Command{Verb: runner.VerbSignal, Signal: "go", Payload: json.RawMessage(`"payload-canary"`)})
	cmd(runner.Command{Verb: runner.VerbCancel, Rollback: true})
	w.ended(run)
	var got []string
	for _, r := range w.records(runner.AuditQuery{Run: run, Actor: "user:ann"}) {
		if r.Act == audit.Override || r.Act == audit.Signal {
			got = append(got, string(r.Act)+" "+r.Detail)
		}
	}
	want := []string{"override pause", "override resume", "signal go", "override cancel with rollback"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if all := strings.Join(said(w.records(runner.AuditQuery{})), "\n"); strings.Contains(all, "payload-canary") {
		t.Errorf("a payload is in the audit log:\n%s", all)
	}
	w.audited()
}

// TestAuditOverFaultsOfTheStore plays workflows over a store that fails on purpose, with stops at any moment: in the end each
// act has one record and each record its act, and the chains are whole.
func TestAuditOverFaultsOfTheStore(t *testing.T) {
	for seed := range seeds(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 4))
				w := stillWorld(t)
				w.cfg.Audit = runner.AuditConfig{Key: auditKey, Every: time.Second}
				under := w.store
				flaky := faults.Wrap(under)
				w.store = flaky
				w.start()
				w.put(kid)
				w.put(randomSaga(rng))
				w.newLedgerWorker(&ledger{begun: map[string]map[string]bool{}, accepted: map[string]int{}})
				for round := range 4 {
					flaky.Plan(faults.Scatter(seed*100+uint64(round), 8, 40, faults.Commit, faults.Get, faults.Scan)...)
					for i := range 3 {
						run := w.startSurely("random", fmt.Sprint(round, i))
						time.Sleep(time.Duration(rng.IntN(2000)) * time.Millisecond)
						w.meddle(rng, run)
					}
					w.halt()
					flaky.Clear()
					w.start()
				}
				time.Sleep(10 * time.Minute)
				heads, _, err := w.r.AuditHeads(context.Background(), ann, true, "", 20)
				if err != nil || len(heads) == 0 {
					t.Fatalf("%d heads: %v", len(heads), err)
				}
				w.audited(heads...)
			})
		})
	}
}

// Heads are taken by themselves when something was recorded, and follow each other.
func TestHeadsAreTakenByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := stillWorld(t)
		w.cfg.Audit = runner.AuditConfig{Key: auditKey}
		w.start()
		w.newWorker("w", succeed, "job.t.work")
		w.put(threeSteps)
		heads := func() []audit.Head {
			all, _, err := w.r.AuditHeads(context.Background(), ann, true, "", 20)
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
		for range 3 {
			w.ended(w.run("three", `{}`))
			time.Sleep(runner.DefaultHeadEvery)
			synctest.Wait() // a head that is due at this very moment is taken
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		all := heads()
		if len(all) != 3 {
			t.Fatalf("%d heads, want 3: one after each run, and none while nothing happens", len(all))
		}
		w.restart()
		w.ended(w.run("three", `{}`))
		time.Sleep(runner.DefaultHeadEvery)
		synctest.Wait()
		all = heads()
		if len(all) != 4 || all[0].Number != 4 || all[0].Previous != all[1].Hash() {
			t.Fatalf("after a restart: %+v", all)
		}
		if r := w.audited(all...); r.Proven == 0 {
			t.Errorf("nothing is proven: %+v", r)
		}
	})
}

// TestRetentionStopsAtALegalHold lets records grow old: they go by segments, but for those under a hold, and what is left
// verifies against a head from before.
func TestRetentionStopsAtALegalHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := stillWorld(t)
		w.cfg.Audit = runner.AuditConfig{Key: auditKey, Keep: 24 * time.Hour}
		w.start()
		w.newWorker("w", succeed, "job.t.work")
		w.put("id: wide\nsteps:\n  - {id: a, topic: job.t.work, effect: none, for_each: \"input.items\"}\n")
		wide := func() string {
			var in bytes.Buffer
			_ = json.NewEncoder(&in).Encode(map[string]any{"items": make([]int, 900)})
			run := w.run("wide", in.String())
			w.ended(run)
			return run
		}
		rows := func(run string) int { return len(w.records(runner.AuditQuery{Run: run})) }
		first := wide()
		hold, err := w.r.SetLegalHold(context.Background(), runner.Caller{Tenant: "default", Actor: "user:ann", Reason: "case 7"}, first)
		if err != nil {
			t.Fatal(err)
		}
		head, err := w.r.TakeAuditHead(context.Background(), ann, true)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(48 * time.Hour)
		wide()
		time.Sleep(time.Hour)
		if rows(first) != 1000 {
			t.Errorf("records under a hold went: %d are left", rows(first))
		}
		if err := w.r.LiftLegalHold(context.Background(), ann, hold.ID); err != nil {
			t.Fatal(err)
		}
		w.ended(w.run("wide", `{"items": [1]}`))
		time.Sleep(time.Hour)
		if rows(first) >= 1000 { // what was held goes a part at a time
			t.Errorf("%d old records are left after the hold", rows(first))
		}
		if got := w.records(runner.AuditQuery{Act: audit.Retention}); len(got) == 0 || got[0].Actor != "system" {
			t.Errorf("removing is not recorded: %v", said(got))
		}
		w.audited(head)
	})
}

func TestEvidence(t *testing.T) {
	w := stillWorld(t)
	w.cfg.Audit = runner.AuditConfig{Key: auditKey}
	w.start()
	w.newWorker("w", succeed, "job.t.work")
	w.put(threeSteps)
	run := w.run("three", `{"secret": "input-canary"}`)
	w.ended(run)
	w.ended(w.run("three", `{}`))
	e, err := w.r.Evidence(context.Background(), ann, run)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte("canary")) {
		t.Error("an input is in the evidence")
	}
	against := audit.Against{Key: auditKey.Public().(ed25519.PublicKey)}
	check := func(raw []byte) audit.EvidenceReport {
		e, err := audit.ReadEvidence(bytes.NewReader(raw))
		if err != nil {
			return audit.EvidenceReport{Findings: []string{err.Error()}}
		}
		return runner.VerifyEvidence(&e, against)
	}
	if r := check(raw); !r.OK || r.Records != 11 || r.Facts != 11 || len(r.Doubts) > 0 {
		t.Fatalf("%+v", r)
	}
	if len(e.Decisions) != 6 || len(e.Effects) != 3 || e.Effects[0].Outcome != "had" {
		t.Errorf("%d decisions, effects %+v", len(e.Decisions), e.Effects)
	}
	for _, change := range [][2]string{
		{`"actor": "user:ann"`, `"actor": "user:bob"`},
		{`"ALLOW`, `"DENY`},
		{`"outcome": "had"`, `"outcome": "none"`},
		{`job.t.work`, `job.t.wor`},
		{`"started_by": "user:ann"`, `"started_by": "user:bob"`},
	} {
		forged := bytes.Replace(raw, []byte(change[0]), []byte(change[1]), 1)
		if bytes.Equal(forged, raw) {
			t.Fatalf("nothing says %s", change[0])
		}
		if check(forged).OK {
			t.Errorf("%s instead of %s passes", change[1], change[0])
		}
	}
	if _, err := w.r.Evidence(context.Background(), runner.Caller{Tenant: "acme", Actor: "user:eve"}, run); err == nil {
		t.Error("another tenant gets it")
	}
	w.audited()
}

// Who signs anew what was changed still cannot make the facts fit their records.
func TestEvidenceOfChangedFacts(t *testing.T) {
	w := stillWorld(t)
	w.cfg.Audit = runner.AuditConfig{Key: auditKey}
	w.start()
	w.newWorker("w", succeed, "job.t.work")
	w.put(threeSteps)
	run := w.run("three", `{}`)
	w.ended(run)
	e, err := w.r.Evidence(context.Background(), ann, run)
	if err != nil {
		t.Fatal(err)
	}
	e.Decisions[0].Event = json.RawMessage(strings.Replace(string(e.Decisions[0].Event), "ALLOW", "DENY", 1))
	if err := e.Sign(audit.NewSigner(auditKey)); err != nil {
		t.Fatal(err)
	}
	if r := runner.VerifyEvidence(&e, audit.Against{}); r.OK {
		t.Error("a decision that its bytes do not say passes")
	}
}

func TestExportIsAnAct(t *testing.T) {
	w := newWorld(t)
	w.put(threeSteps)
	var b bytes.Buffer
	if err := w.r.ExportAudit(context.Background(), ann, &b); err != nil {
		t.Fatal(err)
	}
	src, err := audit.NewFileSource(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	if r, err := audit.Verify(context.Background(), src, audit.Against{}); err != nil || !r.OK || r.Records != 2 {
		t.Errorf("%+v, %v", r, err)
	}
	if !strings.Contains(b.String(), `"act":"export"`) {
		t.Errorf("the export does not say that it was made:\n%s", b.String())
	}
}

// A partition whose chain cannot be read commits nothing: there is no act without its record.
func TestNoActWithoutItsRecord(t *testing.T) {
	w := stillWorld(t)
	flaky := faults.Wrap(w.store)
	w.store = flaky
	w.start()
	flaky.Plan(faults.Fault{Method: faults.Scan, Times: -1, Do: faults.Fail(errors.New("no disk"))})
	if _, err := w.r.PutWorkflow(context.Background(), ann, []byte(threeSteps), runner.FormatYAML); err == nil {
		t.Error("a definition was stored without its record")
	}
	flaky.Clear()
	if all, _, err := w.r.Workflows(context.Background(), ann, runner.Filter{}); err != nil || len(all) > 0 {
		t.Errorf("%d workflows, %v", len(all), err)
	}
	w.put(threeSteps)
	w.audited()
}
