package cases

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"cordum.dev/cordum/internal/yamlx"
	"cordum.dev/cordum/safety"
)

// Report is the result of test files. Its JSON is stable.
type Report struct {
	Passed  int      `json:"passed"`
	Failed  int      `json:"failed"`
	Invalid int      `json:"invalid"` // files and cases that cannot be run
	Cases   []Result `json:"cases"`
	// Coverage is said of every policy file that cases name, by its path.
	Coverage []PolicyCoverage `json:"coverage,omitempty"`
}

// Result is the result of one case; of a file that cannot be read, of the file.
type Result struct {
	ID string `json:"id"`
	OK bool   `json:"ok"`
	// Why says what was expected and what was decided instead, one thing a line. Empty when OK.
	Why string `json:"why,omitempty"`
}

// PolicyCoverage says which rules of a policy file no case hit.
type PolicyCoverage struct {
	Policy string `json:"policy"`
	safety.CoverageReport
}

// Run runs every case of test files, in their order; with a filter only those with it in their id. Ids are unique over
// all files.
func Run(files []File, read Read, filter string) *Report {
	r := runner{report: &Report{Cases: []Result{}}, first: map[string]string{}, covered: map[string]*covered{}}
	for _, file := range files {
		list, problems := Parse(file, read)
		r.refuse(problems, filter)
		for _, c := range list {
			if before, twice := r.first[c.ID]; twice {
				r.refuse([]Problem{{Case: c.ID, File: c.File, Line: c.Line, Message: "duplicate_id: the id was used in " + before}}, "")
				continue
			}
			r.first[c.ID] = c.File
			if strings.Contains(c.ID, filter) {
				r.run(c)
			}
		}
	}
	for _, name := range yamlx.SortedKeys(r.covered) {
		r.report.Coverage = append(r.report.Coverage, PolicyCoverage{name, r.covered[name].counts.Report()})
	}
	return r.report
}

// runner runs cases and gathers their report.
type runner struct {
	report  *Report
	first   map[string]string   // the file of each id
	covered map[string]*covered // by policy file
}

// covered counts what cases hit of a policy file alone, without the overlays that they add.
type covered struct {
	snapshot *safety.Snapshot
	counts   *safety.Coverage
}

// refuse counts what cannot be run; all problems of a case, or of a file, are one result.
func (r *runner) refuse(problems []Problem, filter string) {
	at := map[string]int{}
	for _, p := range problems {
		id := p.Case
		if id == "" {
			id = p.File
		} else if !strings.Contains(id, filter) {
			continue
		}
		i, known := at[id]
		if !known {
			i = len(r.report.Cases)
			at[id] = i
			r.report.Invalid++
			r.report.Cases = append(r.report.Cases, Result{ID: id, Why: "invalid:"})
		}
		r.report.Cases[i].Why += "\n" + p.String()
	}
}

func (r *runner) run(c *Case) {
	result, valid := c.Run()
	switch {
	case !valid:
		r.report.Invalid++
	case result.OK:
		r.report.Passed++
	default:
		r.report.Failed++
	}
	r.report.Cases = append(r.report.Cases, result)
	if valid && c.Policy != "" && c.Expect.Error == "" {
		r.cover(c)
	}
}

// cover counts the case's request against its policy file alone.
func (r *runner) cover(c *Case) {
	of := r.covered[c.Policy]
	if of == nil {
		set := c.Set
		set.Overlays = slices.DeleteFunc(slices.Clone(set.Overlays), func(d safety.Document) bool { return d.File != c.Policy })
		s, _ := safety.Compile(set) // with the overlays of the case it was good
		of = &covered{s, safety.NewCoverage(s)}
		r.covered[c.Policy] = of
	}
	of.counts.Add(safety.Evaluate(of.snapshot, c.Request))
}

