package trial

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/steps"
)

// question is an approval that is asked: of an approval step, or of a job that the policy lets start only with leave.
type question struct{ approval *safety.Approval }

// somebody answers where a case does not say who and nobody is asked by name.
const somebody = "user:somebody"

// askStep asks what an approval step asks.
func (m *member) askStep(f *engine.ApprovalAsked) {
	ask := m.run.Question(f.Step)
	need := safety.Need{
		Approvers: ask.Approvers, Quorum: ask.Quorum, DenyQuorum: ask.DenyQuorum, FourEyes: ask.FourEyes, ExcludeAuthor: ask.ExcludeAuthor,
	}
	for _, e := range ask.Escalate {
		need.Escalate = append(need.Escalate, safety.Escalation{After: e.After, To: e.To})
	}
	opened := &safety.ApprovalOpened{
		Step: f.Step, Source: safety.OfStep, Title: f.Title, Context: f.Context, Form: ask.Form, Needs: []safety.Need{need},
		ExpiresAt: f.ExpiresAt, OnExpiry: ask.OnExpiry.String(),
	}
	opened.Hash = safety.ShownHash(f.Title, f.Context, ask.Form, opened.Needs)
	m.ask(opened)
}

// askLeave asks people to let a job start, with four eyes where a rule does not say, as in production.
func (m *member) askLeave(node int32, d safety.Decision, r *safety.Request) {
	opened := safety.OpenJob(node, d, r, m.w.now, true)
	opened.Title, opened.Attempt = d.Reason, m.run.Steps[node].Attempt
	m.ask(opened)
}

// covered tells whether people have let this very job start in this round of its step.
func (m *member) covered(node int32, hash string, snapshot string) bool {
	a := m.approvals[node]
	return a != nil && a.Source == safety.OfJob &&
		a.Unusable(safety.Use{Hash: hash, Snapshot: snapshot, First: m.run.Before(node) + 1, Now: m.w.now}) == ""
}

// ask asks people, and lets them answer as the case says.
func (m *member) ask(f *safety.ApprovalOpened) {
	w, node, name := m.w, f.Step, m.name(f.Step)
	a := m.approvals[node]
	if a == nil {
		a = &safety.Approval{}
		m.approvals[node] = a
	}
	f.RequestedBy = tester
	a.Apply(w.now, f)
	q := &question{a}
	m.questions[node] = q
	w.asked[name]++
	w.story.note(w.now, "%s waits for approval", name)
	m.watch(node, q)
	replies, _ := lookup(w.c.Replies, name)
	if len(replies) == 0 {
		return
	}
	reply := replies[min(w.asked[name], len(replies))-1]
	for i, by := range reply.Voters(a.Needs) {
		w.later(promptly+time.Duration(i)*time.Millisecond, func() {
			if m.questions[node] == q {
				m.reply(node, q, reply, by)
			}
		})
	}
}

// watch lets the clock take the question further.
func (m *member) watch(node int32, q *question) {
	due := q.approval.Due(m.w.now)
	if due.IsZero() {
		return
	}
	m.w.at(due, func() {
		if m.questions[node] != q || q.approval.Due(m.w.now).After(m.w.now) {
			return // answered, or it has more time by now
		}
		m.take(node, q, q.approval.Lapse(node, m.w.now), "")
		if m.questions[node] == q {
			m.watch(node, q)
		}
	})
}

// Voters are those who give a reply to what these needs ask, one after the other.
func (r *Reply) Voters(needs []safety.Need) []safety.Person {
	names := append([]string{r.By}, r.Also...)
	if r.By == "" {
		names = []string{somebodyOf(needs)}
	}
	out := make([]safety.Person, 0, len(names))
	for _, by := range names {
		out = append(out, r.person(by, needs))
	}
	return out
}

// somebodyOf is who answers where a case does not say: the first who is asked by name and did not start the run.
func somebodyOf(needs []safety.Need) string {
	for i := range needs {
		for _, who := range needs[i].Approvers {
			if strings.HasPrefix(who, "user:") && who != tester {
				return who
			}
		}
	}
	return somebody
}

