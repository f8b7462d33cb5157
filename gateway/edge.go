package gateway

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// pagePolicy is the content security policy of every answer: the page's own files and connections, nothing else, and
// in nobody's frame.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// edge is what every request passes first, known route or not.
func (g *Gateway) edge(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		a := &answer{ResponseWriter: w}
		rec := &record{id: requestID()}
		r = r.WithContext(context.WithValue(r.Context(), recordKey{}, rec))
		defer func() {
			if p := recover(); p != nil {
				g.recovered(a, r, p)
			}
			g.account(a, r, rec, time.Since(begun))
		}()
		securityHeaders(a.Header(), rec.id)
		if p := g.refuse(r); p != nil {
			p.with("Connection", "close").write(a)
			return
		}
		if g.cors(a, r) {
			return
		}
		next.ServeHTTP(a, r)
	})
}

// refuse says no to what no route would ever take.
func (g *Gateway) refuse(r *http.Request) *Problem {
	headers := 0
	for _, values := range r.Header {
		headers += len(values)
	}
	switch {
	case headers > MaxHeaders:
		return newProblem("too_many_headers", "")
	case !plainPath(r):
		return newProblem("not_found", "Write the path as the documentation does: no empty, dotted or encoded parts.")
	case !g.hostAllowed(r.Host):
		return newProblem("misdirected_request", "Call the server by a name it is configured for.")
	}
	if p := checkQuery(r); p != nil {
		return p
	}
	if err := g.csrf.Check(r); err != nil {
		return newProblem("cross_origin", "Add the page's origin to the allowed ones, or call from the server's own page.")
	}
	return nil
}

// checkQuery refuses what two readers could read in two ways: a query that is not well-formed, of which url.URL.Query would
// leave out what it cannot read, and a parameter that is there twice.
func checkQuery(r *http.Request) *Problem {
	if r.URL.RawQuery == "" {
		return nil
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return newProblem("invalid_argument", "The query is not well-formed: write NAME=VALUE&NAME=VALUE, with other characters encoded.")
	}
	for _, values := range query {
		if len(values) > 1 {
			return newProblem("invalid_argument", "A query parameter is there twice: send each once.")
		}
	}
	return nil
}

// plainPath refuses other spellings of a path, so that what a route's rules were checked for is what is served.
func plainPath(r *http.Request) bool {
	path := r.URL.Path
	if path == "" || path[0] != '/' || strings.ContainsAny(path, "\\\x00") {
		return false
	}
	if r.URL.RawPath != "" {
		raw := strings.ToLower(r.URL.RawPath)
		for _, code := range []string{"%2f", "%5c", "%2e", "%25", "%00"} {
			if strings.Contains(raw, code) {
				return false
			}
		}
	}
	if path == "/" {
		return true
	}
	for part := range strings.SplitSeq(path[1:], "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}

// hostAllowed keeps pages of other sites from reaching the server under a name of theirs that resolves to it.
func (g *Gateway) hostAllowed(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.Trim(name, "[]"))
	if len(g.cfg.Hosts) > 0 {
		return slices.ContainsFunc(g.cfg.Hosts, func(h string) bool {
			return strings.EqualFold(h, name) || strings.EqualFold(h, host)
		})
	}
	if !g.cfg.Dev {
		return true
	}
	if ip := net.ParseIP(name); ip != nil {
		return ip.IsLoopback()
	}
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// cors lets pages of the configured origins read answers; it tells whether the request was only the browser's question.
func (g *Gateway) cors(w http.ResponseWriter, r *http.Request) (answered bool) {
	origin := r.Header.Get("Origin")
	if origin == "" || len(g.cfg.Origins) == 0 {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	if !slices.Contains(g.cfg.Origins, origin) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "ETag, Location, Link, Retry-After, Idempotent-Replayed, X-Request-Id")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, X-API-Key, X-Reason, X-Tenant-ID")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}

func securityHeaders(h http.Header, id string) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Request-Id", id)
}

// recovered answers a handler's panic. The stack goes to the log only.
func (g *Gateway) recovered(a *answer, r *http.Request, cause any) {
	if cause == http.ErrAbortHandler { //nolint:errorlint // the value is what net/http compares too
		panic(cause)
	}
	g.log.LogAttrs(r.Context(), slog.LevelError, "panic in a handler",
		slog.Any("cause", cause), slog.String("stack", string(debug.Stack())))
	if a.status == 0 {
		newProblem("internal", "The cause is in the server's log under this request's X-Request-Id.").write(a)
	}
}

func requestID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
