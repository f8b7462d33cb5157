package sim

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store"
)

// mostAttempts is the allowance of every job of a fleet that is tried again.
const mostAttempts = 3

// fleetLaw follows the jobs of a fleet as the log has them, commit by commit, and says where workers, locks, attempts or dead
// letters break what is promised: nobody gets more than it takes, a lock has one holder, no attempt
// is done twice that must not be, and none is made beyond the allowance (I11), one result of an attempt counts (I8), and a job that died has its one entry, from the same commit on.
type fleetLaw struct {
	mu     sync.Mutex
	runs   map[string]*fleetRun
	tokens map[string]*fleetSend
	most   map[string]int       // jobs at once, by worker
	anew   map[string]time.Time // when a worker was heard first, or again after a lease of silence: what it had is no more its own
	fences map[string]*fenceLaw // by lock
	ran    map[string]int       // how often an attempt of a job that is done once was executed
	wrong  []string
	began  time.Time // the server under way, or its bus
	book   *book     // knows who answered; nil: nobody does
	moves  bool      // several engines play: who gives jobs to workers changes, and what it knows with it

	keeps    bool            // nothing goes wrong by which a send is lost, but for what is told to doubts
	doubted  time.Time       // what was released before may be lost
	returned map[string]bool // tokens of sends that their workers gave back

	hungFrom, hungUntil time.Time // when a commit hung last

	granted, refenced, dead, rearmed, held int // how much of it there was
}

// fleetRun is a run as the log has it.
type fleetRun struct {
	tenant string
	nodes  map[int32]*fleetJob
	over   bool
}

// fleetJob is the job of a node.
type fleetJob struct {
	topic, lock string
	shared      bool
	requires    fleetNeeds
	attempt     int32
	asked       int       // attempts since somebody set it back
	open        bool      // released, and neither ended nor taken back
	since       time.Time // it is
	free        int       // sends that cost no attempt
	token       string
	worker      string
	cap         bool
	sent        time.Time // it was, as the log says
	fence       int64
	dead        bool // died, and nothing better has come of it since
	was         bool // dead, before the last time that it ended
}

// fleetNeeds are what a job's input says of it, for the laws alone.
type fleetNeeds struct {
	Number   int               `json:"number"`
	Shared   bool              `json:"shared"`
	Untold   bool              `json:"untold"` // it says nothing of being tried again
	Requires []string          `json:"requires"`
	Labels   map[string]string `json:"labels"`
}

// fleetSend is one release.
type fleetSend struct {
	run      string
	node     int32
	attempt  int32
	worker   string    // that got it first
	at       time.Time // it did
	answered bool      // its result is durable
}

func newFleetLaw() *fleetLaw {
	return &fleetLaw{
		runs: map[string]*fleetRun{}, tokens: map[string]*fleetSend{}, most: map[string]int{}, anew: map[string]time.Time{}, fences: map[string]*fenceLaw{}, ran: map[string]int{},
		returned: map[string]bool{},
	}
}

func (l *fleetLaw) broken(format string, args ...any) {
	if len(l.wrong) < 20 {
		l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
	}
}

func (l *fleetLaw) wrongs() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.wrong)
}

// begins takes that another server begins, who knows of no worker, or hears again of those it knows.
func (l *fleetLaw) begins() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.began = time.Now()
	l.doubt()
}

// single tells whether jobs of a topic must not be done twice.
func single(topic string) bool { return strings.HasSuffix(topic, ".once") }

