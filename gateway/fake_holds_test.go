package gateway

import (
	"context"
	"fmt"
	"slices"

	"cordum.dev/cordum/engine/runner"
)

// fakeHolds are the holds of a fakeEngine.
type fakeHolds []runner.Hold

func (f *fakeEngine) Holds(_ context.Context, c runner.Caller) []runner.Hold {
	defer f.lock(c)()
	return append([]runner.Hold{}, f.holds...)
}

func (f *fakeEngine) SetHold(_ context.Context, c runner.Caller, h runner.Hold) (runner.Hold, error) {
	defer f.lock(c)()
	h.ID, h.SetBy = fmt.Sprintf("hold-%d", len(f.holds)+1), c.Actor
	f.holds = append(f.holds, h)
	return h, nil
}

func (f *fakeEngine) LiftHold(_ context.Context, c runner.Caller, hold string) error {
	defer f.lock(c)()
	i := slices.IndexFunc(f.holds, func(h runner.Hold) bool { return h.ID == hold })
	if i < 0 {
		return fmt.Errorf("hold: %w", runner.ErrNotFound)
	}
	f.holds = slices.Delete(f.holds, i, i+1)
	return nil
}
