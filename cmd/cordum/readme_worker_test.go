package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// greeter is a worker of the README: its program, and how its reader runs it.
type greeter struct {
	language string // of its block
	file     string
	command  func(p *process, file string) sdkCommand
}

var greeters = []greeter{
	{"go", "greet.go", goGreeter},
	{"python", "greet.py", func(p *process, file string) sdkCommand { return interpreted(p, file, pythonWorker) }},
	{"js", "greet.mjs", func(p *process, file string) sdkCommand {
		p.installPackage()
		return interpreted(p, file, typescriptWorker)
	}},
}

// TestReadmeWriteAWorker runs each worker of the README as it is written, and has it do the README's job.
func TestReadmeWriteAWorker(t *testing.T) {
	p := newProcess(t)
	p.checkout()
	for _, g := range greeters {
		p.start()
		file := filepath.Join(p.dir, g.file)
		program := strings.ReplaceAll(programIn(t, g.language), "127.0.0.1:4222", p.nats)
		if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
			t.Fatal(err)
		}
		stop := p.startGreeter(g.command(p, file))
		p.until("the "+g.language+" worker is there", func() bool {
			return regexp.MustCompile(`demo +alive`).MatchString(p.shell("bin/cordum worker list"))
		})
		if out := p.shell(block(t, readmeBlocks(t), "--tool greet")); !strings.Contains(out, `"hello world"`) {
			t.Errorf("the %s worker did not greet:\n%s", g.language, out)
		}
		stop()
		p.kill() // and so forgets its worker
	}
}

// programIn is the one block of the README in a language.
func programIn(t *testing.T, language string) string {
	t.Helper()
	found := regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(readmeText(t), -1)
	if len(found) != 1 {
		t.Fatalf("the README has %d programs in %s", len(found), language)
	}
	return found[0][1]
}

// goGreeter builds the program: go run would leave it behind when it is killed.
func goGreeter(p *process, file string) sdkCommand {
	p.t.Helper()
	path := filepath.Join(p.dir, "bin", "greet")
	build := exec.Command("go", "build", "-o", path, file)
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		p.t.Fatalf("%v\n%s", err, out)
	}
	return sdkCommand{args: []string{path}}
}

// interpreted is the command of an SDK's worker, for another program.
func interpreted(p *process, file string, sdk func() (sdkCommand, error)) sdkCommand {
	p.t.Helper()
	command, err := sdk()
	if err != nil {
		p.t.Fatal(err)
	}
	return sdkCommand{args: []string{command.args[0], file}, env: command.env}
}

// installPackage does to the test's folder what npm install does with a folder's path: it links to it.
func (p *process) installPackage() {
	p.t.Helper()
	target, err := filepath.Abs(filepath.Join(root, "sdk", "typescript"))
	if err == nil {
		err = os.MkdirAll(filepath.Join(p.dir, "node_modules", "@cordum"), 0o700)
	}
	if err == nil {
		err = os.Symlink(target, filepath.Join(p.dir, "node_modules", "@cordum", "worker"))
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// startGreeter starts a worker; stop ends it.
func (p *process) startGreeter(command sdkCommand) (stop func()) {
	p.t.Helper()
	cmd := exec.Command(command.args[0], command.args[1:]...)
	cmd.Env = append(os.Environ(), command.env...)
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	p.t.Cleanup(stop)
	return stop
}

// TestReadmeAsksForAWorker sends the README's request before anybody can do it: it says what it waits for, keeps its lock, and
// goes to the worker that it asks for as soon as that is there.
func TestReadmeAsksForAWorker(t *testing.T) {
	blocks := readmeBlocks(t)
	p := newProcess(t)
	p.start()
	p.checkout()
	if out := p.shell(block(t, blocks, "preferred_worker_id")); !strings.Contains(out, "job.infra.kubectl.apply") {
		t.Fatalf("the job is not listed:\n%s", out)
	}
	job := strings.TrimSpace(p.shell("bin/cordum job list -o name"))
	p.until("it waits", func() bool { return strings.Contains(p.shell("bin/cordum job get "+job), "no_workers") })
	if out := p.shell("bin/cordum lock list"); !regexp.MustCompile(`cluster:production +held`).MatchString(out) {
		t.Errorf("its lock is not held:\n%s", out)
	}
	p.shell("NATS_URL=nats://" + p.nats + " " + strings.TrimSpace(block(t, blocks, "worker exec")) + ` 2>worker.log & trap "kill $!" EXIT
until bin/cordum job get ` + job + ` | grep -q succeeded; do sleep 0.1; done`)
	run, _, _ := strings.Cut(job, ".")
	out := p.shell("bin/cordum job get " + job + "; bin/cordum run timeline " + run)
	for _, want := range []string{`worker +worker-us-east-1`, `"stdout":"\.\.\."`, `why preferred worker`} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("%q was expected:\n%s", want, out)
		}
	}
	if out := p.shell("bin/cordum lock list"); strings.Contains(out, "held") {
		t.Errorf("its lock is still held:\n%s", out)
	}
}

// TestExecPage runs the commands of the page about commands as steps: its worker, and its workflow.
func TestExecPage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "examples", "exec", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) != 4 {
		t.Fatalf("the page has %d blocks of commands", len(blocks))
	}
	p := newProcess(t)
	p.start()
	p.checkout()
	out := p.shell("export PATH=$PWD/bin:$PATH NATS_URL=nats://" + p.nats + "\ncd examples/exec\n" +
		strings.TrimSpace(blocks[0][1]) + ` 2>/dev/null & trap "kill $!" EXIT` + "\n" + blocks[1][1])
	for _, step := range []string{"digest", "sort"} {
		if !regexp.MustCompile(step + ` +worker +succeeded`).MatchString(out) {
			t.Errorf("%s was not done:\n%s", step, out)
		}
	}
}
