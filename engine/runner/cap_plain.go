package runner

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/internal/id"
)

// plainInbox holds results that nobody will send again until their jobs have taken them. A native worker keeps its result
// until it is acknowledged; here the engine does that in the place of those who fire and forget. With streams, a kept
// result is settled when its job has taken it, and comes again by itself if that never happens.
//
// Results that name one attempt go to their job one after the other, in the order in which they came, however long one has to be
// tried: the first that counts is the first that was said.
type plainInbox struct {
	r *Runner

	mu     sync.Mutex
	lines  map[string]*plainLine // by attempt
	held   int                   // results in all of them
	weight int                   // bytes of those
	next   uint64
	full   bool // it was said that there is no room
	closed bool
	wakeAt time.Time // when Run looks next
	bell   chan struct{}
}

// plainLine are the results that name one attempt. The first is with its job, or waits to be tried again; it is never empty.
type plainLine struct {
	results []*plainArrival
	due     time.Time // when the first is brought to its job once more, should nobody have answered by then
}

// plainArrival is one of them. Nobody changes its result: a job is given a copy.
type plainArrival struct {
	number uint64
	res    *wire.JobResult
	weight int
	since  time.Time
	tries  int    // that its job could not take it
	kept   string // where a kept one is settled; empty: it is not
	raw    []byte // as it came; only where several processes serve one store
	handed int    // how often its job's owner elsewhere was sent it
}

// plainReply begins what stands for a reply subject: the number of a result and the attempt it names. It cannot be one, as a
// space is in no subject.
const plainReply = "plain "

func (a *plainArrival) reply() string {
	return plainReply + strconv.FormatUint(a.number, 10) + " " + a.res.JobId
}

func newPlainInbox(r *Runner) *plainInbox {
	return &plainInbox{r: r, lines: make(map[string]*plainLine), bell: make(chan struct{}, 1)}
}

// take puts a result behind those that name the same attempt, and gives it to its job when it is the first.
func (b *plainInbox) take(m bus.Msg, res *wire.JobResult) {
	res.Token = nil // who names one that is kept is looked at as one who does not
	if _, err := id.ParseJob(res.JobId); err != nil {
		if m.Kept {
			b.r.settleKept(m.Reply, true)
		}
		return
	}
	a := &plainArrival{res: res, weight: len(m.Data), since: b.r.now()}
	if m.Kept {
		a.kept = m.Reply
	}
	if !b.r.alone() {
		a.raw = bytes.Clone(m.Data)
	}
	b.mu.Lock()
	first, ok := b.join(a)
	say := !ok && !b.full
	b.full = b.full || !ok
	b.mu.Unlock()
	switch {
	case !ok && m.Kept:
		b.r.settleKept(m.Reply, false)
	case say:
		b.r.cfg.Logger.Warn("results of plain workers are dropped: too many wait for their jobs", "job_id", clip(res.JobId))
	case ok && first:
		b.r.receivePlain(a)
	}
}

// join puts a result into its line, and tells whether it is the first there; ok is false when there is no room. The caller
// holds mu.
func (b *plainInbox) join(a *plainArrival) (first, ok bool) {
	line := b.lines[a.res.JobId]
	switch {
	case b.closed || b.held >= maxPlain || b.weight+a.weight > maxPlainBytes:
		return false, false
	case line == nil:
		line = &plainLine{}
		b.lines[a.res.JobId] = line
	case len(line.results) >= maxPlainLine:
		return false, false
	}
	b.next++
	a.number = b.next
	b.held++
	b.weight += a.weight
	line.results = append(line.results, a)
	if len(line.results) > 1 {
		return false, true
	}
	b.await(line, plainPatience)
	return true, true
}

// await notes when the first of a line is to be tried once more. The caller holds mu.
func (b *plainInbox) await(line *plainLine, pause time.Duration) {
	line.due = b.r.now().Add(pause)
	if b.wakeAt.IsZero() || line.due.Before(b.wakeAt) {
		b.wakeAt = line.due
		select {
		case b.bell <- struct{}{}:
		default: // it rings
		}
	}
}

// leave takes the first of a line out, and answers the one behind it: it is its turn now. The caller holds mu.
func (b *plainInbox) leave(line *plainLine) (next *plainArrival) {
	gone := line.results[0]
	line.results = line.results[1:]
	b.held--
	b.weight -= gone.weight
	b.full = b.full && b.held > maxPlain/2
	if len(line.results) == 0 {
		delete(b.lines, gone.res.JobId)
		return nil
	}
	b.await(line, plainPatience)
	return line.results[0]
}

