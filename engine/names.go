package engine

import (
	"encoding/json"
	"time"

	"cordum.dev/cordum/steps/expr"
)

// names keeps decoded values of a run for its expressions; it can always be made again.
type names struct {
	decoded bool
	input   any
	ctx     any
}

// env is what the names of an expression of step i mean (-1: of the run's output).
func (r *Run) env(i int) *expr.Env {
	if !r.names.decoded {
		r.names = names{decoded: true, input: decode(r.Input.Data), ctx: r.context()}
	}
	attempt := 1
	if i >= 0 {
		attempt = int(r.Steps[i].Attempt) + 1
	}
	return &expr.Env{
		Input: r.names.input, Ctx: r.names.ctx, Labels: r.Labels,
		Run:  expr.RunInfo{ID: r.ID, StartedAt: r.StartedAt.UTC().Format(time.RFC3339Nano), Attempt: attempt},
		Step: r.stepInfo,
	}
}

// context is the definition's context with the run's own values over it, key by key at the top.
func (r *Run) context() any {
	own := decode(r.Context.Data)
	base, ok := r.Plan.Def.Context.(map[string]any)
	over, ok2 := own.(map[string]any)
	if !ok || !ok2 {
		if own != nil {
			return own
		}
		return r.Plan.Def.Context
	}
	merged := make(map[string]any, len(base)+len(over))
	for k, v := range base {
		merged[k] = v
	}
	for k, v := range over {
		merged[k] = v
	}
	return merged
}

// stepInfo is steps.<id> for an expression.
func (r *Run) stepInfo(id string) expr.StepInfo {
	i, ok := r.Plan.ByID[id]
	if !ok {
		return expr.StepInfo{}
	}
	s := &r.Steps[i]
	info := expr.StepInfo{Status: s.State.String(), Output: decode(s.Output.Data), Attempt: int(s.Attempt)}
	if s.State.Final() && s.Failure.Code != "" && s.State != StepSucceeded {
		info.Error = map[string]any{
			"code": s.Failure.Code, "message": s.Failure.Message, "retryable": s.Failure.Retryable,
			"attempt": int64(s.Failure.Attempt), "details": decode(s.Failure.Details),
		}
	}
	return info
}

// decode reads JSON that was checked when it came in; what is absent or unreadable is null.
func decode(raw json.RawMessage) any {
	if len(raw) == 0 {
		return nil
	}
	v, err := expr.DecodeJSON(raw)
	if err != nil {
		return nil
	}
	return v
}
