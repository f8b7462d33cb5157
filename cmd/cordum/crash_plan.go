package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/backup"
)

// crashAction is what happens at a crash point.
type crashAction string

// The actions. What an error strikes is what comes next behind the point: see crashNext.
const (
	crashExit      crashAction = "exit"          // the process ends as by kill -9
	crashHang      crashAction = "hang"          // the whole process stops until somebody lets it go on, or kills it
	crashError     crashAction = "error"         // what comes next is not done, and says so
	crashDoneError crashAction = "do-then-error" // what comes next is done, and says that it was not
	// crashHangLate is for points with a commit behind them: the process stops when that is made, and sends it when it goes on.
	crashHangLate crashAction = "hang-late"
)

// crashActions lists those that every point has, in the order of reports.
func crashActions() []crashAction {
	return []crashAction{crashExit, crashHang, crashError, crashDoneError}
}

func (a crashAction) hangs() bool { return a == crashHang || a == crashHangLate }

// Points outside of the engine.
const (
	crashAnswered = "CP3"  // the answer of a start is written to its caller
	crashBackup   = "CP24" // a backup's data is copied, its manifest is not written
)

// Points of commands about stores, besides those of backup.
const (
	crashWanted    = "CP22.wanted"  // the servers have been asked to raise the store's level, the command does not wait yet
	crashRaising   = "CP22.raising" // the level is to be raised, by the command or a server
	crashRaised    = "CP22.raised"  // the level is raised, nobody knows
	crashExporting = "CP24.writing" // a half of an export is written
)

// crashOp is a kind of thing that a process does towards others.
type crashOp uint8

// The kinds. The zero value is none.
const (
	crashNone   crashOp = iota
	crashCommit         // a commit of the store
	crashRead           // a read of the store
	crashSend           // a message on the bus
	crashAnswer         // what is written to an HTTP client; its connection is cut
	crashCopy           // the rest of a backup
	crashRest           // the rest of a command
)

// crashNext says what comes next behind each point, and is struck by an error there.
var crashNext = map[string]crashOp{
	runner.CrashSubmitted: crashCommit,
	runner.CrashStarted:   crashAnswer,
	crashAnswered:         crashCommit,
	runner.CrashDecided:   crashCommit,
	runner.CrashCommitted: crashSend,
	runner.CrashHalfSent:  crashSend,
	runner.CrashSent:      crashCommit,
	runner.CrashResult:    crashCommit,
	runner.CrashAccepted:  crashSend,
	runner.CrashTimer:     crashCommit,
	runner.CrashUndone:    crashCommit,
	runner.CrashApproved:  crashAnswer,
	runner.CrashOwned:     crashRead,
	runner.CrashSnapshot:  crashCommit,
	runner.CrashPublished: crashCommit,
	runner.CrashDrain:     crashCommit,
	crashBackup:           crashCopy,

	crashWanted:         crashRest,
	crashRaising:        crashRest,
	crashRaised:         crashRest,
	crashExporting:      crashRest,
	backup.CrashCopying: crashRest,
	backup.CrashCopied:  crashRest,
	backup.CrashLoading: crashRest,
	backup.CrashFilled:  crashRest,
	backup.CrashPlaced:  crashRest,
	backup.CrashSettled: crashRest,
}

// crashPlan says where a process fails on purpose, how, and at which time that it passes there. The zero value: nowhere.
type crashPlan struct {
	Point  string      `json:"point"`
	Hit    int         `json:"hit"` // from 1
	Action crashAction `json:"action"`
}

// String is "CP5:2:exit", which parseCrash reads.
func (p crashPlan) String() string { return fmt.Sprintf("%s:%d:%s", p.Point, p.Hit, p.Action) }

// parseCrash reads a plan; without an action it is exit.
func parseCrash(text string) (p crashPlan, err error) {
	point, rest, _ := strings.Cut(text, ":")
	hit, action, named := strings.Cut(rest, ":")
	if !named {
		action = string(crashExit)
	}
	p = crashPlan{Point: point, Action: crashAction(action)}
	if p.Hit, err = strconv.Atoi(hit); err != nil || p.Hit < 1 {
		return crashPlan{}, fmt.Errorf("crash plan %q: want POINT:TIME:ACTION, as CP5:2:exit", text)
	}
	return p, p.check()
}

func (p crashPlan) check() error {
	if _, known := crashNext[p.Point]; !known {
		return fmt.Errorf("there is no crash point %q", p.Point)
	}
	if late := p.Action == crashHangLate && crashNext[p.Point] == crashCommit; !late && !slices.Contains(crashActions(), p.Action) {
		return fmt.Errorf("there is no crash action %q", p.Action)
	}
	return nil
}

// What a crasher tells.
const (
	crashMet    = "met"
	crashStruck = "struck"
	crashFenced = "fenced"     // a late commit, wholly
	crashPassed = "not fenced" // a late commit, or a part of it
)

// errPlanned is the error of what fails on purpose.
var errPlanned = errors.New("it fails on purpose")

// crasher carries a plan out. Nil, as in every server that is not told otherwise, does nothing: then the parts that it would
// wrap are used as they are.
type crasher struct {
	mu     sync.Mutex
	plan   crashPlan
	hits   int // of the plan's point, since it was made
	passed map[string]int
	next   crashOp // what is struck
	after  bool    // it is done all the same
	// told hears "met" at the plan's point and "struck" when something fails; nil: nobody.
	told func(what string)
}

func (c *crasher) tell(what string) {
	if c.told != nil {
		c.told(what + " " + c.plan.String())
	}
}

