package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/store"
)

// While an attempt runs, what is new of its log is added to the store every few seconds, a chunk at a time; at its end the
// chunks become one, in the commit that says that it ended.

// logRow begins the keys of an attempt's chunks: in the order of jobs and of their sends.
func logRow(job string, send int) string { return fmt.Sprintf("%s@%06d", job, max(send, 1)) }

func logChunkKey(tenant, row string, chunk int) store.Key {
	return store.Key{Table: store.TableLog, Tenant: tenant, ID: fmt.Sprintf("%s#%04d", row, chunk)}
}

// logChunk is the stored form of a part of a log.
type logChunk struct {
	step   string
	number int32
	next   int64 // number of the line that would have come next
	ended  bool
	lines  []logLine
}

// Fields describes the stored form; fields are only added at the end.
func (k *logChunk) Fields(c *codec.Codec) {
	c.String(&k.step)
	c.Int32(&k.number)
	c.Int(&k.next)
	c.Bool(&k.ended)
	codec.List(c, &k.lines, func(c *codec.Codec, l *logLine) { l.fields(c) })
}

// whole is all that is kept of a log as one chunk, and the chunks that go. The caller holds mu.
func (a *attemptLog) whole() (puts []store.Put, deletes []store.Key) {
	k := logChunk{step: a.step, number: a.number, next: a.next, ended: a.ended, lines: a.kept.all()}
	value := encode(&k)
	for n := 1; n < a.rows; n++ {
		deletes = append(deletes, logChunkKey(a.tenant, a.row, n))
	}
	a.chunks, a.rows, a.stored = 1, max(a.rows, 1), len(value)
	a.saved()
	return []store.Put{{Key: logChunkKey(a.tenant, a.row, 0), Value: value}}, deletes
}

// chunk is what is new of a log; everything when what is stored has become too much. The caller holds mu.
func (a *attemptLog) chunk() (puts []store.Put, deletes []store.Key) {
	if a.rewrite || a.stored > 2*maxLogBytes || a.chunks >= maxLogChunks {
		return a.whole()
	}
	value := encode(&logChunk{step: a.step, number: a.number, next: a.next, lines: a.unsaved})
	puts = []store.Put{{Key: logChunkKey(a.tenant, a.row, a.chunks), Value: value}}
	a.chunks++
	a.rows = max(a.rows, a.chunks)
	a.stored += len(value)
	a.saved()
	return puts, nil
}

func (a *attemptLog) saved() { a.unsaved, a.saidUpTo, a.rewrite = nil, a.next, false }

// loadLog reads what is stored of an attempt's log. The caller holds its mu, or is the only one to know it.
func (r *Runner) loadLog(a *attemptLog) error {
	ctx := context.Background()
	for after := (*store.Key)(nil); ; {
		page, err := r.store.Scan(ctx, r.partOf(a.run), store.Range{
			Table: store.TableLog, Tenant: a.tenant, From: a.row + "#", To: a.row + "$", After: after, // "$" follows "#"
		})
		if err != nil {
			return errors.Join(ErrUnavailable, err)
		}
		for _, rec := range page.Records {
			var k logChunk
			if err := codec.Decode(rec.Value, &k); err != nil {
				return fmt.Errorf("chunk %s: %w", rec.Key.ID, err)
			}
			for _, l := range k.lines {
				a.kept.add(l)
			}
			a.next = max(a.next, k.next)
			a.chunks++
			a.rows++
			a.stored += len(rec.Value)
		}
		if after = page.Next; after == nil {
			a.saidUpTo = a.next
			return nil
		}
	}
}

// keepLogs has what is new of logs stored every few seconds, until ctx ends.
func (r *Runner) keepLogs(ctx context.Context) error {
	tick := time.NewTicker(logFlush)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for _, l := range r.lanes {
			if r.logs.waits(l) {
				l.inbox.push(task{do: func(t *turn) { t.lane.keepLogs() }})
			}
		}
	}
}

// ofLane are the logs of a lane's runs.
func (b *logBook) ofLane(l *lane) []*attemptLog {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []*attemptLog
	for _, a := range b.open {
		if b.r.laneOf(a.run) == l {
			out = append(out, a)
		}
	}
	return out
}

// waits tells whether a lane has logs at all.
func (b *logBook) waits(l *lane) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.open {
		if b.r.laneOf(a.run) == l {
			return true
		}
	}
	return false
}

// keepLogs puts what is new of the lane's logs into its next commit, and lets go of those that rest.
func (l *lane) keepLogs() {
	for _, a := range l.r.logs.ofLane(l) {
		if !l.keepLog(a) {
			l.restLog(a)
		}
	}
}

// keepLog answers false when there is nothing to keep.
func (l *lane) keepLog(a *attemptLog) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended || !a.dirty() {
		return false
	}
	puts, deletes := a.chunk()
	a.leaving = true
	l.docs = append(l.docs, docWrite{part: l.r.partOf(a.run), puts: puts, deletes: deletes, done: func(err error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.leaving = false
		if err != nil {
			a.rewrite = true // what became of the chunk is not known
		} else if len(deletes) > 0 {
			a.rows = a.chunks
		}
	}})
	return true
}

