package remote

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/bus/wire/kernel"
	"cordum.dev/cordum/safety"
)

// ServerConfig is what a server is told.
type ServerConfig struct {
	// Snapshot answers the rules in force, at once; nil while they are not known, and nothing is decided then. Needed.
	Snapshot func() *safety.Snapshot
	// TLS is what connections are made with, client certificates included; nil: they are not encrypted.
	TLS *tls.Config
	// Token must be shown by who asks, MinToken to MaxToken characters; empty: none is asked for.
	Token  string
	Logger *slog.Logger // default: nowhere
}

// Server is a safety kernel that others ask over gRPC.
type Server struct {
	cfg      ServerConfig
	gate     gate
	stopping chan struct{}
	once     sync.Once
}

// NewServer checks what it is told. Nothing listens until Run.
func NewServer(cfg ServerConfig) (*Server, error) {
	if cfg.Snapshot == nil {
		return nil, errors.New("safety kernel server: no snapshot source is given")
	}
	if err := CheckToken(cfg.Token); err != nil {
		return nil, fmt.Errorf("safety kernel server: %w", err)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Server{cfg: cfg, gate: newGate(cfg.Token), stopping: make(chan struct{})}, nil
}

// CheckToken tells what is wrong with a token. An empty one is none.
func CheckToken(token string) error {
	if n := len(token); token != "" && (n < MinToken || n > MaxToken) {
		return fmt.Errorf("the token has %d characters, %d to %d are needed: make one with: openssl rand -hex 32", n, MinToken, MaxToken)
	}
	for i := range len(token) {
		if token[i] <= ' ' || token[i] > '~' {
			return errors.New("the token has characters other than visible ASCII")
		}
	}
	return nil
}

// Run serves on a listener, which it closes, until ctx ends. Calls under way then have a moment to end. A server runs once.
func (s *Server) Run(ctx context.Context, on net.Listener) error {
	server := grpc.NewServer(s.options()...)
	kernel.RegisterSafetyKernelServer(server, answerer{server: s})
	healthpb.RegisterHealthServer(server, &health{ready: s.ready, stopping: s.stopping})
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(&bounded{Listener: on, most: MaxConnections}) }()
	select {
	case err := <-ended:
		return fmt.Errorf("safety kernel server: %w", err)
	case <-ctx.Done():
	}
	s.once.Do(func() { close(s.stopping) })
	drain := time.AfterFunc(drainTime, server.Stop)
	server.GracefulStop()
	drain.Stop()
	<-ended
	return nil
}

func (s *Server) ready() bool {
	select {
	case <-s.stopping:
		return false
	default:
		return s.cfg.Snapshot() != nil
	}
}

// options bound everything that a caller can make large or long.
func (s *Server) options() []grpc.ServerOption {
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(MaxMessage),
		grpc.MaxSendMsgSize(MaxMessage),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.MaxHeaderListSize(maxHeader),
		grpc.ConnectionTimeout(handshakeTime),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionAge: connectionAge, MaxConnectionAgeGrace: maxCall, Time: pingAfter, Timeout: pingTimeout,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingAfter / 2, PermitWithoutStream: true}),
		grpc.WaitForHandlers(true),
		grpc.InTapHandle(s.gate.admit),
		grpc.UnaryInterceptor(s.fence),
	}
	if s.cfg.TLS != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(s.cfg.TLS)))
	}
	return options
}

// fence keeps a panic to its call. Its words may hold values of the question, so only its place is logged.
func (s *Server) fence(ctx context.Context, in any, call *grpc.UnaryServerInfo, next grpc.UnaryHandler) (out any, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.cfg.Logger.Error("the safety kernel panicked", "method", call.FullMethod, "stack", string(debug.Stack()))
			out, err = nil, status.Error(codes.Internal, "the safety kernel failed")
		}
	}()
	return next(ctx, in)
}

// answerer is the service.
type answerer struct {
	kernel.UnimplementedSafetyKernelServer
	server *Server
}

// Check is Evaluate under its older name.
func (a answerer) Check(ctx context.Context, q *wire.PolicyCheckRequest) (*wire.PolicyCheckResponse, error) {
	return a.Evaluate(ctx, q)
}

// Simulate is Evaluate: an answer has no effect here, whoever releases a job records it.
func (a answerer) Simulate(ctx context.Context, q *wire.PolicyCheckRequest) (*wire.PolicyCheckResponse, error) {
	return a.Evaluate(ctx, q)
}

// Evaluate decides by the rules in force.
func (a answerer) Evaluate(_ context.Context, q *wire.PolicyCheckRequest) (*wire.PolicyCheckResponse, error) {
	_, _, out, err := a.decide(q)
	return out, err
}

// Explain decides, and says how the decision came about: a safety.Explanation in JSON.
func (a answerer) Explain(_ context.Context, q *wire.PolicyCheckRequest) (*wire.PolicyCheckResponse, error) {
	s, r, out, err := a.decide(q)
	if err != nil {
		return nil, err
	}
	if out.Explanation, err = json.Marshal(safety.Explain(s, r)); err != nil {
		return nil, status.Error(codes.Internal, "the explanation cannot be written")
	}
	return out, nil
}

// ListSnapshots names the snapshot in force, and its rules when the caller wants them and has others.
func (a answerer) ListSnapshots(_ context.Context, in *wire.ListSnapshotsRequest) (*wire.ListSnapshotsResponse, error) {
	s, err := a.snapshot()
	if err != nil {
		return nil, err
	}
	out := &wire.ListSnapshotsResponse{Snapshots: []string{s.Digest()}}
	if in.GetWithRules() && in.GetKnown() != s.Digest() {
		out.Rules = s.Canonical()
	}
	return out, nil
}

// decide answers a question, with what it was read as and decided by.
func (a answerer) decide(q *wire.PolicyCheckRequest) (*safety.Snapshot, safety.Request, *wire.PolicyCheckResponse, error) {
	s, err := a.snapshot()
	if err != nil {
		return nil, safety.Request{}, nil, err
	}
	r, err := readQuestion(q)
	if err != nil {
		return nil, r, nil, status.Error(codes.InvalidArgument, err.Error())
	}
	d := safety.Evaluate(s, r)
	out, err := answer(&d, r.Hash())
	if err != nil {
		return nil, r, nil, status.Error(codes.Internal, err.Error())
	}
	if !q.GetNative() {
		narrowForCAP(out, &d, q.GetMeta())
	}
	return s, r, out, nil
}

func (a answerer) snapshot() (*safety.Snapshot, error) {
	if s := a.server.cfg.Snapshot(); s != nil {
		return s, nil
	}
	return nil, status.Error(codes.Unavailable, "no policy is in force")
}
