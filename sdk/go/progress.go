package cordum

import (
	"sync"
	"time"
)

// progress sends what a tool says of itself, one message in progressEvery. What comes faster waits and is replaced by
// what comes after it, except that a checkpoint stays until a newer one.
type progress struct {
	attempt *attempt

	mu      sync.Mutex
	sent    time.Time
	waiting bool
	percent int
	message string
	state   []byte
	timer   *time.Timer // set while something waits
	ended   bool
}

func (p *progress) say(percent int, message string, state []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	p.percent, p.message, p.waiting = percent, message, true
	if state != nil {
		p.state = state
	}
	rest := progressEvery - time.Since(p.sent)
	if rest <= 0 {
		p.send()
		return
	}
	if p.timer == nil {
		p.timer = time.AfterFunc(rest, p.flush)
	}
}

func (p *progress) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.send()
}

// end sends what waits, so that it is before the result on the wire, and nothing after it.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.send()
	p.ended = true
}

// send sends what waits. The caller holds mu.
func (p *progress) send() {
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	if !p.waiting || p.ended {
		return
	}
	p.attempt.worker.publish(p.attempt.progressSubject(), p.attempt.progressPacket(p.percent, p.message, p.state))
	p.waiting, p.state, p.sent = false, nil, time.Now()
}
