package safety

import (
	"encoding/json"
	"slices"

	"cordum.dev/cordum/safety/scan"
)

// OutputVerdict is what the output policy says of a result. The zero value denies.
type OutputVerdict uint8

// The verdicts of the output policy. The numbers are stored.
const (
	OutputDeny       OutputVerdict = iota // it is not accepted: its step is denied, and had its effect
	OutputAllow                           // it is accepted as it is
	OutputRedact                          // it is accepted without what was found in it
	OutputQuarantine                      // people see to it first: until they release it nobody sees it
)

var outputNames = [...]string{"DENY", "ALLOW", "REDACT", "QUARANTINE"}

// String is the verdict as rules spell it; one that nobody knows is DENY.
func (v OutputVerdict) String() string {
	if int(v) < len(outputNames) {
		return outputNames[v]
	}
	return outputNames[OutputDeny]
}

// MarshalText writes the verdict as rules spell it.
func (v OutputVerdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// strictness orders verdicts: DENY over QUARANTINE over REDACT over ALLOW.
func (v OutputVerdict) strictness() int {
	switch v {
	case OutputAllow:
		return 0
	case OutputRedact:
		return 1
	case OutputQuarantine:
		return 2
	}
	return 3
}

// Output is a result before it is accepted.
type Output struct {
	// Data is JSON: the output, or of a failure an object of what it says ({code, message, details}). Empty is null.
	Data   json.RawMessage
	Failed bool
	Code   string // of a failure
	// Redact are the fields that the constraints of the job's own decision remove, as they name them (see [scan.Fields]).
	Redact []string
}

// OutputDecision is the output policy's answer. It holds no value of the output but in Redacted, which what is accepted, or
// held, is to be.
type OutputDecision struct {
	Verdict OutputVerdict `json:"decision"`
	// Rule is the first, by name, of the rules that gave the verdict; RuleDefault when none did.
	Rule     string         `json:"rule"`
	Reason   string         `json:"reason,omitempty"`
	Rules    []string       `json:"rules,omitempty"` // all rules that match or failed, sorted
	Failures []Failure      `json:"failures,omitempty"`
	Findings []scan.Finding `json:"findings,omitempty"` // of all rules that match, and of the fields that were removed
	// Redacted is the output without what REDACT rules found and without the fields to be removed, whatever the verdict;
	// nil when that changes nothing.
	Redacted json.RawMessage `json:"-"`
	// Approvals are all required to release what is in quarantine, sorted by rule.
	Approvals []RequiredApproval `json:"approvals,omitempty"`
	Snapshot  string             `json:"snapshot"` // Digest
}

// ChecksOutput tells whether a snapshot has rules about results at all.
func (s *Snapshot) ChecksOutput() bool { return s != nil && len(s.output) > 0 }

// ChecksOutputOf tells whether one of these rules could match a job's result: conditions, size and content aside.
func (s *Snapshot) ChecksOutputOf(r Request) bool {
	return s != nil && slices.ContainsFunc(s.output, func(rule *outputRule) bool {
		return !slices.ContainsFunc(rule.criteria, func(c criterion) bool { return !c.holds(&r) })
	})
}

// CheckOutput decides about a result of a job. The strictest verdict of all rules that match counts, and ALLOW when none
// does. It never fails: a rule that cannot be evaluated denies. Its time is linear in the output.
func CheckOutput(s *Snapshot, r Request, out Output) OutputDecision {
	if s == nil || s.digest == "" {
		return OutputDecision{Verdict: OutputDeny, Rule: RuleDefault, Reason: "no policy is loaded"}
	}
	c := outputCheck{out: out, d: OutputDecision{Verdict: OutputAllow, Rule: RuleDefault, Snapshot: s.digest}}
	if s.ChecksOutput() {
		c.match(s.output, &r)
		c.scan()
		c.combine()
	}
	c.redact()
	return c.d
}

// outputCheck is one result on its way through the rules.
type outputCheck struct {
	out   Output
	rules []*outputRule // that match, content aside
	found scan.Report
	d     OutputDecision
}

// match keeps the rules whose match, has_error and size hold.
func (c *outputCheck) match(rules []*outputRule, r *Request) {
	asked := subject{req: r}
	for _, rule := range rules {
		if !rule.concerns(c.out) {
			continue
		}
		switch holds, err := rule.judge(&asked); {
		case err != nil:
			c.failed(rule, err.Error())
		case holds:
			c.rules = append(c.rules, rule)
		}
	}
}

// failed makes a rule that cannot be evaluated deny.
func (c *outputCheck) failed(rule *outputRule, message string) {
	c.d.Rules = append(c.d.Rules, rule.name)
	c.d.Failures = append(c.d.Failures, Failure{Rule: rule.name, Message: message})
	c.say(rule, OutputDeny, "the rule could not be evaluated, so it denies: "+message)
}

// scan looks once for all that the rules look for, and leaves those out that found nothing.
func (c *outputCheck) scan() {
	var all scan.Set
	for _, rule := range c.rules {
		all = all.Union(rule.looks)
	}
	var err error
	if !all.Empty() {
		c.found, err = all.Find(c.out.Data)
	}
	c.rules = slices.DeleteFunc(c.rules, func(rule *outputRule) bool {
		switch {
		case rule.looks.Empty():
			return false
		case err != nil:
			c.failed(rule, err.Error())
			return true
		}
		return !c.found.Has(rule.looks)
	})
}

// combine takes the strictest verdict of the rules that are left.
func (c *outputCheck) combine() {
	for _, rule := range c.rules {
		c.d.Rules = append(c.d.Rules, rule.name)
		c.say(rule, rule.decision, rule.reason)
		if rule.approval != nil {
			c.d.Approvals = append(c.d.Approvals, *rule.approval)
		}
	}
	if c.d.Verdict != OutputQuarantine {
		c.d.Approvals = nil
	}
	slices.Sort(c.d.Rules)
	if len(c.d.Rules) > 0 {
		c.d.Findings = c.found.Findings
	}
}

// say takes a verdict if it is stricter than the one so far, or as strict and of a rule that comes first by name.
func (c *outputCheck) say(rule *outputRule, v OutputVerdict, reason string) {
	d := &c.d
	stricter := v.strictness() - d.Verdict.strictness()
	if stricter > 0 || (stricter == 0 && (d.Rule == RuleDefault || rule.name < d.Rule)) {
		d.Verdict, d.Rule, d.Reason = v, rule.name, reason
	}
}

// redact makes the output that may be seen. What cannot be redacted is denied.
func (c *outputCheck) redact() {
	var hides scan.Set
	for _, rule := range c.rules {
		if rule.decision == OutputRedact {
			hides = hides.Union(rule.looks)
		}
	}
	if hides.Empty() && len(c.out.Redact) == 0 {
		return
	}
	out, report, err := hides.Redact(c.out.Data, c.out.Redact)
	switch {
	case err != nil:
		c.d.Verdict, c.d.Rule, c.d.Reason = OutputDeny, RuleDefault, "the output cannot be redacted: "+err.Error()
		return
	case len(report.Findings) == 0:
		return
	}
	c.d.Redacted = out
	for _, f := range report.Findings {
		if f.Scanner == scan.Named {
			c.d.Findings = append(c.d.Findings, f)
		}
	}
	if c.d.Verdict == OutputAllow {
		c.d.Verdict, c.d.Reason = OutputRedact, "the constraints of the job remove fields of its output"
	}
}
