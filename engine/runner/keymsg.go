package runner

import (
	"context"
	"fmt"
	"time"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/steps"
)

// This file is concurrency keys where several processes serve one store. The place keeps one book of them. A run with a key begins as
// one that waits for it; its owner tells the book when that is durable, and the book answers when it may begin. So the book never
// lets anybody in of whom only a process knew that is gone since.
//
// Another place knows nothing. It lets nobody in before the owner of every partition has said what it has, in a session in which the
// words of the place before are not heard any more, and before it has read that partition's live rows.

// keyWish is what a run's owner says of its key.
type keyWish struct {
	name   string // for the keyring
	tenant string
	limit  int
	busy   dag.WhenBusy
	waits  bool
}

// keySaid is what the place was told of a run's key last.
type keySaid uint8

const (
	keyUnsaid keySaid = iota
	keyWaits
	keyHas
	keyLeft
)

// sayKey tells the place what a run's committed state says of its key, if it does not know.
func (l *lane) sayKey(lr *live) {
	now := keyHas
	switch {
	case lr.key == "":
		return
	case lr.run.Settled():
		now = keyLeft
	case lr.run.State == engine.RunPending:
		now = keyWaits
	}
	if now == lr.keySaid {
		return
	}
	lr.keySaid = now
	m := move{kind: moveKey, at: place{run: lr.id}, key: lr.keyWish(now == keyWaits)}
	if now == keyLeft {
		m.kind = moveKeyLeft
	}
	l.moves = append(l.moves, m)
}

func (lr *live) keyWish(waits bool) *keyWish {
	w := &keyWish{name: lr.key, tenant: lr.run.Tenant, limit: lr.keyLimit(), busy: dag.BusyQueue, waits: waits}
	if c := lr.plan.Def.Concurrency; c != nil {
		w.busy = c.WhenBusy
	}
	return w
}

// mayHaveKey asks for the key of a run that is about to be made and would rather be refused than wait: [ErrConflict] when it is
// taken. Alone the lane knows by itself. A start that was made before is answered as then, whoever has the key.
func (r *Runner) mayHaveKey(ctx context.Context, c Caller, run, scope string, plan *steps.Workflow, in engine.Submit) error {
	limit := plan.Def.Concurrency
	if r.peers == nil || limit == nil || limit.WhenBusy != dag.BusyReject {
		return nil
	}
	if scope != "" {
		if _, err := r.seen(ctx, scope); !isNotFound(err) {
			return err
		}
	}
	in.Stamp = engine.Stamp{At: r.now(), Actor: c.Actor}
	if err := prepare(run, plan, &in); err != nil {
		return err
	}
	return r.reserveKey(ctx, run, &keyWish{name: keyName(c.Tenant, in.Workflow, in.Key), tenant: c.Tenant, limit: limit.Limit, busy: limit.WhenBusy})
}

// reserveKey asks the place for a key until it answers.
func (r *Runner) reserveKey(ctx context.Context, run string, wish *keyWish) error {
	answer := make(chan noticeKind, 1)
	p := r.peers
	p.mu.Lock()
	p.asks[run] = answer
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.asks, run)
		p.mu.Unlock()
	}()
	again := time.NewTicker(askKeyAgain)
	defer again.Stop()
	for r.owns(r.partOf(run)) {
		p.tell(nil, []move{{kind: moveKeyAsk, at: place{run: run}, key: wish}})
		select {
		case said := <-answer:
			if said == noticeRefused {
				return errConcurrency
			}
			return nil
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("nobody says whether the concurrency key is free: %w", ErrUnavailable)
		}
	}
	return ErrMoved
}

// answered takes the word on a key that somebody waits for, and tells whether somebody does.
func (p *peers) answered(n *notice) bool {
	p.mu.Lock()
	answer, waits := p.asks[n.run]
	p.mu.Unlock()
	if waits {
		select {
		case answer <- n.kind:
		default: // it was said before
		}
	}
	return waits
}

// askKeyAgain is how long the maker of a run waits for the answer about its key before it asks again.
const askKeyAgain = 250 * time.Millisecond
