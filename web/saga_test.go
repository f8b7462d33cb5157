package web

import (
	"fmt"
	"strings"
	"testing"
)

const runPage = "/#/runs/" + fakeRun

// expect evaluates expressions in the page and compares what they give.
func (b *browser) expect(want map[string]string) {
	b.t.Helper()
	for expression, value := range want {
		if got := b.eval(expression); got != value {
			b.t.Errorf("%s is %q, want %q", expression, got, value)
		}
	}
}

// pick sets a field as a person does.
func (b *browser) put(selector, value string) {
	b.t.Helper()
	b.eval(fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.value = %q; for (const type of ["input", "change"]) e.dispatchEvent(new Event(type, {bubbles: true})); })()`, selector, value))
}

const shownRows = `[...document.querySelectorAll("#steps tbody tr")].map((tr) => tr.dataset.step ?? tr.dataset.round ?? "page of " + tr.dataset.pager).join(" ")`

// How the forward part ended and how far its rollback is are two things: each is said, by itself, in words.
func TestPageSaysBothStates(t *testing.T) {
	t.Parallel()
	api := newRecorded(t, orderRun())
	api.answers["GET workflows/order/graph"] = object{ // the steps inside of loops are nodes, too
		"nodes": []object{{"id": "each", "type": "worker", "layer": 1}, {"id": "reserve", "type": "worker", "layer": 0}, {"id": "ask", "type": "wait", "layer": 0}},
		"edges": []object{{"from": "reserve", "to": "each"}, {"from": "ask", "to": "look"}},
	}
	b := openBrowser(t, api.URL+"/")
	b.until(`tr[data-run]`, "held")
	b.expect(map[string]string{`[...document.querySelectorAll("tr[data-run] .state")].map((e) => e.textContent).join()`: "✕ failed,⚑ held"})
	b.click("tr[data-run] a")
	b.until("#state .state", "✕ failed")
	b.until("#compensation .state", "⚑ held")
	b.until("#facts", "Kept by a pivotaudit")
	b.until("#held", "undo:each[3] bank_away: the bank does not answer")
	b.until("#parent a", "orders[7] of "+fakeChild)
	b.expect(map[string]string{`document.querySelector("#parent a").hash`: "#/runs/" + fakeChild + "?step=orders%5B7%5D"})

	b.until(`g[data-step="reserve"]`, "✓ succeeded ↩ pending")
	b.expect(map[string]string{
		`[...document.querySelectorAll("svg g")].map((g) => g.getAttribute("aria-label")).join("; ")`: "each, worker: succeeded; reserve, worker: succeeded, its compensation pending",
	})

	api.change("undo_settled", "undo:each[3]", object{"how": "skipped"}, func(run object) {
		run["compensation"], run["held"] = "running", []object{}
	})
	b.until("#compensation .state", "running")
	b.until("#state .state", "failed")
	b.until(`#news[role="status"]`, "Its compensation is running.") // said aloud
	b.expect(map[string]string{`document.querySelector("#held").hidden`: "true"})
	b.noErrors()
}

