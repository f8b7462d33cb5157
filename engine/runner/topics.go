package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"cordum.dev/cordum/config"
	"cordum.dev/cordum/steps"
)

// topicKind is the kind of documents that registered topics are, by name.
const topicKind = "topic"

// TopicSpec is what somebody says of a topic.
type TopicSpec struct {
	Name          string `json:"name"`
	Description   string `json:"description,omitempty"`
	Pool          string `json:"pool,omitempty"`            // whose workers serve it, where no file or document says
	InputSchema   string `json:"input_schema,omitempty"`    // id of a registered schema
	OutputSchema  string `json:"output_schema,omitempty"`   // the same
	MaxInputBytes int    `json:"max_input_bytes,omitempty"` // 0: what every input may have
}

// TopicView is a registered topic.
type TopicView struct {
	Name          string     `json:"name"`
	Description   string     `json:"description,omitempty"`
	Pool          string     `json:"pool,omitempty" doc:"Whose workers serve it, where pools.yaml or its document does not say"`
	InputSchema   string     `json:"input_schema,omitempty" doc:"Id of the registered schema that inputs of its jobs fit"`
	OutputSchema  string     `json:"output_schema,omitempty" doc:"Id of the registered schema that outputs of its jobs fit"`
	MaxInputBytes int        `json:"max_input_bytes,omitempty"`
	CreatedAt     time.Time  `json:"created_at"`
	CreatedBy     string     `json:"created_by"`
	UpdatedAt     *time.Time `json:"updated_at,omitempty"`
	UpdatedBy     string     `json:"updated_by,omitempty"`
}

// topic is a registered topic with its schemas.
type topic struct {
	TopicView
	input, output *steps.JSONSchema // nil: takes everything
	// broken says that it names a schema which cannot be had: nothing fits it.
	broken bool
}

// linkTopics puts the newest schemas into topics.
func (r *Runner) linkTopics(g *registry, all map[string]*TopicView) map[string]*topic {
	out := make(map[string]*topic, len(all))
	for name, v := range all {
		t := &topic{TopicView: *v}
		for _, link := range []struct {
			schema string
			to     **steps.JSONSchema
		}{{v.InputSchema, &t.input}, {v.OutputSchema, &t.output}} {
			if link.schema == "" {
				continue
			}
			if known := g.schemas[link.schema]; known != nil {
				*link.to = g.compiled[known.Digest]
			}
			if *link.to == nil {
				t.broken = true
				r.cfg.Logger.Error("a registered topic names a schema that cannot be had: nothing fits it", "topic", name, "schema", link.schema)
			}
		}
		out[name] = t
	}
	return out
}

func views(topics map[string]*topic) map[string]*TopicView {
	out := make(map[string]*TopicView, len(topics))
	for name, t := range topics {
		out[name] = &t.TopicView
	}
	return out
}

// CreateTopic registers a topic; one that is registered is ErrConflict.
func (r *Runner) CreateTopic(ctx context.Context, c Caller, spec TopicSpec) (TopicView, error) {
	v, _, err := r.putTopic(ctx, c, spec, true)
	return v, err
}

// PutTopic registers a topic, or replaces all that is said of it. The bool says that it is new.
func (r *Runner) PutTopic(ctx context.Context, c Caller, spec TopicSpec) (TopicView, bool, error) {
	return r.putTopic(ctx, c, spec, false)
}

func (r *Runner) putTopic(ctx context.Context, c Caller, spec TopicSpec, onlyNew bool) (TopicView, bool, error) {
	if err := r.mayChangeDocs(ctx); err != nil {
		return TopicView{}, false, err
	}
	s := &r.registered
	s.changing.Lock()
	defer s.changing.Unlock()
	was := s.now.Load()
	if err := was.checkTopic(&spec); err != nil {
		return TopicView{}, false, err
	}
	old := was.topics[spec.Name]
	switch {
	case old != nil && onlyNew:
		return TopicView{}, false, fmt.Errorf("the topic %s is registered: %w", spec.Name, ErrConflict)
	case old == nil && len(was.topics) >= MaxRegistered:
		return TopicView{}, false, &InvalidError{Code: "invalid_topic", Message: fmt.Sprintf("there are %d topics, and may not be more", MaxRegistered)}
	}
	v := spec.view(old, c.Actor, r.now())
	row, err := json.Marshal(v)
	if err != nil {
		return TopicView{}, false, fmt.Errorf("encode a topic: %w", err)
	}
	if err := r.ChangeDocs(ctx, c, "topic.put", "topic:"+v.Name, DocChange{Kind: topicKind, Name: v.Name, Value: row}); err != nil {
		return TopicView{}, false, err
	}
	all := views(was.topics)
	all[v.Name] = v
	next := was.clone()
	next.topics = r.linkTopics(next, all)
	s.now.Store(next)
	if old == nil && v.Pool != "" || old != nil && old.Pool != v.Pool {
		r.reloadFleet(ctx)
	}
	return *v, old == nil, nil
}

