package kernel

import (
	"cmp"
	"slices"

	"cordum.dev/cordum/safety"
)

// Counts say how other decisions are from those of the record.
type Counts struct {
	Decisions int `json:"decisions" doc:"How many were compared"`
	Same      int `json:"same"`
	// A job is counted where it went: to a denial, to people, or free.
	NewlyDenied      int `json:"newly_denied" doc:"Would be denied, and were not"`
	NewlyGated       int `json:"newly_gated" doc:"Would need an approval, and started without one"`
	NewlyAllowed     int `json:"newly_allowed" doc:"Would start without anybody, and were denied or needed an approval"`
	NewlyConstrained int `json:"newly_constrained" doc:"Would start under constraints, and started under none"`
}

// Group is what becomes of the jobs of one step.
type Group struct {
	Workflow string `json:"workflow"`
	Step     string `json:"step"`
	Counts
	Rule    string `json:"rule,omitempty" doc:"The rule that decides the newest of those that would go another way"`
	Reason  string `json:"reason,omitempty"`
	Example string `json:"example,omitempty" doc:"A job that would go another way"`
}

// RunChange is what would have become of one past run.
type RunChange struct {
	Run      string `json:"run"`
	Workflow string `json:"workflow"`
	StopsAt  string `json:"stops_at,omitempty" doc:"The first step that would be denied"`
	Rule     string `json:"rule,omitempty" doc:"By this rule"`
	// Never are steps that the run decided about after the stop: their effects would not be.
	Never []string `json:"never,omitempty" doc:"Steps behind that, which would not have been"`
	Asks  []string `json:"asks,omitempty" doc:"Steps before it that would have needed an approval and had none"`
}

// Report compares the decisions of a record with those of another snapshot.
type Report struct {
	Snapshot string `json:"snapshot" doc:"Digest of the other snapshot"`
	Runs     int    `json:"runs" doc:"Runs that were compared"`
	Stopped  int    `json:"runs_stopped" doc:"Runs that would have been stopped by a denial"`
	Counts
	Groups  []Group     `json:"groups" doc:"By workflow and step, those with differences first"`
	Changes []RunChange `json:"changed_runs" doc:"Runs that would have gone another way, newest first"`
	Clipped bool        `json:"clipped,omitempty" doc:"There are more groups or runs than are listed"`

	groups map[[2]string]*Group
	runs   map[string]*RunChange
	order  []*RunChange
}

func newReport(snapshot string) *Report {
	return &Report{Snapshot: snapshot, groups: map[[2]string]*Group{}, runs: map[string]*RunChange{}}
}

// outcome is what the other snapshot says.
type outcome struct {
	verdict      safety.Verdict
	rule, reason string
}

// add compares one decision of the record.
func (r *Report) add(p PastDecision, now outcome) {
	was := verdictOf(p.Verdict)
	r.count(was, now.verdict)
	g := r.group(p)
	g.count(was, now.verdict)
	if was != now.verdict && g.Example == "" {
		g.Rule, g.Reason, g.Example = now.rule, now.reason, p.Job
	}
	r.follow(p, was, now)
}

// count puts one decision where it belongs.
func (c *Counts) count(was, now safety.Verdict) {
	c.Decisions++
	switch {
	case was == now:
		c.Same++
	case now == safety.Deny:
		c.NewlyDenied++
	case now == safety.RequireApproval && was.MayStart():
		c.NewlyGated++
	case now.MayStart() && !was.MayStart():
		c.NewlyAllowed++
	case now == safety.AllowWithConstraints:
		c.NewlyConstrained++
	}
}

func (r *Report) group(p PastDecision) *Group {
	step := stepOf(p.Step)
	key := [2]string{p.Workflow, step}
	g := r.groups[key]
	if g == nil {
		if len(r.groups) >= MaxGroups {
			r.Clipped = true
			return &Group{} // counted in the totals alone
		}
		g = &Group{Workflow: p.Workflow, Step: step}
		r.groups[key] = g
	}
	return g
}

// stepOf is a step without the number of its iteration.
func stepOf(step string) string {
	for i := range len(step) {
		if step[i] == '[' {
			return step[:i]
		}
	}
	return step
}

// follow notes what would have become of a run: its decisions come one after another.
func (r *Report) follow(p PastDecision, was safety.Verdict, now outcome) {
	c := r.runs[p.Run]
	if c == nil {
		r.Runs++
		if len(r.runs) >= MaxTracked {
			r.Clipped = true
			return
		}
		c = &RunChange{Run: p.Run, Workflow: p.Workflow}
		r.runs[p.Run], r.order = c, append(r.order, c)
	}
	switch {
	case c.StopsAt != "":
		c.Never = addOnce(c.Never, p.Step)
	case now.verdict == safety.Deny && was != safety.Deny:
		c.StopsAt, c.Rule = p.Step, now.rule
		r.Stopped++
	case now.verdict == safety.RequireApproval && was.MayStart():
		c.Asks = addOnce(c.Asks, p.Step)
	}
}

func addOnce(list []string, s string) []string {
	if slices.Contains(list, s) || len(list) >= MaxRuns {
		return list
	}
	return append(list, s)
}

// done puts the parts in order.
func (r *Report) done() *Report {
	r.Groups, r.Changes = []Group{}, []RunChange{}
	for _, g := range r.groups {
		r.Groups = append(r.Groups, *g)
	}
	slices.SortFunc(r.Groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Decisions-b.Same, a.Decisions-a.Same), cmp.Compare(a.Workflow, b.Workflow), cmp.Compare(a.Step, b.Step))
	})
	for _, c := range r.order {
		if c.StopsAt == "" && len(c.Asks) == 0 {
			continue
		}
		if len(r.Changes) == MaxRuns {
			r.Clipped = true
			break
		}
		r.Changes = append(r.Changes, *c)
	}
	return r
}
