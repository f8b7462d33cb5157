package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cordum.dev/cordum/steps"
)

// Kinds of documents: schemas by id, their versions' contents by digest, and which workflows name them.
const (
	schemaKind        = "schema"
	schemaVersionKind = "schema.version"
	schemaUseKind     = "schema.use"
)

// SchemaView is a registered JSON Schema.
type SchemaView struct {
	ID          string          `json:"id"`
	Digest      string          `json:"digest" doc:"SHA-256 of the canonical schema: its version"`
	Description string          `json:"description,omitempty"`
	Schema      json.RawMessage `json:"schema,omitempty" doc:"Only when one schema is read"`
	Topics      []string        `json:"topics,omitempty" doc:"Topics that name it; only when one schema is read"`
	Versions    []SchemaVersion `json:"versions,omitempty" doc:"Newest first"`
	CreatedAt   time.Time       `json:"created_at"`
	CreatedBy   string          `json:"created_by"`
}

// SchemaVersion is a version of a registered schema.
type SchemaVersion struct {
	Digest string    `json:"digest"`
	At     time.Time `json:"at"`
	By     string    `json:"by"`
}

// registered is what people registered: schemas, topics and the credentials of workers.
type registered struct {
	now      atomic.Pointer[registry] // never nil; replaced whole
	changing sync.Mutex               // one change at a time
	plans    resolvedPlans
	said     sayings
	ready    readiness
	counts   trustMetrics
}

// registry is what is registered at one moment. It does not change.
type registry struct {
	schemas     map[string]*SchemaView       // by id
	compiled    map[string]*steps.JSONSchema // by digest: the newest of every id
	topics      map[string]*topic
	credentials map[string]*credential // by worker
}

func (s *registered) init(r *Runner) {
	s.now.Store(&registry{
		schemas: map[string]*SchemaView{}, compiled: map[string]*steps.JSONSchema{}, topics: map[string]*topic{}, credentials: map[string]*credential{},
	})
	s.counts = newTrustMetrics(r.cfg.Registry)
}

// loadRegistered reads everything that is registered. A document that cannot be read costs itself, and is said.
func (r *Runner) loadRegistered(ctx context.Context) error {
	r.registered.changing.Lock()
	defer r.registered.changing.Unlock()
	return r.readRegistered(ctx)
}

// readRegistered is loadRegistered for who holds changing.
func (r *Runner) readRegistered(ctx context.Context) error {
	s := &r.registered
	next := &registry{schemas: map[string]*SchemaView{}, compiled: map[string]*steps.JSONSchema{}}
	if err := eachDoc(ctx, r, schemaKind, func(d Doc, v *SchemaView) error {
		compiled, err := r.schemaVersion(ctx, v.Digest)
		if err != nil {
			return err
		}
		next.schemas[d.Name], next.compiled[v.Digest] = v, compiled
		return nil
	}); err != nil {
		return err
	}
	topics := map[string]*TopicView{}
	if err := eachDoc(ctx, r, topicKind, func(d Doc, v *TopicView) error { topics[d.Name] = v; return nil }); err != nil {
		return err
	}
	next.topics = r.linkTopics(next, topics)
	next.credentials = map[string]*credential{}
	if err := eachDoc(ctx, r, credentialKind, func(d Doc, v *credential) error { next.credentials[d.Name] = v; return nil }); err != nil {
		return err
	}
	s.now.Store(next)
	return nil
}

// eachDoc reads every document of a kind.
func eachDoc[T any](ctx context.Context, r *Runner, kind string, take func(Doc, *T) error) error {
	for after := ""; ; {
		docs, next, err := r.Docs(ctx, kind, after, 0)
		if err != nil {
			return fmt.Errorf("read what is registered: %w", err)
		}
		for _, d := range docs {
			v := new(T)
			err := json.Unmarshal(d.Value, v)
			if err == nil {
				err = take(d, v)
			}
			if errors.Is(err, ErrUnavailable) {
				return fmt.Errorf("read %s %s: %w", kind, d.Name, err)
			}
			if err != nil {
				r.cfg.Logger.Error("what is registered cannot be read", "kind", kind, "name", d.Name, "error", err)
			}
		}
		if after = next; after == "" {
			return nil
		}
	}
}

