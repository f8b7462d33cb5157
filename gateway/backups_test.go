package gateway

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
)

// fakeBackups keeps backups in memory; the last one runs until somebody begins to look at it.
type fakeBackups struct{ all []Backup }

func (f *fakeBackups) Begin(by, reason string, record func(string) error) (Backup, error) {
	if n := len(f.all); n > 0 && f.all[n-1].State == "running" {
		return Backup{}, fmt.Errorf("a backup is being taken: %w", runner.ErrConflict)
	}
	b := Backup{Name: fmt.Sprint("b", len(f.all)), State: "running", By: by, Reason: reason, BegunAt: time.Unix(0, 0).UTC()}
	if err := record(b.Name); err != nil {
		return Backup{}, err
	}
	f.all = append(f.all, b)
	return b, nil
}

func (f *fakeBackups) Backup(name string) (Backup, error) {
	for i := range f.all {
		if f.all[i].Name == name {
			f.all[i].State = "done"
			return f.all[i], nil
		}
	}
	return Backup{}, runner.ErrNotFound
}

func (f *fakeBackups) Backups() ([]Backup, error) {
	out := slices.Clone(f.all)
	slices.Reverse(out)
	return out, nil
}

func TestBackups(t *testing.T) {
	f := &fakeBackups{}
	a := newAPI(t, func(c *Config) { c.Backups = f })
	var b Backup
	w := a.call("POST", prefix+"/backups", `{"reason":"upgrade"}`).want(202, "").json(&b)
	if at := w.Header().Get("Location"); at != prefix+"/backups/b0" || b.State != "running" || b.By != "user:dev" || b.Reason != "upgrade" {
		t.Errorf("%q, %+v", at, b)
	}
	if acts := a.engine.docs.acts; len(acts) != 1 || acts[0] != "backup user:dev backup b0" {
		t.Errorf("recorded %q", acts)
	}
	a.call("POST", prefix+"/backups", "").want(409, "conflict")
	a.call("GET", prefix+"/backups/b0", "").want(200, "").json(&b)
	if b.State != "done" {
		t.Errorf("%+v", b)
	}
	a.call("GET", prefix+"/backups/b9", "").want(404, "not_found")
	a.call("POST", prefix+"/backups", "").want(202, "")
	var all Page[Backup]
	a.call("GET", prefix+"/backups", "").want(200, "").json(&all)
	if len(all.Items) != 2 || all.Items[0].Name != "b1" {
		t.Errorf("listed %+v", all.Items)
	}
}

// A copy has every tenant's data: it is the installation's own to take. A server that was not told where takes none.
func TestBackupsAreTheInstallations(t *testing.T) {
	f := &fakeBackups{}
	a := newAPI(t, func(c *Config) { withKeys(c); c.Backups = f })
	guest := "X-API-Key: " + a.key(storedKey{Name: "guest", Tenant: "acme", Roles: []string{"admin"}})
	for _, c := range [][2]string{{"POST", "/backups"}, {"GET", "/backups"}, {"GET", "/backups/b0"}} {
		a.call(c[0], prefix+c[1], "", guest).want(403, "forbidden")
	}
	if len(f.all) > 0 {
		t.Errorf("taken: %+v", f.all)
	}
	a = newAPI(t, nil)
	a.call("POST", prefix+"/backups", "").want(501, "not_configured")
	a.call("GET", prefix+"/backups", "").want(501, "not_configured")
}

// Effects answers three of every run.
func (f *fakeEngine) Effects(_ context.Context, c runner.Caller, run, cursor string, limit int) (runner.EffectPage, error) {
	defer f.lock(c)()
	if _, err := f.find(c, run); err != nil {
		return runner.EffectPage{}, err
	}
	if cursor != "" && cursor != "more" {
		return runner.EffectPage{}, runner.ErrInvalidCursor
	}
	page := runner.EffectPage{Effects: []runner.EffectView{{Step: "a", State: runner.EffectDone}}, Counts: runner.EffectCounts{Done: 3}}
	if cursor == "" && limit < 3 {
		page.Next = "more"
	}
	return page, nil
}

func TestEffects(t *testing.T) {
	a := newAPI(t, nil)
	path := prefix + "/runs/" + a.run() + "/effects"
	var e Effects
	w := a.call("GET", path+"?limit=1", "").want(200, "").json(&e)
	if len(e.Items) != 1 || e.Counts.Done != 3 || e.NextCursor != "more" || w.Header().Get("Link") != "<"+path+`?cursor=more&limit=1>; rel="next"` {
		t.Errorf("%+v, link %q", e, w.Header().Get("Link"))
	}
	a.call("GET", path+"?cursor=more", "").want(200, "").json(&e)
	a.call("GET", path+"?cursor=x", "").want(400, "invalid_cursor")
	a.call("GET", path+"?limit=1001", "").want(400, "invalid_argument")
	a.call("GET", prefix+"/runs/x/effects", "").want(404, "not_found")
}
