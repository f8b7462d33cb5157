package runner

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/wire"
	"cordum.dev/cordum/scheduler"
)

// This file is how an attempt goes to a worker that knows CAP and no more: one whose heartbeats list nothing, or whoever
// listens on the topic when nobody alive is known to serve it. That it goes is durable before it is sent, as nobody will ask
// for leave; its input lies where its pointer says. cap_result.go is what comes back.

// Pointers holds payloads where plain CAP workers look for them, under keys of a Redis. It is safe for concurrent use, and all
// of what it holds may be lost.
type Pointers interface {
	// Put keeps a value for a time; 0 is as long as CAP says.
	Put(ctx context.Context, key string, value []byte, ttl time.Duration) error
	// Get answers a value, and whether there is one. Of a value with more than most bytes come one more than that.
	Get(ctx context.Context, key string, most int) (value []byte, found bool, err error)
	// Done says that the engine needs these no more. It does not wait.
	Done(keys ...string)
}

// Streams keeps what is published, for those who fire and forget.
type Streams interface {
	// Publish publishes a job, with a reply subject; it is kept once under its id.
	Publish(subject, reply, id string, data []byte) error
	// Results hands over every kept result until it is settled.
	Results(h bus.Handler) (bus.Subscription, error)
}

// Keys of payloads.
const (
	pointerScheme = "redis://"
	inputKey      = "ctx:" // of an attempt
	resultKey     = "res:" // of an attempt, by custom
)

// handOver gives an attempt to a worker of plain CAP, or to its topic.
func (t *turn) handOver(step int32, g scheduler.Grant) {
	lr, r := t.live, t.lane.r
	subject := r.capSubject(g)
	if r.pointers.away.Load() || r.bus.Unheard(subject) || (g.Worker == "" && !r.topicReady(g.Topic)) {
		t.lane.moves = append(t.lane.moves, unheardMove(g))
		return
	}
	if g.ByTopic && !g.Asked { // it may be a worker whose first heartbeat is on its way: what plain CAP costs is not for it
		r.dispatch.askWho()
		t.lane.moves = append(t.lane.moves, move{kind: moveStranger, attempt: g.Attempt})
		return
	}
	timeout := lr.attemptTimeout(step)
	switch {
	case timeout > 0:
	case g.Worker == "":
		timeout = topicTimeout
	default:
		timeout = plainTimeout
	}
	in := scheduler.HandOver{Worker: g.Worker, Why: g.Why, Timeout: timeout}
	for _, f := range scheduler.Decide(lr.jobs[step], step, t.now, lr.terms(step), in).Facts {
		t.record(t.system(""), f)
	}
	t.touch()
	t.reply(func(err error) {
		if err != nil { // no heartbeat will say that nobody has it
			t.lane.doubt(lr.id, g.Attempt)
		}
	})
	t.after(func() { t.post(step, g, subject, timeout) })
}

// capSubject is where an attempt is sent: to the worker itself where somebody is known to listen for it, else to the topic.
func (r *Runner) capSubject(g scheduler.Grant) string {
	own := bus.WorkerJobs(g.Worker)
	switch {
	case g.Worker == "":
	case g.Direct:
		return own
	case r.bus.Unheard(nobodyListens) && !r.bus.Unheard(own): // it can be told who listens, and the worker does
		return own
	}
	return g.Topic
}

// nobodyListens is a subject that nobody ever listens on: whether that can be told says whether anything can.
const nobodyListens = bus.InboxPrefix + ".nobody"

// unheardMove tells the fleet that nobody listened: of a topic it tries again later, a worker gets nothing before it beats
// again.
func unheardMove(g scheduler.Grant) move {
	if g.Worker == "" {
		return move{kind: moveUnheard, attempt: g.Attempt}
	}
	return move{kind: moveReturned, attempt: g.Attempt, worker: g.Worker, reason: scheduler.ReturnedUnknown}
}

