package runner

import (
	"context"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/scheduler"
)

// recoverGrace is how long an owner that starts waits for workers to say what they have, before it gives released attempts
// away that nobody is known to have.
const recoverGrace = 1500 * time.Millisecond

// dispatch holds the one Fleet of the process: lanes announce released attempts to it, heartbeats feed it, and what it
// grants goes back to the lane of the attempt's run, which sends it.
type dispatch struct {
	r  *Runner
	mu sync.Mutex
	// fleet and watched are guarded by mu. watched are attempts whose step has a heartbeat timeout.
	fleet   *scheduler.Fleet
	watched map[string]int32
	bell    chan struct{} // rung when the fleet's next tick may have moved
}

func newDispatch(r *Runner) *dispatch {
	return &dispatch{
		r: r, fleet: scheduler.NewFleet(scheduler.Config{WorkerLease: r.cfg.WorkerLease}),
		watched: make(map[string]int32), bell: make(chan struct{}, 1),
	}
}

// change calls the fleet and hands on what it answers. from is the lane that calls, nil when none does: what concerns its own
// runs it gets at once.
func (d *dispatch) change(from *lane, call func(now time.Time, f *scheduler.Fleet) scheduler.Change) {
	d.mu.Lock()
	c := call(d.r.now(), d.fleet)
	d.mu.Unlock()
	for _, g := range c.Grants {
		d.toLane(from, g.Attempt, func(t *turn, step int32) { t.granted(step, g) })
	}
	for _, g := range c.Adopted {
		d.toLane(nil, g.Attempt, func(t *turn, step int32) { t.adopted(step, g) })
	}
	for _, lost := range c.Lost {
		d.r.cfg.Logger.Warn("worker lost", "worker_id", lost.Worker, "job_id", lost.Attempt, "reason", lost.Reason)
		d.toLane(nil, lost.Attempt, func(t *turn, step int32) { t.orphaned(step, lost) })
	}
	select {
	case d.bell <- struct{}{}:
	default:
	}
}

// toLane does something with an attempt's job on the lane of its run.
func (d *dispatch) toLane(from *lane, attempt string, do func(*turn, int32)) {
	ref, err := id.ParseJob(attempt)
	if err != nil {
		return
	}
	l := d.r.laneOf(ref.Run)
	if l == nil {
		return
	}
	t := task{run: ref.Run, do: func(t *turn) {
		step, ok := t.live.plan.ByID[ref.Step]
		if ok && t.live.jobs[step] != nil {
			do(t, int32(step))
		}
	}}
	if l == from {
		l.perform(context.Background(), &t)
		return
	}
	l.inbox.push(t)
}

func (d *dispatch) announce(from *lane, req scheduler.Request) {
	d.change(from, func(now time.Time, f *scheduler.Fleet) scheduler.Change { return f.Announce(now, req) })
}

func (d *dispatch) adopt(attempt, worker string) {
	d.change(nil, func(now time.Time, f *scheduler.Fleet) scheduler.Change { return f.Adopt(now, attempt, worker) })
}

func (d *dispatch) ended(attempt string) {
	d.change(nil, func(now time.Time, f *scheduler.Fleet) scheduler.Change {
		delete(d.watched, attempt)
		return f.Ended(now, attempt)
	})
}

func (d *dispatch) returned(attempt, worker, reason string) {
	d.change(nil, func(now time.Time, f *scheduler.Fleet) scheduler.Change {
		return f.Returned(now, attempt, worker, reason)
	})
}

func (d *dispatch) withdraw(attempt string) {
	d.change(nil, func(now time.Time, f *scheduler.Fleet) scheduler.Change {
		_, c := f.Withdraw(now, attempt)
		return c
	})
}

// holds tells whether a worker has the attempt, as far as is known.
func (d *dispatch) holds(attempt string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.fleet.Holder(attempt)
	return ok
}

// watch makes heartbeats that list an attempt end its worker's silence.
func (d *dispatch) watch(attempt string, step int32) {
	d.mu.Lock()
	d.watched[attempt] = step
	d.mu.Unlock()
}

// beat feeds a heartbeat.
func (d *dispatch) beat(b scheduler.Beat) {
	var heard []string
	d.change(nil, func(now time.Time, f *scheduler.Fleet) scheduler.Change {
		for _, h := range b.Holds {
			if _, ok := d.watched[h.Attempt]; ok {
				heard = append(heard, h.Attempt)
			}
		}
		c := f.Beat(now, b)
		if c.Refused != "" {
			d.r.cfg.Logger.Warn("heartbeat refused", "worker_id", clip(b.Worker), "reason", c.Refused)
		}
		return c
	})
	for _, attempt := range heard {
		d.toLane(nil, attempt, func(t *turn, step int32) {
			t.live.heard(step, t.now)
			t.lane.schedule(t.live)
		})
	}
}

// Run ticks the fleet when a lease or a wait is over.
func (d *dispatch) Run(ctx context.Context) error {
	for {
		d.mu.Lock()
		next := d.fleet.NextTick()
		d.mu.Unlock()
		wait := time.Minute
		if !next.IsZero() {
			wait = max(next.Sub(d.r.now()), time.Millisecond)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-d.bell:
			timer.Stop()
			continue
		case <-timer.C:
		}
		d.change(nil, func(now time.Time, f *scheduler.Fleet) scheduler.Change { return f.Tick(now) })
	}
}

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
	if lr.plan.Def.Steps[step].HeartbeatTimeout > 0 {
		d.watch(g.Attempt, step)
	}
	j := lr.jobs[step]
	d.r.metrics.dispatched.WithLabelValues(j.Topic).Inc()
	d.r.metrics.latency.Observe(d.r.now().Sub(j.AskedAt).Seconds())
	return d.r.bus.Publish(subject, buf.packet)
}

// packet is the attempt as its worker sees it.
func (d *dispatch) packet(lr *live, step int32) *wire.BusPacket {
	def, s, j := &lr.plan.Def.Steps[step], &lr.plan.Steps[step], lr.jobs[step]
	job := lr.jobID(step)
	return &wire.BusPacket{
		TraceId: lr.id, SenderId: d.r.cfg.Owner, CreatedAt: timestamppb.New(d.r.now()), ProtocolVersion: 1,
		Payload: &wire.BusPacket_JobRequest{JobRequest: &wire.JobRequest{
			JobId: lr.attemptID(step), Topic: j.Topic, Priority: wirePriority(s.Priority), TenantId: lr.run.Tenant,
			WorkflowId: lr.run.Workflow, StepIndex: step, PrincipalId: lr.run.StartedBy, Labels: lr.run.Labels,
			Meta: &wire.JobMetadata{
				TenantId: lr.run.Tenant, ActorId: lr.run.StartedBy, IdempotencyKey: job, PackId: j.Pack, Requires: def.Requires,
			},
			Token: j.Token, Input: inputOf(lr, step), AskBegin: !s.Idempotent,
			AskAccept:     s.Idempotent && (def.Timeout > 0 || def.QueueTimeout > 0 || def.HeartbeatTimeout > 0),
			AnswerSubject: bus.Part(int(lr.part)), Attempt: j.Attempt, TimeoutMs: def.Timeout.Milliseconds(),
			ProgressState: j.Progress, JobHash: j.Hash, DecisionSnapshot: j.Snapshot, RunId: lr.id, StepId: def.ID,
			Traceparent: d.r.traceparent(lr.id),
		}},
	}
}

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
		Payload: &wire.BusPacket_JobCancel{JobCancel: &wire.JobCancel{JobId: a.id, Token: a.token, Reason: "cancelled"}},
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
