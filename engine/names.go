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
	lists   map[int32][]any // the items of fan-outs
	outputs map[int32][]any // the outputs of fan-outs that have ended
}

// env is what the names of an expression of node i mean (none: of the run's output).
func (r *Run) env(i int32) *expr.Env {
	if !r.names.decoded {
		r.names.decoded, r.names.input, r.names.ctx = true, decode(r.Input.Data), r.context()
	}
	attempt := 1
	if i >= 0 {
		attempt = int(r.Steps[i].Attempt) + 1
	}
	env := &expr.Env{
		Input: r.names.input, Ctx: r.names.ctx, Labels: r.Labels,
		Run:  expr.RunInfo{ID: r.ID, StartedAt: r.StartedAt.UTC().Format(time.RFC3339Nano), Attempt: attempt},
		Step: func(id string) expr.StepInfo { return r.stepInfo(i, id) },
	}
	if i >= 0 {
		env.Item, env.Index, _ = r.item(i)
		env.Loop = r.round(i)
	}
	return env
}

// round is the name loop for a node that stands in a round; of several the nearest.
func (r *Run) round(i int32) map[string]any {
	for at := i; at >= 0; {
		s := &r.Steps[at]
		if s.Round >= 0 {
			return map[string]any{"index": int64(s.Round), "previous": r.previous(s.Parent, s.Round)}
		}
		if at = s.Parent; s.Target >= 0 {
			at = s.Target
		}
	}
	return nil
}

// context is the definition's context with the run's own values over it, key by key at the top, and what was said when the run
// was last sent back.
func (r *Run) context() any {
	own := decode(r.Context.Data)
	base, _ := r.Plan.Def.Context.(map[string]any)
	over, isMap := own.(map[string]any)
	if own != nil && !isMap {
		return own
	}
	merged := make(map[string]any, len(base)+len(over)+1)
	for k, v := range base {
		merged[k] = v
	}
	for k, v := range over {
		merged[k] = v
	}
	if r.Feedback != "" {
		merged["feedback"] = r.Feedback
	}
	return merged
}

// stepInfo is steps.<id> for an expression of node i. A compensation sees the very iteration that it undoes.
func (r *Run) stepInfo(i int32, id string) expr.StepInfo {
	def, ok := r.Plan.ByID[id]
	if !ok {
		return expr.StepInfo{}
	}
	at := r.see(max(i, 0), def)
	undone := i >= 0 && r.Steps[i].Target >= 0 && r.Steps[r.Steps[i].Target].Def == int32(def)
	if undone {
		at = r.Steps[i].Target
	}
	if at < 0 {
		return expr.StepInfo{}
	}
	s := &r.Steps[at]
	info := expr.StepInfo{Status: s.State.String(), Attempt: int(s.Attempt)}
	if undone {
		info.Input = decode(s.Input.Data)
	}
	if s.State == StepSucceeded || undone && s.effect {
		out, tooLarge := r.output(at)
		if info.Output = out; tooLarge != nil {
			info.Unreadable = &expr.Error{Code: CodeOutputTooLarge, Message: tooLarge.message}
		}
	}
	if s.State.Final() && s.Failure.Code != "" && s.State != StepSucceeded {
		info.Error = map[string]any{
			"code": s.Failure.Code, "message": s.Failure.Message, "retryable": s.Failure.Retryable,
			"attempt": int64(s.Failure.Attempt), "details": decode(s.Failure.Details),
		}
	}
	return info
}

// items are the decoded items of a fan-out.
func (r *Run) items(i int32) []any {
	if list, ok := r.names.lists[i]; ok {
		return list
	}
	p := r.Steps[i].parts
	if p == nil {
		return nil
	}
	list, _ := decode(p.items.Data).([]any)
	if r.names.lists == nil {
		r.names.lists = map[int32][]any{}
	}
	r.names.lists[i] = list
	return list
}

// MaxReadBytes bounds what an expression reads of a fan-out's output.
const MaxReadBytes = 16 << 20

// tooLarge says that a fan-out's output is larger than an expression may read.
type tooLarge struct{ message string }

// gathered is the output of a fan-out that has ended: those of its iterations in the order of the items, null where one is bad.
func (r *Run) gathered(i int32) (any, *tooLarge) {
	if list, ok := r.names.outputs[i]; ok {
		return list, nil
	}
	p := r.Steps[i].parts
	bytes := 0
	for at := p.first; at < p.first+p.count; at++ {
		bytes += len(r.Steps[at].Output.Data)
	}
	if bytes > MaxReadBytes {
		return nil, &tooLarge{"the output of " + r.Name(i) + " is larger than the 16 MiB that an expression may read"}
	}
	list := make([]any, p.count)
	for k := range list {
		if s := &r.Steps[p.first+int32(k)]; s.State == StepSucceeded {
			list[k], _ = r.output(p.first + int32(k))
		}
	}
	if r.names.outputs == nil {
		r.names.outputs = map[int32][]any{}
	}
	r.names.outputs[i] = list
	return list, nil
}

// gather is the same as JSON.
func (r *Run) gather(i int32) json.RawMessage {
	p := r.Steps[i].parts
	out := []byte{'['}
	for k := range p.count {
		if k > 0 {
			out = append(out, ',')
		}
		s := &r.Steps[p.first+k]
		if s.State == StepSucceeded && len(s.Output.Data) > 0 {
			out = append(out, s.Output.Data...)
		} else {
			out = append(out, "null"...)
		}
	}
	return append(out, ']')
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
