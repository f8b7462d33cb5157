package runner

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/scheduler"
)

// This file is what the constraints of a job's decision mean for its dispatch and its result. Which of them are limits is in
// reserve_terms.go.

// Codes of results that did not keep the constraints of their job.
const codeUnproven = "constraint_unproven"

// readConstraints are those of one job, read once.
type readConstraints struct {
	raw  json.RawMessage
	list []safety.Constraint
	err  error
}

// constraints are those under which a node's job may run. An error says that they cannot be read: nothing is allowed then.
func (lr *live) constraints(step int32) ([]safety.Constraint, error) {
	j := lr.jobs[step]
	if j == nil || len(j.Constraints) == 0 {
		return nil, nil
	}
	if known, ok := lr.bounds[step]; ok && bytes.Equal(known.raw, j.Constraints) {
		return known.list, known.err
	}
	read := readConstraints{raw: j.Constraints}
	read.list, read.err = safety.ReadConstraints(j.Constraints)
	if lr.bounds == nil {
		lr.bounds = make(map[int32]readConstraints)
	}
	lr.bounds[step] = read
	return read.list, read.err
}

// maximum is the value of a job's constraint of one of the Max types, and whether it has one.
func (lr *live) maximum(step int32, kind string) (int64, bool) {
	list, _ := lr.constraints(step)
	for i := range list {
		if list[i].Type == kind {
			return list[i].Max, true
		}
	}
	return 0, false
}

// attemptTimeout is the timeout of one attempt: the step's, or else its topic's, or what the policy allows where that is less. 0
// is none.
func (lr *live) attemptTimeout(step int32) time.Duration {
	timeout := cmp.Or(lr.run.Spec(step).Def.Timeout, lr.standardOf(step).Execution)
	seconds, bounded := lr.maximum(step, safety.MaxTimeout)
	if !bounded {
		return timeout
	}
	allowed := max(time.Duration(min(seconds, maxSeconds))*time.Second, time.Millisecond) // 0 would be none
	if timeout == 0 {
		return allowed
	}
	return min(timeout, allowed)
}

// maxSeconds is the longest MaxTimeout that means something: a year.
const maxSeconds = 366 * 24 * 60 * 60

// constrain puts what the worker has to keep into its request, and into the environment as CAP workers know it.
func (r *Runner) constrain(req *wire.JobRequest, lr *live, step int32) {
	j := lr.jobs[step]
	req.DecisionRule = j.Rule
	list, err := lr.constraints(step)
	if len(j.Constraints) == 0 || err != nil {
		return
	}
	req.Constraints = j.Constraints
	if req.Env == nil {
		req.Env = make(map[string]string)
	}
	for i := range list {
		c := &list[i]
		switch c.Type {
		case safety.MaxArtifactBytes, safety.MaxConcurrent, safety.MaxRetries:
			req.Env[maxEnv[c.Type]] = strconv.FormatInt(c.Max, 10)
		case safety.Redact:
			if len(c.List) == 1 {
				req.Env["CORDUM_REDACTION_LEVEL"] = c.List[0]
			}
		}
	}
	encoded, err := protojson.Marshal(policyConstraints(list))
	if err == nil {
		req.Env["CORDUM_POLICY_CONSTRAINTS"] = string(encoded)
	}
	if key := r.cfg.Audit.Key; len(key) == ed25519.PrivateKeySize {
		req.DecisionSignature = ed25519.Sign(key, wire.DecisionMessage(req))
	}
}

// maxEnv are the variables that CAP's runtime reads.
var maxEnv = map[string]string{
	safety.MaxArtifactBytes: "CORDUM_MAX_ARTIFACT_BYTES", safety.MaxConcurrent: "CORDUM_MAX_CONCURRENT_JOBS",
	safety.MaxRetries: "CORDUM_MAX_RETRIES",
}

// policyConstraints are constraints in CAP's groups: those that it has a field for.
func policyConstraints(list []safety.Constraint) *wire.PolicyConstraints {
	p := &wire.PolicyConstraints{}
	for i := range list {
		switch c := &list[i]; c.Type {
		case safety.MaxTimeout, safety.MaxRetries, safety.MaxArtifactBytes, safety.MaxConcurrent:
			if p.Budgets == nil {
				p.Budgets = &wire.BudgetConstraints{}
			}
			setBudget(p.Budgets, c)
		case safety.MaxDiffFiles, safety.MaxDiffLines, safety.DenyPaths:
			if p.Diff == nil {
				p.Diff = &wire.DiffConstraints{}
			}
			setDiff(p.Diff, c)
		case safety.AllowedTools:
			p.Toolchain = &wire.ToolchainConstraints{AllowedTools: c.List}
		case safety.EgressAllowlist:
			if p.Sandbox == nil {
				p.Sandbox = &wire.SandboxProfile{}
			}
			p.Sandbox.NetworkAllowlist = c.List
		case safety.SandboxType:
			p.Sandbox = sandboxProfile(c.Sandbox, p.Sandbox)
		case safety.Redact:
			if len(c.List) == 1 {
				p.RedactionLevel = c.List[0]
			}
		}
	}
	return p
}

