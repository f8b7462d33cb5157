package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
	sdk "cordum.dev/cordum/sdk/go"
)

// serve runs a worker of the Go library in this process until the test is over.
func (p *process) serve(w *sdk.Worker) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	p.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			p.t.Errorf("worker %s: %v", w.ID(), err)
		}
	})
}

// customer is somebody who changes one thing again and again while the server is killed, and knows what was acknowledged.
type customer interface {
	// act changes it once; an error says that nobody knows whether that came to be.
	act(random *rand.Rand) error
	// check compares it with what was acknowledged, and takes over what is: the last change may have come to be or not.
	check()
}

// TestFleetDocumentsThroughKills kills the server with -9 while people hold locks from outside, drain workers and pools, and
// change the pools' document. What was acknowledged is there afterwards, a lock under the same fencing token.
func TestFleetDocumentsThroughKills(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.start()
	var customers []customer
	for i := range 3 {
		customers = append(customers, &lockOwner{p: p, lock: fmt.Sprint("outside:", i), owner: fmt.Sprint("owner-", i)}, &drainer{p: p, name: fmt.Sprint("fleet-", i)})
	}
	customers = append(customers, &poolsWriter{p: p})
	random, acts := rand.New(rand.NewPCG(31, 31)), 0
	for range rounds(9) {
		stops := make(chan int, len(customers))
		for _, c := range customers {
			own := rand.New(rand.NewPCG(random.Uint64(), 0))
			go func() { stops <- p.actUntilKilled(c, own) }()
		}
		time.Sleep(time.Duration(20+random.IntN(100)) * time.Millisecond) // some moment
		p.kill()
		done := 0
		for range customers {
			done += <-stops
		}
		p.start()
		for _, c := range customers {
			c.check()
		}
		acts += done
	}
	if acts < 10*rounds(9) {
		t.Errorf("only %d changes were acknowledged", acts)
	}
	locked := 0
	for _, c := range customers {
		if o, is := c.(*lockOwner); is {
			locked += len(o.tokens)
			o.handsOver()
		}
	}
	if locked < rounds(9) {
		t.Errorf("only %d grants in all rounds", locked)
	}
	p.drainedOverKill()
	t.Logf("%d kills, %d changes, %d grants", rounds(9), acts, locked)
}

// actUntilKilled has a customer act until the server is gone, and counts what was acknowledged.
func (p *process) actUntilKilled(c customer, random *rand.Rand) (done int) {
	for {
		err := c.act(random)
		if err == nil {
			done++
			continue
		}
		var gone *url.Error
		if !errors.As(err, &gone) && !errors.Is(err, io.ErrUnexpectedEOF) {
			p.t.Errorf("the server refused what it should not: %v", err)
		}
		return done
	}
}

// drainedOverKill has a worker drained and the server killed: it gets nothing until the drain is lifted.
func (p *process) drainedOverKill() {
	p.t.Helper()
	w, err := sdk.NewWorker(sdk.WorkerConfig{URL: "nats://" + p.nats, ID: "empty", Heartbeat: 300 * time.Millisecond})
	if err != nil {
		p.t.Fatal(err)
	}
	sdk.RegisterTopic(w, "job.fleet.work", func(_ context.Context, _ sdk.Job, in map[string]any) (map[string]any, error) { return in, nil })
	p.serve(w)
	p.until("the worker is there", func() bool { return p.stateOf("empty") == "alive" })
	steps := []struct{ path, body string }{
		{"/api/v1/workflows", "id: drained\nsteps:\n  - {id: a, topic: job.fleet.work}\n"}, {"/api/v1/workers/empty/drain", "{}"},
	}
	for _, s := range steps {
		if err := p.call("POST", s.path, map[bool]string{true: "application/json", false: "application/yaml"}[s.body == "{}"], []byte(s.body), nil); err != nil {
			p.t.Fatal(err)
		}
	}
	p.kill()
	p.start()
	p.until("the worker is there again", func() bool { return p.stateOf("empty") == "draining" })
	run := p.beginRun("drained")
	p.until("its job waits for the drain", func() bool {
		where := p.viewOf(run).Steps[0].Placement
		return where != nil && where.Reason == "draining"
	})
	if err := p.call("POST", "/api/v1/workers/empty/undrain", "application/json", []byte(`{}`), nil); err != nil {
		p.t.Fatal(err)
	}
	p.ends(run)
}

