package remote

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"time"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine/runner"
)

// wait is a call that was sent and is waited for. Its id stays the same however often it is sent, and to whom.
type wait struct {
	c    *Client
	id   string
	name string
	m    *method
	args []any
	body []byte // the arguments, encoded
	// begun says that an owner may have the call: it was sent, and what was sent was not answered with "nothing was done".
	begun bool
	heard bool      // an engine said that it is not its: another one may have heard it, too
	since time.Time // when it was last known that an engine is there

	mu    sync.Mutex
	got   pieces
	last  int           // verdict, once whole or refused
	reply []byte        // the whole answer
	none  bool          // nobody listened
	over  bool          // last or reply or none is set
	bell  chan struct{} // holds a token
}

func newWait(c *Client, name string, m *method, args []any) *wait {
	return &wait{c: c, id: newID(), name: name, m: m, args: append([]any(nil), args...), since: time.Now(), bell: make(chan struct{}, 1)}
}

// attempt makes the call where it belongs now. again says that nothing was done: the owner is another one, or not known yet.
func (w *wait) attempt(ctx context.Context, partitions int, results []any) (again bool, err error) {
	p, any := w.m.at(w.args, partitions)
	// What somebody else may have done already is asked of this process as of any other, so that it knows that.
	known := w.begun && w.m.again == once
	if w.c.own != nil && !known && (any || w.c.own.Owns(p)) {
		err := w.c.local(ctx, w.m, w.args, results)
		if !errors.Is(err, runner.ErrMoved) {
			return false, err
		}
	}
	if w.m.again == byCommand {
		withCommand(w.args, func() string { return "call-" + w.id })
		w.propose(partitions)
		p, any = w.m.at(w.args, partitions)
	}
	if any {
		p = rand.IntN(partitions) //nolint:gosec // spreads load, decides nothing
	}
	return w.ask(ctx, p, results)
}

// ask sends the call to the owner of a partition until something comes back. again says that nothing was done there: somebody
// else is to be asked.
func (w *wait) ask(ctx context.Context, p int, results []any) (again bool, err error) {
	defer w.c.expect(w.id, w)()
	w.reset()
	for {
		if err := w.send(ctx, p); err != nil {
			return false, err
		}
		resend := time.NewTimer(askAgain)
		select {
		case <-ctx.Done():
			resend.Stop()
			w.begun = true
			return false, w.late(ctx.Err())
		case <-resend.C:
			w.begun = true
			if err := w.given(ctx); err != nil {
				return false, err
			}
		case <-w.bell:
			resend.Stop()
			return w.settle(results)
		}
	}
}

// given answers an error when a call that may as well be made later has waited for long and there is no engine at all.
func (w *wait) given(ctx context.Context) error {
	if w.m.again != always || time.Since(w.since) < readPatience {
		return nil
	}
	if err := w.c.anybody(ctx); err != nil {
		return fmt.Errorf("%s: %w", w.name, err)
	}
	w.since = time.Now()
	return nil
}

// propose gives a call that makes a run the id of that run, the same each time that it is sent, so that it is known where the run
// would be seen also when nobody answers.
func (w *wait) propose(partitions int) {
	key := startKeys[w.name]
	c, _ := w.args[0].(runner.Caller)
	if key == nil || c.NewRun != "" || isPreview(w.args) {
		return
	}
	c.NewRun = w.c.unsure.Propose(c, key(w.args), partitions, time.Now())
	w.args[0] = c
}

// noted keeps what became of a call that was proposed a run, for the next one with the same key.
func (w *wait) noted(err error) {
	if run := newRunOf(w.args); run != "" {
		w.c.unsure.Note(w.args[0].(runner.Caller), startKeys[w.name](w.args), time.Now(), err)
	}
}

// isPreview tells whether the arguments are those of a fork that makes no run.
func isPreview(args []any) bool {
	req, is := args[len(args)-1].(runner.ForkRequest)
	return is && req.Preview
}

