package runner

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/store"
)

// This file is the place's side of concurrency keys: its book, what it answers, and how it learns what a partition has.

// keyBook is the place's record of all concurrency keys.
type keyBook struct {
	lines map[string]*keyLine // by the key's name
	runs  map[string]*keyRun
	left  map[string]time.Time // runs that let their key go, and when: a row that was read before says otherwise
	gen   uint64               // counts owners' words on what they have
	reads int                  // partitions whose rows are being read
	open  bool                 // all partitions were vouched for once: runs are let in
	// unsure are the keys of which somebody was told something that was not answered, or promised something.
	unsure map[string]bool
}

// keyRun is a run that has a key or waits for it.
type keyRun struct {
	keyWish
	gen      uint64    // of its owner's word
	until    time.Time // it was promised the key, and is not durable yet: for how long that holds
	askedFor time.Time // it was told that it has the key, or is to go, and has not said so
}

func newKeyBook() *keyBook {
	return &keyBook{lines: make(map[string]*keyLine), runs: make(map[string]*keyRun), left: make(map[string]time.Time), unsure: make(map[string]bool)}
}

// put enters a run, or what is new of it.
func (b *keyBook) put(run string, wish *keyWish, gen uint64) (fresh bool) {
	line := b.lines[wish.name]
	if line == nil {
		line = &keyLine{limit: 1, leaving: make(map[string]bool)}
		b.lines[wish.name] = line
	}
	line.limit = max(wish.limit, 1)
	kr := b.runs[run]
	if fresh = kr == nil; fresh {
		kr = &keyRun{}
		b.runs[run] = kr
	}
	kr.keyWish, kr.gen = *wish, gen
	is := func(id string) bool { return id == run }
	switch has := slices.Contains(line.has, run); {
	case has:
	case !wish.waits:
		line.waits = slices.DeleteFunc(line.waits, is)
		line.has = append(line.has, run)
		slices.SortFunc(line.has, older)
	case !slices.Contains(line.waits, run):
		line.waits = append(line.waits, run)
		slices.SortFunc(line.waits, older)
	}
	if !wish.waits {
		kr.askedFor = time.Time{}
	}
	return fresh
}

// remove takes a run out; it answers the name of its key.
func (b *keyBook) remove(run string) string {
	kr := b.runs[run]
	if kr == nil {
		return ""
	}
	delete(b.runs, run)
	line := b.lines[kr.name]
	is := func(id string) bool { return id == run }
	line.has, line.waits = slices.DeleteFunc(line.has, is), slices.DeleteFunc(line.waits, is)
	delete(line.leaving, run)
	if len(line.has)+len(line.waits) == 0 {
		delete(b.lines, kr.name)
	}
	return kr.name
}

// busy tells whether a key has no room for another run at once.
func (b *keyBook) busy(name string, limit int) bool {
	line := b.lines[name]
	return line != nil && (len(line.has) >= max(limit, 1) || len(line.waits) > 0)
}

// makeKey takes what an owner says of a key, or of all that it has.
func (d *dispatch) makeKey(out []notice, m *move) []notice {
	b, run := d.book, m.at.run
	switch said := d.parts[m.part]; m.kind {
	case moveOwned:
		d.readKeys(m.part, said)
	case moveKeyLeft:
		b.left[run] = time.Now()
		out = d.settleKey(out, b.remove(run))
	case moveKeyAsk:
		out = d.promise(out, run, m.key, said.gen)
	case moveKey:
		delete(b.left, run)
		if known := b.runs[run]; known != nil {
			known.until = time.Time{}
		}
		full := b.busy(m.key.name, m.key.limit)
		fresh := b.put(run, m.key, said.gen)
		if fresh && full && b.open && m.key.waits && m.key.busy == dag.BusyReject {
			b.remove(run)
			return d.tellRun(out, run, m.key.tenant, noticeRefused)
		}
		out = d.settleKey(out, m.key.name)
		if fresh && m.key.waits && m.key.busy == dag.BusyCancelOldest {
			out = d.makeRoom(out, m.key.name)
		}
	}
	return out
}

// promise answers a run that is about to be made whether it gets its key at once. It says nothing while the book is not complete.
func (d *dispatch) promise(out []notice, run string, wish *keyWish, gen uint64) []notice {
	b := d.book
	switch known := b.runs[run]; {
	case !b.open:
		return out
	case known == nil && b.busy(wish.name, wish.limit):
		return d.tellRun(out, run, wish.tenant, noticeRefused)
	case known == nil:
		wish.waits = false
		b.put(run, wish, gen)
		b.runs[run].until = time.Now().Add(promiseHolds)
		b.unsure[wish.name] = true
	}
	return d.tellRun(out, run, wish.tenant, noticeReserved)
}

// settleKey lets in whose turn has come.
func (d *dispatch) settleKey(out []notice, name string) []notice {
	b := d.book
	line := b.lines[name]
	if line == nil || !b.open {
		return out
	}
	line.admit()
	for _, run := range line.has {
		if kr := b.runs[run]; kr.waits && kr.until.IsZero() && time.Since(kr.askedFor) >= tellKeyAgain {
			kr.askedFor, b.unsure[name] = time.Now(), true
			out = d.tellRun(out, run, kr.tenant, noticeAdmitted)
		}
	}
	return out
}

