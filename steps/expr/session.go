package expr

import (
	"errors"
	"fmt"
	"sync"

	"github.com/expr-lang/expr/vm"
)

// values is what the names of the language are to the library. The tags are the names.
type values struct {
	Input   any              `expr:"input"`
	Ctx     any              `expr:"ctx"`
	Labels  map[string]any   `expr:"labels"`
	Run     run              `expr:"run"`
	Steps   map[string]*step `expr:"steps"`
	Item    any              `expr:"item"`
	Index   int              `expr:"index"`
	Payload any              `expr:"payload"`
	Loop    any              `expr:"loop"`
	Meter   *meter           `expr:"__meter"`
	Names   map[string]any   `expr:"__names"`
}

type run struct {
	ID        string `expr:"id"`
	StartedAt string `expr:"started_at"`
	Attempt   int    `expr:"attempt"`
}

type step struct {
	Status  string `expr:"status"`
	Output  any    `expr:"output"`
	Error   any    `expr:"error"`
	Attempt int    `expr:"attempt"`
	Input   any    `expr:"input"`
}

func (s *step) object() map[string]any {
	return map[string]any{"status": s.Status, "output": s.Output, "error": s.Error, "attempt": s.Attempt}
}

// session runs programs against one Env. What it read of the Env it keeps until it ends.
type session struct {
	vm     vm.VM
	values values
	meter  meter
	env    *Env
	given  int // bytes that its programs gave together
}

var sessions = sync.Pool{New: func() any { return &session{vm: vm.VM{MemoryBudget: MaxElements}} }}

func begin(env *Env) *session {
	if env == nil {
		env = &Env{}
	}
	s := sessions.Get().(*session)
	s.env = env
	s.values.Input, s.values.Ctx = env.Input, env.Ctx
	s.values.Item, s.values.Index, s.values.Payload = env.Item, env.Index, env.Payload
	s.values.Run = run{env.Run.ID, env.Run.StartedAt, env.Run.Attempt}
	if len(env.Labels) > 0 {
		s.values.Labels = make(map[string]any, len(env.Labels))
		for k, v := range env.Labels {
			s.values.Labels[k] = v
		}
	}
	if env.Loop != nil {
		s.values.Loop = env.Loop
	}
	s.values.Names = env.Names
	s.values.Meter = &s.meter
	return s
}

// end gives the session back; nothing of the run stays in it.
func (s *session) end() {
	steps := s.values.Steps
	clear(steps)
	clear(s.vm.Stack[:cap(s.vm.Stack)])
	clear(s.vm.Variables)
	s.values = values{Steps: steps}
	s.env, s.given, s.meter = nil, 0, meter{}
	sessions.Put(s)
}

// run evaluates a program; the result is a value of JSON within the limits of results.
func (s *session) run(p *Program) (any, error) {
	out, size, err := s.evaluate(p, &ordinary)
	if err != nil {
		return nil, err
	}
	if s.given += size; s.given > MaxRendered {
		return nil, errorf(CodeMemory, "the expressions give more than %d bytes together", MaxRendered)
	}
	return out, nil
}

// evaluate runs a program within limits, and says how large the result is.
func (s *session) evaluate(p *Program, limits *bounds) (any, int, error) {
	if err := s.load(p.steps); err != nil {
		return nil, 0, err
	}
	s.meter.cost, s.meter.memory, s.meter.limits = 0, 0, limits
	s.vm.MemoryBudget = uint(limits.elements)
	out, err := s.machine(p)
	if err != nil {
		return nil, 0, runError(err)
	}
	c := collector{limits: limits}
	if out, err = c.collect(out, 0); err != nil {
		return nil, 0, err
	}
	return out, c.size, nil
}

func (s *session) machine(p *Program) (out any, err error) {
	defer func() {
		if r := recover(); r != nil { // the machine recovers by itself, but for a bug in it
			out, err = nil, fmt.Errorf("%v", r)
		}
	}()
	return s.vm.Run(p.code, &s.values)
}

// load asks for the steps that a program reads. One whose output is too large to be read fails who reads it.
func (s *session) load(ids []string) error {
	for _, id := range ids {
		if _, known := s.values.Steps[id]; known {
			continue
		}
		if s.values.Steps == nil {
			s.values.Steps = map[string]*step{}
		}
		v := &step{}
		if s.env.Step != nil {
			known := s.env.Step(id)
			if known.Unreadable != nil {
				return known.Unreadable
			}
			*v = step{Status: known.Status, Output: known.Output, Attempt: known.Attempt, Input: known.Input}
			if list, is := known.Output.([]any); is {
				s.meter.extra += costPerEntry * min(len(list), MaxElements)
			}
			if known.Error != nil {
				v.Error = known.Error
			}
		}
		s.values.Steps[id] = v
	}
	return nil
}

// Eval evaluates the program. The result is a value of JSON and shares what it took from env. The error is an *Error
// with a code of the run.
func (p *Program) Eval(env *Env) (any, error) {
	s := begin(env)
	defer s.end()
	return s.run(p)
}

// EvalBool evaluates a program whose result must be a boolean; another one is CodeType.
func (p *Program) EvalBool(env *Env) (bool, error) {
	v, err := p.Eval(env)
	if err != nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok {
		return false, errorf(CodeType, "the expression gives %s, not true or false", kindOf(v))
	}
	return b, nil
}

// EvalList evaluates a program whose result must be a list, with the limits of a fan-out: MaxItems entries, MaxItemsBytes.
// A longer one is CodeFanOut, and so is one that takes too much to make; anything but a list is CodeType.
func (p *Program) EvalList(env *Env) ([]any, error) {
	s := begin(env)
	defer s.end()
	v, _, err := s.evaluate(p, &fanOut)
	if err != nil {
		return nil, fanOutError(err)
	}
	list, ok := v.([]any)
	if !ok {
		return nil, errorf(CodeType, "the expression gives %s, not a list", kindOf(v))
	}
	return list, nil
}

var errFanOut = errorf(CodeFanOut, "a fan-out has at most %d items and %d bytes of them; this list is larger, or takes too much to make", MaxItems, MaxItemsBytes)

// fanOutError says of what grew too large that it is the list.
func fanOutError(err error) error {
	var e *Error
	if errors.As(err, &e) && (e.Code == CodeMemory || e.Code == CodeCost) {
		return errFanOut
	}
	return err
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "text"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return "a number"
}
