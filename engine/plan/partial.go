package plan

import (
	"cordum.dev/cordum/steps"
	"cordum.dev/cordum/steps/expr"
)

// value is what is known of a step's result before the run.
type value struct {
	known   bool // of the output of a step that computes only, should it run
	output  any
	chosen  []string // of a switch: the steps that it lets run
	failure string   // why it fails when it runs: an expression does
}

// unknown are the names among what is read that nobody knows before the run, for a reader of some step (-1: the
// workflow's output). Item says that an item of the fan-out is at hand.
func (m *maker) unknown(reads []expr.Read, reader int32, item bool) []string {
	var out []string
	seen := map[string]bool{}
	for _, r := range reads {
		name := r.String()
		if !seen[name] && !m.isKnown(r, reader, item) {
			seen[name] = true
			out = append(out, name)
		}
	}
	return out
}

func (m *maker) isKnown(r expr.Read, reader int32, item bool) bool {
	switch r.Name {
	case "input":
		return !m.in.InputUnknown
	case "ctx":
		return beyond(r, m.ctxUnknown)
	case "labels":
		return beyond(r, m.labelsUnknown)
	case "secrets": // a reference, which is what the job gets
		return true
	case "item", "index":
		return item
	case "steps":
		step, exists := m.w.ByID[r.Step]
		return exists && len(r.Path) > 0 && m.knows(int32(step), r.Path[0], reader)
	}
	return false
}

// beyond says whether a read is of none of these fields.
func beyond(r expr.Read, unknown map[string]bool) bool {
	if len(r.Path) == 0 {
		return len(unknown) == 0
	}
	return !unknown[r.Path[0]]
}

// knows says whether a field of a step is known to a reader.
func (m *maker) knows(step int32, field string, reader int32) bool {
	if m.reach.is[step] == never {
		return true // it is skipped: no output, no error, no attempts
	}
	runs := m.reach.is[step] == always || (reader >= 0 && m.certain.succeeded(step, reader))
	switch field {
	case "output":
		return runs && m.values[step].known && m.values[step].failure == ""
	case "status", "error":
		return reader >= 0 && m.certain.succeeded(step, reader)
	}
	return false
}

// env is what is known for expressions of a step.
func (m *maker) env(reader int32) *expr.Env {
	return &expr.Env{
		Input: m.in.Input, Ctx: m.ctx, Labels: m.labels,
		Step: func(id string) expr.StepInfo {
			step := int32(m.w.ByID[id])
			if m.reach.is[step] == never {
				return expr.StepInfo{Status: "skipped"}
			}
			info := expr.StepInfo{Status: "succeeded"}
			if m.values[step].known {
				info.Output = m.values[step].output
			}
			return info
		},
	}
}

// fieldsUnknown are the names that the fields of a step read and nobody knows, but for when and for_each.
func (m *maker) fieldsUnknown(s int32, item bool) []string {
	return m.unknown(m.readsOf(s), s, item)
}

func (m *maker) readsOf(s int32) []expr.Read {
	var reads []expr.Read
	for _, f := range fieldsRead(m.w.Def.Steps[s].Own, m.w.Steps[s].Kind) {
		if f.name == "when" || f.name == "for_each" || (f.name == "condition" && m.w.Steps[s].Kind != "condition") {
			continue
		}
		reads = append(reads, f.reads()...)
	}
	return reads
}

// compute works out what a step gives that only computes, when all that it reads is known.
func (m *maker) compute(s int32) {
	step := &m.w.Steps[s]
	if step.ForEach != nil || m.w.Def.Steps[s].Scope != 0 || !computes(step.Kind) || len(m.fieldsUnknown(s, false)) > 0 {
		return
	}
	v := &m.values[s]
	ask, err := step.Spec.Start(m.env(s))
	if err != nil {
		v.failure = err.Error()
		return
	}
	done, ok := ask.(steps.Done)
	if !ok {
		return
	}
	if v.output, err = expr.DecodeJSON(done.Output); err == nil {
		v.known, v.chosen = true, done.Chosen
	}
}

// computes tells the kinds that ask nobody.
func computes(kind string) bool {
	return kind == "transform" || kind == "condition" || kind == "switch"
}
