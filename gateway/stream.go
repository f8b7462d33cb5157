package gateway

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/gorilla/websocket"
)

// streamProtocol is the sub-protocol of the live stream. A client that sends its key as a sub-protocol offers this one
// too, so that the answer need not repeat the key.
const streamProtocol = "cordum.v1"

// viewers counts open streams and waits for them.
type viewers struct {
	mu   sync.Mutex
	open int
	none chan struct{} // closed when open falls to 0; nil while nobody waits
}

// enter takes one of the MaxViewers places.
func (v *viewers) enter() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.open >= MaxViewers {
		return false
	}
	v.open++
	return true
}

func (v *viewers) leave() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.open--
	if v.open == 0 && v.none != nil {
		close(v.none)
		v.none = nil
	}
}

func (v *viewers) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.open
}

// wait blocks until nobody is left.
func (v *viewers) wait() {
	v.mu.Lock()
	if v.open == 0 {
		v.mu.Unlock()
		return
	}
	if v.none == nil {
		v.none = make(chan struct{})
	}
	none := v.none
	v.mu.Unlock()
	<-none
}

// admitViewer takes a place for a stream; leave gives it back.
func (g *Gateway) admitViewer(w http.ResponseWriter) (leave func(), ok bool) {
	if g.streams.Err() != nil || !g.viewers.enter() {
		newProblem("too_many_viewers", "Try again after the time in Retry-After.").with("Retry-After", "5").write(w)
		return nil, false
	}
	g.meters.viewers.Inc()
	return func() {
		g.meters.viewers.Dec()
		g.viewers.leave()
	}, true
}

// serveStream turns the request into a WebSocket and serves it until either side ends it.
func (g *Gateway) serveStream(w http.ResponseWriter, r *http.Request) {
	leave, ok := g.admitViewer(w)
	if !ok {
		return
	}
	defer leave()
	upgrader := websocket.Upgrader{
		HandshakeTimeout: WriteTimeout,
		ReadBufferSize:   4 << 10,
		WriteBufferSize:  4 << 10,
		WriteBufferPool:  &writeBuffers,
		Subprotocols:     answeredProtocols(r),
		CheckOrigin:      g.originAllowed,
		Error: func(w http.ResponseWriter, _ *http.Request, status int, _ error) {
			handshakeProblem(status).write(w)
		},
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // answered by Error above
	}
	v := newViewer(g, conn, caller(r.Context(), ""))
	v.run(context.WithoutCancel(r.Context()))
}

// writeBuffers are shared: most viewers are silent most of the time.
var writeBuffers sync.Pool

func handshakeProblem(status int) *Problem {
	switch status {
	case http.StatusForbidden:
		return newProblem("cross_origin", "Add the page's origin to the allowed ones, or connect from the server's own page.")
	case http.StatusInternalServerError:
		return newProblem("internal", "The connection cannot be upgraded.")
	}
	return newProblem("bad_upgrade", "Connect with a WebSocket client of version 13.").with("Sec-WebSocket-Version", "13")
}

// originAllowed keeps pages of other sites out, whatever credentials a browser would send with them. Clients that are
// no browsers send no origin.
func (g *Gateway) originAllowed(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return true
	}
	if len(origins) > 1 {
		return false
	}
	if slices.Contains(g.cfg.Origins, origins[0]) {
		return true
	}
	u, err := url.Parse(origins[0])
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

func protocolsOf(r *http.Request) []string { return websocket.Subprotocols(r) }

// answeredProtocols are what the server agrees to: our own, or else the one with the key, as a browser that offered
// something refuses an answer that takes nothing.
func answeredProtocols(r *http.Request) []string {
	protocols := []string{streamProtocol}
	for _, p := range protocolsOf(r) {
		if strings.HasPrefix(p, keyProtocol) {
			protocols = append(protocols, p)
		}
	}
	return protocols
}
