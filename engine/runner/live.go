package runner

import (
	"fmt"
	"slices"
	"time"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/steps"
	"cordum.dev/cordum/store"
)

// live is one run in memory with everything that belongs to it: the run machine's state, its jobs, its approvals, its
// timers. One lane holds it; a reader that loaded its own copy holds that.
type live struct {
	id   string
	part store.Partition
	plan *steps.Workflow

	run       *engine.Run
	jobs      []*scheduler.Job // by node; nil where the node has none
	approvals map[int32]*safety.Approval
	timers    runTimers

	seq       uint64 // number of the last fact, committed or not
	committed uint64 // number of the last committed fact
	prev      uint64 // first fact of the newest log entry
	log       logWeight

	pending []stamped // facts not committed yet, soft ones included
	firm    bool      // pending holds a fact that must be committed before anybody is told
	softAt  time.Time // when the oldest uncommitted soft fact was made
	row     liveRow   // as stored
	header  standing  // as the header has it stored
	byState string    // as the index of states has it stored
	extra   extraWrites
	spoilt  error // why pending could not be written

	replies []func(error) // who waits for the commit
	then    []func()      // what uncommitted facts ask for
	moves   []move        // what they tell the fleet
	effects []func()      // what committed facts ask for, about to be done
	alarm   alarm         // for the earliest timer

	ids  []attemptIDs // by node; what the wire calls jobs
	late []string     // late results noted: attempts and tokens

	undo     undoNotes
	dead     deadNotes // which of its jobs are dead letters
	mover    string    // who last had the run do again, or undo, what it did; "" nobody: it asks for who started it
	told     told      // what the run that started it was told
	keySaid  keySaid   // of it, to the place
	key      string    // of its workflow's concurrency, for the keyring; "" when it has none
	fromStep string    // what people call the step that started it
	heldSeen int       // how many held compensations are counted
	heldRow  bool      // the index of states has it among those with one

	putOff   map[int32]string // jobs that are not decided, and why
	refusals int              // how often in a row nobody could decide
	askAgain bool             // they are to be decided again soon
	asking   map[int32]int32  // jobs that a remote kernel is asked about, and the attempt

	settings *fleetSettings            // how long things take that do not say so; nil: as long as they like
	reserved reservations              // what jobs ask of limits
	bounds   map[int32]readConstraints // of jobs, read

	queued, softening, resting bool // in the lane's lists: of the commit to come, of soft facts, of runs that need nothing
}

// logWeight decides when a snapshot pays: when the facts since the last one weigh as much as it does.
type logWeight struct {
	facts, bytes, snapshot int
}

func (w logWeight) due() bool { return w.facts >= minSnapshotFacts && w.bytes >= w.snapshot }

// extraWrites go into the commit beside the facts.
type extraWrites struct {
	puts    []store.Put
	deletes []store.Key
}

func (w *extraWrites) any() bool { return len(w.puts)+len(w.deletes) > 0 }

func newLive(runID string, plan *steps.Workflow) (*live, error) {
	p, err := id.Partition(runID)
	if err != nil {
		return nil, err
	}
	lr := &live{
		id: runID, part: store.Partition(p), plan: plan,
		run: engine.New(runID, plan),
	}
	lr.grow()
	return lr, nil
}

// fold applies a fact of the log.
func (lr *live) fold(f stamped) error {
	switch fact := f.fact.(type) {
	case engine.Fact:
		if err := engine.Apply(lr.run, f.at, fact); err != nil {
			return err
		}
		lr.grow()
	case scheduler.Fact:
		if err := lr.applyJob(f.at.At, fact); err != nil {
			return err
		}
	case safety.ApprovalFact:
		if err := lr.applyApproval(f.at.At, fact); err != nil {
			return err
		}
	}
	lr.seq = f.seq
	lr.follow(f.at, f.fact)
	return nil
}

