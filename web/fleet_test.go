package web

import (
	"fmt"
	"testing"
	"time"
)

// fleet is what a server says of two pools and four workers.
func fleet(now time.Time) map[string][]object {
	worker := func(id, pool, state string, active, reserved, slots int, more object) object {
		w := object{"id": id, "pool": pool, "state": state, "active_jobs": active, "reserved_jobs": reserved, "max_parallel_jobs": slots, "cpu_load": 12.4, "gpu_utilization": 0, "last_seen": now}
		for name, v := range more {
			w[name] = v
		}
		return w
	}
	return map[string][]object{
		"workers": {
			worker("w1", "cpu", "alive", 3, 1, 8, object{"topics": []string{"job.a", "job.b"}, "labels": object{"zone": "eu"}}),
			worker("w2", "gpu", "alive", 2, 0, 2, object{"capabilities": []string{"cuda", "a", "b", "c", "d", "e"}, "gpu_utilization": 81}),
			worker("w3", "cpu", "draining", 1, 0, 8, nil),
			worker("w4", "cpu", "lost", 0, 0, 8, nil),
		},
		"pools": {
			{"name": "cpu", "workers": 2, "active_jobs": 5, "slots": 16, "max_jobs": 10, "topics": []string{"job.a", "job.b.*"}},
			{"name": "gpu", "workers": 1, "active_jobs": 2, "slots": 2, "queued_jobs": 12, "requires": []string{"cuda"}},
			{"name": "old", "workers": 0, "active_jobs": 0, "slots": 0, "draining": true},
		},
		"drains": {
			{"of": "worker", "name": "w3", "reason": "new disk", "set_by": "user:ann", "set_at": now},
			{"of": "worker", "name": "w9", "set_by": "user:bob", "set_at": now},
		},
		"locks": {{
			"name": "cluster:prod", "state": "held", "mode": "exclusive", "holding": 1, "waiting": 7,
			"holders": []object{{"holder": fakeRun + ".ship~3", "kind": "job", "run_id": fakeRun, "mode": "exclusive", "fencing_token": 42, "since": now}},
			"waiters": []object{{"holder": "deploy-script", "kind": "external", "mode": "exclusive", "since": now, "by": "key:ci"}},
		}},
	}
}

func newFleet(t *testing.T) *recorded {
	api := newRecorded(t, orderRun())
	api.fleet(fleet(time.Now().UTC()))
	return api
}

// fleet sets what the server answers of pools and workers.
func (f *recorded) fleet(says map[string][]object) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for path, items := range says {
		f.answers["GET "+path] = object{"items": append([]object{}, items...)}
	}
}

const fleetPage = "/#/fleet"

// Pools and workers are shown with their state, how full they are and who drains them; locks with who holds them.
func TestPageShowsTheFleet(t *testing.T) {
	t.Parallel()
	api := newFleet(t)
	b := openBrowser(t, api.URL+"/")
	b.until("#views", "Fleet")
	b.click(`#views a[href="#/fleet"]`)
	b.until(`tr[data-worker="w1"]`, "4 of 8")
	b.until("#fleet", "Workers3, and 1 lost")
	b.until("#fleet", "Jobs7 of 18")
	b.until(`tr[data-worker="w1"]`, "zone=eu")
	b.until(`tr[data-worker="w2"]`, "GPU 81 %")
	b.until(`tr[data-worker="w2"] details`, "and 2 mored, e") // opened by who wants to see them
	b.until(`tr[data-worker="w3"]`, "drained by user:ann")
	b.until(`tr[data-worker="w3"]`, ": new disk")
	b.until(`li[data-drain="w9"]`, "worker w9: drained by user:bob")
	b.until(`tr[data-pool="cpu"]`, "5 of 10, limited: its workers take 16")
	b.until(`tr[data-pool="gpu"]`, "2 of 2, 12 wait")
	b.until(`tr[data-pool="old"]`, "drained by the configuration")
	b.until(`tr[data-lock="cluster:prod"]`, "with token 42")
	b.until(`tr[data-lock="cluster:prod"]`, "and 6 more")
	b.expect(map[string]string{
		`[...document.querySelectorAll("tr[data-worker] .state")].map((e) => e.textContent).join()`:             "● alive,● alive,◐ draining,✕ lost",
		`[...document.querySelectorAll("tr[data-pool] .state")].map((e) => e.textContent).join()`:               "● open,■ full,◐ draining",
		`document.querySelector('tr[data-worker="w1"] [role=img]').getAttribute("aria-label")`:                  "4 of 8 jobs",
		`document.querySelector('tr[data-worker="w1"] .fill').style.getPropertyValue("--span")`:                 "50%",
		`document.querySelector('tr[data-pool="old"] button') === null`:                                         "true", // nobody can lift what the configuration says
		`document.querySelector('tr[data-lock] a').hash`:                                                        "#/runs/" + fakeRun,
		`[...document.querySelectorAll("#views a[aria-current]")].map((a) => a.textContent).join()`:             "Fleet",
		`[...document.querySelectorAll("[data-drain=drain], [data-drain=undrain]")].map((e) => e.ariaLabel)[0]`: "Drain: pool cpu",
		reachability: "",
	})
	b.put("#worker-text", "CUDA")
	b.expect(map[string]string{shownWorkers: "w2"})
	b.put("#worker-text", "")
	b.put("#worker-state", "draining")
	b.expect(map[string]string{shownWorkers: "w3"})
	b.put("#worker-text", "nobody")
	b.until("main", "No such worker")
	b.noErrors()
}

