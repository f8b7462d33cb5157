package runner

import (
	"context"
	"errors"
	"fmt"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine"
)

// A sub-workflow is a run of its own, in the partition of the run that asked for it: one lane has both, and they talk in
// tasks, each after the commit of what it tells. Everything said between them may be said again: a run that is taken up
// asks for what it waits for, and is answered with how things are.

// codeNotStarted is the failure of a step whose sub-workflow could not be started.
const codeNotStarted = "child_not_started"

// surely gives a lane a task that is tried again while the store cannot be read. lost is told of any other failure; it may be
// nil.
func (l *lane) surely(t task, lost func(error)) {
	t.fail = func(err error) {
		switch {
		case errors.Is(err, ErrMoved): // who owns it now finds by itself what it was about
		case transient(err) && !errors.Is(err, errFaulted):
			l.later(retryPause, t)
		case lost != nil:
			lost(err)
		}
	}
	l.inbox.push(t)
}

// askChild asks for the sub-workflow of a node: it is started, or answers how it is.
func (l *lane) askChild(lr *live, node int32) {
	c, open := lr.run.OpenChild(node)
	if !open {
		return
	}
	parent, tenant := lr.id, lr.run.Tenant
	l.surely(task{run: c.Run, tenant: tenant, mayBe: true, do: func(t *turn) {
		if t.live != nil {
			t.tellAll()
			return
		}
		t.startChild(tenant, parent, c)
	}}, func(err error) { l.childLost(tenant, parent, c, err) })
}

// startChild makes the run that a node asks for, unless it does not ask any more.
func (t *turn) startChild(tenant, parent string, c engine.Child) {
	from := t.lane.runs[parent]
	if from == nil {
		return // it is read again and asks again
	}
	now, open := from.run.OpenChild(c.Step)
	switch {
	case !open || now.Attempt != c.Attempt:
		return
	case now.Stopping:
		t.lane.childFailed(tenant, parent, c, engine.RunCancelled, engine.Failure{Code: engine.CodeCancelled, Message: "it was cancelled before it began"})
		return
	}
	err := t.beginChild(from, c)
	var invalid *InvalidError
	switch {
	case err == nil:
	case transient(err):
		t.lane.later(retryPause, t.lane.askTask(tenant, parent, c.Step))
	case errors.As(err, &invalid):
		t.lane.childFailed(tenant, parent, c, engine.RunFailed, engine.Failure{Code: invalid.Code, Message: invalid.Message})
	default:
		t.lane.childFailed(tenant, parent, c, engine.RunFailed, engine.Failure{Code: codeNotStarted, Message: cutText(err.Error(), maxMessage)})
	}
}

// beginChild starts the run of a node's sub-workflow.
func (t *turn) beginChild(from *live, c engine.Child) error {
	r, ctx := t.lane.r, context.Background()
	tenant := from.run.Tenant
	v, err := r.defs.named(ctx, tenant, c.Of.Workflow, c.Of.Version)
	if err != nil {
		return err
	}
	plan, err := r.defs.plan(ctx, tenant, v.Digest)
	if err != nil {
		return err
	}
	plan, pinned, err := r.newestSchemas(ctx, plan)
	if err != nil {
		return err
	}
	input := from.run.Steps[c.Step].Input
	if err := checkInput(plan, input.Data); err != nil {
		return &InvalidError{Code: engine.CodeInputInvalid, Message: err.Error()}
	}
	by := Caller{Tenant: tenant, Actor: from.run.StartedBy, Reason: "step " + from.run.Name(c.Step) + " of run " + from.id}
	err = t.make(by, plan, engine.Submit{
		Tenant: tenant, Workflow: plan.Def.ID, Input: input, Keyed: true, Author: v.CreatedBy, Build: t.lane.r.build(),
		Roles: from.run.Roles, ActorType: from.run.ActorType, Owner: from.run.Owner,
		Parent: engine.Parent{Run: from.id, Step: c.Step, Attempt: c.Attempt, Depth: from.run.Parent.Depth + 1},
	}, func(lr *live) {
		lr.fromStep = from.run.Name(c.Step)
		lr.pin(pinned)
	})
	if err != nil {
		return err
	}
	l, parent := t.lane, from.id
	t.reply(func(err error) {
		if err != nil { // not durable, as far as is known
			l.later(retryPause, l.askTask(tenant, parent, c.Step))
		}
	})
	return nil
}