// post sends an attempt that is durably begun, unless what was decided of it has changed meanwhile: then nobody gets it.
func (t *turn) post(step int32, g scheduler.Grant, subject string, timeout time.Duration) {
	l, lr, r := t.lane, t.live, t.lane.r
	j := lr.jobs[step]
	if j == nil || !j.CAP || j.State != scheduler.JobRunning || lr.attemptID(step) != g.Attempt {
		return
	}
	settle := func(unheard bool) { l.inbox.push(postedTask(lr.id, step, g, unheard)) }
	if j.Cancel || t.leave(step) != "" {
		settle(true)
		return
	}
	packet := r.dispatch.packet(lr, step)
	lr.forCAP(packet.GetJobRequest(), step, timeout)
	input := capInput(lr, step)
	if r.cfg.Pointers != nil {
		packet.GetJobRequest().ContextPtr = pointerScheme + inputKey + g.Attempt
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(packet)
	if err != nil {
		l.log.Error("attempt could not be encoded", "job_id", g.Attempt, "error", err)
		settle(true)
		return
	}
	r.metrics.topic(j.Topic).dispatched.Inc()
	r.metrics.latency.Observe(r.now().Sub(j.AskedAt).Seconds())
	tenant := lr.run.Tenant
	r.work.Go(func() {
		err := r.postNow(g.Attempt, subject, data, input)
		if err != nil {
			l.log.Warn("attempt could not be sent", "run_id", lr.id, "job_id", g.Attempt, "worker_id", g.Worker, "error", err)
		}
		if !l.oversized(lr.id, tenant, step, g.Attempt, err) {
			settle(err != nil)
		}
	})
}

// postNow puts the input where its pointer says and sends the packet. An error means that nobody got it.
func (r *Runner) postNow(attempt, subject string, data, input []byte) error {
	if r.cfg.Pointers != nil {
		if err := r.putInput(attempt, input); err != nil {
			return err
		}
	}
	reply := r.unheardInbox + attempt
	var err error
	if r.cfg.Streams != nil {
		err = r.cfg.Streams.Publish(subject, reply, attempt, data)
	} else {
		err = r.bus.PublishRequest(subject, reply, data)
	}
	if err == nil {
		r.crash(CrashSent)
	}
	return err
}

// postedTask tells a job what became of its sending.
func postedTask(run string, step int32, g scheduler.Grant, unheard bool) task {
	return task{run: run, do: func(t *turn) {
		if j := t.live.jobs[step]; j != nil && j.CAP && t.live.attemptID(step) == g.Attempt {
			t.posted(step, g, unheard)
		}
	}}
}

func (t *turn) posted(step int32, g scheduler.Grant, unheard bool) {
	j := t.live.jobs[step]
	in := scheduler.Posted{Send: j.Send, Unheard: unheard}
	if !unheard {
		t.live.ids[step].sentAt = t.now
		t.softJob(step, in)
		return
	}
	ruling := t.job(step, in, nil)
	if len(ruling.Facts) > 0 && ruling.End == scheduler.NotEnded {
		switch why := t.leave(step); {
		case t.live.run.Paused:
			t.withholdPaused(step)
		case why != "":
			t.tellFleet(move{kind: moveEnded, attempt: g.Attempt})
			t.withhold(step, why)
		default:
			t.tellFleet(unheardMove(g))
		}
	}
	t.settle()
}

// onUnheard takes the server's word that nobody listened where an attempt was sent.
func (r *Runner) onUnheard(m bus.Msg) {
	if !m.NoResponders {
		return // a stream says that it kept it
	}
	attempt := strings.TrimPrefix(m.Subject, r.unheardInbox)
	r.onJob("", attempt, nil, func(t *turn, step int32) {
		if j := t.live.jobs[step]; j.CAP && t.live.attemptID(step) == attempt {
			t.posted(step, scheduler.Grant{Attempt: attempt, Worker: j.Worker}, true)
		}
	})
}

// recoverCAP takes up attempts that were recorded as begun, of a run whose owner is new. One that is not known to have left is
// sent again when that can do no harm, and has a clock when it could: it may have left, and its answer is awaited. Inputs are
// put where their pointers say, as they may be lost.
func (t *turn) recoverCAP() {
	lr, r := t.live, t.lane.r
	for i, j := range lr.jobs {
		step := int32(i)
		if j == nil || !j.CAP || j.State != scheduler.JobRunning {
			continue
		}
		attempt := timerRef{uint8(scheduler.TimerAttempt), step}
		switch _, timed := lr.timers.due[attempt]; {
		case j.Posted:
		case lr.run.Spec(step).Idempotent:
			t.tellFleet(move{kind: moveEnded, attempt: lr.attemptID(step)}) // a fleet of before takes it for sent
			t.job(step, scheduler.Posted{Send: j.Send, Unheard: true}, nil)
			t.settle()
			continue
		case !timed:
			lr.timers.set(attempt, t.now.Add(topicTimeout))
		}
		if r.cfg.Pointers == nil {
			continue
		}
		attemptID, input := lr.attemptID(step), capInput(lr, step)
		r.work.Go(func() {
			if err := r.putInput(attemptID, input); err != nil {
				t.lane.log.Warn("input could not be put where its pointer says", "job_id", attemptID, "error", err)
			}
		})
	}
}

// forgetPointers says that the payloads of an attempt that has ended are needed no more.
func (t *turn) forgetPointers(attempt string) {
	if p := t.lane.r.cfg.Pointers; p != nil {
		t.after(func() { p.Done(inputKey+attempt, resultKey+attempt) })
	}
}

// capInput is what a plain CAP worker finds as its input: the job's, with the item beside its fields where there is one.
func capInput(lr *live, step int32) []byte {
	input := inputOf(lr, step)
	item, _, has := lr.run.Item(step)
	if !has {
		return input
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(input, &fields) != nil || fields == nil {
		return input
	}
	if _, taken := fields["item"]; taken {
		return input
	}
	value, err := json.Marshal(item)
	if err != nil {
		return input // JSON that was read before
	}
	fields["item"] = value
	with, err := json.Marshal(fields)
	if err != nil {
		return input
	}
	return with
}

// forCAP makes a request fit for a plain CAP worker: it asks nothing, and finds in its environment what it would be told.
func (lr *live) forCAP(req *wire.JobRequest, step int32, timeout time.Duration) {
	req.AskBegin, req.AskAccept, req.LogLines = false, false, 0
	if timeout > 0 {
		req.TimeoutMs = max(timeout.Milliseconds(), 1)
		req.Budget = &wire.Budget{DeadlineMs: req.TimeoutMs}
	}
	if req.Env == nil {
		req.Env = make(map[string]string)
	}
	for _, name := range []string{"team_id", "project_id", "memory_id"} {
		if v := lr.run.Labels[name]; v != "" {
			req.Env[name] = v
		}
	}
	req.MemoryId = lr.run.Labels["memory_id"]
	req.Env["tenant_id"], req.Env["workflow_id"], req.Env["run_id"], req.Env["step_id"] = req.TenantId, req.WorkflowId, req.RunId, req.StepId
	if item, index, has := lr.run.Item(step); has {
		req.Env["foreach_index"] = strconv.Itoa(index)
		if value, err := json.Marshal(item); err == nil && len(value) <= maxEnvItem {
			req.Env["foreach_item"] = string(value)
		}
	}
	if state := lr.jobs[step].Progress; len(state) > 0 {
		req.Env["CORDUM_PROGRESS_STATE"] = string(state)
	}
}
