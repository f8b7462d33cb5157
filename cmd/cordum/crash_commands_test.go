package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
	"cordum.dev/cordum/internal/redisd"
	"cordum.dev/cordum/store"
	"cordum.dev/cordum/store/backup"
	"cordum.dev/cordum/store/redis"
)

// The crash matrix of commands about stores: an upgrade, a restore, an import, an export or a backup dies, hangs until it is killed,
// or fails, at each of its points, and is given again. Runs are under way in the store.

// commandCell is one place of it.
type commandCell struct {
	does   string // what is done: a key of commandPoints
	point  string
	action crashAction
}

// commandPoints are the points that each command passes. Those of a store in Redis have a word of it; of upgrade-server it is the
// server that passes them.
var commandPoints = []struct {
	does   string
	points []string
}{
	{"upgrade", []string{crashRaising, crashRaised}},
	{"upgrade-redis", []string{crashRaising, crashRaised}},
	{"upgrade-asked", []string{crashWanted}},
	{"upgrade-server", []string{crashRaising, crashRaised}},
	{"create", []string{crashBackup}},
	{"restore", []string{backup.CrashCopying, backup.CrashCopied, backup.CrashFilled, backup.CrashPlaced, backup.CrashSettled}},
	{"export", []string{crashExporting}},
	{"import", []string{backup.CrashLoading, backup.CrashFilled, backup.CrashPlaced, backup.CrashSettled}},
	{"import-redis", []string{backup.CrashLoading, backup.CrashFilled, backup.CrashSettled}},
}

func commandCells() (cells []commandCell) {
	for _, c := range commandPoints {
		for _, point := range c.points {
			for _, action := range []crashAction{crashExit, crashHang, crashError} {
				cells = append(cells, commandCell{c.does, point, action})
			}
		}
	}
	return cells
}

func (c commandCell) name() string { return fmt.Sprintf("command/%s/%s/%s", c.does, c.point, c.action) }

const commandFamily = "commands about stores"

func (c commandCell) family() string { return commandFamily }

// hangs: servers that raise a level wait first for who may be there.
func (c commandCell) hangs() bool { return c.does == "upgrade-asked" || c.does == "upgrade-server" }

func (c commandCell) play(t *testing.T, lost *atomic.Int64) {
	w := &commandWorld{t: t, c: c, left: leftStore(t), p: newProcess(t)}
	w.p.tags = "crashtest"
	w.data = filepath.Join(w.p.dir, "data")
	w.open = func() (serverStore, error) { return openOffline(w.data, true) }
	defer func() { lost.Add(int64(w.missing)) }()
	switch c.does {
	case "upgrade":
		w.copyData()
		w.upgrades("--data-dir", w.data)
	case "upgrade-redis":
		w.inRedis()
		w.must(exitOK, "level1", "backup", "import", w.left.export, "--store", w.url)
		w.upgrades("--store", w.url)
	case "upgrade-asked", "upgrade-server":
		w.inRedis()
		w.must(exitOK, "level1", "backup", "import", w.left.export, "--store", w.url)
		w.serversUpgrade()
	case "create":
		w.copyData()
		w.creates()
	case "restore":
		w.fills(store.LevelFirst, "backup", "restore", w.left.backup, "--data-dir", w.data, "--reason", "a drill")
	case "export":
		w.copyData()
		w.exports()
	case "import":
		w.fills(store.CurrentLevel, "backup", "import", w.left.export, "--data-dir", w.data)
	case "import-redis":
		w.inRedis()
		w.fills(store.CurrentLevel, "backup", "import", w.left.export, "--store", w.url)
	}
}

// left is what a server of the version before left when it was killed: its folder, a backup and an export of that.
type left struct {
	data, backup, export string
	ended, waiting       []string // runs
	facts                map[string]int
}

var (
	leftOnce sync.Once
	leftBy   left
)

