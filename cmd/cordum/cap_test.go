package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"cordum.dev/cordum/bus"
	"cordum.dev/cordum/bus/pointers"
	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/internal/freeport"
)

// These tests run workers of cap-sdk-python, which was not written here, against the server.

// capFolder is where those workers lie.
var capFolder = filepath.Join(root, "testdata", "cap")

// capPython makes a Python with the pinned packages, once for each set of them.
var capPython = sync.OnceValues(func() (string, error) {
	pins, err := os.ReadFile(filepath.Join(capFolder, "requirements.txt"))
	if err != nil {
		return "", err
	}
	venv, err := filepath.Abs(filepath.Join(root, ".tools", "venv-cap"))
	if err != nil {
		return "", err
	}
	python, mark := filepath.Join(venv, "bin", "python"), filepath.Join(venv, "installed")
	sum := sha256.Sum256(pins)
	want := hex.EncodeToString(sum[:])
	if got, err := os.ReadFile(mark); err == nil && string(got) == want {
		return python, nil
	}
	for _, cmd := range []*exec.Cmd{
		exec.Command("python3", "-m", "venv", "--clear", venv),
		exec.Command(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", filepath.Join(capFolder, "requirements.txt")),
	} {
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%s: %w\n%s", cmd, err, out)
		}
	}
	return python, os.WriteFile(mark, []byte(want), 0o600)
})

// capWorker is one of those workers in a process of its own.
type capWorker struct {
	p   *process
	out string // a file with what it printed
}

// startCAP starts a worker by the name of its script.
func (p *process) startCAP(script string, env ...string) *capWorker {
	p.t.Helper()
	python, err := capPython()
	if err != nil {
		p.t.Fatal(err)
	}
	k := &capWorker{p: p, out: filepath.Join(p.dir, script+".out")}
	out, err := os.Create(k.out)
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.Command(python, filepath.Join(capFolder, script))
	cmd.Env = append(os.Environ(), append(env, "NATS_URL=nats://"+p.nats)...)
	cmd.Stdout, cmd.Stderr = out, nil
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = out.Close()
	})
	return k
}

// printed counts the lines that begin with a word.
func (k *capWorker) printed(word string) int {
	raw, err := os.ReadFile(k.out)
	if err != nil {
		k.p.t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(raw)) {
		if strings.HasPrefix(line, word+" ") {
			n++
		}
	}
	return n
}

// redisServer is a Redis of the system's, which keeps nothing when it is stopped.
type redisServer struct {
	t    *testing.T
	addr string
	cmd  *exec.Cmd
}

func newRedis(t *testing.T) *redisServer {
	t.Helper()
	if out, err := exec.Command(filepath.Join(root, "scripts", "system-package"), "redis-server", "redis-server").CombinedOutput(); err != nil {
		t.Fatalf("Redis is needed: %v\n%s", err, out)
	}
	r := &redisServer{t: t, addr: freeport.Addr(t)}
	t.Cleanup(r.stop)
	r.start()
	return r
}

func (r *redisServer) url() string { return "redis://" + r.addr + "/0" }

// start starts it and waits until it answers.
func (r *redisServer) start() {
	r.t.Helper()
	_, port, _ := strings.Cut(r.addr, ":")
	var log bytes.Buffer
	r.cmd = exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", r.t.TempDir())
	r.cmd.Stdout, r.cmd.Stderr = &log, &log
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	client := pointers.NewRedis(&redis.UniversalOptions{Addrs: []string{r.addr}})
	defer client.Close()
	for deadline := time.Now().Add(20 * time.Second); client.Ping(r.t.Context()) != nil; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.stop()
			r.t.Fatalf("Redis does not answer:\n%s", log.String())
		}
	}
}

// stop kills it.
func (r *redisServer) stop() {
	if r.cmd != nil {
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
		r.cmd = nil
	}
}

