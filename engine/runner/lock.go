package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/scheduler"
)

// This file is what people and programs outside do with resource locks: hold one for a while, and look at who holds which.

// LockRequest is about one lock and one holder outside.
type LockRequest struct {
	Name   string
	Owner  string        // who holds it; "" = the caller's actor
	Shared bool          // others that share it may hold it too
	TTL    time.Duration // MinLockTTL to MaxLockTTL; 0 = DefaultLockTTL
	Wait   time.Duration // 0: the answer that others hold it comes at once
	// Token, of a renewal or a release, is the fencing token of the grant that is meant; 0: whatever is held.
	Token int64
	// Force, of a release, takes the lock from whoever Holder names, a job too. It needs a reason.
	Force  bool
	Holder string // with Force: as LockHolder.Holder has it; "" = all who hold it
}

// LockHolder is somebody who holds a lock, or waits for it.
type LockHolder struct {
	Holder string     `json:"holder" doc:"The id of a job, or the owner outside"`
	Kind   string     `json:"kind" enum:"job,external"`
	RunID  string     `json:"run_id,omitempty"`
	Mode   string     `json:"mode" enum:"exclusive,shared"`
	Token  int64      `json:"fencing_token,omitempty" doc:"Grows with every grant: who guards the resource refuses what comes with a smaller one than it has seen"`
	Since  time.Time  `json:"since" doc:"When it was granted; of who waits, since when"`
	Until  *time.Time `json:"expires_at,omitempty" doc:"When it lets go by itself unless it is renewed; a job holds until its end"`
	By     string     `json:"by,omitempty" doc:"Whose key took it"`
}

// LockView is a lock as it is now. A lock that nobody holds or waits for is free.
type LockView struct {
	Name    string       `json:"name"`
	State   string       `json:"state" enum:"free,held"`
	Mode    string       `json:"mode,omitempty" enum:"exclusive,shared"`
	Holding int          `json:"holding" doc:"How many hold it"`
	Waiting int          `json:"waiting" doc:"How many wait for it"`
	Holders []LockHolder `json:"holders"`
	Waiters []LockHolder `json:"waiters" doc:"In the order in which they get it"`
}

func modeName(shared bool) string {
	if shared {
		return "shared"
	}
	return "exclusive"
}

// check fills in what is not said, and says what is wrong.
func (req *LockRequest) check(c Caller) error {
	invalid := func(format string, args ...any) error {
		return &InvalidError{Code: "invalid_argument", Message: fmt.Sprintf(format, args...)}
	}
	if err := dag.CheckLockName(req.Name); err != nil {
		return invalid("name: %s", strings.TrimPrefix(err.Error(), "resource_lock gives "))
	}
	if req.Owner == "" {
		req.Owner = c.Actor
	}
	if req.TTL == 0 {
		req.TTL = DefaultLockTTL
	}
	switch {
	case len(req.Owner) > maxOwner || dag.CheckLockName(req.Owner) != nil:
		return invalid("owner: a line of text of 1 to %d bytes", maxOwner)
	case req.TTL < MinLockTTL || req.TTL > MaxLockTTL:
		return invalid("ttl: from %s to %s", MinLockTTL, MaxLockTTL)
	case req.Wait < 0 || req.Wait > MaxLockWait:
		return invalid("wait: at most %s; ask again after it", MaxLockWait)
	}
	return nil
}

// AcquireLock takes a lock in the name of an owner outside, who renews it before its TTL is over. Asked again by who holds it, the
// answer is the same grant, held for another TTL. [ErrConflict] says who holds it.
func (r *Runner) AcquireLock(ctx context.Context, c Caller, req LockRequest) (LockHolder, error) {
	if err := req.check(c); err != nil {
		return LockHolder{}, err
	}
	n := r.lockName(c.Tenant, req.Name)
	ask := scheduler.LimitAsk{
		Job: outsider(req.Owner), Tenant: c.Tenant, Attempt: 1, Terms: lockTerms(req.Shared), TTL: req.TTL, By: c.Actor, Since: r.now(),
	}
	call := &lockCall{caller: c, wait: req.Wait > 0, answer: newPromise[scheduler.LimitAnswer]()}
	a, err := r.askOutside(ctx, n, ask, call, req.Wait)
	switch {
	case err != nil:
		return LockHolder{}, err
	case a.Waits:
		return LockHolder{}, fmt.Errorf("lock_held: lock %s is not free%s: wait for it, or try again: %w", req.Name, heldBy(a.Held), ErrConflict)
	case a.Refused != "":
		return LockHolder{}, fmt.Errorf("lock %s: %s: %w", req.Name, a.Refused, ErrConflict)
	}
	return r.heldOutside(ctx, n, req, a.Token)
}

