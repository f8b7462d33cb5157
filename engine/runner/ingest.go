package runner

import (
	"encoding/json"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/scheduler"
)

// Codes of results that were refused at ingest.
const (
	codeOutputInvalid  = "output_invalid"
	codeOutputTooLarge = "output_too_large"
)

// listen subscribes what workers send.
func (r *Runner) listen() ([]bus.Subscription, error) {
	subjects := map[string]bus.Handler{
		bus.SubjectHeartbeat: r.onBeat, wire.SubjectHeartbeats: r.onBeat,
		wire.SubjectHandshake: r.onHandshake, wire.SubjectHandshakes: r.onHandshake,
		bus.SubjectProgress: r.onPlain, bus.SubjectResult: r.onPlain,
		r.unheardInbox + ">": r.onUnheard,
	}
	if s := r.shared; s != nil {
		subjects[SubjectEngines] = s.hear
	} else {
		subjects[bus.AnyPart] = r.onMessage // every partition is this process's
	}
	var subs []bus.Subscription
	for subject, h := range subjects {
		s, err := r.bus.Subscribe(subject, "", h)
		if err != nil {
			return subs, fmt.Errorf("subscribe %s: %w", subject, err)
		}
		subs = append(subs, s)
	}
	if r.cfg.Streams != nil { // what comes while an engine listens comes plainly, too: it is taken once
		kept, err := r.cfg.Streams.Results(r.onPlain)
		if err != nil {
			return subs, fmt.Errorf("take kept results: %w", err)
		}
		subs = append(subs, kept)
	}
	if err := r.bus.Publish(bus.SubjectAskJobs, nil); err != nil {
		return subs, fmt.Errorf("ask workers what they have: %w", err)
	}
	return subs, r.bus.Flush()
}

// onBeat takes a heartbeat. What does not decode is dropped: the next one comes in seconds.
func (r *Runner) onBeat(m bus.Msg) {
	var p wire.BusPacket
	if proto.Unmarshal(m.Data, &p) != nil {
		r.metrics.malformed.Inc()
		return
	}
	if !r.admitBeat(m.Subject, &p) {
		return
	}
	h := p.GetHeartbeat()
	if h == nil || len(h.Jobs) > maxHoldings {
		r.metrics.malformed.Inc()
		return
	}
	b := scheduler.Beat{
		Worker: h.WorkerId, Pool: h.Pool, Incarnation: h.Incarnation, Topics: h.Topics, Capabilities: h.Capabilities,
		Labels: h.Labels, Max: int(h.MaxParallelJobs), Active: int(h.ActiveJobs), CPU: float64(h.CpuLoad),
		GPU: float64(h.GpuUtilization), Direct: h.Direct, ListsJobs: h.ListsJobs, Draining: h.Draining, Leaving: h.Leaving,
	}
	for _, j := range h.Jobs {
		b.Holds = append(b.Holds, scheduler.Hold{Attempt: j.JobId, Token: j.Token})
	}
	r.dispatch.beat(b)
	if !h.ListsJobs {
		r.dispatch.checkpoint(h)
	}
}

// onMessage takes what a worker says of an attempt.
func (r *Runner) onMessage(m bus.Msg) {
	var p wire.BusPacket
	if proto.Unmarshal(m.Data, &p) != nil {
		r.metrics.malformed.Inc()
		r.ack(m.Reply, wire.AckCode_ACK_CODE_INVALID, "not a packet")
		return
	}
	switch body := p.Payload.(type) {
	case *wire.BusPacket_JobResult:
		r.onResult(m.Reply, body.JobResult)
	case *wire.BusPacket_JobBegin:
		b := body.JobBegin
		r.toJob(m.Reply, b.JobId, b.Token, func(t *turn, step int32) scheduler.Ruling {
			if !t.live.serves(step) {
				return scheduler.Ruling{Reply: scheduler.ReplyStale}
			}
			return t.job(step, scheduler.Begin{Token: b.Token, Worker: b.WorkerId}, nil)
		})
	case *wire.BusPacket_JobLog:
		r.onLog(body.JobLog)
	case *wire.BusPacket_JobProgress:
		r.onProgress(body.JobProgress, false)
	case *wire.BusPacket_JobReturn:
		b := body.JobReturn
		r.progress.release(b.JobId, b.Token, b.WorkerId)
		r.toJob(m.Reply, b.JobId, b.Token, func(t *turn, step int32) scheduler.Ruling { return t.returned(step, b) })
	default:
		r.metrics.malformed.Inc()
		r.ack(m.Reply, wire.AckCode_ACK_CODE_INVALID, "unknown payload")
	}
}

