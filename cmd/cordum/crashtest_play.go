package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"cordum.dev/cordum/engine/plan/trial"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
)

// crashPoll is how often a run is looked at.
const crashPoll = 15 * time.Millisecond

// crashTrial plays one case again and again.
type crashTrial struct {
	c       *trial.Case
	id      string        // the workflow's
	signals []crashSignal // what is sent to each run
	host    *crashHost
	client  *client
	worker  *crashWorker
	most    time.Duration // for one run
	played  int
}

type crashSignal struct {
	Name    string          `json:"name"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// outcome is what came of one run.
type outcome struct {
	State        string            `json:"state"`
	Compensation string            `json:"compensation"`
	Steps        map[string]string `json:"-"`
	Ended        bool              `json:"ended"` // by itself, in time
	held         []string
	did          []execution
	passed       map[string]int // points of the server and of the worker
	died         bool
}

// play plays one run, and has the server, or the worker, die where the plan says.
func (t *crashTrial) play(ctx context.Context, p crashPlan) (out outcome, err error) {
	if err := t.ready(ctx); err != nil {
		return out, err
	}
	ofServer := p
	if p.Point == crashAtBegin || p.Point == crashAtEnd {
		ofServer = crashPlan{}
	}
	t.worker.order(p)
	if _, err := t.host.order(ctx, ofServer); err != nil {
		return out, fmt.Errorf("tell the server where to die: %w", err)
	}
	t.played++
	r := crashRun{t: t, key: fmt.Sprintf("crashtest-%d", t.played), signalled: map[string]bool{}, asked: map[string]int{}}
	deadline := time.Now().Add(t.most)
	for !out.Ended && time.Now().Before(deadline) && len(out.held) == 0 {
		if !t.host.alive() {
			out.died = true
			if err := t.ready(ctx); err != nil {
				return out, err
			}
		}
		v, err := r.step(ctx)
		if refused := r.refused(err); refused != nil {
			return out, refused
		}
		// what the dying server does not answer is asked again
		out.take(v)
		select {
		case <-ctx.Done():
			return out, ctx.Err()
		case <-time.After(crashPoll):
		}
	}
	var hits map[string]int
	out.did, hits = t.worker.done()
	if p.Point != "" && ofServer.Point == "" {
		out.died = hits[p.Point] >= p.Hit
	}
	if !t.host.alive() { // it died behind the end of the run
		out.died = true
		return out, t.ready(ctx)
	}
	out.passed, err = t.host.order(ctx, crashPlan{})
	maps.Copy(out.passed, hits)
	return out, err
}

// ready has a server take work.
func (t *crashTrial) ready(ctx context.Context) error {
	if t.host.alive() {
		return nil
	}
	t.host.kill()
	return t.host.start(ctx)
}

// take reads how far a run has come.
func (o *outcome) take(v *runner.RunView) {
	if v == nil {
		return
	}
	o.State, o.Compensation, o.Ended, o.Steps, o.held = v.State, v.Compensation, gateway.Settled(v), map[string]string{}, nil
	for _, s := range v.Steps {
		o.Steps[s.Path] = s.State
	}
	for _, h := range v.Held {
		o.held = append(o.held, h.Step)
	}
}

// crashRun is one run and what its client has done.
type crashRun struct {
	t         *crashTrial
	key       string
	id        string
	signalled map[string]bool
	asked     map[string]int // how often each approval was answered, by its round
}

// refused is why the run can never start; nil where it has, or where asking again may help.
func (r *crashRun) refused(err error) error {
	var p *gateway.Problem
	if r.id != "" || !errors.As(err, &p) || p.Status >= http.StatusInternalServerError || p.Status == http.StatusTooManyRequests {
		return nil
	}
	if p.Code == "invalid_input" {
		return usagef("the run cannot start: %s: give it one with --input", p.Detail)
	}
	return &coded{exitDefinition, fmt.Errorf("the run cannot start: %w", err)}
}

// step does what there is to do for a client, and looks at the run.
func (r *crashRun) step(ctx context.Context) (*runner.RunView, error) {
	if r.id == "" {
		if err := r.start(ctx); err != nil {
			return nil, err
		}
	}
	for _, s := range r.t.signals {
		if r.signalled[s.Name] {
			continue
		}
		if err := r.t.client.post(ctx, pathTo("runs", r.id, "signal"), s, nil); err != nil {
			break // the run may be over, or the server away
		}
		r.signalled[s.Name] = true
	}
	if err := r.answer(ctx); err != nil {
		return nil, err
	}
	var v runner.RunView
	if err := r.t.client.get(ctx, pathTo("runs", r.id), nil, &v); err != nil {
		return nil, err
	}
	return &v, nil
}

// start starts the run: its key makes the second time do nothing.
func (r *crashRun) start(ctx context.Context) error {
	body := gateway.RunStart{Workflow: r.t.id, Input: r.t.c.Input, Context: r.t.c.Context}
	c := *r.t.client
	c.header = c.header.Clone()
	c.header.Set("Idempotency-Key", r.key)
	var s runner.Started
	if err := c.post(ctx, "runs", body, &s); err != nil {
		return err
	}
	r.id = s.RunID
	return nil
}

// answer answers what waits for people, of this run and of those that it started: as the case says, else they approve.
func (r *crashRun) answer(ctx context.Context) error {
	var page struct {
		Items []runner.ApprovalView `json:"items"`
	}
	if err := r.t.client.get(ctx, "approvals", map[string][]string{"state": {"waiting"}}, &page); err != nil {
		return err
	}
	for _, a := range page.Items {
		name, err := r.t.worker.pathOf(ctx, a.RunID, func(s *runner.StepView) bool { return s.Path == a.Step })
		if err != nil {
			return err
		}
		reply, said := r.t.c.ReplyOf(name, a.Round)
		if !said {
			reply = trial.Reply{Decision: "approve"}
		}
		for _, by := range append([]string{reply.By}, reply.Also...) {
			c := *r.t.client
			c.header = c.header.Clone()
			if by != "" {
				c.header.Set("X-Principal-Id", by)
			}
			c.header.Set("X-Principal-Role", strings.Join(append([]string{"admin"}, reply.Roles...), ","))
			body := gateway.Verdict{Decision: reply.Decision, To: reply.To, Comment: reply.Comment, Values: reply.Values}
			_ = c.post(ctx, pathTo("approvals", a.ID, "decide"), body, nil) // what is refused stays open, and the run does not end
		}
	}
	return nil
}

// twice lists the steps whose effect was had more than once under one key, and those that were begun again.
func (o *outcome) twice() (steps []crashTwice) {
	type times struct {
		begun, done int
		e           execution
	}
	byKey := map[string]*times{}
	for _, e := range o.did {
		n := byKey[e.Key]
		if n == nil {
			n = &times{e: e}
			byKey[e.Key] = n
		}
		if n.begun++; e.Done {
			n.done++
		}
	}
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		if n := byKey[key]; n.done > 1 {
			steps = append(steps, crashTwice{Step: n.e.Step, Times: n.done, Idempotent: n.e.Idempotent})
		}
	}
	return steps
}

// undone lists the compensations that were done, in their order.
func (o *outcome) undone() (names []string) {
	for _, e := range o.did {
		if name, undo := strings.CutPrefix(e.Step, "undo:"); undo && e.Done && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
