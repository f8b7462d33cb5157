package config

import (
	"maps"
	"strings"
	"time"

	"cordum.dev/cordum/internal/yamlx"
)

// Limits of the documents.
const (
	// MaxBytes is the largest text of either document.
	MaxBytes = 1 << 20
	// MaxEntries is how many topics, pools or tenants one document may name.
	MaxEntries = 10_000
	// MaxWeight is the greatest weight of a tenant: one turn of the lightest for so many of its own.
	MaxWeight = 100
	// MaxJobs is the greatest limit of jobs at once that means something.
	MaxJobs = 1_000_000
	maxName = 256
)

// DefaultTopic names the entry that stands for every topic that no other entry names.
const DefaultTopic = "job.default"

// Fleet says who may do what: the content of pools.yaml. The zero value maps nothing: any worker that advertises a topic may
// serve it. It is not changed once it is read.
type Fleet struct {
	// Topics by exact name, by NATS pattern ("job.db.*", "job.db.>"), or DefaultTopic.
	Topics  map[string]Topic
	Pools   map[string]Pool
	Tenants map[string]Tenant
	// Open leaves topics that no entry names to whoever advertises them. No document says so: it is for entries that others
	// than documents add where no document maps any topic.
	Open bool

	patterns *patterns // of Topics; nil in one that was not read: they are looked through
}

// Topic is where jobs of a topic may run, and how many.
type Topic struct {
	Pools   []string // names; any of them may serve it
	Rate    Rate     // how many may start; zero: as many as can
	MaxJobs int      // at once, over all tenants; 0: no limit
}

// Rate is so many within a time; the zero value is no limit.
type Rate struct {
	Count int
	Per   time.Duration
}

// Pool is a group of workers, who say in their heartbeats that they belong to it.
type Pool struct {
	Requires []string // capabilities that all its workers have, whether they advertise them or not
	MaxJobs  int      // at once, over all its workers; 0: as many as they take
	Draining bool     // gets nothing new
}

// Tenant is what a tenant may have.
type Tenant struct {
	Weight  int // turns for one of the lightest, 1 to MaxWeight; 0 counts as 1
	MaxJobs int // at once; 0: no limit
}

// Mapped tells whether there is any mapping: without one, workers serve what they advertise.
func (f *Fleet) Mapped() bool { return len(f.Topics) > 0 }

// Topic finds the entry of a topic: its own, else that of the longest pattern that covers it, else DefaultTopic's. It is
// false when there is none.
func (f *Fleet) Topic(name string) (Topic, bool) {
	if t, ok := f.Own(name); ok {
		return t, true
	}
	t, ok := f.Topics[DefaultTopic]
	return t, ok
}

// Own finds what is said of a topic in particular: its own entry, else that of the longest pattern that covers it.
func (f *Fleet) Own(name string) (Topic, bool) { return own(f.Topics, f.patterns, name) }

// own finds what is said of a topic in particular. Without an index the patterns are indexed for this once.
func own[T any](topics map[string]T, index *patterns, name string) (T, bool) {
	if t, ok := topics[name]; ok {
		return t, true
	}
	if index == nil {
		index = indexPatterns(topics)
	}
	t, ok := topics[index.best(name)]
	return t, ok
}

// Weight is how many turns a tenant has for one of the lightest.
func (f *Fleet) Weight(tenant string) int { return max(f.Tenants[tenant].Weight, 1) }

func isPattern(topic string) bool { return strings.ContainsAny(topic, "*>") }

// Covers tells whether a topic or pattern covers a topic: "*" stands for one token, a last ">" for one or more, as in NATS.
func Covers(pattern, topic string) bool {
	for {
		p, morePattern, hasPattern := strings.Cut(pattern, ".")
		if p == ">" {
			return !hasPattern && topic != ""
		}
		t, moreTopic, hasTopic := strings.Cut(topic, ".")
		if t == "" || (p != "*" && p != t) || hasPattern != hasTopic {
			return false
		}
		if !hasPattern {
			return true
		}
		pattern, topic = morePattern, moreTopic
	}
}

