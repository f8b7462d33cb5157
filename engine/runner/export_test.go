package runner

import (
	"context"

	"cordum.dev/cordum/scheduler"
)

// StatesOf answers a run's state three times, encoded: as its lane has it, as snapshot and log give it, and as the log alone
// gives it.
func StatesOf(ctx context.Context, r *Runner, tenant, run string) (held, loaded, folded []byte, err error) {
	held, err = readRun(ctx, r, tenant, run, func(lr *live) ([]byte, error) { return encode(lr), nil })
	if err != nil {
		return
	}
	lr, err := r.load(ctx, tenant, run)
	if err != nil {
		return
	}
	loaded = encode(lr)
	bare, err := newLive(run, lr.plan)
	if err != nil {
		return
	}
	bare.run.Tenant = tenant
	if err = r.replay(ctx, tenant, bare, nil); err != nil {
		return
	}
	return held, loaded, encode(bare), nil
}

// Panic makes the next turn of a run panic, as a mistake in deciding would.
func Panic(r *Runner, tenant, run string) {
	r.laneOf(run).inbox.push(task{run: run, tenant: tenant, do: func(*turn) { panic("on purpose") }})
}

// Tamper changes the input of a run's node in memory, as nothing in here ever does, and returns when that is done.
func Tamper(r *Runner, tenant, run string, node int32, input []byte) {
	done := make(chan struct{})
	r.laneOf(run).inbox.push(task{run: run, tenant: tenant, do: func(t *turn) {
		t.live.run.Steps[node].Input.Data = input
		close(done)
	}})
	<-done
}

// GivenWith tells whether a token was given with the attempt that is named.
func GivenWith(token []byte, attempt string) bool { return givenWith(token, attempt) }

// TopicReady tells whether somebody said to be ready for a topic.
func TopicReady(r *Runner, topic string) bool { return r.topicReady(topic) }

// Stall keeps the lane of a run from everything until the answer is called: what comes meanwhile is one batch.
func Stall(r *Runner, run string) (goOn func()) {
	begun, over := make(chan struct{}), make(chan struct{})
	r.laneOf(run).inbox.push(task{do: func(*turn) {
		close(begun)
		<-over
	}})
	<-begun
	return func() { close(over) }
}

// KeepLogs has what is new of the logs of a run's lane stored, as happens every few seconds.
func KeepLogs(r *Runner, run string) {
	r.laneOf(run).inbox.push(task{do: func(t *turn) { t.lane.keepLogs() }})
}

// LogBytes is what the lines of logs weigh that are in memory, those included that wait for the word whose they are.
func LogBytes(r *Runner) int64 { return r.logs.bytes.Load() }

// GrantLate keeps the fleet's word that a worker gets an attempt, as of now, until it is called.
func GrantLate(r *Runner, attempt, worker, topic string) (deliverNow func()) {
	g := scheduler.Grant{Attempt: attempt, Worker: worker, Topic: topic, Direct: true, Native: true, Why: "late"}
	r.dispatch.mu.Lock()
	defer r.dispatch.mu.Unlock()
	n := notice{place: r.dispatch.places[attempt], kind: noticeGranted, attempt: attempt, grant: g}
	return func() { r.dispatch.deliver([]notice{n}) }
}

// Knows tells whether a runner knows what is in force.
func Knows(r *Runner) bool { return !r.stale() && r.inForce() != "" }

// FamilyOf is the family of a kind of documents, "" of none.
func FamilyOf(kind string) string {
	s := familiesOf([]DocChange{{Kind: kind}})
	for f := range family(families) {
		if s == setOf(f) {
			return f.String()
		}
	}
	return ""
}

// RevisionOf is the n-th revision in an era.
func RevisionOf(era, n uint64) string {
	a := &agreement{}
	a.count.Store(n - 1)
	return a.next(era)
}

// EraOf is eraOf.
var EraOf = eraOf
