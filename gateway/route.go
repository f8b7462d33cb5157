package gateway

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

// Route is a row of the table in routes.go. The mux, the guard in front of the handler and the OpenAPI document are
// made from it.
type Route struct {
	Method  string
	Path    string // as net/http patterns write it
	ID      string // operationId: stable, the name in generated clients; empty: not described
	Tag     string
	Summary string
	Doc     string // a paragraph, where the summary does not say it all

	// Role is what the caller must hold; nobody may call a route that says nothing.
	Role Role
	// Tenant says whose things the route touches; a route that says nothing is refused, unless it is public.
	Tenant TenantScope
	// Rate is the bucket a call takes from.
	Rate RateClass
	// Body is the largest body in bytes; 0 means that none is read.
	Body int64
	// Accepts are the media types of the body.
	Accepts []string
	// Audit is the verb of a call that changes something: what scopes and the log of requests call it. Acts of the audit log have
	// names of their own (docs/audit.md). Empty for what only reads.
	Audit string
	// Status is what success is answered with; 0 means 200.
	Status int
	// Errors are the statuses of this route's own problems; those that every route has are added.
	Errors []int
	// Stream says the answer goes on until somebody ends it.
	Stream bool
	// KeyProtocol also takes the key from the WebSocket sub-protocol.
	KeyProtocol bool
	// Params are the parameters of a plain handler; those of others are read from their input.
	Params []*huma.Param

	bind binder
}

// TenantScope says whose things a route touches.
type TenantScope uint8

const (
	// TenantUnsaid is refused.
	TenantUnsaid TenantScope = iota
	// TenantNone touches nobody's things; only for public routes.
	TenantNone
	// TenantCaller touches those of the caller's tenant only.
	TenantCaller
)

func (r *Route) pattern() string { return r.Method + " " + r.Path }

func (r *Route) success() int {
	if r.Status == 0 {
		return http.StatusOK
	}
	return r.Status
}

// operation describes the route to huma.
func (r *Route) operation() huma.Operation {
	op := huma.Operation{
		Method: r.Method, Path: r.Path, OperationID: r.ID, Summary: r.Summary, Description: r.Doc,
		DefaultStatus: r.success(), Errors: r.errors(), Hidden: r.ID == "",
		// huma takes a body that is as long as the limit for one that is longer.
		MaxBodyBytes:                 r.Body + 1,
		RejectUnknownQueryParameters: true,
	}
	if r.Tag != "" {
		op.Tags = []string{r.Tag}
	}
	if r.Audit != "" {
		op.Parameters = changeParams()
	}
	if r.Role == RolePublic {
		op.Security = []map[string][]string{}
	} else {
		op.Security = []map[string][]string{{"apiKey": {}}, {"bearer": {}}}
		op.Extensions = map[string]any{"x-role": r.Role.String()}
	}
	return op
}

// errors are the statuses the route may answer with beside success.
func (r *Route) errors() []int {
	all := append([]int{}, r.Errors...)
	all = append(all, http.StatusBadRequest, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable)
	if r.Role != RolePublic {
		all = append(all, http.StatusUnauthorized, http.StatusForbidden)
	}
	if r.Method != http.MethodGet {
		all = append(all, http.StatusGatewayTimeout)
	}
	if r.Body > 0 {
		all = append(all, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func statusText(status int) string { return strconv.Itoa(status) }
