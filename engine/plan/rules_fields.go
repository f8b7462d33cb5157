package plan

import (
	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/steps"
)

var fieldRules = []Rule{
	{
		Code: "CW020", Name: dag.RuleUnknownField, Title: "There is no such field",
		About: "Unknown fields are refused, so that a misspelt one is not silently without effect. Names are compared by case too; a field that belongs to another type of step is unknown here.",
		Bad: `
id: wf
steps:
  - {id: a, topic: job.x}
  - {id: b, topic: job.x, depend_on: [a]}`,
		Good: `
id: wf
steps:
  - {id: a, topic: job.x}
  - {id: b, topic: job.x, depends_on: [a]}`,
	},
	{
		Code: "CW021", Name: dag.RuleMissingField, Title: "A field that is needed is missing",
		About: "The message names it. A worker step needs a `topic`, or `pack` and `tool`; a workflow needs an `id`, or a `name` to derive one from.",
		Bad: `
id: wf
steps:
  - {id: a, pack: billing.cards}`,
		Good: `
id: wf
steps:
  - {id: a, pack: billing.cards, tool: charge}`,
	},
	{
		Code: "CW022", Name: dag.RuleConflicting, Title: "Two fields contradict each other",
		About: "Of fields that exclude each other only one may be given; a field and its alias together are such a pair, even with the same value.",
		Bad: `
id: wf
steps:
  - {id: a, topic: job.x, timeout: 5m, timeout_sec: 300}`,
		Good: `
id: wf
steps:
  - {id: a, topic: job.x, timeout: 5m}`,
	},
	{
		Code: "CW023", Name: dag.RuleWrongType, Title: "A value has the wrong type",
		About: "A number is no text and a text is no list; nothing is converted. Quote a number that is meant as text.",
		Bad: `
id: wf
steps:
  - {id: a, topic: job.x}
  - {id: b, topic: job.x, depends_on: a}`,
		Good: `
id: wf
steps:
  - {id: a, topic: job.x}
  - {id: b, topic: job.x, depends_on: [a]}`,
	},
	{
		Code: "CW024", Name: dag.RuleBadValue, Title: "A value is none of the possible ones",
		About: "The message names those that there are. They are written in lower case.",
		Bad: `
id: wf
steps:
  - {id: a, topic: job.x, priority: high}`,
		Good: `
id: wf
steps:
  - {id: a, topic: job.x, priority: critical}`,
	},
	{
		Code: "CW025", Name: dag.RuleOutOfRange, Title: "A number or a text is out of its range",
		About: "The message names the limits.",
		Bad: `
id: wf
steps:
  - {id: a, topic: job.x, retry: {max_attempts: 0}}`,
		Good: `
id: wf
steps:
  - {id: a, topic: job.x, retry: {max_attempts: 3}}`,
	},
	{
		Code: "CW026", Name: dag.RuleInvalidDuration, Title: "A duration cannot be read",
		About: "Durations have units: `250ms`, `30s`, `5m`, `1h30m`, `7d`, or ISO 8601 as `PT5M`. They have no decimals, are positive, and at most 366 days. Fields that end in `_sec` take whole seconds.",
		Bad: `
id: wf
steps:
  - {id: a, topic: job.x, timeout: 5}`,
		Good: `
id: wf
steps:
  - {id: a, topic: job.x, timeout: 5m}`,
	},
	{
		Code: "CW027", Name: steps.RuleBadTimestamp, Title: "A time cannot be read",
		About: "Times are RFC 3339 with an offset, as `2026-01-31T08:00:00+01:00`: without one, nobody knows which moment is meant.",
		Bad: `
id: wf
steps:
  - {id: a, type: delay, until: "2026-01-31T08:00:00"}`,
		Good: `
id: wf
steps:
  - {id: a, type: delay, until: "2026-01-31T08:00:00Z"}`,
	},
}
