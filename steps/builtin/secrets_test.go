package builtin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"cordum.dev/cordum/sdk/go"
)

// vault is a folder of secrets with two tenants.
func vault(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"default/TOKEN": "s3cr3t-value\n", "default/LINES": "first line\nsecond line\r\n", "default/EMPTY": "\n",
		"default/BINARY": "\xff\xfe", "default/LARGE": strings.Repeat("a", MaxSecret+1),
		"default/FITS": strings.Repeat("b", MaxSecret) + "\r\n", "other/TOKEN": "the other's", "outside": "canary",
	} {
		path := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, []byte(content), 0o600))
	}
	must(t, os.Symlink("../other/TOKEN", filepath.Join(dir, "default", "LINKED")))
	must(t, os.Symlink("../outside", filepath.Join(dir, "default", "OUT")))
	must(t, os.Symlink("TOKEN", filepath.Join(dir, "default", "WITHIN")))
	elsewhere := t.TempDir()
	must(t, os.WriteFile(filepath.Join(elsewhere, "TOKEN"), []byte("canary"), 0o600))
	must(t, os.Symlink(elsewhere, filepath.Join(dir, "moved")))
	must(t, os.Mkdir(filepath.Join(dir, "default", "FOLDER"), 0o700))
	must(t, syscall.Mkfifo(filepath.Join(dir, "default", "PIPE"), 0o600))
	return dir
}

