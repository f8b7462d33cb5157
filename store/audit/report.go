package audit

import (
	"fmt"
	"time"
)

// Kind is what is wrong with a chain.
type Kind string

// The kinds of findings.
const (
	Edited      Kind = "edited"       // a record is not what was written
	Missing     Kind = "missing"      // records between two others are not there
	Inserted    Kind = "inserted"     // a record stands where another one has been
	Reordered   Kind = "reordered"    // records lie in another place than they were written to
	Swapped     Kind = "swapped"      // records lie in the chain of another tenant or partition
	Broken      Kind = "broken"       // a record does not follow the one before it
	Truncated   Kind = "truncated"    // records that the head knows are no longer at the end
	Rewritten   Kind = "rewritten"    // the chain stands where the head says, but is another one
	Gone        Kind = "gone"         // a chain that the head knows is not there
	Unreadable  Kind = "unreadable"   // a record does not decode
	CutUnproven Kind = "cut_unproven" // records were removed at the beginning, and the key did not sign that
	BadHead     Kind = "bad_head"     // a head is not signed by the key, or does not follow the one before it
	OtherStore  Kind = "other_store"  // the head was taken of another store
	Incomplete  Kind = "incomplete"   // an export ends before its end
)

// Finding is one thing that is wrong.
type Finding struct {
	Kind Kind `json:"kind"`
	Chain
	Seq  uint64 `json:"seq,omitempty" doc:"Number of the first record it is about"`
	Says string `json:"says"`
}

func (f Finding) String() string {
	if f.Tenant == "" {
		return string(f.Kind) + ": " + f.Says
	}
	if f.Seq == 0 {
		return fmt.Sprintf("%s: %s: %s", f.Kind, f.Chain, f.Says)
	}
	return fmt.Sprintf("%s: %s, record %d: %s", f.Kind, f.Chain, f.Seq, f.Says)
}

// Report is what a check of the chains found.
type Report struct {
	OK       bool       `json:"ok" doc:"Nothing is wrong"`
	Chains   int        `json:"chains"`
	Records  uint64     `json:"records" doc:"How many were read"`
	Proven   uint64     `json:"proven" doc:"How many of them a signed head vouches for"`
	Heads    int        `json:"heads" doc:"How many signed heads were compared"`
	From     *time.Time `json:"from,omitempty" doc:"Time of the oldest record"`
	To       *time.Time `json:"to,omitempty" doc:"Time of the newest record"`
	Findings []Finding  `json:"findings" doc:"What is wrong; at most 1,000"`
	More     int        `json:"more_findings,omitempty" doc:"How many findings are left out"`
	// Doubts are what the check cannot tell by what it was given.
	Doubts []string `json:"doubts" doc:"What this check cannot tell"`
}

// maxFindings is how many findings a report lists.
const maxFindings = 1000

func (r *Report) find(k Kind, c Chain, seq uint64, format string, args ...any) {
	if len(r.Findings) >= maxFindings {
		r.More++
		return
	}
	r.Findings = append(r.Findings, Finding{k, c, seq, fmt.Sprintf(format, args...)})
}

func (r *Report) doubt(format string, args ...any) {
	r.Doubts = append(r.Doubts, fmt.Sprintf(format, args...))
}

func (r *Report) saw(t time.Time) {
	if r.From == nil || t.Before(*r.From) {
		r.From = &t
	}
	if r.To == nil || t.After(*r.To) {
		r.To = &t
	}
}
