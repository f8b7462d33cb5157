package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cordum.dev/cordum/safety"
)

// Kernel says which policy is in force. Snapshot and Shadow are called for every job and must not block.
type Kernel interface {
	// Snapshot is the one in force; nil: it is not known, and no job starts.
	Snapshot() *safety.Snapshot
	// Shadow is evaluated beside it, and only recorded; nil: none.
	Shadow() *safety.Snapshot
	// Remote decides in place of Snapshot; nil: decisions are made in this process.
	Remote() RemoteKernel
}

// RemoteKernel decides elsewhere.
type RemoteKernel interface {
	// Evaluate decides. An error of any kind says that it could not be asked: the job waits and asks again.
	Evaluate(ctx context.Context, r safety.Request) (safety.Decision, error)
	// Active is the digest of the snapshot it decides by, as it was heard of within a lease; "": it is not known, and nothing
	// is sent.
	Active() string
}

// fixedKernel is a policy that never changes.
type fixedKernel struct{ snapshot *safety.Snapshot }

// FixedKernel decides by one snapshot for ever; nil denies every job.
func FixedKernel(s *safety.Snapshot) Kernel {
	if s == nil {
		s = safety.NewSnapshot(safety.Deny)
	}
	return fixedKernel{s}
}

func (k fixedKernel) Snapshot() *safety.Snapshot { return k.snapshot }
func (fixedKernel) Shadow() *safety.Snapshot     { return nil }
func (fixedKernel) Remote() RemoteKernel         { return nil }

// errNoKernel says that nobody can decide now.
var errNoKernel = errors.New("the safety kernel is not available")

// inForce is the digest of the policy that what is sent must have been decided by; "" when it is not known.
func (r *Runner) inForce() string {
	if r.stale() {
		return ""
	}
	if remote := r.kernel.Remote(); remote != nil {
		return remote.Active()
	}
	if s := r.kernel.Snapshot(); s != nil {
		return s.Digest()
	}
	return ""
}

// evaluate decides in this process. A kernel that has no policy, or panics, has not decided.
func (r *Runner) evaluate(req safety.Request) (d safety.Decision, shadow string, err error) {
	defer func() {
		if p := recover(); p != nil {
			r.cfg.Logger.Error("the safety kernel panicked", "panic", fmt.Sprint(p))
			err = errNoKernel
		}
	}()
	s := r.kernel.Snapshot()
	if s == nil || r.stale() {
		return d, "", errNoKernel
	}
	d = safety.Evaluate(s, req)
	return d, r.shadowed(req), nil
}

// shadowed is what the shadow policy would have said, as it is recorded beside the decision: "VERDICT rule digest".
func (r *Runner) shadowed(req safety.Request) (said string) {
	s := r.kernel.Shadow()
	if s == nil {
		return ""
	}
	defer func() {
		if p := recover(); p != nil {
			r.cfg.Logger.Error("the shadow policy panicked", "panic", fmt.Sprint(p))
			said = ""
		}
	}()
	d := safety.Evaluate(s, req)
	return d.Verdict.String() + " " + d.Rule + " " + d.Snapshot
}

// askKernel asks a remote kernel about an attempt, after the commit of the asking. Its answer is an input of a later batch.
func (t *turn) askKernel(step int32, remote RemoteKernel) {
	l, lr := t.lane, t.live
	attempt, tenant := lr.jobs[step].Attempt, lr.run.Tenant
	if lr.asking[step] == attempt {
		return
	}
	if lr.asking == nil {
		lr.asking = make(map[int32]int32)
	}
	lr.asking[step] = attempt
	req := lr.request(step)
	hash := req.Hash()
	t.after(func() {
		l.r.work.Go(func() {
			d, err := l.r.askRemote(remote, req)
			l.inbox.push(task{run: lr.id, tenant: tenant, do: func(t *turn) {
				if t.live.asking[step] == attempt {
					delete(t.live.asking, step)
				}
				t.answered(step, attempt, hash, d, err)
			}})
		})
	})
}

// askRemote asks, when it is its turn: only so many questions are out at a time.
func (r *Runner) askRemote(remote RemoteKernel, req safety.Request) (d safety.Decision, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errNoKernel, p)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), kernelDeadline)
	defer cancel()
	select {
	case r.asks <- struct{}{}:
	case <-ctx.Done():
		return d, errNoKernel
	}
	defer func() { <-r.asks }()
	return remote.Evaluate(ctx, req)
}

// answered takes a remote kernel's answer to the attempt that it was asked about.
func (t *turn) answered(step, attempt int32, hash string, d safety.Decision, err error) {
	lr := t.live
	j := lr.jobs[step]
	if j == nil || j.Attempt != attempt || !undecided(j) || !lr.serves(step) {
		return
	}
	if h := t.lane.r.holds.over(lr, step); h != nil {
		t.putOff(step, h.why())
		t.settle()
		return
	}
	req := lr.request(step)
	switch {
	case err != nil:
	case req.Hash() != hash:
		err = errors.New("the job changed while the kernel was asked")
	case d.Snapshot == "" || d.Snapshot != t.lane.r.inForce():
		err = errors.New("the kernel answered by a policy that is not known to be in force")
	}
	if err != nil {
		if lr.refusals == 0 { // the first of many
			t.lane.log.Warn("no decision: the job waits", "run_id", lr.id, "job_id", lr.jobID(step), "error", err)
		}
		t.putOff(step, whyNoKernel)
	} else {
		t.rule(step, d, hash, "")
	}
	t.settle()
}

// Limits of asking a remote kernel.
const (
	// kernelDeadline is how long an answer may take, waiting for one's turn included.
	kernelDeadline = 2 * time.Second
	// maxAsks is how many questions are out at a time.
	maxAsks = 64
)
