package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// key keeps a key as the store would and answers its text.
func (a *api) key(k storedKey) string {
	a.t.Helper()
	id, text := newKeyText("")
	sum := sha256.Sum256([]byte(text))
	k.Hash = hex.EncodeToString(sum[:])
	raw, err := json.Marshal(k)
	if err != nil {
		a.t.Fatal(err)
	}
	a.engine.mu.Lock()
	defer a.engine.mu.Unlock()
	a.engine.docs.values[keyKind+"/"+id] = raw
	return text
}

// runAs is run with a key.
func (a *api) runAs(key string) string {
	a.t.Helper()
	a.call("POST", prefix+"/workflows", `{"id":"wf","steps":[{"id":"a","topic":"job.x"}]}`, "X-API-Key: "+key).want(201, "")
	var started struct {
		RunID string `json:"run_id"`
	}
	a.call("POST", prefix+"/workflows/wf/runs", `{"n":1}`, "X-API-Key: "+key).want(201, "").json(&started)
	return started.RunID
}

func TestKeysAreMadeUsedAndRevoked(t *testing.T) {
	a := newAPI(t, withKeys)
	root := "X-API-Key: " + testKey
	var made KeyCreated
	a.call("POST", prefix+"/keys", `{"name":"ci","roles":["operator","sre"],"groups":["night"],"owner":"user:ann"}`, root).want(201, "").json(&made)
	if !strings.HasPrefix(made.Key, keyPrefix+made.ID+"_") || len(made.Key) != len(keyPrefix)+len(made.ID)+1+64 {
		t.Fatalf("key %q of %s", made.Key, made.ID)
	}
	own := "X-API-Key: " + made.Key
	a.call("GET", prefix+"/runs", "", own).want(200, "")
	c := a.engine.lastCaller()
	if c.Tenant != "default" || c.Actor != "key:"+made.ID || c.Owner != "user:ann" || c.ActorType != TypeService ||
		!slices.Equal(c.Roles, []string{"operator", "sre", "viewer"}) || !slices.Equal(c.Groups, []string{"night"}) {
		t.Errorf("caller %+v", c)
	}
	a.call("POST", prefix+"/keys", `{"name":"x","roles":["admin"]}`, own).want(403, "forbidden")

	answers := a.call("GET", prefix+"/keys", "", root).want(200, "").Body.String() +
		a.call("GET", prefix+"/keys/"+made.ID, "", root).want(200, "").Body.String() + a.log.String()
	for _, secret := range []string{made.Key, made.Key[len(made.Key)-64:]} {
		if strings.Contains(answers, secret) {
			t.Error("the key can be read again")
		}
		for _, raw := range a.engine.docs.values {
			if strings.Contains(string(raw), secret) {
				t.Error("the key itself is kept")
			}
		}
	}
	var view KeyView
	a.call("GET", prefix+"/keys/"+made.ID, "", root).json(&view)
	if view.State != "active" || view.LastUsedAt == nil || view.CreatedBy == "" || view.Owner != "user:ann" {
		t.Errorf("key %+v", view)
	}

	a.call("POST", prefix+"/keys/"+made.ID+"/revoke", `{"reason":"lost"}`, root).want(200, "").json(&view)
	if view.State != "revoked" || view.RevokedBy == "" {
		t.Errorf("key %+v", view)
	}
	a.call("GET", prefix+"/runs", "", own).want(401, "unauthenticated") // at once: the cache was filled a moment ago
	a.call("POST", prefix+"/keys/"+made.ID+"/revoke", "", root).want(200, "")
	a.call("POST", prefix+"/keys/nobody/revoke", "", root).want(404, "not_found")
	if got := a.engine.docs.acts; len(got) != 2 || !strings.HasPrefix(got[0], "key.create key:") || !strings.HasPrefix(got[1], "key.revoke key:") {
		t.Errorf("acts %q", got)
	}
}

func TestAKeyIsMadeOnce(t *testing.T) {
	a := newAPI(t, withKeys)
	body := `{"name":"ci","roles":["viewer"]}`
	a.call("POST", prefix+"/keys", body, "X-API-Key: "+testKey, "Idempotency-Key: k1").want(201, "")
	a.call("POST", prefix+"/keys", body, "X-API-Key: "+testKey, "Idempotency-Key: k1").want(409, "conflict")
	a.call("POST", prefix+"/keys", body, "X-API-Key: "+testKey, "Idempotency-Key: k2").want(201, "")
	if n := len(a.engine.docs.values); n != 2 {
		t.Errorf("%d keys", n)
	}
}

