package runner

import (
	"slices"
	"time"

	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/scheduler"
)

// announce offers a released attempt to the fleet after the commit.
func (t *turn) announce(step int32) {
	if t.live.run.Paused {
		return // resume announces it
	}
	attempt := t.live.attemptID(step)
	if pause := resendPause(t.live.jobs[step]); pause > 0 {
		t.lane.later(pause, task{run: t.live.id, tenant: t.live.run.Tenant, do: func(t *turn) { t.offer(step, attempt) }})
		return
	}
	t.offer(step, attempt)
}

// offer does so if the attempt is still to be had.
func (t *turn) offer(step int32, attempt string) {
	j := t.live.jobs[step]
	if t.live.run.Paused || j == nil || j.State != scheduler.JobScheduled || t.live.attemptID(step) != attempt {
		return
	}
	t.tellFleet(move{kind: moveAnnounce, attempt: attempt, at: t.live.place(t.lane, step), request: t.live.demand(step)})
}

// resendPause is how long a released attempt waits before it is offered: not at all, unless one worker after the other was
// sent it and did not begin. That costs no attempt, so nothing else ends it, and each time costs the run's log an event.
func resendPause(j *scheduler.Job) time.Duration {
	free := int(j.Send - j.Attempt) // of each attempt one send was begun
	if free <= PatientSends {
		return 0
	}
	return min(resendFirst<<min(free-PatientSends-1, 16), ResendMost)
}

// demand is what the fleet must know of a released attempt.
func (lr *live) demand(step int32) scheduler.Request {
	spec, j := lr.run.Spec(step), lr.jobs[step]
	r := scheduler.Request{
		Attempt: lr.attemptID(step), Token: j.Token, Tenant: lr.run.Tenant, Topic: j.Topic, Requires: spec.Def.Requires,
		PreferredWorker: spec.Def.PreferredWorkerID, PreferredPool: spec.Def.PreferredPool,
		Priority: spec.Priority, ReleasedAt: j.CreatedAt,
	}
	placed(&r, lr.run.JobLabels(step))
	return r
}

// announceScheduled offers every released attempt that nobody has.
func (t *turn) announceScheduled() {
	for i, j := range t.live.jobs {
		if j != nil && j.State == scheduler.JobScheduled {
			t.announce(int32(i))
		}
	}
	t.touch()
}

// withholdJobs takes attempts that no worker has yet out of the queue: a paused run starts nothing new. One that has limits is
// released again by the resume: until then others may have them.
func (t *turn) withholdJobs() {
	for i, j := range t.live.jobs {
		if j != nil && j.State == scheduler.JobScheduled {
			t.withholdPaused(int32(i))
		}
	}
}

func (t *turn) withholdPaused(step int32) {
	lr := t.live
	t.tellFleet(move{kind: moveEnded, attempt: lr.attemptID(step)})
	lr.ids[step].withheld++
	if len(lr.wants(t.lane.r, step)) > 0 {
		t.job(step, scheduler.Withhold{Reason: "its run is paused"}, nil)
		t.unreserve(step)
	}
}

// stopJob asks a job to end: at once when no worker was sent it, by its worker's answer otherwise.
func (t *turn) stopJob(f *engine.JobStopAsked) {
	j := t.live.jobs[f.Step]
	if j == nil || j.State.Final() || t.live.run.Steps[f.Step].State != engine.StepRunning {
		return // closeJob has it
	}
	t.job(f.Step, scheduler.Stop{Force: f.Force, Held: j.Holds()}, nil)
}

// closeJob ends the job of a step that ended without its worker's answer: total_timeout. What the worker still says is
// late; that no worker had begun it is an answer, too.
func (t *turn) closeJob(step int32) {
	j := t.live.jobs[step]
	if j == nil || j.State.Final() {
		return
	}
	attempt := j.Attempt
	if ruling := t.job(step, scheduler.Abandon{}, nil); !ruling.Unknown && t.live.run.UnknownAttempt(step, attempt) {
		t.inputs = append(t.inputs, engine.Late{Stamp: t.system("it had not begun"), Step: step, Attempt: attempt, Result: engine.ResultCancelled})
	}
}

