package plan

import (
	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/steps/expr"
)

var sagaRules = []Rule{
	{
		Code: "CW070", Name: dag.RuleCompensateIrreversible, Title: "An irreversible step declares how to undo it",
		About: "What can be undone is not irreversible: leave `compensate` out, or say `effect: write`.",
		Bad: `
id: wf
steps:
  - {id: mail, topic: job.mail, effect: irreversible, compensate: {topic: job.unmail}}`,
		Good: `
id: wf
steps:
  - {id: mail, topic: job.mail, effect: write, compensate: {topic: job.apologise}}`,
	},
	{
		Code: "CW071", Name: expr.CodeCompensation, Title: "A compensation reads a step that comes later",
		About: "When a step is undone, what came after it has been undone already, and may never have run. A compensation reads its own step and those upstream of it.",
		Bad: `
id: wf
steps:
  - {id: a, topic: job.x, compensate: {topic: job.undo, input: {v: "${steps.b.output.v}"}}}
  - {id: b, topic: job.x, depends_on: [a], compensate: {topic: job.undo}}`,
		Good: `
id: wf
steps:
  - {id: a, topic: job.x, compensate: {topic: job.undo, input: {v: "${steps.a.output?.v}"}}}
  - {id: b, topic: job.x, depends_on: [a], compensate: {topic: job.undo}}`,
	},
	{
		Code: "CW072", Name: dag.RuleDuplicateCheckpoint, Title: "Two checkpoints have the same name",
		About: "A run goes back to a checkpoint by its name, so each name is one place.",
		Bad: `
id: wf
steps:
  - {id: a, topic: job.x, checkpoint: loaded}
  - {id: b, topic: job.x, checkpoint: loaded}`,
		Good: `
id: wf
steps:
  - {id: a, topic: job.x, checkpoint: loaded}
  - {id: b, topic: job.x, checkpoint: checked}`,
	},
	{
		Code: "CW073", Name: dag.RuleUnknownCheckpoint, Title: "There is no such checkpoint",
		About: "`rollback_to` names the `checkpoint` of a step of the workflow.",
		Bad: `
id: wf
on_failure: {rollback_to: laoded}
steps:
  - {id: a, topic: job.x, effect: read, checkpoint: loaded}`,
		Good: `
id: wf
on_failure: {rollback_to: loaded}
steps:
  - {id: a, topic: job.x, effect: read, checkpoint: loaded}`,
	},
}

