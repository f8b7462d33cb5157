package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"cordum.dev/cordum/store"
)

// This file is redrives: retries of many dead letters, one after another at a rate. What one has done is kept as a document, so
// that a process that starts goes on with it.

// RedriveRequest asks for a retry of every dead letter that fits.
type RedriveRequest struct {
	Filter DeadFilter
	Rate   float64 // retries a second, above 0 to MaxRedriveRate; 0 means DefaultRedriveRate
	DryRun bool    // only count
}

// Redrive is one such retry, and how far it is.
type Redrive struct {
	ID        string         `json:"id,omitempty" doc:"Absent in a dry run"`
	State     string         `json:"state" enum:"dry_run,running,done,stopped"`
	Filter    DeadFilter     `json:"filter"`
	Rate      float64        `json:"rate" doc:"Retries a second"`
	Matched   int            `json:"matched" doc:"Entries that fitted when it began, without those that were being done again"`
	Reasons   map[string]int `json:"reasons,omitempty" doc:"How many of them by reason"`
	Retried   int            `json:"retried"`
	Skipped   int            `json:"skipped" doc:"Were gone, or being done again, when their turn came. Includes one that was retried right before the server was killed, and not counted"`
	Refused   int            `json:"refused" doc:"Cannot be retried"`
	Refusals  []DeadRefusal  `json:"refusals,omitempty" doc:"The first of them"`
	StartedBy string         `json:"started_by,omitempty"`
	Reason    string         `json:"reason,omitempty"`
	StartedAt time.Time      `json:"started_at,omitzero"`
	EndedAt   *time.Time     `json:"ended_at,omitempty"`
}

// DeadRefusal is a dead letter that a redrive could not retry.
type DeadRefusal struct {
	ID      string `json:"id"`
	Message string `json:"message" doc:"Why, and what to do in its place"`
}

// States of a redrive.
const (
	redriveDryRun  = "dry_run"
	redriveRunning = "running"
	redriveDone    = "done"
	redriveStopped = "stopped"
)

// redriveKind is the kind of the documents that keep redrives.
const redriveKind = "dlq.redrive"

// keptRedrive is the stored form.
type keptRedrive struct {
	Redrive
	Tenant string   `json:"tenant"`
	Behind string   `json:"behind,omitempty"` // the place it has come to
	Roles  []string `json:"roles,omitempty"`  // of who began it
	Groups []string `json:"groups,omitempty"`
	Type   string   `json:"actor_type,omitempty"`
	Owner  string   `json:"owner,omitempty"`
	Key    string   `json:"key,omitempty"` // its caller's idempotency key
}

// asks tells whether it is what a caller asks for again under the same key.
func (k *keptRedrive) asks(c Caller) bool {
	return c.Command != "" && k.Key == c.Command && k.Tenant == c.Tenant && k.StartedBy == c.Actor
}

// redriving is one under way in this process.
type redriving struct {
	mu    sync.Mutex
	kept  keptRedrive
	taken bool               // somebody carries it out
	stop  context.CancelFunc // ends that; nil before it began
	left  bool               // it is another process's to carry out
}

// view is what people see of it.
func (d *redriving) view() Redrive {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.kept.Redrive
	v.Refusals = slices.Clone(v.Refusals)
	return v
}

func (k *keptRedrive) caller() Caller {
	reason := k.Reason
	if reason == "" {
		reason = "redrive " + k.ID
	}
	return Caller{Tenant: k.Tenant, Actor: k.StartedBy, Reason: reason, Roles: k.Roles, Groups: k.Groups, ActorType: k.Type, Owner: k.Owner}
}

