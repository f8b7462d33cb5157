package gateway

import (
	"context"
	"net/http"

	"cordum.dev/cordum/engine/runner"
)

func holdRoutes() []Route {
	const tag = "holds"
	return []Route{
		{
			Method: "GET", Path: prefix + "/holds", ID: "listHolds", Tag: tag, Summary: "List the holds that are on",
			Role: RoleViewer, Tenant: TenantCaller, bind: handle((*Gateway).listHolds),
		},
		{
			Method: "POST", Path: prefix + "/holds", ID: "setHold", Tag: tag, Status: http.StatusCreated, Summary: "Stop jobs from being sent",
			Doc:  "What the hold is over stays pending until the hold is lifted; what workers have goes on. When the answer comes, nothing more is sent.",
			Role: RoleAdmin, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: "hold.set", bind: handle((*Gateway).setHold),
		},
		{
			Method: "POST", Path: prefix + "/holds/{id}/lift", ID: "liftHold", Tag: tag, Summary: "Lift a hold: what it was over goes on",
			Role: RoleAdmin, Tenant: TenantCaller, Body: MaxBody, Accepts: jsonOnly,
			Audit: "hold.lift", Errors: []int{notFound, conflict}, bind: handle((*Gateway).liftHold),
		},
	}
}

// HoldSet is a hold to be set.
type HoldSet struct {
	Scope      string `json:"scope" enum:"all,tenant,workflow,topic"`
	Name       string `json:"name,omitempty" maxLength:"200" doc:"The tenant, the workflow or the topic; a topic may have * in it"`
	ExceptUndo bool   `json:"except_undo,omitempty" doc:"Compensations go on"`
	Everywhere bool   `json:"everywhere,omitempty" doc:"Of a workflow or a topic: every tenant's, not only yours"`
	Reason     string `json:"reason" minLength:"1" maxLength:"1024"`
}

func (g *Gateway) listHolds(ctx context.Context, _ *struct{}) (*reply[Page[runner.Hold]], error) {
	items, err := g.engine.Holds(ctx, caller(ctx, ""))
	if err != nil {
		return nil, err
	}
	return &reply[Page[runner.Hold]]{Page[runner.Hold]{Items: items}}, nil
}

func (g *Gateway) setHold(ctx context.Context, in *struct{ Body HoldSet }) (*reply[runner.Hold], error) {
	c := caller(ctx, in.Body.Reason)
	h := runner.Hold{Scope: in.Body.Scope, Name: in.Body.Name, ExceptUndo: in.Body.ExceptUndo, Reason: in.Body.Reason}
	if (h.Scope == "workflow" || h.Scope == "topic") && !in.Body.Everywhere {
		h.Tenant = c.Tenant
	}
	if err := g.mayHold(ctx, &h); err != nil {
		return nil, err
	}
	h, err := g.engine.SetHold(ctx, c, h)
	if err != nil {
		return nil, err
	}
	return &reply[runner.Hold]{h}, nil
}

// mayHold refuses a hold over other tenants to who does not run the installation: whoever is of another tenant than the
// server's own holds theirs.
func (g *Gateway) mayHold(ctx context.Context, h *runner.Hold) error {
	who := requestOf(ctx).principal
	own := h.Tenant == who.Tenant || h.Scope == "tenant" && h.Name == who.Tenant
	if own || who.Operator || who.Tenant == g.cfg.Tenant {
		return nil
	}
	return newProblem("forbidden", "It is over other tenants too: that is for the installation's own.")
}

// LiftedHold answers a lift.
type LiftedHold struct {
	ID     string `json:"id"`
	Lifted bool   `json:"lifted"`
}

type liftHoldInput struct {
	ByID
	Body *Reason `required:"false"`
}

func (g *Gateway) liftHold(ctx context.Context, in *liftHoldInput) (*reply[LiftedHold], error) {
	reason := ""
	if in.Body != nil {
		reason = in.Body.Reason
	}
	on, err := g.engine.Holds(ctx, caller(ctx, ""))
	if err != nil {
		return nil, err
	}
	for _, h := range on {
		if h.ID != in.ID {
			continue
		}
		if err := g.mayHold(ctx, &h); err != nil {
			return nil, err
		}
	}
	if err := g.engine.LiftHold(ctx, caller(ctx, reason), in.ID); err != nil {
		return nil, err
	}
	return &reply[LiftedHold]{LiftedHold{in.ID, true}}, nil
}
