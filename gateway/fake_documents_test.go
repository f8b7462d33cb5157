package gateway

import (
	"context"
	"fmt"
	"slices"

	"cordum.dev/cordum/engine/runner"
)

// fakeDocs are documents in memory, with what was said when they were changed.
type fakeDocs struct {
	values map[string][]byte // by kind/name
	acts   []string          // act, actor, subject
	reads  int
	refuse string // an act that cannot be recorded
}

func (f *fakeEngine) Doc(_ context.Context, kind, name string) (runner.Doc, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.docs.reads++
	if f.sick != nil {
		return runner.Doc{}, fmt.Errorf("%w: %w", runner.ErrUnavailable, f.sick)
	}
	value, ok := f.docs.values[kind+"/"+name]
	if !ok {
		return runner.Doc{}, fmt.Errorf("%s: %w", kind, runner.ErrNotFound)
	}
	return runner.Doc{Kind: kind, Name: name, Value: value, ETag: runner.ETag(value)}, nil
}

func (f *fakeEngine) Docs(_ context.Context, kind, after string, limit int) ([]runner.Doc, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for key := range f.docs.values {
		if name := key[len(kind)+1:]; key[:len(kind)+1] == kind+"/" && name > after {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	next := ""
	if len(names) > limit {
		names = names[:limit]
		next = names[limit-1]
	}
	var out []runner.Doc
	for _, name := range names {
		value := f.docs.values[kind+"/"+name]
		out = append(out, runner.Doc{Kind: kind, Name: name, Value: value, ETag: runner.ETag(value)})
	}
	return out, next, nil
}

func (f *fakeEngine) ChangeDocs(_ context.Context, c runner.Caller, act, subject string, changes ...runner.DocChange) error {
	defer f.lock(c)()
	if f.docs.refuse == act {
		return fmt.Errorf("%s: %w", act, runner.ErrUnavailable)
	}
	for _, change := range changes {
		have, etag := f.docs.values[change.Kind+"/"+change.Name], ""
		if have != nil {
			etag = runner.ETag(have)
		}
		if change.IfMatch != nil && *change.IfMatch != etag {
			return fmt.Errorf("it has changed: %w", runner.ErrConflict)
		}
	}
	for _, change := range changes {
		if change.Value == nil {
			delete(f.docs.values, change.Kind+"/"+change.Name)
			continue
		}
		f.docs.values[change.Kind+"/"+change.Name] = change.Value
	}
	f.docs.acts = append(f.docs.acts, act+" "+c.Actor+" "+subject)
	return nil
}
