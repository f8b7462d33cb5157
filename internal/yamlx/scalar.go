package yamlx

import (
	"regexp"
	"strconv"
)

// The plain scalars of YAML 1.2's core schema. What YAML 1.1 read differently stays text, so that no, on, 010, 1_000
// and dates mean what they show.
var (
	yamlInteger = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*)$`)
	yamlBased   = regexp.MustCompile(`^0(x[0-9a-fA-F]+|o[0-7]+)$`)
	yamlFloat   = regexp.MustCompile(`^[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
	yamlNoValue = regexp.MustCompile(`^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$`)
)

// plainScalar makes the node of a scalar without quotes.
func plainScalar(text string, pos Pos) (*Node, error) {
	switch text {
	case "", "~", "null", "Null", "NULL":
		return &Node{Kind: Null, Pos: pos}, nil
	case "true", "True", "TRUE":
		return &Node{Kind: Bool, Pos: pos, Bool: true}, nil
	case "false", "False", "FALSE":
		return &Node{Kind: Bool, Pos: pos}, nil
	}
	switch c := text[0]; {
	case c != '-' && c != '+' && c != '.' && (c < '0' || c > '9'):
		return &Node{Kind: String, Pos: pos, Str: text}, nil
	case yamlNoValue.MatchString(text):
		return nil, fail(RuleYAML, pos, "%s is no number of JSON; in quotes it is text", text)
	case yamlBased.MatchString(text):
		if i, err := strconv.ParseInt(text, 0, 64); err == nil {
			return &Node{Kind: Int, Pos: pos, Int: i}, nil
		}
	case yamlFloat.MatchString(text):
		n := numberNode(text, yamlInteger.MatchString(text), pos)
		if n == nil {
			return nil, fail(RuleYAML, pos, "the number is larger than a float64 holds")
		}
		return n, nil
	}
	return &Node{Kind: String, Pos: pos, Str: text}, nil
}