// askOutside says again and again that a caller waits, so that its place is kept, until it is answered.
func (r *Runner) askOutside(ctx context.Context, n limitName, ask scheduler.LimitAsk, call *lockCall, wait time.Duration) (scheduler.LimitAnswer, error) {
	home := r.laneOfPart(n.part)
	over := time.NewTimer(wait)
	defer over.Stop()
	again := time.NewTicker(limitAskAgain)
	defer again.Stop()
	leave := func() {
		home.inbox.push(task{part: on(n.part), do: func(t *turn) { t.lane.withdraw(n, ask.Job, call) }})
	}
	if err := home.inbox.offer(task{part: on(n.part), fail: call.answer.fail, do: func(t *turn) { t.lane.takeOutsider(n, ask, call) }}); err != nil {
		return scheduler.LimitAnswer{}, err
	}
	for {
		select {
		case a := <-call.answer:
			return a.value, a.err
		case <-over.C:
			leave()
		case <-again.C:
			home.inbox.push(task{part: on(n.part), fail: call.answer.fail, do: func(t *turn) { t.lane.stillWaits(n, ask, call) }})
		case <-ctx.Done():
			leave()
			return scheduler.LimitAnswer{}, errors.Join(ErrUnavailable, ctx.Err())
		}
	}
}

// heldOutside answers what an owner holds, if it is still the grant of a token; any when the token is 0.
func (r *Runner) heldOutside(ctx context.Context, n limitName, req LockRequest, token int64) (LockHolder, error) {
	return onLock(ctx, r, n, func(h *limitHome) (LockHolder, error) {
		holder := h.limit.Holder(outsider(req.Owner))
		if err := r.stillHeld(holder, req, token); err != nil {
			return LockHolder{}, err
		}
		return holderView(holder), nil
	})
}

// stillHeld tells what is wrong with a holder that should hold; nil when nothing is.
func (r *Runner) stillHeld(h *scheduler.Holder, req LockRequest, token int64) error {
	if h == nil || !h.Until.IsZero() && !r.now().Before(h.Until) || token != 0 && h.Token != token {
		return fmt.Errorf("lock_lost: %q does not hold lock %s any more: acquire it again: %w", req.Owner, req.Name, ErrConflict)
	}
	return nil
}

// RenewLock lets an owner hold a lock for another TTL. [ErrConflict]: it does not hold it any more.
func (r *Runner) RenewLock(ctx context.Context, c Caller, req LockRequest) (LockHolder, error) {
	if err := req.check(c); err != nil {
		return LockHolder{}, err
	}
	n := r.lockName(c.Tenant, req.Name)
	call := &lockCall{caller: c, answer: newPromise[scheduler.LimitAnswer]()}
	home := r.laneOfPart(n.part)
	err := home.inbox.offer(task{part: on(n.part), fail: call.answer.fail, do: func(t *turn) { t.lane.renewOutside(n, c, req, call) }})
	if err != nil {
		return LockHolder{}, err
	}
	a, err := call.answer.wait(ctx)
	switch {
	case err != nil:
		return LockHolder{}, err
	case a.Waits || a.Refused != "":
		return LockHolder{}, r.stillHeld(nil, req, 0)
	}
	return r.heldOutside(ctx, n, req, a.Token)
}

// mayTouch tells what keeps a caller from renewing or releasing a holding.
func (r *Runner) mayTouch(h *scheduler.Holder, c Caller, req LockRequest) error {
	if err := r.stillHeld(h, req, req.Token); err != nil {
		return err
	}
	if h.By != c.Actor {
		return fmt.Errorf("lock %s is held by %s as %q: only they renew or release it: %w", req.Name, h.By, req.Owner, ErrForbidden)
	}
	return nil
}

// ReleaseLock lets a lock go, and answers it as it is then. By force it is taken from who holds it: a job goes on and does not
// know, so that only its fencing token keeps it off the resource. Releasing what is not held any more is [ErrConflict].
func (r *Runner) ReleaseLock(ctx context.Context, c Caller, req LockRequest) (LockView, error) {
	if err := req.check(c); err != nil {
		return LockView{}, err
	}
	if req.Force && c.Reason == "" {
		return LockView{}, &InvalidError{Code: "reason_needed", Message: "a lock is taken from its holder with a reason"}
	}
	n := r.lockName(c.Tenant, req.Name)
	answer := newPromise[struct{}]()
	home := r.laneOfPart(n.part)
	err := home.inbox.offer(task{part: on(n.part), fail: answer.fail, do: func(t *turn) { t.lane.releaseOutside(n, c, req, answer) }})
	if err == nil {
		_, err = answer.wait(ctx)
	}
	if err != nil {
		return LockView{}, err
	}
	return r.Lock(ctx, c, req.Name)
}

