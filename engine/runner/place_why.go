package runner

import (
	"context"
	"encoding/json"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/scheduler"
)

// SubjectPlaceWhy is where the place is asked what an attempt waits for. Workers may neither publish nor listen there.
const SubjectPlaceWhy = "cordum.place.why"

// whySaid is its answer.
type whySaid struct {
	Reason string `json:"reason"`
	Why    string `json:"why"`
}

// answerWhy has this process answer there, or stop to.
func (p *peers) answerWhy(on bool) {
	var s bus.Subscription
	if on {
		var err error
		if s, err = p.r.bus.Subscribe(SubjectPlaceWhy, "", p.sayWhy); err != nil {
			p.r.cfg.Logger.Warn("nobody will be told what jobs wait for", "error", err)
		}
	}
	p.mu.Lock()
	if !p.stop || !on {
		s, p.why = p.why, s
	}
	p.mu.Unlock()
	if s != nil {
		_ = s.Unsubscribe()
	}
}

func (p *peers) sayWhy(m bus.Msg) {
	d := p.r.dispatch
	d.mu.Lock()
	if d.heardOnly() {
		d.mu.Unlock()
		return
	}
	var said whySaid
	said.Reason, said.Why = d.fleet.Why(string(m.Data))
	d.mu.Unlock()
	data, err := json.Marshal(said)
	if err == nil && bus.IsInbox(m.Reply) {
		err = p.r.bus.Publish(m.Reply, data)
	}
	if err != nil {
		p.r.cfg.Logger.Debug("a peer could not be told what a job waits for", "error", err)
	}
}

// askWhy asks the place. It waits for the answer for a moment; lanes do not call it.
func (p *peers) askWhy(attempt string) (reason, why string) {
	ctx, cancel := context.WithTimeout(context.Background(), askWhyWithin)
	defer cancel()
	data, err := p.r.bus.Request(ctx, SubjectPlaceWhy, []byte(attempt))
	var said whySaid
	if err != nil || json.Unmarshal(data, &said) != nil {
		return scheduler.WhyUnknown, "the process that gives jobs to workers does not answer now"
	}
	return said.Reason, said.Why
}

// askWhyWithin is how long a view of a job waits for that.
const askWhyWithin = 500 * time.Millisecond
