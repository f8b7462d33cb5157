package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
)

const (
	// first and last are below 32768, where Linux begins to give out ports by itself
	// (net.ipv4.ip_local_port_range; others begin at 49152, as RFC 6335 says), and above most well-known services.
	first = 12000
	last  = 29999
	// tries is how many ports are looked at: that all of them are taken means that something else is wrong.
	tries = 200
)

var (
	mu   sync.Mutex
	ours = map[int]bool{}
)

// Addr is a loopback address, host and port, that nobody listens on and that no other test is given until t has ended.
func Addr(t testing.TB) string {
	t.Helper()
	for range tries {
		port := first + rand.IntN(last-first+1)
		if release, ok := claim(port); ok {
			t.Cleanup(release)
			return fmt.Sprintf("127.0.0.1:%d", port)
		}
	}
	t.Fatalf("no free port between %d and %d after %d tries", first, last, tries)
	return ""
}

// claim makes a port this test's, and answers how to give it back.
func claim(port int) (release func(), ok bool) {
	mu.Lock()
	defer mu.Unlock()
	if ours[port] {
		return nil, false
	}
	unmark, ok := mark(port)
	if !ok {
		return nil, false
	}
	ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		unmark()
		return nil, false
	}
	_ = ln.Close()
	ours[port] = true
	return func() {
		mu.Lock()
		defer mu.Unlock()
		delete(ours, port)
		unmark()
	}, true
}

// mark tells other processes that a port is taken: by a name that is free again when this process has ended, however it ends.
func mark(port int) (unmark func(), ok bool) {
	if runtime.GOOS != "linux" {
		return func() {}, true // no abstract sockets there: that two processes choose the same port is unlikely enough
	}
	ln, err := net.Listen("unix", fmt.Sprintf("@cordum-test-port-%d-%d", os.Getuid(), port))
	if err != nil {
		return nil, false
	}
	return func() { _ = ln.Close() }, true
}