// leftStore makes it once.
func leftStore(t *testing.T) *left {
	t.Helper()
	leftOnce.Do(func() { leftBy = makeLeft(t) })
	if len(leftBy.waiting) == 0 {
		t.Fatal("another test could not make the store")
	}
	return &leftBy
}

func makeLeft(t *testing.T) (l left) {
	p := newProcess(t)
	p.tags = "level1"
	p.start()
	p.startWorker()
	if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(askAndWork), nil); err != nil {
		t.Fatal(err)
	}
	for range 6 {
		var s runner.Started
		if err := p.call("POST", "/api/v1/workflows/kill/runs", "application/json", []byte(`{}`), &s); err != nil {
			t.Fatal(err)
		}
		l.waiting = append(l.waiting, s.RunID)
	}
	l.ended, l.waiting = l.waiting[:2], l.waiting[2:]
	for _, run := range l.ended {
		approveAt(p, run)
		p.ends(run)
	}
	for _, run := range l.waiting {
		p.until("run "+run+" waits", func() bool {
			var v runner.RunView
			return p.call("GET", "/api/v1/runs/"+run, "", nil, &v) == nil && v.State == "waiting"
		})
	}
	p.kill()
	made, w := filepath.Join(buildDir, "left"), &commandWorld{t: t, p: p}
	l.data, l.export = filepath.Join(made, "data"), filepath.Join(made, "store.jsonl")
	if err := os.CopyFS(l.data, os.DirFS(filepath.Join(p.dir, "data"))); err != nil {
		t.Fatal(err)
	}
	_ = os.RemoveAll(filepath.Join(l.data, "streams")) // of the bus
	out := w.must(exitOK, "level1", "backup", "create", "--data-dir", l.data, "--to", made, "-o", "name")
	l.backup = filepath.Join(made, printedName(out))
	w.must(exitOK, "level1", "backup", "export", "--data-dir", l.data, "-o", l.export)
	s, err := openOffline(l.data, true)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	l.facts = map[string]int{}
	for _, run := range slices.Concat(l.ended, l.waiting) {
		l.facts[run] = factsOf(t, s, run)
	}
	return l
}

// factsOf counts the facts of a run.
func factsOf(t *testing.T, s store.Store, run string) (n int) {
	t.Helper()
	err := runner.DumpRun(t.Context(), s, "", runner.DumpQuery{Run: run}, func(runner.DumpedFact) error { n++; return nil })
	if err != nil {
		t.Errorf("run %s: %v", run, err)
	}
	return n
}

