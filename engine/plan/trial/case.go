package trial

import (
	"encoding/json"
	"time"

	"cordum.dev/cordum/internal/yamlx"
)

// Case is one test: a workflow, the world it runs in, and what is expected. Names of steps are normalised: "undo:" stands
// in front.
type Case struct {
	ID   string
	File string
	Line int // where it begins in File

	Workflow *Text            // nil only in a lint case that generates one
	Children map[string]*Text // of sub-workflow steps, by id
	Input    json.RawMessage  // nil: {}
	Context  json.RawMessage  // nil: none
	Stubs    map[string][]Stub
	Policy   *yamlx.Node // one bundle; nil: everything is allowed
	Replies  map[string][]Reply
	Signals  []Signal
	Orders   []Order
	Expect   Expect
}

// Text is the source of a workflow. Of one that stands in the test file itself, places are those of the test file.
type Text struct {
	File   string
	Source []byte
}

// Stub is one answer of a worker.
type Stub struct {
	Output   json.RawMessage // of a success; nil: {}
	Fail     *Failure
	Timeout  bool // begun, never answered
	Lost     bool // begun, then silence for ever
	Takes    time.Duration
	Queued   time.Duration
	OnCancel OnCancel
}

// Failure is a definite failure that a worker reports. Retryable says that the worker did not mark it otherwise.
type Failure struct {
	Code      string
	Message   string
	Retryable bool
	Details   json.RawMessage
}

// OnCancel is how a worker answers a cancel.
type OnCancel uint8

// The answers to a cancel. Having had no effect is the default.
const (
	CancelObeyed  OnCancel = iota // at once: no effect
	CancelTooLate                 // at once: it has succeeded
	CancelIgnored                 // it goes on as if not asked
)

// Reply is a person's answer to an approval.
type Reply struct {
	Decision string // approve, deny or send_back
	To       string // of send_back: the step
	By       string
	Also     []string // who answers the same behind By
	Comment  string
	Values   json.RawMessage
	// Roles and Groups are those of who answers; with neither they have what is asked for.
	Roles, Groups []string
}

// Signal is a named payload that is sent to the run.
type Signal struct {
	After   string
	Name    string
	Payload json.RawMessage
}

// Order is a verb that somebody gives.
type Order struct {
	After        string
	Verb         string
	Rollback     bool   // of cancel
	To, Then     string // of rollback
	Compensation string // the held one that retry, skip or done is about
	Reason, By   string
	Refused      bool // it must be refused and change nothing
}

// The moments of After that are no names.
const (
	AtStart = "$start"
	AtEnd   = "$end"
)

// Expect is what must come of a case. What is nil is not checked.
type Expect struct {
	Status       *string
	Compensation *string
	Steps        map[string]string
	Reasons      map[string]string
	Attempts     map[string]int
	Inputs       map[string]any
	Order        [][]string // each ended before the next one started
	Together     [][]string // all overlap
	Compensated  *[]string
	Held         *[]string
	Waiting      *[]string
	Output       *any
	Lint         *[]Finding
}

// Finding is what lint must report. Empty fields are not checked.
type Finding struct {
	Rule     string // as the format writes it, with dashes
	Line     int
	Severity string // "warning": reported, yet accepted
	Hint     string
}

// Problem says why a file or a case cannot be run.
type Problem struct {
	Case    string // "" when the file is meant
	File    string
	Line    int
	Message string
}
