package kernel

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cordum.dev/cordum/safety"
)

const (
	allowFile = "default: ALLOW\nname: base\nrules:\n  - {id: no, match: {topics: [job.no]}, decision: DENY}\n"
	denyFile  = "default: ALLOW\nname: base\nrules:\n  - {id: no, match: {topics: [\"job.*\"]}, decision: DENY}\n"
)

// fileWorld is a store with a file, which it has read.
func fileWorld(t *testing.T, text string, change func(*Config)) (w *world, path string) {
	path = policyFile(t, text)
	return newWorld(t, func(c *Config) {
		c.Base = File{Path: path}
		if change != nil {
			change(c)
		}
	}), path
}

func TestTheFileIsPartOfTheSnapshot(t *testing.T) { synctest.Test(t, testTheFileIsPartOfTheSnapshot) }

func testTheFileIsPartOfTheSnapshot(t *testing.T) {
	w, path := fileWorld(t, allowFile, nil)
	w.want("job.a", "ALLOW")
	w.want("job.no", "DENY")
	w.put(bundle("more", "job.b", "DENY"))
	p := w.publish()
	if w.want("job.b", "DENY"); p.Version.DefaultFrom != FromFile || len(p.Version.Parts) != 2 || p.Version.Parts[0].From != FromFile {
		t.Errorf("version %+v", p.Version)
	}
	before := w.Snapshot()
	if w.look(ctx); w.Snapshot() != before || w.Status().Version.Version != 2 {
		t.Error("a look at the same file changed something")
	}
	write(t, path, denyFile)
	w.look(ctx)
	w.want("job.a", "DENY")
	if st := w.Status(); st.Version.Version != 3 || st.Version.By != systemActor || st.Version.Rules != 2 {
		t.Errorf("status %+v", st)
	}
	if value, digest := w.metric("cordum_policy_snapshot_info"); value != 1 || digest != w.Snapshot().Digest() {
		t.Errorf("the metric says %v %s", value, digest)
	}
	// A rollback goes back behind the file, until the file changes again.
	if _, err := w.Rollback(ctx, admin, Rollback{To: "2"}); err != nil {
		t.Fatal(err)
	}
	w.look(ctx)
	w.want("job.a", "ALLOW")
	again := openWorld(t, w.docs, func(c *Config) { c.Base = File{Path: path} })
	again.want("job.a", "ALLOW")
	write(t, path, denyFile+"  - {id: too, match: {topics: [other]}, decision: DENY}\n")
	w.look(ctx)
	w.want("job.a", "DENY")
}

// What is wrong with the file keeps what is in force, says so once, and is over when the file is right again.
func TestABadFileKeepsWhatIsInForce(t *testing.T) { synctest.Test(t, testABadFileKeepsWhatIsInForce) }