// StartRedrive counts what fits and begins to retry it in the background, the oldest first. What dies while it is under way is
// left alone. A tenant has one at a time: ErrConflict names the one that is under way.
func (r *Runner) StartRedrive(ctx context.Context, c Caller, req RedriveRequest) (Redrive, error) {
	var none Redrive
	if req.Rate == 0 {
		req.Rate = DefaultRedriveRate
	}
	if !(req.Rate >= minRedriveRate && req.Rate <= MaxRedriveRate) {
		return none, &InvalidError{Code: "invalid_argument", Message: fmt.Sprintf("rate: %g to %d retries a second", minRedriveRate, MaxRedriveRate)}
	}
	if err := req.Filter.named(); err != nil {
		return none, err
	}
	if !r.leads() {
		return none, fmt.Errorf("begin a redrive: %w", ErrMoved)
	}
	if before, err := r.redriveOf(ctx, c); err != nil || before.ID != "" {
		if err == nil && (before.Filter != req.Filter || before.Rate != req.Rate) {
			err = ErrIdempotency
		}
		return before, err
	}
	v := Redrive{
		State: redriveDryRun, Filter: req.Filter, Rate: req.Rate, Reasons: map[string]int{}, StartedBy: c.Actor, Reason: c.Reason, StartedAt: r.now(),
	}
	err := r.eachDead(ctx, c.Tenant, req.Filter, func(h *deadHead) {
		if !h.Again {
			v.Matched++
			v.Reasons[reasonFamily(h.Reason)]++
		}
	})
	if err != nil || req.DryRun {
		return v, err
	}
	v.ID, v.State = r.newID(), redriveRunning
	d := &redriving{kept: keptRedrive{
		Redrive: v, Tenant: c.Tenant, Roles: c.Roles, Groups: c.Groups, Type: c.ActorType, Owner: c.Owner, Key: c.Command,
	}}
	if err := r.dead.admit(d); err != nil {
		return none, err
	}
	if err := r.saveRedrive(ctx, d, docAct{caller: c, name: actDeadRedrive, subject: v.ID}); err != nil {
		r.dead.forget(v.ID)
		return none, err
	}
	ring(r.dead.begun)
	return d.view(), nil
}

// redriveOf is the one that a caller began under the same idempotency key; none without an id.
func (r *Runner) redriveOf(ctx context.Context, c Caller) (found Redrive, err error) {
	if c.Command == "" {
		return found, nil
	}
	err = r.keptRedrives(ctx, func(kept keptRedrive) {
		if kept.asks(c) {
			found = kept.Redrive
		}
	})
	if err != nil || found.ID == "" {
		return found, err
	}
	return r.Redrive(ctx, c, found.ID)
}

// admit takes a redrive up, unless its tenant has one.
func (d *deadLetters) admit(one *redriving) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, other := range d.redrives {
		if other.kept.Tenant == one.kept.Tenant {
			return fmt.Errorf("redrive %s is under way: wait until it has ended, or stop it: %w", id, ErrConflict)
		}
	}
	d.redrives[one.kept.ID] = one
	return nil
}

// leaveRedrives stops what is carried out here: another process leads now, and goes on with what is kept of it.
func (d *deadLetters) leaveRedrives() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, one := range d.redrives {
		one.mu.Lock()
		one.left = true
		if one.stop != nil {
			one.stop()
		}
		one.mu.Unlock()
		delete(d.redrives, id)
	}
}

func (d *deadLetters) forget(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.redrives, id)
}

// toBegin are those that nobody carries out yet.
func (d *deadLetters) toBegin() (out []*redriving) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, one := range d.redrives {
		if !one.taken {
			one.taken = true
			out = append(out, one)
		}
	}
	return out
}

// Redrive answers one and how far it is.
func (r *Runner) Redrive(ctx context.Context, c Caller, redrive string) (Redrive, error) {
	r.dead.mu.Lock()
	d := r.dead.redrives[redrive]
	r.dead.mu.Unlock()
	if d != nil && d.kept.Tenant == c.Tenant {
		return d.view(), nil
	}
	doc, err := r.Doc(ctx, redriveKind, redrive)
	if err != nil {
		return Redrive{}, err
	}
	var kept keptRedrive
	if err := json.Unmarshal(doc.Value, &kept); err != nil || kept.Tenant != c.Tenant {
		return Redrive{}, fmt.Errorf("redrive %.64q: %w", redrive, ErrNotFound)
	}
	return kept.Redrive, nil
}

