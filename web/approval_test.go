package web

import (
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"
)

// asking is a run that waits for a person at some steps.
func asking(steps ...string) object {
	views := []object{}
	for _, step := range steps {
		views = append(views, object{"path": step, "type": "approval", "state": "waiting"})
	}
	return object{
		"id": fakeRun, "kind": "workflow", "workflow": "order", "digest": "ab", "state": "waiting", "compensation": "none", "seq": 0,
		"started_at": time.Now().UTC(), "started_by": "user:dev", "steps": views,
	}
}

// waits lets the API answer an approval of a step whole, and answers its row in the list.
func (f *recorded) waits(run, step string) object {
	row := object{
		"id": run + "." + step + "~0", "run_id": run, "workflow": "order", "step": step, "title": "Go on with " + step + "?", "state": "waiting",
		"hash": "h1", "requested_at": time.Now().UTC(), "requested_by": "user:dev",
	}
	f.answers["GET approvals/"+row["id"].(string)] = row
	return row
}

// inPages answers a list of which each page is asked for by its number.
func inPages(asked *int, pages ...[]object) func(url.Values) any {
	return func(query url.Values) any {
		*asked++
		at, _ := strconv.Atoi(query.Get("cursor")) // none is the first
		answer := object{"items": pages[at]}
		if at+1 < len(pages) {
			answer["next_cursor"] = strconv.Itoa(at + 1)
		}
		return answer
	}
}

const shownApprovals = `[...document.querySelectorAll("[data-approval] h2")].map((h) => h.textContent).join(" ")`

// TestPageFindsWhatWaits: what waits for a person in a run is on its page, wherever in the list of all that waits it is: behind others',
// behind pages of which the reader may see nothing, and behind another one of the run.
func TestPageFindsWhatWaits(t *testing.T) {
	t.Parallel()
	api := newRecorded(t, asking("first", "second"))
	others := []object{api.waits(fakeChild, "a"), api.waits(fakeChild, "b")}
	api.answers["GET approvals"] = inPages(new(int), others, []object{}, []object{api.waits(fakeRun, "first")}, []object{}, others, []object{api.waits(fakeRun, "second")})
	b := openBrowser(t, api.URL+runPage)
	b.until("[data-approval] h2", "Go on with first?")
	b.until("[data-approval] ~ [data-approval] h2", "Go on with second?")
	b.expect(map[string]string{shownApprovals: "⏸ Go on with first? ⏸ Go on with second?"})
	b.noErrors()
}

// TestPageReadsAsManyAsItShows: of a fan-out of approvals no more pages are read than tell that there are more than are shown.
func TestPageReadsAsManyAsItShows(t *testing.T) {
	t.Parallel()
	api := newRecorded(t, asking("each"))
	pages := make([][]object, 9)
	for i := range 10 * len(pages) {
		pages[i/10] = append(pages[i/10], api.waits(fakeRun, "each["+strconv.Itoa(i)+"]"))
	}
	asked := 0
	api.answers["GET approvals"] = inPages(&asked, pages...)
	b := openBrowser(t, api.URL+runPage)
	b.when(`document.querySelectorAll("[data-approval]").length === 20`)
	b.until("[data-approval] ~ p", "10 or more other approvals of this run wait as well.")
	api.mu.Lock()
	defer api.mu.Unlock()
	if asked != 3 {
		t.Errorf("it read %d pages, want 3", asked)
	}
}

// TestPageHearsOfApprovalsWhileItReads: what begins to wait while others are being read is found, though the page was told of it too early.
func TestPageHearsOfApprovalsWhileItReads(t *testing.T) {
	t.Parallel()
	api := newRecorded(t, asking("first"))
	first, second := api.waits(fakeRun, "first"), api.waits(fakeRun, "second")
	answer := make(chan struct{})
	answerNow := sync.OnceFunc(func() { close(answer) })
	t.Cleanup(answerNow)
	api.slow = map[string]chan struct{}{"GET approvals/" + first["id"].(string): answer}
	listed := make(chan struct{})
	tell := sync.OnceFunc(func() { close(listed) })
	rows := []object{first}
	api.answers["GET approvals"] = func(url.Values) any {
		defer tell()
		return object{"items": rows}
	}
	b := openBrowser(t, api.URL+runPage)
	<-listed
	api.change("step_waiting", "second", nil, func(run object) {
		run["steps"] = asking("first", "second")["steps"]
		rows = []object{first, second}
	})
	b.until(`tr[data-step="second"]`, "waiting")
	answerNow()
	b.until("[data-approval] ~ [data-approval] h2", "Go on with second?")
	b.noErrors()
}

// TestPageHearsWhileItOpens: what happens between the reading of a run and that of its events is seen, though no message tells of it.
func TestPageHearsWhileItOpens(t *testing.T) {
	t.Parallel()
	api := newRecorded(t, asking("first"))
	timeline := make(chan struct{})
	readNow := sync.OnceFunc(func() { close(timeline) })
	t.Cleanup(readNow)
	api.slow = map[string]chan struct{}{"GET runs/" + fakeRun + "/timeline": timeline}
	b := openBrowser(t, api.URL+runPage)
	b.until(`tr[data-step="first"]`, "waiting")
	api.change("step_succeeded", "first", nil, func(run object) { run["steps"].([]object)[0]["state"] = "succeeded" })
	readNow()
	b.until(`tr[data-step="first"]`, "succeeded")
	b.noErrors()
}
