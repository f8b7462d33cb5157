package runner

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store"
)

// logBook has the logs of the attempts under way that have written something. Whether a token is the running attempt's is
// asked of the lane once; from then on lines are added without it.
type logBook struct {
	r     *Runner
	since time.Time    // when this process began: older attempts may have lines in the store
	bytes atomic.Int64 // of lines in memory

	mu      sync.Mutex
	open    map[string]*attemptLog
	evicted map[string]struct{}           // under way, and only in the store
	begun   map[store.Partition]time.Time // when partitions were taken, in place of since
	refused map[logSum]time.Time          // tokens of nobody, and until when they are not asked about again
}

// logSum stands for a key of a log: strangers may make them long.
type logSum [sha256.Size]byte

func newLogBook(r *Runner) *logBook {
	return &logBook{
		r: r, since: r.now(), open: make(map[string]*attemptLog), evicted: make(map[string]struct{}), refused: make(map[logSum]time.Time),
		begun: make(map[store.Partition]time.Time),
	}
}

func logKey(attempt string, token []byte) string { return attempt + "\x00" + string(token) }

// onLog takes lines that a worker sent. Nobody waits for an answer.
func (r *Runner) onLog(p *wire.JobLog) {
	if _, away := r.away(p.GetJobId()); away {
		return
	}
	if len(p.GetLines()) > maxLogBatch || p.GetFirst() < 0 || p.GetFirst() > maxLogNumber || p.GetDropped() < 0 || p.GetDropped() > maxLogNumber ||
		len(p.GetJobId()) > maxLogName || len(p.GetToken()) > maxLogName {
		r.metrics.malformed.Inc()
		return
	}
	a, fresh := r.logs.of(p)
	if a == nil {
		r.metrics.logs.dropped.Add(float64(len(p.GetLines())))
		return
	}
	r.addLog(a, p)
	if fresh {
		r.openLog(a)
	}
}

// of answers the log that lines belong to; fresh says that it has to be opened. Nil: they are nobody's, or there are too many.
func (b *logBook) of(p *wire.JobLog) (a *attemptLog, fresh bool) {
	key := logKey(p.GetJobId(), p.GetToken())
	b.mu.Lock()
	defer b.mu.Unlock()
	if a = b.open[key]; a != nil {
		return a, false
	}
	if until, no := b.refused[sha256.Sum256([]byte(key))]; no && b.r.now().Before(until) {
		return nil, false
	}
	if len(b.open) >= maxLogs {
		return nil, false
	}
	a = &attemptLog{key: key, attempt: p.GetJobId(), token: p.GetToken(), run: id.RunOf(p.GetJobId()), next: 1}
	b.open[key] = a
	return a, true
}

// addLog adds lines to a log and shows them to who watches. Until it is known whose they are, they wait.
func (r *Runner) addLog(a *attemptLog, p *wire.JobLog) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.opened:
		r.takeLog(a, p)
	case !a.ended && len(a.waiting) < maxLogWaiting && r.logs.bytes.Load() < maxLogMemory:
		weight := proto.Size(p)
		a.waiting = append(a.waiting, p)
		a.weight += weight
		r.logs.bytes.Add(int64(weight))
	default:
		r.metrics.logs.dropped.Add(float64(len(p.GetLines())))
	}
}

// waited takes what waits out of a log: it is known whose it is, or that it is nobody's. The caller holds a's mu.
func (b *logBook) waited(a *attemptLog) []*wire.JobLog {
	waiting := a.waiting
	b.bytes.Add(int64(-a.weight))
	a.waiting, a.weight = nil, 0
	return waiting
}

// takeLog is addLog of an opened log. The caller holds its mu.
func (r *Runner) takeLog(a *attemptLog, p *wire.JobLog) {
	before := a.kept.bytes()
	fresh, bad := a.take(r.now(), p, r.logs.bytes.Load() < maxLogMemory)
	r.logs.bytes.Add(int64(a.kept.bytes() - before))
	if bad {
		r.metrics.malformed.Inc()
	}
	r.metrics.logs.kept.Add(float64(len(fresh)))
	r.metrics.logs.dropped.Add(float64(len(p.GetLines()) - len(fresh)))
	if len(fresh) > 0 {
		r.hub.publishLog(a, fresh)
	}
}

// openLog asks the lane whether the token is the running attempt's.
func (r *Runner) openLog(a *attemptLog) {
	ref, err := id.ParseJob(a.attempt)
	l := r.laneOf(ref.Run)
	if err != nil || l == nil {
		r.logs.refuse(a)
		return
	}
	err = l.inbox.offer(task{
		run: ref.Run, tenant: tenantOf(a.token),
		fail: func(err error) {
			if isNotFound(err) {
				r.logs.refuse(a)
				return
			}
			r.logs.abandon(a)
		},
		do: func(t *turn) {
			node, j := t.live.job(ref)
			if j == nil || !j.Mine(a.token) || j.State < scheduler.JobScheduled || t.live.attemptID(node) != a.attempt {
				r.logs.refuse(a)
				return
			}
			t.openLog(a, node, j)
		},
	})
	if err != nil {
		r.logs.abandon(a)
	}
}

// openLog makes a log the one of a node's running attempt: what is stored of it already comes first.
func (t *turn) openLog(a *attemptLog, node int32, j *scheduler.Job) {
	r, lr := t.lane.r, t.live
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.opened {
		return
	}
	a.tenant, a.job, a.step, a.number = lr.run.Tenant, lr.jobID(node), lr.run.Name(node), j.Attempt
	a.row = logRow(a.job, int(j.Send))
	if err := r.loadLog(a); err != nil {
		t.lane.log.Warn("log of an attempt cannot be read: it begins anew", "job_id", a.attempt, "error", err)
	}
	r.logs.bytes.Add(int64(a.kept.bytes()))
	a.opened, a.touched = true, t.now
	for _, p := range r.logs.waited(a) {
		r.takeLog(a, p)
	}
}

// find answers the log of an attempt, nil when it has none in memory.
func (b *logBook) find(attempt string, token []byte) *attemptLog {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.open) == 0 { // most attempts write nothing
		return nil
	}
	return b.open[logKey(attempt, token)]
}

// refuse forgets a log that is nobody's, and for a while does not ask again.
func (b *logBook) refuse(a *attemptLog) {
	b.abandon(a)
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.refused) >= maxLogs {
		clear(b.refused)
	}
	b.refused[sha256.Sum256([]byte(a.key))] = b.r.now().Add(logRefusal)
}

// abandon lets go of a log that was not opened, with what waits for that.
func (b *logBook) abandon(a *attemptLog) {
	a.mu.Lock()
	b.waited(a)
	a.ended = true // who still has it adds nothing
	a.mu.Unlock()
	b.forget(a)
}

// forget lets go of a log that is stored.
func (b *logBook) forget(a *attemptLog) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open[a.key] == a {
		delete(b.open, a.key)
	}
	delete(b.evicted, a.key)
}
