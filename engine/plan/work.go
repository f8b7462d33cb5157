package plan

import (
	"encoding/json"
	"reflect"
	"slices"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/steps"
	"cordum.dev/cordum/steps/expr"
)

// fanOut writes down how often a step runs. It answers the items, nil when they are not known or the step has none.
func (m *maker) fanOut(s int32, out *Step) []any {
	def, step := &m.w.Def.Steps[s], &m.w.Steps[s]
	if step.ForEach == nil {
		return nil
	}
	out.ForEach = &FanOut{Expression: text(def.ForEach), MaxParallel: def.MaxParallel}
	if names := m.unknown(expr.ReadsOf(def.ForEach, true), s, false); len(names) > 0 {
		out.ForEach.DependsOn = m.depends(names)
		return nil
	}
	items, err := step.ForEach.EvalList(m.env(s))
	if err != nil {
		out.Error = "for_each: " + err.Error()
		return nil
	}
	n := len(items)
	out.ForEach.Items = &n
	if items == nil {
		items = []any{}
	}
	return items
}

// work writes down what a step asks for, of whom.
func (m *maker) work(s int32, out *Step, items []any) {
	step := &m.w.Steps[s]
	out.InputDependsOn = m.depends(m.fieldsUnknown(s, items != nil))
	if spec, is := step.Spec.(steps.Subworkflow); is {
		out.Child = m.child(s, spec.Child(), len(out.InputDependsOn) == 0 && step.ForEach == nil)
	}
	env := m.env(s)
	if items != nil {
		if len(items) == 0 {
			return
		}
		env.Item = items[0]
	}
	if step.ForEach == nil && len(out.InputDependsOn) == 0 && step.Input != nil {
		if in, err := step.Input.RenderJSON(env); err == nil && len(in) <= MaxShownInput {
			out.Input = in
		}
	}
	switch ask := m.ask(step, env).(type) {
	case steps.Job:
		out.Job = &Job{Topic: ask.Topic, Pack: ask.Pack, Tool: ask.Tool, Policy: m.rulings(s, ask, items)}
	case steps.Approval:
		out.Approval = approval(ask)
		if len(out.InputDependsOn) > 0 || step.ForEach != nil {
			out.Approval.Title = ""
		}
	}
}

func approval(ask steps.Approval) *Approval {
	return &Approval{
		Title: ask.Title, Approvers: ask.Approvers, Quorum: max(ask.Quorum, 1), Expires: span(ask.Expires),
		OnExpiry: [...]string{safety.OnExpiryDeny, safety.OnExpiryEscalate, safety.OnExpiryRollback}[ask.OnExpiry],
	}
}

// ask starts a step's kind to see what it asks for. Where its fields read what is not known they cannot be rendered; what
// does not depend on them is asked all the same.
func (m *maker) ask(step *steps.Step, env *expr.Env) steps.Ask {
	if ask, err := step.Spec.Start(env); err == nil {
		return ask
	}
	switch step.Kind {
	case "notify":
		return steps.Job{Topic: steps.ToolTopic(steps.NotifyPack, steps.NotifyTool), Pack: steps.NotifyPack, Tool: steps.NotifyTool}
	case "http":
		return steps.Job{Topic: steps.ToolTopic(steps.HTTPPack, steps.HTTPTool), Pack: steps.HTTPPack, Tool: steps.HTTPTool}
	case "approval":
		return m.fixedApproval(step)
	}
	return nil
}

// fixedApproval is what an approval asks whatever its title and its context say.
func (m *maker) fixedApproval(step *steps.Step) steps.Ask {
	ask := steps.Approval{}
	approvers := step.Def.Own.Get("approvers")
	for _, n := range itemsOf(approvers) {
		ask.Approvers = append(ask.Approvers, text(n))
	}
	if word := text(approvers); word != "" {
		ask.Approvers = []string{word}
	}
	if q := step.Def.Own.Get("quorum"); q != nil {
		ask.Quorum = int(q.Int)
	}
	return ask
}

func itemsOf(n *yamlx.Node) []*yamlx.Node {
	if n == nil {
		return nil
	}
	return n.Items
}

// rulings are the decisions about a step's job: one, or as many as the items of its fan-out are decided differently.
func (m *maker) rulings(s int32, job steps.Job, items []any) []Ruling {
	if m.policy == nil {
		return nil
	}
	if items == nil {
		return []Ruling{m.rule(s, job, m.env(s), false)}
	}
	var out []Ruling
	for i, item := range items[:min(len(items), MaxItems)] {
		env := m.env(s)
		env.Item, env.Index = item, i
		r := m.rule(s, job, env, true)
		at := slices.IndexFunc(out, func(o Ruling) bool {
			o.Items = 0
			return reflect.DeepEqual(o, r)
		})
		if at < 0 {
			out, at = append(out, r), len(out)
		}
		out[at].Items++
	}
	return out
}

// rule asks the policy about a step's job.
func (m *maker) rule(s int32, job steps.Job, env *expr.Env, item bool) Ruling {
	step := &m.w.Steps[s]
	r := m.request(s, step, job, safety.SourceStep)
	var missing func(expr.Read) []string
	r.Input, missing = m.payload(s, step, job, env, item)
	return m.asked(r, missing)
}

func (m *maker) asked(r safety.Request, missing func(expr.Read) []string) Ruling {
	out := m.policy.ask(r, missing)
	m.depends(out.DependsOn)
	return out
}

