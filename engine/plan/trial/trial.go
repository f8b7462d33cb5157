package trial

import (
	"fmt"
	"slices"
	"strings"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/steps"
)

// Report is the result of test files.
type Report struct {
	Passed  int      `json:"passed"`
	Failed  int      `json:"failed"`
	Invalid int      `json:"invalid"` // files and cases that cannot be run
	Cases   []Result `json:"cases"`
}

// Result is the result of one case; of a file that cannot be read, of the file.
type Result struct {
	ID string `json:"id"`
	OK bool   `json:"ok"`
	// Why says what was expected and what was seen, one thing a line, and then what happened. Empty when OK.
	Why string `json:"why,omitempty"`
}

// Run runs every case of test files, in their order. Ids are unique over all of them.
func Run(files []File, read Read) *Report {
	report := &Report{Cases: []Result{}}
	first := map[string]string{}
	for _, file := range files {
		cases, problems := Parse(file, read)
		report.refuse(problems)
		for _, c := range cases {
			if before, twice := first[c.ID]; twice {
				report.refuse([]Problem{{Case: c.ID, File: c.File, Line: c.Line, Message: "duplicate_id: the id was used in " + before}})
				continue
			}
			first[c.ID] = c.File
			report.add(c.Run())
		}
	}
	return report
}

// refuse counts what cannot be run; all problems of a case, or of a file, are one result.
func (r *Report) refuse(problems []Problem) {
	at := map[string]int{}
	for _, p := range problems {
		id := p.Case
		if id == "" {
			id = p.File
		}
		i, known := at[id]
		if !known {
			i = len(r.Cases)
			at[id] = i
			r.Invalid++
			r.Cases = append(r.Cases, Result{ID: id, Why: "invalid:"})
		}
		r.Cases[i].Why += "\n" + p.String()
	}
}

// String is file:line: message.
func (p Problem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.Message
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message)
}

func (r *Report) add(result Result, valid bool) {
	switch {
	case !valid:
		r.Invalid++
	case result.OK:
		r.Passed++
	default:
		r.Failed++
	}
	r.Cases = append(r.Cases, result)
}

// Run runs the case. valid is false when its workflow is refused: then nothing ran.
func (c *Case) Run() (result Result, valid bool) { return c.run(0) }

// run runs a case; what the format leaves open, as how long a worker takes within a second, differs by round.
func (c *Case) run(round uint64) (result Result, valid bool) {
	result.ID = c.ID
	var why []string
	if c.Expect.Lint != nil {
		if why = c.lint(); len(why) > 0 || !c.Runs() {
			result.OK, result.Why = len(why) == 0, strings.Join(why, "\n")
			return result, true
		}
	}
	plan, plans, policy, refused := c.load()
	if len(refused) > 0 {
		result.Why = "invalid:\n" + strings.Join(refused, "\n")
		return result, false
	}
	w := simulated(c, plan, plans, policy, round)
	if why = w.playSafely(); len(why) == 0 {
		why = w.check()
	}
	result.OK = len(why) == 0
	if !result.OK {
		result.Why = strings.Join(append(append(why, "what happened:"), w.story.timeline()...), "\n")
	}
	return result, true
}

// Runs tells whether anything but lint is expected of a case: such a case has a run.
func (c *Case) Runs() bool {
	e := c.Expect
	return e.Status != nil || e.Compensation != nil || e.Compensated != nil || e.Held != nil || e.Waiting != nil || e.Output != nil ||
		len(e.Steps)+len(e.Reasons)+len(e.Attempts)+len(e.Inputs)+len(e.Order)+len(e.Together) > 0
}

// playSafely plays a case and answers what must not have happened. An engine that panics fails the case, not its
// neighbours.
func (w *world) playSafely() (wrong []string) {
	defer func() {
		if p := recover(); p != nil {
			wrong = append(w.wrong, fmt.Sprintf("panic: %v", p))
		}
	}()
	w.play()
	for _, m := range w.sorted() {
		if len(w.wrong) == 0 {
			m.witness.restart()
		}
	}
	return w.wrong
}

// sorted are the runs in the order of their names.
func (w *world) sorted() []*member {
	out := make([]*member, 0, len(w.runs))
	for _, m := range w.runs {
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b *member) int { return strings.Compare(a.prefix+a.id, b.prefix+b.id) })
	return out
}

// load compiles the workflows and the policy of a case.
func (c *Case) load() (plan *steps.Workflow, plans map[string]*steps.Workflow, policy *safety.Snapshot, refused []string) {
	if c.Workflow == nil {
		return nil, nil, nil, []string{"the case has no workflow"}
	}
	plan, refused = compile(c.Workflow)
	plans = map[string]*steps.Workflow{}
	for _, id := range yamlx.SortedKeys(c.Children) {
		child, why := compile(c.Children[id])
		plans[id], refused = child, append(refused, why...)
	}
	set := safety.Set{Default: safety.Allow}
	if c.Policy != nil {
		set.Base = []safety.Document{{File: c.File, Root: c.Policy}}
	}
	policy, problems := safety.Compile(set)
	for _, p := range problems {
		if !p.Warning {
			refused = append(refused, p.String())
		}
	}
	if len(refused) == 0 {
		refused = c.unknownNames(plan, plans)
	}
	return plan, plans, policy, refused
}

// compile answers a workflow, or why it is refused.
func compile(t *Text) (*steps.Workflow, []string) {
	plan, diags := steps.Load(t.Source, yamlx.Auto, true)
	var why []string
	for _, d := range diags {
		if d.Severity == dag.Error {
			why = append(why, fmt.Sprintf("%s:%s", t.File, d))
		}
	}
	return plan, why
}
