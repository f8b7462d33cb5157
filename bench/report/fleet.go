package report

import (
	"fmt"
	"time"

	"cordum.dev/cordum/bench/load"
	"cordum.dev/cordum/bench/placement"
)

// Goals of a fleet, on the same machine.
const (
	GoalBeats      = 0.3     // of a core, for a thousand workers
	GoalQueueRate  = 0.8     // from a long line, of the rate from a short one
	GoalSlots      = 2       // of another tenant before a single job
	GoalQueueBytes = 1 << 30 // with 100,000 jobs in line
	workerLease    = 15 * time.Second
	twoBeats       = 10 * time.Second
	// GoalNoticed is two missed heartbeats, and a moment to ask the server whether it has noticed.
	GoalNoticed = twoBeats + 500*time.Millisecond
	// GoalElsewhere is when the jobs of a lost worker have been done by another.
	GoalElsewhere = workerLease + 2*time.Second
)

// FleetLines puts the figures of a server with a fleet into words.
func FleetLines(r load.FleetReport) []Line {
	lines := []Line{
		{
			Name:  fmt.Sprintf("heartbeats of %d workers that have %d jobs", r.Beats.Workers, r.Beats.Jobs),
			Value: fmt.Sprintf("%.2f of a core (%.3f without)", r.Beats.Share, r.Beats.IdleShare),
			Goal:  fmt.Sprintf("< %.1f of a core", GoalBeats), Missed: r.Beats.Share >= GoalBeats,
		},
		{Name: "server's memory with them", Value: mebibytes(r.Beats.Bytes)},
		{
			Name: "a worker killed right after a heartbeat: gets nothing more after", Value: seconds(r.Lost.Noticed),
			Goal: "≤ " + seconds(GoalNoticed), Missed: r.Lost.Noticed > GoalNoticed,
		},
		{
			Name: fmt.Sprintf("its %d jobs done by another after", r.Lost.Jobs), Value: seconds(r.Lost.Elsewhere),
			Goal: "≤ " + seconds(GoalElsewhere), Missed: r.Lost.Elsewhere > GoalElsewhere,
		},
	}
	lines = append(lines, queueLines(r.Queues)...)
	return append(lines,
		turnLine(r.Turn.Queued, r.Turn.Slots),
		Line{
			Name:  fmt.Sprintf("chains with a plain CAP worker, %d runs in flight", r.CAP.InFlight),
			Value: fmt.Sprintf("%s (native: %s, %.2f of it)", rate(r.CAP.CAP), rate(r.CAP.Native), ratio(r.CAP.CAP, r.CAP.Native)),
		},
		Line{
			Name: fmt.Sprintf("%d lines of jobs' logs, stored", r.Lines.Sent), Value: fmt.Sprintf("%.0f lines/s", r.Lines.PerSecond),
			Goal: "none left out", Missed: r.Lines.Dropped > 0,
		},
	)
}

// queueLines compares the longest line with the shortest one.
func queueLines(queues []load.Queue) []Line {
	var lines []Line
	for i, q := range queues {
		line := Line{Name: fmt.Sprintf("%d jobs in line", q.Depth), Value: fmt.Sprintf("%.0f jobs/s", q.JobsPerSecond)}
		if i > 0 {
			of := ratio(q.JobsPerSecond, queues[0].JobsPerSecond)
			line.Value += fmt.Sprintf(" (%.2f)", of)
			line.Goal, line.Missed = fmt.Sprintf("≥ %.1f of the first", GoalQueueRate), of < GoalQueueRate
		}
		lines = append(lines, line)
		if i > 0 {
			lines = append(lines, Line{
				Name: "server's memory with them", Value: mebibytes(q.Bytes), Goal: "< " + mebibytes(GoalQueueBytes), Missed: q.Bytes >= GoalQueueBytes,
			})
		}
	}
	return lines
}

func turnLine(queued, slots int) Line {
	return Line{
		Name: fmt.Sprintf("another tenant's job behind %d in line", queued), Value: fmt.Sprintf("%d slots later", slots),
		Goal: fmt.Sprintf("≤ %d", GoalSlots), Missed: slots > GoalSlots,
	}
}

// PlacementLines puts the figures of the scheduler alone into words.
func PlacementLines(r placement.Report) []Line {
	var lines []Line
	for _, d := range r.Decisions {
		kinds := "alike"
		if d.Kinds > 1 {
			kinds = "each of its own kind"
		}
		lines = append(lines, Line{
			Name:  fmt.Sprintf("a decision at %d workers, %s", d.Workers, kinds),
			Value: fmt.Sprintf("%s, %.1f allocations", d.PerOp, d.Allocs), Floor: times(d.PerOp, d.Floor.PerOp),
			Goal: "< " + d.Goal.String(), Missed: d.PerOp >= d.Goal,
		})
	}
	for i, q := range r.Queues {
		line := Line{Name: fmt.Sprintf("%d jobs in line, for each", q.Depth), Value: q.PerOp.String(), Floor: times(q.PerOp, q.Floor.PerOp)}
		if first := r.Queues[0]; i > 0 {
			line.Value += fmt.Sprintf(" (%.2f of the rate)", ratio(float64(first.PerOp), float64(q.PerOp)))
			line.Floor += fmt.Sprintf(" (%.2f)", ratio(float64(first.Floor.PerOp), float64(q.Floor.PerOp)))
		}
		lines = append(lines, line)
	}
	return append(lines, turnLine(r.Turn.Queued, r.Turn.Slots))
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// times is the floor's figure and the ratio to it.
func times(value, floor time.Duration) string {
	return fmt.Sprintf("%s (%.1f times it)", floor, ratio(float64(value), float64(floor)))
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
