package bus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// ErrPortTaken says that another process listens where the server was told to.
var ErrPortTaken = errors.New("bus: port taken")

// ServerConfig says how the embedded server listens and whom it lets in.
type ServerConfig struct {
	// Host is the address to listen on. Default 127.0.0.1.
	Host string
	// Port is the TCP port for workers; 0 and -1 take a free one (read it from Addr).
	Port int
	// DontListen leaves the TCP listener out: only connections of this process are served.
	DontListen bool
	// Worker is what workers must show. Its zero value refuses every worker, unless Open is set.
	Worker Credentials
	// OwnSubjectsOnly keeps those who show Worker from the subjects on which workers with credentials of their own speak for
	// themselves. Then what comes there is known to be from the worker that the subject names.
	OwnSubjectsOnly bool
	// Trusted are ids of workers in this process: nobody who shows Worker speaks on their subjects.
	Trusted []string
	// Open lets everybody on the listener in, with all rights: for a laptop, on loopback only.
	Open bool
	// MaxPayload is the largest message in bytes, MinPayload to MaxPayload. Default MaxPayload.
	MaxPayload int
	// StreamDir is a folder for JetStream's streams; empty: the server keeps nothing and has none.
	StreamDir string
	// Logger gets the server's warnings and errors. Default: none are written.
	Logger *slog.Logger
}

// Server is a NATS server inside this process. It keeps nothing on disk but JetStream's streams, if it has any.
type Server struct {
	cfg   ServerConfig
	door  *door
	fatal chan error // the server's last words; one is kept

	mu      sync.Mutex
	nats    *server.Server // nil until started
	stopped bool
}

// NewServer checks the configuration. Nothing is started.
func NewServer(cfg ServerConfig) (*Server, error) {
	if cfg.Host == "" {
		cfg.Host = "127.0.0.1"
	}
	if cfg.MaxPayload == 0 {
		cfg.MaxPayload = MaxPayload
	}
	if cfg.MaxPayload < MinPayload || cfg.MaxPayload > MaxPayload {
		return nil, fmt.Errorf("bus: MaxPayload is %d bytes, must be from %d to %d", cfg.MaxPayload, MinPayload, MaxPayload)
	}
	if cfg.Port < -1 || cfg.Port > 65535 {
		return nil, fmt.Errorf("bus: %d is no port", cfg.Port)
	}
	if cfg.Open && cfg.Worker != (Credentials{}) {
		return nil, errors.New("bus: an open server has no use for worker credentials: leave one of them out")
	}
	if cfg.Open && !cfg.DontListen && !isLoopback(cfg.Host) {
		return nil, fmt.Errorf("bus: an open server listens on loopback only, not on %q: give workers credentials", cfg.Host)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	s := &Server{cfg: cfg, door: newDoor(&cfg), fatal: make(chan error, 1)}
	s.door.live = s.isLive
	return s, nil
}

// Start starts the server and returns when it takes connections. ErrPortTaken is in the error when another process
// listens there. A server starts once.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopped:
		return ErrClosed
	case s.nats != nil:
		return nil
	}
	if err := s.probePort(); err != nil {
		return err
	}
	ns, err := server.NewServer(s.options())
	if err != nil {
		return fmt.Errorf("bus: cannot set up the embedded server: %w", err)
	}
	ns.SetLogger(serverLog{s.cfg.Logger, s.fatal}, false, false)
	ns.Start()
	if err := s.awaitReady(ns); err != nil {
		ns.Shutdown()
		ns.WaitForShutdown()
		return err
	}
	s.nats = ns
	return nil
}

// Run starts the server if it was not, serves until ctx ends, then closes every connection. Nothing of it is left
// when it returns.
func (s *Server) Run(ctx context.Context) error {
	if err := s.Start(); err != nil {
		return err
	}
	defer s.Close()
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.fatal:
		return err
	}
}

// Close stops the server and waits until it is gone. A second call does nothing.
func (s *Server) Close() {
	s.mu.Lock()
	ns := s.nats
	s.nats, s.stopped = nil, true
	s.mu.Unlock()
	if ns != nil {
		ns.Shutdown()
		ns.WaitForShutdown()
	}
}

// Addr is where the server listens, "127.0.0.1:4222"; empty when it does not.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.nats == nil {
		return ""
	}
	addr := s.nats.Addr()
	if addr == nil {
		return ""
	}
	return addr.String()
}

// URL is what a worker on this machine connects to, "nats://127.0.0.1:4222"; empty when the server does not listen.
func (s *Server) URL() string {
	addr := s.Addr()
	if addr == "" {
		return ""
	}
	return "nats://" + addr
}