// A fan-out is one row with its counts; its iterations come in pages. What waits for a person is seen all the same. Rounds are
// grouped, and a compensation stands below what it undoes.
func TestPageFoldsWhatIsMany(t *testing.T) {
	t.Parallel()
	api := newRecorded(t, orderRun())
	api.answers["GET runs/"+fakeRun+"/steps/each/iterations"] = iterations("each", 120)
	b := openBrowser(t, api.URL+runPage)
	b.until(`tr[data-step="each"]`, "10,000 items: ✓ 9,000 succeeded, ✕ 3 bad, ▶ 50 running, ○ 947 to come")
	b.until(`tr[data-step="each"]`, "compensations: ✓ 1 succeeded, ⚑ 1 held")
	b.expect(map[string]string{
		shownRows: "reserve undo:reserve each undo:each[3] poll poll[0] poll[1] poll[1]/ask poll[1]/look pay undo:pay ship",
		`[...document.querySelectorAll('tr[data-step="undo:each[3]"] button[data-held]')].map((e) => e.textContent).join()`: "Retry,Skip…,Mark done…",
		`document.querySelector('tr[data-step="pay"] td:last-child a').hash`:                                                "#/runs/" + fakeChild,
	})
	b.until(`tr[data-step="undo:each[3]"]`, "bank_away: the bank does not answer")

	b.click(`tr[data-round="poll[0]"] .toggle`)
	b.until(`tr[data-step="poll[0]/look"]`, "when false")
	b.click(`tr[data-step="each"] .toggle`)
	b.until(`tr[data-pager="each"]`, "each[0] to each[49]")
	b.until(`tr[data-undoes="each[2]"]`, "compensation")
	b.click(`tr[data-pager="each"] [data-turn="1"]`)
	b.until(`tr[data-pager="each"]`, "each[50] to each[99]")
	b.click(`tr[data-pager="each"] [data-turn="1"]`)
	b.until(`tr[data-pager="each"]`, "each[100] to each[119]")
	b.expect(map[string]string{`document.querySelector('[data-turn="1"]').disabled`: "true"})
	b.click(`tr[data-pager="each"] [data-turn="-1"]`)
	b.until(`tr[data-pager="each"]`, "each[50] to each[99]")
	b.click(`tr[data-step="each"] .toggle`)
	b.expect(map[string]string{
		`document.querySelectorAll('tr[data-step^="each["], tr[data-pager]').length`:                                                                                  "0",
		`document.querySelector('tr[data-step="each"] .toggle').getAttribute("aria-expanded")`:                                                                        "false",
		`document.querySelector('tr[data-step="each"] .toggle').getAttribute("aria-label")`:                                                                           "Iterations of each",
		`document.querySelectorAll('[data-lane="undo:pay"], [data-lane^="undo:each"]').length`:                                                                        "1",
		`["--from", "--span"].reduce((sum, name) => sum + parseFloat(document.querySelector('[data-lane="undo:pay"] .fill').style.getPropertyValue(name)), 0) <= 100`: "true",
	})

	b.put("#step-group", "undo")
	b.expect(map[string]string{shownRows: "undo:pay undo:each[2] undo:reserve undo:each[3]"})
	b.put("#step-text", "reserve")
	b.expect(map[string]string{shownRows: "undo:reserve"})
	b.noErrors()
}

// A person answers a held compensation: skip and done only with a reason; what the server refuses is said and can be sent
// again, under the same key while nothing was changed.
func TestPageAnswersHeldCompensations(t *testing.T) {
	t.Parallel()
	api := newRecorded(t, orderRun())
	path := "runs/" + fakeRun + "/compensations/each[3]/"
	b := openBrowser(t, api.URL+runPage)
	held := func(action string) {
		b.until(`[data-step="undo:each[3]"] [data-held]`, "Retry")
		b.click(`[data-step="undo:each[3]"] [data-held="` + action + `"]`)
		b.until("dialog h2", "compensation of each[3]")
	}
	held("retry")
	b.click("dialog button[type=submit]")
	b.until("#connection", "live")
	b.gone("dialog")

	held("skip")
	b.put("#reason", "   ") // blanks are no reason
	b.click("dialog button[type=submit]")
	b.until("dialog .error", "Say why")
	b.click("dialog [data-close]")
	b.gone("dialog")

	held("done")
	api.mu.Lock()
	api.refuse["POST "+path+"done"] = 503
	api.mu.Unlock()
	b.put("#reason", "paid back at the counter")
	b.click("dialog button[type=submit]")
	b.until("dialog .error", "refused with 503")
	api.mu.Lock()
	delete(api.refuse, "POST "+path+"done")
	api.mu.Unlock()
	b.click("dialog button[type=submit]")
	b.gone("dialog")

	held("done")
	b.put("#reason", "paid back twice") // another answer is another request
	b.click("dialog button[type=submit]")
	b.gone("dialog")
	held("done")
	api.mu.Lock()
	api.refuse["POST "+path+"done"] = 409
	api.mu.Unlock()
	for _, reason := range []string{"first", "second"} {
		b.put("#reason", reason)
		b.click("dialog button[type=submit]")
		b.whenTold(api, path+"done", reason)
		b.when(`!document.querySelector("dialog button[type=submit]").disabled`)
	}

	if retried, skipped := api.posts(path+"retry"), api.posts(path+"skip"); len(retried) != 1 || len(retried[0].body) != 0 || len(skipped) != 0 {
		t.Errorf("retry was told %v, skip %v", retried, skipped)
	}
	done := api.posts(path + "done")
	if len(done) != 5 || done[1].body["reason"] != "paid back at the counter" || done[0].once == "" || done[0].once != done[1].once {
		t.Errorf("done was told %v", done)
	}
	if done[1].once == done[2].once || done[3].once == done[4].once {
		t.Errorf("two answers have one key: %v", done)
	}
}

