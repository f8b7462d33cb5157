package pointers

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Listener serves a Table to workers in the protocol of Redis. Workers read inputs (ctx:…) and write results (res:…) and
// artifacts (art:…); nothing else is there. It listens on loopback only.
type Listener struct {
	cfg     ListenerConfig
	table   *Table
	ln      net.Listener
	uploads *uploads

	mu       sync.Mutex
	sessions map[*session]struct{}
	sayAt    time.Time // when it may be said again that a connection was closed
	unsaid   int
	all      sync.WaitGroup
}

// ListenerConfig says where to listen and what workers have to show.
type ListenerConfig struct {
	// Addr is HOST:PORT of this machine; port 0 takes a free one.
	Addr string
	// Password is what workers show with AUTH, at least MinPassword bytes: nobody is kept from guessing. Empty: nobody has to,
	// which is for development only.
	Password string
	// Logger gets connections that were refused. Default: none are written.
	Logger *slog.Logger
}

// Listen takes the address. Nothing is served before Run.
func Listen(ctx context.Context, cfg ListenerConfig, table *Table) (*Listener, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	host, _, err := net.SplitHostPort(cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("pointers: %q is no address: %w", cfg.Addr, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("pointers: %s can be reached from other machines: listen on loopback, or give workers a Redis", cfg.Addr)
	}
	if n := len(cfg.Password); n > 0 && n < MinPassword {
		return nil, fmt.Errorf("pointers: a password of %d bytes can be guessed: take one of %d or more", n, MinPassword)
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("pointers: listen: %w", err)
	}
	l := newListener(cfg, table)
	l.ln = ln
	return l, nil
}

func newListener(cfg ListenerConfig, table *Table) *Listener {
	return &Listener{cfg: cfg, table: table, uploads: newUploads(), sessions: make(map[*session]struct{})}
}

// Addr is where it listens, "127.0.0.1:6379".
func (l *Listener) Addr() string { return l.ln.Addr().String() }

// Close gives the address up, for a listener that never ran.
func (l *Listener) Close() error {
	if err := l.ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// Run serves until ctx ends; then every connection is closed and nothing of it is left.
func (l *Listener) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer l.all.Wait()
	defer l.hangUp()
	defer cancel()
	l.all.Go(func() { l.sweep(ctx) })
	stop := context.AfterFunc(ctx, func() { _ = l.ln.Close() })
	defer stop()
	for {
		conn, err := l.ln.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = conn.Close()
			}
			return nil
		case err != nil && isTemporary(err):
			l.cfg.Logger.Warn("pointers: a connection could not be taken", "error", err)
			wait(ctx, time.Second)
		case err != nil:
			return fmt.Errorf("pointers: accept: %w", err)
		default:
			l.serve(conn)
		}
	}
}

// isTemporary tells whether an address can still be listened on: too many open files pass.
func isTemporary(err error) bool { return !errors.Is(err, net.ErrClosed) }

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func (l *Listener) sweep(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			l.table.sweep()
		}
	}
}

// serve serves one connection, in a goroutine of its own.
func (l *Listener) serve(conn net.Conn) {
	s := l.newSession(conn)
	l.mu.Lock()
	room := len(l.sessions) < maxConns || l.closeIdle()
	if room {
		l.sessions[s] = struct{}{}
	}
	l.mu.Unlock()
	if !room {
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = io.WriteString(conn, "-ERR max number of clients reached\r\n")
		_ = conn.Close()
		l.say(conn, errors.New("too many connections"))
		return
	}
	l.all.Go(func() {
		err := s.run()
		l.mu.Lock()
		delete(l.sessions, s)
		l.mu.Unlock()
		l.uploads.leave(s)
		_ = conn.Close()
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
			l.say(conn, err)
		}
	})
}

func (l *Listener) newSession(conn net.Conn) *session {
	return &session{
		listener: l, conn: conn, in: bufio.NewReaderSize(conn, maxLine), out: bufio.NewWriter(conn),
		known: l.cfg.Password == "", until: time.Now().Add(helloTime),
	}
}

// closeIdle closes the connection that has been silent for longest, and tells whether there was one that was silent for long
// enough. Libraries make another when they need it. The caller holds mu.
func (l *Listener) closeIdle() bool {
	var idlest *session
	since := time.Now().Add(-idleLeast).UnixNano()
	for s := range l.sessions {
		if at := s.silent.Load(); at != 0 && at <= since {
			idlest, since = s, at
		}
	}
	if idlest == nil {
		return false
	}
	delete(l.sessions, idlest)
	_ = idlest.conn.Close()
	return true
}

// say writes that a connection was closed, not too often.
func (l *Listener) say(conn net.Conn, why error) {
	l.mu.Lock()
	now := time.Now()
	if now.Before(l.sayAt) {
		l.unsaid++
		l.mu.Unlock()
		return
	}
	unsaid := l.unsaid
	l.sayAt, l.unsaid = now.Add(sayEvery), 0
	l.mu.Unlock()
	l.cfg.Logger.Warn("pointers: connection closed", "address", conn.RemoteAddr().String(), "error", why, "others_since", unsaid)
}

func (l *Listener) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for s := range l.sessions {
		_ = s.conn.Close()
	}
}

// accepts compares without telling by its duration how much of the password was right.
func (l *Listener) accepts(password []byte) bool {
	x, y := sha256.Sum256([]byte(l.cfg.Password)), sha256.Sum256(password)
	return l.cfg.Password != "" && subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
