package web

import (
	"fmt"
	"net/url"
	"testing"
	"time"
)

// written is what a step's jobs wrote, as a server keeps it: pages of at most 3 lines.
type written struct {
	lines []object
	asked []url.Values
}

func logLine(step string, attempt, n int, stream, text string) object {
	return object{"job_id": fakeRun + "." + step + "~3", "step": step, "attempt": attempt, "n": n, "ts": time.Now().UTC(), "stream": stream, "text": text}
}

func (w *written) answer(query url.Values) any {
	w.asked = append(w.asked, query)
	after := 0
	_, _ = fmt.Sscanf(query.Get("after"), "row:%d", &after) // none is the beginning
	end := min(after+3, len(w.lines))
	page := object{"items": w.lines[after:end]}
	if end < len(w.lines) {
		page["next_after"] = fmt.Sprintf("row:%d", end)
	}
	return page
}

func (f *recorded) logs(w *written) {
	f.answers["GET runs/"+fakeRun+"/logs"] = w.answer
}

// part is what the stream has of lines.
func part(lines ...object) object {
	return object{"run_id": fakeRun, "job_id": lines[0]["job_id"], "step": lines[0]["step"], "attempt": lines[0]["attempt"], "lines": lines}
}

const shownLines = `[...document.querySelectorAll("#log [data-n]")].map((e) => e.dataset.n).join()`

// explained answers why a step stands where it does.
func explained(api *recorded) {
	for _, step := range []string{"ship", "reserve"} {
		api.answers["GET runs/"+fakeRun+"/steps/"+step+"/explain"] = object{"state": "running", "why": []object{{"text": "it runs"}}}
	}
}

// What a step wrote is read, what it writes comes live, each line once, with its level as a word; what was left out is said, and
// what the stream left out is read.
func TestPageFollowsLogs(t *testing.T) {
	t.Parallel()
	run := liveRun()
	ship := run["steps"].([]object)[8]
	ship["state"], ship["attempt"] = "running", 2
	delete(ship, "ended_at")
	delete(ship, "error")
	api := newRecorded(t, run)
	explained(api)
	kept := &written{}
	for n := 1; n <= 5; n++ {
		kept.lines = append(kept.lines, logLine("ship", 1, n, "info", fmt.Sprintf("line %d", n)))
	}
	kept.lines = append(kept.lines,
		object{"job_id": fakeRun + ".ship~3", "step": "ship", "attempt": 1, "n": 105, "ts": time.Now(), "text": "", "dropped": 100},
		logLine("ship", 1, 106, "error", "\x1b[31mno <b>truck</b>\\x1b[0m"))
	api.logs(kept)
	b := openBrowser(t, api.URL+runPage)
	b.until("#logs", "Choose a step to see what its jobs write.")
	b.whenFollowed(api, 1)
	if api.reading() != 0 {
		t.Error("lines are asked for that nobody sees")
	}
	b.click(`tr[data-step="ship"] a`)
	b.until("#logs h2", "Logs of ship")
	b.until("#log [data-n='106'] .text", "no <b>truck</b>")
	b.until("#log [data-dropped]", "… 100 lines were left out")
	b.until("#logs .row", "6 lines, 100 left out")
	b.poll("a subscription with lines", func() bool { return api.reading() == 1 })
	b.expect(map[string]string{
		shownLines: "1,2,3,4,5,106", reachability: "",
		`document.querySelector("#log [data-n='106']").textContent.includes("errorno") || document.querySelector("#log [data-n='106'] .level").textContent`: "error",

		`document.querySelectorAll("#log b").length`: "0",

		`[...document.querySelectorAll("#log-attempt option")].map((o) => o.textContent).join()`: "all,1,2",

		`getComputedStyle(document.querySelector("#log [data-n='106'] .text")).color !== getComputedStyle(document.querySelector("#log [data-n='1'] .text")).color`: "true",
	})

	api.write(part(logLine("ship", 1, 106, "error", "again"), logLine("ship", 1, 107, "warn", "slow")))
	api.write(part(logLine("other", 1, 1, "warn", "of another step")))
	b.until("#log [data-n='107']", "slow")
	api.mu.Lock()
	hole := &written{lines: []object{logLine("ship", 1, 108, "info", "read"), logLine("ship", 1, 109, "info", "read, too")}}
	api.answers["GET jobs/"+fakeRun+".ship~3/logs"] = hole.answer
	api.mu.Unlock()
	api.write(part(logLine("ship", 1, 109, "info", "read, too")))
	b.until("#log [data-n='109']", "read, too")
	b.expect(map[string]string{shownLines: "1,2,3,4,5,106,107,108,109", `document.querySelector("#log").textContent.includes("another")`: "false"})
	api.mu.Lock()
	if len(hole.asked) != 1 || hole.asked[0].Get("after") != "107" || hole.asked[0].Get("attempt") != "1" {
		t.Errorf("the hole was asked for with %v", hole.asked)
	}
	api.mu.Unlock()

	b.put("#log-attempt", "2")
	b.poll("the attempt is asked for", func() bool {
		api.mu.Lock()
		defer api.mu.Unlock()
		last := kept.asked[len(kept.asked)-1]
		return last.Get("attempt") == "2" && last.Get("step") == "ship"
	})
	b.click(`.details .close`)
	b.until("#logs", "Choose a step")
	b.poll("no subscription with lines", func() bool { return api.reading() == 0 })
	b.noErrors()
}

