package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/engine/runner"
)

// asking is a workflow that waits for a person, then for a moment.
const asking = `{"id":"ask","steps":[{"id":"may","type":"approval","title":"May it?"},{"id":"nap","type":"delay","for":"1ms","depends_on":["may"]}]}`

// napping is a workflow that ends by itself.
const napping = `{"id":"nap","steps":[{"id":"a","type":"delay","for":"1ms"}]}`

func (w *site) put(source string) {
	w.t.Helper()
	if _, err := w.client.PutWorkflow(within(w.t), ann, []byte(source), runner.FormatAuto); err != nil {
		w.t.Fatal(err)
	}
}

func (w *site) run(workflow string) string {
	w.t.Helper()
	s, err := w.client.Start(within(w.t), ann, runner.StartRequest{Workflow: workflow})
	if err != nil {
		w.t.Fatal(err)
	}
	return s.RunID
}

// ended waits until a run has ended.
func (w *site) ended(run string) runner.RunView {
	w.t.Helper()
	v, err := w.client.View(within(w.t), ann, run)
	for err == nil && v.EndedAt == nil {
		v, err = w.client.WaitRun(within(w.t), ann, run, v.Seq)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// TestCallsOverTheBus plays what a person does through a client without an engine: alone, and over three engines.
func TestCallsOverTheBus(t *testing.T) {
	for _, n := range []int{0, 3} {
		t.Run(fmt.Sprintf("%d peers", n), func(t *testing.T) {
			w := newSite(t, n)
			ctx := within(t)
			w.put(asking)
			run := w.run("ask")
			var v runner.RunView
			w.until("the approval waits", func() bool {
				var err error
				if v, err = w.client.View(ctx, ann, run); err != nil {
					t.Fatal(err)
				}
				return len(v.Steps) > 0 && v.Steps[0].State == "waiting"
			})
			list, _, err := w.client.Approvals(ctx, ann, runner.Filter{})
			if err != nil || len(list) != 1 {
				t.Fatalf("%d approvals, %v", len(list), err)
			}
			ben := runner.Caller{Tenant: "default", Actor: "user:ben", Roles: []string{"approver"}}
			if _, err := w.client.Decide(ctx, ben, list[0].ID, runner.Decision{Approve: true}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.client.Decide(ctx, ben, list[0].ID, runner.Decision{Approve: false}); !errors.Is(err, runner.ErrConflict) {
				t.Fatalf("a second answer: %v", err)
			}
			if v := w.ended(run); v.State != "succeeded" {
				t.Fatalf("it is %s", v.State)
			}
			w.reads(run)
			w.jobs()
			w.locks()
			w.documents()
		})
	}
}

// reads looks at a run that has ended in every way there is.
func (w *site) reads(run string) {
	t, ctx := w.t, within(w.t)
	t.Helper()
	events, _, err := w.client.Timeline(ctx, ann, run, 0, 100)
	if err != nil || len(events) < 5 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	steps := 0
	err = w.client.Inspect(ctx, ann, run, func(r *engine.Run, facts []runner.EngineFact) error {
		steps = len(facts)
		if r.ID != run || r.State != engine.RunSucceeded {
			t.Errorf("inspected run %s is %s", r.ID, r.State)
		}
		return nil
	})
	if err != nil || steps == 0 {
		t.Fatalf("%d facts, %v", steps, err)
	}
	var log bytes.Buffer
	if err := w.client.ExportAudit(ctx, ann, &log); err != nil || !bytes.Contains(log.Bytes(), []byte(run)) {
		t.Fatalf("the export has %d bytes, %v", log.Len(), err)
	}
	if report, err := w.client.VerifyAudit(ctx, ann); err != nil || len(report.Findings) > 0 {
		t.Fatalf("audit log: %+v, %v", report, err)
	}
	if rows, _, err := w.client.Runs(ctx, ann, runner.Filter{Workflow: "ask"}); err != nil || len(rows) != 1 {
		t.Fatalf("%d runs, %v", len(rows), err)
	}
	if _, err := w.client.View(ctx, runner.Caller{Tenant: "other", Actor: "user:eve"}, run); !errors.Is(err, runner.ErrNotFound) {
		t.Fatalf("another tenant's: %v", err)
	}
	again, err := w.client.Rerun(ctx, ann, run)
	if err != nil || again.RunID == run {
		t.Fatalf("rerun %+v, %v", again, err)
	}
	forked, err := w.client.Fork(ctx, ann, run, runner.ForkRequest{From: "nap"})
	if err != nil || w.ended(forked.RunID).State != "succeeded" {
		t.Fatalf("fork %+v, %v", forked, err)
	}
	if _, err := w.client.Start(ctx, ann, runner.StartRequest{Workflow: "ask", Input: json.RawMessage(`{`)}); err == nil {
		t.Fatal("half an input was taken")
	} else if invalid := (*runner.InvalidError)(nil); !errors.As(err, &invalid) || invalid.Code != "invalid_input" {
		t.Fatalf("half an input: %v", err)
	}
}

// jobs submits one under a key, and finds it.
func (w *site) jobs() {
	t, ctx := w.t, within(w.t)
	t.Helper()
	req := runner.JobRequest{Topic: "job.x", Input: json.RawMessage(`{"n":1}`), IdempotencyKey: "k1"}
	first, replayed, err := w.client.Submit(ctx, ann, req)
	if err != nil || replayed {
		t.Fatalf("replayed: %v, %v", replayed, err)
	}
	second, replayed, err := w.client.Submit(ctx, ann, req)
	if err != nil || !replayed || second.ID != first.ID {
		t.Fatalf("%s is not %s, replayed: %v, %v", second.ID, first.ID, replayed, err)
	}
	seen, err := w.client.Seen(ctx, ann, "k1")
	if err != nil || seen.RunID != first.RunID {
		t.Fatalf("seen %+v, %v", seen, err)
	}
	if v, err := w.client.CancelJob(ctx, ann, first.ID); err != nil || v.ID != first.ID {
		t.Fatalf("cancelled %+v, %v", v, err)
	}
}

// locks takes a few and lists them a page at a time.
func (w *site) locks() {
	t, ctx := w.t, within(w.t)
	t.Helper()
	for i := range 7 {
		if _, err := w.client.AcquireLock(ctx, ann, runner.LockRequest{Name: fmt.Sprintf("db-%d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	for cursor, page := "", 0; page == 0 || cursor != ""; page++ {
		locks, next, err := w.client.Locks(ctx, ann, "db-", cursor, 3)
		if err != nil || len(locks) > 3 {
			t.Fatalf("%d locks, %v", len(locks), err)
		}
		for _, l := range locks {
			names = append(names, l.Name)
		}
		cursor = next
	}
	if got := strings.Join(names, " "); got != "db-0 db-1 db-2 db-3 db-4 db-5 db-6" {
		t.Fatalf("locks %s", got)
	}
	if v, err := w.client.ReleaseLock(ctx, ann, runner.LockRequest{Name: "db-3"}); err != nil || v.State != "free" {
		t.Fatalf("released %+v, %v", v, err)
	}
}

// documents writes one larger than a message, and a hold.
func (w *site) documents() {
	t, ctx := w.t, within(w.t)
	t.Helper()
	large := bytes.Repeat([]byte("0123456789abcdef"), (maxPart+1000)/16)
	err := w.client.ChangeDocs(ctx, ann, "config.change", "large", runner.DocChange{Kind: "test", Name: "large", Value: large})
	if invalid := (*runner.InvalidError)(nil); err != nil && !errors.As(err, &invalid) {
		t.Fatal(err)
	}
	small := large[:1000]
	if err := w.client.ChangeDocs(ctx, ann, "config.change", "small", runner.DocChange{Kind: "test", Name: "small", Value: small}); err != nil {
		t.Fatal(err)
	}
	if d, err := w.client.Doc(ctx, "test", "small"); err != nil || !bytes.Equal(d.Value, small) {
		t.Fatalf("document of %d bytes, %v", len(d.Value), err)
	}
	h, err := w.client.SetHold(ctx, runner.Caller{Tenant: "default", Actor: "user:ann", Reason: "stop"}, runner.Hold{Scope: "tenant", Name: "default", Reason: "stop"})
	if err != nil {
		t.Fatal(err)
	}
	if on, err := w.client.Holds(ctx, ann); err != nil || len(on) != 1 || on[0].ID != h.ID {
		t.Fatalf("holds %+v, %v", on, err)
	}
	if err := w.client.LiftHold(ctx, ann, h.ID); err != nil {
		t.Fatal(err)
	}
}

// TestLargeAnswers carries a run whose input is larger than a message.
func TestLargeAnswers(t *testing.T) {
	w := newSite(t, 0)
	w.put(napping)
	input := json.RawMessage(`{"text":"` + strings.Repeat("é", maxPart) + `"}`)
	s, err := w.client.Start(within(t), ann, runner.StartRequest{Workflow: "nap", Input: input})
	if err != nil {
		t.Fatal(err)
	}
	if v := w.ended(s.RunID); !bytes.Equal(v.Input, input) {
		t.Fatalf("an input of %d bytes came back as %d", len(input), len(v.Input))
	}
}

// TestWaitRunEndsWithItsContext answers a run as it is when nothing happens in time.
func TestWaitRunEndsWithItsContext(t *testing.T) {
	w := newSite(t, 0)
	w.put(asking)
	run := w.run("ask")
	var seq uint64
	w.until("nothing happens any more", func() bool {
		v, err := w.client.View(within(t), ann, run)
		if err != nil {
			t.Fatal(err)
		}
		same := v.Seq == seq && v.State == "waiting"
		seq = v.Seq
		return same
	})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	v, err := w.client.WaitRun(ctx, ann, run, seq)
	if err != nil || v.ID != run || v.Seq != seq {
		t.Fatalf("run %s at %d, %v", v.ID, v.Seq, err)
	}
}

// TestNobodyThere says so in time.
func TestNobodyThere(t *testing.T) {
	w := newSite(t, 0)
	w.put(napping)
	w.engines[0].stop()
	<-w.engines[0].done
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := w.client.Start(ctx, ann, runner.StartRequest{Workflow: "nap"})
	if unknown := (*runner.UnknownError)(nil); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, runner.ErrNotTaken) || errors.As(err, &unknown) {
		t.Fatalf("%v", err)
	}
	if err := w.client.Health(t.Context()); !errors.Is(err, runner.ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("health: %v", err)
	}
}

// TestReadsDoNotWaitForNobody: a read is refused soon when there is no engine at all, by an error that says so.
func TestReadsDoNotWaitForNobody(t *testing.T) {
	t.Parallel()
	w := newSite(t, 1)
	if _, err := w.client.Holds(t.Context(), ann); err != nil {
		t.Fatal(err)
	}
	w.engines[0].stop()
	<-w.engines[0].done
	begun := time.Now()
	_, err := w.client.Holds(t.Context(), ann)
	if !errors.Is(err, runner.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > defaultDeadline/2 {
		t.Fatalf("after %v: %v", time.Since(begun), err)
	}
}
