package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/codec"
	"cordum.dev/cordum/steps"
	"cordum.dev/cordum/steps/expr"
	"cordum.dev/cordum/store"
)

// Limits of a start.
const (
	// idempotencyTTL is how long an idempotency key is remembered (ARCHITECTURE §6).
	idempotencyTTL = 24 * time.Hour
	// inlinePayload is the largest payload kept in a fact; larger ones are blobs (ARCHITECTURE, "Limits").
	inlinePayload = 64 << 10
	// maxInput is the largest input or context of a run.
	maxInput  = 2 << 20
	maxLabels = 64
	maxLabel  = 256
	maxKey    = 256
)

// keyed is what an idempotency key was answered with.
type keyed struct {
	Body     string // hash of what was asked
	Run      string
	Workflow string
	Digest   string
	Expires  time.Time
}

// Fields describes the stored form; fields are only added at the end.
func (k *keyed) Fields(c *codec.Codec) {
	c.String(&k.Body)
	c.String(&k.Run)
	c.String(&k.Workflow)
	c.String(&k.Digest)
	c.Time(&k.Expires)
}

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
	var req StartRequest
	var plan *steps.Workflow
	var kind engine.Kind
	err := r.read(ctx, c.Tenant, run, func(lr *live) {
		plan, kind = lr.plan, lr.run.Kind
		req = StartRequest{
			Workflow: lr.run.Workflow, Digest: lr.plan.Def.Digest, Input: lr.run.Input.Data, Context: lr.run.Context.Data,
			Labels: lr.run.Labels, IdempotencyKey: c.Command, RerunOf: run,
		}
	})
	if err != nil {
		return Started{}, err
	}
	return r.start(ctx, c, plan, kind, req)
}

// start checks what was sent, keeps what is large, and gives the lane a run to make.
func (r *Runner) start(ctx context.Context, c Caller, plan *steps.Workflow, kind engine.Kind, req StartRequest) (Started, error) {
	if err := checkStart(plan, req); err != nil {
		return Started{}, err
	}
	scope := ""
	if req.IdempotencyKey != "" {
		scope = c.Tenant + "\x01" + c.Actor + "\x01" + req.IdempotencyKey
	}
	run := r.newRun(scope)
	in := engine.Submit{
		Tenant: c.Tenant, Workflow: plan.Def.ID, Kind: kind, RerunOf: req.RerunOf, Labels: mergeLabels(plan.Def.Labels, req.Labels),
	}
	var err error
	if in.Input, err = r.payload(ctx, run, c.Tenant, req.Input); err != nil {
		return Started{}, err
	}
	if in.Context, err = r.payload(ctx, run, c.Tenant, req.Context); err != nil {
		return Started{}, err
	}
	started := Started{RunID: run, Workflow: plan.Def.ID, Digest: plan.Def.Digest}
	answer := make(chan error, 1)
	offered := r.laneOf(run).inbox.offer(task{
		run: run, fresh: true,
		fail: func(err error) { answer <- err },
		do: func(t *turn) {
			if scope != "" && t.replayed(scope, bodyHash(kind, plan, req), &started, func(err error) { answer <- err }) {
				return
			}
			t.submit(c, plan, in, func(err error) { answer <- err })
		},
	})
	if !offered {
		return Started{}, fmt.Errorf("start run: %w", ErrOverloaded)
	}
	if err := await(ctx, answer); err != nil {
		return Started{}, err
	}
	return started, nil
}

// submit makes the run.
func (t *turn) submit(c Caller, plan *steps.Workflow, in engine.Submit, answer func(error)) {
	lr, err := newLive(t.fresh, plan)
	if err != nil {
		answer(err)
		return
	}
	t.live = lr
	lr.run.Tenant = c.Tenant
	t.lane.runs[lr.id] = lr
	in.Stamp = t.by(c)
	if in.Kind == engine.KindWorkflow {
		lr.extra.puts = append(lr.extra.puts, store.Put{Key: recentKey(c.Tenant, in.Workflow, lr.id), Value: []byte{1}})
	}
	if t.key != nil {
		t.keepKey(c.Tenant)
	}
	t.reply(answer)
	_ = t.decide(in)
}

