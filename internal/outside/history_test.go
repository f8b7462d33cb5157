package outside

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// What a client asks of a run, and what it can be told.
const (
	opStart   = "start"
	opView    = "view"
	opApprove = "approve"
	opCancel  = "cancel"
	opSignal  = "signal"

	gotOK       = "ok"
	gotConflict = "conflict" // the state does not allow it
	gotMissing  = "missing"  // there is no such thing
	gotUnknown  = "unknown"  // no answer, or one that says that nobody knows: it happened at some time from then on, or never
)

// asked is one operation on a run, named by its start's idempotency key.
type asked struct {
	run string
	op  string
}

// told is its answer. state is what a view showed.
type told struct {
	got   string
	state string
}

// final are the states that a run never leaves: nobody here retries or rolls back by hand.
var final = []string{"succeeded", "failed", "cancelled", "timed_out"}

// history is what all clients asked and were told. Its methods are for several goroutines.
type history struct {
	begin time.Time

	mu    sync.Mutex
	ops   []porcupine.Operation
	open  map[asked]bool // of unknown outcome, noted already
	acked int            // writes that were acknowledged
}

func newHistory() *history { return &history{begin: time.Now(), open: map[asked]bool{}} }

func (h *history) now() int64 { return int64(time.Since(h.begin)) }

// add notes an operation that was asked at a time of now, and has just been answered. A look that nobody answered says nothing. Of
// writes of unknown outcome the first one of its kind stands for those after it: its effect may come at any time from
// then on, and a second one changes nothing.
func (h *history) add(client int, a asked, at int64, t told) {
	h.mu.Lock()
	defer h.mu.Unlock()
	end := h.now()
	switch {
	case t.got == gotUnknown && (a.op == opView || a.op == opSignal || h.open[a]):
		return
	case t.got == gotUnknown:
		h.open[a] = true
		end = math.MaxInt64
	case t.got == gotOK && a.op != opView:
		h.acked++
	}
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: a, Output: t, Call: at, Return: end})
}

// register is a run as clients know it.
type register struct {
	started, approved, cancelled bool
	terminal                     string // empty: it goes on, as far as anybody was shown
}

// step says whether a run can answer so, and what it is then. What the engine does by itself, nobody asked for: it ends
// between two operations, and the first look that shows it settles it.
func (r register) step(op string, t told) (bool, register) {
	live := r.terminal == ""
	switch {
	case op == opView:
		return r.view(t)
	case op == opStart:
		r.started = true
		return t.got == gotOK || t.got == gotUnknown, r
	case t.got == gotUnknown:
		if live && op == opApprove && !r.cancelled {
			r.approved = true
		}
		if live && op == opCancel {
			r.cancelled = true
		}
		return true, r
	case op == opApprove:
		return r.approve(t)
	case op == opCancel && t.got == gotOK:
		r.cancelled = true
		return r.started && live, r
	case op == opSignal && t.got == gotOK:
		return r.started && live, r
	}
	return r.started && t.got == gotConflict, r // ended, or about to
}

// view: what was started is seen ever after, an end is final, and what was cancelled does not succeed.
func (r register) view(t told) (bool, register) {
	switch {
	case t.got == gotMissing:
		return !r.started, r
	case !r.started:
		return false, r
	case !slices.Contains(final, t.state):
		return r.terminal == "", r
	case r.terminal != "":
		return r.terminal == t.state, r
	}
	r.terminal = t.state
	return !r.cancelled || t.state != "succeeded", r
}

// approve: one answer counts. What has ended or was cancelled takes none.
func (r register) approve(t told) (bool, register) {
	switch t.got {
	case gotOK:
		legal := r.started && !r.approved && !r.cancelled && r.terminal == ""
		r.approved = true
		return legal, r
	case gotMissing: // the step has not come yet, or never will
		return !r.approved, r
	}
	return r.approved || r.cancelled || r.terminal != "", r
}

// model is a run for porcupine; each run is checked by itself.
var model = porcupine.Model{
	Partition: func(all []porcupine.Operation) [][]porcupine.Operation {
		byRun := map[string][]porcupine.Operation{}
		for _, o := range all {
			run := o.Input.(asked).run
			byRun[run] = append(byRun[run], o)
		}
		var parts [][]porcupine.Operation
		for _, ops := range byRun {
			parts = append(parts, ops)
		}
		return parts
	},
	Init: func() any { return register{} },
	Step: func(state, input, out any) (bool, any) {
		return state.(register).step(input.(asked).op, out.(told))
	},
}

// checkTimeout is for one run's operations, of which there are some dozens.
const checkTimeout = 30 * time.Second

// check answers what clients were told that no run can have said.
func (h *history) check() (wrong []violation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, ops := range model.Partition(h.ops) {
		if kind := finding(porcupine.CheckOperationsTimeout(model, ops, checkTimeout)); kind != "" {
			wrong = append(wrong, violation{kind, fmt.Sprintf("run %s: %s", ops[0].Input.(asked).run, tell(ops))})
		}
	}
	return wrong
}

// finding is the kind of violation that a check found, "" when it found none.
func finding(result porcupine.CheckResult) string {
	switch result {
	case porcupine.Ok:
		return ""
	case porcupine.Unknown:
		return unjudged
	}
	return illegalHistory
}

// tell is a history for people, in order of what was asked.
func tell(ops []porcupine.Operation) (text string) {
	ops = slices.Clone(ops)
	slices.SortFunc(ops, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	for _, o := range ops {
		in, out := o.Input.(asked), o.Output.(told)
		end := "never"
		if o.Return != math.MaxInt64 {
			end = time.Duration(o.Return).Round(time.Millisecond).String()
		}
		text += fmt.Sprintf("\n  client %d, %v to %s: %s %s %s", o.ClientId, time.Duration(o.Call).Round(time.Millisecond), end, in.op, out.got, out.state)
	}
	return text
}

// acknowledged tells whether anybody was told that a write of theirs was done.
func (h *history) acknowledged(run, op string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.ContainsFunc(h.ops, func(o porcupine.Operation) bool {
		return o.Input == asked{run, op} && o.Output.(told).got == gotOK
	})
}