func testABadFileKeepsWhatIsInForce(t *testing.T) {
	w, path := fileWorld(t, allowFile, func(c *Config) { c.MaxBytes = 4 << 10 })
	before, alerts := w.Snapshot(), 0.0
	for name, bad := range map[string]string{
		"a syntax error":      "default: [\n",
		"half of a rule":      allowFile[:len(allowFile)-20],
		"nothing":             "",
		"only zeros":          strings.Repeat("\x00", 100),
		"an unknown field":    allowFile + "rulez: []\n",
		"an empty match":      "default: ALLOW\nname: base\nrules:\n  - {id: all, match: {}, decision: ALLOW}\n",
		"too large":           allowFile + strings.Repeat("# fill\n", 1000),
		"two documents":       allowFile + "---\n" + allowFile,
		"UTF-16":              "\xff\xfed\x00e\x00",
		"a key that is twice": "default: ALLOW\ndefault: DENY\n",
	} {
		write(t, path, bad)
		for range 3 {
			w.look(ctx)
		}
		if alerts++; w.Snapshot() != before || w.alerts() != alerts || w.Status().Alert == nil {
			t.Errorf("%s: %v alerts, status %+v", name, w.alerts(), w.Status())
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	w.look(ctx)
	if w.Snapshot() != before || w.alerts() != alerts+1 {
		t.Error("a file that is gone was taken for a policy")
	}
	if n := len(slices.DeleteFunc(w.acts(), func(a string) bool { return a != ActAlert })); n != int(alerts)+1 {
		t.Errorf("%d alerts in the audit log", n)
	}
	write(t, path, denyFile)
	w.look(ctx)
	if w.want("job.a", "DENY"); w.Status().Alert != nil {
		t.Errorf("the alert stays: %+v", w.Status().Alert)
	}
}

// While the file is rewritten, cut and broken, every evaluation answers by one policy in full: one that was published.
func TestReloadDuringEvaluations(t *testing.T) {
	w, path := fileWorld(t, allowFile, func(c *Config) { c.Reload = 20 * time.Millisecond })
	stop, cancel := context.WithCancel(ctx)
	var lives sync.WaitGroup
	defer lives.Wait()
	defer cancel()
	lives.Go(func() {
		if err := w.Run(stop); err != nil {
			t.Error(err)
		}
	})
	var answers sync.Map // digest and verdicts, as evaluations cited them
	var count atomic.Int64
	for range 4 {
		lives.Go(func() {
			for stop.Err() == nil {
				s := w.Snapshot()
				if s == nil {
					t.Error("nothing was in force")
					return
				}
				a, no := safety.Evaluate(s, safety.Request{Topic: "job.a"}), safety.Evaluate(s, safety.Request{Topic: "job.no"})
				answers.Store([3]string{a.Snapshot, a.Verdict.String(), no.Verdict.String()}, no.Snapshot)
				count.Add(1)
				if count.Load()%64 == 0 {
					time.Sleep(time.Millisecond) // leave the others some of the machine
				}
			}
		})
	}
	published := map[string]string{}
	wait := func(verdict string) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); w.says("job.a") != verdict; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("job.a stays %s", w.says("job.a"))
			}
		}
		published[w.Snapshot().Digest()] = verdict
	}
	for i := range 4 {
		for cut := 1; cut < len(denyFile); cut += 25 {
			write(t, path, denyFile[:cut])
		}
		write(t, path, denyFile)
		wait("DENY")
		write(t, path, "default: [")
		for before := w.alerts(); w.alerts() == before && i < 2; time.Sleep(5 * time.Millisecond) {
		}
		write(t, path, allowFile)
		wait("ALLOW")
	}
	cancel()
	lives.Wait()
	answers.Range(func(key, digest any) bool {
		k := key.([3]string)
		if published[k[0]] != k[1] || k[2] != "DENY" || digest != k[0] {
			t.Errorf("an evaluation answered %v by %v", k, digest)
		}
		return true
	})
	if count.Load() < 1000 {
		t.Errorf("only %d evaluations", count.Load())
	}
}

