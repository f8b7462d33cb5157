package runner

import (
	"maps"
	"slices"
	"sync"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/config"
)

// readiness is what workers said in their handshakes: which topics they are ready for. A native worker says it in every
// heartbeat and needs none.
type readiness struct {
	mu   sync.Mutex
	said map[string]readyWorker
}

type readyWorker struct {
	topics []string
	at     time.Time
}

// note takes a handshake.
func (s *readiness) note(worker string, topics []string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.said == nil {
		s.said = make(map[string]readyWorker)
	}
	if _, known := s.said[worker]; !known && len(s.said) >= maxReady {
		s.makeRoom()
	}
	s.said[worker] = readyWorker{slices.Clone(topics[:min(len(topics), maxReadyTopics)]), now}
}

// makeRoom drops the older half. The caller holds mu.
func (s *readiness) makeRoom() {
	var times []time.Time
	for _, w := range s.said {
		times = append(times, w.at)
	}
	slices.SortFunc(times, time.Time.Compare)
	middle := times[len(times)/2]
	maps.DeleteFunc(s.said, func(_ string, w readyWorker) bool { return !w.at.After(middle) })
}

func (s *readiness) forget(worker string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.said, worker)
}

// topics are those that a worker is ready for; nothing when what it said is older than the TTL.
func (s *readiness) topics(worker string, now time.Time, ttl time.Duration) ([]string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, ok := s.said[worker]
	if !ok || now.Sub(w.at) > ttl {
		return nil, false
	}
	return w.topics, true
}

// readyBeat keeps a worker from jobs that it is not ready for, where that is asked for: a native one is ready for the topics of
// its heartbeat, any other for those of its handshake.
func (r *Runner) readyBeat(h *wire.Heartbeat) {
	if !r.cfg.Trust.Readiness || h.ListsJobs {
		return
	}
	ready, ok := r.registered.ready.topics(h.WorkerId, r.now(), r.readinessTTL())
	if ok && len(h.Topics) > 0 {
		ready = within(ready, h.Topics)
	}
	if h.Topics = ready; len(ready) > 0 {
		return
	}
	h.Draining = true
	r.registered.counts.unready.Inc()
	if r.registered.say("ready "+clip(h.WorkerId), sayAgain) {
		r.cfg.Logger.Warn("a worker gets nothing: it does not say which topics it is ready for", "worker_id", clip(h.WorkerId), "ttl", r.readinessTTL())
	}
}

func (r *Runner) readinessTTL() time.Duration {
	if r.cfg.Trust.ReadinessTTL <= 0 {
		return DefaultReadinessTTL
	}
	return r.cfg.Trust.ReadinessTTL
}

// topicReady tells whether a job may be sent to a topic itself, for whoever listens there: where readiness is asked for, only
// while somebody says to be ready for it.
func (r *Runner) topicReady(topic string) bool {
	if !r.cfg.Trust.Readiness {
		return true
	}
	s, now, ttl := &r.registered.ready, r.now(), r.readinessTTL()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.said {
		if now.Sub(w.at) <= ttl && slices.ContainsFunc(w.topics, func(pattern string) bool { return config.Covers(pattern, topic) }) {
			return true
		}
	}
	return false
}