// commit takes a transaction that is durable.
func (l *fleetLaw) commit(tx store.Tx, facts []committed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range tx.Appends {
		if l.runs[a.Log.Run] == nil {
			l.runs[a.Log.Run] = &fleetRun{tenant: a.Log.Tenant, nodes: map[int32]*fleetJob{}}
		}
	}
	died := map[string]map[int32]bool{} // by run: what is dead after the commit and was not before it
	for _, f := range facts {
		step, dies := l.take(f.run, l.runs[f.run], f.fact)
		if _, back := f.fact.(*engine.SetBack); back { // what died in this commit is to be done again, and is no dead letter
			for step := range died[f.run] {
				j := l.runs[f.run].nodes[step]
				j.dead = j.was
			}
			delete(died, f.run)
		}
		switch {
		case dies && died[f.run] == nil:
			died[f.run] = map[int32]bool{step: true}
		case dies:
			died[f.run][step] = true
		case step >= 0: // what died and is settled by one commit is no dead letter after it
			delete(died[f.run], step)
		}
	}
	for run, dead := range died {
		n := len(dead)
		l.dead += n
		long, short := 0, 0
		for _, put := range tx.Puts {
			switch {
			case put.Key.Table == store.TableDeadLetter && strings.HasPrefix(put.Key.ID, run+"."):
				long++
			case put.Key.Table == store.TableDeadRecent && strings.Contains(put.Key.ID, "/"+run+"."):
				short++
			}
		}
		if long < n || short < n {
			l.broken("run %s: %d jobs died in a commit, which writes %d and %d rows of dead letters: %s", run, n, long, short, told(facts, run))
		}
	}
}

// told are the facts of one run in words.
func told(facts []committed, run string) string {
	var out []string
	for _, f := range facts {
		if f.run == run {
			out = append(out, fmt.Sprintf("%T%+v", f.fact, reflect.Indirect(reflect.ValueOf(f.fact))))
		}
	}
	return strings.Join(out, ", ")
}

// take follows one fact. It answers which node of a job it settles, -1 for none, and whether the job died of it.
func (l *fleetLaw) take(run string, r *fleetRun, fact codec.Fielder) (settled int32, died bool) {
	switch f := fact.(type) {
	case *engine.JobAsked:
		l.asked(run, r, f)
	case scheduler.Fact:
		if j := r.nodes[f.Of()]; j != nil {
			l.job(run, r, f.Of(), j, f)
		}
	case *engine.StepEnded:
		return r.settle(f.Step, f.State == engine.StepFailed || f.State == engine.StepTimedOut || f.State == engine.StepDenied)
	case *engine.UndoHeld:
		if r.nodes[f.Step] == nil { // it was never asked for: nobody knows whether there is anything to undo
			r.nodes[f.Step] = &fleetJob{}
		}
		return r.settle(f.Step, true)
	case *engine.StepSucceededFact:
		return r.settle(f.Step, false)
	case *engine.StepSkippedFact:
		return r.settle(f.Step, false)
	case *engine.UndoSettled:
		return r.settle(f.Step, false)
	case *engine.UndoRearmed:
		l.rearm(r.nodes[f.Step])
		return f.Step, false
	case *engine.SetBack:
		r.over = false
		for _, j := range r.nodes {
			l.rearm(j)
		}
	case *engine.RunEnded:
		r.over = true
	}
	return -1, false
}

// settle notes how a node ended; it answers -1 for one that is no job.
func (r *fleetRun) settle(node int32, bad bool) (settled int32, died bool) {
	j := r.nodes[node]
	if j == nil {
		return -1, false
	}
	j.was, j.dead = j.dead, bad
	return node, bad
}

// rearm gives a job a fresh allowance: a person said so.
func (l *fleetLaw) rearm(j *fleetJob) {
	if j != nil {
		j.asked = 0
		l.rearmed++
	}
}

// asked follows a new attempt.
func (l *fleetLaw) asked(run string, r *fleetRun, f *engine.JobAsked) {
	j := r.nodes[f.Step]
	if j == nil {
		j = &fleetJob{}
		r.nodes[f.Step] = j
	}
	j.topic = f.Topic
	if len(f.Input.Data) > 0 {
		j.requires = fleetNeeds{}
		if json.Unmarshal(f.Input.Data, &j.requires) == nil {
			j.shared = j.requires.Shared
		}
	}
	switch {
	case j.open:
		l.broken("run %s: attempt %d of node %d is asked for while %d is under way", run, f.Attempt, f.Step, j.attempt)
	case f.Attempt != j.attempt+1:
		l.broken("run %s: attempt %d of node %d follows attempt %d", run, f.Attempt, f.Step, j.attempt)
	}
	most := mostAttempts
	if j.requires.Untold && single(j.topic) {
		most = 1 // nobody said that it may be tried again
	}
	if j.asked++; j.asked > most {
		l.broken("run %s: node %d has its attempt %d of %d", run, f.Step, j.asked, most)
	}
	j.attempt, j.lock, j.fence = f.Attempt, f.Lock, 0
	j.worker, j.cap = "", false
}