// granted sends an attempt to the worker that the fleet chose, if it is still to be sent. Which worker it was is a soft
// fact, written with the run's next commit.
func (t *turn) granted(step int32, g scheduler.Grant) {
	lr := t.live
	j := lr.jobs[step]
	if j == nil || j.Begun || j.Cancel || (j.State != scheduler.JobScheduled && j.State != scheduler.JobDispatched) ||
		lr.attemptID(step) != g.Attempt || !lr.serves(step) || lr.run.Paused {
		t.lane.moves = append(t.lane.moves, move{kind: moveEnded, attempt: g.Attempt})
		return // a resume announces it again
	}
	if why := t.leave(step); why != "" {
		t.lane.moves = append(t.lane.moves, move{kind: moveEnded, attempt: g.Attempt})
		t.withhold(step, why)
		return
	}
	t.lane.r.crash(CrashCommitted)
	lr.ids[step].sentAt = time.Time{}
	if !g.Native {
		t.handOver(step, g)
		return
	}
	if lr.notedFirst(step) {
		t.given(step, g, false)
		t.after(func() {
			if j.Worker == g.Worker && j.State == scheduler.JobDispatched && lr.attemptID(step) == g.Attempt {
				t.sendNoted(step, g)
			}
		})
		return
	}
	t.send(step, g)
	t.given(step, g, true)
	t.lane.r.crash(CrashSent)
}

// sendNoted sends an attempt whose worker is durable, unless what was decided of it has changed meanwhile: then it is as if
// the worker had given it back, and one that was to stop ends.
func (t *turn) sendNoted(step int32, g scheduler.Grant) {
	l, lr := t.lane, t.live
	stopped, why := lr.jobs[step].Cancel, t.leave(step)
	if !stopped && why == "" {
		t.send(step, g)
		l.r.crash(CrashSent)
		return
	}
	l.inbox.push(task{run: lr.id, tenant: lr.run.Tenant, do: func(t *turn) {
		j := t.live.jobs[step]
		if j == nil || j.State != scheduler.JobDispatched || j.Begun || t.live.attemptID(step) != g.Attempt {
			return
		}
		switch {
		case stopped:
			t.job(step, scheduler.Stop{Force: true}, nil)
			t.settle()
		case t.live.serves(step):
			t.tellFleet(move{kind: moveEnded, attempt: g.Attempt})
			t.withhold(step, why)
		}
	}})
}

// notedFirst tells whether who gets an attempt is durable before it is sent: where a worker may begin without leave, and even if
// this process dies in between what it did has to be undone, or nobody else may come under the fencing token that it has.
func (lr *live) notedFirst(step int32) bool {
	spec := lr.run.Spec(step)
	undone := spec.Undo != nil && !lr.run.IsUndo(step)
	return spec.Idempotent && (undone || lr.jobs[step].Lock != "")
}

func (t *turn) send(step int32, g scheduler.Grant) {
	if err := t.lane.r.dispatch.send(t.live, step, g, &t.lane.buf); err != nil {
		t.lane.log.Warn("attempt could not be sent", "run_id", t.live.id, "job_id", g.Attempt, "worker_id", g.Worker, "error", err)
		t.lane.oversized(t.live.id, t.live.run.Tenant, step, g.Attempt, err)
	}
	t.live.ids[step].sentAt = t.lane.r.now()
	t.lane.r.crash(CrashHalfSent)
}

// given notes who has an attempt: softly, where forgetting it costs nothing but another look.
func (t *turn) given(step int32, g scheduler.Grant, soft bool) {
	for _, f := range scheduler.Decide(t.live.jobs[step], step, t.now, t.live.terms(step), scheduler.Sent{Worker: g.Worker, Why: g.Why}).Facts {
		if t.err == nil {
			t.err = t.live.record(t.system(""), f, soft)
		}
	}
	t.touch()
}

// lost tells a job that the worker it was given to is gone.
func (t *turn) lost(step, send int32) {
	t.job(step, scheduler.Lost{Send: send, Token: t.nextToken(step)}, nil)
	t.settle()
}

// endRun lets go of what a run that is ended by force still has under way.
func (t *turn) endRun() {
	lr := t.live
	t.lane.r.metrics.runEnded(lr.run)
	t.unreserveAll()
	for _, step := range sortedKeys(lr.approvals) {
		t.closeApproval(t.system("the run has ended"), step)
	}
	for i, j := range lr.jobs {
		if j == nil || j.State.Final() || j.Send == 0 || lr.run.IsUndo(int32(i)) {
			continue
		}
		attempt := lr.attemptID(int32(i))
		t.tellCancel(lr.attemptOf(int32(i)))
		t.tellFleet(move{kind: moveEnded, attempt: attempt})
	}
}

// adopted notes that a worker's heartbeat lists an attempt: it has it, and took it, where that needs no leave. Its word of that
// is said once and may have been lost, and the attempt's clock starts with it.
func (t *turn) adopted(step int32, g scheduler.Grant) {
	lr, j := t.live, t.live.jobs[step]
	if lr.attemptID(step) != g.Attempt || j.Begun || (j.State != scheduler.JobScheduled && j.State != scheduler.JobDispatched) {
		return
	}
	if j.State == scheduler.JobScheduled {
		t.given(step, g, true)
	}
	if lr.run.Spec(step).Idempotent && !j.Cancel && lr.serves(step) {
		t.softJob(step, scheduler.Begin{Token: j.Token, Worker: g.Worker})
	}
}

