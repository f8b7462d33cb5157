package steps

import (
	"time"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps/expr"
)

var approvalKind = kind{
	name:   "approval",
	fields: []string{"title", "context", "expires", "on_expiry"},
	effect: dag.EffectNone,
	decode: decodeApproval,
}

// approval waits for people.
type approval struct {
	title   *expr.Template
	context *expr.Template // nil when absent
	expires time.Duration
}

// Start implements Spec.
func (a approval) Start(env *expr.Env) (Ask, error) {
	title, err := a.title.RenderString(env)
	if err != nil {
		return nil, err
	}
	ask := Approval{Title: title, Expires: a.expires}
	if a.context != nil {
		if ask.Context, err = a.context.RenderJSON(env); err != nil {
			return nil, err
		}
	}
	return ask, nil
}

func decodeApproval(r *reading) Spec {
	spec := approval{title: r.text("title"), context: r.value("context"), expires: r.Duration("expires", "")}
	if r.Get("title") == nil {
		spec.title = r.plainText(r.step.Name, r.step.ID)
	}
	switch r.OneOf("on_expiry", "deny", "escalate", "rollback") {
	case "escalate", "rollback":
		r.report.Errorf(dag.RuleNotSupported, r.Place("on_expiry"), "this is part of the language but not of this version; deny is")
	}
	return spec
}

// plainText is a template of the first text that is not empty.
func (r *reading) plainText(texts ...string) *expr.Template {
	for _, s := range texts {
		if s != "" {
			return r.compileTemplate("id", &yamlx.Node{Kind: yamlx.String, Str: s, Pos: r.step.Pos})
		}
	}
	return nil
}
