package kernel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cordum.dev/cordum/safety"
)

// Publish asks for drafts to become active.
type Publish struct {
	// Bundles are the names to publish: of each its draft, or its end when the draft was deleted. Empty: all drafts, which are
	// then all there is beside the file.
	Bundles []string
	Reason  string
	// MaxNewlyDenied refuses when more recorded decisions than this would be denied; nil: nobody looks.
	MaxNewlyDenied *int
	// BreakGlass goes past what the policy says of its own publishing, and past approvals that nobody could give. It needs a
	// reason and is recorded as such.
	BreakGlass bool
}

// Published answers a publish or a rollback.
type Published struct {
	Version  Version
	Previous string // digest of what was in force before; "" nothing
	// Unchanged: it was in force already, nothing was written.
	Unchanged bool
	Warnings  []safety.Problem
	Replay    *Report // when MaxNewlyDenied was given
}

// Publish makes drafts active, all or none. When it answers without an error they are in force, and nothing is sent that was
// decided by what was before. The errors are those of
// PutDraft and ErrDenied, ErrUnapprovable, ErrNewlyDenied, ErrReason, ErrConflict, ErrNotFound; what was in force stays
// then.
func (k *Kernel) Publish(ctx context.Context, who Who, req Publish) (Published, error) {
	if err := k.begin(ctx); err != nil {
		return Published{}, err
	}
	defer k.end()
	if err := k.current(ctx); err != nil {
		return Published{}, err
	}
	st := k.state.Load()
	next, err := k.toPublish(ctx, st, req.Bundles)
	if err != nil {
		return Published{}, err
	}
	return k.change(ctx, who, change{
		act: ActPublish, reason: req.Reason, breakGlass: req.BreakGlass, maxNewlyDenied: req.MaxNewlyDenied, next: next,
	})
}

// current reads what others have published. Nothing is published on top of what is not known, or before the base is part of
// it.
func (k *Kernel) current(ctx context.Context) error {
	if err := k.read(ctx); err != nil {
		return unavailable(err)
	}
	if k.pending || k.state.Load().etag == "" {
		return fmt.Errorf("%w: the policy that the server was started with is not yet in force", ErrUnavailable)
	}
	return nil
}