// ParseFleet reads pools.yaml; name is what the problems call it. A topic is a pool, a list of pools, or an object {pools,
// rate, max_jobs}. The error is a [Problems].
//
//	topics:
//	  job.db.postgres.backup: [db-pool]
//	  job.mail.>: {pools: [mail-pool], rate: 100/1m, max_jobs: 20}
//	  job.default: [default-pool]
//	pools:
//	  db-pool: {requires: [postgres], max_jobs: 50}
//	  mail-pool:
//	  default-pool: {draining: false}
//	tenants:
//	  acme: {weight: 3, max_jobs: 1000}
//
// Of the fleets under it, if any, everything is kept that the text does not name; they are not changed.
func ParseFleet(src []byte, name string, under ...*Fleet) (*Fleet, error) {
	r, root := open(src, name)
	f := &Fleet{Topics: map[string]Topic{}, Pools: map[string]Pool{}, Tenants: map[string]Tenant{}}
	for _, base := range under {
		if base != nil {
			maps.Copy(f.Topics, base.Topics)
			maps.Copy(f.Pools, base.Pools)
			maps.Copy(f.Tenants, base.Tenants)
		}
	}
	r.known(root, "topics", "pools", "tenants")
	r.entries(root.Get("pools"), "pools", func(e yamlx.Field) { f.Pools[e.Key] = r.pool(e) })
	r.entries(root.Get("topics"), "topics", func(e yamlx.Field) { f.Topics[e.Key] = r.topic(e, f.Pools) })
	r.entries(root.Get("tenants"), "tenants", func(e yamlx.Field) { f.Tenants[e.Key] = r.tenant(e) })
	if err := r.err(); err != nil {
		return nil, err
	}
	f.patterns = indexPatterns(f.Topics)
	return f, nil
}

func (r *reader) pool(e yamlx.Field) (p Pool) {
	r.checkName(e, "pool")
	if e.Value.Kind == yamlx.Null {
		return p
	}
	if !r.known(e.Value, "requires", "max_jobs", "draining", "description") {
		return p
	}
	p.Requires = r.names(e.Value.Get("requires"), "requires")
	p.MaxJobs = r.whole(e.Value.Get("max_jobs"), "max_jobs", MaxJobs)
	p.Draining = r.boolean(e.Value.Get("draining"), "draining")
	return p
}

func (r *reader) topic(e yamlx.Field, pools map[string]Pool) (t Topic) {
	r.checkTopic(e)
	at := e.Value
	if at.Kind == yamlx.Map {
		r.known(at, "pools", "pool", "rate", "max_jobs", "description")
		t.Rate = r.rate(at.Get("rate"))
		t.MaxJobs = r.whole(at.Get("max_jobs"), "max_jobs", MaxJobs)
		if at = e.Value.Get("pools"); at == nil {
			at = e.Value.Get("pool")
		}
		if at == nil {
			r.fail(e.Pos, "topic %q: say which pools serve it: pools: [NAME]", yamlx.Clip(e.Key))
			return t
		}
	}
	t.Pools = r.names(at, "pools")
	if len(t.Pools) == 0 {
		r.fail(e.Pos, "topic %q: a list of pools is expected", yamlx.Clip(e.Key))
	}
	for _, pool := range t.Pools {
		if _, ok := pools[pool]; ok {
			continue
		}
		hint := "add it under pools"
		if near := yamlx.Nearest(pool, yamlx.SortedKeys(pools)); near != "" {
			hint = "did you mean " + near + "?"
		}
		r.fail(at.Pos, "topic %q: there is no pool %q (%s)", yamlx.Clip(e.Key), yamlx.Clip(pool), hint)
	}
	return t
}

func (r *reader) tenant(e yamlx.Field) (t Tenant) {
	r.checkName(e, "tenant")
	if !r.known(e.Value, "weight", "max_jobs") {
		return t
	}
	t.Weight = r.whole(e.Value.Get("weight"), "weight", MaxWeight)
	t.MaxJobs = r.whole(e.Value.Get("max_jobs"), "max_jobs", MaxJobs)
	return t
}
