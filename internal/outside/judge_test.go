package outside

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Kinds of violations. Each is found in a forged history or ledger by a test.
const (
	illegalHistory = "clients were told what no run can have said"
	unjudged       = "whether clients were told what a run can have said was not found out in time"
	lostWrite      = "an acknowledged write is not in the log"
	startedTwice   = "one idempotency key started two runs"
	gapInLog       = "the log of a run has a gap"
	neverEnded     = "a run never ended"
	begunTwice     = "an attempt that may not be repeated began twice"
	acceptedTwice  = "a step succeeded twice"
	staleAccepted  = "the result of an attempt that was given up was accepted"
	inventedResult = "a result was accepted that no worker had"
	approvedTwice  = "an approval was used twice"
	notUndone      = "what had an effect was not undone"
	undoneForNone  = "something was undone that was not done"
	undoneTwice    = "a compensation was accepted twice"
	undoOrder      = "a step was undone before what came after it"
	tokenTwice     = "a fencing token is in two hands"
	tokenFell      = "a fencing token is not above those before it"
)

// violation is one finding.
type violation struct{ kind, what string }

// verdict is what is known of one run when everything is over.
type verdict struct {
	key      string
	workflow string
	view     view
	events   []event
	signals  [2]int // acknowledged, unknown
	approved bool   // acknowledged
	cancel   bool   // acknowledged
	ended    bool   // a client saw its end
	again    string // the run that its key answers in the end; empty: nobody answered
}

// judge looks at one run: its timeline, and what the workers' ledger says of it.
func (v verdict) judge(all []entry) (wrong []violation) {
	find := func(kind, format string, args ...any) {
		wrong = append(wrong, violation{kind, "run " + v.view.ID + " (" + v.key + "): " + fmt.Sprintf(format, args...)})
	}
	if v.view.ID != "" && len(v.events) == 0 {
		find(lostWrite, "its start")
		return wrong
	}
	if !v.ended {
		find(neverEnded, "it is %s, compensation %s, after %d events", v.view.State, v.view.Compensation, len(v.events))
		return wrong
	}
	if v.again != "" && v.again != v.view.ID {
		find(startedTwice, "the other one is %s", v.again)
	}
	for i, e := range v.events {
		if e.Seq != uint64(i+1) || e.Prev != uint64(i) {
			find(gapInLog, "event %d has seq %d, prev %d", i+1, e.Seq, e.Prev)
			return wrong
		}
	}
	var mine []entry
	for _, e := range all {
		if e.Run == v.view.ID {
			mine = append(mine, e)
		}
	}
	v.written(find)
	v.accepted(mine, find)
	if v.workflow == "undone" {
		v.undone(mine, find)
		v.order(find)
	}
	return wrong
}

// finder notes a violation.
type finder = func(kind, format string, args ...any)

// count counts the events of a type, of one step or (empty) of any.
func (v verdict) count(kind, step string) (n int) {
	for _, e := range v.events {
		if e.Type == kind && (step == "" || e.Step == step) {
			n++
		}
	}
	return n
}

// written: what clients were acknowledged is in the log, as often as they asked for it.
func (v verdict) written(find finder) {
	if n := v.count("run_started", ""); n != 1 {
		find(lostWrite, "it was started %d times", n)
	}
	if n := v.count("signal_received", ""); n < v.signals[0] || n > v.signals[0]+v.signals[1] {
		find(lostWrite, "%d signals were acknowledged, %d are unknown, the log has %d", v.signals[0], v.signals[1], n)
	}
	approvals := v.count("approval_approved", "may")
	if approvals > 1 {
		find(approvedTwice, "%d times", approvals)
	}
	if v.approved && approvals == 0 {
		find(lostWrite, "the approval")
	}
	if v.cancel && v.count("run_stopping", "") == 0 {
		find(lostWrite, "the cancel")
	}
}

