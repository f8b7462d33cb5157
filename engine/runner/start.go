package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/steps"
	"cordum.dev/cordum/steps/expr"
	"cordum.dev/cordum/store"
)

// Start starts a run of a stored definition. It answers after the commit: an answer is never lost.
func (r *Runner) Start(ctx context.Context, c Caller, req StartRequest) (Started, error) {
	v, err := r.defs.version(ctx, c.Tenant, req.Workflow, req.Digest)
	if err != nil {
		return Started{}, err
	}
	plan, err := r.defs.plan(ctx, c.Tenant, v.Digest)
	if err != nil {
		return Started{}, err
	}
	return r.start(ctx, c, plan, engine.KindWorkflow, req)
}

// Rerun starts a new run from the same definition, input and context.
func (r *Runner) Rerun(ctx context.Context, c Caller, run string) (Started, error) {
	type source struct {
		req  StartRequest
		plan *steps.Workflow
		kind engine.Kind
	}
	from, err := readRun(ctx, r, c.Tenant, run, func(lr *live) (source, error) {
		return source{plan: lr.plan, kind: lr.run.Kind, req: StartRequest{
			Workflow: lr.run.Workflow, Digest: lr.plan.Def.Digest, Input: lr.run.Input.Data, Context: lr.run.Context.Data,
			Labels: lr.run.Labels, IdempotencyKey: c.Command, RerunOf: run,
		}}, nil
	})
	if err != nil {
		return Started{}, err
	}
	return r.start(ctx, c, from.plan, from.kind, from.req)
}

// start checks what was sent, keeps what is large, and gives the lane a run to make.
func (r *Runner) start(ctx context.Context, c Caller, plan *steps.Workflow, kind engine.Kind, req StartRequest) (Started, error) {
	plan, pinned, err := r.newestSchemas(ctx, plan)
	if err != nil {
		return Started{}, err
	}
	if err := checkStart(plan, req); err != nil {
		return Started{}, err
	}
	var once *onceKey
	scope, own := startKey(c, req.IdempotencyKey)
	if scope != "" {
		once = &onceKey{scope: scope, body: bodyHash(kind, plan, req), ttl: commandTTL}
	}
	if own {
		once.ttl = idempotencyTTL
	}
	run, err := r.runFor(c, once)
	if err != nil {
		return Started{}, err
	}
	in := engine.Submit{
		Tenant: c.Tenant, Workflow: plan.Def.ID, Kind: kind, RerunOf: req.RerunOf, ForkOf: req.fork.of, Labels: req.Labels,
		Roles: c.Roles, ActorType: c.ActorType, Owner: c.Owner, Keyed: req.IdempotencyKey != "", Build: r.build(),
		Author: r.defs.author(ctx, c.Tenant, plan), Timeout: r.timeouts().Workflows[plan.Def.ID].Run,
	}
	if in.Input, err = r.payload(ctx, run, c.Tenant, req.Input); err != nil {
		return Started{}, err
	}
	if in.Context, err = r.payload(ctx, run, c.Tenant, req.Context); err != nil {
		return Started{}, err
	}
	if in.Reused, err = r.keepReused(ctx, run, c.Tenant, req.fork.reused); err != nil {
		return Started{}, err
	}
	if err := r.mayHaveKey(ctx, c, run, scope, plan, in); err != nil {
		return Started{}, err
	}
	answer := newPromise[Started]()
	err = r.laneOf(run).inbox.offer(task{
		run: run, fresh: true, once: once, fail: answer.fail,
		do: func(t *turn) {
			if t.before != nil {
				t.replay(answer)
				return
			}
			err := t.make(c, plan, in, func(lr *live) {
				lr.pin(pinned)
				t.answerStart(answer, Started{RunID: lr.id, Workflow: plan.Def.ID, Digest: plan.Def.Digest})
			})
			if err != nil {
				answer.fail(err)
			}
		},
	})
	if err != nil {
		return Started{}, fmt.Errorf("start run: %w", err)
	}
	s, err := answer.wait(ctx)
	return r.started(run, once, s, err)
}

// make makes the run that the turn is about and starts it. begun, called before anything is decided, may add to what the
// commit writes and register who waits for it. An error says why there is no run; then nothing is stored.
func (t *turn) make(c Caller, plan *steps.Workflow, in engine.Submit, begun func(*live)) error {
	in.Stamp = t.by(c)
	if err := prepare(t.fresh, plan, &in); err != nil {
		return err
	}
	lr, err := newLive(t.fresh, plan)
	if err != nil {
		return err
	}
	lr.settings = &t.lane.r.fleet
	if err := t.takeKey(lr, plan.Def.Concurrency, &in); err != nil {
		return err
	}
	t.live = lr
	lr.run.Tenant = c.Tenant
	t.lane.runs[lr.id] = lr
	list := in.Workflow
	if in.Kind == engine.KindJob {
		list = allJobs
	}
	lr.extra.puts = append(lr.extra.puts, store.Put{Key: recentKey(c.Tenant, list, lr.id), Value: []byte{1}})
	if in.Kind == engine.KindJob {
		lr.extra.puts = append(lr.extra.puts, store.Put{Key: recentKey(c.Tenant, usedList(plan.Def.Digest), lr.id), Value: []byte{1}})
	}
	t.keep()
	begun(lr)
	_ = t.decide(in)
	return nil
}

