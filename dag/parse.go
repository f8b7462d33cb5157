package dag

import (
	"errors"
	"slices"

	"cordum.dev/cordum/internal/yamlx"
)

// Language is the version of the language that this package reads and writes into the canonical form.
const Language = 1

var workflowFields = []string{
	"$schema", "language", "id", "name", "version", "description", "input", "input_schema", "context", "labels", "timeout",
	"timeout_sec", "on_failure", "cancel_grace", "concurrency", "output", "steps",
}

// WorkflowFields are the names of the fields of a workflow, aliases included. The slice is the caller's.
func WorkflowFields() []string { return slices.Clone(workflowFields) }

// Parse reads a definition. All diagnostics come at once, in the order of the file; the Definition is nil when one of
// them is an error. An id that is absent is derived from the name; with neither it is an error.
func Parse(src []byte, format yamlx.Format) (*Definition, []Diagnostic) {
	return finished(parse(src, format, false))
}

// ParseOneShot is Parse for a definition that is run without being stored under a name: it may have neither id nor name,
// and then has an empty ID, which WithID fills in.
func ParseOneShot(src []byte, format yamlx.Format) (*Definition, []Diagnostic) {
	return finished(parse(src, format, true))
}

// Draft is ParseOneShot or Parse for whoever wants to check further: it answers what could be read also when there are
// errors, without canonical form and digest then. It is nil when the file has no structure.
func Draft(src []byte, format yamlx.Format, oneShot bool) (*Definition, []Diagnostic) {
	def, report := parse(src, format, oneShot)
	return def, report.Diagnostics()
}

func finished(def *Definition, report *Report) (*Definition, []Diagnostic) {
	if report.Failed() {
		def = nil
	}
	return def, report.Diagnostics()
}

func parse(src []byte, format yamlx.Format, oneShot bool) (*Definition, *Report) {
	report := &Report{}
	root, err := yamlx.Parse(src, format)
	if err != nil {
		reportFile(report, err)
		return nil, report
	}
	top := NewObject(root, Place{Pos: root.Pos}, report)
	if report.Failed() {
		return nil, report
	}
	def := &Definition{}
	readHead(def, top, oneShot)
	readSteps(def, top)
	checkCheckpoints(def, top)
	if !report.Failed() {
		_, cyclic := NewGraph(def)
		for _, d := range cyclic {
			report.Add(d)
		}
	}
	if !report.Failed() {
		seal(def, report)
	}
	return def, report
}

func reportFile(report *Report, err error) {
	var e *yamlx.Error
	if !errors.As(err, &e) {
		e = &yamlx.Error{Rule: yamlx.RuleYAML, Message: err.Error()}
	}
	report.Errorf(e.Rule, Place{Pos: e.Pos}, "%s", e.Message)
}

func readHead(def *Definition, o *Object, oneShot bool) {
	o.Only(workflowFields, nil)
	o.Description("$schema")
	if o.Int("language", 0, 1<<31) != Language && o.Get("language") != nil {
		o.report.Errorf(RuleBadValue, o.Place("language"), "this version reads language %d", Language)
	}
	def.Name = o.Text("name")
	def.ID = readWorkflowID(o, def.Name, oneShot)
	def.Version = o.Text("version")
	def.Description = o.Description("description")
	def.InputSchema = readInputSchema(o)
	def.Context = readContext(o)
	def.Labels = readLabels(o)
	if def.Context != nil {
		def.ContextNode = settle(o.Get("context"))
	}
	if def.Labels != nil {
		def.LabelsNode = o.Get("labels")
	}
	def.Timeout = o.Duration("timeout", "timeout_sec")
	def.OnFailure, def.RollbackTo = readWorkflowFailure(o)
	def.CancelGrace = o.Duration("cancel_grace", "")
	def.Concurrency = readConcurrency(o)
	def.Output = settle(o.Get("output"))
}

func readWorkflowID(o *Object, name string, oneShot bool) string {
	if o.Get("id") != nil {
		id := o.Text("id")
		if n := o.Get("id"); n.Kind == yamlx.String && !HasTemplate(n.Str) && !ValidWorkflowID(n.Str) {
			o.report.Errorf(RuleInvalidID, o.Place("id"),
				"%q is no id of a workflow: up to %d of a-z, 0-9, dot, hyphen and underscore, no dot beside a dot or at the end", yamlx.Clip(n.Str), MaxIDLength)
		}
		return id
	}
	id := IDFromName(name)
	if id == "" && !oneShot {
		o.report.Errorf(RuleMissingField, o.at, "the workflow needs an id, or a name to derive one from")
	}
	return id
}

func readInputSchema(o *Object) *yamlx.Node {
	name := o.Either("input", "input_schema")
	n := o.Get(name)
	if n != nil && n.Kind != yamlx.Map && n.Kind != yamlx.Bool {
		o.wrongType(name, "a JSON Schema: an object or a boolean")
		return nil
	}
	return settle(n)
}

func readContext(o *Object) any {
	n := o.Get("context")
	if n == nil {
		return nil
	}
	if n.Kind != yamlx.Map {
		o.wrongType("context", "an object")
		return nil
	}
	return settle(n).Value()
}

func readLabels(o *Object) map[string]string {
	n := o.Get("labels")
	if n == nil {
		return nil
	}
	labels := NewObject(n, o.Place("labels"), o.report)
	if len(labels.node.Fields) > MaxLabels {
		o.report.Errorf(RuleOutOfRange, o.Place("labels"), "there are %d labels, the limit is %d", len(labels.node.Fields), MaxLabels)
		return nil
	}
	out := make(map[string]string, len(labels.node.Fields))
	for _, f := range labels.node.Fields {
		out[f.Key] = labels.Description(f.Key)
	}
	return out
}