// job follows a fact of a job.
func (l *fleetLaw) job(run string, r *fleetRun, node int32, j *fleetJob, fact scheduler.Fact) {
	switch f := fact.(type) {
	case *scheduler.JobReleased:
		l.released(run, r, node, j, f)
	case *scheduler.JobSent:
		j.worker, j.cap, j.sent = f.Worker, f.CAP, time.Now()
		if f.CAP && f.Worker != "" {
			l.fits(f.Worker)
		}
	case *scheduler.JobBegun:
		j.worker = f.Worker
	case *scheduler.JobPosted:
		if f.Unheard {
			j.worker, j.cap = "", false
		}
	case *scheduler.JobWithheld:
		j.open, j.worker = false, ""
	case *scheduler.JobEnded:
		l.ended(run, node, j, f)
	}
}

// fits counts what a plain worker was given and has not answered.
func (l *fleetLaw) fits(worker string) {
	if l.moves && time.Since(l.began) <= lease { // what its result is on its way about still counts for whoever owns that run
		return
	}
	var has []string
	for run, r := range l.runs {
		for node, j := range r.nodes {
			if j.open && j.cap && j.worker == worker && !j.sent.Before(l.anew[worker]) {
				has = append(has, fmt.Sprintf("node %d of run %s since %s", node, run, clock(j.sent)))
			}
		}
	}
	if most, known := l.most[worker]; known && len(has) > most {
		l.broken("plain worker %s takes %d jobs at once and was given %v", worker, most, has)
	}
}

// released follows a release: the lock of the job is its own from here to the attempt's end.
func (l *fleetLaw) released(run string, r *fleetRun, node int32, j *fleetJob, f *scheduler.JobReleased) {
	before := j.open
	if before {
		l.lost(run, node, j, "is sent again")
	}
	j.open, j.since, j.token, j.worker, j.cap = true, time.Now(), string(f.Token), "", false
	j.free = int(f.Send - j.attempt)
	l.tokens[j.token] = &fleetSend{run: run, node: node, attempt: j.attempt}
	if j.lock == "" {
		return
	}
	name := r.tenant + "/" + j.lock
	switch {
	case f.Fence != 0:
		l.granted++
		l.grants(name, fmt.Sprintf("node %d of run %s", node, run), j.shared, f.Fence)
		j.fence = f.Fence
	case j.fence == 0 || !before:
		l.broken("run %s: node %d, which needs lock %s, is released without it", run, node, name)
	}
	l.overlap(name)
}

// fenceLaw is what was granted of a lock.
type fenceLaw struct {
	given       map[int64]string // to whom
	alone, with int64            // the highest token of those who had it alone, and of those who shared it
}

// grants follows a grant of a lock: its token is new, and greater than those of everybody whom it excludes. Those who share a
// lock may be seen in any order; and who had it last, and whose letting go of it was lost, may be told again that it has it.
func (l *fleetLaw) grants(lock, who string, shared bool, token int64) {
	f := l.fences[lock]
	if f == nil {
		f = &fenceLaw{given: map[int64]string{}}
		l.fences[lock] = f
	}
	before := f.alone
	if !shared {
		before = max(before, f.with)
	}
	to, again := f.given[token]
	if again && to == who && token == max(f.alone, f.with) {
		return
	}
	if again || token <= before {
		l.broken("%s is granted lock %s under token %d, and %d was given before", who, lock, token, max(f.alone, f.with))
	}
	f.given[token] = who
	if shared {
		f.with = max(f.with, token)
	} else {
		f.alone = token
	}
}

// overlap looks at who holds a lock now, jobs and others.
func (l *fleetLaw) overlap(lock string) {
	var alone, with []string
	for run, r := range l.runs {
		for node, j := range r.nodes {
			if !j.open || j.lock == "" || r.tenant+"/"+j.lock != lock {
				continue
			}
			if who := fmt.Sprintf("node %d of run %s", node, run); j.shared {
				with = append(with, who)
			} else {
				alone = append(alone, who)
			}
		}
	}
	if len(alone) > 1 || (len(alone) > 0 && len(with) > 0) {
		l.broken("lock %s is held alone by %v, and shared by %v", lock, alone, with)
	}
}

