package engine

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"cordum.dev/cordum/internal/codec"
)

// maxEvents bounds what may happen in one random run.
const maxEvents = 5000

// TestOrderDoesNotMatter: however independent results, answers, signals, timers, pauses and restarts are interleaved, a run
// ends as was foretold from its scripts; when nothing stops it every step's state does.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, false)
		d := watched(t, w)
		d.submit(`{"no":false}`)
		for n := 0; !d.run.Settled(); n++ {
			if n > maxEvents {
				t.Fatalf("the run does not end: %v", standing(d.run))
			}
			switch rapid.IntRange(0, 19).Draw(t, "interfere") {
			case 0:
				d.feed(Pause{d.stamp()})
			case 1:
				d.restart()
			}
			if !w.anything(t, d) || d.run.Paused && rapid.Bool().Draw(t, "resume") {
				d.feed(Resume{d.stamp()})
			}
			d.goOn()
		}
		steps, failed := w.foretell(d.run.Plan.Def)
		want := "succeeded"
		if failed {
			want = "failed"
		}
		if got := d.run.State.String(); got != want {
			t.Fatalf("the run %s, foretold %s\n%s\n%v", got, want, w.src, states(d.run))
		}
		if d.run.Stop == StopNone && !maps.Equal(rootStates(d.run), steps) {
			t.Fatalf("steps ended %v\nforetold %v\n%s", rootStates(d.run), steps, w.src)
		}
	})
}

// TestInvariants: whatever comes in whatever order, early, late, twice or never, nothing that must hold breaks, and when
// the noise is over the run ends, and what it did is undone if it is to be.
func TestInvariants(t *testing.T) { rapid.Check(t, invariants) }

// FuzzResultIngest looks for inputs to a run that break what TestInvariants checks, guided by what they reach.
func FuzzResultIngest(f *testing.F) {
	for seed := range uint64(8) {
		random, raw := rand.New(rand.NewPCG(seed, 1)), make([]byte, 32<<10)
		for i := range raw {
			raw[i] = byte(random.Uint32())
		}
		f.Add(raw)
	}
	f.Fuzz(rapid.MakeFuzz(invariants))
}

func invariants(t *rapid.T) {
	w := drawWorld(t, true)
	d := watched(t, w)
	d.feed(w.submit(t, d))
	for range rapid.IntRange(0, 60).Draw(t, "events") {
		noise(t, w, d)
	}
	comeToRest(t, w, d)
	end := codec.Append(nil, d.run)
	for range 5 {
		stray(t, w, d)
	}
	if !bytes.Equal(end, codec.Append(nil, d.run)) {
		t.Fatalf("a settled run changed")
	}
	if !same(d.run, fold(t, d.run.Plan, d.log)) {
		t.Fatalf("folding the whole log gives another state")
	}
}

// comeToRest lets what is outstanding happen until the run has settled.
func comeToRest(t *rapid.T, w *world, d *driver) {
	for n := 0; !d.run.Settled(); n++ {
		if n > maxEvents {
			t.Fatalf("the run does not end: %v\n%s", standing(d.run), w.src)
		}
		if n%500 == 499 { // it may come back to its checkpoint for ever
			d.feed(Cancel{Stamp: d.stamp()})
		}
		d.feed(Admit{d.stamp()})
		d.feed(Resume{d.stamp()})
		w.anything(t, d)
		d.goOn()
	}
}

// watched is a driver that checks, after each decision, everything that must hold.
func watched(t *rapid.T, w *world) *driver {
	plan := load(t, w.src)
	d := newDriver(t, plan)
	book := newDiary(plan.Def)
	d.watch = func(before []byte, in Input, facts []Fact) {
		checkPure(t, d, before, in, facts)
		for _, f := range facts {
			if wrong := book.note(in, f); wrong != "" {
				t.Fatalf("%s: %s after %T\n%s\n%v", wrong, describe(d.run, f), in, w.src, standing(d.run))
			}
			checkFinal(t, d, book, in, f)
			checkCause(t, d, in, f)
			checkGathered(t, d, book, f)
		}
		checkAgrees(t, d, book, w)
		checkAlive(t, d)
	}
	return d
}

// checkPure: the same input on the same state gives the same facts; the facts folded over the state before give the state
// after, by legal moves; and the same input once more gives nothing.
func checkPure(t tester, d *driver, before []byte, in Input, facts []Fact) {
	t.Helper()
	after := codec.Append(nil, d.run)
	folded := revive(t, d.run.Plan, before)
	log := make([]stampedFact, len(facts))
	for i, f := range facts {
		log[i] = stampedFact{StampOf(in), f}
	}
	followMoves(t, folded, log, func(machine string, m Move) {
		if machine == "compensation" && !slices.Contains(CompensationMoves(), m) {
			t.Fatalf("%T moves the compensation from %s to %s", in, m.From, m.To)
		}
	})
	if !bytes.Equal(codec.Append(nil, folded), after) {
		t.Fatalf("folding the facts of %T gives another state", in)
	}
	twin := revive(t, d.run.Plan, before)
	again, _ := Decide(twin, in)
	if !bytes.Equal(encodeFacts(again), encodeFacts(facts)) {
		t.Fatalf("%T decided twice gives other facts", in)
	}
	switch in := in.(type) {
	case Cancel, Late, SignalIn, Fault, Resume, Rollback, Retry, Resolve: // once more is something else
		return
	default:
		for twin.More() {
			more, err := Decide(twin, Continue{in.stamp()})
			if err != nil {
				t.Fatalf("continue: %v", err)
			}
			again = append(again, more...)
		}
		if slices.ContainsFunc(again, setsBack) {
			return // it may mean what has begun anew
		}
		if more, _ := Decide(twin, in); len(more) > 0 {
			t.Fatalf("%T repeated gives %T", in, more[0])
		}
	}
}

