package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cordum.dev/cordum/safety"
)

// Hold stops releases: jobs that it is over stay pending until it is lifted.
type Hold struct {
	ID         string    `json:"id"`
	Scope      string    `json:"scope" enum:"all,tenant,workflow,topic"`
	Name       string    `json:"name,omitempty" doc:"The tenant, the workflow or the topic; a topic may have * in it"`
	Tenant     string    `json:"tenant,omitempty" doc:"Of a workflow or a topic: only this tenant's. Empty: every one's"`
	ExceptUndo bool      `json:"except_undo,omitempty" doc:"Compensations go on"`
	Reason     string    `json:"reason"`
	SetBy      string    `json:"set_by"`
	SetAt      time.Time `json:"set_at"`
}

const holdKind = "hold"

// holdScopes are what a hold may be over.
var holdScopes = []string{"all", "tenant", "workflow", "topic"}

func (h *Hold) why() string {
	over := h.Scope
	if h.Name != "" {
		over += " " + h.Name
	}
	return "held (" + over + "): " + h.Reason
}

func (h *Hold) over(lr *live, step int32) bool {
	if h.ExceptUndo && lr.run.IsUndo(step) || h.Tenant != "" && h.Tenant != lr.run.Tenant {
		return false
	}
	switch h.Scope {
	case "all":
		return true
	case "tenant":
		return h.Name == lr.run.Tenant
	case "workflow":
		return h.Name == lr.run.Workflow
	case "topic":
		return safety.Glob(h.Name, lr.jobs[step].Topic)
	}
	return true // nobody knows what it is over: it holds everything
}

// holds are those that are on. One call at a time reads them: what was read later is stored later.
type holds struct {
	reading sync.Mutex
	on      atomic.Pointer[[]Hold]
}

// over answers the hold that keeps a job from starting, or nil.
func (h *holds) over(lr *live, step int32) *Hold {
	list := h.on.Load()
	if list == nil {
		return nil
	}
	for i := range *list {
		if one := &(*list)[i]; one.over(lr, step) {
			return one
		}
	}
	return nil
}

// loadHolds reads the holds that are on. One that cannot be read holds everything: nobody knows what it was over.
func (r *Runner) loadHolds(ctx context.Context) error {
	r.holds.reading.Lock()
	defer r.holds.reading.Unlock()
	var list []Hold
	for after := ""; ; {
		docs, next, err := r.Docs(ctx, holdKind, after, 0)
		if err != nil {
			return fmt.Errorf("read the holds: %w", err)
		}
		for _, d := range docs {
			list = append(list, r.readHold(d))
		}
		if after = next; after == "" {
			break
		}
	}
	r.holds.on.Store(&list)
	return nil
}

// readHold reads one. What of a damaged one can be read is not believed.
func (r *Runner) readHold(d Doc) Hold {
	var h Hold
	if err := json.Unmarshal(d.Value, &h); err != nil {
		r.cfg.Logger.Error("hold cannot be read: everything is held", "hold", d.Name, "error", err)
		return Hold{ID: d.Name, Scope: "all", Reason: "a hold that cannot be read"}
	}
	h.ID = d.Name
	return h
}

// Holds lists the holds that are on which concern the caller's tenant.
func (r *Runner) Holds(_ context.Context, c Caller) []Hold {
	out := []Hold{}
	if list := r.holds.on.Load(); list != nil {
		for _, h := range *list {
			if h.concerns(c.Tenant) {
				out = append(out, h)
			}
		}
	}
	return out
}

func (h *Hold) concerns(tenant string) bool {
	if h.Scope == "tenant" {
		return h.Name == tenant
	}
	return h.Tenant == "" || h.Tenant == tenant
}

