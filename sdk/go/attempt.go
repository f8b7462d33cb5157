package cordum

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"cordum.dev/cordum/bus/wire"
)

// phase is how far an attempt is. It only moves forward: asking → running → reporting, asking → reporting when it is
// cancelled before it began, and from each of them to gone.
type phase uint8

const (
	asking    phase = iota // waits for leave to begin
	running                // the tool runs
	reporting              // the result waits for its acknowledgement
)

// attempt is one attempt that this worker took. The worker's mu guards its phase, question and size.
type attempt struct {
	worker   *Worker
	key      key
	request  *wire.JobRequest
	tool     tool
	cancel   context.CancelCauseFunc
	ctx      context.Context // the tool's: it lives as long as the attempt
	progress progress
	lines    lineLog
	proof    proof

	doomed   bool // cancelled before it came
	phase    phase
	question *question // open while asking and reporting
	size     int       // of the result, in bytes
}

func (w *Worker) newAttempt(k key, r *wire.JobRequest) *attempt {
	a := &attempt{worker: w, key: k, request: r, tool: w.tools[r.GetTopic()]}
	a.ctx, a.cancel = context.WithCancelCause(context.Background())
	a.progress.attempt, a.lines.attempt = a, a
	if len(w.cfg.Redact) > 0 {
		a.lines.hide(w.cfg.Redact)
	}
	return a
}

func (a *attempt) progressSubject() string {
	if s := a.request.GetAnswerSubject(); s != "" {
		return s
	}
	return wire.SubjectProgress
}

// askLeave makes the question for leave to begin. The caller holds the worker's mu.
func (a *attempt) askLeave() *question {
	data := a.worker.encode(&wire.BusPacket{Payload: &wire.BusPacket_JobBegin{JobBegin: &wire.JobBegin{
		JobId: a.request.GetJobId(), Token: a.request.GetToken(), WorkerId: a.worker.cfg.ID,
	}}})
	a.question = a.worker.outbox.add(a.request.GetAnswerSubject(), data, a.onLeave)
	return a.question
}

// onLeave begins, or drops what is another attempt's turn by now. Leave that comes while the worker drains is used: the
// engine has it on record that the attempt began.
func (a *attempt) onLeave(ack *wire.Ack) {
	w := a.worker
	w.mu.Lock()
	defer w.mu.Unlock()
	if a.phase != asking {
		return
	}
	a.question = nil
	if ack.GetCode() != wire.AckCode_ACK_CODE_OK {
		w.active--
		w.release(a)
		return
	}
	a.phase = running
	go a.run()
}

// run is the tool's goroutine. What follows the tool is deferred: a tool may also end its goroutine.
func (a *attempt) run() {
	started := time.Now() // before the limit begins: what ran into it took no less
	ctx, stop := a.ctx, context.CancelFunc(func() {})
	if limit := a.timeLimit(); limit > 0 {
		ctx, stop = context.WithTimeoutCause(ctx, limit, ErrTimedOut)
	}
	var output []byte
	err := error(&Error{Code: CodePanic, Err: errors.New("the tool ended its goroutine")})
	defer func() {
		a.progress.end()
		a.lines.end()
		result := a.result(ctx, output, err)
		took := time.Since(started)
		result.ExecutionMs = took.Milliseconds()
		a.attach(result, took)
		stop()
		a.report(result)
	}()
	output, err = a.call(ctx)
}

// timeLimit is how long the tool may run: the attempt's timeout, or the policy's where that is less; 0 is without end.
func (a *attempt) timeLimit() time.Duration {
	limit := time.Duration(a.request.GetTimeoutMs()) * time.Millisecond
	list, _ := readConstraints(a.request.GetConstraints()) // call refuses what cannot be read
	for _, c := range list {
		seconds, ok := c.Max()
		if c.Type != "MaxTimeout" || !ok || seconds > maxSeconds {
			continue
		}
		allowed := max(time.Duration(seconds)*time.Second, time.Nanosecond) // 0 would be without end
		if limit <= 0 || allowed < limit {
			limit = allowed
		}
	}
	return limit
}

// call fences the tool: a panic is a failed attempt and nothing more.
func (a *attempt) call(ctx context.Context) (output []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			a.worker.log.Error("tool panicked", "topic", a.request.GetTopic(), "attempt", a.request.GetJobId(),
				"panic", p, "stack", string(debug.Stack()))
			output, err = nil, &Error{Code: CodePanic, Err: fmt.Errorf("%v", p)}
		}
	}()
	job := newJob(a)
	if err = a.checkDecision(); err != nil {
		return nil, err
	}
	if job.constraints, err = readConstraints(a.request.GetConstraints()); err != nil {
		return nil, err
	}
	return a.tool(ctx, job, a.request.GetInput())
}