// view is a topic as it will be kept.
func (spec *TopicSpec) view(old *topic, actor string, now time.Time) *TopicView {
	v := &TopicView{
		Name: spec.Name, Description: spec.Description, Pool: spec.Pool, InputSchema: spec.InputSchema, OutputSchema: spec.OutputSchema,
		MaxInputBytes: spec.MaxInputBytes, CreatedAt: now, CreatedBy: actor,
	}
	if old != nil {
		v.CreatedAt, v.CreatedBy, v.UpdatedAt, v.UpdatedBy = old.CreatedAt, old.CreatedBy, &now, actor
	}
	return v
}

// poolName is what names of pools look like: they stand in subjects' queue groups.
var poolName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

func (g *registry) checkTopic(spec *TopicSpec) error {
	bad := func(field, message string) error {
		return &InvalidError{Code: "invalid_topic", Message: "/" + field + ": " + message, Places: []Place{{Pointer: "/" + field, Message: message}}}
	}
	switch {
	case !steps.ValidTopic(spec.Name) || len(spec.Name) > maxDocName:
		return bad("name", fmt.Sprintf("a topic is %s and words of letters, digits, hyphens and underscores, with dots between, at most %d bytes", steps.TopicPrefix, maxDocName))
	case strings.HasPrefix(spec.Name, builtinTopics):
		return bad("name", builtinTopics+" is what the server does itself")
	case spec.Pool != "" && !poolName.MatchString(spec.Pool):
		return bad("pool", "a pool has letters, digits, '.', '_' and '-', at most 128")
	case len(spec.Description) > maxMessage:
		return bad("description", fmt.Sprintf("at most %d bytes", maxMessage))
	case spec.MaxInputBytes < 0 || spec.MaxInputBytes > maxInput:
		return bad("max_input_bytes", fmt.Sprintf("0 to %d", maxInput))
	}
	for field, schema := range map[string]string{"input_schema": spec.InputSchema, "output_schema": spec.OutputSchema} {
		if schema != "" && g.schemas[schema] == nil {
			message := fmt.Sprintf("there is no registered schema %.64q: register it first", schema)
			return &InvalidError{Code: "unknown_schema", Message: "/" + field + ": " + message, Places: []Place{{Pointer: "/" + field, Message: message}}}
		}
	}
	return nil
}

// Topic answers a registered topic.
func (r *Runner) Topic(_ context.Context, _ Caller, name string) (TopicView, error) {
	t := r.registered.now.Load().topics[name]
	if t == nil {
		return TopicView{}, fmt.Errorf("topic %.64q: %w", name, ErrNotFound)
	}
	return t.TopicView, nil
}

// Topics lists up to limit registered topics by name, behind the name after; next is empty on the last page.
func (r *Runner) Topics(_ context.Context, _ Caller, after string, limit int) ([]TopicView, string, error) {
	return pageOf(r.registered.now.Load().topics, after, limit, func(t *topic) TopicView { return t.TopicView })
}

// DeleteTopic forgets a topic. Jobs of it go on; where topics must be registered, no more begin.
func (r *Runner) DeleteTopic(ctx context.Context, c Caller, name string) error {
	if err := r.mayChangeDocs(ctx); err != nil {
		return err
	}
	s := &r.registered
	s.changing.Lock()
	defer s.changing.Unlock()
	was := s.now.Load()
	old := was.topics[name]
	if old == nil {
		return fmt.Errorf("topic %.64q: %w", name, ErrNotFound)
	}
	if err := r.ChangeDocs(ctx, c, "topic.delete", "topic:"+name, DocChange{Kind: topicKind, Name: name}); err != nil {
		return err
	}
	next := was.clone()
	delete(next.topics, name)
	s.now.Store(next)
	if old.Pool != "" {
		r.reloadFleet(ctx)
	}
	return nil
}

// withTopicPools answers a fleet in which registered topics are served by the pools that they name. What the fleet itself says
// of a topic, by name or by a pattern, counts more; where it maps no topic at all, those without a pool stay open to all. The
// fleet that was given is not changed.
func (r *Runner) withTopicPools(f *config.Fleet) *config.Fleet {
	out := *f
	out.Topics = nil
	topics := r.registered.now.Load().topics
	for _, name := range slices.Sorted(maps.Keys(topics)) {
		pool := topics[name].Pool
		if pool == "" {
			continue
		}
		if said, ok := f.Own(name); ok {
			if !slices.Contains(said.Pools, pool) && r.registered.say("pool of "+name, sayAgain) {
				r.cfg.Logger.Warn("a registered topic names another pool than the configuration, which counts", "topic", name, "pool", pool, "pools", said.Pools)
			}
			continue
		}
		if out.Topics == nil {
			if out.Topics = maps.Clone(f.Topics); out.Topics == nil {
				out.Topics = map[string]config.Topic{}
			}
		}
		out.Topics[name] = config.Topic{Pools: []string{pool}}
	}
	if out.Topics == nil {
		return f
	}
	out.Open = !f.Mapped()
	return &out
}
