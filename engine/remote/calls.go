package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/engine/runner"
)

// none, one and two make a call with so many results besides its error.
func none(ctx context.Context, c *Client, name string, args ...any) error {
	return c.call(ctx, name, args)
}

func one[A any](ctx context.Context, c *Client, name string, args ...any) (a A, err error) {
	err = c.call(ctx, name, args, &a)
	return a, err
}

func two[A, B any](ctx context.Context, c *Client, name string, args ...any) (a A, b B, err error) {
	err = c.call(ctx, name, args, &a, &b)
	return a, b, err
}

// This file is the calls that are more than one question to one engine.

// CheckWorkflow is the call of that name. It needs no engine.
func (c *Client) CheckWorkflow(_ context.Context, source []byte, f runner.Format) (runner.WorkflowVersion, []dag.Diagnostic) {
	return runner.CheckDefinition(source, f)
}

// Start is the call of that name. One without an idempotency key is made repeatable all the same, by a command id.
func (c *Client) Start(ctx context.Context, who runner.Caller, req runner.StartRequest) (runner.Started, error) {
	s, err := one[runner.Started](ctx, c, "Start", who, req)
	if req.IdempotencyKey == "" && who.Command == "" {
		s.Replayed = false // it was this call that was sent twice
	}
	return s, err
}

// Submit is the call of that name. The definition of the job is a document, which the owner of those keeps first.
func (c *Client) Submit(ctx context.Context, who runner.Caller, req runner.JobRequest) (runner.JobView, bool, error) {
	if err := c.prepare(ctx, who, req); err != nil {
		return runner.JobView{}, false, err
	}
	v, replayed, err := two[runner.JobView, bool](ctx, c, "Submit", who, req)
	return v, replayed && (req.IdempotencyKey != "" || who.Command != ""), err
}

// prepare has the definition of a single job kept, unless it is known to be.
func (c *Client) prepare(ctx context.Context, who runner.Caller, req runner.JobRequest) error {
	kind, err := runner.JobKind(who.Tenant, req)
	if err != nil {
		return nil //nolint:nilerr // Submit says what is wrong with the job
	}
	c.mu.Lock()
	known := c.prepared[kind]
	c.mu.Unlock()
	if known || (c.own != nil && c.own.Owns(systemPartition)) {
		return nil
	}
	only := req
	only.Input, only.Context, only.Labels, only.IdempotencyKey = nil, nil, nil, ""
	if err := none(ctx, c, "PrepareJob", who, only); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.prepared) >= maxPrepared {
		clear(c.prepared)
	}
	c.prepared[kind] = true
	return nil
}

// WaitRun is the call of that name: as the run is when ctx ends first.
func (c *Client) WaitRun(ctx context.Context, who runner.Caller, run string, since uint64) (runner.RunView, error) {
	for {
		v, err := one[runner.RunView](ctx, c, "WaitRun", who, run, since)
		switch {
		case ctx.Err() != nil:
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), healthWait)
			defer cancel()
			return c.View(last, who, run)
		case err != nil && !errors.Is(err, context.DeadlineExceeded):
			return v, err
		case err == nil && (v.Seq > since || runner.Settled(&v)):
			return v, nil
		}
		if _, has := ctx.Deadline(); has && err == nil {
			return v, nil // the engine's time was over a moment before the caller's
		}
	}
}

// Locks is the call of that name: every engine lists those that live with it.
func (c *Client) Locks(ctx context.Context, who runner.Caller, prefix, cursor string, limit int) ([]runner.LockView, string, error) {
	at, err := c.oneOfEach(ctx)
	if err != nil {
		return nil, "", err
	}
	all, next := []runner.LockView{}, ""
	for _, p := range at {
		locks, more, err := two[[]runner.LockView, string](ctx, c, "LocksAt", p, who, prefix, cursor, limit)
		if err != nil {
			return nil, "", err
		}
		all = append(all, locks...)
		if more != "" && (next == "" || locks[len(locks)-1].Name < next) {
			next = locks[len(locks)-1].Name // what is behind this one is not all there
		}
	}
	slices.SortFunc(all, func(a, b runner.LockView) int { return strings.Compare(a.Name, b.Name) })
	all = slices.CompactFunc(all, func(a, b runner.LockView) bool { return a.Name == b.Name })
	if next != "" {
		all = all[:len(all)-len(behind(all, next))]
	}
	return runner.CutLocks(all, limit, next != "")
}