// record makes a fact of a Decide part of the log; the engine has applied its own facts already. A soft fact alone does
// not cause a commit: it is written with the next one.
func (lr *live) record(at engine.Stamp, f codec.Fielder, soft bool) error {
	lr.seq++
	lr.pending = append(lr.pending, stamped{seq: lr.seq, at: at, fact: f})
	if !soft {
		lr.firm = true
	} else if lr.softAt.IsZero() {
		lr.softAt = at.At
	}
	switch fact := f.(type) {
	case engine.Fact:
		lr.grow()
	case scheduler.Fact:
		if err := lr.applyJob(at.At, fact); err != nil {
			return err
		}
	case safety.ApprovalFact:
		if err := lr.applyApproval(at.At, fact); err != nil {
			return err
		}
	}
	lr.follow(at, f)
	return nil
}

func (lr *live) applyJob(at time.Time, f scheduler.Fact) error {
	if f.Of() < 0 || int(f.Of()) >= len(lr.jobs) || lr.jobs[f.Of()] == nil {
		return fmt.Errorf("%w: step %d has no job", scheduler.ErrBadFact, f.Of())
	}
	return scheduler.Apply(lr.jobs[f.Of()], at, f)
}

func (lr *live) applyApproval(at time.Time, f safety.ApprovalFact) error {
	a := lr.approvals[f.Of()]
	if _, opened := f.(*safety.ApprovalOpened); a == nil && opened && f.Of() >= 0 && int(f.Of()) < len(lr.run.Steps) {
		a = &safety.Approval{}
		lr.setApproval(f.Of(), a)
	}
	if a == nil || !a.Fits(f) {
		return fmt.Errorf("fact of kind %d does not fit the approval of step %d", f.Kind(), f.Of())
	}
	a.Apply(at, f)
	return nil
}

func (lr *live) setApproval(step int32, a *safety.Approval) {
	if lr.approvals == nil {
		lr.approvals = make(map[int32]*safety.Approval)
	}
	lr.approvals[step] = a
}

// terms are what a node's step says of its job.
func (lr *live) terms(node int32) scheduler.Terms {
	spec := lr.run.Spec(node)
	grace := lr.plan.Def.CancelGrace
	if grace == 0 {
		grace = dag.DefaultCancelGrace
	}
	return scheduler.Terms{
		Idempotent: spec.Idempotent, Timeout: lr.attemptTimeout(node), QueueTimeout: lr.queueTimeout(node),
		HeartbeatTimeout: spec.Def.HeartbeatTimeout, CancelGrace: grace,
	}
}

// Fields describes the stored snapshot. The plan must be known before reading.
func (lr *live) Fields(c *codec.Codec) {
	c.Uint(&lr.seq)
	lr.run.Fields(c)
	if c.Reading() {
		lr.grow()
	}
	if n := c.Len(len(lr.jobs)); n != len(lr.jobs) {
		c.Fail()
		return
	}
	for i := range lr.jobs {
		has := lr.jobs[i] != nil
		c.Bool(&has)
		if !has {
			continue
		}
		if c.Reading() {
			lr.jobs[i] = &scheduler.Job{}
		}
		lr.jobs[i].Fields(c)
	}
	lr.approvalFields(c)
	lr.timerFields(c)
	lr.undo.fields(c)
	c.String(&lr.mover)
	lr.dead.fields(c)
}

func (lr *live) approvalFields(c *codec.Codec) {
	n := c.Len(len(lr.approvals))
	keys := sortedKeys(lr.approvals)
	if c.Reading() {
		lr.approvals, keys = make(map[int32]*safety.Approval), make([]int32, n)
	}
	for i := range keys {
		c.Int32(&keys[i])
		if c.Reading() {
			lr.approvals[keys[i]] = &safety.Approval{}
		}
		lr.approvals[keys[i]].Fields(c)
	}
}

// timerFields leaves out what heartbeats move: a worker's silence counts anew for a new owner.
func (lr *live) timerFields(c *codec.Codec) {
	refs := slices.DeleteFunc(sortedRefs(lr.timers.due), func(r timerRef) bool { return r.kind == uint8(scheduler.TimerHeartbeat) })
	n := c.Len(len(refs))
	if c.Reading() {
		lr.timers.clearAll()
		refs = make([]timerRef, n)
	}
	for i := range refs {
		kind, due := uint64(refs[i].kind), lr.timers.decided(refs[i])
		c.Uint(&kind)
		c.Int32(&refs[i].step)
		c.Time(&due)
		if c.Reading() {
			lr.timers.set(timerRef{uint8(kind), refs[i].step}, due)
		}
	}
}
