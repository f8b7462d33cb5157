package builtin

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cordum.dev/cordum/sdk/go"
)

// patience is how long an exchange is waited for.
type patience struct {
	deadline   time.Duration // of a call whose job has none
	late       time.Duration // after a timeout and a stop, once a request has left
	cancelled  time.Duration // after a cancel, likewise
	slowWindow time.Duration
	slowBytes  int
}

var ordinaryPatience = patience{defaultDeadline, lateAnswer, cancelAnswer, slowWindow, slowBytes}

// exchange is one request under way, redirects included. It outlives its job's context for a moment where that may
// still bring a definite answer: a request that changes something and has left cannot be called back.
type exchange struct {
	patience
	job    context.Context // as the worker gives it
	ctx    context.Context // of the request
	cancel context.CancelCauseFunc
	done   func()
	effect bool        // the request may change something
	sent   atomic.Bool // it may have left
}

func (p patience) begin(job context.Context, method string) *exchange {
	stop := func() {}
	if _, limited := job.Deadline(); !limited {
		var cancel context.CancelFunc
		job, cancel = context.WithTimeoutCause(job, p.deadline, errDeadline)
		stop = cancel
	}
	x := &exchange{patience: p, job: job, effect: !methods[method]}
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(job))
	x.cancel = cancel
	x.ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { x.sent.Store(true) }})
	unwatch := context.AfterFunc(job, x.giveUp)
	x.done = func() { unwatch(); cancel(nil); stop() }
	return x
}

// mayHaveEffect tells whether a failure now leaves open what the other side did.
func (x *exchange) mayHaveEffect() bool { return x.effect && x.sent.Load() }

// giveUp ends the exchange: its job's context is over.
func (x *exchange) giveUp() {
	cause := context.Cause(x.job)
	if x.mayHaveEffect() {
		wait := x.late
		var cancelled *cordum.CancelledError
		if errors.As(cause, &cancelled) {
			wait = x.cancelled
		}
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-x.ctx.Done():
		}
	}
	x.cancel(cause)
}

// failed is the failure of the whole: why the exchange was ended, or else what befell the connection.
func (x *exchange) failed(host string, err error) error {
	unknown := x.mayHaveEffect()
	switch cause := context.Cause(x.ctx); {
	case cause == nil:
		return exchangeFailed(host, err, unknown)
	case errors.Is(cause, errTooSlow):
		return &cordum.Error{Kind: cordum.KindRetryable, Code: CodeResponseTooSlow, Err: errTooSlow, Details: unknownIf(unknown)}
	case unknown: // not the context's error: by that a tool says that it left nothing behind
		return &cordum.Error{
			Kind: cordum.KindRetryable, Code: CodeNoAnswer, Details: unknownIf(unknown),
			Err: errors.New("the request to " + host + " left, but the call was ended before an answer came"),
		}
	case errors.Is(cause, errDeadline):
		return cordum.Retryable(cordum.CodeTimeout, errDeadline)
	default:
		return cause
	}
}

// read takes a body, up to one byte more than limit, and ends the exchange when it drips.
func (x *exchange) read(body io.Reader, limit int64) ([]byte, error) {
	pace := newPace(x.slowWindow, x.slowBytes, func() { x.cancel(errTooSlow) })
	defer pace.stop()
	return io.ReadAll(io.LimitReader(pace.count(body), limit+1))
}

// pace watches how fast bytes come: whenever a window passes with too few, it says so once and stops.
type pace struct {
	window time.Duration
	least  int
	slow   func()

	mu      sync.Mutex
	timer   *time.Timer
	came    int
	stopped bool
}

func newPace(window time.Duration, least int, slow func()) *pace {
	p := &pace{window: window, least: least, slow: slow}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer = time.AfterFunc(window, p.check)
	return p
}

func (p *pace) check() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return
	}
	if p.came < p.least {
		p.stopped = true
		p.slow()
		return
	}
	p.came = 0
	p.timer.Reset(p.window)
}

func (p *pace) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	p.timer.Stop()
}

func (p *pace) count(r io.Reader) io.Reader { return counted{r, p} }

type counted struct {
	io.Reader
	pace *pace
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.pace.mu.Lock()
	c.pace.came += n
	c.pace.mu.Unlock()
	return n, err
}

// client makes a client that goes out through the guard alone: no proxy of the environment, no cookies, a connection
// for each hop, so that each hop is decided.
func (g *guard) client() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil,
			DialContext:            g.dial,
			TLSHandshakeTimeout:    connectTimeout,
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: MaxResponseHeaders,
			Protocols:              onlyHTTP1(),
		},
		CheckRedirect: checkRedirect,
	}
}

func onlyHTTP1() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	return p
}

// checkRedirect looks at each further hop. What the step says to one host is not said to another.
func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > MaxRedirects {
		return errTooManyRedirects
	}
	if err := checkTarget(req.URL); err != nil {
		return err
	}
	req.Header.Del("Referer") // an address may hold a secret
	first := via[0].URL
	if first.Scheme == "https" && req.URL.Scheme != "https" {
		return errLeavesTLS
	}
	away := func(hop *http.Request) bool { return origin(hop.URL) != origin(first) }
	if away(req) || slices.ContainsFunc(via, away) {
		return leaveBehind(req)
	}
	return nil
}

// carried are the headers that go along to another host.
var carried = map[string]bool{"Accept": true, "Accept-Language": true, "User-Agent": true}

func leaveBehind(req *http.Request) error {
	if req.Body != nil && req.Body != http.NoBody {
		return errTakesBody
	}
	for name := range req.Header {
		if !carried[name] {
			req.Header.Del(name)
		}
	}
	return nil
}
