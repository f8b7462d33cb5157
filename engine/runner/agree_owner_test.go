package runner_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/audit"
)

const onceWorkflow = "id: wf\nsteps:\n  - {id: deploy, topic: job.deploy, retry: {max_attempts: 1}}\n"

// TestTheAuditLogIsWholeAfterManyOwners: partitions that three engines owned in turn have chains without a gap or a doubled number,
// and one head of all of them.
func TestTheAuditLogIsWholeAfterManyOwners(t *testing.T) {
	crewed(t, 2, func(t *testing.T, c *crew) {
		lead := c.leader()
		lead.put(oneJob)
		lead.mustPublish("job.deploy", "ALLOW")
		lead.counting("job.deploy", nil)
		work := func() {
			for _, m := range c.all {
				if m.r.Health(context.Background()) != nil {
					continue
				}
				for range 5 {
					if v := m.ended(m.starts()); v.State != "succeeded" {
						t.Errorf("a run at %s is %s", m.name, v.State)
					}
				}
			}
		}
		work()
		c.join() // partitions come to it, and come back
		c.shared()
		work()
		c.all[0].end()
		c.all[2].until("two own everything", func() bool { return owned(c.all[1])+owned(c.all[2]) == c.all[1].r.Partitions() })
		work()
		c.all[1].end()
		c.all[2].until("one owns everything", func() bool { return owned(c.all[2]) == c.all[2].r.Partitions() })
		work()
		head, err := c.all[2].r.TakeAuditHead(context.Background(), ann, true)
		if err != nil {
			t.Fatal(err)
		}
		(&world{t: t, store: c.store}).audited(head)
		var says []string
		if err := runner.CheckStore(context.Background(), c.store, func(s string) { says = append(says, s) }); err != nil || len(says) > 0 {
			t.Errorf("the store is not sound: %q, %v", says, err)
		}
	}, func(cfg *runner.Config) { cfg.Audit.Key = auditKey })
}

func owned(m *mate) (n int) {
	for p := range m.r.Partitions() {
		if m.r.Owns(p) {
			n++
		}
	}
	return n
}

// TestALegalHoldKeepsWhatOthersOwn: each engine removes old records of its own partitions, by the heads of the one that leads, and
// none that is held.
func TestALegalHoldKeepsWhatOthersOwn(t *testing.T) {
	crewed(t, 2, func(t *testing.T, c *crew) {
		lead, ctx := c.leader(), context.Background()
		lead.put("id: wf\nsteps:\n  - {id: a, topic: job.a, effect: none, for_each: \"input.items\"}\n")
		lead.mustPublish("job.a", "ALLOW")
		lead.counting("job.a", nil)
		items := `{"items": [` + strings.Repeat("0,", 499) + `0]}`
		runs := map[*mate]string{}
		for _, m := range c.all {
			runs[m] = m.run("wf", items)
			m.ended(runs[m])
		}
		cut := func(m *mate) bool {
			part, err := id.Partition(runs[m])
			if err != nil {
				t.Fatal(err)
			}
			rec, err := c.store.Get(ctx, store.Partition(part), audit.CutKey(ann.Tenant))
			if err != nil {
				t.Fatal(err)
			}
			at, err := audit.ReadCut(rec.Value)
			if err != nil {
				t.Fatal(err)
			}
			return at.First > 1
		}
		by := ann
		by.Reason = "a case"
		h, err := lead.r.SetLegalHold(ctx, by, "")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Minute)
		for _, m := range c.all {
			if cut(m) {
				t.Errorf("engine %s removed records that are held", m.name)
			}
		}
		if err := lead.r.LiftLegalHold(ctx, ann, h.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		for _, m := range c.all {
			if !cut(m) {
				t.Errorf("engine %s removed nothing of its own", m.name)
			}
		}
		if report, err := lead.r.VerifyAudit(ctx, ann); err != nil || !report.OK {
			t.Errorf("the audit log: %v, %+v", err, report.Findings)
		}
	}, func(cfg *runner.Config) {
		cfg.Audit = runner.AuditConfig{Key: auditKey, Every: time.Minute, Keep: 5 * time.Minute}
	})
}

