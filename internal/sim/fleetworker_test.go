package sim

import (
	"context"
	"hash/fnv"
	"maps"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/scheduler"
)

// kindOf worker a mate is.
type kindOf uint8

const (
	native kindOf = iota // lists what it has, asks for leave, sends results until they are acknowledged
	direct               // plain CAP with heartbeats, which listens on its own subject, too
	pooled               // plain CAP with heartbeats, which listens on its topics alone
	unseen               // plain CAP that never beats: nobody knows that it is there
)

// mate is a worker of a fleet. What becomes of a job is drawn when it comes.
type mate struct {
	g      *game
	id     string
	kind   kindOf
	pool   string
	topics []string // it listens on, as a plain one; advertises, as a native one
	tells  bool     // its heartbeats name its topics; else its pool alone says what it serves
	caps   []string
	labels map[string]string
	most   int
	hoards bool // it counts what it reports as what it has; libraries do not: whoever gets a result may send the next job at once
	subs   []bus.Subscription
	gone   chan struct{} // closed when it is dead, or has left
	all    sync.WaitGroup

	mu     sync.Mutex
	have   map[string]*chore // by token
	did    map[string]bool   // tokens of what it began: a library drops what comes a second time
	silent time.Time         // until then it says and does nothing: its process is stopped
	beatAt time.Time         // when it was last heard
	backAt time.Time         // when it last gave something back
	dead   bool
}

// chore is a job that a mate has.
type chore struct {
	job       *wire.JobRequest
	cancelled chan struct{}
	end       end
	takes     time.Duration
	reporting bool // it is done, and nobody has acknowledged that
}

// end is how a chore ends.
type end uint8

const (
	endsWell end = iota
	endsBadly
	endsForGood
	endsNever
)

// arrive makes a mate listen and say that it is there.
func (m *mate) arrive() error {
	m.gone, m.have, m.did = make(chan struct{}), map[string]*chore{}, map[string]bool{}
	m.g.law.register(m.id, m.most)
	on := map[string]string{bus.SubjectCancel: ""} // subject → queue
	switch m.kind {
	case native:
		on[bus.WorkerJobs(m.id)], on[bus.SubjectAskJobs] = "", ""
	case direct:
		on[bus.WorkerJobs(m.id)] = ""
	}
	if m.kind != native {
		for _, topic := range m.topics {
			on[topic] = m.pool
		}
	}
	for _, subject := range slices.Sorted(maps.Keys(on)) {
		s, err := m.g.bus.Subscribe(subject, on[subject], m.hear)
		if err != nil {
			return err
		}
		m.subs = append(m.subs, s)
	}
	if m.kind != unseen {
		m.beat(false)
		m.all.Go(m.keepBeating)
	}
	return nil
}

// die ends a mate without a word; leave, with one.
func (m *mate) die() {
	m.mu.Lock()
	already := m.dead
	m.dead = true
	m.mu.Unlock()
	if already {
		return
	}
	m.g.law.doubts()
	close(m.gone)
	for _, s := range m.subs {
		_ = s.Unsubscribe()
	}
}

func (m *mate) leave() {
	if m.kind != unseen && len(m.tokens()) == 0 {
		m.beat(true)
	}
	m.die()
}

// freeze stops a mate's process for a while.
func (m *mate) freeze(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.silent = time.Now().Add(d)
}

func (m *mate) frozen() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Now().Before(m.silent)
}

// awake waits until a mate's process runs; false when it is dead.
func (m *mate) awake() bool {
	for {
		m.mu.Lock()
		wait, dead := time.Until(m.silent), m.dead
		m.mu.Unlock()
		switch {
		case dead:
			return false
		case wait <= 0:
			return true
		}
		select {
		case <-m.gone:
		case <-time.After(wait):
		}
	}
}

// tokens are those of what a mate has.
func (m *mate) tokens() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Keys(m.have))
}

// load is how much of its room it takes to be in use. The caller holds mu.
func (m *mate) load() (n int) {
	for _, c := range m.have {
		if m.hoards || !c.reporting {
			n++
		}
	}
	return n
}

// heard notes a heartbeat. The caller holds mu.
func (m *mate) heard() {
	if time.Since(m.beatAt) >= lease {
		m.g.law.again(m.id)
	}
	m.beatAt = time.Now()
}

// stagger waits a moment of its own before the first heartbeat: what happens at the same instant happens in any order, and a game
// would not be the same when it is played again.
func (m *mate) stagger() {
	which := fnv.New32a()
	_, _ = which.Write([]byte(m.id))
	select {
	case <-m.gone:
	case <-time.After(time.Duration(which.Sum32()%uint32(time.Millisecond))*997 + time.Duration(m.g.seed%89)*time.Microsecond):
	}
}

