package safety

import (
	"testing"

	"pgregory.net/rapid"

	"cordum.dev/cordum/dag"
)

// TestDurationsAreThoseOfWorkflows: both readers of durations take and refuse the same texts, for the same lengths.
func TestDurationsAreThoseOfWorkflows(t *testing.T) {
	same := func(t interface{ Errorf(string, ...any) }, s string) {
		got, err := parseDuration(s)
		want, wantErr := dag.ParseDuration(s)
		if got != want || (err == nil) != (wantErr == nil) {
			t.Errorf("%q: %s, %v; in a workflow %s, %v", s, got, err, want, wantErr)
		}
		if err == nil && formatDuration(got) != dag.FormatDuration(got) {
			t.Errorf("%s is written %s, in a workflow %s", got, formatDuration(got), dag.FormatDuration(got))
		}
	}
	for _, s := range []string{"", "P", "PT", "P1DT", "0s", "366d", "366d1ms", "367d", "1h30m", "30m1h", "99999999999999999999s", "1.5h", "-1s", "PT5M", "P7D", "5", "s", "1 s"} {
		same(t, s)
	}
	rapid.Check(t, func(t *rapid.T) {
		same(t, rapid.StringMatching(`P?([0-9]{1,3}[dD])?T?([0-9]{1,3}[hH])?([0-9]{1,6}[mM])?([0-9]{0,4}(ms|s|S))?`).Draw(t, "duration"))
	})
}
