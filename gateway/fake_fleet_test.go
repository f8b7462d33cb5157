package gateway

import (
	"context"
	"fmt"
	"slices"

	"cordum.dev/cordum/engine/runner"
)

// fakeFleet is the fleet of a fakeEngine.
type fakeFleet struct {
	drains  []runner.Drain
	configs map[string]string
}

func (f *fakeEngine) Pools(_ context.Context, c runner.Caller) []runner.PoolView {
	defer f.lock(c)()
	return []runner.PoolView{{Name: "p", Workers: 1, Slots: 4}}
}

func (f *fakeEngine) Drains(_ context.Context, c runner.Caller) []runner.Drain {
	defer f.lock(c)()
	return append([]runner.Drain{}, f.fleet.drains...)
}

func (f *fakeEngine) SetDrain(_ context.Context, c runner.Caller, of, name string) (runner.Drain, error) {
	defer f.lock(c)()
	d := runner.Drain{Of: of, Name: name, SetBy: c.Actor, Reason: c.Reason}
	f.fleet.drains = append(f.fleet.drains, d)
	return d, nil
}

func (f *fakeEngine) LiftDrain(_ context.Context, c runner.Caller, of, name string) error {
	defer f.lock(c)()
	i := slices.IndexFunc(f.fleet.drains, func(d runner.Drain) bool { return d.Of == of && d.Name == name })
	if i < 0 {
		return fmt.Errorf("drain: %w", runner.ErrNotFound)
	}
	f.fleet.drains = slices.Delete(f.fleet.drains, i, i+1)
	return nil
}

func (f *fakeEngine) ConfigDocument(_ context.Context, name string) (runner.FleetConfig, error) {
	text := f.fleet.configs[name]
	return runner.FleetConfig{Name: name, Document: text, ETag: runner.ETag([]byte(text)), Sources: []runner.ConfigSource{}}, nil
}

func (f *fakeEngine) PutConfigDocument(ctx context.Context, c runner.Caller, name, text string, ifMatch *string) (runner.FleetConfig, error) {
	defer f.lock(c)()
	if ifMatch != nil && *ifMatch != runner.ETag([]byte(f.fleet.configs[name])) {
		return runner.FleetConfig{}, fmt.Errorf("it has changed: %w", runner.ErrConflict)
	}
	if f.fleet.configs == nil {
		f.fleet.configs = map[string]string{}
	}
	f.fleet.configs[name] = text
	return f.ConfigDocument(ctx, name)
}

func (f *fakeEngine) DeleteJob(_ context.Context, c runner.Caller, id string) error {
	defer f.lock(c)()
	return fmt.Errorf("job %s: %w", id, runner.ErrNotFound)
}

func (f *fakeEngine) JobDecisions(_ context.Context, c runner.Caller, id string) ([]runner.DecisionView, error) {
	defer f.lock(c)()
	return nil, fmt.Errorf("job %s: %w", id, runner.ErrNotFound)
}