const shownWorkers = `[...document.querySelectorAll("tr[data-worker]")].map((e) => e.dataset.worker).join()`

// A person drains a worker with a reason and lifts it; what changes shows without a reload, and an open dialog stays.
func TestPageDrains(t *testing.T) {
	t.Parallel()
	api := newFleet(t)
	b := openBrowser(t, api.URL+fleetPage)
	b.until(`tr[data-worker="w1"]`, "4 of 8")
	b.click(`tr[data-worker="w1"] [data-drain="drain"]`)
	b.until("dialog h2", "Drain worker w1?")
	b.expect(map[string]string{reachability: ""})
	b.put("#reason", "kernel update")
	api.mu.Lock()
	api.refuse["POST workers/w1/drain"] = 403
	api.mu.Unlock()
	b.click("dialog button[type=submit]")
	b.until("dialog .error", "refused with 403")
	api.mu.Lock()
	delete(api.refuse, "POST workers/w1/drain")
	api.mu.Unlock()
	now := fleet(time.Now().UTC())
	now["workers"][0]["state"], now["workers"][0]["active_jobs"] = "draining", 1
	now["drains"] = append(now["drains"], object{"of": "worker", "name": "w1", "reason": "kernel update", "set_by": "user:ann", "set_at": time.Now()})
	api.fleet(now)
	b.click("dialog button[type=submit]")
	b.gone("dialog")
	b.until(`tr[data-worker="w1"]`, "kernel update")
	b.until(`tr[data-worker="w1"] .state`, "draining")
	posts := api.posts("workers/w1/drain")
	if len(posts) != 2 || posts[1].body["reason"] != "kernel update" || posts[0].once != posts[1].once || posts[0].once == "" {
		t.Errorf("the server was told %v", posts)
	}
	b.click(`tr[data-pool="gpu"] [data-drain="drain"]`)
	b.until("dialog h2", "Drain pool gpu?")
	b.click("dialog button[type=submit]")
	b.gone("dialog")
	api.same("pools/gpu/drain", object{})
	b.click(`li[data-drain="w9"] button`) // of one that is away
	b.until("dialog h2", "Let worker w9 take work again?")
	b.click("dialog button[type=submit]")
	b.gone("dialog")
	api.same("workers/w9/undrain", object{})

	api.fleet(map[string][]object{"workers": now["workers"][:1], "drains": {}})
	b.when(shownWorkers + ` === "w1"`) // by itself
	b.until(`tr[data-worker="w1"]`, "it drains by itself")
	api.mu.Lock()
	api.refuse["GET workers"] = 503
	api.mu.Unlock()
	b.until("main .error", "refused with 503") // what was known stays
	b.expect(map[string]string{shownWorkers: "w1"})
	api.mu.Lock()
	delete(api.refuse, "GET workers")
	api.mu.Unlock()
	b.when(`document.querySelector("main .error").textContent === ""`)
}

// Nothing there is said, with what to do; very many workers are shown a part at a time.
func TestPageWithNoAndManyWorkers(t *testing.T) {
	t.Parallel()
	api := newFleet(t)
	none := map[string][]object{"workers": {}, "pools": {}, "drains": {}, "locks": {}}
	api.fleet(none)
	b := openBrowser(t, api.URL+fleetPage)
	b.until("main", "No workers yet.")
	b.until("main", "No pools")
	b.until("main", "Nobody holds a lock.")
	b.expect(map[string]string{reachability: "", `[...document.querySelectorAll("main table")].filter((e) => e.checkVisibility()).length`: "0"})

	evil := `<img src=x onerror="window.hacked=1">` + "\u202e"
	many := fleet(time.Now().UTC())["workers"]
	many[0]["pool"], many[0]["topics"], many[0]["labels"] = evil, []string{evil}, object{evil: evil}
	for i := range 1000 {
		w := object{"id": fmt.Sprintf("x%04d", i), "state": "silent", "active_jobs": 0, "reserved_jobs": 0, "max_parallel_jobs": 0, "cpu_load": 0, "gpu_utilization": 0, "last_seen": nil}
		many = append(many, w)
	}
	api.fleet(map[string][]object{"workers": many, "pools": {{"name": evil, "workers": 0, "active_jobs": 0, "slots": 0}}})
	b.until("main", "Workers 1 to 200 of 1004")
	b.click(`[data-workers="1"]`)
	b.until("main", "Workers 201 to 400 of 1004")
	b.until(`tr[data-pool]`, "no workers")
	b.expect(map[string]string{
		`typeof window.hacked`: "undefined", `document.querySelectorAll("main img").length`: "0",
		`document.body.innerText.includes("undefined") || document.body.innerText.includes("NaN")`: "false",
	})
	b.noErrors()
}
