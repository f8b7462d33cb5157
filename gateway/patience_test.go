package gateway

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// TestUnknownOutcomes: 504 says where the run or the job would be seen, and does not say more than is known.
func TestUnknownOutcomes(t *testing.T) {
	for name, c := range map[string]struct {
		run, job, location string
	}{
		"run":     {"07R", "", prefix + "/runs/07R"},
		"job":     {"07R", "07R.job~0", prefix + "/jobs/07R.job~0"},
		"neither": {"", "", ""},
	} {
		p := problemOf(fmt.Errorf("start: %w", &runner.UnknownError{Run: c.run, Job: c.job, Cause: errors.New("secret cause")}))
		if p == nil || p.Code != "outcome_unknown" || p.Status != 504 {
			t.Fatalf("%s: %+v", name, p)
		}
		if got := p.GetHeaders().Get("Location"); got != c.location {
			t.Errorf("%s: Location %q, want %q", name, got, c.location)
		}
		if p.GetHeaders().Get("Retry-After") == "" || strings.Contains(p.Detail, "secret") || strings.Contains(p.Detail, "Location") != (c.location != "") {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// TestReadsChangeNothing: who only reads is not told to find out what was done, whatever kept the answer away.
func TestReadsChangeNothing(t *testing.T) {
	for _, cause := range []error{runner.ErrUnavailable, context.DeadlineExceeded} {
		p := ofRead(problemOf(fmt.Errorf("list: %w", cause)))
		if p.Status != 503 || p.Code != "unavailable" || p.Detail != nothingDone || p.GetHeaders().Get("Retry-After") == "" {
			t.Errorf("%v: %+v", cause, p)
		}
	}
	if p := problemOf(fmt.Errorf("start: %w: %w", runner.ErrNotTaken, context.DeadlineExceeded)); p.Code != "unavailable" || !strings.Contains(p.Detail, nothingDone) {
		t.Errorf("what nobody took is told as %q: %s", p.Code, p.Detail)
	}
	if p := ofRead(problemOf(runner.ErrNotFound)); p.Code != "not_found" || p.Detail == nothingDone {
		t.Errorf("%+v", p)
	}
}

// silent is an engine that does not answer until it is not waited for.
type silent struct{ Engine }

func (silent) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Minute):
		return errors.New("nobody lost patience")
	}
}

func (s silent) Command(ctx context.Context, _ runner.Caller, _ string, _ runner.Command) (runner.RunView, error) {
	return runner.RunView{}, s.wait(ctx)
}

func (s silent) DeleteJob(ctx context.Context, _ runner.Caller, _ string) error { return s.wait(ctx) }

func (s silent) RetryDead(ctx context.Context, _ runner.Caller, _ string) (runner.DeadRetried, error) {
	return runner.DeadRetried{}, s.wait(ctx)
}

func (s silent) DeleteDead(ctx context.Context, _ runner.Caller, _ string) error { return s.wait(ctx) }

// TestPatience: an engine that does not answer is not waited for without end.
func TestPatience(t *testing.T) {
	a := newAPI(t, nil)
	a.g.engine = patient{silent{a.g.engine}, time.Millisecond}
	job := runID(1) + ".job~0"
	for _, call := range [][2]string{
		{"POST", "/runs/" + runID(1) + "/pause"}, {"DELETE", "/jobs/" + job}, {"POST", "/dlq/" + job + "/retry"}, {"DELETE", "/dlq/" + job},
	} {
		a.call(call[0], prefix+call[1], "").want(504, "deadline_exceeded")
	}
}
