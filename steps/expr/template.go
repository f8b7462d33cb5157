package expr

import (
	"encoding/json"
	"slices"
	"strings"

	"cordum.dev/cordum/internal/yamlx"
)

// Template is a tree of values whose texts may hold ${…}. A text that is exactly one ${…} becomes that expression's
// value; in any other text each is replaced by what its value reads as: text as it is, null as nothing, the rest as
// JSON. $${ stands for the characters ${. What an expression gives is never looked at again for ${…}.
//
// A Template is immutable and may be rendered in many goroutines at once.
type Template struct {
	root   part
	steps  []string
	static json.RawMessage // the rendering, when there is no ${…} inside
}

// part is one node of a template. Closed set: fixed, single, mixed, list, object.
type part interface {
	render(s *session) (any, error)
}

type (
	fixed  struct{ value any }      // no ${…} below
	single struct{ expr placed }    // exactly one ${…}
	mixed  struct{ pieces []piece } // text with ${…}
	list   struct{ items []part }
	object struct {
		keys  []string
		parts []part
	}
)

// piece is either text or an expression.
type piece struct {
	text string
	expr *placed
}

// placed is a program with its place in the file, for errors.
type placed struct {
	program *Program
	pos     yamlx.Pos
}

func (p placed) run(s *session) (any, error) {
	v, err := s.run(p.program)
	if err != nil {
		return nil, at(err, p.pos)
	}
	return v, nil
}

// CompileTemplate compiles the expressions of a value. The error is an *Error with a place. A nil node gives a nil
// Template, which renders as null.
func CompileTemplate(n *yamlx.Node, scope Scope) (*Template, error) {
	if n == nil {
		return nil, nil
	}
	c := templateCompiler{scope: scope}
	root, err := c.node(n)
	if err != nil {
		return nil, err
	}
	slices.Sort(c.steps)
	t := &Template{root: root, steps: slices.Compact(c.steps)}
	if f, ok := root.(fixed); ok {
		if t.static, err = yamlx.AppendCanonical(nil, f.value); err != nil {
			return nil, at(errorf(CodeType, "%v", err), n.Pos)
		}
	}
	return t, nil
}

// Static says whether there is no ${…} inside: the rendering is always the same.
func (t *Template) Static() bool { return t == nil || t.static != nil }

// Steps are the ids of the steps its expressions read, sorted, each once. The slice belongs to the template.
func (t *Template) Steps() []string {
	if t == nil {
		return nil
	}
	return t.steps
}

// Render gives the value, made of JSON values; nobody may change it. The error is an *Error with a place.
func (t *Template) Render(env *Env) (any, error) {
	if t == nil {
		return nil, nil
	}
	if f, ok := t.root.(fixed); ok {
		return f.value, nil
	}
	s := begin(env)
	defer s.end()
	return t.root.render(s)
}

// RenderJSON gives the value as canonical JSON: compact, keys sorted. The bytes of a static template are shared; nobody
// may change them.
func (t *Template) RenderJSON(env *Env) (json.RawMessage, error) {
	if t == nil {
		return json.RawMessage("null"), nil
	}
	if t.static != nil {
		return slices.Clip(t.static), nil
	}
	v, err := t.Render(env)
	if err != nil {
		return nil, err
	}
	out, err := yamlx.AppendCanonical(nil, v)
	if err != nil {
		return nil, errNumber
	}
	return out, nil
}

// RenderString gives what the value reads as, for titles and messages.
func (t *Template) RenderString(env *Env) (string, error) {
	v, err := t.Render(env)
	if err != nil {
		return "", err
	}
	return readAs(v)
}

func readAs(v any) (string, error) {
	var m meter
	out, err := m.text(v)
	if err != nil {
		return "", err
	}
	return out.(string), nil
}

func (f fixed) render(*session) (any, error) { return f.value, nil }

func (p single) render(s *session) (any, error) { return p.expr.run(s) }

func (p mixed) render(s *session) (any, error) {
	var out strings.Builder
	for _, piece := range p.pieces {
		if piece.expr == nil {
			out.WriteString(piece.text)
			continue
		}
		v, err := piece.expr.run(s)
		if err != nil {
			return nil, err
		}
		text, err := readAs(v)
		if err != nil {
			return nil, at(err, piece.expr.pos)
		}
		out.WriteString(text)
	}
	return out.String(), nil
}

func (p list) render(s *session) (_ any, err error) {
	out := make([]any, len(p.items))
	for i, item := range p.items {
		if out[i], err = item.render(s); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (p object) render(s *session) (_ any, err error) {
	out := make(map[string]any, len(p.keys))
	for i, item := range p.parts {
		if out[p.keys[i]], err = item.render(s); err != nil {
			return nil, err
		}
	}
	return out, nil
}

type templateCompiler struct {
	scope Scope
	steps []string
}

func (c *templateCompiler) node(n *yamlx.Node) (part, error) {
	switch n.Kind {
	case yamlx.String:
		return c.text(n)
	case yamlx.List:
		return c.list(n)
	case yamlx.Map:
		return c.object(n)
	}
	return fixed{n.Value()}, nil
}

func (c *templateCompiler) list(n *yamlx.Node) (part, error) {
	out, static := list{}, true
	for _, item := range n.Items {
		p, err := c.node(item)
		if err != nil {
			return nil, err
		}
		_, isFixed := p.(fixed)
		static = static && isFixed
		out.items = append(out.items, p)
	}
	if static {
		return freeze(out)
	}
	return out, nil
}

func (c *templateCompiler) object(n *yamlx.Node) (part, error) {
	out, static := object{}, true
	for _, f := range n.Fields {
		if strings.Contains(f.Key, "${") {
			return nil, at(errorf(CodeStaticPlace, "a key holds no ${…}, only values do"), f.Pos)
		}
		p, err := c.node(f.Value)
		if err != nil {
			return nil, err
		}
		_, isFixed := p.(fixed)
		static = static && isFixed
		out.keys, out.parts = append(out.keys, f.Key), append(out.parts, p)
	}
	if static {
		return freeze(out)
	}
	return out, nil
}

// freeze renders what needs no session.
func freeze(p part) (part, error) {
	v, err := p.render(nil)
	return fixed{v}, err
}

func (c *templateCompiler) text(n *yamlx.Node) (part, error) {
	pieces, err := split(n.Str)
	if err != nil {
		return nil, at(err, n.Pos)
	}
	var out mixed
	for _, p := range pieces {
		if !p.isExpr {
			out.pieces = append(out.pieces, piece{text: p.text})
			continue
		}
		program, err := Compile(p.text, c.scope)
		if err != nil {
			return nil, at(err, n.Pos)
		}
		c.steps = append(c.steps, program.steps...)
		out.pieces = append(out.pieces, piece{expr: &placed{program, n.Pos}})
	}
	switch {
	case len(out.pieces) == 0:
		return fixed{""}, nil
	case len(out.pieces) == 1 && out.pieces[0].expr == nil:
		return fixed{out.pieces[0].text}, nil
	case len(out.pieces) == 1:
		return single{*out.pieces[0].expr}, nil
	}
	return out, nil
}
