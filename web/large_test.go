package web

import (
	"fmt"
	"net/url"
	"strconv"
	"testing"
)

// A run of 10,000 steps, and one step of 10,000 iterations, are shown a part at a time, and each change is drawn while a
// person would not yet notice (0.3 s was measured). The bound is ten times that, for machines that do much else.
func TestPageWithTenThousandSteps(t *testing.T) {
	const many, shown, boundMS = 10_000, 200, 3000
	run := liveRun()
	steps := run["steps"].([]object)
	for i := range many {
		path := fmt.Sprintf("step-%05d", i)
		steps = append(steps, object{"id": path, "path": path, "type": "worker", "state": "succeeded", "attempt": 1, "started_at": run["started_at"], "ended_at": run["started_at"], "output": object{"i": i}})
	}
	run["steps"] = steps
	api := newRecorded(t, run)
	api.answers["GET runs/"+fakeRun+"/steps/each/iterations"] = iterations("each", many)
	api.answers["GET workflows/order/graph"] = func(url.Values) any {
		nodes := []object{}
		for _, s := range steps {
			nodes = append(nodes, object{"id": s["path"], "type": s["type"], "layer": 0})
		}
		return object{"nodes": nodes, "edges": []any{}}
	}
	b := openBrowser(t, api.URL+runPage)
	b.until(`[aria-label="Graph"] .empty`, "too many to draw")
	b.until("#steps", "10,000 items")
	b.expect(map[string]string{`document.querySelectorAll("#steps tbody tr").length`: strconv.Itoa(shown)})
	b.until("main", "Rows 1 to 200 of 10011")

	b.eval(`window.drawn = []; new PerformanceObserver((list) => window.drawn.push(...list.getEntries().map((e) => e.duration))).observe({type: "longtask", buffered: true})`) // what came before, too
	api.change("step_failed", "step-09999", nil, func(run object) {
		run["steps"].([]object)[len(steps)-1]["state"] = "failed"
	})
	b.until(".events li:last-child", "step failed")
	b.put("#step-group", "bad")
	b.until(`tr[data-step="step-09999"]`, "failed")
	b.put("#step-group", "all")
	b.click(`[data-rows="1"]`)
	b.until("main", "Rows 201 to 400 of 10011")
	b.click(`tr[data-step="step-00300"] a`)
	b.until("#details-title", "step-00300")
	b.eval(`location.hash = "#/runs/` + fakeRun + `?step=step-09998"`) // far away
	b.until(`tr[data-step="step-09998"] a[aria-current]`, "step-09998")
	b.expect(map[string]string{`document.activeElement.dataset.step`: "step-09998"})

	b.eval(`location.hash = "#/runs/` + fakeRun + `?step=each"`)
	b.until(`tr[data-step="each"] a[aria-current]`, "each")
	b.click(`tr[data-step="each"] .toggle`)
	b.until(`tr[data-pager="each"]`, "each[0] to each[49]")
	for _, want := range []string{"each[50] to each[99]", "each[100] to each[149]"} {
		b.click(`tr[data-pager="each"] [data-turn="1"]`)
		b.until(`tr[data-pager="each"]`, want)
	}

	const burst = 5_000 // events, faster than they can be drawn: the newest are kept, and what is left out is said
	for range burst {
		api.change("job_progress", "ship", object{"percent": 1}, nil)
	}
	b.until(".events li:last-child", fmt.Sprintf("#%d", burst+1))
	b.until(".events", "older events are not kept")
	b.expect(map[string]string{`document.querySelectorAll(".events li[data-seq]").length <= 1000`: "true"})
	longest, err := strconv.ParseFloat(b.eval(`Math.max(0, ...window.drawn)`), 64)
	if err != nil || longest > boundMS {
		t.Errorf("the longest the page did not answer is %v ms (%v), more than %d", longest, err, boundMS)
	}
	t.Logf("the longest the page did not answer: %.0f ms; elements: %s", longest, b.eval(`document.querySelectorAll("*").length`))
}
