package sim

import (
	"context"
	"fmt"
	"slices"
	"time"

	"cordum.dev/cordum/engine/plan/trial"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/safety"
)

// tester is who starts the run of every case, and gives the orders of which it does not say by whom.
const tester = "user:tester"

// between is how long after one another people answer the same question.
const between = time.Millisecond

// reply lets people answer an approval, one after the other.
func (d *driver) reply(c trial.Cue) {
	waiting := d.questions()
	at := slices.IndexFunc(waiting, func(a runner.ApprovalView) bool { return a.RunID == c.Run && a.Step == c.Path })
	if at < 0 {
		d.o.Note(time.Now(), c.Name+": nobody is asked any more")
		return
	}
	var needs []safety.Need
	for _, n := range waiting[at].Needs {
		needs = append(needs, safety.Need{Approvers: n.Approvers})
	}
	for i, who := range c.Reply.Voters(needs) {
		d.later(time.Duration(i)*between, func() { d.vote(c, waiting[at], who) })
	}
}

// vote gives one person's answer. One that is refused changes nothing.
func (d *driver) vote(c trial.Cue, a runner.ApprovalView, who safety.Person) {
	err := d.call(who.Actor, c.Reply.Comment, func(ctx context.Context, by runner.Caller) error {
		by.Roles, by.Groups = who.Roles, who.Groups
		_, err := d.r.Decide(ctx, by, a.ID, runner.Decision{
			Approve: c.Reply.Decision == "approve", SendBack: c.Reply.To, Comment: c.Reply.Comment, Values: c.Reply.Values, ExpectHash: a.Hash,
		})
		return err
	})
	d.o.Note(time.Now(), fmt.Sprintf("%s: %s by %s: %s", c.Name, c.Reply.Decision, who.Actor, accepted(err)))
}

// questions are the approvals that wait.
func (d *driver) questions() (waiting []runner.ApprovalView) {
	err := d.call("", "", func(ctx context.Context, by runner.Caller) (err error) {
		by.Roles = []string{safety.RoleAdmin}
		waiting, _, err = d.r.Approvals(ctx, by, runner.Filter{State: "waiting", Limit: 1000})
		return err
	})
	if err != nil {
		d.o.Wrong("approvals cannot be listed: " + err.Error())
	}
	return waiting
}

// nextTimer is the earliest time after one at which the clock takes something further: what the runs wait for, or a question
// that expires.
func (d *driver) nextTimer(after time.Time) time.Time {
	next := d.o.NextTimer(after)
	for _, a := range d.questions() {
		if at := a.ExpiresAt; at != nil && at.After(after) && (next.IsZero() || at.Before(next)) {
			next = *at
		}
	}
	return next
}

func (d *driver) signal(c trial.Cue) {
	err := d.command(c.Run, "", "", runner.Command{Verb: runner.VerbSignal, Signal: c.Signal.Name, Payload: c.Signal.Payload})
	d.o.Note(time.Now(), "signal "+c.Signal.Name+": "+accepted(err))
}

// order gives a verb and compares whether it was accepted.
func (d *driver) order(c trial.Cue) {
	o := c.Order
	cmd := runner.Command{Verb: runner.Verb(o.Verb), Rollback: o.Rollback, To: o.To, Then: o.Then}
	if o.Compensation != "" {
		cmd = runner.Command{Verb: runner.VerbCompensation, Action: o.Verb, Compensation: c.Path}
	}
	reason := o.Reason
	if reason == "" && o.Verb == "skip" {
		reason = "the case says so"
	}
	synced := d.facts
	err := d.command(c.Run, o.By, reason, cmd)
	d.o.Note(time.Now(), o.Verb+" "+o.Compensation+": "+accepted(err))
	switch {
	case err != nil && !o.Refused:
		d.o.Wrong(fmt.Sprintf("%s after %s was refused: %v", o.Verb, o.After, err))
	case err == nil && o.Refused:
		d.o.Wrong(fmt.Sprintf("%s after %s was accepted; it must be refused", o.Verb, o.After))
	case err != nil && o.After == trial.AtEnd && d.journal.count() != synced:
		d.o.Wrong(fmt.Sprintf("%s after %s was refused and yet changed the run", o.Verb, o.After))
	}
}

func (d *driver) command(run, by, reason string, cmd runner.Command) error {
	return d.call(by, reason, func(ctx context.Context, by runner.Caller) error {
		_, err := d.r.Command(ctx, by, run, cmd)
		return err
	})
}

func accepted(err error) string {
	if err != nil {
		return "refused: " + err.Error()
	}
	return "accepted"
}
