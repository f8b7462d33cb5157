package runner

import (
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/scheduler"
)

// scratch are buffers that a lane uses again and again.
type scratch struct {
	packet, entry, fact []byte
}

// send publishes an attempt to the worker that got it.
func (d *dispatch) send(lr *live, step int32, g scheduler.Grant, buf *scratch) error {
	packet := d.packet(lr, step)
	var err error
	buf.packet, err = proto.MarshalOptions{}.MarshalAppend(buf.packet[:0], packet)
	if err != nil {
		return err
	}
	subject := g.Topic
	if g.Direct {
		subject = bus.WorkerJobs(g.Worker)
	}
	j := lr.jobs[step]
	d.r.metrics.topic(j.Topic).dispatched.Inc()
	d.r.metrics.latency.Observe(d.r.now().Sub(j.AskedAt).Seconds())
	return d.r.bus.Publish(subject, buf.packet)
}

// packet is the attempt as its worker sees it.
func (d *dispatch) packet(lr *live, step int32) *wire.BusPacket {
	s, j := lr.run.Spec(step), lr.jobs[step]
	def, timeout := s.Def, lr.attemptTimeout(step)
	packet := &wire.BusPacket{
		TraceId: lr.id, SenderId: d.r.cfg.Owner, CreatedAt: timestamppb.New(d.r.now()), ProtocolVersion: 1,
		Payload: &wire.BusPacket_JobRequest{JobRequest: &wire.JobRequest{
			JobId: lr.attemptID(step), Topic: j.Topic, Priority: wirePriority(s.Priority), TenantId: lr.run.Tenant,
			WorkflowId: lr.run.Workflow, StepIndex: lr.run.Steps[step].Def, Iteration: max(lr.run.Steps[step].Item, 0), PrincipalId: lr.run.StartedBy, Labels: lr.run.Labels,
			Meta: &wire.JobMetadata{
				TenantId: lr.run.Tenant, ActorId: lr.run.StartedBy, IdempotencyKey: lr.effectKey(step), PackId: j.Pack, Requires: def.Requires,
				Labels: effectLabels[s.Effect],
			},
			Token: j.Token, Input: inputOf(lr, step), AskBegin: !s.Idempotent,
			AskAccept:     s.Idempotent && (timeout > 0 || lr.queueTimeout(step) > 0 || def.HeartbeatTimeout > 0),
			AnswerSubject: bus.Part(int(lr.part)), Attempt: j.Attempt, TimeoutMs: timeout.Milliseconds(),
			ProgressState: j.Progress, LogLines: maxLogSent, JobHash: j.Hash, DecisionSnapshot: j.Snapshot, RunId: lr.id, StepId: def.ID,
			Traceparent: d.r.traceparent(lr.id), Locks: lr.lockHolds(step),
		}},
	}
	d.r.constrain(packet.GetJobRequest(), lr, step)
	return packet
}

// effectLabels tell workers what a step claims to do to the world, so that one which does more refuses.
var effectLabels = map[dag.Effect]map[string]string{
	dag.EffectUnsaid: {effectLabel: "write"}, dag.EffectNone: {effectLabel: "none"}, dag.EffectRead: {effectLabel: "read"}, dag.EffectWrite: {effectLabel: "write"},
	dag.EffectIrreversible: {effectLabel: "irreversible"},
}

const effectLabel = "cordum.effect"

func inputOf(lr *live, step int32) []byte {
	if in := lr.run.Steps[step].Input.Data; len(in) > 0 {
		return in
	}
	return []byte("{}")
}

func wirePriority(p dag.Priority) wire.JobPriority {
	switch p {
	case dag.Critical:
		return wire.JobPriority_JOB_PRIORITY_CRITICAL
	case dag.Interactive:
		return wire.JobPriority_JOB_PRIORITY_INTERACTIVE
	}
	return wire.JobPriority_JOB_PRIORITY_BATCH
}

// cancel tells the worker that has an attempt to stop.
func (d *dispatch) cancel(a attemptOf) {
	packet := &wire.BusPacket{
		SenderId: d.r.cfg.Owner, CreatedAt: timestamppb.New(d.r.now()), ProtocolVersion: 1,
		Payload: &wire.BusPacket_JobCancel{JobCancel: &wire.JobCancel{JobId: a.id, Token: a.token, Reason: "cancelled", RequestedBy: d.r.cfg.Owner}},
	}
	data, err := proto.Marshal(packet)
	if err == nil {
		err = d.r.bus.Publish(bus.SubjectCancel, data)
	}
	if err != nil {
		d.r.cfg.Logger.Warn("cancel could not be sent", "job_id", a.id, "worker_id", a.worker, "error", err)
	}
}

// clip keeps what strangers say short in logs.
func clip(s string) string {
	if len(s) > 64 {
		s = s[:64]
	}
	return strings.ToValidUTF8(s, "?")
}
