package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"cordum.dev/cordum/engine/runner"
)

// RollbackRun asks for what a run did to be undone.
type RollbackRun struct {
	Reason
	To   string `json:"to,omitempty" maxLength:"63" doc:"A checkpoint: only what came after it is undone, and the run goes on from there; everything by default"`
	Then string `json:"then,omitempty" enum:"pause,retry,fail" doc:"With to: what follows; pause by default"`
}

type rollbackInput struct {
	ByID
	Body *RollbackRun
}

func (g *Gateway) rollbackRun(ctx context.Context, in *rollbackInput) (*created[runner.RunView], error) {
	b := in.Body
	if b == nil {
		b = &RollbackRun{}
	}
	if b.Then != "" && b.To == "" {
		return nil, placedProblem("conflicting_fields", "/then", "It says what follows at a checkpoint: name one in to.")
	}
	return g.command(ctx, in.ID, b.text(), runner.Command{Verb: runner.VerbRollback, To: b.To, Then: b.Then})
}

func (g *Gateway) retryRun(ctx context.Context, in *reasonInput) (*created[runner.RunView], error) {
	return g.command(ctx, in.ID, in.Body.text(), runner.Command{Verb: runner.VerbRetry})
}

// ForkRun asks for a new run that begins in the middle of another one.
type ForkRun struct {
	Reason
	From    string                     `json:"from" minLength:"1" maxLength:"63" doc:"Id of the step to begin at: it and what is behind it run again"`
	Outputs map[string]json.RawMessage `json:"outputs,omitempty" maxProperties:"1000" doc:"By id of a step that is reused: another output than it had"`
	Input   json.RawMessage            `json:"input,omitempty" doc:"Any JSON value; the other run's by default"`
	Context json.RawMessage            `json:"context,omitempty" doc:"Object; the other run's by default"`
	Digest  string                     `json:"digest,omitempty" pattern:"^([0-9a-f]{64})?$" doc:"A version of the definition; the other run's by default"`
	Preview bool                       `json:"preview,omitempty" doc:"Only say what would be reused and what would run"`
}

type forkInput struct {
	ByID
	Body ForkRun
}

func (g *Gateway) forkRun(ctx context.Context, in *forkInput) (*created[runner.Forked], error) {
	b := in.Body
	forked, err := g.engine.Fork(ctx, caller(ctx, b.text()), in.ID, runner.ForkRequest{
		From: b.From, Outputs: b.Outputs, Input: b.Input, Context: b.Context, Digest: b.Digest, Preview: b.Preview,
		IdempotencyKey: requestOf(ctx).command,
	})
	if err != nil {
		return nil, err
	}
	if b.Preview {
		return &created[runner.Forked]{Status: http.StatusOK, Location: runPath(in.ID), Body: forked}, nil
	}
	return &created[runner.Forked]{Status: http.StatusCreated, Location: runPath(forked.RunID), Body: forked}, nil
}

// OfRun names a step of a run by its path or by its job's id.
type OfRun struct {
	ByID
	Step string `path:"step" maxLength:"400" doc:"Path of the step, like charge, each[2], poll[0].ask or undo:charge (a slash of a path is written as a dot here), or the id of its job"`
}

// path is the step as the engine calls it. Ids of steps have no dots, ids of jobs begin with their run and one.
func (in *OfRun) path() string {
	if strings.HasPrefix(in.Step, in.ID+".") {
		return in.Step
	}
	return strings.ReplaceAll(in.Step, ".", "/")
}

type compensationInput struct {
	OfRun
	Body *Reason
}

func (g *Gateway) retryCompensation(ctx context.Context, in *compensationInput) (*created[runner.RunView], error) {
	return g.resolve(ctx, in, "retry")
}

func (g *Gateway) skipCompensation(ctx context.Context, in *compensationInput) (*created[runner.RunView], error) {
	return g.resolve(ctx, in, "skip")
}

func (g *Gateway) markCompensationDone(ctx context.Context, in *compensationInput) (*created[runner.RunView], error) {
	return g.resolve(ctx, in, "done")
}

// resolve gives a held compensation a person's word. Whoever says that something need not be undone, or was undone by hand,
// says why: nothing else will tell later.
func (g *Gateway) resolve(ctx context.Context, in *compensationInput, action string) (*created[runner.RunView], error) {
	reason := caller(ctx, in.Body.text()).Reason
	if action != "retry" && strings.TrimSpace(reason) == "" {
		return nil, newProblem("reason_needed", "Send it as reason, or in the header X-Reason.")
	}
	return g.command(ctx, in.ID, reason, runner.Command{Verb: runner.VerbCompensation, Compensation: in.path(), Action: action})
}

func (g *Gateway) listCompensations(ctx context.Context, in *Paging) (*pageReply[runner.HeldView], error) {
	l, err := in.listOf(ctx, "/compensations", runner.Filter{})
	if err != nil {
		return nil, err
	}
	items, next, err := g.engine.Held(ctx, caller(ctx, ""), l.Cursor, l.Limit)
	if err != nil {
		return nil, err
	}
	return pageOf(l, items, next), nil
}
