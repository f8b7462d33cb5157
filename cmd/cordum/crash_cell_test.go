package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// cellMost is how long it may take until a cell's point is met, or its runs are over, on a busy machine; hanging comes on top.
const cellMost = 90 * time.Second

// cellDrive is one cell that is being played.
type cellDrive struct {
	t         *testing.T
	p         *process // whom people ask, and the workers' ledger is beside
	failing   *process // the server that fails: p, or the other engine of two
	through   *process // whom people ask instead of p; nil: nobody
	open      func() (serverStore, error)
	more      func() bool // has more runs started until the point is met, and tells whether to push; nil: there are enough
	c         matrixCell
	runs      []*sagaRun
	worker    *sagaWorkerProcess // what fails; nil: the server does
	saved     bool
	signalled map[string]bool
	asked     int    // publishes or backups that were answered
	stopped   bool   // it was told to drain
	hung      func() // waits until a server that hangs may go on; nil: for hangFor
}

func newCellDrive(t *testing.T, c matrixCell, asked, failing *process) *cellDrive {
	d := &cellDrive{t: t, p: asked, failing: failing, c: c, signalled: map[string]bool{}}
	d.addRuns("")
	return d
}

// addRuns adds two runs, which the next push starts: one that is to succeed, and one that a person has undone.
func (d *cellDrive) addRuns(suffix string) {
	for _, root := range []string{rootGoes, rootUndone} {
		r := &sagaRun{shape: d.c.shape, root: root + suffix}
		if slices.Contains(d.c.shape.failAt, "undo") {
			r.fail, r.times = "undo", 1
		}
		d.runs = append(d.runs, r)
	}
}

// What the names of runs begin with: one whose gates a person opens, and one whose gates are kept shut.
const (
	rootGoes   = "one"
	rootUndone = "other"
)

// play plays the cell; acknowledged starts that the store does not have in the end are counted in lost.
func (c matrixCell) play(t *testing.T, lost *atomic.Int64) {
	p := newProcess(t)
	p.tags = "crashtest"
	if p.mode = []string{"--dev"}; c.plan.Point == crashBackup {
		p.mode = append(p.mode, "--backup-dir", filepath.Join(p.dir, "backups"))
	}
	d := newCellDrive(t, c, p, p)
	d.open = func() (serverStore, error) { return openOffline(filepath.Join(p.dir, "data"), true) }
	defer func() { lost.Add(int64(d.checkStore())) }()
	if c.plan.Point == runner.CrashSnapshot {
		c.shape.pad = 600 // more facts than a snapshot needs at least
	}
	d.fails()
	switch {
	case d.worker == nil: // no worker was lost
	case c.plan.Action == crashHang && c.plan.Hit == 1: // the lost worker came back, and did what it had leave to do
		auditLate(t, p, d.runs)
		return
	default: // what a lost worker did nobody knows, nor what came to one whose connection broke
		auditRuns(t, p, d.runs, false)
		return
	}
	d.audit()
}

// audit judges runs whose workers lived: everything happened exactly once, and each ended as people had it.
func (d *cellDrive) audit() {
	views, _ := auditRuns(d.t, d.p, d.runs, true)
	for root, v := range views {
		undone := strings.HasPrefix(root, rootUndone)
		if want := map[bool]string{false: "succeeded", true: "failed"}[undone]; v.State != want || undone && v.Compensation != "done" {
			d.t.Errorf("run %s is %s, compensation %s; want it %s", root, v.State, v.Compensation, want)
		}
	}
}

// auditLate judges runs whose worker went on behind its lease: what it did then, only the target of its effects could have refused
// (docs/guarantees.md). Its results are not taken, nothing is accepted twice, and everything ends.
func auditLate(t *testing.T, p *process, runs []*sagaRun) {
	t.Helper()
	ledger, err := readSagaLedger(p.sagaLedger())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		a := newAudit(t, r, p.settles(r), ledger, false)
		for run := range a.runs {
			a.history(p.wholeTimeline(run))
		}
	}
}

// checkStore ends the servers and reads what they leave: every log folds to what is stored beside it, the chains of the audit log hold,
// and each start that was acknowledged is there. It answers how many are not, also of a cell that has failed.
func (d *cellDrive) checkStore() (lost int) {
	d.p.kill()
	d.failing.kill()
	s, err := d.open()
	if err != nil {
		d.t.Errorf("the store cannot be opened: %v", err)
		return 0
	}
	defer s.Close()
	if err := soundStore(context.Background(), s, func(says string) { d.t.Error("the store: " + says) }); err != nil {
		d.t.Errorf("the store cannot be read: %v", err)
	}
	for _, r := range d.runs {
		if r.id == "" {
			continue // not acknowledged
		}
		facts := 0
		err := runner.DumpRun(context.Background(), s, "", runner.DumpQuery{Run: r.id}, func(runner.DumpedFact) error { facts++; return nil })
		if err != nil || facts == 0 {
			d.t.Errorf("run %s was acknowledged; the store has %d facts of it: %v", r.id, facts, err)
			lost++
		}
	}
	return lost
}

