package placement

import (
	"testing"

	"cordum.dev/cordum/scheduler"
)

func TestPlaceAndDrainGiveJobsAway(t *testing.T) {
	if cost, err := place(3, 2); err != nil || cost.PerOp <= 0 {
		t.Errorf("place: %+v, %v", cost, err)
	}
	if cost, err := drain(100); err != nil || cost.PerOp <= 0 {
		t.Errorf("drain: %+v, %v", cost, err)
	}
}

func TestFillLeavesSoManyWaiting(t *testing.T) {
	f := fleetOf(fewWorkers, 1)
	running, next := fill(f, attempts(2_000), "t", 500)
	waiting := 0
	for _, q := range f.Queue() {
		waiting += q.Depth
	}
	if waiting != 500 || next != len(running)+500 || len(running) == 0 {
		t.Errorf("%d wait and %d run of %d", waiting, len(running), next)
	}
}

func TestTurnCountsWhatTheOtherGets(t *testing.T) {
	if slots, err := turn(1_000); err != nil || slots > 2 {
		t.Errorf("%d slots, %v", slots, err)
	}
}

func TestFleetOfKinds(t *testing.T) {
	f := fleetOf(10, 5)
	r := request("a", "t")
	r.Requires = []string{"kind-3"}
	if got := f.Announce(start, r); len(got.Grants) != 1 || (got.Grants[0].Worker != "w00003" && got.Grants[0].Worker != "w00008") {
		t.Errorf("got %+v", got)
	}
	if got := f.Workers(start); len(got) != 10 || got[0].State != scheduler.WorkerAlive {
		t.Errorf("got %+v", got)
	}
}