func TestStarts(t *testing.T) {
	bubble(t, "nothing stored and a bad file", func(t *testing.T) {
		k, err := New(Config{Documents: NewMemory(), Base: File{Path: policyFile(t, "default: MAYBE\n")}})
		if err != nil {
			t.Fatal(err)
		}
		var refused *RefusedError
		if err := k.Load(ctx); !errors.As(err, &refused) {
			t.Errorf("error %v", err)
		}
	})
	bubble(t, "nothing stored and no file", func(t *testing.T) {
		w := openWorld(t, NewMemory(), func(c *Config) { c.Default = safety.Allow })
		w.want("job.a", "nothing")
		w.look(ctx)
		w.want("job.a", "ALLOW")
	})
	bubble(t, "what was published is in force at once", func(t *testing.T) {
		w, path := fileWorld(t, allowFile, nil)
		again := openWorld(t, w.docs, func(c *Config) { c.Base = File{Path: path} })
		again.want("job.a", "ALLOW")
		if again.look(ctx); again.Status().Version.Version != 1 {
			t.Error("the same policy was published again")
		}
	})
	bubble(t, "a file that changed meanwhile is first published", func(t *testing.T) {
		w, path := fileWorld(t, allowFile, nil)
		write(t, path, denyFile)
		again := openWorld(t, w.docs, func(c *Config) { c.Base = File{Path: path} })
		again.want("job.a", "nothing")
		again.look(ctx)
		again.want("job.a", "DENY")
	})
	bubble(t, "a file that is bad now keeps what was published", func(t *testing.T) {
		w, path := fileWorld(t, allowFile, nil)
		write(t, path, "default: [\n")
		again := openWorld(t, w.docs, func(c *Config) { c.Base = File{Path: path} })
		again.want("job.a", "ALLOW")
		if again.alerts() != 1 {
			t.Errorf("%v alerts", again.alerts())
		}
		if again.look(ctx); !slices.Contains(again.acts(), ActAlert) || again.alerts() != 1 {
			t.Errorf("acts %v, %v alerts", again.acts(), again.alerts())
		}
	})
	bubble(t, "the default of another environment is published first", func(t *testing.T) {
		w := newWorld(t, func(c *Config) { c.Default = safety.Allow })
		w.put(bundle("a", "job.a", "ALLOW"))
		w.publish()
		again := openWorld(t, w.docs, nil)
		again.want("job.b", "nothing")
		again.look(ctx)
		again.want("job.b", "DENY")
		again.want("job.a", "ALLOW")
	})
	bubble(t, "a file that is not named any more", func(t *testing.T) {
		w, _ := fileWorld(t, allowFile, nil)
		again := openWorld(t, w.docs, nil)
		again.look(ctx)
		again.want("job.a", "DENY")
	})
	bubble(t, "texts that are not what was published", func(t *testing.T) {
		w := newWorld(t, nil)
		w.put(bundle("a", "job.a", "DENY"))
		w.publish()
		other := encode(texts{Texts: []Text{{Name: "a", From: FromAPI, Text: bundle("a", "job.*", "ALLOW")}}})
		if err := w.docs.ChangeDocs(ctx, admin, "", "", Change{Kind: kindTexts, Name: versionName(2), Value: other}); err != nil {
			t.Fatal(err)
		}
		again := openWorld(t, w.docs, nil)
		again.want("job.a", "nothing")
		if again.look(ctx); again.Ready() || again.Status().Alert == nil {
			t.Errorf("status %+v", again.Status())
		}
		if _, err := again.Rollback(ctx, admin, Rollback{To: "1"}); err != nil {
			t.Fatal(err)
		}
		again.want("job.a", "DENY")
	})
	bubble(t, "unsigned texts where signatures are needed now", func(t *testing.T) {
		w := newWorld(t, nil)
		w.put(bundle("a", "job.a", "ALLOW"))
		w.publish()
		_, public := p256Key(t)
		again := openWorld(t, w.docs, func(c *Config) { c.Keys, c.SignatureRequired = mustKeys(t, public), true })
		again.look(ctx)
		again.want("job.a", "nothing")
	})
}

