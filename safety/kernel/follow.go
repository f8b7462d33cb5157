package kernel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cordum.dev/cordum/safety"
)

// This file is how a process goes by what another one published.

// Follow reads what is published now and puts it in force, and answers when this process goes by it: see Config.Followed. While a
// change of this process's own is under way it waits for that, unless what is in force is what the documents say. An error says
// that it is not known whether this process goes by it.
func (k *Kernel) Follow(ctx context.Context) error {
	poll := time.NewTicker(followLook)
	defer poll.Stop()
	for {
		doc, err := k.cfg.Documents.Doc(ctx, kindActive, onlyName)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return fmt.Errorf("policy store: which policy is in force: %w", err)
		}
		if doc.ETag == k.state.Load().etag && k.sameShadow(ctx) {
			return nil
		}
		select {
		case <-k.turn:
			defer k.end()
			before := k.Snapshot()
			if err := k.read(ctx); err != nil {
				return fmt.Errorf("policy store: %w", err)
			}
			return k.confirm(ctx, k.cfg.Followed, before)
		case <-poll.C:
		case <-ctx.Done():
			return fmt.Errorf("policy store: a change of this process is under way: %w", ctx.Err())
		}
	}
}

// sameShadow tells whether what is evaluated beside is what the documents say.
func (k *Kernel) sameShadow(ctx context.Context) bool {
	doc, err := k.cfg.Documents.Doc(ctx, kindShadow, onlyName)
	now := k.shadow.Load()
	if errors.Is(err, ErrNotFound) {
		return now == nil
	}
	return err == nil && now != nil && now.etag == doc.ETag
}

// follow reads what others have published. While the store does not answer, the snapshot is good for a lease.
func (k *Kernel) follow(ctx context.Context) {
	if k.begin(ctx) != nil {
		return
	}
	defer k.end()
	defer k.tellLater(ctx, k.cfg.Followed, k.Snapshot())
	err := k.read(ctx)
	if err == nil || ctx.Err() != nil {
		return
	}
	if age := time.Since(k.known); age > lease && !k.unknown {
		k.unknown = true
		k.show()
		since := "not known for " + age.Round(time.Second).String()
		if k.known.IsZero() {
			since = "not known yet"
		}
		k.raise("documents", fmt.Errorf("what is in force is %s, so nothing starts: %w", since, err))
	}
}

// confirm has who is told go by what is in force, when that is not what it was before.
func (k *Kernel) confirm(ctx context.Context, told func(context.Context) error, before *safety.Snapshot) error {
	if told == nil || k.Snapshot() == before {
		return nil
	}
	if err := told(ctx); err != nil {
		return fmt.Errorf("%w: it is published, and whether everybody goes by it is not known: %w", ErrUnavailable, err)
	}
	return nil
}

// tellLater is confirm where nobody waits for it.
func (k *Kernel) tellLater(ctx context.Context, told func(context.Context) error, before *safety.Snapshot) {
	if err := k.confirm(ctx, told, before); err != nil && ctx.Err() == nil {
		k.log.Warn("policy", "error", err)
	}
}