// Run runs the case. valid is false when its set is refused and it does not expect that: then nothing was decided.
func (c *Case) Run() (result Result, valid bool) {
	result.ID = c.ID
	s, problems := (*safety.Snapshot)(nil), c.problems
	if !safety.Refused(problems) {
		s, problems = safety.Compile(c.Set)
	}
	if c.Expect.Error != "" {
		result.Why = refusal(c.Expect.Error, problems)
		result.OK = result.Why == ""
		return result, true
	}
	if s == nil {
		result.Why = "invalid:"
		for _, p := range problems {
			result.Why += "\n" + p.String()
		}
		return result, false
	}
	d := safety.Evaluate(s, c.Request)
	why := c.Expect.compare(d)
	if result.OK = len(why) == 0; !result.OK {
		why = append(why, strings.Split(strings.TrimSpace(safety.Explain(s, c.Request).String()), "\n")...)
		result.Why = strings.Join(why, "\n")
	}
	return result, true
}

// refusal says why a set was not refused as expected, or "".
func refusal(rule string, problems []safety.Problem) string {
	if slices.ContainsFunc(problems, func(p safety.Problem) bool { return p.Rule == rule && !p.Warning }) {
		return ""
	}
	if !safety.Refused(problems) {
		return "error: expected " + rule + ", the set is accepted"
	}
	why := "error: expected " + rule + ", the set is refused by"
	for _, p := range problems {
		why += "\n" + p.String()
	}
	return why
}

// compare says what of a decision is not as expected, one thing an entry.
func (e *Expect) compare(d safety.Decision) (why []string) {
	differ := func(what string, want, got any) {
		why = append(why, fmt.Sprintf("%s: expected %v, it is %v", what, want, got))
	}
	if e.Verdict != nil && *e.Verdict != d.Verdict {
		differ("verdict", *e.Verdict, d.Verdict)
	}
	if e.Rules != nil && !sameSet(e.Rules, d.Rules) {
		differ("rules", e.Rules, d.Rules)
	}
	if e.Constraints != nil && d.Verdict != safety.Deny {
		if want, got := wanted(e.Constraints), had(d.Constraints); !slices.Equal(want, got) {
			differ("constraints", want, got)
		}
	}
	if e.Approvals != nil {
		asked := make([]string, len(d.Approvals))
		for i := range d.Approvals {
			asked[i] = d.Approvals[i].Rule
		}
		if !sameSet(e.Approvals, asked) {
			differ("approvals", e.Approvals, asked)
		}
	}
	if e.Expires != nil && *e.Expires != d.Expires {
		differ("expires", *e.Expires, d.Expires)
	}
	return why
}

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// wanted are constraints of a case as texts to compare: sorted, lists in them sorted too.
func wanted(list []*yamlx.Node) []string {
	out := make([]string, len(list))
	for i, n := range list {
		out[i] = inOneForm(n.Value())
	}
	slices.Sort(out)
	return out
}

// had are constraints of a decision as such texts.
func had(list []safety.Constraint) []string {
	out := make([]string, len(list))
	for i := range list {
		raw, err := json.Marshal(list[i])
		if err != nil {
			out[i] = err.Error()
			continue
		}
		n, err := yamlx.Parse(raw, yamlx.JSON)
		if err != nil {
			out[i] = err.Error()
			continue
		}
		out[i] = inOneForm(n.Value())
	}
	slices.Sort(out)
	return out
}

// inOneForm writes a value with its lists as sets; 7 and 7.0 are the same number.
func inOneForm(v any) string {
	raw, err := yamlx.AppendCanonical(nil, asSets(v))
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

func asSets(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, item := range v {
			out[k] = asSets(item)
		}
		return out
	case []any:
		out := slices.Clone(v)
		slices.SortFunc(out, func(a, b any) int { return strings.Compare(inOneForm(a), inOneForm(b)) })
		return out
	case float64:
		if v == float64(int64(v)) {
			return int64(v)
		}
	}
	return v
}
