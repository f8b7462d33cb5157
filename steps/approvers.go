package steps

import (
	"regexp"
	"slices"
	"strings"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps/expr"
)

// approver is one who may decide: a person, whoever has a role, or whoever is in a group.
var approver = regexp.MustCompile(`^(user|role|group):[^\s\x00-\x1f]{1,250}$`)

// ValidApprover says whether s names who may decide: "user:…", "role:…" or "group:…".
func ValidApprover(s string) bool { return approver.MatchString(s) }

// plainName is a name, or an address, of which nobody said whose it is: as an expression it would mean nothing.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_-]+(@[A-Za-z0-9.-]+)?$`)

const wantApprover = "user:…, role:… or group:…"

// approvers are who may decide: named, or given by expressions when the question is asked.
type approvers struct {
	named []string
	given []*expr.Program
}

// names are all of them, each once.
func (a approvers) names(env *expr.Env) ([]string, error) {
	if len(a.given) == 0 {
		return a.named, nil
	}
	out := slices.Clone(a.named)
	for _, p := range a.given {
		v, err := p.Eval(env)
		if err != nil {
			return nil, err
		}
		list, isList := v.([]any)
		if !isList {
			list = []any{v}
		}
		for _, item := range list {
			name, ok := item.(string)
			if !ok || !ValidApprover(name) {
				return nil, &expr.Error{Code: expr.CodeType, Message: "the approvers that an expression gives are each " + wantApprover}
			}
			out = append(out, name)
		}
	}
	if out = unique(out); len(out) == 0 {
		// Nobody is not everybody: an empty list would let anyone decide.
		return nil, &expr.Error{Code: expr.CodeRuntime, Message: "nobody may decide: the approvers are an empty list"}
	}
	return out, nil
}

// approvers reads a list of names and expressions, or one of either.
func (r *reading) approvers(o *dag.Object, name string) approvers {
	n := o.Get(name)
	if n == nil {
		return approvers{}
	}
	var out approvers
	if n.Kind == yamlx.String {
		r.approver(&out, o.Text(name), n, o.Place(name))
		return out
	}
	for i, s := range o.Texts(name) {
		r.approver(&out, s, n.Items[i], o.Place(name).Below(itoa(i), n.Items[i].Pos))
	}
	if n.Kind == yamlx.List && len(n.Items) == 0 {
		r.report.Errorf(dag.RuleBadValue, o.Place(name), "%s is empty: nobody could decide; leave it out to let anybody", name)
	}
	return out
}

func (r *reading) approver(out *approvers, s string, n *yamlx.Node, at dag.Place) {
	prefix, _, isNamed := strings.Cut(s, ":")
	switch {
	case s == "" && n.Str != "": // reported
	case ValidApprover(s):
		out.named = append(out.named, s)
	case s == "" || plainName.MatchString(s) || (isNamed && slices.Contains([]string{"user", "role", "group"}, prefix)):
		r.report.Errorf(dag.RuleBadValue, at, "an approver is %s or an expression that gives such names, not %q", wantApprover, yamlx.Clip(s))
	default:
		p, err := expr.Compile(s, r.scope)
		if err != nil {
			reportExpr(r.report, at, err)
			return
		}
		out.given = append(out.given, p)
	}
}
