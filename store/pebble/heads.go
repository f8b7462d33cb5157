package pebble

import (
	"strings"

	"cordum.dev/cordum/store"
)

// headsKept is of how many logs of a partition the end is known at least, once so many were written; it is known of twice as many at
// most. With 64 partitions that is 4 MiB when all are full (about 110 bytes each), and runs that are advanced at once are far fewer.
const headsKept = 256

// head is the end of a log: the number of the first fact of its last entry, and of the fact that comes next.
type head struct{ last, next uint64 }

// heads are the ends of the logs that were written last, so that the next append behind one of them reads nothing. They say what
// the folder says: its lock makes this process the only one that writes, every write of a log goes through a commit, and a commit notes
// them while it still holds the partition. A log that is not among them is looked for on disk. The partition's mutex guards them; the
// zero value knows none.
type heads struct {
	recent, older map[store.LogID]head
}

// of answers the end of a log, when it is known.
func (h *heads) of(l store.LogID) (at head, known bool) {
	if at, known = h.recent[l]; !known {
		at, known = h.older[l]
	}
	return at, known
}

// set notes the end of a log. The ids are copied once: they may be parts of something larger.
func (h *heads) set(l store.LogID, at head) {
	if _, known := h.recent[l]; !known {
		if len(h.recent) >= headsKept {
			clear(h.older)
			h.recent, h.older = h.older, h.recent
		}
		if h.recent == nil {
			h.recent = make(map[store.LogID]head)
		}
		l = store.LogID{Tenant: strings.Clone(l.Tenant), Run: strings.Clone(l.Run)}
	}
	h.recent[l] = at
}

// drop forgets a log.
func (h *heads) drop(l store.LogID) {
	delete(h.recent, l)
	delete(h.older, l)
}

// note keeps where the logs of applied transactions end now. The caller still holds their partitions.
func (c *commit) note(txs []store.Tx, errs []error) {
	for i := range txs {
		if errs[i] != nil {
			continue
		}
		h := &c.s.parts[txs[i].Partition].heads
		for k := range txs[i].Appends {
			a := &txs[i].Appends[k]
			h.set(a.Log, head{last: a.First, next: a.First + uint64(a.Count)})
		}
		for _, l := range txs[i].Drops {
			h.drop(l)
		}
	}
}
