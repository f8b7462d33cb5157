package safety

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"cordum.dev/cordum/steps/expr"
)

// whenNames are what a when may read, input aside, which every expression knows.
var whenNames = []string{"cost", "effect", "principal", "roles", "tags", "tenant"}

var whenKnown = "known here: input, " + strings.Join(whenNames, ", ")

// hiddenNames are known to the expressions of workflows and mean nothing where no run is at hand.
var hiddenNames = []string{"ctx", "labels", "payload", "run", "steps"}

// condition is a compiled when. Rules with the same text share one.
type condition struct {
	source  string
	program *expr.Program
	simple  *simple // the same in comparisons; nil when it is more than that
	input   bool    // it reads the input
	shared  bool    // by several rules: its answer is worth keeping
}

// newCondition compiles a when. Its names reach the language as variables that are declared before it, from one value.
func newCondition(source string) (*condition, error) {
	words := identifiers(source)
	for _, name := range hiddenNames {
		if words[name] {
			return nil, fmt.Errorf("the name %s is unknown; %s", name, whenKnown)
		}
	}
	c := &condition{source: source, input: words["input"]}
	var head strings.Builder
	for _, name := range whenNames {
		if words[name] {
			head.WriteString("let " + name + "=payload." + name + ";")
		}
	}
	var err error
	if c.program, err = expr.Compile(head.String()+source, expr.Scope{Payload: true, Bool: true}); err != nil {
		return nil, moved(err, head.Len())
	}
	c.simple = newSimple(source)
	return c, nil
}

var character = regexp.MustCompile(`\(character (\d+) of the expression\)`)

// moved makes an error's place count from the source's own first character, and says nothing of its code.
func moved(err error, head int) error {
	var e *expr.Error
	if !errors.As(err, &e) {
		return err
	}
	message := character.ReplaceAllStringFunc(e.Message, func(s string) string {
		n, _ := strconv.Atoi(character.FindStringSubmatch(s)[1])
		return "(character " + strconv.Itoa(max(1, n-head)) + " of the expression)"
	})
	if e.Code == expr.CodeUnknownName {
		message += "; " + whenKnown
	}
	return errors.New(message)
}

// identifiers are the words of an expression that may be names: those outside of text and comments and not behind a dot.
// A key of an object counts as one too.
func identifiers(source string) map[string]bool {
	words := map[string]bool{}
	dotted := false
	for i := 0; i < len(source); {
		switch c := source[i]; {
		case c == '"' || c == '\'' || c == '`':
			i, dotted = skipText(source, i), false
		case strings.HasPrefix(source[i:], "//"):
			i = skipTo(source, i, "\n")
		case strings.HasPrefix(source[i:], "/*"):
			i = skipTo(source, i+len("/*"), "*/")
		case isWord(c):
			end := i
			for end < len(source) && isWord(source[end]) {
				end++
			}
			if !dotted {
				words[source[i:end]] = true
			}
			i, dotted = end, false
		case c == '.':
			dotted = i == 0 || source[i-1] != '.' // 1..cost is a range up to a name
			i++
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		default:
			i, dotted = i+1, false
		}
	}
	return words
}

// skipText answers the index behind the text literal that begins at i.
func skipText(source string, i int) int {
	quote := source[i]
	for i++; i < len(source); i++ {
		switch {
		case source[i] == '\\' && quote != '`':
			i++
		case source[i] == quote:
			return i + 1
		}
	}
	return len(source)
}

// skipTo answers the index behind the next end, or the source's own end.
func skipTo(source string, i int, end string) int {
	if n := strings.Index(source[i:], end); n >= 0 {
		return i + n + len(end)
	}
	return len(source)
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
}

// subject is a request while it is evaluated.
type subject struct {
	req *Request
	// seen is nil until the first condition is asked. It is apart, and what it holds is made in functions of its own, so
	// that a request without conditions to ask stays on its caller's stack.
	seen *seen
}

// seen is what conditions see of a request, and what they answered; each is made once.
type seen struct {
	input    any
	inputErr error
	env      *expr.Env
	answers  map[*condition]answer
}

type answer struct {
	holds bool
	err   error
}

// ask evaluates a condition, once however many rules have it. An input that is no JSON fails every one: nobody can say
// what it holds.
func (s *subject) ask(c *condition) (bool, error) {
	if s.seen == nil {
		s.seen = look(s.req.Input)
	}
	if s.seen.inputErr != nil {
		return false, s.seen.inputErr
	}
	if c.simple != nil {
		if answer := c.simple.holds(s.req, s.seen.input); answer != unclear {
			return answer == yes, nil
		}
	}
	if s.seen.env == nil {
		s.seen.env = newEnv(s.req, s.seen.input)
	}
	return s.seen.ask(c)
}

// look reads an input.
func look(input []byte) *seen {
	s := &seen{}
	if s.input, s.inputErr = expr.DecodeJSON(input); s.inputErr != nil {
		s.inputErr = errors.New("the request's input is no JSON that can be read")
	}
	return s
}

// ask has the language evaluate a condition.
func (s *seen) ask(c *condition) (bool, error) {
	if !c.shared {
		return c.program.EvalBool(s.env)
	}
	a, asked := s.answers[c]
	if !asked {
		a.holds, a.err = c.program.EvalBool(s.env)
		if s.answers == nil {
			s.answers = map[*condition]answer{}
		}
		s.answers[c] = a
	}
	return a.holds, a.err
}

// newEnv is what the names of a when mean.
func newEnv(r *Request, input any) *expr.Env {
	tags := make(map[string]any, len(r.Labels)+len(r.Derived))
	for k, v := range r.Labels {
		tags[k] = v
	}
	for k, v := range r.Derived {
		tags[k] = v
	}
	return &expr.Env{Input: input, Payload: map[string]any{
		"cost": r.Cost, "effect": r.Effect, "principal": r.Principal, "roles": anyList(r.Roles),
		"tags": tags, "tenant": r.Tenant,
	}}
}
