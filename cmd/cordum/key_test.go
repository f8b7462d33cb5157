package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/gateway"
)

// A key is made, used and revoked by commands; it outlives a restart, and so does its end.
func TestKeyCommands(t *testing.T) {
	dir := t.TempDir()
	s := serveDev(t, dir)
	var made gateway.KeyCreated
	r := s.want(exitOK, "key", "create", "--name", "ci", "--role", "operator,sre", "--owner", "user:ann", "--expires", "90d", "-o", "json")
	if err := json.Unmarshal([]byte(r.out), &made); err != nil || made.ExpiresAt == nil || made.Owner != "user:ann" {
		t.Fatalf("%v: %s", err, r.out)
	}
	reader := strings.TrimSpace(s.want(exitOK, "key", "create", "--name", "eye", "--role", "viewer", "--scope", "read").out)
	s.want(exitUsage, "key", "create", "--name", "x")
	s.want(exitUsage, "key", "create", "--name", "x", "--role", "viewer", "--expires", "soon")
	if listed := s.want(exitOK, "key", "list").out; !strings.Contains(listed, made.ID) || strings.Contains(listed, made.Key) {
		t.Errorf("listed:\n%s", listed)
	}
	file := writeFile(t, "w.yaml", approvalWorkflow)
	s.want(exitOK, "run", "list", "--api-key", reader)
	s.want(exitError, "workflow", "create", "--file", file, "--api-key", reader)
	s.want(exitError, "key", "list", "--api-key", made.Key)
	s.want(exitError, "run", "list", "--api-key", made.Key[:len(made.Key)-2]+"zz")
	s.want(exitOK, "workflow", "create", "--file", file)
	id := strings.TrimSpace(s.want(exitOK, "run", "start", "ask", "--input", `{"who":"Di"}`, "--api-key", made.Key).out)
	if shown := s.want(exitOK, "run", "get", id, "-o", "json").out; !strings.Contains(shown, `"key:`+made.ID+`"`) {
		t.Errorf("who started it is not said: %s", shown)
	}
	s.end()

	s = serveDev(t, dir)
	s.want(exitOK, "run", "list", "--api-key", made.Key)
	s.want(exitOK, "key", "revoke", made.ID, "--reason", "lost")
	s.want(exitError, "run", "list", "--api-key", made.Key)
	if shown := s.want(exitOK, "key", "show", made.ID).out; !strings.Contains(shown, "revoked") {
		t.Errorf("shown: %s", shown)
	}
	s.end()

	s = serveDev(t, dir)
	s.want(exitError, "run", "list", "--api-key", made.Key)
	if strings.Contains(s.errOut.String(), made.Key) {
		t.Error("the key is in the log")
	}
}

func TestMoments(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"90d": now.AddDate(0, 0, 90), "12h": now.Add(12 * time.Hour), "2027-01-31T00:00:00Z": time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC),
	} {
		if got, err := moment("expires", text, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"-1h", "0d", "d", "tomorrow", "99999d"} {
		if _, err := moment("expires", text, now); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}
