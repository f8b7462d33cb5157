package exec

import (
	"strings"
	"testing"
)

// TestLimitsHold: the kernel keeps a program, and what it starts, within its limits.
func TestLimitsHold(t *testing.T) {
	tool := made(t, Tool{
		// The limits are set right after the start: the program looks until they are there.
		Command: script(t, `n=0; while [ "$(ulimit -n)" != 17 ] && [ $n -lt 500 ]; do sleep 0.01; n=$((n+1)); done; ulimit -n; ulimit -c; ulimit -t; sh -c 'ulimit -n'`),
		Limits:  Limits{OpenFiles: 17, CPUSeconds: 5},
	})
	out, err := tool.call(t.Context(), writes, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(lines(t, out), " "); got != "17 0 5 17" {
		t.Errorf("the limits are %s", got)
	}
}
