package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/safety"
	"cordum.dev/cordum/store"
)

// This file is who was told that an approval waits: what was asked meanwhile, for whoever tells it, and what became of it.

// Delivery is one message about an approval to somebody outside, and what became of it.
type Delivery struct {
	Round    int       `json:"round" doc:"Which asking it told of"`
	Channel  string    `json:"channel" enum:"webhook,slack,email"`
	To       string    `json:"to,omitempty" doc:"The person it went to; empty: whomever the channel leads to"`
	State    string    `json:"state" enum:"delivered,retrying,failed"`
	Attempts int       `json:"attempts"`
	Error    string    `json:"error,omitempty" doc:"Why the last attempt failed"`
	At       time.Time `json:"at" doc:"Of the last attempt"`
}

// OpenApproval names an approval that waits.
type OpenApproval struct{ Tenant, ID string }

// askedQueue holds approvals that were asked until somebody takes them. It is bounded: when it is full, whoever takes from it
// is told to look at everything.
type askedQueue struct {
	mu    sync.Mutex
	items []OpenApproval
	lost  bool
	bell  chan struct{}
}

func newAskedQueue() *askedQueue { return &askedQueue{bell: make(chan struct{}, 1)} }

// put notes what was asked. The lane calls it after the commit; it never waits.
func (q *askedQueue) put(a OpenApproval) {
	q.mu.Lock()
	if len(q.items) < maxAsked {
		q.items = append(q.items, a)
	} else {
		q.lost = true
	}
	q.mu.Unlock()
	select {
	case q.bell <- struct{}{}:
	default:
	}
}

// missed has whoever takes from the queue look at everything.
func (q *askedQueue) missed() {
	q.mu.Lock()
	q.lost = true
	q.mu.Unlock()
	ring(q.bell)
}

// Asked waits for approvals that are asked, anew or for the first time, and answers them; one may come twice. all says that
// some were left out: look at everything that waits. One caller at a time.
func (r *Runner) Asked(ctx context.Context) (asked []OpenApproval, all bool, err error) {
	q := r.asked
	for {
		q.mu.Lock()
		asked, all = q.items, q.lost
		q.items, q.lost = nil, false
		q.mu.Unlock()
		if len(asked) > 0 || all {
			return asked, all, nil
		}
		select {
		case <-ctx.Done():
			return nil, false, ctx.Err()
		case <-q.bell:
		}
	}
}

// OpenApprovals shows each every approval of every tenant that waits in this process's partitions, until it answers false: others
// are told of by whoever owns theirs.
func (r *Runner) OpenApprovals(ctx context.Context, each func(OpenApproval) bool) error {
	for _, p := range r.owned() {
		var after *store.Key
		for {
			page, err := r.store.Scan(ctx, p, store.Range{Table: store.TableApproval, After: after})
			if err != nil {
				return fmt.Errorf("look for approvals that wait: %w", errors.Join(ErrUnavailable, err))
			}
			for _, rec := range page.Records {
				name, waits := strings.CutPrefix(rec.Key.ID, approvalGroups[0])
				if waits && !each(OpenApproval{Tenant: rec.Key.Tenant, ID: name}) {
					return nil
				}
			}
			if after = page.Next; after == nil {
				break
			}
		}
	}
	return nil
}

// Question answers an approval that waits, whole, for whoever tells people of it. It is ErrConflict when it does not wait.
//
// It is ErrMoved where the approval is not this process's to tell of.
func (r *Runner) Question(ctx context.Context, a OpenApproval) (ApprovalView, error) {
	ref, err := id.ParseJob(a.ID)
	if err != nil {
		return ApprovalView{}, fmt.Errorf("approval %.64q: %w", a.ID, ErrNotFound)
	}
	if !r.owns(r.partOf(ref.Run)) {
		return ApprovalView{}, fmt.Errorf("approval %s: %w", a.ID, ErrMoved)
	}
	return readRun(ctx, r, a.Tenant, ref.Run, func(lr *live) (ApprovalView, error) {
		node, ok := lr.approvalOf(ref)
		if !ok {
			return ApprovalView{}, fmt.Errorf("approval %.64q: %w", a.ID, ErrNotFound)
		}
		v := lr.approvalView(node, true)
		if v.State != safety.ApprovalWaiting.String() {
			return v, fmt.Errorf("approval %s is %s: %w", a.ID, v.State, ErrConflict)
		}
		return v, nil
	})
}

// deliveryKey is where a message about an approval is kept: one row for all its attempts.
func deliveryKey(a OpenApproval, d *Delivery) store.Key {
	return store.Key{Table: store.TableDelivery, Tenant: a.Tenant, ID: fmt.Sprintf("%s/%010d/%s/%s", a.ID, d.Round, d.Channel, d.To)}
}

// SaveDelivery keeps what became of a message about an approval. It replaces what was kept of the same one.
func (r *Runner) SaveDelivery(ctx context.Context, a OpenApproval, d Delivery) error {
	ref, err := id.ParseJob(a.ID)
	if err != nil {
		return fmt.Errorf("approval %.64q: %w", a.ID, ErrNotFound)
	}
	l := r.laneOf(ref.Run)
	if l == nil {
		return fmt.Errorf("approval %.64q: %w", a.ID, ErrNotFound)
	}
	value, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("encode a delivery: %w", err)
	}
	answer := newPromise[struct{}]()
	err = l.inbox.offer(task{part: on(r.partOf(ref.Run)), fail: answer.fail, do: func(t *turn) {
		t.lane.docs = append(t.lane.docs, docWrite{
			part: r.partOf(ref.Run), puts: []store.Put{{Key: deliveryKey(a, &d), Value: value}},
			done: func(err error) { answer.put(answerOf[struct{}]{err: err}) },
		})
	}})
	if err != nil {
		return fmt.Errorf("keep a delivery: %w", err)
	}
	_, err = answer.wait(ctx)
	return err
}

// Deliveries answers whom an approval was told to and what became of it, by round. The caller must see the approval.
func (r *Runner) Deliveries(ctx context.Context, c Caller, approval string) ([]Delivery, error) {
	if _, err := r.Approval(ctx, c, approval); err != nil {
		return nil, err
	}
	return r.Delivered(ctx, OpenApproval{Tenant: c.Tenant, ID: approval})
}

// Delivered is Deliveries for whoever tells people.
func (r *Runner) Delivered(ctx context.Context, a OpenApproval) ([]Delivery, error) {
	ref, err := id.ParseJob(a.ID)
	if err != nil || r.laneOf(ref.Run) == nil {
		return nil, fmt.Errorf("approval %.64q: %w", a.ID, ErrNotFound)
	}
	// '0' follows '/': the range holds what begins with the id and '/'.
	page, err := r.store.Scan(ctx, r.partOf(ref.Run), store.Range{
		Table: store.TableDelivery, Tenant: a.Tenant, From: a.ID + "/", To: a.ID + "0", Limit: maxDeliveries,
	})
	if err != nil {
		return nil, fmt.Errorf("read deliveries: %w", errors.Join(ErrUnavailable, err))
	}
	out := make([]Delivery, 0, len(page.Records))
	for _, rec := range page.Records {
		var d Delivery
		if err := json.Unmarshal(rec.Value, &d); err != nil {
			r.cfg.Logger.Error("delivery row cannot be read", "key", rec.Key.ID, "error", err)
			continue
		}
		out = append(out, d)
	}
	return out, nil
}
