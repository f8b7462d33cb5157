package plan

import "cordum.dev/cordum/internal/yamlx"

var fileRules = []Rule{
	{
		Code: "CW001", Name: yamlx.RuleJSON, Title: "The file is no valid JSON", Also: []string{"invalid_document"},
		About: "A file that begins with `{` or `[` is read as JSON, which has no comments and no trailing commas.",
		Bad:   `{"id": "wf", "steps": [{"id": "a", "topic": "job.x"},]}`,
		Good:  `{"id": "wf", "steps": [{"id": "a", "topic": "job.x"}]}`,
	},
	{
		Code: "CW002", Name: yamlx.RuleYAML, Title: "The file is no valid YAML", Also: []string{"invalid_document"},
		About: "The place named is where reading stopped; the mistake is there or shortly before. YAML is indented with spaces, never with tabs.",
		Bad: `
id: wf
steps:
  - id: a
   topic: job.x`,
		Good: `
id: wf
steps:
  - id: a
    topic: job.x`,
	},
	{
		Code: "CW003", Name: yamlx.RuleUTF8, Title: "The file is not UTF-8",
		About: "Definitions are UTF-8, without NUL and without half of a surrogate pair. A byte order mark is taken; UTF-16 is not. Save the file as UTF-8.",
	},
	{
		Code: "CW004", Name: yamlx.RuleEmpty, Title: "The file is empty", Also: []string{"empty_document"},
		About: "There is nothing in it, or nothing but comments.",
		Bad:   "# nothing yet",
		Good: `
id: wf
steps:
  - {id: a, topic: job.x}`,
	},
	{
		Code: "CW005", Name: yamlx.RuleMultiple, Title: "The file has several documents",
		About: "One file holds one workflow. Put what comes after `---` into a file of its own.",
		Bad: `
id: one
steps:
  - {id: a, topic: job.x}
---
id: two
steps:
  - {id: a, topic: job.x}`,
		Good: `
id: one
steps:
  - {id: a, topic: job.x}`,
	},
	{
		Code: "CW006", Name: yamlx.RuleDuplicate, Title: "A key stands in an object twice",
		About: "Two readers could take different ones. Remove one.",
		Bad: `
id: wf
steps:
  - id: a
    topic: job.x
    topic: job.y`,
		Good: `
id: wf
steps:
  - id: a
    topic: job.x`,
	},
	{
		Code: "CW007", Name: yamlx.RuleTag, Title: "YAML tags are not used here",
		About: "A value's type shows in how it is written: quote what is text. Tags would let a file ask for types that JSON does not have.",
		Bad: `
id: wf
steps:
  - id: a
    topic: job.x
    input: {port: !!str 80}`,
		Good: `
id: wf
steps:
  - id: a
    topic: job.x
    input: {port: "80"}`,
	},
	{
		Code: "CW008", Name: yamlx.RuleAlias, Title: "Aliases go in a circle or grow too large",
		About: "Anchors and aliases may repeat up to 200,000 values and 4 MiB of text, and no alias stands inside what it names.",
		Bad: `
id: wf
steps:
  - id: a
    topic: job.x
    input: &loop {again: *loop}`,
		Good: `
id: wf
steps:
  - id: a
    topic: job.x
    input: &settings {region: eu}
  - id: b
    topic: job.x
    input: *settings`,
	},
	{
		Code: "CW009", Name: yamlx.RuleDepth, Title: "The file nests too deeply",
		About: "Lists and objects nest at most 64 deep, in YAML as in JSON.",
	},
	{
		Code: "CW010", Name: yamlx.RuleSize, Title: "The file is too large",
		About: "A definition has at most 4 MiB, as written and as canonical JSON, and at most 500,000 values. Large data belongs into the run's input or a blob, not into the definition.",
	},
}
