package scheduler

import (
	"bytes"
	"slices"
)

// claim is a worker's word that it has an attempt which nobody announced here. Several may say so of one; when it is announced
// its token tells whose word is true.
type claim struct {
	worker *worker
	token  []byte
}

// provedBy tells whether who knows this token was given the attempt.
func (a *attempt) provedBy(token []byte) bool { return bytes.Equal(a.req.Token, token) }

// rightful is the worker of those that claim an attempt which was given it, nil if none was.
func (a *attempt) rightful(claims []claim) *worker {
	for _, cl := range claims {
		if a.provedBy(cl.token) {
			return cl.worker
		}
	}
	return nil
}

// addForeign notes that a worker says to have an attempt which nobody announced here; false when it has said so before.
func (f *Fleet) addForeign(w *worker, h Hold) bool {
	claims := f.elsewhere[h.Attempt]
	if slices.ContainsFunc(claims, func(cl claim) bool { return cl.worker == w }) {
		return false
	}
	f.elsewhere[h.Attempt] = append(claims, claim{worker: w, token: h.Token})
	w.others = append(w.others, h.Attempt)
	return true
}

// takeClaims forgets who says to have an attempt, with the slots it took there, and returns them. The caller gives them what
// waits for them.
func (f *Fleet) takeClaims(attemptID string) []claim {
	claims := f.elsewhere[attemptID]
	delete(f.elsewhere, attemptID)
	for _, cl := range claims {
		f.setForeign(cl.worker, max(0, cl.worker.foreign-1))
	}
	return claims
}

// settleClaimants gives those whose claims were taken what waits for them.
func (f *Fleet) settleClaimants(c *Change, claims []claim) {
	for _, cl := range claims {
		f.settleWorker(c, cl.worker)
	}
}

// dropAllForeign forgets the claims of one worker. The caller says how many jobs it has now that are not ours.
func (f *Fleet) dropAllForeign(w *worker) {
	for _, attemptID := range w.others {
		claims := slices.DeleteFunc(f.elsewhere[attemptID], func(cl claim) bool { return cl.worker == w })
		if len(claims) == 0 {
			delete(f.elsewhere, attemptID)
		} else {
			f.elsewhere[attemptID] = claims
		}
	}
	w.others = w.others[:0]
}