// accepted: a step succeeds once, by a result that a worker had, of the newest attempt.
func (v verdict) accepted(mine []entry, find finder) {
	newest, succeeded := map[string]int{}, map[string]int{}
	for _, e := range v.events {
		switch e.Type {
		case "step_started":
			newest[e.Step] = number(e.Data["attempt"])
		case "step_succeeded":
			if succeeded[e.Step]++; succeeded[e.Step] == 2 {
				kind := acceptedTwice
				if strings.HasPrefix(e.Step, "undo:") {
					kind = undoneTwice
				}
				find(kind, "%s, again at %d", e.Step, e.Seq)
			}
			out, ok := outputOf(e)
			if !ok {
				continue // a wait, an approval
			}
			at, undo := strings.CutPrefix(e.Step, "undo:")
			if out.Number != newest[e.Step] {
				find(staleAccepted, "%s: of attempt %d, and %d was the newest", e.Step, out.Number, newest[e.Step])
			}
			if !slices.ContainsFunc(mine, func(l entry) bool {
				return l.Phase == "end" && l.At == at && l.Undo == undo && l.Effect == out.Effect && l.Number == out.Number
			}) {
				find(inventedResult, "%s: %+v", e.Step, out)
			}
		}
	}
}

// outputOf is what a worker answered, if it was one.
func outputOf(e event) (out output, ok bool) {
	raw, err := json.Marshal(e.Data["output"])
	return out, err == nil && json.Unmarshal(raw, &out) == nil && out.Number > 0
}

func number(v any) int {
	f, _ := v.(float64)
	return int(f)
}

// undone: of a run that was rolled back, what had an effect or may have had one is undone, once, and nothing else is.
func (v verdict) undone(mine []entry, find finder) {
	rolledBack := v.count("compensation_started", "") > 0
	for _, at := range []string{"x", "y"} {
		begun, known := false, map[string]bool{}
		for _, e := range mine {
			if e.At == at && !e.Undo {
				begun = begun || e.Phase == "begin"
				known[e.Effect] = true
			}
		}
		given := v.count("job_running", at) > 0 || v.count("job_dispatched", at) > 0
		settled := v.count("step_succeeded", "undo:"+at) + v.count("undo_settled", "undo:"+at)
		if begun && settled == 0 {
			find(notUndone, "%s; rolled back: %t", at, rolledBack)
		}
		for _, e := range mine {
			if e.At == at && e.Undo && e.Phase == "begin" && (!given || e.Effect != "" && !known[e.Effect]) {
				find(undoneForNone, "%s: %+v", at, e)
			}
		}
	}
}

// order: x is undone after y was.
func (v verdict) order(find finder) {
	over := uint64(0)
	for _, e := range v.events {
		switch {
		case e.Step == "undo:y" && (e.Type == "step_succeeded" || e.Type == "undo_settled"):
			over = e.Seq
		case e.Step == "undo:x" && e.Type == "undo_started" && v.count("undo_started", "undo:y") > 0 && over == 0:
			find(undoOrder, "undo:x began at %d", e.Seq)
		}
	}
}

// judgeLedger looks at what the workers wrote, whatever the runs say: what may not be repeated began once, and the resource
// let tokens in that rise.
func judgeLedger(all []entry) (wrong []violation) {
	begun := map[string]entry{}
	hands := map[int64]entry{}
	var top int64
	for _, e := range all {
		if e.Phase != "begin" {
			continue
		}
		if first, again := begun[e.Attempt]; again && !e.Repeat {
			wrong = append(wrong, violation{begunTwice, fmt.Sprintf("%+v and %+v", first, e)})
		}
		begun[e.Attempt] = e
		if e.Fence == 0 {
			continue
		}
		if first, taken := hands[e.Fence]; taken && (first.Attempt != e.Attempt || first.Life != e.Life) {
			wrong = append(wrong, violation{tokenTwice, fmt.Sprintf("%+v and %+v", first, e)})
		}
		if e.Fence < top {
			wrong = append(wrong, violation{tokenFell, fmt.Sprintf("%+v came in after %d", e, top)})
		}
		hands[e.Fence], top = e, max(top, e.Fence)
	}
	slices.SortStableFunc(wrong, func(a, b violation) int { return cmp.Compare(a.kind, b.kind) })
	return wrong
}
