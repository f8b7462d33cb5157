package sim

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/audit"
)

// law sees every commit as the store took it, and every job as its worker got it, and says where they break the rules of
// governance: nothing is sent without an earlier durable decision about these very bytes (I23), an approval lets one job start
// (I28), each act has its one record in its own commit (I31), and the chains hold through every outage (I32).
type law struct {
	mu     sync.Mutex
	jobs   map[jobAt]*jobLaw
	leaves map[string]leave // by token
	rows   map[rowAt]bool   // of audit records
	apart  map[string]bool  // runs of which some facts lie elsewhere: what is left of them proves nothing
	wrong  []string
	fleet  *fleetLaw // sees the same; nil: nothing more is looked at
	book   *book     // and so does this

	owners  map[store.Partition]owner // of partitions that several engines share
	moved   int                       // times that another one got one
	fencing int                       // writes that were refused as stale

	head     *audit.Head // taken at the last outage
	sent     int         // jobs that workers got
	asked    int         // of them: those for which people were asked
	verified int         // how often the chains were
}

// jobAt names a job.
type jobAt struct {
	run  string
	node int32
}

// rowAt is where a row of audit records lies.
type rowAt struct {
	part store.Partition
	key  store.Key
}

// jobLaw is what the log has said of a job.
type jobLaw struct {
	decided  *scheduler.JobDecided
	opened   *safety.ApprovalOpened
	votes    []safety.Vote
	approved bool // closed so, by people
	used     bool // and used up
}

// leave is a release: from its commit on the job may be sent under its token.
type leave struct {
	run     string
	decided scheduler.JobDecided
}

func newLaw() *law {
	return &law{jobs: map[jobAt]*jobLaw{}, leaves: map[string]leave{}, rows: map[rowAt]bool{}, apart: map[string]bool{}, owners: map[store.Partition]owner{}}
}

func (l *law) broken(format string, args ...any) {
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
}

// wrongs answers what breaks the rules.
func (l *law) wrongs() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.wrong)
}

// refused takes that a commit failed.
func (l *law) refused(err error) {
	if errors.Is(err, store.ErrFenced) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.fencing++
	}
}

// commit takes a transaction that is durable, and whose it is where there are several processes.
func (l *law) commit(who string, tx store.Tx) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if who != "" {
		l.wrote(who, &tx)
	}
	var facts []committed
	for _, a := range tx.Appends {
		some, known, err := factsOf(a)
		if err != nil {
			l.broken("%v", err)
		}
		if !known {
			l.apart[a.Log.Run] = true
		}
		facts = append(facts, some...)
	}
	l.checkActs(tx, facts)
	if l.fleet != nil {
		l.fleet.commit(tx, facts)
	}
	if l.book != nil {
		l.book.commit(tx, facts)
	}
	for _, f := range facts {
		if !l.apart[f.run] {
			l.take(f)
		}
	}
	for _, f := range facts {
		if r, is := f.fact.(*scheduler.JobReleased); is && !l.apart[f.run] {
			if j := l.job(f.run, r.Step); j.approved && !j.used {
				l.broken("run %s: the job of node %d is released, and the approval is not used up in that commit", f.run, r.Step)
			}
		}
	}
}

// checkActs compares the facts of a commit with the audit records in it, both ways.
func (l *law) checkActs(tx store.Tx, facts []committed) {
	for _, put := range tx.Puts {
		if at := (rowAt{tx.Partition, put.Key}); put.Key.Table == store.TableAudit {
			if l.rows[at] {
				l.broken("the audit records under %s are written a second time", put.Key.ID)
			}
			l.rows[at] = true
		}
	}
	records, err := acted(tx)
	if err != nil {
		l.broken("%v", err)
		return
	}
	hashes := map[place]audit.Hash{}
	for _, f := range facts {
		act := actOf(f.fact)
		for _, other := range []audit.Act{act, audit.Override, audit.Signal} {
			hashes[place{f.run, f.seq, other}] = f.hash
		}
		if act != "" && len(records[place{f.run, f.seq, act}]) != 1 {
			l.broken("fact %d of run %s, a %T, has %d records %q in its commit", f.seq, f.run, f.fact, len(records[place{f.run, f.seq, act}]), act)
		}
	}
	for at, said := range records {
		hash, known := hashes[at]
		switch {
		case l.apart[at.run]:
		case !known:
			l.broken("a record %q is about fact %d of run %s, which is not in its commit", at.act, at.seq, at.run)
		case len(said) != 1 || said[0] != hash:
			l.broken("the %d records %q about fact %d of run %s are not of that fact", len(said), at.act, at.seq, at.run)
		}
	}
}

// take follows a job, and what people are asked about it.
func (l *law) take(c committed) {
	switch f := c.fact.(type) {
	case *scheduler.JobDecided:
		l.job(c.run, f.Step).decided = f
	case *scheduler.JobReleased:
		l.released(c.run, f)
	case *safety.ApprovalOpened:
		*l.job(c.run, f.Step) = jobLaw{decided: l.job(c.run, f.Step).decided, opened: f}
	case *safety.ApprovalVoted:
		j := l.job(c.run, f.Step)
		j.votes = append(j.votes, f.Vote)
	case *safety.ApprovalVoided:
		l.job(c.run, f.Step).votes = nil
	case *safety.ApprovalClosed:
		l.closed(c.run, f)
	case *safety.ApprovalConsumed:
		j := l.job(c.run, f.Step)
		if !j.approved || j.used {
			l.broken("run %s: the approval of node %d is used up, and it was approved: %t, used before: %t", c.run, f.Step, j.approved, j.used)
		}
		j.used = true
	case *engine.StepSucceededFact:
		l.job(c.run, f.Step).opened = nil
	case *engine.StepEnded:
		l.job(c.run, f.Step).opened = nil
	}
}

