package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/store"
)

// This file is approvals as people see them: one by one, and as lists.

// ApprovalView is an approval.
type ApprovalView struct {
	ID          string           `json:"id"`
	RunID       string           `json:"run_id"`
	Workflow    string           `json:"workflow"`
	Step        string           `json:"step"`
	Source      string           `json:"source" enum:"step,policy,output" doc:"Who asks: a step of the workflow, the policy about a job, or the output policy about a result"`
	Round       int              `json:"round" doc:"How often it was asked anew, from 1"`
	Title       string           `json:"title"`
	Context     json.RawMessage  `json:"context,omitempty" doc:"What the step shows"`
	Input       json.RawMessage  `json:"input,omitempty" doc:"Of a job: exactly what the worker would get"`
	Form        json.RawMessage  `json:"form,omitempty" doc:"JSON Schema of the values that go with an answer"`
	State       string           `json:"state" enum:"waiting,approved,denied,expired,cancelled,sent_back,consumed"`
	Hash        string           `json:"hash" doc:"SHA-256 of what is asked about; send it back as expect_hash"`
	Snapshot    string           `json:"snapshot,omitempty" doc:"Digest of the policy that asks"`
	Needs       []NeedView       `json:"needs,omitempty" doc:"All must be met"`
	Votes       []VoteView       `json:"votes,omitempty"`
	Delegations []DelegationView `json:"delegations,omitempty"`
	Why         string           `json:"why_again,omitempty" doc:"Why it was asked anew"`
	RequestedAt time.Time        `json:"requested_at"`
	RequestedBy string           `json:"requested_by"`
	Editors     []string         `json:"edited_by,omitempty"`
	ExpiresAt   *time.Time       `json:"expires_at,omitempty"`
	OnExpiry    string           `json:"on_expiry,omitempty"`
	DecidedAt   *time.Time       `json:"decided_at,omitempty"`
	DecidedBy   string           `json:"decided_by,omitempty" doc:"Everybody whose answers decided it"`
	Comment     string           `json:"comment,omitempty"`
	Values      json.RawMessage  `json:"values,omitempty"`
	MayDecide   *bool            `json:"may_decide,omitempty" doc:"Whether the caller could approve it now"`
	WhyNot      string           `json:"why_not,omitempty" doc:"Why the caller could not"`
}

// NeedView is what one rule, or the step, asks of people.
type NeedView struct {
	Rule          string   `json:"rule,omitempty"`
	Reason        string   `json:"reason,omitempty"`
	Approvers     []string `json:"approvers,omitempty" doc:"Empty: whoever may decide approvals"`
	Quorum        int      `json:"quorum"`
	FourEyes      bool     `json:"four_eyes,omitempty" doc:"Who asked, or edited, may not approve"`
	ExcludeAuthor bool     `json:"exclude_author,omitempty"`
}

// VoteView is one person's answer.
type VoteView struct {
	By       string    `json:"by"`
	For      string    `json:"for,omitempty"`
	Decision string    `json:"decision"`
	Comment  string    `json:"comment,omitempty"`
	At       time.Time `json:"at"`
	Void     bool      `json:"void,omitempty" doc:"It was given to something that is not asked any more"`
	Channel  string    `json:"channel,omitempty"`
}

// DelegationView lets somebody answer in another's place.
type DelegationView struct {
	From   string    `json:"from"`
	To     string    `json:"to"`
	Until  time.Time `json:"until"`
	Reason string    `json:"reason,omitempty"`
}

// approvalView is a step's approval as people see it; what they are shown only when asked for.
func (lr *live) approvalView(step int32, shown bool) ApprovalView {
	a := lr.approvals[step]
	v := ApprovalView{
		ID: lr.jobID(step), RunID: lr.id, Workflow: lr.run.Workflow, Step: lr.run.Name(step), Source: a.Source.String(),
		Round: int(a.Round), Title: a.Title, State: a.State.String(), Hash: a.Hash, Snapshot: a.Snapshot, Why: a.Why,
		RequestedAt: a.RequestedAt, RequestedBy: a.RequestedBy, Editors: a.Editors, ExpiresAt: optional(a.ExpiresAt),
		OnExpiry: a.OnExpiry, DecidedAt: optional(a.DecidedAt), DecidedBy: joined(a.DecidedBy), Comment: a.Comment, Values: a.Values,
	}
	for _, n := range a.Needs {
		v.Needs = append(v.Needs, NeedView{
			Rule: n.Rule, Reason: n.Reason, Approvers: n.Approvers, Quorum: max(n.Quorum, 1), FourEyes: n.FourEyes, ExcludeAuthor: n.ExcludeAuthor,
		})
	}
	for _, vote := range a.Votes {
		v.Votes = append(v.Votes, VoteView{
			By: vote.By, For: vote.For, Decision: vote.Decision.String(), Comment: vote.Comment, At: vote.At, Void: vote.Void, Channel: vote.Channel,
		})
	}
	for _, d := range a.Delegations {
		v.Delegations = append(v.Delegations, DelegationView{From: d.From, To: d.To, Until: d.Until, Reason: d.Reason})
	}
	if shown {
		v.Context, v.Form = a.Context, a.Form
		if a.Source == safety.OfJob {
			v.Input = lr.run.Steps[step].Input.Data
		}
	}
	return v
}

func joined(names []string) string {
	out := ""
	for i, n := range names {
		if i > 0 {
			out += ", "
		}
		out += n
	}
	return out
}

