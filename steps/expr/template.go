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
	root    part
	steps   []string
	secrets []string
	static  json.RawMessage // the rendering, when there is no ${…} inside
}

// part is one node of a template. Closed set: fixed, single, mixed, list, object.
type part interface {
	render(s *session) (any, error)
}

type (
	fixed  struct{ value any }      // no ${…} of an expression below
	single struct{ expr placed }    // exactly one ${…}
	mixed  struct{ pieces []piece } // text with ${…}
	list   struct{ items []part }
	object struct {
		keys  []string
		parts []part
	}
)

// piece is text, an expression, or a reference to a secret.
type piece struct {
	text   string
	expr   *placed
	secret string
}

// placed is a program with its place in the file, for errors.
type placed struct {
	program *Program
	pos     yamlx.Pos
	guarded bool // it gives a value where secrets may stand: it must not look like one
}

func (p placed) run(s *session) (any, error) {
	v, err := s.run(p.program)
	if err == nil && p.guarded && forged(v) {
		err = errForged
	}
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
	slices.Sort(c.secrets)
	t := &Template{root: root, steps: slices.Compact(c.steps), secrets: slices.Compact(c.secrets)}
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

// Secrets are the names of the secrets it refers to, sorted, each once. The slice belongs to the template.
func (t *Template) Secrets() []string {
	if t == nil {
		return nil
	}
	return t.secrets
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

// RenderString gives what the value reads as, for titles and messages. A template that refers to secrets has no text; see
// RenderText.
func (t *Template) RenderString(env *Env) (string, error) {
	v, err := t.Render(env)
	if err != nil {
		return "", err
	}
	if len(t.Secrets()) > 0 {
		return "", errorf(CodeSecret, "a secret has no text here")
	}
	return readAs(v)
}

// RenderText is RenderString for a text that whoever executes will see: with secrets it gives the reference (SecretKey)
// that stands for the text.
func (t *Template) RenderText(env *Env) (any, error) {
	if len(t.Secrets()) > 0 {
		return t.Render(env)
	}
	return t.RenderString(env)
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
	var around []any // texts and references, when there are secrets
	var out strings.Builder
	flush := func() {
		if out.Len() > 0 {
			around = append(around, out.String())
			out.Reset()
		}
	}
	for _, piece := range p.pieces {
		if piece.secret != "" {
			flush()
			around = append(around, secretObject(piece.secret))
			continue
		}
		text, err := piece.render(s)
		if err != nil {
			return nil, err
		}
		out.WriteString(text)
	}
	if around == nil {
		return out.String(), nil
	}
	flush()
	return secretObject(around), nil
}

func (p piece) render(s *session) (string, error) {
	if p.expr == nil {
		return p.text, nil
	}
	v, err := p.expr.run(s)
	if err != nil {
		return "", err
	}
	text, err := readAs(v)
	if err != nil {
		return "", at(err, p.expr.pos)
	}
	return text, nil
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
	scope   Scope
	steps   []string
	secrets []string
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
		if f.Key == SecretKey {
			return nil, at(errMade, f.Pos)
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
	spans, err := split(n.Str)
	if err != nil {
		return nil, at(err, n.Pos)
	}
	out := mixed{pieces: make([]piece, 0, len(spans))}
	static := true
	for _, span := range spans {
		p, err := c.piece(span, n.Pos)
		if err != nil {
			return nil, at(err, n.Pos)
		}
		static = static && p.expr == nil
		out.pieces = append(out.pieces, p)
	}
	switch {
	case len(out.pieces) == 0:
		return fixed{""}, nil
	case len(out.pieces) == 1 && out.pieces[0].secret != "":
		return fixed{secretObject(out.pieces[0].secret)}, nil
	case static:
		return freeze(out)
	case len(out.pieces) == 1:
		alone := *out.pieces[0].expr
		alone.guarded = c.scope.Secrets
		return single{alone}, nil
	}
	return out, nil
}

func (c *templateCompiler) piece(s span, pos yamlx.Pos) (piece, error) {
	if !s.isExpr {
		return piece{text: s.text}, nil
	}
	if name := secretRef(s.text); name != "" && c.scope.Secrets {
		c.secrets = append(c.secrets, name)
		return piece{secret: name}, nil
	}
	program, err := Compile(s.text, c.scope)
	if err != nil {
		return piece{}, err
	}
	c.steps = append(c.steps, program.steps...)
	return piece{expr: &placed{program: program, pos: pos}}, nil
}