// TestDeadLettersOfManyOwners: they are counted where they are owned, kept up to the cap over all, and removed and done again
// wherever they are.
func TestDeadLettersOfManyOwners(t *testing.T) {
	crewed(t, 2, func(t *testing.T, c *crew) {
		lead, ctx := c.leader(), context.Background()
		lead.put(onceWorkflow)
		lead.mustPublish("job.deploy", "ALLOW")
		var well bool
		lead.newWorker("w", func(j *wire.JobRequest) *wire.JobResult {
			if well {
				return succeed(j)
			}
			return &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_FAILED_FATAL, ErrorCode: "broken", ErrorMessage: "it is broken"}
		}, "job.deploy")
		var runs []string
		for range 8 {
			for _, m := range c.all {
				run := m.starts()
				if v := m.ended(run); v.State != "failed" {
					t.Fatalf("run %s is %s", run, v.State)
				}
				runs = append(runs, run)
			}
		}
		dead := func() int {
			list, _, err := lead.r.DeadLetters(ctx, ann, runner.DeadFilter{}, "", 100)
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		lead.until("the oldest are gone", func() bool { return dead() == 12 })
		time.Sleep(time.Minute)
		if n := dead(); n != 12 {
			t.Errorf("%d dead letters are kept, the cap is 12", n)
		}
		for _, m := range c.all {
			if m != lead {
				if _, err := m.r.StartRedrive(ctx, ann, runner.RedriveRequest{Filter: runner.DeadFilter{Workflow: "wf"}}); !errors.Is(err, runner.ErrMoved) {
					t.Errorf("a redrive began at an engine that does not lead: %v", err)
				}
			}
		}
		well = true
		d, err := lead.r.StartRedrive(ctx, ann, runner.RedriveRequest{Filter: runner.DeadFilter{Workflow: "wf"}, Rate: 1})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second)
		lead.end() // another engine goes on with it
		next := c.all[slices.IndexFunc(c.all, func(m *mate) bool { return m != lead })]
		var v runner.Redrive
		next.until("the redrive is done", func() bool {
			v, err = next.r.Redrive(ctx, ann, d.ID)
			return err == nil && v.State == "done"
		})
		if v.Retried+v.Skipped != 12 || v.Retried < 8 {
			t.Errorf("12 dead letters were redriven: %+v", v)
		}
		succeeded := 0
		for _, run := range runs {
			if next.ended(run).State == "succeeded" {
				succeeded++
			}
		}
		if list, _, err := next.r.DeadLetters(ctx, ann, runner.DeadFilter{}, "", 100); err != nil || succeeded != 12 || len(list) != 0 {
			t.Errorf("%d runs succeeded, %d dead letters are left, %v", succeeded, len(list), err)
		}
	}, func(cfg *runner.Config) { cfg.DeadLetters.Cap = 12 })
}

// TestAPurgeReachesEveryOwner: what fits goes wherever it is.
func TestAPurgeReachesEveryOwner(t *testing.T) {
	crewed(t, 3, func(t *testing.T, c *crew) {
		lead, ctx := c.leader(), context.Background()
		lead.put(onceWorkflow)
		lead.mustPublish("job.deploy", "ALLOW")
		lead.newWorker("w", func(*wire.JobRequest) *wire.JobResult {
			return &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_FAILED_FATAL, ErrorCode: "broken", ErrorMessage: "it is broken"}
		}, "job.deploy")
		for _, m := range c.all {
			m.ended(m.starts())
		}
		out, err := lead.r.PurgeDead(ctx, ann, runner.DeadFilter{Workflow: "wf"}, false)
		if err != nil || out.Matched != 3 || out.Deleted != 3 {
			t.Errorf("purged %+v, %v", out, err)
		}
	})
}

// TestApprovalsAreToldByTheirOwner: the engine that owns an approval's run shows it to who tells people, and after it has gone the
// one that took over.
func TestApprovalsAreToldByTheirOwner(t *testing.T) {
	crewed(t, 2, func(t *testing.T, c *crew) {
		lead, ctx := c.leader(), context.Background()
		lead.put("id: wf\nsteps:\n  - {id: ask, type: approval, title: deploy}\n")
		waits := func(m *mate) (all []string) {
			if err := m.r.OpenApprovals(ctx, func(a runner.OpenApproval) bool { all = append(all, a.ID); return true }); err != nil {
				t.Fatal(err)
			}
			return all
		}
		for _, m := range c.all {
			run := m.run("wf", `{}`)
			m.until("it is asked", func() bool { return len(waits(m)) == 1 })
			asked, _, err := m.r.Asked(ctx)
			if err != nil || !slices.ContainsFunc(asked, func(a runner.OpenApproval) bool { return a.ID == run+".ask~0" || a.ID == waits(m)[0] }) {
				t.Errorf("%s was not told of %s: %v, %v", m.name, run, asked, err)
			}
		}
		other := c.other()
		mine := runner.OpenApproval{Tenant: "default", ID: waits(other)[0]}
		if _, err := lead.r.Question(ctx, mine); !errors.Is(err, runner.ErrMoved) {
			t.Errorf("an engine told of what another one owns: %v", err)
		}
		other.end()
		lead.until("the other's is taken over", func() bool { return len(waits(lead)) == 2 })
		lead.until("it is said to look at everything", func() bool {
			soon, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			_, all, err := lead.r.Asked(soon)
			return err == nil && all
		})
		if _, err := lead.r.Question(ctx, mine); err != nil {
			t.Errorf("who took over cannot tell of it: %v", err)
		}
	})
}

// TestEveryChangeIsOfSomeFamily: each family's change is announced, and nothing else.
func TestEveryChangeIsOfSomeFamily(t *testing.T) {
	for kind, want := range map[string]string{
		"hold": "holds", "policy.active": "policy", "policy.shadow": "policy", "topic": "registered", "schema": "registered",
		"worker.credential": "registered", "config": "fleet", "drain": "fleet", "audit.hold": "legal", "audit.head": "", "dlq.redrive": "",
	} {
		if got := runner.FamilyOf(kind); got != want {
			t.Errorf("a change of %s is of %q, want %q", kind, got, want)
		}
	}
	if a, b := runner.RevisionOf(2, 7), runner.RevisionOf(10, 1); fmt.Sprint(a) >= fmt.Sprint(b) {
		t.Errorf("revision %s of a later owner is not greater than %s", b, a)
	}
}
