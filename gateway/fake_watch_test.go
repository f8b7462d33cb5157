package gateway

import (
	"context"

	"cordum.dev/cordum/engine/runner"
)

// fakeWatch is a bounded queue; what comes when it is full becomes one gap.
type fakeWatch struct {
	f        *fakeEngine
	run      *fakeRun // nil: a workflow's runs
	tenant   string
	workflow string
	bound    int
	queue    []runner.Message
	gap      bool
	logs     bool
	wake     chan struct{}
}

func (f *fakeEngine) Watch(_ context.Context, c runner.Caller, req runner.WatchRequest, buffer int) (*fakeWatch, error) {
	defer f.lock(c)()
	w := &fakeWatch{f: f, tenant: c.Tenant, workflow: req.Workflow, logs: req.Logs, bound: 1 << 20, wake: make(chan struct{}, 1)}
	if req.Run != "" {
		run, err := f.find(c, req.Run)
		if err != nil {
			return nil, err
		}
		w.run = run
		w.open(req)
	} else {
		for _, id := range f.order {
			if run := f.runs[c.Tenant+"/"+id]; run != nil && (req.Workflow == "*" || req.Workflow == run.view.Workflow) {
				w.put(runner.Message{Kind: "header", Header: headerOf(run)})
			}
		}
		w.put(runner.Message{Kind: "live"})
	}
	w.bound = len(w.queue) + buffer
	f.watches[w] = struct{}{}
	return w, nil
}

func (w *fakeWatch) open(req runner.WatchRequest) {
	view := w.run.view
	if req.Resume {
		w.put(runner.Message{Kind: "replay", Seq: req.AfterSeq + 1})
		for _, e := range w.run.events[min(req.AfterSeq, view.Seq):] {
			w.put(runner.Message{Kind: "event", Event: &e})
		}
	} else {
		w.put(runner.Message{Kind: "snapshot", Snapshot: &view})
	}
	w.put(runner.Message{Kind: "live", Seq: view.Seq})
}

// put is called with the engine's lock held.
func (w *fakeWatch) put(m runner.Message) {
	if len(w.queue) >= w.bound {
		w.gap = true
		return
	}
	w.queue = append(w.queue, m)
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *fakeWatch) Next(ctx context.Context) (runner.Message, error) {
	for {
		w.f.mu.Lock()
		if len(w.queue) > 0 {
			m := w.queue[0]
			w.queue = w.queue[1:]
			w.f.mu.Unlock()
			return m, nil
		}
		if w.gap {
			w.gap = false
			w.f.mu.Unlock()
			return runner.Message{Kind: "gap", Seq: w.run.view.Seq}, nil
		}
		w.f.mu.Unlock()
		select {
		case <-w.wake:
		case <-ctx.Done():
			return runner.Message{}, ctx.Err()
		}
	}
}

func (w *fakeWatch) Close() {
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	delete(w.f.watches, w)
}

func (f *fakeEngine) watching() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.watches)
}
