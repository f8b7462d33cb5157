package runner_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
)

const askingFlow = `{"id":"asking","steps":[{"id":"gate","type":"approval","title":"Go?","approvers":["role:sre"],"quorum":2}]}`

// Whoever tells people hears of an approval when it is committed, finds it again after a restart, and what became of its
// messages is kept beside it.
func TestWhoWasTold(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(askingFlow)
		run := w.run("asking", `{}`)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		asked, all, err := w.r.Asked(ctx)
		want := runner.OpenApproval{Tenant: "default", ID: run + ".gate~0"}
		if err != nil || all || len(asked) != 1 || asked[0] != want {
			t.Fatalf("asked %+v, %v, %v", asked, all, err)
		}
		q, err := w.r.Question(ctx, want)
		if err != nil || q.Title != "Go?" || q.Round != 1 || q.Needs[0].Quorum != 2 {
			t.Fatalf("question %+v, %v", q, err)
		}
		for _, d := range []runner.Delivery{
			{Round: 1, Channel: "slack", State: "retrying", Attempts: 1, Error: "away"},
			{Round: 1, Channel: "slack", State: "delivered", Attempts: 2},
			{Round: 1, Channel: "email", To: "zoe@example.com", State: "delivered", Attempts: 1},
		} {
			if err := w.r.SaveDelivery(ctx, want, d); err != nil {
				t.Fatal(err)
			}
		}

		w.restart()
		var open []runner.OpenApproval
		if err := w.r.OpenApprovals(ctx, func(a runner.OpenApproval) bool { open = append(open, a); return true }); err != nil || len(open) != 1 || open[0] != want {
			t.Fatalf("open %+v, %v", open, err)
		}
		told, err := w.r.Deliveries(ctx, ann, want.ID)
		if err != nil || len(told) != 2 || told[0].To != "zoe@example.com" || told[1].Attempts != 2 {
			t.Fatalf("told %+v, %v", told, err)
		}
		if _, err := w.r.Deliveries(ctx, runner.Caller{Tenant: "default", Actor: "user:eve"}, want.ID); !errors.Is(err, runner.ErrNotFound) {
			t.Errorf("eve: %v", err)
		}
		if _, err := w.r.Deliveries(ctx, runner.Caller{Tenant: "acme", Actor: "user:ann"}, want.ID); !errors.Is(err, runner.ErrNotFound) {
			t.Errorf("another tenant: %v", err)
		}
		w.command(run, runner.VerbCancel)
		if _, err := w.r.Question(ctx, want); !errors.Is(err, runner.ErrConflict) {
			t.Errorf("what was cancelled: %v", err)
		}
	})
}
