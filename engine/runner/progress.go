package runner

import (
	"context"
	"sync"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/scheduler"
)

// progressGate stands between what workers say of their work and the lanes: of an attempt it lets one word through at once,
// then one every progressEvery, the newest. A worker that never stops talking costs its run no more than one that talks
// slowly, and its lane not even that.
type progressGate struct {
	r    *Runner
	bell chan struct{}

	// mu is held while a word is handed to its lane, so that none overtakes another.
	mu     sync.Mutex
	open   map[progressKey]*wire.JobProgress // who said something lately; nil: nothing of it waits
	closed bool
}

// progressKey is whose word it is: who knows another token speaks for himself, and so does a worker that names none.
type progressKey struct {
	job, token, worker string
	plain              bool
}

func keyOf(job string, token []byte, worker string, plain bool) progressKey {
	if len(token) > 0 {
		return progressKey{job: job, token: string(token)}
	}
	return progressKey{job: job, worker: worker, plain: plain}
}

func newProgressGate(r *Runner) *progressGate {
	return &progressGate{r: r, bell: make(chan struct{}, 1), open: make(map[progressKey]*wire.JobProgress)}
}

// take lets a word through, or keeps it in the place of the one that waits. It takes the packet over.
func (g *progressGate) take(p *wire.JobProgress, plain bool) {
	key := keyOf(p.JobId, p.Token, p.WorkerId, plain)
	g.mu.Lock()
	defer g.mu.Unlock()
	waits, known := g.open[key]
	switch {
	case g.closed:
	case known:
		g.open[key] = newer(waits, p)
		return
	case len(g.open) < maxProgressing:
		g.open[key] = nil
		select {
		case g.bell <- struct{}{}:
		default: // it rings
		}
	}
	g.r.toldProgress(p, plain)
}

// newer is the newest word of two. What stays true of the older one it says, too: that the job was taken, and the checkpoint.
func newer(old, p *wire.JobProgress) *wire.JobProgress {
	if old == nil {
		return p
	}
	if old.Status == wire.JobStatus_JOB_STATUS_RUNNING {
		p.Status = old.Status
	}
	if len(p.State) == 0 {
		p.State = old.State
	}
	return p
}

// release lets through what waits of an attempt: something comes from its worker that must not come before it.
func (g *progressGate) release(job string, token []byte, worker string) {
	key := keyOf(job, token, worker, true)
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.open[key]
	delete(g.open, key)
	if p != nil {
		g.r.toldProgress(p, key.plain)
	}
}

// Run lets the newest words through, time after time, until ctx ends.
func (g *progressGate) Run(ctx context.Context) error {
	defer g.close()
	timer := time.NewTimer(progressEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-g.bell:
		}
		for more := true; more; {
			timer.Reset(progressEvery)
			select {
			case <-ctx.Done():
				return nil
			case <-timer.C:
			}
			more = g.letGo()
		}
	}
}

// letGo lets through what waits, and forgets those who have said nothing since it did so last. It is true as long as somebody is
// remembered.
func (g *progressGate) letGo() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for key, p := range g.open {
		if p == nil {
			delete(g.open, key)
			continue
		}
		g.open[key] = nil
		g.r.toldProgress(p, key.plain)
	}
	return len(g.open) > 0
}

func (g *progressGate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.open)
	g.closed = true
}

// onProgress takes what a worker says of its work; RUNNING without more says that it took the job. Plain: it came where all
// workers speak.
func (r *Runner) onProgress(p *wire.JobProgress, plain bool) {
	if _, away := r.away(p.JobId); away {
		return
	}
	if len(p.State) > maxState || len(p.JobId)+len(p.Token)+len(p.WorkerId) > maxLogName || (len(p.State) > 0 && !validJSON(p.State)) {
		r.metrics.malformed.Inc()
		return
	}
	p.Message = cutText(p.Message, maxMessage)
	r.progress.take(p, plain)
}

// toldProgress brings a worker's word to its job. A worker without a token is believed where all speak, if it may serve the
// job's topic.
func (r *Runner) toldProgress(p *wire.JobProgress, plain bool) {
	r.toJob("", p.JobId, p.Token, func(t *turn, step int32) scheduler.Ruling {
		j := t.live.jobs[step]
		if len(p.Token) == 0 && plain && r.mayServe(p.WorkerId, j.Topic) {
			p.Token, _ = t.live.vouched(step, p.JobId)
		}
		if !t.live.serves(step) || len(p.Token) == 0 {
			return scheduler.Ruling{}
		}
		accepted := p.Status == wire.JobStatus_JOB_STATUS_RUNNING && !j.Begun && t.live.run.Spec(step).Idempotent
		if accepted && !j.Cancel {
			t.softJob(step, scheduler.Begin{Token: p.Token, Worker: p.WorkerId})
		}
		if p.Percent > 0 || p.Message != "" || len(p.State) > 0 {
			t.softJob(step, scheduler.Progress{Token: p.Token, Worker: p.WorkerId, Percent: p.Percent, Message: p.Message, State: p.State})
		}
		return scheduler.Ruling{}
	})
}
