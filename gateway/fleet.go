package gateway

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"cordum.dev/cordum/engine/runner"
)

func fleetRoutes() []Route {
	const tag = "fleet"
	change := func(path, id, summary, doc string, bind binder) Route {
		return Route{
			Method: "POST", Path: prefix + path, ID: id, Tag: tag, Summary: summary, Doc: doc,
			Role: RoleAdmin, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: "config.change", Errors: []int{notFound}, bind: bind,
		}
	}
	const drained = "It gets nothing new from when the answer comes, and finishes what it has. It need not be there now; the drain stays until it is lifted."
	return []Route{
		{
			Method: "GET", Path: prefix + "/workers", ID: "listWorkers", Tag: tag, Summary: "List workers as their heartbeats show them",
			Role: RoleViewer, Tenant: TenantCaller, bind: handle((*Gateway).listWorkers),
		},
		change("/workers/{id}/drain", "drainWorker", "Let a worker run empty", drained, handle((*Gateway).drainWorker)),
		change("/workers/{id}/undrain", "undrainWorker", "Let a worker take work again", "", handle((*Gateway).undrainWorker)),
		{
			Method: "GET", Path: prefix + "/pools", ID: "listPools", Tag: tag, Summary: "List pools with their workers and limits",
			Role: RoleViewer, Tenant: TenantCaller, bind: handle((*Gateway).listPools),
		},
		change("/pools/{id}/drain", "drainPool", "Let all workers of a pool run empty", drained, handle((*Gateway).drainPool)),
		change("/pools/{id}/undrain", "undrainPool", "Let the workers of a pool take work again", "", handle((*Gateway).undrainPool)),
		{
			Method: "GET", Path: prefix + "/drains", ID: "listDrains", Tag: tag, Summary: "List the workers and pools that people drain",
			Role: RoleViewer, Tenant: TenantCaller, bind: handle((*Gateway).listDrains),
		},
		configRoute("GET", runner.PoolsDoc, "getPoolsConfig", "Read the document over pools.yaml, and what became of it", handle(getConfig(runner.PoolsDoc))),
		configRoute("PUT", runner.PoolsDoc, "putPoolsConfig", "Replace the document over pools.yaml; it is in force when the answer comes", handleRaw(putConfig(runner.PoolsDoc), false, configSchema)),
		configRoute("GET", runner.TimeoutsDoc, "getTimeoutsConfig", "Read the document over timeouts.yaml, and what became of it", handle(getConfig(runner.TimeoutsDoc))),
		configRoute("PUT", runner.TimeoutsDoc, "putTimeoutsConfig", "Replace the document over timeouts.yaml; it is in force when the answer comes", handleRaw(putConfig(runner.TimeoutsDoc), false, configSchema)),
	}
}

func configRoute(method, name, id, summary string, bind binder) Route {
	r := Route{
		Method: method, Path: prefix + "/config/" + name, ID: id, Tag: "fleet", Summary: summary,
		Role: RoleViewer, Tenant: TenantCaller, bind: bind,
	}
	if method == "PUT" {
		r.Doc = "The body is the document as YAML or JSON. What it names goes before what the file says; an empty body removes it. " +
			"What cannot be read changes nothing. With If-Match, nothing changes unless the document still has that ETag."
		r.Role, r.Body, r.Accepts, r.Audit = RoleAdmin, MaxDefinitionBody, definitions, "config.change"
		r.Errors = []int{http.StatusPreconditionFailed}
	}
	return r
}

// configSchema describes the documents: their shape is said in the docs.
func configSchema(huma.Registry) *huma.Schema { return &huma.Schema{Type: huma.TypeObject} }

// Workers is the list of workers. It has no pages: it is as long as there are workers.
type Workers struct {
	Items []runner.WorkerView `json:"items"`
}

func (g *Gateway) listWorkers(ctx context.Context, _ *struct{}) (*reply[Workers], error) {
	items, err := g.engine.Workers(ctx, caller(ctx, ""))
	if err != nil {
		return nil, err
	}
	if items == nil {
		items = []runner.WorkerView{}
	}
	return &reply[Workers]{Workers{Items: items}}, nil
}

func (g *Gateway) listPools(ctx context.Context, _ *struct{}) (*reply[Page[runner.PoolView]], error) {
	items, err := g.engine.Pools(ctx, caller(ctx, ""))
	if err != nil {
		return nil, err
	}
	return &reply[Page[runner.PoolView]]{Page[runner.PoolView]{Items: items}}, nil
}

func (g *Gateway) listDrains(ctx context.Context, _ *struct{}) (*reply[Page[runner.Drain]], error) {
	items, err := g.engine.Drains(ctx, caller(ctx, ""))
	if err != nil {
		return nil, err
	}
	return &reply[Page[runner.Drain]]{Page[runner.Drain]{Items: items}}, nil
}

func (g *Gateway) drainWorker(ctx context.Context, in *reasonInput) (*reply[runner.Drain], error) {
	return g.drain(ctx, in, "worker")
}

func (g *Gateway) drainPool(ctx context.Context, in *reasonInput) (*reply[runner.Drain], error) {
	return g.drain(ctx, in, "pool")
}

func (g *Gateway) drain(ctx context.Context, in *reasonInput, of string) (*reply[runner.Drain], error) {
	d, err := g.engine.SetDrain(ctx, caller(ctx, in.Body.text()), of, in.ID)
	if err != nil {
		return nil, err
	}
	return &reply[runner.Drain]{d}, nil
}

// LiftedDrain answers an undrain.
type LiftedDrain struct {
	Of     string `json:"of"`
	Name   string `json:"name"`
	Lifted bool   `json:"lifted"`
}

func (g *Gateway) undrainWorker(ctx context.Context, in *reasonInput) (*reply[LiftedDrain], error) {
	return g.undrain(ctx, in, "worker")
}

func (g *Gateway) undrainPool(ctx context.Context, in *reasonInput) (*reply[LiftedDrain], error) {
	return g.undrain(ctx, in, "pool")
}

func (g *Gateway) undrain(ctx context.Context, in *reasonInput, of string) (*reply[LiftedDrain], error) {
	if err := g.engine.LiftDrain(ctx, caller(ctx, in.Body.text()), of, in.ID); err != nil {
		return nil, err
	}
	return &reply[LiftedDrain]{LiftedDrain{of, in.ID, true}}, nil
}

type configReply struct {
	ETag string `header:"ETag"`
	Body runner.FleetConfig
}

func configAnswer(f runner.FleetConfig, err error) (*configReply, error) {
	if err != nil {
		return nil, err
	}
	out := &configReply{Body: f}
	if f.ETag != "" {
		out.ETag = `"` + f.ETag + `"`
	}
	return out, nil
}

func getConfig(name string) func(*Gateway, context.Context, *struct{}) (*configReply, error) {
	return func(g *Gateway, ctx context.Context, _ *struct{}) (*configReply, error) {
		return configAnswer(g.engine.ConfigDocument(ctx, name))
	}
}

type putConfigInput struct {
	Preconditions
	RawBody []byte
}

func putConfig(name string) func(*Gateway, context.Context, *putConfigInput) (*configReply, error) {
	return func(g *Gateway, ctx context.Context, in *putConfigInput) (*configReply, error) {
		match, err := in.etag()
		if err != nil {
			return nil, err
		}
		now, err := g.engine.PutConfigDocument(ctx, caller(ctx, ""), name, string(in.RawBody), match)
		if match != nil && errors.Is(err, runner.ErrConflict) {
			err = newProblem("precondition_failed", "The document has another ETag by now.")
		}
		return configAnswer(now, err)
	}
}
