package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"cordum.dev/cordum/dag"
)

// This file reads the lines of a story.

// storyInput reads a line of a story; nil when it moves only the clock or the process.
func storyInput(d *driver, verb, rest string) (Input, error) {
	switch verb {
	case "restart":
		d.restart()
		return nil, nil
	case "after":
		span, err := time.ParseDuration(rest)
		d.now = d.now.Add(span)
		return nil, err
	case "timer":
		return d.earliest(rest)
	}
	if in, err := runInput(d, verb, rest); in != nil || err != nil {
		return in, err
	}
	word, more, _ := strings.Cut(rest, " ")
	i := d.run.Find(word)
	if i < 0 {
		return nil, fmt.Errorf("no verb %q of the run and no node %q", verb, word)
	}
	if in, err := nestedInput(d, verb, i, more); in != nil || err != nil {
		return in, err
	}
	return stepInput(d, verb, i, more)
}

// runInput reads a line about the run itself; nil when it is none.
func runInput(d *driver, verb, rest string) (Input, error) {
	word, more, _ := strings.Cut(rest, " ")
	start := Submit{Stamp: d.stamp(), Tenant: "default", Workflow: d.run.Plan.Def.ID, Input: Payload{Data: json.RawMessage(rest)}}
	switch verb {
	case "submit":
		return start, nil
	case "queue": // its concurrency key is busy
		start.Input.Data, start.Key, start.Queued = json.RawMessage(more), word, true
		return start, nil
	case "nest": // as a sub-workflow, that deep
		depth, err := strconv.Atoi(word)
		start.Input.Data, start.Parent = json.RawMessage(more), Parent{Run: testRun, Depth: int32(depth)}
		return start, err
	case "fork", "fork-queued": // with what other steps did: step=output, or step:skipped
		start.Input.Data, start.ForkOf = json.RawMessage(word), "another"
		if verb == "fork-queued" {
			start.Key, start.Queued = "busy", true
		}
		return storyFork(d, start, strings.Fields(more))
	case "admit":
		return Admit{d.stamp()}, nil
	case "pause":
		return Pause{d.stamp()}, nil
	case "resume":
		return Resume{d.stamp()}, nil
	case "retry":
		return Retry{d.stamp()}, nil
	case "cancel":
		return Cancel{Stamp: d.stamp(), Force: rest == "force", Rollback: rest == "rollback"}, nil
	case "rollback": // [CHECKPOINT [pause|retry|fail]]
		return Rollback{Stamp: d.stamp(), To: word, Then: thens[more]}, nil
	case "fault":
		return Fault{Stamp: d.stamp(), Error: rest}, nil
	case "signal":
		return SignalIn{Stamp: d.stamp(), Name: word, Payload: Payload{Data: json.RawMessage(more)}}, nil
	case "continue":
		return Continue{d.stamp()}, nil
	}
	return nil, nil
}

var thens = map[string]dag.Then{"pause": dag.ThenPause, "retry": dag.ThenRetry, "fail": dag.ThenFail}

func storyFork(d *driver, in Submit, reused []string) (Input, error) {
	for _, text := range reused {
		name, out, done := strings.Cut(text, "=")
		u := Reused{State: StepSucceeded, Output: Payload{Data: json.RawMessage(out)}}
		if !done {
			name = strings.TrimSuffix(text, ":skipped")
			u = Reused{State: StepSkipped, Reason: WhenFalse}
		}
		if u.Step = d.run.Find(name); u.Step < 0 {
			return nil, fmt.Errorf("no step %q to reuse", name)
		}
		in.Reused = append(in.Reused, u)
	}
	return in, nil
}

// nestedInput reads a line about a sub-workflow or a compensation; nil when it is none.
func nestedInput(d *driver, verb string, i int32, more string) (Input, error) {
	word, _, _ := strings.Cut(more, " ")
	child := ChildEnded{Stamp: d.stamp(), Step: i, Attempt: d.children[i]}
	switch verb {
	case "child-done":
		child.State, child.Output = RunSucceeded, Payload{Data: json.RawMessage(more)}
	case "child-failed":
		child.State, child.Failure = RunFailed, Failure{Code: word, Message: "it broke", Retryable: strings.HasSuffix(more, " retryable")}
	case "child-cancelled":
		child.State = RunCancelled
	case "child-timed-out":
		child.State = RunTimedOut
	case "child-running":
		child.State = RunRunning
	case "child-waits":
		return ChildStatus{Stamp: d.stamp(), Step: i, Attempt: d.children[i], Idle: true}, nil
	case "child-works":
		return ChildStatus{Stamp: d.stamp(), Step: i, Attempt: d.children[i]}, nil
	case "child-undone": // none, running, held or done
		at := slices.Index(compensationNames[:], word)
		if at < 0 {
			return nil, fmt.Errorf("no state %q of a compensation", word)
		}
		return ChildUndone{Stamp: d.stamp(), Step: i, Attempt: d.childUndos[i], Compensation: Compensation(at)}, nil
	case "hold-retry":
		return Resolve{Stamp: d.stamp(), Step: i, How: ResolveRetry}, nil
	case "hold-skip":
		return Resolve{Stamp: d.stamp(), Step: i, How: ResolveSkip}, nil
	case "hold-done":
		return Resolve{Stamp: d.stamp(), Step: i, How: ResolveDone}, nil
	case "send-back": // to a step, with a comment
		_, comment, _ := strings.Cut(more, " ")
		return Answer{Stamp: d.stamp(), Step: i, Result: ResultSentBack, To: word, Comment: comment}, nil
	default:
		return nil, nil
	}
	return child, nil
}