// whenTold waits until a path was told a reason.
func (b *browser) whenTold(api *recorded, path, reason string) {
	b.t.Helper()
	b.poll(path+" with the reason "+reason, func() bool {
		posts := api.posts(path)
		return len(posts) > 0 && posts[len(posts)-1].body["reason"] == reason
	})
}

// gone waits until nothing matches a selector.
func (b *browser) gone(selector string) {
	b.t.Helper()
	b.until("body", "") // there is a page
	b.when(fmt.Sprintf(`document.querySelector(%q) === null`, selector))
}

// A step that is looked at stands in the address, and says why it stands where it does.
func TestPageExplainsAStep(t *testing.T) {
	t.Parallel()
	api := newRecorded(t, orderRun())
	explain := func(state, why, advice string) object {
		return object{"run": fakeRun, "state": state, "why": []object{{"text": why, "seq": 7}}, "advice": []string{advice}}
	}
	api.answers["GET runs/"+fakeRun+"/steps/ship/explain"] = explain("failed", "attempt 1 failed: no_truck", "cordum run retry")
	api.answers["GET runs/"+fakeRun+"/steps/poll[1].ask/explain"] = explain("succeeded", "the signal came", "nothing")
	api.answers["GET runs/"+fakeRun+"/steps/each[731]/explain"] = explain("failed", "its card was refused", "nothing")
	api.answers["GET runs/"+fakeRun+"/steps/each[732]/explain"] = explain("succeeded", "its card was taken", "nothing")
	api.answers["GET runs/"+fakeRun+"/steps/each[733]/explain"] = explain("failed", "its card was stolen", "nothing")
	early, late := make(chan struct{}), make(chan struct{})
	api.slow = map[string]chan struct{}{
		"GET runs/" + fakeRun + "/steps/each[732]/explain": early, "GET runs/" + fakeRun + "/steps/each[733]/explain": late,
	}
	b := openBrowser(t, api.URL+runPage+"?step=poll%5B1%5D%2Fask")
	b.until("#why", "the signal came")
	b.until(".details pre", `"answer": 42`)
	b.until(".details .facts", "Part ofpoll")

	b.eval(`window.heading = document.querySelector("h1")`)
	b.click(`tr[data-step="ship"] td a`)
	b.until("#why", "attempt 1 failed: no_truck")
	b.until("#why", "cordum run retry")
	b.until(".details .error", "no_truck: no truck")
	b.expect(map[string]string{
		`location.hash`: "#/runs/" + fakeRun + "?step=ship",
		`document.querySelector('tr[data-step="ship"] a[aria-current]') !== null`: "true",
		`window.heading === document.querySelector("h1")`:                         "true", // the same page, not a new one
	})
	b.eval(`history.back()`)
	b.until("#details-title", "poll[1]/ask")
	b.eval(`document.querySelector(".details .close").dispatchEvent(new KeyboardEvent("keydown", {key: "Escape", bubbles: true}))`)
	b.expect(map[string]string{
		`document.querySelector(".details").hidden`: "true", `location.hash`: "#/runs/" + fakeRun,
		`document.activeElement.dataset.step`: "poll[1]/ask", // where the reader was
	})

	b.eval(`location.hash = "#/runs/` + fakeRun + `?step=each%5B731%5D"`) // one that was not read
	b.until("#why", "its card was refused")
	b.until(".details .state", "failed")
	b.expect(map[string]string{`document.querySelector(".details .facts").textContent`: ""}) // of the step before

	b.eval(`location.hash = "#/runs/` + fakeRun + `?step=each%5B732%5D"`)
	b.until("#details-title", "each[732]")
	b.eval(`location.hash = "#/runs/` + fakeRun + `?step=each%5B733%5D"`) // the reader does not wait for the answer
	b.until("#details-title", "each[733]")
	close(early)
	b.eval(`fetch("/api/v1/runs/` + fakeRun + `/steps/each[731]/explain")`) // behind the answer that nobody waits for any more
	close(late)
	b.until("#why", "its card was stolen")
	b.until(".details .state", "failed")
	b.noErrors()
}

