package web

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// browser is a page in a window of its own, as one reader has it.
type browser struct {
	t       *testing.T
	program *chromium
	session string

	mu     sync.Mutex
	errors []string // what the page wrote as errors, and exceptions nobody caught
}

// openBrowser opens a page with an empty profile. It is gone after the test.
func openBrowser(t *testing.T, url string) *browser {
	t.Helper()
	program, err := theBrowser()
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, program: program}
	var profile struct {
		BrowserContextID string `json:"browserContextId"`
	}
	b.decode(b.must("Target.createBrowserContext", map[string]any{}), &profile)
	t.Cleanup(func() {
		_, _ = program.call("", "Target.disposeBrowserContext", profile) // with the browser it is gone, too
		program.listen(b.session, nil)
	})
	var target struct {
		TargetID string `json:"targetId"`
	}
	b.decode(b.must("Target.createTarget", map[string]any{"url": "about:blank", "browserContextId": profile.BrowserContextID, "newWindow": true}), &target)
	var attached struct {
		SessionID string `json:"sessionId"`
	}
	b.decode(b.must("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}), &attached)
	b.session = attached.SessionID
	program.listen(b.session, b.hear)
	for _, domain := range []string{"Runtime.enable", "Log.enable", "Page.enable"} {
		b.must(domain, map[string]any{})
	}
	b.must("Emulation.setFocusEmulationEnabled", map[string]any{"enabled": true}) // each window has the keyboard, whichever is in front
	b.must("Page.navigate", map[string]any{"url": url})
	return b
}

// hear keeps errors of the page.
func (b *browser) hear(method string, params json.RawMessage) {
	switch {
	case method == "Runtime.exceptionThrown", method == "Log.entryAdded" && isError(params),
		method == "Runtime.consoleAPICalled" && strings.Contains(string(params), `"type":"error"`):
		b.mu.Lock()
		b.errors = append(b.errors, string(params))
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

// must makes one call of the protocol, to the page once there is one.
func (b *browser) must(method string, params any) json.RawMessage {
	b.t.Helper()
	result, err := b.program.call(b.session, method, params)
	if err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	return result
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
