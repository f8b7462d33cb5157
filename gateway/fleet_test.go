package gateway

import (
	"encoding/json"
	"strings"
	"testing"

	"cordum.dev/cordum/engine/runner"
)

func TestDrains(t *testing.T) {
	a := newAPI(t, nil)
	for _, of := range []string{"worker", "pool"} {
		path := prefix + "/" + of + "s/w1/"
		var d runner.Drain
		a.call("POST", path+"drain", `{"reason":"new drivers"}`).want(200, "").json(&d)
		if d.Of != of || d.Name != "w1" || d.Reason != "new drivers" {
			t.Errorf("drain %+v", d)
		}
		var all Page[runner.Drain]
		a.call("GET", prefix+"/drains", "").want(200, "").json(&all)
		if len(all.Items) != 1 {
			t.Errorf("drains %+v", all.Items)
		}
		a.call("POST", path+"undrain", "").want(200, "")
		a.call("POST", path+"undrain", "").want(404, "not_found")
	}
}

func TestFleetConfigDocuments(t *testing.T) {
	a := newAPI(t, nil)
	const text = "pools: {p: {max_jobs: 3}}\n"
	for _, name := range []string{"pools", "timeouts"} {
		path := prefix + "/config/" + name
		var f runner.FleetConfig
		w := a.call("PUT", path, text, "Content-Type: application/yaml").want(200, "").json(&f)
		if f.Document != text || w.Header().Get("ETag") != `"`+f.ETag+`"` {
			t.Errorf("%s: %+v, %v", name, f, w.Header())
		}
		a.call("PUT", path, text, "Content-Type: application/yaml", `If-Match: "`+strings.Repeat("0", 64)+`"`).want(412, "precondition_failed")
		a.call("PUT", path, "pools: {}", "Content-Type: application/yaml", `If-Match: "`+f.ETag+`"`).want(200, "")
		a.call("GET", path, "").want(200, "").json(&f)
		if f.Document != "pools: {}" {
			t.Errorf("%s is %q", name, f.Document)
		}
	}
	a.call("PUT", prefix+"/config/pools", strings.Repeat("#", MaxDefinitionBody+1), "Content-Type: application/yaml").want(413, "body_too_large")
}

// TestJobLocks: the lock of a job in each of its spellings, and what is none.
func TestJobLocks(t *testing.T) {
	for body, want := range map[string]runner.JobRequest{
		`{"pack":"infra.kubectl","tool":"apply","input":{},"context":{"requires":["kubectl","aws-credentials"],"preferred_worker_id":"worker-us-east-1","resource_lock":"cluster:production"}}`: {
			ResourceLock: "cluster:production", PreferredWorkerID: "worker-us-east-1",
		},
		`{"topic":"job.a","resource_lock":{"name":"x","mode":"shared"}}`:           {ResourceLock: "x", LockShared: true},
		`{"topic":"job.a","resource_lock":"y","context":{"resource_lock":"z"}}`:    {ResourceLock: "y"},
		`{"topic":"job.a","context":{"resource_lock":{"name":"x"}},"prompt":"hi"}`: {ResourceLock: "x"},
		`{"topic":"job.a","resource_lock":null}`:                                   {},
	} {
		var b JobSubmit
		decode(t, body, &b)
		got, err := b.request()
		if err != nil || got.ResourceLock != want.ResourceLock || got.LockShared != want.LockShared || got.PreferredWorkerID != want.PreferredWorkerID {
			t.Errorf("%s asks for %+v, %v", body, got, err)
		}
	}
	for _, lock := range []string{`3`, `{}`, `{"name":"x","mode":"mine"}`, `{"name":"x","mod":"shared"}`, `[]`} {
		var b JobSubmit
		decode(t, `{"topic":"job.a","resource_lock":`+lock+`}`, &b)
		if _, err := b.request(); err == nil {
			t.Errorf("the lock %s is taken", lock)
		}
	}
}

func decode(t *testing.T, body string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), into); err != nil {
		t.Fatal(err)
	}
}