// makeRoom has the oldest runs of a key go, so that the newest have it.
func (d *dispatch) makeRoom(out []notice, name string) []notice {
	line := d.book.lines[name]
	if line == nil || !d.book.open {
		return out
	}
	line.makeRoom()
	for _, run := range slices.Sorted(maps.Keys(line.leaving)) {
		if kr := d.book.runs[run]; kr != nil && time.Since(kr.askedFor) >= tellKeyAgain {
			kr.askedFor, d.book.unsure[name] = time.Now(), true
			out = d.tellRun(out, run, kr.tenant, noticeCrowded)
		}
	}
	return out
}

// tellRun adds a word to a run, where its owner is known: else the owner hears it when it has said what it has.
func (d *dispatch) tellRun(out []notice, run, tenant string, kind noticeKind) []notice {
	if at, ok := d.ownedBy(run); ok {
		out = append(out, notice{place: at, kind: kind, tenant: tenant})
	}
	return out
}

// lookAtKeys says again what was not answered, and takes back what was promised to runs that never came.
func (d *dispatch) lookAtKeys(out []notice, now time.Time) []notice {
	b := d.book
	for _, name := range slices.Sorted(maps.Keys(b.unsure)) {
		delete(b.unsure, name)
		line := b.lines[name]
		if line == nil {
			continue
		}
		for _, run := range slices.Clone(line.has) {
			kr := b.runs[run]
			if !kr.until.IsZero() && now.After(kr.until) {
				b.remove(run)
			} else if kr.waits || !kr.until.IsZero() {
				b.unsure[name] = true
			}
		}
		if out = d.settleKey(out, name); len(line.leaving) > 0 {
			b.unsure[name] = true
			out = d.makeRoom(out, name)
		}
	}
	if b.reads == 0 {
		maps.DeleteFunc(b.left, func(_ string, at time.Time) bool { return now.Sub(at) >= sayAllWithin })
	}
	return out
}

// readKeys reads the live rows of a partition whose owner has said all that it has in memory. The caller holds mu.
func (d *dispatch) readKeys(p store.Partition, said partSaid) {
	b := d.book
	b.reads++
	d.r.work.Go(func() {
		rows, err := d.r.keyRows(p)
		d.mu.Lock()
		defer d.unlock()
		b.reads--
		if now := d.parts[p]; d.book == b && now.gen == said.gen {
			if err != nil {
				d.readKeysLater(p, said)
			} else {
				d.out = append(d.out, d.vouched(p, rows)...)
			}
		}
	})
}

// readKeysLater tries it again. The caller holds mu.
func (d *dispatch) readKeysLater(p store.Partition, said partSaid) {
	time.AfterFunc(retryPause, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.book != nil && d.parts[p].gen == said.gen && d.r.ready.Load() {
			d.readKeys(p, said)
		}
	})
}

// vouched makes the rows of a partition what is known of it, but for what its owner said since.
func (d *dispatch) vouched(p store.Partition, rows map[string]*keyWish) (out []notice) {
	b, said := d.book, d.parts[p]
	for run, kr := range b.runs {
		if d.r.partOf(run) == p && rows[run] == nil && kr.gen != said.gen && kr.until.IsZero() {
			b.remove(run)
		}
	}
	for run, wish := range rows {
		_, gone := b.left[run]
		kr := b.runs[run]
		switch {
		case gone || kr != nil && kr.gen == said.gen:
		case kr != nil:
			wish.busy = kr.busy
			fallthrough
		default:
			b.put(run, wish, said.gen)
		}
	}
	said.vouched = true
	d.parts[p] = said
	if !b.open {
		b.open = d.unvouched() == 0
	}
	for name := range b.lines {
		out = d.settleKey(out, name)
	}
	return out
}

// keyRows are the runs of a partition that have a concurrency key or wait for it, as stored.
func (r *Runner) keyRows(p store.Partition) (map[string]*keyWish, error) {
	rows := make(map[string]*keyWish)
	at := store.Range{Table: store.TableLive, Limit: store.MaxScan}
	for {
		page, err := r.store.Scan(context.Background(), p, at)
		if err != nil {
			return nil, fmt.Errorf("read the live runs of partition %d: %w", p, err)
		}
		for _, rec := range page.Records {
			var row liveRow
			if codec.Decode(rec.Value, &row) == nil && row.Key != "" {
				tenant := rec.Key.Tenant
				rows[rec.Key.ID] = &keyWish{
					name: keyName(tenant, row.Workflow, row.Key), tenant: tenant, limit: int(row.Limit), busy: dag.BusyQueue, waits: row.Waits,
				}
			}
		}
		if at.After = page.Next; page.Next == nil {
			return rows, nil
		}
	}
}

const (
	// promiseHolds is how long a key is kept for a run that is about to be made.
	promiseHolds = 30 * time.Second
	// tellKeyAgain is how long a run may take to say that it has begun, or has gone, until it is told again.
	tellKeyAgain = 2 * time.Second
)
