package outside

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// said is a forged operation: client, what was asked and answered, from when to when.
type said struct {
	op, got, state string
	from, to       int64
}

func forged(ops ...said) *history {
	h := newHistory()
	for i, o := range ops {
		end := o.to
		if end == 0 {
			end = o.from + 1
		}
		h.ops = append(h.ops, porcupine.Operation{ClientId: i, Input: asked{"run-0", o.op}, Output: told{o.got, o.state}, Call: o.from, Return: end})
	}
	return h
}

const never = int64(1) << 62

// TestForgedHistories: what no run can have said is found, and what one can have said is let be.
func TestForgedHistories(t *testing.T) {
	start := said{op: opStart, got: gotOK, from: 0, to: 1}
	look := func(state string, from int64) said { return said{op: opView, got: gotOK, state: state, from: from} }
	for name, c := range map[string]struct {
		ops   []said
		legal bool
	}{
		"a run from start to end":         {[]said{start, look("running", 10), {op: opApprove, got: gotMissing, from: 11}, {op: opApprove, got: gotOK, from: 20}, {op: opApprove, got: gotConflict, from: 30}, look("succeeded", 40), look("succeeded", 50)}, true},
		"a start of unknown outcome":      {[]said{{op: opStart, got: gotUnknown, from: 0, to: never}, {op: opStart, got: gotOK, from: 5}, look("running", 9)}, true},
		"an unknown approve did count":    {[]said{start, {op: opApprove, got: gotUnknown, from: 5, to: never}, {op: opApprove, got: gotConflict, from: 20}, look("succeeded", 30)}, true},
		"an unknown cancel came late":     {[]said{start, {op: opCancel, got: gotUnknown, from: 5, to: never}, look("running", 20), look("cancelled", 30)}, true},
		"an unknown cancel came too late": {[]said{start, {op: opCancel, got: gotUnknown, from: 5, to: never}, look("succeeded", 30)}, true},
		"a look while the run ended":      {[]said{start, look("succeeded", 20), {op: opView, got: gotOK, state: "running", from: 15, to: 25}}, true},

		"the start is lost":                  {[]said{start, {op: opView, got: gotMissing, from: 10}}, false},
		"the end changes":                    {[]said{start, look("failed", 10), look("succeeded", 20)}, false},
		"the end is left":                    {[]said{start, look("failed", 10), look("running", 20)}, false},
		"approved twice":                     {[]said{start, {op: opApprove, got: gotOK, from: 10}, {op: opApprove, got: gotOK, from: 20}}, false},
		"approved after a cancel":            {[]said{start, {op: opCancel, got: gotOK, from: 10}, {op: opApprove, got: gotOK, from: 20}}, false},
		"the approval is forgotten":          {[]said{start, {op: opApprove, got: gotOK, from: 10}, {op: opApprove, got: gotMissing, from: 20}}, false},
		"refused for an answer nobody gave":  {[]said{start, {op: opApprove, got: gotConflict, from: 10}}, false},
		"cancelled, and it succeeds":         {[]said{start, {op: opCancel, got: gotOK, from: 10}, look("succeeded", 20)}, false},
		"a cancel is taken after the end":    {[]said{start, look("succeeded", 10), {op: opCancel, got: gotOK, from: 20}}, false},
		"a signal is taken after the end":    {[]said{start, look("failed", 10), {op: opSignal, got: gotOK, from: 20}}, false},
		"an answer that no run gives":        {[]said{start, {op: opCancel, got: "status 400", from: 10}}, false},
		"a run that nobody started is there": {[]said{look("running", 10)}, false},
	} {
		if found := forged(c.ops...).check(); (len(found) == 0) != c.legal {
			t.Errorf("%s: legal is %t, found %v", name, c.legal, found)
		}
	}
	for result, want := range map[porcupine.CheckResult]string{porcupine.Ok: "", porcupine.Unknown: unjudged, porcupine.Illegal: illegalHistory} {
		if got := finding(result); got != want {
			t.Errorf("%s is found to be %q, want %q", result, got, want)
		}
	}
}

// forge is an event of a forged timeline; its numbers come from its place.
func forge(kind, step string, data map[string]any) event {
	return event{Type: kind, Step: step, Data: data}
}

func result(effect string, number int) map[string]any {
	return map[string]any{"output": map[string]any{"effect": effect, "number": number}}
}

func attempt(n float64) map[string]any { return map[string]any{"attempt": n} }

// sound is a run of undone that is as it must be, with its ledger.
func sound() (verdict, []entry) {
	v := verdict{key: "run-0", workflow: "undone", view: view{ID: "R"}, signals: [2]int{1, 0}, approved: true, cancel: true, ended: true, again: "R"}
	v.events = []event{
		forge("run_started", "", nil), forge("signal_received", "", nil), forge("approval_approved", "may", nil), forge("run_stopping", "", nil),
		forge("step_started", "x", attempt(1)), forge("job_running", "x", nil), forge("step_succeeded", "x", result("ex", 1)),
		forge("step_started", "y", attempt(1)), forge("job_running", "y", nil), forge("step_succeeded", "y", result("ey", 1)),
		forge("compensation_started", "", nil),
		forge("undo_started", "undo:y", nil), forge("step_started", "undo:y", attempt(1)), forge("step_succeeded", "undo:y", result("ey", 1)),
		forge("undo_started", "undo:x", nil), forge("step_started", "undo:x", attempt(1)), forge("step_succeeded", "undo:x", result("ex", 1)),
	}
	var all []entry
	for _, e := range []entry{
		{At: "x", Attempt: "x", Effect: "ex", Fence: 1},
		{At: "y", Attempt: "y", Effect: "ey", Fence: 2},
		{At: "y", Attempt: "uy", Effect: "ey", Undo: true, Repeat: true},
		{At: "x", Attempt: "ux", Effect: "ex", Undo: true, Repeat: true},
	} {
		e.Run, e.Number, e.Life = "R", 1, "w.1"
		begin, end := e, e
		begin.Phase, end.Phase = "begin", "end"
		all = append(all, begin, end)
	}
	return v, all
}

