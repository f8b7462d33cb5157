package steps

import (
	"regexp"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps/expr"
)

var notifyKind = kind{
	name: "notify",
	doc:  "Tells somebody and goes on, as a job of the built-in worker. Output {delivered, channel, reason}.",
	fields: []field{
		{"message", aTemplate("What is told.")},
		{"channel", aText("Where it is told: log (the default), webhook, slack, email, or another that is configured.")},
		{"level", aText("How important it is: debug, info (the default), warn or error.")},
		{"required", aBoolean("A failure to notify fails the step. Default false: the step succeeds and says so.")},
	},
	needs:  []any{"message"},
	undoes: true,
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
	message, err := n.message.RenderText(env)
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
	return builtinJob(NotifyPack, NotifyTool, fields)
}

func decodeNotify(r *reading) Spec {
	r.Need("message")
	spec := notify{message: r.sentText("message"), channel: r.Text("channel"), level: r.Text("level")}
	for _, name := range []string{"channel", "level"} {
		if s := r.Text(name); (s != "" || emptyText(r, name)) && !word.MatchString(s) {
			r.report.Errorf(dag.RuleBadValue, r.Place(name), "%s is one word of letters, digits, hyphens and underscores, not %q", name, yamlx.Clip(s))
		}
	}
	spec.required = r.yes("required")
	return spec
}
