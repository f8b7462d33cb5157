package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"cordum.dev/cordum/engine/plan"
)

// deadline bounds a command of a test.
const deadline = 60 * time.Second

// buffer is written by a command and read by its test at the same time.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// result is what a command left.
type result struct {
	code        int
	out, errOut string
}

// cordum runs a command line as main does, with nothing of the test's own environment.
func cordum(ctx context.Context, stdin string, environ []string, args ...string) result {
	var out, errOut buffer
	a := &app{in: strings.NewReader(stdin), out: &out, errOut: &errOut, environ: environ}
	code := execute(ctx, args, a)
	return result{code, out.String(), errOut.String()}
}

// running is a server in this process.
type running struct {
	t       *testing.T
	url     string
	environ []string
	out     *buffer
	errOut  *buffer
	stop    context.CancelFunc
	done    chan int
}

var bannerURL = regexp.MustCompile(`page +(http://\S+)/`)

// serveDev starts a development server on free ports and waits until it says where it is.
func serveDev(t *testing.T, dir string, environ ...string) *running {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s := &running{t: t, out: &buffer{}, errOut: &buffer{}, stop: stop, done: make(chan int, 1)}
	a := &app{in: strings.NewReader(""), out: s.out, errOut: s.errOut, environ: environ}
	go func() {
		s.done <- execute(ctx, []string{"serve", "--dev", "--addr", "127.0.0.1:0", "--nats-addr", "127.0.0.1:0", "--data-dir", dir}, a)
	}()
	t.Cleanup(s.end)
	for until := time.Now().Add(deadline); ; time.Sleep(5 * time.Millisecond) {
		if found := bannerURL.FindStringSubmatch(s.out.String()); found != nil {
			s.url = found[1]
			s.environ = []string{"CORDUM_GATEWAY=" + s.url}
			return s
		}
		if time.Now().After(until) {
			t.Fatalf("the server does not come up:\n%s", s.errOut.String())
		}
	}
}

// end stops the server; it must end cleanly. A second call does nothing.
func (s *running) end() {
	s.stop()
	select {
	case code, running := <-s.done:
		if running && code != exitOK {
			s.t.Errorf("serve ended with %d:\n%s", code, s.errOut.String())
		}
		if running {
			close(s.done)
		}
	case <-time.After(deadline):
		s.t.Errorf("serve does not end:\n%s", s.errOut.String())
	}
}

// run runs a command against the server.
func (s *running) run(args ...string) result {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	return cordum(ctx, "", s.environ, args...)
}

// want runs a command that must end with a code.
func (s *running) want(code int, args ...string) result {
	s.t.Helper()
	r := s.run(args...)
	if r.code != code {
		s.t.Fatalf("cordum %s: %d, want %d\n%s%s", strings.Join(args, " "), r.code, code, r.out, r.errOut)
	}
	return r
}

const approvalWorkflow = `
id: ask
steps:
  - {id: pause, type: delay, for: 50ms}
  - {id: approval, type: approval, depends_on: [pause], title: "Go on, ${input.who}?", context: {version: v2}}
  - {id: check, type: condition, depends_on: [approval], condition: "1 < 2"}
`

