package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"cordum.dev/cordum/engine/remote"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
	"cordum.dev/cordum/store"
)

// Roles of a process.
const (
	roleGateway = "gateway" // answers the API
	roleEngine  = "engine"  // owns partitions of the store, and does what is in them
)

func roleRows() []setting {
	row := listOf("roles", []string{"CORDUM_ROLES"}, "what this process does: gateway, engine, or both; one alone needs NATS_URL, and an engine REDIS_URL or --store, which all processes share",
		func(c *serveConfig) *[]string { return &c.Roles })
	set := row.set
	row.set = func(c *serveConfig, v string) error {
		if err := set(c, v); err != nil {
			return err
		}
		for _, role := range c.Roles {
			if role != roleGateway && role != roleEngine {
				return fmt.Errorf("%.64q is no role: write gateway, engine or gateway,engine", role)
			}
		}
		if len(c.Roles) == 0 {
			return fmt.Errorf("a process without a role does nothing: write gateway, engine or gateway,engine")
		}
		return nil
	}
	return []setting{row}
}

func (c *serveConfig) has(role string) bool { return slices.Contains(c.Roles, role) }

// shared tells whether other processes may work on the same store: all that they share is outside of this one.
func (c *serveConfig) shared() bool {
	return c.NATS.external() && (c.Store.external() || !c.has(roleEngine))
}

// refuseRoles says why a process could not do its part alone.
func (c *serveConfig) refuseRoles(say func(string, ...any)) {
	if c.has(roleGateway) && c.has(roleEngine) {
		return
	}
	if !c.NATS.external() {
		say("--roles %s: the other part is reached over NATS, which the built-in one does not offer: name servers with --nats-url, or leave --roles out", c.Roles[0])
	}
	if c.has(roleEngine) && !c.Store.external() {
		say("--roles engine: a folder belongs to one process: name a store for all with REDIS_URL or --store redis://…, or leave --roles out")
	}
}

// caller is the calls of the engine that are used beside the gateway's, wherever it is.
type caller interface {
	Doc(ctx context.Context, kind, name string) (runner.Doc, error)
	Docs(ctx context.Context, kind, after string, limit int) ([]runner.Doc, string, error)
	ChangeDocs(ctx context.Context, c runner.Caller, act, subject string, changes ...runner.DocChange) error
	Decisions(ctx context.Context, c runner.Caller, f runner.Filter, visit func(runner.PastDecision) error) error
	PolicyChanged(ctx context.Context) error
}

// openCalls makes the way to the engines: alone it is the one in this process. The engine, if there is one, has not run yet.
func (s *server) openCalls() (gateway.Engine, caller, error) {
	if !s.cfg.shared() {
		return gateway.Adapt(s.engine), s.engine, nil
	}
	var err error
	if s.calls, err = remote.NewClient(remote.ClientConfig{Own: s.engine, Logger: s.log}, s.bus); err != nil {
		return nil, nil, err
	}
	if s.engine != nil {
		s.engine.Reach(s.calls)
		s.answers = remote.NewServer(s.bus, s.engine, s.log)
		s.metrics.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "cordum_calls_redirected_total", Help: "Calls that came to this engine about what another one serves.",
		}, func() float64 { return float64(s.answers.Redirected()) }))
	}
	return gateway.AdaptFar(s.calls), s.calls, nil
}

// runEngine runs the engine, and says what to do when another process has the store.
func (s *server) runEngine(ctx context.Context) error {
	err := s.engine.Run(ctx)
	if errors.Is(err, store.ErrLeaseHeld) && !s.cfg.shared() {
		return fmt.Errorf("other engines use this store: stop them, or be one of them with the NATS servers that they use (--nats-url, NATS_URL): %w", err)
	}
	return err
}

// engineParts are what runs of the engine.
func (s *server) engineParts() []part {
	if s.engine == nil {
		return nil
	}
	parts := []part{{"engine", s.runEngine}}
	if s.answers != nil { // it answers while the engine gives away what it has
		parts = append([]part{{"calls of gateways", s.answers.Run}}, parts...)
	}
	return append(parts, s.capParts()...)
}

// workParts are what works for the engine in this process.
func (s *server) workParts() []part {
	if s.engine == nil {
		return nil
	}
	if s.cfg.stubs {
		return []part{{"teller of approvals", s.teller.Run}}
	}
	return []part{{"built-in worker", s.builtin.Run}, {"teller of approvals", s.teller.Run}}
}

// storeParts are the store, if it is here.
func (s *server) storeParts() []part {
	if s.store == nil {
		return nil
	}
	return []part{{"store", s.watchStore}}
}

// busParts are the bus, as far as it is here.
func (s *server) busParts() []part {
	parts := []part{{"bus connection", s.closeBus}}
	if s.nats != nil {
		parts = append([]part{{"NATS server", s.nats.Run}}, parts...)
	}
	return parts
}

// health is nil when the engine takes work, in this process or elsewhere.
func (s *server) health(ctx context.Context) error {
	if s.engine != nil {
		return s.engine.Health(ctx)
	}
	return s.calls.Health(ctx)
}

// role is what can be not ready of one of several processes: its engine, or a gateway that finds none.
func (s *server) role() string {
	switch {
	case !s.cfg.shared():
		return ""
	case s.engine != nil:
		return roleEngine
	}
	return roleGateway
}

// storeName says what the store is, for the log.
func (s *server) storeName() string {
	if s.store == nil {
		return "that of the engines"
	}
	return s.store.Describe()
}

// announceRole tells a person what a process does that is only a part.
func (s *server) announceRole(w io.Writer) {
	fmt.Fprintf(w, "Cordum %s, %s of several processes\n\n  HTTP     %s\n  NATS     %s\n  store    %s\n\nCtrl-C stops it.\n", //nolint:errcheck // a banner
		versionName(), s.cfg.Roles[0], s.httpURL(), s.natsURL(), s.storeName())
}