// schemaVersion reads and compiles the version of a schema with a digest.
func (r *Runner) schemaVersion(ctx context.Context, digest string) (*steps.JSONSchema, error) {
	if s := r.registered.now.Load().compiled[digest]; s != nil {
		return s, nil
	}
	d, err := r.Doc(ctx, schemaVersionKind, digest)
	if err != nil {
		return nil, err
	}
	s, err := steps.NewJSONSchema(d.Value)
	if err != nil {
		return nil, fmt.Errorf("schema %.12s no longer compiles: %w", digest, err)
	}
	if s.Digest != digest {
		return nil, fmt.Errorf("schema %.12s has digest %.12s", digest, s.Digest)
	}
	return s, nil
}

// schemaID is what ids of schemas look like: they stand in definitions and addresses.
var schemaID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// PutSchema registers a JSON Schema under an id, or gives the id another version; the same schema again changes nothing. What
// is no schema, or refers to something outside itself, is an *InvalidError. The bool says that the id is new.
func (r *Runner) PutSchema(ctx context.Context, c Caller, schema, description string, src []byte) (SchemaView, bool, error) {
	switch {
	case !schemaID.MatchString(schema):
		return SchemaView{}, false, &InvalidError{Code: "invalid_name", Message: "a schema's id has 1 to 64 letters, digits, '.', '_' and '-', and begins with a letter or digit"}
	case len(src) > MaxSchema:
		return SchemaView{}, false, &InvalidError{Code: "payload_too_large", Message: fmt.Sprintf("a schema has at most %d bytes", MaxSchema)}
	}
	compiled, err := steps.NewJSONSchema(src)
	if err != nil {
		return SchemaView{}, false, &InvalidError{Code: "invalid_schema", Message: err.Error()}
	}
	if err := r.mayChangeDocs(ctx); err != nil {
		return SchemaView{}, false, err
	}
	s := &r.registered
	s.changing.Lock()
	defer s.changing.Unlock()
	was := s.now.Load()
	old := was.schemas[schema]
	if old != nil && old.Digest == compiled.Digest && old.Description == description {
		return r.schemaView(old, compiled), false, nil
	}
	if old == nil && len(was.schemas) >= MaxRegistered {
		return SchemaView{}, false, &InvalidError{Code: "invalid_schema", Message: fmt.Sprintf("there are %d schemas, and may not be more", MaxRegistered)}
	}
	v := nextSchema(old, schema, description, compiled.Digest, c.Actor, r.now())
	row, err := json.Marshal(v)
	if err != nil {
		return SchemaView{}, false, fmt.Errorf("encode a schema: %w", err)
	}
	if err := r.ChangeDocs(ctx, c, "schema.put", "schema:"+schema+" "+shortDigest(v.Digest),
		DocChange{Kind: schemaKind, Name: schema, Value: row}, DocChange{Kind: schemaVersionKind, Name: v.Digest, Value: compiled.Source}); err != nil {
		return SchemaView{}, false, err
	}
	next := was.clone()
	next.schemas[schema], next.compiled[v.Digest] = v, compiled
	next.topics = r.linkTopics(next, views(was.topics))
	s.now.Store(next)
	return r.schemaView(v, compiled), old == nil, nil
}

// nextSchema is an id's row with one version more.
func nextSchema(old *SchemaView, schema, description, digest, actor string, now time.Time) *SchemaView {
	v := &SchemaView{ID: schema, Digest: digest, Description: description, CreatedAt: now, CreatedBy: actor}
	if old != nil {
		v.CreatedAt, v.CreatedBy = old.CreatedAt, old.CreatedBy
		v.Versions = old.Versions
	}
	if old == nil || old.Digest != digest {
		v.Versions = append([]SchemaVersion{{Digest: digest, At: now, By: actor}}, v.Versions...)
	}
	v.Versions = v.Versions[:min(len(v.Versions), maxVersions)]
	return v
}

// clone is a registry to be changed before it is put in force.
func (g *registry) clone() *registry {
	return &registry{
		schemas: maps.Clone(g.schemas), compiled: maps.Clone(g.compiled), topics: maps.Clone(g.topics), credentials: maps.Clone(g.credentials),
	}
}

// schemaView is a schema with its content and who names it.
func (r *Runner) schemaView(v *SchemaView, compiled *steps.JSONSchema) SchemaView {
	out := *v
	out.Digest, out.Schema = compiled.Digest, compiled.Source
	out.Topics = r.registered.now.Load().topicsOf(v.ID)
	return out
}

