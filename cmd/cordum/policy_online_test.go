package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

const onlinePolicy = "name: acme/base\nrules:\n" +
	"  - {id: no-drop, match: {topics: [job.db.drop]}, decision: DENY, reason: never}\n" +
	"  - {id: ask, match: {topics: [job.db.*]}, decision: REQUIRE_APPROVAL}\n"

// A policy is drafted, tried, published, and taken back, against a running server; what was published is in force again
// after a restart.
func TestPolicyOnline(t *testing.T) {
	dir := t.TempDir()
	s := serveDev(t, dir)
	drop := []string{"policy", "evaluate", "--request", `{"topic":"job.db.drop"}`}
	s.want(exitOK, drop...)
	file := writeFile(t, "policy.yaml", onlinePolicy)
	s.want(exitOK, "policy", "put", file)
	s.want(exitOK, drop...)
	if out := s.want(exitOK, "policy", "list").out; !strings.Contains(out, "acme/base") || !strings.Contains(out, "draft") {
		t.Errorf("list:\n%s", out)
	}
	if out := s.want(exitOK, "policy", "get", "acme/base").out; out != onlinePolicy {
		t.Errorf("get:\n%s", out)
	}
	s.want(exitUsage, "policy", "publish", "--break-glass")
	s.want(exitOK, "policy", "publish", "--reason", "no more drops", "--max-newly-denied", "0")
	if out := s.want(exitDenied, drop...).out; !strings.Contains(out, "DENY") || !strings.Contains(out, "acme/base/no-drop") {
		t.Errorf("evaluate:\n%s", out)
	}
	s.want(exitWaiting, "policy", "evaluate", "--request", `{"topic":"job.db.read"}`)
	if out := s.want(exitOK, "policy", "snapshots").out; !strings.Contains(out, "no more drops") || !strings.Contains(out, "user:dev") {
		t.Errorf("snapshots:\n%s", out)
	}
	var snapshot struct {
		Digest    string
		Canonical json.RawMessage
	}
	if err := json.Unmarshal([]byte(s.want(exitOK, "policy", "snapshots", "2", "-o", "json").out), &snapshot); err != nil || len(snapshot.Digest) != 64 {
		t.Errorf("snapshot: %v, %+v", err, snapshot)
	}

	// A run under it, then what another policy would have said of it.
	if out := s.run("job", "submit", "--topic", "job.db.drop", "--wait"); out.code != exitDenied {
		t.Errorf("a job that is denied: %d\n%s%s", out.code, out.out, out.errOut)
	}
	out := s.want(exitOK, "policy", "replay", "--snapshot", "1", "-o", "json").out
	var report struct {
		Decisions    int `json:"decisions"`
		NewlyAllowed int `json:"newly_allowed"`
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || report.Decisions != 1 || report.NewlyAllowed != 1 {
		t.Errorf("replay: %v, %s", err, out)
	}
	s.want(exitOK, "policy", "replay", "--all-drafts")
	s.want(exitUsage, "policy", "replay")
	s.want(exitOK, "policy", "shadow", "set", "--snapshot", "1")
	if out := s.want(exitOK, "policy", "shadow", "show").out; !strings.Contains(out, "compared") {
		t.Errorf("shadow:\n%s", out)
	}
	s.want(exitOK, "policy", "shadow", "clear")
	s.want(exitDefinition, "policy", "put", writeFile(t, "bad.yaml", "name: a\nrules:\n  - {id: b, match: {topic: [x]}, decision: DENY}\n"))

	s.end()
	s = serveDev(t, dir)
	s.want(exitDenied, drop...)
	s.want(exitOK, "policy", "rollback", "1", "--reason", "too strict")
	s.want(exitOK, drop...)
	s.want(exitOK, "policy", "delete", "acme/base")
	if out := s.want(exitOK, "policy", "active").out; !strings.Contains(out, "rollback to 1") || !strings.Contains(out, "too strict") {
		t.Errorf("active:\n%s", out)
	}
	s.want(exitError, "policy", "rollback", "99")
}

// The server's own file is read again when it changes; what is wrong in it keeps what is in force. Only what its key signed
// is taken.
func TestPolicyFileOfAServer(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "policy.yaml")
	write := func(version, decision string) {
		t.Helper()
		text := []byte("default: ALLOW\nname: base\nversion: " + version + "\nrules:\n  - {id: a, match: {topics: [job.a]}, decision: " + decision + "}\n")
		sum := sha256.Sum256(text)
		sig, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string][]byte{file: text, file + ".sig": sig} {
			if err := os.WriteFile(name, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	write("1", "ALLOW")
	s := serveDev(t, t.TempDir(), "SAFETY_POLICY_PATH="+file, "SAFETY_POLICY_RELOAD_INTERVAL=50ms", "SAFETY_POLICY_SIGNATURE_REQUIRED=1",
		"SAFETY_POLICY_PUBLIC_KEY="+string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
	until := func(code int, what string, contains string, args ...string) {
		t.Helper()
		for deadline := time.Now().Add(deadline); ; time.Sleep(20 * time.Millisecond) {
			r := s.run(args...)
			if r.code == code && strings.Contains(r.out, contains) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: %d\n%s%s", what, r.code, r.out, r.errOut)
			}
		}
	}
	ask := []string{"policy", "evaluate", "--request", `{"topic":"job.a"}`}
	s.want(exitOK, ask...)
	write("2", "DENY")
	until(exitDenied, "the new file", "base/a", ask...)
	write("1", "ALLOW")
	until(exitOK, "an older file", "version 2 was published", "policy", "active")
	s.want(exitDenied, ask...)
	if out := s.run("policy", "put", writeFile(t, "p.yaml", onlinePolicy)); out.code != exitError || !strings.Contains(out.errOut, "signature_required") {
		t.Errorf("an unsigned bundle: %d %s", out.code, out.errOut)
	}
}

func TestServeRefusesPolicySettings(t *testing.T) {
	for want, environ := range map[string][]string{
		"there is no key":     {"SAFETY_POLICY_SIGNATURE_REQUIRED=true"},
		"neither PEM":         {"SAFETY_POLICY_PUBLIC_KEY=%%%"},
		"keep one":            {"SAFETY_POLICY_PATH=a", "SAFETY_POLICY_URL=https://x.example/p"},
		"begins with https":   {"SAFETY_POLICY_URL=ftp://x"},
		"policy.yaml:1:":      {"SAFETY_POLICY_PATH=" + writeFile(t, "policy.yaml", "default: MAYBE\n")},
		"no such file":        {"SAFETY_POLICY_PATH=/nowhere/policy.yaml"},
		"no whole number":     {"SAFETY_POLICY_MAX_BYTES=many"},
		"no positive duratio": {"SAFETY_POLICY_RELOAD_INTERVAL=0"},
	} {
		r := cordum(t.Context(), "", environ, "serve", "--dev", "--addr", "127.0.0.1:0", "--nats-addr", "127.0.0.1:0", "--data-dir", t.TempDir())
		if r.code != exitUsage || !strings.Contains(r.errOut, want) {
			t.Errorf("%v: %d, %s", environ, r.code, r.errOut)
		}
	}
}

// TestDocumentedPublishing runs the commands that the page shows, one after another, against a new server. A number behind a
// command is the code it ends with.
func TestDocumentedPublishing(t *testing.T) {
	page, err := os.ReadFile("../../docs/policy-publishing.md")
	if err != nil {
		t.Fatal(err)
	}
	s := serveDev(t, t.TempDir())
	t.Chdir(t.TempDir())
	for _, block := range regexp.MustCompile("(?s)```yaml\n# (\\S+)\n(.*?)```").FindAllSubmatch(page, -1) {
		if err := os.WriteFile(string(block[1]), block[2], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	word := regexp.MustCompile(`'[^']*'|\S+`)
	lines := 0
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllSubmatch(page, -1) {
		for line := range strings.Lines(string(block[1])) {
			command, comment, _ := strings.Cut(line, " # ")
			code, _ := strconv.Atoi(strings.TrimSpace(comment)) // no number is 0
			var args []string
			for _, w := range word.FindAllString(command, -1) {
				args = append(args, strings.Trim(w, "'"))
			}
			s.want(code, args[1:]...)
			lines++
		}
	}
	if lines < 10 {
		t.Errorf("only %d commands were found", lines)
	}
}