// The commands against a real server, from an empty folder to a run's end.
func TestCommandsAgainstAServer(t *testing.T) {
	s := serveDev(t, t.TempDir())
	file := writeFile(t, "w.yaml", approvalWorkflow)

	t.Run("a run that approves itself", func(t *testing.T) {
		r := s.want(exitOK, "workflow", "run", "--file", file, "--input", `{"who":"Ann"}`, "--wait", "--auto-approve")
		for _, line := range []string{`run +started`, `step pause +waiting`, `note: approving "Go on, Ann\?"`, `approval approval +approved .*by user:dev`, `step check +succeeded`, `run +succeeded`} {
			if !regexp.MustCompile(line).MatchString(r.errOut) {
				t.Errorf("the timeline has no %q:\n%s", line, r.errOut)
			}
		}
		if !strings.Contains(r.out, "succeeded") || strings.Contains(r.out+r.errOut, "\x1b") {
			t.Errorf("result %q", r.out)
		}
	})
	t.Run("a run that somebody denies", func(t *testing.T) {
		id := strings.TrimSpace(s.want(exitOK, "workflow", "run", "-f", file, "--input", `{"who":"Bo"}`).out)
		s.want(exitWaiting, "run", "watch", id, "--no-wait-approval")
		asked := s.want(exitOK, "approval", "list", "-o", "name").out
		if !strings.HasPrefix(asked, id) {
			t.Fatalf("approvals: %q", asked)
		}
		shown := s.want(exitOK, "approval", "show", strings.TrimSpace(asked))
		if !strings.Contains(shown.out, "Go on, Bo?") || !strings.Contains(shown.out, `"version": "v2"`) {
			t.Errorf("shown: %s", shown.out)
		}
		s.want(exitError, "approval", "approve", strings.TrimSpace(asked), "--expect-hash", strings.Repeat("0", 64))
		s.want(exitUsage, "approval", "decide", strings.TrimSpace(asked))
		s.want(exitOK, "approval", "decide", strings.TrimSpace(asked), "--deny", "--comment", "not today")
		s.want(exitDenied, "run", "watch", id)
		s.want(exitError, "approval", "approve", strings.TrimSpace(asked))
		if r := s.want(exitOK, "run", "timeline", id); !strings.Contains(r.out, "not today") {
			t.Errorf("the reason is not in the timeline:\n%s", r.out)
		}
	})
	t.Run("a run that is cancelled", func(t *testing.T) {
		id := strings.TrimSpace(s.want(exitOK, "run", "start", "ask", "--input", `{"who":"Cy"}`).out)
		s.want(exitTimeout, "run", "watch", id, "--timeout", "500ms")
		s.want(exitOK, "run", "cancel", id, "--reason", "wrong day")
		s.want(exitRunFailed, "run", "watch", id)
	})
	t.Run("formats", func(t *testing.T) { formats(t, s) })
	t.Run("idempotent start", func(t *testing.T) {
		first := s.want(exitOK, "run", "start", "ask", "--input", `{"who":"Di"}`, "--idempotency-key", "k1").out
		if again := s.want(exitOK, "run", "start", "ask", "--input", `{"who":"Di"}`, "--idempotency-key", "k1").out; again != first {
			t.Errorf("%q, then %q", first, again)
		}
	})
	t.Run("what is wrong is said", func(t *testing.T) {
		bad := writeFile(t, "bad.yaml", "id: bad\nsteps:\n  - {id: a, type: delay, for: 1s, depend_on: [b]}\n")
		r := s.want(exitDefinition, "workflow", "create", "--file", bad)
		if !strings.Contains(r.errOut, bad+":3:") || !strings.Contains(r.errOut, " error CW020 ") || !strings.Contains(r.errOut, `did you mean "depends_on"?`) {
			t.Errorf("said: %s", r.errOut)
		}
		if r := s.want(exitError, "run", "get", "../runs"); !strings.Contains(r.errOut, "not_found") {
			t.Errorf("said: %s", r.errOut)
		}
		s.want(exitError, "workflow", "graph", "nothing-of-this-name")
		s.want(exitUsage, "run", "start", "ask", "--input", "{")
	})
	t.Run("graph of a stored workflow", func(t *testing.T) {
		if r := s.want(exitOK, "workflow", "graph", "ask", "-f", "mermaid"); !strings.Contains(r.out, "flowchart") {
			t.Errorf("drawn: %s", r.out)
		}
	})
}

func formats(t *testing.T, s *running) {
	var listed struct {
		Items []struct {
			ID    string `json:"id"`
			State string `json:"state"`
		} `json:"items"`
	}
	if err := json.Unmarshal([]byte(s.want(exitOK, "run", "list", "-o", "json").out), &listed); err != nil || len(listed.Items) < 3 {
		t.Fatalf("%v: %+v", err, listed)
	}
	for line := range strings.Lines(s.want(exitOK, "run", "list", "-o", "jsonl").out) {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %q", line)
		}
	}
	if names := strings.Fields(s.want(exitOK, "run", "list", "-o", "name").out); len(names) != len(listed.Items) || names[0] != listed.Items[0].ID {
		t.Errorf("names %v", names)
	}
	if r := s.want(exitOK, "run", "get", listed.Items[0].ID, "-o", "yaml"); !strings.Contains(r.out, "\nsteps:\n  - id: approval\n") {
		t.Errorf("yaml:\n%s", r.out)
	}
	if r := s.want(exitOK, "run", "list", "--limit", "1"); !strings.Contains(r.errOut, "--cursor") {
		t.Errorf("a page that is not the last says nothing: %q", r.errOut)
	}
	s.want(exitUsage, "run", "list", "-o", "xml")
}