// topicsOf are the topics that name a schema, sorted.
func (g *registry) topicsOf(schema string) (names []string) {
	for name, t := range g.topics {
		if t.InputSchema == schema || t.OutputSchema == schema {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Schema answers a registered schema with its content: the newest version, or the one with a digest.
func (r *Runner) Schema(ctx context.Context, _ Caller, schema, digest string) (SchemaView, error) {
	v := r.registered.now.Load().schemas[schema]
	if v == nil {
		return SchemaView{}, fmt.Errorf("schema %.64q: %w", schema, ErrNotFound)
	}
	if digest == "" {
		digest = v.Digest
	}
	if !slices.ContainsFunc(v.Versions, func(known SchemaVersion) bool { return known.Digest == digest }) {
		return SchemaView{}, fmt.Errorf("version %.12q of schema %s: %w", digest, schema, ErrNotFound)
	}
	compiled, err := r.schemaVersion(ctx, digest)
	if err != nil {
		return SchemaView{}, err
	}
	return r.schemaView(v, compiled), nil
}

// Schemas lists up to limit registered schemas by id, behind the id after; next is empty on the last page.
func (r *Runner) Schemas(_ context.Context, _ Caller, after string, limit int) ([]SchemaView, string, error) {
	return pageOf(r.registered.now.Load().schemas, after, limit, func(v *SchemaView) SchemaView { return *v })
}

// pageOf lists a part of a map by its keys.
func pageOf[T, V any](all map[string]T, after string, limit int, show func(T) V) (items []V, next string, err error) {
	if limit < 1 || limit > maxLimit {
		limit = defaultLimit
	}
	names := slices.Sorted(maps.Keys(all))
	at, found := slices.BinarySearch(names, after)
	if found {
		at++
	}
	names = names[at:]
	if len(names) > limit {
		names = names[:limit]
		next = names[limit-1]
	}
	items = make([]V, len(names))
	for i, name := range names {
		items[i] = show(all[name])
	}
	return items, next, nil
}

// DeleteSchema forgets a schema that no topic and no workflow's newest version names; else it is ErrConflict. Runs that began
// with it go on with it.
func (r *Runner) DeleteSchema(ctx context.Context, c Caller, schema string) error {
	if err := r.mayChangeDocs(ctx); err != nil {
		return err
	}
	s := &r.registered
	s.changing.Lock()
	defer s.changing.Unlock()
	was := s.now.Load()
	if was.schemas[schema] == nil {
		return fmt.Errorf("schema %.64q: %w", schema, ErrNotFound)
	}
	if topics := was.topicsOf(schema); len(topics) > 0 {
		return fmt.Errorf("the topic %s names it: %w", topics[0], ErrConflict)
	}
	stale, err := r.schemaUses(ctx, schema)
	if err != nil {
		return err
	}
	changes := []DocChange{{Kind: schemaKind, Name: schema}}
	for _, name := range stale {
		changes = append(changes, DocChange{Kind: schemaUseKind, Name: name})
	}
	if err := r.ChangeDocs(ctx, c, "schema.delete", "schema:"+schema, changes...); err != nil {
		return err
	}
	next := was.clone()
	delete(next.schemas, schema)
	s.now.Store(next)
	return nil
}

// schemaUses answers the notes about workflows that named a schema once and do not any more. When one still does it is
// ErrConflict.
func (r *Runner) schemaUses(ctx context.Context, schema string) (stale []string, err error) {
	after := useName(schema, "", "")
	for {
		docs, next, err := r.Docs(ctx, schemaUseKind, after, 0)
		if err != nil {
			return nil, err
		}
		for _, d := range docs {
			rest, is := strings.CutPrefix(d.Name, useName(schema, "", ""))
			if !is {
				return stale, nil
			}
			tenant, workflow, _ := strings.Cut(rest, "~")
			if used, err := r.namesSchema(ctx, tenant, workflow, schema); err != nil || used {
				return nil, errors.Join(err, fmt.Errorf("the workflow %s names it: %w", workflow, ErrConflict))
			}
			stale = append(stale, d.Name)
		}
		if after = next; after == "" {
			return stale, nil
		}
	}
}

// useName is the document that notes that a workflow names a schema.
func useName(schema, tenant, workflow string) string {
	if tenant == "" {
		return schema + "~"
	}
	return schema + "~" + tenant + "~" + workflow
}

func (r *Runner) namesSchema(ctx context.Context, tenant, workflow, schema string) (bool, error) {
	v, err := r.defs.version(ctx, tenant, workflow, "")
	if err == nil {
		var plan *steps.Workflow
		if plan, err = r.defs.plan(ctx, tenant, v.Digest); err == nil {
			return slices.Contains(plan.Schemas(), schema), nil
		}
	}
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return false, err
}