func TestSecretFiles(t *testing.T) {
	s := Secrets{Dir: vault(t)}
	for _, c := range []struct{ tenant, name, want, code string }{
		{"default", "TOKEN", "s3cr3t-value", ""},
		{"other", "TOKEN", "the other's", ""},
		{"default", "LINES", "first line\nsecond line", ""},
		{"default", "WITHIN", "s3cr3t-value", ""},
		{"default", "FITS", strings.Repeat("b", MaxSecret), ""},
		{"default", "NONE", "", CodeSecretMissing},
		{"nobody", "TOKEN", "", CodeSecretMissing},
		{"", "TOKEN", "", CodeSecretMissing},
		{".", "outside", "", CodeSecretMissing},
		{"..", "TOKEN", "", CodeSecretMissing},
		{"default/../other", "TOKEN", "", CodeSecretMissing},
		{"default", "LINKED", "", CodeSecretUnusable},
		{"default", "OUT", "", CodeSecretUnusable},
		{"moved", "TOKEN", "", CodeSecretUnusable},
		{"default", "EMPTY", "", CodeSecretUnusable},
		{"default", "BINARY", "", CodeSecretUnusable},
		{"default", "LARGE", "", CodeSecretUnusable},
		{"default", "FOLDER", "", CodeSecretUnusable},
		{"default", "PIPE", "", CodeSecretUnusable},
	} {
		got, _, err := s.reveal(c.tenant, raw(t, map[string]any{"v": map[string]string{"$secret": c.name}}))
		if c.code != "" {
			e := coded(t, err, c.code, cordum.KindFatal)
			if !strings.Contains(e.Error(), c.name) {
				t.Errorf("%s is not named: %v", c.name, e)
			}
			holdsNone(t, c.name, e.Error(), "canary", s.Dir, "the other's")
			continue
		}
		must(t, err)
		if want := string(raw(t, map[string]string{"v": c.want})); string(got) != want {
			t.Errorf("%s of %s: got %s", c.name, c.tenant, got)
		}
	}
	for _, name := range []string{"../other/TOKEN", "..", "", "a/b", "TOKEN\x00"} {
		if _, err := s.read("default", name); !errors.Is(err, errNoSecret) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestSecretsOfDevelopment(t *testing.T) {
	s := Secrets{Dir: vault(t), Lookup: func(name string) (string, bool) { return "of the environment", name == "TOKEN" || name == "MORE" }}
	for name, want := range map[string]string{"TOKEN": "s3cr3t-value", "MORE": "of the environment"} {
		if got, err := s.read("default", name); err != nil || got != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := s.read("default", "NONE"); !errors.Is(err, errNoSecret) {
		t.Error(err)
	}
	if _, err := (Secrets{}).read("default", "TOKEN"); !errors.Is(err, errNoSecret) {
		t.Error(err)
	}
}

func TestSecretsWithinTexts(t *testing.T) {
	s := Secrets{Dir: vault(t)}
	got, _, err := s.reveal("default", json.RawMessage(`{"a":{"$secret":["Bearer ",{"$secret":"TOKEN"},"!"]},"b":["${secrets.TOKEN}"]}`))
	must(t, err)
	if want := `{"a":"Bearer s3cr3t-value!","b":["${secrets.TOKEN}"]}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestRedactor: a secret that comes back is hidden in whatever it is written.
func TestRedactor(t *testing.T) {
	const value = `pa"ss\wörd/+<1>`
	hide := &redactor{}
	hide.add("TOKEN", value)
	hide.add("PREFIX", `pa"ss`)
	hide.add("PIN", "4711")
	for _, back := range []string{
		value, url.QueryEscape(value), url.PathEscape(value), "x" + value + "y", `pa&#34;ss\wörd/+&lt;1&gt;`,
		`pa\"ss\\wörd/+<1>`, "cGEic3Ncd8O2cmQvKzwxPg==", "cGEic3Ncd8O2cmQvKzwxPg", fmt.Sprintf("%x", value), fmt.Sprintf("%X", value),
	} {
		out, err := hide.json(raw(t, map[string]any{"a": []any{back, 147110, 3}, back: true}))
		must(t, err)
		holdsNone(t, back, string(out), "wörd", "cGEic3", "4711", fmt.Sprintf("%x", "wörd"), fmt.Sprintf("%X", "wörd"), "w%C3%B6rd")
		if !strings.Contains(string(out), "[secrets.TOKEN]") {
			t.Errorf("%s: got %s", back, out)
		}
	}
	if got := hide.text(`pa"ss is not all`); got != "[secrets.PREFIX] is not all" {
		t.Error(got)
	}
	if got := string(hide.bytes([]byte("\xff" + value + "\xfe"))); got != "\xff[secrets.TOKEN]\xfe" {
		t.Errorf("%q", got)
	}
}

// TestRedactorOfErrors: an error says nothing of a secret and is still what it was.
func TestRedactorOfErrors(t *testing.T) {
	hide := &redactor{}
	hide.add("TOKEN", "canary")
	err := hide.error(&cordum.Error{Kind: cordum.KindRetryable, Code: "c", Err: fmt.Errorf("the canary sang: %w", context.Canceled), Details: map[string]string{"canary": "a canary"}})
	e := coded(t, err, "c", cordum.KindRetryable)
	holdsNone(t, "the error", fmt.Sprintf("%v %+v %s %v", e, e, raw(t, e.Details), e.Err), "canary")
	if !errors.Is(err, context.Canceled) {
		t.Error("the cause is gone")
	}
	plainErr := hide.error(fmt.Errorf("canary: %w", cordum.ErrTimedOut))
	holdsNone(t, "the error", plainErr.Error(), "canary")
	if !errors.Is(plainErr, context.DeadlineExceeded) {
		t.Error("the cause is gone")
	}
}

// TestRedactorLeavesNothing: whatever the secret and whatever is around it, it is not in what comes out.
func TestRedactorLeavesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringMatching(`[a-zA-Z0-9"\\ äß<&/+=%-]{4,40}`).Draw(t, "value")
		hide := &redactor{}
		hide.add("S", value)
		around := rapid.SliceOf(rapid.String()).Draw(t, "around")
		out, err := hide.json(mustJSON(map[string]any{"v": strings.Join(around, value) + value, "list": append([]string{value}, around...)}))
		if err != nil {
			t.Fatal(err)
		}
		var back map[string]any
		if err := json.Unmarshal(out, &back); err != nil {
			t.Fatal(err)
		}
		text := back["v"].(string)
		if strings.Contains(text, value) && !strings.Contains("[secrets.S][secrets.S]", value) {
			t.Fatalf("%q is in %q", value, text)
		}
	})
}

func mustJSON(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}
