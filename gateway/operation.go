package gateway

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// binder puts a route's handler behind the mux and describes it in the OpenAPI document.
type binder func(g *Gateway, r *Route)

// handle binds a handler that takes and answers Go values.
func handle[I, O any](h func(*Gateway, context.Context, *I) (*O, error)) binder {
	return func(g *Gateway, r *Route) { register(g, r.operation(), h) }
}

// handleRaw binds a handler that takes the body as it was sent and checks it. describe is the body's schema for every
// media type the route accepts.
func handleRaw[I, O any](h func(*Gateway, context.Context, *I) (*O, error), required bool, describe func(huma.Registry) *huma.Schema) binder {
	return func(g *Gateway, r *Route) {
		op := r.operation()
		op.SkipValidateBody = true
		op.RequestBody = &huma.RequestBody{Content: map[string]*huma.MediaType{}}
		register(g, op, h)
		// huma has now described a RawBody as required bytes. Its reader looks at Required at run time.
		op.RequestBody.Required = required
		clear(op.RequestBody.Content)
		for _, media := range r.Accepts {
			op.RequestBody.Content[media] = &huma.MediaType{Schema: describe(g.api.OpenAPI().Components.Schemas)}
		}
	}
}

// handleMedia binds a handler whose answer has several media types.
func handleMedia[I, O any](h func(*Gateway, context.Context, *I) (*O, error), media func(huma.Registry) map[string]*huma.MediaType) binder {
	return func(g *Gateway, r *Route) {
		op := r.operation()
		ok := &huma.Response{Description: http.StatusText(r.success())}
		op.Responses = map[string]*huma.Response{statusText(r.success()): ok}
		register(g, op, h)
		ok.Headers, ok.Content = nil, media(g.api.OpenAPI().Components.Schemas) // huma has described the Go type of the answer
	}
}

// register hands a handler to huma, with our way of answering errors.
func register[I, O any](g *Gateway, op huma.Operation, h func(*Gateway, context.Context, *I) (*O, error)) {
	op.BodyReadTimeout = g.cfg.BodyTimeout
	huma.Register(g.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := h(g, ctx, in)
		if err != nil {
			return nil, g.fail(recordOf(ctx), err)
		}
		return out, nil
	})
}

// serve binds a plain handler. What it answers with is described by content.
func serve(h func(*Gateway, http.ResponseWriter, *http.Request), content ...string) binder {
	return func(g *Gateway, r *Route) {
		guardedMux{g}.HandleFunc(r.pattern(), func(w http.ResponseWriter, req *http.Request) { h(g, w, req) })
		op := r.operation()
		if op.Hidden {
			return
		}
		ok := &huma.Response{Description: r.Summary, Content: map[string]*huma.MediaType{}}
		for _, media := range content {
			ok.Content[media] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
		}
		op.Responses = map[string]*huma.Response{statusText(r.success()): ok}
		op.Parameters = r.Params
		for _, status := range op.Errors {
			op.Responses[statusText(status)] = problemResponse(g.api.OpenAPI().Components.Schemas, status)
		}
		g.api.OpenAPI().AddOperation(&op)
	}
}
