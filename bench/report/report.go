package report

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"

	"cordum.dev/cordum/bench/floor"
	"cordum.dev/cordum/bench/load"
)

// Goals that the project set itself for a machine with two cores.
const (
	GoalStepsPerSecond = 10_000                  // chains of three steps, 64 runs in flight, every step synced
	GoalLoneStep       = 1500 * time.Microsecond // median
	GoalIdleBytes      = 60 << 20
	GoalChainDrift     = 0.25 // per-step cost of a long chain against a short one
)

// GoalInFlight is the number of runs in flight that GoalStepsPerSecond is about.
const GoalInFlight = 64

// Floor is the floor's figures, by chains in flight.
type Floor map[int]floor.Result

// Line is one figure of the table.
type Line struct {
	Name   string
	Value  string
	Floor  string // the floor's figure and the ratio to it; empty where there is none
	Goal   string
	Missed bool
}

// Table is figures that belong together, and how to measure them alone.
type Table struct {
	Title string
	Lines []Line
}

// Lines puts the figures of steps into words.
func Lines(fl Floor, server load.Report) []Line {
	var lines []Line
	for _, t := range server.Throughput {
		lines = append(lines, throughputLine(fl, t), usedLine(t))
	}
	lines = append(lines,
		Line{
			Name: "lone step, median, by the timeline", Value: server.Lone.Step.String(), Floor: fl.lone(server.Lone.Step),
			Goal: "< " + GoalLoneStep.String(), Missed: server.Lone.Step >= GoalLoneStep,
		},
		Line{Name: "lone run, median, POST to end seen", Value: server.Lone.PostEnd.Round(time.Microsecond).String()},
		Line{
			Name: "server's memory, idle", Value: mebibytes(server.IdleBytes),
			Goal: "< " + mebibytes(GoalIdleBytes), Missed: server.IdleBytes >= GoalIdleBytes,
		},
		Line{Name: "server's memory, after all of this", Value: mebibytes(server.WarmBytes)},
	)
	return append(lines, chainLines(server.Chains)...)
}

// Missed counts the goals that were not reached.
func Missed(lines []Line) int {
	missed := 0
	for _, l := range lines {
		if l.Missed {
			missed++
		}
	}
	return missed
}

// FloorLines puts the floor's own figures into words.
func FloorLines(fl Floor, inFlight []int) []Line {
	var lines []Line
	for _, n := range inFlight {
		lines = append(lines, Line{Name: fmt.Sprintf("floor, %d in flight", n), Value: rate(fl[n].StepsPerSecond)})
	}
	return append(lines, Line{Name: "floor, lone step, median", Value: fl[1].Median.Round(time.Microsecond).String()})
}

func throughputLine(fl Floor, t load.Throughput) Line {
	line := Line{Name: fmt.Sprintf("chains of 3 steps, %d runs in flight", t.InFlight), Value: rate(t.StepsPerSecond)}
	if f := fl[t.InFlight].StepsPerSecond; f > 0 {
		line.Floor = fmt.Sprintf("%s (%.2f of it)", rate(f), t.StepsPerSecond/f)
	}
	if t.InFlight == GoalInFlight {
		line.Goal, line.Missed = "≥ "+rate(GoalStepsPerSecond), t.StepsPerSecond < GoalStepsPerSecond
	}
	return line
}

// usedLine says what a step costs of the processor: that can be compared where the machine has other work, too.
func usedLine(t load.Throughput) Line {
	var all []string
	for _, u := range t.PerStep() {
		all = append(all, fmt.Sprintf("%s %d", u.Name, u.CPU.Microseconds()))
	}
	return Line{Name: "  of the processor, µs a step", Value: strings.Join(all, ", ")}
}

// lone compares a step's latency with the floor's.
func (f Floor) lone(step time.Duration) string {
	floor := f[1].Median
	if floor <= 0 {
		return ""
	}
	return fmt.Sprintf("%s (%.1f times it)", floor.Round(time.Microsecond), float64(step)/float64(floor))
}

// chainLines compares the longest chain's cost for a step with the shortest one's.
func chainLines(chains []load.Chain) []Line {
	var lines []Line
	for i, c := range chains {
		line := Line{Name: fmt.Sprintf("chain of %d steps, for each step", c.Steps), Value: c.PerStep.Round(time.Microsecond).String()}
		if i > 0 && chains[0].PerStep > 0 {
			drift := float64(c.PerStep)/float64(chains[0].PerStep) - 1
			line.Value += fmt.Sprintf(" (%+.0f %%)", drift*100)
			line.Goal, line.Missed = fmt.Sprintf("within ±%.0f %%", GoalChainDrift*100), math.Abs(drift) > GoalChainDrift
		}
		lines = append(lines, line)
	}
	return lines
}

// Print writes a table.
func Print(w io.Writer, t Table) error {
	if _, err := fmt.Fprintln(w, t.Title); err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "  measured\tvalue\tfloor of this run\tgoal\t")
	for _, l := range t.Lines {
		verdict := ""
		switch {
		case l.Missed:
			verdict = "MISSED"
		case l.Goal != "":
			verdict = "ok"
		}
		_, _ = fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\n", l.Name, l.Value, l.Floor, l.Goal, verdict)
	}
	return table.Flush()
}

func rate(perSecond float64) string { return fmt.Sprintf("%.0f steps/s", perSecond) }

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