// Redrives lists the tenant's, newest first: the one under way and those that are remembered.
func (r *Runner) Redrives(ctx context.Context, c Caller) ([]Redrive, error) {
	out := []Redrive{}
	err := r.keptRedrives(ctx, func(kept keptRedrive) {
		if kept.Tenant == c.Tenant {
			out = append(out, kept.Redrive)
		}
	})
	if err != nil {
		return nil, err
	}
	for i := range out {
		r.dead.mu.Lock()
		d := r.dead.redrives[out[i].ID]
		r.dead.mu.Unlock()
		if d != nil {
			out[i] = d.view() // newer than what is kept
		}
	}
	slices.SortFunc(out, func(a, b Redrive) int { return strings.Compare(b.ID, a.ID) })
	return out, nil
}

// StopRedrive ends one after the retry under way. One that has ended is answered as it is.
func (r *Runner) StopRedrive(ctx context.Context, c Caller, redrive string) (Redrive, error) {
	v, err := r.Redrive(ctx, c, redrive)
	if err != nil || v.State != redriveRunning {
		return v, err
	}
	r.dead.mu.Lock()
	d := r.dead.redrives[redrive]
	r.dead.mu.Unlock()
	if d == nil && !r.leads() {
		return v, fmt.Errorf("stop redrive %s: %w", redrive, ErrMoved)
	}
	if d == nil { // it has just ended
		return r.Redrive(ctx, c, redrive)
	}
	d.mu.Lock()
	if d.kept.State == redriveRunning {
		d.kept.end(redriveStopped, r.now())
	}
	if d.stop != nil {
		d.stop()
	}
	d.mu.Unlock()
	err = r.saveRedrive(ctx, d, docAct{caller: c, name: actDeadStop, subject: redrive})
	return d.view(), err
}

func (k *keptRedrive) end(state string, at time.Time) { k.State, k.EndedAt = state, &at }

// account counts, when all has been gone through, what fitted at the beginning and was met no more: gone before its turn came,
// or retried by a process that ended before it could keep that it was.
func (k *keptRedrive) account() { k.Skipped = max(k.Skipped, k.Matched-k.Retried-k.Refused) }

// saveRedrive keeps how far one is.
func (r *Runner) saveRedrive(ctx context.Context, d *redriving, acts ...docAct) error {
	d.mu.Lock()
	value, err := json.Marshal(d.kept)
	id := d.kept.ID
	d.mu.Unlock()
	if err != nil {
		return fmt.Errorf("encode a redrive: %w", err)
	}
	if err := r.writeDocs(ctx, docWrite{part: docPartition, puts: []store.Put{{Key: docKey(redriveKind, id), Value: value}}, acts: acts}); err != nil {
		return fmt.Errorf("keep redrive %s: %w", id, err)
	}
	return nil
}

// resumeRedrives takes up those that a process before left under way.
func (r *Runner) resumeRedrives(ctx context.Context) error {
	return r.keptRedrives(ctx, func(kept keptRedrive) {
		if kept.State != redriveRunning {
			return
		}
		if err := r.dead.admit(&redriving{kept: kept}); err == nil {
			r.cfg.Logger.Info("going on with a redrive of dead letters", "redrive", kept.ID, "retried", kept.Retried, "matched", kept.Matched)
			ring(r.dead.begun)
		}
	})
}

// expireRedrives removes the records of those that ended long ago.
func (r *Runner) expireRedrives(ctx context.Context) {
	var w docWrite
	err := r.keptRedrives(ctx, func(kept keptRedrive) {
		if kept.EndedAt != nil && r.now().Sub(*kept.EndedAt) > redriveTTL {
			w.deletes = append(w.deletes, docKey(redriveKind, kept.ID))
		}
	})
	if err == nil && len(w.deletes) > 0 {
		w.part = docPartition
		err = r.writeDocs(ctx, w)
	}
	if err != nil && ctx.Err() == nil {
		r.cfg.Logger.Warn("records of old redrives not removed", "error", err)
	}
}

// keptRedrives shows every record of a redrive.
func (r *Runner) keptRedrives(ctx context.Context, see func(keptRedrive)) error {
	for after := ""; ; {
		docs, next, err := r.Docs(ctx, redriveKind, after, 0)
		if err != nil {
			return err
		}
		for _, doc := range docs {
			var kept keptRedrive
			if err := json.Unmarshal(doc.Value, &kept); err != nil {
				r.cfg.Logger.Error("redrive cannot be read", "redrive", doc.Name, "error", err)
				continue
			}
			see(kept)
		}
		if after = next; after == "" {
			return nil
		}
	}
}
