package gateway

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"

	"cordum.dev/cordum/engine/runner"
)

// Principal is who a request comes from.
type Principal struct {
	Tenant string
	Actor  string // "user:dev", "key:1f2e3d4c"; recorded with everything the request does
	Roles  Roles
}

// request is what the guard found out about a request; it travels in its context.
type request struct {
	principal Principal
	reason    string // X-Reason
	command   string // see commandID; "" when no Idempotency-Key was sent
}

type requestKey struct{}

func withRequest(ctx context.Context, r *request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

func requestOf(ctx context.Context) *request {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r
	}
	return &request{} // no tenant and no roles: the engine refuses it
}

// caller says to the engine who asks. A reason in the body wins over the one in the header.
func caller(ctx context.Context, reason string) runner.Caller {
	r := requestOf(ctx)
	if reason == "" {
		reason = r.reason
	}
	return runner.Caller{Tenant: r.principal.Tenant, Actor: r.principal.Actor, Reason: reason, Command: r.command}
}

// creator is the caller of what has an idempotency key of its own in the request to the engine, or needs none: a
// request that makes two calls must not look like the same command twice.
func creator(ctx context.Context) runner.Caller {
	c := caller(ctx, "")
	c.Command = ""
	return c
}

// keyProtocol is the WebSocket sub-protocol that carries a key where a browser cannot send headers.
const keyProtocol = "cordum-api-key."

// secretQueries are names under which clients of other systems put keys in addresses, where logs and histories keep
// them.
var secretQueries = []string{"api_key", "apikey", "key", "token", "access_token"}

// keyring knows the keys by their SHA-256, so that comparing takes the same time for every wrong one.
type keyring [][sha256.Size]byte

func newKeyring(keys []string) keyring {
	ring := make(keyring, len(keys))
	for i, k := range keys {
		ring[i] = sha256.Sum256([]byte(k))
	}
	return ring
}

// find tells who holds a key.
func (ring keyring) find(key string) (actor string, ok bool) {
	sum := sha256.Sum256([]byte(key))
	found := 0
	for i := range ring {
		found |= subtle.ConstantTimeCompare(sum[:], ring[i][:])
	}
	return "key:" + hex.EncodeToString(sum[:4]), found == 1
}

// authenticate finds out who asks.
func (g *Gateway) authenticate(r *http.Request, route *Route) (Principal, *Problem) {
	query := r.URL.RawQuery
	if query != "" {
		values := r.URL.Query()
		for _, name := range secretQueries {
			if values.Has(name) {
				return Principal{}, newProblem("credentials_in_query", "Send the key in the header X-API-Key, and make a new one: this one may be in logs now.")
			}
		}
	}
	if g.cfg.Dev {
		return devPrincipal(r, g.cfg.Tenant)
	}
	actor, ok := g.keys.find(keyOf(r, route))
	if !ok {
		return Principal{}, newProblem("unauthenticated", "Send a valid key in the header X-API-Key, or as Authorization: Bearer.").
			with("WWW-Authenticate", "Bearer")
	}
	if t := r.Header.Get("X-Tenant-ID"); t != "" && t != g.cfg.Tenant {
		return Principal{}, newProblem("tenant_mismatch", "Leave X-Tenant-ID out, or send the tenant that the key belongs to.")
	}
	return Principal{Tenant: g.cfg.Tenant, Actor: actor, Roles: RolesOf(RoleAdmin)}, nil
}

// keyOf reads the key a request shows. Two different ones are none: it would not be clear who asks.
func keyOf(r *http.Request, route *Route) string {
	if len(r.Header.Values("X-API-Key")) > 1 || len(r.Header.Values("Authorization")) > 1 {
		return ""
	}
	key := r.Header.Get("X-API-Key")
	if scheme, bearer, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		if key != "" && key != bearer {
			return ""
		}
		key = bearer
	}
	if key == "" && route.KeyProtocol {
		key = keyOfProtocol(r)
	}
	return key
}

func keyOfProtocol(r *http.Request) string {
	for _, p := range protocolsOf(r) {
		encoded, ok := strings.CutPrefix(p, keyProtocol)
		if !ok {
			continue
		}
		if key, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(encoded, "=")); err == nil {
			return string(key)
		}
	}
	return ""
}

func devPrincipal(r *http.Request, tenant string) (Principal, *Problem) {
	p := Principal{Tenant: tenant, Actor: "user:dev", Roles: RolesOf(RoleAdmin)}
	if t := r.Header.Get("X-Tenant-ID"); t != "" {
		if !plainName(t) {
			return Principal{}, newProblem("invalid_tenant", "Use letters, digits, '.', '_' and '-', at most 64.")
		}
		p.Tenant = t
	}
	if name := r.Header.Get("X-Principal-Id"); name != "" {
		name = strings.TrimPrefix(name, "user:")
		if !plainName(name) {
			return Principal{}, newProblem("invalid_principal", "Use letters, digits, '.', '_', '-', '@' and '+', at most 64.")
		}
		p.Actor = "user:" + name
	}
	return p, nil
}

func plainName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("._-@+", c) >= 0:
		default:
			return false
		}
	}
	return true
}
