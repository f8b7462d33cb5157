package plan

import "cordum.dev/cordum/steps/expr"

var exprRules = []Rule{
	{
		Code: "CW050", Name: expr.CodeSyntax, Title: "An expression cannot be read",
		About: "The message says at which character of the expression. The text `${` itself is written `$${`.",
		Bad: `
id: wf
steps:
  - {id: a, topic: job.x, when: "input.x == "}`,
		Good: `
id: wf
steps:
  - {id: a, topic: job.x, when: "input.x == 1"}`,
	},
	{
		Code: "CW051", Name: expr.CodeType, Title: "The types of an expression do not fit",
		About: "A `when` gives true or false, a `for_each` gives a list, and operators want values that they know: text and number are not added.",
		Bad: `
id: wf
steps:
  - {id: a, topic: job.x, when: "1 + 1"}`,
		Good: `
id: wf
steps:
  - {id: a, topic: job.x, when: "1 + 1 == 2"}`,
	},
	{
		Code: "CW052", Name: expr.CodeTooLong, Title: "An expression is too long",
		About: "An expression has at most 4 KiB and 2,000 parts. What is longer is a step of its own: a worker's, or a `transform`.",
	},
	{
		Code: "CW053", Name: expr.CodeTooDeep, Title: "An expression nests too deeply",
		About: "Brackets, and operators with one operand in a row, nest at most 100 deep.",
	},
	{
		Code: "CW054", Name: expr.CodeUnknownName, Title: "There is no such name or function",
		About: "Names in scope are `input`, `ctx`, `labels`, `steps` and `run`; `item` and `index` in a fan-out, `loop` inside a loop, `payload` in a `match`. There is no clock and no randomness: an expression gives the same whenever it is evaluated. A step whose id has a hyphen is written `steps['a-b']`.",
		Bad: `
id: wf
steps:
  - {id: a, topic: job.x, when: "inptu.x == 1"}`,
		Good: `
id: wf
steps:
  - {id: a, topic: job.x, when: "input.x == 1"}`,
	},
	{
		Code: "CW055", Name: expr.CodeUnknownStep, Title: "An expression reads a step that does not exist",
		About: "Look for a spelling mistake, or for a step that was renamed.",
		Bad: `
id: wf
steps:
  - {id: build, topic: job.x}
  - {id: ship, topic: job.x, depends_on: [build], input: {image: "${steps.biuld.output.image}"}}`,
		Good: `
id: wf
steps:
  - {id: build, topic: job.x}
  - {id: ship, topic: job.x, depends_on: [build], input: {image: "${steps.build.output.image}"}}`,
	},
	{
		Code: "CW056", Name: expr.CodeNotUpstream, Title: "An expression reads a step that need not have ended",
		About: "A step may read those that it depends on, directly or through others: of any other nobody knows whether it has run by then. Name it in `depends_on`.",
		Bad: `
id: wf
steps:
  - {id: a, topic: job.x}
  - {id: b, topic: job.x, input: {v: "${steps.a.output.v}"}}`,
		Good: `
id: wf
steps:
  - {id: a, topic: job.x}
  - {id: b, topic: job.x, depends_on: [a], input: {v: "${steps.a.output.v}"}}`,
	},
	{
		Code: "CW057", Name: expr.CodeSchemaField, Title: "A declared schema has no such field",
		About: "The schema of the workflow's input, or of a step's output, says which fields there are, and that there are no others.",
		Bad: `
id: wf
input: {type: object, properties: {amount: {type: integer}}, additionalProperties: false}
steps:
  - {id: a, topic: job.x, input: {v: "${input.amont}"}}`,
		Good: `
id: wf
input: {type: object, properties: {amount: {type: integer}}, additionalProperties: false}
steps:
  - {id: a, topic: job.x, input: {v: "${input.amount}"}}`,
	},
	{
		Code: "CW058", Name: expr.CodeSecret, Title: "A secret is read where it may not be",
		About: "`secrets.NAME` is a reference that whoever executes the job resolves. It may stand only in what a worker or a notification gets: a decision made with it would show it.",
		Bad: `
id: wf
steps:
  - {id: a, topic: job.x, when: "secrets.TOKEN == 'x'"}`,
		Good: `
id: wf
steps:
  - {id: a, topic: job.x, input: {token: "${secrets.TOKEN}"}}`,
	},
	{
		Code: "CW059", Name: expr.CodeStaticPlace, Title: "No template may stand here",
		About: "`${…}` is allowed in `input`, `output`, `context`, `title`, `message`, `url`, `headers`, `body`, `for`, `until`, `resource_lock`, `labels`, `concurrency.key` and a compensation's `input`. Which tool runs, and what depends on what, is fixed when the definition is saved, so that it can be checked.",
		Bad: `
id: wf
steps:
  - {id: a, topic: "job.${input.tool}"}`,
		Good: `
id: wf
steps:
  - {id: a, topic: job.x, input: {tool: "${input.tool}"}}`,
	},
	{
		Code: "CW060", Name: expr.CodeFanOut, Title: "A fan-out has too many items",
		About: "A `for_each` list has at most 100,000 items and 16 MiB. Hand out ranges of work instead of single items.",
	},
}