// order makes another plan; what was passed before does not count.
func (c *crasher) order(p crashPlan) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.plan, c.hits, c.next, c.passed = p, 0, crashNone, map[string]int{}
}

// counts answers how often each point was passed since the plan was made.
func (c *crasher) counts() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.passed)
}

// pass is called at each point.
func (c *crasher) pass(point string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.passed == nil {
		c.passed = map[string]int{}
	}
	c.passed[point]++
	if point != c.plan.Point {
		return
	}
	if c.hits++; c.hits != c.plan.Hit {
		return
	}
	c.tell(crashMet)
	switch c.plan.Action {
	case crashExit:
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // nothing runs behind this point
	case crashHang:
		hangHere()
	case crashError, crashDoneError, crashHangLate:
		c.next, c.after = crashNext[point], c.plan.Action == crashDoneError
	}
}

// hangHere stops the process. Nothing runs behind this point before somebody lets the process go on: that it is stopped reaches each
// of its threads a moment later only, this one perhaps last.
func hangHere() {
	goesOn := make(chan os.Signal, 1)
	signal.Notify(goesOn, syscall.SIGCONT)
	defer signal.Stop(goesOn)
	_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	<-goesOn
}

// strike tells whether the next thing of a kind is this one, and is to fail; done says that it is done all the same.
func (c *crasher) strike(op crashOp) (fails, done bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next != op {
		return false, false
	}
	c.next = crashNone
	c.tell(crashStruck)
	return true, c.after
}

// late tells whether what is struck is done when the process has hung.
func (c *crasher) late() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.plan.Action == crashHangLate
}

// around does something that may be told to fail.
func (c *crasher) around(op crashOp, do func() error) error {
	fails, done := c.strike(op)
	if !fails {
		return do()
	}
	if done {
		_ = do() // it counts as failed in any case
	}
	return errPlanned
}

// hook is what the engine calls at its points.
func (c *crasher) hook() func(string) {
	if c == nil {
		return nil
	}
	return c.pass
}

// storeOf is the store that the engine works with.
func (c *crasher) storeOf(s serverStore) store.Store {
	if c == nil {
		return s
	}
	return &crashStore{s, c}
}

// crashStore is a store whose commits and reads may fail.
type crashStore struct {
	serverStore
	c *crasher
}

func (s *crashStore) Commit(ctx context.Context, txs ...store.Tx) []error {
	fails, done := s.c.strike(crashCommit)
	switch {
	case !fails:
		return s.serverStore.Commit(ctx, txs...)
	case s.c.late():
		return s.commitLate(ctx, txs)
	case done:
		s.serverStore.Commit(ctx, txs...)
	}
	errs := make([]error, len(txs))
	for i := range errs {
		errs[i] = errPlanned
	}
	return errs
}

// commitLate sends a commit when the process goes on, and tells whether the store refused all of it as that of a former owner.
func (s *crashStore) commitLate(ctx context.Context, txs []store.Tx) []error {
	hangHere()
	errs, what := s.serverStore.Commit(ctx, txs...), crashFenced
	for _, err := range errs {
		if !errors.Is(err, store.ErrFenced) {
			what = fmt.Sprintf("%s (%v)", crashPassed, err)
		}
	}
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.c.tell(what)
	return errs
}

func (s *crashStore) Scan(ctx context.Context, p store.Partition, r store.Range) (page store.Page, err error) {
	err = s.c.around(crashRead, func() error { page, err = s.serverStore.Scan(ctx, p, r); return err })
	return page, err
}

// busOf is the bus that the engine speaks over.
func (c *crasher) busOf(b bus.Bus) bus.Bus {
	if c == nil {
		return b
	}
	return &crashBus{b, c}
}

// crashBus is a bus whose sends may fail.
type crashBus struct {
	bus.Bus
	c *crasher
}

func (b *crashBus) Publish(subject string, data []byte) error {
	return b.c.around(crashSend, func() error { return b.Bus.Publish(subject, data) })
}

func (b *crashBus) PublishRequest(subject, reply string, data []byte) error {
	return b.c.around(crashSend, func() error { return b.Bus.PublishRequest(subject, reply, data) })
}

// listenerOf is where HTTP clients are answered.
func (c *crasher) listenerOf(l net.Listener) net.Listener {
	if c == nil {
		return l
	}
	return crashListener{l, c}
}

type crashListener struct {
	net.Listener
	c *crasher
}

func (l crashListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &crashConn{Conn: conn, c: l.c}, nil
}

// crashConn is a client's connection that may be cut instead of answered, and knows when a start was.
type crashConn struct {
	net.Conn
	c     *crasher
	start bool   // the request that is being read began as that of a start
	first []byte // the one byte that the HTTP server reads ahead, while it answers the request before
	mu    sync.Mutex
}

func (c *crashConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	read := append(c.first, p[:max(n, 0)]...)
	if c.first = nil; len(read) == 1 {
		c.first = read
	}
	if line, _, found := bytes.Cut(read, []byte("\r\n")); found {
		c.start = c.start || bytes.HasPrefix(line, []byte("POST ")) && bytes.HasSuffix(line, []byte("/runs HTTP/1.1"))
	}
	return n, err
}

func (c *crashConn) Write(p []byte) (n int, err error) {
	err = c.c.around(crashAnswer, func() error { n, err = c.Conn.Write(p); return err })
	if errors.Is(err, errPlanned) {
		return n, errors.Join(err, c.Close())
	}
	c.mu.Lock()
	started := c.start && err == nil
	c.start = false
	c.mu.Unlock()
	if started {
		c.c.pass(crashAnswered)
	}
	return n, err
}
