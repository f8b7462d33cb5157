package gateway

import (
	"context"
	"fmt"
	"strconv"

	"cordum.dev/cordum/engine/runner"
)

// fakeDead are the dead letters of a fakeEngine, by tenant, newest first, and the last redrive.
type fakeDead struct {
	rows    map[string][]runner.DeadLetter
	filter  runner.DeadFilter // of the last call
	redrive runner.Redrive
}

func (f *fakeEngine) DeadLetters(_ context.Context, c runner.Caller, filter runner.DeadFilter, cursor string, limit int) ([]runner.DeadLetter, string, error) {
	defer f.lock(c)()
	f.dead.filter = filter
	from := 0
	if cursor != "" {
		var err error
		if from, err = strconv.Atoi(cursor); err != nil {
			return nil, "", runner.ErrInvalidCursor
		}
	}
	rows := f.dead.rows[c.Tenant]
	to := min(from+limit, len(rows))
	next := ""
	if to < len(rows) {
		next = strconv.Itoa(to)
	}
	return rows[from:to], next, nil
}

func (f *fakeEngine) DeadGroups(_ context.Context, c runner.Caller, filter runner.DeadFilter, _ int) ([]runner.DeadGroup, bool, error) {
	defer f.lock(c)()
	f.dead.filter = filter
	if len(f.dead.rows[c.Tenant]) == 0 {
		return []runner.DeadGroup{}, false, nil
	}
	return []runner.DeadGroup{{Count: len(f.dead.rows[c.Tenant])}}, false, nil
}

func (f *fakeEngine) findDead(c runner.Caller, job string) (int, error) {
	for i, v := range f.dead.rows[c.Tenant] {
		if v.ID == job {
			return i, nil
		}
	}
	return -1, fmt.Errorf("dead letter: %w", runner.ErrNotFound)
}

func (f *fakeEngine) DeadLetter(_ context.Context, c runner.Caller, job string) (runner.DeadLetter, error) {
	defer f.lock(c)()
	i, err := f.findDead(c, job)
	if err != nil {
		return runner.DeadLetter{}, err
	}
	return f.dead.rows[c.Tenant][i], nil
}

func (f *fakeEngine) RetryDead(_ context.Context, c runner.Caller, job string) (runner.DeadRetried, error) {
	defer f.lock(c)()
	i, err := f.findDead(c, job)
	if err != nil {
		return runner.DeadRetried{}, err
	}
	v := &f.dead.rows[c.Tenant][i]
	if v.Ended == "denied" {
		return runner.DeadRetried{}, fmt.Errorf("start it again with rerun: %w", runner.ErrConflict)
	}
	v.State = "retrying"
	return runner.DeadRetried{DeadLetter: *v}, nil
}

func (f *fakeEngine) DeleteDead(_ context.Context, c runner.Caller, job string) error {
	defer f.lock(c)()
	i, err := f.findDead(c, job)
	if err == nil {
		f.dead.rows[c.Tenant] = append(f.dead.rows[c.Tenant][:i:i], f.dead.rows[c.Tenant][i+1:]...)
	}
	return err
}

func (f *fakeEngine) PurgeDead(_ context.Context, c runner.Caller, filter runner.DeadFilter, dryRun bool) (runner.Purged, error) {
	defer f.lock(c)()
	f.dead.filter = filter
	if filter.Empty() {
		return runner.Purged{}, &runner.InvalidError{Code: "invalid_argument", Message: "filter: an empty filter never means all"}
	}
	p := runner.Purged{Matched: len(f.dead.rows[c.Tenant])}
	if !dryRun {
		p.Deleted = p.Matched
		delete(f.dead.rows, c.Tenant)
	}
	return p, nil
}

func (f *fakeEngine) StartRedrive(_ context.Context, c runner.Caller, req runner.RedriveRequest) (runner.Redrive, error) {
	defer f.lock(c)()
	f.dead.filter = req.Filter
	v := runner.Redrive{State: "dry_run", Filter: req.Filter, Rate: req.Rate, Matched: len(f.dead.rows[c.Tenant])}
	if req.DryRun {
		return v, nil
	}
	v.ID, v.State, v.StartedBy = "redrive-1", "running", c.Actor
	f.dead.redrive = v
	return v, nil
}

func (f *fakeEngine) Redrive(_ context.Context, c runner.Caller, redrive string) (runner.Redrive, error) {
	defer f.lock(c)()
	if f.dead.redrive.ID != redrive || c.Tenant != "default" {
		return runner.Redrive{}, fmt.Errorf("redrive: %w", runner.ErrNotFound)
	}
	return f.dead.redrive, nil
}

func (f *fakeEngine) Redrives(_ context.Context, c runner.Caller) ([]runner.Redrive, error) {
	defer f.lock(c)()
	if f.dead.redrive.ID == "" || c.Tenant != "default" {
		return []runner.Redrive{}, nil
	}
	return []runner.Redrive{f.dead.redrive}, nil
}

func (f *fakeEngine) StopRedrive(ctx context.Context, c runner.Caller, redrive string) (runner.Redrive, error) {
	v, err := f.Redrive(ctx, c, redrive)
	if err == nil {
		v.State = "stopped"
	}
	return v, err
}