// fails has the process fail, and everything go on until it is over.
func (d *cellDrive) fails() {
	if slices.Contains(workerPoints(), d.c.plan.Point) {
		d.workerFails()
		return
	}
	d.p.inProcess("saga")
	plan, lives := d.c.plan, 1
	if plan.Point == runner.CrashOwned || plan.Point == runner.CrashDrain { // passed once in a process's life
		plan.Hit, lives = 1, plan.Hit
	}
	if plan.Point == runner.CrashOwned { // there must be something to take over
		d.p.start()
		d.until("something is under way", func() bool { d.push(); return d.p.sagaDone() > 0 })
		d.p.kill()
	}
	for range lives {
		d.p.kill() // the one before that lives on
		d.serverFails(plan)
		d.comesBack(plan)
	}
	d.finish()
}

// serverFails starts the server that is to fail, and lets it meet its point.
func (d *cellDrive) serverFails(plan crashPlan) {
	p := d.failing
	p.launch("CORDUM_TEST_CRASH=" + plan.String())
	told := d.lines()
	var released <-chan struct{}
	if plan.Action.hangs() {
		wait := d.hung
		if wait == nil {
			wait = func() { time.Sleep(hangFor) } // what is tried is this very time
		}
		released = release(p.cmd.Process, p.gone, d.c.plan.Hit > 1, wait)
	}
	d.stopped = false
	d.until("it has failed", func() bool {
		if !p.alive() || isClosed(released) {
			return true
		}
		if plan.Action != crashExit && !plan.Action.hangs() && d.lines() > told+1 {
			return true // met and struck
		}
		if d.more == nil || d.lines() > told || d.more() {
			d.push()
			d.provoke(plan)
		}
		return false
	})
	if plan.Action == crashExit && p.cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		d.t.Fatalf("the server did not die at %s: %v", plan, p.cmd.ProcessState)
	}
	if d.lines() == told {
		d.t.Fatalf("%s was not met", plan)
	}
	if d.stopped {
		p.until("the drained server has ended", func() bool { return !p.alive() })
	}
}

// comesBack starts a server again that did not live on.
func (d *cellDrive) comesBack(plan crashPlan) {
	p := d.failing
	if plan.Point == runner.CrashOwned { // one that cannot read its store when it starts ends by itself
		p.until("the server is ready, or has ended", func() bool { return !p.alive() || p.call("GET", "/readyz", "", nil, nil) == nil })
	}
	if !p.alive() {
		p.kill()
		p.start()
	}
}

// workerFails lets a worker process meet its point, and starts it again when it did not live on.
func (d *cellDrive) workerFails() {
	p, plan := d.p, d.c.plan
	for i, text := range d.c.shape.definitions {
		if !d.c.shape.idempotent { // a compensation of which nobody knows would be held for a person
			text = strings.ReplaceAll(text, "topic: job.saga.undo,", "topic: job.saga.undo, idempotent: true,")
		}
		// What is given to a topic whose only voice hangs is known to be lost at its timeout, ten minutes if it has none.
		d.c.shape.definitions[i] = strings.ReplaceAll(text, "topic: job.saga.", "timeout: 20s, topic: job.saga.")
	}
	p.start()
	w := &sagaWorkerProcess{p: p, id: "saga", crash: plan.String()}
	d.worker = w
	w.start()
	d.t.Cleanup(w.kill)
	gone := make(chan struct{})
	go func() { _, _ = w.cmd.Process.Wait(); close(gone) }()
	var released <-chan struct{}
	if plan.Action == crashHang {
		released = release(w.cmd.Process, gone, plan.Hit > 1, func() { time.Sleep(workerHangFor) })
	}
	d.until("the worker has failed", func() bool {
		if isClosed(gone) || isClosed(released) {
			return true
		}
		if plan.Action != crashExit && plan.Action != crashHang && d.lines() > 1 {
			return true
		}
		d.push()
		return false
	})
	if d.lines() == 0 {
		d.t.Fatalf("%s was not met", plan)
	}
	if isClosed(gone) {
		w.crash = ""
		w.start()
	}
	d.finish()
}