// drainer lets a worker and a pool run empty, and lifts that.
type drainer struct {
	p     *process
	name  string // of both
	set   map[string]runner.Drain
	doubt string // what its last call was about, if it is not known what that did
	n     int
}

func (d *drainer) act(random *rand.Rand) error {
	of := []string{"worker", "pool"}[random.IntN(2)]
	d.doubt = of
	if d.set == nil {
		d.set = map[string]runner.Drain{}
	}
	if _, is := d.set[of]; is {
		if err := d.p.call("POST", "/api/v1/"+of+"s/"+d.name+"/undrain", "application/json", []byte(`{}`), nil); err != nil {
			return err
		}
		delete(d.set, of)
	} else {
		d.n++
		var got runner.Drain
		body := fmt.Sprintf(`{"reason": "the %d. time"}`, d.n)
		if err := d.p.call("POST", "/api/v1/"+of+"s/"+d.name+"/drain", "application/json", []byte(body), &got); err != nil {
			return err
		}
		d.set[of] = got
	}
	d.doubt = ""
	return nil
}

func (d *drainer) check() {
	d.p.t.Helper()
	var page struct{ Items []runner.Drain }
	if err := d.p.call("GET", "/api/v1/drains", "", nil, &page); err != nil {
		d.p.t.Fatal(err)
	}
	for _, of := range []string{"worker", "pool"} {
		at := slices.IndexFunc(page.Items, func(x runner.Drain) bool { return x.Of == of && x.Name == d.name })
		kept, was := d.set[of]
		switch {
		case of == d.doubt && at >= 0 && !was:
			d.set[of] = page.Items[at]
		case of == d.doubt && at < 0:
			delete(d.set, of)
		case was != (at >= 0), was && page.Items[at] != kept:
			d.p.t.Errorf("%s %s: acknowledged is %+v, the server has %+v", of, d.name, kept, page.Items)
		}
	}
	d.doubt = ""
}

// poolsWriter replaces the document over pools.yaml.
type poolsWriter struct {
	p          *process
	kept, next string // what was acknowledged; what the last call wrote
	n          int
}

func (w *poolsWriter) act(*rand.Rand) error {
	w.n++
	w.next = fmt.Sprintf("pools:\n  spare: {max_jobs: %d}\n", w.n)
	var got runner.FleetConfig
	if err := w.p.call("PUT", "/api/v1/config/pools", "application/yaml", []byte(w.next), &got); err != nil {
		return err
	}
	w.kept = w.next
	return nil
}

func (w *poolsWriter) check() {
	w.p.t.Helper()
	var got runner.FleetConfig
	if err := w.p.call("GET", "/api/v1/config/pools", "", nil, &got); err != nil {
		w.p.t.Fatal(err)
	}
	if got.Document != w.kept && got.Document != w.next {
		w.p.t.Errorf("the document is %q, want %q or %q", got.Document, w.kept, w.next)
	}
	w.kept = got.Document
	if w.kept == "" {
		return
	}
	var pools struct{ Items []runner.PoolView }
	if err := w.p.call("GET", "/api/v1/pools", "", nil, &pools); err != nil {
		w.p.t.Fatal(err)
	}
	at := slices.IndexFunc(pools.Items, func(v runner.PoolView) bool { return v.Name == "spare" })
	if at < 0 || !strings.Contains(w.kept, fmt.Sprintf("max_jobs: %d}", pools.Items[at].MaxJobs)) {
		w.p.t.Errorf("in force is %+v, the document says %q", pools.Items, w.kept)
	}
}
