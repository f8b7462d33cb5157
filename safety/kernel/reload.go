package kernel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// systemActor publishes what the base file says.
const systemActor = "system"

// base is one look at the base.
type base struct {
	text *Text  // nil: there is none
	seen string // names the content; "" when there is none, or it could not be read
	err  error
}

// look publishes what the base and the configuration ask for, when that is not in force.
func (k *Kernel) look(ctx context.Context) {
	own := k.base(ctx)
	if k.begin(ctx) != nil {
		return
	}
	defer k.end()
	defer k.tellLater(ctx, k.cfg.Changed, k.Snapshot())
	if err := k.reload(ctx, own); err != nil && ctx.Err() == nil {
		k.log.Warn("policy not reloaded; it is tried again", "error", err)
	}
}

// reload publishes what was read of the base. What is wrong with the base is an alert, told once; an error is about the
// documents.
func (k *Kernel) reload(ctx context.Context, own base) error {
	if err := k.read(ctx); err != nil {
		return err
	}
	k.tell(ctx)
	k.notice(own)
	next, err := k.wanted(own)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		k.refuseBase(own.seen, err)
		k.tell(ctx)
		return nil
	case next == nil:
		k.settled()
		return nil
	}
	who := k.itself(k.whyReload())
	if _, err := k.commit(ctx, who, ActPublish, next, Version{Act: ActPublish, Reason: who.Reason}, own.seen); err != nil {
		return err
	}
	k.settled()
	return nil
}

// settled notes that what is in force is what the base asks for.
func (k *Kernel) settled() {
	k.bad, k.edited = "", ""
	if k.state.Load().snapshot != nil {
		k.alarm.Store(nil)
	}
	if k.pending {
		k.pending = false
		k.show()
	}
}

func (k *Kernel) whyReload() string {
	if k.cfg.Base == nil {
		return "the server was started without a policy file"
	}
	return "the policy " + k.baseName() + " was read"
}

// wanted is what should be in force by the base and the configuration; nil when it is already.
func (k *Kernel) wanted(own base) (*compiled, error) {
	if own.err != nil {
		return nil, own.err
	}
	st := k.state.Load()
	if k.cfg.Shared && st.etag != "" {
		if wants, err := k.speaksFor(own, st); err != nil || !wants {
			return nil, err
		}
	}
	sources := slices.Clone(st.texts)
	if own.seen == st.active.Seen && st.etag != "" {
		if st.version.DefaultFrom == FromFile || st.version.Default == k.cfg.Default.String() {
			return nil, nil
		}
		return k.compile(sources, k.cfg.Default) // the same rules in another environment
	}
	sources = slices.DeleteFunc(sources, func(t Text) bool { return t.From == FromFile })
	if own.text != nil {
		if err := k.cfg.verify(own.text); err != nil {
			return nil, err
		}
		sources = append([]Text{*own.text}, sources...)
	}
	next, err := k.compile(sources, k.cfg.Default)
	if err != nil {
		return nil, err
	}
	if own.text != nil {
		if err := st.active.newer(&next.texts[0]); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// base reads the base.
func (k *Kernel) base(ctx context.Context) base {
	if k.cfg.Base == nil {
		return base{}
	}
	content, err := k.steady(ctx)
	if err != nil {
		return base{err: err}
	}
	return base{seen: content.digest(), text: &Text{
		Name: k.baseName(), From: FromFile, Text: string(content.Text), Signature: content.Signature, By: systemActor, At: time.Now().UTC(),
	}}
}

// steady reads the base until two looks agree, so that a file that is being written is not taken half.
func (k *Kernel) steady(ctx context.Context) (*Content, error) {
	before, err := k.cfg.Base.Read(ctx, k.cfg.MaxBytes)
	if err != nil {
		return nil, err
	}
	if before.digest() == k.state.Load().active.Seen {
		return before, nil
	}
	for range steadyLooks {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(settle):
		}
		after, err := k.cfg.Base.Read(ctx, k.cfg.MaxBytes)
		if err != nil {
			return nil, err
		}
		if bytes.Equal(before.Text, after.Text) && before.Signature == after.Signature {
			return after, nil
		}
		before = after
	}
	return nil, errors.New("it changes all the time")
}

// refuseBase raises an alert that the base is not taken, once.
func (k *Kernel) refuseBase(seen string, err error) {
	if what := seen + "\x00" + err.Error(); what != k.bad {
		k.bad = what
		k.raise(k.baseName(), fmt.Errorf("the policy is not taken, what was in force stays: %w", err))
	}
	k.pending = false
	k.show()
}

func (k *Kernel) baseName() string {
	if k.cfg.Base == nil {
		return fromEnvironment
	}
	return k.cfg.Base.Name()
}
