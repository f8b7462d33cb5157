package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
	"cordum.dev/cordum/safety/channel"
	"cordum.dev/cordum/safety/kernel"
	sdk "cordum.dev/cordum/sdk/go"
	"cordum.dev/cordum/steps/builtin"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/pebble"
	"cordum.dev/cordum/web"
)

// server is everything that one process runs. build makes it; run starts it, in the order of its fields, and stops it
// in reverse.
type server struct {
	cfg        serveConfig
	log        *slog.Logger
	policyName string

	listener net.Listener // taken first: a taken port is told before anything is touched
	store    *pebble.Store
	nats     *bus.Server
	bus      *bus.NATS
	engine   *runner.Runner
	policy   *kernel.Kernel // nil when decisions are made elsewhere
	remote   *remoteKernel  // nil when they are made here
	builtin  *sdk.Worker
	gateway  *gateway.Gateway
	teller   *channel.Teller
	tracer   *tracer // nil: no traces
}

// build opens and connects everything. Nothing serves yet. What was opened is closed again when something fails.
func build(ctx context.Context, cfg serveConfig, log *slog.Logger) (s *server, err error) {
	s = &server{cfg: cfg, log: log}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Addr); err != nil {
		return s, listenFailed("addr", cfg.Addr, err)
	}
	if s.store, err = openStore(cfg, log); err != nil {
		return s, err
	}
	if err := s.openBus(); err != nil {
		return s, err
	}
	metrics := newMetrics()
	documents := &engineDocs{}
	if err := s.openKernel(documents, metrics); err != nil {
		return s, err
	}
	engine := runner.Config{Lanes: cfg.Lanes, Kernel: s.kernel(), Logger: log, Registry: metrics, Crash: crashHook(), Roles: s.rolesNow, FourEyes: !cfg.Dev}
	if engine.Audit, err = cfg.auditConfig(); err != nil {
		return s, err
	}
	if cfg.OTLPEndpoint != "" {
		if s.tracer, err = newTracer(ctx, cfg.OTLPEndpoint); err != nil {
			return s, err
		}
		engine.Tracer = s.tracer
	}
	if s.engine, err = runner.New(engine, s.store, s.bus); err != nil {
		return s, err
	}
	documents.engine = s.engine
	if err := s.loadKernel(ctx); err != nil {
		return s, err
	}
	worker := cfg.builtinWorker()
	worker.Conn, worker.Logger, worker.Egress.Own = s.bus.Conn(), log, s.ownPorts()
	if s.builtin, err = builtin.NewWorker(worker); err != nil {
		return s, err
	}
	s.gateway, err = gateway.New(gateway.Config{
		Dev: cfg.Dev, APIKeys: cfg.APIKeys, Tenant: cfg.Tenant, Version: versionName(), Hosts: cfg.Hosts, Origins: cfg.Origins,
		Metrics: metrics, MetricsPublic: cfg.MetricsPublic, Logger: log, Page: web.Handler(), Rate: cfg.Rate,
		PublicRate: cfg.PublicRate, Ping: cfg.Ping, Policy: s.kernel().Snapshot, Kernel: s.policy,
		Approvers: cfg.approvers(),
	}, gateway.Adapt(s.engine))
	if err != nil {
		return s, err
	}
	s.teller, err = s.newTeller(cfg)
	return s, err
}

// devSecretPrefix begins the variables that hold secrets with --dev.
const devSecretPrefix = "CORDUM_SECRET_"

// builtinWorker is what the built-in worker is told of the settings.
func (c *serveConfig) builtinWorker() builtin.Config {
	w := builtin.Config{
		Egress: builtin.Egress{Allow: c.EgressAllow}, Channels: c.Channels, Secrets: builtin.Secrets{Dir: c.SecretsDir},
	}
	if c.Dev {
		w.Secrets.Lookup = func(name string) (string, bool) { return os.LookupEnv(devSecretPrefix + name) }
	}
	return w
}

// ownPorts are those on which this process listens: no http step calls them.
func (s *server) ownPorts() []uint16 {
	var ports []uint16
	for _, addr := range []string{s.listener.Addr().String(), s.nats.Addr()} {
		if at, err := netip.ParseAddrPort(addr); err == nil {
			ports = append(ports, at.Port())
		}
	}
	return ports
}

func newMetrics() *prometheus.Registry {
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return metrics
}

