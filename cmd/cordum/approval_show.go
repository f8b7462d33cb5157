package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// answers counts the approvals given against those that are needed.
func answers(v runner.ApprovalView) string {
	given, needed := 0, 0
	for _, n := range v.Needs {
		needed = max(needed, n.Quorum)
	}
	for _, vote := range v.Votes {
		if !vote.Void && vote.Decision == "approve" {
			given++
		}
	}
	return fmt.Sprintf("%d/%d", given, max(needed, 1))
}

// approvalDetail shows everything that is asked, untruncated: nobody should approve what they could not read.
func approvalDetail(p *printer, v runner.ApprovalView) {
	now := time.Now()
	p.fact("approval", text(v.ID))
	p.fact("title", text(v.Title))
	p.fact("state", state(v.State))
	p.fact("run", text(v.RunID))
	p.fact("workflow", text(v.Workflow))
	p.fact("step", text(v.Step))
	p.fact("asked", text(ago(v.RequestedAt, now)+" by "+v.RequestedBy))
	if v.Round > 1 {
		p.fact("round", text(strings.TrimSuffix(fmt.Sprintf("%d: %s", v.Round, v.Why), ": ")))
	}
	p.fact("edited", text(strings.Join(v.Editors, ", ")))
	for _, n := range v.Needs {
		p.fact("needs", text(need(n)))
	}
	approvalAnswers(p, v, now)
	if v.ExpiresAt != nil {
		p.fact("expires", text(strings.TrimSpace(v.ExpiresAt.Local().Format("2006-01-02 15:04:05")+"  "+v.OnExpiry)))
	}
	p.fact("you", text(v.WhyNot))
	p.fact("policy", text(v.Snapshot))
	p.fact("hash", text(v.Hash))
	p.value("input", v.Input)
	p.value("context", v.Context)
	p.value("form", v.Form)
}

// approvalAnswers shows who answered what, in whose place, and what it came to.
func approvalAnswers(p *printer, v runner.ApprovalView, now time.Time) {
	for _, d := range v.Delegations {
		p.fact("delegated", text(fmt.Sprintf("%s to %s until %s %s", d.From, d.To, d.Until.Local().Format("2006-01-02 15:04"), d.Reason)))
	}
	for _, vote := range v.Votes {
		line := vote.By + ": " + vote.Decision
		if vote.For != "" {
			line = vote.By + " for " + vote.For + ": " + vote.Decision
		}
		if vote.Void {
			line += " (void: something else was asked then)"
		}
		p.fact("answer", text(strings.TrimSpace(line+", "+ago(vote.At, now)+"  "+vote.Comment)))
	}
	if v.DecidedAt != nil {
		p.fact("decided", text(strings.TrimSpace(ago(*v.DecidedAt, now)+" by "+v.DecidedBy)))
		p.fact("comment", text(v.Comment))
		p.value("values", v.Values)
	}
}

// need says what one rule, or the step, asks of people.
func need(n runner.NeedView) string {
	who := strings.Join(n.Approvers, ", ")
	if who == "" {
		who = "whoever may approve"
	}
	line := fmt.Sprintf("%d of %s", max(n.Quorum, 1), who)
	if n.FourEyes {
		line += ", not who asked"
	}
	if n.ExcludeAuthor {
		line += ", not the author"
	}
	if n.Rule != "" {
		line += " (rule " + n.Rule + ")"
	}
	if n.Reason != "" {
		line += ": " + n.Reason
	}
	return line
}

// value prints a JSON value below its name, whole.
func (p *printer) value(name string, raw json.RawMessage) {
	var b bytes.Buffer
	if len(raw) == 0 || json.Indent(&b, raw, "", "  ") != nil {
		return
	}
	_ = p.line(name) // kept in p.err
	for line := range strings.SplitSeq(b.String(), "\n") {
		_ = p.line("  " + oneLine(line)) // as above
	}
}
