package plan

import (
	"fmt"
	"strings"
	"time"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine"
)

// Recorded is a fact of a run's log.
type Recorded struct {
	Seq  uint64
	At   engine.Stamp
	Fact engine.Fact
}

// Explanation says in words why a run, or one step of it, stands where it does. Every sentence follows from facts of the log.
type Explanation struct {
	Run    string   `json:"run"`
	Step   string   `json:"step,omitempty" doc:"Path: step, each[2], poll[0]/ask, undo:NAME"`
	State  string   `json:"state"`
	Why    []Reason `json:"why"`
	Advice []string `json:"advice,omitempty" doc:"What a person can do about it"`
}

// Reason is one sentence. Seq names the fact that it follows from; 0 when it follows from the state as a whole.
type Reason struct {
	Seq  uint64     `json:"seq,omitempty"`
	At   *time.Time `json:"at,omitempty"`
	Text string     `json:"text"`
}

// Explain explains a node of a run by its path, or the run itself when the path is empty. It answers false when the run has no
// such node.
func Explain(r *engine.Run, log []Recorded, path string) (Explanation, bool) {
	e := explainer{run: r, log: log, out: Explanation{Run: r.ID, Step: path}}
	if path == "" {
		e.wholeRun()
		return e.out, true
	}
	i := r.Find(path)
	if i < 0 {
		return Explanation{}, false
	}
	e.node(i)
	return e.out, true
}

type explainer struct {
	run *engine.Run
	log []Recorded
	out Explanation
}

func (e *explainer) say(format string, args ...any) {
	e.out.Why = append(e.out.Why, Reason{Text: fmt.Sprintf(format, args...)})
}

// cite says something that follows from one fact.
func (e *explainer) cite(f *Recorded, format string, args ...any) {
	at := f.At.At
	text := fmt.Sprintf(format, args...)
	if f.At.Reason != "" {
		text += fmt.Sprintf(" (%s: %q)", f.At.Actor, f.At.Reason)
	} else if f.At.Actor != "" && f.At.Actor != "system" {
		text += " (" + f.At.Actor + ")"
	}
	e.out.Why = append(e.out.Why, Reason{Seq: f.Seq, At: &at, Text: text})
}

func (e *explainer) advise(format string, args ...any) {
	e.out.Advice = append(e.out.Advice, fmt.Sprintf(format, args...))
}

// last is the newest fact that a test holds for; nil when none.
func (e *explainer) last(is func(engine.Fact) bool) *Recorded {
	for k := len(e.log) - 1; k >= 0; k-- {
		if is(e.log[k].Fact) {
			return &e.log[k]
		}
	}
	return nil
}

func (e *explainer) lastOf(i int32, is func(engine.Fact) bool) *Recorded {
	return e.last(func(f engine.Fact) bool { return engine.StepOf(f) == int(i) && is(f) })
}

func isFact[F engine.Fact](f engine.Fact) bool { _, is := f.(F); return is }

func (e *explainer) wholeRun() {
	r := e.run
	e.out.State = r.Status()
	if f := e.last(isFact[*engine.StopBegun]); f != nil && (r.Stop != engine.StopNone) {
		e.stop(f)
	}
	for i := range r.Steps {
		s := &r.Steps[i]
		if s.Gone || s.State.Final() || s.Parent >= 0 {
			continue
		}
		switch s.State {
		case engine.StepWaiting, engine.StepRetrying, engine.StepRunning, engine.StepInside, engine.StepHeld:
			e.say("%s is %s%s", r.Name(int32(i)), e.stateWord(int32(i)), e.brief(int32(i)))
		}
	}
	if r.Paused {
		if f := e.last(isFact[*engine.RunPaused]); f != nil {
			e.cite(f, "the run was paused: what runs goes on, nothing new starts")
		}
		e.advise("cordum run resume %s", r.ID)
	}
	if r.State == engine.RunFaulted {
		e.say("the engine could not go on: %s", r.Fault)
		e.advise("cordum run resume %s tries again; cordum run cancel --force %s ends it", r.ID, r.ID)
	}
	if r.Failure.Code != "" {
		e.say("it failed: %s: %s", r.Failure.Code, r.Failure.Message)
	}
	e.compensation()
	if len(e.out.Why) == 0 {
		e.say("the run is %s", r.Status())
	}
}

