package gateway

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/store/audit"
)

func withRecords(a *api, n int) {
	for i := range n {
		a.engine.audit.records = append(a.engine.audit.records, runner.AuditRecord{
			Chain: audit.Chain{Tenant: []string{"default", "acme"}[i%2]}, Seq: uint64(i + 1), At: time.Unix(int64(i), 0).UTC(),
			Act: "decision", Actor: "user:ann", Hash: audit.Hash{byte(i + 1)},
		})
	}
}

func TestAuditIsListedByTenant(t *testing.T) {
	a := newAPI(t, nil)
	withRecords(a, 9)
	var page Page[map[string]any]
	got := a.call("GET", prefix+"/audit?limit=2&act=decision&since=2020-01-01T00:00:00Z", "").want(200, "").json(&page)
	if len(page.Items) != 2 || page.NextCursor == "" {
		t.Fatalf("%s", got.Body)
	}
	for _, r := range page.Items {
		if r["tenant"] != "default" || len(r["hash"].(string)) != 64 || r["fact_hash"] != nil {
			t.Errorf("record %v", r)
		}
	}
	link := got.Header().Get("Link")
	for _, part := range []string{"cursor=more", "limit=2", "act=decision", "order=desc", "since=2020-01-01T00%3A00%3A00Z"} {
		if !strings.Contains(link, part) {
			t.Errorf("the link %s has no %s", link, part)
		}
	}
	a.call("GET", prefix+"/audit?order=asc", "").want(200, "").json(&page)
	if page.NextCursor == "" {
		t.Error("nobody can follow")
	}
	a.call("GET", prefix+"/audit?cursor=x", "").want(400, "invalid_cursor")
	a.call("GET", prefix+"/audit?limit=0", "").want(400, "invalid_argument")
	a.call("GET", prefix+"/audit?since=yesterday", "").want(400, "invalid_argument")
}

func TestAuditExport(t *testing.T) {
	a := newAPI(t, nil)
	got := a.call("GET", prefix+"/audit/export", "").want(200, "")
	if ct := got.Header().Get("Content-Type"); ct != exportMedia || strings.Count(got.Body.String(), "\n") != 2 {
		t.Errorf("%s: %s", ct, got.Body)
	}
	a.call("GET", prefix+"/audit/export?act=decision", "").want(400, "invalid_argument")
	a.engine.sick = fmt.Errorf("no: %w", errors.Join(runner.ErrUnavailable))
	a.call("GET", prefix+"/audit/export", "").want(503, "unavailable")
}

// Who came with the installation's own configuration sees all chains; a tenant's admin sees of others only the digests.
func TestHeadsShowOneTenantItsOwn(t *testing.T) {
	a := newAPI(t, withKeys)
	root := "X-API-Key: " + testKey
	own := "X-API-Key: " + a.key(storedKey{Name: "auditor", Tenant: "acme", Roles: []string{"admin"}, CreatedBy: "user:ann"})
	for who, shown := range map[string]int{root: 2, own: 1} {
		var page Page[runner.AuditHead]
		a.call("GET", prefix+"/audit/heads", "", who).want(200, "").json(&page)
		var head runner.AuditHead
		a.call("POST", prefix+"/audit/heads", `{"reason": "month end"}`, who).want(201, "").json(&head)
		for _, h := range append(page.Items, head) {
			n := 0
			for _, c := range h.Chains {
				if c.Shown() {
					n++
				}
			}
			if n != shown || len(h.Chains) != 2 {
				t.Errorf("%d of %d chains are shown, want %d", n, len(h.Chains), shown)
			}
		}
	}
}

func TestLegalHolds(t *testing.T) {
	a := newAPI(t, nil)
	var h runner.LegalHold
	a.call("POST", prefix+"/audit/holds", `{"run": "07X", "reason": "case 7"}`).want(201, "").json(&h)
	if h.Run != "07X" || h.Reason != "case 7" {
		t.Errorf("%+v", h)
	}
	a.call("POST", prefix+"/audit/holds", `{}`).want(422, "invalid_body")
	var page Page[runner.LegalHold]
	a.call("GET", prefix+"/audit/holds", "").want(200, "").json(&page)
	if len(page.Items) != 1 {
		t.Errorf("%+v", page)
	}
	a.call("POST", prefix+"/audit/holds/"+h.ID+"/lift", "").want(200, "")
	a.call("POST", prefix+"/audit/holds/"+h.ID+"/lift", "").want(404, "not_found")
}

func TestEvidenceIsTheTenantsOwn(t *testing.T) {
	a := newAPI(t, nil)
	run := a.run()
	var e runner.AuditEvidence
	a.call("GET", prefix+"/runs/"+run+"/evidence", "").want(200, "").json(&e)
	if e.Run.ID != run {
		t.Errorf("%+v", e.Run)
	}
	a.call("GET", prefix+"/runs/"+run+"/evidence", "", "X-Tenant-ID: acme").want(404, "not_found")
}
