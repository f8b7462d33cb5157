package kernel

import (
	"context"
	"time"

	"cordum.dev/cordum/safety"
)

// PastDecision is a decision of the record, with the request it was about as it can be made again from the record.
type PastDecision struct {
	Tenant, Run, Workflow string
	Step                  string // as people see it: "deploy[2]"
	Job                   string
	At                    time.Time
	Request               safety.Request
	Verdict               string // as safety.Verdict spells it
	Rule, Snapshot        string
	// Shadow is what the shadow of that time said: "VERDICT rule digest"; "" when there was none.
	Shadow string
}

// PastFilter says which decisions are wanted.
type PastFilter struct {
	Workflow string // "" all
	Limit    int    // decisions; 0 or more than MaxReplayed is MaxReplayed
}

// Past has the recorded decisions of the tenant of who asks. Runs come newest first, the decisions of one run together and
// oldest first. An error of visit ends it and is answered.
type Past interface {
	Decisions(ctx context.Context, who Who, f PastFilter, visit func(PastDecision) error) error
}
