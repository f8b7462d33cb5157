package runner

import (
	"testing"
	"time"
)

// TestStaleByEitherClock: a process that could not look for a lease decides nothing, whichever clock says so. The monotonic one stands
// still while a machine sleeps, the wall's may be set.
func TestStaleByEitherClock(t *testing.T) {
	r := stillPeer(t)
	a := r.agreed
	if !r.stale() {
		t.Fatal("it knows what is in force before it has looked")
	}
	a.good(time.Now())
	if r.stale() {
		t.Fatal("it does not know what is in force after a good look")
	}
	lease := int64(a.lease())
	for clock, back := range map[string]func(by int64){
		"the wall's":        func(by int64) { a.goodWall.Add(-by) }, // as when the machine has slept since
		"the monotonic one": func(by int64) { a.goodAt.Add(-by) },   // as when the wall's was set back
	} {
		a.good(time.Now())
		if back(lease / 4); r.stale() {
			t.Errorf("a quarter of a lease by %s is too much", clock)
		}
		if back(lease); !r.stale() {
			t.Errorf("a lease and a quarter by %s is not enough", clock)
		}
	}
	a.good(time.Now().Add(-2 * a.lease()))
	if !r.stale() {
		t.Error("a look that began two leases ago is good")
	}
}