// onResult reads a result and gives it to its job. It is acknowledged after the commit.
func (r *Runner) onResult(reply string, res *wire.JobResult) {
	r.crash(CrashResult)
	r.progress.release(res.JobId, res.Token, res.WorkerId)
	a := &arrival{reply: reply, res: res, at: r.now()}
	a.outcome, a.state = outcomeOf(res)
	r.receive(a)
}

// receive gives a result to its job. One that has to be looked at, or kept, outside the lane comes here once more.
func (r *Runner) receive(a *arrival) {
	r.onJob(a.reply, a.res.JobId, a.res.Token, func(t *turn, step int32) { t.arrived(step, a) })
}

func (t *turn) arrived(step int32, a *arrival) {
	if t.screens(step, a) {
		return
	}
	t.judged = a.judged
	ruling := t.result(step, a)
	t.settle()
	t.judged = nil
	t.answerWorker(a.reply, ruling)
}

// result takes a worker's result to its job. One whose turn is over changes nothing and is noted once. So is one that went astray:
// it says nothing of either attempt, and the one that has its token can still be answered.
func (t *turn) result(step int32, a *arrival) scheduler.Ruling {
	lr, j, res := t.live, t.live.jobs[step], a.res
	outcome, attempt := a.outcome, j.AttemptOf(res.Token)
	var ruling scheduler.Ruling
	switch {
	case lr.run.Fault != "":
		return scheduler.Ruling{} // not now: it is kept by its worker until the run goes on
	case a.astray():
		ruling, attempt = scheduler.Ruling{Reply: scheduler.ReplyStale, Late: true}, 0
	case !lr.serves(step) && !j.Known(res.Token):
		ruling = scheduler.Ruling{Reply: scheduler.ReplyStale, Late: true}
	default:
		var state scheduler.JobState
		outcome, state = t.proved(step, res, outcome, a.state)
		ruling = t.job(step, scheduler.Answer{Token: res.Token, Worker: res.WorkerId, State: state}, &outcome)
	}
	if ruling.Late && tenantOf(res.Token) == lr.run.Tenant && t.lateOnce(res, lr.run.UnknownAttempt(step, attempt)) {
		t.inputs = append(t.inputs, engine.Late{
			Stamp: t.system("worker " + clip(res.WorkerId)), Step: step, Attempt: attempt, Result: outcome.Result,
			Output: outcome.Output, Effect: outcome.Effect,
		})
	}
	return ruling
}

// outcomeOf reads a result. A success whose output cannot be taken is a failure that says why, and had its effect.
func outcomeOf(res *wire.JobResult) (engine.Outcome, scheduler.JobState) {
	fail := func(code, message string, retryable bool) (engine.Outcome, scheduler.JobState) {
		f := engine.Failure{Code: cutText(code, maxCode), Message: cutText(message, maxMessage), Retryable: retryable}
		if d := res.ErrorDetails; len(d) > 0 && len(d) <= maxDetails && validJSON(d) {
			f.Details, f.Unknown = d, saysUnknown(d)
		}
		return engine.Outcome{Result: engine.ResultFailed, Failure: f}, scheduler.JobFailed
	}
	code := res.ErrorCode
	if code == "" {
		code = "error"
	}
	switch res.Status {
	case wire.JobStatus_JOB_STATUS_SUCCEEDED:
		out := res.Output
		switch {
		case len(out) > maxResult:
			return refused(fail(codeOutputTooLarge, fmt.Sprintf("the output is larger than %d bytes", maxResult), false))
		case len(out) > 0 && !validJSON(out):
			return refused(fail(codeOutputInvalid, "the output is not JSON that can be kept (depth at most 64, valid UTF-8)", false))
		}
		return engine.Outcome{Result: engine.ResultSucceeded, Output: engine.Payload{Data: out}}, scheduler.JobSucceeded
	case wire.JobStatus_JOB_STATUS_CANCELLED:
		return engine.Outcome{Result: engine.ResultCancelled, Failure: engine.Failure{
			Code: engine.CodeCancelled, Message: cutText(res.ErrorMessage, maxMessage),
		}}, scheduler.JobCancelled
	case wire.JobStatus_JOB_STATUS_TIMEOUT:
		return engine.Outcome{Result: engine.ResultTimedOut, Failure: engine.Failure{
			Code: engine.CodeTimeout, Message: cutText(res.ErrorMessage, maxMessage), Retryable: true,
		}}, scheduler.JobTimeout
	case wire.JobStatus_JOB_STATUS_FAILED_FATAL, wire.JobStatus_JOB_STATUS_DENIED:
		return fail(code, res.ErrorMessage, false)
	}
	return fail(code, res.ErrorMessage, true)
}

