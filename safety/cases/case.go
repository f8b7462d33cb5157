package cases

import (
	"fmt"
	"time"

	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
)

// MaxCases bounds the cases of one file.
const MaxCases = 10_000

// Case is one test of a policy.
type Case struct {
	ID   string
	File string
	Line int // where it begins in File

	// Policy is the file that the case names, read; empty when its bundles stand in the case.
	Policy  string
	Set     safety.Set
	Request safety.Request
	Expect  Expect

	problems []safety.Problem // of the policy file
}

// Expect is what must come of a case. What is nil is not checked.
type Expect struct {
	Error       string // the set is refused by this rule, with underscores; then nothing else is checked
	Verdict     *safety.Verdict
	Rules       []string
	Constraints []*yamlx.Node // merged; not compared when denied
	Approvals   []string      // rules whose approval is required
	Expires     *time.Duration
}

// Read brings a policy file that a case names; the path is relative to where the test files' own paths are. The error says
// why it cannot be read.
type Read func(path string) ([]byte, error)

// File is a test file: its path, for messages and for what its cases name, and its text.
type File struct {
	Path string
	Text []byte
}

// Problem says why a file or a case cannot be run.
type Problem struct {
	Case    string // "" when the file is meant
	File    string
	Line    int // 0 when unknown
	Message string
}

// String is file:line: message.
func (p Problem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.Message
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message)
}
