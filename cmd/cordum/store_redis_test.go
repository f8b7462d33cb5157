package main

import (
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/redisd"
)

// on makes a process keep its store in Redis.
func (p *process) on(url string) *process {
	p.mode = []string{"--dev", "--store", url, "--init-store"}
	return p
}

func storeURL(scheme string, nodes ...*redisd.Server) string {
	addrs := make([]string, len(nodes))
	for i, n := range nodes {
		addrs[i] = n.Addr
	}
	return scheme + "://" + strings.Join(addrs, ",")
}

// TestReadmeOnRedis does what the README says with the store in Redis: the migration that goes well, and the one that is undone.
func TestReadmeOnRedis(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(t *testing.T) string{
		"alone": func(t *testing.T) string { return storeURL("redis", redisd.Start(t, redisd.Durable...)) },
		"cluster": func(t *testing.T) string {
			return storeURL("redis+cluster", redisd.StartCluster(t, 3, redisd.Durable...)...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProcess(t).on(start(t))
			p.start()
			p.checkout()
			p.startMigrationWorker()
			migrates(t, p)
		})
		t.Run(name+" undone", func(t *testing.T) {
			p := newProcess(t).on(start(t))
			p.start()
			p.checkout()
			p.startMigrationWorker("-fail", "migrate")
			p.until("the worker is there", func() bool { return strings.Contains(p.shell("bin/cordum worker list -o name"), "migration") })
			undoes(t, p)
		})
	}
}

func migrates(t *testing.T, p *process) {
	t.Helper()
	run := strings.TrimSpace(p.shell("bin/cordum workflow run --file examples/migration/workflow.json -o name"))
	p.until("the approval waits", func() bool { return strings.Contains(p.shell("bin/cordum approval list"), run) })
	p.shell("bin/cordum approval approve " + run + ".approval~0")
	p.ends(run)
	checkMigration(t, p.timeline(run))
	checkResume(t, p, run)
}

func undoes(t *testing.T, p *process) {
	t.Helper()
	before := p.migrationFiles("migration-data")
	out := p.shell(`bin/cordum workflow run --file examples/migration/workflow.yaml --wait --auto-approve || echo "exit code $?"`)
	if !strings.HasSuffix(out, "exit code 6\n") {
		t.Errorf("the run did not end as failed and compensated:\n%s", out)
	}
	if after := p.migrationFiles("migration-data"); !reflect.DeepEqual(after, before) {
		t.Errorf("the files are not as they were: %d of %d", len(after), len(before))
	}
	checkUndo(t, p.timeline(strings.TrimSpace(p.shell("bin/cordum run list -o name"))))
}

const (
	redisKills  = 12 // of which every redisNth is the server's, which waits for its own lease to run out
	redisNth    = 4
	redisPeriod = 150 * time.Millisecond
)

// TestKilledOverRedis kills Redis and the server with -9 again and again while runs are started and worked on: no run whose start
// was acknowledged is lost, and nothing is executed or accepted twice.
func TestKilledOverRedis(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, redisd.Durable...)
	p := newProcess(t).on(storeURL("redis", server))
	p.start()
	ledger := p.startWorker()
	if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(killWorkflow), nil); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(killSeed, killSeed))
	var acked []string
	for n := range redisKills {
		acked = append(acked, startDuring(p, redisPeriod/2+time.Duration(random.Int64N(int64(redisPeriod))))...)
		if n%redisNth == redisNth-1 {
			p.kill()
			p.start()
			continue
		}
		server.Kill()
		server.Restart()
		p.until("the server takes work again", func() bool {
			return p.alive() && p.call("GET", "/readyz", "", nil, nil) == nil
		})
	}
	if len(acked) < redisKills {
		t.Fatalf("only %d starts were acknowledged", len(acked))
	}
	checkExecutedOnce(t, p, ledger, acked)
	t.Logf("%d kills, %d acknowledged runs, all ended", redisKills, len(acked))
}

// checkExecutedOnce waits for runs of killWorkflow to end and looks that each step was executed once.
func checkExecutedOnce(t *testing.T, p *process, ledger string, runs []string) {
	t.Helper()
	for _, run := range runs {
		p.ends(run)
		checkHistory(t, p, run)
	}
	executed := map[string]int{}
	for _, e := range readLedger(t, ledger) {
		if e.Phase == "begin" {
			executed[e.Run+"."+e.Step]++
		}
	}
	for _, run := range runs {
		for _, step := range []string{"a", "b", "c"} {
			if n := executed[run+"."+step]; n != 1 {
				t.Errorf("step %s of run %s was executed %d times, want once", step, run, n)
			}
		}
	}
}