// printedName is the last line of what a command printed with -o name.
func printedName(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// commandWorld is where a cell is played.
type commandWorld struct {
	t       *testing.T
	c       commandCell
	left    *left
	p       *process // the server that goes on with the store
	data    string
	url     string // of Redis; empty: the store is in the folder
	open    func() (serverStore, error)
	missing int
}

func (w *commandWorld) copyData() {
	w.t.Helper()
	if err := os.CopyFS(w.data, os.DirFS(w.left.data)); err != nil {
		w.t.Fatal(err)
	}
}

// inRedis has the store in a Redis of its own.
func (w *commandWorld) inRedis() {
	w.url = storeURL("redis", redisd.Start(w.t, redisd.Durable...))
	w.p.mode = []string{"--dev", "--store", w.url}
	w.open = func() (serverStore, error) {
		conf, err := offlineRedis(&storeSettings{URL: w.url})
		if err != nil {
			return nil, err
		}
		return redis.Open(context.Background(), conf)
	}
}

// command is one of a build, with what it prints.
func (w *commandWorld) command(tags string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	w.t.Helper()
	bin, err := binaries[tags]()
	if err != nil {
		w.t.Fatal(err)
	}
	var out bytes.Buffer
	cmd := exec.Command(bin, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd, &out
}

// must runs a command that ends with a code, and answers what it printed.
func (w *commandWorld) must(code int, tags string, args ...string) string {
	w.t.Helper()
	cmd, out := w.command(tags, args...)
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		w.t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		w.t.Fatalf("%s: it ended with %d, want %d: %s", args, got, code, out)
	}
	return out.String()
}

// dies gives the command, which meets its point.
func (w *commandWorld) dies(args ...string) {
	w.t.Helper()
	cmd, out := w.command("crashtest", args...)
	plan := crashPlan{Point: w.c.point, Hit: 1, Action: w.c.action}
	cmd.Env = append(os.Environ(), "CORDUM_TEST_CRASH="+plan.String())
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() { _ = cmd.Wait(); close(gone) }()
	w.p.until("the command has ended, or hangs", func() bool { return isClosed(gone) || hung(cmd.Process.Pid) })
	if w.c.action == crashHang {
		_ = cmd.Process.Kill()
		<-gone
	}
	killed := cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
	if met := strings.Contains(out.String(), "crash: met"); !met || killed != (w.c.action != crashError) || cmd.ProcessState.Success() {
		w.t.Fatalf("%s did not fail at %s: %v: %s", args, plan, cmd.ProcessState, out)
	}
}

// upgrades upgrades a store that nobody uses.
func (w *commandWorld) upgrades(at ...string) {
	args := append([]string{"store", "upgrade"}, at...)
	w.dies(args...)
	want := map[string]store.Level{crashRaising: store.LevelFirst, crashRaised: store.CurrentLevel}[w.c.point]
	if got := w.sound(); got != want {
		w.t.Errorf("broken off, the store has level %d, want %d", got, want)
	}
	w.must(exitOK, "crashtest", args...)
	w.goesOn(store.CurrentLevel)
}

// serversUpgrade upgrades a store that a server uses: the command that asked it dies, or the server while it raises the level.
func (w *commandWorld) serversUpgrade() {
	args := []string{"store", "upgrade", "--store", w.url, "--timeout", "60s"}
	if w.c.does == "upgrade-asked" {
		w.p.start()
		w.dies(args...)
		w.must(exitOK, "crashtest", args...)
		w.goesOn(store.CurrentLevel)
		return
	}
	w.p.start("CORDUM_TEST_CRASH=" + crashPlan{Point: w.c.point, Hit: 1, Action: w.c.action}.String())
	cmd, out := w.command("crashtest", args...)
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	told := func() bool {
		raw, _ := os.ReadFile(w.p.log.Name())
		return bytes.Contains(raw, []byte("crash: met"))
	}
	w.p.until("the server has met its point", func() bool {
		if w.c.action == crashHang {
			return hung(w.p.cmd.Process.Pid)
		}
		return told() && w.p.alive() == (w.c.action == crashError)
	})
	if w.c.action != crashError {
		w.p.kill()
		w.p.start()
	}
	if err := cmd.Wait(); err != nil {
		w.t.Errorf("the command that waited ended with %v: %s", err, out)
	}
	w.goesOn(store.CurrentLevel)
}

// creates takes a backup of a folder.
func (w *commandWorld) creates() {
	shelf := filepath.Join(w.p.dir, "shelf")
	args := []string{"backup", "create", "--data-dir", w.data, "--to", shelf, "-o", "name"}
	w.dies(args...)
	if all, err := backup.List(shelf); err != nil || len(all) > 0 {
		w.t.Errorf("broken off, it is listed: %v, %v", all, err)
	}
	name := printedName(w.must(exitOK, "crashtest", args...))
	w.must(exitOK, "crashtest", "backup", "verify", filepath.Join(shelf, name))
	if there, err := os.ReadDir(shelf); err != nil || len(there) != 1 {
		w.t.Errorf("the shelf holds %v, %v", there, err)
	}
	w.goesOn(store.LevelFirst)
}

// exports exports a folder: into a file, which is there wholly or not at all, and to where it was printed, which is found to be cut off.
func (w *commandWorld) exports() {
	file, other := filepath.Join(w.p.dir, "store.jsonl"), filepath.Join(w.p.dir, "other")
	args := []string{"backup", "export", "--data-dir", w.data, "-o", file}
	w.dies(args...)
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		w.t.Errorf("broken off, there is a file: %v", err)
	}
	w.must(exitOK, "crashtest", args...)
	whole, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file+".half", whole[:len(whole)/2], 0o600)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.must(exitTampered, "crashtest", "backup", "import", file+".half", "--data-dir", other)
	w.must(exitOK, "crashtest", "backup", "import", file, "--data-dir", other)
	w.goesOn(store.LevelFirst)
	w.p.kill()
	w.open = func() (serverStore, error) { return openOffline(other, true) }
	w.sound()
}

