package gateway

import (
	"net/url"
	"testing"

	"cordum.dev/cordum/engine/runner"
)

func TestLocks(t *testing.T) {
	a := newAPI(t, nil)
	path := prefix + "/locks"
	var h runner.LockHolder
	a.call("POST", path+"/acquire", `{"name":"cluster:production","owner":"script/7","ttl_sec":60,"reason":"maintenance"}`).want(200, "").json(&h)
	if h.Token == 0 || h.Holder != "script/7" || a.engine.lastCaller().Reason != "maintenance" {
		t.Errorf("held by %+v", h)
	}
	a.call("POST", path+"/acquire", `{"name":"cluster:production"}`).want(409, "lock_held")
	a.call("POST", path+"/acquire", `{"name":"x","ttl_sec":3601}`).want(422, "invalid_body")
	a.call("POST", path+"/acquire", `{"name":"x","wait_sec":61}`).want(422, "invalid_body")
	a.call("POST", path+"/acquire", `{"name":"x","mode":"both"}`).want(422, "invalid_body")
	a.call("POST", path+"/renew", `{"name":"cluster:production","owner":"script/7","fencing_token":99}`).want(409, "lock_lost")
	a.call("POST", path+"/renew", `{"name":"cluster:production","owner":"script/7"}`).want(200, "")
	var v runner.LockView
	a.call("GET", path+"/"+url.PathEscape("cluster:production"), "").want(200, "").json(&v)
	if v.State != "held" || len(v.Holders) != 1 {
		t.Errorf("the lock is %+v", v)
	}
	var page Page[runner.LockView]
	a.call("GET", path+"?name="+url.QueryEscape("a/b"), "").want(200, "").json(&page)
	if len(page.Items) != 1 || page.Items[0].Name != "a/b" || page.Items[0].State != "free" {
		t.Errorf("a name with a slash: %+v", page)
	}
	a.call("POST", path+"/acquire", `{"name":"db:1"}`).want(200, "")
	page = Page[runner.LockView]{}
	a.call("GET", path+"?limit=1", "").want(200, "").json(&page)
	if len(page.Items) != 1 || page.NextCursor == "" {
		t.Fatalf("the first page is %+v", page)
	}
	a.call("GET", path+"?prefix=db:&cursor="+url.QueryEscape(page.NextCursor), "").want(400, "invalid_cursor")
	a.call("GET", path+"?limit=1&cursor="+url.QueryEscape(page.NextCursor), "").want(200, "").json(&page)
	if len(page.Items) != 1 || page.Items[0].Name != "db:1" {
		t.Errorf("the second page is %+v", page)
	}
	a.call("POST", path+"/release", `{"name":"db:1","holder":"x"}`).want(422, "conflicting_fields")
	a.call("POST", path+"/release", `{"name":"db:1"}`).want(200, "").json(&v)
	if v.State != "free" {
		t.Errorf("released: %+v", v)
	}
	a.call("POST", path+"/release", `{"name":"db:1"}`).want(409, "lock_lost")
}
