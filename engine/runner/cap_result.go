package runner

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/scheduler"
)

// This file is what plain CAP workers answer. They name an attempt and no token, so their word counts only about the send
// under way of a job that was given to one of them; about anything else it changes nothing.

// onPlain takes what comes on the subjects that all workers share. Whoever names a token there is answered as on a
// partition's own subject.
func (r *Runner) onPlain(m bus.Msg) {
	var p wire.BusPacket
	if proto.Unmarshal(m.Data, &p) != nil {
		r.malformed(m)
		return
	}
	switch body := p.Payload.(type) {
	case *wire.BusPacket_JobResult:
		res := body.JobResult
		if r.passed(m, res.JobId) {
			return
		}
		if len(res.Token) > 0 && !m.Kept {
			r.onMessage(m)
			return
		}
		r.takePlain(m, &p)
	case *wire.BusPacket_JobProgress:
		if prog := body.JobProgress; len(prog.Token) > 0 || r.admitPlain(&p, prog.WorkerId) {
			r.onProgress(prog, true)
		}
	default:
		r.malformed(m)
	}
}

// malformed counts what nobody can take, and sees to it that a stream does not bring it again.
func (r *Runner) malformed(m bus.Msg) {
	r.metrics.malformed.Inc()
	if m.Kept {
		r.settleKept(m.Reply, true)
	}
}

// finalStatus tells whether a result says how an attempt ended. Some say what state they believe a job to be in.
func finalStatus(s wire.JobStatus) bool {
	return s != wire.JobStatus_JOB_STATUS_UNSPECIFIED && s >= wire.JobStatus_JOB_STATUS_SUCCEEDED
}

// takePlain gives a result to its job. Nobody waits for the answer, so what cannot be taken now is taken again later.
func (r *Runner) takePlain(m bus.Msg, p *wire.BusPacket) {
	res := p.GetJobResult()
	if !finalStatus(res.GetStatus()) || !r.admitPlain(p, res.WorkerId) {
		r.malformed(m)
		return
	}
	r.crash(CrashResult)
	r.progress.release(res.JobId, nil, res.WorkerId)
	r.plain.take(m, res)
}

// vouched tells whether a worker's word without a token is about the send under way, given to one that has none, and answers
// the token it would have named.
func (lr *live) vouched(step int32, attempt string) ([]byte, bool) {
	j := lr.jobs[step]
	if !j.CAP || j.State != scheduler.JobRunning || lr.attemptID(step) != attempt {
		return nil, false
	}
	return j.Token, true
}

// plainResult is a result on its way through the lane: first it is vouched for, then its output is fetched where it lies
// elsewhere, then it is one like any other.
func (t *turn) plainResult(step int32, a *arrival) {
	r := t.lane.r
	token, ok := t.live.vouched(step, a.res.JobId)
	if !ok || !r.mayServe(a.res.WorkerId, t.live.jobs[step].Topic) {
		r.ack(a.reply, wire.AckCode_ACK_CODE_STALE, "")
		return
	}
	if t.live.run.Fault != "" {
		r.ack(a.reply, wire.AckCode_ACK_CODE_RETRY, "")
		return
	}
	a.res.Token = token
	if !r.fetches(a.res) {
		r.understand(a)
		t.arrived(step, a)
		return
	}
	if r.pointers.away.Load() {
		r.ack(a.reply, wire.AckCode_ACK_CODE_RETRY, "payloads cannot be reached")
		return
	}
	select {
	case r.keeping <- struct{}{}:
	default:
		r.ack(a.reply, wire.AckCode_ACK_CODE_RETRY, "too many results at a time")
		return
	}
	r.work.Go(func() {
		defer func() { <-r.keeping }()
		if !r.fetch(a) {
			r.ack(a.reply, wire.AckCode_ACK_CODE_RETRY, "")
			return
		}
		r.understand(a)
		r.receive(a)
	})
}

