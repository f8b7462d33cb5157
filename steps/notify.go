package steps

import (
	"encoding/json"
	"regexp"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps/expr"
)

var notifyKind = kind{
	name:   "notify",
	fields: []string{"message", "channel", "level", "required"},
	// A message twice is better than none: the job of a lost worker is sent again.
	effect: dag.EffectNone,
	decode: decodeNotify,
}

// Where the job of a notification goes: the built-in worker.
const (
	NotifyPack = "cordum"
	NotifyTool = "notify"
)

var word = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)

// notify tells somebody.
type notify struct {
	message  *expr.Template
	channel  string
	level    string
	required bool
}

func (n notify) toleratesFailure() bool { return !n.required }

// Start implements Spec.
func (n notify) Start(env *expr.Env) (Ask, error) {
	message, err := n.message.RenderString(env)
	if err != nil {
		return nil, err
	}
	fields := map[string]any{"message": message}
	if n.channel != "" {
		fields["channel"] = n.channel
	}
	if n.level != "" {
		fields["level"] = n.level
	}
	input, err := yamlx.AppendCanonical(nil, fields)
	if err != nil {
		return nil, &expr.Error{Code: expr.CodeRuntime, Message: "the message is no text"}
	}
	return Job{Topic: ToolTopic(NotifyPack, NotifyTool), Pack: NotifyPack, Tool: NotifyTool, Input: json.RawMessage(input)}, nil
}

func decodeNotify(r *reading) Spec {
	r.Need("message")
	spec := notify{message: r.text("message"), channel: r.Text("channel"), level: r.Text("level")}
	for _, name := range []string{"channel", "level"} {
		if s := r.Text(name); (s != "" || emptyText(r, name)) && !word.MatchString(s) {
			r.report.Errorf(dag.RuleBadValue, r.Place(name), "%s is one word of letters, digits, hyphens and underscores, not %q", name, yamlx.Clip(s))
		}
	}
	if required := r.Bool("required"); required != nil {
		spec.required = *required
	}
	return spec
}
