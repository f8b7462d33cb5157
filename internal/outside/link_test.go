package outside

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"cordum.dev/cordum/internal/freeport"
)

// route is what a fault can make bad between processes: a link or a cable.
type route interface {
	cut() error
	slow(ms int) error
	halfOpen(both bool) error
	heal() error
}

// link is the way of one process to one server: a proxy that can be cut, slowed, or made to swallow everything. A proxy is never
// changed while something flows through it, as toxiproxy may hang then: each change closes it and puts another one in its place.
// That a connection falls silent without being closed is what stopping the server does.
type link struct {
	addr     string // where the process dials
	upstream string

	mu    sync.Mutex // two faults may end together
	proxy *toxiproxy.Proxy
}

// newLink makes a link to a server that may come later. It ends with the test.
func newLink(t *testing.T, upstream string) *link {
	t.Helper()
	l := &link{addr: freeport.Addr(t), upstream: upstream}
	if err := l.heal(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.cut() })
	return l
}

// cut closes all connections, and refuses new ones.
func (l *link) cut() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.proxy.Stop()
	return nil
}

// heal makes the link whole.
func (l *link) heal() error { return l.become("", nil) }

// slow delays what comes and what goes, in milliseconds, give or take half of it.
func (l *link) slow(ms int) error {
	return l.become(fmt.Sprintf(`{"type":"latency","attributes":{"latency":%d,"jitter":%d}`, ms, ms/2), bothWays)
}

// halfOpen takes connections and swallows what is sent through them, one way or both: nobody is told.
func (l *link) halfOpen(both bool) error {
	ways := bothWays
	if !both {
		ways = ways[1:]
	}
	return l.become(`{"type":"timeout","attributes":{"timeout":0}`, ways)
}

var bothWays = []string{"upstream", "downstream"}

// healWithin is for a slow machine.
const healWithin = 20 * time.Second

// become puts another proxy in the place of this one. toxic is its fault as JSON, without the direction and the last brace. A process
// that is just being started has the listener's port open until it has become another program, so that it may take a few tries.
func (l *link) become(toxic string, ways []string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.proxy != nil {
		l.proxy.Stop()
	}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	l.proxy = toxiproxy.NewProxy(server, l.addr, l.addr, l.upstream)
	for _, way := range ways {
		if _, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(toxic + `,"stream":"` + way + `"}`)); err != nil {
			return err
		}
	}
	deadline := time.Now().Add(healWithin)
	err := l.proxy.Start()
	for errors.Is(err, syscall.EADDRINUSE) && time.Now().Before(deadline) {
		time.Sleep(pace)
		err = l.proxy.Start()
	}
	return err
}
