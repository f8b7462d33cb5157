package report

import (
	"fmt"
	"math"
	"time"

	"cordum.dev/cordum/bench/many"
)

// ManyLines puts the figures of a server with very many runs into words.
func ManyLines(r many.Report) []Line {
	lines := []Line{{
		Name:  fmt.Sprintf("start with %d runs that have ended and %d that have not", r.Config.Finished, r.Config.Live),
		Value: seconds(r.Start), Goal: "< " + seconds(many.GoalStart), Missed: r.Start >= many.GoalStart,
	}}
	for _, l := range r.Lists {
		lines = append(lines, Line{
			Name:  "a list of runs: " + l.Name,
			Value: fmt.Sprintf("p50 %s, p99 %s (%d runs)", millis(l.P50), millis(l.P99), l.Items),
			Goal:  "p99 < " + millis(many.GoalList), Missed: l.P99 >= many.GoalList,
		})
	}
	of := ratio(r.Full.PerSecond, r.Empty.PerSecond)
	return append(lines, Line{
		Name:  "runs started, by 16 at a time",
		Value: fmt.Sprintf("%.0f/s, p50 %s, p99 %s", r.Full.PerSecond, millis(r.Full.P50), millis(r.Full.P99)),
		Floor: fmt.Sprintf("%.0f/s empty (%.2f)", r.Empty.PerSecond, of),
		Goal:  fmt.Sprintf("±%.0f %%", 100*many.GoalSubmit), Missed: math.Abs(of-1) > many.GoalSubmit,
	})
}

// TimerLines puts the figures of a server with very many timers into words.
func TimerLines(r many.Report) []Line {
	return []Line{
		{
			Name: fmt.Sprintf("start with %d timers", r.Config.Timers), Value: seconds(r.StartTimers),
			Goal: "< " + seconds(many.GoalStart), Missed: r.StartTimers >= many.GoalStart,
		},
		{
			Name: "memory then", Value: fmt.Sprintf("%d MiB", r.Resident>>20),
			Floor: fmt.Sprintf("%d MiB empty (%d bytes a timer)", r.ResidentEmpty>>20, (r.Resident-r.ResidentEmpty)/int64(max(r.Config.Timers, 1))),
		},
		{
			Name: "lag of " + r.Lag.Name, Value: fmt.Sprintf("p50 %s, p99 %s, most %s", seconds(r.Lag.P50), seconds(r.Lag.P99), seconds(r.Lag.Max)),
			Goal: "p99 < " + seconds(many.GoalLag), Missed: r.Lag.P99 >= many.GoalLag,
		},
	}
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}