// A second server is told what is in its way, and a server that comes back has what was there.
func TestServersInEachOthersWay(t *testing.T) {
	dir := t.TempDir()
	s := serveDev(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	addr := strings.TrimPrefix(s.url, "http://")
	taken := cordum(ctx, "", nil, "serve", "--dev", "--addr", addr, "--nats-addr", "127.0.0.1:0", "--data-dir", t.TempDir())
	if taken.code != exitError || !strings.Contains(taken.errOut, "is taken by another process") || !strings.Contains(taken.errOut, "--addr 127.0.0.1:") {
		t.Errorf("port taken: %d %s", taken.code, taken.errOut)
	}
	nats := regexp.MustCompile(`workers +nats://(\S+)`).FindStringSubmatch(s.out.String())[1]
	taken = cordum(ctx, "", nil, "serve", "--dev", "--addr", "127.0.0.1:0", "--nats-addr", nats, "--data-dir", t.TempDir())
	if taken.code != exitError || !strings.Contains(taken.errOut, "--nats-addr") {
		t.Errorf("NATS port taken: %d %s", taken.code, taken.errOut)
	}
	locked := cordum(ctx, "", nil, "serve", "--dev", "--addr", "127.0.0.1:0", "--nats-addr", "127.0.0.1:0", "--data-dir", dir)
	if locked.code != exitError || !strings.Contains(locked.errOut, dir+" is in use by another process") {
		t.Errorf("data folder taken: %d %s", locked.code, locked.errOut)
	}

	file := writeFile(t, "w.yaml", approvalWorkflow)
	id := strings.TrimSpace(s.want(exitOK, "workflow", "run", "-f", file, "--input", `{"who":"Ed"}`).out)
	s.end()
	if strings.Contains(s.errOut.String(), `"level":"ERROR"`) {
		t.Errorf("stopping was not clean:\n%s", s.errOut.String())
	}
	again := serveDev(t, dir)
	again.want(exitOK, "run", "watch", id, "--auto-approve")
}

func TestNoServer(t *testing.T) {
	r := cordum(t.Context(), "", []string{"CORDUM_GATEWAY=http://127.0.0.1:1"}, "run", "list")
	if r.code != exitError || !strings.Contains(r.errOut, "start one with: cordum serve --dev") {
		t.Errorf("%d: %s", r.code, r.errOut)
	}
	if r := cordum(t.Context(), "", nil, "run", "list", "--server", "localhost:8081"); r.code != exitUsage {
		t.Errorf("%d: %s", r.code, r.errOut)
	}
}

func TestInterruptedCommand(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := cordum(ctx, "", nil, "run", "list"); r.code != exitInterrupted {
		t.Errorf("%d: %s", r.code, r.errOut)
	}
}

func TestServeRefusesWithOneLineEach(t *testing.T) {
	r := cordum(t.Context(), "", nil, "serve")
	if lines := strings.Split(strings.TrimSpace(r.errOut), "\n"); r.code != exitUsage || len(lines) != 2 || !strings.HasPrefix(lines[0], "error: ") || !strings.HasPrefix(lines[1], "error: ") {
		t.Errorf("%d: %q", r.code, r.errOut)
	}
}

func TestLint(t *testing.T) {
	good := writeFile(t, "good.yaml", approvalWorkflow)
	bad := writeFile(t, "bad.json", "{\"id\": \"x\", // no\n\"steps\": []}")
	if r := cordum(t.Context(), "", nil, "workflow", "lint", good); r.code != exitOK || r.out != "" || !strings.Contains(r.errOut, "valid") {
		t.Errorf("%d %q %q", r.code, r.out, r.errOut)
	}
	r := cordum(t.Context(), "", nil, "workflow", "lint", good, bad)
	if r.code != exitDefinition || !strings.HasPrefix(r.out, bad+":1:") || !strings.Contains(r.out, " error CW001 ") {
		t.Errorf("%d %q %q", r.code, r.out, r.errOut)
	}
	r = cordum(t.Context(), approvalWorkflow+"    depend_on: [x]\n", nil, "workflow", "lint", "-", "-o", "json")
	var found struct {
		Diagnostics []plan.Finding `json:"diagnostics"`
	}
	if err := json.Unmarshal([]byte(r.out), &found); err != nil || r.code != exitDefinition || len(found.Diagnostics) == 0 {
		t.Errorf("%d %v %q", r.code, err, r.out)
	}
	if r := cordum(t.Context(), "", nil, "workflow", "lint", filepath.Join(t.TempDir(), "none")); r.code != exitUsage {
		t.Errorf("a file that is not there: %d", r.code)
	}
}

func TestUsageErrors(t *testing.T) {
	for _, line := range []string{
		"nonsense", "run lst", "run get", "run get a b", "run list --limit x", "run watch R --ask --auto-approve", "workflow lint",
		"workflow run", "workflow create", "approval decide A --approve --deny", "run list --timeout -1s", "job submit --label x",
		"workflow run -f - --input -", "run start w --input {", "run start w --label =x",
	} {
		if r := cordum(t.Context(), "", nil, strings.Fields(line)...); r.code != exitUsage || !strings.HasPrefix(r.errOut, "error: ") || r.out != "" {
			t.Errorf("cordum %s: %d %q %q", line, r.code, r.out, r.errOut)
		}
	}
}

// Every command explains itself with an example that begins with a command that exists.
func TestEveryCommandIsExplained(t *testing.T) {
	root := newRoot(&app{})
	seen := 0
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Hidden {
			return // nobody is to find it
		}
		seen++
		if cmd.Short == "" || cmd.Long == "" || cmd.Example == "" {
			t.Errorf("%s has no short help, long help or example", cmd.CommandPath())
		}
		if cmd.HasSubCommands() && cmd.RunE == nil {
			t.Errorf("%s takes a wrong sub-command without a word", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Example) {
			words := strings.Fields(strings.ReplaceAll(line, "$(", "$( "))
			if i := indexOf(words, "cordum"); i < 0 {
				t.Errorf("%s: example %q calls no command", cmd.CommandPath(), line)
			} else if found, _, err := root.Find(words[i+1:]); err != nil || found.HasSubCommands() && found != root && !found.HasLocalFlags() {
				t.Errorf("%s: example %q names no command", cmd.CommandPath(), line)
			}
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
	if seen < 30 {
		t.Errorf("only %d commands were looked at", seen)
	}
}

func indexOf(words []string, want string) int {
	for i, word := range words {
		if word == want {
			return i
		}
	}
	return -1
}

func TestCompletion(t *testing.T) {
	r := cordum(t.Context(), "", nil, "completion", "bash")
	if r.code != exitOK || !strings.Contains(r.out, "__start_cordum") {
		t.Errorf("%d: %.200s", r.code, r.out)
	}
	if r := cordum(t.Context(), "", nil, "__complete", "run", "list", "--state", ""); !strings.Contains(r.out, "timed_out") {
		t.Errorf("%q", r.out)
	}
}

func TestVersionAndOpenAPI(t *testing.T) {
	if r := cordum(t.Context(), "", nil, "version", "-o", "json"); r.code != exitOK || !json.Valid([]byte(r.out)) {
		t.Errorf("%d %q", r.code, r.out)
	}
	if r := cordum(t.Context(), "", nil, "openapi"); r.code != exitOK || !strings.Contains(r.out, "openapi: 3.1") {
		t.Errorf("%d %.100q", r.code, r.out)
	}
	if r := cordum(t.Context(), "", nil, "openapi", "--v3.0"); r.code != exitOK || !strings.Contains(r.out, "openapi: 3.0.3") {
		t.Errorf("%d %.100q", r.code, r.out)
	}
}

// A pipe that is closed, as by head, is an error and no panic.
func TestClosedPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	defer w.Close()
	a := &app{in: strings.NewReader(""), out: w, errOut: &buffer{}}
	if code := execute(t.Context(), []string{"openapi"}, a); code != exitError {
		t.Errorf("%d", code)
	}
}