// newRunOf is the run that a call was proposed; "" for one that makes none.
func newRunOf(args []any) string {
	if len(args) == 0 {
		return ""
	}
	c, _ := args[0].(runner.Caller)
	return c.NewRun
}

func (w *wait) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.got, w.reply, w.none, w.over = pieces{}, nil, false, false
	select {
	case <-w.bell:
	default:
	}
}

// send sends all parts of the call.
func (w *wait) send(ctx context.Context, p int) error {
	if w.body == nil {
		if w.body = encode(encodeAll(w.values())); len(w.body) > maxCall {
			return &runner.InvalidError{Code: "payload_too_large", Message: fmt.Sprintf("a call of %d bytes is larger than %d", len(w.body), maxCall)}
		}
	}
	left := defaultDeadline
	if at, has := ctx.Deadline(); has {
		left = time.Until(at)
	}
	for part, parts := 0, 1; part < parts; part++ {
		req := request{ID: w.id, Partition: p, Method: w.name, Left: left, Again: w.begun, Part: part}
		req.Args, parts = cut(w.body, part)
		req.Parts = parts
		err := w.c.bus.PublishRequest(callSubject(p), w.c.inbox+w.id, encode(req))
		if err != nil && !errors.Is(err, bus.ErrTooLarge) {
			return fmt.Errorf("%s: %w: %w", w.name, err, runner.ErrUnavailable)
		} else if err != nil {
			return fmt.Errorf("%s: the bus takes no messages of %d bytes: give its server a larger max_payload: %w", w.name, len(req.Args), err)
		}
	}
	return nil
}

// values are the arguments under the types of the method's parameters.
func (w *wait) values() []reflect.Value {
	types, _, _ := w.m.signature()
	out := make([]reflect.Value, len(w.args))
	for i, a := range w.args {
		out[i] = reflect.New(types[i]).Elem()
		if a != nil {
			out[i].Set(reflect.ValueOf(a))
		}
	}
	return out
}

// receive implements receiver.
func (w *wait) receive(_ bus.Msg, a answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return
	}
	if a.Verdict == answered {
		whole, err := w.got.add(a.Part, a.Parts, maxAnswer, a.Data)
		if err != nil || !whole {
			return // what is missing comes again
		}
		w.reply = w.got.joined()
	}
	w.last, w.over = a.Verdict, true
	w.bell <- struct{}{}
}

// nobody implements receiver.
func (w *wait) nobody() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.over {
		w.none, w.over = true, true
		w.bell <- struct{}{}
	}
}

// settle takes what came back.
func (w *wait) settle(results []any) (again bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.none && w.begun && w.m.again == once, !w.none && w.last == unknownOutcome:
		return false, errUnknownOutcome(w.name, w.args)
	case w.none || w.last == moved:
		w.heard = w.heard || !w.none
		return true, nil
	}
	var r reply
	if err := decode(w.reply, &r); err != nil {
		return false, fmt.Errorf("%s: %w: %w", w.name, err, runner.ErrUnavailable)
	}
	if err := r.Failure.err(); err != nil && len(r.Results) == 0 {
		return false, err
	}
	if len(r.Results) != len(results) {
		return false, fmt.Errorf("%s: %w: %d results of %d: %w", w.name, errMalformed, len(r.Results), len(results), runner.ErrUnavailable)
	}
	for i, raw := range r.Results {
		if err := decode(raw, results[i]); err != nil {
			return false, fmt.Errorf("%s: %w: %w", w.name, err, runner.ErrUnavailable)
		}
	}
	return false, r.Failure.err()
}

// late is the word on a call whose context ended first.
func (w *wait) late(cause error) error {
	switch {
	case !w.begun && !w.heard:
		return errNotTaken(w.name, w.args, cause)
	case w.m.again == always:
		return errNoAnswer(w.name, w.args, cause)
	}
	return errLate(w.name, w.args, cause)
}

// withDeadline gives a context without a deadline the default one.
func withDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); has {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, defaultDeadline)
}
