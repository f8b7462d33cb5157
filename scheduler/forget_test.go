package scheduler

import (
	"fmt"
	"testing"
	"time"
)

// TestTopicsAreForgotten: whoever names ever new topics that nobody listens on costs no memory once what waited there is gone.
func TestTopicsAreForgotten(t *testing.T) {
	f := NewFleet(Config{})
	now := time.Unix(1_000_000, 0)
	for i := range 20 * minSweep {
		id := fmt.Sprint("j", i)
		f.Announce(now, Request{Attempt: id, Tenant: "t", Topic: fmt.Sprint("job.x", i)})
		f.Unheard(now, id)
		f.Ended(now, id)
		now = now.Add(10 * time.Millisecond)
		f.Tick(now)
	}
	if n := len(f.topics); n > 4*minSweep {
		t.Errorf("%d topics are remembered", n)
	}
	if n := len(f.demands); n > 4*minSweep {
		t.Errorf("%d demands are remembered", n)
	}
	if n := f.alarms.len(); n > 4*minSweep {
		t.Errorf("%d alarms are set", n)
	}
}

// TestWithdrawnLeaveNoHoles: a queue whose first waits for ever, and whose others come and go, does not grow.
func TestWithdrawnLeaveNoHoles(t *testing.T) {
	f := NewFleet(Config{ByTopic: -1})
	now := time.Unix(1_000_000, 0)
	f.Announce(now, Request{Attempt: "first", Tenant: "t", Topic: "job.x"})
	for i := range 100_000 {
		now = now.Add(time.Millisecond)
		id := fmt.Sprint("j", i)
		f.Announce(now, Request{Attempt: id, Tenant: "t", Topic: "job.x"})
		f.Ended(now, id)
	}
	q := &f.attempts["first"].share.waiting
	if n := cap(q.inOrder); n > 4*minShift {
		t.Errorf("a queue of %d has %d places", q.len(), n)
	}
}
