package sim

import (
	"encoding/json"
	"time"

	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine/plan/trial"
)

// Times of workers and people.
const (
	// usualWork is how long a worker takes at least whose stub does not say; twice that at most.
	usualWork = 100 * time.Millisecond
	// promptly is how long a worker takes to answer a cancel, and a person a question.
	promptly = 50 * time.Millisecond
	// beatEvery is how often a worker says that it lives (docs/architecture.md, "Limits").
	beatEvery = 5 * time.Second
)

// hand is one worker. It has room for one job, so that what becomes of it becomes of no other job.
type hand struct {
	bench     *bench
	id        string
	cue       trial.Cue // the job it came for; it takes whichever of the same topic it is given
	jobs      chan *wire.JobRequest
	cancelled chan struct{}
	dismissed chan struct{} // closed, by the driver alone, when it is not needed any more

	// Guarded by bench.mu.
	job      *wire.JobRequest // what it has
	draining bool             // it takes nothing more
	accepted bool             // it began without leave, and said so
}

// work is a worker's life.
func (h *hand) work() {
	w := h.bench
	sub, err := w.bus.Subscribe(bus.WorkerJobs(h.id), "", func(m bus.Msg) {
		var p wire.BusPacket
		if proto.Unmarshal(m.Data, &p) == nil && p.GetJobRequest() != nil {
			h.bench.law.delivered(p.GetJobRequest())
			h.jobs <- p.GetJobRequest()
		}
	})
	if err != nil {
		w.failed("worker %s: %v", h.id, err)
		return
	}
	defer func() { _ = sub.Unsubscribe() }()
	defer w.forget(h)
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	h.beat()
	for {
		select {
		case <-w.stop:
			return
		case <-h.dismissed:
			h.retire(tick.C)
			return
		case <-tick.C:
			h.beat()
		case job := <-h.jobs:
			if h.serve(job, tick.C) {
				h.leave()
			}
			return
		}
	}
}

func (w *bench) forget(h *hand) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.hands, h.id)
}

// retire takes nothing more, does what was on its way all the same, and leaves.
func (h *hand) retire(tick <-chan time.Time) {
	h.drain()
	select {
	case job := <-h.jobs:
		if !h.serve(job, tick) {
			return
		}
	case <-time.After(promptly):
	}
	h.leave()
}

// drain says that the worker takes nothing more.
func (h *hand) drain() {
	h.bench.mu.Lock()
	h.draining = true
	h.bench.mu.Unlock()
	h.beat()
}

// serve does a job as the case says. False: it falls silent.
func (h *hand) serve(job *wire.JobRequest, tick <-chan time.Time) bool {
	p, err := partOfJob(job)
	if err != nil {
		h.bench.failed("job %q: %v", job.JobId, err)
		return true
	}
	h.has(job)
	h.drain()
	what, known := h.bench.take(p)
	if !known {
		return true
	}
	if !h.begin(job) {
		h.bench.drop(p)
		return true
	}
	stub := what.cue.Job.Stub
	if stub.Lost {
		return false
	}
	var over, asked <-chan time.Time
	if !stub.Timeout {
		over = time.After(h.bench.duration(stub))
	}
	for {
		select {
		case <-h.bench.stop:
			return true
		case <-h.dismissed: // it would never have answered
			return true
		case <-tick:
			h.beat()
		case <-over:
			h.answer(job, lastWord(stub))
			return true
		case <-h.cancelled:
			if stub.OnCancel != trial.CancelIgnored {
				asked = time.After(promptly)
			}
		case <-asked:
			if h.bench.over(p) {
				continue // its time was over: its late answer comes when the case says
			}
			h.answer(job, wordOnCancel(stub))
			return true
		}
	}
}

// dismiss lets a worker go. Only the driver does.
func (h *hand) dismiss() {
	select {
	case <-h.dismissed:
	default:
		close(h.dismissed)
	}
}

// about is the job that a worker has, or else the one that it came for.
func (h *hand) about() (c trial.Cue, busy bool) {
	h.bench.mu.Lock()
	defer h.bench.mu.Unlock()
	if h.job == nil {
		return h.cue, false
	}
	if p, err := partOfJob(h.job); err == nil {
		if what, known := h.bench.parts[p]; known {
			return what.cue, true
		}
	}
	return h.cue, true
}

