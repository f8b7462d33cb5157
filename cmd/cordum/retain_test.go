package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/pebble"
)

// TestRetentionOfAServer: runs that have ended go, also over a kill -9 in the midst of it, and leave nothing; one that goes on stays.
func TestRetentionOfAServer(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.start()
	for _, d := range []string{
		"id: quick\nsteps:\n  - {id: a, type: transform, input: {n: \"${input.n}\"}}\n",
		"id: nap\nsteps:\n  - {id: a, type: delay, for: 300d}\n",
	} {
		if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(d), nil); err != nil {
			t.Fatal(err)
		}
	}
	begin := func(workflow string, n int) string {
		var s runner.Started
		if err := p.call("POST", "/api/v1/workflows/"+workflow+"/runs", "application/json", fmt.Appendf(nil, `{"n":%d}`, n), &s); err != nil {
			t.Fatal(err)
		}
		return s.RunID
	}
	asleep := begin("nap", 0)
	var runs []string
	for n := range 200 {
		runs = append(runs, begin("quick", n))
	}
	p.until("all have ended", func() bool { return p.listed("quick", "succeeded") == len(runs) })
	p.kill()
	p.mode = []string{"--dev", "--run-retention", "1s", "--retention-interval", "50ms"}
	p.start()
	p.until("some are gone", func() bool { return p.listed("quick", "") < len(runs) })
	p.kill()
	p.start()
	p.until("all are gone", func() bool { return p.listed("quick", "") == 0 })
	err := p.call("GET", "/api/v1/runs/"+runs[0], "", nil, nil)
	if err == nil || !strings.Contains(err.Error(), ": 404 ") {
		t.Errorf("a run that is gone: %v", err)
	}
	if err := p.call("GET", "/api/v1/runs/"+asleep, "", nil, nil); err != nil {
		t.Errorf("a run that goes on: %v", err)
	}
	p.kill()
	p.leaves(asleep)
}

// listed counts the runs of a workflow in a state.
func (p *process) listed(workflow, state string) int {
	p.t.Helper()
	n, cursor := 0, ""
	for {
		var page struct {
			Items []runner.RunHeader `json:"items"`
			Next  string             `json:"next_cursor"`
		}
		if err := p.call("GET", "/api/v1/runs?limit=1000&workflow="+workflow+"&state="+state+"&cursor="+cursor, "", nil, &page); err != nil {
			p.t.Fatal(err)
		}
		n += len(page.Items)
		if cursor = page.Next; cursor == "" {
			return n
		}
	}
}

// leaves checks that a stopped server's store keeps one run, and no record of any other but in the audit log.
func (p *process) leaves(run string) {
	p.t.Helper()
	s, err := pebble.Open(pebble.Config{Dir: filepath.Join(p.dir, "data"), ReadOnly: true})
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for part := range s.Partitions() {
		err := s.Walk(p.t.Context(), store.Partition(part), func(i store.Item) error {
			switch {
			case i.Entry != nil && i.Entry.Log.Run != run:
				p.t.Errorf("fact %d of run %s is left", i.Entry.First, i.Entry.Log.Run)
			case i.Record != nil && i.Record.Key.Table != store.TableAudit && strings.Contains(i.Record.Key.ID, "quick\x01"):
				p.t.Errorf("row %q of table %d is left", i.Record.Key.ID, i.Record.Key.Table)
			case i.Record != nil && i.Record.Key.Table == store.TableHeader && i.Record.Key.ID != run:
				p.t.Errorf("the header of run %s is left", i.Record.Key.ID)
			}
			return nil
		})
		if err != nil {
			p.t.Fatal(err)
		}
	}
}
