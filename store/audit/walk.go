package audit

// walk follows one chain, row by row.
type walk struct {
	*verifier
	chain  Chain
	cut    Cut
	first  uint64 // number of the first record there should be
	next   uint64 // number of the record to come
	hash   Hash   // what it is to follow
	marks  []mark // of the heads, still to come
	edited bool   // the row before was; what follows it does not follow what it says now
	proven uint64
}

// checkCut looks at what retention took.
func (w *walk) checkCut() {
	if w.cut.None() {
		return
	}
	w.verifier.cut = true
	if w.key == nil {
		return
	}
	if err := w.cut.Check(w.chain, w.src.StoreID(), w.key); err != nil {
		w.report.find(CutUnproven, w.chain, w.first, "what was before it was removed, and the key did not sign that: %v", err)
	}
}

// checkStart settles what the heads say of records that are not there any more, or of a chain that had none.
func (w *walk) checkStart() {
	for len(w.marks) > 0 && w.marks[0].seq < w.next {
		if m := w.marks[0]; m.seq == w.next-1 && m.hash != w.hash {
			w.report.find(Rewritten, w.chain, m.seq, "head %d has another hash: the chain was written anew", m.of)
		}
		w.marks = w.marks[1:]
	}
}

// take goes over one row.
func (w *walk) take(p Piece) {
	if p.Err != nil {
		w.report.find(Unreadable, w.chain, w.next, "the row %s: %v", p.ID, p.Err)
		return
	}
	row := &p.Row
	switch {
	case row.Chain != p.At:
		w.report.find(Swapped, w.chain, row.First, "it was written to %s", row.Chain)
		return
	case p.ID != rowID(row.First):
		w.report.find(Reordered, w.chain, row.First, "it lies under %s", p.ID)
		return
	case row.First < w.next:
		w.report.find(Inserted, w.chain, row.First, "the chain had come to %d", w.next-1)
		return
	case row.First > w.next:
		w.report.find(Missing, w.chain, w.next, "%d to %d are not there", w.next, row.First-1)
		w.skipMarks(row.First)
	case row.Prev != w.hash && !w.edited:
		w.report.find(Broken, w.chain, row.First, "it does not follow the record before it: either of them is not the one that was written")
	}
	if w.edited = !row.sound(); w.edited {
		w.report.find(Edited, w.chain, row.First, "%d to %d are not what was written", row.First, row.end())
	}
	for i := range row.Records {
		w.meet(&row.Records[i])
	}
	w.next, w.hash = row.end()+1, row.last()
}

// skipMarks drops what the heads say of records that are not there: their absence has been told.
func (w *walk) skipMarks(next uint64) {
	for len(w.marks) > 0 && w.marks[0].seq < next {
		w.marks = w.marks[1:]
	}
}

// meet compares one record with what the heads say of it.
func (w *walk) meet(r *Record) {
	w.report.Records++
	w.report.saw(r.At)
	for len(w.marks) > 0 && w.marks[0].seq == r.Seq {
		m := w.marks[0]
		w.marks = w.marks[1:]
		if m.hash != r.Hash {
			w.report.find(Rewritten, w.chain, r.Seq, "head %d has another hash: a record up to here was changed, or the chain was written anew", m.of)
			continue
		}
		w.proven = r.Seq + 1 - w.first
	}
}
