package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// This file is how several processes go by the same documents. The owner of the documents' partition writes them; every process
// keeps in memory what it needs of them at each job. Three things keep that true:
//
//   - A change is told at once, with the owner's announcement, and every process looks at the revisions each lookEvery as well: a
//     lost message costs a moment, never the truth.
//   - Who changes something waits until every process that is there has said to go by it, or a lease has passed.
//   - A process whose last good look is a lease ago has no policy in force: it decides nothing and sends nothing. So after a lease
//     nobody goes by what was before, whoever could not be reached.

// agreement is what a process knows of the documents that it shares with others.
type agreement struct {
	r    *Runner
	bell chan struct{} // rung to look at once
	born time.Time     // with the monotonic clock

	count atomic.Uint64 // of revisions made here
	// goodAt is how long after born the last look began that found this process to go by the policy and the holds that
	// there are.
	goodAt atomic.Int64
	// goodWall is the same moment by the wall's clock, in ns: the other one stands still while a machine sleeps.
	goodWall atomic.Int64
	// readUnder is the epoch of the documents' partition under which everything was read anew.
	readUnder atomic.Uint64

	files   filesDiffer
	looking sync.Mutex // one look at a time
	mu      sync.Mutex
	applied [families]revision // guarded by mu
	known   revision           // guarded by mu: the newest that was heard of
}

// Follower is a [Kernel] whose policy is kept in documents that other processes publish, too.
type Follower interface {
	// Follow reads what is published now, and answers nil when this process decides by it. It may be called at any time.
	Follow(ctx context.Context) error
}

// What is announced of the documents: the newest revision that was heard of, and by family what a process goes by.
const (
	sayKnown   = "docs"
	sayApplied = "docs."
)

// newAgreement makes what is needed to agree with others; nil when there are none.
func newAgreement(r *Runner) *agreement {
	if r.alone() {
		return nil
	}
	a := &agreement{r: r, bell: make(chan struct{}, 1), born: time.Now()}
	r.announceAlso(sayKnown, func() string {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.known
	})
	for f := range family(families) {
		r.announceAlso(sayApplied+f.String(), func() string {
			a.mu.Lock()
			defer a.mu.Unlock()
			return a.applied[f]
		})
	}
	a.files = newFilesDiffer(r)
	return a
}

// learn notes that there is a revision, and tells it on when it is the newest.
func (a *agreement) learn(rev revision) {
	a.mu.Lock()
	fresh := rev > a.known
	if fresh {
		a.known = rev
	}
	a.mu.Unlock()
	if fresh {
		ring(a.bell)
		a.r.announceSoon()
	}
}

// listen learns what the others have heard of.
func (a *agreement) listen() {
	for _, m := range a.r.members() {
		if rev := m.Says[sayKnown]; rev != "" {
			a.learn(rev)
		}
	}
}

// beginAgreement notes what the documents are at before they are read for the first time.
func (r *Runner) beginAgreement(ctx context.Context) error {
	a := r.agreed
	if a == nil {
		return nil
	}
	began := time.Now()
	all, err := r.revisions(ctx)
	if err != nil {
		return fmt.Errorf("read what the documents are at: %w", err)
	}
	if f, is := r.kernel.(Follower); is {
		if err := f.Follow(ctx); err != nil {
			return err
		}
	}
	a.mu.Lock()
	a.applied = all
	a.mu.Unlock()
	a.learn(slices.Max(all[:]))
	a.good(began)
	return nil
}

// keepAgreed goes by what others change until ctx ends.
func (r *Runner) keepAgreed(ctx context.Context) error {
	a := r.agreed
	if a == nil {
		return nil
	}
	tick := time.NewTicker(min(lookEvery, a.lease()/6))
	defer tick.Stop()
	for {
		news := r.membersChanged()
		a.listen()
		select {
		case <-ctx.Done():
			return nil
		case <-news:
			continue
		case <-a.bell:
		case <-tick.C:
			a.compareFiles()
		}
		if err := a.look(ctx, false); err != nil && ctx.Err() == nil {
			r.cfg.Logger.Warn("it is not known whether this process goes by the newest documents; trying again", "error", err)
		}
	}
}

// look reads the revisions and goes by what has changed: with everything, also by what has not.
func (a *agreement) look(ctx context.Context, everything bool) error {
	a.looking.Lock()
	defer a.looking.Unlock()
	ctx, cancel := context.WithTimeout(ctx, a.lease()/2)
	defer cancel()
	began := a.heard()
	all, err := a.r.revisions(ctx)
	if err != nil {
		return err
	}
	a.learn(slices.Max(all[:]))
	var errs []error
	stops := false
	for f := range family(families) {
		if !everything && all[f] == a.appliedOf(f) {
			continue
		}
		if err := a.apply(ctx, f); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f, err))
			stops = stops || f == familyPolicy || f == familyHolds
			continue
		}
		a.mu.Lock()
		a.applied[f] = all[f]
		a.mu.Unlock()
		a.r.announceSoon()
	}
	if !stops && began.Sub(a.born) > time.Duration(a.goodAt.Load()) {
		a.good(began)
	}
	return errors.Join(errs...)
}