func (m *mate) keepBeating() {
	m.stagger()
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-m.gone:
			return
		case <-tick.C:
			m.beat(false)
		}
	}
}

func (m *mate) beat(leaving bool) {
	if m.frozen() {
		return
	}
	h := &wire.Heartbeat{
		WorkerId: m.id, Pool: m.pool, Capabilities: m.caps, Labels: m.labels, MaxParallelJobs: int32(m.most), Leaving: leaving,
		Direct: m.kind == native || m.kind == direct, ListsJobs: m.kind == native,
	}
	if m.tells {
		h.Topics = m.topics
	}
	m.mu.Lock()
	if !m.g.cut.Load() {
		m.heard()
	}
	h.ActiveJobs = int32(m.load())
	if m.kind == native {
		h.Incarnation = "1"
		for _, token := range slices.Sorted(maps.Keys(m.have)) {
			c := m.have[token]
			h.Jobs = append(h.Jobs, &wire.JobHold{JobId: c.job.JobId, Token: []byte(token)})
		}
	}
	m.mu.Unlock()
	m.say(wire.SubjectWorkerHeartbeat(m.id), &wire.BusPacket{Payload: &wire.BusPacket_Heartbeat{Heartbeat: h}})
}

func (m *mate) say(subject string, p *wire.BusPacket) {
	data, err := proto.Marshal(p)
	if err == nil && !m.g.cut.Load() {
		_ = m.g.rough.carry(subject, func() error { return m.g.bus.Publish(subject, data) }) // it may be closed already
	}
}

// hear takes what comes.
func (m *mate) hear(msg bus.Msg) {
	if msg.Subject == bus.SubjectAskJobs {
		m.all.Go(func() { m.beat(false) })
		return
	}
	var p wire.BusPacket
	if proto.Unmarshal(msg.Data, &p) != nil {
		return
	}
	if c := p.GetJobCancel(); c != nil {
		m.cancel(c.JobId)
	}
	if job := p.GetJobRequest(); job != nil {
		m.take(job)
	}
}

func (m *mate) cancel(job string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.have {
		if c.job.JobId == job {
			m.g.note("%s is asked to cancel %s", m.id, job)
			select {
			case c.cancelled <- struct{}{}:
			default:
			}
		}
	}
}

// take begins with a job.
func (m *mate) take(job *wire.JobRequest) {
	m.g.seen(job)
	m.g.law.delivered(m.id, m.kind == native, job, m.tokens())
	c := &chore{job: job, cancelled: make(chan struct{}, 1)}
	c.end, c.takes = m.g.fate(m.kind, job)
	m.mu.Lock()
	defer m.mu.Unlock()
	_, again := m.have[string(job.Token)]
	again = again || m.did[string(job.Token)]
	switch {
	case again || m.dead:
	case m.kind == native && m.load() >= m.most:
		m.backAt = time.Now()
		m.g.note("%s is full with %d and gives %s back", m.id, m.load(), job.JobId)
		m.all.Go(func() { m.giveBack(job) })
	default:
		m.g.note("%s takes %s, end %d in %s", m.id, job.JobId, c.end, c.takes)
		m.have[string(job.Token)] = c
		m.all.Go(func() { m.do(c) })
	}
}

// giveBack returns a job that came while there was no room for it.
func (m *mate) giveBack(job *wire.JobRequest) {
	if m.awake() {
		m.g.law.gaveBack(job.Token)
		m.say(job.AnswerSubject, &wire.BusPacket{Payload: &wire.BusPacket_JobReturn{JobReturn: &wire.JobReturn{
			JobId: job.JobId, Token: job.Token, WorkerId: m.id, Reason: scheduler.ReturnedFull,
		}}})
	}
}

// began notes what a worker of ours will not begin again.
func (m *mate) began(c *chore) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.did[string(c.job.Token)] = m.kind == native
}

func (m *mate) forget(c *chore) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.g.note("%s has %s no more", m.id, c.job.JobId)
	delete(m.have, string(c.job.Token))
}

// do does a job to its end.
func (m *mate) do(c *chore) {
	defer m.forget(c)
	if !m.awake() || m.kind == native && !m.begin(c) {
		return
	}
	m.began(c)
	if !m.touch(c) {
		m.answer(c, lost("the resource has seen a newer holder"))
		return
	}
	var over <-chan time.Time
	if c.end != endsNever {
		over = time.After(c.takes)
	}
	for done := false; !done; {
		select {
		case <-m.gone:
			return
		case <-c.cancelled:
			if !m.awake() {
				return
			}
			m.answer(c, &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_CANCELLED})
			return
		case <-over:
			done = true
		}
	}
	for m.g.paused.Load() {
		select {
		case <-m.gone:
			return
		case <-time.After(beatEvery / 10):
		}
	}
	if !m.awake() {
		return
	}
	if !m.touch(c) {
		m.answer(c, lost("the resource has seen a newer holder"))
		return
	}
	m.answer(c, resultOf(c.end))
}

