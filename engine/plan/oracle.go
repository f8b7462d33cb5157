package plan

import (
	"slices"

	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/steps/expr"
)

// oracle asks a policy about jobs of which not everything is known. A rule is undecided when all that is known of the job
// matches it and its when reads a part of the input that is not known. Which rules those are is found by asking a second
// snapshot in which such a when is always true; what holds whatever they say, by asking a third without those rules.
type oracle struct {
	exact    *safety.Snapshot
	open     map[string][]expr.Read // rules whose when reads the input, by name: what they read
	probe    *safety.Snapshot       // nil when there are none
	leftOver *safety.Snapshot
}

func newOracle(s *safety.Snapshot) *oracle {
	o := &oracle{exact: s, open: map[string][]expr.Read{}}
	root, err := yamlx.Parse(s.Canonical(), yamlx.JSON)
	if err != nil {
		return o
	}
	open, left := o.split(root)
	if len(o.open) == 0 {
		return o
	}
	o.probe, _ = safety.ParsePolicy(open, "")
	o.leftOver, _ = safety.ParsePolicy(left, "")
	return o
}

// split makes the two variants of a set of bundles, and notes the rules that read the input.
func (o *oracle) split(root *yamlx.Node) (open, left *yamlx.Node) {
	open, left = &yamlx.Node{Kind: yamlx.Map}, &yamlx.Node{Kind: yamlx.Map}
	for _, f := range root.Fields {
		if f.Key != "bundles" && f.Key != "overlays" {
			open.Fields, left.Fields = append(open.Fields, f), append(left.Fields, f)
			continue
		}
		opened, rest := &yamlx.Node{Kind: yamlx.List}, &yamlx.Node{Kind: yamlx.List}
		for _, b := range f.Value.Items {
			with, without := o.splitBundle(b)
			opened.Items = append(opened.Items, with)
			if len(without.Get("rules").Items) > 0 {
				rest.Items = append(rest.Items, without)
			}
		}
		open.Fields = append(open.Fields, yamlx.Field{Key: f.Key, Value: opened})
		left.Fields = append(left.Fields, yamlx.Field{Key: f.Key, Value: rest})
	}
	return open, left
}

func (o *oracle) splitBundle(b *yamlx.Node) (open, left *yamlx.Node) {
	name := text(b.Get("name"))
	opened, rest := &yamlx.Node{Kind: yamlx.List}, &yamlx.Node{Kind: yamlx.List}
	for _, rule := range b.Get("rules").Items {
		reads := inputReads(rule.Get("match").Get("when"))
		if len(reads) == 0 {
			opened.Items, rest.Items = append(opened.Items, rule), append(rest.Items, rule)
			continue
		}
		o.open[name+"/"+text(rule.Get("id"))] = reads
		match := with(rule.Get("match"), "when", &yamlx.Node{Kind: yamlx.String, Str: "true"})
		opened.Items = append(opened.Items, with(rule, "match", match))
	}
	return with(b, "rules", opened), with(b, "rules", rest)
}

func inputReads(when *yamlx.Node) (out []expr.Read) {
	for _, r := range expr.ReadsOf(when, true) {
		if r.Name == "input" {
			out = append(out, r)
		}
	}
	return out
}

// with is a map with another value under one of its keys.
func with(n *yamlx.Node, key string, value *yamlx.Node) *yamlx.Node {
	out := &yamlx.Node{Kind: yamlx.Map, Pos: n.Pos}
	for _, f := range n.Fields {
		if f.Key == key {
			f.Value = value
		}
		out.Fields = append(out.Fields, f)
	}
	return out
}

// ask answers what can be said of a request. unknown tells of a read of the input by a rule's when which names are missing
// for it; none means that the read is of something known.
func (o *oracle) ask(r safety.Request, unknown func(expr.Read) []string) Ruling {
	undecided, missing := o.undecided(r, unknown)
	if len(undecided) == 0 {
		return ruling(safety.Evaluate(o.exact, r))
	}
	d := safety.Evaluate(o.leftOver, r)
	out := Ruling{Undecided: undecided, DependsOn: missing}
	if d.Verdict == safety.Deny && d.Rule != safety.RuleDefault {
		out = ruling(d) // a DENY of a rule stays one, whatever others say
		return out
	}
	out.Rules = d.Rules
	return out
}

func (o *oracle) undecided(r safety.Request, unknown func(expr.Read) []string) (rules, missing []string) {
	if o.probe == nil {
		return nil, nil
	}
	for _, name := range safety.Evaluate(o.probe, r).Rules {
		depends := false
		for _, read := range o.open[name] {
			if names := unknown(read); len(names) > 0 {
				depends, missing = true, append(missing, names...)
			}
		}
		if depends {
			rules = append(rules, name)
		}
	}
	slices.Sort(missing)
	return rules, slices.Compact(missing)
}

// ruling writes a decision down.
func ruling(d safety.Decision) Ruling {
	out := Ruling{Verdict: d.Verdict.String(), Rule: d.Rule, Rules: d.Rules, Reason: d.Reason}
	for i := range d.Constraints {
		out.Constraints = append(out.Constraints, constraint(&d.Constraints[i]))
	}
	for _, a := range d.Approvals {
		out.Approvals = append(out.Approvals, Approval{
			Rule: a.Rule, Approvers: a.Approvers, Quorum: max(a.Quorum, 1), Expires: span(a.Expires), OnExpiry: a.OnExpiry,
		})
	}
	return out
}

// constraint writes a constraint as bundles do.
func constraint(c *safety.Constraint) Constraint {
	out := Constraint{Type: c.Type, Prove: c.Prove}
	switch {
	case c.Sandbox != nil:
		out.Value = sandbox(c.Sandbox)
	case c.Rate != nil:
		out.Value = map[string]any{"key": c.Rate.Key, "per": c.Rate.Window, "limit": c.Rate.Limit}
	case c.Budget != nil:
		out.Value = budget(c.Budget)
	case c.List != nil:
		out.Value = c.List
	case c.Type != safety.RequireIdempotencyKey:
		out.Value = c.Max
	}
	return out
}

func sandbox(s *safety.Sandbox) map[string]any {
	out := map[string]any{}
	if s.Isolated {
		out["isolated"] = true
	}
	for name, list := range map[string][]string{"network": s.Network, "fs_read_only": s.FsReadOnly, "fs_read_write": s.FsReadWrite} {
		if list != nil {
			out[name] = list
		}
	}
	return out
}

func budget(b *safety.Budget) map[string]any {
	out := map[string]any{"unit": b.Unit}
	for name, v := range map[string]*float64{"per_run": b.PerRun, "per_day": b.PerDay} {
		if v != nil {
			out[name] = *v
		}
	}
	return out
}
