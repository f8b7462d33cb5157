package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"math"
	"mime"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// guard lets a request through to the handler of its route when all that the table says about the route holds.
func (g *Gateway) guard(route *Route, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := recordOf(r.Context())
		rec.route = route
		req, p := g.admit(r, route)
		if p == nil {
			rec.tenant, rec.actor = req.principal.Tenant, req.principal.Actor
			p = checkBody(w, r, route)
		}
		if p != nil {
			p.write(w)
			return
		}
		next.ServeHTTP(w, r.WithContext(withRequest(r.Context(), req)))
	})
}

// admit answers who asks and whether they may.
func (g *Gateway) admit(r *http.Request, route *Route) (*request, *Problem) {
	if route.Role == RolePublic {
		return &request{}, g.limit(g.publicRate, addressOf(r))
	}
	principal, p := g.authenticate(r, route)
	if p != nil {
		if slow := g.limit(g.publicRate, addressOf(r)); slow != nil {
			return nil, slow // whoever guesses keys is slowed down
		}
		return nil, p
	}
	if route.Tenant != TenantCaller || !principal.Roles.Allow(route.Role) {
		return nil, newProblem("forbidden", "It needs the role "+route.Role.String()+".")
	}
	if !inScope(principal.Scopes, route.Audit) {
		return nil, outOfScope(route.Audit)
	}
	bucket, key := g.callerRate, principal.Tenant+"\x00"+principal.Actor
	if route.Rate == RateAddress {
		bucket, key = g.publicRate, addressOf(r)
	}
	if p := g.limit(bucket, key); p != nil {
		return nil, p
	}
	req := &request{principal: principal}
	key, p = idempotencyKey(r)
	if p != nil {
		return nil, p
	}
	if key != "" {
		req.command = commandID(route, principal, key)
	}
	req.reason = r.Header.Get("X-Reason")
	if len(req.reason) > MaxReason {
		return nil, newProblem("invalid_argument", "The header X-Reason holds at most "+strconv.Itoa(MaxReason)+" bytes.")
	}
	return req, nil
}

// outOfScope says that a key was made for other things.
func outOfScope(verb string) *Problem {
	if verb == "" {
		verb = scopeRead
	}
	return newProblem("forbidden", "The key is not good for "+verb+": its scopes do not include it.")
}

// commandID is an idempotency key within its scope, which is the route and the principal; the tenant is the engine's
// own scope. A digest, so that it is as long whatever the client chose.
func commandID(route *Route, p Principal, key string) string {
	sum := sha256.Sum256([]byte(route.ID + "\x00" + p.Actor + "\x00" + key))
	return hex.EncodeToString(sum[:])
}

func (g *Gateway) limit(b *buckets, key string) *Problem {
	if g.cfg.Dev {
		return nil
	}
	wait, ok := b.take(key)
	if ok {
		return nil
	}
	return newProblem("rate_limited", "Try again after the time in Retry-After.").
		with("Retry-After", strconv.Itoa(int(math.Ceil(max(wait, time.Second).Seconds()))))
}

// addressOf is the other end of the connection; what headers claim about it is not believed.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

func fromLoopback(r *http.Request) bool {
	ip := net.ParseIP(addressOf(r))
	return ip != nil && ip.IsLoopback()
}

func idempotencyKey(r *http.Request) (string, *Problem) {
	values := r.Header.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	printable := !strings.ContainsFunc(key, func(c rune) bool { return c < ' ' || c > '~' })
	if len(values) > 1 || key == "" || len(key) > MaxIdempotencyKey || !printable {
		return "", newProblem("invalid_idempotency_key", "Send one key of 1 to "+strconv.Itoa(MaxIdempotencyKey)+" printable ASCII characters.")
	}
	return key, nil
}

// checkBody refuses a body by its headers, before any of it is read.
func checkBody(w http.ResponseWriter, r *http.Request, route *Route) *Problem {
	if r.ContentLength == 0 {
		return nil
	}
	if route.Body == 0 {
		// Nobody will read it. Without this the server would, to use the connection again.
		w.Header().Set("Connection", "close")
		return nil
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return newProblem("unsupported_encoding", "Send the body as it is.").with("Connection", "close")
	}
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := strings.ToLower(params["charset"])
	if err != nil || !slices.Contains(route.Accepts, media) || (charset != "" && charset != "utf-8") {
		return newProblem("unsupported_media_type", "Send "+strings.Join(route.Accepts, " or ")+" in UTF-8, and say so in Content-Type.").
			with("Connection", "close").with("Accept", strings.Join(route.Accepts, ", "))
	}
	if r.ContentLength > route.Body {
		return newProblem("body_too_large", "At most "+strconv.FormatInt(route.Body, 10)+" bytes are taken here.").
			with("Connection", "close")
	}
	return nil
}

// unrouted answers what no route matches: 405 when the path exists with another method, else 404.
func (g *Gateway) unrouted(w http.ResponseWriter, r *http.Request) {
	if p := g.limit(g.publicRate, addressOf(r)); p != nil {
		p.write(w)
		return
	}
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		asked := *r
		asked.Method = method
		if _, pattern := g.mux.Handler(&asked); pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		newProblem("not_found", "What exists is listed at /api/v1/openapi.json.").write(w)
		return
	}
	list := strings.Join(allowed, ", ")
	newProblem("method_not_allowed", "Use "+list+".").with("Allow", list).write(w)
}

// fail turns a handler's error into its answer; what nobody foresaw is logged and becomes a plain 500.
func (g *Gateway) fail(r *record, err error) *Problem {
	if p := problemOf(err); p != nil {
		if r.route != nil && r.route.Method == http.MethodGet {
			return ofRead(p)
		}
		return p
	}
	g.log.Error("request failed", slog.String("request_id", r.id), slog.String("error", err.Error()))
	return newProblem("internal", "The cause is in the server's log under this request's X-Request-Id.")
}