// TestForgedRuns: each kind of violation of a run or of the ledger is found in one that is sound but for it.
func TestForgedRuns(t *testing.T) {
	again := func(v *verdict, i int) { v.events = append(v.events, v.events[i]) }
	drop := func(v *verdict, i int) { v.events = slices.Delete(v.events, i, i+1) }
	for want, spoil := range map[string]func(v *verdict, all *[]entry){
		"":                        func(*verdict, *[]entry) {},
		lostWrite + " (signal)":   func(v *verdict, _ *[]entry) { drop(v, 1) },
		lostWrite + " (approval)": func(v *verdict, _ *[]entry) { drop(v, 2) },
		lostWrite + " (cancel)":   func(v *verdict, _ *[]entry) { drop(v, 3) },
		lostWrite + " (twice)":    func(v *verdict, _ *[]entry) { again(v, 1) },
		approvedTwice:             func(v *verdict, _ *[]entry) { again(v, 2) },
		acceptedTwice:             func(v *verdict, _ *[]entry) { again(v, 6) },
		undoneTwice:               func(v *verdict, _ *[]entry) { again(v, 16) },
		staleAccepted:             func(v *verdict, _ *[]entry) { v.events[4].Data = attempt(2) },
		inventedResult:            func(v *verdict, _ *[]entry) { v.events[6].Data = result("other", 1) },
		notUndone:                 func(v *verdict, _ *[]entry) { v.events = v.events[:14] },
		undoneForNone: func(_ *verdict, all *[]entry) {
			*all = append(*all, entry{Phase: "begin", Undo: true, Run: "R", At: "x", Attempt: "u", Effect: "none", Repeat: true})
		},
		undoOrder: func(v *verdict, _ *[]entry) {
			v.events[14], v.events[11] = v.events[11], v.events[14]
			v.events[13], v.events[16] = v.events[16], v.events[13]
		},
		begunTwice:             func(_ *verdict, all *[]entry) { *all = append(*all, entry{Phase: "begin", Attempt: "x"}) },
		tokenTwice:             func(_ *verdict, all *[]entry) { *all = append(*all, entry{Phase: "begin", Attempt: "q", Fence: 2}) },
		tokenFell:              func(_ *verdict, all *[]entry) { (*all)[0].Fence = 3 },
		lostWrite + " (start)": func(v *verdict, _ *[]entry) { v.events = nil },
		neverEnded:             func(v *verdict, _ *[]entry) { v.ended = false },
		startedTwice:           func(v *verdict, _ *[]entry) { v.again = "S" },
		gapInLog:               func(*verdict, *[]entry) {},
	} {
		v, all := sound()
		spoil(&v, &all)
		for i := range v.events {
			v.events[i].Seq, v.events[i].Prev = uint64(i+1), uint64(i)
		}
		if want == gapInLog {
			v.events[5].Seq++
		}
		found := append(v.judge(all), judgeLedger(all)...)
		kind := want
		if i := slices.IndexFunc([]byte(want), func(b byte) bool { return b == '(' }); i > 0 {
			kind = want[:i-1]
		}
		if (kind == "") != (len(found) == 0) || kind != "" && !slices.ContainsFunc(found, func(f violation) bool { return f.kind == kind }) {
			t.Errorf("%q: found %v", want, found)
		}
	}
}

// TestPlans: a plan is its seed's alone, kills as often as it was told to, and stops for one to ten leases.
func TestPlans(t *testing.T) {
	targets := []target{{name: "a", weight: 1, lease: time.Second, wipe: "x"}, {name: "b", weight: 3, lease: time.Second}}
	seen := map[faultKind]int{}
	for seed := range uint64(200) {
		draw := func() []fault { return plan(rand.New(rand.NewPCG(seed, 1)), targets, 3, linksOfTwenty, 20) }
		faults := draw()
		if !reflect.DeepEqual(faults, draw()) {
			t.Fatalf("seed %d has two plans", seed)
		}
		kills := 0
		for _, f := range faults {
			seen[f.kind]++
			switch {
			case f.kind == killed || f.kind == wiped:
				kills++
			case f.kind == stopped && (f.lasts < time.Second || f.lasts > mostLeases*time.Second):
				t.Errorf("seed %d: %+v", seed, f)
			}
		}
		if kills != 20 {
			t.Errorf("seed %d: %d kills", seed, kills)
		}
	}
	if len(seen) != 6 {
		t.Errorf("not every kind of fault is drawn: %v", seen)
	}
}