func resultOf(e end) *wire.JobResult {
	switch e {
	case endsBadly:
		return lost("it went wrong")
	case endsForGood:
		return &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_FAILED_FATAL, ErrorCode: "broken", ErrorMessage: "it is broken"}
	}
	return succeeded(nil)
}

func lost(why string) *wire.JobResult {
	return &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_FAILED_RETRYABLE, ErrorCode: "boom", ErrorMessage: why}
}

// begin asks for leave where that is asked for, and says that it took the job where that is.
func (m *mate) begin(c *chore) bool {
	switch job := c.job; {
	case job.AskBegin:
		code := m.request(job.AnswerSubject, &wire.BusPacket{Payload: &wire.BusPacket_JobBegin{JobBegin: &wire.JobBegin{
			JobId: job.JobId, Token: job.Token, WorkerId: m.id,
		}}})
		if code != wire.AckCode_ACK_CODE_OK {
			return false
		}
		m.g.law.begun(m.id, job)
	case job.AskAccept:
		m.say(job.AnswerSubject, &wire.BusPacket{Payload: &wire.BusPacket_JobProgress{JobProgress: &wire.JobProgress{
			JobId: job.JobId, Token: job.Token, WorkerId: m.id, Status: wire.JobStatus_JOB_STATUS_RUNNING,
		}}})
	}
	return true
}

// touch comes to the resources of the job's locks; false when one of them refuses it.
func (m *mate) touch(c *chore) bool {
	for _, lock := range c.job.Locks {
		name := c.job.TenantId + "/" + lock.Name
		if seen := m.g.resources.touch(name, lock.Shared, lock.FencingToken); seen > lock.FencingToken {
			m.g.law.fenced(m.id, c.job, name, lock.FencingToken, seen)
			return false
		}
	}
	return true
}

// answer says what came of a job: until somebody takes it, or once.
func (m *mate) answer(c *chore, r *wire.JobResult) {
	r.JobId, r.WorkerId = c.job.JobId, m.id
	if m.g.law.book != nil {
		m.g.law.book.answered(c.job.Token)
	}
	m.mu.Lock()
	c.reporting = true
	m.mu.Unlock()
	if m.kind != native {
		m.say(bus.SubjectResult, &wire.BusPacket{SenderId: m.id, Payload: &wire.BusPacket_JobResult{JobResult: r}})
		return
	}
	r.Token = c.job.Token
	if m.request(c.job.AnswerSubject, &wire.BusPacket{Payload: &wire.BusPacket_JobResult{JobResult: r}}) == wire.AckCode_ACK_CODE_OK {
		m.g.law.acknowledged(m.id, c.job)
	}
}

// request asks the engine until it answers, or the mate is gone.
func (m *mate) request(subject string, p *wire.BusPacket) wire.AckCode {
	data, err := proto.Marshal(p)
	if err != nil {
		return wire.AckCode_ACK_CODE_INVALID
	}
	for m.awake() {
		if !m.g.cut.Load() && m.g.rough.asks(m.g.bus, subject, data) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			reply, err := m.g.bus.Request(ctx, subject, data)
			cancel()
			var ack wire.BusPacket
			if err == nil && !m.g.cut.Load() && proto.Unmarshal(reply, &ack) == nil && ack.GetAck().GetCode() != wire.AckCode_ACK_CODE_RETRY {
				return ack.GetAck().GetCode()
			}
		}
		select {
		case <-m.gone:
		case <-time.After(promptly):
		}
	}
	return wire.AckCode_ACK_CODE_RETRY
}

// resources are what locks guard: each refuses whoever comes with a token smaller than it has seen.
type resources struct {
	mu    sync.Mutex
	alone map[string]int64 // the highest token of one that had the lock alone, by lock
	with  map[string]int64 // of one that shared it
}

// touch lets somebody come to a resource and answers the token that stands in the way; 0 when none does.
func (r *resources) touch(lock string, shared bool, token int64) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.alone[lock]
	if !shared {
		seen = max(seen, r.with[lock])
	}
	if seen > token {
		return seen
	}
	if shared {
		r.with[lock] = max(r.with[lock], token)
	} else {
		r.alone[lock] = token
	}
	return 0
}