// finish goes on until the runs are over.
func (d *cellDrive) finish() {
	d.until("both runs are over", func() bool {
		d.push()
		for _, r := range d.runs {
			if r.id == "" || d.p.settled(r.id) == nil {
				return false
			}
		}
		return true
	})
}

// until is process.until with the patience of a cell.
func (d *cellDrive) until(what string, ok func() bool) {
	d.t.Helper()
	most := cellMost
	if d.c.plan.Action.hangs() {
		most += 2 * workerHangFor
	}
	for deadline := time.Now().Add(most); !ok(); time.Sleep(10 * time.Millisecond) { // the pace of a client
		if time.Now().After(deadline) {
			d.p.tellStalled()
			for _, r := range d.runs {
				d.t.Logf("%s %s: %+v", r.root, r.id, d.p.settled(r.id))
			}
			d.t.Fatalf("%s: timed out waiting until %s", d.c.name(), what)
		}
	}
}

// lines counts what crashers told.
func (d *cellDrive) lines() int { return strings.Count(d.said(), "crash: ") }

// said is what the server that fails has printed.
func (d *cellDrive) said() string {
	raw, err := os.ReadFile(d.failing.log.Name())
	if err != nil {
		d.t.Fatal(err)
	}
	return string(raw)
}

// push saves the workflow, starts the runs, and does what people do: they open one's gates, and keep the other's shut. What fails
// is tried again by the next call.
func (d *cellDrive) push() {
	p := cmp.Or(d.through, d.p)
	if !d.saved {
		for _, definition := range d.c.shape.definitions {
			if p.call("POST", "/api/v1/workflows", "application/yaml", []byte(definition), nil) != nil {
				return
			}
		}
		d.saved = true
	}
	rootOf := map[string]string{}
	for _, r := range d.runs {
		if r.id == "" && p.begin(r) != nil {
			return
		}
		rootOf[r.id] = r.root
		if d.c.shape.signal != "" && !d.signalled[r.id] {
			body := fmt.Sprintf(`{"name":%q}`, d.c.shape.signal)
			d.signalled[r.id] = p.call("POST", "/api/v1/runs/"+r.id+"/signal", "application/json", []byte(body), nil) == nil
		}
	}
	var page struct {
		Items []runner.ApprovalView `json:"items"`
	}
	if p.call("GET", "/api/v1/approvals?state=waiting", "", nil, &page) != nil {
		return
	}
	for _, a := range page.Items {
		answer := "approve"
		if strings.HasPrefix(rootOf[a.RunID], rootUndone) {
			answer = "deny"
		}
		_ = p.call("POST", "/api/v1/approvals/"+a.ID+"/decide", "application/json", fmt.Appendf(nil, `{"decision":%q}`, answer), nil)
	}
}

// provoke does what a point needs besides runs.
func (d *cellDrive) provoke(plan crashPlan) {
	p := d.p
	if d.runs[0].id == "" {
		return
	}
	switch plan.Point {
	case runner.CrashPublished:
		bundle := fmt.Sprintf("name: open\nrules: [{id: all-%d, match: {topics: [job.saga.*]}, decision: ALLOW}]\n", d.asked)
		if d.asked < plan.Hit && p.publish(bundle) == nil {
			d.asked++
		}
	case crashBackup:
		if d.asked < plan.Hit && p.call("POST", "/api/v1/backups", "application/json", []byte(`{"reason":"for the test"}`), nil) == nil {
			d.asked++
		}
	case runner.CrashDrain:
		if f := d.failing; !d.stopped && p.sagaDone() > 0 && f.call("GET", "/readyz", "", nil, nil) == nil {
			d.stopped = f.cmd.Process.Signal(syscall.SIGTERM) == nil
		}
	}
}

// release waits until a process has stopped itself, leaves it so as long as wait takes, and then lets it go on, or kills it.
func release(of *os.Process, gone <-chan struct{}, kill bool, wait func()) <-chan struct{} {
	released := make(chan struct{})
	go func() {
		defer close(released)
		for !hung(of.Pid) {
			select {
			case <-gone:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
		wait()
		if !kill {
			_ = of.Signal(syscall.SIGCONT)
			return
		}
		_ = of.Kill()
		<-gone
	}()
	return released
}

// hung tells whether a process is stopped.
func hung(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := bytes.Cut(stat, []byte(") "))
	return bytes.HasPrefix(rest, []byte("T"))
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return c != nil
	default:
		return false
	}
}