// Lock answers one lock as it is now. One that nobody knows is free.
func (r *Runner) Lock(ctx context.Context, c Caller, name string) (LockView, error) {
	if dag.CheckLockName(name) != nil {
		return LockView{}, fmt.Errorf("lock %.64q: %w", name, ErrNotFound)
	}
	n := r.lockName(c.Tenant, name)
	return onLock(ctx, r, n, func(h *limitHome) (LockView, error) { return h.lockView(), nil })
}

// onLock reads a lock's machine on its lane, behind what was said to it before and after what that led to is durable.
func onLock[T any](ctx context.Context, r *Runner, n limitName, read func(*limitHome) (T, error)) (T, error) {
	answer := newPromise[T]()
	home := r.laneOfPart(n.part)
	err := home.inbox.offer(task{part: on(n.part), fail: answer.fail, do: func(t *turn) {
		h, err := t.lane.limitHome(context.WithoutCancel(ctx), n)
		if err != nil {
			answer.fail(err)
			return
		}
		v, err := read(h)
		answer.put(answerOf[T]{value: v, err: err})
		if h.limit.Idle() && !h.queued {
			delete(t.lane.limits, n.key())
		}
	}})
	if err != nil {
		var none T
		return none, err
	}
	return answer.wait(ctx)
}

// Locks lists the locks of the caller's tenant that somebody holds or waits for, by name; with prefix only those whose name begins
// so. Limit is 1 to 1,000; 0 means 50.
func (r *Runner) Locks(ctx context.Context, c Caller, prefix, cursor string, limit int) ([]LockView, string, error) {
	n, err := Filter{Limit: limit}.limit()
	if err != nil {
		return nil, "", err
	}
	after := ""
	if cursor != "" {
		if after, err = decodeCursor(cursor); err != nil {
			return nil, "", ErrInvalidCursor
		}
	}
	all := []LockView{}
	for _, l := range r.lanes {
		answer := newPromise[[]LockView]()
		err := l.inbox.offer(task{fail: answer.fail, do: func(t *turn) { answer.give(t.lane.lockViews(c.Tenant, prefix, after, n+1)) }})
		if err != nil {
			return nil, "", fmt.Errorf("list locks: %w", err)
		}
		views, err := answer.wait(ctx)
		if err != nil {
			return nil, "", fmt.Errorf("list locks: %w", err)
		}
		all = append(all, views...)
	}
	slices.SortFunc(all, func(a, b LockView) int { return strings.Compare(a.Name, b.Name) })
	if len(all) <= n {
		return all, "", nil
	}
	return all[:n], encodeCursor(all[n-1].Name), nil
}

// lockViews are the first locks of a tenant behind a name that this lane has; every lock that somebody holds or waits for is in
// memory.
func (l *lane) lockViews(tenant, prefix, after string, limit int) []LockView {
	var homes []*limitHome
	for _, h := range l.limits {
		name := h.lockName()
		if h.name.kind == scheduler.LimitLock && h.name.tenant == tenant && name > after && strings.HasPrefix(name, prefix) && !h.limit.Idle() {
			homes = append(homes, h)
		}
	}
	slices.SortFunc(homes, func(a, b *limitHome) int { return strings.Compare(a.lockName(), b.lockName()) })
	homes = homes[:min(len(homes), limit)]
	views := make([]LockView, len(homes))
	for i, h := range homes {
		views[i] = h.lockView()
	}
	return views
}

func (h *limitHome) lockName() string { return strings.TrimPrefix(h.name.label, lockLabel) }

// lockView shows a lock.
func (h *limitHome) lockView() LockView {
	v := LockView{
		Name: h.lockName(), State: "free", Holding: h.limit.Holding(), Waiting: h.limit.Waiting(),
		Holders: []LockHolder{}, Waiters: []LockHolder{},
	}
	holders := h.limit.Holders()
	for _, job := range holders[:min(len(holders), shownHolders)] {
		one := holderView(h.limit.Holder(job))
		v.State, v.Mode = "held", one.Mode
		v.Holders = append(v.Holders, one)
	}
	line := h.limit.Line()
	for _, w := range line[:min(len(line), shownHolders)] {
		v.Waiters = append(v.Waiters, holderView(&scheduler.Holder{Job: w.Job, Shared: w.Terms.Shared, Since: w.Since, By: w.By}))
	}
	return v
}

func holderView(h *scheduler.Holder) LockHolder {
	v := LockHolder{Holder: h.Job, Kind: "job", Mode: modeName(h.Shared), Token: h.Token, Since: h.Since, By: h.By}
	if owner, is := ownerOf(h.Job); is {
		v.Holder, v.Kind = owner, "external"
	} else if ref, err := id.ParseJob(h.Job); err == nil {
		v.RunID = ref.Run
	}
	if !h.Until.IsZero() {
		until := h.Until
		v.Until = &until
	}
	return v
}
