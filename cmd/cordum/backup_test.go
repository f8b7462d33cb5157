package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cordum.dev/cordum/engine/runner"
	"cordum.dev/cordum/gateway"
	sdk "cordum.dev/cordum/sdk/go"
	"cordum.dev/cordum/store/audit"
)

// backedUp is a server that may be asked for backups.
func backedUp(t *testing.T) (p *process, shelf string) {
	t.Helper()
	p = newProcess(t)
	shelf = filepath.Join(p.dir, "backups")
	p.mode = []string{"--dev", "--backup-dir", shelf}
	return p, shelf
}

// ask runs a command against the server.
func (p *process) ask(args ...string) result {
	return cordum(p.t.Context(), "", nil, append([]string{"--server", "http://" + p.addr}, args...)...)
}

// backup takes a backup and answers its folder.
func (p *process) backup(shelf string) string {
	p.t.Helper()
	r := p.ask("backup", "create", "--reason", "test", "-o", "name")
	if r.code != exitOK {
		p.t.Fatalf("backup: %d %s", r.code, r.errOut)
	}
	return filepath.Join(shelf, strings.TrimSpace(r.out))
}

// local runs a command that needs no server.
func local(t *testing.T, want int, args ...string) result {
	t.Helper()
	r := cordum(t.Context(), "", nil, args...)
	if r.code != want {
		t.Fatalf("%s: %d, want %d: %s%s", args, r.code, want, r.out, r.errOut)
	}
	return r
}

// restore puts a backup in the place of the server's folder.
func (p *process) restore(folder string) {
	p.t.Helper()
	data := filepath.Join(p.dir, "data")
	if err := os.Rename(data, fmt.Sprint(data, "-before-", time.Now().UnixNano())); err != nil {
		p.t.Fatal(err)
	}
	local(p.t, exitOK, "backup", "restore", folder, "--data-dir", data, "--reason", "a drill")
}

// TestBackupUnderLoad takes backups while runs are started and worked on, kills the server, and puts one back: every run that was
// acknowledged before the backup was asked for is there with the facts that it had, and ends well; what was acknowledged after the
// backup is gone; and the audit log says what happened.
func TestBackupUnderLoad(t *testing.T) {
	p, shelf := backedUp(t)
	p.start()
	p.startWorker()
	if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(killWorkflow), nil); err != nil {
		t.Fatal(err)
	}
	acked := startDuring(p, 150*time.Millisecond)
	var folders []string
	for range 3 {
		before := slices.Clone(acked)
		var during []string
		var load sync.WaitGroup
		load.Go(func() { during = startDuring(p, 400*time.Millisecond) })
		folder := p.backup(shelf)
		load.Wait()
		if m := readCounts(t, folder); m.Runs < len(before) {
			t.Errorf("the backup has %d runs, %d were acknowledged before it", m.Runs, len(before))
		}
		acked, folders = append(before, during...), append(folders, folder)
	}
	sure := acked                                                           // before the last one
	stood := p.facts(sure[:min(len(sure), 8)], sure[max(0, len(sure)-16):]) // long ended, and under way
	last := p.backup(shelf)
	later := startDuring(p, 100*time.Millisecond)
	if len(later) == 0 {
		t.Error("nothing was acknowledged after the backup: the test shows less")
	}
	p.kill()
	for _, folder := range append(folders, last) {
		local(t, exitOK, "backup", "verify", folder)
	}
	for run, facts := range stood { // with what came until the moment of the backup behind it
		if kept := local(t, exitOK, "store", "dump", run, "--data-dir", filepath.Join(last, "data")).out; !strings.HasPrefix(kept, facts) || facts == "" {
			t.Errorf("run %s had before the backup\n%s\nand has in it\n%s", run, facts, kept)
		}
	}
	p.restore(last)
	p.start()
	for _, run := range later {
		if err := p.call("GET", "/api/v1/runs/"+run, "", nil, nil); err == nil || !strings.Contains(err.Error(), "404") {
			t.Errorf("run %s was acknowledged after the backup, and is answered %v", run, err)
		}
	}
	unknown := 0
	for _, run := range sure {
		unknown += p.endsRestored(run)
		checkOnce(t, p, run)
	}
	p.until("the audit log says so", func() bool {
		return strings.Contains(p.ask("audit", "list", "--act", string(audit.Restore), "-o", "jsonl").out, "a drill")
	})
	if r := p.ask("audit", "verify"); r.code != exitOK {
		t.Errorf("audit: %s%s", r.out, r.errOut)
	}
	if unknown > ledgerCapacity {
		t.Errorf("%d of %d runs failed, as a step that may not be done twice had begun; no more than %d can have", unknown, len(sure), ledgerCapacity)
	}
	t.Logf("%d runs acknowledged before the backup, all ended; %d failed as a step that may not be done twice had begun; %d acknowledged later are gone",
		len(sure), unknown, len(later))
}

