package sim

import (
	"encoding/binary"
	"strings"
	"testing"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/audit"
)

// writing makes transactions as a store gets them: facts of one run with their audit records.
type writing struct {
	chain audit.State
	next  uint64
}

func (w *writing) tx(facts ...codec.Fielder) store.Tx {
	page := audit.NewPage(audit.Chain{Tenant: "default"}, w.chain)
	entry := []byte{1}
	first := w.next + 1
	for i, f := range facts {
		var kind uint64
		switch f := f.(type) {
		case scheduler.Fact:
			kind = uint64(f.Kind())
		case safety.ApprovalFact:
			kind = uint64(f.Kind())
		}
		body := codec.Append(nil, f)
		one := binary.AppendUvarint(nil, kind<<1|1)
		one = append(binary.AppendVarint(one, 7), 0, 0) // a time, nobody, no reason
		one = append(binary.AppendUvarint(one, uint64(len(body))), body...)
		entry = append(entry, one...)
		read, _, _ := factsOf(store.Append{Log: store.LogID{Run: "r"}, Value: append([]byte{1}, one...)})
		page.Add(audit.Record{Act: actOf(f), Run: "r", FactSeq: first + uint64(i), FactHash: read[0].hash})
	}
	w.next += uint64(len(facts))
	w.chain = page.State()
	return store.Tx{
		Appends: []store.Append{{Log: store.LogID{Run: "r"}, First: first, Count: uint32(len(facts)), Value: entry}},
		Puts:    page.Puts(nil),
	}
}

// TestLaw shows the law commits and jobs that break it.
func TestLaw(t *testing.T) {
	request := safety.Request{Tenant: "default", Workflow: "w", Step: "a", Topic: "job.a", Effect: "write", Input: []byte(`{"n":1}`)}
	decided := func(verdict string) *scheduler.JobDecided {
		return &scheduler.JobDecided{Step: 0, Verdict: verdict, Snapshot: "s", Hash: request.Hash()}
	}
	released := &scheduler.JobReleased{Step: 0, Send: 1, Token: []byte("t")}
	asked := func(by string) []codec.Fielder {
		return []codec.Fielder{
			decided("REQUIRE_APPROVAL"),
			&safety.ApprovalOpened{Hash: request.Hash(), Snapshot: "s", RequestedBy: "user:ann", Needs: []safety.Need{{Quorum: 1, FourEyes: true}}},
			&safety.ApprovalVoted{Vote: safety.Vote{By: by, Decision: safety.VoteApprove, Hash: request.Hash()}},
			&safety.ApprovalClosed{State: safety.ApprovalApproved}, released, &safety.ApprovalConsumed{},
		}
	}
	job := func(input string) *wire.JobRequest {
		return &wire.JobRequest{
			JobId: "r.a~0", RunId: "r", TenantId: "default", WorkflowId: "w", StepId: "a", Topic: "job.a", Input: []byte(input), Token: []byte("t"),
			JobHash: request.Hash(), DecisionSnapshot: "s", DecisionRule: "default",
		}
	}
	for name, c := range map[string]struct {
		facts []codec.Fielder
		lose  bool // an audit record
		job   *wire.JobRequest
		want  string
	}{
		"nothing wrong":         {facts: []codec.Fielder{decided("ALLOW"), released}, job: job(`{"n":1}`)},
		"nothing wrong, asked":  {facts: asked("user:bob"), job: job(`{"n":1}`)},
		"no decision":           {facts: []codec.Fielder{released}, want: "without a decision"},
		"denied":                {facts: []codec.Fielder{decided("DENY"), released}, want: "the decision is DENY"},
		"nobody asked":          {facts: []codec.Fielder{decided("REQUIRE_APPROVAL"), released}, want: "asked false"},
		"approved by who asked": {facts: asked("user:ann"), want: "approved by 0 people"},
		"used twice":            {facts: append(asked("user:bob"), &safety.ApprovalConsumed{}), want: "used before: true"},
		"not released":          {facts: []codec.Fielder{decided("ALLOW")}, job: job(`{"n":1}`), want: "no release of it is durable"},
		"other bytes":           {facts: []codec.Fielder{decided("ALLOW"), released}, job: job(`{"n":2}`), want: "are not those that were decided"},
		"no record":             {facts: []codec.Fielder{decided("ALLOW"), released}, lose: true, want: `has 0 records "decision"`},
	} {
		t.Run(name, func(t *testing.T) {
			l, w := newLaw(), &writing{}
			tx := w.tx(c.facts...)
			if c.lose {
				tx.Puts = nil
			}
			l.commit("", tx)
			if c.job != nil {
				l.delivered(c.job)
			}
			said := strings.Join(l.wrongs(), "\n")
			if (c.want == "") != (said == "") || !strings.Contains(said, c.want) {
				t.Errorf("it says %q, want %q", said, c.want)
			}
		})
	}
}