// askTask makes a run ask for a node's sub-workflow again.
func (l *lane) askTask(tenant, parent string, node int32) task {
	t := task{run: parent, tenant: tenant, do: func(t *turn) { t.lane.askChild(t.live, node) }}
	t.fail = func(err error) {
		if transient(err) {
			l.later(retryPause, l.askTask(tenant, parent, node))
		}
	}
	return t
}

// childLost tells a run that its sub-workflow cannot be had. One that is only set aside may come back; one that somebody
// ended unread does not.
func (l *lane) childLost(tenant, parent string, c engine.Child, cause error) {
	if errors.Is(cause, errSetAside) {
		h, err := l.r.header(context.Background(), tenant, c.Run)
		if err == nil && h.final() {
			l.childFailed(tenant, parent, c, engine.RunCancelled, engine.Failure{Code: engine.CodeCancelled, Message: cutText(h.Fault, maxMessage)})
		}
		return
	}
	l.childFailed(tenant, parent, c, engine.RunFailed, engine.Failure{Code: codeNotStarted, Message: cutText(cause.Error(), maxMessage)})
}

func (l *lane) childFailed(tenant, parent string, c engine.Child, state engine.RunState, f engine.Failure) {
	l.tell(tenant, parent, func(t *turn) engine.Input {
		return engine.ChildEnded{Stamp: t.system(""), Step: c.Step, Attempt: c.Attempt, State: state, Failure: f}
	})
}

// tell gives a run an input that another one causes. What does not fit it ignores.
func (l *lane) tell(tenant, run string, make func(*turn) engine.Input) {
	l.surely(task{run: run, tenant: tenant, do: func(t *turn) {
		if in := make(t); in != nil {
			_ = t.decide(in)
		}
	}}, nil)
}

// stopChild cancels the sub-workflow of a node. As at its own timeout it undoes what it did, if it says so, when the node's
// timeout is why.
func (l *lane) stopChild(lr *live, node int32) {
	c, open := lr.run.OpenChild(node)
	if !open || !c.Stopping {
		return
	}
	tenant, parent := lr.run.Tenant, lr.id
	l.surely(task{run: c.Run, tenant: tenant, do: func(t *turn) {
		r := t.live.run
		if !r.State.Final() && r.Stop < engine.StopCancel {
			_ = t.decide(engine.Cancel{
				Stamp: t.system("the step of run " + parent + " that started it is stopped"), Rollback: c.Overdue && r.Plan.OnFailure() == dag.Rollback,
			})
		}
		t.tellAll()
	}}, func(err error) {
		if isNotFound(err) {
			l.childFailed(tenant, parent, c, engine.RunCancelled, engine.Failure{Code: engine.CodeCancelled, Message: "it was cancelled before it began"})
		}
	})
}

// parentUndoes is the reason of a rollback that a run's parent asks for. The run's own facts tell it so from every other one.
const parentUndoes = "its parent rolls back"

// undoChild has the sub-workflow that a compensation waits for undo what it did, and say how far it is.
func (l *lane) undoChild(lr *live, undo int32) {
	c, waits := lr.run.UndoingChild(undo)
	if !waits {
		return
	}
	tenant, parent := lr.run.Tenant, lr.id
	answer := func(how engine.Compensation) {
		l.tell(tenant, parent, func(t *turn) engine.Input {
			return engine.ChildUndone{Stamp: t.system(""), Step: undo, Attempt: c.Attempt, Compensation: how}
		})
	}
	l.surely(task{run: c.Run, tenant: tenant, do: func(t *turn) {
		t.live.told.asked = true
		if r := t.live.run; !r.Undoing && (r.State.Final() || !r.Rollback) {
			_ = t.decide(engine.Rollback{Stamp: t.system(parentUndoes)})
		}
		t.tellAll()
	}}, func(err error) {
		if isNotFound(err) {
			answer(engine.CompensationNone) // it never began
		} else {
			answer(engine.CompensationHeld)
		}
	})
}