func (l *law) job(run string, node int32) *jobLaw {
	at := jobAt{run, node}
	if l.jobs[at] == nil {
		l.jobs[at] = &jobLaw{}
	}
	return l.jobs[at]
}

// closed counts the people when a question is closed as approved.
func (l *law) closed(run string, f *safety.ApprovalClosed) {
	j := l.job(run, f.Step)
	j.approved = f.State == safety.ApprovalApproved
	if !j.approved || j.opened == nil {
		return
	}
	for _, need := range j.opened.Needs {
		people := map[string]bool{}
		for _, v := range j.votes {
			self := v.By == j.opened.RequestedBy || (v.Owner != "" && v.Owner == j.opened.RequestedBy)
			if v.Decision == safety.VoteApprove && !v.Void && v.Hash == j.opened.Hash && (!need.FourEyes || !self) {
				people[cmp.Or(v.Owner, v.By)] = true
			}
		}
		if len(people) < max(need.Quorum, 1) {
			l.broken("run %s: node %d was approved by %d people where %d are needed", run, f.Step, len(people), need.Quorum)
		}
	}
}

// released checks that what was decided lets a job be sent: by the policy, or by people about this very job.
func (l *law) released(run string, f *scheduler.JobReleased) {
	j := l.job(run, f.Step)
	d := j.decided
	switch {
	case d == nil || d.Snapshot == "" || d.Hash == "":
		l.broken("run %s: the job of node %d is released without a decision", run, f.Step)
		return
	case d.Verdict == safety.Allow.String() || d.Verdict == safety.AllowWithConstraints.String():
	case d.Verdict == safety.RequireApproval.String() && j.opened != nil && j.approved && j.opened.Hash == d.Hash && j.opened.Snapshot == d.Snapshot:
		l.asked++
	default:
		l.broken("run %s: the job of node %d is released, and the decision is %s, asked %t, approved %t", run, f.Step, d.Verdict, j.opened != nil, j.approved)
	}
	l.leaves[string(f.Token)] = leave{run, *d}
}

// delivered compares what a worker got with what was decided before, and is durable.
func (l *law) delivered(job *wire.JobRequest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.apart[job.RunId] {
		return
	}
	l.sent++
	given, known := l.leaves[string(job.Token)]
	if !known || given.run != job.RunId {
		l.broken("job %s was sent, and no release of it is durable", job.JobId)
		return
	}
	d := given.decided
	if d.Hash != job.JobHash || d.Snapshot != job.DecisionSnapshot || ruleOf(d) != job.DecisionRule || !bytes.Equal(d.Constraints, job.Constraints) {
		l.broken("job %s was sent under %s %s %s, and decided was %s %s %s", job.JobId, job.JobHash, job.DecisionSnapshot, job.DecisionRule,
			d.Hash, d.Snapshot, ruleOf(d))
	}
	if !hasHash(job, d.Hash) {
		l.broken("job %s: the bytes that were sent are not those that were decided", job.JobId)
	}
}

func ruleOf(d scheduler.JobDecided) string {
	if d.Rule == "" {
		return "default"
	}
	return d.Rule
}

// hasHash tells whether a job as it was sent has a hash. Its effect and its tool are not sent: one of each must fit. A built-in
// tool is the last word of its topic.
func hasHash(job *wire.JobRequest, hash string) bool {
	r := safety.Request{
		Tenant: job.TenantId, Workflow: job.WorkflowId, Step: job.StepId, Topic: job.Topic, Pack: job.Meta.GetPackId(),
		Requires: job.Meta.GetRequires(), Input: job.Input,
	}
	for _, r.Effect = range []string{"none", "read", "write", "irreversible"} {
		for _, r.Tool = range []string{"", job.Topic[strings.LastIndexByte(job.Topic, '.')+1:]} {
			if r.Hash() == hash {
				return true
			}
		}
	}
	return false
}

// outage checks the chains of a store against what they were at the outage before.
func (l *law) outage(s store.Store) {
	ctx := context.Background()
	seed := sha256.Sum256([]byte("the key that signs the simulation's heads"))
	key := ed25519.NewKeyFromSeed(seed[:])
	with := audit.Against{Key: key.Public().(ed25519.PublicKey)}
	if l.head != nil {
		with.Heads = []audit.Head{*l.head}
	}
	report, err := audit.Verify(ctx, audit.StoreSource{Reader: s, ID: "sim"}, with)
	head, failed := audit.TakeHead(ctx, s, audit.NewSigner(key), "sim", l.head, time.Now())
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil || failed != nil {
		l.broken("the audit log cannot be checked: %v, %v", err, failed)
		return
	}
	for _, f := range report.Findings {
		l.broken("audit log: %s", f)
	}
	l.head, l.verified = &head, l.verified+1
}
