package bus

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// ConnectConfig says where to connect: URL or InProcess, not both.
type ConnectConfig struct {
	// URL of an external server, or several with commas.
	URL string
	// InProcess is an embedded server that was started; the connection gets all rights there.
	InProcess *Server
	// Name is shown in the server's list of connections. Default "cordum".
	Name string
	// Credentials for an external server; zero when it wants none.
	Credentials Credentials
	// CredsFile is a NATS credentials file (JWT and key) for an external server.
	CredsFile string
	// NKeyFile is a file with the seed of an nkey for an external server. Of Credentials, CredsFile and NKeyFile one is set at most.
	NKeyFile string
	// TLS is how connections to an external server are made secure; nil: as its URL says.
	TLS *tls.Config
	// Logger gets lost and regained connections and dropped messages. Default: none are written.
	Logger *slog.Logger
}

// NATS is a Bus over one NATS connection. A lost connection is made again for ever, until Close.
type NATS struct {
	conn   *nats.Conn
	server *Server // in this process; nil when it is elsewhere

	mu   sync.Mutex
	subs map[*natsSub]struct{}
}

var _ Bus = (*NATS)(nil)

// Connect makes the first connection; an error says what could not be reached or who was refused.
func Connect(cfg ConnectConfig) (*NATS, error) {
	if (cfg.URL == "") == (cfg.InProcess == nil) {
		return nil, errors.New("bus: connect wants a URL or an in-process server, one of them")
	}
	opts, err := cfg.options()
	if err != nil {
		return nil, err
	}
	secure := cfg.secure()
	if secure != nil {
		opts = append(opts, nats.Secure(secure.config))
	}
	conn, err := nats.Connect(cfg.URL, opts...)
	if err != nil {
		return nil, fmt.Errorf("bus: cannot connect to %s: %w", cfg.where(), secure.explain(withoutAddress(err)))
	}
	if most := conn.MaxPayload(); most < MinPayload {
		conn.Close()
		return nil, fmt.Errorf("bus: cannot use %s: it takes messages of %d bytes at most, and at least %d are needed: raise its max_payload", cfg.where(), most, MinPayload)
	}
	return &NATS{conn: conn, server: cfg.InProcess, subs: map[*natsSub]struct{}{}}, nil
}

func (cfg ConnectConfig) where() string {
	if cfg.InProcess != nil {
		return "the embedded server"
	}
	return WithoutUsers(cfg.URL)
}

// WithoutUsers takes users, passwords and tokens out of addresses of servers with commas between them, so that they may be shown.
func WithoutUsers(servers string) string {
	all := strings.Split(servers, ",")
	for i, server := range all {
		server = strings.TrimSpace(server)
		all[i] = server[strings.LastIndexByte(server, '@')+1:]
		if scheme, _, named := strings.Cut(server, "://"); named && len(all[i]) < len(server) {
			all[i] = scheme + "://" + all[i]
		}
	}
	return strings.Join(all, ",")
}

// withoutAddress replaces the error of an address that cannot be read: it quotes the address, or the part with the password.
func withoutAddress(err error) error {
	if wrong := (*url.Error)(nil); errors.As(err, &wrong) {
		return errors.New("this is no address: write it like nats://HOST:4222, and what a URL does not take with %")
	}
	return err
}

