package gateway

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"

	"cordum.dev/cordum/engine/runner"
)

// Principal is who a request comes from.
type Principal struct {
	Tenant string
	Actor  string   // "user:dev", "key:k3f9…"; recorded with everything the request does
	Roles  Roles    // of the route table
	Names  []string // every role by its name, sorted: those of the route table with what they include, and policies' own
	Groups []string
	Type   string   // TypeHuman or TypeService
	Owner  string   // of a key: whose it is, "user:ann"; who owns it does not approve what it asked for
	Scopes []string // of a key: the only verbs it is good for; empty: all that its roles allow
	// Operator came with the server's own configuration, and may make keys for other tenants.
	Operator bool
}

// The types of a principal, as a policy's actor_types name them.
const (
	TypeHuman   = "human"
	TypeService = "service"
)

// May tells whether the principal may call a route that asks for a role and is called verb in the audit log; what only
// reads has no verb.
func (p *Principal) May(role Role, verb string) bool {
	return p.Roles.Allow(role) && inScope(p.Scopes, verb)
}

// holding gives the principal roles by their names.
func (p *Principal) holding(names []string) {
	p.Roles, p.Names = rolesNamed(names)
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
	c := r.principal.caller()
	c.Reason, c.Command = reason, r.command
	return c
}

// caller is the principal as the engine knows it.
func (p *Principal) caller() runner.Caller {
	return runner.Caller{
		Tenant: p.Tenant, Actor: p.Actor, Roles: p.Names, Groups: p.Groups, ActorType: p.Type, Owner: p.Owner,
	}
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

// authenticate finds out who asks.
func (g *Gateway) authenticate(r *http.Request, route *Route) (Principal, *Problem) {
	if r.URL.RawQuery != "" {
		values := r.URL.Query()
		for _, name := range secretQueries {
			if values.Has(name) {
				return Principal{}, newProblem("credentials_in_query", "Send the key in the header X-API-Key, and make a new one: this one may be in logs now.")
			}
		}
	}
	key := keyOf(r, route)
	if g.cfg.Dev && !strings.HasPrefix(key, keyPrefix) {
		return devPrincipal(r, g.cfg.Tenant)
	}
	p, problem := g.holder(r.Context(), key)
	if problem != nil {
		return Principal{}, problem
	}
	if t := r.Header.Get("X-Tenant-ID"); t != "" && t != p.Tenant {
		return Principal{}, newProblem("tenant_mismatch", "Leave X-Tenant-ID out, or send the tenant that the key belongs to.")
	}
	return p, nil
}

// holder is who holds a key. Every key that is none, or none any more, gets the same answer.
func (g *Gateway) holder(ctx context.Context, key string) (Principal, *Problem) {
	if p, ok := g.ring.find(key); ok {
		return p, nil
	}
	p, err := g.keys.find(ctx, key)
	switch {
	case err == nil:
		return p, nil
	case errors.Is(err, errNoKey):
		return Principal{}, newProblem("unauthenticated", "Send a valid key in the header X-API-Key, or as Authorization: Bearer.").
			with("WWW-Authenticate", "Bearer")
	}
	return Principal{}, newProblem("unavailable", "Whose key it is cannot be read right now.").with("Retry-After", "1")
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

// plainName tells whether a text can be a tenant, a person or a role in every place where names go, names of folders among them.
func plainName(s string) bool {
	if strings.Trim(s, ".") == "" || len(s) > maxName {
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

// isUser tells whether a text names a person, as "user:ann".
func isUser(s string) bool {
	name, ok := strings.CutPrefix(s, userPrefix)
	return ok && plainName(name)
}

// userPrefix begins the name of a person.
const userPrefix = "user:"
