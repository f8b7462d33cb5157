package gateway

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/safety/kernel"
)

// Config is what a gateway is made with.
type Config struct {
	// Dev asks for no keys: everybody is user:dev with all roles, or whom X-Principal-Id and X-Principal-Role name; keys
	// that the installation keeps are taken as ever. Only requests whose Host is a loopback name or address are answered.
	// Default: false.
	Dev bool
	// APIKeys are keys that are taken beside those that the installation keeps, each at least MinAPIKey characters: a
	// plain one does everything, NAME:ROLE+ROLE:TENANT:KEY has those roles in that tenant (empty: Tenant). Required
	// unless Dev; refused with Dev, where they would protect nothing.
	APIKeys []string
	// Tenant is the tenant that keys of the configuration belong to. Default: "default".
	Tenant string
	// Approvers are the people outside who answer by links, with their roles. Default: nobody, and a link's person has
	// the role approver alone.
	Approvers []Approver
	// Version is what /api/v1/status and the OpenAPI document call this server. Default: "dev".
	Version string

	// Hosts are the names under which the server may be called; others get 421. Default: any, but loopback in Dev.
	Hosts []string
	// Origins are the exact origins of pages elsewhere that may call the API ("https://dash.example.com"). Default:
	// none, so that only the server's own page may.
	Origins []string

	// Metrics is where the gateway registers its metrics and what /metrics serves. Default: a registry of its own.
	Metrics *prometheus.Registry
	// MetricsPublic serves /metrics to other machines too. Default: loopback only.
	MetricsPublic bool
	// Logger gets one line per request and the cause of every 500. Default: slog.Default().
	Logger *slog.Logger
	// Page serves the user interface at / and its files. Default: none; / is 404.
	Page http.Handler

	// Policy answers the snapshot in force, which plans of workflows ask. Default: none; plans say nothing of policy.
	Policy func() *safety.Snapshot
	// Kernel is the policy store behind the routes of policies. Default: none; they answer 503.
	Kernel *kernel.Kernel

	// Backups takes copies of the store. Default: none; its routes answer 501.
	Backups Backups
	// ProbesOnly answers probes and metrics, and nothing else: of a process whose API others offer. Default: everything.
	ProbesOnly bool
	// Role is what of this process is not ready while it cannot take work, for the answer of /readyz. Default: it says none.
	Role string

	// Rate limits one principal, PublicRate one address that is not known. Defaults: DefaultRPS, DefaultBurst,
	// DefaultPublicRPS, DefaultPublicBurst; a negative PerSecond is no limit. Dev has none.
	Rate, PublicRate Rate

	// Stop is how long requests in flight may take when the gateway stops. Default: StopTimeout, 10 s.
	Stop time.Duration
	// BodyTimeout is how long a request may take to send its body. Default: BodyTimeout, 10 s.
	BodyTimeout time.Duration
	// CallTimeout is how long what changes a run may take before its caller is told that the outcome is not known. Default:
	// CallTimeout, 30 s.
	CallTimeout time.Duration
	// Ping is the pause between WebSocket pings. Default: PingInterval.
	Ping time.Duration
}

// Rate is how much of something may happen.
type Rate struct {
	PerSecond float64
	Burst     int
}

func (c Config) withDefaults() Config {
	if c.Tenant == "" {
		c.Tenant = "default"
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	if c.Metrics == nil {
		c.Metrics = prometheus.NewRegistry()
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Rate == (Rate{}) {
		c.Rate = Rate{DefaultRPS, DefaultBurst}
	}
	if c.PublicRate == (Rate{}) {
		c.PublicRate = Rate{DefaultPublicRPS, DefaultPublicBurst}
	}
	if c.Stop == 0 {
		c.Stop = StopTimeout
	}
	if c.BodyTimeout == 0 {
		c.BodyTimeout = BodyTimeout
	}
	if c.CallTimeout == 0 {
		c.CallTimeout = CallTimeout
	}
	if c.Ping == 0 {
		c.Ping = PingInterval
	}
	return c
}

func (c Config) check() error {
	if c.Dev && len(c.APIKeys) > 0 {
		return errors.New("gateway: API keys have no effect in dev mode; leave out the keys or the dev mode")
	}
	if !c.Dev && len(c.APIKeys) == 0 {
		return errors.New("gateway: no API key is configured; set CORDUM_API_KEY, or use dev mode on this machine")
	}
	for _, o := range c.Origins {
		if u, err := url.Parse(o); err != nil || u.Host == "" || u.Scheme+"://"+u.Host != o {
			return fmt.Errorf("gateway: %q is no origin; write scheme and host only, like https://dash.example.com", o)
		}
	}
	if c.BodyTimeout < 0 {
		return errors.New("gateway: the time for a body must be positive")
	}
	if c.CallTimeout < 0 {
		return errors.New("gateway: the time for a call must be positive")
	}
	if c.Ping < 0 || c.Ping >= PongWait {
		return fmt.Errorf("gateway: the ping interval %s must be below the %s after which a silent viewer is dropped", c.Ping, PongWait)
	}
	return nil
}
