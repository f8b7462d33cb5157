package web

import (
	"net/url"
	"reflect"
	"testing"
	"time"
)

const (
	deadShip = fakeRun + ".ship~3"
	deadJob  = fakeChild + ".job~0"
)

// newDead answers two groups, and their entries in pages of two.
func newDead(t *testing.T) *recorded {
	api := newRecorded(t, orderRun())
	at := time.Now().UTC().Add(-time.Hour)
	entry := func(id, reason string, more object) object {
		e := object{
			"id": id, "job_id": id, "run_id": fakeRun, "workflow": "order", "step": "ship", "kind": "step", "topic": "job.ship", "state": "dead", "ended": "failed",
			"reason": reason, "code": "no_truck", "message": "no truck <b>there</b>", "fingerprint": "f1", "attempts": 3, "times": 2,
			"first_at": at, "died_at": at, "expires_at": at.Add(720 * time.Hour),
		}
		for name, v := range more {
			e[name] = v
		}
		return e
	}
	entries := []object{
		entry(deadShip, "failed: no_truck", nil),
		entry(fakeRun+".each~9", "failed: no_truck", object{"state": "retrying", "step": "each[2]"}),
		entry(deadJob, "timeout: dispatched exceeded", object{"run_id": fakeChild, "workflow": "", "step": "", "kind": "job", "fingerprint": "f2", "ended": "timed_out"}),
	}
	group := func(fingerprint, reason string, count int, more object) object {
		g := object{"fingerprint": fingerprint, "count": count, "reason": reason, "topic": "job.ship", "first_seen": at, "last_seen": at, "example": deadShip}
		for name, v := range more {
			g[name] = v
		}
		return g
	}
	groups := []object{
		group("f1", "failed: no_truck", 2, object{"retrying": 1, "workflow": "order", "step": "ship", "message": "no truck <b>there</b>"}),
		group("f2", "timeout: dispatched exceeded", 1, nil),
	}
	api.answers["GET dlq/groups"] = object{"items": groups, "more": true}
	api.answers["GET dlq/redrive"] = object{"items": []object{}}
	api.answers["GET dlq"] = func(query url.Values) any { return deadPage(entries, query) }
	whole := entry(deadShip, "failed: no_truck", object{
		"pack": "trucks", "requires": []string{"crane"}, "labels": object{"zone": "eu"}, "outcome_unknown": true, "retryable": false, "timeline": "/x",
		"details": object{"<i>": 1}, "decision": object{"rule": "acme/ship"}, "input_bytes": 4096,
	})
	api.answers["GET dlq/"+deadShip] = whole
	return api
}

// deadPage answers a page of those entries that fit a filter.
func deadPage(entries []object, query url.Values) object {
	fit := []object{}
	for _, e := range entries {
		if f := query.Get("fingerprint"); f != "" && e["fingerprint"] != f {
			continue
		}
		if s := query.Get("state"); s != "" && e["state"] != s {
			continue
		}
		fit = append(fit, e)
	}
	if query.Get("cursor") == "c2" {
		return object{"items": fit[2:]}
	}
	if len(fit) > 2 {
		return object{"items": fit[:2], "next_cursor": "c2"}
	}
	return object{"items": fit}
}

const shownDead = `[...document.querySelectorAll("tr[data-dead]")].map((e) => e.dataset.dead.split(".")[1]).join()`

