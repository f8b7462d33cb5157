package runner

import (
	"encoding/json"
	"fmt"
	"strings"

	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/scheduler"
	"cordum.dev/cordum/steps"
	"cordum.dev/cordum/steps/expr"
)

// Enforcement says what becomes of what a check finds.
type Enforcement string

const (
	// EnforceOff checks nothing.
	EnforceOff Enforcement = "off"
	// EnforceWarn checks, counts and says what it finds, and lets it pass.
	EnforceWarn Enforcement = "warn"
	// Enforce refuses it.
	Enforce Enforcement = "enforce"
)

// checks tells whether anything is looked at.
func (e Enforcement) checks() bool { return e == EnforceWarn || e == Enforce }

// codeUnknownTopic is of a job whose topic nobody registered, where that is asked for.
const codeUnknownTopic = "unknown_topic"

// Where a check is made, as metrics and logs call it.
const (
	atSubmit   = "submit"
	atDispatch = "dispatch"
	atResult   = "result"
)

// unfit says why something is not of its topic.
type unfit struct {
	code, message string
	places        []Place
}

// unfitInput says why an input is none of a job of a topic; nil when it is one, or when nobody asks.
func (r *Runner) unfitInput(name string, input json.RawMessage) *unfit {
	if !r.cfg.Trust.Schemas.checks() || strings.HasPrefix(name, builtinTopics) {
		return nil
	}
	t := r.registered.now.Load().topics[name]
	switch {
	case t == nil:
		return &unfit{code: codeUnknownTopic, message: fmt.Sprintf("the topic %s is not registered: cordum topic create %s", cutText(name, 256), cutText(name, 256))}
	case t.broken:
		return &unfit{code: engine.CodeInputInvalid, message: "a schema of the topic " + name + " cannot be had"}
	case t.MaxInputBytes > 0 && len(input) > t.MaxInputBytes:
		return unfitAt(engine.CodeInputInvalid, "input", "input", name, []steps.Misfit{{Message: fmt.Sprintf("it has %d bytes, at most %d are taken", len(input), t.MaxInputBytes)}})
	case t.input == nil:
		return nil
	}
	if len(input) == 0 {
		input = json.RawMessage("{}")
	}
	return unfitAt(engine.CodeInputInvalid, "input", "input", name, misfits(t.input, input))
}

// unfitOutput says why an output is none of a job of a topic.
func unfitOutput(t *topic, output json.RawMessage) *unfit {
	if t.broken {
		return &unfit{code: codeOutputInvalid, message: "a schema of the topic " + t.Name + " cannot be had"}
	}
	return unfitAt(codeOutputInvalid, "output", "", t.Name, misfits(t.output, output))
}

func misfits(s *steps.JSONSchema, raw json.RawMessage) []steps.Misfit {
	v, err := expr.DecodeJSON(raw)
	if err != nil {
		return []steps.Misfit{{Message: "it is not JSON that can be kept"}}
	}
	return s.Misfits(v, maxMisfits)
}

// unfitAt puts into words what does not fit. root is the field of a request that the value stands in.
func unfitAt(code, what, root, topic string, found []steps.Misfit) *unfit {
	if len(found) == 0 {
		return nil
	}
	u := &unfit{code: code, message: fmt.Sprintf("the %s does not fit the topic %s: %s", what, topic, found[0].Message)}
	if n := len(found) - 1; n > 0 {
		u.message += fmt.Sprintf(" (and %d more)", n)
	}
	for _, m := range found {
		at := m.Pointer
		if root != "" {
			at = "/" + root + at
		}
		u.places = append(u.places, Place{Pointer: at, Message: m.Message})
	}
	return u
}

// tell counts and says what a check found, and answers whether it is refused.
func (r *Runner) tell(u *unfit, at, topic, job string) bool {
	enforced := r.cfg.Trust.Schemas == Enforce
	event := "schema_validation_failed"
	if u.code == codeUnknownTopic {
		event = codeUnknownTopic
		r.registered.counts.unknownTopics.WithLabelValues(at).Inc()
	} else {
		r.registered.counts.misfits.WithLabelValues(at).Inc()
	}
	if r.registered.say(event+at+topic, sayOften) {
		var where []string
		for _, p := range u.places {
			where = append(where, p.Pointer)
		}
		r.cfg.Logger.Warn(event, "at", at, "topic", cutText(topic, 256), "job_id", clip(job), "enforced", enforced, "message", u.message, "pointers", where)
	}
	return enforced
}

// admitJob refuses a job whose input does not fit its topic, or whose topic nobody registered, before anything is stored.
func (r *Runner) admitJob(req *JobRequest) error {
	topic := req.Topic
	if topic == "" {
		topic = steps.ToolTopic(req.Pack, req.Tool)
	}
	u := r.unfitInput(topic, req.Input)
	if u == nil || !r.tell(u, atSubmit, topic, "") {
		return nil
	}
	code := u.code
	if code == engine.CodeInputInvalid {
		code = "invalid_input"
	}
	return &InvalidError{Code: code, Message: u.message, Places: u.places}
}

// unfitJob fails an attempt, before it is decided, whose input does not fit its topic; false when it goes on. A compensation is
// never kept from undoing by a schema: it is only said.
func (t *turn) unfitJob(step int32) bool {
	r, lr := t.lane.r, t.live
	if !r.cfg.Trust.Schemas.checks() {
		return false
	}
	topic := lr.jobs[step].Topic
	u := r.unfitInput(topic, lr.run.Steps[step].Input.Data)
	if u == nil || !r.tell(u, atDispatch, topic, lr.attemptID(step)) || lr.run.IsUndo(step) {
		return false
	}
	t.letGo(step)
	t.drop(step)
	failure := engine.Failure{Code: u.code, Message: cutText(u.message, maxMessage), Details: u.details()}
	t.job(step, scheduler.Refuse{}, &engine.Outcome{Result: engine.ResultFailed, Failure: failure})
	return true
}

// details are the places as a failure has them.
func (u *unfit) details() json.RawMessage {
	if len(u.places) == 0 {
		return nil
	}
	raw, err := json.Marshal(map[string]any{"places": u.places})
	if err != nil {
		return nil // strings always encode
	}
	return raw
}

// outputTopic is the topic whose schema a result is checked against, outside the lane; nil when there is none. Only the running
// attempt's success is; what a compensation gives nobody reads.
func (t *turn) outputTopic(step int32, a *arrival) *topic {
	r, lr := t.lane.r, t.live
	j := lr.jobs[step]
	if !r.cfg.Trust.Schemas.checks() || a.outcome.Result != engine.ResultSucceeded || !j.Mine(a.res.Token) || lr.run.IsUndo(step) {
		return nil
	}
	topic := r.registered.now.Load().topics[j.Topic]
	if topic == nil || topic.output == nil && !topic.broken {
		return nil
	}
	return topic
}

// fit makes a failure of a success whose output does not fit its topic. It had its effect.
func (r *Runner) fit(a *arrival, topic *topic) {
	u := unfitOutput(topic, a.outcome.Output.Data)
	if u == nil || !r.tell(u, atResult, topic.Name, a.res.JobId) {
		return
	}
	a.outcome = engine.Outcome{
		Result: engine.ResultFailed, Effect: true,
		Failure: engine.Failure{Code: codeOutputInvalid, Message: cutText(u.message, maxMessage), Details: u.details()},
	}
	a.state = scheduler.JobFailed
}
