package engine

import (
	"encoding/json"
	"fmt"

	"cordum.dev/cordum/steps"
	"cordum.dev/cordum/steps/expr"
)

// loopOf is what a loop's step says of its rounds.
func (d *decision) loopOf(i int32, env *expr.Env) (steps.Loop, error) {
	ask, err := d.run.Plan.Steps[d.run.Steps[i].Def].Spec.Start(env)
	loop, _ := ask.(steps.Loop)
	return loop, err
}

// lookLoop goes on with a loop whose round has ended, or ends it because a step in it is bad.
func (d *decision) lookLoop(i int32) {
	r := d.run
	p := r.Steps[i].parts
	switch {
	case p.failed >= 0 && p.closing == free:
		d.fact(&ClosingBegun{Step: i})
	case p.failed >= 0:
		bad := &r.Steps[p.failed]
		d.fail(i, StepFailed, Failure{
			Code: CodeLoopStep, Retryable: bad.Failure.Retryable,
			Message: fmt.Sprintf("%s is %s: %s: %s", r.Name(p.failed), bad.State, bad.Failure.Code, bad.Failure.Message),
		})
	case r.level(i) == hard:
		d.fail(i, StepCancelled, Failure{Code: CodeCancelled, Message: "the run was stopped (" + r.Stop.String() + ")"})
	default:
		d.nextRound(i)
	}
}

// nextRound tests whether a loop goes on, and begins its next round.
func (d *decision) nextRound(i int32) {
	r := d.run
	rounds, before := int32(0), int32(0)
	if p := r.Steps[i].parts; p != nil {
		rounds, before = int32(len(p.rounds)), p.before
	}
	loop, err := d.loopOf(i, r.env(i))
	if err != nil {
		d.fail(i, StepFailed, exprFailure(err, 0))
		return
	}
	goOn := true
	switch {
	case loop.While != nil:
		goOn, err = loop.While.EvalBool(r.loopEnv(i, rounds))
	case loop.Until != nil && rounds > 0:
		goOn, err = loop.Until.EvalBool(r.loopEnv(i, rounds-1))
		goOn = !goOn
	}
	switch {
	case err != nil:
		d.fail(i, StepFailed, exprFailure(err, 0))
	case !goOn:
		out, err := json.Marshal(r.roundOutputs(i))
		if err != nil {
			d.fail(i, StepFailed, Failure{Code: CodeOutputTooLarge, Message: "the outputs of the last round cannot be kept: " + err.Error()})
			return
		}
		d.fact(&StepSucceededFact{Step: i, Output: Payload{Data: out}})
	case int(rounds-before) >= loop.Max:
		d.fail(i, StepFailed, Failure{Code: CodeLoopLimit, Message: fmt.Sprintf("the loop has had its %d rounds (max_iterations)", loop.Max)})
	default:
		d.fact(&RoundBegun{Step: i})
	}
}

// loopEnv is what while and until see: the index of a round, and the outputs of the one that ended last.
func (r *Run) loopEnv(i, index int32) *expr.Env {
	env := r.env(i)
	env.Loop = map[string]any{"index": int64(index), "previous": r.previous(i, none)}
	return env
}

// previous are the outputs by step id of the round before the given one; none: of the last. Null when there is no such round.
func (r *Run) previous(i, round int32) any {
	p := r.Steps[i].parts
	if p == nil || len(p.rounds) == 0 || round == 0 {
		return nil
	}
	if round < 0 {
		round = int32(len(p.rounds))
	}
	return r.outputsFrom(p.rounds[round-1], p.count)
}

// roundOutputs are the outputs of a loop's last round; an empty object when it had none.
func (r *Run) roundOutputs(i int32) map[string]any {
	p := r.Steps[i].parts
	if p == nil || len(p.rounds) == 0 {
		return map[string]any{}
	}
	return r.outputsFrom(p.rounds[len(p.rounds)-1], p.count)
}

func (r *Run) outputsFrom(first, count int32) map[string]any {
	out := make(map[string]any, count)
	for at := first; at < first+count; at++ {
		if s := &r.Steps[at]; s.State == StepSucceeded {
			v, _ := r.output(at)
			out[r.Plan.Def.Steps[s.Def].ID] = v
		}
	}
	return out
}