// awayFor is longer than the store tries to reach Redis before it gives a commit up.
const awayFor = 5 * time.Second

// TestStoreAway: while Redis is away, frozen or dead, nothing is acknowledged; then all goes on.
func TestStoreAway(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, redisd.Durable...)
	p := newProcess(t).on(storeURL("redis", server))
	p.start()
	ledger := p.startWorker()
	if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(killWorkflow), nil); err != nil {
		t.Fatal(err)
	}
	var acked []string
	for name, away := range map[string]struct{ leave, comeBack func() }{
		"frozen": {server.Stop, server.Continue}, "dead": {server.Kill, server.Restart},
	} {
		acked = append(acked, startDuring(p, redisPeriod)...)
		away.leave()
		var back, early atomic.Bool
		asked := make(chan []string, 1)
		go func() {
			runs := startDuring(p, redisPeriod) // each waits until its outcome is known
			if len(runs) > 0 && !back.Load() {
				early.Store(true)
			}
			asked <- runs
		}()
		time.Sleep(awayFor)
		back.Store(true)
		away.comeBack()
		acked = append(acked, <-asked...)
		if early.Load() {
			t.Errorf("%s: starts were acknowledged meanwhile", name)
		}
		p.until(name+": the server takes work again", func() bool {
			if !p.alive() {
				t.Fatalf("%s: the server ended", name)
			}
			more := startDuring(p, 10*time.Millisecond)
			acked = append(acked, more...)
			return len(more) > 0
		})
	}
	checkExecutedOnce(t, p, ledger, acked)
}

// TestStoreWithoutReplicas: a server whose writes wait for a replica says that it is not ready while that is away, and is again when
// it is back; nobody has to write for either.
func TestStoreWithoutReplicas(t *testing.T) {
	t.Parallel()
	primary := redisd.Start(t, redisd.Durable...)
	replica := redisd.StartReplica(t, primary, redisd.Durable...)
	p := newProcess(t).on(storeURL("redis", primary))
	p.mode = append(p.mode, "--store-wait-replicas", "1")
	p.start()
	const reason = "the store takes no writes (replicas wanted 1, acknowledging 0)"
	for name, away := range map[string]struct{ leave, comeBack func() }{
		"frozen": {replica.Stop, replica.Continue}, "dead": {replica.Kill, replica.Restart},
	} {
		away.leave()
		p.until(name+": it is not ready", func() bool {
			err := p.call("GET", "/readyz", "", nil, nil)
			return err != nil && strings.Contains(err.Error(), reason)
		})
		if r := p.ask("health"); r.code != exitError || !strings.Contains(r.errOut, "not ready: engine: "+reason) {
			t.Errorf("%s: cordum health: %d %s", name, r.code, r.errOut)
		}
		away.comeBack()
		p.until(name+": it is ready", func() bool { return p.call("GET", "/readyz", "", nil, nil) == nil })
		if r := p.ask("health"); r.code != exitOK {
			t.Errorf("%s: cordum health: %d %s", name, r.code, r.errOut)
		}
	}
}

// TestStoreFlushed: whoever empties Redis stops the server, and one that starts again says what is gone and does not make a new
// store.
func TestStoreFlushed(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, redisd.Durable...)
	p := newProcess(t).on(storeURL("redis", server))
	p.start()
	server.Do("flushall")
	p.until("the server ends", func() bool { return !p.alive() })
	p.refuses(t, "lost everything", "store-seen.json", "store refence")
}

// refuses starts a server that must refuse, and say why.
func (p *process) refuses(t *testing.T, words ...string) {
	t.Helper()
	bin, err := binaries[p.tags]()
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"serve", "--addr", p.addr, "--nats-addr", p.nats, "--data-dir", filepath.Join(p.dir, "data")}, p.mode...)
	out, err := exec.Command(bin, args...).CombinedOutput()
	if err == nil {
		t.Fatalf("it did not refuse:\n%s", out)
	}
	for _, w := range words {
		if !strings.Contains(string(out), w) {
			t.Errorf("it does not say %q:\n%s", w, out)
		}
	}
}

