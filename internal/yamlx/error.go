package yamlx

import "fmt"

// Rules by which a document is refused.
const (
	RuleEmpty     = "empty_body"
	RuleJSON      = "invalid_json"
	RuleYAML      = "invalid_yaml"
	RuleDepth     = "json_too_deep" // YAML as well
	RuleDuplicate = "duplicate_key"
	RuleAlias     = "yaml_alias_limit"
	RuleTag       = "yaml_tag_refused"
	RuleMultiple  = "multiple_documents"
	RuleUTF8      = "invalid_utf8"
	RuleSize      = "document_too_large"
)

// Error says why a document was refused. Message never holds more than 64 characters of the document.
type Error struct {
	Rule    string
	Message string
	Pos     Pos // zero where no place can be named
}

// Error implements error.
func (e *Error) Error() string {
	if e.Pos.Line == 0 {
		return e.Rule + ": " + e.Message
	}
	return fmt.Sprintf("%d:%d: %s: %s", e.Pos.Line, e.Pos.Col, e.Rule, e.Message)
}

func fail(rule string, pos Pos, format string, args ...any) *Error {
	return &Error{Rule: rule, Message: fmt.Sprintf(format, args...), Pos: pos}
}

// maxEcho is how many characters of a document a message may repeat.
const maxEcho = 64

// Clip shortens s to what a message may repeat of a document.
func Clip(s string) string {
	n := 0
	for i := range s {
		if n == maxEcho-1 {
			return s[:i] + "…"
		}
		n++
	}
	return s
}
