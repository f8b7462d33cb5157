package steps

import (
	"regexp"
	"strings"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/steps/expr"
)

var workerKind = kind{
	name: "worker",
	doc:  "A job for a worker, through policy and scheduler. The default type.",
	fields: []field{
		{"topic", aText("The topic the job goes to, job.…. In place of pack and tool.")},
		{"pack", aText("The pack whose tool does the job; with `tool`.")},
		{"tool", aText("The tool that does the job; the topic is then job.<pack>.<tool>.")},
	},
	rules:   []any{shape{"anyOf": []any{shape{"required": []any{"topic"}}, shape{"required": []any{"pack", "tool"}}}}},
	effect:  dag.EffectWrite,
	secrets: true,
	undoes:  true,
	decode:  decodeWorker,
}

// TopicPrefix is what the topic of every job begins with.
const TopicPrefix = "job."

// dotted are words a topic, a pack or a tool is made of: what a subject of the bus may hold, without its wildcards.
var dotted = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

// MaxTopic bounds the length of a topic in bytes, and of a pack's and a tool's name.
const MaxTopic = 200

// ValidTopic says whether s may be the topic of a job.
func ValidTopic(s string) bool {
	return len(s) <= MaxTopic && strings.HasPrefix(s, TopicPrefix) && dotted.MatchString(s)
}

// ValidName says whether s may name a pack or a tool.
func ValidName(s string) bool { return len(s) <= MaxTopic && dotted.MatchString(s) }

// ToolTopic is the topic that a tool of a pack listens to.
func ToolTopic(pack, tool string) string { return TopicPrefix + pack + "." + tool }

// worker is a job for whoever listens to its topic.
type worker struct{ job Job }

// Start implements Spec.
func (w worker) Start(*expr.Env) (Ask, error) { return w.job, nil }

func decodeWorker(r *reading) Spec {
	job := Job{Topic: r.Text("topic"), Pack: r.Text("pack"), Tool: r.Text("tool")}
	hasPack, hasTool, hasTopic := r.Get("pack") != nil, r.Get("tool") != nil, r.Get("topic") != nil
	for _, name := range []string{"pack", "tool"} {
		if s := r.Text(name); s != "" && !ValidName(s) {
			r.report.Errorf(dag.RuleBadValue, r.Place(name), "%s is made of letters, digits, hyphens and underscores, with dots between, not %q", name, yamlx.Clip(s))
		} else if s == "" && emptyText(r, name) {
			r.report.Errorf(dag.RuleBadValue, r.Place(name), "%s is empty", name)
		}
	}
	switch {
	case hasPack != hasTool && !hasTopic:
		missing := "tool"
		if hasTool {
			missing = "pack"
		}
		r.report.Errorf(dag.RuleMissingField, r.At(), "the field %s is needed: pack and tool go together", missing)
	case !hasPack && !hasTool && !hasTopic:
		r.report.Errorf(dag.RuleMissingField, r.At(), "a worker step needs a topic, or pack and tool")
	case hasTopic && (hasPack || hasTool) && job.Topic != "" && job.Topic != ToolTopic(job.Pack, job.Tool):
		r.report.Errorf(dag.RuleConflicting, r.Place("topic"), "pack and tool have a topic of their own: keep them, or topic")
	case hasTopic && !ValidTopic(job.Topic) && (job.Topic != "" || emptyText(r, "topic")):
		r.report.Errorf(dag.RuleBadValue, r.Place("topic"), "a topic is %s and words of letters, digits, hyphens and underscores, with dots between, not %q", TopicPrefix, yamlx.Clip(job.Topic))
	case !hasTopic:
		job.Topic = ToolTopic(job.Pack, job.Tool)
	}
	return worker{job}
}

func emptyText(r *reading, name string) bool {
	n := r.Get(name)
	return n != nil && n.Kind == yamlx.String && n.Str == ""
}