// outrun takes a part of a log out of the batch when the whole of it goes with the same one: records beside runs are put after
// those of runs, and the part would replace the whole. The caller holds a's mu.
func (l *lane) outrun(a *attemptLog) {
	if !a.leaving {
		return
	}
	a.leaving = false
	l.docs = slices.DeleteFunc(l.docs, func(d docWrite) bool {
		if len(d.puts) != 1 {
			return false
		}
		key := d.puts[0].Key
		return key.Table == store.TableLog && key.Tenant == a.tenant && strings.HasPrefix(key.ID, a.row+"#")
	})
}

// restLog lets go of a log that is stored and to which nothing has come for a while: of an attempt that is over, or, where
// memory is short, of one that may go on.
func (l *lane) restLog(a *attemptLog) {
	b, now := l.r.logs, l.r.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.opened || a.dirty() || a.ended || now.Sub(a.touched) < logRest {
		return
	}
	over := true
	if ref, err := id.ParseJob(a.attempt); err == nil && l.runs[a.run] != nil {
		_, j := l.runs[a.run].job(ref)
		over = j == nil || !j.Mine(a.token)
	}
	if !over && b.bytes.Load() < maxLogMemory/2 {
		return
	}
	b.forget(a)
	b.bytes.Add(-int64(a.kept.bytes()))
	if !over {
		b.evict(a.key)
	}
	a.ended = true // who still has it adds nothing
}

// evict notes that an attempt under way has its log only in the store.
func (b *logBook) evict(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.evicted) >= maxLogs {
		clear(b.evicted)
	}
	b.evicted[key] = struct{}{}
}

// mayHaveStored tells whether an attempt without a log in memory may have one in the store.
func (b *logBook) mayHaveStored(attempt string, token []byte, j *scheduler.Job) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	evicted := false
	if len(b.evicted) > 0 {
		_, evicted = b.evicted[logKey(attempt, token)]
	}
	since := b.since
	if begun, taken := b.begun[b.r.partOf(id.RunOf(attempt))]; taken {
		since = begun
	}
	return evicted || j.AskedAt.Before(since)
}

// taken notes that a partition is this process's from now on: attempts of before may have lines in the store.
func (b *logBook) taken(p store.Partition) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.begun[p] = b.r.now()
}

// lost lets go of the logs of a partition that is another process's now. What was not stored of them is lost.
func (b *logBook) lost(p store.Partition) {
	b.mu.Lock()
	var all []*attemptLog
	for _, a := range b.open {
		if b.r.partOf(a.run) == p {
			all = append(all, a)
		}
	}
	b.mu.Unlock()
	for _, a := range all {
		a.mu.Lock()
		b.waited(a)
		if !a.ended {
			b.bytes.Add(-int64(a.kept.bytes()))
		}
		a.ended = true // who still has it adds nothing
		a.mu.Unlock()
		b.forget(a)
	}
}

// endLog makes the log of an attempt that ends what it stays.
func (t *turn) endLog(step int32, j *scheduler.Job, end attemptOf) {
	r, lr := t.lane.r, t.live
	a := r.logs.find(end.id, end.token)
	if a == nil {
		if a = t.storedLog(step, j, end); a == nil {
			return
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.opened || a.next == 1 {
		return
	}
	a.ended = true
	t.lane.outrun(a)
	puts, deletes := a.whole()
	lr.extra.puts, lr.extra.deletes = append(lr.extra.puts, puts...), append(lr.extra.deletes, deletes...)
	lines := int64(a.kept.count())
	t.record(t.system(""), &scheduler.JobLogged{Step: step, Attempt: j.Attempt, Lines: lines, Dropped: a.next - 1 - lines})
	t.after(func() {
		r.logs.forget(a)
		a.mu.Lock()
		r.logs.bytes.Add(-int64(a.kept.bytes()))
		a.mu.Unlock()
	})
}

// storedLog reads the log of an attempt that is not in memory: it was put out, or the process before this one wrote it.
func (t *turn) storedLog(step int32, j *scheduler.Job, end attemptOf) *attemptLog {
	r, lr := t.lane.r, t.live
	if len(end.token) == 0 || !r.logs.mayHaveStored(end.id, end.token, j) {
		return nil
	}
	ref, err := id.ParseJob(end.id)
	if err != nil {
		return nil
	}
	a := &attemptLog{
		key: logKey(end.id, end.token), attempt: end.id, token: end.token, run: lr.id, opened: true, next: 1,
		tenant: lr.run.Tenant, job: lr.jobID(step), step: lr.run.Name(step), number: j.Attempt, row: logRow(lr.jobID(step), ref.Attempt),
	}
	if err := r.loadLog(a); err != nil {
		t.lane.log.Warn("log of an attempt that ended cannot be read", "job_id", end.id, "error", err)
		return nil
	}
	r.logs.bytes.Add(int64(a.kept.bytes()))
	return a
}