// facts are those of runs as the store has them, by run.
func (p *process) facts(runs ...[]string) map[string]string {
	p.t.Helper()
	out := map[string]string{}
	for _, run := range slices.Concat(runs...) {
		r := p.ask("store", "dump", run)
		if r.code != exitOK {
			p.t.Fatalf("facts of %s: %d %s", run, r.code, r.errOut)
		}
		out[run] = r.out
	}
	return out
}

// endsRestored waits for a run's end. That it failed, for what step b did was unknown when the store was restored, is counted.
func (p *process) endsRestored(run string) (unknown int) {
	p.t.Helper()
	var v runner.RunView
	p.until("run "+run+" ends", func() bool {
		return p.call("GET", "/api/v1/runs/"+run+"?wait=10s&since=1000000", "", nil, &v) == nil && v.EndedAt != nil
	})
	lost := func(s runner.StepView) bool { return s.ID == "b" && s.Error != nil && s.Error.Code == "worker_lost" }
	switch {
	case v.State == "succeeded":
		return 0
	case v.State == "failed" && slices.ContainsFunc(v.Steps, lost):
		return 1
	}
	p.t.Errorf("run %s ended %s: %+v", run, v.State, v.Error)
	return 0
}

func readCounts(t *testing.T, folder string) (c gateway.BackupCounts) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(folder, "manifest.json"))
	var m struct{ Counts gateway.BackupCounts }
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m.Counts
}

// checkOnce reads a run's whole log: numbers without gaps, and each step succeeded once.
func checkOnce(t *testing.T, p *process, run string) {
	t.Helper()
	var page struct{ Items []runner.Event }
	if err := p.call("GET", "/api/v1/runs/"+run+"/timeline?limit=1000", "", nil, &page); err != nil {
		t.Fatal(err)
	}
	ended := map[string]int{}
	for i, e := range page.Items {
		if e.Seq != uint64(i+1) {
			t.Fatalf("run %s: event %d has seq %d", run, i+1, e.Seq)
		}
		if e.Type == "step_succeeded" {
			ended[e.Step]++
		}
	}
	for step, n := range ended {
		if n != 1 {
			t.Errorf("run %s: step %s succeeded %d times", run, step, n)
		}
	}
}

