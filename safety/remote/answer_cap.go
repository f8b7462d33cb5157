package remote

import (
	"math"
	"strings"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/safety"
)

// narrowForCAP makes an answer one that a plain CAP client can keep. Its constraints are told in CAP's words; when one of
// them cannot be told so, the client would run the job without it, and so the answer is DENY.
func narrowForCAP(a *wire.PolicyCheckResponse, d *safety.Decision, meta *wire.JobMetadata) {
	constraints, untold := capConstraints(d.Constraints, meta)
	a.Constraints = constraints
	if len(untold) == 0 || d.Verdict == safety.Deny {
		return
	}
	a.Decision, a.ApprovalRequired, a.Approvals, a.ExpiresNs = wire.DecisionType_DECISION_TYPE_DENY, false, nil, 0
	a.Reason = "allowed only under " + strings.Join(untold, ", ") + ", which a CAP client cannot be told to keep"
}

// capConstraints says constraints in CAP's words, and names those for which it has none. In CAP a number of 0 and an
// empty list mean "no limit".
func capConstraints(list []safety.Constraint, meta *wire.JobMetadata) (out *wire.PolicyConstraints, untold []string) {
	out = &wire.PolicyConstraints{}
	for i := range list {
		if c := &list[i]; !tellConstraint(out, c, meta) {
			untold = append(untold, c.Type)
		}
	}
	return out, untold
}

// tellConstraint puts one constraint where CAP has it; false when it has no place.
func tellConstraint(out *wire.PolicyConstraints, c *safety.Constraint, meta *wire.JobMetadata) bool {
	switch c.Type {
	case safety.MaxTimeout, safety.MaxRetries, safety.MaxArtifactBytes, safety.MaxConcurrent:
		if out.Budgets == nil {
			out.Budgets = &wire.BudgetConstraints{}
		}
		return tellBudget(out.Budgets, c)
	case safety.MaxDiffFiles, safety.MaxDiffLines, safety.DenyPaths:
		if out.Diff == nil {
			out.Diff = &wire.DiffConstraints{}
		}
		return tellDiff(out.Diff, c)
	case safety.AllowedTools:
		out.Toolchain = &wire.ToolchainConstraints{AllowedTools: c.List}
		return len(c.List) > 0
	case safety.SandboxType:
		return tellSandbox(out, c.Sandbox)
	case safety.Redact:
		if len(c.List) != 1 {
			return false
		}
		out.RedactionLevel = c.List[0]
		return true
	case safety.RequireIdempotencyKey:
		return meta.GetIdempotencyKey() != ""
	}
	return false
}

func tellBudget(b *wire.BudgetConstraints, c *safety.Constraint) bool {
	switch c.Type {
	case safety.MaxTimeout:
		b.MaxRuntimeMs = min(c.Max, math.MaxInt64/1000) * 1000
	case safety.MaxRetries:
		b.MaxRetries = clamp32(c.Max)
	case safety.MaxArtifactBytes:
		b.MaxArtifactBytes = c.Max
	case safety.MaxConcurrent:
		b.MaxConcurrentJobs = clamp32(c.Max)
	}
	return c.Max > 0
}

func tellDiff(d *wire.DiffConstraints, c *safety.Constraint) bool {
	switch c.Type {
	case safety.MaxDiffFiles:
		d.MaxFiles = clamp32(c.Max)
	case safety.MaxDiffLines:
		d.MaxLines = clamp32(c.Max)
	case safety.DenyPaths:
		d.DenyPathGlobs = c.List
		return true // an empty list denies nothing, in CAP as here
	}
	return c.Max > 0
}

func tellSandbox(out *wire.PolicyConstraints, s *safety.Sandbox) bool {
	out.Sandbox = &wire.SandboxProfile{
		Isolated: s.Isolated, NetworkAllowlist: s.Network, FsReadOnly: s.FsReadOnly, FsReadWrite: s.FsReadWrite,
	}
	for _, list := range [][]string{s.Network, s.FsReadOnly, s.FsReadWrite} {
		if list != nil && len(list) == 0 {
			return false
		}
	}
	return true
}

func clamp32(n int64) int32 { return int32(min(n, math.MaxInt32)) }