// orphaned takes a worker's loss to the job. A faulted run learns of it when it goes on.
func (t *turn) orphaned(step int32, lost scheduler.LostJob) {
	lr := t.live
	if lr.attemptID(step) != lost.Attempt || lr.jobs[step].State.Final() || lr.run.Fault != "" {
		return
	}
	t.lost(step, lr.jobs[step].Send)
}

// recover takes up a run whose owner is new.
func (t *turn) recover() {
	lr := t.live
	t.tellAll() // a commit that was done, and answered with an error, told nobody
	if lr.run.State == engine.RunPending && t.lane.r.keys.holds(lr.key, lr.id) {
		_ = t.decide(engine.Admit{Stamp: t.system("its concurrency key is free")})
		return
	}
	t.refence()
	t.settle()
	t.recoverCAP()
	t.takeUp()
	t.pendingJobs()
	t.settle()
}

// takeUp goes on with what a run has under way, for a new owner or after a pause or a fault: a worker that is known to have
// an attempt gets a lease to show up in; what nobody is known to have is announced, when workers have had time to say
// what they have.
func (t *turn) takeUp() {
	l, lr := t.lane, t.live
	if !lr.active() {
		return
	}
	t.after(func() { l.askNested(lr) })
	for i, j := range lr.jobs {
		if j != nil && j.Holds() {
			t.adoptHolder(int32(i))
		}
	}
	if lr.run.More() {
		t.goOn()
	}
	if l.r.settling(lr.part) {
		l.later(recoverGrace, task{run: lr.id, tenant: lr.run.Tenant, do: (*turn).announceScheduled})
		t.touch()
		return
	}
	t.announceScheduled()
}

// adoptHolder tells the fleet which worker has a job, and the worker that it should stop if that was asked before.
func (t *turn) adoptHolder(step int32) {
	lr, j := t.live, t.live.jobs[step]
	if j.Worker != "" { // else whoever listened on its topic has it, and nobody says who that was
		t.tellFleet(move{kind: moveAdopt, attempt: lr.attemptID(step), worker: j.Worker, at: lr.place(t.lane, step), request: lr.demand(step)})
	}
	if j.Cancel {
		t.tellCancel(lr.attemptOf(step))
	}
}

// softJob gives a job an input whose facts nobody waits for: they are written with the run's next commit, or soon.
func (t *turn) softJob(step int32, in scheduler.JobInput) {
	ruling := scheduler.Decide(t.live.jobs[step], step, t.now, t.live.terms(step), in)
	for _, f := range ruling.Facts {
		if t.err == nil {
			t.err = t.live.record(t.system(""), f, true)
		}
	}
	t.touch()
}

// returned takes an attempt back that its worker did not begin: it is released again, under a new token, at no attempt's
// cost. What was sent to a topic counts as begun before it is sent; that it was given back says that it is not.
func (t *turn) returned(step int32, b *wire.JobReturn) scheduler.Ruling {
	lr, j := t.live, t.live.jobs[step]
	byTopic := j.CAP && j.Worker == ""
	if !j.Mine(b.Token) || (j.Begun && !byTopic) || !lr.serves(step) {
		return scheduler.Ruling{Reply: scheduler.ReplyStale}
	}
	attempt := lr.attemptID(step)
	t.tellFleet(move{kind: moveReturned, attempt: attempt, worker: b.WorkerId, reason: b.Reason})
	if j.Cancel {
		ruling := t.job(step, scheduler.Stop{Force: true}, nil)
		ruling.Reply = scheduler.ReplyOK
		return ruling
	}
	t.tellFleet(move{kind: moveEnded, attempt: attempt})
	if byTopic {
		t.job(step, scheduler.Posted{Send: j.Send, Unheard: true}, nil)
		t.forgetPointers(attempt)
	}
	t.record(t.system("given back: "+clip(b.Reason)), &scheduler.JobReleased{
		Step: step, Send: j.Send + 1, Token: t.nextToken(step),
		QueueAt: lr.timers.decided(timerRef{uint8(scheduler.TimerQueue), step}),
	})
	t.announce(step)
	return scheduler.Ruling{Reply: scheduler.ReplyOK}
}

// lateOnce tells whether a late result is to be noted: each once, and not more than a few of a run but for those that say
// what was unknown.
func (t *turn) lateOnce(res *wire.JobResult, settles bool) bool {
	lr, said := t.live, res.JobId+"\x00"+string(res.Token)
	if !settles && len(lr.late) >= maxLate || slices.Contains(lr.late, said) {
		return false
	}
	lr.late = append(lr.late, said)
	return true
}
