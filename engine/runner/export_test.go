package runner

import (
	"context"
)

// StatesOf answers a run's state three times, encoded: as its lane has it, as snapshot and log give it, and as the log alone
// gives it.
func StatesOf(ctx context.Context, r *Runner, tenant, run string) (held, loaded, folded []byte, err error) {
	held, err = readRun(ctx, r, tenant, run, func(lr *live) ([]byte, error) { return encode(lr), nil })
	if err != nil {
		return
	}
	lr, err := r.load(ctx, tenant, run)
	if err != nil {
		return
	}
	loaded = encode(lr)
	bare, err := newLive(run, lr.plan)
	if err != nil {
		return
	}
	bare.run.Tenant = tenant
	if err = r.replay(ctx, tenant, bare, nil); err != nil {
		return
	}
	return held, loaded, encode(bare), nil
}

// Panic makes the next turn of a run panic, as a mistake in deciding would.
func Panic(r *Runner, tenant, run string) {
	r.laneOf(run).inbox.push(task{run: run, tenant: tenant, do: func(*turn) { panic("on purpose") }})
}

// Tamper changes the input of a run's node in memory, as nothing in here ever does, and returns when that is done.
func Tamper(r *Runner, tenant, run string, node int32, input []byte) {
	done := make(chan struct{})
	r.laneOf(run).inbox.push(task{run: run, tenant: tenant, do: func(t *turn) {
		t.live.run.Steps[node].Input.Data = input
		close(done)
	}})
	<-done
}