// Groups come first; an entry is shown in full, is retried and deleted, and the address says what is looked at.
func TestPageShowsDeadLetters(t *testing.T) {
	t.Parallel()
	api := newDead(t)
	b := openBrowser(t, api.URL+"/")
	b.until("#views", "Dead letters")
	b.click(`#views a[href="#/dead-letters"]`)
	b.until(`tr[data-group="f1"]`, "ship of order2, 1 of them being done againno truck <b>there</b>")
	b.until("main", "There are smaller groups, too")
	b.until(`tr[data-dead]`, "3, died 2 times")
	b.expect(map[string]string{shownDead: "ship~3,each~9", reachability: ""})
	b.click(`[data-dead="1"]`)
	b.when(shownDead + ` === "job~0"`)
	b.until("tr[data-dead] .state", "dead")
	b.click(`[data-dead="-1"]`)
	b.when(shownDead + ` === "ship~3,each~9"`)

	b.click(`tr[data-group="f2"] a`)
	b.when(shownDead + ` === "job~0"`)
	b.expect(map[string]string{`location.hash`: "#/dead-letters?group=f2", `document.querySelector("tr[data-group=f2] a").getAttribute("aria-current")`: "true"})
	b.click(`tr[data-group="f2"] a`) // all again
	b.when(shownDead + ` === "ship~3,each~9"`)

	b.click(`tr[data-dead="` + deadShip + `"] a`)
	b.until("#dead-title", deadShip)
	for _, want := range []string{"Died offailed: no_truck", "Runship of " + fakeRun, "Requirescrane", "Labelszone=eu", "nobody knows whether it had it", "4,096 bytes", "Rule of the policyacme/ship", "Died so often2"} {
		b.until(".details .facts", want)
	}
	b.until(".details .error", "no_truck: no truck <b>there</b>")
	b.until(".details pre", `"<i>": 1`)
	b.expect(map[string]string{
		`[...document.querySelectorAll(".details a")].map((a) => a.hash).join()`: "#/runs/" + fakeRun + "?step=ship",
		`document.querySelectorAll("main b, main i").length`:                     "0",
		`document.activeElement.id`:                                              "dead-title",
		reachability:                                                             "",
	})

	api.mu.Lock()
	api.refuse["POST dlq/"+deadShip+"/retry"] = 409
	api.mu.Unlock()
	b.click(`[data-dead="retry"]`)
	b.put("#reason", "the truck is back")
	b.click("dialog button[type=submit]")
	b.until("dialog .error", "refused with 409")
	api.mu.Lock()
	delete(api.refuse, "POST dlq/"+deadShip+"/retry")
	api.answers["POST dlq/"+deadShip+"/retry"] = object{"id": deadShip, "state": "retrying", "also": []string{fakeRun + ".pay~2"}}
	api.answers["GET dlq/"+deadShip].(object)["state"] = "retrying"
	api.mu.Unlock()
	b.click("dialog button[type=submit]")
	b.until("#news", deadShip+" is being done again, and with it "+fakeRun+".pay~2.")
	b.gone("dialog")
	b.until(".details .state", "retrying")
	b.expect(map[string]string{`document.querySelector("[data-dead=retry]").disabled`: "true"})

	b.click(`[data-dead="delete"]`)
	b.until("dialog h2", "Delete this dead letter?")
	b.expect(map[string]string{`document.querySelector("dialog textarea") === null`: "true", reachability: ""})
	b.click("dialog button[type=submit]")
	b.until("#news", "is no dead letter any more")
	b.expect(map[string]string{`document.querySelector(".details").hidden`: "true"})
	b.when(`location.hash === "#/dead-letters"`)
	api.mu.Lock()
	removed := api.removed
	api.mu.Unlock()
	if !reflect.DeepEqual(removed, []string{"dlq/" + deadShip}) {
		t.Errorf("deleted were %v", removed)
	}
	b.eval(`location.hash = "#/dead-letters?job=gone"`)
	b.until(".details", "It is no dead letter any more")
	b.eval(`document.querySelector(".details .close").dispatchEvent(new KeyboardEvent("keydown", {key: "Escape", bubbles: true}))`)
	b.when(`location.hash === "#/dead-letters"`)
}

