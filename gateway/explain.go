package gateway

import (
	"context"
	"net/url"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/engine/plan"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/id"
)

func (g *Gateway) explainRun(ctx context.Context, in *ByID) (*reply[plan.Explanation], error) {
	return g.explain(ctx, in.ID, "")
}

func (g *Gateway) explainStep(ctx context.Context, in *OfRun) (*reply[plan.Explanation], error) {
	return g.explain(ctx, in.ID, in.path())
}

// explain says why a step of a run stands where it does; the run itself when step is empty.
func (g *Gateway) explain(ctx context.Context, run, step string) (*reply[plan.Explanation], error) {
	out, found := plan.Explanation{}, false
	err := g.engine.Inspect(ctx, caller(ctx, ""), run, func(r *engine.Run, log []runner.EngineFact) error {
		out, found = plan.Explain(r, recorded(log), nameOf(r, step))
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, newProblem("not_found", "The run has no such step, or has not come to it yet.")
	}
	if out.Why == nil {
		out.Why = []plan.Reason{}
	}
	view, err := g.engine.View(ctx, caller(ctx, ""), run)
	if err != nil {
		return nil, err
	}
	for i := range view.Steps {
		if s := &view.Steps[i]; s.State == engine.StepRunning.String() && (step == "" || out.Step == s.Path) {
			out.Why = append(out.Why, whereJob(s, step == "")...)
		}
	}
	return &reply[plan.Explanation]{out}, nil
}

// whereJob says where the job of a running step is; among other steps only what keeps it from being sent.
func whereJob(s *runner.StepView, among bool) []plan.Reason {
	kept := s.JobState == "pending" && s.Reason != ""
	text := ""
	switch {
	case among && kept:
		text = s.Path + ": its job is not sent: " + s.Reason
	case among:
	case kept:
		text = "its job is not sent: " + s.Reason
	case s.Placement != nil && s.JobState == "scheduled":
		text = "its job waits for a worker: " + s.Placement.Reason + ": " + s.Placement.Why
	case s.Worker != "" && s.Placement != nil:
		text = "worker " + s.Worker + " has its job: " + s.Placement.Why
	case s.Worker != "":
		text = "worker " + s.Worker + " has its job"
	case s.JobState == "scheduled":
		text = "its job is in the queue of its topic: no worker has taken it yet"
	}
	if text == "" {
		return nil
	}
	return []plan.Reason{{Text: text}}
}

func recorded(log []runner.EngineFact) []plan.Recorded {
	out := make([]plan.Recorded, len(log))
	for i, f := range log {
		out[i] = plan.Recorded(f)
	}
	return out
}

// nameOf is the path of a step that is named by its job's id; every other name is a path already.
func nameOf(r *engine.Run, step string) string {
	ref, err := id.ParseJob(step)
	switch {
	case err != nil || ref.Run != r.ID:
		return step
	case ref.Iteration == 0:
		return ref.Step
	case ref.Iteration < len(r.Steps):
		return r.Name(int32(ref.Iteration)) // later nodes are numbered
	}
	return step
}

// planRollback says what would be undone if a run were cancelled with rollback now.
func (g *Gateway) planRollback(ctx context.Context, in *ByID) (*reply[plan.Rollback], error) {
	var out plan.Rollback
	err := g.engine.Inspect(ctx, caller(ctx, ""), in.ID, func(r *engine.Run, _ []runner.EngineFact) error {
		out = plan.IfCancelled(r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &reply[plan.Rollback]{out}, nil
}

type iterationsInput struct {
	OfRun
	Paging
}

func (g *Gateway) listIterations(ctx context.Context, in *iterationsInput) (*pageReply[runner.StepView], error) {
	l, err := in.listOf(ctx, "/runs/"+url.PathEscape(in.ID)+"/steps/"+url.PathEscape(in.Step)+"/iterations", runner.Filter{})
	if err != nil {
		return nil, err
	}
	items, next, err := g.engine.Iterations(ctx, caller(ctx, ""), in.ID, in.path(), l.Cursor, l.Limit)
	if err != nil {
		return nil, err
	}
	return pageOf(l, items, next), nil
}
