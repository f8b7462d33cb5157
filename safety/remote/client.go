package remote

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/bus/wire/kernel"
	"cordum.dev/cordum/safety"
)

// ErrUnavailable says that the kernel gave no answer in time: the job stays pending and is asked about again.
var ErrUnavailable = errors.New("the safety kernel is unavailable")

// ClientConfig is what a client is told.
type ClientConfig struct {
	Addr    string        // HOST:PORT of the kernel; a name with several addresses is several replicas. Needed.
	TLS     *tls.Config   // nil: the connection is not encrypted
	Token   string        // shown with every call; empty: none
	Timeout time.Duration // of one evaluation; default DefaultTimeout
	Logger  *slog.Logger  // default: nowhere
}

// Client asks a safety kernel in another process. It answers nothing by itself: what it cannot ask is an error.
type Client struct {
	cfg   ClientConfig
	conn  atomic.Pointer[connection] // nil unless Run runs
	known atomic.Pointer[knowledge]
	wake  chan struct{} // ask at once which snapshot is in force
}

// connection is what Run holds open.
type connection struct {
	*grpc.ClientConn
	kernel kernel.SafetyKernelClient
}

// NewClient checks what it is told. Nothing connects until Run.
func NewClient(cfg ClientConfig) (*Client, error) {
	if _, _, err := net.SplitHostPort(cfg.Addr); err != nil {
		return nil, fmt.Errorf("safety kernel client: %q is no address: write HOST:PORT: %w", cfg.Addr, err)
	}
	if err := CheckToken(cfg.Token); err != nil {
		return nil, fmt.Errorf("safety kernel client: %w", err)
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Client{cfg: cfg, wake: make(chan struct{}, 1)}
	c.known.Store(&knowledge{next: make(chan struct{})})
	return c, nil
}

// Evaluate asks for a decision. The answer is one that may be gone by: about this job, by the rules in force, in known
// words. Every error means that there is none: ErrUnavailable or ErrAnswer.
func (c *Client) Evaluate(ctx context.Context, r safety.Request) (safety.Decision, error) {
	conn := c.conn.Load()
	if conn == nil {
		return safety.Decision{}, fmt.Errorf("%w: the client does not run", ErrUnavailable)
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	a, err := conn.kernel.Evaluate(c.identify(ctx), question(&r))
	if err != nil {
		return safety.Decision{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	d, err := readAnswer(a, r.Hash())
	if err != nil {
		return safety.Decision{}, err
	}
	if err := c.confirm(ctx, d.Snapshot); err != nil {
		return safety.Decision{}, err
	}
	return d, nil
}

// identify shows the token.
func (c *Client) identify(ctx context.Context) context.Context {
	if c.cfg.Token == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, tokenHeader, tokenPrefix+c.cfg.Token)
}

// Run keeps the connection and the knowledge of which snapshot is in force, until ctx ends. A client runs once.
func (c *Client) Run(ctx context.Context) error {
	conn, err := grpc.NewClient("dns:///"+c.cfg.Addr, c.options()...)
	if err != nil {
		return fmt.Errorf("safety kernel client: %w", err)
	}
	open := &connection{ClientConn: conn, kernel: kernel.NewSafetyKernelClient(conn)}
	c.conn.Store(open)
	c.watch(ctx, open)
	c.conn.Store(nil)
	if err := conn.Close(); err != nil {
		return fmt.Errorf("closing the connection to the safety kernel: %w", err)
	}
	return nil
}

func (c *Client) options() []grpc.DialOption {
	transport := insecure.NewCredentials()
	if c.cfg.TLS != nil {
		transport = credentials.NewTLS(c.cfg.TLS)
	}
	return []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithNoProxy(), // what decides about jobs is not asked through whatever the environment names
		grpc.WithDisableServiceConfig(),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
		grpc.WithDisableRetry(), // the engine tries again, and counts it
		grpc.WithIdleTimeout(0),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxMessage), grpc.MaxCallSendMsgSize(MaxMessage)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingAfter, Timeout: pingTimeout, PermitWithoutStream: true}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: reconnectFirst, Multiplier: 1.6, Jitter: 0.2, MaxDelay: reconnectMost},
			MinConnectTimeout: DefaultTimeout,
		}),
	}
}

// listSnapshots asks which snapshot is in force, and for its rules when they are not those of the digest known.
func (c *Client) listSnapshots(ctx context.Context, conn *connection, known string) (digest string, rules []byte, err error) {
	out, err := conn.kernel.ListSnapshots(c.identify(ctx), &wire.ListSnapshotsRequest{Known: known, WithRules: true})
	if err != nil {
		return "", nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if len(out.GetSnapshots()) == 0 || !isDigest(out.GetSnapshots()[0]) {
		return "", nil, answerErrorf("it does not say which snapshot is in force")
	}
	return out.GetSnapshots()[0], out.GetRules(), nil
}
