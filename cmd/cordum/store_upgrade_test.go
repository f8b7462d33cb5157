package main

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cordum.dev/cordum/internal/redisd"
)

// cli runs a command of this version, kills it when that is long after, and answers its output and exit code.
func cli(t *testing.T, most time.Duration, args ...string) (out string, code int) {
	t.Helper()
	bin, err := binaries[""]()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), most)
	defer cancel()
	raw, err := exec.CommandContext(ctx, bin, args...).CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) && ctx.Err() == nil {
		t.Fatal(err)
	} else if exit != nil {
		code = exit.ExitCode()
	}
	return string(raw), code
}

// TestRollingUpgrade goes from the version before this one to this one, back, and there again, with runs under way: every run ends
// well. Going back is refused once the store is upgraded, and that may be killed at any moment and done again.
func TestRollingUpgrade(t *testing.T) {
	t.Parallel()
	p := newProcess(t)
	p.tags = "level1"
	p.start()
	ledger := p.startWorker()
	if err := p.call("POST", "/api/v1/workflows", "application/yaml", []byte(killWorkflow), nil); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(p.dir, "data")
	var acked []string
	builds := func() int {
		out, code := cli(t, time.Minute, "store", "dump", acked[len(acked)-1], "--data-dir", data)
		if code != exitOK {
			t.Fatalf("%d: %s", code, out)
		}
		return strings.Count(out, `"Build":"`) - strings.Count(out, `"Build":""`)
	}
	for _, version := range []string{"", "level1", ""} {
		acked = append(acked, startDuring(p, 200*time.Millisecond)...)
		if code, _ := p.sigterm(); code != exitOK {
			t.Errorf("it ended with %d", code)
		}
		if n := builds(); n != 0 {
			t.Errorf("a store of level 1 has %d facts of level 2", n)
		}
		p.tags = version
		p.start()
	}
	checkExecutedOnce(t, p, ledger, acked)
	if out, code := cli(t, time.Minute, "store", "upgrade", "--data-dir", data); code != exitError || !strings.Contains(out, "in use") {
		t.Errorf("beside a server: %d, %s", code, out)
	}
	p.sigterm()
	if out, code := cli(t, time.Minute, "store", "upgrade", "--dry-run", "--data-dir", data); code != exitOK || !strings.Contains(out, "can raise it to 2") {
		t.Errorf("dry: %d, %s", code, out)
	}
	for most := 5 * time.Millisecond; most < 100*time.Millisecond; most *= 2 {
		cli(t, most, "store", "upgrade", "--data-dir", data)
	}
	for range 2 {
		if out, code := cli(t, time.Minute, "store", "upgrade", "--data-dir", data); code != exitOK || !strings.Contains(out, "2") {
			t.Errorf("%d, %s", code, out)
		}
	}
	p.tags, p.mode = "level1", []string{"--dev"}
	p.refuses(t, "level 2", "newer one")
	p.tags = ""
	p.start()
	acked = startDuring(p, 200*time.Millisecond)
	checkExecutedOnce(t, p, ledger, acked)
	p.sigterm()
	if n := builds(); n != 1 {
		t.Errorf("a store of level 2 has %d facts of level 2, want 1", n)
	}
}

// TestUpgradeOfReplicas: a store that several processes use is upgraded when the last one of the version before has gone.
func TestUpgradeOfReplicas(t *testing.T) {
	t.Parallel()
	nats, at := startNATS(t), storeURL("redis", redisd.Start(t, redisd.Durable...))
	older, newer := replica(t, "gateway,engine", nats, at), replica(t, "gateway,engine", nats, at)
	older.tags = "level1"
	older.start()
	newer.start()
	out, code := cli(t, time.Minute, "store", "upgrade", "--store", at, "--timeout", "8s")
	if code != exitTimeout || !strings.Contains(out, "older") {
		t.Errorf("beside an older server: %d, %s", code, out)
	}
	if code, _ := older.sigterm(); code != exitOK {
		t.Errorf("the older one ended with %d", code)
	}
	out, code = cli(t, 2*time.Minute, "store", "upgrade", "--store", at, "--timeout", "100s")
	if code != exitOK {
		t.Errorf("%d, %s", code, out)
	}
	if !newer.alive() {
		t.Error("the newer server ended")
	}
	older.refuses(t, "level 2", "newer one")
}
