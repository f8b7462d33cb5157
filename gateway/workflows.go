package gateway

import (
	"bytes"
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"

	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/engine/runner"
)

// DefinitionBody is a definition as it was sent.
type DefinitionBody struct {
	ContentType string `header:"Content-Type"`
	RawBody     []byte
}

// source is the definition, out of huma's buffer, and how it is written.
func (in *DefinitionBody) source() ([]byte, runner.Format) {
	media, _, _ := mime.ParseMediaType(in.ContentType) // the guard has let only known ones through
	format := runner.FormatYAML
	switch media {
	case "":
		format = runner.FormatAuto
	case "application/json":
		format = runner.FormatJSON
	}
	return bytes.Clone(in.RawBody), format
}

type createWorkflowInput struct {
	DefinitionBody
	Run string `query:"run" enum:"true,false" doc:"Start it too, or never; by default only a one-shot is started"`
}

// WorkflowCreated answers the storing of a definition.
type WorkflowCreated struct {
	runner.WorkflowVersion
	RunID    string         `json:"run_id,omitempty" doc:"The run, when one was started"`
	Warnings []plan.Finding `json:"warnings,omitempty" doc:"What is probably not meant; the definition was stored all the same"`
}

func (g *Gateway) createWorkflow(ctx context.Context, in *createWorkflowInput) (*created[WorkflowCreated], error) {
	source, format := in.source()
	source, asked := takeRun(source, format)
	once := oneShot(source, format)
	start := in.Run == "true" || (in.Run == "" && (asked || once))
	if who := requestOf(ctx).principal; start && !who.May(RoleOperator, "run.start") {
		return nil, newProblem("forbidden", "Starting it needs the role operator too, and a key without scopes or with run.start; store it with run=false.")
	}
	w, diags, err := g.check(ctx, source, format)
	switch {
	case err != nil:
		return nil, err
	case w == nil:
		return nil, diagnosticsProblem(diags)
	}
	warnings := plan.Findings(source, diags, "")
	if once {
		source, format = identified(w.Def).Canonical, runner.FormatJSON
	}
	if start {
		if err := g.keyIsFor(ctx, source, format); err != nil {
			return nil, err
		}
	}
	version, err := g.engine.PutWorkflow(ctx, creator(ctx), source, format)
	if err != nil {
		return nil, err
	}
	out := &created[WorkflowCreated]{
		Status: http.StatusCreated, Location: prefix + "/workflows/" + url.PathEscape(version.ID),
		Body: WorkflowCreated{WorkflowVersion: version, Warnings: warnings},
	}
	if !start {
		return out, nil
	}
	return out, g.startCreated(ctx, out)
}

// keyIsFor refuses an idempotency key that was used for something else, before the definition is stored.
func (g *Gateway) keyIsFor(ctx context.Context, source []byte, format runner.Format) error {
	key := requestOf(ctx).command
	if key == "" {
		return nil
	}
	before, err := g.engine.Seen(ctx, creator(ctx), key)
	switch {
	case errors.Is(err, runner.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	if version, _ := g.engine.CheckWorkflow(ctx, source, format); version.Digest != before.Digest {
		return runner.ErrIdempotency
	}
	return nil
}

// startCreated starts what was stored and turns the answer into that of a start.
func (g *Gateway) startCreated(ctx context.Context, out *created[WorkflowCreated]) error {
	started, err := g.engine.Start(ctx, creator(ctx), runner.StartRequest{
		Workflow: out.Body.ID, Digest: out.Body.Digest, IdempotencyKey: requestOf(ctx).command,
	})
	if err != nil {
		return err
	}
	out.Status, out.Location, out.Replayed = http.StatusAccepted, runPath(started.RunID), replayed(started.Replayed)
	out.Body.RunID = started.RunID
	return nil
}

func (g *Gateway) listWorkflows(ctx context.Context, in *Paging) (*pageReply[runner.WorkflowVersion], error) {
	l, err := in.listOf(ctx, "/workflows", runner.Filter{})
	if err != nil {
		return nil, err
	}
	items, next, err := g.engine.Workflows(ctx, caller(ctx, ""), l.Filter)
	if err != nil {
		return nil, err
	}
	return pageOf(l, items, next), nil
}

// WorkflowRef names a version of a workflow.
type WorkflowRef struct {
	ByID
	Digest string `query:"digest" pattern:"^[0-9a-f]{64}$" doc:"A version; the newest by default"`
}

func (g *Gateway) getWorkflow(ctx context.Context, in *WorkflowRef) (*reply[runner.WorkflowVersion], error) {
	version, err := g.engine.Workflow(ctx, caller(ctx, ""), in.ID, in.Digest)
	if err != nil {
		return nil, err
	}
	return &reply[runner.WorkflowVersion]{version}, nil
}

type startWorkflowInput struct {
	WorkflowRef
	RawBody []byte
}

func (g *Gateway) startWorkflow(ctx context.Context, in *startWorkflowInput) (*created[runner.Started], error) {
	input, err := copyJSON(in.RawBody)
	if err != nil {
		return nil, err
	}
	started, err := g.engine.Start(ctx, creator(ctx), runner.StartRequest{
		Workflow: in.ID, Digest: in.Digest, Input: input, IdempotencyKey: requestOf(ctx).command,
	})
	return startedReply(started, err)
}

func startedReply(started runner.Started, err error) (*created[runner.Started], error) {
	if err != nil {
		return nil, err
	}
	return &created[runner.Started]{
		Status: http.StatusCreated, Location: runPath(started.RunID), Replayed: replayed(started.Replayed), Body: started,
	}, nil
}