// refused is a success that was not accepted: it had its effect.
func refused(out engine.Outcome, state scheduler.JobState) (engine.Outcome, scheduler.JobState) {
	out.Effect = true
	return out, state
}

// saysUnknown tells whether a failure's details say that nobody knows if the attempt had its effect: {"outcome": "unknown"}.
func saysUnknown(details []byte) bool {
	var said struct {
		Outcome string `json:"outcome"`
	}
	return json.Unmarshal(details, &said) == nil && said.Outcome == "unknown"
}

func cutText(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// toJob gives what a worker said to its job, on the lane of its run, and answers the worker after the commit. Who names another
// attempt than the one that came with the token has said nothing.
func (r *Runner) toJob(reply, jobID string, token []byte, do func(*turn, int32) scheduler.Ruling) {
	if !givenWith(token, jobID) {
		r.ack(reply, wire.AckCode_ACK_CODE_STALE, "the token is another attempt's")
		return
	}
	r.onJob(reply, jobID, token, func(t *turn, step int32) {
		ruling := do(t, step)
		t.settle()
		t.answerWorker(reply, ruling)
	})
}

// onJob does something with a job on the lane of its run.
func (r *Runner) onJob(reply, jobID string, token []byte, do func(*turn, int32)) {
	ref, err := id.ParseJob(jobID)
	l := r.laneOf(ref.Run)
	if err != nil || l == nil {
		r.ack(reply, wire.AckCode_ACK_CODE_STALE, "no such job")
		return
	}
	err = l.inbox.offer(task{
		run: ref.Run, tenant: tenantOf(token),
		fail: func(err error) { r.ack(reply, ackOf(err), "") },
		do: func(t *turn) {
			node, j := t.live.job(ref)
			if j == nil {
				r.ack(reply, wire.AckCode_ACK_CODE_STALE, "no such job")
				return
			}
			do(t, node)
		},
	})
	if err != nil {
		r.ack(reply, wire.AckCode_ACK_CODE_RETRY, "overloaded or stopping")
	}
}

// answerWorker tells a worker what was decided, when it is durable.
func (t *turn) answerWorker(reply string, ruling scheduler.Ruling) {
	if reply == "" || t.err != nil {
		return
	}
	r, code := t.lane.r, wire.AckCode_ACK_CODE_RETRY
	switch ruling.Reply {
	case scheduler.ReplyOK:
		code = wire.AckCode_ACK_CODE_OK
	case scheduler.ReplyStale:
		code = wire.AckCode_ACK_CODE_STALE
	}
	accepted := ruling.End == scheduler.EndAnswered
	t.reply(func(err error) {
		if err != nil {
			code = wire.AckCode_ACK_CODE_RETRY
		}
		if accepted && err == nil {
			r.crash(CrashAccepted)
		}
		r.ack(reply, code, "")
	})
}

// ackOf is what a worker is told when its job could not be reached.
func ackOf(err error) wire.AckCode {
	if isNotFound(err) {
		return wire.AckCode_ACK_CODE_STALE
	}
	return wire.AckCode_ACK_CODE_RETRY
}

// ack answers a worker's request, where somebody waits for an answer and nowhere else: who asks names the subject, and the
// engine may publish where who asks may not.
func (r *Runner) ack(reply string, code wire.AckCode, message string) {
	if r.acked(reply, code) {
		return
	}
	if !bus.IsInbox(reply) {
		return
	}
	data := plainAcks[code]
	if message != "" || data == nil {
		data = encodeAck(code, message)
	}
	if err := r.bus.Publish(reply, data); err != nil {
		r.cfg.Logger.Debug("answer to a worker could not be sent", "error", err)
	}
}

// plainAcks are the answers without a message, encoded once.
var plainAcks = map[wire.AckCode][]byte{
	wire.AckCode_ACK_CODE_OK:    encodeAck(wire.AckCode_ACK_CODE_OK, ""),
	wire.AckCode_ACK_CODE_STALE: encodeAck(wire.AckCode_ACK_CODE_STALE, ""),
	wire.AckCode_ACK_CODE_RETRY: encodeAck(wire.AckCode_ACK_CODE_RETRY, ""),
}

func encodeAck(code wire.AckCode, message string) []byte {
	data, err := proto.Marshal(&wire.BusPacket{
		ProtocolVersion: 1, Payload: &wire.BusPacket_Ack{Ack: &wire.Ack{Code: code, Message: message}},
	})
	if err != nil {
		panic("runner: an ack does not encode: " + err.Error()) // two scalar fields always do
	}
	return data
}