func openStore(cfg serveConfig, log *slog.Logger) (*pebble.Store, error) {
	s, err := pebble.Open(pebble.Config{Dir: cfg.DataDir, Partitions: cfg.Partitions, Logger: log})
	switch {
	case errors.Is(err, store.ErrLocked):
		return nil, fmt.Errorf("the data folder %s is in use by another process\n"+
			"  stop the other server, or give this one a folder of its own: --data-dir DIR", cfg.DataDir)
	case errors.Is(err, store.ErrNewer):
		return nil, fmt.Errorf("the data folder %s was written by a newer version of cordum: use that version or a later one (%w)", cfg.DataDir, err)
	case err != nil:
		return nil, fmt.Errorf("cannot open the data folder (--data-dir): %w", err)
	}
	return s, nil
}

// openBus starts the embedded NATS server and connects to it from inside.
func (s *server) openBus() error {
	host, port, err := net.SplitHostPort(s.cfg.NATSAddr)
	if err != nil {
		return usagef("--nats-addr: %w", err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return usagef("--nats-addr: %w", err)
	}
	if host == "" {
		host = "0.0.0.0"
	}
	cfg := bus.ServerConfig{Host: host, Port: n, Logger: s.log, Open: s.cfg.Dev}
	if !s.cfg.Dev {
		cfg.Worker = bus.Credentials{User: s.cfg.WorkerUser, Password: s.cfg.WorkerPassword, Token: s.cfg.WorkerToken}
	}
	if s.nats, err = bus.NewServer(cfg); err != nil {
		return err
	}
	if err := s.nats.Start(); err != nil {
		return listenFailed("nats-addr", s.cfg.NATSAddr, err)
	}
	s.bus, err = bus.Connect(bus.ConnectConfig{InProcess: s.nats, Name: "cordum-engine", Logger: s.log})
	return err
}

func isTaken(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, bus.ErrPortTaken)
}

// run runs every part until ctx ends or one of them fails, then stops them in reverse and closes what build opened.
// ready is called once, when the server can take work.
func (s *server) run(ctx context.Context, ready func()) error {
	defer s.close()
	parts := slices.Concat([]part{
		{"store", s.watchStore},
		{"NATS server", s.nats.Run},
		{"bus connection", s.closeBus},
		{"engine", s.engine.Run},
	}, s.kernelParts(), []part{
		{"built-in worker", s.builtin.Run},
		{"teller of approvals", s.teller.Run},
		{"gateway", func(ctx context.Context) error { return s.gateway.Run(ctx, s.listener) }},
		{"start", func(ctx context.Context) error { return s.whenReady(ctx, ready) }},
	})
	if s.tracer != nil {
		parts = append([]part{{"traces", s.tracer.run}}, parts...)
	}
	return runAll(ctx, parts)
}

// closeBus waits for its turn to stop: after everything that speaks over the connection, before the server at its other
// end.
func (s *server) closeBus(ctx context.Context) error {
	<-ctx.Done()
	return s.bus.Close()
}

// watchStore ends the process when the store says that its disk cannot be trusted any more.
func (s *server) watchStore(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.store.Failed():
		return s.store.Err()
	}
}

// whenReady calls ready when the engine takes work, then only waits.
func (s *server) whenReady(ctx context.Context, ready func()) error {
	ticker := time.NewTicker(readyPoll)
	defer ticker.Stop()
	for s.engine.Health(ctx) != nil || !s.kernelReady() {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
	ready()
	<-ctx.Done()
	return nil
}

// close releases what build took, in reverse. A second call does nothing.
func (s *server) close() {
	if s.bus != nil {
		if err := s.bus.Close(); err != nil {
			s.log.Warn("closing the bus", "error", err)
		}
		s.bus = nil
	}
	if s.nats != nil {
		s.nats.Close()
		s.nats = nil
	}
	if s.store != nil {
		if err := s.store.Close(); err != nil {
			s.log.Warn("closing the store", "error", err)
		}
		s.store = nil
	}
	if s.listener != nil {
		_ = s.listener.Close() // the gateway has closed it already when it ran
		s.listener = nil
	}
}

func (s *server) mode() string {
	if s.cfg.Dev {
		return "dev"
	}
	return "server"
}

// httpURL is where this machine reaches the server.
func (s *server) httpURL() string { return "http://" + reachable(s.listener.Addr().String()) }

func (s *server) natsURL() string { return "nats://" + reachable(s.nats.Addr()) }

// reachable replaces the address that means every interface by loopback.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
