package gateway

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// died puts n dead letters of the default tenant.
func (a *api) died(n int) {
	a.engine.mu.Lock()
	defer a.engine.mu.Unlock()
	a.engine.dead.rows = map[string][]runner.DeadLetter{}
	for i := range n {
		a.engine.dead.rows["default"] = append(a.engine.dead.rows["default"], runner.DeadLetter{
			ID: fmt.Sprintf("job%d", i), State: "dead", Ended: "failed", Reason: "failed: boom",
		})
	}
}

func TestDeadLetterList(t *testing.T) {
	a := newAPI(t, nil)
	a.died(25)
	for _, alias := range []string{"/dlq", "/dlq/list", "/dlq/page"} {
		seen := 0
		for target := prefix + alias + "?limit=10&reason=failed&since=2026-11-01T00:00:00Z"; target != ""; {
			var page Page[runner.DeadLetter]
			w := a.call("GET", target, "").want(200, "")
			w.json(&page)
			seen += len(page.Items)
			target = ""
			if link := w.Header().Get("Link"); link != "" {
				target = strings.TrimSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
			}
			if f := a.engine.dead.filter; f.Reason != "failed" || !f.Since.Equal(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)) {
				t.Fatalf("filter %+v", f)
			}
		}
		if seen != 25 {
			t.Errorf("%s shows %d", alias, seen)
		}
	}
	var page Page[runner.DeadLetter]
	a.call("GET", prefix+"/dlq?limit=10", "").want(200, "").json(&page)
	a.call("GET", prefix+"/dlq?limit=10&topic=job.x&cursor="+page.NextCursor, "").want(400, "invalid_cursor")
	a.call("GET", prefix+"/dlq?limit=0", "").want(400, "invalid_argument")
	a.call("GET", prefix+"/dlq?state=gone", "").want(400, "invalid_argument")
	a.call("GET", prefix+"/dlq?since=yesterday", "").want(400, "invalid_argument")
	a.call("GET", prefix+"/dlq?all=true", "").want(400, "invalid_argument")
	var groups DeadGroups
	a.call("GET", prefix+"/dlq/groups?workflow=w", "").want(200, "").json(&groups)
	if len(groups.Items) != 1 || groups.Items[0].Count != 25 || a.engine.dead.filter.Workflow != "w" {
		t.Errorf("%+v", groups)
	}
}

func TestDeadLetterVerbs(t *testing.T) {
	a := newAPI(t, nil)
	a.died(3)
	a.engine.dead.rows["default"][2].Ended = "denied"
	viewer := []string{"X-Principal-Id: eve", "X-Principal-Role: viewer"}
	a.call("GET", prefix+"/dlq/job0", "", viewer...).want(200, "")
	a.call("GET", prefix+"/dlq/nobody", "").want(404, "not_found")
	a.call("POST", prefix+"/dlq/job0/retry", "", viewer...).want(403, "forbidden")
	a.call("DELETE", prefix+"/dlq/job0", "", viewer...).want(403, "forbidden")
	a.call("POST", prefix+"/dlq/redrive", `{"filter":{"state":"dead"}}`, viewer...).want(403, "forbidden")
	a.call("POST", prefix+"/dlq/purge", `{"filter":{"state":"dead"}}`, viewer...).want(403, "forbidden")
	var v runner.DeadRetried
	a.call("POST", prefix+"/dlq/job0/retry", `{"reason":"fixed"}`).want(200, "").json(&v)
	if v.State != "retrying" || a.engine.lastCaller().Reason != "fixed" {
		t.Errorf("%+v by %+v", v, a.engine.lastCaller())
	}
	w := a.call("POST", prefix+"/dlq/job2/retry", "").want(409, "conflict")
	if !strings.Contains(w.Body.String(), "rerun") {
		t.Errorf("it does not say what to do: %s", w.Body)
	}
	a.call("DELETE", prefix+"/dlq/job1", "").want(204, "")
	a.call("DELETE", prefix+"/dlq/job1", "").want(404, "not_found")
	a.call("POST", prefix+"/dlq/purge", `{"filter":{}}`).want(400, "invalid_argument")
	a.call("POST", prefix+"/dlq/purge", `{}`).want(422, "")
	a.call("POST", prefix+"/dlq/purge", `{"filter":{"state":"dead","wokflow":"w"}}`).want(400, "unknown_field") // not more than was meant
	a.call("POST", prefix+"/dlq/redrive", `{"filter":{"state":"dead","wokflow":"w"}}`).want(400, "unknown_field")
	var p runner.Purged
	a.call("POST", prefix+"/dlq/purge", `{"filter":{"topic":"job.x"},"dry_run":true}`).want(200, "").json(&p)
	if p.Matched != 2 || p.Deleted != 0 || a.engine.dead.filter.Topic != "job.x" {
		t.Errorf("%+v", p)
	}
}

func TestRedriveRoutes(t *testing.T) {
	a := newAPI(t, nil)
	a.died(4)
	var v runner.Redrive
	a.call("POST", prefix+"/dlq/redrive", `{"filter":{"reason":"timeout"},"rate":5,"dry_run":true}`).want(200, "").json(&v)
	if v.State != "dry_run" || v.Matched != 4 || v.Rate != 5 {
		t.Errorf("%+v", v)
	}
	w := a.call("POST", prefix+"/dlq/redrive", `{"filter":{"reason":"timeout"},"reason":"fixed"}`).want(202, "")
	w.json(&v)
	if w.Header().Get("Location") != prefix+"/dlq/redrive/"+v.ID || v.State != "running" {
		t.Errorf("%+v, %v", v, w.Header())
	}
	a.call("POST", prefix+"/dlq/redrive", `{"filter":{"reason":"x"},"rate":100000}`).want(422, "invalid_body")
	a.call("GET", prefix+"/dlq/redrive/"+v.ID, "").want(200, "")
	a.call("GET", prefix+"/dlq/redrive/other", "").want(404, "not_found")
	var list Page[runner.Redrive]
	a.call("GET", prefix+"/dlq/redrive", "").want(200, "").json(&list)
	if len(list.Items) != 1 || list.Items[0].ID != v.ID {
		t.Errorf("redrives %+v", list.Items)
	}
	a.call("POST", prefix+"/dlq/redrive/"+v.ID+"/stop", "").want(200, "").json(&v)
	if v.State != "stopped" {
		t.Errorf("%+v", v)
	}
}
