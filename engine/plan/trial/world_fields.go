package trial

import (
	"slices"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/internal/yamlx"
)

// stubs reads the answers of workers, by name.
func (r *reader) stubs(o *dag.Object) map[string][]Stub {
	out := map[string][]Stub{}
	for _, f := range r.entries(o, "stubs") {
		at := o.Place("stubs").Below(f.Key, f.Pos)
		name := r.step(f.Key, at)
		list := eachOf(f.Value)
		if len(list) == 0 {
			r.report.Errorf(dag.RuleOutOfRange, at, "a stub has at least one entry")
		}
		for _, n := range list {
			out[name] = append(out[name], r.stub(n, dag.Place{Pointer: at.Pointer, Pos: n.Pos}))
		}
	}
	return out
}

// outcomes are the fields of a stub of which it has at most one.
var outcomes = []string{"output", "fail", "timeout", "lost"}

func (r *reader) stub(n *yamlx.Node, at dag.Place) Stub {
	o := r.object(n, at, append([]string{"takes", "queued", "on_cancel"}, outcomes...)...)
	s := Stub{Output: r.json(o, "output"), Fail: r.failure(o)}
	for _, name := range outcomes {
		for _, other := range outcomes {
			if name < other && o.Get(name) != nil && o.Get(other) != nil {
				r.report.Errorf(dag.RuleConflicting, o.Place(other), "%s beside %s: an attempt ends one way", other, name)
			}
		}
	}
	s.Timeout, s.Lost = flag(o, "timeout"), flag(o, "lost")
	s.Takes, s.Queued = o.Duration("takes", ""), o.Duration("queued", "")
	switch o.OneOf("on_cancel", "cancelled", "succeed", "ignore") {
	case "succeed":
		s.OnCancel = CancelTooLate
	case "ignore":
		s.OnCancel = CancelIgnored
	}
	return s
}

func flag(o *dag.Object, name string) bool {
	b := o.Bool(name)
	return b != nil && *b
}

// failure reads what a worker reports. What it marks neither way may be tried again.
func (r *reader) failure(o *dag.Object) *Failure {
	n := o.Get("fail")
	if n == nil {
		return nil
	}
	f := r.object(n, o.Place("fail"), "code", "message", "retryable", "fatal", "details")
	out := &Failure{Code: f.Description("code"), Message: f.Description("message"), Retryable: true, Details: r.json(f, "details")}
	if out.Code == "" {
		out.Code = "error"
	}
	if retryable := f.Bool("retryable"); retryable != nil {
		out.Retryable = *retryable
	}
	if flag(f, "fatal") {
		out.Retryable = false
	}
	return out
}

// replies reads the answers of people, by name.
func (r *reader) replies(o *dag.Object) map[string][]Reply {
	out := map[string][]Reply{}
	for _, f := range r.entries(o, "approvals") {
		at := o.Place("approvals").Below(f.Key, f.Pos)
		name := r.step(f.Key, at)
		for _, n := range eachOf(f.Value) {
			out[name] = append(out[name], r.reply(n, dag.Place{Pointer: at.Pointer, Pos: n.Pos}))
		}
	}
	return out
}

var decisions = []string{"approve", "deny", "send_back"}

func (r *reader) reply(n *yamlx.Node, at dag.Place) Reply {
	if n.Kind == yamlx.String && slices.Contains(decisions, n.Str) {
		return Reply{Decision: n.Str}
	}
	o := r.object(n, at, "decision", "to", "by", "comment", "values", "roles", "groups")
	o.Need("decision")
	out := Reply{
		Decision: o.OneOf("decision", decisions...), To: o.Description("to"), Comment: o.Description("comment"), Values: r.json(o, "values"),
		Roles: o.Texts("roles"), Groups: o.Texts("groups"),
	}
	if by := o.Get("by"); by != nil && by.Kind == yamlx.List {
		if people := o.Texts("by"); len(people) > 0 {
			out.By, out.Also = people[0], people[1:]
		}
	} else {
		out.By = o.Description("by")
	}
	if out.Decision == "send_back" {
		o.Need("to")
	}
	return out
}

// signals reads what is sent to the run.
func (r *reader) signals(o *dag.Object) (out []Signal) {
	for _, n := range r.list(o, "signals") {
		s := r.object(n, dag.Place{Pos: n.Pos}, "after", "name", "payload", "by", "reason")
		s.Need("name")
		out = append(out, Signal{After: r.moment(s), Name: s.Description("name"), Payload: r.json(s, "payload")})
	}
	return out
}

var (
	verbs     = []string{"pause", "resume", "cancel", "rollback", "retry", "skip", "done"}
	undoVerbs = []string{"retry", "skip", "done"}
)

// orders reads what people do to the run.
func (r *reader) orders(o *dag.Object) (out []Order) {
	for _, n := range r.list(o, "do") {
		d := r.object(n, dag.Place{Pos: n.Pos}, "after", "verb", "rollback", "to", "then", "compensation", "reason", "by", "refused")
		d.Need("verb")
		order := Order{
			After: r.moment(d), Verb: d.OneOf("verb", verbs...), Rollback: flag(d, "rollback"), To: d.Description("to"),
			Then: d.OneOf("then", "pause", "retry", "fail"), Reason: d.Description("reason"), By: d.Description("by"), Refused: flag(d, "refused"),
		}
		if name := d.Description("compensation"); name != "" {
			order.Compensation = r.step(name, d.Place("compensation"))
		}
		r.fitting(d, order)
		out = append(out, order)
	}
	return out
}

// fitting reports fields that do not go with a verb.
func (r *reader) fitting(d *dag.Object, o Order) {
	wrong := func(field, why string) {
		if d.Get(field) != nil {
			r.report.Errorf(dag.RuleConflicting, d.Place(field), "%s does not go with %s: %s", field, o.Verb, why)
		}
	}
	if o.Verb != "cancel" {
		wrong("rollback", "it belongs to cancel")
	}
	if o.Verb != "rollback" {
		wrong("to", "it belongs to rollback")
		wrong("then", "it belongs to rollback")
	}
	if !slices.Contains(undoVerbs, o.Verb) {
		wrong("compensation", "it belongs to retry, skip and done")
	} else if o.Verb != "retry" {
		d.Need("compensation")
	}
}
