package report

import (
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/bench/floor"
	"cordum.dev/cordum/bench/load"
	"cordum.dev/cordum/bench/placement"
	"cordum.dev/cordum/bench/policy"
)

func TestLinesHoldFiguresAgainstGoals(t *testing.T) {
	fl := Floor{1: {Median: 500 * time.Microsecond}, 64: {StepsPerSecond: 40_000}}
	good := load.Report{
		IdleBytes:  50 << 20,
		Throughput: []load.Throughput{{InFlight: 64, StepsPerSecond: 12_000}},
		Lone:       load.Lone{Step: time.Millisecond},
		Chains:     []load.Chain{{Steps: 100, PerStep: time.Millisecond}, {Steps: 10_000, PerStep: 1200 * time.Microsecond}},
	}
	if lines := Lines(fl, good); Missed(lines) != 0 {
		t.Errorf("a good run missed goals: %+v", lines)
	}
	bad := load.Report{
		IdleBytes:  60 << 20,
		Throughput: []load.Throughput{{InFlight: 64, StepsPerSecond: 9_999}},
		Lone:       load.Lone{Step: 1500 * time.Microsecond},
		Chains:     []load.Chain{{Steps: 100, PerStep: time.Millisecond}, {Steps: 10_000, PerStep: 1300 * time.Microsecond}},
	}
	if lines := Lines(fl, bad); Missed(lines) != 4 {
		t.Errorf("missed %d of 4 goals: %+v", Missed(lines), lines)
	}
}

func TestDecisionsAreHeldAgainstGoals(t *testing.T) {
	for want, f := range map[bool]policy.Figure{
		false: {PerOp: 499, Goal: policy.Goal50, NoAllocs: true, Floor: 100}, true: {PerOp: 400, Goal: policy.Goal50, NoAllocs: true, Allocs: 1},
	} {
		lines := PolicyLines([]policy.Figure{f})
		if lines[0].Missed != want || (f.Floor > 0) != strings.Contains(lines[0].Floor, "5.0 times it") {
			t.Errorf("%+v", lines)
		}
	}
	if lines := PolicyLines([]policy.Figure{{PerOp: 500, Goal: policy.Goal50}}); Missed(lines) != 1 {
		t.Errorf("%+v", lines)
	}
}

func TestPrintShowsTheRatioToTheFloor(t *testing.T) {
	fl := Floor{64: floor.Result{StepsPerSecond: 40_000}}
	var out strings.Builder
	if err := Print(&out, Table{"steps", Lines(fl, load.Report{Throughput: []load.Throughput{{InFlight: 64, StepsPerSecond: 10_000}}})}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "40000 steps/s (0.25 of it)") {
		t.Errorf("no ratio in:\n%s", &out)
	}
}

func TestFleetIsHeldAgainstGoals(t *testing.T) {
	good := load.FleetReport{
		Beats:  load.Beats{Share: 0.29},
		Lost:   load.Lost{Noticed: GoalNoticed, Elsewhere: GoalElsewhere},
		Queues: []load.Queue{{Depth: 1_000, JobsPerSecond: 1_000, Bytes: 2 << 30}, {Depth: 100_000, JobsPerSecond: 800, Bytes: 900 << 20}},
		Turn:   load.Turn{Slots: 2},
	}
	if lines := FleetLines(good); Missed(lines) != 0 {
		t.Errorf("a good run missed goals: %+v", lines)
	}
	bad := load.FleetReport{
		Beats:  load.Beats{Share: 0.3},
		Lost:   load.Lost{Noticed: GoalNoticed + 1, Elsewhere: GoalElsewhere + 1},
		Queues: []load.Queue{{Depth: 1_000, JobsPerSecond: 1_000}, {Depth: 100_000, JobsPerSecond: 799, Bytes: 1 << 30}},
		Turn:   load.Turn{Slots: 3},
		Lines:  load.Lines{Dropped: 1},
	}
	if lines := FleetLines(bad); Missed(lines) != 7 {
		t.Errorf("missed %d of 7 goals: %+v", Missed(lines), lines)
	}
}

func TestPlacementIsHeldAgainstGoals(t *testing.T) {
	r := placement.Report{
		Decisions: []placement.Decision{
			{Workers: 10, Kinds: 1, Cost: placement.Cost{PerOp: placement.GoalFew}, Goal: placement.GoalFew},
			{Workers: 10_000, Kinds: 9, Cost: placement.Cost{PerOp: placement.GoalMany - 1}, Goal: placement.GoalMany},
		},
		Queues: []placement.Queue{{Depth: 1, Cost: placement.Cost{PerOp: 100}}, {Depth: 2, Cost: placement.Cost{PerOp: 200}, Floor: placement.Cost{PerOp: 50}}},
		Turn:   placement.Turn{Slots: 3},
	}
	lines := PlacementLines(r)
	if Missed(lines) != 2 || !strings.Contains(lines[3].Value, "0.50 of the rate") || !strings.Contains(lines[3].Floor, "4.0 times it") {
		t.Errorf("%+v", lines)
	}
}

// TestReplicaFiguresJudge: the ratio has a goal only where each engine has its share of a core, and harm is judged at both marks.
func TestReplicaFiguresJudge(t *testing.T) {
	slow, fast := load.Throughput{StepsPerSecond: 100, Steps: 1}, load.Throughput{StepsPerSecond: 149, Steps: 1}
	r := load.Replicas{
		Free: []load.OneTwo{{Fsync: "always", One: slow, Two: slow}}, Shared: &load.OneTwo{One: slow, Two: fast},
		Killed: []load.Killed{{
			Before:  load.Latency{P50: 5 * time.Millisecond, P99: 100 * time.Millisecond},
			After:   load.Latency{P50: 14 * time.Millisecond, P99: 126 * time.Millisecond},
			Resumed: load.Latency{Max: GoalResumed},
		}},
	}
	var goals, missed []string
	for _, f := range ReplicaFigures(r) {
		if f.Goal != "" {
			goals = append(goals, f.Name)
		}
		if f.Goal != "" && !f.Met {
			missed = append(missed, f.Name)
		}
	}
	if len(goals) != 3 || len(missed) != 2 {
		t.Errorf("goals %q, missed %q: want the ratio and the p99", goals, missed)
	}
	r.Killed[0].After.P99 = 125 * time.Millisecond
	if last := ReplicaFigures(r); !last[len(last)-2].Met {
		t.Errorf("%+v is within a quarter", last[len(last)-2])
	}
}
