package runner_test

import (
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// TestWhoIsSilentIsWaitedFor: an engine that nobody hears any more goes by what it knew for a lease. Who stops something waits for that,
// also when the others have stopped to count it.
func TestWhoIsSilentIsWaitedFor(t *testing.T) {
	crewed(t, 2, func(t *testing.T, c *crew) {
		lead, other := c.leader(), c.other()
		lead.put(oneJob)
		lead.mustPublish("job.deploy", "ALLOW")
		other.disk.blind.Store(true)
		other.line.cut.Store(true)
		time.Sleep(runner.DefaultPeerAway + 500*time.Millisecond)
		if !runner.Knows(other.r) {
			t.Fatal("it knows nothing any more: this test shows nothing")
		}
		began := time.Now()
		lead.mustPublish("job.deploy", "DENY")
		if runner.Knows(other.r) {
			t.Errorf("%s later, when the publish had answered, the engine still had a policy in force", time.Since(began))
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("the publish took %s", took)
		}
		other.disk.blind.Store(false)
		other.line.cut.Store(false)
	})
}