// bubble runs a test in which the time between two looks passes at once.
func bubble(t *testing.T, name string, f func(*testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

func TestSignedFile(t *testing.T) { synctest.Test(t, testSignedFile) }

func testSignedFile(t *testing.T) {
	key, public := p256Key(t)
	text := func(n int) string {
		return strings.Replace(allowFile, "name: base", "name: base\nversion: "+string(rune('0'+n)), 1)
	}
	path := policyFile(t, text(2))
	sign := func(text string) { write(t, path+".sig", string(sign256(t, key, []byte(text)).der(t))) }
	sign(text(2))
	w := newWorld(t, func(c *Config) { c.Keys, c.SignatureRequired, c.Base = mustKeys(t, public), true, File{Path: path} })
	w.want("job.a", "ALLOW")
	before := w.Snapshot()
	for name, bad := range map[string]func(){
		"an unsigned one":    func() { write(t, path, denyFile); _ = os.Remove(path + ".sig") },
		"another's":          func() { write(t, path, denyFile); sign(allowFile) },
		"an older one":       func() { write(t, path, text(1)); sign(text(1)) },
		"one without number": func() { write(t, path, denyFile); sign(denyFile) },
		"all is allowed":     func() { write(t, path, "default: ALLOW\n"); sign("default: ALLOW\n") },
	} {
		bad()
		if w.look(ctx); w.Snapshot() != before || w.Status().Alert == nil {
			t.Errorf("%s was taken", name)
		}
	}
	newer := strings.Replace(text(3), "job.no", "job.*", 1)
	write(t, path, newer)
	write(t, path+".sig", base64.StdEncoding.EncodeToString(sign256(t, key, []byte(newer)).der(t))+"\n")
	w.look(ctx)
	w.want("job.a", "DENY")
}

func TestPolicyFromAnAddress(t *testing.T) {
	var answer atomic.Value
	answer.Store(allowFile)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch text := answer.Load().(string); {
		case strings.HasSuffix(r.URL.Path, ".sig"):
			http.NotFound(rw, r)
		case text == "away":
			http.Redirect(rw, r, "http://elsewhere.invalid/", http.StatusFound)
		case text == "":
			http.Error(rw, "down", http.StatusBadGateway)
		default:
			_, _ = rw.Write([]byte(text)) // the client may be gone
		}
	}))
	defer server.Close()
	at, err := url.Parse(server.URL + "/policy.yaml?token=canary")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *Config) { c.Base, c.MaxBytes = URL{Address: at}, 1<<10 })
	w.want("job.a", "ALLOW")
	before := w.Snapshot()
	for _, bad := range []string{"", "away", strings.Repeat("#", 2<<10), "default: ["} {
		answer.Store(bad)
		w.look(ctx)
		if w.Snapshot() != before || w.Status().Alert == nil || strings.Contains(w.Status().Alert.Message, "canary") {
			t.Errorf("%.20q: %+v", bad, w.Status().Alert)
		}
	}
	answer.Store(denyFile)
	w.look(ctx)
	w.want("job.a", "DENY")
}

// A store that cannot say what is in force is believed for a lease; then nothing starts until it can.
func TestTheSnapshotIsWithdrawnAfterALease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		docs := &flaky{Memory: NewMemory()}
		w := newWorld(t, func(c *Config) { c.Documents = docs })
		stop, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.Run(stop) }()
		time.Sleep(10 * time.Second)
		docs.fail(errors.New("gone"), nil, false)
		time.Sleep(lease - syncEvery)
		if !w.Ready() {
			t.Error("the snapshot was withdrawn too early")
		}
		time.Sleep(3 * syncEvery)
		if w.Ready() || w.alerts() != 1 {
			t.Errorf("the snapshot is in force without a store; %v alerts", w.alerts())
		}
		docs.fail(nil, nil, false)
		time.Sleep(2 * syncEvery)
		if !w.Ready() {
			t.Error("the snapshot did not come back")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A store that never answered is no mistake of the configuration, and what it says is that nothing is known yet.
func TestTheStoreIsAwayFromTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		docs := &flaky{Memory: NewMemory()}
		docs.fail(errors.New("gone"), nil, false)
		var log bytes.Buffer
		k, err := New(Config{Documents: docs, Logger: slog.New(slog.NewTextHandler(&log, nil)), Registry: prometheus.NewRegistry()})
		if err != nil {
			t.Fatal(err)
		}
		wantErr(t, k.Load(t.Context()), ErrUnavailable)
		stop, cancel := context.WithTimeout(t.Context(), 2*lease)
		defer cancel()
		if err := k.Run(stop); err != nil {
			t.Error(err)
		}
		if !strings.Contains(log.String(), "what is in force is not known yet, so nothing starts") {
			t.Errorf("it said %s", log.String())
		}
	})
}

func TestOtherProcessesFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := newWorld(t, nil)
		two := openWorld(t, one.docs, nil)
		stop, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- two.Run(stop) }()
		one.put(bundle("a", "job.a", "ALLOW"))
		one.publish()
		if _, err := one.SetShadow(ctx, admin, Candidate{Snapshot: "1"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * syncEvery)
		two.want("job.a", "ALLOW")
		if two.Shadow() == nil || two.Shadow().Digest() != one.Shadow().Digest() {
			t.Error("the shadow was not followed")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
