package runner

import (
	"sync"

	"cordum.dev/cordum/config"
)

// answers remembers what a configuration says: it may have thousands of patterns, and is asked many times for each job. It is
// replaced with its configuration, and safe for concurrent use.
type answers[K comparable, V any] struct {
	find  func(K) V
	mu    sync.RWMutex
	known map[K]V
}

func newAnswers[K comparable, V any](find func(K) V) *answers[K, V] {
	return &answers[K, V]{find: find, known: make(map[K]V)}
}

func (a *answers[K, V]) of(k K) V {
	a.mu.RLock()
	v, ok := a.known[k]
	a.mu.RUnlock()
	if ok {
		return v
	}
	v = a.find(k)
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.known) >= maxTopicsKnown {
		clear(a.known)
	}
	a.known[k] = v
	return v
}

// jobKind is what the timeouts of a job depend on. Workflow is empty for a job by itself.
type jobKind struct{ topic, workflow string }

// useFleet puts a fleet in force.
func (s *fleetSettings) useFleet(f *config.Fleet) {
	s.fleet.Store(f)
	s.topics.Store(newAnswers(func(topic string) config.Topic {
		if !f.Mapped() {
			return config.Topic{}
		}
		t, _ := f.Topic(topic)
		return t
	}))
}

// useTimeouts puts timeouts in force.
func (s *fleetSettings) useTimeouts(t *config.Timeouts) {
	s.times.Store(t)
	s.jobTimes.Store(newAnswers(func(k jobKind) config.TopicTimeouts { return t.Job(k.topic, k.workflow) }))
}

// topic is what the fleet's configuration says of a topic; the zero value when it says nothing.
func (s *fleetSettings) topic(name string) config.Topic { return s.topics.Load().of(name) }

// job is what the installation says of jobs of a kind. It says nothing where there are no settings.
func (s *fleetSettings) job(k jobKind) config.TopicTimeouts {
	if s == nil {
		return config.TopicTimeouts{}
	}
	return s.jobTimes.Load().of(k)
}
