package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"cordum.dev/cordum/engine/runner"
)

func runWith(states ...string) runner.RunView {
	run := runner.RunView{ID: "R", Workflow: "w", State: "running", StartedAt: time.Now()}
	for i, s := range states {
		run.Steps = append(run.Steps, runner.StepView{ID: fmt.Sprintf("s%d", i), Type: "worker", State: s})
	}
	return run
}

// The picture is replaced, never added to, and never wider or higher than the terminal.
func TestLiveViewStaysInItsPlace(t *testing.T) {
	var out bytes.Buffer
	d := &liveDisplay{p: &printer{w: &out}, size: func() (int, int) { return 40, 6 }, dirty: true}
	if !d.wantsRefresh() {
		t.Fatal("a new view does not want to know anything")
	}
	states := append([]string{"succeeded", "succeeded", "running", "waiting"}, make([]string, 20)...)
	for i := 4; i < len(states); i++ {
		states[i] = "pending"
	}
	run := runWith(states...)
	run.Steps[2].Worker = strings.Repeat("worker", 20)
	d.refresh(run)
	first := out.String()
	lines := strings.Split(strings.TrimSuffix(first, "\n"), "\n")
	if len(lines) > 6 || len(lines) != d.lines {
		t.Errorf("%d lines on a terminal of 6, %d remembered:\n%s", len(lines), d.lines, first)
	}
	for _, line := range lines {
		if utf8.RuneCountInString(line) > 40 {
			t.Errorf("too wide: %q", line)
		}
	}
	if !strings.Contains(first, "s2") || !strings.Contains(first, "s3") || !strings.Contains(first, "and 21 more steps") {
		t.Errorf("what is under way is not shown:\n%s", first)
	}
	out.Reset()
	d.note("hello")
	if want := fmt.Sprintf("\x1b[%dA\x1b[J", len(lines)) + "hello\n"; !strings.HasPrefix(out.String(), want) {
		t.Errorf("a note does not take the picture's place: %q", out.String())
	}
	out.Reset()
	d.finish(run)
	if d.lines != 0 {
		t.Error("the picture stays behind the result")
	}
}

func TestLiveViewReadsOnlyAfterNews(t *testing.T) {
	d := &liveDisplay{p: &printer{w: &bytes.Buffer{}}, size: func() (int, int) { return 80, 24 }, dirty: true}
	d.wantsRefresh()
	d.refresh(runWith("running"))
	d.cost = 0
	if d.wantsRefresh() {
		t.Error("reads again without news")
	}
	d.event(runner.Event{})
	if !d.wantsRefresh() {
		t.Error("does not read after news")
	}
	d.cost = time.Hour
	d.event(runner.Event{})
	if d.wantsRefresh() {
		t.Error("reads all the time although reading is slow")
	}
}

func TestEventLine(t *testing.T) {
	at := time.Date(2026, 11, 21, 12, 0, 1, 234e6, time.Local)
	for want, e := range map[string]runner.Event{
		"12:00:01.234  step backup-db          started       attempt 1  worker w1  tool t": {
			At: at, Type: "step_started", Step: "backup-db", Actor: "user:a",
			Data: map[string]any{"tool": "t", "topic": "job.t", "worker_id": "w1", "attempt": 1.0, "reason": "why the run began", "input": "long"},
		},
		"12:00:01.234  run                     succeeded": {At: at, Type: "run_succeeded", Actor: "system"},
		"12:00:01.234  step b                  skipped       reason when_false": {
			At: at, Type: "step_skipped", Step: "b", Data: map[string]any{"reason": "when_false"},
		},
		"12:00:01.234  approval a              approved      comment x·y  by user:ann": {
			At: at, Type: "approval_approved", Step: "a", Actor: "user:ann", Data: map[string]any{"comment": "x\ny", "by": "user:ann"},
		},
	} {
		if got := eventLine(&printer{}, e); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}