// person is who answers. Unless the case says which roles and groups they have, they have those that are asked for.
func (r *Reply) person(by string, needs []safety.Need) safety.Person {
	p := safety.Person{Actor: by, Roles: r.Roles, Groups: r.Groups}
	if r.Roles != nil || r.Groups != nil {
		return p
	}
	for i := range needs {
		for _, who := range needs[i].Approvers {
			if role, is := strings.CutPrefix(who, "role:"); is {
				p.Roles = append(p.Roles, role)
			}
			if group, is := strings.CutPrefix(who, "group:"); is {
				p.Groups = append(p.Groups, group)
			}
		}
	}
	return p
}

var votes = map[string]safety.VoteKind{"approve": safety.VoteApprove, "deny": safety.VoteDeny, "send_back": safety.VoteSendBack}

// reply takes a person's answer. One that is refused changes nothing: the question stays.
func (m *member) reply(node int32, q *question, r Reply, by safety.Person) {
	facts, err := q.approval.Decide(node, safety.Answer{
		Decision: votes[r.Decision], Person: by, Comment: r.Comment, Values: r.Values, Now: m.w.now,
		CheckForm: steps.CheckForm,
	})
	if err == nil && r.Decision == "send_back" {
		err = m.run.MaySendBack(node, r.To)
	}
	if err != nil {
		m.w.story.note(m.w.now, "%s: %s by %s: refused: %v", m.name(node), r.Decision, by.Actor, err)
		return
	}
	m.w.story.note(m.w.now, "%s: %s by %s", m.name(node), r.Decision, by.Actor)
	m.take(node, q, facts, r.To)
}

// take makes facts true of a question, and brings its end to what waited for it; to is the step of a send-back.
func (m *member) take(node int32, q *question, facts []safety.ApprovalFact, to string) {
	for _, f := range facts {
		q.approval.Apply(m.w.now, f)
		switch f := f.(type) {
		case *safety.ApprovalEscalated:
			m.w.story.note(m.w.now, "%s asks %s as well", m.name(node), strings.Join(f.To, ", "))
		case *safety.ApprovalClosed:
			delete(m.questions, node)
			if q.approval.Source == safety.OfJob {
				m.leave(node, q.approval, f)
				continue
			}
			_ = m.decide(m.answered(f, to))
		}
	}
}

// leave lets a job start, or not: one that people do not let start is rejected before it was sent.
func (m *member) leave(node int32, a *safety.Approval, f *safety.ApprovalClosed) {
	if f.State == safety.ApprovalApproved {
		a.Apply(m.w.now, &safety.ApprovalConsumed{Step: node})
		m.letStart(node)
		return
	}
	m.job(node, scheduler.Refuse{}, &engine.Outcome{
		Result: engine.ResultRejected, Failure: rejection(f),
		Rollback: f.State == safety.ApprovalExpired && a.OnExpiry == safety.OnExpiryRollback,
	})
}

// answered is the end of a step's own question as the engine takes it.
func (m *member) answered(f *safety.ApprovalClosed, to string) engine.Answer {
	in := engine.Answer{Stamp: m.stamp(f.By, f.Comment), Step: f.Step, Result: engine.ResultRejected}
	switch f.State {
	case safety.ApprovalApproved:
		in.Result, in.Output = engine.ResultSucceeded, answerOutput(f)
	case safety.ApprovalSentBack:
		in.Result, in.To, in.Comment = engine.ResultSentBack, to, f.Comment
	default:
		in.Reject = rejection(f)
	}
	return in
}

func rejection(f *safety.ApprovalClosed) engine.Failure {
	if f.State == safety.ApprovalExpired {
		return engine.Failure{Code: engine.CodeExpired, Message: "nobody answered the approval in time"}
	}
	return engine.Failure{Code: engine.CodeRejected, Message: "the approval was denied"}
}

// answerOutput is the output of an approval step.
func answerOutput(f *safety.ApprovalClosed) json.RawMessage {
	answer := map[string]any{"decision": "approve", "by": slices.Clone(f.People), "comment": f.Comment}
	if f.Values != nil {
		answer["values"] = f.Values
	}
	out, _ := json.Marshal(answer) // texts, and JSON that was read before
	return out
}

// withdraw ends the question of a node that asks no more.
func (m *member) withdraw(node int32) {
	q := m.questions[node]
	if q == nil {
		return
	}
	delete(m.questions, node)
	q.approval.Apply(m.w.now, &safety.ApprovalClosed{Step: node, State: safety.ApprovalCancelled, By: "system"})
}
