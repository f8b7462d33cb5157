package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/plan/trial"
	"cordum.dev/cordum/internal/id"
)

// bench is where the workers of a case sit. A worker comes for one job, does it as the case says, and leaves.
type bench struct {
	bus  *bus.Memory
	law  *law
	stop chan struct{}
	all  sync.WaitGroup

	mu    sync.Mutex
	made  int
	draw  *rand.Rand
	parts map[part]task
	hands map[string]*hand
	wrong []string
}

// part names an attempt as both sides know it: the wire by a job's id, an observer by the node.
type part struct {
	run, step string // step: of a node that is a step of the workflow itself
	node      int    // of every other
	attempt   int32
}

// task is what an attempt's worker is to do.
type task struct {
	cue   trial.Cue
	from  time.Time // not before: until then no worker has it
	taken bool
	over  bool // its attempt has ended
}

func newBench(b *bus.Memory, l *law, seed uint64) (*bench, error) {
	w := &bench{
		bus: b, law: l, stop: make(chan struct{}), draw: rand.New(rand.NewPCG(seed, 1)), parts: map[part]task{}, hands: map[string]*hand{},
	}
	if _, err := b.Subscribe(bus.SubjectAskJobs, "", func(bus.Msg) { w.each((*hand).tell) }); err != nil {
		return nil, err
	}
	_, err := b.Subscribe(bus.SubjectCancel, "", func(m bus.Msg) {
		var p wire.BusPacket
		if proto.Unmarshal(m.Data, &p) == nil {
			w.each(func(h *hand) { h.hearCancel(p.GetJobCancel()) })
		}
	})
	return w, err
}

// each does something with every worker.
func (w *bench) each(do func(*hand)) {
	w.mu.Lock()
	hands := make([]*hand, 0, len(w.hands))
	for _, h := range w.hands {
		hands = append(hands, h)
	}
	w.mu.Unlock()
	for _, h := range hands {
		do(h)
	}
}

// close sends everybody home.
func (w *bench) close() {
	close(w.stop)
	w.all.Wait()
}

func partOf(c trial.Cue) part {
	p := part{run: c.Run, attempt: c.Job.Attempt}
	for _, r := range c.Path {
		if r == ':' || r == '[' {
			p.node = int(c.Node)
			return p
		}
	}
	p.step = c.Path
	return p
}

func partOfJob(job *wire.JobRequest) (part, error) {
	ref, err := id.ParseJob(job.JobId)
	p := part{run: ref.Run, attempt: job.Attempt, node: ref.Iteration}
	if ref.Iteration == 0 {
		p.step = ref.Step
	}
	return p, err
}

// assign says what the worker of an attempt is to do.
func (w *bench) assign(c trial.Cue, from time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.parts[partOf(c)] = task{cue: c, from: from}
}

// end says that an attempt has ended.
func (w *bench) end(c trial.Cue) {
	w.mu.Lock()
	defer w.mu.Unlock()
	what := w.parts[partOf(c)]
	what.over = true
	w.parts[partOf(c)] = what
}

// over tells whether an attempt has ended.
func (w *bench) over(p part) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.parts[p].over
}

// taken tells whether a worker has, or had, an attempt.
func (w *bench) taken(c trial.Cue) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.parts[partOf(c)].taken
}

// hire brings a worker for an attempt.
func (w *bench) hire(c trial.Cue) {
	w.mu.Lock()
	w.made++
	h := &hand{
		bench: w, id: fmt.Sprintf("w%d", w.made), cue: c, jobs: make(chan *wire.JobRequest, 16), cancelled: make(chan struct{}, 1),
		dismissed: make(chan struct{}),
	}
	w.hands[h.id] = h
	w.mu.Unlock()
	w.all.Go(h.work)
}

// waits tells whether an attempt waits for a worker by now.
func (w *bench) waits(c trial.Cue) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.parts[partOf(c)]
	return !p.taken && !time.Now().Before(p.from)
}

// drop says that a worker did not get leave to begin what it took.
func (w *bench) drop(p part) {
	w.mu.Lock()
	defer w.mu.Unlock()
	what := w.parts[p]
	what.taken = false
	w.parts[p] = what
}

// failed notes what must not happen.
func (w *bench) failed(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

// wrongs answers what must not have happened.
func (w *bench) wrongs() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wrong
}

// take tells a worker what to do with an attempt, once whoever follows the run has seen that it was asked for.
func (w *bench) take(p part) (task, bool) {
	for range 1000 {
		w.mu.Lock()
		what, known := w.parts[p]
		if known {
			what.taken = true
			w.parts[p] = what
		}
		w.mu.Unlock()
		if known {
			if time.Now().Before(what.from) {
				w.failed("attempt %+v was to wait for its worker and was given to another one's", p)
			}
			return what, true
		}
		select {
		case <-w.stop:
			return task{}, false
		case <-time.After(10 * time.Millisecond):
		}
	}
	w.failed("a worker was sent attempt %+v, which nothing asked for", p)
	return task{}, false
}

// duration is how long a worker takes.
func (w *bench) duration(s trial.Stub) time.Duration {
	if s.Takes > 0 {
		return s.Takes
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return usualWork + time.Duration(w.draw.Int64N(int64(usualWork)))
}

// request asks the engine until it answers.
func (w *bench) request(subject string, p *wire.BusPacket) wire.AckCode {
	data, err := proto.Marshal(p)
	if err != nil {
		w.failed("a packet does not encode: %v", err)
		return wire.AckCode_ACK_CODE_INVALID
	}
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		reply, err := w.bus.Request(ctx, subject, data)
		cancel()
		var ack wire.BusPacket
		if err == nil && proto.Unmarshal(reply, &ack) == nil && ack.GetAck().GetCode() != wire.AckCode_ACK_CODE_RETRY {
			return ack.GetAck().GetCode()
		}
		select {
		case <-w.stop:
			return wire.AckCode_ACK_CODE_RETRY
		case <-time.After(50 * time.Millisecond): // as a worker does between tries
		}
	}
}

func (w *bench) publish(subject string, p *wire.BusPacket) {
	data, err := proto.Marshal(p)
	if err == nil {
		err = w.bus.Publish(subject, data)
	}
	if err != nil {
		w.failed("a worker cannot publish: %v", err)
	}
}