// Every event of compensation, fan-outs, loops and sub-workflows is said in words; what a newer server adds is shown by name.
func TestPageTellsEvents(t *testing.T) {
	t.Parallel()
	api := newRecorded(t, orderRun())
	b := openBrowser(t, api.URL+runPage)
	b.until("#connection", "live")
	failure := object{"code": "bank_away", "message": "no answer"}
	for _, tc := range []struct {
		kind, step string
		data       object
		want       string
	}{
		{"run_admitted", "", nil, "its turn has come"},
		{"step_fanned_out", "each", object{"items": 3}, "each fans out into 3 iterations"},
		{"round_started", "poll", nil, "poll a round begins"},
		{"signal_awaited", "go", object{"signal": "go"}, "go waits for the signal go"},
		{"signal_consumed", "go", object{"index": 0}, "go takes a signal"},
		{"child_started", "pay", object{"child_run": fakeChild, "workflow": "payment", "attempt": 2}, "pay starts a run of payment" + fakeChild + " · attempt 2"},
		{"child_cancelling", "pay", object{"timed_out": true}, "pay cancels its runits time is over"},
		{"compensation_started", "", object{"checkpoint": "reserved", "then": "retry"}, "compensation beginsback to the checkpoint reserved · then it goes on"},
		{"undo_started", "undo:pay", nil, "undo:pay begins"},
		{"undo_held", "undo:pay", object{"error": failure}, "undo:pay is held: it waits for a personbank_away: no answer"},
		{"undo_retried", "undo:pay", object{"reason": "the bank is back"}, "undo:pay is tried againreason the bank is back"},
		{"undo_settled", "undo:pay", object{"how": "skipped"}, "undo:pay skipped by a person"},
		{"compensation_ended", "", object{"undone": 2, "kept": []string{"ship"}}, "compensation ends2 undone · kept by a pivot: ship"},
		{"run_set_back", "", object{"step": "reserve", "feedback": "again"}, `is set back to reserve"again"`},
		{"stars_aligned", "ship", object{"planet": "mars"}, "stars aligned · shipplanet mars"},
		{"toString", "", nil, "toString"},
	} {
		api.change(tc.kind, tc.step, tc.data, nil)
		b.until(fmt.Sprintf(`li[data-type=%q]`, tc.kind), tc.want)
	}
	b.expect(map[string]string{`document.querySelector('li[data-type="child_started"] a').hash`: "#/runs/" + fakeChild})
	b.noErrors()
}

// A run that is over begins to move again when somebody rolls it back: the page that shows it follows.
func TestPageFollowsARevivedRun(t *testing.T) {
	t.Parallel()
	run := orderRun()
	run["compensation"], run["held"] = "none", nil
	api := newRecorded(t, run)
	api.change("run_failed", "", nil, nil)
	b := openBrowser(t, api.URL+runPage)
	b.until("#state", "failed")
	b.until("#connection", "live")
	b.until(`li[data-seq="1"]`, "run failed")
	b.whenFollowed(api, 1)
	api.end()
	b.whenFollowed(api, 0)
	api.change("compensation_started", "", nil, func(run object) { run["compensation"] = "running" })
	b.until(`li[data-seq="2"]`, "compensation begins")
	b.until("#compensation", "running")
	b.noErrors()
}

// whenFollowed waits until the run has so many subscriptions; with none, that the headers have one.
func (b *browser) whenFollowed(api *recorded, want int) {
	b.t.Helper()
	b.poll(fmt.Sprintf("%d subscriptions to the run", want), func() bool {
		api.mu.Lock()
		defer api.mu.Unlock()
		runs, flows := 0, 0
		for v := range api.viewers {
			runs, flows = runs+len(v.runs), flows+len(v.flow)
		}
		return runs == want && (want > 0 || flows > 0)
	})
}