// forCaller adds what the view says of the caller.
func (v *ApprovalView) forCaller(a *safety.Approval, c Caller, now time.Time) {
	err := a.MayDecide(c.person(), now)
	may := err == nil
	v.MayDecide = &may
	if err != nil && a.Open() {
		v.WhyNot = err.Error()
	}
}

// Approval answers one approval that the caller may see.
func (r *Runner) Approval(ctx context.Context, c Caller, approval string) (ApprovalView, error) {
	ref, err := id.ParseJob(approval)
	missing := fmt.Errorf("approval %.64q: %w", approval, ErrNotFound)
	if err != nil {
		return ApprovalView{}, missing
	}
	now := r.now()
	return readRun(ctx, r, c.Tenant, ref.Run, func(lr *live) (ApprovalView, error) {
		node, ok := lr.approvalOf(ref)
		if !ok || !lr.approvals[node].MaySee(c.person()) {
			return ApprovalView{}, missing
		}
		v := lr.approvalView(node, true)
		v.forCaller(lr.approvals[node], c, now)
		return v, nil
	})
}

// approvalRow is an approval in the list, with what says who may see it.
type approvalRow struct {
	View ApprovalView    `json:"view"`
	Who  safety.Approval `json:"who"`
}

// visible is as much of an approval as says who may see it.
func visible(a *safety.Approval) safety.Approval {
	who := safety.Approval{
		Round: a.Round, State: a.State, Needs: a.Needs, Subject: a.Subject, RequestedBy: a.RequestedBy,
		RequesterOwner: a.RequesterOwner, RunFor: a.RunFor, Author: a.Author, Editors: a.Editors, ExpiresAt: a.ExpiresAt,
		Delegations: a.Delegations, Hash: a.Hash,
	}
	for _, v := range a.Votes {
		who.Votes = append(who.Votes, safety.Vote{By: v.By, Owner: v.Owner, For: v.For, Decision: v.Decision, Hash: v.Hash, Void: v.Void})
	}
	return who
}

// saveApproval writes the row that the list of approvals is made of; what is shown stays with the run.
func (t *turn) saveApproval(step int32) {
	lr := t.live
	v := lr.approvalView(step, false)
	row, err := json.Marshal(approvalRow{v, visible(lr.approvals[step])})
	if err != nil {
		t.err = fmt.Errorf("encode approval row: %w", err)
		return
	}
	key := func(state string) store.Key {
		return store.Key{Table: store.TableApproval, Tenant: lr.run.Tenant, ID: state + v.ID}
	}
	to, gone := approvalGroups[1], approvalGroups[0]
	if v.State == safety.ApprovalWaiting.String() { // asked again, it was closed before
		to, gone = gone, to
		asked := OpenApproval{Tenant: lr.run.Tenant, ID: v.ID}
		t.after(func() { t.lane.r.asked.put(asked) })
	}
	lr.extra.write(store.Put{Key: key(to), Value: row}, key(gone))
}

// write puts a row and deletes another one, whatever the same commit did to the two before.
func (w *extraWrites) write(put store.Put, gone store.Key) {
	w.puts = slices.DeleteFunc(w.puts, func(p store.Put) bool { return p.Key == gone || p.Key == put.Key })
	w.deletes = slices.DeleteFunc(w.deletes, func(k store.Key) bool { return k == put.Key || k == gone })
	w.puts, w.deletes = append(w.puts, put), append(w.deletes, gone)
}

// approvalGroups are the first letters of approvals' rows: those that wait, those that are closed.
var approvalGroups = []string{"0", "1"}

// Approvals lists the approvals that the caller may see: those that wait first, and of the newest runs first.
func (r *Runner) Approvals(ctx context.Context, c Caller, f Filter) ([]ApprovalView, string, error) {
	n, err := f.limit()
	if err != nil {
		return nil, "", err
	}
	group, below := approvalGroups[0], ""
	if f.Cursor != "" {
		last, err := decodeCursor(f.Cursor)
		if err != nil || len(last) < 1 || !slices.Contains(approvalGroups, last[:1]) {
			return nil, "", ErrInvalidCursor
		}
		group, below = last[:1], last[1:]
	}
	out := []ApprovalView{}
	for looked := 0; ; {
		w := r.walkRows(store.TableApproval, c.Tenant, []string{group}, below, n)
		for {
			row, err := w.next(ctx)
			if err != nil {
				return nil, "", err
			}
			if row.id == "" {
				break
			}
			if len(out) == n || looked >= maxApprovalsLooked {
				return out, encodeCursor(group + below), nil
			}
			looked++
			below = row.order
			if v, ok := r.listed(c, f, row.id, row.value); ok {
				out = append(out, v)
			}
		}
		if group == approvalGroups[1] || f.State == safety.ApprovalWaiting.String() {
			return out, "", nil
		}
		group, below = approvalGroups[1], ""
	}
}

// listed is a row of the list as the caller sees it, if they may and the filter lets it through.
func (r *Runner) listed(c Caller, f Filter, key string, value []byte) (ApprovalView, bool) {
	var row approvalRow
	err := json.Unmarshal(value, &row)
	if err == nil && row.View.ID == "" { // the first release wrote the view alone
		err = json.Unmarshal(value, &row.View)
		row.Who = safety.Approval{Round: 1, RequestedBy: row.View.RequestedBy}
	}
	if err != nil {
		r.cfg.Logger.Error("approval row cannot be read", "key", key, "error", err)
		return ApprovalView{}, false
	}
	v := row.View
	if (f.State != "" && f.State != v.State) || (f.Workflow != "" && f.Workflow != v.Workflow) || !row.Who.MaySee(c.person()) {
		return v, false
	}
	v.forCaller(&row.Who, c, r.now())
	return v, true
}