// understand brings a result into the shape that native workers send, and reads it.
func (r *Runner) understand(a *arrival) {
	readErrorCode(a.res)
	if pointer := a.res.ResultPtr; a.res.Status == wire.JobStatus_JOB_STATUS_SUCCEEDED && len(a.res.Output) == 0 && pointer != "" {
		a.res.Output = member("result_ptr", cutText(pointer, maxPointer)) // it is nobody's here to read
	}
	keepArtifacts(a.res)
	a.outcome, a.state = outcomeOf(a.res)
	a.outcome.Effect = a.outcome.Effect || a.spoilt
}

// fetches tells whether a result's output lies where the engine reads it.
func (r *Runner) fetches(res *wire.JobResult) bool {
	_, readable := readablePointer(res.ResultPtr, res.JobId)
	return readable && r.cfg.Pointers != nil && res.Status == wire.JobStatus_JOB_STATUS_SUCCEEDED && len(res.Output) == 0
}

// fetch reads the output that a result's pointer names; it is false when that cannot be read now. What cannot be an output is a
// failure.
func (r *Runner) fetch(a *arrival) bool {
	res := a.res
	key, _ := readablePointer(res.ResultPtr, res.JobId)
	data, found, err := r.readResult(key, res.JobId)
	switch {
	case err != nil:
		return false // it is tried again
	case !found:
		a.spoil(fmt.Sprintf("nothing is at the result pointer %.128s", res.ResultPtr))
	case len(data) > maxResult || validJSON(data): // too large a one is refused by its size
		res.Output = data
	case !utf8.Valid(data):
		a.spoil("what the result pointer names is neither JSON nor text")
	default:
		res.Output = member("result", string(data))
	}
	return true
}

// spoil makes a success whose output nobody can read a failure that says so, and that had its effect.
func (a *arrival) spoil(why string) {
	a.spoilt = true
	a.res.Status, a.res.ErrorCode, a.res.ErrorMessage = wire.JobStatus_JOB_STATUS_FAILED_FATAL, codeOutputInvalid, why
}

// member is an object of one member.
func member(name, text string) []byte {
	data, err := json.Marshal(map[string]string{name: strings.ToValidUTF8(text, "\uFFFD")})
	if err != nil {
		panic("runner: a text does not encode: " + err.Error()) // it always does
	}
	return data
}

// readablePointer answers the key that a result's pointer names, and whether it is for the engine to read: a result's, and not
// that of another job. Whoever knows a name that is nobody's job was told it.
func readablePointer(pointer, attempt string) (key string, ok bool) {
	key, is := strings.CutPrefix(pointer, pointerScheme)
	name, isResult := strings.CutPrefix(key, resultKey)
	if !is || !isResult || name == "" || len(key) > maxPointer {
		return "", false
	}
	if name == attempt {
		return key, true
	}
	first, _, _ := strings.Cut(name, "/")
	if first == attempt {
		return key, true
	}
	return key, !id.IsRun(id.RunOf(first))
}

// keepArtifacts puts what a worker stored elsewhere beside its output, as names: nobody here reads them.
func keepArtifacts(res *wire.JobResult) {
	list := res.ArtifactPtrs
	if len(list) == 0 || res.Status != wire.JobStatus_JOB_STATUS_SUCCEEDED {
		return
	}
	list = list[:min(len(list), maxArtifacts)]
	for i := range list {
		list[i] = cutText(list[i], maxPointer)
	}
	names, err := json.Marshal(list)
	if err != nil {
		return // strings always encode
	}
	var fields map[string]json.RawMessage
	switch {
	case len(res.Output) == 0:
		fields = map[string]json.RawMessage{}
	case json.Unmarshal(res.Output, &fields) != nil || fields == nil:
		fields = map[string]json.RawMessage{"result": res.Output}
	}
	if _, taken := fields["artifact_ptrs"]; taken {
		return
	}
	fields["artifact_ptrs"] = names
	if with, err := json.Marshal(fields); err == nil {
		res.Output = with
	}
}
