package kernel

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cordum.dev/cordum/safety"
)

// Replay evaluates recorded decisions again, by another snapshot. It is recorded as an act, as it shows what runs were
// about.
func (k *Kernel) Replay(ctx context.Context, who Who, c Candidate, f PastFilter) (*Report, error) {
	made, err := k.candidate(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := k.cfg.Documents.ChangeDocs(ctx, who, ActReplay, made.snapshot.Digest()); err != nil {
		return nil, unavailable(err)
	}
	return k.replay(ctx, who, made.snapshot, f)
}

func (k *Kernel) replay(ctx context.Context, who Who, s *safety.Snapshot, f PastFilter) (*Report, error) {
	r := newReport(s.Digest())
	err := k.past(ctx, who, f, func(p PastDecision) error {
		d := safety.Evaluate(s, p.Request)
		r.add(p, outcome{verdict: d.Verdict, rule: d.Rule, reason: d.Reason})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return r.done(), nil
}

// errEnough ends a visit that has seen as many as it may.
var errEnough = errors.New("enough")

// past visits recorded decisions up to the limit.
func (k *Kernel) past(ctx context.Context, who Who, f PastFilter, visit func(PastDecision) error) error {
	if k.cfg.Past == nil {
		return nil
	}
	if f.Limit <= 0 || f.Limit > MaxReplayed {
		f.Limit = MaxReplayed
	}
	n := 0
	err := k.cfg.Past.Decisions(ctx, who, f, func(p PastDecision) error {
		if n == f.Limit {
			return errEnough
		}
		n++
		return visit(p)
	})
	if err != nil && !errors.Is(err, errEnough) {
		return fmt.Errorf("read the recorded decisions: %w", err)
	}
	return nil
}

// ShadowResults compares what the shadow said of jobs with what counted, for the decisions that were made beside it.
// ErrNotFound when there is no shadow.
func (k *Kernel) ShadowResults(ctx context.Context, who Who, f PastFilter) (ShadowInfo, *Report, error) {
	s := k.shadow.Load()
	if s == nil {
		return ShadowInfo{}, nil, fmt.Errorf("shadow: %w", ErrNotFound)
	}
	r := newReport(s.info.Digest)
	err := k.past(ctx, who, f, func(p PastDecision) error {
		if verdict, rule, digest := splitShadow(p.Shadow); digest == s.info.Digest {
			r.add(p, outcome{verdict: verdictOf(verdict), rule: rule})
		}
		return nil
	})
	if err != nil {
		return ShadowInfo{}, nil, err
	}
	return s.info, r.done(), nil
}

// splitShadow reads "VERDICT rule digest".
func splitShadow(s string) (verdict, rule, digest string) {
	verdict, rest, _ := strings.Cut(s, " ")
	rule, digest, _ = strings.Cut(rest, " ")
	return verdict, rule, digest
}

// verdictOf reads the verdict of a record; one that nobody knows is DENY.
func verdictOf(name string) safety.Verdict {
	for _, v := range []safety.Verdict{safety.Allow, safety.AllowWithConstraints, safety.RequireApproval} {
		if v.String() == name {
			return v
		}
	}
	return safety.Deny
}
