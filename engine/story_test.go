package engine

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/steps"
)

var update = flag.Bool("update", false, "write testdata anew: the stories' facts and golden logs that are missing")

// TestStories tells each file of testdata/stories again. A story is a definition (or `file:` and where it is), a line of
// dashes, and lines of what happens; below each, indented, what becomes true. `go test ./engine -run TestStories -update`
// writes the indented lines.
func TestStories(t *testing.T) {
	for _, path := range storyFiles(t) {
		t.Run(storyName(path), func(t *testing.T) {
			d, text, told := tell(t, path)
			if !d.run.State.Final() {
				t.Errorf("the story does not end: the run is %s", d.run.Status())
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
	if err != nil {
		return []string{"refused: " + err.Error()}
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
	word, more, _ := strings.Cut(rest, " ")
	switch verb {
	case "submit":
		return Submit{Stamp: d.stamp(), Tenant: "default", Workflow: d.run.Plan.Def.ID, Input: Payload{Data: json.RawMessage(rest)}}, nil
	case "pause":
		return Pause{d.stamp()}, nil
	case "resume":
		return Resume{d.stamp()}, nil
	case "cancel":
		return Cancel{Stamp: d.stamp(), Force: rest == "force"}, nil
	case "fault":
		return Fault{Stamp: d.stamp(), Error: rest}, nil
	case "signal":
		return SignalIn{Stamp: d.stamp(), Name: word, Payload: Payload{Data: json.RawMessage(more)}}, nil
	case "restart":
		d.restart()
		return nil, nil
	case "after":
		span, err := time.ParseDuration(rest)
		d.now = d.now.Add(span)
		return nil, err
	case "timer":
		return d.earliest()
	}
	i, ok := d.run.Plan.ByID[word]
	if !ok {
		return nil, fmt.Errorf("no verb %q of the run and no step %q", verb, word)
	}
	return stepInput(d, verb, int32(i), more)
}

// stepInput reads a line about one step.
func stepInput(d *driver, verb string, i int32, more string) (Input, error) {
	word, _, _ := strings.Cut(more, " ")
	switch verb {
	case "done":
		out := d.outcome(i, ResultSucceeded, Failure{})
		out.Output = Payload{Data: json.RawMessage(more)}
		return out, nil
	case "fail":
		return d.outcome(i, ResultFailed, Failure{Code: word, Message: "it broke", Retryable: strings.HasSuffix(more, " retryable")}), nil
	case "deny":
		return d.outcome(i, ResultDenied, Failure{Code: CodeDenied, Message: "no rule allows it"}), nil
	case "time-out":
		return d.outcome(i, ResultTimedOut, Failure{Code: CodeTimeout, Message: "too slow", Retryable: true, Unknown: true}), nil
	case "lose":
		return d.outcome(i, ResultLost, Failure{Code: CodeWorkerLost, Message: "gone", Retryable: true, Unknown: true}), nil
	case "stopped":
		return d.outcome(i, ResultCancelled, Failure{Code: CodeCancelled, Message: "stopped"}), nil
	case "repeat": // the result of an attempt that was over before
		n, err := strconv.Atoi(word)
		return Outcome{Stamp: d.stamp(), Step: i, Attempt: int32(n), Result: ResultSucceeded}, err
	case "late": // what the job machine refused
		n, err := strconv.Atoi(word)
		return Late{Stamp: d.stamp(), Step: i, Attempt: int32(n), Result: ResultSucceeded}, err
	case "approve":
		return Answer{Stamp: d.stamp(), Step: i, Result: ResultSucceeded, Output: json.RawMessage(`{"decision":"approve","by":"ann"}`)}, nil
	case "reject":
		return Answer{Stamp: d.stamp(), Step: i, Result: ResultRejected, Reject: Failure{Code: CodeRejected, Message: "no"}}, nil
	}
	return nil, fmt.Errorf("no verb %q", verb)
}

// earliest takes the alarm that is due first, and the clock with it.
func (d *driver) earliest() (Input, error) {
	if len(d.alarms) == 0 {
		return nil, fmt.Errorf("no timer is set")
	}
	k := 0
	for i, a := range d.alarms {
		if a.due.Before(d.alarms[k].due) {
			k = i
		}
	}
	a := d.alarms[k]
	d.alarms = append(d.alarms[:k:k], d.alarms[k+1:]...)
	if a.due.After(d.now) {
		d.now = a.due
	}
	return TimerDue{Stamp: d.stamp(), Timer: a.timer, Step: a.step}, nil
}

// standing is the state of a run and of its steps, a line each.
func standing(r *Run) []string {
	out := []string{"run " + r.Status() + failureText(r.Failure) + payloadText(r.Output)}
	for i := range r.Steps {
		s := &r.Steps[i]
		line := r.Plan.Def.Steps[i].ID + " " + states(r)[r.Plan.Def.Steps[i].ID]
		if s.Attempt > 1 {
			line += fmt.Sprintf(" after %d attempts", s.Attempt)
		}
		out = append(out, line+payloadText(s.Output))
	}
	return out
}

// describe is a fact in a line.
func describe(r *Run, f Fact) string {
	text := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%T", f), "*engine."), "Fact")
	if i := StepOf(f); i >= 0 {
		text += " " + r.Plan.Def.Steps[i].ID
	}
	switch f := f.(type) {
	case *RunStarted:
		text += payloadText(f.Input) + dueText(" ends by", f.TimeoutAt)
	case *StopBegun:
		text += ": " + f.Stop.String()
		if f.Handlers {
			text += ", handlers too"
		}
	case *RunEnded:
		text += " " + f.State.String() + failureText(f.Failure) + payloadText(f.Output)
	case *JobAsked:
		text += fmt.Sprintf(" attempt %d %s", f.Attempt, f.Topic) + payloadText(f.Input) + dueText(" in all by", f.TotalAt)
	case *ApprovalAsked:
		text += fmt.Sprintf(" %q", f.Title) + payloadText(Payload{Data: f.Context}) + dueText(" by", f.ExpiresAt)
	case *DelaySet:
		text += dueText(" until", f.Due)
	case *StepSucceededFact:
		text += payloadText(f.Output)
	case *StepEnded:
		text += " " + f.State.String() + failureText(f.Failure)
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
	}
	return text
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
