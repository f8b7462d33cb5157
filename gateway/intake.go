package gateway

import (
	"net/http"
	"sync"
)

// intake counts the requests that are under way, and takes no more once the gateway stops: who asks then is told to ask again,
// and finds another process or this one when it is back.
type intake struct {
	mu     sync.Mutex
	inside int
	closed bool
	empty  chan struct{} // closed when nothing is under way any more and nothing will be
}

func newIntake() *intake { return &intake{empty: make(chan struct{})} }

// enter tells whether a request is taken; leave must follow then.
func (i *intake) enter() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return false
	}
	i.inside++
	return true
}

func (i *intake) leave() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.inside--
	i.checkEmpty()
}

// close takes nothing more. What it answers is closed when nothing is under way.
func (i *intake) close() <-chan struct{} {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.closed {
		i.closed = true
		i.checkEmpty()
	}
	return i.empty
}

// checkEmpty is called with mu held.
func (i *intake) checkEmpty() {
	if i.closed && i.inside == 0 {
		close(i.empty)
	}
}

// taking lets requests in while the gateway does not stop. Probes and metrics are answered until its end.
func (g *Gateway) taking(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isProbe(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		if !g.intake.enter() {
			newProblem("unavailable", "The server is stopping: nothing was done.").with("Retry-After", "1").with("Connection", "close").write(w)
			return
		}
		defer g.intake.leave()
		next.ServeHTTP(w, r)
	})
}

// isProbe tells whether a path is one that is asked by what watches the process.
func isProbe(path string) bool {
	switch path {
	case "/healthz", "/readyz", "/health", "/metrics":
		return true
	}
	return false
}
