package cordum

import (
	"bytes"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus/wire"
)

// Reasons of a JobReturn.
const (
	returnFull         = "full"
	returnDraining     = "draining"
	returnUnknownTopic = "unknown_topic"
)

// onJob takes an attempt, gives it back, or drops it when it came before.
func (w *Worker) onJob(m *nats.Msg) {
	var p wire.BusPacket
	if err := proto.Unmarshal(m.Data, &p); err != nil {
		w.log.Warn("a packet that does not decode", "subject", m.Subject, "bytes", len(m.Data))
		return
	}
	r := p.GetJobRequest()
	if r.GetJobId() == "" {
		w.log.Warn("a packet that is no job", "subject", m.Subject)
		return
	}
	k := keyOf(r.GetJobId(), r.GetToken())
	if a, first := w.take(k, r); first {
		a.open()
	} else if a != nil {
		a.comeAgain()
	}
}

// take enters an attempt into what the worker holds: first is true when it is new and there is room. An attempt that is
// held already is returned as it is; nil was given back or has ended.
func (w *Worker) take(k key, r *wire.JobRequest) (a *attempt, first bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if a := w.held[k]; a != nil {
		return a, false
	}
	if w.past.has(k) {
		return nil, false
	}
	if reason := w.refusal(r); reason != "" {
		w.turnedAway = w.turnedAway || reason == returnFull
		w.giveBack(r, reason)
		return nil, false
	}
	a = w.newAttempt(k, r)
	a.doomed = w.early.has(k) || w.early.has(keyOf(r.GetJobId(), nil))
	w.held[k] = a
	w.active++
	return a, true
}

// refusal says why an attempt cannot be taken; empty when it can. The caller holds mu.
func (w *Worker) refusal(r *wire.JobRequest) string {
	switch {
	case w.draining:
		return returnDraining
	case w.tools[r.GetTopic()] == nil:
		return returnUnknownTopic
	case w.full():
		return returnFull
	}
	return ""
}

// full tells whether there is no room. The caller holds mu.
func (w *Worker) full() bool {
	return w.active >= w.cfg.Capacity || w.unacknowledged >= maxUnacknowledged || w.unacknowledgedBytes >= maxUnacknowledgedBytes
}

// roomMade beats at once when there is room again after an attempt was given back for want of it: who sent that one sends no other
// before it hears of room. The caller holds mu.
func (w *Worker) roomMade() {
	if w.turnedAway && !w.full() {
		w.turnedAway = false
		w.beatSoon()
	}
}

// giveBack returns an attempt that did not begin. It is not remembered: it may come again.
func (w *Worker) giveBack(r *wire.JobRequest, reason string) {
	if r.GetAnswerSubject() == "" {
		w.log.Warn("a job cannot be taken and names nobody to return it to", "attempt", r.GetJobId(), "reason", reason)
		return
	}
	w.publish(r.GetAnswerSubject(), &wire.BusPacket{Payload: &wire.BusPacket_JobReturn{JobReturn: &wire.JobReturn{
		JobId: r.GetJobId(), Token: r.GetToken(), WorkerId: w.cfg.ID, Reason: reason,
	}}})
}

// open says that the attempt was taken, if that is asked for, and begins or asks for leave.
func (a *attempt) open() {
	if a.doomed {
		a.stop(&CancelledError{Reason: "cancelled before it came"})
		return
	}
	if a.request.GetAskAccept() {
		a.sayAccepted()
	}
	w := a.worker
	w.mu.Lock()
	if a.phase != asking { // cancelled meanwhile
		w.mu.Unlock()
		return
	}
	if a.request.GetAskBegin() && a.request.GetAnswerSubject() != "" {
		q := a.askLeave()
		w.mu.Unlock()
		w.outbox.send(q)
		return
	}
	a.phase = running
	w.mu.Unlock()
	go a.run()
}

func (a *attempt) sayAccepted() {
	a.worker.publish(a.progressSubject(), a.progressPacket(0, "", nil))
}

// comeAgain answers an attempt that the worker has: whoever sent it again may have missed what was said.
func (a *attempt) comeAgain() {
	w := a.worker
	w.mu.Lock()
	phase, q := a.phase, a.question
	w.mu.Unlock()
	switch {
	case phase == reporting && q != nil:
		w.outbox.send(q)
	case phase == running && a.request.GetAskAccept():
		a.sayAccepted()
	}
}

// onCancel stops the attempts of a job that somebody cancelled. Without a token every attempt of that id is meant.
func (w *Worker) onCancel(m *nats.Msg) {
	var p wire.BusPacket
	if err := proto.Unmarshal(m.Data, &p); err != nil {
		return
	}
	c := p.GetJobCancel()
	why := &CancelledError{Reason: c.GetReason(), By: c.GetRequestedBy()}
	for _, a := range w.meant(c) {
		a.stop(why)
	}
}

// meant finds the attempts that a cancel is about. The cancel of one that is not here is kept for a while: it travels
// on another subject than the job, and may arrive before it.
func (w *Worker) meant(c *wire.JobCancel) []*attempt {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []*attempt
	for _, a := range w.held {
		if a.request.GetJobId() == c.GetJobId() && (len(c.GetToken()) == 0 || bytes.Equal(a.request.GetToken(), c.GetToken())) {
			found = append(found, a)
		}
	}
	if len(found) == 0 {
		w.early.add(keyOf(c.GetJobId(), c.GetToken()))
	}
	return found
}

// stop cancels the tool's context, or ends an attempt that has not begun.
func (a *attempt) stop(why *CancelledError) {
	w := a.worker
	w.mu.Lock()
	phase, q := a.phase, a.question
	if phase == asking {
		a.phase = reporting // leave that comes now is not used
		a.question = nil
	}
	w.mu.Unlock()
	a.cancel(why)
	if phase != asking {
		return
	}
	if q != nil {
		w.outbox.drop(q)
	}
	a.report(a.result(a.ctx, nil, why))
}
