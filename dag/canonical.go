package dag

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"time"

	"cordum.dev/cordum/internal/yamlx"
)

// ownDurations are the fields of single kinds that hold a duration, with the alias that takes seconds. They are known
// here only for their spelling; whether they are right is for their kind to say.
var ownDurations = map[string]string{"expires": "", "for": "delay_sec"}

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
	out.duration("cancel_grace", def.CancelGrace)
	out.node("output", def.Output)
	steps := make(map[string]any, len(def.Steps))
	for i := range def.Steps {
		steps[def.Steps[i].ID] = canonicalStep(def, &def.Steps[i])
	}
	out["steps"] = steps
	return out
}

var (
	onFailureWords = map[OnFailure]string{Continue: "continue", Halt: "halt", Rollback: "rollback"}
	effectWords    = map[Effect]string{EffectNone: "none", EffectRead: "read", EffectWrite: "write", EffectIrreversible: "irreversible"}
	priorityWords  = map[Priority]string{Batch: "batch", Interactive: "interactive", Critical: "critical"}
)

func canonicalStep(def *Definition, s *Step) map[string]any {
	out := ownFields(s)
	out.text("name", s.Name)
	if s.Type != "worker" { // which is what no type says
		out.text("type", s.Type)
	}
	out.text("description", s.Description)
	out.node("labels", s.Labels)
	ids := make([]string, len(s.DependsOn)) // in the order of the steps, which is that of the ids
	for i, d := range s.DependsOn {
		ids[i] = def.Steps[d].ID
	}
	out.texts("depends_on", ids)
	out.join(s.Join)
	if s.When != nil {
		out["when"] = expressionText(s.When)
	}
	out.node("input", s.Input)
	if s.Retry != nil {
		out["retry"] = canonicalRetry(s.Retry)
	}
	out.duration("timeout", s.Timeout)
	out.duration("queue_timeout", s.QueueTimeout)
	out.duration("total_timeout", s.TotalTimeout)
	out.duration("heartbeat_timeout", s.HeartbeatTimeout)
	out.text("on_failure", onFailureWords[s.OnFailure])
	out.text("effect", effectWords[s.Effect])
	if s.Idempotent != nil {
		out["idempotent"] = *s.Idempotent
	}
	out.texts("requires", s.Requires)
	out.text("preferred_worker_id", s.PreferredWorkerID)
	out.text("preferred_pool", s.PreferredPool)
	out.text("priority", priorityWords[s.Priority])
	return out
}

func (s said) join(j Join) {
	switch {
	case j.Mode == AtLeast:
		s["join"] = map[string]any{"at_least": j.K}
	case j.Mode != AllSuccess:
		s["join"] = joinWord(j.Mode)
	}
}

func joinWord(mode JoinMode) string {
	for word, m := range joinModes {
		if m == mode {
			return word
		}
	}
	return ""
}

// expressionText is an expression as text: a boolean is the expression that says it.
func expressionText(n *yamlx.Node) any {
	if n.Kind == yamlx.Bool {
		if n.Bool {
			return "true"
		}
		return "false"
	}
	return n.Value()
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

// ownFields are the fields of the step's kind, as written but for the spelling of durations and of expressions.
func ownFields(s *Step) said {
	common := commonSet
	if s.Type == kindCondition {
		common = commonSetOfCondition
	}
	out := said{}
	for _, f := range s.Own.Fields {
		if common[f.Key] {
			continue
		}
		out[f.Key] = f.Value.Value()
		if f.Key == "condition" {
			out[f.Key] = expressionText(f.Value)
		}
	}
	for name, alias := range ownDurations {
		out.spellDuration(name, alias)
	}
	return out
}

var commonSet, commonSetOfCondition = set(CommonFields("")...), set(CommonFields(kindCondition)...)

// spellDuration writes a duration in its one spelling. What is no duration (a template, a mistake) stays.
func (s said) spellDuration(name, alias string) {
	if text, ok := s[name].(string); ok {
		if d, err := ParseDuration(text); err == nil {
			s[name] = FormatDuration(d)
		}
	}
	seconds, ok := s[alias].(int64)
	if _, both := s[name]; ok && !both && seconds >= 1 && seconds <= int64(MaxDuration/time.Second) {
		delete(s, alias)
		s[name] = FormatDuration(time.Duration(seconds) * time.Second)
	}
}

// settle answers a value in which a float that is an integer is one, as canonical JSON will say it: 1.0 and 1 are one
// spelling of the same number there. It copies what it changes.
func settle(n *yamlx.Node) *yamlx.Node {
	if n == nil {
		return nil
	}
	switch n.Kind {
	case yamlx.Float:
		if n.Float == math.Trunc(n.Float) && math.Abs(n.Float) < 1<<63 {
			return &yamlx.Node{Kind: yamlx.Int, Pos: n.Pos, Int: int64(n.Float)}
		}
	case yamlx.List:
		return settleList(n)
	case yamlx.Map:
		return settleMap(n)
	}
	return n
}

func settleList(n *yamlx.Node) *yamlx.Node {
	out := n
	for i, item := range n.Items {
		s := settle(item)
		if s != item && out == n {
			out = &yamlx.Node{Kind: n.Kind, Pos: n.Pos, Items: append([]*yamlx.Node(nil), n.Items...)}
		}
		if s != item {
			out.Items[i] = s
		}
	}
	return out
}

func settleMap(n *yamlx.Node) *yamlx.Node {
	out := n
	for i, f := range n.Fields {
		s := settle(f.Value)
		if s != f.Value && out == n {
			out = &yamlx.Node{Kind: n.Kind, Pos: n.Pos, Fields: append([]yamlx.Field(nil), n.Fields...)}
		}
		if s != f.Value {
			out.Fields[i].Value = s
		}
	}
	return out
}
