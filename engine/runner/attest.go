package runner

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/config"
)

// Trust says what is asked of topics, of jobs and of workers. Its zero value asks nothing.
type Trust struct {
	// Schemas is what becomes of jobs whose topic is not registered, and of inputs and outputs that do not fit their topic's
	// schemas (SCHEMA_ENFORCEMENT).
	Schemas Enforcement
	// Attestation is what becomes of workers that do not show who they are by a credential of their own
	// (WORKER_ATTESTATION).
	Attestation Enforcement
	// Readiness lets a worker get jobs of a topic only while it says that it is ready for it
	// (WORKER_READINESS_REQUIRED); ReadinessTTL is how long that is believed, default DefaultReadinessTTL
	// (WORKER_READINESS_TTL).
	Readiness    bool
	ReadinessTTL time.Duration
	// Workers are ids of workers in this process. They need no credential on their own subjects, where the door lets nobody
	// else speak.
	Workers []string
	// Door is where workers come in; nil: nobody can show a credential by coming in.
	Door Door
}

// Door knows the connections that came in by workers' own credentials. Both methods answer at once.
type Door interface {
	// Inside tells whether there is one of a worker.
	Inside(worker string) bool
	// Disconnect closes those of a worker, and answers how many there were.
	Disconnect(worker string) int
}

// admitBeat tells whether a heartbeat is believed. What it claims beyond the worker's credential is cut out of it, and one of a
// worker that is not ready says that it takes nothing.
func (r *Runner) admitBeat(subject string, p *wire.BusPacket) bool {
	h := p.GetHeartbeat()
	if h == nil {
		return true // none: who reads it says so
	}
	own, ok := r.speaker(subject, wire.SubjectHeartbeat, &h.WorkerId)
	if !ok {
		return false
	}
	c, ok := r.attest(h.WorkerId, own, p.AuthToken, h.AuthToken)
	if !ok {
		return false
	}
	if c != nil {
		r.cut(h, c)
	}
	r.readyBeat(h)
	return true
}

// speaker reads who speaks on a subject that is the worker's own, and refuses whoever says to be somebody else there.
func (r *Runner) speaker(subject, plain string, said *string) (own, ok bool) {
	worker, own := strings.CutPrefix(subject, plain+".")
	if !own {
		return false, true
	}
	if *said != "" && *said != worker {
		r.unattested(worker, "it says that it is another worker")
		return true, false
	}
	*said = worker
	return true, true
}

// attest tells whether a worker's word is taken, and by which credential it was shown; nil where none was asked for or shown.
func (r *Runner) attest(worker string, own bool, tokens ...string) (*credential, bool) {
	trust := &r.cfg.Trust
	if !trust.Attestation.checks() {
		return nil, true
	}
	if slices.Contains(trust.Workers, worker) {
		if own {
			return nil, true
		}
		r.unattested(worker, "it says that it is the server's own worker")
		return nil, trust.Attestation != Enforce
	}
	c := r.registered.now.Load().credentials[worker]
	for _, token := range tokens {
		if token != "" && c.is(token) {
			return c, true
		}
	}
	switch {
	case c == nil:
		r.unattested(worker, "it has no credential of its own")
	case c.RevokedAt != nil:
		r.unattested(worker, "its credential was revoked")
	case own && r.inside(worker):
		return c, true
	default:
		r.unattested(worker, "it did not show its credential")
	}
	return nil, trust.Attestation != Enforce
}

// admitPlain tells whether what came on a subject that all CAP workers share is believed of the worker that it names.
func (r *Runner) admitPlain(p *wire.BusPacket, worker string) bool {
	_, ok := r.attest(worker, false, p.AuthToken)
	return ok
}

// mayServe tells whether a worker's word without a token is believed about jobs of a topic: where workers show who they are, only
// of one whose credential is for the topic. Whoever gets its jobs by queue group may be another than the one they were meant for.
func (r *Runner) mayServe(worker, topic string) bool {
	if r.cfg.Trust.Attestation != Enforce || slices.Contains(r.cfg.Trust.Workers, worker) {
		return true
	}
	c := r.registered.now.Load().credentials[worker]
	return c != nil && c.RevokedAt == nil && slices.ContainsFunc(c.Topics, func(pattern string) bool { return config.Covers(pattern, topic) })
}

// unattested counts a failed attestation and says it, not too often.
func (r *Runner) unattested(worker, why string) {
	r.registered.counts.unattested.Inc()
	if r.registered.say("attestation "+clip(worker)+why, sayAgain) {
		r.cfg.Logger.Warn("attestation failed", "worker_id", clip(worker), "reason", why, "enforced", r.cfg.Trust.Attestation == Enforce)
	}
}

