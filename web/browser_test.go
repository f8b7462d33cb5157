package web

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// patience bounds every wait of a browser test; a busy machine needs some seconds to start a browser.
const patience = 60 * time.Second

// chromium is the browser of all tests, headless and driven over its DevTools protocol. Each test has a profile of its own in
// it. The pipe of the protocol is its leash: it ends when that closes, however the tests end.
type chromium struct {
	cmd  *exec.Cmd
	dir  string   // its home and its profile
	send *os.File // commands, each ended by a zero byte

	mu      sync.Mutex
	next    int
	waiting map[int]chan reply
	heard   map[string]func(method string, params json.RawMessage) // who is told of events, by session
	closed  error
}

type reply struct {
	result json.RawMessage
	err    error
}

var theBrowser = sync.OnceValues(startChromium)

// started tells whether there is something to end after the tests.
var started bool

func TestMain(m *testing.M) {
	code := m.Run()
	if started {
		if c, err := theBrowser(); err == nil {
			c.end()
		}
	}
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

func startChromium() (*chromium, error) {
	started = true
	path, err := exec.LookPath("chromium")
	if err != nil {
		return nil, errors.New("chromium is missing, which these tests drive: run make deps, or install the package chromium")
	}
	dir, err := os.MkdirTemp("", "cordum-web-")
	if err != nil {
		return nil, err
	}
	commands, send, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	receive, answers, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path,
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
		"--remote-debugging-pipe", "--user-data-dir="+dir+"/profile", "about:blank")
	cmd.Env = append(os.Environ(), "HOME="+dir)
	cmd.ExtraFiles = []*os.File{commands, answers} // its 3 and 4, as the protocol has it
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	_, _ = commands.Close(), answers.Close() // the browser has them
	c := &chromium{cmd: cmd, dir: dir, send: send, waiting: map[int]chan reply{}, heard: map[string]func(string, json.RawMessage){}}
	go c.read(bufio.NewReader(receive))
	return c, nil
}

// end lets the browser go and waits until nothing of it is left.
func (c *chromium) end() {
	_, _ = c.call("", "Browser.close", nil) // it may be gone already
	_ = c.send.Close()
	killed := time.AfterFunc(5*time.Second, func() { _ = c.cmd.Process.Kill() })
	_ = c.cmd.Wait() // it was told to end: how it does is nobody's concern
	killed.Stop()
	_ = os.RemoveAll(c.dir)
}

// read hands answers to who waits and events to who listens.
func (c *chromium) read(from *bufio.Reader) {
	for {
		raw, err := from.ReadBytes(0)
		if err != nil {
			c.fail(err)
			return
		}
		var m struct {
			ID        int             `json:"id"`
			SessionID string          `json:"sessionId"`
			Method    string          `json:"method"`
			Params    json.RawMessage `json:"params"`
			Result    json.RawMessage `json:"result"`
			Error     *struct {
				Message string `json:"message"`
			} `json:"error"`
		}
		if err := json.Unmarshal(raw[:len(raw)-1], &m); err != nil {
			c.fail(err)
			return
		}
		c.mu.Lock()
		waits, heard := c.waiting[m.ID], c.heard[m.SessionID]
		delete(c.waiting, m.ID)
		c.mu.Unlock()
		switch {
		case waits != nil && m.Error != nil:
			waits <- reply{err: errors.New(m.Error.Message)}
		case waits != nil:
			waits <- reply{result: m.Result}
		case heard != nil:
			heard(m.Method, m.Params)
		}
	}
}

// fail answers everybody who waits with what broke the connection.
func (c *chromium) fail(err error) {
	if errors.Is(err, io.EOF) {
		err = errors.New("the browser has ended")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = err
	for _, waits := range c.waiting {
		waits <- reply{err: err}
	}
	c.waiting = map[int]chan reply{}
}

// call makes one call of the protocol, in a session if that is named.
func (c *chromium) call(session, method string, params any) (json.RawMessage, error) {
	answer := make(chan reply, 1)
	c.mu.Lock()
	if c.closed != nil {
		c.mu.Unlock()
		return nil, c.closed
	}
	c.next++
	command := map[string]any{"id": c.next, "method": method}
	if session != "" {
		command["sessionId"] = session
	}
	if params != nil {
		command["params"] = params
	}
	raw, err := json.Marshal(command)
	if err == nil {
		c.waiting[c.next] = answer
		_, err = c.send.Write(append(raw, 0))
	}
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	select {
	case r := <-answer:
		return r.result, r.err
	case <-time.After(patience):
		return nil, fmt.Errorf("%s: no answer after %s", method, patience)
	}
}

// listen sets who is told of a session's events; nil ends it.
func (c *chromium) listen(session string, heard func(method string, params json.RawMessage)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if heard == nil {
		delete(c.heard, session)
		return
	}
	c.heard[session] = heard
}