// SetHold stops releases. When it answers, nothing that it is over is sent any more, by any process.
func (r *Runner) SetHold(ctx context.Context, c Caller, h Hold) (Hold, error) {
	switch {
	case !slices.Contains(holdScopes, h.Scope):
		return h, &InvalidError{Code: "invalid_argument", Message: "scope: all, tenant, workflow or topic"}
	case (h.Scope == "all") != (h.Name == ""):
		return h, &InvalidError{Code: "invalid_argument", Message: "name: what is held, and only where the scope is not all"}
	case c.Reason == "" && h.Reason == "":
		return h, &InvalidError{Code: "invalid_argument", Message: "reason: a hold is set with a reason"}
	}
	if h.Reason == "" {
		h.Reason = c.Reason
	}
	if len(h.Name) > maxDocName || len(h.Reason) > maxMessage {
		return h, &InvalidError{Code: "invalid_argument", Message: "name or reason is too long"}
	}
	if err := r.mayChangeDocs(ctx); err != nil {
		return h, err
	}
	if list := r.holds.on.Load(); list != nil && len(*list) >= maxHolds {
		return h, &InvalidError{Code: "too_many_holds", Message: fmt.Sprintf("%d holds are on: lift some", maxHolds)}
	}
	h.ID, h.SetBy, h.SetAt = r.newID(), c.Actor, r.now()
	value, err := json.Marshal(h)
	if err != nil {
		return h, fmt.Errorf("encode a hold: %w", err)
	}
	if err := r.ChangeDocs(ctx, c, "hold.set", h.ID, DocChange{Kind: holdKind, Name: h.ID, Value: value}); err != nil {
		return h, err
	}
	if err := r.loadHolds(ctx); err != nil {
		return h, err
	}
	return h, r.Barrier(ctx)
}

// LiftHold lets what was held go on.
func (r *Runner) LiftHold(ctx context.Context, c Caller, hold string) error {
	d, err := r.Doc(ctx, holdKind, hold)
	if err != nil {
		return err
	}
	var h Hold
	if json.Unmarshal(d.Value, &h) == nil && !h.concerns(c.Tenant) {
		return fmt.Errorf("hold %.64q: %w", hold, ErrNotFound)
	}
	if err := r.ChangeDocs(ctx, c, "hold.lift", hold, DocChange{Kind: holdKind, Name: hold, IfMatch: &d.ETag}); err != nil {
		return err
	}
	if err := r.loadHolds(ctx); err != nil {
		return err
	}
	r.wake()
	return nil
}

// wake has every lane decide again about what was put off.
func (r *Runner) wake() {
	for _, l := range r.lanes {
		l.inbox.push(task{do: func(t *turn) { t.lane.wakeWaiting() }})
	}
}

func (l *lane) wakeWaiting() {
	for id, lr := range l.waiting {
		if l.runs[id] != lr {
			delete(l.waiting, id)
			continue
		}
		l.inbox.push(task{run: id, tenant: lr.run.Tenant, do: (*turn).judgePutOff})
	}
}

// Barrier answers when every lane has gone past what it was doing: what it sends from now on it decides by what is in force
// now.
func (r *Runner) Barrier(ctx context.Context) error {
	passed := make([]promise[struct{}], 0, len(r.lanes))
	for _, l := range r.lanes {
		p := newPromise[struct{}]()
		if err := l.inbox.offer(task{fail: p.fail, do: func(*turn) { p.give(struct{}{}) }}); err != nil {
			return fmt.Errorf("wait for the lanes: %w", err)
		}
		passed = append(passed, p)
	}
	for _, p := range passed {
		if _, err := p.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// PolicyChanged is called when another snapshot was published: it answers when nothing more is sent that was decided by the one
// before, by this process or any other, and has what nobody could decide about decided.
func (r *Runner) PolicyChanged(ctx context.Context) error {
	r.crash(CrashPublished)
	if r.alone() {
		return r.decideAgain(ctx)
	}
	all, err := r.revisions(ctx)
	if err != nil {
		return err
	}
	return errors.Join(r.agreed.apply(ctx, familyPolicy), r.agree(ctx, familyPolicy, all[familyPolicy]))
}

// PolicyFollowed is called when this process goes by a snapshot that another one published: it answers when nothing more is sent
// here that was decided by the one before.
func (r *Runner) PolicyFollowed(ctx context.Context) error { return r.decideAgain(ctx) }
