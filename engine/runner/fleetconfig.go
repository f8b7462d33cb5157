package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cordum.dev/cordum/config"
)

// FleetFiles are the files that say how the fleet is set up, as the process that serves sees them. A document of the API is
// laid over a file: of what both name, the document's counts.
type FleetFiles interface {
	// Pools answers the text of pools.yaml and what to call it; an empty text when there is none.
	Pools() (src []byte, name string, err error)
	// Timeouts answers the text of timeouts.yaml likewise.
	Timeouts() (src []byte, name string, err error)
}

// The documents over the files: of this kind, by these names.
const (
	configKind   = "config"
	PoolsDoc     = "pools"
	TimeoutsDoc  = "timeouts"
	drainKind    = "drain"
	drainPools   = "pool:"
	drainWorkers = "worker:"

	// These end the name of a source: it is a file, or the document over it.
	fileSource     = " file"
	documentSource = " document"
)

// fleetSettings is what is in force of the fleet's configuration. The pointers are replaced whole; what they point at does
// not change.
type fleetSettings struct {
	fleet    atomic.Pointer[config.Fleet]
	topics   atomic.Pointer[answers[string, config.Topic]] // what fleet says of topics
	times    atomic.Pointer[config.Timeouts]
	jobTimes atomic.Pointer[answers[jobKind, config.TopicTimeouts]] // what times say of jobs
	drains   atomic.Pointer[map[string]Drain]
	reading  sync.Mutex    // one reload at a time
	base     *config.Fleet // guarded by reading: what was read last and is good
	begun    bool          // guarded by reading: something was in force before
	mu       sync.Mutex
	sources  map[string]*fleetSource // guarded by mu
}

// fleetSource is a file or a document as it was read last.
type fleetSource struct {
	ETag    string
	ReadAt  time.Time
	Problem string // why what is there now is not in force; empty when it is
	unread  bool   // what is there now is not known: the store did not answer
	empty   bool   // it says nothing, or is not there
}

// fleetConfig is how the fleet is set up. Never nil.
func (r *Runner) fleetConfig() *config.Fleet { return r.fleet.fleet.Load() }

// timeouts are how long things may take that do not say so. Never nil.
func (r *Runner) timeouts() *config.Timeouts { return r.fleet.times.Load() }

// drained are the workers that people let run empty.
func (r *Runner) drained() map[string]bool {
	out := make(map[string]bool)
	for name := range *r.fleet.drains.Load() {
		if worker, ok := strings.CutPrefix(name, drainWorkers); ok {
			out[worker] = true
		}
	}
	return out
}

func (s *fleetSettings) init() {
	s.sources = make(map[string]*fleetSource)
	s.base = &config.Fleet{}
	s.useFleet(s.base)
	s.useTimeouts(&config.Timeouts{})
	s.drains.Store(&map[string]Drain{})
}

// keepFleet looks at the files and documents again and again until ctx ends.
func (r *Runner) keepFleet(ctx context.Context) error {
	ticker := time.NewTicker(r.cfg.FleetReload)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			r.reloadFleet(ctx)
		}
	}
}

// reloadFleet puts what the files and documents say now in force. What is wrong of it leaves the old in force, and is said
// once.
func (r *Runner) reloadFleet(ctx context.Context) {
	s := &r.fleet
	s.reading.Lock()
	defer s.reading.Unlock()
	drains, err := r.readDrains(ctx)
	if err != nil {
		r.cfg.Logger.Warn("drains cannot be read now", "error", err)
		drains = *s.drains.Load()
	}
	s.drains.Store(&drains)
	if fleet, ok := reloadOf(ctx, r, PoolsDoc, r.poolsFile, config.ParseFleet); ok {
		s.base = fleet
	}
	if times, ok := reloadOf(ctx, r, TimeoutsDoc, r.timeoutsFile, config.ParseTimeouts); ok {
		s.useTimeouts(times)
	}
	s.useFleet(drainedFleet(r.withTopicPools(s.base), drains))
	s.begun = true
	r.dispatch.configure()
}

