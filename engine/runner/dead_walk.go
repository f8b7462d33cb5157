package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/store"
)

// DeadFilter says which dead letters are meant. Every field that is given must fit; the zero filter names all.
type DeadFilter struct {
	Workflow    string    `json:"workflow,omitempty" doc:"Id of a workflow"`
	Topic       string    `json:"topic,omitempty"`
	Step        string    `json:"step,omitempty" doc:"Id of a step, or the path of one job"`
	Reason      string    `json:"reason,omitempty" doc:"Whole, or what stands before its colon: timeout, failed"`
	Fingerprint string    `json:"fingerprint,omitempty" doc:"Of a group"`
	State       string    `json:"state,omitempty" doc:"dead or retrying"`
	Since       time.Time `json:"since,omitzero" doc:"Died then or later"`
	Until       time.Time `json:"until,omitzero" doc:"Died before then"`
}

// Empty tells whether the filter names everything.
func (f DeadFilter) Empty() bool { return f == DeadFilter{} }

// check refuses what no entry can fit.
func (f DeadFilter) check() error {
	for name, value := range map[string]string{
		"workflow": f.Workflow, "topic": f.Topic, "step": f.Step, "reason": f.Reason, "fingerprint": f.Fingerprint,
	} {
		if len(value) > maxLabel || strings.ContainsRune(value, 0) {
			return &InvalidError{Code: "invalid_argument", Message: fmt.Sprintf("%s has more than %d bytes, or a NUL", name, maxLabel)}
		}
	}
	if f.State != "" && f.State != deadState && f.State != retryingState {
		return &InvalidError{Code: "invalid_argument", Message: "state: dead or retrying"}
	}
	if !f.Since.IsZero() && !f.Until.IsZero() && !f.Since.Before(f.Until) {
		return &InvalidError{Code: "invalid_argument", Message: "since must be before until"}
	}
	return nil
}

// fits leaves out the times: a walk keeps to them.
func (f *DeadFilter) fits(h *deadHead) bool {
	return (f.Workflow == "" || f.Workflow == h.Workflow) && (f.Topic == "" || f.Topic == h.Topic) &&
		(f.Step == "" || f.Step == h.StepID || f.Step == h.Step) &&
		(f.Reason == "" || f.Reason == h.Reason || strings.HasPrefix(h.Reason, f.Reason+":")) &&
		(f.Fingerprint == "" || f.Fingerprint == h.Fingerprint) && (f.State == "" || f.State == h.state())
}

// deadWalk goes through the dead letters of a tenant in order of time, over all partitions, with a page of each in
// memory: where one is used up the next is twice as long.
type deadWalk struct {
	r      *Runner
	tenant string
	oldest bool // first; else the newest
	parts  []deadStream
	looked int
}

// deadStream is what is left of one partition.
type deadStream struct {
	at      store.Range
	prefix  int // length of what stands before the order in an id
	rows    []store.Record
	drained bool
}

func (s *deadStream) order() string { return s.rows[0].Key.ID[s.prefix:] }

// walkDead begins behind a place that next answered; "" at the first. Of the filter only the times count.
func (r *Runner) walkDead(tenant string, f DeadFilter, behind string, oldest bool, page int) *deadWalk {
	w := &deadWalk{r: r, tenant: tenant, oldest: oldest, parts: make([]deadStream, len(r.epochs))}
	for p := range w.parts {
		prefix := deadPart(store.Partition(p))
		at := store.Range{Table: store.TableDeadRecent, Tenant: tenant, From: prefix, To: prefix + "~", Reverse: !oldest, Limit: page}
		if !f.Since.IsZero() {
			at.From = prefix + nanoHex(f.Since)
		}
		if !f.Until.IsZero() {
			at.To = prefix + nanoHex(f.Until)
		}
		switch {
		case behind == "":
		case oldest:
			at.From = max(at.From, prefix+behind+"\x01") // just behind it: no id has a NUL
		default:
			at.To = min(at.To, prefix+behind)
		}
		w.parts[p] = deadStream{at: at, prefix: len(prefix), drained: at.From >= at.To}
	}
	return w
}

// ownOnly leaves out what is of other processes' partitions.
func (w *deadWalk) ownOnly() *deadWalk {
	for p := range w.parts {
		if !w.r.owns(store.Partition(p)) {
			w.parts[p].drained = true
		}
	}
	return w
}

func nanoHex(t time.Time) string { return fmt.Sprintf("%016x", uint64(max(t.UnixNano(), 0))) }

// next answers the next entry and its place; ok is false at the end.
func (w *deadWalk) next(ctx context.Context) (h deadHead, place string, ok bool, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return h, "", false, fmt.Errorf("read dead letters: %w", err)
		}
		s, err := w.first(ctx)
		if s == nil || err != nil {
			return h, "", false, err
		}
		rec := s.rows[0]
		place, s.rows = s.order(), s.rows[1:]
		w.looked++
		h = deadHead{}
		if err := codec.Decode(rec.Value, &h); err != nil {
			w.r.cfg.Logger.Error("dead letter of a list cannot be read", "key", rec.Key.ID, "error", err)
			continue
		}
		return h, place, true, nil
	}
}

// first is the partition that has the next entry; nil when none has.
func (w *deadWalk) first(ctx context.Context) (*deadStream, error) {
	var first *deadStream
	for p := range w.parts {
		s := &w.parts[p]
		if err := w.fill(ctx, store.Partition(p), s); err != nil {
			return nil, err
		}
		if len(s.rows) > 0 && (first == nil || (s.order() < first.order()) == w.oldest) {
			first = s
		}
	}
	return first, nil
}

// fill reads a page when none is left in memory.
func (w *deadWalk) fill(ctx context.Context, p store.Partition, s *deadStream) error {
	if len(s.rows) > 0 || s.drained {
		return nil
	}
	page, err := w.r.store.Scan(ctx, p, s.at)
	if err != nil {
		return fmt.Errorf("read dead letters: %w", errors.Join(ErrUnavailable, err))
	}
	s.rows, s.at.After, s.drained = page.Records, page.Next, page.Next == nil
	s.at.Limit = min(2*s.at.Limit, deadPage)
	return nil
}