// brief is what follows a step's state in a list.
func (e *explainer) brief(i int32) string {
	r := e.run
	s := &r.Steps[i]
	switch s.State {
	case engine.StepWaiting:
		switch {
		case r.Signal(i) != "":
			return fmt.Sprintf(" for the signal %q", r.Signal(i))
		case r.Plan.Steps[s.Def].Kind == "approval":
			return " for an approval"
		case r.Quarantined(i):
			return " for an approval: the output policy holds its output"
		}
		return " for a timer"
	case engine.StepRetrying:
		return fmt.Sprintf(" after attempt %d: %s", s.Attempt, s.Failure.Code)
	case engine.StepHeld:
		return ": " + s.Failure.Code
	case engine.StepRunning:
		if r.Idle(i) {
			return " for an approval: the policy asks before its job is sent"
		}
	}
	return ""
}

func (e *explainer) stateWord(i int32) string {
	switch s := e.run.Steps[i].State; {
	case s == engine.StepInside:
		return "under way"
	case s == engine.StepRetrying:
		return "waiting for its next attempt"
	case s == engine.StepRunning && e.run.Idle(i):
		return engine.StepWaiting.String()
	default:
		return s.String()
	}
}

func (e *explainer) stop(f *Recorded) {
	s := f.Fact.(*engine.StopBegun)
	what := map[engine.Stop]string{engine.StopHalt: "a failure stopped the run", engine.StopTimeout: "the run's timeout ended", engine.StopCancel: "the run was cancelled"}[s.Stop]
	if s.Step >= 0 {
		bad := &e.run.Steps[s.Step]
		what += fmt.Sprintf(": %s is %s (%s: %s)", e.run.Name(s.Step), bad.State, bad.Failure.Code, bad.Failure.Message)
	}
	if s.Rollback {
		what += "; what it did is to be undone"
	}
	e.cite(f, "%s", what)
}

func (e *explainer) compensation() {
	r := e.run
	if c := r.Compensation(); c != engine.CompensationNone {
		e.say("compensation is %s: %d undone so far", c, r.Undone)
	}
	for i := range r.Steps {
		if s := &r.Steps[i]; s.State == engine.StepHeld {
			e.say("%s is held: %s: %s", r.Name(int32(i)), s.Failure.Code, s.Failure.Message)
			e.advise("cordum run compensation retry|skip|done %s %s --reason …", r.ID, r.Name(s.Target))
		}
	}
	if kept := names(r, r.Kept); len(kept) > 0 && r.Undone > 0 {
		e.say("kept by a passed pivot: %s", strings.Join(kept, ", "))
	}
}

func names(r *engine.Run, nodes []int32) []string {
	out := make([]string, len(nodes))
	for k, i := range nodes {
		out[k] = r.Name(i)
	}
	return out
}

func (e *explainer) node(i int32) {
	r := e.run
	s := &r.Steps[i]
	e.out.State = s.State.String()
	switch s.State {
	case engine.StepPending:
		e.pending(i)
	case engine.StepReady:
		e.ready(i)
	case engine.StepRunning:
		e.attempts(i)
		e.running(i)
	case engine.StepWaiting:
		e.waiting(i)
	case engine.StepRetrying:
		e.retrying(i)
	case engine.StepInside:
		e.inside(i)
	case engine.StepHeld:
		e.held(i)
	case engine.StepSkipped:
		e.skipped(i)
	case engine.StepSucceeded:
		e.attempts(i)
		if f := e.lastOf(i, isFact[*engine.StepSucceededFact]); f != nil {
			e.cite(f, "its result was accepted")
		}
	default:
		e.bad(i)
	}
	e.undoOf(i)
}

var joinWords = map[dag.JoinMode]string{
	dag.AllSuccess: "all_success: it runs when every dependency has ended, none badly, and at least one succeeded",
	dag.AllDone:    "all_done: it runs when every dependency has ended",
	dag.AnySuccess: "any_success: it runs as soon as one dependency succeeded",
	dag.NoneFailed: "none_failed: it runs when every dependency has ended, none badly",
	dag.AnyFailed:  "any_failed: it runs as soon as one dependency is bad",
	dag.AtLeast:    "at_least: it runs as soon as enough dependencies succeeded",
}

