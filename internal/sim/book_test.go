package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store"
)

// book is what is durable, as those see it who are told so: what was acknowledged must stand in it at that moment (I1, I6), an answer
// that counts was given by who was asked (I17), the log of a run grows without a gap (I2), and nothing is sent that was decided by
// a policy that is no more in force (I30).
type book struct {
	mu      sync.Mutex
	runs    map[string]*bookRun
	entries []entry // in the order of their commits
	given   map[string]bool
	sends   map[sendOf]string // the tokens of the sends that are under way
	inForce string            // the policy that is; "": one is being published
	sum     hash.Hash
	trace   []string // what that is the hash of, in words
	wrong   []string
}

// sendOf is whose send it is.
type sendOf struct {
	run  string
	step int32
}

// bookRun is what is durable of a run.
type bookRun struct {
	tenant, parent string
	next           uint64
	paused, stops  bool
	over           bool
	signals        int
	votes          map[string]int // by who gave them
}

func newBook() *book {
	return &book{runs: map[string]*bookRun{}, given: map[string]bool{}, sends: map[sendOf]string{}, sum: sha256.New()}
}

func (b *book) broken(format string, args ...any) {
	if len(b.wrong) < 20 {
		b.wrong = append(b.wrong, fmt.Sprintf(format, args...))
	}
}

func (b *book) wrongs() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.wrong)
}

// commit takes a transaction that is durable.
func (b *book) commit(tx store.Tx, facts []committed) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range tx.Appends {
		r := b.runs[a.Log.Run]
		if r == nil {
			r = &bookRun{tenant: a.Log.Tenant, next: 1, votes: map[string]int{}}
			b.runs[a.Log.Run] = r
		}
		if a.First != r.next {
			b.broken("run %s: fact %d is committed, and %d is the next", a.Log.Run, a.First, r.next)
		}
		r.next = a.First + uint64(a.Count)
		b.entries = append(b.entries, entry{a.Log.Run, a.First, a.Count})
		b.sum.Write([]byte(a.Log.Run))
		b.sum.Write(binary.AppendUvarint(nil, a.First))
		b.sum.Write(a.Value)
	}
	for _, f := range facts {
		b.take(b.runs[f.run], f)
		b.trace = append(b.trace, fmt.Sprintf("%s fact %d of run %s: %T %.8x", time.Now().Format("15:04:05.000000"), f.seq, f.run, f.fact, f.hash))
	}
}

func (b *book) take(r *bookRun, c committed) {
	switch f := c.fact.(type) {
	case *engine.RunStarted:
		r.parent = f.Parent.Run
	case *engine.RunPaused:
		r.paused = true
	case *engine.RunResumed:
		r.paused = false
	case *engine.StopBegun:
		r.stops = true
	case *engine.SignalReceived:
		r.signals++
	case *engine.SetBack:
		r.over, r.stops = false, false
	case *engine.RunEnded:
		r.over = true
	case *safety.ApprovalVoted:
		r.votes[f.Vote.By]++
	case *scheduler.JobReleased:
		b.given[string(f.Token)] = false
		b.sends[sendOf{c.run, f.Step}] = string(f.Token)
	case *scheduler.JobEnded:
		delete(b.sends, sendOf{c.run, f.Step})
	}
}

// answered takes that a worker gives an answer about an attempt.
func (b *book) answered(token []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.given[string(token)] = true
}

// counts takes that an answer about an attempt counts.
func (b *book) counts(run, token string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.given[token] {
		b.broken("run %s: an answer counts that no worker gave", run)
	}
}

// publishes takes that another policy is to be in force, and that it is.
func (b *book) publishes(digest string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inForce = digest
}

// underWay tells whether a token is that of a send that counts.
func (b *book) underWay(token []byte) bool {
	return slices.Contains(slices.Collect(maps.Values(b.sends)), string(token))
}

// sees looks at what a server says. A server that was stopped in the middle of it may say what is over: nobody is given leave for
// that any more.
func (b *book) sees(data []byte) {
	var p wire.BusPacket
	if proto.Unmarshal(data, &p) != nil || p.GetJobRequest() == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	job := p.GetJobRequest()
	if b.inForce != "" && job.DecisionSnapshot != b.inForce && b.underWay(job.Token) {
		b.broken("job %s is sent by %s as policy %.8s allows it, and %.8s is in force", job.JobId, p.SenderId, job.DecisionSnapshot, b.inForce)
	}
}

// run is what is durable of one.
func (b *book) run(id string) (r bookRun, known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if found := b.runs[id]; found != nil {
		return *found, true
	}
	return bookRun{}, false
}

// roots are the runs that people started.
func (b *book) roots() (out []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, r := range b.runs {
		if r.parent == "" {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// facts counts those of all runs.
func (b *book) facts() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.entries {
		n += int(e.count)
	}
	return n
}

// parts is where one history and another part.
func parts(one, two []string) string {
	for i := range min(len(one), len(two)) {
		if one[i] != two[i] {
			return fmt.Sprintf("at commit %d: %s; then %s", i, one[i], two[i])
		}
	}
	return fmt.Sprintf("%d facts, then %d", len(one), len(two))
}

// history is the hash of everything that was committed, in its order.
func (b *book) history() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return hex.EncodeToString(b.sum.Sum(nil)[:8])
}
