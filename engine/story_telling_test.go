package engine

import (
	"fmt"
	"strings"
	"time"
)

// This file puts facts and states into the words of a story.

// standing is the state of a run and of its nodes, a line each.
func standing(r *Run) []string {
	line := "run " + r.Status() + failureText(r.Failure) + payloadText(r.Output)
	if c := r.Compensation(); c != CompensationNone {
		line += ", compensation " + c.String()
	}
	for k, i := range r.Kept {
		line += []string{", kept ", " "}[min(k, 1)] + r.Name(i)
	}
	out := []string{line}
	for i := range r.Steps {
		s := &r.Steps[i]
		line := r.Name(int32(i)) + " " + stateOf(s)
		if s.Attempt > 1 {
			line += fmt.Sprintf(" after %d attempts", s.Attempt)
		}
		if r.Plan.Steps[s.Def].Undo != nil && s.Target < 0 { // what its compensation needs to know
			if len(s.unknown) > 0 {
				line += fmt.Sprintf(", unknown %v", s.unknown)
			}
			if s.effect {
				line += ", had its effect"
			}
		}
		if s.Gone {
			line += ", gone"
		}
		out = append(out, line+payloadText(Payload{Data: r.OutputOf(int32(i))}))
	}
	return out
}

// describe is a fact in a line.
func describe(r *Run, f Fact) string {
	text := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%T", f), "*engine."), "Fact")
	if i := StepOf(f); i >= 0 {
		text += " " + r.Name(int32(i))
	}
	switch f := f.(type) {
	case *RunStarted:
		text += payloadText(f.Input) + dueText(" ends by", f.TimeoutAt)
		if f.Queued {
			text += ", queued for " + f.Key
		}
		for _, u := range f.Reused {
			text += ", reuses " + r.Name(u.Step)
		}
	case *StopBegun:
		text += ": " + f.Stop.String()
		if f.Handlers {
			text += ", handlers too"
		}
		if f.Rollback {
			text += ", then rollback" + targetText(f.Target)
		}
	case *RunEnded:
		text += " " + f.State.String() + failureText(f.Failure) + payloadText(f.Output)
	case *JobAsked:
		text += fmt.Sprintf(" attempt %d %s", f.Attempt, f.Topic) + payloadText(f.Input) + dueText(" in all by", f.TotalAt)
		if f.Lock != "" {
			text += " holding " + f.Lock
		}
	case *ApprovalAsked:
		text += fmt.Sprintf(" %q", f.Title) + payloadText(Payload{Data: f.Context}) + dueText(" by", f.ExpiresAt)
	case *DelaySet:
		text += dueText(" until", f.Due)
	case *StepSucceededFact:
		text += payloadText(f.Output)
	case *StepEnded:
		text += " " + f.State.String() + failureText(f.Failure)
		if f.Effect {
			text += ", had its effect" + payloadText(f.Output)
		}
	case *StepSkippedFact:
		text += " " + f.Reason.String()
	case *RetrySet:
		text += failureText(f.Failure) + dueText(" again at", f.Due)
	case *JobStopAsked:
		if f.Force {
			text += " also from its worker"
		}
	case *Swept:
		text += fmt.Sprintf(" up to %d", f.Next)
	default:
		text += describeNested(f)
	}
	return text
}

// describeNested is what there is to say about a fact of parts, sub-workflows and compensations.
func describeNested(f Fact) string {
	switch f := f.(type) {
	case *FannedOut:
		return payloadText(f.Items)
	case *ClosingBegun:
		if f.Hard {
			return " also what has begun"
		}
	case *SignalAwaited:
		return " " + f.Signal + dueText(" until", f.Due)
	case *SignalTaken:
		return fmt.Sprintf(" number %d", f.Index)
	case *ChildAsked:
		return fmt.Sprintf(" attempt %d %s", f.Attempt, f.Workflow) + payloadText(f.Input) + dueText(" by", f.DueAt) + dueText(" in all by", f.TotalAt)
	case *OutputJudged:
		return fmt.Sprintf(" attempt %d: %s by %s", f.Attempt, f.Verdict, f.Rule)
	case *OutputHeld:
		return payloadText(f.Output)
	case *JobNoted:
		return fmt.Sprintf(" waits: %t", f.Idle)
	case *ChildNoted:
		return fmt.Sprintf(" waits: %t", f.Idle)
	case *ChildStopAsked:
		if f.Overdue {
			return " overdue," + dueText(" at the latest", f.GraceAt)
		}
		return dueText(" at the latest", f.GraceAt)
	case *UndoingBegun:
		return targetText(f.Target)
	case *UndoHeld:
		return failureText(f.Failure)
	case *UndoSettled:
		return " " + f.How.String()
	case *ChildUndoAsked:
		return fmt.Sprintf(" attempt %d", f.Attempt)
	case *ChildUndoNoted:
		return fmt.Sprintf(" undone: %t", f.Undone)
	case *SetBack:
		text := targetText(f.Target)
		if f.Paused {
			text += ", paused"
		}
		return text
	case *LateResult:
		text := fmt.Sprintf(" attempt %d %s", f.Attempt, f.Outcome)
		if f.Settles {
			text += fmt.Sprintf(", settles it, had its effect: %t", f.Effect) + payloadText(f.Output)
		}
		return text
	}
	return ""
}

func targetText(t Target) string {
	switch {
	case t.To == "":
		return ""
	case t.Included:
		return " to before " + t.To
	}
	return " to " + t.To
}

func payloadText(p Payload) string {
	if len(p.Data) == 0 {
		return ""
	}
	return " " + string(p.Data)
}

func failureText(f Failure) string {
	if f.Code == "" {
		return ""
	}
	text := " (" + f.Code
	if f.Unknown {
		text += ", outcome unknown"
	}
	return text + ")"
}

func dueText(word string, at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return word + " +" + at.Sub(began).String()
}
