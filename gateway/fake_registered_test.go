package gateway

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"cordum.dev/cordum/engine/runner"
)

// fakeRegistered are schemas, topics and credentials in memory.
type fakeRegistered struct {
	schemas     map[string]runner.SchemaView
	topics      map[string]runner.TopicView
	credentials map[string]runner.CredentialView
	made        int
}

// have looks something up, or puts it.
func have[T any](all map[string]T, what, name string) (T, error) {
	v, ok := all[name]
	if !ok {
		return v, fmt.Errorf("%s: %w", what, runner.ErrNotFound)
	}
	return v, nil
}

func put[T any](all *map[string]T, name string, v T) (fresh bool) {
	if *all == nil {
		*all = map[string]T{}
	}
	_, known := (*all)[name]
	(*all)[name] = v
	return !known
}

func paged[T any](all map[string]T, after string, limit int) (items []T, next string, err error) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if name <= after {
			continue
		}
		if len(items) == limit {
			return items, next, nil
		}
		items, next = append(items, all[name]), name
	}
	return items, "", nil
}

func (f *fakeEngine) PutSchema(_ context.Context, c runner.Caller, schema, description string, src []byte) (runner.SchemaView, bool, error) {
	defer f.lock(c)()
	if string(src) == `"no schema"` {
		return runner.SchemaView{}, false, &runner.InvalidError{Code: "invalid_schema", Message: "this is no JSON Schema"}
	}
	v := runner.SchemaView{ID: schema, Description: description, Schema: src, Digest: runner.ETag(src)}
	return v, put(&f.registered.schemas, schema, v), nil
}

func (f *fakeEngine) Schema(_ context.Context, c runner.Caller, schema, _ string) (runner.SchemaView, error) {
	defer f.lock(c)()
	return have(f.registered.schemas, "schema", schema)
}

func (f *fakeEngine) Schemas(_ context.Context, c runner.Caller, after string, limit int) ([]runner.SchemaView, string, error) {
	defer f.lock(c)()
	return paged(f.registered.schemas, after, limit)
}

func (f *fakeEngine) DeleteSchema(_ context.Context, c runner.Caller, schema string) error {
	defer f.lock(c)()
	for _, t := range f.registered.topics {
		if t.InputSchema == schema {
			return fmt.Errorf("the topic %s names it: %w", t.Name, runner.ErrConflict)
		}
	}
	_, err := have(f.registered.schemas, "schema", schema)
	delete(f.registered.schemas, schema)
	return err
}

func (f *fakeEngine) CreateTopic(ctx context.Context, c runner.Caller, spec runner.TopicSpec) (runner.TopicView, error) {
	if _, err := f.Topic(ctx, c, spec.Name); err == nil {
		return runner.TopicView{}, fmt.Errorf("it is registered: %w", runner.ErrConflict)
	}
	v, _, err := f.PutTopic(ctx, c, spec)
	return v, err
}

func (f *fakeEngine) PutTopic(_ context.Context, c runner.Caller, spec runner.TopicSpec) (runner.TopicView, bool, error) {
	defer f.lock(c)()
	if spec.InputSchema != "" {
		if _, err := have(f.registered.schemas, "schema", spec.InputSchema); err != nil {
			places := []runner.Place{{Pointer: "/input_schema", Message: "there is no such schema"}}
			return runner.TopicView{}, false, &runner.InvalidError{Code: "unknown_schema", Message: "there is no such schema", Places: places}
		}
	}
	v := runner.TopicView{Name: spec.Name, Pool: spec.Pool, InputSchema: spec.InputSchema, MaxInputBytes: spec.MaxInputBytes}
	return v, put(&f.registered.topics, spec.Name, v), nil
}

func (f *fakeEngine) Topic(_ context.Context, c runner.Caller, name string) (runner.TopicView, error) {
	defer f.lock(c)()
	return have(f.registered.topics, "topic", name)
}

func (f *fakeEngine) Topics(_ context.Context, c runner.Caller, after string, limit int) ([]runner.TopicView, string, error) {
	defer f.lock(c)()
	return paged(f.registered.topics, after, limit)
}

func (f *fakeEngine) DeleteTopic(_ context.Context, c runner.Caller, name string) error {
	defer f.lock(c)()
	_, err := have(f.registered.topics, "topic", name)
	delete(f.registered.topics, name)
	return err
}

func (f *fakeEngine) CreateWorkerCredential(_ context.Context, c runner.Caller, spec runner.CredentialSpec) (runner.CredentialView, string, error) {
	defer f.lock(c)()
	if _, err := have(f.registered.credentials, "credential", spec.Worker); err == nil {
		return runner.CredentialView{}, "", fmt.Errorf("it has one: %w", runner.ErrConflict)
	}
	v := runner.CredentialView{Worker: spec.Worker, State: "active", Topics: spec.Topics}
	put(&f.registered.credentials, spec.Worker, v)
	f.registered.made++
	return v, fmt.Sprintf("token-%d", f.registered.made), nil
}

func (f *fakeEngine) RotateWorkerCredential(ctx context.Context, c runner.Caller, worker string) (runner.CredentialView, string, error) {
	v, err := f.WorkerCredential(ctx, c, worker)
	defer f.lock(c)()
	f.registered.made++
	return v, fmt.Sprintf("token-%d", f.registered.made), err
}

func (f *fakeEngine) WorkerCredential(_ context.Context, c runner.Caller, worker string) (runner.CredentialView, error) {
	defer f.lock(c)()
	return have(f.registered.credentials, "credential", worker)
}

func (f *fakeEngine) WorkerCredentials(_ context.Context, c runner.Caller, after string, limit int) ([]runner.CredentialView, string, error) {
	defer f.lock(c)()
	return paged(f.registered.credentials, after, limit)
}

func (f *fakeEngine) RevokeWorkerCredential(_ context.Context, c runner.Caller, worker string) (runner.CredentialView, error) {
	defer f.lock(c)()
	v, err := have(f.registered.credentials, "credential", worker)
	if v.State = "revoked"; err == nil {
		put(&f.registered.credentials, worker, v)
	}
	return v, err
}
