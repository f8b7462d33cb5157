package steps

import "cordum.dev/cordum/dag"

// workflowFields are the fields of a workflow, with what may stand there.
var workflowFields = []field{
	{"$schema", shape{"type": "string", "description": "The address of this schema, for editors."}},
	{"language", shape{"const": dag.Language, "description": "The version of the language."}},
	{"id", described(shape{"type": "string", "pattern": `^[a-z0-9]([a-z0-9_-]|\.[a-z0-9_-])*$`, "maxLength": dag.MaxIDLength},
		"The workflow's id: a-z, 0-9, dot, hyphen and underscore. Derived from the name when absent.")},
	{"name", aText("The workflow's name, for people.")},
	{"version", aText("The author's label of this version. Identity is the digest of the content.")},
	{"description", shape{"type": "string", "description": "What the workflow is for."}},
	{"input", ref("jsonSchema", "JSON Schema of the run's input.")},
	{"input_schema", ref("jsonSchema", "Another name of `input`.")},
	{"context", shape{"type": "object", "description": "Defaults of the run's context, which a run may override; expressions see it as `ctx`. Values are templates that see `input`."}},
	{"labels", labels("Labels of the run, for rules and lists. Values are templates that see `input` and `ctx`.")},
	{"timeout", aDuration("How long the whole run may take, waits and pauses included.")},
	{"timeout_sec", seconds("`timeout` in whole seconds.")},
	{"on_failure", described(shape{"anyOf": []any{shape{"$ref": "#/$defs/onFailure"}, rollbackTo}},
		"What a bad step does to the run. Default: rollback if any step has `compensate`, else halt.")},
	{"cancel_grace", aDuration("How long a worker may take to answer a cancel. Default 30s.")},
	{"concurrency", anObject("How many runs with the same key are under way together.", []any{"key"},
		field{"key", aTemplate("Runs for which this renders to the same text share the limit.")},
		field{"limit", anInteger("How many. Default 1.", 1, dag.MaxConcurrency)},
		field{"when_busy", oneOf("What becomes of a run that finds the limit reached. Default `queue`.",
			"queue", "It waits.", "reject", "It is refused.", "cancel_oldest", "The oldest of the others is cancelled.")},
	)},
	{"output", shape{"description": "The run's output: a template."}},
	{"steps", ref("steps", "The steps, as a list with ids or an object by id. Their order means nothing.")},
}

var rollbackTo = anObject("Comes back to a checkpoint.", []any{"rollback_to"},
	field{"rollback_to", described(shape{"$ref": "#/$defs/stepID"}, "The name of the checkpoint.")},
	field{"then", oneOf("What the run does then. Default `pause`.", "pause", "It waits for a person.", "retry", "It goes on.", "fail", "It has failed.")},
	field{"max", anInteger("How many rounds of `retry` before a full rollback. Default 1.", 1, dag.MaxRollbackRounds)},
)

// stepFields are the fields that steps have in common; which of them a kind has is package dag's to say.
var stepFields = []field{
	{"id", ref("stepID", "The step's id, unique in the document, steps of loops included.")},
	{"name", aText("The step's name, for people.")},
	{"type", oneOf("What the step does. Default `worker`.", "worker", "", "approval", "", "notify", "", "condition", "", "switch", "", "delay", "",
		"wait", "", "loop", "", "subworkflow", "", "transform", "", "http", "")},
	{"description", shape{"type": "string", "description": "What the step is for."}},
	{"labels", labels("Labels of the step's jobs. Values are templates.")},
	{"depends_on", manyIDs("The steps it waits for. Absent: it runs at the start.")},
	{"join", ref("join", "What has to become of those it depends on. Default `all_success`.")},
	{"when", anExpression("False skips the step. Evaluated once, when the join is settled, before a fan-out.")},
	{"condition", anExpression("Another name of `when`.")},
	{"for_each", anExpression("A list: the step is repeated for each entry, which it sees as `item` and `index`. Output is the list of outputs.")},
	{"max_parallel", anInteger("How many iterations run together. Absent: 1,000.", 1, dag.MaxItems)},
	{"tolerate", ref("tolerate", "How many bad iterations the step survives. Default none.")},
	{"input", shape{"description": "The step's input: a template. Absent: {}."}},
	{"input_schema", schemaOrID("JSON Schema of the input, or the id of a registered one.")},
	{"output_schema", schemaOrID("JSON Schema of the output, or the id of a registered one.")},
	{"retry", ref("retry", "How often and when a failed attempt is tried again. Absent: one attempt.")},
	{"max_retries", anInteger("Another name of `retry.max_attempts`, less one.", 0, dag.MaxAttempts-1)},
	{"initial_backoff_sec", seconds("Another name of `retry.initial`, in whole seconds; beside max_retries.")},
	{"max_backoff_sec", seconds("Another name of `retry.max`, in whole seconds; beside max_retries.")},
	{"timeout", aDuration("How long one attempt may take, from a worker's accept to its result; how long a wait waits, or a child may run.")},
	{"timeout_sec", seconds("`timeout` in whole seconds.")},
	{"queue_timeout", aDuration("How long the step may wait for a worker.")},
	{"total_timeout", aDuration("How long all attempts together may take.")},
	{"heartbeat_timeout", aDuration("How long the worker may be silent.")},
	{"on_failure", ref("onFailure", "What this step's failure does, in place of what the workflow says.")},
	{"effect", oneOf("What executing the step does to the world. Default `write` for worker and http, `none` for the rest.",
		"none", "Nothing.", "read", "It looks.", "write", "It changes something that can be undone.", "irreversible", "It changes something that cannot.")},
	{"idempotent", aBoolean("A second execution under the same idempotency key is harmless. Default true for effects none and read, else false.")},
	{"compensate", ref("compensate", "How the step is undone when the run is rolled back.")},
	{"pivot", aBoolean("The point of no return: once it succeeded, neither it nor what came before is ever undone.")},
	{"checkpoint", ref("stepID", "The name of a place that the run can come back to, once the step succeeded.")},
	{"resource_lock", ref("lock", "What is held from dispatch to result, so that no two jobs have it together.")},
	{"requires", textList("What the worker must be able to do.")},
	{"preferred_worker_id", aText("The worker that is tried first.")},
	{"preferred_pool", aText("The pool that is tried first.")},
	{"priority", oneOf("Which of the waiting jobs goes first.", "critical", "Before all others.", "interactive", "Somebody waits for it.", "batch", "The default.")},
}