// TestCAPWorkers: the example of the README is carried out by workers of another's SDK, unchanged, with a Redis and without.
func TestCAPWorkers(t *testing.T) {
	for _, real := range []bool{false, true} {
		t.Run(fmt.Sprintf("redis=%t", real), func(t *testing.T) {
			p := newProcess(t)
			var server, worker string
			if real {
				at := "REDIS_URL=" + newRedis(t).url()
				p.mode = []string{"--dev", "--store", "folder"} // payloads alone
				server, worker = at, at
			} else {
				addr := freeport.Addr(t)
				server, worker = "CORDUM_REDIS_ADDR="+addr, "REDIS_URL=redis://"+addr+"/0"
			}
			p.start(server)
			if err := p.call("POST", "/api/v1/workflows", "application/json", migration(t), nil); err != nil {
				t.Fatal(err)
			}
			var s runner.Started
			if err := p.call("POST", "/api/v1/workflows/migration/runs", "application/json", []byte(`{}`), &s); err != nil {
				t.Fatal(err)
			}
			// The run waits for workers that come later, and are not known before they serve.
			p.startCAP("plain.py", "TOPIC=job.db.postgres.backup")
			p.startCAP("agent.py", worker)
			var v runner.RunView
			p.until("the migration is approved", func() bool {
				p.approveAll()
				return p.call("GET", "/api/v1/runs/"+s.RunID, "", nil, &v) == nil && stepOf(v, "approval").State == "succeeded"
			})
			p.ends(s.RunID)
			if err := p.call("GET", "/api/v1/runs/"+s.RunID, "", nil, &v); err != nil {
				t.Fatal(err)
			}
			for step, want := range map[string]string{
				"backup-db":    `{"artifact_ptrs":["s3://backups/backup-db"]}`,
				"backup-files": `{"snapshot":"files-1","input":{}}`,
				"migrate":      `{"migrated_to":"v2.0"}`,
			} {
				if got := stepOf(v, step); string(got.Output) != want || got.Attempt != 1 {
					t.Errorf("%s gave %s in attempt %d, want %s", step, got.Output, got.Attempt, want)
				}
			}
		})
	}
}

// TestRedisAway: Redis dies and comes back with nothing in it. Jobs of plain workers wait meanwhile, at no attempt's cost, and the
// server does its other work.
func TestRedisAway(t *testing.T) {
	p := newProcess(t)
	at := newRedis(t)
	p.mode = []string{"--dev", "--store", "folder"} // payloads alone
	p.start("REDIS_URL=" + at.url())
	if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(capSnapshot), nil); err != nil {
		t.Fatal(err)
	}
	k := p.startCAP("agent.py", "REDIS_URL="+at.url())
	begin := func() string {
		var s runner.Started
		if err := p.call("POST", "/api/v1/workflows/snapshot/runs", "application/json", []byte(`{}`), &s); err != nil {
			t.Fatal(err)
		}
		return s.RunID
	}
	p.ends(begin())
	at.stop()
	runs := []string{begin(), begin(), begin()}
	p.until("it is said that payloads cannot be reached", func() bool { return strings.Contains(p.logged(), "cannot be reached") })
	if err := p.call("GET", "/readyz", "", nil, nil); err != nil {
		t.Errorf("the server is not ready: %v", err)
	}
	if n := k.printed("begin"); n != 1 {
		t.Errorf("%d jobs were begun, want the one from before", n)
	}
	at.start()
	for _, run := range runs {
		p.ends(run)
		var v runner.RunView
		if err := p.call("GET", "/api/v1/runs/"+run, "", nil, &v); err != nil {
			t.Fatal(err)
		}
		// A second attempt is the worker's: its library fails what first meets a connection of before.
		if got := stepOf(v, "a"); got.Attempt > 2 || string(got.Output) != `{"snapshot":"files-1","input":{"n":1}}` {
			t.Errorf("attempt %d gave %s", got.Attempt, got.Output)
		}
	}
	if log := p.logged(); strings.Count(log, "cannot be reached") > 3 || strings.Contains(log, "redis: ") {
		t.Error("the server's log says it too often, or in another's words")
	}
}