// loadFleet is the first reload. Nothing is in force yet that a wrong file, or a document that cannot be read, could leave there,
// and without it workers might get what they must not: the error says what is wrong.
func (r *Runner) loadFleet(ctx context.Context) error {
	drains, err := r.readDrains(ctx)
	if err != nil {
		return err
	}
	r.fleet.drains.Store(&drains)
	r.reloadFleet(ctx)
	r.fleet.mu.Lock()
	defer r.fleet.mu.Unlock()
	for _, doc := range []string{PoolsDoc, TimeoutsDoc} {
		if s := r.fleet.sources[doc+fileSource]; s != nil && s.Problem != "" {
			return fmt.Errorf("the %s%s cannot be put in force: correct it, and start again: %s", doc, fileSource, s.Problem)
		}
		if s := r.fleet.sources[doc+documentSource]; s != nil && s.unread {
			return fmt.Errorf("the %s document cannot be read: %s: %w", doc, s.Problem, ErrUnavailable)
		}
	}
	return nil
}

func (r *Runner) poolsFile() ([]byte, string, error) {
	if r.cfg.Fleet == nil {
		return nil, "", nil
	}
	return r.cfg.Fleet.Pools()
}

func (r *Runner) timeoutsFile() ([]byte, string, error) {
	if r.cfg.Fleet == nil {
		return nil, "", nil
	}
	return r.cfg.Fleet.Timeouts()
}

// reloadOf reads a file and the document over it. It is false when one of them cannot be taken: the old stays. Where there is none,
// a document that does not fit its file any more is left out.
func reloadOf[T any](ctx context.Context, r *Runner, doc string, file func() ([]byte, string, error), parse func([]byte, string, ...*T) (*T, error)) (*T, bool) {
	src, name, err := file()
	base := (*T)(nil)
	if err == nil {
		base, err = parse(src, name)
	}
	if !r.fleet.note(r, doc+fileSource, name, src, err) {
		return nil, false
	}
	d, err := r.Doc(ctx, configKind, doc)
	if errors.Is(err, ErrNotFound) {
		r.fleet.forget(doc + documentSource)
		return base, true
	}
	whole := base
	if err == nil {
		whole, err = parse(d.Value, doc+" (document)", base)
	}
	if !r.fleet.note(r, doc+documentSource, doc+" (document)", d.Value, err) {
		return base, !r.fleet.begun
	}
	return whole, true
}

// note remembers what became of a source, and tells the log of what is new. It answers whether the source is good.
func (s *fleetSettings) note(r *Runner, source, name string, src []byte, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := fleetSource{ETag: ETag(src), ReadAt: r.now(), empty: len(src) == 0}
	if err != nil {
		now.Problem, now.unread = err.Error(), errors.Is(err, ErrUnavailable)
	}
	before := s.sources[source]
	s.sources[source] = &now
	switch {
	case before != nil && before.ETag == now.ETag && before.Problem == now.Problem:
	case now.unread:
		r.cfg.Logger.Warn("configuration cannot be read at the moment: what is in force stays", "source", source, "name", name, "error", err)
	case err != nil:
		r.metrics.configRefused.Inc()
		r.cfg.Logger.Error("configuration refused: the one before stays in force", "source", source, "name", name, "error", err)
	case before != nil || len(src) > 0:
		r.cfg.Logger.Info("configuration in force", "source", source, "name", name, "bytes", len(src))
	}
	return err == nil
}

func (s *fleetSettings) forget(source string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sources, source)
}

// drainedFleet is a fleet with the pools draining that people drain.
func drainedFleet(f *config.Fleet, drains map[string]Drain) *config.Fleet {
	if len(drains) == 0 {
		return f
	}
	out := *f
	out.Pools = maps.Clone(f.Pools)
	if out.Pools == nil {
		out.Pools = make(map[string]config.Pool)
	}
	for name := range drains {
		if pool, ok := strings.CutPrefix(name, drainPools); ok {
			p := out.Pools[pool]
			p.Draining = true
			out.Pools[pool] = p
		}
	}
	return &out
}

