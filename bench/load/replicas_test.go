package load

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const (
	runOfLost = "0101K00000000000000000000000"
	runOfLeft = "0201K00000000000000000000000"
)

// TestKilledJudgesByOwner: only runs of the engine that goes on are its latency, by when they were started; only those that waited
// at the killed one are what is to go on.
func TestKilledJudgesByOwner(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	run := func(id string, began, took time.Duration) lived {
		return lived{id: id, began: at.Add(began), ended: at.Add(began + took)}
	}
	all := []lived{
		run(runOfLeft, -30*time.Second, time.Hour), // before the measurement
		run(runOfLeft, -5*time.Second, 5*time.Millisecond),
		run(runOfLost, -5*time.Second, time.Hour),
		run(runOfLeft, -time.Second, time.Hour), // while the delayed ones were started
		run(runOfLeft, time.Second, 7*time.Millisecond),
		run(runOfLost, time.Second, time.Hour),
		{began: at, err: errSaid("not started")},
	}
	delayed := []lived{run(runOfLost, -500*time.Millisecond, 6*time.Second), run(runOfLeft, -500*time.Millisecond, time.Hour)}
	before, after := span{at.Add(-22 * time.Second), at.Add(-2 * time.Second)}, span{at, at.Add(20 * time.Second)}
	var k Killed
	if err := k.judge(all, delayed, map[int]bool{1: true}, before, after); err != nil {
		t.Fatal(err)
	}
	if k.Before.Runs != 1 || k.Before.P50 != 5*time.Millisecond || k.After.Runs != 1 || k.After.P99 != 7*time.Millisecond {
		t.Errorf("before %+v, after %+v", k.Before, k.After)
	}
	if k.Delayed != 1 || k.Resumed.Max != 5500*time.Millisecond {
		t.Errorf("%d runs went on, %+v", k.Delayed, k.Resumed)
	}
	all[4].err = errSaid("failed")
	if err := k.judge(all, delayed, map[int]bool{1: true}, before, after); err == nil {
		t.Error("a failed run of the engine that goes on is no error")
	}
}

type errSaid string

func (e errSaid) Error() string { return string(e) }

// TestARunIsAskedUntilItHasEnded by itself, and a failed one is an error.
func TestARunIsAskedUntilItHasEnded(t *testing.T) {
	for state, want := range map[string]string{"succeeded": "", "failed": "ended as failed"} {
		server := httptest.NewServer((&fakeServer{state: state}).handler())
		r := one(t.Context(), newClient(server.URL), "any")
		server.Close()
		if got := r.err; (got == nil) != (want == "") || got != nil && !strings.Contains(got.Error(), want) {
			t.Errorf("%s: %v", state, got)
		}
	}
}

// TestMetersAreReadTwice: what was used is the difference.
func TestMetersAreReadTwice(t *testing.T) {
	n := time.Duration(0)
	m := meter{name: "it", read: func() (time.Duration, error) { n += 3 * time.Second; return n, nil }}
	used, err := during(t.Context(), []meter{m}, time.Now(), time.Now())
	if err != nil || len(used) != 1 || used[0] != (Used{Name: "it", CPU: 3 * time.Second}) {
		t.Errorf("%+v, %v", used, err)
	}
	both := Throughput{Steps: 3, Used: []Used{{"engine 1", 3 * time.Second}, {"Redis", time.Second}, {"engine 2", 6 * time.Second}}}
	if got := both.Engines(); got != 3*time.Second {
		t.Errorf("engines used %s a step, want 3 s", got)
	}
}
