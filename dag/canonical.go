package dag

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"cordum.dev/cordum/internal/yamlx"
)

// WithID answers the same definition under another id, with the digest that follows from it.
func (d *Definition) WithID(id string) *Definition {
	out := *d
	out.ID = id
	var report Report
	seal(&out, &report)
	return &out
}

// seal computes the canonical form and the digest. What the file says and what its canonical form says are the same, so
// both have the same limits.
func seal(def *Definition, report *Report) {
	v := canonical(def)
	text, err := yamlx.AppendCanonical(nil, v)
	if err != nil {
		report.Errorf(RuleWrongType, Place{}, "%v", err)
		return
	}
	if len(text) > MaxDefinitionBytes || count(v) > yamlx.MaxValues {
		report.Errorf(RuleDocumentTooLarge, Place{}, "with its aliases written out the definition has more than %d bytes or %d values", MaxDefinitionBytes, yamlx.MaxValues)
		return
	}
	sum := sha256.Sum256(text)
	def.Canonical, def.Digest = text, hex.EncodeToString(sum[:])
}

func count(v any) int {
	n := 1
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			n += count(item)
		}
	case map[string]any:
		for _, item := range v {
			n += count(item)
		}
	}
	return n
}

// said is an object that holds only what was said.
type said map[string]any

func (s said) text(key, v string) {
	if v != "" {
		s[key] = v
	}
}

func (s said) texts(key string, v []string) {
	if len(v) == 0 {
		return
	}
	list := make([]any, len(v))
	for i := range v {
		list[i] = v[i]
	}
	s[key] = list
}

func (s said) duration(key string, v time.Duration) {
	if v != 0 {
		s[key] = FormatDuration(v)
	}
}

func (s said) number(key string, v int) {
	if v != 0 {
		s[key] = v
	}
}

// expression writes an expression as text: a boolean is the expression that says it.
func (s said) expression(key string, n *yamlx.Node) {
	if n != nil {
		s[key] = expressionText(n.Value())
	}
}

func (s said) node(key string, n *yamlx.Node) {
	if n != nil {
		s[key] = n.Value()
	}
}

func canonical(def *Definition) map[string]any {
	out := said{"language": Language}
	out.text("id", def.ID)
	out.text("name", def.Name)
	out.text("version", def.Version)
	out.text("description", def.Description)
	out.node("input", def.InputSchema)
	if def.Context != nil {
		out["context"] = def.Context
	}
	if len(def.Labels) > 0 {
		labels := map[string]any{}
		for k, v := range def.Labels {
			labels[k] = v
		}
		out["labels"] = labels
	}
	out.duration("timeout", def.Timeout)
	out.text("on_failure", onFailureWords[def.OnFailure])
	if def.RollbackTo != nil {
		out["on_failure"] = canonicalRollback(def.RollbackTo)
	}
	out.duration("cancel_grace", def.CancelGrace)
	if def.Concurrency != nil {
		out["concurrency"] = canonicalConcurrency(def.Concurrency)
	}
	out.node("output", def.Output)
	out["steps"] = canonicalScope(def, 0)
	return out
}

// canonicalScope are the steps of a scope by id.
func canonicalScope(def *Definition, scope int) map[string]any {
	s := def.Scopes[scope]
	steps := make(map[string]any, s.Count)
	for i := s.First; i < s.First+s.Count; i++ {
		steps[def.Steps[i].ID] = canonicalStep(def, &def.Steps[i])
	}
	return steps
}

func canonicalRollback(r *RollbackTo) map[string]any {
	out := said{"rollback_to": r.Checkpoint}
	out.text("then", thenWords[r.Then])
	out.number("max", r.Max)
	return out
}

func canonicalConcurrency(c *Concurrency) map[string]any {
	out := said{}
	out.node("key", c.Key)
	out.number("limit", c.Limit)
	out.text("when_busy", whenBusyWords[c.WhenBusy])
	return out
}