// askNested asks for everything below that a run waits for: its owner is new, or it goes on after a fault.
func (l *lane) askNested(lr *live) {
	for i := range lr.run.Steps {
		if s := lr.run.Steps[i].State; s != engine.StepInside && s != engine.StepHeld {
			continue
		}
		l.askChild(lr, int32(i))
		l.stopChild(lr, int32(i))
		l.undoChild(lr, int32(i))
	}
}

// told is what the run that started this one knows of it.
type told struct {
	asked bool // it asked for its undo and hears how far that is
	idle  bool
	ended bool
	undo  engine.Compensation
}

// tellAll tells the run that started this one how it is, when that is durable.
func (t *turn) tellAll() {
	l, lr := t.lane, t.live
	if lr.run.Parent.Run == "" {
		return
	}
	t.reply(func(err error) {
		if err == nil {
			lr.told = told{asked: lr.told.asked, undo: undoUntold, idle: lr.run.Status() != "waiting"}
			l.tellParent(lr)
		}
	})
}

// undoUntold is none of the states of a compensation.
const undoUntold = engine.CompensationDone + 1

// tellParent tells the run that started this one what it does not know yet.
func (l *lane) tellParent(lr *live) {
	r := lr.run
	if r.Parent.Run == "" {
		return
	}
	now := told{asked: lr.told.asked, idle: r.Status() == "waiting", ended: r.State.Final(), undo: lr.told.undo}
	if now.asked || lr.undo.byParent || (now.ended && (r.Undoing || r.Undone > 0)) {
		now.undo = lr.undoneForParent()
	}
	was, p := lr.told, r.Parent
	lr.told = now
	if now.ended && !was.ended {
		state, output, failure := r.State, r.Output, r.Failure
		l.tell(r.Tenant, p.Run, func(t *turn) engine.Input {
			return engine.ChildEnded{Stamp: t.system(""), Step: p.Step, Attempt: p.Attempt, State: state, Output: output, Failure: failure}
		})
	}
	if !now.ended && now.idle != was.idle {
		l.tell(r.Tenant, p.Run, func(t *turn) engine.Input {
			return engine.ChildStatus{Stamp: t.system(""), Step: p.Step, Attempt: p.Attempt, Idle: now.idle}
		})
	}
	if now.undo != was.undo {
		l.tell(r.Tenant, p.Run, func(t *turn) engine.Input { return undoneInput(t, p, now.undo) })
	}
}

// undoneInput is how far a child is, for the compensation of the node that started it; nil when it has none.
func undoneInput(t *turn, p engine.Parent, how engine.Compensation) engine.Input {
	parent := t.live.run
	if int(p.Step) >= len(parent.Steps) || parent.Steps[p.Step].Undo < 0 {
		return nil
	}
	return engine.ChildUndone{Stamp: t.system(""), Step: parent.Steps[p.Step].Undo, Attempt: p.Attempt, Compensation: how}
}

// undoneForParent is how far a run has undone what it did, for the one that asked it to: what it undid by itself is none of
// that.
func (lr *live) undoneForParent() engine.Compensation {
	r := lr.run
	switch {
	case r.Fault != "" || r.Compensation() == engine.CompensationHeld:
		return engine.CompensationHeld
	case !r.Settled():
		return engine.CompensationRunning
	case lr.undo.byParent && r.Undone > lr.undo.before:
		return engine.CompensationDone
	}
	return engine.CompensationNone
}

// parentView is the step of another run that started this one.
func (lr *live) parentView() *ParentView {
	p := lr.run.Parent
	if p.Run == "" {
		return nil
	}
	step := lr.fromStep
	if step == "" { // the header was made again
		step = fmt.Sprintf("~%d", p.Step)
	}
	return &ParentView{RunID: p.Run, Step: step}
}