// A redrive counts first, runs at a rate, and shows how far it is until it is done or stopped; a purge counts, too.
func TestPageRedrives(t *testing.T) {
	t.Parallel()
	api := newDead(t)
	state := object{"id": "r1", "state": "running", "filter": object{"fingerprint": "f1"}, "rate": 2.5, "matched": 8, "retried": 3, "skipped": 1, "refused": 0, "started_by": "user:ann"}
	api.answers["POST dlq/redrive"] = object{"id": "r1", "state": "running", "matched": 8, "rate": 2.5, "reasons": object{"failed: no_truck": 7, "worker_lost": 1}}
	api.answers["GET dlq/redrive/r1"] = state
	api.answers["POST dlq/purge"] = object{"matched": 2, "deleted": 2, "more": true}
	b := openBrowser(t, api.URL+"/#/dead-letters")
	b.until(`tr[data-group="f1"]`, "ship of order")
	b.expect(map[string]string{`document.querySelectorAll("[aria-label='Entries'] [data-bulk]").length`: "0"}) // all are never meant
	b.click(`tr[data-group="f1"] [data-bulk="redrive"]`)
	b.until("dialog .plan", "8 entries would be retried.failed: no_truck: 7worker_lost: 1")
	b.expect(map[string]string{reachability: ""})
	b.put("#rate", "2.5")
	b.put("#reason", "trucks are back")
	b.click("dialog button[type=submit]")
	b.until("#redrive", "3 of 8 retried, 1 was gone or being done again, at 2.5 a second, by user:ann.")
	b.expect(map[string]string{`location.hash`: "#/dead-letters?redrive=r1", `document.querySelector("#redrive progress").value`: "4"})
	bodies := api.posts("dlq/redrive")
	filter := object{"fingerprint": "f1"}
	if len(bodies) != 2 || !reflect.DeepEqual(bodies[0].body, object{"filter": filter, "dry_run": true}) ||
		!reflect.DeepEqual(bodies[1].body, object{"filter": filter, "rate": 2.5, "reason": "trucks are back"}) || bodies[1].once == "" {
		t.Errorf("the server was told %v", bodies)
	}

	api.mu.Lock()
	state["retried"], state["refused"], state["refusals"] = 5, 1, []object{{"id": deadShip, "message": "run x goes on"}}
	api.mu.Unlock()
	b.until("#redrive", "1 cannot be retried")
	b.until("#redrive li", deadShip+" run x goes on")
	api.mu.Lock()
	stopped := object{}
	for name, v := range state {
		stopped[name] = v
	}
	stopped["state"] = "stopped"
	api.answers["POST dlq/redrive/r1/stop"] = stopped
	api.mu.Unlock()
	b.click(`[data-redrive="stop"]`)
	b.until("#redrive .state", "stopped")
	b.until("#news", "The redrive is stopped.")
	b.expect(map[string]string{`document.querySelector("[data-redrive=stop]").hidden`: "true"})
	b.click(`[data-redrive="close"]`)
	b.expect(map[string]string{`document.querySelector("#redrive").hidden`: "true"})

	b.click(`tr[data-group="f2"] [data-bulk="purge"]`)
	b.until("dialog .plan", "2 entries would be deleted.")
	b.click("dialog button[type=submit]")
	b.until("#news", "Deleted: 2 entries. More fit: delete again.")
	if purges := api.posts("dlq/purge"); len(purges) != 2 || !reflect.DeepEqual(purges[1].body, object{"filter": object{"fingerprint": "f2"}}) {
		t.Errorf("the server was told %v", purges)
	}

	b.put("#dead-state", "retrying")
	b.when(shownDead + ` === "each~9"`)
	b.click(`[aria-label="Entries"] [data-bulk="redrive"]`) // what is listed
	b.until("dialog .plan", "8 entries")
	if all := api.posts("dlq/redrive"); !reflect.DeepEqual(all[len(all)-1].body["filter"], object{"state": "retrying"}) {
		t.Errorf("the server was asked for %v", all[len(all)-1].body)
	}
	b.click("dialog [data-close]")

	api.mu.Lock()
	before := object{"id": "r0", "state": "done", "filter": object{"workflow": "order", "state": "dead"}, "rate": 1, "matched": 4, "retried": 2, "skipped": 2, "refused": 0, "started_by": "key:ci", "started_at": time.Now()}
	state["started_at"], state["reasons"], state["reason"] = time.Now(), object{"failed: no_truck": 7}, "trucks <b>are</b> back"
	api.answers["GET dlq/redrive"] = object{"items": []object{state, before}}
	api.answers["GET dlq/redrive/r0"] = before
	api.mu.Unlock()
	b.eval(`location.hash = "#/"`)
	b.until("h1", "Runs")
	b.eval(`location.hash = "#/dead-letters"`)
	b.until("#redrive", "5 of 8 retried") // somebody's, found under way
	b.until(`tr[data-redrive="r1"]`, "▶ runningone group: failed: no_truck5 of 8 retried, 1 was gone or being done again, 1 cannot be retrieduser:anntrucks <b>are</b> back")
	b.until(`tr[data-redrive="r0"]`, "✓ donestate dead, workflow order2 of 4 retried, 2 were gone or being done againkey:ci")
	b.click(`tr[data-redrive="r0"] a`)
	b.until("#redrive", "2 of 4 retried")
	b.until("#redrive .state", "done")
	b.when(`document.querySelector("tr[data-redrive=r0] a").getAttribute("aria-current") === "true"`)
	b.expect(map[string]string{`location.hash`: "#/dead-letters?redrive=r0", reachability: ""})
	b.eval(`history.back()`)
	b.until("#redrive", "5 of 8 retried")
	b.click(`[data-redrive="close"]`)
	b.expect(map[string]string{`document.querySelector("#redrive").hidden`: "true"})
	b.noErrors()
}

// Nothing dead is good news, and is said so.
func TestPageWithoutDeadLetters(t *testing.T) {
	t.Parallel()
	api := newDead(t)
	for _, path := range []string{"GET dlq", "GET dlq/groups"} {
		api.answers[path] = object{"items": []object{}}
	}
	b := openBrowser(t, api.URL+"/#/dead-letters")
	b.until(".empty:not([hidden])", "No dead letters")
	b.expect(map[string]string{`[...document.querySelectorAll("main table, main input")].filter((e) => e.checkVisibility()).length`: "0", reachability: ""})
	b.noErrors()
	api.mu.Lock()
	api.refuse["GET dlq/groups"] = 503
	api.mu.Unlock()
	b.until("main .error", "refused with 503 (what is shown is from ")
}
