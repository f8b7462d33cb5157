package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// patience bounds every wait of a browser test; a busy machine needs some seconds to start a browser.
const patience = 60 * time.Second

// browser is a headless Chromium, driven over its DevTools protocol.
type browser struct {
	t    *testing.T
	conn *websocket.Conn

	mu      sync.Mutex
	next    int
	waiting map[int]chan reply
	errors  []string // what the page wrote as errors, and exceptions nobody caught
	closed  error
	session string
}

type reply struct {
	result json.RawMessage
	err    error
}

// openBrowser starts Chromium with a profile of its own and opens a page. Everything is gone after the test.
func openBrowser(t *testing.T, url string) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("chromium is missing, which this test drives: run make deps, or install the package chromium")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path,
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
		"--remote-debugging-port=0", "--user-data-dir="+t.TempDir(), "about:blank")
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, waiting: map[int]chan reply{}}
	t.Cleanup(func() {
		if b.conn != nil {
			_, _ = b.call("Browser.close", nil) // it may be gone already
			_ = b.conn.Close()
		}
		time.AfterFunc(5*time.Second, cancel) // one that does not close is killed
		_ = cmd.Wait()
		cancel()
	})
	b.connect(devtoolsURL(t, bufio.NewScanner(stderr)))
	b.open(url)
	return b
}

// devtoolsURL reads where the browser listens; it says so on stderr.
func devtoolsURL(t *testing.T, lines *bufio.Scanner) string {
	t.Helper()
	found := make(chan string, 1)
	go func() {
		for lines.Scan() {
			if _, url, ok := strings.Cut(lines.Text(), "DevTools listening on "); ok {
				found <- strings.TrimSpace(url)
			}
		}
		close(found)
	}()
	select {
	case url, ok := <-found:
		if !ok {
			t.Fatal("chromium ended before it listened")
		}
		return url
	case <-time.After(patience):
		t.Fatalf("chromium does not listen after %s", patience)
	}
	return ""
}

func (b *browser) connect(url string) {
	b.t.Helper()
	var err error
	if b.conn, _, err = websocket.DefaultDialer.Dial(url, nil); err != nil {
		b.t.Fatal(err)
	}
	go b.read()
}

// read hands answers to who waits and keeps errors of the page.
func (b *browser) read() {
	for {
		var m struct {
			ID     int             `json:"id"`
			Method string          `json:"method"`
			Params json.RawMessage `json:"params"`
			Result json.RawMessage `json:"result"`
			Error  *struct {
				Message string `json:"message"`
			} `json:"error"`
		}
		err := b.conn.ReadJSON(&m)
		b.mu.Lock()
		if err != nil {
			b.closed = err
			for _, c := range b.waiting {
				c <- reply{err: err}
			}
			b.waiting = map[int]chan reply{}
			b.mu.Unlock()
			return
		}
		switch {
		case m.ID != 0 && b.waiting[m.ID] != nil:
			r := reply{result: m.Result}
			if m.Error != nil {
				r.err = errors.New(m.Error.Message)
			}
			b.waiting[m.ID] <- r
			delete(b.waiting, m.ID)
		case m.Method == "Runtime.exceptionThrown", m.Method == "Log.entryAdded" && isError(m.Params),
			m.Method == "Runtime.consoleAPICalled" && strings.Contains(string(m.Params), `"type":"error"`):
			b.errors = append(b.errors, string(m.Params))
		}
		b.mu.Unlock()
	}
}

func isError(params json.RawMessage) bool {
	var entry struct {
		Entry struct {
			Level string `json:"level"`
		} `json:"entry"`
	}
	return json.Unmarshal(params, &entry) == nil && entry.Entry.Level == "error"
}

// call makes one call of the protocol.
func (b *browser) call(method string, params any) (json.RawMessage, error) {
	answer := make(chan reply, 1)
	b.mu.Lock()
	if b.closed != nil {
		b.mu.Unlock()
		return nil, b.closed
	}
	b.next++
	id := b.next
	b.waiting[id] = answer
	err := b.conn.WriteJSON(map[string]any{"id": id, "method": method, "params": params, "sessionId": b.session})
	b.mu.Unlock()
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

func (b *browser) must(method string, params any) json.RawMessage {
	b.t.Helper()
	result, err := b.call(method, params)
	if err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	return result
}

// open makes a page and goes there.
func (b *browser) open(url string) {
	b.t.Helper()
	var target struct {
		TargetID string `json:"targetId"`
	}
	b.decode(b.must("Target.createTarget", map[string]any{"url": "about:blank"}), &target)
	var attached struct {
		SessionID string `json:"sessionId"`
	}
	b.decode(b.must("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}), &attached)
	b.mu.Lock()
	b.session = attached.SessionID
	b.mu.Unlock()
	for _, domain := range []string{"Runtime.enable", "Log.enable", "Page.enable"} {
		b.must(domain, map[string]any{})
	}
	b.must("Page.navigate", map[string]any{"url": url})
}

func (b *browser) decode(raw json.RawMessage, into any) {
	b.t.Helper()
	if err := json.Unmarshal(raw, into); err != nil {
		b.t.Fatal(err)
	}
}

// eval runs an expression in the page and answers its value as text.
func (b *browser) eval(expression string) string {
	b.t.Helper()
	var answer struct {
		Result struct {
			Value any `json:"value"`
		} `json:"result"`
		Exception json.RawMessage `json:"exceptionDetails"`
	}
	b.decode(b.must("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}), &answer)
	if answer.Exception != nil {
		b.t.Fatalf("%s: %s", expression, answer.Exception)
	}
	return fmt.Sprint(answer.Result.Value)
}

// text is what the first element of a selector says; empty when there is none.
func (b *browser) text(selector string) string {
	b.t.Helper()
	return b.eval(fmt.Sprintf(`document.querySelector(%q)?.textContent ?? ""`, selector))
}

// until polls the page until a selector's text contains want.
func (b *browser) until(selector, want string) {
	b.t.Helper()
	b.poll(fmt.Sprintf("%q in %s", want, selector), func() bool { return strings.Contains(b.text(selector), want) })
}

// when polls the page until an expression is true.
func (b *browser) when(expression string) {
	b.t.Helper()
	b.poll(expression, func() bool { return b.eval(expression) == "true" })
}

// poll waits until something is so, and fails with what the page says when it does not become so.
func (b *browser) poll(what string, is func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); !is(); {
		if time.Now().After(deadline) {
			b.t.Fatalf("waited for %s; the page:\n%s", what, b.eval("document.body.innerText"))
		}
		b.eval("new Promise((done) => setTimeout(done, 20))")
	}
}

// click clicks as a person does, and fails when there is nothing to click.
func (b *browser) click(selector string) {
	b.t.Helper()
	if b.eval(fmt.Sprintf(`(() => { const e = document.querySelector(%q); if (!e || e.disabled) return "no"; e.click(); return "yes"; })()`, selector)) != "yes" {
		b.t.Fatalf("%s cannot be clicked", selector)
	}
}

// noErrors fails when the page wrote an error to its console.
func (b *browser) noErrors() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.errors {
		b.t.Errorf("the page's console: %s", e)
	}
}