// cut takes out of a heartbeat what the worker's credential is not for.
func (r *Runner) cut(h *wire.Heartbeat, c *credential) {
	pool, topics, capabilities := h.Pool, within(c.Topics, h.Topics), among(c.Capabilities, h.Capabilities)
	if !slices.Contains(c.Pools, pool) {
		pool = ""
	}
	cut := pool != h.Pool || len(topics) != len(h.Topics) || len(capabilities) != len(h.Capabilities)
	if cut {
		r.registered.counts.cut.Inc()
		if r.registered.say("claims "+h.WorkerId, sayAgain) {
			r.cfg.Logger.Warn("a worker claims more than its credential is for", "worker_id", h.WorkerId, "pool", clip(h.Pool), "allowed_pools", c.Pools,
				"topics", without(h.Topics, topics), "capabilities", without(h.Capabilities, capabilities), "enforced", r.cfg.Trust.Attestation == Enforce)
		}
	}
	if r.cfg.Trust.Attestation != Enforce {
		return
	}
	switch {
	case len(h.Topics) == 0:
		topics = c.Topics // who names none would serve whatever its pool does
	case len(topics) == 0:
		h.Draining = true
	}
	h.Pool, h.Topics, h.Capabilities = pool, topics, capabilities
}

// within are the claims that patterns cover.
func within(patterns, claims []string) []string {
	var out []string
	for _, claim := range claims {
		if slices.ContainsFunc(patterns, func(pattern string) bool { return coversAll(pattern, claim) }) {
			out = append(out, claim)
		}
	}
	return out
}

// coversAll tells whether a pattern covers everything that a topic or another pattern covers.
func coversAll(pattern, claim string) bool {
	p, c := strings.Split(pattern, "."), strings.Split(claim, ".")
	for i, token := range p {
		switch {
		case i >= len(c):
			return false
		case token == ">":
			return i == len(p)-1
		case c[i] == ">" || c[i] == "*" && token != "*":
			return false
		case token != "*" && token != c[i]:
			return false
		}
	}
	return len(p) == len(c)
}

func among(allowed, claims []string) []string {
	var out []string
	for _, claim := range claims {
		if slices.Contains(allowed, claim) {
			out = append(out, claim)
		}
	}
	return out
}

// without are the first of some names that others have not, for a log.
func without(all, some []string) []string {
	var out []string
	for _, name := range all {
		if !slices.Contains(some, name) && len(out) < maxNamed {
			out = append(out, clip(name))
		}
	}
	return out
}

// onHandshake takes what a worker says of itself when it comes: which topics it is ready for.
func (r *Runner) onHandshake(m bus.Msg) {
	var p wire.BusPacket
	if proto.Unmarshal(m.Data, &p) != nil || p.GetHandshake() == nil {
		r.metrics.malformed.Inc()
		return
	}
	h := p.GetHandshake()
	if h.Role != wire.ComponentRole_COMPONENT_ROLE_UNSPECIFIED && h.Role != wire.ComponentRole_COMPONENT_ROLE_WORKER {
		return // nothing else is waited for
	}
	own, ok := r.speaker(m.Subject, wire.SubjectHandshake, &h.ComponentId)
	if !ok || h.ComponentId == "" {
		return
	}
	c, ok := r.attest(h.ComponentId, own, p.AuthToken)
	if !ok {
		return
	}
	topics := h.ReadyTopics
	if c != nil && r.cfg.Trust.Attestation == Enforce {
		topics = within(c.Topics, topics)
	}
	r.registered.ready.note(h.ComponentId, topics, r.now())
}

// sayings keeps what is said again and again from filling the log.
type sayings struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// say tells whether something is to be logged now.
func (s *registered) say(what string, pause time.Duration) bool {
	now := time.Now()
	s.said.mu.Lock()
	defer s.said.mu.Unlock()
	if last, ok := s.said.last[what]; ok && now.Sub(last) < pause {
		return false
	}
	if s.said.last == nil || len(s.said.last) >= maxSayings {
		s.said.last = make(map[string]time.Time)
	}
	s.said.last[what] = now
	return true
}

// trustMetrics count what the checks found, also where it is let pass.
type trustMetrics struct {
	misfits, unknownTopics   *prometheus.CounterVec
	unattested, cut, unready prometheus.Counter
}

func newTrustMetrics(reg prometheus.Registerer) trustMetrics {
	at := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"at"})
	}
	one := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := trustMetrics{
		misfits:       at("cordum_schema_validation_failed_total", "Inputs and outputs that did not fit their topic's schema, refused or not."),
		unknownTopics: at("cordum_unknown_topic_total", "Jobs of topics that nobody registered, refused or not."),
		unattested:    one("cordum_worker_attestation_failed_total", "Messages of workers that did not show who they are, refused or not."),
		cut:           one("cordum_worker_claims_cut_total", "Heartbeats that claimed more than the worker's credential is for."),
		unready:       one("cordum_worker_unready_total", "Heartbeats of workers that did not say in time what they are ready for."),
	}
	if reg != nil {
		reg.MustRegister(m.misfits, m.unknownTopics, m.unattested, m.cut, m.unready)
	}
	return m
}