// receivePlain brings a result to its job; r.ack tells what became of it. An engine that starts, or takes up a partition, does
// not know yet which runs there are: what comes then waits.
func (r *Runner) receivePlain(a *plainArrival) {
	if r.plain.handOn(a) {
		return
	}
	if !r.knowsRuns(a.res.JobId) {
		r.ack(a.reply(), wire.AckCode_ACK_CODE_RETRY, "starting or stopping")
		return
	}
	to := &arrival{reply: a.reply(), res: proto.CloneOf(a.res), at: r.now()}
	r.onJob(to.reply, to.res.JobId, nil, func(t *turn, step int32) { t.plainResult(step, to) })
}

// acked takes the answer to one of these results, and tells whether it was one.
func (r *Runner) acked(reply string, code wire.AckCode) bool {
	rest, is := strings.CutPrefix(reply, plainReply)
	if !is {
		return false
	}
	number, attempt, _ := strings.Cut(rest, " ")
	n, err := strconv.ParseUint(number, 10, 64)
	if err == nil {
		r.plain.answered(n, attempt, code)
	}
	return true
}

// answered notes what a job said of a result: it is done with, or to be tried again. An answer that was given before, about one
// that is not the first any more, counts no more.
func (b *plainInbox) answered(number uint64, attempt string, code wire.AckCode) {
	b.mu.Lock()
	line := b.lines[attempt]
	if line == nil || line.results[0].number != number {
		b.mu.Unlock()
		return
	}
	a := line.results[0]
	if code == wire.AckCode_ACK_CODE_RETRY && b.r.now().Sub(a.since) < maxPlainAge {
		b.await(line, min(retryPause<<a.tries, retryMost))
		a.tries = min(a.tries+1, 16)
		b.mu.Unlock()
		return
	}
	next := b.leave(line)
	b.mu.Unlock()
	b.let(a, code != wire.AckCode_ACK_CODE_RETRY)
	if next != nil {
		b.r.receivePlain(next)
	}
}

// let lets go of a result that is done with, or that nobody could take for too long.
func (b *plainInbox) let(a *plainArrival, done bool) {
	switch {
	case a.kept != "":
		b.r.settleKept(a.kept, done)
	case !done:
		b.r.cfg.Logger.Warn("the result of a plain worker is dropped: its job could not take it", "job_id", clip(a.res.JobId), "after", maxPlainAge)
	}
}

// settleKept tells a stream that a result is done with, or is to come again.
func (r *Runner) settleKept(reply string, done bool) {
	if err := bus.Settle(r.bus, reply, done, keptPause); err != nil {
		r.cfg.Logger.Debug("a kept result could not be settled", "error", err)
	}
}

// Run tries results again that their jobs could not take, until ctx ends.
func (b *plainInbox) Run(ctx context.Context) error {
	defer b.close()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.bell:
		case <-timer.C:
		}
		pause, due, gone := b.look()
		for _, a := range gone {
			b.let(a, false)
		}
		for _, a := range due {
			b.r.receivePlain(a)
		}
		if pause > 0 {
			timer.Reset(pause)
		}
	}
}

// look finds the results whose pause is over, and those of which nothing was heard for too long. It answers after what time
// to look again; 0: there is nothing to look for.
func (b *plainInbox) look() (pause time.Duration, due, gone []*plainArrival) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.r.now()
	for _, line := range b.lines {
		if line.due.After(now) {
			continue
		}
		first := line.results[0]
		if now.Sub(first.since) >= maxPlainAge {
			gone = append(gone, first)
			first = b.leave(line)
		}
		if first != nil {
			due = append(due, first)
			line.due = now.Add(plainPatience)
		}
	}
	b.wakeAt = time.Time{}
	for _, line := range b.lines {
		if b.wakeAt.IsZero() || line.due.Before(b.wakeAt) {
			b.wakeAt = line.due
		}
	}
	if !b.wakeAt.IsZero() {
		pause = max(b.wakeAt.Sub(now), retryPause/4)
	}
	return pause, due, gone
}

func (b *plainInbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines, b.closed, b.held, b.weight = make(map[string]*plainLine), true, 0, 0
}