// stepInput reads a line about the job of a node, or its approval.
func stepInput(d *driver, verb string, i int32, more string) (Input, error) {
	word, _, _ := strings.Cut(more, " ")
	switch verb {
	case "done":
		out := d.outcome(i, ResultSucceeded, Failure{})
		out.Output = Payload{Data: json.RawMessage(more)}
		return out, nil
	case "fail":
		return d.outcome(i, ResultFailed, Failure{Code: word, Message: "it broke", Retryable: strings.HasSuffix(more, " retryable")}), nil
	case "refuse": // a success that was refused: it had its effect
		out := d.outcome(i, ResultFailed, Failure{Code: CodeOutputTooLarge, Message: "refused"})
		out.Effect, out.Output = true, Payload{Data: json.RawMessage(more)}
		return out, nil
	case "quarantine": // a success that people must release
		out := d.outcome(i, ResultQuarantined, Failure{})
		out.Judged = &Judged{Verdict: "QUARANTINE", Rule: "base/keys", Reason: "a key is in it", Rules: []string{"base/keys"}, Findings: json.RawMessage(`[]`), Snapshot: "abc"}
		out.Output = Payload{Data: json.RawMessage(more)}
		return out, nil
	case "deny":
		return d.outcome(i, ResultDenied, Failure{Code: CodeDenied, Message: "no rule allows it"}), nil
	case "job-waits": // for people to let it start
		return JobStatus{Stamp: d.stamp(), Step: i, Attempt: d.jobs[i], Idle: true}, nil
	case "edit": // the input of such a job
		return EditInput{Stamp: d.stamp(), Step: i, Attempt: d.jobs[i], Input: Payload{Data: json.RawMessage(more)}}, nil
	case "job-works":
		return JobStatus{Stamp: d.stamp(), Step: i, Attempt: d.jobs[i]}, nil
	case "refuse-approval": // of a job that its policy lets run only with one
		return d.outcome(i, ResultRejected, Failure{Code: CodeRejected, Message: "no"}), nil
	case "time-out":
		return d.outcome(i, ResultTimedOut, Failure{Code: CodeTimeout, Message: "too slow", Retryable: true, Unknown: true}), nil
	case "lose":
		return d.outcome(i, ResultLost, Failure{Code: CodeWorkerLost, Message: "gone", Retryable: true, Unknown: true}), nil
	case "stopped":
		return d.outcome(i, ResultCancelled, Failure{Code: CodeCancelled, Message: "stopped"}), nil
	case "silent": // asked to stop, it never answered
		return d.outcome(i, ResultCancelled, Failure{Code: CodeCancelled, Message: "silent", Unknown: true}), nil
	case "approve":
		return Answer{Stamp: d.stamp(), Step: i, Result: ResultSucceeded, Output: json.RawMessage(`{"decision":"approve","by":"ann"}`)}, nil
	case "expire": // an output that nobody released in time, where that undoes everything
		return Answer{Stamp: d.stamp(), Step: i, Result: ResultRejected, Reject: Failure{Code: CodeExpired, Message: "too late"}, Rollback: true}, nil
	case "reject":
		return Answer{Stamp: d.stamp(), Step: i, Result: ResultRejected, Reject: Failure{Code: CodeRejected, Message: "no"}}, nil
	}
	return pastInput(d, verb, i, more)
}

// pastInput reads a line about an attempt that is over.
func pastInput(d *driver, verb string, i int32, more string) (Input, error) {
	word, out, _ := strings.Cut(more, " ")
	n, err := strconv.Atoi(word)
	switch verb {
	case "repeat": // its result once more
		return Outcome{Stamp: d.stamp(), Step: i, Attempt: int32(n), Result: ResultSucceeded}, err
	case "late": // its success, which the job machine refused
		return Late{Stamp: d.stamp(), Step: i, Attempt: int32(n), Result: ResultSucceeded, Output: Payload{Data: json.RawMessage(out)}}, err
	case "late-fail": // its failure, which the job machine refused
		return Late{Stamp: d.stamp(), Step: i, Attempt: int32(n), Result: ResultFailed}, err
	}
	return nil, fmt.Errorf("no verb %q", verb)
}

// earliest takes the alarm that is due first, of one kind if it is named, and the clock with it.
func (d *driver) earliest(kind string) (Input, error) {
	k := -1
	for i, a := range d.alarms {
		fits := kind == "" || kind == "total" && a.timer == TimerTotal || kind == "run" && a.timer == TimerRun
		if fits && (k < 0 || a.due.Before(d.alarms[k].due)) {
			k = i
		}
	}
	if k < 0 {
		return nil, fmt.Errorf("no such timer is set")
	}
	a := d.alarms[k]
	d.alarms = append(d.alarms[:k:k], d.alarms[k+1:]...)
	if a.due.After(d.now) {
		d.now = a.due
	}
	return TimerDue{Stamp: d.stamp(), Timer: a.timer, Step: a.step}, nil
}
