package main

import (
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// sagaShape is a workflow, and what the tests know of it by themselves.
type sagaShape struct {
	id          string
	definitions []string
	idempotent  bool                // its compensations say so
	after       map[string][]string // what each step comes right after; iterations and rounds are steps of their own
	plain       []string            // those that have no compensation
	failAt      []string            // those that a test makes fail; the first ones would leave nothing to undo
	again       string              // those of this name are idempotent
	together    []string            // those that are undone side by side
	comebacks   int                 // how often it comes back to its checkpoint
	items       int
	pad         int    // iterations that only write facts
	signal      string // what it waits for
}

// define writes the workflow's definition.
func (s *sagaShape) define(onFailure string, steps ...string) { s.add(s.id, onFailure, steps...) }

func (s *sagaShape) add(id, onFailure string, steps ...string) {
	text := fmt.Sprintf("id: %s\non_failure: %s\nsteps:\n  - %s\n", id, onFailure, strings.Join(steps, "\n  - "))
	word := ""
	if s.idempotent {
		word = "idempotent: true,"
	}
	s.definitions = append(s.definitions, strings.ReplaceAll(text, "IDEMPOTENT", word))
}

// sagaShapes are workflows of each kind that is undone in a way of its own: whether their compensations are idempotent, and
// whether the iterations of the fan-out are.
func sagaShapes(idempotent, iterations bool) []*sagaShape {
	diamond := &sagaShape{
		id: "diamond", idempotent: idempotent, together: []string{"undo:left", "undo:right"}, plain: []string{"join", "last"}, failAt: []string{"left", "right", "join", "end", "last"},
		after: map[string][]string{"begin": nil, "left": {"begin"}, "right": {"begin"}, "join": {"left", "right"}, "end": {"join"}, "last": {"end"}},
	}
	diamond.define("rollback", sagaStep("begin", "", "begin", true), sagaStep("left", "begin", "left", true), sagaStep("right", "begin", "right", true),
		sagaStep("join", "left, right", "join", false), sagaStep("end", "join", "end", true), sagaStep("last", "end", "last", false))

	trip := &sagaShape{
		id: "trip", idempotent: idempotent, plain: []string{"ticket"}, failAt: []string{"pay/authorise", "pay/capture", "ticket"},
		after: map[string][]string{"seat": nil, "pay/authorise": {"seat"}, "pay/capture": {"pay/authorise"}, "ticket": {"pay/capture"}},
	}
	trip.add("payment", "halt", sagaStep("authorise", "", "pay/authorise", true), sagaStep("capture", "authorise", "pay/capture", true))
	trip.define("rollback", sagaStep("seat", "", "seat", true), sagaStep("ticket", "pay", "ticket", false),
		"{id: pay, type: subworkflow, workflow: payment, depends_on: [seat], input: {root: '${input.root}', fail: '${input.fail}', times: '${input.times}'}}")

	catalogue := &sagaShape{
		id: "catalogue", idempotent: idempotent, plain: []string{"finish"}, failAt: []string{"publish", "finish"}, comebacks: 2,
		after: map[string][]string{"load": nil, "index": {"load"}, "publish": {"index"}, "finish": {"publish"}},
	}
	catalogue.define("{rollback_to: loaded, then: retry, max: 2}", sagaStep("load", "", "load", true, "checkpoint: loaded"), sagaStep("index", "load", "index", true),
		sagaStep("publish", "index", "publish", true), sagaStep("finish", "publish", "finish", false))
	return []*sagaShape{diamond, fanOutShape(idempotent, iterations), trip, catalogue, loopShape(idempotent)}
}

// fanOutShape is undone iteration by iteration, side by side.
func fanOutShape(idempotent, iterations bool) *sagaShape {
	s := &sagaShape{id: "fanout", idempotent: idempotent, items: 20, plain: []string{"report"}, failAt: []string{"each[7]", "each[13]", "sum", "report"}}
	if s.after = map[string][]string{"prep": nil, "report": {"sum"}}; iterations {
		s.again = "each"
	}
	for i := range s.items {
		at := fmt.Sprintf("each[%d]", i)
		s.after[at] = []string{"prep"}
		s.after["sum"] = append(s.after["sum"], at)
	}
	s.define("rollback", sagaStep("prep", "", "prep", true), sagaStep("sum", "each", "sum", true), sagaStep("report", "sum", "report", false),
		sagaStep("each", "prep", "each[${index}]", true, "for_each: input.items", "max_parallel: 4", fmt.Sprintf("idempotent: %t", iterations)))
	return s
}

// loopShape is undone round by round, the last one first.
func loopShape(idempotent bool) *sagaShape {
	s := &sagaShape{id: "rounds", idempotent: idempotent, plain: []string{"last"}, failAt: []string{"poll[0]/note", "poll[1]/ask", "poll[2]/note", "last"}}
	s.after = map[string][]string{"prep": nil, "last": {"poll[2]/note"}}
	before := "prep"
	for round := range 3 {
		ask, note := fmt.Sprintf("poll[%d]/ask", round), fmt.Sprintf("poll[%d]/note", round)
		s.after[ask], s.after[note] = []string{before}, []string{ask}
		before = note
	}
	inner := sagaStep("ask", "", "poll[${loop.index}]/ask", true) + ", " + sagaStep("note", "ask", "poll[${loop.index}]/note", true)
	s.define("rollback", sagaStep("prep", "", "prep", true), sagaStep("last", "poll", "last", false),
		"{id: poll, type: loop, depends_on: [prep], until: loop.index == 2, steps: ["+inner+"]}")
	return s
}

// crashShape passes every crash point while it is undone: compensations are tried twice, so there are timers; an approval that is
// refused starts the rollback; enough iterations make a snapshot.
func crashShape(items int, idempotent bool) *sagaShape {
	s := &sagaShape{id: "sagacrash", items: items, idempotent: idempotent, after: map[string][]string{"a": nil, "left": {"a"}, "right": {"a"}}}
	for i := range items {
		s.after[fmt.Sprintf("each[%d]", i)] = []string{"a"}
	}
	s.define("rollback", sagaStep("a", "", "a", true), sagaStep("left", "a", "left", true), sagaStep("right", "a", "right", true),
		sagaStep("each", "a", "each[${index}]", true, "for_each: input.items"), "{id: nap, type: delay, for: 30ms, depends_on: [a]}",
		"{id: gate, type: approval, depends_on: [left, right, each, nap]}")
	return s
}

// crashCell is one place where the server dies while two runs of the crash shape are undone.
type crashCell struct {
	point string
	hit   int // how often a process has passed the point when it dies
	lives int // processes that die there, one after another
	items int
}

func crashCells() (cells []crashCell) {
	for _, point := range runner.CrashPoints() {
		if point == runner.CrashPublished {
			continue // nobody publishes here: TestKilledWhilePublishing
		}
		for hit := range rounds(2) {
			c := crashCell{point: point, hit: hit + 1, lives: 1, items: 2}
			switch point {
			case runner.CrashSnapshot:
				c.items = 45 // so many facts are half of a run's, and half a snapshot's
			case runner.CrashOwned, runner.CrashDrain: // passed once in a process's life
				c.hit, c.lives = 1, c.hit
			}
			cells = append(cells, c)
		}
	}
	return cells
}

// TestUndoneThroughEachCrashPoint lets the server die by SIGKILL at each named point while it undoes, starts it again, and
// looks: everything is undone once, in order. A point that is never passed fails.
func TestUndoneThroughEachCrashPoint(t *testing.T) {
	t.Parallel()
	cells := crashCells()
	next := make(chan crashCell)
	var all sync.WaitGroup
	for range 5 { // at a time: each is two processes that mostly wait
		all.Go(func() {
			for c := range next {
				t.Run(fmt.Sprintf("%s_%d_%d", c.point, c.hit, c.lives), func(t *testing.T) { c.run(t) })
			}
		})
	}
	for _, c := range cells {
		next <- c
	}
	close(next)
	all.Wait()
}

func (c crashCell) run(t *testing.T) {
	p := newProcess(t)
	p.tags = "crashtest"
	shape := crashShape(c.items, c.hit*c.lives == 2) // of the second time compensations begin without leave
	runs := []*sagaRun{{shape: shape, root: "one", fail: "undo", times: 1}, {shape: shape, root: "other", fail: "undo", times: 1}}
	p.startSagaWorker("saga")
	d := sagaDrive{p: p, runs: runs}
	switch c.point {
	case runner.CrashSubmitted, runner.CrashStarted, runner.CrashSnapshot: // passed before, too
	case runner.CrashOwned: // there must be something to take over
		d.before("something is undone", func() bool { d.push(); return p.undosBegun() > 0 })
	default: // the first job that passes it is a compensation
		d.before("both runs stand at their gates", func() bool { d.bring(); return len(d.gates) == len(runs) })
	}
	for range c.lives {
		d.untilItDies(c)
	}
	p.start()
	p.until("both runs are refused", func() bool { d.push(); return d.refused == len(runs) })
	auditAll(t, p, runs, true)
}

// sagaDrive brings runs of the crash shape to their gates, and refuses these when both have come there.
type sagaDrive struct {
	p       *process
	runs    []*sagaRun
	saved   bool
	gates   []runner.ApprovalView
	refused int
}

// before runs a server that does not die until it has come so far, and kills it then.
func (d *sagaDrive) before(what string, far func() bool) {
	d.p.t.Helper()
	d.p.start()
	d.p.until(what, far)
	d.p.kill()
}

// bring starts the runs and looks at the gates. What fails is tried again by the next call.
func (d *sagaDrive) bring() {
	for _, definition := range d.runs[0].shape.definitions {
		d.saved = d.saved || d.p.call("POST", "/api/v1/workflows", "application/yaml", []byte(definition), nil) == nil
	}
	for _, r := range d.runs {
		if r.id == "" && (!d.saved || d.p.begin(r) != nil) {
			return
		}
	}
	var page struct {
		Items []runner.ApprovalView `json:"items"`
	}
	if d.p.call("GET", "/api/v1/approvals", "", nil, &page) == nil {
		d.gates = page.Items
	}
}

// push also refuses the gates.
func (d *sagaDrive) push() {
	if d.refused == len(d.runs) {
		return
	}
	if d.bring(); len(d.gates) < len(d.runs) {
		return
	}
	d.refused = 0
	for _, gate := range d.gates {
		if gate.State == "denied" || d.p.call("POST", "/api/v1/approvals/"+gate.ID+"/decide", "application/json", []byte(`{"decision":"deny"}`), nil) == nil {
			d.refused++
		}
	}
}

// untilItDies starts the server and lets it meet its point.
func (d *sagaDrive) untilItDies(c crashCell) {
	p := d.p
	p.t.Helper()
	p.launch(fmt.Sprintf("CORDUM_TEST_CRASH=%s:%d", c.point, c.hit))
	deadline, stopped := time.Now().Add(20*time.Second), false
	for p.alive() {
		if time.Now().After(deadline) {
			p.t.Fatalf("%s was not passed %d times", c.point, c.hit)
		}
		d.push()
		if c.point == runner.CrashDrain && !stopped && p.undosBegun() > 0 && p.call("GET", "/readyz", "", nil, nil) == nil {
			stopped = p.cmd.Process.Signal(syscall.SIGTERM) == nil
		}
		time.Sleep(10 * time.Millisecond) // the pace of a client
	}
	if how := p.cmd.ProcessState.Sys().(syscall.WaitStatus); how.Signal() != syscall.SIGKILL {
		p.t.Fatalf("the server did not die at %s: %v", c.point, p.cmd.ProcessState)
	}
	if c.point != runner.CrashStarted && c.point != runner.CrashSubmitted && len(d.gates) < len(d.runs) {
		p.t.Errorf("%s was passed before there was anything to undo", c.point)
	}
	p.kill()
}

// auditAll waits until the runs have settled, and judges each by the ledger. Strict: no worker was killed, so that everything
// happened exactly once.
func auditAll(t *testing.T, p *process, runs []*sagaRun, strict bool) map[string]runner.RunView {
	t.Helper()
	views, lost := auditRuns(t, p, runs, strict)
	if !strict && lost == 0 && !testing.Short() {
		t.Error("no worker was killed at work")
	}
	return views
}

// auditRuns is auditAll where workers may be killed, or not; lost are the executions of which nobody knows.
func auditRuns(t *testing.T, p *process, runs []*sagaRun, strict bool) (views map[string]runner.RunView, lost int) {
	t.Helper()
	views = map[string]runner.RunView{}
	for _, r := range runs {
		views[r.root] = p.settles(r)
	}
	ledger, err := readSagaLedger(p.sagaLedger())
	if err != nil {
		t.Fatal(err)
	}
	auditKeys(t, ledger, strict)
	undone := 0
	for _, r := range runs {
		a := newAudit(t, r, views[r.root], ledger, strict)
		for _, run := range slices.Sorted(maps.Keys(a.runs)) {
			a.history(p.wholeTimeline(run))
		}
		a.effects()
		a.order()
		if accepted, sent := a.accepted, len(a.undoJobs()); accepted != sent {
			t.Errorf("%s: %d compensations were accepted, workers have %d", r.root, accepted, sent)
		}
		if want := map[bool]string{true: "done", false: "none"}[a.accepted > 0]; a.view.Compensation != want {
			t.Errorf("%s: compensation is %s, want %s", r.root, a.view.Compensation, want)
		}
		undone, lost = undone+a.accepted, lost+a.lost
		if t.Failed() {
			a.show(p, ledger)
			break
		}
	}
	t.Logf("%d runs, %d compensations, %d executions of which nobody knows", len(runs), undone, lost)
	return views, lost
}

// wholeTimeline reads all pages of a run's timeline.
func (p *process) wholeTimeline(run string) (all []runner.Event) {
	p.t.Helper()
	for {
		var page struct {
			Items []runner.Event `json:"items"`
			Next  uint64         `json:"next_after"`
		}
		after := fmt.Sprintf("/api/v1/runs/%s/timeline?limit=1000&after=%d", run, len(all))
		p.until("the timeline is read", func() bool { return p.call("GET", after, "", nil, &page) == nil }) // it may be asked to slow down
		if all = append(all, page.Items...); page.Next == 0 {
			return all
		}
	}
}

// jobOf is the job of an attempt.
func jobOf(attempt string) string {
	job, _, _ := strings.Cut(attempt, "@")
	return job
}

// auditKeys: a job has one idempotency key, whatever it takes to do it, and no two share one. A step that runs again because
// what it did was undone does something else, under another key.
func auditKeys(t *testing.T, ledger []sagaEntry, strict bool) {
	t.Helper()
	owner, keys, times := map[string]string{}, map[string]map[string]bool{}, map[string]int{}
	for _, e := range ledger {
		job := jobOf(e.Job)
		switch {
		case e.Phase == "begin" && !e.Undo:
			times[job]++
		case e.Phase == "sent" && (e.Key == "" || owner[e.Key] != "" && owner[e.Key] != job):
			t.Errorf("the key %q of %s is that of %s", e.Key, job, owner[e.Key])
		case e.Phase == "sent":
			owner[e.Key] = job
			if keys[job] == nil {
				keys[job] = map[string]bool{}
			}
			if keys[job][e.Key] = true; e.Undo && len(keys[job]) > 1 {
				t.Errorf("the compensation %s was sent under the keys %v", job, slices.Sorted(maps.Keys(keys[job])))
			}
		}
	}
	for job, n := range times {
		if strict && len(keys[job]) != n {
			t.Errorf("%s was done %d times, under the keys %v", job, n, slices.Sorted(maps.Keys(keys[job])))
		}
	}
}

// deed is one execution. That of a killed worker may have no end: then end is -1, and nobody knows.
type deed struct {
	sagaEntry      // its last line
	begin, end int // lines of the ledger
}

// sagaAudit judges one run that a test started, and the runs that it started.
type sagaAudit struct {
	t        *testing.T
	r        *sagaRun
	view     runner.RunView
	strict   bool
	did      []deed
	undid    []deed
	given    map[string]bool // steps that some worker was given, by the histories
	runs     map[string]bool
	accepted int // compensations that the histories say have succeeded
	lost     int // executions that nobody knows of
}

func newAudit(t *testing.T, r *sagaRun, view runner.RunView, ledger []sagaEntry, strict bool) *sagaAudit {
	a := &sagaAudit{t: t, r: r, view: view, strict: strict, given: map[string]bool{}, runs: map[string]bool{r.id: true}}
	for line, e := range ledger {
		deeds := &a.did
		if e.Undo {
			deeds = &a.undid
		}
		switch {
		case e.Root != r.root:
		case e.Phase == "begin":
			a.runs[e.Run] = true
			*deeds = append(*deeds, deed{e, line, -1})
		case e.Phase != "sent":
			for i := range slices.Backward(*deeds) {
				if d := &(*deeds)[i]; d.Job == e.Job {
					d.sagaEntry, d.end = e, line
					break
				}
			}
		}
	}
	return a
}

// show helps to understand what went wrong.
func (a *sagaAudit) show(p *process, ledger []sagaEntry) {
	for run := range a.runs {
		for _, e := range p.wholeTimeline(run) {
			a.t.Logf("%s %d %s %s %s %v", run, e.Seq, e.At.Format("05.000"), e.Type, e.Step, e.Data)
		}
	}
	for i, e := range ledger {
		if e.Root == a.r.root {
			a.t.Logf("%d %+v", i, e)
		}
	}
}

// undoJobs counts how often each compensation was executed to its end.
func (a *sagaAudit) undoJobs() map[string]int {
	n := map[string]int{}
	for _, u := range a.undid {
		n[jobOf(u.Job)] += map[string]int{"end": 1}[u.Phase]
	}
	return n
}

// undosOf are the executions of the compensation that undid a deed. It names the effect that it knows; of a deed whose answer
// was lost with its worker only which attempt came last is known: it undoes all up to that one.
func (a *sagaAudit) undosOf(d deed) (undos []deed) {
	last := math.MaxInt
	for _, u := range a.undid {
		definite := d.Phase == "failed" || d.Phase == "none"
		switch {
		case u.At != d.At, a.strict && u.Effect != d.Effect, definite && u.Number != d.Number, u.Number < d.Number, u.Number > last:
			continue
		case u.Number < last:
			undos, last = nil, u.Number
		}
		undos = append(undos, u)
	}
	return undos
}

// known tells whether something is undone that was done before; or that a worker was given, and was killed with.
func (a *sagaAudit) known(u deed) bool {
	return slices.ContainsFunc(a.did, func(d deed) bool { return d.At == u.At && d.begin < u.begin && d.Effect == u.Effect }) ||
		!a.strict && u.Effect == "" && (a.given[u.At] || a.given[path.Base(u.At)])
}

// settled tells whether a later attempt of an idempotent step told how a lost one went.
func (a *sagaAudit) settled(d deed) bool {
	return a.r.shape.again != "" && strings.HasPrefix(d.At, a.r.shape.again) &&
		slices.ContainsFunc(a.did, func(e deed) bool { return e.At == d.At && e.Number > d.Number && e.end >= 0 })
}

// effects: what was done is undone exactly once when the run was rolled back, and what is left of one that succeeded is each
// step once. Nothing is undone that was not done.
func (a *sagaAudit) effects() {
	a.t.Helper()
	left := map[string]int{}
	for _, d := range a.did {
		undos := a.undosOf(d)
		jobs := map[string]bool{}
		for _, u := range undos {
			if jobs[jobOf(u.Job)] = true; u.Run != d.Run {
				a.t.Errorf("%s: what run %s did at %s was undone by run %s", a.r.root, d.Run, d.At, u.Run)
			}
		}
		switch had := d.Phase == "end"; {
		case !a.strict && d.end < 0: // its worker was killed
			if a.lost++; len(undos) == 0 && !a.settled(d) && !slices.Contains(a.r.shape.plain, d.At) {
				a.t.Errorf("%s: nobody knows whether %s had its effect, and it was not undone", a.r.root, d.At)
			}
		case !a.strict && !had: // its answer may have been lost
		case !had && len(undos) > 0:
			a.t.Errorf("%s: %s ended as %s, and was undone", a.r.root, d.At, d.Phase)
		case had && len(undos) == 0:
			left[d.At]++
		case a.strict && len(jobs) > 1:
			a.t.Errorf("%s: %s was undone by %d compensations", a.r.root, d.At, len(jobs))
		}
	}
	for _, u := range a.undid {
		if !a.known(u) {
			a.t.Errorf("%s: %s was undone, which was not done: %+v", a.r.root, u.At, u)
		}
	}
	for job, n := range a.undoJobs() {
		if n == 0 || a.strict && n > 1 {
			a.t.Errorf("%s: the compensation %s was executed %d times", a.r.root, job, n)
		}
	}
	for at := range a.r.shape.after {
		switch rolledBack := a.view.State != "succeeded" || a.r.undone; {
		case rolledBack && left[at] > 0 && !slices.Contains(a.r.shape.plain, at):
			a.t.Errorf("%s: %s is %s, and %s was not undone", a.r.root, a.r.id, a.view.State, at)
		case !rolledBack && left[at] != 1:
			a.t.Errorf("%s: %s succeeded, and %s was done %d times", a.r.root, a.r.id, at, left[at])
		}
	}
}

// order: nothing is done before what it comes after; and nothing is undone before all that came after it, near or far, is over
// and undone.
func (a *sagaAudit) order() {
	a.t.Helper()
	for _, d := range a.did {
		for at, near := range a.before(d.At) {
			newest := func(e deed) bool { return e.At == at && e.Phase == "end" && e.end < d.begin }
			i := len(a.did) - 1
			for i >= 0 && !newest(a.did[i]) {
				i--
			}
			if i < 0 {
				if near {
					a.t.Errorf("%s: %s began before %s had ended", a.r.root, d.At, at)
				}
				continue
			}
			for _, u := range a.undosOf(a.did[i]) {
				if u.begin < d.begin || u.begin < d.end {
					a.t.Errorf("%s: %s was undone before %s was over (lines %d, %d to %d)", a.r.root, at, d.At, u.begin, d.begin, d.end)
				}
				for _, first := range a.undosOf(d) {
					if u.begin < max(first.begin, first.end) {
						a.t.Errorf("%s: %s was undone before %s was (lines %d, %d to %d)", a.r.root, at, d.At, u.begin, first.begin, first.end)
					}
				}
			}
		}
	}
}

// before are the steps that a step comes after, and whether it comes right after them.
func (a *sagaAudit) before(at string) map[string]bool {
	all := map[string]bool{}
	next := a.r.shape.after[at]
	for _, near := range next {
		all[near] = true
	}
	for len(next) > 0 {
		far := a.r.shape.after[next[0]]
		if next = next[1:]; len(far) > 0 {
			next = append(next, far...)
		}
		for _, at := range far {
			if !all[at] {
				all[at] = false // far: it is named, and not near
			}
		}
	}
	return all
}

// history: a run's facts have no gaps; each compensation that begins ends, once; nothing is held, nothing tried again.
func (a *sagaAudit) history(events []runner.Event) {
	a.t.Helper()
	checkSeq(a.t, events)
	open, ofChild, rollbacks := map[string]bool{}, map[string]bool{}, 0
	started, over := map[string]uint64{}, map[string]uint64{}
	for _, e := range events {
		_, undo := strings.CutPrefix(e.Step, "undo:")
		switch {
		case e.Type == "job_dispatched", e.Type == "job_running":
			a.given[e.Step] = true
		case e.Type == "compensation_started":
			rollbacks++
		case e.Type == "compensation_ended":
			rollbacks--
		case e.Type == "undo_started" && open[e.Step], e.Type == "undo_held", e.Type == "step_retrying" && a.strict && a.r.fail != "undo":
			a.t.Errorf("%s: run %s: %s %s", a.r.root, e.RunID, e.Step, e.Type)
		case e.Type == "undo_started":
			open[e.Step], started[e.Step] = true, e.Seq
		case e.Type == "child_undo_asked":
			ofChild[e.Step] = true
		case undo && (e.Type == "step_succeeded" || e.Type == "undo_settled"):
			if !open[e.Step] {
				a.t.Errorf("%s: run %s: %s ended twice", a.r.root, e.RunID, e.Step)
			}
			over[e.Step] = e.Seq
			if delete(open, e.Step); e.Type == "step_succeeded" && !ofChild[e.Step] {
				a.accepted++
			}
		}
	}
	for _, one := range a.r.shape.together {
		for _, other := range a.r.shape.together {
			if over[one] > 0 && started[other] > over[one] {
				a.t.Errorf("%s: %s waited for %s", a.r.root, other, one)
			}
		}
	}
	if len(open) > 0 || rollbacks != 0 {
		a.t.Errorf("%s: undoing has not ended: %d, %v", a.r.root, rollbacks, open)
	}
}
