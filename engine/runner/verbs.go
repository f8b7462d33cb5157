package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"cordum.dev/cordum/dag"
	"cordum.dev/cordum/engine"
	"cordum.dev/cordum/internal/id"
	"cordum.dev/cordum/steps/expr"
)

// commandInput checks a command's arguments and answers what makes the engine's input of it, for the run as it is then.
func (r *Runner) commandInput(ctx context.Context, c Caller, run string, cmd Command) (func(*live, engine.Stamp) (engine.Input, error), error) {
	always := func(make func(engine.Stamp) engine.Input) (func(*live, engine.Stamp) (engine.Input, error), error) {
		return func(_ *live, s engine.Stamp) (engine.Input, error) { return make(s), nil }, nil
	}
	switch cmd.Verb {
	case VerbPause:
		return always(func(s engine.Stamp) engine.Input { return engine.Pause{Stamp: s} })
	case VerbResume:
		return always(func(s engine.Stamp) engine.Input { return engine.Resume{Stamp: s} })
	case VerbCancel:
		return always(func(s engine.Stamp) engine.Input {
			return engine.Cancel{Stamp: s, Force: cmd.Force, Rollback: cmd.Rollback}
		})
	case VerbRetry:
		return always(func(s engine.Stamp) engine.Input { return engine.Retry{Stamp: s} })
	case VerbRollback:
		then, err := thenOf(cmd)
		if err != nil {
			return nil, err
		}
		return always(func(s engine.Stamp) engine.Input { return engine.Rollback{Stamp: s, To: cmd.To, Then: then} })
	case VerbCompensation:
		how, err := resolutionOf(c, cmd)
		if err != nil {
			return nil, err
		}
		return func(lr *live, s engine.Stamp) (engine.Input, error) {
			node, err := lr.compensation(cmd.Compensation)
			return engine.Resolve{Stamp: s, Step: node, How: how}, err
		}, nil
	case VerbSignal:
		p, err := r.signalPayload(ctx, c, run, cmd)
		if err != nil {
			return nil, err
		}
		return always(func(s engine.Stamp) engine.Input { return engine.SignalIn{Stamp: s, Name: cmd.Signal, Payload: p} })
	}
	return nil, &InvalidError{
		Code: "invalid_argument", Message: "the verb is pause, resume, cancel, signal, rollback, retry or compensation",
	}
}

// thenOf reads what is to follow a rollback to a checkpoint.
func thenOf(cmd Command) (dag.Then, error) {
	if cmd.Then == "" {
		return dag.ThenUnsaid, nil
	}
	if cmd.To == "" {
		return 0, &InvalidError{Code: "invalid_argument", Message: "then: only a rollback to a checkpoint goes on afterwards"}
	}
	for then, word := range thenNames {
		if word == cmd.Then {
			return then, nil
		}
	}
	return 0, &InvalidError{Code: "invalid_argument", Message: "then: pause, retry or fail"}
}

// resolutionOf reads what a person does about a held compensation. What stays undone needs a reason.
func resolutionOf(c Caller, cmd Command) (engine.Resolution, error) {
	switch cmd.Action {
	case "retry":
		return engine.ResolveRetry, nil
	case "done":
		return engine.ResolveDone, nil
	case "skip":
		if c.Reason == "" {
			return 0, &InvalidError{Code: "invalid_argument", Message: "reason: a compensation is skipped with a reason"}
		}
		return engine.ResolveSkip, nil
	}
	return 0, &InvalidError{Code: "invalid_argument", Message: "action: retry, skip or done"}
}

// compensation finds the node that people mean by a path or a job id.
func (lr *live) compensation(called string) (int32, error) {
	if ref, err := id.ParseJob(called); err == nil {
		if node, ok := lr.node(ref); ok && ref.Run == lr.id {
			return node, nil
		}
	} else if node := lr.run.Find(called); node >= 0 {
		return node, nil
	}
	return 0, fmt.Errorf("compensation %.64q of run %s: %w", called, lr.id, ErrNotFound)
}

// signalPayload checks a signal and keeps its payload.
func (r *Runner) signalPayload(ctx context.Context, c Caller, run string, cmd Command) (engine.Payload, error) {
	var none engine.Payload
	if cmd.Signal == "" || len(cmd.Signal) > maxSignalName {
		return none, &InvalidError{Code: "invalid_argument", Message: fmt.Sprintf("a signal's name has 1 to %d bytes", maxSignalName)}
	}
	if len(cmd.Payload) > 0 {
		if _, err := expr.DecodeJSON(cmd.Payload); err != nil || len(cmd.Payload) > maxInput {
			return none, &InvalidError{Code: "invalid_payload", Message: "the payload is not JSON that can be kept"}
		}
	}
	if _, err := r.header(ctx, c.Tenant, run); err != nil {
		return none, asUnavailable(err) // no blob for a run that is not there
	}
	return r.payload(ctx, run, c.Tenant, cmd.Payload)
}

// once says what of a command must be the same for its id to be answered again.
func (cmd Command) once() string {
	all, err := json.Marshal(cmd)
	if err != nil { // a payload that is no JSON, which is refused before
		return fmt.Sprintf("%#v", cmd)
	}
	return string(all)
}

// refused is a refusal of the engine as callers see it.
func asConflict(err error) error {
	var refusal *engine.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	return fmt.Errorf("%s: %w", refusal.Message, ErrConflict)
}
