package audit

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"maps"
	"slices"
)

// Against is what chains are compared with.
type Against struct {
	// Heads are earlier ones that were kept elsewhere. With none, what is found is only what does not fit together.
	Heads []Head
	// Key is whose signatures count; nil: none is checked.
	Key ed25519.PublicKey
}

// Verify follows every chain of a source and compares it with the heads. It finds records that were edited, deleted, inserted,
// reordered, moved to another tenant, cut off at the end, and chains that were written anew; what came after the newest head
// is only checked for fitting together. The error says that the source could not be read, never what is wrong with it.
func Verify(ctx context.Context, src Source, with Against) (Report, error) {
	cuts, err := src.Cuts(ctx)
	if err != nil {
		return Report{}, err
	}
	v := &verifier{src: src, key: with.Key, cuts: cuts, marks: map[Chain][]mark{}}
	v.report.Findings, v.report.Doubts = []Finding{}, []string{}
	v.compareHeads(with.Heads)
	var at *walk
	done := map[Chain]bool{}
	err = src.Rows(ctx, func(p Piece) error {
		if at == nil || at.chain != p.At {
			v.finish(at)
			at = v.begin(p.At)
			if done[p.At] {
				v.report.find(Reordered, p.At, 0, "its records do not lie together")
			}
			done[p.At] = true
		}
		at.take(p)
		return nil
	})
	var cut *incomplete
	if errors.As(err, &cut) {
		v.report.find(Incomplete, Chain{}, 0, "%s", cut.says)
	} else if err != nil {
		return Report{}, err
	}
	v.finish(at)
	v.finishEmpty(done)
	v.report.OK = len(v.report.Findings) == 0
	return v.report, nil
}

// verifier is one check of a source.
type verifier struct {
	src    Source
	key    ed25519.PublicKey
	cuts   map[Chain]Cut
	marks  map[Chain][]mark
	cut    bool // retention has taken something
	report Report
}

// mark is a place of a chain that a head names.
type mark struct {
	seq  uint64
	hash Hash
	of   uint64 // number of the head
}

// compareHeads checks the heads themselves and notes what they say of each chain.
func (v *verifier) compareHeads(heads []Head) {
	heads = slices.Clone(heads)
	slices.SortFunc(heads, func(a, b Head) int { return cmp.Compare(a.Number, b.Number) })
	v.report.Heads = len(heads)
	if len(heads) == 0 {
		v.report.doubt("no earlier signed head was given: whether records at the end of a chain are missing, and whether all of it was written anew, cannot be told")
	} else if v.key == nil {
		v.report.doubt("no public key was given: that the server signed the heads is not checked; what they prove depends on where they were kept")
	}
	for i := range heads {
		h := &heads[i]
		if id := v.src.StoreID(); id != "" && h.Store != "" && id != h.Store {
			v.report.find(OtherStore, Chain{}, 0, "head %d was taken of the store %s, this is %s", h.Number, h.Store, id)
		}
		if err := v.checkHead(h); err != nil {
			v.report.find(BadHead, Chain{}, 0, "head %d: %v", h.Number, err)
			continue // it proves nothing
		}
		if i > 0 && heads[i-1].Number+1 == h.Number && h.Previous != heads[i-1].Hash() {
			v.report.find(BadHead, Chain{}, 0, "head %d does not follow the head %d that was given", h.Number, heads[i-1].Number)
		}
		for _, c := range h.Chains {
			if c.Shown() && (v.src.Tenant() == "" || v.src.Tenant() == c.Tenant) {
				v.marks[c.Chain] = append(v.marks[c.Chain], mark{c.Seq, c.Hash, h.Number})
			}
		}
	}
	for c := range v.marks {
		slices.SortFunc(v.marks[c], func(a, b mark) int { return cmp.Compare(a.seq, b.seq) })
	}
}

func (v *verifier) checkHead(h *Head) error {
	if v.key == nil {
		return nil
	}
	return h.Check(v.key)
}

// begin starts to follow a chain.
func (v *verifier) begin(c Chain) *walk {
	w := &walk{verifier: v, chain: c, cut: v.cuts[c], marks: v.marks[c]}
	v.report.Chains++
	w.next, w.hash = w.cut.begins(c)
	w.first = w.next
	w.checkCut()
	w.checkStart()
	return w
}

// finish ends with a chain: what the heads still expect is missing.
func (v *verifier) finish(w *walk) {
	if w == nil {
		return
	}
	v.report.Proven += w.proven
	for _, m := range w.marks {
		v.report.find(Truncated, w.chain, w.next, "head %d has %d records, the chain ends at %d", m.of, m.seq, w.next-1)
	}
}

// finishEmpty looks at the chains of which there is no record.
func (v *verifier) finishEmpty(done map[Chain]bool) {
	all := maps.Clone(done)
	for c := range v.cuts {
		all[c] = true
	}
	for c := range v.marks {
		all[c] = true
	}
	for _, c := range slices.SortedFunc(maps.Keys(all), Chain.compare) {
		if done[c] {
			continue
		}
		if _, known := v.cuts[c]; !known {
			if m := v.marks[c]; m[len(m)-1].seq > 0 {
				v.report.find(Gone, c, 0, "head %d has %d records, the chain is not there", m[len(m)-1].of, m[len(m)-1].seq)
			}
			continue
		}
		v.finish(v.begin(c))
	}
	if v.cut && v.key == nil {
		v.report.doubt("old records were removed, and no public key was given: that retention did it, and not somebody else, cannot be told")
	}
}
