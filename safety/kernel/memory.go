package kernel

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"cordum.dev/cordum/internal/yamlx"
)

// Memory keeps documents for as long as the process lives, for a kernel that has only its file. It is safe for concurrent
// use.
type Memory struct {
	mu   sync.Mutex
	docs map[string]map[string][]byte
	acts []Act
}

// Act is what was done to the documents of a Memory.
type Act struct {
	Who          Who
	Act, Subject string
}

// NewMemory makes one without documents.
func NewMemory() *Memory { return &Memory{docs: map[string]map[string][]byte{}} }

// Doc implements [Documents].
func (m *Memory) Doc(_ context.Context, kind, name string) (Doc, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, ok := m.docs[kind][name]
	if !ok {
		return Doc{}, ErrNotFound
	}
	return Doc{Kind: kind, Name: name, Value: bytes.Clone(value), ETag: digestOf(value)}, nil
}

// Docs implements [Documents].
func (m *Memory) Docs(_ context.Context, kind, after string, limit int) (docs []Doc, next string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range yamlx.SortedKeys(m.docs[kind]) {
		switch {
		case name <= after:
		case len(docs) == limit:
			return docs, docs[limit-1].Name, nil
		default:
			value := m.docs[kind][name]
			docs = append(docs, Doc{Kind: kind, Name: name, Value: bytes.Clone(value), ETag: digestOf(value)})
		}
	}
	return docs, "", nil
}

// ChangeDocs implements [Documents].
func (m *Memory) ChangeDocs(_ context.Context, who Who, act, subject string, changes ...Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range changes {
		etag := ""
		if value, ok := m.docs[c.Kind][c.Name]; ok {
			etag = digestOf(value)
		}
		if c.IfMatch != nil && *c.IfMatch != etag {
			return ErrConflict
		}
	}
	for _, c := range changes {
		switch {
		case c.Value == nil:
			delete(m.docs[c.Kind], c.Name)
		case m.docs[c.Kind] == nil:
			m.docs[c.Kind] = map[string][]byte{c.Name: bytes.Clone(c.Value)}
		default:
			m.docs[c.Kind][c.Name] = bytes.Clone(c.Value)
		}
	}
	if m.acts = append(m.acts, Act{Who: who, Act: act, Subject: subject}); len(m.acts) > maxUntold {
		m.acts = slices.Delete(m.acts, 0, 1)
	}
	return nil
}

// Acts are the last things that were done, oldest first.
func (m *Memory) Acts() []Act {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.acts)
}
