package scheduler

import "testing"

// TestListed: the first heartbeat that lists what its worker was granted says that it was taken, as the worker's own word may be
// lost; announcing it again says so once more, and so does adopting it.
func TestListed(t *testing.T) {
	f := NewFleet(Config{})
	beat := Beat{Worker: "w", Topics: []string{"job.x"}, ListsJobs: true, Direct: true}
	f.Beat(start, beat)
	request := Request{Attempt: "a", Token: []byte("t"), Topic: "job.x"}
	f.Announce(start, request)
	if c := f.Announce(start, request); len(c.Listed) > 0 || f.Listed("b") || !f.Listed("a") {
		t.Errorf("before any heartbeat: %v", c.Listed)
	}
	beat.Holds = []Hold{{Attempt: "a", Token: []byte("t")}}
	for i, want := range []int{1, 0} {
		if c := f.Beat(start, beat); len(c.Listed) != want || len(c.Adopted)+len(c.Grants) > 0 {
			t.Errorf("heartbeat %d: %+v", i, c)
		}
	}
	if c := f.Announce(start, request); len(c.Listed) != 1 || c.Listed[0].Worker != "w" {
		t.Errorf("announced again: %+v", c)
	}
	if c := f.Adopt(start, request, "w"); len(c.Listed) != 1 || c.Listed[0].Worker != "w" {
		t.Errorf("adopted again: %+v", c)
	}
	if c := f.Adopt(start, Request{Attempt: "b", Topic: "job.x"}, "w"); len(c.Listed) > 0 {
		t.Errorf("adopted before any heartbeat lists it: %+v", c.Listed)
	}
}
