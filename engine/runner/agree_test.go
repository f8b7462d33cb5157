package runner_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/safety/kernel"
)

var admin = kernel.Who{Tenant: "default", Actor: "user:root", Roles: []string{"admin"}, ActorType: "human"}

// publish drafts a bundle of one rule about a topic and publishes it through an engine.
func (m *mate) publish(topic, decision string) error {
	text := fmt.Sprintf("name: own\nrules:\n  - {id: r, match: {topics: [%q]}, decision: %s}\n", topic, decision)
	if _, _, err := m.policy.PutDraft(context.Background(), admin, kernel.Put{Text: []byte(text)}); err != nil {
		return err
	}
	_, err := m.policy.Publish(context.Background(), admin, kernel.Publish{Bundles: []string{"own"}})
	return err
}

func (m *mate) mustPublish(topic, decision string) {
	m.t.Helper()
	if err := m.publish(topic, decision); err != nil {
		m.t.Fatal(err)
	}
}

// starts begins a run at an engine, in one of its own partitions.
func (m *mate) starts() string {
	m.t.Helper()
	run := m.run("wf", `{"v": 1}`)
	if m.crew.owner(run) != m {
		m.t.Fatalf("engine %s began run %s elsewhere", m.name, run)
	}
	return run
}

// TestAPublishedDenyHoldsEverywhere: what one engine publishes the others go by before the publish answers, whichever of them it
// is, and within moments of it.
func TestAPublishedDenyHoldsEverywhere(t *testing.T) {
	crewed(t, 3, func(t *testing.T, c *crew) {
		lead := c.leader()
		lead.put(oneJob)
		sent := lead.counting("job.deploy", nil)
		for round, m := range c.all {
			m.mustPublish("job.deploy", "ALLOW")
			if v := m.ended(m.starts()); v.State != "succeeded" {
				t.Fatalf("a run at %s is %s", m.name, v.State)
			}
			before, began := sent.count(), time.Now()
			m.mustPublish("job.deploy", "DENY")
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("round %d: the publish took %s", round, took)
			}
			for _, other := range c.all {
				if v := other.ended(other.starts()); v.State != "failed" || other.policy.Snapshot().Digest() != m.policy.Snapshot().Digest() {
					t.Errorf("after %s has published, a run at %s is %s", m.name, other.name, v.State)
				}
			}
			if n := sent.count(); n != before {
				t.Errorf("%d jobs were sent after the publish of %s", n-before, m.name)
			}
		}
	})
}

// TestAPublishedDenyStopsWhatIsReleased: a job that waits for a worker under the policy before is not sent by another engine.
func TestAPublishedDenyStopsWhatIsReleased(t *testing.T) {
	crewed(t, 2, func(t *testing.T, c *crew) {
		lead, other := c.leader(), c.other()
		lead.put(oneJob)
		lead.mustPublish("job.deploy", "ALLOW")
		run := other.starts()
		other.until("the job is released", func() bool {
			s := other.step(run, "deploy")
			return s.JobState == "scheduled" || s.JobState == "dispatched"
		})
		lead.mustPublish("job.deploy", "DENY")
		sent := lead.counting("job.deploy", nil)
		if v := other.ended(run); v.State != "failed" || sent.count() != 0 {
			t.Errorf("the run is %s, %d sent", v.State, sent.count())
		}
	})
}

// TestAHoldStopsEveryEngine: when it is set, nothing is sent by another engine any more; when it is lifted, all go on.
func TestAHoldStopsEveryEngine(t *testing.T) {
	crewed(t, 2, func(t *testing.T, c *crew) {
		lead, other := c.leader(), c.other()
		lead.put(oneJob)
		lead.mustPublish("job.deploy", "ALLOW")
		sent := lead.counting("job.deploy", nil)
		by := ann
		by.Reason = "wait"
		if _, err := other.r.SetHold(context.Background(), by, runner.Hold{Scope: "all"}); !errors.Is(err, runner.ErrMoved) {
			t.Errorf("a hold was set at an engine that does not own the documents: %v", err)
		}
		began := time.Now()
		h, err := lead.r.SetHold(context.Background(), by, runner.Hold{Scope: "topic", Name: "job.deploy"})
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the hold took %s", took)
		}
		run := other.starts()
		time.Sleep(time.Minute)
		if sent.count() != 0 || len(other.r.Holds(context.Background(), ann)) != 1 {
			t.Fatalf("%d were sent under the hold", sent.count())
		}
		if err := lead.r.LiftHold(context.Background(), by, h.ID); err != nil {
			t.Fatal(err)
		}
		if v := other.ended(run); v.State != "succeeded" || sent.count() != 1 {
			t.Errorf("the run is %s, %d sent", v.State, sent.count())
		}
	})
}