// compensationFields are those that only compensations have.
var compensationFields = []field{
	{"when_unknown", oneOf("What to do when nobody knows whether the step had its effect. Default: run if idempotent, else hold.",
		"run", "The compensation runs.", "hold", "A person decides.")},
}

func labels(doc string) shape {
	return shape{"type": "object", "additionalProperties": shape{"type": "string"}, "maxProperties": dag.MaxLabels, "description": doc}
}

func schemaOrID(doc string) shape {
	return described(shape{"anyOf": []any{shape{"$ref": "#/$defs/jsonSchema"}, shape{"type": "string", "minLength": 1, "pattern": staticPattern}}}, doc)
}

var (
	stepsShape = described(shape{"anyOf": []any{
		shape{"type": "array", "minItems": 1, "maxItems": dag.MaxSteps, "items": shape{"$ref": "#/$defs/step", "required": []any{"id"}}},
		shape{"type": "object", "minProperties": 1, "maxProperties": dag.MaxSteps, "propertyNames": shape{"$ref": "#/$defs/stepID"}, "additionalProperties": shape{"$ref": "#/$defs/step"}},
	}}, "Steps: a list with ids, or an object by id.")
	onFailureShape = oneOf("What a bad step does.", "halt", "Nothing new starts; what is running finishes.", "continue", "A workflow's: whatever still can run runs. A step's: its failure does not fail the run.",
		"rollback", "As halt, and what was done is undone.")
	joinShape = shape{"anyOf": []any{
		oneOf("", "all_success", "All ended, none bad, at least one succeeded.", "all_done", "All ended, however.", "any_success", "One succeeded.",
			"none_failed", "All ended, none bad; all skipped is fine.", "any_failed", "One is bad: a handler."),
		anObject("As many succeeded.", []any{"at_least"}, field{"at_least", shape{"type": "integer", "minimum": 1, "description": "How many, up to the number of dependencies."}}),
	}}
	tolerateShape = shape{
		"type": "object", "additionalProperties": false, "minProperties": 1, "maxProperties": 1,
		"properties": shape{
			"count":   anInteger("How many.", 0, dag.MaxItems),
			"percent": shape{"type": "number", "minimum": 0, "maximum": 100, "description": "How many of a hundred."},
		},
	}
	lockShape = shape{"anyOf": []any{
		shape{"type": "string", "description": "The lock's name, held alone. A template."},
		anObject("The lock, and how it is held.", []any{"name"},
			field{"name", aTemplate("The lock's name.")},
			field{"mode", oneOf("How it is held. Default `exclusive`.", "exclusive", "Alone.", "shared", "Together with others that share it.")}),
	}}
	retryShape = func() shape {
		codes := textList("Only these codes are retried. Absent: all that may be.")
		out := anObject("How often and when a failed attempt is tried again.", nil,
			field{"max_attempts", anInteger("Attempts in all.", 1, dag.MaxAttempts)},
			field{"max_retries", anInteger("`max_attempts` less one.", 0, dag.MaxAttempts-1)},
			field{"initial", aDuration("Before the second attempt. Default 1s.")},
			field{"initial_backoff_sec", seconds("`initial` in whole seconds.")},
			field{"max", aDuration("The longest delay. Default 1m.")},
			field{"max_backoff_sec", seconds("`max` in whole seconds.")},
			field{"multiplier", shape{"type": "number", "minimum": 1, "maximum": dag.MaxMultiplier, "description": "How much longer each delay is than the one before. Default 2."}},
			field{"jitter", oneOf("How delays are spread. Default `full`.", "full", "Anywhere up to the delay.", "none", "Not at all.")},
			field{"on", codes},
			field{"not_on", textList("These codes are not retried.")})
		out["oneOf"] = []any{shape{"required": []any{"max_attempts"}}, shape{"required": []any{"max_retries"}}}
		out["allOf"] = []any{exclusive("initial", "initial_backoff_sec"), exclusive("max", "max_backoff_sec")}
		return out
	}()
)