// fills makes a store. Broken off, no server makes anything of what is there; done again, it is whole.
func (w *commandWorld) fills(level store.Level, args ...string) {
	w.dies(args...)
	settled := w.c.point == backup.CrashSettled
	if removed := w.url == "" && w.c.action == crashError; !settled && !removed {
		w.refusedBy("--data-dir", w.data)
		partial := w.data + backup.RestoringSuffix
		if _, err := os.Stat(partial); err == nil {
			w.refusedBy("--data-dir", partial)
		} else if w.url == "" && w.c.point != backup.CrashPlaced {
			w.t.Errorf("what was begun is not there: %v", err)
		}
	}
	if settled {
		w.must(exitError, "crashtest", args...) // it is there
	} else {
		w.must(exitOK, "crashtest", args...)
	}
	if there, err := filepath.Glob(w.data + ".*"); err != nil || len(there) > 0 {
		w.t.Errorf("left is %q, %v", there, err)
	}
	w.goesOn(level)
}

// refusedBy starts a server on a store that is not whole, and wants it to say what to do.
func (w *commandWorld) refusedBy(args ...string) {
	w.t.Helper()
	all := slices.Concat([]string{"serve", "--addr", w.p.addr, "--nats-addr", w.p.nats}, args, []string{"--dev"})
	if w.url != "" {
		all = append(all, "--store", w.url)
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	cmd, out := w.command("crashtest", all...)
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	_ = cmd.Run()
	for _, want := range []string{"is not whole", "give that command again"} {
		if code := cmd.ProcessState.ExitCode(); code != exitTampered || !strings.Contains(out.String(), want) {
			w.t.Fatalf("a server on what is not whole ended with %d, and does not say %q: %s", code, want, out)
		}
	}
}

// goesOn has a server go on with the store: what was there is, and runs under way end.
func (w *commandWorld) goesOn(level store.Level) {
	if w.p.cmd == nil {
		w.p.start()
	}
	w.p.startWorker()
	for _, run := range w.left.waiting {
		approveAt(w.p, run)
	}
	for _, run := range w.left.waiting {
		w.p.until("run "+run+" ends", func() bool {
			v := w.p.settled(run)
			return v != nil && gateway.Settled(v) && v.State == "succeeded"
		})
		checkHistory(w.t, w.p, run)
	}
	if r := w.p.ask("audit", "verify"); r.code != exitOK {
		w.t.Errorf("audit: %s%s", r.out, r.errOut)
	}
	w.p.kill()
	if got := w.sound(); got != level {
		w.t.Errorf("the store has level %d, want %d", got, level)
	}
}

// sound looks at a store that nobody uses, and answers its level.
func (w *commandWorld) sound() store.Level {
	w.t.Helper()
	s, err := w.open()
	if err != nil {
		w.t.Fatalf("the store cannot be opened: %v", err)
	}
	defer s.Close()
	if err := soundStore(w.t.Context(), s, func(says string) { w.t.Error("the store: " + says) }); err != nil {
		w.t.Errorf("the store cannot be read: %v", err)
	}
	for run, facts := range w.left.facts {
		if n := factsOf(w.t, s, run); n < facts {
			w.t.Errorf("run %s had %d facts, now %d", run, facts, n)
			w.missing++
		}
	}
	return s.Level()
}
