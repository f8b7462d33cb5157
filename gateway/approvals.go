package gateway

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"cordum.dev/cordum/engine/runner"
)

type listApprovalsInput struct {
	Paging
	Workflow string `query:"workflow" maxLength:"200"`
	State    string `query:"state" enum:"waiting,approved,denied,expired,cancelled,sent_back,consumed"`
	Mine     bool   `query:"mine" doc:"Only those that you could decide now; a page may hold fewer than limit"`
}

// listApprovals lists what the caller may see, which is what they may decide, asked for, or administer.
func (g *Gateway) listApprovals(ctx context.Context, in *listApprovalsInput) (*pageReply[runner.ApprovalView], error) {
	f := runner.Filter{Workflow: in.Workflow, State: in.State}
	if in.Mine && in.State == "" {
		f.State = "waiting"
	}
	l, err := in.listOf(ctx, "/approvals", f)
	if err != nil {
		return nil, err
	}
	items, next, err := g.engine.Approvals(ctx, caller(ctx, ""), l.Filter)
	if err != nil {
		return nil, err
	}
	if in.Mine {
		items = slices.DeleteFunc(items, func(v runner.ApprovalView) bool { return v.MayDecide == nil || !*v.MayDecide })
	}
	out := pageOf(l, items, next)
	if in.Mine && out.Link != "" {
		out.Link = strings.Replace(out.Link, ">; rel=", "&mine=true>; rel=", 1)
	}
	return out, nil
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
	Decision   string          `json:"decision" enum:"approve,deny,send_back"`
	To         string          `json:"to,omitempty" maxLength:"63" doc:"With send_back: the step to do again from, upstream of the approval"`
	Comment    string          `json:"comment,omitempty" maxLength:"4096" doc:"Why; kept with the decision"`
	Values     json.RawMessage `json:"values,omitempty" doc:"What the approval's form asks for"`
	For        string          `json:"for,omitempty" maxLength:"69" doc:"In whose place, of somebody who delegated to you, as user:ann"`
	ExpectHash string          `json:"expect_hash,omitempty" maxLength:"64" doc:"hash of the approval as it was shown; anything else by now is a conflict"`
}

type decideInput struct {
	ByID
	Body Verdict
}

func (g *Gateway) decideApproval(ctx context.Context, in *decideInput) (*reply[runner.ApprovalView], error) {
	d, err := in.Body.decision()
	if err != nil {
		return nil, err
	}
	return g.decide(ctx, in.ID, d)
}

// decision checks a verdict and says it to the engine.
func (b *Verdict) decision() (runner.Decision, error) {
	switch back := b.Decision == "send_back"; {
	case back && b.To == "":
		return runner.Decision{}, placedProblem("missing_field", "/to", "Name the step to do again from.")
	case !back && b.To != "":
		return runner.Decision{}, placedProblem("conflicting_fields", "/to", "It goes with send_back only.")
	}
	return runner.Decision{
		Approve: b.Decision == "approve", SendBack: b.To, Comment: b.Comment, Values: b.Values, For: b.For, ExpectHash: b.ExpectHash,
		Channel: "api",
	}, nil
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
	d := runner.Decision{Approve: approve, Channel: "api"}
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

// EditApproval gives a job that waits for its approval another input.
type EditApproval struct {
	Input      json.RawMessage `json:"input" doc:"Any JSON value: what the worker would get instead"`
	Comment    string          `json:"comment,omitempty" maxLength:"4096" doc:"Why; kept in the record"`
	ExpectHash string          `json:"expect_hash,omitempty" maxLength:"64" doc:"hash of the approval as it was shown; anything else by now is a conflict"`
}

type editInput struct {
	ByID
	Body EditApproval
}

func (g *Gateway) editApproval(ctx context.Context, in *editInput) (*reply[runner.ApprovalView], error) {
	b := in.Body
	input, err := copyJSON(b.Input)
	if err != nil {
		return nil, err
	}
	view, err := g.engine.EditJob(ctx, caller(ctx, b.Comment), in.ID, runner.Edit{Input: input, Comment: b.Comment, ExpectHash: b.ExpectHash})
	if err != nil {
		return nil, err
	}
	return &reply[runner.ApprovalView]{view}, nil
}

// DelegateApproval lets somebody else answer in the caller's place.
type DelegateApproval struct {
	To     string    `json:"to" minLength:"1" maxLength:"69" doc:"Who, as user:bob"`
	Until  time.Time `json:"until" doc:"Until when"`
	Reason string    `json:"reason,omitempty" maxLength:"1024" doc:"Why; kept in the record"`
}

type delegateInput struct {
	ByID
	Body DelegateApproval
}

func (g *Gateway) delegateApproval(ctx context.Context, in *delegateInput) (*reply[runner.ApprovalView], error) {
	b := in.Body
	if !isUser(b.To) {
		return nil, placedProblem("invalid_delegation", "/to", "Name a person as user:NAME.")
	}
	view, err := g.engine.Delegate(ctx, caller(ctx, b.Reason), in.ID, runner.Delegation{To: b.To, Until: b.Until.UTC(), Reason: b.Reason})
	if err != nil {
		return nil, err
	}
	return &reply[runner.ApprovalView]{view}, nil
}

// Deliveries are the messages about an approval. They have no pages: they are as many as people were told.
type Deliveries struct {
	Items []runner.Delivery `json:"items"`
}

func (g *Gateway) listDeliveries(ctx context.Context, in *ByID) (*reply[Deliveries], error) {
	items, err := g.engine.Deliveries(ctx, caller(ctx, ""), in.ID)
	if err != nil {
		return nil, err
	}
	return &reply[Deliveries]{Deliveries{Items: append([]runner.Delivery{}, items...)}}, nil
}

func approvalPath(id string) string { return prefix + "/approvals/" + url.PathEscape(id) }