// checkFinal: a failure that may be retried is final only at the allowance, or when the run is stopping.
func checkFinal(t *rapid.T, d *driver, book *diary, in Input, f Fact) {
	i, _ := stepOf(f)
	out, byOutcome := in.(Outcome)
	switch f.(type) {
	case *StepEnded, *UndoHeld:
	default:
		return
	}
	if !byOutcome || i != out.Step || book.grip(i) > 0 || d.stops[i] {
		return
	}
	switch out.Result {
	case ResultFailed, ResultTimedOut, ResultLost:
		most := allowance(book.jobOf(i), ending{out.Result, out.Failure.Retryable, out.Failure.Code, out.Effect})
		if book.nodes[i].target >= 0 && book.jobOf(i).Retry == nil && (out.Failure.Retryable || out.Result == ResultLost) {
			most = 5
		}
		if e := book.nodes[i]; e.tries-e.base < most {
			t.Fatalf("%s failed after %d of %d attempts", d.run.Name(i), e.tries-e.base, most)
		}
	}
}

// checkCause: a step succeeds by what it waits for, and by nothing else.
func checkCause(t *rapid.T, d *driver, in Input, f Fact) {
	ok, is := f.(*StepSucceededFact)
	if !is {
		return
	}
	if i := ok.Step; !caused(d.run, i, in) {
		t.Fatalf("%#v makes %s succeed", in, d.run.Name(i))
	}
}

func caused(r *Run, i int32, in Input) bool {
	if r.fansOut(i) || r.loops(i) {
		return true // by what is in it: the diary looks
	}
	kind := r.Plan.Steps[r.Steps[i].Def].Kind
	if r.IsUndo(i) && kind == "subworkflow" {
		undone, is := in.(ChildUndone)
		return is && undone.Step == i
	}
	switch kind {
	case "approval":
		a, is := in.(Answer)
		return is && a.Step == i && a.Result == ResultSucceeded
	case "delay":
		due, is := in.(TimerDue)
		return is && due.Step == i && due.Timer == TimerDelay
	case "subworkflow":
		c, is := in.(ChildEnded)
		return is && c.Step == i && c.State == RunSucceeded
	case "wait":
		due, timer := in.(TimerDue)
		return !timer || due.Timer != TimerWait || due.Step == i
	case "worker":
		if a, is := in.(Answer); is { // its output was held, and is released
			return a.Step == i && a.Result == ResultSucceeded && r.Steps[i].effect
		}
		o, is := in.(Outcome)
		return is && o.Step == i && (o.Result == ResultSucceeded || o.Result == ResultQuarantined && r.IsUndo(i))
	}
	return true
}

// checkGathered: a fan-out that succeeds has an iteration for each item, and their outputs in the order of the items.
func checkGathered(t *rapid.T, d *driver, book *diary, f Fact) {
	ok, is := f.(*StepSucceededFact)
	if !is || !book.fansOut(ok.Step) || d.run.Steps[ok.Step].State != StepSucceeded { // set back in the same decision
		return
	}
	if got, want := string(d.run.OutputOf(ok.Step)), book.gathered(ok.Step); got != want {
		t.Fatalf("%s gives %s, its iterations gave %s", d.run.Name(ok.Step), got, want)
	}
}

// checkAgrees: the engine stands where the diary says.
func checkAgrees(t *rapid.T, d *driver, book *diary, w *world) {
	if len(book.nodes) != len(d.run.Steps) {
		t.Fatalf("%d nodes, the diary has %d", len(d.run.Steps), len(book.nodes))
	}
	for i, e := range book.nodes {
		s := &d.run.Steps[i]
		if s.Def != e.def || s.Parent != e.parent || s.Item != e.item || s.Round != e.round || s.Target != e.target || s.Undo != e.undo || s.Gone != e.gone || s.Attempt != e.tries {
			t.Fatalf("%s is another node than the diary's %+v: %+v", d.run.Name(int32(i)), e, s)
		}
		if got := stateOf(s); classOf(got) != classOf(e.state) && !over(e.state) {
			t.Fatalf("%s is %s, the diary says %q\n%s", d.run.Name(int32(i)), got, e.state, w.src)
		}
	}
	r := d.run
	if r.Settled() && r.Rollback && r.Target.To == "" {
		book.scope, book.kept = book.within(Target{}), book.keeps()
		for i := range book.nodes {
			if book.nodes[i].undo < 0 && book.fate(int32(i)) != "" {
				t.Fatalf("a run that rolled back has not undone %s\n%s", r.Name(int32(i)), w.src)
			}
		}
	}
}

// checkAlive: a live run waits for something that the world outside was asked for, or for a person.
func checkAlive(t *rapid.T, d *driver) {
	r := d.run
	asleep := r.State == RunPending || d.faulted() || r.Settled() || r.Paused && !r.Undoing || r.Held() > 0
	if !asleep && !r.More() && !d.outstanding() {
		t.Fatalf("the run is stuck: %v", standing(r))
	}
}