// TestStoreMoves moves a store from a data folder to Redis and back, with a run that waits in it: every fact is as it was, and the
// run ends where it goes on.
func TestStoreMoves(t *testing.T) {
	t.Parallel()
	server := redisd.Start(t, redisd.Durable...)
	url := storeURL("redis", server)
	p := newProcess(t)
	p.start()
	if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(waitingWorkflow), nil); err != nil {
		t.Fatal(err)
	}
	var s runner.Started
	if err := p.call("POST", "/api/v1/workflows/waiting/runs", "application/json", []byte(`{}`), &s); err != nil {
		t.Fatal(err)
	}
	p.until("the approval waits", func() bool { return strings.Contains(string(p.ask("approval", "list").out), s.RunID) })
	p.kill()
	data, file := filepath.Join(p.dir, "data"), filepath.Join(p.dir, "store.jsonl")
	local(t, exitOK, "backup", "export", "--data-dir", data, "-o", file)
	if out := local(t, exitOK, "backup", "import", file, "--store", url).out; !strings.Contains(out, "generation") || !strings.Contains(out, url) {
		t.Errorf("import: %s", out)
	}
	local(t, exitError, "backup", "import", file, "--store", url) // there is one
	before := local(t, exitOK, "store", "dump", s.RunID, "--data-dir", data).out
	if there := local(t, exitOK, "store", "dump", s.RunID, "--store", url).out; there != before || !strings.Contains(there, "ApprovalOpened") {
		t.Errorf("the run differs:\n%s\n%s", before, there)
	}
	local(t, exitOK, "audit", "verify", "--store", url, "--logs")

	p.on(url)
	p.start()
	if r := p.ask("backup", "create"); r.code == exitOK || !strings.Contains(r.errOut, "copied by Redis itself") {
		t.Errorf("backup create: %d %s", r.code, r.errOut)
	}
	if r := local(t, exitError, "backup", "export", "--store", url, "-o", file); !strings.Contains(r.errOut, "in use") {
		t.Errorf("export of a store in use: %s", r.errOut)
	}
	p.ask("approval", "approve", s.RunID+".approval~0")
	p.ends(s.RunID)
	p.terminate()
	file += ".back"
	local(t, exitOK, "backup", "export", "--store", url, "-o", file)
	back := filepath.Join(p.dir, "back")
	local(t, exitOK, "backup", "import", file, "--data-dir", back)
	if a, b := local(t, exitOK, "store", "dump", s.RunID, "--store", url).out, local(t, exitOK, "store", "dump", s.RunID, "--data-dir", back).out; a != b || !strings.Contains(b, "RunEnded") {
		t.Errorf("the run differs:\n%s\n%s", a, b)
	}
	local(t, exitOK, "audit", "verify", "--data-dir", back, "--logs")

	if r := local(t, exitOK, "store", "refence", "--store", url, "--taken", "2026-11-21T03:00:00Z", "--reason", "a drill"); !strings.Contains(r.out, "generation") {
		t.Errorf("refence: %s", r.out)
	}
	p.start()
	p.until("the audit log says that it was restored", func() bool {
		return strings.Contains(p.ask("audit", "list", "-o", "jsonl").out, "a drill")
	})
}

// waitingWorkflow waits for somebody.
const waitingWorkflow = `
id: waiting
steps:
  - {id: approval, type: approval, timeout: 24h}
  - {id: tell, type: notify, channel: log, message: hello, depends_on: [approval]}
`

// terminate ends the server in good order.
func (p *process) terminate() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	p.until("the server ends", func() bool { return !p.alive() })
	p.cmd = nil
}

// TestPayloadsInTheStore: without REDIS_URL plain workers find their payloads in the store's Redis.
func TestPayloadsInTheStore(t *testing.T) {
	url := storeURL("redis", redisd.Start(t, redisd.Durable...))
	p := newProcess(t).on(url)
	p.start()
	if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(capSnapshot), nil); err != nil {
		t.Fatal(err)
	}
	p.startCAP("agent.py", "REDIS_URL="+url)
	var s runner.Started
	if err := p.call("POST", "/api/v1/workflows/snapshot/runs", "application/json", []byte(`{}`), &s); err != nil {
		t.Fatal(err)
	}
	p.ends(s.RunID)
}
