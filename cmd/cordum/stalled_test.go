package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"cordum.dev/cordum/engine/runner"
)

const (
	// stallRuns is of how many runs that have something to do a failure tells.
	stallRuns = 4
	// stallPatience is how long the server has for each answer: it may be what is stuck.
	stallPatience = 5 * time.Second
	// stallText is how much of each answer is told, in bytes: of a long one the end, which is what came last.
	stallText = 8000
)

// tellStalled adds to the failure of a test that waited in vain what the server says of itself: what each run that is not over
// waits for, what has become of it, and whom the server knows as workers. What stalls on another machine, once in a thousand
// times, is understood from this or not at all.
func (p *process) tellStalled() {
	p.t.Helper()
	if p.cmd == nil || !p.alive() {
		return
	}
	for _, run := range p.unended() {
		at := "/api/v1/runs/" + run
		p.t.Logf("run %s: %s\nits steps: %s\nits facts: %s", run, p.says(at+"/explain"), p.says(at), p.says(at+"/timeline?limit=1000"))
	}
	p.t.Logf("workers: %s", p.says("/api/v1/workers"))
}

// unended are a few of the runs that go on or are being undone.
func (p *process) unended() (runs []string) {
	for _, query := range []string{"kind=workflow", "kind=job"} {
		var page struct {
			Items []struct {
				ID           string     `json:"id"`
				EndedAt      *time.Time `json:"ended_at"`
				Compensation string     `json:"compensation"`
			} `json:"items"`
		}
		if json.Unmarshal(p.raw("/api/v1/runs?limit=1000&"+query), &page) != nil {
			continue // what it is instead is told by the other answers
		}
		for _, run := range page.Items {
			if over := run.EndedAt != nil && slices.Contains([]string{"", "none", "done"}, run.Compensation); !over && len(runs) < stallRuns {
				runs = append(runs, run.ID)
			}
		}
	}
	return runs
}

// says is what the server answers, for people.
func (p *process) says(path string) string {
	text := strings.ToValidUTF8(string(p.raw(path)), "?")
	if cut := len(text) - stallText; cut > 0 {
		return "… " + text[cut:]
	}
	return text
}

// raw is what the server answers, or why it does not.
func (p *process) raw(path string) []byte {
	ctx, cancel := context.WithTimeout(context.Background(), stallPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.addr+path, http.NoBody)
	if err != nil {
		return []byte(err.Error())
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return []byte(err.Error())
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return []byte(err.Error())
	}
	return raw
}

// Of a run that does not settle: how long nobody does anything before it counts as stuck, and how long it may take at all.
const (
	stuckAfter = 30 * time.Second
	settleMost = 2 * time.Minute
)

// settles waits until nothing is left to do in a run. On a busy machine, where workers take one job at a time, that may take long:
// what fails is that nothing happens.
func (p *process) settles(r *sagaRun) (v runner.RunView) {
	p.t.Helper()
	began := time.Now()
	done, at := p.sagaDone(), began
	for {
		v = runner.RunView{}
		err := p.call("GET", "/api/v1/runs/"+r.id+"?wait=2s&since=1000000", "", nil, &v)
		if err == nil && v.EndedAt != nil && (v.Compensation == "none" || v.Compensation == "done") {
			return v
		}
		if now := p.sagaDone(); now != done {
			done, at = now, time.Now()
		}
		if time.Since(at) > stuckAfter || time.Since(began) > settleMost {
			p.tellStalled()
			p.t.Fatalf("timed out waiting until run %s of %s settles; workers did something %v ago: %v",
				r.root, r.shape.id, time.Since(at).Round(time.Second), err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// sagaDone grows with everything that workers do.
func (p *process) sagaDone() int64 {
	info, err := os.Stat(p.sagaLedger())
	if err != nil {
		return 0
	}
	return info.Size()
}
