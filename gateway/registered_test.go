package gateway

import (
	"strings"
	"testing"

	"cordum.dev/cordum/engine/runner"
)

func TestSchemasAndTopicsAreRegistered(t *testing.T) {
	a := newAPI(t, withKeys)
	root := "X-API-Key: " + testKey
	a.call("POST", prefix+"/schemas", `{"id":"order","schema":{"type":"object"},"description":"an order"}`, root).want(201, "")
	var v runner.SchemaView
	a.call("PUT", prefix+"/schemas/order", `{"type":"array"}`, root, "Content-Type: application/json").want(200, "").json(&v)
	if string(v.Schema) != `{"type":"array"}` {
		t.Errorf("%s", v.Schema)
	}
	a.call("POST", prefix+"/schemas", `{"id":"s","schema":"no schema"}`, root).want(422, "invalid_schema")
	a.call("GET", prefix+"/schemas/none", "", root).want(404, "not_found")

	a.call("POST", prefix+"/topics", `{"name":"job.ship","input_schema":"order","pool":"p"}`, root).want(201, "")
	a.call("POST", prefix+"/topics", `{"name":"job.ship"}`, root).want(409, "conflict")
	a.call("PUT", prefix+"/topics/job.ship", `{"input_schema":"order"}`, root).want(200, "")
	body := a.call("PUT", prefix+"/topics/job.other", `{"input_schema":"none"}`, root).want(422, "unknown_schema").Body.String()
	if !strings.Contains(body, `"location":"/input_schema"`) {
		t.Errorf("no place in %s", body)
	}
	a.call("DELETE", prefix+"/schemas/order", "", root).want(409, "conflict")
	a.call("DELETE", prefix+"/topics/job.ship", "", root).want(204, "")
	a.call("DELETE", prefix+"/schemas/order", "", root).want(204, "")
	a.call("DELETE", prefix+"/schemas/order", "", root).want(404, "not_found")
}

func TestListsOfWhatIsRegistered(t *testing.T) {
	a := newAPI(t, withKeys)
	root := "X-API-Key: " + testKey
	for _, name := range []string{"job.a", "job.b", "job.c"} {
		a.call("POST", prefix+"/topics", `{"name":"`+name+`"}`, root).want(201, "")
	}
	var page Page[runner.TopicView]
	a.call("GET", prefix+"/topics?limit=2", "", root).want(200, "").json(&page)
	if len(page.Items) != 2 || page.NextCursor == "" {
		t.Fatalf("%+v", page)
	}
	a.call("GET", prefix+"/schemas?cursor="+page.NextCursor, "", root).want(400, "invalid_cursor")
	cursor := page.NextCursor
	page = Page[runner.TopicView]{}
	a.call("GET", prefix+"/topics?cursor="+cursor, "", root).want(200, "").json(&page)
	if len(page.Items) != 1 || page.Items[0].Name != "job.c" || page.NextCursor != "" {
		t.Errorf("%+v", page)
	}
}

func TestWorkerCredentialsAreShownOnce(t *testing.T) {
	a := newAPI(t, withKeys)
	root := "X-API-Key: " + testKey
	var made CredentialMade
	a.call("POST", prefix+"/workers/credentials", `{"worker_id":"w","topics":["job.a"]}`, root).want(201, "").json(&made)
	if made.Token != "token-1" || made.Worker != "w" {
		t.Errorf("%+v", made)
	}
	a.call("POST", prefix+"/workers/credentials", `{"worker_id":"w","topics":["job.a"]}`, root).want(409, "conflict")
	a.call("POST", prefix+"/workers/credentials", `{"worker_id":"x","topics":[]}`, root).want(422, "invalid_body")
	for _, path := range []string{"/workers/credentials", "/workers/credentials/w"} {
		if body := a.call("GET", prefix+path, "", root).want(200, "").Body.String(); strings.Contains(body, "token-") || strings.Contains(a.log.String(), "token-") {
			t.Errorf("%s shows the token: %s", path, body)
		}
	}
	a.call("POST", prefix+"/workers/credentials/w/rotate", `{}`, root).want(200, "").json(&made)
	if made.Token != "token-2" {
		t.Errorf("rotated %+v", made)
	}
	var v runner.CredentialView
	a.call("POST", prefix+"/workers/credentials/w/revoke", `{"reason":"it was in a log"}`, root).want(200, "").json(&v)
	if v.State != "revoked" || a.engine.lastCaller().Reason != "it was in a log" {
		t.Errorf("%+v by %+v", v, a.engine.lastCaller())
	}
	a.call("POST", prefix+"/workers/credentials/none/revoke", `{}`, root).want(404, "not_found")
}

// TestWhatIsSharedIsTheInstallations: an admin of another tenant reads what all share, and changes nothing of it.
func TestWhatIsSharedIsTheInstallations(t *testing.T) {
	a := newAPI(t, withKeys)
	guest := "X-API-Key: " + a.key(storedKey{Name: "guest", Tenant: "acme", Roles: []string{"admin"}})
	viewer := "X-API-Key: " + a.key(storedKey{Name: "viewer", Tenant: "default", Roles: []string{"viewer"}})
	for _, c := range [][3]string{
		{"POST", "/schemas", `{"id":"s","schema":{}}`},
		{"PUT", "/schemas/s", `{}`},
		{"DELETE", "/schemas/s", ""},
		{"POST", "/topics", `{"name":"job.a"}`},
		{"PUT", "/topics/job.a", `{}`},
		{"DELETE", "/topics/job.a", ""},
		{"POST", "/workers/credentials", `{"worker_id":"w","topics":["job.a"]}`},
		{"GET", "/workers/credentials", ""},
		{"GET", "/workers/credentials/w", ""},
		{"POST", "/workers/credentials/w/rotate", `{}`},
		{"POST", "/workers/credentials/w/revoke", `{}`},
	} {
		for who, key := range map[string]string{"guest": guest, "viewer": viewer} {
			if got := a.call(c[0], prefix+c[1], c[2], key); got.Code != 403 {
				t.Errorf("%s: %s %s is %d", who, c[0], c[1], got.Code)
			}
		}
	}
	for _, path := range []string{"/schemas", "/topics"} {
		a.call("GET", prefix+path, "", guest).want(200, "")
		a.call("GET", prefix+path, "", viewer).want(200, "")
	}
}