// A key that was changed elsewhere is believed no longer than KeyCacheTTL, and one that is used all the time is not read
// each time.
func TestKeysAreReadAgain(t *testing.T) {
	a := newAPI(t, withKeys)
	now := time.Unix(1000, 0)
	a.g.keys.now = func() time.Time { return now }
	text := a.key(storedKey{Tenant: "default", Roles: []string{"viewer"}})
	for range 10 {
		a.call("GET", prefix+"/runs", "", "X-API-Key: "+text).want(200, "")
	}
	if a.engine.docs.reads != 1 {
		t.Errorf("it was read %d times", a.engine.docs.reads)
	}
	id, _ := splitKey(text)
	a.engine.docs.values[keyKind+"/"+id] = []byte(`{"revoked_at":"2020-01-01T00:00:00Z"}`)
	now = now.Add(KeyCacheTTL)
	a.call("GET", prefix+"/runs", "", "X-API-Key: "+text).want(401, "unauthenticated")
	a.engine.sick = errors.New("away")
	now = now.Add(KeyCacheTTL)
	a.call("GET", prefix+"/runs", "", "X-API-Key: "+text).want(503, "unavailable") // who cannot be known is not let in
}

func TestWhatKeysMayNotSay(t *testing.T) {
	a := newAPI(t, withKeys)
	root := "X-API-Key: " + testKey
	for name, tt := range map[string]struct {
		body   string
		status int
		code   string
	}{
		"no role":         {`{"name":"x","roles":[]}`, 422, "invalid_body"},
		"no name":         {`{"roles":["viewer"]}`, 422, "invalid_body"},
		"public":          {`{"name":"x","roles":["public"]}`, 422, "invalid_key"},
		"a role of words": {`{"name":"x","roles":["a b"]}`, 422, "invalid_key"},
		"a wrong scope":   {`{"name":"x","roles":["viewer"],"scopes":["run.fly"]}`, 422, "invalid_key"},
		"a star":          {`{"name":"x","roles":["viewer"],"scopes":["*"]}`, 422, "invalid_key"},
		"half a family":   {`{"name":"x","roles":["viewer"],"scopes":["ru*"]}`, 422, "invalid_key"},
		"no person":       {`{"name":"x","roles":["viewer"],"owner":"ann"}`, 422, "invalid_key"},
		"over":            {`{"name":"x","roles":["viewer"],"expires_at":"2020-01-01T00:00:00Z"}`, 422, "invalid_key"},
		"lines":           {`{"name":"x\ny","roles":["viewer"]}`, 422, "invalid_key"},
		"a tenant":        {`{"name":"x","roles":["viewer"],"tenant":"a/b"}`, 400, "invalid_tenant"},
		"mass assignment": {`{"name":"x","roles":["viewer"],"hash":"00"}`, 400, "unknown_field"},
	} {
		t.Run(name, func(t *testing.T) { a.call("POST", prefix+"/keys", tt.body, root).want(tt.status, tt.code) })
	}
	if len(a.engine.docs.values) != 0 {
		t.Error("a key was made")
	}
}

// Nobody makes a key that can do more than they can: not for another tenant, not beyond their own scopes.
func TestKeysDoNotGrow(t *testing.T) {
	a := newAPI(t, withKeys)
	acme := "X-API-Key: " + a.key(storedKey{Tenant: "acme", Roles: []string{"admin"}})
	a.call("POST", prefix+"/keys", `{"name":"x","roles":["admin"],"tenant":"default"}`, acme).want(403, "tenant_mismatch")
	a.call("GET", prefix+"/keys?tenant=default", "", acme).want(403, "tenant_mismatch")
	a.call("POST", prefix+"/keys", `{"name":"x","roles":["admin"],"tenant":"acme"}`, acme).want(201, "")
	a.call("POST", prefix+"/keys", `{"name":"x","roles":["admin"],"tenant":"acme"}`, "X-API-Key: "+testKey).want(201, "")

	narrow := "X-API-Key: " + a.key(storedKey{Tenant: "acme", Roles: []string{"admin"}, Scopes: []string{"key.create", "run.*"}})
	a.call("POST", prefix+"/keys", `{"name":"x","roles":["admin"]}`, narrow).want(403, "forbidden")
	a.call("POST", prefix+"/keys", `{"name":"x","roles":["admin"],"scopes":["run.start","job.submit"]}`, narrow).want(403, "forbidden")
	a.call("POST", prefix+"/keys", `{"name":"x","roles":["admin"],"scopes":["run.start"]}`, narrow).want(201, "")
	a.call("GET", prefix+"/keys", "", narrow).want(403, "forbidden")

	var page Page[KeyView]
	a.call("GET", prefix+"/keys", "", acme).want(200, "").json(&page)
	for _, k := range page.Items {
		if k.Tenant != "acme" {
			t.Errorf("acme sees %+v", k)
		}
	}
}

