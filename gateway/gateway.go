package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// Gateway serves the API. It is safe for concurrent use.
type Gateway struct {
	cfg    Config
	log    *slog.Logger
	engine Engine
	ring   keyring   // of the configuration
	keys   *keystore // of the installation
	links  *linkSecret
	csrf   *http.CrossOriginProtection
	meters *meters

	callerRate, publicRate *buckets
	compiling              chan struct{} // one token for each policy that is being compiled for a question

	mux     *http.ServeMux
	routes  map[string]*Route // by "METHOD path"
	api     huma.API
	handler http.Handler
	spec    func() (*specs, error) // made when first asked for
	begun   time.Time

	streams     context.Context // ends when live streams must
	stopStreams context.CancelFunc
	viewers     viewers
	intake      *intake
	lacks       atomic.Pointer[string] // what readiness said last

	slowAfter, writeTimeout time.Duration // SlowAfter and WriteTimeout; tests take less
}

// New makes a gateway in front of an engine. It starts nothing: serve [Gateway.Handler], or call [Gateway.Run].
func New(cfg Config, eng Engine) (*Gateway, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if eng == nil {
		return nil, errors.New("gateway: an engine is needed")
	}
	ring, err := newKeyring(cfg.APIKeys, cfg.Tenant)
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	m, err := newMeters(cfg.Metrics)
	if err != nil {
		return nil, fmt.Errorf("gateway: register metrics: %w", err)
	}
	g := &Gateway{
		cfg: cfg, log: cfg.Logger, engine: patient{eng, cfg.CallTimeout}, ring: ring, keys: newKeystore(eng, time.Now), links: &linkSecret{docs: eng}, meters: m,
		csrf:       http.NewCrossOriginProtection(),
		callerRate: newBuckets(cfg.Rate, time.Now), publicRate: newBuckets(cfg.PublicRate, time.Now),
		compiling: make(chan struct{}, MaxCompiling),
		mux:       http.NewServeMux(), begun: time.Now(),
		slowAfter: SlowAfter, writeTimeout: WriteTimeout, intake: newIntake(),
	}
	for _, o := range cfg.Origins {
		if err := g.csrf.AddTrustedOrigin(o); err != nil {
			return nil, fmt.Errorf("gateway: origin %q: %w", o, err)
		}
	}
	g.streams, g.stopStreams = context.WithCancel(context.Background())
	g.spec = sync.OnceValues(g.render)
	g.register(Routes())
	g.handler = g.edge(g.taking(g.mux))
	return g, nil
}

// Handler answers requests. Serve it with the timeouts of [Gateway.Server].
func (g *Gateway) Handler() http.Handler { return g.handler }

// register binds every route of the table. What is bound without being in the table is refused by the guard.
func (g *Gateway) register(table []Route) {
	humaErrors()
	g.routes = make(map[string]*Route, len(table))
	g.api = humago.New(guardedMux{g}, apiConfig(g.cfg.Version))
	for i := range table {
		r := &table[i]
		g.routes[r.pattern()] = r
		r.bind(g, r)
	}
	g.mux.HandleFunc("/", g.unrouted)
}

// guardedMux is the mux as huma sees it: every handler gets the guard of its route in front.
type guardedMux struct{ g *Gateway }

func (m guardedMux) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	route := m.g.routes[pattern]
	if route == nil {
		route = &Route{} // asks for no role: refused
	}
	m.g.mux.Handle(pattern, m.g.guard(route, http.HandlerFunc(h)))
}

func (m guardedMux) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.g.mux.ServeHTTP(w, r) }

// Server makes an HTTP server with the gateway's timeouts and limits. It sets no timeout for a whole request, as a
// long poll and a stream take theirs; a body has its own.
func (g *Gateway) Server() *http.Server {
	handler := g.handler
	if g.cfg.ProbesOnly {
		handler = probesOnly(handler)
	}
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: HeaderTimeout,
		IdleTimeout:       IdleTimeout,
		MaxHeaderBytes:    MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
	}
}

// Run serves on ln until ctx ends, then stops: it is not ready at once, new requests are answered 503 with Retry-After, live
// streams closed with 1001, requests in flight get [Config.Stop] to finish. When it returns nothing of it is left, and ln is
// closed.
func (g *Gateway) Run(ctx context.Context, ln net.Listener) error {
	srv := g.Server()
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	select {
	case err := <-served:
		g.CloseStreams()
		return fmt.Errorf("gateway: serve on %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.cfg.Stop)
	defer cancel()
	g.stopStreams()
	select {
	case <-g.intake.close():
	case <-stop.Done():
	}
	err := srv.Shutdown(stop)
	if err != nil {
		err = errors.Join(fmt.Errorf("gateway: requests still running after %s: %w", g.cfg.Stop, err), srv.Close())
	}
	<-served
	g.viewers.wait()
	return err
}

// CloseStreams ends every live stream with 1001 and waits for them. New ones are ended at once. Run does it by itself.
func (g *Gateway) CloseStreams() {
	g.stopStreams()
	g.viewers.wait()
}
