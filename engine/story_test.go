package engine

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/steps"
)

var update = flag.Bool("update", false, "write testdata anew: the stories' facts and golden logs that are missing")

// TestStories tells each file of testdata/stories again, and looks at each decision from outside. A story is a definition (or `file:` and where it is), a line of
// dashes, and lines of what happens; below each, indented, what becomes true. `go test ./engine -run TestStories -update`
// writes the indented lines.
func TestStories(t *testing.T) {
	for _, path := range storyFiles(t) {
		t.Run(storyName(path), func(t *testing.T) {
			d, text, told := tell(t, path)
			if !d.run.Settled() {
				t.Errorf("the story does not end: the run is %s, its compensation %s", d.run.Status(), d.run.Compensation())
			}
			if !same(d.run, fold(t, d.run.Plan, d.log)) {
				t.Error("folding the facts gives another state")
			}
			if *update {
				if err := os.WriteFile(path, []byte(told), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if told != text {
				t.Errorf("the story goes another way:\n%s", firstDifference(text, told))
			}
		})
	}
}

func storyFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/stories/*.txt")
	if err != nil || len(files) < 6 {
		t.Fatalf("found %d stories, %v", len(files), err)
	}
	return files
}

func storyName(path string) string { return strings.TrimSuffix(filepath.Base(path), ".txt") }

// tell plays a story: its driver at the end, its text as it stands, and as it would be written now.
func tell(t *testing.T, path string) (d *driver, text, told string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = string(raw)
	head, lines, ok := strings.Cut(text, "\n----\n")
	if !ok {
		t.Fatalf("%s has no line of dashes", path)
	}
	d = newDriver(t, storyPlan(t, path, head))
	d.watch = func(before []byte, in Input, facts []Fact) { checkPure(t, d, before, in, facts) }
	var out strings.Builder
	out.WriteString(head + "\n----\n")
	for _, line := range strings.Split(strings.TrimSuffix(lines, "\n"), "\n") {
		if line == "" || line[0] == ' ' {
			continue
		}
		out.WriteString(line + "\n")
		if line[0] == '#' {
			continue
		}
		for _, said := range happen(t, d, line) {
			out.WriteString("    " + said + "\n")
		}
	}
	return d, text, out.String()
}

func storyPlan(t *testing.T, path, head string) *steps.Workflow {
	t.Helper()
	if i := strings.Index(head, "file: "); i >= 0 {
		file := strings.TrimSpace(head[i+len("file: "):])
		raw, err := os.ReadFile(filepath.Join(filepath.Dir(path), file))
		if err != nil {
			t.Fatal(err)
		}
		head = string(raw)
	}
	return load(t, head)
}

// happen does what a line says and tells what became true.
func happen(t *testing.T, d *driver, line string) []string {
	t.Helper()
	verb, rest, _ := strings.Cut(line, " ")
	if verb == "state" {
		return standing(d.run)
	}
	in, err := storyInput(d, verb, rest)
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	if in == nil {
		return nil
	}
	facts, err := d.try(in)
	if refused := (*Refusal)(nil); errors.As(err, &refused) {
		return []string{"refused: " + err.Error()}
	}
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	said := make([]string, 0, len(facts))
	for _, f := range facts {
		said = append(said, describe(d.run, f))
	}
	if len(said) == 0 {
		said = []string{"nothing"}
	}
	return said
}

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
	case "fork": // with what other steps did: step=output, or step:skipped
		start.Input.Data, start.ForkOf = json.RawMessage(word), "another"
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
	case "deny":
		return d.outcome(i, ResultDenied, Failure{Code: CodeDenied, Message: "no rule allows it"}), nil
	case "job-waits": // for people to let it start
		return JobStatus{Stamp: d.stamp(), Step: i, Attempt: d.jobs[i], Idle: true}, nil
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

func firstDifference(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(a), len(b)) {
		var x, y string
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			return fmt.Sprintf("line %d\n  was %s\n  now %s", i+1, x, y)
		}
	}
	return ""
}
