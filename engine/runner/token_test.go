package runner_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/runner"
)

// lateResults are the results of a run that were noted and not taken, oldest first.
func (w *world) lateResults(run string) (out []map[string]any) {
	w.t.Helper()
	events, _, err := w.r.Timeline(context.Background(), ann, run, 0, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range events {
		if e.Type == "late_result" {
			out = append(out, e.Data)
		}
	}
	return out
}

// TestTokenUnderAnotherAttemptsName: what a worker says under the name of another attempt than the one that its token was given with
// is not said, whatever it is: leave, progress, a return, a result, the answer to a cancel. The attempt that has the token goes on,
// and under its own name all that counts.
func TestTokenUnderAnotherAttemptsName(t *testing.T) {
	for name, named := range map[string]func(job string) string{
		"before":  func(job string) string { return job },
		"to come": func(job string) string { return job + "@3" },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.put(sprintf(plain, "write", ", retry: {max_attempts: 2, initial: 1s}"))
				k := w.newWorker("w1", nil, "job.t.work")
				run := w.run("plain", `{}`)
				first := k.next()
				k.accept(first)
				k.answer(first, failing())
				job := k.next()
				other := named(first.JobId)
				refused := func(what string, p *wire.BusPacket) {
					t.Helper()
					if code := k.request(job.AnswerSubject, p); code != wire.AckCode_ACK_CODE_STALE {
						t.Errorf("%s was answered %s", what, code)
					}
				}
				result := func(status wire.JobStatus) *wire.BusPacket {
					return &wire.BusPacket{Payload: &wire.BusPacket_JobResult{JobResult: &wire.JobResult{
						JobId: other, Token: job.Token, WorkerId: k.id, Status: status, Output: []byte(`"other"`),
					}}}
				}

				refused("a return", &wire.BusPacket{Payload: &wire.BusPacket_JobReturn{JobReturn: &wire.JobReturn{
					JobId: other, Token: job.Token, WorkerId: k.id,
				}}})
				refused("a question for leave", &wire.BusPacket{Payload: &wire.BusPacket_JobBegin{JobBegin: &wire.JobBegin{
					JobId: other, Token: job.Token, WorkerId: k.id,
				}}})
				if st := w.step(run, "a"); st.JobState != "dispatched" {
					t.Errorf("the job is %s", st.JobState)
				}
				k.accept(job)
				k.publish(job.AnswerSubject, &wire.BusPacket{Payload: &wire.BusPacket_JobProgress{JobProgress: &wire.JobProgress{
					JobId: other, Token: job.Token, WorkerId: k.id, Percent: 50,
				}}})
				time.Sleep(time.Second)
				if p := w.step(run, "a").Progress; p != nil {
					t.Errorf("progress %+v", p)
				}
				for range 2 {
					refused("a result", result(wire.JobStatus_JOB_STATUS_SUCCEEDED))
				}
				w.command(run, runner.VerbCancel)
				<-k.cancelled
				refused("the answer to a cancel", result(wire.JobStatus_JOB_STATUS_CANCELLED))
				if st := w.step(run, "a"); st.JobState != "running" || st.Attempt != 2 {
					t.Errorf("attempt %d is %s", st.Attempt, st.JobState)
				}
				if late := w.lateResults(run); len(late) != 1 || late[0]["attempt"] != int32(0) || late[0]["result"] != "succeeded" {
					t.Errorf("noted: %v", late)
				}

				code := k.answer(job, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_CANCELLED})
				if code != wire.AckCode_ACK_CODE_OK {
					t.Errorf("the attempt's own answer: %s", code)
				}
				if v := w.ended(run); v.State != "cancelled" {
					t.Error(v.State)
				}
				refused("what was answered before", result(wire.JobStatus_JOB_STATUS_CANCELLED))
			})
		})
	}
}

// TestLateResultUnderAnotherAttemptsName: a lost attempt's result settles what nobody knew of it under its own name, and not under
// that of the attempt behind it.
func TestLateResultUnderAnotherAttemptsName(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.put(sprintf(plain, "write", ", retry: {max_attempts: 2, initial: 1s}"))
		k := w.newWorker("w1", nil, "job.t.work")
		run := w.run("plain", `{}`)
		lost := k.next()
		k.accept(lost)
		k.leave()
		k2 := w.newWorker("w2", nil, "job.t.work")
		next := k2.next()
		k2.accept(next)
		say := func(name string) wire.AckCode {
			return k.answer(&wire.JobRequest{JobId: name, Token: lost.Token, AnswerSubject: lost.AnswerSubject}, failing())
		}
		for _, name := range []string{next.JobId, lost.JobId, lost.JobId} {
			if code := say(name); code != wire.AckCode_ACK_CODE_STALE {
				t.Errorf("the lost attempt's result as %s was answered %s", name, code)
			}
		}
		synctest.Wait()
		late := w.lateResults(run)
		if len(late) != 2 || late[0]["attempt"] != int32(0) || late[0]["settles"] != nil || late[1]["attempt"] != int32(1) || late[1]["settles"] != true {
			t.Errorf("noted: %v", late)
		}
		if code := k2.done(next); code != wire.AckCode_ACK_CODE_OK {
			t.Errorf("the attempt behind it: %s", code)
		}
		if v := w.ended(run); v.State != "succeeded" {
			t.Error(v.State)
		}
	})
}

// TestTokensOfBefore: a token that does not say with which attempt it was given is believed, as are those that are none: what they
// are worth is found where the whole of them is compared.
func TestTokensOfBefore(t *testing.T) {
	const job = "0000000000000000000000000000.a~0"
	secret := strings.Repeat("s", 16) + "acme"
	for token, attempts := range map[string]struct{ second, third bool }{
		"":                                  {true, true},
		"short":                             {true, true},
		secret:                              {true, true},
		secret + "\x00\x05":                 {true, true},
		secret + "\x00\x80":                 {true, true},
		secret + "\x00\x01\x02":             {true, false},
		secret + "\x00\x85\x01\x03":         {false, true},
		secret + "\x00\x01\x80\x80\x80\x01": {false, false},
	} {
		second, third := runner.GivenWith([]byte(token), job+"@2"), runner.GivenWith([]byte(token), job+"@3")
		if second != attempts.second || third != attempts.third {
			t.Errorf("%q: given with the second %t, with the third %t", token, second, third)
		}
	}
}
