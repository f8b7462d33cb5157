package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine/remote"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
	"cordum.dev/cordum/safety/channel"
	"cordum.dev/cordum/safety/kernel"
	sdk "cordum.dev/cordum/sdk/go"
	"cordum.dev/cordum/steps/builtin"
	"cordum.dev/cordum/store/backup"
	"cordum.dev/cordum/web"
)

// server is everything that one process runs. build makes it; run starts it, in the order of its fields, and stops it
// in reverse.
type server struct {
	cfg        serveConfig
	log        *slog.Logger
	policyName string

	listener net.Listener // taken first: a taken port is told before anything is touched
	store    serverStore  // nil: no engine is here
	metrics  *prometheus.Registry
	nats     *bus.Server // nil: elsewhere
	bus      *bus.NATS
	cap      capWorkers
	engine   *runner.Runner // nil: in other processes
	calls    *remote.Client // to engines in other processes; nil: there are none
	answers  *remote.Server // for their gateways; nil: there are none
	policy   *kernel.Kernel // nil when decisions are made elsewhere
	remote   *remoteKernel  // nil when they are made here
	builtin  *sdk.Worker    // with the engine
	gateway  *gateway.Gateway
	teller   *channel.Teller // with the engine
	shelf    *backup.Shelf   // nil: no folder for backups
	tracer   *tracer         // nil: no traces
	drain    drain
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
	if cfg.has(roleEngine) {
		if s.store, err = openStore(ctx, &cfg, log); err != nil {
			return s, err
		}
	}
	if err := s.openBus(); err != nil {
		return s, err
	}
	metrics := newMetrics()
	s.metrics = metrics
	documents := &engineDocs{}
	if err := s.openKernel(documents, metrics); err != nil {
		return s, err
	}
	if err := s.openEngine(ctx, metrics); err != nil {
		return s, err
	}
	api, calls, err := s.openCalls()
	if err != nil {
		return s, err
	}
	documents.engine = calls
	if err := s.loadKernel(ctx); err != nil {
		return s, err
	}
	s.openShelf()
	s.gateway, err = gateway.New(gateway.Config{
		Dev: cfg.Dev, APIKeys: cfg.APIKeys, Tenant: cfg.Tenant, Version: versionName(), Hosts: cfg.Hosts, Origins: cfg.Origins,
		Metrics: metrics, MetricsPublic: cfg.MetricsPublic, Logger: log, Page: web.Handler(), Rate: cfg.Rate,
		PublicRate: cfg.PublicRate, Ping: cfg.Ping, Stop: min(cfg.drainPart(), gateway.StopTimeout), Policy: s.kernel().Snapshot, Kernel: s.policy,
		Approvers: cfg.approvers(), Backups: s.backups(),
		ProbesOnly: !cfg.has(roleGateway), Role: s.role(),
	}, api)
	if err != nil || s.engine == nil {
		return s, err
	}
	s.teller, err = s.newTeller(cfg)
	return s, err
}

// openEngine makes the engine of this process, if it has one, and the worker beside it.
func (s *server) openEngine(ctx context.Context, metrics *prometheus.Registry) error {
	if !s.cfg.has(roleEngine) {
		return nil
	}
	engine, err := s.engineConfig(ctx, metrics)
	if err != nil {
		return err
	}
	if s.engine, err = runner.New(engine, s.cfg.crash.storeOf(s.store), s.cfg.crash.busOf(s.bus)); err != nil {
		return err
	}
	worker := s.cfg.builtinWorker()
	worker.Conn, worker.Logger, worker.Egress.Own, worker.DrainTimeout = s.bus.Conn(), s.log, s.ownPorts(), s.cfg.drainPart()
	if engine.Peers != nil {
		worker.ID = builtin.DefaultID + "-" + engine.Owner
	}
	s.builtin, err = builtin.NewWorker(worker)
	if s.nats != nil {
		s.nats.Admit(s.engine)
	}
	return err
}