func (e *explainer) pending(i int32) {
	r := e.run
	if r.Steps[i].Item >= 0 {
		if limit, live := r.Window(r.Steps[i].Parent); limit > 0 {
			e.say("max_parallel is %d, and %d iterations are under way: it has its turn when one of them ends", limit, live)
		}
		return
	}
	var open []string
	for _, d := range r.Dependencies(i) {
		if !r.Steps[d].State.Final() {
			open = append(open, fmt.Sprintf("%s (%s)", r.Name(d), r.Steps[d].State))
		}
	}
	e.say("its join is %s", joinWords[r.JoinMode(i)])
	if len(open) > 0 {
		e.say("it waits for %s", strings.Join(open, ", "))
	}
	if r.State == engine.RunPending {
		e.say("the run has not begun: it waits for its concurrency key")
	}
}

func (e *explainer) ready(i int32) {
	if e.run.Paused {
		e.say("its dependencies let it run, and the run is paused: it starts when the run is resumed")
		e.advise("cordum run resume %s", e.run.ID)
		return
	}
	e.say("its dependencies let it run: its turn is next")
}

// running says as much of a job as the engine knows: whether people are asked about it.
func (e *explainer) running(i int32) {
	if e.run.Idle(i) {
		e.out.State = engine.StepWaiting.String()
		e.say("the policy asks people before its job is sent")
		e.advise("cordum approval list --run %s", e.run.ID)
		return
	}
	e.say("attempt %d has begun", e.run.Steps[i].Attempt)
}

func (e *explainer) waiting(i int32) {
	r := e.run
	if r.Quarantined(i) {
		e.say("its job has ended, and the output policy holds what it gave until people release it")
		e.advise("cordum approval list --run %s", r.ID)
		return
	}
	if f := e.lastOf(i, isFact[*engine.SignalAwaited]); f != nil && r.Signal(i) != "" {
		w := f.Fact.(*engine.SignalAwaited)
		e.cite(f, "it waits for the signal %q%s", w.Signal, until(w.Due))
		e.advise("cordum run signal %s %s", r.ID, w.Signal)
		return
	}
	if f := e.lastOf(i, isFact[*engine.ApprovalAsked]); f != nil && r.Plan.Steps[r.Steps[i].Def].Kind == "approval" {
		a := f.Fact.(*engine.ApprovalAsked)
		e.cite(f, "it waits for an approval: %q%s", a.Title, until(a.ExpiresAt))
		e.advise("cordum approval list --run %s", r.ID)
		return
	}
	if f := e.lastOf(i, isFact[*engine.DelaySet]); f != nil {
		e.cite(f, "it waits for the clock%s", until(f.Fact.(*engine.DelaySet).Due))
	}
}

func until(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return ", until " + t.UTC().Format(time.RFC3339)
}

// attempts cites each attempt that failed.
func (e *explainer) attempts(i int32) {
	for k := range e.log {
		f := &e.log[k]
		if set, is := f.Fact.(*engine.RetrySet); is && set.Step == i {
			unknown := ""
			if set.Failure.Unknown {
				unknown = ", whether it had its effect is unknown"
			}
			e.cite(f, "attempt %d failed: %s: %s%s", set.Failure.Attempt, set.Failure.Code, set.Failure.Message, unknown)
		}
	}
}

func (e *explainer) retrying(i int32) {
	e.attempts(i)
	if f := e.lastOf(i, isFact[*engine.RetrySet]); f != nil {
		asked, allowed := e.run.Allowance(i)
		e.say("attempt %d of %d follows at %s", asked+1, allowed, f.Fact.(*engine.RetrySet).Due.UTC().Format(time.RFC3339))
	}
}

func (e *explainer) inside(i int32) {
	r := e.run
	switch {
	case r.FansOut(i):
		parts := r.Parts(i)
		counts := map[string]int{}
		for _, p := range parts {
			counts[r.Steps[p].State.String()]++
		}
		e.say("%d iterations: %s", len(parts), countText(counts))
	case r.Loops(i):
		parts := r.Parts(i)
		for _, p := range parts {
			if !r.Steps[p].State.Final() {
				e.say("%s is %s", r.Name(p), r.Steps[p].State)
			}
		}
	case r.Nests(i):
		run := r.ChildRun(i, r.Steps[i].Attempt)
		e.say("its sub-workflow is the run %s", run)
		e.advise("cordum run explain %s", run)
	case r.IsUndo(i):
		e.say("its sub-workflow is undoing what it did")
	}
}

func countText(counts map[string]int) string {
	var out []string
	for s := engine.StepPending; s <= engine.StepHeld; s++ {
		if n := counts[s.String()]; n > 0 {
			out = append(out, fmt.Sprintf("%d %s", n, s))
		}
	}
	return strings.Join(out, ", ")
}