// TestResultsOfBeforeARestore: workers that live through a restore bring results of before it. None is accepted: what had begun
// is unknown, and what was idempotent is done again.
func TestResultsOfBeforeARestore(t *testing.T) {
	p, shelf := backedUp(t)
	p.start()
	const source = "id: held\non_failure: continue\nsteps:\n  - {id: once, topic: job.held.once, effect: write}\n  - {id: any, topic: job.held.any, effect: none}\n"
	if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(source), nil); err != nil {
		t.Fatal(err)
	}
	begun, release := make(chan string, 8), make(chan struct{})
	letGo := sync.OnceFunc(func() { close(release) })
	work := func(_ context.Context, job sdk.Job, _ map[string]any) (map[string]any, error) {
		attempt := fmt.Sprint(job.StepID, " ", job.Attempt)
		begun <- attempt
		<-release
		return map[string]any{"by": attempt}, nil
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	comes := func(id string) {
		w, err := sdk.NewWorker(sdk.WorkerConfig{URL: "nats://" + p.nats, ID: id, Capacity: 8, Heartbeat: 500 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		sdk.RegisterTopic(w, "job.held.once", work)
		sdk.RegisterTopic(w, "job.held.any", work)
		running.Go(func() { _ = w.Run(ctx) })
	}
	comes("holder")
	defer func() { letGo(); stop(); running.Wait() }()

	var s runner.Started
	if err := p.call("POST", "/api/v1/workflows/held/runs", "application/json", []byte(`{}`), &s); err != nil {
		t.Fatal(err)
	}
	old := []string{<-begun, <-begun}
	folder := p.backup(shelf)
	p.kill()
	p.restore(folder)
	p.start()
	comes("helper")  // on a machine without room to breathe nobody gets more than it has
	var again string // the idempotent one, as another attempt
	select {
	case again = <-begun:
	case <-time.After(20 * time.Second):
		t.Fatalf("the idempotent step is not done again\n%s\n%s", p.ask("run", "explain", s.RunID).out, p.ask("worker", "list").out)
	}
	if slices.Contains(old, again) || again != "any 2" {
		t.Errorf("after %q %s was sent", old, again)
	}
	letGo()
	var v runner.RunView
	p.until("the run ends", func() bool {
		return p.call("GET", "/api/v1/runs/"+s.RunID+"?wait=10s&since=1000000", "", nil, &v) == nil && v.EndedAt != nil
	})
	for _, step := range v.Steps {
		switch step.ID {
		case "once":
			if step.State != "failed" || step.Error == nil || step.Error.Code != "worker_lost" {
				t.Errorf("once is %s: %+v", step.State, step.Error)
			}
		case "any":
			if step.State != "succeeded" || !strings.Contains(string(step.Output), again) {
				t.Errorf("any is %s: %s, not by %s", step.State, step.Output, again)
			}
		}
	}
	var e gateway.Effects
	if err := p.call("GET", "/api/v1/runs/"+s.RunID+"/effects", "", nil, &e); err != nil || len(e.Items) != 3 {
		t.Fatalf("%+v, %v", e, err)
	}
	if r := p.ask("run", "effects", s.RunID); r.code != exitOK || !strings.Contains(r.out, "3 effects: ") {
		t.Errorf("%d %s", r.code, r.out)
	}
}

// TestKilledWhileABackupIsTaken kills the server at any moment of a backup: what is listed afterwards is whole and sound, and the
// next backup removes what was left.
func TestKilledWhileABackupIsTaken(t *testing.T) {
	p, shelf := backedUp(t)
	p.start()
	p.startWorker()
	if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(killWorkflow), nil); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(killSeed, 1))
	for range 6 {
		startDuring(p, 60*time.Millisecond)
		if err := p.call("POST", "/api/v1/backups", "application/json", []byte(`{}`), nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.IntN(25)) * time.Millisecond)
		p.kill()
		p.start()
	}
	p.backup(shelf)
	var all struct{ Items []gateway.Backup }
	if err := p.call("GET", "/api/v1/backups", "", nil, &all); err != nil || len(all.Items) == 0 {
		t.Fatalf("%+v, %v", all, err)
	}
	entries, err := os.ReadDir(shelf)
	if err != nil || len(entries) != len(all.Items) {
		t.Errorf("%d in the folder, %d listed, %v", len(entries), len(all.Items), err)
	}
	for _, b := range all.Items {
		if b.State != "done" {
			t.Errorf("%+v", b)
		}
		local(t, exitOK, "backup", "verify", filepath.Join(shelf, b.Name))
	}
	t.Logf("%d of 6 backups were done when the server was killed", len(all.Items)-1)
	killedRestores(t, p, filepath.Join(shelf, all.Items[0].Name), random)
}

// killedRestores kills restores at any moment: the folder is there and whole, or it is not there; then it can be done again.
func killedRestores(t *testing.T, p *process, folder string, random *rand.Rand) {
	t.Helper()
	bin, err := binaries[""]()
	if err != nil {
		t.Fatal(err)
	}
	whole := 0
	for n := range 8 {
		into := filepath.Join(p.dir, fmt.Sprint("restored", n))
		cmd := exec.Command(bin, "backup", "restore", folder, "--data-dir", into)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.IntN(120)) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if _, err := os.Stat(into); err == nil {
			whole++
		} else {
			local(t, exitOK, "backup", "restore", folder, "--data-dir", into)
		}
		local(t, exitOK, "audit", "verify", "--data-dir", into)
		if left, _ := filepath.Glob(into + ".*"); len(left) > 0 {
			t.Errorf("left is %q", left)
		}
	}
	t.Logf("%d of 8 restores were done when they were killed", whole)
}