func (t *turn) answerStart(answer promise[Started], started Started) {
	r := t.lane.r
	r.crash(CrashSubmitted)
	t.reply(func(err error) {
		if err != nil {
			answer.fail(err)
			return
		}
		r.crash(CrashStarted)
		answer.give(started)
	})
}

// replay answers a start whose idempotency key was used before for the same body: with its run, when that is durable.
func (t *turn) replay(answer promise[Started]) {
	started := Started{RunID: t.before.Run, Workflow: t.before.Workflow, Digest: t.before.Digest, Replayed: true}
	lr := t.lane.runs[started.RunID]
	if lr == nil || lr.committed > 0 {
		answer.give(started)
		return
	}
	t.live = lr // decided in this batch
	t.answerStart(answer, started)
}

// recentKey orders the runs of a workflow.
func recentKey(tenant, workflow, run string) store.Key {
	return store.Key{Table: store.TableRecent, Tenant: tenant, ID: workflow + "\x01" + run}
}

// bodyHash is what must be the same for a key to be answered again.
func bodyHash(kind engine.Kind, plan *steps.Workflow, req StartRequest) string {
	h := sha256.New()
	labels, _ := json.Marshal(req.Labels) // a map of strings always encodes, keys sorted
	for _, part := range []string{kind.String(), plan.Def.Digest, string(req.Input), string(req.Context), string(labels), req.RerunOf, req.fork.asked} {
		_, _ = h.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// checkStart refuses what cannot be a run's input, before anything is stored.
func checkStart(plan *steps.Workflow, req StartRequest) error {
	input, err := startJSON("input", req.Input)
	if err != nil {
		return err
	}
	about, err := startJSON("context", req.Context)
	if err != nil {
		return err
	}
	if _, ok := about.(map[string]any); !ok && about != nil {
		return &InvalidError{Code: "invalid_context", Message: "context must be an object"}
	}
	if len(req.Labels) > maxLabels {
		return &InvalidError{Code: "invalid_labels", Message: fmt.Sprintf("at most %d labels", maxLabels)}
	}
	for k, v := range req.Labels {
		if k == "" || len(k) > maxLabel || len(v) > maxLabel {
			return &InvalidError{Code: "invalid_labels", Message: fmt.Sprintf("label names and values have 1 to %d bytes", maxLabel)}
		}
	}
	if len(req.IdempotencyKey) > maxKey {
		return &InvalidError{Code: "invalid_idempotency_key", Message: fmt.Sprintf("an idempotency key has at most %d bytes", maxKey)}
	}
	if len(req.Input) == 0 {
		input = map[string]any{}
	}
	return fits(plan, input)
}

// startJSON reads what a start brings; absent is nil.
func startJSON(name string, raw json.RawMessage) (any, error) {
	if len(raw) > maxInput {
		return nil, &InvalidError{Code: "payload_too_large", Message: fmt.Sprintf("%s is larger than %d bytes", name, maxInput)}
	}
	v, err := expr.DecodeJSON(raw)
	if err != nil {
		return nil, &InvalidError{Code: "invalid_" + name, Message: name + " is not JSON that can be kept (depth at most 64)"}
	}
	return v, nil
}

// checkInput refuses an input that does not fit the definition's schema. It was decoded before.
func checkInput(plan *steps.Workflow, raw json.RawMessage) error {
	var input any = map[string]any{} // absent is empty
	if len(raw) > 0 {
		input, _ = expr.DecodeJSON(raw)
	}
	return fits(plan, input)
}

func fits(plan *steps.Workflow, input any) error {
	if err := plan.CheckInput(input); err != nil {
		return &InvalidError{Code: "invalid_input", Message: err.Error()}
	}
	return nil
}

// mergeLabels puts the run's labels over the definition's.
func mergeLabels(base, over map[string]string) map[string]string {
	if len(base) == 0 {
		return over
	}
	out := make(map[string]string, len(base)+len(over))
	for k, v := range base {
		out[k] = v
	}
	for k, v := range over {
		out[k] = v
	}
	return out
}

// payload keeps what is too large for a fact as a blob, before the commit that names it.
func (r *Runner) payload(ctx context.Context, run, tenant string, data json.RawMessage) (engine.Payload, error) {
	p := engine.Payload{Data: data}
	if len(data) <= inlinePayload {
		return p, nil
	}
	var err error
	if p.Blob, err = r.store.PutBlob(ctx, r.partOf(run), tenant, data); err != nil {
		return p, fmt.Errorf("keep payload: %w", errors.Join(ErrUnavailable, err))
	}
	return p, nil
}
