package gateway

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"cordum.dev/cordum/engine/runner"
)

// Effects are a part of what a run did to the world.
type Effects struct {
	Items      []runner.EffectView `json:"items" doc:"In the order of intents"`
	Counts     runner.EffectCounts `json:"counts" doc:"Of the whole run"`
	NextCursor string              `json:"next_cursor,omitempty" doc:"Send it as cursor for the next page; absent on the last one"`
}

type effectsInput struct {
	ByID
	Cursor string `query:"cursor" maxLength:"512" doc:"next_cursor of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"50" doc:"How many items"`
}

type effectsReply struct {
	Link string `header:"Link" doc:"The next page, as RFC 8288 writes it"`
	Body Effects
}

func (g *Gateway) runEffects(ctx context.Context, in *effectsInput) (*effectsReply, error) {
	page, err := g.engine.Effects(ctx, caller(ctx, ""), in.ID, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &effectsReply{Body: Effects{Items: append([]runner.EffectView{}, page.Effects...), Counts: page.Counts, NextCursor: page.Next}}
	if page.Next != "" {
		q := url.Values{"cursor": {page.Next}, "limit": {strconv.Itoa(in.Limit)}}
		out.Link = "<" + prefix + "/runs/" + url.PathEscape(in.ID) + "/effects?" + q.Encode() + `>; rel="next"`
	}
	return out, nil
}

func effectRoutes() []Route {
	return []Route{{
		Method: http.MethodGet, Path: prefix + "/runs/{id}/effects", ID: "getRunEffects", Tag: "runs",
		Summary: "Read what a run did to the world, as far as is known",
		Doc: "Each attempt that a worker may have begun: the intent, which was recorded before, the receipt, which was recorded after, " +
			"and the idempotency key that the worker was given. An intent without a receipt is unknown once its attempt is over. It is " +
			"made of the run's log; what sub-workflows did is in their own.",
		Role: RoleViewer, Tenant: TenantCaller, Errors: []int{notFound}, bind: handle((*Gateway).runEffects),
	}}
}
