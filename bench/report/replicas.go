package report

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	"cordum.dev/cordum/bench/load"
	"cordum.dev/cordum/internal/proof"
)

// Goals of engines that share a store.
const (
	GoalTwoEngines = 1.5             // the steps of two, of those of one, where cores allow
	GoalResumed    = 8 * time.Second // a lease of 6 s, and 2 s
	// GoalHarm is how much longer the others' runs may take after the kill of an engine than before, at the median and at p99; a
	// difference of less than GoalHarmLeast is that of any two measurements.
	GoalHarm      = 0.25
	GoalHarmLeast = 10 * time.Millisecond
)

// ReplicaFigures puts what was measured of engines that share a store into figures of a record.
func ReplicaFigures(r load.Replicas) []proof.Figure {
	var out []proof.Figure
	for _, f := range r.Free {
		out = append(out, oneTwo(f, "appendfsync "+f.Fsync, false)...)
	}
	if r.Shared == nil && r.Why == nil {
		return append(out, allKilled(r)...)
	}
	held := fmt.Sprintf("each engine held to %g of a core", r.Share)
	if r.Shared == nil {
		out = append(out, proof.Figure{Name: held, Value: "not measured: " + r.Why.Error()})
	} else {
		out = append(out, oneTwo(*r.Shared, held+", appendfsync "+r.Shared.Fsync, true)...)
	}
	return append(out, allKilled(r)...)
}

func allKilled(r load.Replicas) (out []proof.Figure) {
	for _, k := range r.Killed {
		out = append(out, killedFigures(k)...)
	}
	return out
}

// Verdict says of a figure whether its goal was met; nothing when it has none.
func Verdict(f proof.Figure) string {
	switch {
	case f.Goal == "":
		return ""
	case f.Met:
		return " (" + f.Goal + ": ok)"
	}
	return " (" + f.Goal + ": MISSED)"
}

// oneTwo compares one engine with two. Where cores are what is scarce the ratio is no figure of the engines and has no goal.
func oneTwo(f load.OneTwo, what string, judged bool) []proof.Figure {
	of := ratio(f.Two.StepsPerSecond, f.One.StepsPerSecond)
	steps := proof.Figure{Name: what + ": two engines against one", Value: fmt.Sprintf("%.2f times the steps", of)}
	if judged {
		steps.Goal, steps.Met = fmt.Sprintf("≥ %.1f", GoalTwoEngines), of >= GoalTwoEngines
	} else {
		steps.Value += fmt.Sprintf(" (all processes share %d cores)", runtime.NumCPU())
	}
	return []proof.Figure{
		{Name: what + ": one engine", Value: throughput(f.One)},
		{Name: what + ": two engines", Value: throughput(f.Two)},
		steps,
		{Name: what + ": engines' processor time a step, two against one", Value: fmt.Sprintf("%.2f", ratio(float64(f.Two.Engines()), float64(f.One.Engines())))},
	}
}

// throughput is a rate, and what a step cost each process.
func throughput(t load.Throughput) string {
	var all []string
	var sum time.Duration
	for _, u := range t.PerStep() {
		all = append(all, fmt.Sprintf("%s %d", u.Name, u.CPU.Microseconds()))
		sum += u.CPU
	}
	return fmt.Sprintf("%s, %d in flight; µs of processor a step: %s; cores busy %.2f", rate(t.StepsPerSecond), t.InFlight, strings.Join(all, ", "),
		sum.Seconds()*t.StepsPerSecond)
}

func killedFigures(k load.Killed) []proof.Figure {
	who := "an engine is killed"
	if k.Place {
		who = "the engine that gives jobs to workers is killed"
	}
	return []proof.Figure{
		{
			Name:  who + ": runs of the other one, 20 s before and 20 s after",
			Value: fmt.Sprintf("p50 %s, then %s; p99 %s, then %s (%d and %d runs)", millis(k.Before.P50), millis(k.After.P50), millis(k.Before.P99), millis(k.After.P99), k.Before.Runs, k.After.Runs),
			Goal:  fmt.Sprintf("no more than %.0f %% or %s longer", 100*GoalHarm, millis(GoalHarmLeast)),
			Met:   unharmed(k.Before.P50, k.After.P50) && unharmed(k.Before.P99, k.After.P99),
		},
		{
			Name:  who + fmt.Sprintf(": until the runs have ended that it had, %d of its %d partitions", k.Resumed.Runs, k.Lost),
			Value: fmt.Sprintf("p50 %s, last %s", seconds(k.Resumed.P50), seconds(k.Resumed.Max)),
			Goal:  "≤ " + seconds(GoalResumed), Met: k.Resumed.Max <= GoalResumed,
		},
	}
}

func unharmed(before, after time.Duration) bool {
	return after <= before+max(GoalHarmLeast, time.Duration(GoalHarm*float64(before)))
}