func (cfg ConnectConfig) options() ([]nats.Option, error) {
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if cfg.Name == "" {
		cfg.Name = "cordum"
	}
	opts := []nats.Option{
		nats.Name(cfg.Name),
		nats.CustomInboxPrefix(InboxPrefix),
		nats.Timeout(ConnectTimeout),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(),
		nats.CustomReconnectDelay(reconnectDelay),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("bus connection lost", "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { log.Info("bus connection made again") }),
		nats.ErrorHandler(newComplaints(log).asynchronous),
	}
	credentials := cfg.Credentials
	if cfg.InProcess != nil {
		opts = append(opts, nats.InProcessServer(cfg.InProcess))
		credentials = cfg.InProcess.EngineCredentials()
	}
	if credentials.User != "" {
		opts = append(opts, nats.UserInfo(credentials.User, credentials.Password))
	}
	if credentials.Token != "" {
		opts = append(opts, nats.Token(credentials.Token))
	}
	if cfg.CredsFile != "" {
		data, err := os.ReadFile(cfg.CredsFile)
		if err == nil && !bytes.Contains(data, []byte("NATS USER JWT")) {
			err = errors.New("it has no user JWT")
		}
		if err != nil {
			return nil, fmt.Errorf("bus: the credentials file %s cannot be used: %w", cfg.CredsFile, err)
		}
		opts = append(opts, nats.UserCredentials(cfg.CredsFile))
	}
	if cfg.NKeyFile != "" {
		key, err := nats.NkeyOptionFromSeed(cfg.NKeyFile)
		if err != nil {
			return nil, fmt.Errorf("bus: the file %s holds no nkey seed that can be read: %w", cfg.NKeyFile, err)
		}
		opts = append(opts, key)
	}
	return opts, nil
}

// reconnectDelay doubles from ReconnectWaitMin to ReconnectWaitMax, up to a fifth taken off at random so that many
// connections do not come back at one instant.
func reconnectDelay(attempts int) time.Duration {
	wait := ReconnectWaitMax
	if attempts < 5 {
		wait = min(ReconnectWaitMin<<max(attempts-1, 0), ReconnectWaitMax)
	}
	return wait - rand.N(wait/5)
}

// Conn is the connection itself, for a worker that runs in this process. Closing it is Close's business.
func (n *NATS) Conn() *nats.Conn { return n.conn }

// Publish implements Bus.
func (n *NATS) Publish(subject string, data []byte) error {
	if err := checkSubject(subject, false); err != nil {
		return err
	}
	return natsError(n.conn.Publish(subject, data))
}

// PublishRequest implements Bus.
func (n *NATS) PublishRequest(subject, reply string, data []byte) error {
	if err := errors.Join(checkSubject(subject, false), checkSubject(reply, false)); err != nil {
		return err
	}
	return natsError(n.conn.PublishRequest(subject, reply, data))
}

// Request implements Bus.
func (n *NATS) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	if err := checkSubject(subject, false); err != nil {
		return nil, err
	}
	msg, err := n.conn.RequestWithContext(ctx, subject, data)
	if err != nil {
		return nil, natsError(err)
	}
	return msg.Data, nil
}

// Subscribe implements Bus.
func (n *NATS) Subscribe(subject, queue string, h Handler) (Subscription, error) {
	if err := checkSubject(subject, true); err != nil {
		return nil, err
	}
	s := &natsSub{bus: n, gate: gate{handle: h}}
	var err error
	if queue == "" {
		s.sub, err = n.conn.Subscribe(subject, s.deliver)
	} else {
		s.sub, err = n.conn.QueueSubscribe(subject, queue, s.deliver)
	}
	if err != nil {
		return nil, fmt.Errorf("bus: cannot subscribe to %q: %w", subject, natsError(err))
	}
	if err := s.sub.SetPendingLimits(MaxPendingMessages, MaxPendingBytes); err != nil {
		return nil, natsError(errors.Join(err, s.sub.Unsubscribe()))
	}
	n.mu.Lock()
	n.subs[s] = struct{}{}
	n.mu.Unlock()
	return s, nil
}

// Unheard implements Bus.
func (n *NATS) Unheard(subject string) bool { return n.server != nil && n.server.unheard(subject) }

// Flush implements Bus.
func (n *NATS) Flush() error { return natsError(n.conn.FlushTimeout(FlushTimeout)) }

// Connected implements Bus.
func (n *NATS) Connected() bool { return n.conn.IsConnected() }

// Close implements Bus.
func (n *NATS) Close() error {
	n.conn.Close()
	n.mu.Lock()
	subs := n.subs
	n.subs = map[*natsSub]struct{}{}
	n.mu.Unlock()
	for s := range subs {
		s.gate.shut()
	}
	return nil
}

// natsSub is a subscription whose handler can be shut off.
type natsSub struct {
	bus  *NATS
	sub  *nats.Subscription
	gate gate
}

func (s *natsSub) deliver(m *nats.Msg) {
	s.gate.pass(Msg{Subject: m.Subject, Reply: m.Reply, Data: m.Data, NoResponders: isNoResponders(m)})
}

func (s *natsSub) Unsubscribe() error {
	s.bus.mu.Lock()
	delete(s.bus.subs, s)
	s.bus.mu.Unlock()
	err := s.sub.Unsubscribe()
	s.gate.shut()
	if errors.Is(err, nats.ErrBadSubscription) || errors.Is(err, nats.ErrConnectionClosed) {
		return nil // it had ended
	}
	return natsError(err)
}

// gate lets one message at a time through to a handler, and none once it is shut.
type gate struct {
	mu     sync.Mutex
	closed bool
	handle Handler
}

func (g *gate) pass(m Msg) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.handle(m)
	}
}

// shut waits for a handler that runs.
func (g *gate) shut() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
}

// isNoResponders reads the status that a server sends to the reply subject when nobody listened.
func isNoResponders(m *nats.Msg) bool {
	return len(m.Data) == 0 && m.Header.Get("Status") == "503"
}

// natsError says an error of the client library in the words of Bus.
func natsError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrNoResponders):
		return ErrNoResponders
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrInvalidConnection):
		return ErrClosed
	case errors.Is(err, nats.ErrBadSubject):
		return fmt.Errorf("%w: %w", ErrBadSubject, err)
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	default:
		return fmt.Errorf("bus: %w", err)
	}
}