// engineConfig is what the engine is told, and opens what is only for it: traces, and what plain CAP workers need.
func (s *server) engineConfig(ctx context.Context, metrics *prometheus.Registry) (engine runner.Config, err error) {
	cfg := &s.cfg
	engine = runner.Config{
		Lanes: cfg.Lanes, Build: versionName(), Kernel: s.kernel(), Logger: s.log, Registry: metrics, Crash: cfg.crash.hook(), Roles: s.rolesNow, FourEyes: !cfg.Dev,
		Trust: cfg.Trust.trust(), DeadLetters: cfg.Dead.config(), Retention: cfg.Retain.config(), Fleet: cfg.Fleet.files(), FleetReload: cfg.Fleet.Reload,
	}
	if s.nats != nil {
		engine.Trust.Door = s.nats
	}
	if cfg.shared() {
		engine.Peers, engine.Owner = &runner.Peers{Drain: cfg.drainPart()}, "e"+strings.ToLower(rand.Text())
		engine.Trust.Workers = append(engine.Trust.Workers, builtin.DefaultID+"-"+engine.Owner)
	}
	if engine.Audit, err = cfg.auditConfig(); err != nil {
		return engine, err
	}
	if cfg.OTLPEndpoint != "" {
		if s.tracer, err = newTracer(ctx, cfg.OTLPEndpoint); err != nil {
			return engine, err
		}
		engine.Tracer = s.tracer
	}
	err = s.openCAP(ctx, &engine)
	return engine, err
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
	nats := ""
	if s.nats != nil {
		nats = s.nats.Addr()
	}
	for _, addr := range []string{s.listener.Addr().String(), nats, s.cap.addr()} {
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

// openBus connects to the bus: where the settings say, else to the embedded NATS server, which it starts, from inside.
func (s *server) openBus() error {
	if s.cfg.NATS.external() {
		cfg, err := s.cfg.NATS.connect()
		if err != nil {
			return usagef("%w", err)
		}
		cfg.Name, cfg.Logger = "cordum-"+strings.Join(s.cfg.Roles, "-"), s.log
		if s.bus, err = bus.Connect(cfg); err != nil {
			return fmt.Errorf("%w\n  --nats-url (NATS_URL) says where it is; leave it out for the built-in one", err)
		}
		return nil
	}
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
	cfg := bus.ServerConfig{Host: host, Port: n, Logger: s.log, Open: s.cfg.Dev, OwnSubjectsOnly: s.cfg.Trust.ownSubjectsOnly(), Trusted: ownWorkers()}
	if !s.cfg.Dev {
		cfg.Worker = bus.Credentials{User: s.cfg.WorkerUser, Password: s.cfg.WorkerPassword, Token: s.cfg.WorkerToken}
	}
	cfg.StreamDir = s.cfg.streamDir()
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
	parts := slices.Concat(s.storeParts(), s.busParts(), s.engineParts(), s.kernelParts(), s.shelfParts(), s.workParts(), []part{
		{"gateway", func(ctx context.Context) error { return s.gateway.Run(ctx, s.cfg.crash.listenerOf(s.listener)) }},
		{"start", func(ctx context.Context) error { return s.whenReady(ctx, ready) }},
	})
	if s.tracer != nil {
		parts = append([]part{{"traces", s.tracer.run}}, parts...)
	}
	return runAll(ctx, s.drain.watch(parts))
}

// closeBus waits for its turn to stop: after everything that speaks over the connection, before the server at its other
// end.
func (s *server) closeBus(ctx context.Context) error {
	<-ctx.Done()
	return s.bus.Close()
}

// whenReady calls ready when the engine takes work, then only waits.
func (s *server) whenReady(ctx context.Context, ready func()) error {
	ticker := time.NewTicker(readyPoll)
	defer ticker.Stop()
	for s.health(ctx) != nil || !s.kernelReady() {
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
	s.cap.close()
	if s.calls != nil {
		_ = s.calls.Close() // the bus is closed next
		s.calls = nil
	}
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

// natsURL is where this machine reaches the bus, without passwords.
func (s *server) natsURL() string {
	if s.nats != nil {
		return "nats://" + reachable(s.nats.Addr())
	}
	return bus.WithoutUsers(s.cfg.NATS.URL)
}

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
