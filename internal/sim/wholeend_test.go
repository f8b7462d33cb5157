package sim

import (
	"context"
	"fmt"
	"slices"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/engine/plan/trial"
	"cordum.dev/cordum/engine/runner"
)

// settleWhole lets nothing go wrong any more: everything has to end.
func (w *whole) settleWhole() {
	w.mend()
	if w.team != nil {
		w.team.waitOut()
	}
	w.faults.Clear()
	if w.disk != nil {
		w.disk.calm()
	}
	w.journal.plan(0)
	w.rough.roughen(0)
	w.mend()
	if w.team != nil {
		w.team.calm()
	}
	w.kind.Store(true)
	time.Sleep(6 * time.Second) // what is away is back
	w.mend()
	w.publish(0)
	w.employAble()
	for since := time.Now(); len(w.wrongs()) == 0; time.Sleep(time.Second) {
		w.mend()
		open := w.unsettled()
		if len(open) == 0 {
			break
		}
		passed := time.Since(since)
		if passed > w.patientFor() {
			for _, run := range open {
				w.law.stuck("everything ends", run, w.saysOf(run))
			}
			for _, m := range w.mates {
				w.note("%s", w.saysOfWorker(m.id))
			}
			break
		}
		w.help(int(passed / time.Second))
	}
	w.note("everything has ended")
}

// patientFor is how long everything may take to end: a team's time is dear, and nothing that it plays lasts.
func (w *whole) patientFor() time.Duration {
	if w.team != nil {
		return inTheEnd / 8
	}
	return inTheEnd
}

// unsettled are the runs that have not ended, or of which something is still to be undone.
func (w *whole) unsettled() []string {
	if open := w.law.unfinished(); len(open) > 0 {
		return open
	}
	var open []string
	for _, run := range w.book.roots() {
		if w.settled[run] {
			continue
		}
		r, _ := w.book.run(run)
		view, err := w.shows(r.tenant, run)
		if err != nil || view.Compensation == engine.CompensationRunning.String() || view.Compensation == engine.CompensationHeld.String() {
			open = append(open, run)
			continue
		}
		w.settled[run] = true
	}
	return open
}

// employAble brings workers for everything.
func (w *whole) employAble() {
	for _, k := range []kindOf{native, direct} {
		n := len(w.mates)
		if n > 12 {
			w.mates[0].die()
		}
		w.made++
		m := &mate{g: w.game, id: fmt.Sprintf("w%d", w.made), kind: k, most: 3, tells: true, pool: "west", topics: []string{"job.west.again", "job.west.once", "job.any.again", "job.any.once"}}
		if k == native {
			m.pool, m.topics = "east", []string{"job.east.again", "job.east.once", "job.east.asked.once", "job.any.again", "job.any.once"}
		}
		if err := m.arrive(); err != nil {
			w.t.Fatal(err)
		}
		w.mates = append(w.mates, m)
	}
}

// help does what only people can do: now and then.
func (w *whole) help(second int) {
	if second%15 == 0 {
		for _, run := range slices.Sorted(slices.Values(w.law.unfinished())) {
			r, known := w.book.run(run)
			if !known {
				continue
			}
			by, _, _ := crew(r.tenant)
			if r.paused {
				w.change(by, "/runs/"+run+"/resume", `{}`)
			}
			if w.shape.name == "signal" && !r.over {
				w.change(by, "/runs/"+run+"/signal", `{"name":"paid","payload":1}`)
			}
		}
	}
	if name := w.shape.name; second%3 == 0 && (name == "approval" || name == "governed") {
		w.vote(true)
	}
	if second%20 == 10 {
		w.release()
	}
}

// release settles compensations that are held.
func (w *whole) release() {
	for _, by := range []person{ann, ada} {
		var page struct {
			Items []struct {
				RunID string `json:"run_id"`
				Step  string `json:"step"`
			}
		}
		if s := w.ask(by, "GET", "/compensations", "", ""); !s.ok() || s.read(&page) != nil {
			continue
		}
		for _, held := range page.Items {
			w.change(by, "/runs/"+held.RunID+"/compensations/"+held.Step+"/retry", `{}`)
		}
	}
}

// examine looks at everything once it is over: each run that was acknowledged is there and has ended, nobody started one that was
// not asked for, each log obeys the laws of a run and folds to what the server shows, and the audit log and the dead letters are whole.
func (w *whole) examine() {
	roots := w.book.roots()
	if len(roots) > w.calls {
		w.broken("%d runs were started, and %d were asked for", len(roots), w.calls)
	}
	for _, run := range w.runs {
		if !slices.Contains(roots, run) {
			w.broken("run %s was acknowledged, and is gone", run)
		}
	}
	for _, run := range roots {
		w.examineRun(run)
	}
	for _, g := range w.ghosts {
		w.lay(g)
	}
	w.ghosts = nil
	if !w.aged {
		w.graves()
	}
	w.journal.law.outage(w.journal.Store)
}

func (w *whole) examineRun(root string) {
	r, _ := w.book.run(root)
	by, _, _ := crew(r.tenant)
	var view runner.RunView
	if s := w.ask(by, "GET", "/runs/"+root, "", ""); !s.ok() || s.read(&view) != nil {
		w.broken("run %s, which is durable, is answered %d %s", root, s.status, s.body)
		return
	}
	o, err := w.plays.Observe(root)
	if err != nil {
		w.t.Fatal(err)
	}
	family := map[string][]runner.EngineFact{}
	states := map[string]engine.RunState{}
	for _, e := range w.book.entries {
		if e.run != root && !w.below(e.run, root) {
			continue
		}
		log, read := family[e.run]
		if !read {
			log = w.logOf(r.tenant, e.run, states)
			family[e.run] = log
		}
		w.show(o, e, log)
	}
	for _, wrong := range o.Check() {
		w.broken("run %s: %s", root, wrong)
	}
	if said := states[root].String(); said != view.State {
		w.broken("run %s is %s by its log, and is shown as %s", root, said, view.State)
	}
}

// below tells whether a run was started by another one, or by one that that one started.
func (w *whole) below(run, root string) bool {
	for range 16 {
		r, known := w.book.run(run)
		if !known || r.parent == "" {
			return false
		}
		if run = r.parent; run == root {
			return true
		}
	}
	return false
}

// logOf reads the facts of a run, and its state.
func (w *whole) logOf(tenant, run string, states map[string]engine.RunState) (log []runner.EngineFact) {
	r := w.r
	if w.team != nil {
		r = w.team.alive()[0].r // the store is everybody's
	}
	err := r.Inspect(context.Background(), runner.Caller{Tenant: tenant}, run, func(folded *engine.Run, all []runner.EngineFact) error {
		log, states[run] = all, folded.State
		return nil
	})
	if err != nil {
		w.broken("the log of run %s: %v", run, err)
	}
	return log
}

// show shows an observer the facts of one commit.
func (w *whole) show(o *trial.Observer, e entry, log []runner.EngineFact) {
	from, _ := slices.BinarySearchFunc(log, e.first, func(f runner.EngineFact, seq uint64) int { return int(f.Seq) - int(seq) })
	for _, f := range log[from:] {
		if f.Seq >= e.first+uint64(e.count) {
			return
		}
		o.See(e.run, f.At, f.Fact)
	}
}
