package web

import (
	"fmt"
	"testing"
	"time"
)

// view is one page as a reader comes to it.
type view struct{ name, url, selector, want string }

// views are all pages with something on each of them.
func views(t *testing.T) []view {
	run := liveRun()
	ship := run["steps"].([]object)[8]
	delete(ship, "ended_at")
	delete(ship, "error")
	ship["state"], ship["worker"], ship["progress"] = "running", "w1", object{"percent": 40, "message": "loading crates"}
	ship["placement"] = object{"reason": "granted", "why": "least loaded of 4 (score 1.20)"}
	api := newRecorded(t, run)
	explained(api)
	lines := []object{}
	for n, stream := range []string{"debug", "info", "warn", "error", "stdout", "stderr"} {
		lines = append(lines, logLine("ship", 1, n+1, stream, "a line that is longer than a narrow screen is wide, so that it is shown in several rows"))
	}
	api.logs(&written{lines: lines})
	api.fleet(fleet(time.Now().UTC()))
	for path, answer := range newDead(t).answers {
		if _, known := api.answers[path]; !known {
			api.answers[path] = answer
		}
	}
	questions := newFakeAPI(t)
	questions.advance("step_waiting", "approval", "waiting", nil)
	return []view{
		{"runs", api.URL + "/", "tr[data-run]", "order"},
		{"run", api.URL + runPage + "?step=ship", "#log [data-stream=error]", "several rows"},
		{"fleet", api.URL + fleetPage, `tr[data-worker="w1"]`, "4 of 8"},
		{"dead letters", api.URL + "/#/dead-letters?job=" + deadShip, ".details .facts", "Died offailed: no_truck"},
		{"approvals", questions.URL + "/#/approvals", "[data-approval] h2", "Approve"},
	}
}

// look opens a page as it is on a screen of some width.
func (v view) look(t *testing.T, width int) *browser {
	b := openBrowser(t, "about:blank")
	b.must("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600})
	b.must("Page.navigate", map[string]any{"url": v.url})
	b.until(v.selector, v.want)
	b.until("#connection", "live")
	return b
}

// Whatever is on a page fits a telephone: nothing stands beside the screen, no word is cut into letters, and a cell of a table
// says which column it is.
func TestPagesOnANarrowScreen(t *testing.T) {
	t.Parallel()
	for _, v := range views(t) {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			b := v.look(t, 375)
			b.expect(map[string]string{
				`document.documentElement.scrollWidth`: "375",
				`[...document.querySelectorAll("main *, header *")].filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > 376 && !e.closest("svg, thead, .unseen")).map((e) => e.outerHTML.slice(0, 80)).join()`: "",
				`[...document.querySelectorAll("main td, main button, main a")].filter((e) => e.checkVisibility() && e.getBoundingClientRect().width < 24 && !e.closest("svg")).map((e) => e.outerHTML.slice(0, 80)).join()`:      "",
				`[...document.querySelectorAll(".cards td")].filter((e) => !e.dataset.column || !getComputedStyle(e, "::before").content.includes(e.dataset.column)).length`:                                                      "0",
				reachability: "",
			})
			b.noErrors()
		})
	}
}

// contrast lists texts that stand out too little from what is behind them, by day and by night: less than 4.5 to 1.
const contrast = `(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgb = (color) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (e) => { for (; e; e = e.parentElement) { const color = rgb(getComputedStyle(e).backgroundColor); if (color[3] === 255) return color; } return rgb("Canvas"); };
  const poor = [];
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
    if (!own || !e.checkVisibility() || e.disabled || e.closest("svg, noscript, .skip")) continue;
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(e.textContent.slice(0, 40) + " " + ratio.toFixed(2));
  }
  return poor.join("; ");
})()`