// sandboxProfile is a sandbox in CAP's words, with what an EgressAllowlist, in egress, allows beside it: both have to.
func sandboxProfile(s *safety.Sandbox, egress *wire.SandboxProfile) *wire.SandboxProfile {
	out := &wire.SandboxProfile{Isolated: s.Isolated, NetworkAllowlist: s.Network, FsReadOnly: s.FsReadOnly, FsReadWrite: s.FsReadWrite}
	switch {
	case egress == nil:
	case s.Network == nil:
		out.NetworkAllowlist = egress.NetworkAllowlist
	default:
		out.NetworkAllowlist = slices.DeleteFunc(slices.Clone(s.Network), func(host string) bool {
			return !slices.Contains(egress.NetworkAllowlist, host)
		})
	}
	return out
}

func setBudget(b *wire.BudgetConstraints, c *safety.Constraint) {
	small := int32(min(c.Max, 1<<31-1))
	switch c.Type {
	case safety.MaxTimeout:
		b.MaxRuntimeMs = min(c.Max, maxSeconds) * 1000
	case safety.MaxRetries:
		b.MaxRetries = small
	case safety.MaxArtifactBytes:
		b.MaxArtifactBytes = c.Max
	case safety.MaxConcurrent:
		b.MaxConcurrentJobs = small
	}
}

func setDiff(d *wire.DiffConstraints, c *safety.Constraint) {
	small := int32(min(c.Max, 1<<31-1))
	switch c.Type {
	case safety.MaxDiffFiles:
		d.MaxFiles = small
	case safety.MaxDiffLines:
		d.MaxLines = small
	case safety.DenyPaths:
		d.DenyPathGlobs = c.List
	}
}

// proved notes what an attempt used and checks that a success kept the constraints of its job: one that did not, or does not
// prove it where it must, is a failure that had its effect.
func (t *turn) proved(step int32, res *wire.JobResult, outcome engine.Outcome, state scheduler.JobState) (engine.Outcome, scheduler.JobState) {
	lr, j := t.live, t.live.jobs[step]
	if j == nil || len(j.Constraints) == 0 || !j.Mine(res.Token) {
		return outcome, state
	}
	if used := readUsage(res.Usage); used != nil {
		if lr.reserved.used == nil {
			lr.reserved.used = make(map[int32]usage)
		}
		lr.reserved.used[step] = used
	}
	if outcome.Result != engine.ResultSucceeded && outcome.Result != engine.ResultQuarantined {
		return outcome, state
	}
	if code, why := lr.broke(step, res, len(outcome.Output.Data)); code != "" {
		failed := engine.Outcome{Result: engine.ResultFailed, Output: outcome.Output, Failure: engine.Failure{Code: code, Message: cutText(why, maxMessage)}}
		return refused(failed, scheduler.JobFailed)
	}
	return outcome, state
}

// broke says which constraint a success did not keep, and why; the code is empty when it kept them all.
func (lr *live) broke(step int32, res *wire.JobResult, output int) (code, why string) {
	list, err := lr.constraints(step)
	if err != nil {
		return codeUnproven, "the constraints of the job cannot be read"
	}
	var evidence map[string]json.RawMessage
	if len(res.Evidence) <= maxDetails {
		_ = json.Unmarshal(res.Evidence, &evidence) // what does not decode proves nothing
	}
	for i := range list {
		c := &list[i]
		if c.Type == safety.MaxOutputBytes && int64(output) > c.Max {
			return codeOutputTooLarge, fmt.Sprintf("the output has %d bytes, the policy allows %d", output, c.Max)
		}
		said, given := evidence[c.Type]
		if !c.Prove && (!given || c.Type == safety.MaxOutputBytes) {
			continue
		}
		if err := c.Proven(said); err != nil && (c.Prove || given) {
			return codeUnproven, c.Type + ": " + err.Error()
		}
	}
	return "", ""
}