// TestRedisKeyOfAnotherKind: a worker may name a key that is no text. Nothing is there, and Redis is not away.
func TestRedisKeyOfAnotherKind(t *testing.T) {
	at := newRedis(t)
	raw := redis.NewClient(&redis.Options{Addr: at.addr})
	defer raw.Close()
	if err := raw.RPush(t.Context(), "res:list", "x").Err(); err != nil {
		t.Fatal(err)
	}
	r := pointers.NewRedis(&redis.UniversalOptions{Addrs: []string{at.addr}})
	defer r.Close()
	if data, found, err := r.Get(t.Context(), "res:list", 10); found || err != nil {
		t.Errorf("%q, %t, %v", data, found, err)
	}
}

// capSnapshot is a step of the worker that reads its input from Redis and writes its output there.
const capSnapshot = "id: snapshot\nsteps:\n  - {id: a, topic: job.storage.s3.snapshot, effect: none, input: {n: 1}, retry: {max_attempts: 3, initial: 100ms}}\n"

// migration is the example's definition under a name of its own.
func migration(t *testing.T) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "examples", "migration", "workflow.json"))
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte(`{"id": "migration",`), bytes.TrimPrefix(bytes.TrimSpace(raw), []byte("{"))...)
}

func stepOf(v runner.RunView, id string) runner.StepView {
	for _, s := range v.Steps {
		if s.ID == id {
			return s
		}
	}
	return runner.StepView{}
}

// capKill is a step that must not be done twice, by a worker that forgets its result when it has said it.
const capKill = "id: capkill\nsteps:\n  - {id: a, topic: job.cap.kill, effect: write, timeout: 2m}\n"

// TestCAPResultWhileNoEngineListens: the server is killed while a worker works. Its result, said to a server that has come back
// and whose engine has not, is kept by the stream and taken; nothing is done twice.
func TestCAPResultWhileNoEngineListens(t *testing.T) {
	p := newProcess(t)
	env := []string{"NATS_USE_JETSTREAM=true", "CORDUM_REDIS_ADDR=off"}
	p.start(env...)
	if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(capKill), nil); err != nil {
		t.Fatal(err)
	}
	k := p.startCAP("plain.py", "TOPIC=job.cap.kill", "PAUSE=1.5")
	var s runner.Started
	if err := p.call("POST", "/api/v1/workflows/capkill/runs", "application/json", []byte(`{}`), &s); err != nil {
		t.Fatal(err)
	}
	p.until("the worker works", func() bool { return k.printed("begin") == 1 })
	p.kill()
	p.listenWithoutEngine(func() {
		p.until("the worker has said its result", func() bool { return k.printed("end") == 1 })
	})
	p.start(env...)
	p.ends(s.RunID)
	if n := k.printed("begin"); n != 1 {
		t.Errorf("done %d times", n)
	}
}

// listenWithoutEngine runs the server's NATS, with its streams and no engine, until something was said there.
func (p *process) listenWithoutEngine(until func()) {
	p.t.Helper()
	_, port, _ := strings.Cut(p.nats, ":")
	var n int
	if _, err := fmt.Sscan(port, &n); err != nil {
		p.t.Fatal(err)
	}
	s, err := bus.NewServer(bus.ServerConfig{Port: n, Open: true, StreamDir: filepath.Join(p.dir, "data", "streams")})
	if err != nil {
		p.t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		p.t.Fatal(err)
	}
	defer s.Close()
	conn, err := bus.Connect(bus.ConnectConfig{InProcess: s})
	if err != nil {
		p.t.Fatal(err)
	}
	defer conn.Close()
	until()
	js, err := jetstream.New(conn.Conn())
	if err != nil {
		p.t.Fatal(err)
	}
	p.until("the stream has the worker's result", func() bool {
		kept, err := js.Stream(p.t.Context(), bus.StreamSystem)
		if err != nil {
			return false
		}
		_, err = kept.GetLastMsgForSubject(p.t.Context(), bus.SubjectResult)
		return err == nil
	})
}
