package cases

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
)

// Parse reads the cases of a file: one a document, or a list below "cases". A case with a problem is left out of them; a
// file that cannot be read at all has one problem without a case.
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
	list := n.Get("cases")
	if list == nil {
		p.oneCase(n)
		return
	}
	report := &dag.Report{}
	o := dag.NewObject(n, dag.Place{Pos: n.Pos}, report)
	o.Only([]string{"cases", "note", "source"}, nil)
	if list.Kind != yamlx.List {
		report.Errorf(dag.RuleWrongType, o.Place("cases"), "cases takes a list")
	}
	if p.take("", report) {
		return
	}
	for _, item := range list.Items {
		if len(p.cases) >= MaxCases {
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

// caseFields are those that mean something, then those that only readers use.
var caseFields = []string{
	"id", "default", "bundles", "overlays", "policy", "request", "expect",
	"source", "note", "tags", "airflow", "not_simulated", "by_design", "assumes",
}

func (r *reader) readCase(n *yamlx.Node) *Case {
	c := &Case{File: r.file.Path, Line: n.Pos.Line}
	o := dag.NewObject(n, dag.Place{Pos: n.Pos}, r.report)
	o.Only(caseFields, nil)
	o.Need("id")
	o.Need("expect")
	c.ID = o.Text("id")
	r.set(c, o)
	r.request(c, o)
	c.Expect = r.expect(o)
	return c
}

// set finds the bundles of a case: its own, or those of the policy file that it names, and its overlays with either.
func (r *reader) set(c *Case, o *dag.Object) {
	if o.Get("policy") != nil {
		for _, other := range []string{"bundles", "default"} {
			if o.Get(other) != nil {
				r.report.Errorf(dag.RuleConflicting, o.Place(other), "%s beside policy: the file says it", other)
			}
		}
		r.policy(c, o)
	} else {
		// Whatever stands in a case's set is compiled, so that a case can expect its refusal; a default that is none is
		// no bundle's mistake.
		c.Set.Default = map[string]safety.Verdict{"ALLOW": safety.Allow}[strings.ToUpper(o.OneOf("default", "ALLOW", "DENY", "allow", "deny"))]
		c.Set.Base = r.documents(o, "bundles")
	}
	c.Set.Overlays = append(c.Set.Overlays, r.documents(o, "overlays")...)
}

func (r *reader) documents(o *dag.Object, field string) []safety.Document {
	n := o.Get(field)
	if n == nil {
		return nil
	}
	if n.Kind != yamlx.List {
		r.report.Errorf(dag.RuleWrongType, o.Place(field), "%s takes a list of bundles", field)
		return nil
	}
	docs := make([]safety.Document, 0, len(n.Items))
	for _, item := range n.Items {
		docs = append(docs, safety.Document{File: r.file.Path, Root: item})
	}
	return docs
}

// policy reads the policy file that a case names.
func (r *reader) policy(c *Case, o *dag.Object) {
	name := o.Text("policy")
	if name == "" {
		return
	}
	if !path.IsAbs(name) {
		name = path.Join(path.Dir(strings.ReplaceAll(r.file.Path, `\`, "/")), name)
	}
	c.Policy = name
	if r.read == nil {
		r.report.Errorf("unreadable_file", o.Place("policy"), "the policy %s cannot be read here", yamlx.Clip(name))
		return
	}
	src, err := r.read(name)
	if err != nil {
		r.report.Errorf("unreadable_file", o.Place("policy"), "the policy cannot be read: %v", err)
		return
	}
	root, err := yamlx.Parse(src, yamlx.Auto)
	if err != nil {
		r.report.Errorf("unreadable_file", o.Place("policy"), "%s", problemOf(name, err))
		return
	}
	c.Set, c.problems = safety.ReadSet(root, name)
}

func (r *reader) request(c *Case, o *dag.Object) {
	n := o.Get("request")
	if n == nil {
		if expect := o.Get("expect"); expect.Get("error") == nil {
			o.Need("request")
		}
		return
	}
	var problems []safety.Problem
	c.Request, problems = safety.ReadRequest(n, r.file.Path)
	for _, p := range problems {
		r.report.Errorf(p.Rule, dag.Place{Pointer: p.Pointer, Pos: yamlx.Pos{Line: p.Line, Col: p.Col}}, "%s", p.Message)
	}
}

// expect reads what must come of a case.
func (r *reader) expect(o *dag.Object) (out Expect) {
	n := o.Get("expect")
	if n == nil {
		return out
	}
	e := dag.NewObject(n, o.Place("expect"), r.report)
	e.Only([]string{"verdict", "rules", "constraints", "approvals", "expires", "error"}, nil)
	if e.Get("error") != nil {
		out.Error = r.rule(e)
		return out
	}
	e.Need("verdict")
	if word := e.Text("verdict"); word != "" {
		out.Verdict = new(safety.Verdict)
		if err := out.Verdict.UnmarshalText([]byte(word)); err != nil {
			r.report.Errorf(dag.RuleBadValue, e.Place("verdict"), "%v", err)
		}
	}
	out.Rules, out.Approvals = r.names(e, "rules"), r.names(e, "approvals")
	if list := e.Get("constraints"); list != nil {
		if list.Kind != yamlx.List {
			r.report.Errorf(dag.RuleWrongType, e.Place("constraints"), "constraints takes a list of {type, value}")
		}
		out.Constraints = append([]*yamlx.Node{}, list.Items...)
	}
	if e.Get("expires") != nil {
		d := e.Duration("expires", "")
		out.Expires = &d
	}
	return out
}

// rule is the rule by which a set must be refused; hyphens are as good as underscores.
func (r *reader) rule(e *dag.Object) string {
	name := strings.ReplaceAll(e.Text("error"), "-", "_")
	if (&safety.Problem{Rule: name}).Code() == "" {
		r.report.Errorf(dag.RuleBadValue, e.Place("error"), "no set is refused by %q", yamlx.Clip(name))
	}
	return name
}

// names is a list of rules; nil when it is absent.
func (r *reader) names(e *dag.Object, field string) []string {
	n := e.Get(field)
	if n == nil {
		return nil
	}
	return append([]string{}, e.Texts(field)...)
}