// FleetConfig is a configuration document with its state.
type FleetConfig struct {
	Name     string         `json:"name" enum:"pools,timeouts"`
	Document string         `json:"document" doc:"The text of the document, laid over the file's; empty when there is none"`
	ETag     string         `json:"etag,omitempty" doc:"Of the document: what If-Match takes"`
	Sources  []ConfigSource `json:"sources"`
}

// ConfigSource is a file or a document and what became of it.
type ConfigSource struct {
	Source  string    `json:"source" doc:"pools file, pools document, …"`
	ReadAt  time.Time `json:"read_at"`
	Empty   bool      `json:"empty,omitempty" doc:"It says nothing, or is not there"`
	Problem string    `json:"problem,omitempty" doc:"Why what it says now is not in force; what it said before is"`
}

// ConfigDocument answers one of the documents that are laid over the files.
func (r *Runner) ConfigDocument(ctx context.Context, name string) (FleetConfig, error) {
	out := FleetConfig{Name: name, Sources: []ConfigSource{}}
	if name != PoolsDoc && name != TimeoutsDoc {
		return out, fmt.Errorf("configuration %.64q: %w", name, ErrNotFound)
	}
	d, err := r.Doc(ctx, configKind, name)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return out, err
	}
	out.Document, out.ETag = string(d.Value), d.ETag
	r.fleet.mu.Lock()
	defer r.fleet.mu.Unlock()
	for _, source := range []string{name + fileSource, name + documentSource} {
		if s := r.fleet.sources[source]; s != nil {
			out.Sources = append(out.Sources, ConfigSource{Source: source, ReadAt: s.ReadAt, Empty: s.empty, Problem: s.Problem})
		}
	}
	return out, nil
}

// PutConfigDocument replaces one of the documents, or removes it when the text is empty, and puts it in force. What cannot be
// read is an [InvalidError] and changes nothing.
func (r *Runner) PutConfigDocument(ctx context.Context, c Caller, name, text string, ifMatch *string) (FleetConfig, error) {
	var err error
	switch name {
	case PoolsDoc:
		var base *config.Fleet
		if src, file, readErr := r.poolsFile(); readErr == nil {
			base, _ = config.ParseFleet(src, file) // a file that is wrong is said where it is read
		}
		_, err = config.ParseFleet([]byte(text), name, base)
	case TimeoutsDoc:
		_, err = config.ParseTimeouts([]byte(text), name)
	default:
		return FleetConfig{}, fmt.Errorf("configuration %.64q: %w", name, ErrNotFound)
	}
	if err != nil {
		return FleetConfig{}, &InvalidError{Code: "invalid_config", Message: err.Error()}
	}
	change := DocChange{Kind: configKind, Name: name, IfMatch: ifMatch}
	if text != "" {
		change.Value = []byte(text)
	}
	if err := r.ChangeDocs(ctx, c, "config.change", configKind+"/"+name, change); err != nil {
		return FleetConfig{}, err
	}
	r.reloadFleet(ctx)
	return r.ConfigDocument(ctx, name)
}

// standardOf is what the installation says of a node's job: what holds where its step says nothing.
func (lr *live) standardOf(node int32) config.TopicTimeouts {
	if lr.jobs[node] == nil {
		return config.TopicTimeouts{}
	}
	return lr.settings.job(jobKind{lr.jobs[node].Topic, lr.run.Workflow})
}

// queueTimeout is how long an attempt may wait for a worker: as its step says, or else its topic. 0 is for ever.
func (lr *live) queueTimeout(node int32) time.Duration {
	return cmp.Or(lr.run.Spec(node).Def.QueueTimeout, lr.standardOf(node).Dispatch)
}