// good notes that a look which began then was good.
func (a *agreement) good(began time.Time) {
	a.goodWall.Store(began.Round(0).UnixNano())
	a.goodAt.Store(int64(began.Sub(a.born)))
}

func (a *agreement) appliedOf(f family) revision {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.applied[f]
}

// apply puts in force what the documents of a family say now. When it answers nil, nothing is done any more by what they said
// before.
func (a *agreement) apply(ctx context.Context, f family) (err error) {
	r := a.r
	switch f {
	case familyHolds:
		if err = r.loadHolds(ctx); err == nil {
			err = r.decideAgain(ctx)
		}
	case familyPolicy:
		if follower, is := r.kernel.(Follower); is {
			err = follower.Follow(ctx)
		}
		if err == nil {
			err = r.decideAgain(ctx)
		}
	case familyRegistered:
		if err = r.reloadRegistered(ctx); err == nil {
			r.reloadFleet(ctx)
			err = r.Barrier(ctx)
		}
	case familyFleet:
		r.reloadFleet(ctx)
		err = r.Barrier(ctx)
	case familyDefinitions:
		r.defs.forgetNewest()
	case familyLegal:
		r.audit.holdsChanged()
	}
	return err
}

// decideAgain answers when every lane goes by what is in force now, and has decided again what was put off.
func (r *Runner) decideAgain(ctx context.Context) error {
	err := r.Barrier(ctx)
	r.wake()
	return err
}

// lease is after how long nobody goes by anything that he could not read again.
func (a *agreement) lease() time.Duration { return a.r.shared.cfg.Lease }

// heard is when the bus last carried this process's own word: whoever is not heard does not hear.
func (a *agreement) heard() time.Time {
	s := a.r.shared
	s.mem.mu.Lock()
	defer s.mem.mu.Unlock()
	if m, known := s.mem.known[a.r.cfg.Owner]; known {
		return m.heard
	}
	return a.born
}

// stale tells whether this process cannot know what is in force: it decides nothing and sends nothing then. Alone it never is.
func (r *Runner) stale() bool {
	a := r.agreed
	return a != nil && a.staleAt(time.Now())
}

// staleAt is stale at a time, by either clock.
func (a *agreement) staleAt(now time.Time) bool {
	return now.Sub(a.born)-time.Duration(a.goodAt.Load()) >= a.lease() || now.Round(0).UnixNano()-a.goodWall.Load() >= int64(a.lease())
}

// mayChangeDocs is ErrMoved unless this process owns the documents. What it keeps of them in memory is as they are when it
// answers nil: another owner may have changed them.
func (r *Runner) mayChangeDocs(ctx context.Context) error {
	a := r.agreed
	if a == nil {
		return nil
	}
	epoch := uint64(r.epoch(docPartition))
	if epoch == 0 || !r.leads() {
		return fmt.Errorf("change documents: %w", ErrMoved)
	}
	if a.readUnder.Load() == epoch {
		return nil
	}
	if err := a.look(ctx, true); err != nil {
		return fmt.Errorf("read the documents anew: %w", errors.Join(ErrUnavailable, err))
	}
	a.readUnder.Store(epoch)
	return nil
}

// settleDocs answers when every other process goes by a revision of the families, as far as their change waits for that.
func (r *Runner) settleDocs(ctx context.Context, s familySet, rev revision) error {
	if rev == "" {
		return nil
	}
	for f := range family(families) {
		if s.has(f) && f != familyPolicy { // the policy store asks when it goes by it itself
			if err := r.agree(ctx, f, rev); err != nil {
				return err
			}
		}
	}
	return nil
}

// agree waits until every other process that is there goes by a revision of a family. One that does not say so has lost its lease
// on what is in force when a lease has passed; of what only has to be soon, the others are given softPatience.
func (r *Runner) agree(ctx context.Context, f family, rev revision) error {
	a := r.agreed
	patience := softPatience
	if f.firm() {
		patience = a.lease()
	}
	over := time.NewTimer(patience)
	defer over.Stop()
	for {
		news := r.membersChanged()
		names := a.without(f, rev)
		if len(names) == 0 {
			return nil
		}
		select {
		case <-news:
		case <-over.C:
			slices.Sort(names)
			r.cfg.Logger.Warn("not every engine has said to go by a change", "of", f.String(), "silent", strings.Join(names, " "), "waited", patience)
			return nil
		case <-ctx.Done():
			return fmt.Errorf("it is stored, and whether every engine goes by it is not known: %w", errors.Join(ErrUnavailable, ctx.Err()))
		}
	}
}

// without names who may not go by a revision of a family yet. Of what must not be done any more that is also who was heard of within
// a lease and is silent now, and whoever has the partitions that nobody says to serve.
func (a *agreement) without(f family, rev revision) (names []string) {
	s := a.r.shared
	members := a.r.members()
	for _, m := range members {
		if m.Owner != a.r.cfg.Owner && m.Says[sayApplied+f.String()] < rev {
			names = append(names, m.Owner)
		}
	}
	if !f.firm() {
		return names
	}
	names = append(names, s.silent(time.Now())...)
	if lacking := s.unserved(members); lacking > 0 && len(members) > 0 {
		names = append(names, fmt.Sprintf("the owners of %d partitions", lacking))
	}
	return names
}