func TestScopes(t *testing.T) {
	a := newAPI(t, withKeys)
	reader := "X-API-Key: " + a.key(storedKey{Tenant: "default", Roles: []string{"admin"}, Scopes: []string{"read"}})
	starter := "X-API-Key: " + a.key(storedKey{Tenant: "default", Roles: []string{"admin"}, Scopes: []string{"run.start", "workflow.create"}})
	author := "X-API-Key: " + a.key(storedKey{Tenant: "default", Roles: []string{"admin"}, Scopes: []string{"workflow.*"}})
	wf := `{"id":"wf","steps":[{"id":"a","topic":"job.x"}]}`
	a.call("POST", prefix+"/workflows", wf, reader).want(403, "forbidden")
	a.call("POST", prefix+"/workflows", wf, author).want(201, "")
	a.call("POST", prefix+"/workflows?run=true", wf, author).want(403, "forbidden")
	a.call("POST", prefix+"/workflows?run=true", wf, starter).want(202, "")
	a.call("GET", prefix+"/runs", "", reader).want(200, "")
	a.call("GET", prefix+"/runs", "", starter).want(403, "forbidden")
}

func TestPagesOfKeys(t *testing.T) {
	a := newAPI(t, withKeys)
	want := map[string]bool{}
	for i := range 7 {
		id, _ := splitKey(a.key(storedKey{Tenant: []string{"default", "acme"}[i%2], Roles: []string{"viewer"}}))
		want[id] = i%2 == 0
	}
	got, path := 0, prefix+"/keys?limit=3"
	for path != "" {
		var page Page[KeyView]
		a.call("GET", path, "", "X-API-Key: "+testKey).want(200, "").json(&page)
		for _, k := range page.Items {
			if got++; !want[k.ID] {
				t.Errorf("key %s is not its own, or was shown before", k.ID)
			}
			want[k.ID] = false
		}
		if path = ""; page.NextCursor != "" {
			path = prefix + "/keys?limit=3&cursor=" + page.NextCursor
		}
	}
	if got != 4 {
		t.Errorf("%d keys", got)
	}
}

