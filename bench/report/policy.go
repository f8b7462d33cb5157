package report

import (
	"fmt"
	"time"

	"cordum.dev/cordum/bench/policy"
)

// PolicyLines puts the figures of decisions into words.
func PolicyLines(figures []policy.Figure) []Line {
	var lines []Line
	for _, f := range figures {
		each := time.Duration(f.PerOp)
		line := Line{
			Name: f.Name, Value: fmt.Sprintf("%s, %d allocations", each, f.Allocs), Goal: "< " + f.Goal.String(),
			Missed: each >= f.Goal || (f.NoAllocs && f.Allocs > 0),
		}
		if f.Floor > 0 {
			line.Floor = fmt.Sprintf("%s (%.1f times it)", time.Duration(f.Floor), f.PerOp/f.Floor)
		}
		if f.NoAllocs {
			line.Goal += ", none"
		}
		lines = append(lines, line)
	}
	return lines
}