// Who scrolls up reads in peace: what comes is counted, and comes when they ask for it.
func TestPagePausesLogs(t *testing.T) {
	t.Parallel()
	run := liveRun()
	api := newRecorded(t, run)
	explained(api)
	api.logs(&written{lines: []object{}})
	b := openBrowser(t, api.URL+runPage+"?step=ship")
	b.until("#logs .row", "it has written nothing")
	b.poll("a subscription with lines", func() bool { return api.reading() == 1 })
	lines := []object{}
	for n := 1; n <= 200; n++ {
		lines = append(lines, logLine("ship", 1, n, "stdout", fmt.Sprintf("line %d", n)))
	}
	api.write(part(lines...))
	b.until("#log li:last-child", "line 200")
	b.when(`(() => { const e = document.querySelector("#log"); return e.scrollTop + e.clientHeight >= e.scrollHeight - 8; })()`)
	b.eval(`document.querySelector("#log").scrollTop = 40`)
	b.until("#logs .row", "paused")
	api.write(part(logLine("ship", 1, 201, "stdout", "line 201"), logLine("ship", 1, 202, "stdout", "line 202")))
	b.until("#logs .row", "202 lines, paused: 2 new")
	b.expect(map[string]string{`document.querySelector("#log").scrollTop`: "40", `document.querySelector("#log li:last-child").dataset.n`: "200", reachability: ""})
	b.click(`[data-log="follow"]`)
	b.until("#log li:last-child", "line 202")
	b.when(`document.querySelector("[data-log=follow]").hidden`)
	api.write(part(logLine("ship", 1, 203, "stdout", "line 203")))
	b.until("#log li:last-child", "line 203")

	lines = lines[:0]
	for n := 204; n <= 9000; n++ { // faster than they are drawn, and more than are kept
		lines = append(lines, logLine("ship", 1, n, "stdout", "much"))
	}
	api.write(part(lines...))
	b.until("#log li:last-child", "much")
	b.when(`document.querySelector("#log li:last-child").dataset.n === "9000"`)
	b.until("#log", "older lines are not kept on this page")
	b.expect(map[string]string{`document.querySelectorAll("#log [data-n]").length`: "5000"})

	api.dropViewers() // what was written meanwhile is read when the connection is there again
	api.mu.Lock()
	api.logs(&written{lines: []object{logLine("ship", 1, 9001, "stdout", "meanwhile")}})
	api.mu.Unlock()
	b.until("#log li:last-child", "meanwhile")
	api.mu.Lock()
	api.refuse["GET runs/"+fakeRun+"/logs"] = 503
	api.mu.Unlock()
	b.put("#log-attempt", "1")
	b.until("#logs .error", "refused with 503")
}

// A running job says how far it is and why it is where it is; one that waits, why it does.
func TestPageSaysWhereAJobIs(t *testing.T) {
	t.Parallel()
	run := liveRun()
	steps := run["steps"].([]object)
	ship, reserve := steps[8], steps[0]
	for _, gone := range []string{"ended_at", "error"} {
		delete(ship, gone)
		delete(reserve, gone)
	}
	ship["state"], ship["worker"], ship["progress"] = "running", "w1", object{"percent": 40, "message": "loading <i>crates</i>"}
	ship["placement"] = object{"reason": "granted", "why": "least loaded of 4 (score 1.20)"}
	reserve["state"], reserve["job_state"], reserve["reason"] = "running", "scheduled", "queued"
	reserve["placement"] = object{"reason": "pool_overloaded", "why": "all 3 workers of the pool cpu are full"}
	api := newRecorded(t, run)
	explained(api)
	b := openBrowser(t, api.URL+runPage+"?step=ship")
	b.until(".details .facts", "Why this workerleast loaded of 4 (score 1.20)")
	b.until(".details", "40 % loading <i>crates</i>")
	b.until(`tr[data-step="ship"]`, "40 % loading <i>crates</i>")
	b.until(`tr[data-step="reserve"]`, "pool overloaded: all 3 workers of the pool cpu are full")
	b.expect(map[string]string{
		`document.querySelector('tr[data-step="ship"] progress').value`:     "40",
		`document.querySelector('tr[data-step="reserve"] progress').hidden`: "true",
		`document.querySelector(".details progress").value`:                 "40",
		reachability: "",
	})
	b.click(`tr[data-step="reserve"] a`)
	b.until(".details .facts", "Why it waitspool overloaded: all 3 workers of the pool cpu are full")
	api.change("job_dispatched", "ship", object{"worker_id": "w1", "why": "least loaded of 4 (score 1.20)"}, nil)
	b.until(`li[data-type="job_dispatched"]`, "ship goes to worker w1least loaded of 4 (score 1.20)")
	api.change("job_progress", "ship", object{"percent": 60, "message": "sealing"}, nil)
	b.until(`li[data-type="job_progress"]`, "ship is at 60 %sealing")
	api.change("job_logged", "ship", object{"lines": 12, "attempt": 2, "dropped": 3}, func(object) { delete(ship, "progress") })
	b.until(`li[data-type="job_logged"]`, "ship wrote 12 linesattempt 2 · 3 left out")
	b.when(`document.querySelector('tr[data-step="ship"] progress').hidden`)
	b.noErrors()
}
