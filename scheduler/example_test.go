package scheduler_test

import (
	"fmt"
	"time"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/scheduler"
)

// A worker with one slot, three attempts that want it, and what becomes of them.
func ExampleFleet() {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	fleet := scheduler.NewFleet(scheduler.Config{})
	say := func(what string, c scheduler.Change) {
		for _, g := range c.Grants {
			to := g.Worker
			if g.ByTopic {
				to = g.Topic
			}
			fmt.Printf("%s: send %s to %s (%s)\n", what, g.Attempt, to, g.Why)
		}
		for _, l := range c.Lost {
			fmt.Printf("%s: %s is lost: %s\n", what, l.Attempt, l.Reason)
		}
	}
	ask := func(attempt string, p dag.Priority) {
		say("announced", fleet.Announce(now, scheduler.Request{
			Attempt: attempt, Tenant: "acme", Topic: "job.db.backup", Priority: p,
		}))
	}

	say("beat", fleet.Beat(now, scheduler.Beat{Worker: "w1", Topics: []string{"job.db.*"}, Max: 1, Direct: true}))
	ask("first", dag.Batch)
	ask("nightly", dag.Batch)
	ask("urgent", dag.Critical)
	fmt.Println(fleet.Why("urgent"))

	say("ended", fleet.Ended(now, "first"))
	now = fleet.NextTick() // nothing is heard of the worker any more
	say("two beats missed", fleet.Tick(now))
	fmt.Println(fleet.Why("nightly"))
	now = fleet.NextTick()
	say("silence", fleet.Tick(now))
	fmt.Println(fleet.Why("nightly"))
	// Output:
	// announced: send first to w1 (least loaded of 1 (score 0.00))
	// pool_overloaded 1 workers could take it and none has room (1 jobs, 1 slots)
	// ended: send urgent to w1 (least loaded of 1 (score 0.00))
	// draining all 1 workers that could take it are draining or silent
	// silence: send nightly to job.db.backup (the topic's queue group: no worker is registered)
	// silence: urgent is lost: worker_lost
	// granted sent to the queue group of its topic: no worker is registered for it
}