// behind are the locks whose names come after one.
func behind(all []runner.LockView, name string) []runner.LockView {
	i, found := slices.BinarySearchFunc(all, name, func(v runner.LockView, name string) int { return strings.Compare(v.Name, name) })
	if found {
		i++
	}
	return all[i:]
}

// oneOfEach answers a partition of every engine: asking about each of them asks them all.
func (c *Client) oneOfEach(ctx context.Context) ([]int, error) {
	owners, err := one[[]string](ctx, c, "Owners")
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var at []int
	for p, owner := range owners {
		if owner == "" || !seen[owner] { // of those whose owner nobody knows now, each is asked
			seen[owner] = owner != ""
			at = append(at, p)
		}
	}
	return at, nil
}

// ExportAudit is the call of that name. When the engine that wrote goes away in the middle it is an error: what was written
// cannot be taken back.
func (c *Client) ExportAudit(ctx context.Context, who runner.Caller, w io.Writer) error {
	if c.own != nil {
		return c.own.ExportAudit(ctx, who, w)
	}
	written := false
	again := func() error {
		if written {
			return fmt.Errorf("the engine that wrote the export went away: begin again: %w", runner.ErrUnavailable)
		}
		return nil
	}
	return c.each(ctx, "ExportAudit", again, func(item []byte) error {
		var b []byte
		if err := decode(item, &b); err != nil {
			return err
		}
		written = true
		_, err := w.Write(b)
		return err
	}, who)
}

// Inspect is the call of that name. The record of the run comes over the bus, and the run is made of it here.
func (c *Client) Inspect(ctx context.Context, who runner.Caller, run string, f func(*engine.Run, []runner.EngineFact) error) error {
	if c.own != nil {
		return c.own.Inspect(ctx, who, run, f)
	}
	in := runner.NewInspection(run)
	again := func() error { in = runner.NewInspection(run); return nil }
	err := c.each(ctx, "Record", again, func(item []byte) error {
		var part runner.RecordPart
		if err := decode(item, &part); err != nil {
			return err
		}
		return in.Add(part)
	}, who, run)
	if err != nil {
		return err
	}
	return in.Show(f)
}

// Dump is the call of that name.
func (c *Client) Dump(ctx context.Context, who runner.Caller, q runner.DumpQuery, visit func(runner.DumpedFact) error) error {
	if c.own != nil {
		return c.own.Dump(ctx, who, q, visit)
	}
	again := func() error { return nil }
	return c.each(ctx, "Dump", again, func(item []byte) error {
		var f runner.DumpedFact
		if err := decode(item, &f); err != nil {
			return err
		}
		if f.Seq < q.From {
			return nil // was handed over by an engine before this one
		}
		q.From = f.Seq + 1
		return visit(f)
	}, who, q)
}

// Decisions is the call of that name.
func (c *Client) Decisions(ctx context.Context, who runner.Caller, f runner.Filter, visit func(runner.PastDecision) error) error {
	if c.own != nil {
		return c.own.Decisions(ctx, who, f, visit)
	}
	begun := false
	again := func() error {
		if begun {
			return fmt.Errorf("the engine that read them went away: begin again: %w", runner.ErrUnavailable)
		}
		return nil
	}
	return c.each(ctx, "Decisions", again, func(item []byte) error {
		var d runner.PastDecision
		if err := decode(item, &d); err != nil {
			return err
		}
		begun = true
		return visit(d)
	}, who, f)
}

// PolicyChanged tells the engines that another policy is active. It answers when none of them sends anything any more that the
// new one forbids.
func (c *Client) PolicyChanged(ctx context.Context) error { return none(ctx, c, "PolicyChanged") }

// Health is nil when an engine in this process is ready; without one, when an engine elsewhere answered a moment ago.
func (c *Client) Health(ctx context.Context) error {
	if c.own != nil {
		return c.own.Health(ctx)
	}
	if !c.bus.Connected() {
		return fmt.Errorf("the bus is not connected: %w", runner.ErrUnavailable)
	}
	c.mu.Lock()
	fresh := time.Since(c.healthy) < healthKept
	c.mu.Unlock()
	if fresh {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, healthWait)
	defer cancel()
	if _, err := one[int](ctx, c, "Partitions"); err != nil {
		return fmt.Errorf("no engine answers: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.healthy = time.Now()
	return nil
}