// recentKey orders the runs of a workflow.
func recentKey(tenant, workflow, run string) store.Key {
	return store.Key{Table: store.TableRecent, Tenant: tenant, ID: workflow + "\x01" + run}
}

// replayed answers a start whose idempotency key was used before: by the same body with its run, by another with an error.
func (t *turn) replayed(scope, body string, started *Started, answer func(error)) bool {
	l := t.lane
	part := l.r.partOf(t.fresh)
	known, seen := l.keys[scope]
	if !seen {
		rec, err := l.r.store.Get(t.ctx, part, commandKey(scope))
		if err == nil {
			seen = codec.Decode(rec.Value, &known) == nil && known.Expires.After(t.now)
		} else if !errors.Is(err, store.ErrNotFound) {
			answer(fmt.Errorf("idempotency key: %w", errors.Join(ErrUnavailable, err)))
			return true
		}
	}
	if !seen {
		t.key = &keyed{Body: body, Run: t.fresh, Workflow: started.Workflow, Digest: started.Digest, Expires: t.now.Add(idempotencyTTL)}
		t.scope = scope
		return false
	}
	if known.Body != body {
		answer(fmt.Errorf("idempotency key: %w", ErrIdempotency))
		return true
	}
	*started = Started{RunID: known.Run, Workflow: known.Workflow, Digest: known.Digest, Replayed: true}
	if lr := l.runs[known.Run]; lr != nil && lr.committed == 0 {
		t.live = lr
		t.reply(answer) // decided in this batch: not durable yet
		return true
	}
	answer(nil)
	return true
}

// keepKey remembers the key in the commit that it caused.
func (t *turn) keepKey(tenant string) {
	t.lane.keys[t.scope] = *t.key
	key := commandKey(t.scope)
	t.live.extra.puts = append(t.live.extra.puts,
		store.Put{Key: key, Value: encode(t.key)},
		store.Put{Key: store.Key{Table: store.TableDedupe, Tenant: "system", ID: dueID(t.key.Expires) + key.ID}, Value: []byte(tenant)})
}

// commandKey hides what the caller sent behind a digest: any bytes may be in a key.
func commandKey(scope string) store.Key {
	sum := sha256.Sum256([]byte(scope))
	return store.Key{Table: store.TableCommand, Tenant: "system", ID: "start/" + hex.EncodeToString(sum[:])}
}

// dueID orders by time in byte order.
func dueID(t time.Time) string { return fmt.Sprintf("%016x/", uint64(t.UnixNano())) }

// bodyHash is what must be the same for a key to be answered again.
func bodyHash(kind engine.Kind, plan *steps.Workflow, req StartRequest) string {
	h := sha256.New()
	labels, _ := json.Marshal(req.Labels) // a map of strings always encodes, keys sorted
	for _, part := range []string{kind.String(), plan.Def.Digest, string(req.Input), string(req.Context), string(labels), req.RerunOf} {
		_, _ = h.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// checkStart refuses what cannot be a run's input, before anything is stored.
func checkStart(plan *steps.Workflow, req StartRequest) error {
	for name, raw := range map[string]json.RawMessage{"input": req.Input, "context": req.Context} {
		if len(raw) > maxInput {
			return &InvalidError{Code: "payload_too_large", Message: fmt.Sprintf("%s is larger than %d bytes", name, maxInput)}
		}
		if len(raw) == 0 {
			continue
		}
		v, err := expr.DecodeJSON(raw)
		if err != nil {
			return &InvalidError{Code: "invalid_" + name, Message: name + " is not JSON that can be kept (depth at most 64)"}
		}
		if _, ok := v.(map[string]any); name == "context" && !ok && v != nil {
			return &InvalidError{Code: "invalid_context", Message: "context must be an object"}
		}
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
	return checkInput(plan, req.Input)
}

// checkInput refuses an input that does not fit the definition's schema.
func checkInput(plan *steps.Workflow, raw json.RawMessage) error {
	var input any = map[string]any{} // absent is empty
	if len(raw) > 0 {
		input, _ = expr.DecodeJSON(raw) // decoded before
	}
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
