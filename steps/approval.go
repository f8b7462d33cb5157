package steps

import (
	"encoding/json"
	"slices"
	"time"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps/expr"
)

// MaxQuorum bounds how many people one approval may want.
const MaxQuorum = 100

var approvalKind = kind{
	name: "approval",
	doc:  "Waits for people. Output {decision, by, comment, values}.",
	fields: []field{
		{"title", aTemplate("What is asked. Default: the step's name, else its id.")},
		{"context", shape{"description": "What the people are shown. A template."}},
		{"approvers", approverList("Who may decide. Absent: whoever may decide approvals.")},
		{"quorum", anInteger("How many people have to approve. Default 1.", 1, MaxQuorum)},
		{"deny_quorum", anInteger("How many people have to deny until it ends. Default 1.", 1, MaxQuorum)},
		{"four_eyes", aBoolean("Whether who started the run, or whom it acts for, may not approve. Default false.")},
		{"exclude_author", aBoolean("Whether who wrote this version of the workflow may not approve. Default false.")},
		{"expires", aDuration("When the question expires, from its beginning. Absent: never.")},
		{"on_expiry", oneOf("What an unanswered question does when it expires. It never approves.",
			"deny", "The step is rejected.", "escalate", "Those of `escalate` who were not asked yet are, and it is asked for as long again; then it is rejected.", "rollback", "The step is rejected and the run rolled back.")},
		{"form", shape{"type": []any{"object", "boolean"}, "description": "JSON Schema of the values that go with an answer."}},
		{"escalate", escalationList},
	},
	effect: dag.EffectNone,
	decode: decodeApproval,
}

// approval waits for people.
type approval struct {
	title     *expr.Template
	context   *expr.Template // nil when absent
	approvers approvers
	fixed     Approval // what needs no rendering
	escalate  []hop
}

// hop is an escalation whose people may have to be evaluated.
type hop struct {
	after time.Duration
	to    approvers
}

// Start implements Spec.
func (a approval) Start(env *expr.Env) (Ask, error) {
	ask := a.fixed
	var err error
	if ask.Title, err = a.title.RenderString(env); err != nil {
		return nil, err
	}
	if a.context != nil {
		if ask.Context, err = a.context.RenderJSON(env); err != nil {
			return nil, err
		}
	}
	if ask.Approvers, err = a.approvers.names(env); err != nil {
		return nil, err
	}
	for _, h := range a.escalate {
		to, err := h.to.names(env)
		if err != nil {
			return nil, err
		}
		ask.Escalate = append(ask.Escalate, Escalation{After: h.after, To: to})
	}
	return ask, nil
}

var onExpiry = map[string]OnExpiry{"deny": ExpiryDenies, "escalate": ExpiryEscalates, "rollback": ExpiryRollsBack}

func decodeApproval(r *reading) Spec {
	spec := approval{title: r.text("title"), context: r.value("context"), approvers: r.approvers(r.Object, "approvers")}
	if r.Get("title") == nil {
		spec.title = r.plainText(r.step.Name, r.step.ID)
	}
	spec.fixed = Approval{
		Expires:       r.Duration("expires", ""),
		Quorum:        r.Int("quorum", 1, MaxQuorum),
		DenyQuorum:    r.Int("deny_quorum", 1, MaxQuorum),
		FourEyes:      r.yes("four_eyes"),
		ExcludeAuthor: r.yes("exclude_author"),
		OnExpiry:      onExpiry[r.OneOf("on_expiry", "deny", "escalate", "rollback")],
		Form:          r.form(),
	}
	for _, o := range r.entries("escalate") {
		o.Only([]string{"after", "to"}, nil)
		o.Need("after")
		o.Need("to")
		spec.escalate = append(spec.escalate, hop{o.Duration("after", ""), r.approvers(o, "to")})
	}
	slices.SortStableFunc(spec.escalate, func(a, b hop) int { return int(a.after - b.after) })
	return spec
}

// yes reads a boolean that is false when it is absent.
func (r *reading) yes(name string) bool {
	b := r.Bool(name)
	return b != nil && *b
}

// form reads the schema of the values that go with an answer.
func (r *reading) form() json.RawMessage {
	n := r.Get("form")
	if n == nil {
		return nil
	}
	if n.Kind != yamlx.Map && n.Kind != yamlx.Bool {
		r.report.Errorf(dag.RuleWrongType, r.Place("form"), "form takes a JSON Schema: an object or a boolean")
		return nil
	}
	if _, err := compileSchema(n); err != nil {
		r.report.Errorf(dag.RuleBadValue, r.Place("form"), "form: %v", err)
		return nil
	}
	out, err := yamlx.AppendCanonical(nil, n.Value())
	if err != nil {
		r.report.Errorf(dag.RuleBadValue, r.Place("form"), "form: %v", err)
	}
	return out
}

// plainText is a template of the first text that is not empty. It stands for itself, whatever it holds.
func (r *reading) plainText(texts ...string) *expr.Template {
	for _, s := range texts {
		if s != "" {
			n := &yamlx.Node{Kind: yamlx.String, Str: s, Pos: r.step.Pos}
			return r.template(n, r.At(), r.scope)
		}
	}
	return nil
}