// toPublish compiles what would be active after a publish.
func (k *Kernel) toPublish(ctx context.Context, st *state, names []string) (*compiled, error) {
	drafts, err := k.drafts(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	sources, err := merge(st, drafts, names)
	if err != nil {
		return nil, err
	}
	for i := range sources {
		if err := k.cfg.verify(&sources[i]); err != nil {
			return nil, err
		}
	}
	next, err := k.compile(sources, k.cfg.Default)
	if err != nil {
		return nil, err
	}
	for i := range next.texts {
		t := &next.texts[i]
		if before := st.text(t.Name); t.From == FromFile || (before != nil && before.same(t)) {
			continue // it was let in already
		}
		if err := st.active.newer(t); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// merge lays drafts over what is active. Without names, the drafts are all there is beside the file.
func merge(st *state, drafts []Draft, names []string) ([]Text, error) {
	var sources []Text
	for _, t := range st.texts {
		if t.From == FromFile || (len(names) > 0 && !slices.Contains(names, t.Name)) {
			sources = append(sources, t)
		}
	}
	for i := range drafts {
		if len(names) == 0 || slices.Contains(names, drafts[i].Name) {
			sources = append(sources, drafts[i].Text)
		}
	}
	for _, name := range names {
		known := st.text(name) != nil || slices.ContainsFunc(drafts, func(d Draft) bool { return d.Name == name })
		if !known {
			return nil, fmt.Errorf("bundle %.64q: %w", name, ErrNotFound)
		}
	}
	slices.SortStableFunc(sources, func(a, b Text) int { // the same texts are the same list
		if (a.From == FromFile) != (b.From == FromFile) {
			return strings.Compare(b.From, a.From)
		}
		return strings.Compare(a.Name, b.Name)
	})
	return sources, nil
}

// Rollback goes back to an older version.
type Rollback struct {
	To         string // a version's number, or the digest of a snapshot
	Reason     string
	BreakGlass bool
}

// Rollback publishes an older version again, as a new one: its bundles and its file's text. It is the one way to go back
// behind the version of a signed bundle. Drafts stay as they are. The errors are those of Publish.
func (k *Kernel) Rollback(ctx context.Context, who Who, req Rollback) (Published, error) {
	if err := k.begin(ctx); err != nil {
		return Published{}, err
	}
	defer k.end()
	if err := k.current(ctx); err != nil {
		return Published{}, err
	}
	old, err := k.Version(ctx, req.To)
	if err != nil {
		return Published{}, err
	}
	sources, err := k.textsOf(ctx, old.Version)
	if err != nil {
		return Published{}, err
	}
	for i := range sources {
		if err := k.cfg.verify(&sources[i]); err != nil {
			return Published{}, err
		}
	}
	next, err := k.compile(sources, k.cfg.Default)
	if err != nil {
		return Published{}, err
	}
	return k.change(ctx, who, change{act: ActRollback, of: old.Version, reason: req.Reason, breakGlass: req.BreakGlass, next: next})
}

// change is what is about to be made active.
type change struct {
	act            string
	of             int64
	reason         string
	breakGlass     bool
	maxNewlyDenied *int
	next           *compiled
}

// change makes something active after everything that may forbid it was asked. With the turn.
func (k *Kernel) change(ctx context.Context, who Who, c change) (Published, error) {
	st := k.state.Load()
	if c.reason == "" {
		c.reason = who.Reason
	}
	who.Reason = c.reason
	switch {
	case len(c.reason) > MaxReason:
		return Published{}, fmt.Errorf("%w: a reason has up to %d bytes", ErrTooLarge, MaxReason)
	case c.breakGlass && strings.TrimSpace(c.reason) == "":
		return Published{}, fmt.Errorf("%w to go past the policy", ErrReason)
	}
	out := Published{Warnings: c.next.warnings}
	if st.snapshot != nil {
		out.Previous = st.snapshot.Digest()
	}
	if st.etag != "" && st.snapshot != nil && st.active.Digest == c.next.snapshot.Digest() && sameTexts(st.texts, c.next.texts) {
		out.Version, out.Unchanged = st.version, true
		return out, nil
	}
	if !c.breakGlass {
		if err := permitted(st.snapshot, who, c.act); err != nil {
			return Published{}, err
		}
		if err := approvable(c.next, who); err != nil {
			return Published{}, err
		}
	}
	if c.maxNewlyDenied != nil {
		report, err := k.replay(ctx, who, c.next.snapshot, PastFilter{})
		if err != nil {
			return Published{}, err
		}
		if out.Replay = report; report.NewlyDenied > *c.maxNewlyDenied {
			return Published{Replay: report}, fmt.Errorf("%w: %d of %d, more than %d", ErrNewlyDenied, report.NewlyDenied, report.Decisions, *c.maxNewlyDenied)
		}
	}
	before := k.Snapshot()
	made, err := k.commit(ctx, who, c.actOfAudit(), c.next, Version{Act: c.act, Of: c.of, Reason: c.reason, BreakGlass: c.breakGlass}, st.active.Seen)
	if err != nil {
		return Published{}, unavailable(err)
	}
	out.Version = made.version
	return out, k.confirm(ctx, k.cfg.Changed, before)
}

// actOfAudit is what the change is called in the audit log.
func (c *change) actOfAudit() string {
	if c.breakGlass {
		return ActBreakGlass
	}
	return c.act
}

func sameTexts(a, b []Text) bool {
	return slices.EqualFunc(a, b, func(x, y Text) bool { return x.Name == y.Name && x.same(&y) })
}

// unavailable marks an error of the documents that nobody else has named.
func unavailable(err error) error {
	for _, known := range []error{ErrConflict, ErrTooLarge, ErrNotFound, ErrUnavailable, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// Version finds one by its number, or the newest with a digest. ErrNotFound.
func (k *Kernel) Version(ctx context.Context, ref string) (Version, error) {
	if n, err := strconv.ParseInt(ref, 10, 64); err == nil && len(ref) < 20 {
		return k.version(ctx, n)
	}
	for n := k.state.Load().active.Version; n > 0; n-- {
		v, err := k.version(ctx, n)
		if err != nil {
			return Version{}, err
		}
		if v.Digest == ref {
			return v, nil
		}
	}
	return Version{}, fmt.Errorf("snapshot %.64q: %w", ref, ErrNotFound)
}