// request is what the policy decides about, but for the input.
func (m *maker) request(s int32, step *steps.Step, job steps.Job, source string) safety.Request {
	return safety.Request{
		Tenant: m.in.Tenant, Principal: m.in.Principal, Source: source, Workflow: m.w.Def.ID, Step: m.id(s),
		Pack: job.Pack, Tool: job.Tool, Topic: job.Topic, Effect: effectWords[step.Effect], Requires: step.Def.Requires,
		Priority: priorityWords[step.Priority], Labels: m.tags(s),
	}
}

var priorityWords = map[dag.Priority]string{dag.Batch: "batch", dag.Interactive: "interactive", dag.Critical: "critical"}

// tags are the labels of the run with those of the step over them, as far as they are known.
func (m *maker) tags(s int32) map[string]string {
	step := &m.w.Steps[s]
	if step.Labels == nil || len(m.unknown(expr.ReadsOf(step.Def.Labels, false), s, false)) > 0 {
		return m.labels
	}
	labels, err := step.JobLabels(m.env(s), m.labels)
	if err != nil {
		return m.labels
	}
	return labels
}

// payload is the input of a job as far as it is known, and what tells of a read of it which names are missing.
func (m *maker) payload(s int32, step *steps.Step, job steps.Job, env *expr.Env, item bool) (json.RawMessage, func(expr.Read) []string) {
	if names := m.unknown(readsOfSpec(step), s, item); len(names) > 0 {
		return m.partial(s, step, env, item)
	}
	if job.Input != nil {
		return job.Input, knownRead
	}
	if step.Input == nil {
		return json.RawMessage("{}"), knownRead
	}
	in, err := step.Input.RenderJSON(env)
	if err != nil {
		return nil, knownRead // the job is never asked for: its step fails before
	}
	return in, knownRead
}

func knownRead(expr.Read) []string { return nil }

// readsOfSpec are the names that the fields of a step, or of a compensation, read that make the job's input.
func readsOfSpec(step *steps.Step) (out []expr.Read) {
	for _, f := range fieldsRead(step.Def.Own, step.Kind) {
		switch f.name {
		case "input", "message", "url", "headers", "body":
			out = append(out, f.reads()...)
		}
	}
	return out
}

// partial is an input of which some fields are known.
func (m *maker) partial(s int32, step *steps.Step, env *expr.Env, item bool) (json.RawMessage, func(expr.Read) []string) {
	source, wrapped := step.Def.Own.Get("input"), true
	if step.Kind == "notify" || step.Kind == "http" {
		source, wrapped = step.Def.Own, false
	}
	lacking := map[string][]string{}
	known := map[string]any{}
	if source == nil || source.Kind != yamlx.Map {
		all := m.unknown(expr.ReadsOf(source, false), s, item)
		return nil, func(expr.Read) []string { return all }
	}
	for _, f := range source.Fields {
		if !wrapped && !templateFields[f.Key] {
			continue
		}
		if lacking[f.Key] = m.unknown(expr.ReadsOf(f.Value, false), s, item); len(lacking[f.Key]) > 0 {
			continue
		}
		if t, err := expr.CompileTemplate(f.Value, expr.Scope{Item: true, Payload: true, Loop: true, Secrets: true}); err == nil {
			if v, err := t.Render(env); err == nil {
				known[f.Key] = v
			}
		}
	}
	return canonical(known), func(r expr.Read) []string {
		if len(r.Path) > 0 {
			return lacking[r.Path[0]]
		}
		var all []string
		for _, names := range lacking {
			all = append(all, names...)
		}
		return all
	}
}

// denied says whether policy denies every job of a step, as far as that is known.
func (m *maker) denied(s int32) bool {
	if m.policy == nil || !asksForJob(m.w.Steps[s].Kind) || m.w.Steps[s].ForEach != nil {
		return false
	}
	job, ok := m.ask(&m.w.Steps[s], m.env(s)).(steps.Job)
	if !ok {
		return false
	}
	r := m.rule(s, job, m.env(s), false)
	return r.Verdict == safety.Deny.String()
}

// child plans the workflow that a sub-workflow step starts.
func (m *maker) child(s int32, c steps.Child, inputKnown bool) *Child {
	out := &Child{Workflow: c.Workflow, Version: c.Version}
	if m.in.Child == nil {
		return out
	}
	w := m.in.Child(c.Workflow, c.Version)
	if w == nil || len(w.Steps) > *m.budget {
		return out
	}
	*m.budget -= len(w.Steps)
	in := *m.in
	in.FailAt, in.Context, in.Labels, in.Input, in.InputUnknown = "", nil, m.labels, map[string]any{}, !inputKnown
	if t := m.w.Steps[s].Input; t != nil && inputKnown {
		in.Input, _ = t.Render(m.env(s)) // its reads are all known; what fails fails the step
	}
	out.Plan = makePlan(w, &in, m.budget)
	return out
}

// undo writes down how a step would be undone.
func (m *maker) undo(s int32) *Undo {
	do := m.w.Steps[s].Undo
	if do == nil {
		return nil
	}
	out := &Undo{WhenUnknown: whenUnknown(m.w.Steps[s].HoldUnknown), InputDependsOn: m.depends(m.unknown(readsOfSpec(do), s, false))}
	job, ok := m.ask(do, m.env(s)).(steps.Job)
	if !ok {
		return out
	}
	out.Job = Job{Topic: job.Topic, Pack: job.Pack, Tool: job.Tool}
	if m.policy != nil {
		r := m.request(s, do, job, safety.SourceCompensation)
		var missing func(expr.Read) []string
		r.Input, missing = m.payload(s, do, job, m.env(s), false)
		out.Policy = []Ruling{m.asked(r, missing)}
	}
	return out
}