// has notes the job under way.
func (h *hand) has(job *wire.JobRequest) {
	h.bench.mu.Lock()
	defer h.bench.mu.Unlock()
	h.job = job
}

// begin asks for leave where that is asked for, and else says that it took the job.
func (h *hand) begin(job *wire.JobRequest) bool {
	if job.AskBegin {
		return h.bench.request(job.AnswerSubject, &wire.BusPacket{Payload: &wire.BusPacket_JobBegin{JobBegin: &wire.JobBegin{
			JobId: job.JobId, Token: job.Token, WorkerId: h.id,
		}}}) == wire.AckCode_ACK_CODE_OK
	}
	h.bench.mu.Lock()
	h.accepted = true
	h.bench.mu.Unlock()
	h.accept()
	return true
}

// accept says that the worker took the job that it has and began without leave.
func (h *hand) accept() {
	h.bench.mu.Lock()
	job, accepted := h.job, h.accepted
	h.bench.mu.Unlock()
	if !accepted {
		return
	}
	h.bench.publish(job.AnswerSubject, &wire.BusPacket{Payload: &wire.BusPacket_JobProgress{JobProgress: &wire.JobProgress{
		JobId: job.JobId, Token: job.Token, WorkerId: h.id, Status: wire.JobStatus_JOB_STATUS_RUNNING,
	}}})
}

// tell says again what the worker has: a server is new, and may not know.
func (h *hand) tell() {
	h.beat()
	h.accept()
}

func (h *hand) answer(job *wire.JobRequest, result *wire.JobResult) {
	result.JobId, result.Token, result.WorkerId = job.JobId, job.Token, h.id
	h.bench.request(job.AnswerSubject, &wire.BusPacket{Payload: &wire.BusPacket_JobResult{JobResult: result}})
}

// lastWord is the answer of a worker that was not kept from its work.
func lastWord(s trial.Stub) *wire.JobResult {
	if s.Fail == nil {
		return succeeded(s.Output)
	}
	status := wire.JobStatus_JOB_STATUS_FAILED_RETRYABLE
	if !s.Fail.Retryable {
		status = wire.JobStatus_JOB_STATUS_FAILED_FATAL
	}
	return &wire.JobResult{Status: status, ErrorCode: s.Fail.Code, ErrorMessage: s.Fail.Message, ErrorDetails: s.Fail.Details}
}

func succeeded(output json.RawMessage) *wire.JobResult {
	if output == nil {
		output = []byte("{}")
	}
	return &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_SUCCEEDED, Output: output}
}

// wordOnCancel is what a worker answers that is asked to stop and heeds it.
func wordOnCancel(s trial.Stub) *wire.JobResult {
	if s.OnCancel == trial.CancelTooLate {
		return succeeded(s.Output)
	}
	return &wire.JobResult{Status: wire.JobStatus_JOB_STATUS_CANCELLED, ErrorMessage: "the worker stopped before it had an effect"}
}

func (h *hand) hearCancel(c *wire.JobCancel) {
	h.bench.mu.Lock()
	mine := h.job != nil && h.job.JobId == c.GetJobId()
	h.bench.mu.Unlock()
	if mine {
		select {
		case h.cancelled <- struct{}{}:
		default:
		}
	}
}

// beat says that the worker lives, and what it has.
func (h *hand) beat() {
	b := h.heartbeat()
	h.bench.mu.Lock()
	b.Draining = h.draining
	if h.job != nil {
		b.Jobs = []*wire.JobHold{{JobId: h.job.JobId, Token: h.job.Token}}
	}
	h.bench.mu.Unlock()
	h.bench.publish(bus.SubjectHeartbeat, &wire.BusPacket{Payload: &wire.BusPacket_Heartbeat{Heartbeat: b}})
}

// leave says goodbye.
func (h *hand) leave() {
	b := h.heartbeat()
	b.Leaving = true
	h.bench.publish(bus.SubjectHeartbeat, &wire.BusPacket{Payload: &wire.BusPacket_Heartbeat{Heartbeat: b}})
}

func (h *hand) heartbeat() *wire.Heartbeat {
	return &wire.Heartbeat{
		WorkerId: h.id, Topics: []string{h.cue.Job.Topic}, Capabilities: h.cue.Job.Requires, MaxParallelJobs: 1, Direct: true,
		ListsJobs: true, Incarnation: "1",
	}
}
