package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// fakeLocks are the locks of a fakeEngine, by tenant and name: exclusive, for ever, without a line.
type fakeLocks struct {
	held map[string]runner.LockHolder
	last int64
}

func lockKey(c runner.Caller, name string) string { return c.Tenant + "/" + name }

func (f *fakeEngine) AcquireLock(_ context.Context, c runner.Caller, req runner.LockRequest) (runner.LockHolder, error) {
	defer f.lock(c)()
	if h, held := f.locks.held[lockKey(c, req.Name)]; held {
		return h, fmt.Errorf("lock_held: lock %s is held by %s: %w", req.Name, h.Holder, runner.ErrConflict)
	}
	if req.Owner == "" {
		req.Owner = c.Actor
	}
	f.locks.last++
	h := runner.LockHolder{Holder: req.Owner, Kind: "external", Mode: "exclusive", Token: f.locks.last, Since: time.Now().UTC(), By: c.Actor}
	if f.locks.held == nil {
		f.locks.held = map[string]runner.LockHolder{}
	}
	f.locks.held[lockKey(c, req.Name)] = h
	return h, nil
}

func (f *fakeEngine) RenewLock(_ context.Context, c runner.Caller, req runner.LockRequest) (runner.LockHolder, error) {
	defer f.lock(c)()
	h, held := f.locks.held[lockKey(c, req.Name)]
	if !held || req.Token != 0 && h.Token != req.Token {
		return h, fmt.Errorf("lock_lost: acquire %s again: %w", req.Name, runner.ErrConflict)
	}
	return h, nil
}

func (f *fakeEngine) ReleaseLock(_ context.Context, c runner.Caller, req runner.LockRequest) (runner.LockView, error) {
	defer f.lock(c)()
	if _, held := f.locks.held[lockKey(c, req.Name)]; !held {
		return runner.LockView{}, fmt.Errorf("lock_lost: nobody holds %s: %w", req.Name, runner.ErrConflict)
	}
	delete(f.locks.held, lockKey(c, req.Name))
	return f.lockView(c, req.Name), nil
}

func (f *fakeEngine) Lock(_ context.Context, c runner.Caller, name string) (runner.LockView, error) {
	defer f.lock(c)()
	return f.lockView(c, name), nil
}

func (f *fakeEngine) lockView(c runner.Caller, name string) runner.LockView {
	v := runner.LockView{Name: name, State: "free", Holders: []runner.LockHolder{}, Waiters: []runner.LockHolder{}}
	if h, held := f.locks.held[lockKey(c, name)]; held {
		v.State, v.Mode, v.Holding, v.Holders = "held", h.Mode, 1, append(v.Holders, h)
	}
	return v
}

func (f *fakeEngine) Locks(_ context.Context, c runner.Caller, begins, cursor string, limit int) (out []runner.LockView, next string, err error) {
	defer f.lock(c)()
	var names []string
	for key := range f.locks.held {
		if name, own := strings.CutPrefix(key, c.Tenant+"/"); own && strings.HasPrefix(name, begins) && name > cursor {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if len(out) == limit {
			return out, out[limit-1].Name, nil
		}
		out = append(out, f.lockView(c, name))
	}
	return out, "", nil
}
