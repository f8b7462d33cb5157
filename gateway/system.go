package gateway

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Status is what the server says about itself.
type Status struct {
	Version   string    `json:"version"`
	Mode      string    `json:"mode" enum:"dev,server"`
	Ready     bool      `json:"ready"`
	StartedAt time.Time `json:"started_at"`
	Workers   int       `json:"workers" doc:"Workers that are alive"`
	Viewers   int       `json:"viewers" doc:"Open live streams"`
	Holds     int       `json:"holds" doc:"Holds that keep jobs of your tenant from being sent; GET /holds lists them"`
	Tenant    string    `json:"tenant" doc:"Yours"`
	Actor     string    `json:"actor" doc:"You, as what you do is recorded"`
}

func (g *Gateway) status(ctx context.Context, _ *struct{}) (*reply[Status], error) {
	who := requestOf(ctx).principal
	s := Status{
		Version: g.cfg.Version, Mode: "server", StartedAt: g.begun.UTC(), Ready: g.engine.Health(ctx) == nil,
		Viewers: g.viewers.count(), Tenant: who.Tenant, Actor: who.Actor,
	}
	if g.cfg.Dev {
		s.Mode = "dev"
	}
	workers, err := g.engine.Workers(ctx, caller(ctx, ""))
	if err != nil {
		return nil, err
	}
	for _, w := range workers {
		if w.State == "alive" {
			s.Workers++
		}
	}
	on, err := g.engine.Holds(ctx, caller(ctx, ""))
	if err != nil {
		return nil, err
	}
	s.Holds = len(on)
	return &reply[Status]{s}, nil
}

// Health says that the process lives or is ready.
type Health struct {
	Status string `json:"status" enum:"ok,ready"`
}

func (g *Gateway) healthz(context.Context, *struct{}) (*reply[Health], error) {
	return &reply[Health]{Health{"ok"}}, nil
}

func (g *Gateway) readyz(ctx context.Context, _ *struct{}) (*reply[Health], error) {
	if g.streams.Err() != nil {
		return nil, newProblem("unavailable", "The server is stopping.").with("Retry-After", "1")
	}
	if err := g.engine.Health(ctx); err != nil {
		g.readiness(ctx, err.Error())
		p := newProblem("unavailable", "It cannot do its part at the moment.")
		what, _, _ := strings.Cut(err.Error(), ":") // what follows may say where things are
		p.Errors = append(p.Errors, ProblemItem{Location: cmp.Or(g.cfg.Role, "engine"), Message: what})
		return nil, p.with("Retry-After", "1")
	}
	if k := g.cfg.Kernel; k != nil && !k.Ready() {
		g.readiness(ctx, "no policy is in force")
		return nil, newProblem("unavailable", "No policy is in force yet, so no job starts.").with("Retry-After", "1")
	}
	g.readiness(ctx, "")
	return &reply[Health]{Health{"ready"}}, nil
}

// readiness tells the log why the process is not ready, "" when it is, whenever that is another reason than the last time: a
// probe asks every few seconds.
func (g *Gateway) readiness(ctx context.Context, lacks string) {
	what, _, _ := strings.Cut(lacks, ":") // what follows may have numbers in it that change
	switch before := g.lacks.Swap(&what); {
	case before != nil && *before == what, before == nil && what == "":
	case what == "":
		g.log.InfoContext(ctx, "ready again")
	default:
		g.log.WarnContext(ctx, "not ready", "error", lacks)
	}
}

// engineOnly is what an engine without a gateway says about everything else.
const engineOnly = "This process is an engine: ask a gateway."

// probesOnly keeps everything but probes and metrics from a handler.
func probesOnly(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isProbe(r.URL.Path) {
			newProblem("not_found", engineOnly).write(w)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func (g *Gateway) serveHealth(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "ok") // the prober left; nothing to do about it
}

func (g *Gateway) serveMetrics(w http.ResponseWriter, r *http.Request) {
	if !g.cfg.MetricsPublic && !fromLoopback(r) {
		newProblem("loopback_only", "Ask from this machine, or make the metrics public (GATEWAY_METRICS_PUBLIC).").write(w)
		return
	}
	promhttp.HandlerFor(g.cfg.Metrics, promhttp.HandlerOpts{}).ServeHTTP(w, r)
}

// servePage hands out the user interface. A file it does not have is a problem like every other.
func (g *Gateway) servePage(w http.ResponseWriter, r *http.Request) {
	if g.cfg.Page == nil {
		newProblem("not_found", "This server has no user interface.").write(w)
		return
	}
	w.Header().Del("Cache-Control") // the page has its own, with an ETag
	p := &pageAnswer{ResponseWriter: w}
	g.cfg.Page.ServeHTTP(p, r)
	if p.missing {
		h := w.Header()
		for _, name := range []string{"Content-Length", "ETag", "Last-Modified"} {
			h.Del(name)
		}
		h.Set("Cache-Control", "no-store")
		newProblem("not_found", "What exists is listed at /api/v1/openapi.json.").write(w)
	}
}

// pageAnswer holds back a 404 and its body.
type pageAnswer struct {
	http.ResponseWriter
	missing bool
}

func (p *pageAnswer) WriteHeader(status int) {
	if status == http.StatusNotFound {
		p.missing = true
		return
	}
	p.ResponseWriter.WriteHeader(status)
}

func (p *pageAnswer) Write(b []byte) (int, error) {
	if p.missing {
		return len(b), nil
	}
	return p.ResponseWriter.Write(b)
}
