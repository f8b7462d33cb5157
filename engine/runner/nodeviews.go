package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"cordum.dev/cordum/engine"
)

// This file is how the nodes of a run are shown: all of a small run, the newest and the sums of a large one.

// stepViews are the nodes that a run's view shows: the workflow's own steps, then what became of them in the order in which it
// began. The iterations of a large fan-out are only counted, of a long loop the newest rounds are shown, and what a set-back
// replaced is left to the timeline.
func (lr *live) stepViews() []StepView {
	r := lr.run
	root := int(r.Root())
	out := make([]StepView, 0, root)
	for i := range root {
		out = append(out, lr.stepView(int32(i)))
	}
	if len(r.Steps) == root {
		return out
	}
	hidden := make([]bool, len(r.Steps))
	rounds := lr.rounds()
	for i := root; i < len(r.Steps); i++ {
		s := &r.Steps[i]
		switch {
		case s.Gone:
			hidden[i] = true
		case s.Target >= 0:
			hidden[i] = hidden[s.Target] || r.Steps[s.Target].Undo != int32(i)
		case s.Item >= 0:
			_, count := r.Iterations(s.Parent)
			hidden[i] = hidden[s.Parent] || count > maxExpanded
		default:
			inner := int32(r.Plan.Def.Scopes[r.Plan.Def.Steps[s.Def].Scope].Count)
			hidden[i] = hidden[s.Parent] || s.Round+max(maxExpanded/inner, 1) < rounds[s.Parent]
		}
		if !hidden[i] {
			out = append(out, lr.stepView(int32(i)))
		}
	}
	return out
}

// rounds is how many rounds each loop has had.
func (lr *live) rounds() map[int32]int32 {
	out := make(map[int32]int32)
	for i := range lr.run.Steps {
		if s := &lr.run.Steps[i]; s.Round >= 0 && !s.Gone {
			out[s.Parent] = s.Round + 1
		}
	}
	return out
}

// placeView says where in its run a node stands.
func (lr *live) placeView(i int32, v *StepView) {
	r, s := lr.run, &lr.run.Steps[i]
	number := func(n int32) *int {
		k := int(n)
		return &k
	}
	if s.Parent >= 0 {
		v.Parent = r.Name(s.Parent)
	}
	if s.Item >= 0 {
		v.Item = number(s.Item)
	}
	if s.Round >= 0 {
		v.Round = number(s.Round)
	}
	if s.Target >= 0 {
		v.Undoes = r.Name(s.Target)
	}
	if c, waits := r.UndoingChild(i); waits {
		v.ChildRun = c.Run
	} else if s.Target < 0 && s.Attempt > 0 && r.Nests(i) {
		v.ChildRun = r.ChildRun(i, s.Attempt)
	}
	if r.FansOut(i) {
		v.Iterations = lr.countsView(i)
	}
}

// countsView counts the iterations of a fan-out; nil before its list is known.
func (lr *live) countsView(i int32) *CountsView {
	r := lr.run
	first, count := r.Iterations(i)
	if s := r.Steps[i].State; count == 0 && s != engine.StepSucceeded {
		return nil
	}
	v := &CountsView{Total: int(count)}
	for at := first; at < first+count; at++ {
		switch s := &r.Steps[at]; {
		case s.State == engine.StepSucceeded:
			v.Succeeded++
		case s.State.Final():
			v.Bad++
		case s.State != engine.StepPending:
			v.Running++
		}
	}
	return v
}

// outputView is a node's output; that of a large fan-out is read by its iterations.
func (lr *live) outputView(i int32) json.RawMessage {
	r := lr.run
	if r.Steps[i].State != engine.StepSucceeded {
		return nil // what was refused is for its compensation alone
	}
	if _, count := r.Iterations(i); count > maxExpanded {
		return nil
	}
	return r.OutputOf(i)
}

// waitsFor says what a waiting node waits for.
func (lr *live) waitsFor(i int32) string {
	switch {
	case lr.approvals[i] != nil:
		return "approval"
	case lr.run.Signal(i) != "":
		return "signal"
	}
	return "timer"
}

// Iterations lists the iterations of a fan-out in the order of its items. step is what people call it: each, or
// poll[0]/each. Limit is 1 to 1,000; 0 means 50.
func (r *Runner) Iterations(ctx context.Context, c Caller, run, step, cursor string, limit int) ([]StepView, string, error) {
	n, err := Filter{Limit: limit}.limit()
	if err != nil {
		return nil, "", err
	}
	from := 0
	if cursor != "" {
		last, err := decodeCursor(cursor)
		if err == nil {
			from, err = strconv.Atoi(last)
		}
		if err != nil || from < 0 {
			return nil, "", ErrInvalidCursor
		}
	}
	type page struct {
		views []StepView
		next  string
	}
	p, err := readRun(ctx, r, c.Tenant, run, func(lr *live) (page, error) {
		node := lr.run.Find(step)
		if node < 0 || !lr.run.FansOut(node) {
			return page{}, fmt.Errorf("fan-out %.64q of run %s: %w", step, run, ErrNotFound)
		}
		p := page{views: []StepView{}}
		first, count := lr.run.Iterations(node)
		until := min(int(count), from+n)
		for k := from; k < until; k++ {
			p.views = append(p.views, lr.stepView(first+int32(k)))
		}
		if until < int(count) {
			p.next = encodeCursor(strconv.Itoa(until))
		}
		return p, nil
	})
	r.placements(p.views)
	return p.views, p.next, err
}