// Names and messages of a run are text wherever they are shown: nothing of them runs, and nothing becomes an element.
func TestPageWithHostileNames(t *testing.T) {
	t.Parallel()
	evil := `<img src=x onerror="window.hacked=1">"'><script>window.hacked=1</script>` + "\u202e\x1b[31m"
	run := orderRun()
	run["started_by"], run["compensation"] = evil, "done"
	run["error"] = object{"code": evil, "message": evil}
	run["parent"] = object{"run_id": "javascript:window.hacked=1", "step": evil}
	run["held"] = []object{{"step": evil, "error": object{"code": evil, "message": evil}}}
	for _, s := range run["steps"].([]object) {
		s["name"], s["worker"], s["reason"], s["child_run"] = evil, evil, evil, "javascript:window.hacked=1"
	}
	run["steps"].([]object)[8]["error"] = object{"code": evil, "message": evil, "details": object{evil: evil}}
	api := newRecorded(t, run)
	api.answers["GET runs/"+fakeRun+"/steps/ship/explain"] = object{"state": "failed", "why": []object{{"text": evil}}, "advice": []string{evil}}
	api.answers["POST runs/"+fakeRun+"/rollback-plan"] = object{"groups": [][]object{{{"step": evil, "if": "ran"}}}, "left": []object{{"step": evil, "why": evil}}}
	b := openBrowser(t, api.URL+runPage+"?step=ship")
	b.until("#why", "onerror")
	api.change("undo_held", evil, object{"error": object{"code": evil, "message": evil}}, nil)
	api.change(evil, evil, object{evil: evil}, nil)
	b.until(`li[data-seq="2"]`, "onerror")
	b.click(`[data-verb="rollback"]`)
	b.until("dialog .plan ol", "onerror")
	b.expect(map[string]string{
		`typeof window.hacked`: "undefined",
		`document.querySelectorAll("main img, main script, dialog img, dialog script").length`:                                          "0",
		`[...document.querySelectorAll("a")].filter((a) => a.protocol !== location.protocol).length`:                                    "0",
		`[...document.querySelectorAll("#steps td, .events li, .plan li")].every((e) => getComputedStyle(e).unicodeBidi === "isolate")`: "true",
	})
	b.noErrors()
}

// until there is something to be reached by keyboard only, nothing may be out of its reach, nameless or unlabelled.
const reachability = `[
  ["nameless", [...document.querySelectorAll("button, a, [role=button], [role=img]")].filter((e) => !(e.getAttribute("aria-label") || e.textContent.trim() || e.title))],
  ["out of reach", [...document.querySelectorAll("button, a[href], input, select, textarea")].filter((e) => e.tabIndex < 0)],
  ["unlabelled", [...document.querySelectorAll("main input, main select, main textarea, dialog input, dialog select, dialog textarea")].filter((e) => e.labels.length === 0)],
  ["a dialog without a title", [...document.querySelectorAll("dialog")].filter((e) => !document.getElementById(e.getAttribute("aria-labelledby"))?.textContent)],
  ["a state without words", [...document.querySelectorAll(".state")].filter((e) => !/[a-z]/.test(e.textContent))],
  ["one id twice", [...document.querySelectorAll("[id]")].filter((e) => document.querySelectorAll("#" + CSS.escape(e.id)).length > 1)],
].filter(([, found]) => found.length).map(([what, found]) => what + ": " + found.map((e) => e.outerHTML.slice(0, 120)).join("; ")).join("\n")`

func TestPageIsReachableByKeyboard(t *testing.T) {
	t.Parallel()
	api := newRecorded(t, orderRun())
	b := openBrowser(t, api.URL+runPage+"?step=ship")
	b.until("#why", "No explanation")
	b.expect(map[string]string{reachability: ""})
	b.click(`[data-verb="fork"]`)
	b.until("dialog h2", "Fork")
	b.expect(map[string]string{reachability: "", `document.querySelector("dialog").contains(document.activeElement)`: "true"})
	if got := b.text("body"); strings.Contains(got, "undefined") || strings.Contains(got, "[object") || strings.Contains(got, "NaN") {
		t.Errorf("the page says %s", got)
	}
}
