package plan

import (
	"fmt"
	"strings"
)

// String writes a plan for a terminal: the steps in the order of the definition, who has to approve, and what each failure
// would undo. Failures that undo the same stand together.
func (p *Plan) String() string {
	var out strings.Builder
	fmt.Fprintf(&out, "plan of %s\n\nSTEPS\n", p.Workflow)
	p.writeSteps(&out, "  ")
	if asked := p.approvals(""); len(asked) > 0 {
		out.WriteString("\nAPPROVALS\n")
		for _, line := range asked {
			fmt.Fprintf(&out, "  %s\n", line)
		}
	}
	out.WriteString("\nIF A STEP FAILS\n")
	p.writeFailures(&out)
	if len(p.Unknown) > 0 {
		fmt.Fprintf(&out, "\nNOT KNOWN BEFORE THE RUN\n  %s\n", strings.Join(p.Unknown, ", "))
	}
	fmt.Fprintf(&out, "\ndigest %s\n", p.Digest)
	return clean(out.String())
}

func (p *Plan) writeSteps(out *strings.Builder, indent string) {
	for i := range p.Steps {
		s := &p.Steps[i]
		name := s.ID
		if s.Loop != "" {
			name = s.Loop + "[…]/" + s.ID
		}
		fmt.Fprintf(out, "%s%-20s %-11s %s\n", indent, name, s.Kind, s.Reach.String())
		for _, line := range s.notes() {
			fmt.Fprintf(out, "%s    %s\n", indent, line)
		}
		if s.Child != nil && s.Child.Plan != nil {
			s.Child.Plan.writeSteps(out, indent+"    ")
		}
	}
}

// String says in words whether a step is reached.
func (r Reach) String() string {
	switch r.Is {
	case Always:
		return "runs"
	case Never:
		return "never: " + r.Reason
	}
	var out []string
	for _, c := range r.Conditions {
		word := c.Text
		if len(c.DependsOn) > 0 {
			word += " (depends on " + strings.Join(c.DependsOn, ", ") + ")"
		}
		out = append(out, word)
	}
	return "if " + strings.Join(out, ", and ")
}

func (s *Step) notes() (out []string) {
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if s.Error != "" {
		add("fails: %s", s.Error)
	}
	if f := s.ForEach; f != nil && f.Items != nil {
		add("for each of %d items", *f.Items)
	} else if f != nil {
		add("for each item; how many depends on %s", strings.Join(f.DependsOn, ", "))
	}
	if s.Job != nil {
		add("%s, effect %s%s", s.Job.Topic, s.Effect, served(s.Job))
		if s.Job.Policy != nil {
			add("policy: %s", verdicts(s.Job.Policy))
		}
	}
	if s.Child != nil && s.Child.Plan == nil {
		add("runs the workflow %s, which is not looked into", s.Child.Workflow)
	}
	if s.Undo != nil && s.Undo.Topic != "" {
		add("undone by %s%s", s.Undo.Topic, served(&s.Undo.Job))
		if s.Undo.Policy != nil {
			add("policy: %s", verdicts(s.Undo.Policy))
		}
	}
	return out
}

// served says which pools can take a job now, when that was asked.
func served(j *Job) string {
	switch {
	case j.Pools == nil:
		return ""
	case len(*j.Pools) == 0:
		return ", no worker now"
	}
	return ", served by " + strings.Join(*j.Pools, ", ")
}

// verdicts are rulings in words.
func verdicts(list []Ruling) string {
	var out []string
	for _, r := range list {
		word := r.Verdict
		if word == "" {
			word = fmt.Sprintf("depends on %s (%s)", strings.Join(r.DependsOn, ", "), strings.Join(r.Undecided, ", "))
		} else if r.Rule != "" {
			word += " by " + r.Rule
		}
		for _, c := range r.Constraints {
			word += ", " + c.Type
		}
		if r.Items > 0 {
			word = fmt.Sprintf("%d items: %s", r.Items, word)
		}
		out = append(out, word)
	}
	return strings.Join(out, "; ")
}

// approvals are all that people will be asked, children included.
func (p *Plan) approvals(prefix string) (out []string) {
	for i := range p.Steps {
		s := &p.Steps[i]
		name := prefix + s.ID
		if s.Approval != nil {
			out = append(out, name+": "+s.Approval.String())
		}
		for _, j := range []*Job{s.Job, s.undoJob()} {
			if j == nil {
				continue
			}
			for _, r := range j.Policy {
				for _, a := range r.Approvals {
					out = append(out, name+": "+a.String())
				}
			}
			name = "undo:" + name
		}
		if s.Child != nil && s.Child.Plan != nil {
			out = append(out, s.Child.Plan.approvals(prefix+s.ID+"/")...)
		}
	}
	return out
}

func (s *Step) undoJob() *Job {
	if s.Undo == nil {
		return nil
	}
	return &s.Undo.Job
}

// String says who is asked.
func (a Approval) String() string {
	who := "whoever may decide approvals"
	if len(a.Approvers) > 0 {
		who = strings.Join(a.Approvers, ", ")
	}
	if a.Quorum > 1 {
		who = fmt.Sprintf("%d of %s", a.Quorum, who)
	}
	if a.Rule != "" {
		who += ", asked by " + a.Rule
	}
	if a.Expires != "" {
		who += ", within " + a.Expires
	}
	return who
}

func (p *Plan) writeFailures(out *strings.Builder) {
	type shared struct {
		then, undo string
		steps      []string
	}
	var list []shared
	at := map[string]int{}
	for _, f := range p.Failures {
		undo := f.Rollback.String()
		key := f.Then + "\n" + undo
		i, known := at[key]
		if !known {
			i, at[key] = len(list), len(list)
			list = append(list, shared{then: f.Then, undo: undo})
		}
		list[i].steps = append(list[i].steps, f.Step)
	}
	for _, s := range list {
		fmt.Fprintf(out, "  %s: %s\n", strings.Join(s.steps, ", "), s.then)
		for line := range strings.Lines(s.undo) {
			out.WriteString("    " + line)
		}
	}
	if p.MoreFailures > 0 {
		fmt.Fprintf(out, "  %d more steps may fail; ask for one by its id\n", p.MoreFailures)
	}
}

// clean takes out what a terminal would act on, line ends aside.
func clean(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = oneLine(lines[i])
	}
	return strings.Join(lines, "\n")
}
