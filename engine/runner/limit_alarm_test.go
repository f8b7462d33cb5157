package runner

import (
	"testing"
	"time"

	"cordum.dev/cordum/scheduler"
)

// TestAlarmOfBusyLimitRings has commits follow one another so closely that the alarm of a limit falls due while one of them is made:
// the holder that nobody speaks of is still asked about.
func TestAlarmOfBusyLimitRings(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	l := &lane{r: &Runner{cfg: Config{Now: func() time.Time { return now }}}}
	h := &limitHome{name: limitName{id: "busy"}, limit: scheduler.NewLimit(scheduler.LimitConcurrent, limitPatience)}
	h.limit.Take(now, scheduler.LimitAsk{Job: "a", Terms: scheduler.LimitTerms{Max: 1}})
	l.setLimitAlarm(h)
	due := h.alarm.due
	if want := now.Add(limitPatience); !due.Equal(want) {
		t.Fatalf("alarm at %v, want %v", due, want)
	}
	now = due.Add(time.Millisecond) // a commit has taken its time
	l.setLimitAlarm(h)
	if !h.alarm.due.Equal(due) {
		t.Errorf("the alarm was put off to %v", h.alarm.due)
	}
}
