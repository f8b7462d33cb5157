package sim

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/store"
)

// journal is a store that remembers in which order the runs' facts were committed: within one run their numbers say so,
// across runs only the store sees it.
type journal struct {
	store.Store // the one under way; each start of the server opens it again

	bell chan struct{}
	law  *law

	mu     sync.Mutex
	news   []entry
	facts  int
	killAt int        // with this fact the process dies; 0: never
	doubt  []store.Tx // were under way when the process was gone: whether they are durable is not known
	gone   *atomic.Bool
	who    string      // whose it is; "" where there is one process
	order  *sync.Mutex // held while the store takes something and the law is told, where there are several; else nil
}

// errGone is what a process that is dead is told by its store.
var errGone = errors.New("the process is gone")

// entry are facts of a run that one commit made durable.
type entry struct {
	run   string
	first uint64
	count uint32
}

func newJournal() *journal { return &journal{bell: make(chan struct{}, 1), law: newLaw()} }

// next is the journal of the process that follows, over a store that it opened.
func (j *journal) next(s store.Store) *journal {
	n := newJournal()
	n.Store, n.law, n.gone = s, j.law, new(atomic.Bool)
	return n
}

// Commit notes what the store took. A process that dies with it does not get to do anything about it.
func (j *journal) Commit(ctx context.Context, txs ...store.Tx) []error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.gone.Load() {
		return slices.Repeat([]error{errGone}, len(txs))
	}
	if j.order != nil {
		j.order.Lock()
		defer j.order.Unlock()
	}
	errs := j.Store.Commit(ctx, txs...)
	if j.gone.Load() { // the power was cut meanwhile
		j.doubt = append(j.doubt, txs...)
		return slices.Repeat([]error{errGone}, len(txs))
	}
	for i, tx := range txs {
		if errs[i] != nil {
			j.law.refused(errs[i])
			continue
		}
		j.law.commit(j.who, tx)
		for _, a := range tx.Appends {
			j.news = append(j.news, entry{a.Log.Run, a.First, a.Count})
			j.facts += int(a.Count)
		}
	}
	if j.killAt > 0 && j.facts >= j.killAt {
		j.gone.Store(true)
		j.law.misses(j.who)
	}
	if len(j.news) > 0 {
		select {
		case j.bell <- struct{}{}:
		default:
		}
	}
	return errs
}

// Acquire notes whose a partition is.
func (j *journal) Acquire(ctx context.Context, p store.Partition, who string, ttl time.Duration) (store.Lease, error) {
	if j.order == nil {
		return j.Store.Acquire(ctx, p, who, ttl)
	}
	j.order.Lock()
	defer j.order.Unlock()
	lease, err := j.Store.Acquire(ctx, p, who, ttl)
	if err == nil {
		j.law.acquired(who, lease)
	}
	return lease, err
}

// plan has the process die with one of the next facts; 0: with none.
func (j *journal) plan(facts int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.killAt = 0
	if facts > 0 {
		j.killAt = j.facts + facts
	}
}

// Committed does not answer the dead.
func (j *journal) Committed(ctx context.Context, p store.Partition, id string) (bool, error) {
	if j.gone.Load() {
		return false, errGone
	}
	return j.Store.Committed(ctx, p, id)
}

// Release is not done by the dead: their leases have to run out, or be taken over.
func (j *journal) Release(ctx context.Context, l store.Lease) error {
	if j.gone.Load() {
		return nil
	}
	return j.Store.Release(ctx, l)
}

// line is a process' connection to the bus: one that is dead says and hears nothing.
type line struct {
	*bus.Memory
	gone *atomic.Bool
	mute bool // once it is dead nothing leaves it, whatever it is
}

// Publish says something, while there is somebody to say it.
func (l line) Publish(subject string, data []byte) error {
	if l.gone.Load() && (l.mute || !unasked(data)) {
		return nil
	}
	return l.Memory.Publish(subject, data)
}

// unasked tells whether a message gives a worker an attempt that it may begin without leave. Who gets such a one may be durable
// before it is sent: of a process that dies in between nobody knows whether it sent it, and that costs the attempt. It is not
// what a case is about, so here such a process dies when it has sent it.
func unasked(data []byte) bool {
	var p wire.BusPacket
	return proto.Unmarshal(data, &p) == nil && p.GetJobRequest() != nil && !p.GetJobRequest().AskBegin
}

// PublishRequest asks something.
func (l line) PublishRequest(subject, reply string, data []byte) error {
	if l.gone.Load() {
		return nil
	}
	return l.Memory.PublishRequest(subject, reply, data)
}

// Subscribe listens.
func (l line) Subscribe(subject, queue string, h bus.Handler) (bus.Subscription, error) {
	return l.Memory.Subscribe(subject, queue, func(m bus.Msg) {
		if !l.gone.Load() {
			h(m)
		}
	})
}

// take answers what was committed since the last call, and how many facts there are in all.
func (j *journal) take() ([]entry, int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := j.news
	j.news = nil
	return out, j.facts
}

// count is how many facts were committed so far.
func (j *journal) count() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.facts
}
