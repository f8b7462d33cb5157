package main

import (
	"regexp"
	"testing"

	"cordum.dev/cordum/engine/runner"
)

func TestUndoEventsInWords(t *testing.T) {
	type data = map[string]any
	for want, e := range map[string]runner.Event{
		`rollback +started +checkpoint built  then retry  by user:ann$`: {Type: "compensation_started", Actor: "user:ann", Data: data{"checkpoint": "built", "then": "retry"}},
		`rollback +ended +kept charge, ship  undone 3$`:                 {Type: "compensation_ended", Data: data{"undone": 3.0, "kept": []any{"charge", "ship"}}},
		`rollback +ended +undone 0$`:                                    {Type: "compensation_ended", Data: data{"undone": 0.0, "kept": []any{}}},
		`undo each\[2\] +has its turn$`:                                 {Type: "undo_started", Step: "undo:each[2]"},
		`undo charge +started +attempt 1`:                               {Type: "step_started", Step: "undo:charge", Data: data{"attempt": 1.0}},
		`undo charge +job dispatched  worker w`:                         {Type: "job_dispatched", Step: "undo:charge", Data: data{"worker_id": "w"}},
		`undo charge +undone$`:                                          {Type: "step_succeeded", Step: "undo:charge"},
		`undo charge +held: waits for a person  error bank_closed: no answer$`: {
			Type: "undo_held", Step: "undo:charge", Data: data{"error": data{"code": "bank_closed", "message": "no answer", "retryable": false}},
		},
		`undo charge +is settled +reason by hand  how done  by user:ann$`: {Type: "undo_settled", Step: "undo:charge", Actor: "user:ann", Data: data{"how": "done", "reason": "by hand"}},
		`undo charge +is tried again  by user:ann$`:                       {Type: "undo_retried", Step: "undo:charge", Actor: "user:ann"},
		`run +back at a checkpoint  checkpoint built  paused false`:       {Type: "run_set_back", Data: data{"checkpoint": "built", "paused": false}},
		`run +sent back +feedback shorter  paused false  step draft`:      {Type: "run_set_back", Data: data{"step": "draft", "feedback": "shorter", "paused": false}},
		`run +tried again`:    {Type: "run_set_back"},
		`step charge +failed`: {Type: "step_failed", Step: "charge"},
	} {
		line := eventLine(&printer{}, e)
		if !regexp.MustCompile(`  ` + want).MatchString(line) {
			t.Errorf("%s: %q does not fit %q", e.Type, line, want)
		}
	}
}

func TestDecisionsInWords(t *testing.T) {
	type data = map[string]any
	for want, e := range map[string]runner.Event{
		`job ship +decided +ALLOW  rule acme/all$`: {Type: "job_decided", Step: "ship", Data: data{"decision": "ALLOW", "rule_id": "acme/all", "rules": []any{"acme/all"}}},
		`job ship +decided +DENY  rule a/b  rules a/b, c/d  why no$`: {
			Type: "job_decided", Step: "ship", Data: data{"decision": "DENY", "rule_id": "a/b", "rules": []any{"a/b", "c/d"}, "why": "no"},
		},
		`approval ship +voted +approve  comment fine  by user:ann$`: {
			Type: "approval_voted", Step: "ship", Actor: "user:ann", Data: data{"reason": "fine", "decision": "approve", "comment": "fine"},
		},
		`approval ship +approved +by user:ann$`: {Type: "approval_approved", Step: "ship", Actor: "user:ann", Data: data{"decision": "approved"}},
		`job ship +waiting$`:                    {Type: "job_waiting", Step: "ship", Data: data{"waiting": true}},
		`job ship +goes on$`:                    {Type: "job_waiting", Step: "ship", Data: data{"waiting": false}},
	} {
		line := eventLine(&printer{}, e)
		if !regexp.MustCompile(`  ` + want).MatchString(line) {
			t.Errorf("%s: %q does not fit %q", e.Type, line, want)
		}
	}
}
