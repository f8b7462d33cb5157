package plan

import (
	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/steps"
)

var stepRules = []Rule{
	{
		Code: "CW030", Name: dag.RuleInvalidID, Title: "An id has characters that ids do not have",
		About: "Ids stand in addresses and file names: up to 63 of `a-z`, `0-9`, hyphen and underscore, beginning with a letter or a digit; a workflow's may have dots as well.",
		Bad: `
id: wf
steps:
  - {id: Deploy, topic: job.x}`,
		Good: `
id: wf
steps:
  - {id: deploy, topic: job.x}`,
	},
	{
		Code: "CW031", Name: dag.RuleDuplicateID, Title: "Two steps have the same id",
		About: "Ids are unique in the whole document, the steps inside loops included.",
		Bad: `
id: wf
steps:
  - {id: a, topic: job.x}
  - {id: a, topic: job.y}`,
		Good: `
id: wf
steps:
  - {id: a, topic: job.x}
  - {id: b, topic: job.y}`,
	},
	{
		Code: "CW032", Name: dag.RuleNoSteps, Title: "There are no steps",
		About: "A workflow, and a loop, has at least one step.",
		Bad: `
id: wf
steps: []`,
		Good: `
id: wf
steps:
  - {id: a, topic: job.x}`,
	},
	{
		Code: "CW033", Name: dag.RuleTooManySteps, Title: "There are too many steps or dependencies",
		About: "A workflow has at most 10,000 steps, those of loops included, and 100,000 dependencies. Work on a list of items is one step with `for_each`; a part that can be started by itself is a sub-workflow.",
	},
	{
		Code: "CW034", Name: steps.RuleUnknownType, Title: "There is no such type of step",
		About: "The message names the types that there are.",
		Bad: `
id: wf
steps:
  - {id: a, type: aproval, title: "ok?"}`,
		Good: `
id: wf
steps:
  - {id: a, type: approval, title: "ok?"}`,
	},
	{
		Code: "CW035", Name: dag.RuleCycle, Title: "Steps wait for each other",
		About: "None of them could ever run. Repeating is what a `loop` step is for.",
		Bad: `
id: wf
steps:
  - {id: a, topic: job.x, depends_on: [b]}
  - {id: b, topic: job.x, depends_on: [a]}`,
		Good: `
id: wf
steps:
  - {id: a, topic: job.x}
  - {id: b, topic: job.x, depends_on: [a]}`,
	},
	{
		Code: "CW036", Name: dag.RuleUnknownDependency, Title: "A dependency is no step",
		About: "`depends_on` names steps of the same workflow, or of the same loop.",
		Bad: `
id: wf
steps:
  - {id: pack, topic: job.x}
  - {id: ship, topic: job.x, depends_on: [pak]}`,
		Good: `
id: wf
steps:
  - {id: pack, topic: job.x}
  - {id: ship, topic: job.x, depends_on: [pack]}`,
	},
	{
		Code: "CW037", Name: dag.RuleDuplicateDependency, Title: "A dependency is named twice",
		About: "Once is enough; twice is most likely one that was to be another.",
		Bad: `
id: wf
steps:
  - {id: a, topic: job.x}
  - {id: b, topic: job.x, depends_on: [a, a]}`,
		Good: `
id: wf
steps:
  - {id: a, topic: job.x}
  - {id: b, topic: job.x, depends_on: [a]}`,
	},
	{
		Code: "CW038", Name: dag.RuleBadJoin, Title: "There is no such join",
		About: "A join is `all_success`, `all_done`, `any_success`, `none_failed`, `any_failed`, or `{at_least: k}`.",
		Bad: `
id: wf
steps:
  - {id: a, topic: job.x}
  - {id: b, topic: job.x, depends_on: [a], join: one_success}`,
		Good: `
id: wf
steps:
  - {id: a, topic: job.x}
  - {id: b, topic: job.x, depends_on: [a], join: any_success}`,
	},
	{
		Code: "CW039", Name: dag.RuleAtLeast, Title: "at_least asks for more than there are, or for none",
		About: "`at_least` is between 1 and the number of dependencies.",
		Bad: `
id: wf
steps:
  - {id: a, topic: job.x}
  - {id: b, topic: job.x, depends_on: [a], join: {at_least: 2}}`,
		Good: `
id: wf
steps:
  - {id: a, topic: job.x}
  - {id: b, topic: job.x, depends_on: [a], join: {at_least: 1}}`,
	},
	{
		Code: "CW040", Name: "switch_target_not_dependent", Title: "A branch of a switch does not wait for it",
		About: "The steps that a `switch` names must have it in `depends_on`: else they could run before it decided.",
		Bad: `
id: wf
steps:
  - {id: s, type: switch, cases: [{when: "input.x == 1", steps: [a]}]}
  - {id: a, topic: job.x}`,
		Good: `
id: wf
steps:
  - {id: s, type: switch, cases: [{when: "input.x == 1", steps: [a]}]}
  - {id: a, topic: job.x, depends_on: [s]}`,
	},
	{
		Code: "CW041", Name: RuleSubflowCycle, Title: "A sub-workflow leads back to its parent",
		About: "Following `workflow` from step to step leads back to where it began; such a run would start itself until the depth limit of 16. Repeating is what a `loop` step is for.",
		Bad: `
id: wf
steps:
  - {id: again, type: subworkflow, workflow: wf}`,
		Good: `
id: wf
steps:
  - {id: other, type: subworkflow, workflow: other}`,
	},
}