// ended follows the end of an attempt.
func (l *fleetLaw) ended(run string, node int32, j *fleetJob, f *scheduler.JobEnded) {
	if !j.open && f.Answered {
		l.broken("run %s: an answer of node %d counts, and nothing of it is under way", run, node)
	}
	if j.open && !f.Answered && f.State == scheduler.JobFailed {
		l.lost(run, node, j, "ends as lost")
	}
	j.open = false
	if l.book != nil && f.Answered {
		l.book.counts(run, j.token)
	}
	if s := l.tokens[j.token]; s != nil && f.Answered {
		if s.answered {
			l.broken("run %s: two answers of attempt %d of node %d count", run, s.attempt, node)
		}
		s.answered = true
	}
}

// delivered takes a job as its worker got it, with what the worker has already.
func (l *fleetLaw) delivered(worker string, native bool, job *wire.JobRequest, has []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.tokens[string(job.Token)]
	if s == nil {
		l.broken("worker %s got job %s, of which no release is durable", worker, job.JobId)
		return
	}
	if s.worker == "" {
		s.worker, s.at = worker, time.Now()
		if s.at.Equal(l.hungUntil) && l.isOpen(string(job.Token)) && l.runs[s.run].nodes[s.node].since.Before(l.hungFrom) {
			l.held++
		}
	}
	if !native {
		l.executes(worker, job)
		return
	}
	if !l.isOpen(string(job.Token)) {
		return // it came so late that another send of the job is under way: nobody counts on it
	}
	n := 1
	for _, token := range has {
		if token != string(job.Token) && l.isOpen(token) && !l.tokens[token].at.Before(l.anew[worker]) {
			n++
		}
	}
	if n > l.most[worker] && time.Since(l.began) > lease { // before, heartbeats still say what a fleet that is new does not know
		l.broken("worker %s takes %d jobs at once and got its %dth, %s", worker, l.most[worker], n, job.JobId)
	}
}

// isOpen tells whether a release is the one under way of its job.
func (l *fleetLaw) isOpen(token string) bool {
	s := l.tokens[token]
	if s == nil {
		return false
	}
	j := l.runs[s.run].nodes[s.node]
	return j.open && j.token == token
}

// begun takes that a worker was given leave.
func (l *fleetLaw) begun(worker string, job *wire.JobRequest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.executes(worker, job)
}

// executes counts how often an attempt is done that must not be done twice.
func (l *fleetLaw) executes(worker string, job *wire.JobRequest) {
	if !single(job.Topic) {
		return
	}
	s := l.tokens[string(job.Token)]
	at := fmt.Sprintf("%s/%d/%d", s.run, s.node, s.attempt)
	if l.ran[at]++; l.ran[at] > 1 {
		l.broken("worker %s does attempt %d of job %s, the %dth time that it is done", worker, s.attempt, job.JobId, l.ran[at])
	}
}

// acknowledged takes that a worker was told that its result is taken.
func (l *fleetLaw) acknowledged(worker string, job *wire.JobRequest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.tokens[string(job.Token)]; s == nil || !s.answered {
		l.broken("worker %s was told that its result of %s is taken, and it is not durable", worker, job.JobId)
	}
}

// fenced takes that a resource refused a worker under a fencing token that was too small. That is right only for one whose
// attempt is over.
func (l *fleetLaw) fenced(worker string, job *wire.JobRequest, lock string, token, seen int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refenced++
	if l.isOpen(string(job.Token)) {
		l.broken("worker %s, whose job %s is under way, comes to %s with token %d, and %d was there", worker, job.JobId, lock, token, seen)
	}
}

// outside takes that somebody outside was granted a lock: nobody else has it in a way that excludes that.
func (l *fleetLaw) outside(tenant, lock string, shared bool, token int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := tenant + "/" + lock
	l.grants(name, "somebody outside", shared, token)
	for run, r := range l.runs {
		for node, j := range r.nodes {
			if j.open && j.lock != "" && r.tenant+"/"+j.lock == name && (!shared || !j.shared) {
				l.broken("somebody outside was granted lock %s while node %d of run %s holds it", name, node, run)
			}
		}
	}
}

// register says how much a worker takes.
func (l *fleetLaw) register(worker string, most int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.most[worker] = most
}
