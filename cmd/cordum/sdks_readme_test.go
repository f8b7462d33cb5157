package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"cordum.dev/cordum/sdk/go/api"
)

// TestReadmeOfGo builds the worker of sdk/go/README.md as it is written and has it do the job that the README sends. The READMEs of
// the other SDKs are run by their own tests.
func TestReadmeOfGo(t *testing.T) {
	program := goProgram(t)
	_, worker, _ := strings.Cut(program, "\nfunc serve(")
	if lines := strings.Count(worker, "\n"); lines > 10 {
		t.Errorf("the worker has %d lines", lines)
	}
	g := &polyglot{process: newProcess(t)}
	g.start()
	g.connect("")

	cmd := exec.Command(built(t, strings.ReplaceAll(program, "127.0.0.1:4222", g.nats)))
	cmd.Stderr = g.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })

	job, err := g.api.SubmitJob(t.Context(), nil, api.JobSubmit{Pack: new("demo"), Tool: new("greet"), Input: map[string]string{"name": "world"}})
	if err != nil {
		t.Fatal(err)
	}
	if run := g.settled(job.RunID); run.State != "succeeded" || run.Steps[0].Output != "hello world" {
		t.Errorf("the job ended %s: %v, %+v", run.State, run.Steps[0].Output, run.Error)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the worker, told to stop: %v", err)
	}
}

// goProgram is the README's program.
func goProgram(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "sdk", "go", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(raw), -1)
	if len(blocks) != 1 {
		t.Fatalf("the README has %d blocks of Go", len(blocks))
	}
	return blocks[0][1]
}

// built builds a program of one file against the module's packages.
func built(t *testing.T, program string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "worker")
	cmd := exec.Command("go", "build", "-o", path, writeFile(t, "worker.go", program))
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}