var (
	thenWords      = inverse(thens)
	whenBusyWords  = inverse(busyWords)
	unknownWords   = inverse(unknowns)
	onFailureWords = inverse(failureWords)
	effectWords    = inverse(effects)
	priorityWords  = inverse(priorities)
	joinModeWords  = inverse(joinModes)
)

// inverse are the words of what words mean.
func inverse[V comparable](words map[string]V) map[V]string {
	out := make(map[V]string, len(words))
	for word, v := range words {
		out[v] = word
	}
	return out
}

func canonicalStep(def *Definition, s *Step) map[string]any {
	out := ownFields(s, commonOf(s.Type))
	if s.Inner != 0 {
		out["steps"] = canonicalScope(def, s.Inner)
	}
	out.text("name", s.Name)
	out.text("description", s.Description)
	out.node("labels", s.Labels)
	ids := make([]string, len(s.DependsOn)) // in the order of the steps, which is that of the ids
	for i, d := range s.DependsOn {
		ids[i] = def.Steps[d].ID
	}
	out.texts("depends_on", ids)
	out.join(s.Join)
	out.expression("when", s.When)
	out.fanOut(s)
	out.job(s)
	out.node("input_schema", s.InputSchema)
	out.node("output_schema", s.OutputSchema)
	out.text("on_failure", onFailureWords[s.OnFailure])
	out.text("effect", effectWords[s.Effect])
	if s.Compensate != nil {
		out["compensate"] = canonicalCompensation(s.Compensate)
	}
	if s.Pivot {
		out["pivot"] = true
	}
	out.text("checkpoint", s.Checkpoint)
	return out
}

// job writes what a step and a compensation have in common.
func (s said) job(do *Step) {
	if do.Type != "worker" { // which is what no type says
		s.text("type", do.Type)
	}
	s.node("input", do.Input)
	if do.Retry != nil {
		s["retry"] = canonicalRetry(do.Retry)
	}
	s.duration("timeout", do.Timeout)
	s.duration("queue_timeout", do.QueueTimeout)
	s.duration("total_timeout", do.TotalTimeout)
	s.duration("heartbeat_timeout", do.HeartbeatTimeout)
	if do.Idempotent != nil {
		s["idempotent"] = *do.Idempotent
	}
	s.lock(do.ResourceLock)
	s.texts("requires", do.Requires)
	s.text("preferred_worker_id", do.PreferredWorkerID)
	s.text("preferred_pool", do.PreferredPool)
	s.text("priority", priorityWords[do.Priority])
}

func canonicalCompensation(c *Compensation) map[string]any {
	out := ownFields(c.Do, compensationSet)
	out.job(c.Do)
	out.text("when_unknown", unknownWords[c.WhenUnknown])
	return out
}

func (s said) fanOut(step *Step) {
	s.expression("for_each", step.ForEach)
	s.number("max_parallel", step.MaxParallel)
	switch t := step.Tolerate; {
	case t == nil:
	case t.Percent >= 0:
		s["tolerate"] = map[string]any{"percent": t.Percent}
	default:
		s["tolerate"] = map[string]any{"count": t.Count}
	}
}

// lock writes an exclusive lock as its name: that is what a mode not said means.
func (s said) lock(l *Lock) {
	switch {
	case l == nil || l.Name == nil:
	case l.Shared:
		s["resource_lock"] = map[string]any{"name": l.Name.Value(), "mode": "shared"}
	default:
		s.node("resource_lock", l.Name)
	}
}

func (s said) join(j Join) {
	switch {
	case j.Mode == AtLeast:
		s["join"] = map[string]any{"at_least": j.K}
	case j.Mode != AllSuccess:
		s["join"] = joinModeWords[j.Mode]
	}
}

func canonicalRetry(r *Retry) map[string]any {
	out := said{"max_attempts": r.MaxAttempts}
	out.duration("initial", r.Initial)
	out.duration("max", r.Max)
	if r.Multiplier != 0 {
		out["multiplier"] = r.Multiplier
	}
	if r.Jitter == JitterNone {
		out["jitter"] = "none"
	}
	out.texts("on", r.On)
	out.texts("not_on", r.NotOn)
	return out
}
