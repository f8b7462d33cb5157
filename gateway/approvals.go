package gateway

import (
	"context"

	"cordum.dev/cordum/engine/runner"
)

type listApprovalsInput struct {
	Paging
	Workflow string `query:"workflow" maxLength:"200"`
	State    string `query:"state" enum:"waiting,approved,denied,expired,cancelled"`
}

func (g *Gateway) listApprovals(ctx context.Context, in *listApprovalsInput) (*pageReply[runner.ApprovalView], error) {
	l, err := in.listOf(ctx, "/approvals", runner.Filter{Workflow: in.Workflow, State: in.State})
	if err != nil {
		return nil, err
	}
	items, next, err := g.engine.Approvals(ctx, caller(ctx, ""), l.Filter)
	if err != nil {
		return nil, err
	}
	return pageOf(l, items, next), nil
}

func (g *Gateway) getApproval(ctx context.Context, in *ByID) (*reply[runner.ApprovalView], error) {
	view, err := g.engine.Approval(ctx, caller(ctx, ""), in.ID)
	if err != nil {
		return nil, err
	}
	return &reply[runner.ApprovalView]{view}, nil
}

// Verdict answers an approval.
type Verdict struct {
	Decision   string `json:"decision" enum:"approve,deny,send_back"`
	To         string `json:"to,omitempty" maxLength:"63" doc:"With send_back: the step to do again from, upstream of the approval"`
	Comment    string `json:"comment,omitempty" maxLength:"4096" doc:"Why; kept with the decision"`
	ExpectHash string `json:"expect_hash,omitempty" maxLength:"64" doc:"hash of the approval as it was shown; anything else by now is a conflict"`
}

type decideInput struct {
	ByID
	Body Verdict
}

func (g *Gateway) decideApproval(ctx context.Context, in *decideInput) (*reply[runner.ApprovalView], error) {
	b := in.Body
	switch back := b.Decision == "send_back"; {
	case back && b.To == "":
		return nil, placedProblem("missing_field", "/to", "Name the step to do again from.")
	case !back && b.To != "":
		return nil, placedProblem("conflicting_fields", "/to", "It goes with send_back only.")
	}
	return g.decide(ctx, in.ID, runner.Decision{
		Approve: b.Decision == "approve", SendBack: b.To, Comment: b.Comment, ExpectHash: b.ExpectHash,
	})
}

// Comment is what may be said with a decision.
type Comment struct {
	Comment    string `json:"comment,omitempty" maxLength:"4096"`
	Reason     string `json:"reason,omitempty" maxLength:"4096" doc:"The same as comment"`
	ExpectHash string `json:"expect_hash,omitempty" maxLength:"64"`
}

type commentInput struct {
	ByID
	Body *Comment
}

func (in *commentInput) decision(approve bool) runner.Decision {
	d := runner.Decision{Approve: approve}
	if b := in.Body; b != nil {
		d.Comment, d.ExpectHash = b.Comment, b.ExpectHash
		if d.Comment == "" {
			d.Comment = b.Reason
		}
	}
	return d
}

func (g *Gateway) approveApproval(ctx context.Context, in *commentInput) (*reply[runner.ApprovalView], error) {
	return g.decide(ctx, in.ID, in.decision(true))
}

func (g *Gateway) rejectApproval(ctx context.Context, in *commentInput) (*reply[runner.ApprovalView], error) {
	return g.decide(ctx, in.ID, in.decision(false))
}

func (g *Gateway) decide(ctx context.Context, id string, d runner.Decision) (*reply[runner.ApprovalView], error) {
	view, err := g.engine.Decide(ctx, caller(ctx, d.Comment), id, d)
	if err != nil {
		return nil, err
	}
	return &reply[runner.ApprovalView]{view}, nil
}