// TestBackupCommands: offline, by export and import, and what is refused.
func TestBackupCommands(t *testing.T) {
	dir := t.TempDir()
	data, shelf := filepath.Join(dir, "data"), filepath.Join(dir, "shelf")
	s := serveDev(t, data)
	file := filepath.Join(dir, "noted.yaml")
	if err := os.WriteFile(file, []byte("id: tell\nsteps:\n  - {id: tell, type: notify, channel: log, message: hello}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.want(exitOK, "workflow", "create", "--file", file)
	run := strings.TrimSpace(s.want(exitOK, "run", "start", "tell", "--wait", "-o", "name").out)
	if r := s.run("backup", "create"); r.code == exitOK || !strings.Contains(r.errOut, "--backup-dir") {
		t.Errorf("a server without a folder: %d %s", r.code, r.errOut)
	}
	local(t, exitError, "backup", "create", "--data-dir", data, "--to", shelf) // it runs
	s.stop()
	<-s.done
	s.done <- exitOK

	local(t, exitUsage, "backup", "create", "--data-dir", data)
	local(t, exitUsage, "backup", "create", "--data-dir", dir+"/none", "--to", shelf)
	local(t, exitUsage, "backup", "create", "--data-dir", data, "--to", data+"/x")
	name := strings.TrimSpace(local(t, exitOK, "backup", "create", "--data-dir", data, "--to", shelf, "-o", "name").out)
	folder := filepath.Join(shelf, name)
	if out := local(t, exitOK, "backup", "verify", folder).out; !strings.Contains(out, "whole and sound") {
		t.Errorf("verify: %s", out)
	}
	local(t, exitTampered, "backup", "verify", dir)
	local(t, exitError, "backup", "restore", folder, "--data-dir", data)
	export := filepath.Join(dir, "store.jsonl")
	local(t, exitOK, "backup", "export", "--backup", folder, "-o", export)
	local(t, exitUsage, "backup", "export", "--backup", folder, "-o", "json")
	if r := local(t, exitUsage, "backup", "export", "--backup", folder, "-o", dir+"/none/x.jsonl"); !strings.Contains(r.errOut, "there is no folder "+dir+"/none") {
		t.Errorf("into a folder that is not there: %s", r.errOut)
	}
	if r := local(t, exitError, "serve", "--dev", "--data-dir", folder); !strings.Contains(r.errOut, "cordum backup restore "+folder) {
		t.Errorf("a server on a backup: %s", r.errOut)
	}
	local(t, exitOK, "backup", "import", export, "--data-dir", dir+"/moved")
	local(t, exitOK, "backup", "restore", folder, "--data-dir", dir+"/restored", "-o", "json")
	var dumps []string
	for _, at := range []string{data, dir + "/moved", dir + "/restored", filepath.Join(folder, "data"), folder} {
		dumps = append(dumps, local(t, exitOK, "store", "dump", run, "--data-dir", at).out)
	}
	if len(slices.Compact(dumps)) != 1 || !strings.Contains(dumps[0], `"name":"RunEnded"`) {
		t.Errorf("the run differs: %s", dumps)
	}
	other := run[:27] + map[bool]string{true: "1", false: "0"}[run[27] == '0']
	local(t, exitUsage, "store", "dump", other, "--data-dir", data)
	again := serveDev(t, dir+"/moved")
	again.want(exitOK, "run", "get", run)
	again.want(exitOK, "run", "effects", run, "-o", "json")
	again.want(exitOK, "run", "start", "tell", "--wait")

	c := defaultServeConfig()
	c.DataDir, c.Backup.Dir = data, filepath.Join(data, "backups")
	var why []string
	c.refuseBackup(func(format string, args ...any) { why = append(why, fmt.Sprintf(format, args...)) })
	if len(why) != 1 || !strings.Contains(why[0], "--backup-dir") {
		t.Errorf("backups in the data folder: %q", why)
	}
}
