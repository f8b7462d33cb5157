package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/id"
)

// RunStart asks for a run.
type RunStart struct {
	Workflow string            `json:"workflow" maxLength:"200" minLength:"1" doc:"Id of a stored workflow"`
	Digest   string            `json:"digest,omitempty" pattern:"^([0-9a-f]{64})?$" doc:"A version; the newest by default"`
	Input    json.RawMessage   `json:"input,omitempty" doc:"Any JSON value; {} by default"`
	Context  json.RawMessage   `json:"context,omitempty" doc:"Object laid over the definition's context"`
	Labels   map[string]string `json:"labels,omitempty" maxProperties:"64"`
}

type startRunInput struct {
	Body RunStart
}

func (g *Gateway) startRun(ctx context.Context, in *startRunInput) (*created[runner.Started], error) {
	b := in.Body
	if b.Input == nil {
		b.Input = json.RawMessage("{}")
	}
	started, err := g.engine.Start(ctx, creator(ctx), runner.StartRequest{
		Workflow: b.Workflow, Digest: b.Digest, Input: b.Input, Context: b.Context, Labels: b.Labels,
		IdempotencyKey: requestOf(ctx).command,
	})
	return startedReply(started, err)
}

type listRunsInput struct {
	Paging
	Workflow string `query:"workflow" maxLength:"200"`
	State    string `query:"state" enum:"pending,running,waiting,paused,faulted,succeeded,failed,cancelled,timed_out"`
	Kind     string `query:"kind" enum:"workflow,job" default:"workflow"`
}

func (g *Gateway) listRuns(ctx context.Context, in *listRunsInput) (*pageReply[runner.RunHeader], error) {
	l, err := in.listOf(ctx, "/runs", runner.Filter{Workflow: in.Workflow, State: in.State, Kind: in.Kind})
	if err != nil {
		return nil, err
	}
	items, next, err := g.engine.Runs(ctx, caller(ctx, ""), l.Filter)
	if err != nil {
		return nil, err
	}
	return pageOf(l, items, next), nil
}

type getRunInput struct {
	ByID
	Wait  string `query:"wait" doc:"How long to wait for news, like 30s; at most 60s"`
	Since uint64 `query:"since" doc:"News is what has a higher seq than this"`
}

func (g *Gateway) getRun(ctx context.Context, in *getRunInput) (*reply[runner.RunView], error) {
	view, err := g.readRun(ctx, in)
	if err != nil {
		return nil, err
	}
	return &reply[runner.RunView]{view}, nil
}

func (g *Gateway) readRun(ctx context.Context, in *getRunInput) (runner.RunView, error) {
	wait, err := waitTime(in.Wait)
	if err != nil {
		return runner.RunView{}, err
	}
	if wait == 0 {
		return g.engine.View(ctx, caller(ctx, ""), in.ID)
	}
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	defer context.AfterFunc(g.streams, cancel)() // a server that stops does not wait for the time to run out
	return g.engine.WaitRun(waiting, caller(ctx, ""), in.ID, in.Since)
}

// Timeline is a part of a run's facts.
type Timeline struct {
	RunID     string         `json:"run_id"`
	Items     []runner.Event `json:"items"`
	NextAfter uint64         `json:"next_after,omitempty" doc:"Send as after for what follows; absent when there is no more now"`
}

type timelineInput struct {
	ByID
	After uint64 `query:"after" doc:"Begin behind this seq"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"1000"`
}

func (g *Gateway) timeline(ctx context.Context, in *timelineInput) (*reply[Timeline], error) {
	events, more, err := g.engine.Timeline(ctx, caller(ctx, ""), in.ID, in.After, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &reply[Timeline]{Timeline{RunID: in.ID, Items: append([]runner.Event{}, events...)}}
	if more && len(events) > 0 {
		out.Body.NextAfter = events[len(events)-1].Seq
	}
	return out, nil
}

// latestTimeline takes a run's id or a workflow's, which stands for its latest run.
func (g *Gateway) latestTimeline(ctx context.Context, in *timelineInput) (*reply[Timeline], error) {
	run, err := g.runOrLatest(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	at := *in
	at.ID = run
	return g.timeline(ctx, &at)
}

func (g *Gateway) runOrLatest(ctx context.Context, name string) (string, error) {
	if id.IsRun(name) {
		return name, nil
	}
	return g.engine.LatestRun(ctx, caller(ctx, ""), name)
}

// Reason is why somebody does something.
type Reason struct {
	Reason string `json:"reason,omitempty" maxLength:"1024" doc:"Why; recorded with what is done"`
}

func (r *Reason) text() string {
	if r == nil {
		return ""
	}
	return r.Reason
}

type reasonInput struct {
	ByID
	Body *Reason
}

func (g *Gateway) pauseRun(ctx context.Context, in *reasonInput) (*created[runner.RunView], error) {
	return g.command(ctx, in.ID, in.Body.text(), runner.Command{Verb: runner.VerbPause})
}

func (g *Gateway) resumeRun(ctx context.Context, in *reasonInput) (*created[runner.RunView], error) {
	return g.command(ctx, in.ID, in.Body.text(), runner.Command{Verb: runner.VerbResume})
}

// Cancel asks for the end of a run.
type Cancel struct {
	Reason
	Force    bool `json:"force,omitempty" doc:"End a faulted run without deciding anything"`
	Rollback bool `json:"rollback,omitempty" doc:"Undo what the run did"`
}

type cancelInput struct {
	ByID
	Body *Cancel
}

func (g *Gateway) cancelRun(ctx context.Context, in *cancelInput) (*created[runner.RunView], error) {
	b := in.Body
	if b == nil {
		b = &Cancel{}
	}
	return g.command(ctx, in.ID, b.text(), runner.Command{Verb: runner.VerbCancel, Force: b.Force, Rollback: b.Rollback})
}

// Signal is a message to a run.
type Signal struct {
	Reason
	Name    string          `json:"name" minLength:"1" maxLength:"200"`
	Payload json.RawMessage `json:"payload,omitempty" doc:"Any JSON value"`
}

type signalInput struct {
	ByID
	Body Signal
}

func (g *Gateway) signalRun(ctx context.Context, in *signalInput) (*created[runner.RunView], error) {
	b := in.Body
	return g.command(ctx, in.ID, b.text(), runner.Command{Verb: runner.VerbSignal, Signal: b.Name, Payload: b.Payload})
}

func (g *Gateway) command(ctx context.Context, run, reason string, cmd runner.Command) (*created[runner.RunView], error) {
	view, err := g.engine.Command(ctx, caller(ctx, reason), run, cmd)
	if err != nil {
		return nil, err
	}
	return &created[runner.RunView]{Status: http.StatusAccepted, Location: runPath(run), Body: view}, nil
}

func (g *Gateway) rerunRun(ctx context.Context, in *reasonInput) (*created[runner.Started], error) {
	return startedReply(g.engine.Rerun(ctx, caller(ctx, in.Body.text()), in.ID))
}

// rerunLatest takes a run's id or a workflow's, which stands for its latest run.
func (g *Gateway) rerunLatest(ctx context.Context, in *reasonInput) (*created[runner.Started], error) {
	run, err := g.runOrLatest(ctx, in.ID)
	if errors.Is(err, runner.ErrNotFound) {
		return nil, newProblem("not_found", "There is no such run, nor a workflow with one.")
	}
	if err != nil {
		return nil, err
	}
	return startedReply(g.engine.Rerun(ctx, caller(ctx, in.Body.text()), run))
}
