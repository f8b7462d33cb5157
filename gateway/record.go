package gateway

import (
	"bufio"
	"context"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// record is what is told about a request when it is over.
type record struct {
	id     string
	route  *Route // nil: no route was found
	tenant string
	actor  string
}

type recordKey struct{}

func recordOf(ctx context.Context) *record {
	if rec, ok := ctx.Value(recordKey{}).(*record); ok {
		return rec
	}
	return &record{}
}

// answer notes what was answered.
type answer struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (a *answer) WriteHeader(status int) {
	if a.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(p)
	a.bytes += int64(n)
	return n, err
}

// Unwrap gives http.ResponseController the connection behind.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// meters are the gateway's metrics. Every label has few values: a route is its pattern.
type meters struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	viewers  prometheus.Gauge
	slow     prometheus.Counter
}

func newMeters(reg prometheus.Registerer) (*meters, error) {
	m := &meters{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cordum_http_requests_total", Help: "Requests answered, by method, route and status.",
		}, []string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cordum_http_request_duration_seconds", Help: "Time from a request's headers to the end of its answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"method", "route"}),
		viewers: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "cordum_stream_viewers", Help: "Open WebSocket and SSE streams.",
		}),
		slow: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "cordum_stream_slow_viewers_total", Help: "Viewers that were dropped because they did not read.",
		}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.viewers, m.slow} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// account counts and logs a request that is over. No body, no query and no header goes into the log.
func (g *Gateway) account(a *answer, r *http.Request, rec *record, took time.Duration) {
	status := a.status
	if status == 0 {
		status = http.StatusOK
	}
	method, route, verb := knownMethod(r.Method), "none", ""
	if rec.route != nil {
		route, verb = rec.route.Path, rec.route.Audit
	}
	g.meters.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	if rec.route == nil || !rec.route.Stream { // a stream's length says nothing about speed
		g.meters.seconds.WithLabelValues(method, route).Observe(took.Seconds())
	}
	level := requestLevel(status)
	if isProbe(r.URL.Path) && (status < http.StatusBadRequest || status == http.StatusServiceUnavailable) {
		level = slog.LevelDebug // readyz says itself what changes; what is refused there is refused like anything else
	}
	if !g.log.Enabled(r.Context(), level) {
		return
	}
	g.log.LogAttrs(r.Context(), level, "request",
		slog.String("request_id", rec.id), slog.String("method", method), slog.String("route", route),
		slog.String("path", loggedPath(r.URL.Path, rec.route)), slog.Int("status", status), slog.Int64("bytes", a.bytes),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000),
		slog.String("tenant", rec.tenant), slog.String("actor", rec.actor), slog.String("audit", verb))
}

func requestLevel(status int) slog.Level {
	switch {
	case status >= 500:
		return slog.LevelError
	case status >= 400:
		return slog.LevelWarn
	}
	return slog.LevelDebug // what a request changed is a fact with its actor, in the run's own log
}

// knownMethod keeps a client from making new time series with methods of its own.
func knownMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// loggedPath is a path as logs may have it: without approval links, which are credentials, however they were spelt where no route
// was found for them, and without a key that somebody wrote where its id belongs.
func loggedPath(path string, route *Route) string {
	if at := strings.Index(strings.ToLower(path), linkPath); at >= 0 && (at == 0 || route == nil) {
		path = path[:at+len(linkPath)] + "…"
	}
	if at := strings.Index(path, keyPrefix); at >= 0 {
		path = path[:at+len(keyPrefix)] + "…"
	}
	return clip(path)
}

func clip(s string) string {
	const longest = 256
	if len(s) > longest {
		return s[:longest] + "…"
	}
	return s
}

// Hijack hands the connection to the WebSocket, which finds it by this method only.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(a.ResponseWriter).Hijack()
	if err == nil {
		a.status = http.StatusSwitchingProtocols
	}
	return conn, rw, err
}