// result says how the attempt ended in the words of the wire.
func (a *attempt) result(ctx context.Context, output []byte, err error) *wire.JobResult {
	if err == nil && len(output) > MaxOutput {
		err = tooLarge(len(output), MaxOutput)
	}
	r := &wire.JobResult{JobId: a.request.GetJobId(), Token: a.request.GetToken(), WorkerId: a.worker.cfg.ID}
	if err == nil {
		r.Status, r.Output = wire.JobStatus_JOB_STATUS_SUCCEEDED, output
		return r
	}
	r.ErrorMessage = clip(message(err), maxText)
	if status, code := interrupted(ctx, err); code != "" {
		r.Status, r.ErrorCode = status, code
		return r
	}
	r.Status, r.ErrorCode = wire.JobStatus_JOB_STATUS_FAILED, CodeError
	var e *Error
	if errors.As(err, &e) {
		a.classify(r, e)
	}
	return r
}

// interrupted tells whether a tool stopped because its context ended, and why that was.
func interrupted(ctx context.Context, err error) (wire.JobStatus, string) {
	if !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return 0, ""
	}
	cause := context.Cause(ctx)
	var cancelled *CancelledError
	switch {
	case errors.As(cause, &cancelled):
		return wire.JobStatus_JOB_STATUS_CANCELLED, CodeCancelled
	case errors.Is(cause, ErrTimedOut):
		return wire.JobStatus_JOB_STATUS_TIMEOUT, CodeTimeout
	case errors.Is(cause, ErrStopped):
		return wire.JobStatus_JOB_STATUS_FAILED_RETRYABLE, CodeWorkerStopped
	}
	return 0, ""
}

// message is an error's text without the code, which has a field of its own.
func message(err error) string {
	if e, ok := err.(*Error); ok && e.Err != nil { //nolint:errorlint // a code inside a wrapped error is part of its text
		return e.Err.Error()
	}
	return err.Error()
}

// classify carries a coded error over.
func (a *attempt) classify(r *wire.JobResult, e *Error) {
	switch e.Kind {
	case KindRetryable:
		r.Status = wire.JobStatus_JOB_STATUS_FAILED_RETRYABLE
	case KindFatal:
		r.Status = wire.JobStatus_JOB_STATUS_FAILED_FATAL
	}
	if e.Code != "" {
		r.ErrorCode = clip(e.Code, maxText)
	}
	if e.Details == nil {
		return
	}
	details, err := json.Marshal(e.Details)
	if err != nil || len(details) > maxDetails {
		a.worker.log.Warn("details of an error left out", "attempt", r.GetJobId(), "bytes", len(details), "error", err)
		return
	}
	r.ErrorDetails = details
}

func tooLarge(size, limit int) error {
	return Fatal(CodeOutputTooLarge, fmt.Errorf("the output is %d bytes as JSON, at most %d can be taken: keep it elsewhere and return where", size, limit))
}

// report hands the result to the outbox, which keeps it until it is acknowledged. The slot is free before the result
// leaves: whoever gets it may send the next job at once.
func (a *attempt) report(r *wire.JobResult) {
	data := a.encodeResult(r)
	if answers := a.request.GetAnswerSubject(); answers != "" {
		a.worker.outbox.send(a.keep(answers, data))
	} else {
		a.reportOnce(data)
	}
	a.cancel(nil)
}

// keep frees the slot and makes the question that carries the result.
func (a *attempt) keep(answers string, data []byte) *question {
	w := a.worker
	w.mu.Lock()
	defer w.mu.Unlock()
	w.active--
	a.phase, a.size = reporting, len(data)
	w.unacknowledged++
	w.unacknowledgedBytes += a.size
	w.roomMade()
	a.question = w.outbox.add(answers, data, a.onAcknowledged)
	return a.question
}

// reportOnce sends the result of an attempt that named no answer subject: nobody acknowledges it.
func (a *attempt) reportOnce(data []byte) {
	w := a.worker
	if err := w.conn.Publish(wire.SubjectResult, data); err != nil {
		w.log.Warn("a result may be lost", "attempt", a.request.GetJobId(), "error", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.active--
	w.release(a)
}

// encodeResult makes the packet of a result. One that the server would not take becomes a failure that says so.
func (a *attempt) encodeResult(r *wire.JobResult) []byte {
	w := a.worker
	data := w.encode(&wire.BusPacket{Payload: &wire.BusPacket_JobResult{JobResult: r}})
	limit := w.conn.MaxPayload() // 0 until the first connection
	if limit == 0 || int64(len(data)) <= limit {
		return data
	}
	failed := a.result(context.Background(), nil, tooLarge(len(r.GetOutput()), int(limit)))
	failed.ExecutionMs = r.GetExecutionMs()
	return w.encode(&wire.BusPacket{Payload: &wire.BusPacket_JobResult{JobResult: failed}})
}

// onAcknowledged ends the attempt: recorded, somebody else's by now, or refused for good.
func (a *attempt) onAcknowledged(ack *wire.Ack) {
	w := a.worker
	w.mu.Lock()
	defer w.mu.Unlock()
	if ack.GetCode() == wire.AckCode_ACK_CODE_INVALID {
		w.log.Error("result refused", "attempt", a.request.GetJobId(), "topic", a.request.GetTopic(), "reason", ack.GetMessage())
	}
	w.unacknowledged--
	w.unacknowledgedBytes -= a.size
	w.release(a)
}
