package report

import (
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/bench/floor"
	"cordum.dev/cordum/bench/load"
	"cordum.dev/cordum/bench/policy"
)

func TestLinesHoldFiguresAgainstGoals(t *testing.T) {
	fl := Floor{1: {Median: 500 * time.Microsecond}, 64: {StepsPerSecond: 40_000}}
	good := &load.Report{
		IdleBytes:  50 << 20,
		Throughput: []load.Throughput{{InFlight: 64, StepsPerSecond: 12_000}},
		Lone:       load.Lone{Step: time.Millisecond},
		Chains:     []load.Chain{{Steps: 100, PerStep: time.Millisecond}, {Steps: 10_000, PerStep: 1200 * time.Microsecond}},
	}
	if lines := Lines(fl, []int{64}, good); Missed(lines) != 0 {
		t.Errorf("a good run missed goals: %+v", lines)
	}
	bad := &load.Report{
		IdleBytes:  60 << 20,
		Throughput: []load.Throughput{{InFlight: 64, StepsPerSecond: 9_999}},
		Lone:       load.Lone{Step: 1500 * time.Microsecond},
		Chains:     []load.Chain{{Steps: 100, PerStep: time.Millisecond}, {Steps: 10_000, PerStep: 1300 * time.Microsecond}},
	}
	if lines := Lines(fl, []int{64}, bad); Missed(lines) != 4 {
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
	if err := Print(&out, Lines(fl, []int{64}, &load.Report{Throughput: []load.Throughput{{InFlight: 64, StepsPerSecond: 10_000}}})); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "40000 steps/s (0.25 of it)") {
		t.Errorf("no ratio in:\n%s", &out)
	}
}
