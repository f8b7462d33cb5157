package runner

import (
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/store"
)

// This file is what becomes of the words of workers that every engine process hears, where several serve one store: who has the
// job's partition takes them, the others say nothing. What nobody has at the moment somebody keeps until somebody does.

// away tells whether a job is another process's, and in which partition.
func (r *Runner) away(job string) (store.Partition, bool) {
	if r.alone() {
		return 0, false
	}
	n, err := id.Partition(job)
	p := store.Partition(n)
	return p, err == nil && n < len(r.epochs) && r.elsewhere(p)
}

// knowsRuns tells whether a run of a job's partition that is not in memory is no run that a worker has. An engine that shares its
// store and stops still takes what is said of the partitions that it has not given away.
func (r *Runner) knowsRuns(job string) bool {
	if r.alone() {
		return r.ready.Load()
	}
	n, err := id.Partition(job)
	return err != nil || r.owns(store.Partition(n))
}

// passed tells whether a plain worker's result is not this process's to take: its owner has heard it too, or is sent what only one
// process is given by a stream. Should that owner have died, it is kept here for the next one. While nobody is known to own it, it
// is kept here, and by a stream there.
func (r *Runner) passed(m bus.Msg, job string) bool {
	p, away := r.away(job)
	if !away {
		return false
	}
	owner, known := r.server(p)
	switch {
	case m.Kept && known:
		r.peers.mail(p, []letter{write(letterResult, &resultLetter{settle: m.Reply, data: m.Data})})
	case m.Kept:
		r.settleKept(m.Reply, false)
	case known:
		r.peers.held.keep(time.Now(), owner, m.Data)
	}
	return known || m.Kept
}

// handOn gives a result that waits here to the owner that its job's partition has now, and tells whether it did.
func (b *plainInbox) handOn(a *plainArrival) bool {
	p, away := b.r.away(a.res.JobId)
	if !away {
		return false
	}
	if _, known := b.r.ownerOf(p); !known {
		b.r.ack(a.reply(), wire.AckCode_ACK_CODE_RETRY, "its run moves to another process")
		return true
	}
	b.mu.Lock()
	kept := a.kept
	a.kept = ""
	a.handed++
	again := kept == "" && a.handed < handOnTimes
	b.mu.Unlock()
	if kept != "" {
		b.r.settleKept(kept, false) // it comes again
	} else {
		b.r.peers.mail(p, []letter{write(letterResult, &resultLetter{data: a.raw})})
	}
	code := wire.AckCode_ACK_CODE_OK
	if again {
		code = wire.AckCode_ACK_CODE_RETRY
	}
	b.r.ack(a.reply(), code, "")
	return true
}

// handAllOn waits for a moment until what plain workers said of runs that were given away is with their owners: they say it once.
func (b *plainInbox) handAllOn() {
	over := time.Now().Add(handAllWithin)
	for time.Now().Before(over) {
		waits := b.firsts()
		if len(waits) == 0 {
			return
		}
		for _, a := range waits {
			b.r.receivePlain(a)
		}
		time.Sleep(peerTick)
	}
}

// firsts are the results whose turn it is.
func (b *plainInbox) firsts() (all []*plainArrival) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, line := range b.lines {
		all = append(all, line.results[0])
	}
	return all
}

const (
	// handOnTimes is how often the letter is sent that hands a result on, each to whoever is the owner then, as it may be lost or its
	// reader be gone: with the pauses between them that is more than a lease. Its job takes one of them.
	handOnTimes = 6
	// handAllWithin is how long a process that ends waits for the new owners of what it gave away.
	handAllWithin = 3 * time.Second
)