func TestKeysOfTheConfiguration(t *testing.T) {
	const k1, k2 = "1123456789abcdef0123456789abcdef", "2123456789abcdef0123456789abcdef"
	a := newAPI(t, func(c *Config) {
		withKeys(c)
		c.APIKeys = []string{testKey, testKey, "ci:operator+sre:acme:" + k1, "ann:approver::" + k2}
	})
	a.call("GET", prefix+"/runs", "", "X-API-Key: "+k1).want(200, "")
	if c := a.engine.lastCaller(); c.Tenant != "acme" || c.Actor != "key:ci" || !slices.Equal(c.Roles, []string{"operator", "sre", "viewer"}) {
		t.Errorf("caller %+v", c)
	}
	a.call("POST", prefix+"/keys", `{"name":"x","roles":["viewer"]}`, "X-API-Key: "+k1).want(403, "forbidden")
	a.call("GET", prefix+"/runs", "", "X-API-Key: "+k2).want(200, "")
	if c := a.engine.lastCaller(); c.Tenant != "default" || c.Actor != "key:ann" {
		t.Errorf("caller %+v", c)
	}
	if roles, known := a.g.RolesOf(t.Context(), "key:ci"); !known || !slices.Contains(roles, "sre") {
		t.Errorf("roles %q, %v", roles, known)
	}
	for name, entry := range map[string]string{
		"short": "secret", "two parts": "ci:" + testKey, "three": "ci:viewer:" + testKey, "no name": ":viewer::" + testKey,
		"no role": "ci:::" + testKey, "a bad role": "ci:public::" + testKey, "a bad tenant": "ci:viewer:a/b:" + testKey, "short named": "ci:viewer::secret",
	} {
		err := CheckAPIKey(entry)
		if err == nil || strings.Contains(err.Error(), testKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	twice := Config{APIKeys: []string{"ci:viewer::" + k1, "ci:admin::" + k2}}
	if _, err := New(twice, Adapt(newFake())); err == nil {
		t.Error("two keys of one name were taken")
	}
}

func TestPrincipalsOfDev(t *testing.T) {
	a := newAPI(t, nil)
	ask := func(headers ...string) (actor string, roles []string) {
		a.call("GET", prefix+"/runs", "", headers...).want(200, "")
		c := a.engine.lastCaller()
		return c.Actor, c.Roles
	}
	if actor, roles := ask(); actor != devUser || len(roles) != len(heldRoles) {
		t.Errorf("%s with %q", actor, roles)
	}
	if actor, roles := ask("X-Principal-Id: bob"); actor != "user:bob" || slices.Contains(roles, "admin") || len(roles) != 4 {
		t.Errorf("%s with %q", actor, roles)
	}
	if actor, roles := ask("X-Principal-Id: user:eve", "X-Principal-Role: viewer, sre", "X-Principal-Groups: night"); actor != "user:eve" || !slices.Equal(roles, []string{"sre", "viewer"}) {
		t.Errorf("%s with %q", actor, roles)
	}
	if _, roles := ask("X-Principal-Id: ann", "X-Principal-Role: dba"); !slices.Equal(roles, []string{"approver", "author", "dba", "operator", "viewer"}) {
		t.Errorf("a role that is no route's takes others away: %q", roles)
	}
	if actor, roles := ask("X-Principal-Role: dba"); actor != devUser || !slices.Contains(roles, "admin") || !slices.Contains(roles, "dba") {
		t.Errorf("%s with %q", actor, roles)
	}
	a.call("POST", prefix+"/workflows", `{}`, "X-Principal-Id: eve", "X-Principal-Roles: viewer").want(403, "forbidden")
	a.call("GET", prefix+"/runs", "", "X-Principal-Role: a b").want(400, "invalid_principal")
	a.call("GET", prefix+"/runs", "", "X-Principal-Groups: ,").want(400, "invalid_principal")

	var made KeyCreated
	a.call("POST", prefix+"/keys", `{"name":"ci","roles":["viewer"]}`, "X-Principal-Id: dev").want(201, "").json(&made)
	if made.Owner != devUser {
		t.Errorf("owner %q", made.Owner)
	}
	a.call("GET", prefix+"/runs", "", "X-API-Key: "+made.Key, "X-Principal-Id: root").want(200, "")
	if c := a.engine.lastCaller(); c.Actor != "key:"+made.ID {
		t.Errorf("a key was shown, and it was %s who asked", c.Actor)
	}
	a.call("POST", prefix+"/workflows", `{}`, "X-API-Key: "+made.Key).want(403, "forbidden")
	a.call("GET", prefix+"/runs", "", "X-API-Key: "+made.Key[:len(made.Key)-1]+"x").want(401, "unauthenticated")
}

func TestKeyTextsAreNeverTakenForOthers(t *testing.T) {
	a := newAPI(t, withKeys)
	text := a.key(storedKey{Tenant: "default", Roles: []string{"viewer"}})
	rapid.Check(t, func(rt *rapid.T) {
		at := rapid.IntRange(0, len(text)-1).Draw(rt, "at")
		c := rapid.ByteRange(1, 255).Draw(rt, "byte")
		wrong := []byte(text)
		wrong[at] = c
		if string(wrong) == text {
			return
		}
		r := httptest.NewRequest("GET", "/", nil)
		if _, err := a.g.keys.find(r.Context(), string(wrong)); !errors.Is(err, errNoKey) {
			rt.Fatalf("%q: %v", wrong, err)
		}
		if _, err := a.g.keys.find(r.Context(), text[:at]); !errors.Is(err, errNoKey) {
			rt.Fatalf("%q: %v", text[:at], err)
		}
	})
}

// A stream does not outlive the key that opened it for long.
func TestStreamsEndWithTheirKey(t *testing.T) {
	a := newAPI(t, withKeys)
	a.g.keys.recheck = 5 * time.Millisecond
	addr, _ := a.serveOn()
	text := a.key(storedKey{Tenant: "default", Roles: []string{"viewer"}})
	id, _ := splitKey(text)
	s, _, err := dial(t, addr, http.Header{"X-Api-Key": {text}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+prefix+"/stream/sse?workflow=*", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-API-Key", text)
	resp, err := http.DefaultClient.Do(r)
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	}
	defer resp.Body.Close()
	a.call("POST", prefix+"/keys/"+id+"/revoke", "", "X-API-Key: "+testKey).want(200, "")
	if code := s.closed(); code != 1008 {
		t.Errorf("the socket was closed with %d", code)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Errorf("the events did not end well: %v", err)
	}
}