// By day and by night every text can be read.
func TestPagesCanBeRead(t *testing.T) {
	t.Parallel()
	for _, v := range views(t) {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			b := v.look(t, 1300)
			for _, scheme := range []string{"light", "dark"} {
				b.must("Emulation.setEmulatedMedia", map[string]any{"features": []object{{"name": "prefers-color-scheme", "value": scheme}}})
				b.when(fmt.Sprintf("matchMedia('(prefers-color-scheme: %s)').matches", scheme))
				b.expect(map[string]string{contrast: ""})
			}
		})
	}
}

// press sends a key as a keyboard does.
func (b *browser) press(key string) {
	b.t.Helper()
	codes := map[string]int{"Tab": 9, "Enter": 13, "Escape": 27}
	press := map[string]any{"type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": codes[key]}
	if key == "Enter" {
		press["text"] = "\r"
	}
	b.must("Input.dispatchKeyEvent", press)
	b.must("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": codes[key]})
}

// tabTo presses Tab until a selector has the focus, which must be seen.
func (b *browser) tabTo(selector string) {
	b.t.Helper()
	for range 80 {
		if b.eval(fmt.Sprintf(`document.activeElement.matches(%q)`, selector)) == "true" {
			b.expect(map[string]string{`getComputedStyle(document.activeElement).outlineStyle !== "none"`: "true"})
			return
		}
		b.press("Tab")
	}
	b.t.Fatalf("Tab does not lead to %s; it is at %s", selector, b.eval(`document.activeElement.outerHTML.slice(0, 200)`))
}

// Without a mouse: a worker is drained, and a dead letter looked at, retried and deleted; the keyboard stays where the reader was.
func TestPagesByKeyboardOnly(t *testing.T) {
	t.Parallel()
	api := newDead(t)
	api.fleet(fleet(time.Now().UTC()))
	b := openBrowser(t, api.URL+fleetPage)
	b.until(`tr[data-worker="w1"]`, "4 of 8")
	b.tabTo(`tr[data-worker="w1"] [data-drain]`)
	b.press("Enter")
	b.until("dialog h2", "Drain worker w1?")
	b.press("Escape")
	b.gone("dialog")
	b.tabTo(`tr[data-worker="w1"] [data-drain]`)
	b.press("Enter")
	b.until("dialog h2", "Drain worker w1?")
	now := fleet(time.Now().UTC())
	now["workers"][0]["state"] = "draining"
	now["drains"] = append(now["drains"], object{"of": "worker", "name": "w1", "set_by": "user:ann", "set_at": time.Now()})
	api.fleet(now)
	b.tabTo(`dialog button[type=submit]`)
	b.press("Enter")
	b.gone("dialog")
	b.until(`tr[data-worker="w1"]`, "drained by user:ann")
	b.when(`document.activeElement.matches('tr[data-worker="w1"] [data-drain="undrain"]')`)

	b.eval(`location.hash = "#/dead-letters"`)
	b.until(`tr[data-dead="`+deadShip+`"]`, "no_truck")
	b.tabTo(`tr[data-dead="` + deadShip + `"] a`)
	b.press("Enter")
	b.until(".details .facts", "Died offailed: no_truck")
	b.when(`document.activeElement.id === "dead-title"`)
	b.press("Escape")
	b.when(`document.activeElement.matches('tr[data-dead="` + deadShip + `"] a')`)
	b.press("Enter")
	b.until(".details .facts", "Died offailed: no_truck")
	b.when(`document.activeElement.id === "dead-title"`)
	b.tabTo(`.details [data-dead="delete"]`)
	b.press("Enter")
	b.until("dialog h2", "Delete this dead letter?")
	api.mu.Lock()
	api.answers["GET dlq"] = object{"items": []object{{"id": deadJob, "reason": "worker_lost", "state": "dead", "ended": "failed", "attempts": 1, "times": 1, "topic": "job.x", "died_at": time.Now()}}}
	api.mu.Unlock()
	b.tabTo(`dialog button[type=submit]`)
	b.press("Enter")
	b.gone("dialog")
	b.when(`document.activeElement.matches('tr[data-dead="` + deadJob + `"] a')`) // the next one
	b.noErrors()
}