var warningRules = []Rule{
	{
		Code: "CW080", Name: RuleMissingUndo, Title: "A step that writes says nothing about undoing it", Severity: dag.Warning,
		About: "Checked when the workflow undoes anything. A rollback passes such a step through and leaves its effect in place. Give it `compensate`, or say `effect: irreversible`, or a milder effect if that is the truth; behind the pivot nothing is asked.",
		Bad: `
id: wf
steps:
  - {id: reserve, topic: job.reserve, compensate: {topic: job.release}}
  - {id: charge, topic: job.charge, depends_on: [reserve]}`,
		Good: `
id: wf
steps:
  - {id: reserve, topic: job.reserve, compensate: {topic: job.release}}
  - {id: charge, topic: job.charge, depends_on: [reserve], compensate: {topic: job.refund}}`,
	},
	{
		Code: "CW081", Name: RuleUnguarded, Title: "An irreversible step runs unguarded", Severity: dag.Warning,
		About: "Checked when the workflow undoes anything. What cannot be undone belongs behind an approval or behind the pivot, so that it is not done for a run that is rolled back afterwards. An approval that may be skipped guards nothing.",
		Bad: `
id: wf
steps:
  - {id: reserve, topic: job.reserve, compensate: {topic: job.release}}
  - {id: mail, topic: job.mail, depends_on: [reserve], effect: irreversible}`,
		Good: `
id: wf
steps:
  - {id: reserve, topic: job.reserve, compensate: {topic: job.release}}
  - {id: ok, type: approval, depends_on: [reserve], title: "Send it?"}
  - {id: mail, topic: job.mail, depends_on: [ok], effect: irreversible}`,
	},
	{
		Code: "CW082", Name: RuleMaybeSkipped, Title: "An output is read that may not be there", Severity: dag.Warning,
		About: "The step may have been skipped, or may have failed, when the expression that reads its output is evaluated; the output is null then, and a field of null fails the reader. Say what holds instead, as in `steps.a.output?.id ?? 0`, or test `steps.a.status` first.",
		Bad: `
id: wf
steps:
  - {id: find, topic: job.find, effect: read, when: input.known}
  - {id: use, topic: job.use, depends_on: [find], join: none_failed, input: {id: "${steps.find.output.id}"}}`,
		Good: `
id: wf
steps:
  - {id: find, topic: job.find, effect: read, when: input.known}
  - {id: use, topic: job.use, depends_on: [find], join: none_failed, input: {id: "${steps.find.output?.id ?? 'new'}"}}`,
	},
	{
		Code: "CW083", Name: RuleAlternative, Title: "An alternative is not tolerated to fail", Severity: dag.Warning,
		About: "`any_success` and `at_least` take one result when another did not come, yet a step that fails stops its run all the same. Alternatives say `on_failure: continue`.",
		Bad: `
id: wf
steps:
  - {id: eu, topic: job.x}
  - {id: us, topic: job.x}
  - {id: pick, topic: job.x, depends_on: [eu, us], join: any_success}`,
		Good: `
id: wf
steps:
  - {id: eu, topic: job.x, on_failure: continue}
  - {id: us, topic: job.x, on_failure: continue}
  - {id: pick, topic: job.x, depends_on: [eu, us], join: any_success}`,
	},
	{
		Code: "CW084", Name: RuleUndoInput, Title: "A compensation may not find its input", Severity: dag.Warning,
		About: "The compensation runs also when nobody knows whether its step had its effect, and then there is no output. Rendering its input would fail and hold it for a person. Read with `?.`, identify the effect by what the step was given, or say `when_unknown: hold`.",
		Bad: `
id: wf
steps:
  - id: charge
    topic: job.charge
    compensate: {topic: job.refund, idempotent: true, input: {charge: "${steps.charge.output.id}"}}`,
		Good: `
id: wf
steps:
  - id: charge
    topic: job.charge
    compensate: {topic: job.refund, idempotent: true, input: {order: "${input.order}"}}`,
	},
	{
		Code: "CW085", Name: RuleNotInEffect, Title: "A field has no effect on this kind of step", Severity: dag.Warning,
		About: "A `resource_lock` is held by a job, from before it is sent until its end. Steps that ask for no job (a delay, a wait, an approval, a loop, a sub-workflow, …) hold none: put it on the steps that do the work.",
		Bad: `
id: wf
steps:
  - {id: pause, type: delay, for: 1m, resource_lock: "db"}`,
		Good: `
id: wf
steps:
  - {id: migrate, topic: job.db.migrate, effect: read, resource_lock: "db"}`,
	},
	{
		Code: "CW090", Name: RuleBadIgnore, Title: "A comment that ignores a warning does not say why, or ignores nothing", Severity: dag.Warning,
		About: "`# cordum:ignore CW082 reason` ignores a warning on its own line, or on the next line that is no comment. It needs codes of warnings and a reason; errors cannot be ignored, and one that ignores nothing should go.",
		Bad: `
id: wf
steps:
  - {id: eu, topic: job.x} # cordum:ignore CW083
  - {id: pick, topic: job.x, depends_on: [eu]}`,
		Good: `
id: wf
steps:
  - {id: eu, topic: job.x} # cordum:ignore CW083 the primary one must work
  - {id: us, topic: job.x, on_failure: continue}
  - {id: pick, topic: job.x, depends_on: [eu, us], join: any_success}`,
	},
}
