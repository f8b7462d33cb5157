package trial

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
)

// Read brings a file that a case names; the path is relative to where the test files' own paths are. The error says why it
// cannot be read.
type Read func(path string) ([]byte, error)

// File is a test file: its path, for messages and for what its cases name, and its text.
type File struct {
	Path string
	Text []byte
}

// Parse reads the cases of a file. A case with a problem is left out of them; a file that cannot be read at all has one
// problem without a case.
func Parse(file File, read Read) ([]*Case, []Problem) {
	docs, err := yamlx.ParseAll(file.Text, yamlx.Auto)
	if err != nil {
		return nil, []Problem{problemOf(file.Path, err)}
	}
	p := parser{file: file, read: read, seen: map[string]int{}}
	for _, doc := range docs {
		p.document(doc)
	}
	return p.cases, p.problems
}

func problemOf(file string, err error) Problem {
	var bad *yamlx.Error
	if errors.As(err, &bad) {
		return Problem{File: file, Line: bad.Pos.Line, Message: bad.Rule + ": " + bad.Message}
	}
	return Problem{File: file, Message: err.Error()}
}

// parser reads one file.
type parser struct {
	file     File
	read     Read
	seen     map[string]int // ids, and the line of each
	cases    []*Case
	problems []Problem
}

// document reads a case, or a list of them below "cases".
func (p *parser) document(n *yamlx.Node) {
	if n.Get("cases") == nil {
		p.oneCase(n)
		return
	}
	r := reader{parser: p, report: &dag.Report{}}
	o := r.object(n, dag.Place{Pos: n.Pos}, "cases", "note", "source")
	list := r.list(o, "cases")
	if p.take("", r.report) {
		return
	}
	for _, item := range list {
		if len(p.seen) >= MaxCases {
			p.problems = append(p.problems, Problem{File: p.file.Path, Line: item.Pos.Line, Message: fmt.Sprintf("a file has at most %d cases", MaxCases)})
			return
		}
		p.oneCase(item)
	}
}

// oneCase reads a case and keeps it unless something is wrong with it.
func (p *parser) oneCase(n *yamlx.Node) {
	r := reader{parser: p, report: &dag.Report{}}
	c := r.readCase(n)
	id := c.ID
	if id == "" {
		id = fmt.Sprintf("%s:%d", path.Base(p.file.Path), n.Pos.Line)
	} else if before, twice := p.seen[id]; twice {
		r.report.Errorf("duplicate_id", dag.Place{Pos: n.Pos}, "the id %q was used in line %d", yamlx.Clip(id), before)
	}
	p.seen[id] = n.Pos.Line
	if !p.take(id, r.report) {
		p.cases = append(p.cases, c)
	}
}

// take turns errors into problems of a case and tells whether there were any.
func (p *parser) take(id string, report *dag.Report) bool {
	for _, d := range report.Diagnostics() {
		p.problems = append(p.problems, Problem{Case: id, File: p.file.Path, Line: d.Line, Message: d.Rule + ": " + d.Message})
	}
	return report.Failed()
}

// reader reads one case; what is wrong goes to its report.
type reader struct {
	*parser
	report *dag.Report
}

// ignored are fields of a case that only its readers use.
var ignored = []string{"source", "note", "tags", "airflow", "not_simulated", "by_design", "assumes"}

var caseFields = append([]string{
	"id", "workflow", "workflow_text", "workflow_base64", "generate", "workflows", "input", "context", "stubs", "policy",
	"approvals", "signals", "do", "expect",
}, ignored...)

// readCase reads the fields of a case.
func (r *reader) readCase(n *yamlx.Node) *Case {
	c := &Case{File: r.file.Path, Line: n.Pos.Line}
	o := r.object(n, dag.Place{Pos: n.Pos}, caseFields...)
	o.Need("id")
	o.Need("expect")
	c.ID = o.Text("id")
	c.Workflow = r.workflow(o)
	c.Children = r.children(o)
	c.Input, c.Context = r.json(o, "input"), r.json(o, "context")
	c.Stubs = r.stubs(o)
	c.Replies = r.replies(o)
	c.Signals = r.signals(o)
	c.Orders = r.orders(o)
	if c.Policy = o.Get("policy"); c.Policy != nil && c.Policy.Kind != yamlx.Map {
		r.report.Errorf(dag.RuleWrongType, o.Place("policy"), "policy takes a bundle: {name, rules}")
	}
	c.Expect = r.expect(o)
	return c
}

// workflow finds the one source of a case's workflow.
func (r *reader) workflow(o *dag.Object) *Text {
	var found *Text
	from := ""
	for _, name := range []string{"workflow", "workflow_text", "workflow_base64", "generate"} {
		n := o.Get(name)
		if n == nil {
			continue
		}
		if from != "" {
			r.report.Errorf(dag.RuleConflicting, o.Place(name), "%s beside %s: a case has one workflow", name, from)
			return nil
		}
		from = name
		found = r.source(o, name, n)
	}
	if from == "" {
		r.report.Errorf(dag.RuleMissingField, o.At(), "the field workflow is needed")
	}
	return found
}

func (r *reader) source(o *dag.Object, name string, n *yamlx.Node) *Text {
	switch name {
	case "workflow":
		return r.textOf(n, o.Place(name))
	case "workflow_text":
		return &Text{Source: []byte(o.Description(name))}
	case "workflow_base64":
		raw, err := base64.StdEncoding.DecodeString(o.Description(name))
		if err != nil {
			r.report.Errorf(dag.RuleBadValue, o.Place(name), "workflow_base64 is not base64")
		}
		return &Text{Source: raw}
	}
	return r.generated(n, o.Place(name))
}

// textOf is a workflow that stands in the test file, or in a file that it names.
func (r *reader) textOf(n *yamlx.Node, at dag.Place) *Text {
	if n.Kind == yamlx.Map {
		return &Text{File: r.file.Path, Source: placed(n)}
	}
	if n.Kind != yamlx.String || n.Str == "" {
		r.report.Errorf(dag.RuleWrongType, at, "a workflow is an object, or the path of its file")
		return nil
	}
	name := n.Str
	if !path.IsAbs(name) {
		name = path.Join(path.Dir(strings.ReplaceAll(r.file.Path, `\`, "/")), name)
	}
	if r.read == nil {
		r.report.Errorf("unreadable_file", at, "the workflow %s cannot be read here", yamlx.Clip(name))
		return nil
	}
	src, err := r.read(name)
	if err != nil {
		r.report.Errorf("unreadable_file", at, "the workflow cannot be read: %v", err)
		return nil
	}
	return &Text{File: name, Source: src}
}

func (r *reader) children(o *dag.Object) map[string]*Text {
	out := map[string]*Text{}
	for _, f := range r.entries(o, "workflows") {
		if t := r.textOf(f.Value, o.Place("workflows").Below(f.Key, f.Value.Pos)); t != nil {
			out[f.Key] = t
		}
	}
	return out
}

// json is a field's value as JSON; nil when it is absent.
func (r *reader) json(o *dag.Object, name string) json.RawMessage {
	n := o.Get(name)
	if n == nil {
		return nil
	}
	raw, err := yamlx.AppendCanonical(nil, n)
	if err != nil {
		r.report.Errorf(dag.RuleBadValue, o.Place(name), "%s: %v", name, err)
		return nil
	}
	return raw
}