// InProcessConn makes a connection of this process, as nats.InProcessServer wants it. Such a connection still has to
// show the server's own credentials, which Connect does.
func (s *Server) InProcessConn() (net.Conn, error) {
	s.mu.Lock()
	ns := s.nats
	s.mu.Unlock()
	if ns == nil {
		return nil, fmt.Errorf("bus: the embedded server does not run: %w", ErrClosed)
	}
	return ns.InProcessConn()
}

// Admit makes workers with credentials of their own known; until then they are refused and come again.
func (s *Server) Admit(w Workers) {
	s.door.mu.Lock()
	defer s.door.mu.Unlock()
	s.door.workers = w
}

// Inside tells whether a connection is there that came in by the worker's own credential.
func (s *Server) Inside(worker string) bool {
	for _, id := range s.door.connections(worker) {
		if s.isLive(id) {
			return true
		}
	}
	return false
}

// Disconnect closes every connection that came in by the worker's own credential, and answers how many. It is for after the
// credential was revoked: whoever shows it again is then refused.
func (s *Server) Disconnect(worker string) (closed int) {
	s.mu.Lock()
	ns := s.nats
	s.mu.Unlock()
	if ns == nil {
		return 0
	}
	for _, id := range s.door.connections(worker) {
		if ns.DisconnectClientByID(id) == nil { // else it is gone already
			closed++
		}
		s.door.drop(worker, id)
	}
	return closed
}

// isLive tells whether a connection is still there.
func (s *Server) isLive(id uint64) bool {
	s.mu.Lock()
	ns := s.nats
	s.mu.Unlock()
	return ns != nil && ns.GetClient(id) != nil
}

// unheard tells that no client listens on a subject. What a stream captures counts as listening to the server, and does not
// here.
func (s *Server) unheard(subject string) bool {
	s.mu.Lock()
	ns := s.nats
	s.mu.Unlock()
	switch {
	case ns == nil:
		return false
	case ns.GlobalAccount().Interest(subject) == 0:
		return true
	case s.cfg.StreamDir == "" || !slices.ContainsFunc(jobSubjects, func(p string) bool { return matches(p, subject) }):
		return false
	}
	all, err := ns.Subsz(&server.SubszOptions{Subscriptions: true, Test: subject, Account: ns.GlobalAccount().GetName(), Limit: 2})
	return err == nil && all.Total <= 1 // the stream of jobs
}

// EngineCredentials are what a connection of this process shows to get all rights: made anew for every server, never
// written anywhere.
func (s *Server) EngineCredentials() Credentials { return s.door.engine }

func (s *Server) options() *server.Options {
	port := s.cfg.Port
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return &server.Options{
		ServerName:                 "cordum",
		Host:                       s.cfg.Host,
		Port:                       port,
		DontListen:                 s.cfg.DontListen,
		NoSigs:                     true,
		NoSystemAccount:            s.cfg.StreamDir == "", // JetStream is offered by that account
		JetStream:                  s.cfg.StreamDir != "",
		StoreDir:                   s.cfg.StreamDir,
		JetStreamMaxMemory:         streamMemory,
		JetStreamMaxStore:          2 * maxStreamBytes,
		DisableJetStreamBanner:     true,
		MaxPayload:                 int32(s.cfg.MaxPayload),
		MaxPending:                 MaxPendingBytes,
		CustomClientAuthentication: s.door,
	}
}

// probePort tells a taken port apart from every other reason not to start, before the server is asked.
func (s *Server) probePort() error {
	if s.cfg.DontListen || s.cfg.Port <= 0 {
		return nil
	}
	addr := net.JoinHostPort(s.cfg.Host, strconv.Itoa(s.cfg.Port))
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return listenError(addr, err)
	}
	return l.Close()
}

func (s *Server) awaitReady(ns *server.Server) error {
	deadline := time.Now().Add(startTimeout)
	for !ns.ReadyForConnections(50 * time.Millisecond) {
		select {
		case err := <-s.fatal:
			return err
		default:
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("bus: the embedded server did not start within %v", startTimeout)
		}
	}
	return nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// serverLog hands the server's log to slog. Debug and trace lines are not asked for.
type serverLog struct {
	log   *slog.Logger
	fatal chan<- error
}

func (l serverLog) Noticef(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l serverLog) Errorf(format string, v ...any)  { l.log.Error(fmt.Sprintf(format, v...)) }
func (l serverLog) Debugf(string, ...any)           {}
func (l serverLog) Tracef(string, ...any)           {}

// Warnf passes a warning on, but for the one about large messages: results of 16 MiB are meant to fit.
func (l serverLog) Warnf(format string, v ...any) {
	if strings.HasPrefix(format, "Maximum payloads over") {
		return
	}
	l.log.Warn(fmt.Sprintf(format, v...))
}

// Fatalf keeps the reason for whoever waits; the process goes on.
func (l serverLog) Fatalf(format string, v ...any) {
	err := fmt.Errorf("bus: the embedded server gave up: "+format, v...)
	select {
	case l.fatal <- err:
	default:
	}
}