// TestWhoCannotKnowSendsNothing: an engine that cannot read the documents, or that the bus does not carry, has nothing in force
// after a lease. Who publishes meanwhile waits for that, and not longer.
func TestWhoCannotKnowSendsNothing(t *testing.T) {
	for name, lose := range map[string]func(*mate){
		"no store": func(m *mate) { m.disk.blind.Store(true) },
		"no bus":   func(m *mate) { m.line.cut.Store(true) },
	} {
		t.Run(name, func(t *testing.T) {
			crewed(t, 2, func(t *testing.T, c *crew) {
				lead, other := c.leader(), c.other()
				lead.put(oneJob)
				lead.mustPublish("job.deploy", "ALLOW")
				run := other.starts()
				other.until("the job is released", func() bool { return other.step(run, "deploy").JobState == "scheduled" })
				if !runner.Knows(other.r) {
					t.Fatal("an engine that hears and reads does not know what is in force")
				}
				lose(other)
				began := time.Now()
				lead.mustPublish("job.deploy", "DENY")
				took := time.Since(began)
				if runner.Knows(other.r) {
					t.Errorf("%s after it was lost, when the publish had answered, the engine still had a policy in force", took)
				}
				if took > 10*time.Second {
					t.Errorf("the publish took %s", took)
				}
				sent := lead.counting("job.deploy", nil)
				time.Sleep(time.Minute)
				other.disk.blind.Store(false)
				other.line.cut.Store(false)
				lead.until("the run has ended", func() bool { return lead.view(run).EndedAt != nil })
				if v := lead.view(run); v.State != "failed" || sent.count() != 0 {
					t.Errorf("the run is %s, %d sent", v.State, sent.count())
				}
			})
		})
	}
}

// TestALostMessageCostsMoments: an engine that was cut off for a moment, and heard nothing of a change, goes by it soon.
func TestALostMessageCostsMoments(t *testing.T) {
	crewed(t, 2, func(t *testing.T, c *crew) {
		lead, other := c.leader(), c.other()
		lead.put(oneJob)
		other.line.cut.Store(true)
		done := make(chan error, 1)
		go func() { done <- lead.publish("job.deploy", "ALLOW") }()
		time.Sleep(2 * time.Second)
		other.line.cut.Store(false)
		began := time.Now()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("it took %s", took)
		}
		if got, want := other.policy.Snapshot().Digest(), lead.policy.Snapshot().Digest(); got != want {
			t.Errorf("the engine goes by %s, published is %s", got, want)
		}
	})
}

// TestWhatIsStoredIsThereAtOnce: a definition that one engine has taken another one starts, the newest version of it.
func TestWhatIsStoredIsThereAtOnce(t *testing.T) {
	crewed(t, 2, func(t *testing.T, c *crew) {
		lead, other := c.leader(), c.other()
		for n := range 5 {
			v := lead.put(fmt.Sprintf("id: wf\nversion: v%d\nsteps:\n  - {id: deploy, topic: job.deploy}\n", n))
			got, err := other.r.View(context.Background(), ann, other.run("wf", `{}`))
			if err != nil || got.Digest != v.Digest {
				t.Errorf("version %d: %v, started %.12s, stored %.12s", n, err, got.Digest, v.Digest)
			}
		}
	})
}

// TestCredentialsAndTopicsAreEverybodys: what is made or revoked at one engine is so at the others when it answers, and an owner
// that took over goes by what the one before it has written.
func TestCredentialsAndTopicsAreEverybodys(t *testing.T) {
	crewed(t, 2, func(t *testing.T, c *crew) {
		lead, other, ctx := c.leader(), c.other(), context.Background()
		if _, err := lead.r.CreateTopic(ctx, ann, runner.TopicSpec{Name: "job.x"}); err != nil {
			t.Fatal(err)
		}
		if _, err := other.r.Topic(ctx, ann, "job.x"); err != nil {
			t.Errorf("the topic is not there: %v", err)
		}
		key := runner.DocChange{Kind: "key", Name: "k1", Value: []byte(`{"revoked_at": "2026-11-21T20:00:00Z"}`)}
		if err := lead.r.ChangeDocs(ctx, ann, "key.revoke", "k1", key); err != nil {
			t.Fatal(err)
		}
		if d, err := other.r.Doc(ctx, key.Kind, key.Name); err != nil || string(d.Value) != string(key.Value) {
			t.Errorf("a revoked key is %q at another engine: %v", d.Value, err)
		}
		_, token, err := lead.r.CreateWorkerCredential(ctx, ann, runner.CredentialSpec{Worker: "w", Topics: []string{"job.x"}})
		if err != nil {
			t.Fatal(err)
		}
		if _, in := other.r.Worker(bus.Credentials{Token: token}); !in {
			t.Error("a new credential does not let its worker in at another engine")
		}
		if _, err := lead.r.RevokeWorkerCredential(ctx, ann, "w"); err != nil {
			t.Fatal(err)
		}
		if _, in := other.r.Worker(bus.Credentials{Token: token}); in {
			t.Error("a revoked credential lets its worker in at another engine")
		}
		if _, _, err := other.r.RotateWorkerCredential(ctx, ann, "w"); !errors.Is(err, runner.ErrMoved) {
			t.Errorf("changed at an engine that does not own the documents: %v", err)
		}
		lead.end()
		other.until("the other leads", func() bool { return other.r.Owns(0) })
		if _, _, err := other.r.RotateWorkerCredential(ctx, ann, "w"); !errors.Is(err, runner.ErrConflict) {
			t.Errorf("a revoked credential was given another token: %v", err)
		}
	})
}
